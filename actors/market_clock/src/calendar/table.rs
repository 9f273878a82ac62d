//! One market's days, expanded to sorted rows of UTC seconds and found by binary search.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeZone, Utc, Weekday};
use chrono_tz::Tz;
use domain::Market;
use domain::messages::schedule::DateStatus;

use super::session::{Session, Span};
use super::source::{CalendarSource, Hours, MarketSource, NamedPhase, Source};
use super::{LocalDay, TableError};

/// Minutes from the open, negative before it.
type Minutes = (i16, i16);

/// One session, compact: what is not the open is told in minutes from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) date: NaiveDate,
    /// Seconds since 1970 UTC.
    pub(super) open_s: i64,
    close: i16,
    lunch: Option<Minutes>,
    named: [Option<Minutes>; 4],
}

impl Row {
    pub(super) fn close_s(&self) -> i64 {
        self.after_open(self.close)
    }

    /// Start and end of lunch in seconds since 1970 UTC.
    pub(super) fn lunch_s(&self) -> Option<(i64, i64)> {
        self.lunch.map(|(start, end)| (self.after_open(start), self.after_open(end)))
    }

    /// True when `at_s`, not before the open, is in trading.
    pub(super) fn is_open(&self, at_s: i64) -> bool {
        at_s < self.close_s() && !self.lunch_s().is_some_and(|(start, end)| start <= at_s && at_s < end)
    }

    /// The first second of anything the day has.
    pub(super) fn begins_s(&self) -> i64 {
        let earliest = self.named.iter().flatten().map(|(start, _)| *start).min().unwrap_or(0);
        self.after_open(earliest.min(0))
    }

    /// The first second after everything the day has.
    fn ends_s(&self) -> i64 {
        let latest = self.named.iter().flatten().map(|(_, end)| *end).max().unwrap_or(0);
        self.after_open(latest.max(self.close))
    }

    fn local_day(&self, market: Market) -> LocalDay {
        let local = |at_s: i64| instant(at_s).with_timezone(&market.zone()).naive_local();
        LocalDay {
            date: self.date,
            trading: (local(self.open_s), local(self.close_s())),
            phases: (local(self.begins_s()), local(self.ends_s())),
        }
    }

    fn after_open(&self, minutes: i16) -> i64 {
        self.open_s + i64::from(minutes) * 60
    }

    pub(super) fn session(&self, market: Market) -> Session {
        let span = |minutes: Option<Minutes>| -> Option<Span> {
            minutes.map(|(start, end)| (instant(self.after_open(start)), instant(self.after_open(end))))
        };
        let [pre_market, opening_auction, closing_auction, post_close] = self.named.map(span);
        Session {
            market,
            date: self.date,
            open: instant(self.open_s),
            close: instant(self.close_s()),
            lunch: span(self.lunch),
            pre_market,
            opening_auction,
            closing_auction,
            post_close,
        }
    }
}

/// Seconds of a table are always in range: they were made from dates of the table.
pub(super) fn instant(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// One market's days.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
    /// The first second of the first date, and the first second after the last date, in the market's zone.
    pub(super) known_s: (i64, i64),
    pub(super) official_until: NaiveDate,
}

impl Table {
    /// Expands the data of one market.
    ///
    /// # Errors
    /// [`TableError`] names the first day that cannot be.
    pub(super) fn expand(source: &Source, market: Market) -> Result<Self, TableError> {
        let (of_market, calendar) = source.of(market)?;
        let dates = source.first.iter_days().take_while(|date| *date <= source.last);
        let sessions = dates.filter(|date| is_weekday(*date) && !calendar.is_holiday(*date));
        let rows: Result<Vec<_>, _> =
            sessions.map(|date| usual_row(market, of_market, calendar, date)).collect();
        let after_last = source.last.succ_opt().unwrap_or(source.last);
        let midnight = |date| local_s(calendar.timezone, date, 0);
        let known_s = (midnight(source.first), midnight(after_last));
        let table = Self { rows: rows?, known_s, official_until: calendar.official_until };
        table.check(market)?;
        Ok(table)
    }

    /// Puts `row` in the place of what the date had; none closes it.
    pub(super) fn set(&mut self, date: NaiveDate, row: Option<Row>) {
        match (self.rows.binary_search_by_key(&date, |row| row.date), row) {
            (Ok(index), Some(row)) => self.rows[index] = row,
            (Ok(index), None) => {
                self.rows.remove(index);
            }
            (Err(index), Some(row)) => self.rows.insert(index, row),
            (Err(_), None) => {}
        }
    }

