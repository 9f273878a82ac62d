//! When the ten markets trade: weekly hours with lunch, in each market's own zone, so daylight saving needs no rule.
//!
//! Hours are those in force since 2024-11-05, when Tokyo moved its close to 15:30 (CALENDARS.md 5.2). An instant
//! belongs to a session when `open <= instant < close`, and to its lunch when `start <= instant < end`.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeZone, Utc, Weekday};
use domain::Market;
use domain::messages::schedule::Phase;

/// How many days a search for the next or last session may take; the longest closure known lasts 11 (CALENDARS.md 2).
const SEARCH_DAYS_MAX: u64 = 31;

/// One trading day of one market, in absolute time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The market.
    pub market: Market,
    /// The date in the market's zone: the session's name in every record.
    pub date: NaiveDate,
    /// The first instant of trading.
    pub open: DateTime<Utc>,
    /// The first instant after trading.
    pub close: DateTime<Utc>,
    /// Start and end of the break, if there is one.
    pub lunch: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Session {
    /// Where the day stands at `at`.
    pub fn phase(&self, at: DateTime<Utc>) -> Phase {
        let at_lunch = self.lunch.is_some_and(|(start, end)| start <= at && at < end);
        if at < self.open || at >= self.close {
            Phase::Closed
        } else if at_lunch {
            Phase::Lunch
        } else {
            Phase::Open
        }
    }

    /// When the phase changes and to what, in order.
    pub fn changes(&self) -> Vec<Change> {
        let change = |at, phase| Change { at, phase };
        let mut changes = vec![change(self.open, Phase::Open)];
        if let Some((start, end)) = self.lunch {
            changes.extend([change(start, Phase::Lunch), change(end, Phase::Open)]);
        }
        changes.push(change(self.close, Phase::Closed));
        changes
    }

    /// The end of the uninterrupted trading around `at`: the start of lunch or the close.
    pub fn sitting_end(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        match self.lunch {
            Some((start, _end)) if at < start => start,
            Some(_) | None => self.close,
        }
    }
}

/// A phase begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: DateTime<Utc>,
    /// Which.
    pub phase: Phase,
}

/// Which dates are sessions, and their hours.
#[derive(Clone, Debug, Default)]
pub struct Calendar {
    closed: BTreeSet<(Market, NaiveDate)>,
}

impl Calendar {
    /// Every weekday is a session.
    pub fn weekly() -> Self {
        Self::default()
    }

    /// The same calendar with `market` closed on `date`.
    #[must_use]
    pub fn closed_on(mut self, market: Market, date: NaiveDate) -> Self {
        self.closed.insert((market, date));
        self
    }

    /// The session of `market` on `date` (a date in its zone), if it trades then.
    pub fn sessions_on(&self, market: Market, date: NaiveDate) -> Option<Session> {
        let weekend = matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
        if weekend || self.closed.contains(&(market, date)) {
            return None;
        }
        let hours = weekly_hours(market);
        let instant = |time: NaiveTime| {
            let local = market.zone().from_local_datetime(&date.and_time(time)).earliest()?;
            Some(local.with_timezone(&Utc))
        };
        let lunch = match hours.lunch {
            Some((start, end)) => Some((instant(start)?, instant(end)?)),
            None => None,
        };
        Some(Session { market, date, open: instant(hours.open)?, close: instant(hours.close)?, lunch })
    }

    /// Where `market` stands at `at`.
    pub fn phase(&self, market: Market, at: DateTime<Utc>) -> Phase {
        self.session_of(market, at).map_or(Phase::Closed, |session| session.phase(at))
    }

    /// The session that `at` lies in, lunch included; none outside trading hours.
    pub fn session_of(&self, market: Market, at: DateTime<Utc>) -> Option<Session> {
        let session = self.sessions_on(market, market.date_at(at))?;
        (session.open <= at && at < session.close).then_some(session)
    }

