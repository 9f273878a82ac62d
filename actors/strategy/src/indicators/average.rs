//! Averages: simple, exponential, and Wilder's.

use super::window::{Aggregate, Sliding, Sum};
use super::{Indicator, Period, Sample, number::float};

/// Simple moving average of the last `period` values, in their unit (TA-Lib `SMA`).
#[derive(Clone, Debug)]
pub struct Sma {
    window: Sliding<Sum>,
    period: usize,
}

impl Sma {
    /// The average of `period` values.
    pub fn new(period: Period) -> Self {
        Self { window: Sliding::new(period), period: period.get() }
    }

    pub(super) fn step(&mut self, value: f64) -> Option<f64> {
        Some(self.window.push(value)?.mean(self.period))
    }
}

impl Indicator for Sma {
    type Input = Sample;
    type Output = f64;

    fn update(&mut self, value: Sample) -> Option<f64> {
        self.step(value.get())
    }
}

/// Exponential smoothing that starts with the simple mean of the first `period` values, as TA-Lib does.
#[derive(Clone, Debug)]
pub(super) struct Smoother {
    period: usize,
    weight: f64,
    seed: Option<Sum>,
    seen: usize,
    current: Option<f64>,
}

impl Smoother {
    fn new(period: Period, weight: f64) -> Self {
        Self { period: period.get(), weight, seed: None, seen: 0, current: None }
    }

    /// Wilder's smoothing: each value weighs `1 / period`.
    pub(super) fn wilder(period: Period) -> Self {
        Self::new(period, 1.0 / float(period.get()))
    }

    pub(super) fn step(&mut self, value: f64) -> Option<f64> {
        self.current = match self.current {
            Some(current) => Some(current + self.weight * (value - current)),
            None => self.start(value),
        };
        self.current
    }

    /// The last result.
    pub(super) fn current(&self) -> Option<f64> {
        self.current
    }

    fn start(&mut self, value: f64) -> Option<f64> {
        let sum = self.seed.map_or(Sum::of(value), |sum| sum.join(Sum::of(value)));
        self.seed = Some(sum);
        self.seen += 1;
        (self.seen == self.period).then(|| sum.mean(self.period))
    }
}

/// Exponential moving average with weight `2 / (period + 1)`, in the values' unit (TA-Lib `EMA`).
#[derive(Clone, Debug)]
pub struct Ema(Smoother);

impl Ema {
    /// The average that starts with the simple mean of `period` values.
    pub fn new(period: Period) -> Self {
        Self(Smoother::new(period, 2.0 / (float(period.get()) + 1.0)))
    }

    pub(super) fn step(&mut self, value: f64) -> Option<f64> {
        self.0.step(value)
    }
}

impl Indicator for Ema {
    type Input = Sample;
    type Output = f64;

    fn update(&mut self, value: Sample) -> Option<f64> {
        self.step(value.get())
    }
}
