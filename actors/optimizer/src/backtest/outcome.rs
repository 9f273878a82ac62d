//! What came of a backtest, a book per currency.

use chrono::NaiveDate;
use domain::{Currency, Instrument};
use serde::{Deserialize, Serialize};

use super::DAYS_OF_YEAR;
use super::moments::{Moments, max_drawdown, sum};

/// What came of a backtest.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// One book per currency of the universe, in the order of the currencies.
    pub books: Vec<Book>,
}

/// What came of one currency.
#[derive(Clone, Debug, PartialEq)]
pub struct Book {
    /// The currency.
    pub currency: Currency,
    /// Every day on which a stock of the currency has a bar.
    pub days: Vec<NaiveDate>,
    /// Cash and holdings at each day's last prices, in the currency.
    pub equity: Vec<f64>,
    /// Holdings alone at each day's last prices, in the currency.
    pub holdings: Vec<f64>,
    /// Purchases and what became of them, in the order of their fills.
    pub trades: Vec<Trade>,
    /// What fills cost.
    pub paid: Paid,
    /// Orders that were not filled: at a day's price limit, without volume, or too small for a lot.
    pub missed: u32,
    /// Days at whose close something was held.
    pub days_invested: u32,
    /// Mean share of the equity that was invested.
    pub exposure: f64,
}

/// What fills cost, in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    /// Commission.
    pub commission_micros: i128,
    /// Taxes.
    pub tax_micros: i128,
    /// What the fills were worse than the opens.
    pub spread_micros: i128,
}

/// A purchase and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// The stock.
    pub instrument: Instrument,
    /// Its bar in the series at which it was bought, 0 for the first.
    pub bought_bar: usize,
    /// The day.
    pub bought: NaiveDate,
    /// Shares, in millionths of a share.
    pub shares_micros: i128,
    /// Price paid for a share, in millionths.
    pub bought_micros: i64,
    /// Everything paid, fees included, in millionths.
    pub spent_micros: i128,
    /// How it ended; none while it is held.
    pub sold: Option<Sold>,
}

/// How a holding ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sold {
    /// The bar in the series.
    pub bar: usize,
    /// The day.
    pub date: NaiveDate,
    /// Price of a share, in millionths.
    pub micros: i64,
    /// Everything received, after fees and taxes, in millionths.
    pub received_micros: i128,
    /// Why.
    pub why: Why,
}

/// Why a holding was sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It lost too many average true ranges.
    Stop,
    /// It gained enough of them.
    Take,
    /// It fell too many below its highest close.
    Trailing,
    /// A predicate of the exit held.
    Rule,
    /// It was held for long enough.
    Time,
}

impl Trade {
    /// What it brought after all costs, in millionths; none while it is held.
    pub fn profit_micros(&self) -> Option<i128> {
        self.sold.map(|sold| sold.received_micros - self.spent_micros)
    }
}

impl Book {
    /// The change of the equity of each day after the first, as a fraction.
    pub fn returns(&self) -> Vec<f64> {
        self.equity.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect()
    }

    /// The figures.
    pub fn statistics(&self) -> Statistics {
        Statistics::of(self)
    }
}

/// The figures of a book. What cannot be computed, such as a ratio to no deviation, is absent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// Returns, one per day after the first.
    pub days: usize,
    /// The last equity as a multiple of the first.
    pub final_multiple: f64,
    /// Mean daily return.
    pub mean: Option<f64>,
    /// Sample standard deviation of the daily returns.
    pub deviation: Option<f64>,
    /// Mean over deviation, per day.
    pub sharpe_per_day: Option<f64>,
    /// The same per year of [`DAYS_OF_YEAR`] days.
    pub sharpe: Option<f64>,
    /// Mean over the root of the mean square of the losses, per year.
    pub sortino: Option<f64>,
    /// Third standardised moment of the population.
    pub skew: Option<f64>,
    /// Fourth standardised moment of the population; 3 for a normal distribution.
    pub kurtosis: Option<f64>,
    /// The largest fall from a highest equity, as a fraction of it.
    pub max_drawdown: f64,
    /// Growth per year, as a fraction.
    pub growth: Option<f64>,
    /// Growth per year over the largest drawdown.
    pub calmar: Option<f64>,
    /// Sum of the gains over the sum of the losses, both of daily returns.
    pub profit_factor: Option<f64>,
    /// Purchases.
    pub trades: usize,
    /// Share of the finished trades that brought something after all costs.
    pub win_rate: Option<f64>,
    /// Mean bars from purchase to sale of the finished trades.
    pub bars_held: Option<f64>,
    /// Mean share of the equity that was invested.
    pub exposure: f64,
    /// Amount bought per year as a multiple of the mean equity.
    pub turnover: Option<f64>,
}

impl Statistics {
    fn of(book: &Book) -> Self {
        let equity = &book.equity;
        let moments = Moments::of(equity);
        let days = equity.len().saturating_sub(1);
        let years = days as f64 / DAYS_OF_YEAR;
        let (first, last) = (equity.first().copied().unwrap_or(1.0), equity.last().copied().unwrap_or(1.0));
        let final_multiple = last / first;
        let growth = finite(final_multiple.powf(1.0 / years) - 1.0);
        let max_drawdown = max_drawdown(equity);
        let yearly = |daily: Option<f64>| daily.and_then(|daily| finite(daily * DAYS_OF_YEAR.sqrt()));
        let sharpe_per_day =
            moments.mean.zip(moments.deviation).and_then(|(mean, deviation)| ratio(mean, deviation));
        let finished: Vec<_> = book.trades.iter().filter_map(|trade| Some((trade, trade.sold?))).collect();
        let wins =
            book.trades.iter().filter(|trade| trade.profit_micros().is_some_and(|profit| profit > 0)).count();
        let held: usize = finished.iter().map(|(trade, sold)| sold.bar - trade.bought_bar).sum();
        let spent: f64 = book.trades.iter().map(|trade| trade.spent_micros as f64 / 1e6).sum();
        let mean_equity = sum(equity) / equity.len() as f64;
        Self {
            days,
            final_multiple,
            mean: moments.mean,
            deviation: moments.deviation,
            sharpe_per_day,
            sharpe: yearly(sharpe_per_day),
            sortino: yearly(
                moments.mean.zip(moments.downside).and_then(|(mean, downside)| ratio(mean, downside)),
            ),
            skew: moments.skew,
            kurtosis: moments.kurtosis,
            max_drawdown,
            growth,
            calmar: growth.and_then(|growth| ratio(growth, max_drawdown)),
            profit_factor: ratio(moments.gains, moments.losses),
            trades: book.trades.len(),
            win_rate: ratio(wins as f64, finished.len() as f64),
            bars_held: ratio(held as f64, finished.len() as f64),
            exposure: book.exposure,
            turnover: ratio(spent / mean_equity, years),
        }
    }
}

pub(super) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

pub(super) fn ratio(part: f64, whole: f64) -> Option<f64> {
    if whole == 0.0 { None } else { finite(part / whole) }
}
