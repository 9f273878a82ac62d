//! The port to the books: one method per transaction, in the ledger's own words.
//!
//! Whatever must be decided atomically is decided inside one SQL transaction of the adapter; the rules it applies
//! there are the pure functions of [`crate::claim`], [`crate::fills`], [`crate::booking`] and [`crate::outcome`].
//! A `Store` writes rows; it cannot make a permit, because that takes an `ApprovedOrder` and this crate's own hand.

mod facts;

use chrono::{DateTime, NaiveDate, Utc};
use domain::messages::bars::{BarSeries, BarsOf, BarsSeen};
use domain::messages::chat::{BookChat, ChatPlace};
use domain::messages::consultation::{ClosedPosition, ClosedPositions, Consultation, SpentQuota};
use domain::messages::control::{HaltLevel, HaltRecord, HaltSource};
use domain::messages::ledger::{
    BookedCall, BooksSummary, BudgetAnswer, ConfidentLosers, DayStart, EventsAfter, IntentRecord,
    LedgerEvent, LosingTrade, RecentDecisions, RecordDayReport, RecordDayStart, RecordEvent,
    RememberedDecision, ReserveOracleCall, SettleOracleCall,
};
use domain::messages::limits::{LimitsRecord, OwnPosition, RecordPeak, Setback, SetbacksSince};
use domain::messages::occasions::Occasion;
use domain::messages::selection::{RecentlyTraded, SelectionsMade};
use domain::messages::symbols::{
    HoldingsCompared, RequestResolution, RequestSymbolRelease, Resolved, SymbolHalt, SymbolReleased,
};
use domain::messages::trading::{DecisionMade, OrderUpdate, ProposalRefused};
use domain::messages::won::{RecordWonDayStart, WonDayStart};
use domain::{
    AccountSnapshot, ApprovalId, Confidence, DecisionId, EventId, FencingEpoch, HaltEpoch, HaltId, HaltNonce,
    Instrument, IntentId, Market, OpenIntent, OrderTerms, Outcome,
};
use risk_guard::{HaltCommitted, Release, StoredTradingState};

use crate::bars::BarsRecorded;
use crate::evolution::EvolutionBooks;
use crate::permit::{DayBooked, DayKey, InquiryBooked, PermitRefused};
use crate::retention::{Dropped, Retention};

pub use self::facts::{Begun, BootFacts, BootReport, NewIntent, SendingRequest, StoreError};

/// Boots within this time of the wall clock that make a crash loop.
pub const CRASH_LOOP_WINDOW_SECONDS: i64 = 600;
/// That many boots in the window begin a halt (order-protocol 3, row 41).
pub const CRASH_LOOP_BOOTS: u32 = 5;

/// Most approvals of the account within a minute of exchange time, whatever the settings say (order-protocol 4,
/// invariant 13).
pub const APPROVALS_PER_MINUTE_MAX: u32 = 10;
/// Most approvals of the account within 24 hours of exchange time.
pub const APPROVALS_PER_DAY_MAX: u32 = 400;
/// Most that may be bought in a day of one currency, in times of the equity that the day began with (order-protocol 4,
/// invariant 14). The same number as RiskGuard's, and not taken from there: a mistake there does not pass here.
pub const DAY_PURCHASES_TIMES_MAX: u32 = 5;
/// The time in which unknown orders are counted, in seconds of exchange time (order-protocol 5.6).
pub const UNKNOWNS_WINDOW_SECONDS: i64 = 3600;

