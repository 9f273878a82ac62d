//! What the gates ask of a candidate: what it reads at a bar, and what a run of it earns.

use std::ops::Range;

use chrono::NaiveDate;

/// A candidate on its data. Whoever runs strategies implements it; the gates know nothing else of them.
pub trait Candidate {
    /// How many stocks there are.
    fn stocks(&self) -> usize;

    /// How many bars a stock has.
    fn bars(&self, stock: usize) -> usize;

    /// What it reads at every bar of a stock, in one go over all bars: the way a backtest does it.
    fn readings(&self, stock: usize) -> Vec<Reading>;

    /// What it reads at the last bar of `window`, of a stock that has these bars only: the way a live agent does it. Of a
    /// window that is not empty and within the bars.
    fn reading(&self, stock: usize, window: Range<usize>) -> Reading;

    /// How many constants it has that can be changed a little.
    fn constants(&self) -> usize;

    /// What it earns under `conditions`.
    fn run(&self, conditions: Conditions) -> Run;
}

/// What a candidate sees at a bar, and what it would do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The numbers that it compares, always the same ones in the same order; none where one is not known.
    pub values: Vec<Option<f64>>,
    /// True when it would buy.
    pub buys: bool,
}

/// What is made worse for a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions {
    /// Costs are so many times those that are charged.
    pub cost_multiple: u8,
    /// Each fill is worse by so many ticks.
    pub slippage_ticks: u8,
    /// Each fill is so many bars later.
    pub delay_bars: u8,
    /// This constant, by its number, is multiplied by this factor.
    pub constant: Option<(usize, f64)>,
    /// On so many threads.
    pub threads: u8,
}

impl Conditions {
    /// As they are.
    pub const NOMINAL: Self =
        Self { cost_multiple: 1, slippage_ticks: 0, delay_bars: 0, constant: None, threads: 1 };
}

/// What a run earned, after costs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// Per session, a share of the equity: 0.01 is one percent.
    pub returns: Vec<f64>,
    /// Every trade that was closed.
    pub trades: Vec<Trade>,
}

/// One purchase and its sale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trade {
    /// Which stock, by its number.
    pub stock: usize,
    /// The day of the sale.
    pub sold: NaiveDate,
    /// What it earned after costs, as a share of the equity.
    pub gain: f64,
}

impl Run {
    /// The sum of the returns.
    pub fn total(&self) -> f64 {
        self.returns.iter().sum()
    }

    /// Largest fall of the equity from its highest point, as a share of that.
    pub fn drawdown(&self) -> f64 {
        drawdown(&self.returns)
    }
}

/// Largest fall of an equity that earns `returns`, from its highest point, as a share of that.
pub fn drawdown(returns: &[f64]) -> f64 {
    let (mut equity, mut highest, mut worst) = (1.0_f64, 1.0_f64, 0.0_f64);
    for value in returns {
        equity *= 1.0 + value;
        highest = highest.max(equity);
        worst = worst.max(1.0 - equity / highest);
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawdown_is_the_largest_fall_from_a_high() {
        assert!((drawdown(&[0.1, -0.1, 0.5, -0.2, -0.25, 0.9]) - 0.4).abs() < 1e-12);
        assert!(drawdown(&[0.1, 0.1]).abs() < 1e-12 && drawdown(&[]).abs() < 1e-12);
    }
}
