//! What MarketClock writes down before it is acted on, so that nothing happens twice after a restart.
//!
//! An occasion is known by its market, session date, kind and beginning: one that was booked has happened and does not happen
//! again. They need not come in order: what a clock that ran ahead was told early stands in the way of nothing else.

use actix::Message;
use chrono::{DateTime, NaiveDate, Utc};

use super::ledger::LedgerError;
use crate::Market;

/// Kinds of occasions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OccasionKind {
    /// A phase of the session began.
    Phase,
    /// A slot of the daily plan, or a realtime cycle.
    Slot,
    /// A look at what is held, between slots.
    Exits,
    /// The session is over and settled.
    DayClosed,
    /// The operator was told something about the date.
    Notice,
    /// How far the day may be traded upon changed.
    Trust,
    /// The broker's own list of days was read.
    ListedDays,
}

impl OccasionKind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Phase, Self::Slot, Self::Exits, Self::DayClosed, Self::Notice, Self::Trust, Self::ListedDays];

    /// The word stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::Phase => "phase",
            Self::Slot => "slot",
            Self::Exits => "exits",
            Self::DayClosed => "day_closed",
            Self::Notice => "notice",
            Self::Trust => "trust",
            Self::ListedDays => "listed_days",
        }
    }
}

/// Something that happens once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// The market.
    pub market: Market,
    /// Its session date.
    pub session_date: NaiveDate,
    /// What kind.
    pub kind: OccasionKind,
    /// When it began by the calendar; no two of one market, session date and kind begin together.
    pub begins_at: DateTime<Utc>,
    /// Which one, in words, for people who read the books.
    pub label: String,
}

/// MarketClock -> TradeLedger: write these down, all or none. The answer says of each whether it is new; one that is
/// not must not be acted on. Asked, 5 s; no answer means unknown.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<bool>, LedgerError>")]
pub struct BookOccasions {
    /// What is about to be told.
    pub occasions: Vec<Occasion>,
}

/// MarketClock -> TradeLedger: what was booked for session dates from `since` on, oldest date first. Asked, 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<Occasion>, LedgerError>")]
pub struct BookedOccasions {
    /// The first session date.
    pub since: NaiveDate,
}
