//! What one stock has done: daily bars up to yesterday, and today's prices step by step.
//!
//! Days before the exchange's first day are generated (or recorded, for four US names); from then on each day's walk starts
//! where the last one ended. The tape only moves forward.

use std::sync::Arc;

use chrono::NaiveDate;

use super::listing::Listing;
use super::sessions::{self, Session};
use super::walk::{self, Step};
use super::{ClosedDates, MarketData, rules};

/// Daily bars before day one: enough for a year's indicators.
const HISTORY_DAYS: usize = 280;
/// Steps of a generated day of history: its bar needs no more.
const HISTORY_STEPS: usize = 40;
/// The recorded bars; see `data/PROVENANCE.md`.
const RECORDED: &str = include_str!("data/us_daily.csv");

/// One day, or a part of it, in units and shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) date: NaiveDate,
    pub(super) open: i64,
    pub(super) high: i64,
    pub(super) low: i64,
    pub(super) close: i64,
    pub(super) volume: u64,
    /// Price times shares, summed, in units.
    pub(super) value: i64,
}

/// One stock's past and present.
#[derive(Debug)]
pub(super) struct Tape {
    listing: &'static Listing,
    seed: u64,
    closed: Arc<ClosedDates>,
    bars: Vec<Bar>,
    /// How many of them were there before day one.
    history: usize,
    today: NaiveDate,
    path: Vec<Step>,
}

impl Tape {
    /// The tape of `listing` with all its history, on `first_day`.
    pub(super) fn new(
        listing: &'static Listing,
        seed: u64,
        data: MarketData,
        first_day: NaiveDate,
        closed: Arc<ClosedDates>,
    ) -> Self {
        let bars = match data {
            MarketData::SeededAndRecorded => recorded(listing),
            MarketData::Seeded => Vec::new(),
        };
        let bars = if bars.is_empty() { generated(listing, seed) } else { bars };
        let bars = dated(bars, first_day, |date| closed.shifted(listing.market, date, -1));
        let history = bars.len();
        let mut tape = Self { listing, seed, closed, bars, history, today: first_day, path: Vec::new() };
        tape.path = tape.walk_of(first_day);
        tape
    }

    /// Moves to `date`; days in between are traded through. Earlier dates change nothing.
    pub(super) fn roll_to(&mut self, date: NaiveDate) {
        while self.today < date {
            if let Some(bar) = bar_of(self.today, &self.path) {
                self.bars.push(bar);
            }
            self.today = self.closed.shifted(self.listing.market, self.today, 1);
            self.path = self.walk_of(self.today);
        }
    }

    /// The date of the prices that are being walked.
    #[cfg(test)]
    pub(super) fn today(&self) -> NaiveDate {
        self.today
    }

    /// Yesterday's close: the base price of today's change and limits.
    pub(super) fn base(&self) -> i64 {
        self.bars.last().map_or(self.listing.reference, |bar| bar.close)
    }

    /// Finished days, oldest first.
    pub(super) fn bars(&self) -> &[Bar] {
        &self.bars
    }

    /// Step `index` of today; none beyond the close.
    pub(super) fn step(&self, index: usize) -> Option<Step> {
        self.path.get(index).copied()
    }

    /// Today's bar from the open up to step `last`, or from any `first` step.
    pub(super) fn bar(&self, first: usize, last: usize) -> Option<Bar> {
        bar_of(self.today, self.path.get(first..=last.min(self.path.len().saturating_sub(1)))?)
    }

    /// The last price at step `index`; yesterday's close where there is no step yet.
    pub(super) fn last(&self, index: Option<usize>) -> i64 {
        index.and_then(|index| self.step(index)).map_or_else(|| self.base(), |step| step.price)
    }

    /// True for the day that is being walked.
    pub(super) fn is_today(&self, date: NaiveDate) -> bool {
        self.today == date
    }

    /// All steps of a day that is over, or of today; none of other dates. A day before this exchange began has no walk: its
    /// price goes straight from its open over its extremes to its close, its volume evenly.
    pub(super) fn steps_of(&self, date: NaiveDate) -> Option<Vec<Step>> {
        if self.is_today(date) {
            return Some(self.path.clone());
        }
        let index = self.bars.binary_search_by_key(&date, |bar| bar.date).ok()?;
        let steps = sessions::session(self.listing.market, date).as_ref().map_or(0, Session::steps);
        let before = index.checked_sub(1).and_then(|index| self.bars.get(index));
        match before {
            Some(before) if index >= self.history => {
                Some(walk::day(self.listing, self.seed, date, before.close, steps))
            }
            Some(_) | None => Some(straight(self.listing, &self.bars[index], steps)),
        }
    }

