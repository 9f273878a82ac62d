//! What a person, or an actor on a person's behalf, asks of RiskGuard.

use std::fmt;

use actix::Message;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    HaltEpoch, HaltId, HaltNonce, Instrument, IntentId, OrderState, OrderTerms, Price, Quantity, Side,
};

/// Where a halt came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HaltSource {
    /// A person through the control socket.
    Operator,
    /// A person through Telegram.
    Telegram,
    /// A person through the web page.
    Dashboard,
    /// The daily-loss breaker.
    CircuitBreaker,
    /// Supervision gave up on an actor.
    Supervision,
    /// Five boots in ten minutes.
    CrashLoop,
    /// The books do not agree with the exchange.
    BookMismatch,
    /// The database failed its integrity check.
    Integrity,
    /// The exchange refused in a way that only a person can mend (KIS.md 5, fatal class).
    Exchange,
    /// The file `HALT` in the data directory.
    EmergencyFile,
    /// Too many orders of unknown fate within an hour (order-protocol 5.6).
    UnknownOrders,
    /// The ledger cannot write: the disk is full, or the file failed.
    Storage,
    /// Another process owns the books now.
    Fencing,
    /// The exchange's clock and ours differ by more than is allowed.
    ClockSkew,
}

impl HaltSource {
    /// Every source.
    pub const ALL: [Self; 14] = [
        Self::Operator,
        Self::Telegram,
        Self::Dashboard,
        Self::CircuitBreaker,
        Self::Supervision,
        Self::CrashLoop,
        Self::BookMismatch,
        Self::Integrity,
        Self::Exchange,
        Self::EmergencyFile,
        Self::UnknownOrders,
        Self::Storage,
        Self::Fencing,
        Self::ClockSkew,
    ];

    /// The word stored and shown.
    pub fn code(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Telegram => "telegram",
            Self::Dashboard => "dashboard",
            Self::CircuitBreaker => "circuit_breaker",
            Self::Supervision => "supervision",
            Self::CrashLoop => "crash_loop",
            Self::BookMismatch => "book_mismatch",
            Self::Integrity => "integrity",
            Self::Exchange => "exchange",
            Self::EmergencyFile => "emergency_file",
            Self::UnknownOrders => "unknown_orders",
            Self::Storage => "storage",
            Self::Fencing => "fencing",
            Self::ClockSkew => "clock_skew",
        }
    }
}

impl fmt::Display for HaltSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Anyone -> RiskGuard: stop trading. Asked on the urgent lane, 3 s. RiskGuard closes the gate before it answers.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "HaltReport")]
pub struct RequestHalt {
    /// Where it came from.
    pub source: HaltSource,
    /// Who: a user name, a chat, an actor.
    pub by: String,
    /// Why, in words.
    pub reason: String,
    /// True: the orders that work at the exchange are cancelled, whatever `HALT_CANCELS_ORDERS` says. False: as that says.
    pub cancel_open: bool,
}

/// Broker -> RiskGuard: the books gave no permit, because a halt stands or began, or began one themselves, because of
/// orders that somebody else sent. A tell. RiskGuard did not write it, so it looks whether it knows all that the books hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct HaltedByBooks;

/// How much a standing row of the halts table stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HaltLevel {
    /// Entries: exits may still leave.
    Reducing,
    /// Entries, while RiskGuard sells what this agent holds; once that is sold, everything.
    Flatten,
    /// Everything but cancels. What a record without a level means.
    #[default]
    Halted,
}

impl HaltLevel {
    /// Every level, the mildest first.
    pub const ALL: [Self; 3] = [Self::Reducing, Self::Flatten, Self::Halted];

    /// The word stored and shown.
    pub fn code(self) -> &'static str {
        match self {
            Self::Reducing => "reducing",
            Self::Flatten => "flatten",
            Self::Halted => "halted",
        }
    }

    /// True when an order of this side may leave although the row stands.
    pub fn allows(self, side: Side) -> bool {
        match (self, side) {
            (Self::Reducing | Self::Flatten, Side::Sell) => true,
            (Self::Reducing | Self::Flatten, Side::Buy) | (Self::Halted, Side::Buy | Side::Sell) => false,
        }
    }
}

