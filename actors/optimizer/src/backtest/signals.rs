//! What a strategy wants of a series, bar by bar, and how it holds what it bought.

use strategy::form::{Columns, Feature, Number, Strategy};

use super::Series;

/// What is wanted of one stock at the close of each bar. Each list is as long as the series; what a list is too short for is
/// not wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Signals<'a> {
    /// The stock's bars.
    pub series: &'a Series,
    /// True where it is to be bought.
    pub entries: Vec<bool>,
    /// True where a holding is to be sold.
    pub exits: Vec<bool>,
    /// Which purchases come first when cash is short: those of the highest number.
    pub ranks: Vec<f64>,
    /// The average true range in percent of the close, NaN where it is absent; empty when no exit counts in it.
    pub range_pct: Vec<f64>,
}

impl<'a> Signals<'a> {
    /// What `strategy` wants of `series`, read from `columns` over the same bars.
    pub fn of(strategy: &Strategy, series: &'a Series, columns: &Columns) -> Self {
        let min = strategy.entry().min_score().thousandths();
        let ranks = strategy.scores(columns);
        let entries = ranks.iter().map(|score| *score >= min).collect();
        let range_pct = columns.values(Feature::Atr14Pct).map(<[f64]>::to_vec);
        Self {
            series,
            entries,
            exits: strategy.exits(columns),
            ranks,
            range_pct: range_pct.unwrap_or_default(),
        }
    }
}

/// How what was bought is held, and how much is bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// One purchase in millionths of the equity.
    pub fraction_ppm: u32,
    /// Average true ranges below the price paid that sell.
    pub stop: Option<Number>,
    /// Average true ranges above the price paid that sell.
    pub take: Option<Number>,
    /// Average true ranges below the highest close since the purchase that sell.
    pub trailing: Option<Number>,
    /// Bars after which it is sold at the latest; none to wait for another reason.
    pub max_hold_bars: Option<u16>,
    /// The strategy whose exits read the profit of the holding.
    pub of_holding: Option<Strategy>,
}

impl Policy {
    /// How `strategy` holds.
    pub fn of(strategy: &Strategy) -> Self {
        let exit = strategy.exit();
        let reads_holding = exit.any_of().iter().any(|predicate| predicate.feature().is_of_holding());
        Self {
            // At most 30 %.
            fraction_ppm: (strategy.fraction_pct().get() * 10_000.0).round() as u32,
            stop: exit.stop_atr(),
            take: exit.take_atr(),
            trailing: exit.trailing_atr(),
            max_hold_bars: Some(exit.max_hold_bars()),
            of_holding: reads_holding.then(|| strategy.clone()),
        }
    }

    /// Everything is put into one purchase and held until a signal sells it.
    pub fn all_in() -> Self {
        let (stop, take, trailing, max_hold_bars, of_holding) = (None, None, None, None, None);
        Self { fraction_ppm: 1_000_000, stop, take, trailing, max_hold_bars, of_holding }
    }

    /// True when a price may be a reason to sell.
    pub(super) fn watches_prices(&self) -> bool {
        self.needs_range() || self.of_holding.is_some()
    }

    /// True when an exit counts in average true ranges: a purchase without one known is none.
    pub fn needs_range(&self) -> bool {
        self.stop.is_some() || self.take.is_some() || self.trailing.is_some()
    }
}
