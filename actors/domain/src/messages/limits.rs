//! Limits that a person makes stricter while the agent runs, and what RiskGuard asks to keep them.

use actix::Message;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::control::HaltSource;
use super::ledger::LedgerError;
use crate::{Confidence, Currency, Instrument, Quantity};

/// New values of some limits; what is absent stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsChange {
    /// Daily loss that halts, in percent, positive.
    #[serde(default)]
    pub max_loss_pct: Option<Decimal>,
    /// Largest entry in percent of cash.
    #[serde(default)]
    pub max_order_pct: Option<Decimal>,
    /// Lowest confidence that trades, 0 to 100.
    #[serde(default)]
    pub confidence_threshold: Option<Confidence>,
    /// Most entries in any 60 s.
    #[serde(default)]
    pub max_orders_per_minute: Option<u32>,
    /// Most entries in any 24 h.
    #[serde(default)]
    pub max_orders_per_day: Option<u32>,
}

/// A person -> RiskGuard: make limits stricter, now and across restarts. Asked, 5 s. Looser values are refused.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<LimitsInForce, TightenError>")]
pub struct TightenLimits {
    /// Where it came from.
    pub source: HaltSource,
    /// Who.
    pub by: String,
    /// Why, in words.
    pub reason: String,
    /// The new values.
    pub change: LimitsChange,
}

/// A person -> RiskGuard: what was made stricter shall not hold after the *next* start. Nothing changes before.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<LimitsInForce, TightenError>")]
pub struct WithdrawLimits {
    /// Where it came from.
    pub source: HaltSource,
    /// Who.
    pub by: String,
    /// Why, in words.
    pub reason: String,
}

/// Anyone -> RiskGuard: which limits are in force? Asked, 2 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "LimitsInForce")]
pub struct LimitsQuery;

/// The limits RiskGuard applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsInForce {
    /// Daily loss that halts, in percent, positive.
    pub max_loss_pct: Decimal,
    /// Largest entry in percent of cash.
    pub max_order_pct: Decimal,
    /// Lowest confidence that trades, 0 to 100.
    pub confidence_threshold: Confidence,
    /// Most entries in any 60 s.
    pub max_orders_per_minute: u32,
    /// Most entries in any 24 h.
    pub max_orders_per_day: u32,
    /// Most that is bought in a day of one currency, in times of the equity the day began with; fixed in code.
    pub max_day_purchases_times: u32,
}

/// Why limits were not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TightenError {
    /// No value was given.
    #[error("no limit was named; name at least one")]
    NothingAsked,
    /// A value is looser than what is in force, or outside its range.
    #[error("{0}")]
    NotAllowed(String),
    /// The ledger did not take it: the old limits stay.
    #[error("the change could not be committed, the limits stay as they are: {0}")]
    NotDurable(String),
}

/// One change of the limits, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitsRecord {
    /// When.
    pub at: DateTime<Utc>,
    /// Where it came from.
    pub source: HaltSource,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The new values; none: earlier changes do not hold after the next start.
    pub change: Option<LimitsChange>,
}

/// RiskGuard -> TradeLedger at start: when were orders approved since `since`? Asked, 5 s. Oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<DateTime<Utc>>, LedgerError>")]
pub struct ApprovalsSince {
    /// The beginning of the longest window that is counted.
    pub since: DateTime<Utc>,
}

/// RiskGuard -> TradeLedger: what did this agent buy and not sell? Asked, 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<OwnPosition>, LedgerError>")]
pub struct OwnPositions;

/// A stock that this agent bought and has not sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnPosition {
    /// The stock.
    pub instrument: Instrument,
    /// Shares; above zero.
    pub quantity: Quantity,
}

/// Broker -> RiskGuard: the account was asked for and is not known. A tell.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct AccountUnconfirmed {
    /// Whose.
    pub currency: Currency,
    /// Why, in words.
    pub why: String,
}
