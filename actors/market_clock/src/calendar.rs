//! When the ten markets trade, from the embedded table: holidays, half days, late opens, lunch, auctions, daylight saving.
//!
//! Every answer is bounded by the table's own end, never by a number of days. Outside the table the answer is
//! *unknown*, and so it is everywhere when the table fails its check. Definitions: CALENDARS.md 5.1.

mod holidays;
mod session;
mod source;
mod table;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use domain::Market;
use domain::messages::schedule::{DateStatus, Phase};

pub use session::{Change, Session, Span};
pub use source::{Hours, LocalTime, SpecialHours};

use source::{CalendarSource, Source};
use table::{Table, instant};

/// The embedded data.
const DATA: &str = include_str!("data/calendars.json");
/// FNV-1a of the data: a change of one of the two alone is noticed at the start.
const CHECKSUM: u64 = 0x60c1_680b_298f_1fea;

/// Why there is no table, or why a day cannot be in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// The data is not what this program was made with.
    #[error("the embedded calendar fails its check: {found:016x} instead of {expected:016x}")]
    Checksum {
        /// What the data should add up to.
        expected: u64,
        /// What it adds up to.
        found: u64,
    },
    /// The data cannot be read.
    #[error("the calendar cannot be read: {0}")]
    Malformed(String),
    /// A session without hours.
    #[error("{market} has no hours on {date}")]
    NoHours {
        /// The market.
        market: Market,
        /// The day.
        date: NaiveDate,
    },
    /// Hours that cannot be.
    #[error(
        "the hours of {market} on {date} cannot be: {hours}; allowed: open before close, and a break between them"
    )]
    Hours {
        /// The market.
        market: Market,
        /// The day.
        date: NaiveDate,
        /// What was asked for.
        hours: Hours,
    },
    /// A day that reaches into the next one.
    #[error(
        "the sessions of {market} on {one} and on {next} overlap; allowed: each day, with its phases, ends before the next begins"
    )]
    Overlap {
        /// The market.
        market: Market,
        /// The earlier day.
        one: LocalDay,
        /// The day it reaches into.
        next: LocalDay,
    },
    /// A day that the table does not reach.
    #[error("{date} is outside the calendar; allowed: {first} to {last}")]
    Outside {
        /// The day.
        date: NaiveDate,
        /// The table's first day.
        first: NaiveDate,
        /// The table's last day.
        last: NaiveDate,
    },
}

/// A session in the local time of its market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalDay {
    /// The session's date.
    pub date: NaiveDate,
    /// From the open to the close.
    pub trading: (NaiveDateTime, NaiveDateTime),
    /// From the first phase to the last.
    pub phases: (NaiveDateTime, NaiveDateTime),
}

impl fmt::Display for LocalDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |at: NaiveDateTime| {
            let format = if at.date() == self.date { "%H:%M" } else { "%Y-%m-%d %H:%M" };
            at.format(format)
        };
        let ((open, close), (begins, ends)) = (self.trading, self.phases);
        let (open, close, begins, ends) = (time(open), time(close), time(begins), time(ends));
        write!(f, "{} ({open} to {close}, with its phases {begins} to {ends})", self.date)
    }
}

/// What somebody who knows better says about one day of one market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayChange {
    /// No session, by the operator's file.
    Closed,
    /// No session, by the broker's own list of days.
    ClosedByBroker,
    /// A session with the usual hours.
    Open,
    /// A session with these hours.
    Hours(Hours),
}

/// Changes by market and date.
pub type DayChanges = BTreeMap<(Market, NaiveDate), DayChange>;

/// Why a day is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayKind {
    /// A session with the usual hours.
    Session,
    /// A session that opens or closes at another time than usual.
    ShortOrShifted,
    /// Saturday or Sunday.
    Weekend,
    /// Listed as closed; the name where known.
    Holiday(Option<&'static str>),
    /// The operator's file, or the broker, says so.
    Changed(DayChange),
    /// Outside the table.
    Unknown,
}

