//! How strongly a price moves: change, RSI, MACD.

use std::collections::VecDeque;

use super::average::{Ema, Smoother};
use super::number::change_pct;
use super::{Indicator, Period, Sample};

/// Change against the value `lag` bars earlier, in percent (TA-Lib `ROC`); absent when that value was zero.
#[derive(Clone, Debug)]
pub struct Change {
    lag: usize,
    past: VecDeque<f64>,
}

impl Change {
    /// The change over `lag` bars.
    pub fn over(lag: Period) -> Self {
        Self { lag: lag.get(), past: VecDeque::new() }
    }
}

impl Indicator for Change {
    type Input = Sample;
    type Output = f64;

    fn update(&mut self, value: Sample) -> Option<f64> {
        self.past.push_back(value.get());
        if self.past.len() <= self.lag {
            return None;
        }
        change_pct(self.past.pop_front()?, value.get())
    }
}

/// Wilder's relative strength index, 0 to 100 (TA-Lib `RSI`), defined from the change number `period` on.
///
/// No movement at all is 50: neither strong nor weak (lessons.md 2; libraries differ).
#[derive(Clone, Debug)]
pub struct Rsi {
    previous: Option<f64>,
    gain: Smoother,
    loss: Smoother,
}

impl Rsi {
    /// The index over `period` changes.
    pub fn new(period: Period) -> Self {
        Self { previous: None, gain: Smoother::wilder(period), loss: Smoother::wilder(period) }
    }
}

impl Indicator for Rsi {
    type Input = Sample;
    type Output = f64;

    fn update(&mut self, value: Sample) -> Option<f64> {
        let change = value.get() - self.previous.replace(value.get())?;
        let gain = self.gain.step(change.max(0.0));
        let loss = self.loss.step((-change).max(0.0));
        Some(strength(gain?, loss?))
    }
}

fn strength(gain: f64, loss: f64) -> f64 {
    let moved = gain + loss;
    if moved > 0.0 { 100.0 * gain / moved } else { 50.0 }
}

/// What [`Macd`] says, in the values' unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MacdPoint {
    /// Fast average minus slow average.
    pub line: f64,
    /// Exponential average of the line.
    pub signal: f64,
    /// Line minus signal.
    pub histogram: f64,
}

/// Moving average convergence/divergence (TA-Lib `MACD`): the fast average starts so late that both begin at one bar,
/// and nothing is said before the signal is defined.
#[derive(Clone, Debug)]
pub struct Macd {
    skipped: usize,
    fast: Ema,
    slow: Ema,
    signal: Ema,
}

impl Macd {
    /// Two averages of values, and one of their difference; the shorter period is the fast one.
    pub fn new(one: Period, other: Period, signal: Period) -> Self {
        let (fast, slow) = (one.min(other), one.max(other));
        let skipped = slow.get() - fast.get();
        Self { skipped, fast: Ema::new(fast), slow: Ema::new(slow), signal: Ema::new(signal) }
    }
}

impl Indicator for Macd {
    type Input = Sample;
    type Output = MacdPoint;

    fn update(&mut self, value: Sample) -> Option<MacdPoint> {
        let slow = self.slow.step(value.get());
        if self.skipped > 0 {
            self.skipped -= 1;
            return None;
        }
        let line = self.fast.step(value.get())? - slow?;
        let signal = self.signal.step(line)?;
        Some(MacdPoint { line, signal, histogram: line - signal })
    }
}