    fn walk_of(&self, date: NaiveDate) -> Vec<Step> {
        let steps = sessions::session(self.listing.market, date).as_ref().map_or(0, Session::steps);
        walk::day(self.listing, self.seed, date, self.base(), steps)
    }
}

/// The bar of some steps of `date`; none of no steps.
pub(super) fn bar_of(date: NaiveDate, steps: &[Step]) -> Option<Bar> {
    let (first, last) = (steps.first()?, steps.last()?);
    let mut bar = Bar {
        date,
        open: first.price,
        high: first.price,
        low: first.price,
        close: last.price,
        volume: 0,
        value: 0,
    };
    for step in steps {
        bar.high = bar.high.max(step.price);
        bar.low = bar.low.min(step.price);
        bar.volume += u64::from(step.volume);
        bar.value += step.price * i64::from(step.volume);
    }
    Some(bar)
}

/// Steps whose bar is `bar`: from the open over both extremes to the close, the one against the day's direction first.
fn straight(listing: &Listing, bar: &Bar, steps: usize) -> Vec<Step> {
    let rises = bar.close >= bar.open;
    let [first, second] = if rises { [bar.low, bar.high] } else { [bar.high, bar.low] };
    let last = steps.saturating_sub(1);
    let corners = [(0, bar.open), (last / 3, first), (last * 2 / 3, second), (last, bar.close)];
    let count = u64::try_from(steps).unwrap_or(1).max(1);
    let each = bar.volume / count;
    let step = |index: usize| {
        let leg = corners.windows(2).find(|leg| index <= leg[1].0);
        let volume = if index == last { bar.volume - each * (count - 1) } else { each };
        Step {
            price: leg.map_or(bar.close, |leg| between(listing, leg[0], leg[1], index)),
            volume: u32::try_from(volume).unwrap_or(u32::MAX),
        }
    };
    (0..steps).map(step).collect()
}

/// The price at `index` on the line between two corners, on its step; at a corner, the corner's own.
fn between(listing: &Listing, (from, start): (usize, i64), (to, end): (usize, i64), index: usize) -> i64 {
    if index == from || index == to {
        return if index == from { start } else { end };
    }
    let part = |steps: usize| i64::try_from(steps).unwrap_or(1);
    let price = start + (end - start) * part(index - from) / part(to - from);
    listing.floor(price).max(start.min(end))
}

/// History that ends at the listing's reference price: walked forward, then scaled as a whole.
fn generated(listing: &Listing, seed: u64) -> Vec<Bar> {
    let mut close = listing.reference;
    let mut bars = Vec::with_capacity(HISTORY_DAYS);
    for index in 0..HISTORY_DAYS {
        let offset = i32::try_from(index).unwrap_or(i32::MAX);
        let Some(date) = NaiveDate::from_num_days_from_ce_opt(offset + 1) else { continue };
        if let Some(bar) = bar_of(date, &walk::day(listing, seed, date, close, HISTORY_STEPS)) {
            close = bar.close;
            bars.push(bar);
        }
    }
    bars.iter().map(|bar| scaled(listing, *bar, listing.reference, close)).collect()
}

fn scaled(listing: &Listing, bar: Bar, numerator: i64, denominator: i64) -> Bar {
    let scale = |units: i64| {
        let moved = i128::from(units) * i128::from(numerator) / i128::from(denominator.max(1));
        listing.floor(i64::try_from(moved).unwrap_or(units)).max(rules::FLOOR_UNITS)
    };
    let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map(scale);
    let value = i64::try_from(i128::from(close) * i128::from(bar.volume)).unwrap_or(i64::MAX);
    Bar { open, high, low, close, value, ..bar }
}

fn recorded(listing: &Listing) -> Vec<Bar> {
    let lines = RECORDED.lines().filter_map(|line| parse(listing.symbol, line));
    let bars: Vec<Bar> = lines.collect();
    bars[bars.len().saturating_sub(HISTORY_DAYS)..].to_vec()
}

/// A line of the data file, if it is about `symbol`: symbol, open, high, low, close in cents, shares.
fn parse(symbol: &str, line: &str) -> Option<Bar> {
    let numbers = line.strip_prefix(symbol)?.strip_prefix(',')?;
    let numbers: Vec<i64> = numbers.split(',').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [open, high, low, close, volume] = numbers[..] else { return None };
    let volume = u64::try_from(volume).ok()?;
    let value = (high + low) / 2 * i64::try_from(volume).ok()?;
    Some(Bar { date: NaiveDate::MIN, open, high, low, close, volume, value })
}

/// `bars` on the trading days that end just before `first_day`.
fn dated(bars: Vec<Bar>, first_day: NaiveDate, before: impl Fn(NaiveDate) -> NaiveDate) -> Vec<Bar> {
    let mut date = first_day;
    let mut dated: Vec<Bar> = bars
        .into_iter()
        .rev()
        .map(|bar| {
            date = before(date);
            Bar { date, ..bar }
        })
        .collect();
    dated.reverse();
    dated
}