impl fmt::Display for HaltLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Anyone -> RiskGuard: no new entries. Asked on the urgent lane, 3 s; kept like a halt, lifted like a halt.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "HaltReport")]
pub struct RequestReduce {
    /// Where it came from.
    pub source: HaltSource,
    /// Who.
    pub by: String,
    /// Why, in words.
    pub reason: String,
    /// True: sell what this agent holds, then halt.
    pub flatten: bool,
    /// True: the purchases that work at the exchange are cancelled, whatever `HALT_CANCELS_ORDERS` says; sales go on. A
    /// flatten cancels purchases anyway; with this, the halt that it ends in cancels whatever comes to light later.
    pub cancel_open: bool,
}

/// What a standing halt does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HaltEffect {
    /// How much it stops.
    pub level: HaltLevel,
    /// Whether it was asked to cancel what works at the exchange.
    pub cancel_open: bool,
}

/// A standing halt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaltRecord {
    /// Its id; a resume names it.
    pub id: String,
    /// Since when.
    pub at: DateTime<Utc>,
    /// Where it came from.
    pub source: HaltSource,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// How much it stops.
    #[serde(default)]
    pub level: HaltLevel,
    /// What a resume from afar must quote, so that an old or a guessed message lifts nothing.
    #[serde(default)]
    pub nonce: HaltNonce,
    /// True: until it is lifted, the orders that it stops are cancelled at the exchange, after a restart too. False, and
    /// what a record without this word means: as `HALT_CANCELS_ORDERS` says.
    #[serde(default)]
    pub cancel_open: bool,
}

impl HaltRecord {
    /// Makes a full halt of whatever it is. What a milder one was to cancel are purchases; a full one would cancel sales too, and
    /// nothing may take their place: it then cancels nothing of its own.
    pub fn stop_everything(&mut self) {
        if std::mem::replace(&mut self.level, HaltLevel::Halted) != HaltLevel::Halted {
            self.cancel_open = false;
        }
    }

    /// What it does.
    pub fn effect(&self) -> HaltEffect {
        HaltEffect { level: self.level, cancel_open: self.cancel_open }
    }
}

/// An order that a halt finds alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveOrder {
    /// The intent.
    pub intent: IntentId,
    /// What was ordered.
    pub terms: OrderTerms,
    /// Where it is.
    pub state: OrderState,
}

/// A holding that a halt finds, as the exchange last confirmed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPosition {
    /// The stock.
    pub instrument: Instrument,
    /// Shares held.
    pub quantity: Quantity,
    /// Last price, if known.
    pub price: Option<Price>,
}

/// What a halt did about the orders that work at the exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HaltCancels {
    /// Working orders stay: neither a halt that stands nor `HALT_CANCELS_ORDERS` asks for cancels.
    #[default]
    NotWanted,
    /// So many cancels are on their way; the order list shows what came of them.
    Requested(u32),
    /// Cancels are wanted, but which orders work is not known yet; Broker goes on trying.
    Pending,
}

/// How a halt is kept across a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// The row is committed in the ledger.
    Ledger,
    /// The ledger did not answer; the file `HALT` in the data directory is written and synced.
    EmergencyFile,
    /// Neither worked: trading is stopped in this process only.
    NotDurable,
}

/// What a halt achieved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaltReport {
    /// The halt that now stands (an earlier one stands too).
    pub record: HaltRecord,
    /// Whether it survives a restart.
    pub durability: Durability,
    /// True when Broker confirmed that nothing more will be sent, and what was sent is listed here; false: it did not answer
    /// in time, or nobody knows yet what an earlier life of it sent.
    pub broker_confirmed: bool,
    /// Orders working at the exchange.
    pub open: Vec<LiveOrder>,
    /// Orders whose fate is unknown.
    pub unknown: Vec<LiveOrder>,
    /// What is held.
    pub positions: Vec<HeldPosition>,
    /// What was done about working orders.
    pub cancels: HaltCancels,
    /// The epoch that began with it.
    pub epoch: HaltEpoch,
}

/// A named person -> RiskGuard: lift a standing halt. Asked, 5 s.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<ResumeReport, ResumeError>")]
pub struct RequestResume {
    /// Who.
    pub by: String,
    /// Why, in words; may be empty.
    pub reason: String,
    /// What gives the right to it, and which halt is meant.
    pub warrant: ResumeWarrant,
    /// True: exits only from now on.
    pub into_reducing: bool,
}

/// What gives the right to lift a halt. Whoever is not at the machine cannot leave the nonce out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResumeWarrant {
    /// The local control socket: the operating system has proved the user.
    ControlSocket {
        /// The halt to lift; none means "the one that stands", refused when several stand.
        halt: Option<HaltId>,
    },
    /// Anything else, e.g. a chat.
    Remote {
        /// Where it came from.
        source: HaltSource,
        /// The halt to lift.
        halt: HaltId,
        /// The nonce that was shown with that halt.
        nonce: HaltNonce,
    },
}

