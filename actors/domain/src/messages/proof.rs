//! Whether a market really trades: what MarketClock asks of Broker, because a calendar may be wrong (CALENDARS.md 4).
//!
//! Deadline of every ask: 25 s real time; Broker itself gives up after 20 s. An error that is not
//! [`QueryError::Unavailable`] is an answer too: the broker works, but cannot tell.

use actix::Message;
use chrono::{DateTime, NaiveDate, Utc};

use super::market_data::QueryError;
use crate::Market;

/// MarketClock -> Broker: when did a well-known stock of the market last trade? The answer is the start of its newest bar
/// with volume, and none when it has no such bar. When the broker answers again after a silence, orders are reconciled
/// before this is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Option<DateTime<Utc>>, QueryError>")]
pub struct LastTradeQuery {
    /// The market.
    pub market: Market,
}

/// MarketClock -> Broker: on which of the next days does the exchange open, by the broker's own list? At most once a day
/// (KIS.md 4): the inquiry is a burden to the broker's ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<ListedDay>, QueryError>")]
pub struct ListedDaysQuery {
    /// The market; KIS has such a list of Korea alone.
    pub market: Market,
    /// The first day wanted.
    pub from: NaiveDate,
}

/// One day of the broker's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListedDay {
    /// The date in the market's zone.
    pub date: NaiveDate,
    /// The exchange opens.
    pub opens: bool,
}
