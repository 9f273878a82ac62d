//! The bars of one stock, checked.

use std::num::NonZeroU64;

use chrono::NaiveDate;
use domain::Instrument;
use domain::messages::bars::{BarSeries, DayBar};

/// Fewest bars of a series: one to decide at and one to be filled at.
pub const BARS_MIN: usize = 2;

/// Bars of one stock: oldest first, each day once, prices positive and in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    instrument: Instrument,
    bars: Vec<DayBar>,
    /// The days of the bars, and their closes in millionths, side by side in memory.
    dates: Vec<NaiveDate>,
    closes: Vec<f64>,
    lot: Option<NonZeroU64>,
}

/// Why bars are no series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSeries {
    /// Too few to trade at all.
    #[error("{found} bars; at least {BARS_MIN} are needed")]
    TooFew {
        /// How many.
        found: usize,
    },
    /// A day that is not later than the one before.
    #[error("{date} is not later than the bar before it, {before}; each day comes once, oldest first")]
    NotLater {
        /// The day.
        date: NaiveDate,
        /// The day before it in the series.
        before: NaiveDate,
    },
    /// A price of zero or below.
    #[error("the bar of {date} has a price that is not above zero")]
    NotPositive {
        /// The day.
        date: NaiveDate,
    },
    /// High or low are not outermost.
    #[error("the bar of {date} has a high below or a low above another of its prices")]
    Contradictory {
        /// The day.
        date: NaiveDate,
    },
}

impl Series {
    /// A series of `bars`.
    ///
    /// # Errors
    /// [`BadSeries`] names the first bar that is wrong.
    pub fn new(instrument: Instrument, bars: Vec<DayBar>) -> Result<Self, BadSeries> {
        if bars.len() < BARS_MIN {
            return Err(BadSeries::TooFew { found: bars.len() });
        }
        bars.iter().try_for_each(consistent)?;
        for pair in bars.windows(2) {
            let (before, date) = (pair[0].session_date, pair[1].session_date);
            if date <= before {
                return Err(BadSeries::NotLater { date, before });
            }
        }
        let dates = bars.iter().map(|bar| bar.session_date).collect();
        let closes = bars.iter().map(|bar| bar.close_micros as f64).collect();
        Ok(Self { instrument, bars, dates, closes, lot: None })
    }

    /// The same series of a stock that is traded in lots of `lot` shares.
    #[must_use]
    pub fn in_lots_of(self, lot: NonZeroU64) -> Self {
        Self { lot: Some(lot), ..self }
    }

    /// The stock.
    pub fn instrument(&self) -> &Instrument {
        &self.instrument
    }

    /// The bars, oldest first.
    pub fn bars(&self) -> &[DayBar] {
        &self.bars
    }

    /// The days of the bars.
    pub(super) fn dates(&self) -> &[NaiveDate] {
        &self.dates
    }

    /// The closes of the bars, in millionths; those below 9,007,199,254 are exact.
    pub(super) fn closes(&self) -> &[f64] {
        &self.closes
    }

    /// Shares of one lot; none where only the exchange knows it and nobody told.
    pub fn lot(&self) -> Option<NonZeroU64> {
        self.lot.or_else(|| self.instrument.market.standard_lot())
    }

    /// Its first `bars` bars.
    ///
    /// # Errors
    /// [`BadSeries::TooFew`] when that is no series.
    pub fn first(&self, bars: usize) -> Result<Self, BadSeries> {
        let bars = self.bars.iter().take(bars).copied().collect();
        Ok(Self { lot: self.lot, ..Self::new(self.instrument.clone(), bars)? })
    }

    /// The bars from `from` on and before `until`.
    ///
    /// # Errors
    /// [`BadSeries::TooFew`] when that is no series.
    pub fn between(&self, from: NaiveDate, until: NaiveDate) -> Result<Self, BadSeries> {
        let within = |bar: &&DayBar| (from..until).contains(&bar.session_date);
        let bars = self.bars.iter().filter(within).copied().collect();
        Ok(Self { lot: self.lot, ..Self::new(self.instrument.clone(), bars)? })
    }
}

impl TryFrom<BarSeries> for Series {
    type Error = BadSeries;

    fn try_from(from: BarSeries) -> Result<Self, BadSeries> {
        Self::new(from.instrument, from.bars)
    }
}

fn consistent(bar: &DayBar) -> Result<(), BadSeries> {
    let DayBar { session_date: date, open_micros, high_micros, low_micros, close_micros, .. } = *bar;
    if open_micros.min(high_micros).min(low_micros).min(close_micros) <= 0 {
        return Err(BadSeries::NotPositive { date });
    }
    let outermost = high_micros >= open_micros.max(close_micros).max(low_micros)
        && low_micros <= open_micros.min(close_micros);
    if outermost { Ok(()) } else { Err(BadSeries::Contradictory { date }) }
}
