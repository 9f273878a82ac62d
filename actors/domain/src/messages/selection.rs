//! What Scanner writes down about the stocks that it considered, and what it asks the books when rankings fail.

use actix::Message;
use chrono::{DateTime, NaiveDate, Utc};

use super::ledger::LedgerError;
use super::schedule::SlotKey;
use crate::selection::{Evidence, Selection, Verdict};
use crate::{Instrument, Market};

/// Scanner -> TradeLedger: the stocks of a scan whose verdict is new in the session, or was last told a while ago. A tell;
/// losing one loses an explanation, no trade.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct SelectionsMade {
    /// The scan.
    pub key: SlotKey,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// What it made of them.
    pub selections: Vec<Selection>,
}

/// Scanner -> TradeLedger: the stocks of a market that were traded last, newest first. Asked, 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<Instrument>, LedgerError>")]
pub struct RecentlyTraded {
    /// The market.
    pub market: Market,
    /// At most this many, 1 to 100.
    pub limit: u16,
}

/// What the books keep of a stock's verdict in one session: the first and the last time it was told, and the numbers of
/// the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedSelection {
    /// The stock.
    pub instrument: Instrument,
    /// The session.
    pub session_date: NaiveDate,
    /// What became of it.
    pub verdict: Verdict,
    /// When that was first told.
    pub first_at: DateTime<Utc>,
    /// When it was last told.
    pub last_at: DateTime<Utc>,
    /// The slot of the last, as shown to people.
    pub slot: String,
    /// Its numbers then.
    pub evidence: Evidence,
}
