//! The permit to send, and what Broker tells the ledger afterwards.
//!
//! Invariant: a [`SendPermit`] is made only after the conditional update to `Sending` changed exactly one row, so one
//! intent never gets two. This module has no children, because a child could reach its private fields.

use actix::Message;
use chrono::{DateTime, NaiveDate, Utc};
use domain::messages::control::{HaltLevel, HaltRecord, HaltSource};
use domain::messages::ledger::LedgerError;
use domain::messages::symbols::SymbolHalt;
use domain::messages::trading::OrderUpdate;
use domain::{
    FencingEpoch, HaltEpoch, HaltId, HaltNonce, InquiryRow, IntentId, Market, OpenIntent, OrderTerms,
    Outcome, Random, VenueOrderId,
};
use risk_guard::ApprovedOrder;

/// Broker -> TradeLedger: may this order leave now? Asked, 3 s; an unanswered ask means the intent may be `Sending`.
#[derive(Debug, Message)]
#[rtype(result = "Result<SendPermit, PermitRefused>")]
pub struct BeginSending {
    /// The approval, consumed.
    pub order: ApprovedOrder,
    /// The highest order number seen at the exchange for this market and day (order-protocol 5.2, step 3).
    pub watermark: Option<u64>,
}

/// Why an order may not leave. In each case nothing was sent and nothing will be for this intent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermitRefused {
    /// A halt stands, or began after the approval.
    #[error("trading is halted")]
    Halted,
    /// The approval is too old.
    #[error("the approval has expired")]
    Expired,
    /// The intent is not `Approved` any more.
    #[error("the intent has already left the state Approved")]
    NotApproved,
    /// Another process owns these books now.
    #[error("another process owns these books")]
    Fenced,
    /// The stock was halted after the approval.
    #[error("the stock takes no new orders: {0}")]
    SymbolHalted(String),
    /// The database failed.
    #[error("the ledger cannot write: {0}")]
    Storage(String),
}

/// The right to make one POST for one intent: its row is `Sending` on disk. Moved by value, used once.
///
/// Nobody else can make one:
///
/// ```compile_fail
/// fn forge(intent: domain::IntentId, terms: domain::OrderTerms) -> trade_ledger::SendPermit {
///     trade_ledger::SendPermit { intent, terms }
/// }
/// ```
///
/// while reading one is open to all:
///
/// ```
/// fn read(permit: &trade_ledger::SendPermit) -> &domain::OrderTerms {
///     permit.terms()
/// }
/// ```
///
/// It cannot be used twice:
///
/// ```compile_fail
/// fn twice(permit: trade_ledger::SendPermit) -> (trade_ledger::SendPermit, trade_ledger::SendPermit) {
///     (permit.clone(), permit)
/// }
/// ```
///
/// once is fine:
///
/// ```
/// fn once(permit: trade_ledger::SendPermit) -> (trade_ledger::SendPermit,) {
///     (permit,)
/// }
/// ```
#[derive(Debug)]
pub struct SendPermit {
    intent: IntentId,
    terms: OrderTerms,
    session_date: NaiveDate,
    halt_epoch: HaltEpoch,
    fencing: FencingEpoch,
    sent_at: DateTime<Utc>,
}

impl SendPermit {
    /// Called by the ledger's handler alone, after the conditional update changed one row.
    pub(crate) fn new(order: &ApprovedOrder, fencing: FencingEpoch, sent_at: DateTime<Utc>) -> Self {
        Self {
            intent: order.intent().clone(),
            terms: order.terms().clone(),
            session_date: order.session_date(),
            halt_epoch: order.halt_epoch(),
            fencing,
            sent_at,
        }
    }

    /// The intent it is for.
    pub fn intent(&self) -> &IntentId {
        &self.intent
    }

    /// What may be ordered.
    pub fn terms(&self) -> &OrderTerms {
        &self.terms
    }

    /// The market's session date.
    pub fn session_date(&self) -> NaiveDate {
        self.session_date
    }

    /// The halt epoch of the approval; Broker asks the gate with it.
    pub fn halt_epoch(&self) -> HaltEpoch {
        self.halt_epoch
    }

    /// The boot that may send.
    pub fn fencing(&self) -> FencingEpoch {
        self.fencing
    }

    /// When the intent entered `Sending`.
    pub fn sent_at(&self) -> DateTime<Utc> {
        self.sent_at
    }
}

/// Broker -> TradeLedger: what is known after the POST. Idempotent; Broker repeats it until it is answered.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<OrderUpdate, LedgerError>")]
pub struct RecordOutcome {
    /// The intent.
    pub intent: IntentId,
    /// What is known.
    pub outcome: Outcome,
}

