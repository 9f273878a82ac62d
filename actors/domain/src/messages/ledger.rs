//! Questions and facts for TradeLedger, the only writer of the database. It answers everyone and asks nobody.
//!
//! Deadline of every ask: 5 s real time. An ask that is not answered means *unknown*, never "not written".

use actix::Message;
use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Action, Confidence, Currency, DecisionId, EventId, Instrument, Market, Money, OpenIntent};

/// A fact is on disk: fsynced, and numbered in the order of commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The last event of the commit.
    pub last_event: EventId,
}

/// Why the ledger did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// A rule of the books forbids it: nothing was written.
    #[error("the ledger refuses: {0}")]
    Refused(String),
    /// The database failed; what was asked is not written.
    #[error("the ledger cannot write: {0}")]
    Storage(String),
    /// Another process owns the books: nothing of this one is written any more, however often it is asked.
    #[error("another process owns these books now; stop this one")]
    Fenced,
}

/// TradeLedger -> Notifier, RiskGuard, Optimizer: there is something new; pull it with your own cursor. A tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct EventsCommitted {
    /// The newest event.
    pub last_id: EventId,
}

/// Notifier, dashboards -> TradeLedger: committed events after a cursor, oldest first, at most `limit`.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<LedgerEvent>, LedgerError>")]
pub struct EventsAfter {
    /// The last event already seen.
    pub after: EventId,
    /// At most this many, 1 to 500.
    pub limit: u16,
}

/// One committed event, as subscribers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEvent {
    /// Its number.
    pub id: EventId,
    /// When.
    pub at: DateTime<Utc>,
    /// What kind.
    pub kind: EventKind,
    /// The market, if it is about one.
    pub market: Option<Market>,
    /// One line in plain English, without secrets.
    pub text: String,
}

/// The kinds of events, so that a subscriber can filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A judgement, HOLD included.
    Decision,
    /// A proposal that RiskGuard refused.
    Refusal,
    /// An intent with its approval.
    Approval,
    /// An order changed state.
    Order,
    /// Shares were bought or sold.
    Fill,
    /// A halt began.
    Halt,
    /// A halt was lifted.
    Resume,
    /// A day was closed.
    DayClosed,
    /// A report, e.g. the Optimizer's losers of the day.
    Report,
    /// Something a person should look at.
    Alarm,
    /// A market opened or closed.
    Session,
    /// The agent started.
    Process,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Decision,
        Self::Refusal,
        Self::Approval,
        Self::Order,
        Self::Fill,
        Self::Halt,
        Self::Resume,
        Self::DayClosed,
        Self::Report,
        Self::Alarm,
        Self::Session,
        Self::Process,
    ];

    /// The word stored and shown.
    pub fn code(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Refusal => "refusal",
            Self::Approval => "approval",
            Self::Order => "order",
            Self::Fill => "fill",
            Self::Halt => "halt",
            Self::Resume => "resume",
            Self::DayClosed => "day_closed",
            Self::Report => "report",
            Self::Alarm => "alarm",
            Self::Session => "session",
            Self::Process => "process",
        }
    }
}

/// A subscriber -> TradeLedger: its durable cursor. Set only after the event was delivered.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), LedgerError>")]
pub struct SetCursor {
    /// The subscriber's name.
    pub subscriber: String,
    /// The last event it delivered.
    pub at: EventId,
}

/// A subscriber -> TradeLedger: where it was. A new subscriber starts at the newest event.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<EventId, LedgerError>")]
pub struct GetCursor {
    /// The subscriber's name.
    pub subscriber: String,
}

/// RiskGuard, Broker, control -> TradeLedger: every intent that is not terminal, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<OpenIntent>, LedgerError>")]
pub struct OpenIntents;

/// RiskGuard -> TradeLedger: the equity a day started with. The first value of a key stays; the answer is what stands,
/// and what purchases of the day were approved for so far.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<DayStart, LedgerError>")]
pub struct RecordDayStart {
    /// The market group's currency.
    pub currency: Currency,
    /// The session date.
    pub session_date: NaiveDate,
    /// Equity that two accounts in a row told; becomes the day's start only if there is none. None only asks.
    pub equity: Option<Money>,
    /// What the breaker has done on it; is added to what stands.
    pub trips: Trips,
}

/// What the breaker has done on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trips {
    /// It has halted everything once: the same loss does not halt again after a person has lifted that.
    pub halting: bool,
    /// Its second measure lets exits only through until the day is over.
    pub reducing: bool,
}

/// A day of one currency, as the books know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayStart {
    /// The equity it began with; none when nobody has told.
    pub equity: Option<Money>,
    /// What the breaker has done on it.
    pub trips: Trips,
    /// The limits of all purchases approved for it, but for those that are proved never to have been given a permit.
    pub bought: Money,
}

/// Brain -> TradeLedger: may one more model call be made today? Counted durably before the call, so a crash loop cannot
/// overspend.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<BudgetAnswer, LedgerError>")]
pub struct ReserveOracleCall {
    /// The day of the quota (midnight Pacific time, LLM.md).
    pub quota_date: NaiveDate,
    /// Why it is asked, e.g. `KR/2026-11-24/daily-1`; the same purpose is granted only once a day.
    pub purpose: String,
    /// The markets it is for.
    pub markets: Vec<Market>,
    /// The most it can take.
    pub worst: CallCost,
    /// The most of that day.
    pub ceilings: BudgetCeilings,
    /// Calls that are kept for groups of markets.
    pub shares: Vec<BudgetShare>,
}