    /// Sorted, and no day reaches into the next.
    ///
    /// # Errors
    /// The first day that does.
    pub(super) fn check(&self, market: Market) -> Result<(), TableError> {
        let overlap = self.rows.windows(2).find(|pair| match pair {
            [one, next] => one.date >= next.date || one.ends_s() > next.begins_s(),
            _ => false,
        });
        match overlap {
            Some([one, next]) => {
                let [one, next] = [one, next].map(|row| row.local_day(market));
                Err(TableError::Overlap { market, one, next })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// How many sessions have opened at `at_s` or before.
    pub(super) fn opened(&self, at_s: i64) -> usize {
        self.rows.partition_point(|row| row.open_s <= at_s)
    }

    /// The session that began anything last, at `at_s` or before.
    pub(super) fn begun(&self, at_s: i64) -> usize {
        let opened = self.opened(at_s);
        match self.rows.get(opened) {
            Some(next) if next.begins_s() <= at_s => opened + 1,
            Some(_) | None => opened,
        }
    }

    pub(super) fn knows(&self, at_s: i64) -> bool {
        self.known_s.0 <= at_s && at_s < self.known_s.1
    }

    pub(super) fn on(&self, date: NaiveDate) -> Option<&Row> {
        let index = self.rows.binary_search_by_key(&date, |row| row.date).ok()?;
        self.rows.get(index)
    }
}

/// How well the data knows `date`.
pub(super) fn status(source: &Source, calendar: &CalendarSource, date: NaiveDate) -> DateStatus {
    if date < source.first || date > source.last {
        DateStatus::Unknown
    } else if calendar.uncertain.contains(&date) {
        DateStatus::Uncertain
    } else if date > calendar.official_until {
        DateStatus::Estimated
    } else {
        DateStatus::Official
    }
}

/// Monday to Friday.
pub(super) fn is_weekday(date: NaiveDate) -> bool {
    !matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

/// The row of `date` with the hours that the data gives it.
pub(super) fn usual_row(
    market: Market,
    of_market: &MarketSource,
    calendar: &CalendarSource,
    date: NaiveDate,
) -> Result<Row, TableError> {
    let hours = calendar.hours(date).ok_or(TableError::NoHours { market, date })?;
    row(market, of_market, calendar, date, &hours)
}

/// The row of `date` with `hours`.
///
/// # Errors
/// When trading does not come before the close, or a break or phase does not lie where it must.
pub(super) fn row(
    market: Market,
    of_market: &MarketSource,
    calendar: &CalendarSource,
    date: NaiveDate,
    hours: &Hours,
) -> Result<Row, TableError> {
    let open = hours.open.minutes();
    let wrong = TableError::Hours { market, date, hours: *hours };
    let relative = |(start, end): (i64, i64)| -> Result<Minutes, TableError> {
        let minutes = |at: i64| i16::try_from(at - open).map_err(|_| wrong.clone());
        if start < end { Ok((minutes(start)?, minutes(end)?)) } else { Err(wrong.clone()) }
    };
    let (_, close) = relative((open, hours.close.minutes()))?;
    let lunch = hours.lunch.map(|[start, end]| relative((start.minutes(), end.minutes()))).transpose()?;
    if lunch.is_some_and(|(start, end)| start <= 0 || end >= close) {
        return Err(wrong);
    }
    let mut named = [None; 4];
    for (slot, phase) in named.iter_mut().zip(NamedPhase::ALL) {
        let span = of_market.span(phase, date, hours);
        // A late open may begin after a fixed start, a late close after a fixed end: then the phase has no minutes.
        *slot = span.filter(|(start, end)| start < end).map(relative).transpose()?;
    }
    Ok(Row { date, open_s: local_s(calendar.timezone, date, open), close, lunch, named })
}

/// Seconds since 1970 UTC of a local time. Clocks change at night and on Sundays, so noon's offset holds all day.
fn local_s(zone: Tz, date: NaiveDate, minutes: i64) -> i64 {
    let noon = NaiveTime::from_hms_opt(12, 0, 0).unwrap_or(NaiveTime::MIN);
    let noon_s = zone.from_local_datetime(&date.and_time(noon)).earliest().map_or(0, |noon| noon.timestamp());
    noon_s + (minutes - 12 * 60) * 60
}