/// Broker -> TradeLedger, first thing in each of its lives: `Sending` rows become `Unknown`. Answers them.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<Vec<OrderUpdate>, LedgerError>")]
pub struct AbandonSending;

/// A day of one market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DayKey {
    /// The market.
    pub market: Market,
    /// The session date.
    pub session_date: NaiveDate,
}

/// Broker -> TradeLedger: the complete order list of one market and day. The ledger claims, books fills, marks
/// strangers, all in one transaction (order-protocol 5.3).
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<InquiryBooked, LedgerError>")]
pub struct BookInquiry {
    /// Whose list it is.
    pub day: DayKey,
    /// Every row, all pages.
    pub rows: Vec<InquiryRow>,
    /// When the first page was asked for; an intent sent later is not judged by its absence.
    pub asked_at: DateTime<Utc>,
    /// What a halt is called that this list makes necessary.
    pub halt: HaltName,
}

/// Id and code of a halt that the ledger may have to begin: it has no randomness of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaltName {
    /// The id.
    pub id: HaltId,
    /// The code that lifts it from afar.
    pub nonce: HaltNonce,
}

impl HaltName {
    /// A name that no other halt has, for a halt at about `at`.
    pub fn draw(at: DateTime<Utc>, random: &dyn Random) -> Self {
        Self {
            id: HaltId::new(at.timestamp_millis(), random.next_u64()),
            nonce: HaltNonce::new(random.next_u64()),
        }
    }
}

impl BookInquiry {
    /// The halt for orders that somebody else sent: the account is not ours alone, so sizes, cash and limits cannot be
    /// trusted (order-protocol 5.7). The ledger has written which orders; the words are those of each such halt of the
    /// market, so one stands for them all, with one resume.
    pub fn foreign_halt(&self, at: DateTime<Utc>) -> HaltRecord {
        let HaltName { id, nonce } = self.halt.clone();
        let market = self.day.market;
        HaltRecord {
            id: id.to_string(),
            at,
            source: HaltSource::BookMismatch,
            by: "trade_ledger".to_owned(),
            reason: format!("orders on {market} that this agent did not send: see the alarms in the log"),
            level: HaltLevel::Halted,
            nonce,
            cancel_open: false,
        }
    }
}

/// What an inquiry changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InquiryBooked {
    /// Intents that moved.
    pub updates: Vec<OrderUpdate>,
    /// Orders of the account that no intent of ours can explain, newly seen.
    pub foreign: Vec<VenueOrderId>,
    /// Orders that two intents could explain; booked, attributed to none.
    pub disputed: Vec<VenueOrderId>,
    /// Rows that contradict the books or themselves, in words.
    pub contradictions: Vec<String>,
    /// Stocks that take no new orders from now on.
    pub halted: Vec<SymbolHalt>,
    /// The halt that was begun with the `foreign` orders; none when it stood already.
    pub halt: Option<HaltRecord>,
}

/// Broker -> TradeLedger after the close: the final list. Whatever is not on it never existed (order-protocol 5.2, step 8).
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<DayBooked, LedgerError>")]
pub struct CloseDay {
    /// The final inquiry.
    pub inquiry: BookInquiry,
}

/// A day is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayBooked {
    /// What the final inquiry changed.
    pub booked: InquiryBooked,
    /// Intents that are still not terminal: the day stays open and must be asked again.
    pub unsettled: Vec<IntentId>,
}

/// Broker -> TradeLedger at start: days that have an intent and no close record, oldest first.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<Vec<DayKey>, LedgerError>")]
pub struct UnclosedDays;

/// Broker -> TradeLedger: working orders, to reconcile or cancel them.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<Vec<JournalledOrder>, LedgerError>")]
pub struct JournalledOrders;

/// An order read back from disk: it can be reconciled or cancelled, never submitted.
///
/// ```compile_fail
/// fn submit_again(order: trade_ledger::JournalledOrder) -> trade_ledger::SendPermit {
///     order.into()
/// }
/// ```
///
/// ```
/// fn reconcile(order: trade_ledger::JournalledOrder) -> domain::OpenIntent {
///     order.intent().clone()
/// }
/// ```
#[derive(Debug)]
pub struct JournalledOrder {
    intent: OpenIntent,
}

impl JournalledOrder {
    /// Called by the ledger's handler alone, for rows it has just read.
    pub(crate) fn new(intent: OpenIntent) -> Self {
        Self { intent }
    }

    /// What the books say.
    pub fn intent(&self) -> &OpenIntent {
        &self.intent
    }
}
