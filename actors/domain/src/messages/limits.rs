//! Limits that a person makes stricter while the agent runs, and what RiskGuard asks to keep them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use actix::Message;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::control::HaltSource;
use super::ledger::LedgerError;
use crate::selection::Wait;
use crate::{Currency, Instrument, Market, Money, Price, Quantity};

/// A limit that an operator may set. Which values are allowed, and which way is stricter, `risk_guard::limits` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitName {
    /// Daily loss that halts, in percent, positive.
    MaxLossPct,
    /// Largest entry in percent of cash.
    MaxOrderPct,
    /// Lowest confidence that trades, 0 to 100.
    ConfidenceThreshold,
    /// Most entries in any 60 s.
    MaxOrdersPerMinute,
    /// Most entries in any 24 h.
    MaxOrdersPerDay,
    /// Most of one stock, held and ordered, in percent of the equity in its currency.
    MaxSymbolPct,
    /// Most of all stocks of a currency, held and ordered, in percent of its equity.
    MaxExposurePct,
    /// Oldest price that an entry may be judged on, in seconds of exchange time.
    MaxQuoteAgeS,
    /// Largest change from one price of a stock to the next that an entry is trusted on, in percent.
    MaxQuoteJumpPct,
    /// No entry in a stock for so many minutes after one was refused.
    RefusalCooldownMin,
    /// No entry in a stock for so many minutes after it was sold at a loss.
    StopCooldownMin,
    /// No entry above the price of the last sale for so many minutes after it.
    ReentryGuardMin,
}

impl LimitName {
    /// Every limit.
    pub const ALL: [Self; 12] = [
        Self::MaxLossPct,
        Self::MaxOrderPct,
        Self::ConfidenceThreshold,
        Self::MaxOrdersPerMinute,
        Self::MaxOrdersPerDay,
        Self::MaxSymbolPct,
        Self::MaxExposurePct,
        Self::MaxQuoteAgeS,
        Self::MaxQuoteJumpPct,
        Self::RefusalCooldownMin,
        Self::StopCooldownMin,
        Self::ReentryGuardMin,
    ];

    /// As it is typed and stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::MaxLossPct => "max_loss_pct",
            Self::MaxOrderPct => "max_order_pct",
            Self::ConfidenceThreshold => "confidence_threshold",
            Self::MaxOrdersPerMinute => "max_orders_per_minute",
            Self::MaxOrdersPerDay => "max_orders_per_day",
            Self::MaxSymbolPct => "max_symbol_pct",
            Self::MaxExposurePct => "max_exposure_pct",
            Self::MaxQuoteAgeS => "max_quote_age_s",
            Self::MaxQuoteJumpPct => "max_quote_jump_pct",
            Self::RefusalCooldownMin => "refusal_cooldown_min",
            Self::StopCooldownMin => "stop_cooldown_min",
            Self::ReentryGuardMin => "reentry_guard_min",
        }
    }

    /// What it limits, in words, with its unit.
    pub fn words(self) -> &'static str {
        match self {
            Self::MaxLossPct => "daily loss that halts, in percent",
            Self::MaxOrderPct => "largest purchase, in percent of cash",
            Self::ConfidenceThreshold => "lowest confidence",
            Self::MaxOrdersPerMinute => "orders in any 70 seconds beyond which nothing is bought",
            Self::MaxOrdersPerDay => "orders in any 24 hours beyond which nothing is bought",
            Self::MaxSymbolPct => "most of one stock, in percent of the equity in its currency",
            Self::MaxExposurePct => "most of all stocks of a currency, in percent of its equity",
            Self::MaxQuoteAgeS => "oldest price that is bought on, in seconds",
            Self::MaxQuoteJumpPct => "largest jump of a price that is bought on, in percent",
            Self::RefusalCooldownMin => "minutes without a purchase of a stock after one was refused",
            Self::StopCooldownMin => "minutes without a purchase of a stock after it was sold at a loss",
            Self::ReentryGuardMin => {
                "minutes after a sale in which the stock is not bought at a higher price"
            }
        }
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A name that is no limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no limit of that name; allowed: {}", LimitName::ALL.map(LimitName::code).join(", "))]
pub struct UnknownLimit;

impl FromStr for LimitName {
    type Err = UnknownLimit;

    fn from_str(text: &str) -> Result<Self, UnknownLimit> {
        Self::ALL.into_iter().find(|name| name.code() == text).ok_or(UnknownLimit)
    }
}

/// New values of some limits; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LimitsChange(pub BTreeMap<LimitName, Decimal>);

impl LimitsChange {
    /// A change of one limit.
    pub fn of(name: LimitName, value: Decimal) -> Self {
        Self(BTreeMap::from([(name, value)]))
    }

    /// True when nothing is to change.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for LimitsChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        f.write_str(&named.join(", "))
    }
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsInForce {
    /// Each limit's value.
    #[serde(flatten)]
    pub values: BTreeMap<LimitName, Decimal>,
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

/// RiskGuard -> TradeLedger: what speaks against buying a stock again at once? Asked, 5 s. Oldest first; of each kind and
/// stock the newest at least.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<Setback>, LedgerError>")]
pub struct SetbacksSince {
    /// The beginning of the longest time that anything speaks against it.
    pub since: DateTime<Utc>,
    /// Of one stock only; none: of all.
    pub instrument: Option<Instrument>,
}

/// Scanner -> RiskGuard: the stocks of a market that are not bought now, in the order in which the reasons are looked at; a stock
/// may have several. Asked, 5 s. RiskGuard refuses such a purchase anyway: this saves the question whether to make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<(Instrument, Wait)>, WaitsUnknown>")]
pub struct WaitsQuery {
    /// The market.
    pub market: Market,
}

/// The ledger has not told yet what was sold and refused lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ledger has not told yet what was sold and refused lately")]
pub struct WaitsUnknown;

/// Something that speaks against buying a stock again at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setback {
    /// The stock.
    pub instrument: Instrument,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: SetbackKind,
}

/// What speaks against buying a stock again at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetbackKind {
    /// A purchase was refused, by RiskGuard or by the exchange.
    Refused {
        /// Why, in words or as a code.
        why: String,
    },
    /// Shares were sold.
    Sold {
        /// At this price.
        price: Price,
        /// Against what they had cost; none when that is not known.
        result: Option<Money>,
    },
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
    /// What one of them cost on average, fees apart; absent when nobody knows.
    pub entry: Option<Price>,
    /// When the first of them was bought; absent when nobody knows.
    pub since: Option<DateTime<Utc>>,
    /// The highest price since then that was heard and kept; none when none was.
    pub peak: Option<Price>,
}

/// RiskGuard -> TradeLedger: a holding has not stood higher since it was bought. A tell, at most once a minute and stock.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct RecordPeak {
    /// The stock.
    pub instrument: Instrument,
    /// When the first share of it was bought: a peak belongs to one purchase.
    pub since: DateTime<Utc>,
    /// The price.
    pub peak: Price,
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
