//! Statistics that tell skill from luck: pure functions of returns, equal to published and independently confirmed values.
//!
//! | module | what |
//! |---|---|
//! | [`sharpe`] | probabilistic and deflated Sharpe ratio, how long a record must be |
//! | [`overfitting`] | probability of backtest overfitting |
//! | [`splits`] | combinatorial and walk-forward splits, purged and with embargo |
//! | [`bootstrap`] | stationary bootstrap, also of pairs |
//! | [`best_of_many`] | White's reality check and Hansen's test of superior predictive ability |
//! | [`multiple`] | corrections for many tests, and a level that is spent over an endless row of them |
//! | [`permutation`] | what the same trades would have earned on other days |
//!
//! Every Sharpe ratio is per observation, never annualised. Input that permits no answer is a [`Degenerate`], never a number.
//! Randomness follows from a seed that the caller keeps with the result, so that each figure can be computed again.

use thiserror::Error;

pub mod best_of_many;
pub mod bootstrap;
pub mod multiple;
mod normal;
pub mod overfitting;
pub mod permutation;
mod returns;
pub mod sharpe;
pub mod splits;

pub use returns::Returns;

/// Why a statistic has no value for what it was given.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Degenerate {
    /// Fewer than the formula needs.
    #[error("{what}: {found} are too few, at least {least} are needed")]
    TooFew {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many are needed.
        least: usize,
    },
    /// More than is computed in bounded time.
    #[error("{what}: {found} are too many, at most {most} are taken")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many are taken.
        most: usize,
    },
    /// NaN or infinity.
    #[error("row {row} of column {column} is not a finite number")]
    NotFinite {
        /// Which observation, from 0.
        row: usize,
        /// Which series, from 0.
        column: usize,
    },
    /// Nothing moves, so there is no ratio to its movement.
    #[error("column {column} has no variance")]
    NoVariance {
        /// Which series, from 0.
        column: usize,
    },
    /// Series that belong together differ in length.
    #[error("series {series} has {found} values where {expected} were expected")]
    Ragged {
        /// Which one, from 0.
        series: usize,
        /// Its length.
        found: usize,
        /// The length of the first one.
        expected: usize,
    },
    /// A price of zero or below.
    #[error("row {row} of column {column} is no positive price")]
    NoPrice {
        /// Which bar, from 0.
        row: usize,
        /// Which stock, from 0.
        column: usize,
    },
    /// A holding that cannot have been.
    #[error(
        "holding {holding} of stock {series} overlaps the one before it, ends before it begins, or lies outside the bars"
    )]
    Misplaced {
        /// Which stock, from 0.
        series: usize,
        /// Which of its holdings, from 0.
        holding: usize,
    },
    /// A parameter outside its range.
    #[error("{what} is {value}; allowed is {allowed}")]
    OutOfRange {
        /// Which parameter.
        what: &'static str,
        /// What was given.
        value: f64,
        /// What may be given.
        allowed: &'static str,
    },
}

/// Refuses fewer than `least`.
pub(crate) fn at_least(what: &'static str, found: usize, least: usize) -> Result<(), Degenerate> {
    if found < least { Err(Degenerate::TooFew { what, found, least }) } else { Ok(()) }
}

/// Refuses more than `most`.
fn at_most(what: &'static str, found: usize, most: usize) -> Result<(), Degenerate> {
    if found > most { Err(Degenerate::TooMany { what, found, most }) } else { Ok(()) }
}

/// Refuses a parameter that is not `fit`, NaN included.
fn within(what: &'static str, value: f64, fit: bool, allowed: &'static str) -> Result<(), Degenerate> {
    if fit { Ok(()) } else { Err(Degenerate::OutOfRange { what, value, allowed }) }
}

/// Refuses a series with NaN or infinity.
fn all_finite(values: &[f64]) -> Result<(), Degenerate> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(row) => Err(Degenerate::NotFinite { row, column: 0 }),
        None => Ok(()),
    }
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests;