impl ResumeWarrant {
    /// Where the request came from.
    pub fn source(&self) -> HaltSource {
        match self {
            Self::ControlSocket { .. } => HaltSource::Operator,
            Self::Remote { source, .. } => *source,
        }
    }
}

impl RequestResume {
    /// A resume by the person at the machine.
    pub fn local(by: impl Into<String>, halt: Option<HaltId>) -> Self {
        Self {
            by: by.into(),
            reason: String::new(),
            warrant: ResumeWarrant::ControlSocket { halt },
            into_reducing: false,
        }
    }
}

/// What a resume achieved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumeReport {
    /// The halts that were lifted.
    pub lifted: Vec<HaltRecord>,
    /// True when trading goes on now; false while Broker is still reconciling, or while another halt stands.
    pub trading: bool,
    /// How it stands now.
    pub state: TradingState,
}

/// Why a halt was not lifted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError {
    /// Nothing to lift.
    #[error("trading is not halted")]
    NotHalted,
    /// Several halts stand and none was named.
    #[error("{} halts stand; name one: {}", .0.len(), .0.join(", "))]
    NameOne(Vec<String>),
    /// No such halt stands.
    #[error("no standing halt has the id {0}")]
    UnknownHalt(String),
    /// The nonce is not that of the halt.
    #[error("the code is not that of halt {0}; quote the code that was shown with it")]
    WrongNonce(String),
    /// The breaker's reason still holds.
    #[error("the breaker's halt cannot be lifted from the chat: {0}; at the machine: kestrel resume")]
    NotFromChat(String),
    /// This process can never trade again.
    #[error("this halt cannot be lifted: {0}")]
    ForGood(String),
    /// The release could not be committed; trading stays halted.
    #[error("the release could not be committed, trading stays halted: {0}")]
    NotDurable(String),
}

/// Anyone -> RiskGuard: may we trade? Asked, 2 s.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "TradingStatus")]
pub struct StatusQuery;

/// RiskGuard's view of whether trading goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradingStatus {
    /// Active, Reducing, Halted or Starting.
    pub state: TradingState,
    /// The halts that stand, oldest first.
    pub halts: Vec<HaltRecord>,
    /// Single stocks that take no new orders, oldest first.
    pub symbol_halts: Vec<super::symbols::SymbolHalt>,
    /// Why entries are refused although nothing is halted (e.g. `no account of USD yet`).
    pub entry_blocks: Vec<String>,
    /// Stocks that are not bought for a while; one may have several reasons.
    pub waits: Vec<(Instrument, crate::Wait)>,
    /// Holdings whose market trades and that nobody has seen a price of for too long.
    pub blind: Vec<Instrument>,
    /// Where each market stands, as last told.
    pub sessions: Vec<super::schedule::SessionChanged>,
    /// Orders working or unknown.
    pub live: Vec<LiveOrder>,
    /// The halt epoch.
    pub epoch: HaltEpoch,
    /// Profit or loss of the day in percent, per currency; none while unknown.
    pub day_pnl_pct: Vec<(crate::Currency, Option<rust_decimal::Decimal>)>,
    /// The account in won; none when only won are traded.
    pub won: Option<super::won::WonStanding>,
    /// The accounts as the exchange last told them, with the newest prices seen.
    pub accounts: Vec<AccountSeen>,
}

/// An account as the exchange last told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSeen {
    /// Its currency.
    pub currency: crate::Currency,
    /// When it was told.
    pub taken_at: DateTime<Utc>,
    /// Cash and the value of all holdings, if it was told.
    pub equity: Option<crate::Money>,
    /// What is held.
    pub holdings: Vec<HoldingSeen>,
}

/// A holding as the exchange last told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldingSeen {
    /// The stock.
    pub instrument: Instrument,
    /// Shares held.
    pub quantity: Quantity,
    /// The newest price seen, and when it was that.
    pub price: Option<(Price, DateTime<Utc>)>,
}

/// Whether orders may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TradingState {
    /// Not yet reconciled since the start.
    Starting,
    /// Entries and exits.
    Active,
    /// Exits only.
    Reducing,
    /// Cancels only.
    Halted,
}

impl TradingState {
    /// The word shown.
    pub fn code(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Active => "active",
            Self::Reducing => "reducing",
            Self::Halted => "halted",
        }
    }
}

impl fmt::Display for TradingState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
