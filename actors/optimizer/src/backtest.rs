//! What a strategy would have earned: bars in, a book per currency out.
//!
//! A decision is made at the close of a bar from what was known then, and carried out at the open of the next one. Prices and
//! cash are whole millionths, shares come in lots, and every fill pays commission, tax, half the spread and slippage
//! ([`costs`]). Books of different currencies are never added. Exits are decided at closes, too: within a daily bar nobody
//! knows whether its high or its low came first.
//!
//! [`signals()`] says what a strategy wants of one series, [`simulate`] carries out what several want on one cash book per
//! currency, [`run`] is both. All of it is deterministic.

use std::collections::BTreeMap;

use domain::Currency;
use strategy::form::{Columns, NoColumns, Strategy};

pub mod costs;
mod engine;
mod fill;
mod moments;
pub mod outcome;
pub mod series;
pub mod signals;
mod stock;

pub use costs::{Costs, Rate};
pub use outcome::{Book, Outcome, Paid, Statistics, Trade, Why};
pub use series::{BadSeries, Series};
pub use signals::{Policy, Signals};

/// Trading days of a year, for figures per year.
pub const DAYS_OF_YEAR: f64 = 252.0;

/// Millionths of a currency unit, or of a share.
pub const MICROS: i128 = 1_000_000;

/// The circumstances of a backtest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// What each book begins with, in millionths; a currency without cash buys nothing.
    pub cash_micros: BTreeMap<Currency, i128>,
    /// What fills cost.
    pub costs: Pricing,
    /// Costs in percent of the table's: 100 as they are, 200 for a stress.
    pub cost_pct: u32,
    /// Price steps that each fill is worse than its open by, beyond the costs.
    pub extra_ticks: u32,
    /// Bars that each order comes later than the next open.
    pub delay_bars: u8,
    /// In what shares are bought.
    pub shares: Shares,
}

/// What fills cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pricing {
    /// What [`costs::TABLE`] says of the market and the day.
    Table,
    /// A share of the amount on both sides, in billionths, and nothing else; prices need not be on a step. For comparison with
    /// other engines.
    AllIn {
        /// Billionths of the amount.
        ppb: u32,
    },
}

/// In what shares are bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shares {
    /// Whole lots.
    Lots,
    /// Millionths of a share. For comparison with engines that divide shares.
    Millionths,
}

impl Default for Setup {
    fn default() -> Self {
        let cash = |currency: Currency| (currency, i128::from(starting_cash(currency)) * MICROS);
        Self {
            cash_micros: Currency::ALL.into_iter().map(cash).collect(),
            costs: Pricing::Table,
            cost_pct: 100,
            extra_ticks: 0,
            delay_bars: 0,
            shares: Shares::Lots,
        }
    }
}

/// What a book begins with unless told otherwise: round amounts of about the same worth.
fn starting_cash(currency: Currency) -> u32 {
    match currency {
        Currency::Krw => 100_000_000,
        Currency::Usd => 70_000,
        Currency::Jpy => 10_000_000,
        Currency::Hkd => 500_000,
        Currency::Cny => 500_000,
        Currency::Vnd => 1_800_000_000,
    }
}

/// What `strategy` wants of `series`.
///
/// # Errors
/// [`NoColumns`] for a bar that contradicts itself; a [`Series`] has none.
pub fn signals<'a>(strategy: &Strategy, series: &'a Series) -> Result<Signals<'a>, NoColumns> {
    let columns = Columns::of(series.bars(), &strategy.features())?;
    Ok(Signals::of(strategy, series, &columns))
}

/// What comes of carrying out all `signals` by `policy`.
pub fn simulate(signals: &[Signals<'_>], policy: &Policy, setup: &Setup) -> Outcome {
    let mut currencies: Vec<_> = signals.iter().map(|of| of.series.instrument().market.currency()).collect();
    currencies.sort_unstable();
    currencies.dedup();
    let book = |currency| {
        let of_currency = |of: &&Signals<'_>| of.series.instrument().market.currency() == currency;
        let wanted: Vec<_> = signals.iter().filter(of_currency).collect();
        engine::run(currency, &wanted, policy, setup)
    };
    Outcome { books: currencies.into_iter().map(book).collect() }
}

/// What `strategy` would have earned on `universe`.
///
/// # Errors
/// As [`signals()`].
pub fn run(strategy: &Strategy, universe: &[Series], setup: &Setup) -> Result<Outcome, NoColumns> {
    let signals: Result<Vec<_>, _> = universe.iter().map(|series| signals(strategy, series)).collect();
    Ok(simulate(&signals?, &Policy::of(strategy), setup))
}

#[cfg(test)]
mod tests;
