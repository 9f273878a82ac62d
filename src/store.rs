//! The books on disk: the port `Store` of TradeLedger on SQLite, through diesel.
//!
//! One writer connection, one transaction per method (`BEGIN IMMEDIATE`), fsynced before it answers. The rules that a
//! transaction applies are `trade_ledger`'s pure functions; here is only how rows lie on disk.
//!
//! | file | what |
//! |---|---|
//! | [`open()`], [`Database`] | opening, integrity, migrations, the seed's columns |
//! | `orders` | approval, the conditional update to `Sending`, outcomes |
//! | `inquiries` | order lists, fills, positions, the seed's `trades` rows, closed days |
//! | `halts` | halts, releases, boots, epochs |
//! | `symbol_halts`, `resolutions` | halts of single stocks, disputes that a person ended |
//! | `holdings` | the account's shares against the books |
//! | `purchases` | what a day has bought, and its ceiling |
//! | `limits` | limits made stricter, what is counted and sold by them |
//! | `setbacks` | what speaks against buying a stock again |
//! | `journal` | events, cursors, judgements, day starts |
//! | `consultations` | what a language model was asked and said, and what was decided by it |
//! | `outcomes` | what came of purchases |
//! | `oracle_calls` | the language model's budget |
//! | `occasions` | what MarketClock told |
//! | `selections` | what became of the stocks that were considered, what was traded last |
//! | `bars`, `bar_files` | daily bars, told by the exchange and read from files |
//! | `evolution` | trials, the archive, windows, proposals, what each market trades by |
//! | `retention` | what is old goes |
//! | `reports` | losers, memory, totals |
//! | `queries` | what a person asks |
//! | `tally` | what is counted for whoever watches |
//! | `chat` | commands from the chat, and where it was read to |
//! | `audit` | executions and holdings, to be compared with the exchange's |
//! | `copy`, `export` | the books taken elsewhere |
//! | [`lock_data_dir`] | one agent per data directory |
//! | [`HaltFile`] | the emergency halt |
//! | [`Watched`] | a store that tests and simulations watch |

mod audit;
mod bar_files;
mod bars;
mod chat;
mod consultations;
mod copy;
mod evolution;
mod export;
mod fault;
mod halt_file;
mod halts;
mod holdings;
mod inquiries;
mod journal;
mod limits;
mod loading;
mod lock;
mod mistakes;
mod occasions;
mod open;
mod oracle_calls;
mod orders;
mod original;
mod outcomes;
mod private;
mod purchases;
mod queries;
mod reports;
mod resolutions;
mod retention;
mod rows;
mod schema;
mod selections;
mod setbacks;
mod symbol_halts;
mod tally;
mod trips;
mod values;
mod watched;
mod won;

#[cfg(test)]
pub(crate) mod tests;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use domain::messages::bars::{BarSeries, BarsOf, BarsSeen};
use domain::messages::chat::{BookChat, ChatPlace};
use domain::messages::consultation::{
    BookedConsultation, ClosedPosition, ClosedPositions, Consultation, SpentQuota,
};
use domain::messages::control::HaltRecord;
use domain::messages::ledger::{
    BookedCall, BooksSummary, BudgetAnswer, ConfidentLosers, DayStart, EventsAfter, IntentRecord,
    LedgerEvent, LosingTrade, RecentDecisions, RecordDayReport, RecordDayStart, RecordEvent,
    RememberedDecision, ReserveOracleCall, SettleOracleCall,
};
use domain::messages::limits::{LimitsRecord, OwnPosition, RecordPeak, Setback, SetbacksSince};
use domain::messages::occasions::Occasion;
use domain::messages::operator::{Answer, Question};
use domain::messages::selection::{BookedSelection, RecentlyTraded, SelectionsMade};
use domain::messages::symbols::{
    HoldingsCompared, RequestResolution, RequestSymbolRelease, Resolved, SymbolHalt, SymbolReleased,
};
use domain::messages::trading::{DecisionMade, OrderUpdate, ProposalRefused};
use domain::messages::won::{RecordWonDayStart, WonDayStart};
use domain::{
    AccountSnapshot, EventId, FencingEpoch, HaltId, Instrument, IntentId, Market, OpenIntent, Outcome,
};
use risk_guard::{HaltCommitted, Release, StoredTradingState};
use trade_ledger::bars::BarsRecorded;
use trade_ledger::{
    Begun, BookInquiry, BootFacts, BootReport, DayBooked, DayKey, InquiryBooked, NewIntent, SendingRequest,
    Store, StoreError,
};

