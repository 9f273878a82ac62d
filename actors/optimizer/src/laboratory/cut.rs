//! Which days of a market's bars are the sample, and which stay sealed.

use std::collections::BTreeSet;
use std::fmt;

use chrono::NaiveDate;
use domain::messages::evolution::SpentWindow;
use strategy::DECISION_BARS;
use strategy::form::{Columns, Feature};

use crate::backtest::Series;
use crate::gauntlet::sealed::Sealed;

/// Sessions before the first that counts: the indicators have their values then.
pub const WARM_UP: usize = DECISION_BARS;
/// Sessions between the sample and the sealed days that belong to neither.
pub const EMBARGO: usize = 5;
/// Fewest sessions of the sample that count: a regime is told from sixty.
pub const SAMPLE_MIN: usize = 75;
/// Fewest stocks of a market: with one nothing can be compared.
pub const STOCKS_MIN: usize = 2;
/// The first window takes this share of the days that count, in percent, at least what G3 demands.
const SEALED_PCT: usize = 30;

/// The bars of a market, cut.
#[derive(Debug)]
pub struct Cut {
    /// What may be looked at as often as one likes.
    pub sample: Sample,
    /// What may be looked at once; or how long it has to wait.
    pub sealed: Result<Sealed<Vec<Series>>, Waits>,
    /// The first day that nobody has looked at and that is not the sample's: from here on nothing may be told.
    pub sealed_from: NaiveDate,
}

/// Days that may be looked at.
#[derive(Debug)]
pub struct Sample {
    /// Its stocks.
    pub stocks: Vec<Stock>,
    /// The sessions that count, oldest first: those after the warm-up.
    pub days: Vec<NaiveDate>,
    /// The market's return of each of these sessions: the mean of its stocks.
    pub benchmark: Vec<f64>,
}

/// A stock of the sample, and every feature of it.
#[derive(Debug)]
pub struct Stock {
    /// Its bars.
    pub series: Series,
    /// Its features over these bars.
    pub columns: Columns,
}

/// There are not enough days yet that nobody has looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// Sessions after the last spent one.
    pub unspent: usize,
    /// Sessions that a look needs.
    pub needed: usize,
}

impl fmt::Display for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { unspent, needed } = self;
        write!(f, "{unspent} of the {needed} sessions that a look needs have passed since the last one")
    }
}

/// A market has too little history to learn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooLittle {
    /// Too few stocks.
    #[error("{found} stocks have enough bars, at least {STOCKS_MIN} are needed")]
    Stocks {
        /// How many there are.
        found: usize,
    },
    /// Too few sessions.
    #[error("{found} sessions have bars, at least {least} are needed")]
    Sessions {
        /// How many there are.
        found: usize,
        /// How many are needed.
        least: usize,
    },
}

/// Cuts the bars of a market: the newest days that nobody has looked at are sealed, at least `look` of them; those before them
/// are the sample, with a gap between the two.
///
/// # Errors
/// [`TooLittle`] when there are fewer than `least` sessions, or too few are left for a sample.
pub fn cut(
    series: Vec<Series>,
    spent: &[SpentWindow],
    (least, look): (usize, usize),
) -> Result<Cut, TooLittle> {
    if series.len() < STOCKS_MIN {
        return Err(TooLittle::Stocks { found: series.len() });
    }
    let days = sessions(&series);
    if days.len() < least {
        return Err(TooLittle::Sessions { found: days.len(), least });
    }
    let newest = spent.iter().map(|window| window.last_day).max();
    let unspent_from = newest.map_or(0, |last| days.partition_point(|day| *day <= last));
    let unspent = days.len() - unspent_from;
    let wanted = match newest {
        None => look.max(days.len().saturating_sub(WARM_UP) * SEALED_PCT / 100),
        Some(_) => unspent,
    };
    let waits = (unspent < look).then_some(Waits { unspent, needed: look });
    let sealed_from = if waits.is_some() { unspent_from } else { days.len().saturating_sub(wanted) };
    let sample_until = sealed_from.saturating_sub(EMBARGO);
    let fewest = WARM_UP + SAMPLE_MIN;
    if sample_until < fewest {
        return Err(TooLittle::Sessions { found: days.len(), least: days.len() + fewest - sample_until });
    }
    let sample = Sample::of(&series, &days, sample_until)?;
    let sealed = match (waits, days.get(sealed_from), days.last()) {
        (Some(waits), ..) => Err(waits),
        (None, Some(first), Some(last)) => {
            Sealed::new(*first, *last, series, spent).map_err(|_| Waits { unspent, needed: look })
        }
        (None, ..) => Err(Waits { unspent, needed: look }),
    };
    let after_last = || days.last().and_then(NaiveDate::succ_opt).unwrap_or(NaiveDate::MAX);
    let sealed_from = days.get(sealed_from).copied().unwrap_or_else(after_last);
    Ok(Cut { sample, sealed, sealed_from })
}

/// Every day on which one of the stocks has a bar.
pub fn sessions(series: &[Series]) -> Vec<NaiveDate> {
    let days = series.iter().flat_map(|series| series.bars().iter().map(|bar| bar.session_date));
    days.collect::<BTreeSet<_>>().into_iter().collect()
}

impl Sample {
    /// Of the first `until` of `days`.
    fn of(series: &[Series], days: &[NaiveDate], until: usize) -> Result<Self, TooLittle> {
        let end = days.get(until).copied().unwrap_or(NaiveDate::MAX);
        let stock = |series: &Series| {
            let series = series.between(NaiveDate::MIN, end).ok()?;
            let columns = Columns::of(series.bars(), Feature::ALL).ok()?;
            Some(Stock { series, columns })
        };
        let stocks: Vec<_> = series.iter().filter_map(stock).collect();
        if stocks.len() < STOCKS_MIN {
            return Err(TooLittle::Stocks { found: stocks.len() });
        }
        let all: Vec<Series> = stocks.iter().map(|stock| stock.series.clone()).collect();
        let days: Vec<_> = sessions(&all).into_iter().skip(WARM_UP).collect();
        let benchmark = benchmark(&all, &days);
        Ok(Self { stocks, days, benchmark })
    }

    /// The first session that counts.
    pub fn counted_from(&self) -> NaiveDate {
        self.days.first().copied().unwrap_or(NaiveDate::MAX)
    }
}

/// The mean return of the stocks that have a bar on a day and one before it, for each of `days`.
pub(super) fn benchmark(series: &[Series], days: &[NaiveDate]) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); days.len()];
    for pair in series.iter().flat_map(|series| series.bars().windows(2)) {
        if let Ok(place) = days.binary_search(&pair[1].session_date) {
            let (sum, count) = &mut sums[place];
            *sum += pair[1].close_micros as f64 / pair[0].close_micros as f64 - 1.0;
            *count += 1.0;
        }
    }
    sums.into_iter().map(|(sum, count)| if count > 0.0 { sum / count } else { 0.0 }).collect()
}