/// What a call takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallCost {
    /// Tokens of question and answer.
    pub tokens: u64,
    /// Millionths of a USD; zero when no prices are set.
    pub money_micros: u64,
}

/// The most that a day of the quota may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetCeilings {
    /// Calls.
    pub calls: u32,
    /// Tokens; none: not limited.
    pub tokens: Option<u64>,
    /// Millionths of a USD; none: not limited.
    pub money_micros: Option<u64>,
}

/// Calls that are kept for markets whose questions are asked together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetShare {
    /// The markets.
    pub markets: Vec<Market>,
    /// So many calls no other market can take.
    pub floor: u32,
}

/// What of a day is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceiling {
    /// Its calls.
    Calls,
    /// Its tokens: the most that this call can take does not fit.
    Tokens,
    /// Its money: the most that this call can cost does not fit.
    Money,
}

/// The answer to [`ReserveOracleCall`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetAnswer {
    /// Go on; `used` counts this call.
    Granted {
        /// Calls used today.
        used: u32,
    },
    /// The day has no more of it.
    Exhausted(Ceiling),
    /// What is left is kept for other markets.
    KeptForOthers,
    /// This purpose had its call already.
    AlreadyUsed,
}

/// Brain -> TradeLedger: a reserved call ended, and took this. Without that word it counts as the most it could take. A tell.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct SettleOracleCall {
    /// The day under which it was reserved.
    pub quota_date: NaiveDate,
    /// The purpose under which it was reserved.
    pub purpose: String,
    /// What it took.
    pub taken: CallCost,
}

/// Control socket -> TradeLedger: the model calls of a day of the quota, oldest first. Asked, 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<BookedCall>, LedgerError>")]
pub struct OracleCallsOf {
    /// The day.
    pub quota_date: NaiveDate,
}

/// A call of the language model as the books hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedCall {
    /// Why it was made.
    pub purpose: String,
    /// The markets it was for; none for those of earlier versions.
    pub markets: Vec<Market>,
    /// The most it can have taken.
    pub worst: CallCost,
    /// What it took, once known.
    pub taken: Option<CallCost>,
    /// When it was reserved.
    pub at: DateTime<Utc>,
}

/// Optimizer -> TradeLedger: closed trades of a day that lost although the decision was confident.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<LosingTrade>, LedgerError>")]
pub struct ConfidentLosers {
    /// The market.
    pub market: Market,
    /// The session date of the sale.
    pub session_date: NaiveDate,
    /// Decisions with at least this confidence.
    pub min_confidence: Confidence,
}

/// A sale at a loss, with the decision behind the purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LosingTrade {
    /// The stock.
    pub instrument: Instrument,
    /// The decision that bought it, if the books know it.
    pub decision: Option<DecisionId>,
    /// That decision's confidence.
    pub confidence: Confidence,
    /// The loss, negative, in the market's currency.
    pub pnl: Money,
    /// The reasoning recorded then.
    pub rationale: String,
}

/// MarketClock, Broker, RiskGuard, Notifier, the process -> TradeLedger: write a line that people should see. A tell.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct RecordEvent {
    /// `Report`, `Alarm`, `Session` or `Process`.
    pub kind: EventKind,
    /// The market, if it is about one.
    pub market: Option<Market>,
    /// One line in plain English.
    pub text: String,
}

/// Optimizer -> TradeLedger: what a closed day taught, booked once a day however often it is told. Asked, 5 s; true when it is
/// new.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<bool, LedgerError>")]
pub struct RecordDayReport {
    /// The market.
    pub market: Market,
    /// The session that ended.
    pub session_date: NaiveDate,
    /// One line in plain English.
    pub text: String,
}

/// Brain -> TradeLedger: the latest judgements of a stock, newest first, for the prompt's memory.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<RememberedDecision>, LedgerError>")]
pub struct RecentDecisions {
    /// The market.
    pub market: Market,
    /// At most this many, 1 to 100.
    pub limit: u16,
}

/// A judgement as remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedDecision {
    /// The stock.
    pub instrument: Instrument,
    /// What was decided.
    pub action: Action,
    /// How sure.
    pub confidence: Confidence,
    /// When.
    pub at: DateTime<Utc>,
    /// Realised profit in percent of cost, once sold.
    pub pnl_pct: Option<Decimal>,
}

/// Demo, status, reports -> TradeLedger: totals of the books.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<BooksSummary, LedgerError>")]
pub struct SummaryQuery;

/// Totals of the books since the database was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BooksSummary {
    /// Judgements.
    pub decisions: u64,
    /// Of them HOLD.
    pub holds: u64,
    /// Intents with approval.
    pub intents: u64,
    /// Intents per state, in the order of `OrderState::ALL`, zero counts left out.
    pub by_state: Vec<(crate::OrderState, u64)>,
    /// Fills booked.
    pub fills: u64,
    /// Realised profit per currency.
    pub realised: Vec<Money>,
}

/// The demo's audit -> TradeLedger: every intent since the database was made, oldest first. Asked, 5 s.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<IntentRecord>, LedgerError>")]
pub struct AllIntents;

/// One intent as the books hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntentRecord {
    /// Its id.
    pub id: crate::IntentId,
    /// The approval committed with it.
    pub approval: Option<crate::ApprovalId>,
    /// What was approved.
    pub terms: crate::OrderTerms,
    /// Where it is.
    pub state: crate::OrderState,
    /// The exchange's order, once known.
    pub venue_order: Option<crate::VenueOrderId>,
    /// Shares booked as filled.
    pub filled: crate::Quantity,
}