pub use self::audit::{BookedFill, HeldAtCost};
pub use self::bar_files::{
    BarFile, BarsImported, BookedImport, FileBar, HeldBars, ImportBarsError, RefusedRow, import_bars,
};
pub use self::copy::{Copied, CopyError, copy};
pub use self::evolution::{DecideError, change_proposal};
pub use self::export::{Column, ExportError};
pub use self::halt_file::HaltFile;
pub use self::lock::{DirLock, LockError, is_data_dir, lock_data_dir};
pub use self::open::{Database, OpenError, open, open_read_only};
pub use self::original::{TakeOverError, TakenOver, take_over};
pub use self::private::{KEPT_OVERRIDES, keep_private, others_may_open, write_private};
pub use self::queries::Sight;
pub use self::reports::DayStarted;
pub use self::retention::BooksSize;
pub use self::tally::Tally;
pub use self::watched::{Watch, Watched};

use self::fault::Fault;

/// The writer's connection.
pub struct SqliteStore {
    connection: SqliteConnection,
    /// Whose writes these are.
    fencing: FencingEpoch,
}

impl SqliteStore {
    fn new(connection: SqliteConnection) -> Self {
        Self { connection, fencing: FencingEpoch::default() }
    }

    /// A write that only the owner of the books may make.
    fn write<T>(
        &mut self,
        transaction: impl FnOnce(&mut SqliteConnection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let own = self.fencing;
        self.write_unfenced(|conn| {
            halts::prove_owner(conn, own)?;
            transaction(conn)
        })
    }

    /// Takes the write lock at once, so that what is checked in the transaction still holds when it is written.
    fn write_unfenced<T>(
        &mut self,
        transaction: impl FnOnce(&mut SqliteConnection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.connection.immediate_transaction(transaction).map_err(StoreError::from)
    }

    fn selections_of(
        &mut self,
        instrument: &Instrument,
        session_date: NaiveDate,
    ) -> Result<Vec<BookedSelection>, StoreError> {
        self.read(|conn| selections::of_stock(conn, instrument, session_date))
    }

    fn read<T>(
        &mut self,
        query: impl FnOnce(&mut SqliteConnection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.connection.transaction(query).map_err(StoreError::from)
    }
}

/// A connection that cannot write: reports, `status` without a running agent, the dashboard.
pub struct SqliteReader {
    store: SqliteStore,
}

impl SqliteReader {
    fn new(connection: SqliteConnection) -> Self {
        Self { store: SqliteStore::new(connection) }
    }

    /// Standing halts and both epochs.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn trading_state(&mut self) -> Result<StoredTradingState, StoreError> {
        self.store.trading_state()
    }

    /// The calls of the language model of a day of the quota, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn oracle_calls(&mut self, quota_date: NaiveDate) -> Result<Vec<BookedCall>, StoreError> {
        self.store.oracle_calls(quota_date)
    }

    /// The calls of the language model for a session, oldest first, with what was decided by each.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn consultations(&mut self, session_date: NaiveDate) -> Result<Vec<BookedConsultation>, StoreError> {
        self.store.read(|conn| consultations::of_session(conn, session_date))
    }

