//! One trading day of one market, in absolute time, with its auctions and breaks.

use chrono::{DateTime, NaiveDate, Utc};
use domain::Market;
use domain::messages::schedule::Phase;

/// From the first instant up to, not including, the second.
pub type Span = (DateTime<Utc>, DateTime<Utc>);

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
    /// The break, if there is one.
    pub lunch: Option<Span>,
    /// Trading before the open, if the market has it.
    pub pre_market: Option<Span>,
    /// When orders are collected for the opening price; before the open, or its first minutes.
    pub opening_auction: Option<Span>,
    /// When orders are collected for the closing price; the last minutes, or after the close.
    pub closing_auction: Option<Span>,
    /// Trading after the close, if the market has it.
    pub post_close: Option<Span>,
}

/// A phase begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: DateTime<Utc>,
    /// Which.
    pub phase: Phase,
}

impl Session {
    /// Where the day stands at `at`; closed outside everything the day has.
    pub fn phase(&self, at: DateTime<Utc>) -> Phase {
        let named = [
            (self.lunch, Phase::Lunch),
            (self.opening_auction, Phase::OpeningAuction),
            (self.closing_auction, Phase::ClosingAuction),
            (Some((self.open, self.close)), Phase::Continuous),
            (self.pre_market, Phase::PreMarket),
            (self.post_close, Phase::PostClose),
        ];
        let found = named.into_iter().find(|(span, _)| span.is_some_and(|span| contains(span, at)));
        found.map_or(Phase::Closed, |(_, phase)| phase)
    }

    /// True from the open to the close, but for lunch; auctions inside the session count (CALENDARS.md 5.1).
    pub fn is_open(&self, at: DateTime<Utc>) -> bool {
        contains((self.open, self.close), at) && !self.lunch.is_some_and(|lunch| contains(lunch, at))
    }

    /// The first instant of anything the day has.
    pub fn begins(&self) -> DateTime<Utc> {
        self.spans().map(|(start, _)| start).min().unwrap_or(self.open)
    }

    /// The first instant after everything the day has.
    pub fn ends(&self) -> DateTime<Utc> {
        self.spans().map(|(_, end)| end).max().unwrap_or(self.close)
    }

    /// When the phase changes and to what, in order; the last one is to [`Phase::Closed`].
    pub fn changes(&self) -> Vec<Change> {
        let mut instants: Vec<_> = self.spans().flat_map(|(start, end)| [start, end]).collect();
        instants.sort_unstable();
        instants.dedup();
        let mut changes: Vec<_> =
            instants.into_iter().map(|at| Change { at, phase: self.phase(at) }).collect();
        changes.dedup_by_key(|change| change.phase);
        changes
    }

    /// The end of the phase that holds at `at`; the day's end after its last change.
    pub fn phase_end(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        self.changes().into_iter().find(|change| change.at > at).map_or(self.ends(), |change| change.at)
    }

    /// When the phase that holds at `at` began; `at` itself before the day's first phase.
    pub fn phase_start(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        self.changes().into_iter().rfind(|change| change.at <= at).map_or(at, |change| change.at)
    }

    fn spans(&self) -> impl Iterator<Item = Span> {
        let optional =
            [self.lunch, self.pre_market, self.opening_auction, self.closing_auction, self.post_close];
        optional.into_iter().flatten().chain([(self.open, self.close)])
    }
}

fn contains((start, end): Span, at: DateTime<Utc>) -> bool {
    start <= at && at < end
}