/// The books on disk. One writer owns one `Store`; every method is one transaction and returns after it is fsynced.
///
/// Times are exchange time unless said otherwise. All writes append an event where a person should see them.
///
/// # Fencing
/// Every write but two proves in its own transaction that [`Store::fence`]'s epoch is the newest, and answers
/// [`StoreError::Fenced`] otherwise (order-protocol 4, invariant 12; without it 16 orders of 6,360 were mis-booked, 5.7).
/// Written all the same are a halt, because it makes both processes safer, and a line for people. Everything else of an
/// overtaken process is refused, what sounds harmless too: its outcomes would overtake the owner's lists, its releases
/// would lift what the owner stands under, its stricter limits the owner would not hear of, its cursors would swallow the
/// owner's notices, and its budget and its occasions are the owner's. [`Store::begin_sending`] compares the epoch that
/// its request names, in the one statement that is the order's linearisation point.
pub trait Store: EvolutionBooks + Send {
    /// Whose writes these are from now on; [`Store::boot`] says so for its own process. A connection of which nobody
    /// has said it writes like a process from before the first boot: not at all, once there was one.
    fn fence(&mut self, epoch: FencingEpoch);

    /// Once per process, before any actor starts: the fencing epoch grows, `Sending` becomes `Unknown`, `Approved`
    /// becomes `Expired`, and a crash loop begins a halt.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn boot(&mut self, boot: &BootFacts) -> Result<BootReport, StoreError>;

    /// Writes an intent with its approval.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when a halt stands, the halt epoch is old, the approval has expired, the stock is halted
    /// or has an order whose fate is open (an open BUY does not block a SELL), the day is closed or an earlier day is
    /// not, the account has had its most approvals of a minute or a day, or a purchase would bring the day's above
    /// [`DAY_PURCHASES_TIMES_MAX`] times its first equity, or that is not known.
    fn commit_approval(&mut self, intent: &NewIntent, at: DateTime<Utc>) -> Result<EventId, StoreError>;

    /// The linearisation point: one conditional update to `Sending` (order-protocol 5.2, step 3).
    ///
    /// # Errors
    /// [`StoreError`] when the database failed; then nothing may be sent.
    fn begin_sending(&mut self, request: &SendingRequest) -> Result<Begun, StoreError>;

    /// What is known after the POST; repeating it changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for an unknown intent or a move that the order's life does not have.
    fn record_outcome(
        &mut self,
        intent: &IntentId,
        outcome: &Outcome,
        at: DateTime<Utc>,
    ) -> Result<OrderUpdate, StoreError>;

    /// Every `Sending` becomes `Unknown`: the Broker that was sending is gone.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn abandon_sending(&mut self, at: DateTime<Utc>) -> Result<Vec<OrderUpdate>, StoreError>;

    /// Books the complete order list of one market and day; see [`crate::booking`].
    ///
    /// # Errors
    /// [`StoreError`] when the database failed; then nothing of the list is booked.
    fn book_inquiry(
        &mut self,
        inquiry: &crate::permit::BookInquiry,
        at: DateTime<Utc>,
    ) -> Result<InquiryBooked, StoreError>;

    /// Books the final list and closes the day if nothing is left open. A closed day stays closed.
    ///
    /// # Errors
    /// As [`Store::book_inquiry`].
    fn close_day(
        &mut self,
        inquiry: &crate::permit::BookInquiry,
        at: DateTime<Utc>,
    ) -> Result<DayBooked, StoreError>;

    /// Days that have an intent and no close record, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn unclosed_days(&mut self) -> Result<Vec<DayKey>, StoreError>;

    /// Every intent that is not terminal, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn open_intents(&mut self) -> Result<Vec<OpenIntent>, StoreError>;

    /// Every intent of the books, terminal ones too, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn all_intents(&mut self) -> Result<Vec<IntentRecord>, StoreError>;

    /// Writes a halt. The same id again answers what already stands.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed: the halt is then not durable.
    fn commit_halt(&mut self, record: &HaltRecord) -> Result<HaltCommitted, StoreError>;

    /// Lifts halts, all or none, and writes what is left standing instead. Lifting what is lifted answers what stands.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when one of them was never written.
    fn commit_release(&mut self, release: &Release) -> Result<HaltCommitted, StoreError>;

    /// A flatten stops everything from now on. The same again answers what stands.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when there is no such flatten, or it was lifted.
    fn commit_latch(&mut self, halt: &HaltId, at: DateTime<Utc>) -> Result<HaltCommitted, StoreError>;

