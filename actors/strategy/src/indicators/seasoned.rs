//! When a value that remembers its whole past may decide something.

use super::Indicator;

/// Bars needed before Wilder's RSI or ATR may decide anything: with 20 bars RSI(14) is 4 points off in the median, with
/// 200 the start value no longer shows (strategies.md 1.3).
pub const DECISION_BARS: usize = 200;

/// An indicator whose values are absent, not approximate, until [`DECISION_BARS`] bars are behind them.
#[derive(Clone, Debug)]
pub struct Seasoned<I> {
    inner: I,
    bars: usize,
}

impl<I: Indicator> Seasoned<I> {
    /// Only what this says of `inner` may decide.
    pub fn new(inner: I) -> Self {
        Self { inner, bars: 0 }
    }
}

impl<I: Indicator> Indicator for Seasoned<I> {
    type Input = I::Input;
    type Output = I::Output;

    fn update(&mut self, input: I::Input) -> Option<I::Output> {
        self.bars = self.bars.saturating_add(1);
        let value = self.inner.update(input);
        value.filter(|_| self.bars >= DECISION_BARS)
    }
}