/// Which dates are sessions, and their hours. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Calendar {
    base: Arc<Base>,
    /// In the order of [`Market::ALL`]; empty when the data failed its check.
    tables: Vec<Arc<Table>>,
    changes: Arc<DayChanges>,
}

/// The data, and what it expands to.
#[derive(Debug)]
struct Base {
    source: Result<Source, TableError>,
    tables: Vec<Arc<Table>>,
}

// === Making ===

impl Calendar {
    /// The embedded calendar, expanded once per process. Where it fails its check everything is unknown;
    /// [`Calendar::fault`] says why.
    pub fn official() -> Self {
        static OFFICIAL: OnceLock<Calendar> = OnceLock::new();
        OFFICIAL.get_or_init(Self::expand).clone()
    }

    /// Expands the embedded data afresh.
    pub fn expand() -> Self {
        Self::from_text(DATA, CHECKSUM)
    }

    fn from_text(text: &str, checksum: u64) -> Self {
        let base = match verified(text, checksum).and_then(|source| Ok((expanded(&source)?, source))) {
            Ok((tables, source)) => Base { source: Ok(source), tables },
            Err(error) => Base { source: Err(error), tables: Vec::new() },
        };
        Self { tables: base.tables.clone(), base: Arc::new(base), changes: Arc::default() }
    }

    /// Why everything is unknown, if it is.
    pub fn fault(&self) -> Option<&TableError> {
        self.base.source.as_ref().err()
    }

    /// The embedded calendar with `changes`, in the place of earlier ones. No changes always fit, even without a table.
    ///
    /// # Errors
    /// [`TableError`] names the first change that cannot be: a date outside the table, hours that contradict
    /// themselves, or a day that would reach into another.
    pub fn with_changes(&self, changes: &DayChanges) -> Result<Self, TableError> {
        if changes.is_empty() {
            let (base, tables) = (self.base.clone(), self.base.tables.clone());
            return Ok(Self { base, tables, changes: Arc::default() });
        }
        let source = self.base.source.as_ref().map_err(Clone::clone)?;
        let mut tables = self.base.tables.clone();
        for (&(market, date), change) in changes {
            let row = changed_row(source, market, date, *change)?;
            if let Some(table) = tables.get_mut(market as usize) {
                Arc::make_mut(table).set(date, row);
            }
        }
        for (market, table) in Market::ALL.into_iter().zip(&tables) {
            table.check(market)?;
        }
        Ok(Self { base: self.base.clone(), tables, changes: Arc::new(changes.clone()) })
    }

    fn table(&self, market: Market) -> Option<&Table> {
        self.tables.get(market as usize).map(Arc::as_ref)
    }

    fn source(&self, market: Market) -> Option<(&Source, &CalendarSource)> {
        let source = self.base.source.as_ref().ok()?;
        source.of(market).ok().map(|(_, calendar)| (source, calendar))
    }
}

fn verified(text: &str, expected: u64) -> Result<Source, TableError> {
    let found = checksum(text);
    if found == expected { Source::parse(text) } else { Err(TableError::Checksum { expected, found }) }
}