    /// Keeps a change of the limits.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn record_limits(&mut self, record: &LimitsRecord) -> Result<EventId, StoreError>;

    /// When orders were approved since a moment, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn approvals_since(&mut self, since: DateTime<Utc>) -> Result<Vec<DateTime<Utc>>, StoreError>;

    /// What speaks against buying a stock again, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn setbacks_since(&mut self, query: &SetbacksSince) -> Result<Vec<Setback>, StoreError>;

    /// What this agent bought and has not sold.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn own_positions(&mut self) -> Result<Vec<OwnPosition>, StoreError>;

    /// Standing halts and both epochs.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn trading_state(&mut self) -> Result<StoredTradingState, StoreError>;

    /// One judgement with what it rests on; a HOLD also becomes a row of the seed's table. The same id again changes nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn record_decision(&mut self, made: &DecisionMade) -> Result<EventId, StoreError>;

    /// What was asked of a language model in a reserved call, and what it said. The same call again changes nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed; then nothing may be decided by it.
    fn record_consultation(&mut self, consultation: &Consultation) -> Result<(), StoreError>;

    /// What the newest call of a model told of its quota, if that was used up then.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn spent_quota(&mut self, model: &str) -> Result<Option<SpentQuota>, StoreError>;

    /// What came of the latest purchases of a market that were sold again, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn closed_positions(&mut self, query: ClosedPositions) -> Result<Vec<ClosedPosition>, StoreError>;

    /// Why a proposal was not approved.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn record_refusal(&mut self, refusal: &ProposalRefused) -> Result<(), StoreError>;

    /// A line that people should see.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn record_event(&mut self, event: &RecordEvent, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// What a closed day taught: the first report of a market and date stays; says whether this one was the first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn record_day_report(&mut self, report: &RecordDayReport, at: DateTime<Utc>) -> Result<bool, StoreError>;

    /// The equity a day started with: the first value of a currency and date stays, and what the breaker has done is added;
    /// the answer is what stands, with what was bought on that day.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when the equity is in another currency or too large to keep exactly.
    fn record_day_start(&mut self, start: &RecordDayStart, at: DateTime<Utc>)
    -> Result<DayStart, StoreError>;

