//! Bars in other grains: weeks, months and years out of days, minutes out of today's steps.

use chrono::{DateTime, Datelike, NaiveDate, Utc};

use super::sessions::{STEP_SECONDS, Session};
use super::tape::{self, Bar, Tape};
use super::venue::Quote;
use super::walk::Step;

/// The length of a bar of a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Period {
    Day,
    Week,
    Month,
    Year,
}

/// A bar of some minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Minute {
    /// Where it starts.
    pub(super) at: DateTime<Utc>,
    pub(super) bar: Bar,
}

/// Highest and lowest price of a year and their days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extremes {
    pub(super) high: i64,
    pub(super) high_date: Option<NaiveDate>,
    pub(super) low: i64,
    pub(super) low_date: Option<NaiveDate>,
}

/// Trading days of a year.
const YEAR_DAYS: usize = 250;

/// Finished days and today so far.
pub(super) fn with_today(days: &[Bar], today: Option<Bar>) -> Vec<Bar> {
    days.iter().copied().chain(today).collect()
}

/// `days` put together by `period`; a bar carries the date of its last day.
pub(super) fn grouped(days: &[Bar], period: Period) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    for day in days {
        match bars.last_mut() {
            Some(bar) if same_period(bar.date, day.date, period) => *bar = joined(*bar, *day),
            Some(_) | None => bars.push(*day),
        }
    }
    bars
}

fn same_period(left: NaiveDate, right: NaiveDate, period: Period) -> bool {
    match period {
        Period::Day => left == right,
        Period::Week => left.iso_week() == right.iso_week(),
        Period::Month => (left.year(), left.month()) == (right.year(), right.month()),
        Period::Year => left.year() == right.year(),
    }
}

fn joined(earlier: Bar, later: Bar) -> Bar {
    Bar {
        date: later.date,
        open: earlier.open,
        high: earlier.high.max(later.high),
        low: earlier.low.min(later.low),
        close: later.close,
        volume: earlier.volume + later.volume,
        value: earlier.value.saturating_add(later.value),
    }
}

/// Today's bars of `length` minutes so far, oldest first; the last one is still growing.
pub(super) fn minutes(tape: &Tape, quote: &Quote, length: u32) -> Vec<Minute> {
    let Some(last) = quote.index else { return Vec::new() };
    let steps = usize::try_from(i64::from(length.max(1)) * 60 / STEP_SECONDS).unwrap_or(1);
    let starts = (0..=last).step_by(steps);
    starts
        .filter_map(|first| {
            let bar = tape.bar(first, last.min(first + steps - 1))?;
            Some(Minute { at: quote.session.time_of(first), bar })
        })
        .collect()
}

/// The bars of `length` minutes of some first steps of `session`, oldest first.
pub(super) fn of_steps(session: &Session, steps: &[Step], length: u32) -> Vec<Minute> {
    let each = usize::try_from(i64::from(length.max(1)) * 60 / STEP_SECONDS).unwrap_or(1);
    let chunks = steps.chunks(each).enumerate();
    let minute = |(index, steps): (usize, &[Step])| {
        let bar = tape::bar_of(session.date, steps)?;
        Some(Minute { at: session.time_of(index * each), bar })
    };
    chunks.filter_map(minute).collect()
}

/// The extremes of the last year, today included.
pub(super) fn extremes(days: &[Bar], today: Option<Bar>) -> Extremes {
    let year = days.iter().rev().take(YEAR_DAYS).copied().chain(today);
    let start = Extremes { high: 0, high_date: None, low: 0, low_date: None };
    year.fold(start, |mut seen, bar| {
        if bar.high > seen.high {
            (seen.high, seen.high_date) = (bar.high, Some(bar.date));
        }
        if seen.low_date.is_none() || bar.low < seen.low {
            (seen.low, seen.low_date) = (bar.low, Some(bar.date));
        }
        seen
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(date: &str, [open, high, low, close]: [i64; 4]) -> Bar {
        Bar { date: date.parse().unwrap(), open, high, low, close, volume: 10, value: 100 }
    }

    #[test]
    fn a_week_opens_with_its_first_day_and_closes_with_its_last() {
        let days = [
            bar("2026-11-20", [9, 9, 8, 8]),
            bar("2026-11-23", [10, 14, 9, 12]),
            bar("2026-11-24", [12, 13, 7, 11]),
        ];
        let weeks = grouped(&days, Period::Week);
        assert_eq!(weeks.len(), 2);
        let [week] = weeks[1..] else { panic!("one week is left") };
        assert_eq!((week.open, week.high, week.low, week.close, week.volume), (10, 14, 7, 11, 20));
        assert_eq!(grouped(&days, Period::Month).len(), 1);
    }

    #[test]
    fn extremes_name_their_days() {
        let days = [bar("2026-11-20", [9, 12, 8, 8]), bar("2026-11-23", [10, 11, 9, 11])];
        let found = extremes(&days, Some(bar("2026-11-24", [11, 11, 5, 6])));
        assert_eq!((found.high, found.low), (12, 5));
        assert_eq!(found.low_date, Some("2026-11-24".parse().unwrap()));
    }
}