/// FNV-1a, 64 bits.
fn checksum(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Markets with the same days and hours share a table.
fn expanded(source: &Source) -> Result<Vec<Arc<Table>>, TableError> {
    let mut tables: Vec<Arc<Table>> = Vec::with_capacity(Market::ALL.len());
    for market in Market::ALL {
        let twin = Market::ALL.into_iter().zip(&tables).find(|(other, _)| source.are_alike(*other, market));
        let table = match twin {
            Some((_, table)) => table.clone(),
            None => Arc::new(Table::expand(source, market)?),
        };
        tables.push(table);
    }
    Ok(tables)
}

fn changed_row(
    source: &Source,
    market: Market,
    date: NaiveDate,
    change: DayChange,
) -> Result<Option<table::Row>, TableError> {
    let (first, last) = (source.first, source.last);
    if date < first || date > last {
        return Err(TableError::Outside { date, first, last });
    }
    let (of_market, calendar) = source.of(market)?;
    match change {
        DayChange::Closed | DayChange::ClosedByBroker => Ok(None),
        DayChange::Open => table::usual_row(market, of_market, calendar, date).map(Some),
        DayChange::Hours(hours) => table::row(market, of_market, calendar, date, &hours).map(Some),
    }
}

// === An instant ===

impl Calendar {
    /// Whether `market` trades at `at`, auctions inside the session included and lunch not; none outside the table.
    pub fn is_open(&self, market: Market, at: DateTime<Utc>) -> Option<bool> {
        let (table, at_s) = (self.table(market)?, at.timestamp());
        table.knows(at_s).then(|| {
            let last = table.opened(at_s).checked_sub(1).and_then(|index| table.rows.get(index));
            last.is_some_and(|row| row.is_open(at_s))
        })
    }

    /// Where `market` stands at `at`.
    pub fn phase(&self, market: Market, at: DateTime<Utc>) -> Phase {
        match self.table(market) {
            Some(table) if table.knows(at.timestamp()) => {
                self.last_begun(market, at).map_or(Phase::Closed, |session| session.phase(at))
            }
            Some(_) | None => Phase::Unknown,
        }
    }

    /// The first instant strictly after `at` at which `market` turns open; the end of lunch counts. None when the
    /// table has no further one, or does not reach `at`.
    pub fn next_open(&self, market: Market, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let (table, at_s) = (self.table(market)?, at.timestamp());
        if !table.knows(at_s) {
            return None;
        }
        let opened = table.opened(at_s);
        let last = opened.checked_sub(1).and_then(|index| table.rows.get(index));
        let after_lunch = last.and_then(table::Row::lunch_s).map(|(_, end)| end).filter(|end| *end > at_s);
        let next = after_lunch.or_else(|| table.rows.get(opened).map(|row| row.open_s));
        next.map(instant)
    }

    /// The first open of a session strictly after `at`; lunch does not count.
    pub fn next_session_open(&self, market: Market, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let (table, at_s) = (self.table(market)?, at.timestamp());
        let next = table.knows(at_s).then(|| table.rows.get(table.opened(at_s))).flatten();
        next.map(|row| instant(row.open_s))
    }

    /// The date of the session that the local date of `at` has, if it has one.
    pub fn session_date(&self, market: Market, at: DateTime<Utc>) -> Option<NaiveDate> {
        self.session_on(market, market.date_at(at)).map(|session| session.date)
    }

    /// The next change of phase strictly after `at`, the table's own end included.
    pub fn next_change(&self, market: Market, at: DateTime<Utc>) -> Option<Change> {
        let table = self.table(market)?;
        let (first_s, end_s) = table.known_s;
        if !table.knows(at.timestamp()) {
            return (at < instant(first_s)).then(|| Change { at: instant(first_s), phase: Phase::Closed });
        }
        let changes = self.around(market, at).flat_map(|session| session.changes());
        let next = changes.into_iter().find(|change| change.at > at);
        next.or(Some(Change { at: instant(end_s), phase: Phase::Unknown }))
    }

    /// The next instant strictly after `at` at which one of `markets` turns open, and which of them do.
    pub fn next_open_of(
        &self,
        markets: &[Market],
        at: DateTime<Utc>,
    ) -> Option<(DateTime<Utc>, Vec<Market>)> {
        let opens: Vec<_> =
            markets.iter().filter_map(|market| Some((self.next_open(*market, at)?, *market))).collect();
        let first = opens.iter().map(|(open, _)| *open).min()?;
        let which = opens.into_iter().filter(|(open, _)| *open == first).map(|(_, market)| market);
        Some((first, which.collect()))
    }
}

// === A session ===

impl Calendar {
    /// The session of `market` on `date` (a date in its zone), if it trades then.
    pub fn session_on(&self, market: Market, date: NaiveDate) -> Option<Session> {
        self.table(market)?.on(date).map(|row| row.session(market))
    }

    /// The session that `at` lies in, from its open to its close, lunch included.
    pub fn session_of(&self, market: Market, at: DateTime<Utc>) -> Option<Session> {
        let table = self.table(market)?;
        let row = table.opened(at.timestamp()).checked_sub(1).and_then(|index| table.rows.get(index))?;
        (at.timestamp() < row.close_s()).then(|| row.session(market))
    }

    /// The session that began anything (its pre-market, its auction) last, at `at` or before: the one whose date a
    /// closed market still carries.
    pub fn last_begun(&self, market: Market, at: DateTime<Utc>) -> Option<Session> {
        let table = self.table(market)?;
        let index = table.begun(at.timestamp()).checked_sub(1)?;
        table.rows.get(index).map(|row| row.session(market))
    }

    /// The session of `market` that closed last, at `at` or before.
    pub fn last_ended(&self, market: Market, at: DateTime<Utc>) -> Option<Session> {
        let table = self.table(market)?;
        let opened = table.rows.get(..table.opened(at.timestamp()))?;
        opened.iter().rfind(|row| row.close_s() <= at.timestamp()).map(|row| row.session(market))
    }

    /// The session that began last at `at`, and every later one.
    pub fn around(&self, market: Market, at: DateTime<Utc>) -> impl Iterator<Item = Session> + '_ {
        let table = self.table(market);
        let rows = table.map_or(&[][..], |table| {
            table.rows.get(table.begun(at.timestamp()).saturating_sub(1)..).unwrap_or_default()
        });
        rows.iter().map(move |row| row.session(market))
    }

    /// The sessions on the dates `from` to `to`, both included.
    pub fn sessions_between(
        &self,
        market: Market,
        from: NaiveDate,
        to: NaiveDate,
    ) -> impl Iterator<Item = Session> + '_ {
        let rows = self.table(market).map_or(&[][..], |table| table.rows.as_slice());
        let begin = rows.partition_point(|row| row.date < from);
        rows.iter().skip(begin).take_while(move |row| row.date <= to).map(move |row| row.session(market))
    }
}