    /// Every intent that is not terminal, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn open_intents(&mut self) -> Result<Vec<OpenIntent>, StoreError> {
        self.store.open_intents()
    }

    /// Every intent, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn all_intents(&mut self) -> Result<Vec<IntentRecord>, StoreError> {
        self.store.all_intents()
    }

    /// Events after a cursor, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn events_after(&mut self, query: &EventsAfter) -> Result<Vec<LedgerEvent>, StoreError> {
        self.store.events_after(query)
    }

    /// What became of a stock in a session, verdict by verdict, in the order in which they were last told.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn selections_of(
        &mut self,
        instrument: &Instrument,
        session_date: NaiveDate,
    ) -> Result<Vec<BookedSelection>, StoreError> {
        self.store.selections_of(instrument, session_date)
    }

    /// What a person asks, from one state of the books.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn answer(&mut self, question: &Question, sight: Sight<'_>) -> Result<Answer, StoreError> {
        self.store.read(|conn| queries::answer(conn, question, sight))
    }

    /// The whole integrity check, and that every row points at rows that exist.
    ///
    /// # Errors
    /// The first thing that is wrong, or why it could not be looked at.
    pub fn check(&mut self) -> Result<(), String> {
        open::check_soundness(&mut self.store.connection)
    }

    /// The newest event.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn last_event(&mut self) -> Result<EventId, StoreError> {
        self.store.last_event()
    }

    /// When something was last committed; none in empty books.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn last_commit(&mut self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.store.read(journal::last_commit)
    }

    /// The equity with which days began: the newest `limit` of each currency, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn day_starts(&mut self, limit: u16) -> Result<Vec<DayStarted>, StoreError> {
        self.store.read(|conn| reports::days_started(conn, limit))
    }

    /// Counts of the books, all from one state of them.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn tally(&mut self) -> Result<Tally, StoreError> {
        self.store.read(tally::tally)
    }

    /// How large the books are.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn size(&mut self) -> Result<BooksSize, StoreError> {
        self.store.read(retention::size)
    }

    /// Totals of the books.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn summary(&mut self) -> Result<BooksSummary, StoreError> {
        self.store.summary()
    }
}

impl Store for SqliteStore {
    fn fence(&mut self, epoch: FencingEpoch) {
        self.fencing = epoch;
    }

    fn boot(&mut self, boot: &BootFacts) -> Result<BootReport, StoreError> {
        let report = self.write_unfenced(|conn| halts::boot(conn, boot))?;
        self.fence(report.fencing);
        Ok(report)
    }

    fn commit_approval(&mut self, intent: &NewIntent, at: DateTime<Utc>) -> Result<EventId, StoreError> {
        self.write(|conn| orders::commit_approval(conn, intent, at))
    }

    fn begin_sending(&mut self, request: &SendingRequest) -> Result<Begun, StoreError> {
        self.write_unfenced(|conn| orders::begin_sending(conn, request))
    }

    fn record_outcome(
        &mut self,
        intent: &IntentId,
        outcome: &Outcome,
        at: DateTime<Utc>,
    ) -> Result<OrderUpdate, StoreError> {
        self.write(|conn| orders::record_outcome(conn, intent, outcome, at))
    }

    fn abandon_sending(&mut self, at: DateTime<Utc>) -> Result<Vec<OrderUpdate>, StoreError> {
        self.write(|conn| orders::abandon_sending(conn, at))
    }

    fn book_inquiry(
        &mut self,
        inquiry: &BookInquiry,
        at: DateTime<Utc>,
    ) -> Result<InquiryBooked, StoreError> {
        self.write(|conn| inquiries::book_inquiry(conn, inquiry, at))
    }

    fn close_day(&mut self, inquiry: &BookInquiry, at: DateTime<Utc>) -> Result<DayBooked, StoreError> {
        self.write(|conn| inquiries::close_day(conn, inquiry, at))
    }

    fn unclosed_days(&mut self) -> Result<Vec<DayKey>, StoreError> {
        self.read(loading::unclosed_days)
    }

    fn open_intents(&mut self) -> Result<Vec<OpenIntent>, StoreError> {
        self.read(loading::open)
    }

