//! What MarketClock tells: session phases, scan and decision slots, closed days.
//!
//! Each message carries its key (market, session date, phase or slot); receivers ignore a key they have seen,
//! so a restart of MarketClock may repeat but never double.

use std::fmt;

use actix::Message;
use chrono::{DateTime, NaiveDate, Utc};

use crate::Market;

/// Where a market's day stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// No continuous trading: night, weekend, before the open.
    Closed,
    /// Continuous trading.
    Open,
    /// The break between two sittings.
    Lunch,
}

/// Which occasion of a session a scan or decision belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    /// Daily mode: the n-th planned call of the session, from 1.
    Daily(u32),
    /// Realtime mode: the n-th cycle of 60 s since the open, from 0.
    Realtime(u32),
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Daily(n) => write!(f, "daily-{n}"),
            Self::Realtime(n) => write!(f, "realtime-{n}"),
        }
    }
}

/// A slot of one market's session: the idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotKey {
    /// The market.
    pub market: Market,
    /// Its session date.
    pub session_date: NaiveDate,
    /// The slot.
    pub slot: Slot,
}

impl fmt::Display for SlotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.market, self.session_date, self.slot)
    }
}

/// MarketClock -> Scanner, RiskGuard, Broker, Notifier: a market's phase changed, or was found so at start-up.
/// A tell; no answer.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct SessionChanged {
    /// The market.
    pub market: Market,
    /// Its session date.
    pub session_date: NaiveDate,
    /// The phase now.
    pub phase: Phase,
    /// When the phase began or was first seen.
    pub at: DateTime<Utc>,
}

/// MarketClock -> Scanner: look at the market now. A tell; dropped by the receiver after `expires_at`.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct ScanDue {
    /// Which scan this is.
    pub key: SlotKey,
    /// After this the scan is worth nothing.
    pub expires_at: DateTime<Utc>,
}

/// MarketClock -> Brain: decide once the candidates of the same key are there. A tell; dropped after `expires_at`.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct DecideDue {
    /// Which decision this is; joins [`super::trading::CandidatesFound`] of the same key.
    pub key: SlotKey,
    /// After this no decision may be made from it.
    pub expires_at: DateTime<Utc>,
}

/// MarketClock -> Broker (reconciles and closes the day), RiskGuard, Optimizer: the session is over and the
/// settling delay has passed. A tell; repeated at start-up for the last closed session.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct DayClosed {
    /// The market.
    pub market: Market,
    /// The session that ended.
    pub session_date: NaiveDate,
    /// When its trading ended.
    pub closed_at: DateTime<Utc>,
}