    /// The highest price of a holding: the highest of one purchase stays.
    ///
    /// # Errors
    /// [`StoreError::NotRepresentable`] when the price is too large to keep exactly.
    fn record_peak(&mut self, peak: &RecordPeak, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// What a day of the account in won started with: the first part of a date and currency stays; the answer is what stands.
    ///
    /// # Errors
    /// [`StoreError::NotRepresentable`] when an amount is too large to keep exactly.
    fn record_won_day_start(
        &mut self,
        start: &RecordWonDayStart,
        at: DateTime<Utc>,
    ) -> Result<WonDayStart, StoreError>;

    /// Counts one call of the language model against the day's limit.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed; then no call may be made.
    fn reserve_oracle_call(
        &mut self,
        call: &ReserveOracleCall,
        at: DateTime<Utc>,
    ) -> Result<BudgetAnswer, StoreError>;

    /// Books what a reserved call took; the first word stays, and a call that is not reserved is not booked.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn settle_oracle_call(&mut self, end: &SettleOracleCall, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// The model calls of a day of the quota, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn oracle_calls(&mut self, quota_date: NaiveDate) -> Result<Vec<BookedCall>, StoreError>;

    /// The newest event, 0 before the first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn last_event(&mut self) -> Result<EventId, StoreError>;

    /// Events after a cursor, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn events_after(&mut self, query: &EventsAfter) -> Result<Vec<LedgerEvent>, StoreError>;

    /// A subscriber's cursor. A new subscriber gets the newest event, and that is kept.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn cursor(&mut self, subscriber: &str) -> Result<EventId, StoreError>;

    /// Moves a subscriber's cursor; never backwards.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn set_cursor(&mut self, subscriber: &str, at: EventId) -> Result<(), StoreError>;

    /// Up to where the chat was handled; none before the first update.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn chat_place(&mut self) -> Result<Option<ChatPlace>, StoreError>;

    /// Books what came through the chat; false, and nothing is written, when it was handled before. Numbers that begin anew
    /// are new when the last one is a week old.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed; then nothing of it may be done.
    fn book_chat(&mut self, book: &BookChat) -> Result<bool, StoreError>;

    /// Writes down what is about to happen; says of each whether it is new: of its market, session date and kind none with
    /// its beginning was written down before.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed; then nothing may happen.
    fn book_occasions(&mut self, occasions: &[Occasion], at: DateTime<Utc>) -> Result<Vec<bool>, StoreError>;

    /// The occasions of session dates from `since` on, oldest date first; of those of a kind that followed each other within
    /// a minute the last one.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn booked_occasions(&mut self, since: NaiveDate) -> Result<Vec<Occasion>, StoreError>;

    /// Keeps what became of the stocks of a scan: one row per stock, session and verdict, so that a session's rows are
    /// bounded by the stocks that it considered, however often it looks.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn record_selections(&mut self, made: &SelectionsMade) -> Result<(), StoreError>;

    /// The stocks of a market that were traded last, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn recently_traded(&mut self, query: RecentlyTraded) -> Result<Vec<Instrument>, StoreError>;

    /// Keeps what the exchange says of a stock's finished days; see [`crate::bars`]. A day that reads as it stands is not
    /// written again, one that reads differently gets a further version.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a day that is not over.
    fn record_bars(&mut self, seen: &BarsSeen, at: DateTime<Utc>) -> Result<BarsRecorded, StoreError>;

    /// The newest bars of a stock as one comparable series.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn bars_of(&mut self, query: &BarsOf) -> Result<BarSeries, StoreError>;

    /// The stocks of a market that have bars, by symbol.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn stocks_with_bars(&mut self, market: Market) -> Result<Vec<Instrument>, StoreError>;

    /// Sales of a day at a loss, although the purchase was confident; the largest loss first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn confident_losers(&mut self, query: &ConfidentLosers) -> Result<Vec<LosingTrade>, StoreError>;

    /// The latest judgements of a market, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn recent_decisions(&mut self, query: &RecentDecisions) -> Result<Vec<RememberedDecision>, StoreError>;

    /// Halts of single stocks that stand, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn symbol_halts(&mut self) -> Result<Vec<SymbolHalt>, StoreError>;

    /// Lifts every halt of one stock; the shares that the exchange shows beyond the books are taken as given.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when the stock is not halted.
    fn release_symbol(
        &mut self,
        release: &RequestSymbolRelease,
        at: DateTime<Utc>,
    ) -> Result<SymbolReleased, StoreError>;

    /// Books what a person says about an intent in dispute; see [`crate::resolution`].
    ///
    /// # Errors
    /// [`StoreError::Refused`] with what is possible instead.
    fn resolve(&mut self, request: &RequestResolution, at: DateTime<Utc>) -> Result<Resolved, StoreError>;

    /// Compares the holdings of one currency with the books; see [`crate::holdings`]. The first comparison of a
    /// currency adopts what the books do not explain.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn compare_holdings(
        &mut self,
        snapshot: &AccountSnapshot,
        at: DateTime<Utc>,
    ) -> Result<HoldingsCompared, StoreError>;

    /// Orders that became `Unknown` within the last hour and since a halt for that reason was last lifted.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn unknowns_lately(&mut self, at: DateTime<Utc>) -> Result<u32, StoreError>;

    /// Drops a slice of what is older than it need be kept; see [`crate::retention`]. The mark of how far it came is in the
    /// same transaction, so that an end in between loses nothing and repeats nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed; then nothing went.
    fn drop_old(&mut self, retention: &Retention, at: DateTime<Utc>) -> Result<Dropped, StoreError>;

    /// Totals of the books.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn summary(&mut self) -> Result<BooksSummary, StoreError>;
}