    fn all_intents(&mut self) -> Result<Vec<IntentRecord>, StoreError> {
        self.read(loading::all)
    }

    fn commit_halt(&mut self, record: &HaltRecord) -> Result<HaltCommitted, StoreError> {
        self.write_unfenced(|conn| halts::commit_halt(conn, record))
    }

    fn commit_release(&mut self, release: &Release) -> Result<HaltCommitted, StoreError> {
        self.write(|conn| halts::commit_release(conn, release))
    }

    fn commit_latch(&mut self, halt: &HaltId, at: DateTime<Utc>) -> Result<HaltCommitted, StoreError> {
        self.write(|conn| halts::commit_latch(conn, halt, at))
    }

    fn record_limits(&mut self, record: &LimitsRecord) -> Result<EventId, StoreError> {
        self.write(|conn| limits::record(conn, record))
    }

    fn approvals_since(&mut self, since: DateTime<Utc>) -> Result<Vec<DateTime<Utc>>, StoreError> {
        self.read(|conn| limits::approvals_since(conn, since))
    }

    fn setbacks_since(&mut self, query: &SetbacksSince) -> Result<Vec<Setback>, StoreError> {
        self.read(|conn| setbacks::since(conn, query))
    }

    fn own_positions(&mut self) -> Result<Vec<OwnPosition>, StoreError> {
        self.read(limits::own_positions)
    }

    fn trading_state(&mut self) -> Result<StoredTradingState, StoreError> {
        self.read(halts::trading_state)
    }

    fn record_decision(&mut self, made: &DecisionMade) -> Result<EventId, StoreError> {
        self.write(|conn| journal::record_decision(conn, made))
    }

    fn record_consultation(&mut self, consultation: &Consultation) -> Result<(), StoreError> {
        self.write(|conn| consultations::record(conn, consultation))
    }

    fn spent_quota(&mut self, model: &str) -> Result<Option<SpentQuota>, StoreError> {
        self.read(|conn| consultations::spent_quota(conn, model))
    }

    fn closed_positions(&mut self, query: ClosedPositions) -> Result<Vec<ClosedPosition>, StoreError> {
        self.read(|conn| outcomes::closed_positions(conn, query))
    }

    fn record_refusal(&mut self, refusal: &ProposalRefused) -> Result<(), StoreError> {
        self.write(|conn| journal::record_refusal(conn, refusal))
    }

    fn record_event(&mut self, event: &RecordEvent, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.write_unfenced(|conn| journal::record_event(conn, event, at))
    }

    fn record_day_report(&mut self, report: &RecordDayReport, at: DateTime<Utc>) -> Result<bool, StoreError> {
        self.write(|conn| journal::record_day_report(conn, report, at))
    }

    fn record_day_start(
        &mut self,
        start: &RecordDayStart,
        at: DateTime<Utc>,
    ) -> Result<DayStart, StoreError> {
        self.write(|conn| journal::record_day_start(conn, start, at))
    }

    fn record_peak(&mut self, peak: &RecordPeak, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(|conn| trips::record_peak(conn, peak, at))
    }

    fn record_won_day_start(
        &mut self,
        start: &RecordWonDayStart,
        at: DateTime<Utc>,
    ) -> Result<WonDayStart, StoreError> {
        self.write(|conn| won::record_day_start(conn, start, at))
    }

    fn reserve_oracle_call(
        &mut self,
        call: &ReserveOracleCall,
        at: DateTime<Utc>,
    ) -> Result<BudgetAnswer, StoreError> {
        self.write(|conn| oracle_calls::reserve(conn, call, at))
    }

    fn settle_oracle_call(&mut self, end: &SettleOracleCall, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(|conn| oracle_calls::settle(conn, end, at))
    }

    fn oracle_calls(&mut self, quota_date: NaiveDate) -> Result<Vec<BookedCall>, StoreError> {
        self.read(|conn| oracle_calls::of_day(conn, quota_date))
    }