    /// The next change of phase strictly after `at`; none when no session follows within a month.
    pub fn next_change(&self, market: Market, at: DateTime<Utc>) -> Option<Change> {
        let session = self.sessions_from(market, at).find(|session| session.close > at)?;
        session.changes().into_iter().find(|change| change.at > at)
    }

    /// The next instant strictly after `at` at which one of `markets` turns open, and which; the end of a lunch
    /// counts (CALENDARS.md 0.4). Of several at once the first in the list is named.
    pub fn next_open(&self, markets: &[Market], at: DateTime<Utc>) -> Option<(DateTime<Utc>, Market)> {
        let opens = markets.iter().filter_map(|market| Some((self.next_open_of(*market, at)?, *market)));
        opens.min_by_key(|(open, _market)| *open)
    }

    /// The session of `market` that began last, at `at` or before: the one whose date a closed market still carries.
    pub fn last_begun(&self, market: Market, at: DateTime<Utc>) -> Option<Session> {
        self.sessions_back(market, at).find(|session| session.open <= at)
    }

    /// The session of `market` that ended last, at `at` or before.
    pub fn last_ended(&self, market: Market, at: DateTime<Utc>) -> Option<Session> {
        self.sessions_back(market, at).find(|session| session.close <= at)
    }

    fn next_open_of(&self, market: Market, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let changes = self.sessions_from(market, at).flat_map(|session| session.changes());
        changes
            .into_iter()
            .find(|change| change.phase == Phase::Open && change.at > at)
            .map(|change| change.at)
    }

    /// The sessions from the local date of `at` on, earliest first, within the search bound.
    pub fn sessions_from(&self, market: Market, at: DateTime<Utc>) -> impl Iterator<Item = Session> + '_ {
        let today = market.date_at(at);
        let dates = (0..=SEARCH_DAYS_MAX).map_while(move |days| today.checked_add_days(Days::new(days)));
        dates.filter_map(move |date| self.sessions_on(market, date))
    }

    fn sessions_back(&self, market: Market, at: DateTime<Utc>) -> impl Iterator<Item = Session> + '_ {
        let today = market.date_at(at);
        let dates = (0..=SEARCH_DAYS_MAX).map_while(move |days| today.checked_sub_days(Days::new(days)));
        dates.filter_map(move |date| self.sessions_on(market, date))
    }
}

/// The next instant at which any of `markets` is open by its weekly hours: `at` itself when one is open already.
///
/// An accelerated clock may jump there when this is later than now.
pub fn next_open_any(markets: &[Market], at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let calendar = Calendar::weekly();
    if markets.iter().any(|market| calendar.phase(*market, at) == Phase::Open) {
        return Some(at);
    }
    calendar.next_open(markets, at).map(|(open, _market)| open)
}

/// A market's day in its own local time.
struct Hours {
    open: NaiveTime,
    close: NaiveTime,
    lunch: Option<(NaiveTime, NaiveTime)>,
}

/// Regular hours (CALENDARS.md 5.2); auctions inside the session count as open.
fn weekly_hours(market: Market) -> Hours {
    let hours = |open, close| Hours { open, close, lunch: None };
    let with_lunch = |open, close, start, end| Hours { open, close, lunch: Some((start, end)) };
    match market {
        Market::Kr => hours(local(9, 0), local(15, 30)),
        Market::UsNasdaq | Market::UsNyse | Market::UsAmex => hours(local(9, 30), local(16, 0)),
        Market::Jp => with_lunch(local(9, 0), local(15, 30), local(11, 30), local(12, 30)),
        Market::Hk => with_lunch(local(9, 30), local(16, 0), local(12, 0), local(13, 0)),
        Market::CnSha | Market::CnSza => with_lunch(local(9, 30), local(15, 0), local(11, 30), local(13, 0)),
        Market::VnHan | Market::VnHcm => with_lunch(local(9, 0), local(14, 45), local(11, 30), local(13, 0)),
    }
}

/// A literal time of day.
fn local(hour: u32, minute: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or(NaiveTime::MIN)
}

#[cfg(test)]
mod tests;
