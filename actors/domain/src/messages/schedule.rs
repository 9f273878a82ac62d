//! What MarketClock tells: session phases, scan and decision slots, closed days.
//!
//! Each message carries its key (market, session date, phase or slot); receivers ignore a key they have seen,
//! so a restart of MarketClock may repeat but never double.

use std::fmt;

use actix::Message;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::Market;

/// Where a market's day stands. Only [`Phase::Continuous`] is traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Trading before the regular session, which this agent leaves alone.
    PreMarket,
    /// Orders are collected for the opening price.
    OpeningAuction,
    /// Continuous trading.
    Continuous,
    /// The break between two sittings.
    Lunch,
    /// Orders are collected for the closing price.
    ClosingAuction,
    /// Trading after the regular session, which this agent leaves alone.
    PostClose,
    /// Night, weekend, holiday.
    Closed,
    /// No calendar reaches this instant: nobody may guess.
    Unknown,
}

impl Phase {
    /// True in the one phase in which this agent trades.
    pub fn is_tradable(self) -> bool {
        match self {
            Self::Continuous => true,
            Self::PreMarket
            | Self::OpeningAuction
            | Self::Lunch
            | Self::ClosingAuction
            | Self::PostClose
            | Self::Closed
            | Self::Unknown => false,
        }
    }

    /// The word stored and shown.
    pub fn code(self) -> &'static str {
        match self {
            Self::PreMarket => "pre_market",
            Self::OpeningAuction => "opening_auction",
            Self::Continuous => "continuous",
            Self::Lunch => "lunch",
            Self::ClosingAuction => "closing_auction",
            Self::PostClose => "post_close",
            Self::Closed => "closed",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// How well a calendar date is known (CALENDARS.md 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DateStatus {
    /// The exchange has announced it.
    Official,
    /// A forecast by rule: the exchange has not announced the year yet.
    Estimated,
    /// The sources contradict each other.
    Uncertain,
    /// Outside the table.
    Unknown,
}

impl DateStatus {
    /// The word stored and shown.
    pub fn code(self) -> &'static str {
        match self {
            Self::Official => "official",
            Self::Estimated => "estimated",
            Self::Uncertain => "uncertain",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for DateStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Who decides whether a market has a session on a day, and its hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DaySource {
    /// The built-in calendar.
    Calendar,
    /// The operator's override file.
    OverrideFile,
    /// The broker's own list of days, which has closed it.
    BrokersList,
}

impl fmt::Display for DaySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Calendar => "the calendar",
            Self::OverrideFile => "the override file",
            Self::BrokersList => "the broker's own list of days",
        })
    }
}

/// How far a market's day may be traded upon (CALENDARS.md 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Trust {
    /// The day is official, or proved by a second source: buys, sells, judgements.
    Certain,
    /// The day is a forecast that nothing has confirmed: no orders, no judgements.
    Unproved,
    /// Two sources contradict each other about the day: exits only.
    Disputed,
    /// The market should be open, but nothing trades while the broker answers: no orders, no judgements.
    SuspectedClosed,
    /// The broker does not answer at all: no entries, and orders are reconciled first when it returns.
    BrokerDown,
    /// No table reaches the day: no entries.
    Unknown {
        /// The operator has allowed exits.
        exits: bool,
    },
}

impl Trust {
    /// True when stocks may be judged and bought.
    pub fn allows_entries(self) -> bool {
        match self {
            Self::Certain => true,
            Self::Unproved
            | Self::Disputed
            | Self::SuspectedClosed
            | Self::BrokerDown
            | Self::Unknown { .. } => false,
        }
    }

    /// True when what is held may be sold.
    pub fn allows_exits(self) -> bool {
        match self {
            Self::Certain | Self::Disputed | Self::BrokerDown | Self::Unknown { exits: true } => true,
            Self::Unproved | Self::SuspectedClosed | Self::Unknown { exits: false } => false,
        }
    }
}

impl Trust {
    /// The word stored and shown.
    pub fn code(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Unproved => "unproved",
            Self::Disputed => "disputed",
            Self::SuspectedClosed => "suspected_closed",
            Self::BrokerDown => "broker_down",
            Self::Unknown { exits: false } => "unknown",
            Self::Unknown { exits: true } => "unknown_exits_allowed",
        }
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certain => "the day is certain",
            Self::Unproved => "nothing proves yet that the market trades today",
            Self::Disputed => "the sources contradict each other about today",
            Self::SuspectedClosed => "the market should be open, but nothing trades",
            Self::BrokerDown => "the broker does not answer",
            Self::Unknown { exits: false } => "no calendar reaches today",
            Self::Unknown { exits: true } => "no calendar reaches today; the operator allows exits",
        })
    }
}

/// Which occasion of a session a scan or decision belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    /// Daily mode: the n-th planned call of the session, from 1.
    Daily(u32),
    /// Realtime mode: the n-th cycle of 60 s since the open, from 0.
    Realtime(u32),
    /// Between the slots of daily mode: a look at what is held, in the n-th minute since the open, from 0. Sales only.
    Exits(u32),
}

impl Slot {
    /// True for a look at what is held.
    pub fn is_exits(self) -> bool {
        match self {
            Self::Exits(_) => true,
            Self::Daily(_) | Self::Realtime(_) => false,
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Daily(n) => write!(f, "daily-{n}"),
            Self::Realtime(n) => write!(f, "realtime-{n}"),
            Self::Exits(n) => write!(f, "exits-{n}"),
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

/// MarketClock -> RiskGuard, Broker, Notifier: a market's phase or trust changed, or was found so at start-up.
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
    /// How far the day may be traded upon.
    pub trust: Trust,
    /// Who says what today is.
    pub source: DaySource,
    /// Until when the broker takes orders of this market, as far as it states that; none when it takes none, and in every
    /// phase in which this agent does not trade.
    pub orders_until: Option<DateTime<Utc>>,
    /// When the phase began or was first seen.
    pub at: DateTime<Utc>,
}

impl SessionChanged {
    /// True while the market trades as far as anybody can know: in continuous trading, and on a day that no calendar reaches for
    /// which the operator allows exits, while the broker takes orders.
    pub fn trades(&self, now: DateTime<Utc>) -> bool {
        let is_at_word = self.phase == Phase::Unknown && self.trust == Trust::Unknown { exits: true };
        self.phase.is_tradable() || (is_at_word && self.orders_until.is_some_and(|until| now < until))
    }
}

/// A slot is worth something for at most so long after it was told. One that ends later was told by a clock that ran ahead.
pub const LONGEST_SLOT: TimeDelta = TimeDelta::minutes(10);

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
    /// The markets, this one among them, whose slots began at this moment and may be judged in one prompt: they share
    /// open and currency. Empty when the slot stands alone.
    pub together: Vec<Market>,
    /// When the session ends, the closing auction included; none where no calendar reaches.
    pub closes_at: Option<DateTime<Utc>>,
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