#[cfg(test)]
mod tests {
    use domain::Market;

    use super::*;
    use crate::simulator::listing::{self, LISTINGS};

    fn first_day() -> NaiveDate {
        "2026-11-24".parse().unwrap()
    }

    #[test]
    fn every_stock_has_a_year_of_lawful_bars_that_end_yesterday_at_the_base_price() {
        for listing in &LISTINGS {
            let tape = Tape::new(listing, 1, MarketData::SeededAndRecorded, first_day(), Arc::default());
            assert_eq!(tape.bars().len(), HISTORY_DAYS, "{}", listing.symbol);
            assert_eq!(tape.base(), listing.reference, "{}", listing.symbol);
            assert_eq!(tape.bars().last().unwrap().date, "2026-11-23".parse().unwrap());
            for bar in tape.bars() {
                let inner = [bar.open, bar.close];
                assert!(
                    inner.iter().all(|price| (bar.low..=bar.high).contains(price)),
                    "{} {bar:?}",
                    listing.symbol
                );
                assert!(sessions::is_trading_day(bar.date) && bar.volume > 0);
            }
        }
    }

    #[test]
    fn a_day_that_is_over_becomes_a_bar_and_the_next_starts_from_its_close() {
        let listing = listing::find(Market::Kr, "910020").unwrap();
        let mut tape = Tape::new(listing, 3, MarketData::SeededAndRecorded, first_day(), Arc::default());
        let whole = tape.bar(0, usize::MAX).unwrap();
        tape.roll_to("2026-11-30".parse().unwrap());
        let dates: Vec<_> = tape.bars()[HISTORY_DAYS..].iter().map(|bar| bar.date.to_string()).collect();
        assert_eq!(dates, ["2026-11-24", "2026-11-25", "2026-11-26", "2026-11-27"]);
        assert_eq!(tape.bars()[HISTORY_DAYS], whole);
        assert_eq!(tape.today().to_string(), "2026-11-30");
    }

    #[test]
    fn a_day_on_which_the_market_stays_closed_has_no_bar() {
        let listing = listing::find(Market::Kr, "910020").unwrap();
        let closed = ["2026-11-20", "2026-11-26"].map(|date| (Market::Kr, date.parse().unwrap()));
        let closed = Arc::new(closed.into_iter().collect::<ClosedDates>());
        let mut tape = Tape::new(listing, 3, MarketData::Seeded, first_day(), closed);
        tape.roll_to("2026-11-30".parse().unwrap());
        let dates: Vec<_> = tape.bars()[HISTORY_DAYS - 2..].iter().map(|bar| bar.date.to_string()).collect();
        assert_eq!(dates, ["2026-11-19", "2026-11-23", "2026-11-24", "2026-11-25", "2026-11-27"]);
    }

    #[test]
    fn the_steps_of_a_day_that_is_over_make_its_bar_whether_it_was_walked_or_not() {
        for symbol in ["910020", "910090"] {
            let listing = listing::find(Market::Kr, symbol).unwrap();
            let mut tape = Tape::new(listing, 3, MarketData::SeededAndRecorded, first_day(), Arc::default());
            tape.roll_to("2026-11-27".parse().unwrap());
            for bar in &tape.bars()[HISTORY_DAYS - 30..] {
                let told = bar_of(bar.date, &tape.steps_of(bar.date).unwrap()).unwrap();
                let prices = |bar: &Bar| [bar.open, bar.high, bar.low, bar.close];
                assert_eq!(prices(&told), prices(bar), "{bar:?}");
                assert_eq!(told.volume, bar.volume);
            }
            assert_eq!(tape.steps_of("2026-11-28".parse().unwrap()), None);
            assert_eq!(tape.steps_of("1999-01-04".parse().unwrap()), None);
        }
    }

    #[test]
    fn the_path_does_not_depend_on_when_it_is_looked_at() {
        let listing = listing::find(Market::UsNasdaq, "AAPL").unwrap();
        let target = "2026-12-03".parse().unwrap();
        let mut jumped = Tape::new(listing, 5, MarketData::SeededAndRecorded, first_day(), Arc::default());
        let mut walked = Tape::new(listing, 5, MarketData::SeededAndRecorded, first_day(), Arc::default());
        jumped.roll_to(target);
        while walked.today() < target {
            let tomorrow = sessions::next_day(walked.today());
            walked.roll_to(tomorrow);
        }
        assert_eq!(jumped.bars(), walked.bars());
        assert_eq!(jumped.bar(0, usize::MAX), walked.bar(0, usize::MAX));
    }
}