// === A date ===

impl Calendar {
    /// How well `date` is known. What the operator's file or the broker settled is official.
    pub fn status(&self, market: Market, date: NaiveDate) -> DateStatus {
        if self.changes.contains_key(&(market, date)) {
            return DateStatus::Official;
        }
        let known = self.source(market);
        known.map_or(DateStatus::Unknown, |(source, calendar)| table::status(source, calendar, date))
    }

    /// Why the day is what it is.
    pub fn day(&self, market: Market, date: NaiveDate) -> DayKind {
        let Some((source, calendar)) = self.source(market) else { return DayKind::Unknown };
        if let Some(change) = self.changes.get(&(market, date)) {
            DayKind::Changed(*change)
        } else if table::status(source, calendar, date) == DateStatus::Unknown {
            DayKind::Unknown
        } else if !table::is_weekday(date) {
            DayKind::Weekend
        } else if calendar.is_holiday(date) {
            DayKind::Holiday(holidays::name(market, date))
        } else if calendar.is_special(date) {
            DayKind::ShortOrShifted
        } else {
            DayKind::Session
        }
    }

    /// The last date that the exchange has announced; none when there is no table.
    pub fn official_until(&self, market: Market) -> Option<NaiveDate> {
        self.table(market).map(|table| table.official_until)
    }

    /// The dates that the table holds; none when there is no table.
    pub fn bounds(&self) -> Option<(NaiveDate, NaiveDate)> {
        self.base.source.as_ref().ok().map(|source| (source.first, source.last))
    }

    /// The hours of a usual day of the time of `date`, also where `date` is a half day; none before the table.
    pub fn usual_hours(&self, market: Market, date: NaiveDate) -> Option<Hours> {
        self.source(market)?.1.usual_hours(date)
    }

    /// What is changed in the embedded data.
    pub fn changes(&self) -> &DayChanges {
        &self.changes
    }
}

/// The next instant at which any of `markets` is open: `at` itself when one is open already.
///
/// An accelerated clock may jump there when this is later than now.
pub fn next_open_any(markets: &[Market], at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let calendar = Calendar::official();
    if markets.iter().any(|market| calendar.is_open(*market, at) == Some(true)) {
        return Some(at);
    }
    calendar.next_open_of(markets, at).map(|(open, _markets)| open)
}

#[cfg(test)]
mod tests;