    fn last_event(&mut self) -> Result<EventId, StoreError> {
        self.read(journal::last_event)
    }

    fn events_after(&mut self, query: &EventsAfter) -> Result<Vec<LedgerEvent>, StoreError> {
        self.read(|conn| journal::events_after(conn, query))
    }

    fn cursor(&mut self, subscriber: &str) -> Result<EventId, StoreError> {
        self.write(|conn| journal::cursor(conn, subscriber))
    }

    fn set_cursor(&mut self, subscriber: &str, at: EventId) -> Result<(), StoreError> {
        self.write(|conn| journal::set_cursor(conn, subscriber, at))
    }

    fn chat_place(&mut self) -> Result<Option<ChatPlace>, StoreError> {
        self.read(chat::place)
    }

    fn book_chat(&mut self, book: &BookChat) -> Result<bool, StoreError> {
        self.write(|conn| chat::book(conn, book))
    }

    fn book_occasions(&mut self, told: &[Occasion], at: DateTime<Utc>) -> Result<Vec<bool>, StoreError> {
        self.write(|conn| occasions::book(conn, told, at))
    }

    fn booked_occasions(&mut self, since: NaiveDate) -> Result<Vec<Occasion>, StoreError> {
        self.read(|conn| occasions::booked(conn, since))
    }

    fn record_selections(&mut self, made: &SelectionsMade) -> Result<(), StoreError> {
        self.write(|conn| selections::record(conn, made))
    }

    fn recently_traded(&mut self, query: RecentlyTraded) -> Result<Vec<Instrument>, StoreError> {
        self.read(|conn| selections::recently_traded(conn, query))
    }

    fn record_bars(&mut self, seen: &BarsSeen, at: DateTime<Utc>) -> Result<BarsRecorded, StoreError> {
        self.write(|conn| bars::record(conn, seen, at))
    }

    fn bars_of(&mut self, query: &BarsOf) -> Result<BarSeries, StoreError> {
        self.read(|conn| bars::of_stock(conn, query))
    }

    fn stocks_with_bars(&mut self, market: Market) -> Result<Vec<Instrument>, StoreError> {
        self.read(|conn| bars::stocks(conn, market))
    }

    fn confident_losers(&mut self, query: &ConfidentLosers) -> Result<Vec<LosingTrade>, StoreError> {
        self.read(|conn| reports::confident_losers(conn, query))
    }

    fn recent_decisions(&mut self, query: &RecentDecisions) -> Result<Vec<RememberedDecision>, StoreError> {
        self.read(|conn| reports::recent_decisions(conn, query))
    }

    fn symbol_halts(&mut self) -> Result<Vec<SymbolHalt>, StoreError> {
        self.read(symbol_halts::standing)
    }

    fn release_symbol(
        &mut self,
        release: &RequestSymbolRelease,
        at: DateTime<Utc>,
    ) -> Result<SymbolReleased, StoreError> {
        self.write(|conn| symbol_halts::release(conn, release, at))
    }

    fn resolve(&mut self, request: &RequestResolution, at: DateTime<Utc>) -> Result<Resolved, StoreError> {
        self.write(|conn| resolutions::resolve(conn, request, at))
    }

    fn compare_holdings(
        &mut self,
        snapshot: &AccountSnapshot,
        at: DateTime<Utc>,
    ) -> Result<HoldingsCompared, StoreError> {
        self.write(|conn| holdings::compare(conn, snapshot, at))
    }

    fn unknowns_lately(&mut self, at: DateTime<Utc>) -> Result<u32, StoreError> {
        self.read(|conn| halts::unknowns_lately(conn, at))
    }

    fn drop_old(
        &mut self,
        retention: &trade_ledger::retention::Retention,
        at: DateTime<Utc>,
    ) -> Result<trade_ledger::retention::Dropped, StoreError> {
        self.write(|conn| retention::drop_old(conn, retention, at))
    }

    fn summary(&mut self) -> Result<BooksSummary, StoreError> {
        self.read(reports::summary)
    }
}
