//! One stock at a time: halts of a symbol, disputed orders, and holdings compared with the exchange's.
//!
//! A symbol halt closes one stock to new orders on both sides because the books of it need a person. It is a row that
//! stands until a named person releases it (order-protocol 4, invariants 6, 7 and 9).

use std::fmt;

use actix::Message;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ledger::LedgerError;
use super::trading::OrderUpdate;
use crate::{AccountSnapshot, Instrument, IntentId};

/// Why one stock takes no new orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SymbolHaltCause {
    /// Several orders could be the one of an intent, or the other way round.
    Dispute,
    /// What the exchange says contradicts itself, its own reply or what is booked.
    Contradiction,
    /// The exchange holds another number of shares than the books explain.
    Position,
}

impl SymbolHaltCause {
    /// Every cause.
    pub const ALL: [Self; 3] = [Self::Dispute, Self::Contradiction, Self::Position];

    /// The word stored and shown.
    pub fn code(self) -> &'static str {
        match self {
            Self::Dispute => "dispute",
            Self::Contradiction => "contradiction",
            Self::Position => "position",
        }
    }
}

impl fmt::Display for SymbolHaltCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A halt of one stock, as it stands in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SymbolHalt {
    /// Its number in the ledger, from 1.
    pub id: u64,
    /// The stock.
    pub instrument: Instrument,
    /// Since when, exchange time.
    pub at: DateTime<Utc>,
    /// What kind of trouble.
    pub cause: SymbolHaltCause,
    /// The trouble in words.
    pub reason: String,
}

/// RiskGuard -> TradeLedger at start: which stocks are halted? Asked, 5 s. Oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<SymbolHalt>, LedgerError>")]
pub struct SymbolHalts;

/// Broker -> RiskGuard: the ledger has halted a stock. A tell that is never dropped; the ledger refuses approvals for
/// it in any case.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct SymbolHalted {
    /// The halt.
    pub halt: SymbolHalt,
}

/// A named person -> RiskGuard: lift every halt of one stock. Asked, 5 s. Releasing a halt about a position accepts
/// the number of shares that the exchange shows.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<SymbolReleased, PersonError>")]
pub struct RequestSymbolRelease {
    /// The stock.
    pub instrument: Instrument,
    /// Who.
    pub by: String,
    /// Why, for the record.
    pub reason: String,
}

/// What a release achieved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SymbolReleased {
    /// The halts that were lifted, oldest first.
    pub lifted: Vec<SymbolHalt>,
    /// Shares now taken as given, signed; none when no difference was open.
    pub accepted_shares: Option<i64>,
}

/// What a person says about an intent whose order cannot be told apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// The disputed order with this number is its order; `NUMBER`, or `DATE/BRANCH/NUMBER` where the number alone is
    /// not enough.
    Order(String),
    /// None of the disputed orders is its order. It ends only when the final lists do not show it either.
    None,
}

/// A named person -> RiskGuard: end a dispute. Asked, 5 s. Nothing is ever sent again for the intent.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Resolved, PersonError>")]
pub struct RequestResolution {
    /// The intent.
    pub intent: IntentId,
    /// What is so.
    pub resolution: Resolution,
    /// Who says so.
    pub by: String,
    /// Why, for the record.
    pub reason: String,
}

/// What a resolution achieved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The intent as it is now.
    pub update: OrderUpdate,
    /// Halts of its stock that still stand; each is released by name.
    pub still_halted: Vec<SymbolHalt>,
}

/// Why a person's word was not booked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersonError {
    /// A rule of the books forbids it: nothing was written.
    #[error("{0}")]
    Refused(String),
    /// Whether it was written is unknown; asking again is harmless.
    #[error("the ledger did not confirm it: {0}; see: kestrel status")]
    Unconfirmed(String),
}

/// Broker -> TradeLedger, with each account that it reads: do the books explain what the exchange holds? Asked, 5 s.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<HoldingsCompared, LedgerError>")]
pub struct CompareHoldings {
    /// The account in one currency.
    pub snapshot: AccountSnapshot,
}

/// What a comparison of holdings showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoldingsCompared {
    /// Shares of other origin that were taken into the books now, signed.
    pub adopted: Vec<(Instrument, i64)>,
    /// Stocks with a difference that is not proven yet: the order list may explain it.
    pub doubted: Vec<Instrument>,
    /// Stocks that are halted from now on.
    pub halted: Vec<SymbolHalt>,
}

/// Broker -> TradeLedger: how many orders became unknown in the last hour of exchange time, at most since a person
/// last lifted a halt for that reason? Asked, 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<u32, LedgerError>")]
pub struct UnknownsLately;
