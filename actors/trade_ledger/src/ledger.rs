//! The actor: it receives, makes one transaction through the [`Store`] port, answers, and tells that there is news.
//!
//! It answers everyone and asks nobody. When the connection cannot be trusted any more it still answers, then fails
//! itself, so that its factory opens the store afresh; the process's fencing epoch stays what it was.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::messages::control::{HaltSource, RequestHalt};
use domain::messages::ledger::{
    AllIntents, BooksSummary, BudgetAnswer, Committed, ConfidentLosers, EventsAfter, EventsCommitted,
    GetCursor, IntentRecord, LedgerError, LedgerEvent, LosingTrade, OpenIntents, RecentDecisions,
    RecordDayStart, RecordEvent, RememberedDecision, ReserveOracleCall, SetCursor, SummaryQuery,
};
use domain::messages::limits::{ApprovalsSince, OwnPosition, OwnPositions};
use domain::messages::occasions::{BookOccasions, BookedOccasions, Occasion};
use domain::messages::symbols::{
    CompareHoldings, HoldingsCompared, Resolved, SymbolHalt, SymbolHalts, SymbolReleased, UnknownsLately,
};
use domain::messages::trading::{DecisionMade, OrderUpdate, ProposalRefused};
use domain::{Clock, EventId, FencingEpoch, Money, OpenIntent};
use risk_guard::{
    CommitApproval, CommitHalt, CommitLatch, CommitLimits, CommitRelease, CommitResolution,
    CommitSymbolRelease, HaltAck, HaltCommitted, HaltSystem, LoadTradingState, ResumeSystem,
    StoredTradingState,
};
use supervision::prelude::*;
use tracing::{error, info, warn};

use crate::permit::{
    AbandonSending, BeginSending, BookInquiry, CloseDay, DayBooked, DayKey, InquiryBooked, JournalledOrder,
    JournalledOrders, PermitRefused, RecordOutcome, SendPermit, UnclosedDays,
};
use crate::store::{Begun, NewIntent, SendingRequest, Store, StoreError};

/// What the ledger needs besides its store.
#[derive(Clone)]
pub struct LedgerDeps {
    /// Exchange time.
    pub clock: Arc<dyn Clock>,
    /// This process's epoch, from the one [`Store::boot`] before the actors started.
    pub fencing: FencingEpoch,
    /// Who wants to know that there are new events.
    pub subscribers: Vec<Link<EventsCommitted>>,
    /// RiskGuard: books that cannot be written stop trading.
    pub halt: Link<RequestHalt>,
}

/// The only writer of the database. Place it on a thread of its own: its transactions block until they are fsynced.
pub struct TradeLedger {
    store: Box<dyn Store>,
    deps: LedgerDeps,
    /// The newest event the subscribers were told of in this life.
    announced: EventId,
    /// Why a halt was asked for, while nothing was written since: RiskGuard's own attempt to write it must not ask again.
    unwritable: Option<&'static str>,
}

impl TradeLedger {
    /// A ledger over a store that is open; called by its factory at the start of each life.
    pub fn new(store: Box<dyn Store>, deps: LedgerDeps) -> Self {
        Self { store, deps, announced: EventId(0), unwritable: None }
    }

    fn now(&self) -> DateTime<Utc> {
        self.deps.clock.now()
    }

    /// One transaction that may write: afterwards subscribers learn of new events.
    fn commit<T>(
        &mut self,
        ctx: &mut Ctx<Self>,
        transaction: impl FnOnce(&mut dyn Store, DateTime<Utc>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let at = self.now();
        let answer = transaction(self.store.as_mut(), at);
        match &answer {
            Ok(_) => {
                self.unwritable = None;
                self.announce();
            }
            Err(error) => {
                inspect(error, ctx);
                self.halt_if_unwritable(error);
            }
        }
        answer
    }

    /// What cannot be written cannot be sent, and what was sent cannot be booked: trading stops (order-protocol 3, rows
    /// 21 and 22). A database that another program holds for a moment fails the one step only.
    fn halt_if_unwritable(&mut self, error: &StoreError) {
        let reason = match error {
            StoreError::DiskFull(_) => "the books cannot be written: the disk is full",
            StoreError::Failed(_) => "the books cannot be written: the file or the file system failed",
            StoreError::Refused(_)
            | StoreError::Locked(_)
            | StoreError::Malformed { .. }
            | StoreError::NotRepresentable(_) => return,
        };
        if self.unwritable.replace(reason).is_none() {
            self.ask_to_halt(reason);
        }
    }

    fn ask_to_halt(&self, reason: &str) {
        let request =
            RequestHalt { source: HaltSource::Storage, by: "trade_ledger".into(), reason: reason.into() };
        if let Err(error) = self.deps.halt.tell(request) {
            error!(%error, "RiskGuard could not be asked to halt");
        }
    }

    fn read<T>(
        &mut self,
        ctx: &mut Ctx<Self>,
        query: impl FnOnce(&mut dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, LedgerError> {
        let answered = query(self.store.as_mut());
        if let Err(error) = &answered {
            inspect(error, ctx);
            self.halt_if_unwritable(error);
        }
        answered.map_err(answer)
    }

    fn announce(&mut self) {
        let last_id = match self.store.last_event() {
            Ok(last_id) => last_id,
            // The commit stands; the next one, or the next life, tells.
            Err(error) => return warn!(%error, "the newest event is unknown, subscribers are told later"),
        };
        if last_id <= self.announced {
            return;
        }
        self.announced = last_id;
        for subscriber in &self.deps.subscribers {
            if let Err(error) = subscriber.tell(EventsCommitted { last_id }) {
                // Subscribers pull by their own cursor, so a lost nudge delays and loses nothing.
                warn!(%error, ?subscriber, "a subscriber was not told of new events");
            }
        }
    }
}

/// A sound refusal is not worth a log line; a failed disk is, and it ends this life.
fn inspect(error: &StoreError, ctx: &mut Ctx<TradeLedger>) {
    match error {
        StoreError::Refused(_) => {}
        StoreError::Failed(_) => {
            error!(%error, "the books cannot be trusted until they are reopened");
            ctx.fail(error);
        }
        StoreError::Locked(_)
        | StoreError::DiskFull(_)
        | StoreError::Malformed { .. }
        | StoreError::NotRepresentable(_) => error!(%error, "the ledger could not do it"),
    }
}

fn answer(error: StoreError) -> LedgerError {
    match error {
        StoreError::Refused(why) => LedgerError::Refused(why),
        StoreError::Locked(_)
        | StoreError::DiskFull(_)
        | StoreError::Failed(_)
        | StoreError::Malformed { .. }
        | StoreError::NotRepresentable(_) => LedgerError::Storage(error.to_string()),
    }
}

impl Actor for TradeLedger {
    type Context = Ctx<Self>;

    /// An earlier life may have committed without telling.
    fn started(&mut self, _ctx: &mut Self::Context) {
        self.announce();
    }
}

// === Authority: approvals, permits, halts ===

impl Handler<CommitApproval> for TradeLedger {
    type Result = Result<Committed, LedgerError>;

    fn handle(&mut self, approval: CommitApproval, ctx: &mut Self::Context) -> Self::Result {
        let intent = NewIntent {
            intent: approval.intent().clone(),
            approval: approval.approval().clone(),
            decision: approval.decision().clone(),
            terms: approval.terms().clone(),
            confidence: approval.confidence(),
            session_date: approval.session_date(),
            approved_at: approval.approved_at(),
            expires_at: approval.expires_at(),
            halt_epoch: approval.halt_epoch(),
        };
        let committed = self.commit(ctx, |store, at| store.commit_approval(&intent, at));
        committed.map(|last_event| Committed { last_event }).map_err(answer)
    }
}

impl Handler<BeginSending> for TradeLedger {
    type Result = Result<SendPermit, PermitRefused>;

    fn handle(&mut self, begin: BeginSending, ctx: &mut Self::Context) -> Self::Result {
        let BeginSending { order, watermark } = begin;
        let at = self.now();
        let fencing = self.deps.fencing;
        let request = SendingRequest {
            intent: order.intent().clone(),
            approval: order.approval().clone(),
            halt_epoch: order.halt_epoch(),
            fencing,
            watermark,
            at,
        };
        match self.commit(ctx, |store, _| store.begin_sending(&request)) {
            Ok(Begun::Sending) => Ok(SendPermit::new(&order, fencing, at)),
            Ok(Begun::Refused(why)) => Err(why),
            Err(error) => Err(PermitRefused::Storage(error.to_string())),
        }
    }
}

impl Handler<CommitHalt> for TradeLedger {
    type Result = Result<HaltCommitted, LedgerError>;

    fn handle(&mut self, halt: CommitHalt, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, _| store.commit_halt(halt.record())).map_err(answer)
    }
}

impl Handler<CommitRelease> for TradeLedger {
    type Result = Result<HaltCommitted, LedgerError>;

    fn handle(&mut self, release: CommitRelease, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, _| store.commit_release(release.release())).map_err(answer)
    }
}

impl Handler<CommitLatch> for TradeLedger {
    type Result = Result<HaltCommitted, LedgerError>;

    fn handle(&mut self, latch: CommitLatch, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, _| store.commit_latch(latch.halt(), latch.at())).map_err(answer)
    }
}

impl Handler<CommitLimits> for TradeLedger {
    type Result = Result<Committed, LedgerError>;

    fn handle(&mut self, limits: CommitLimits, ctx: &mut Self::Context) -> Self::Result {
        let committed = self.commit(ctx, |store, _| store.record_limits(limits.record()));
        committed.map(|last_event| Committed { last_event }).map_err(answer)
    }
}

impl Handler<ApprovalsSince> for TradeLedger {
    type Result = Result<Vec<DateTime<Utc>>, LedgerError>;

    fn handle(&mut self, query: ApprovalsSince, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.approvals_since(query.since))
    }
}

impl Handler<OwnPositions> for TradeLedger {
    type Result = Result<Vec<OwnPosition>, LedgerError>;

    fn handle(&mut self, _: OwnPositions, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.own_positions())
    }
}

impl Handler<LoadTradingState> for TradeLedger {
    type Result = Result<StoredTradingState, LedgerError>;

    /// Only RiskGuard asks, and above all when it begins a new life: it does not know of a halt that no book took.
    fn handle(&mut self, _: LoadTradingState, ctx: &mut Self::Context) -> Self::Result {
        if let Some(reason) = self.unwritable {
            self.ask_to_halt(reason);
        }
        self.read(ctx, |store| store.trading_state())
    }
}

impl Handler<HaltSystem> for TradeLedger {
    type Result = MessageResult<HaltSystem>;

    /// The halt row already stops permits; the ledger goes on booking what the exchange did.
    fn handle(&mut self, halt: HaltSystem, _ctx: &mut Self::Context) -> Self::Result {
        info!(halt = %halt.record().id, epoch = %halt.epoch(), "the ledger gives no more permits");
        MessageResult(HaltAck::default())
    }
}

impl Handler<ResumeSystem> for TradeLedger {
    type Result = ();

    fn handle(&mut self, resume: ResumeSystem, _ctx: &mut Self::Context) {
        info!(epoch = %resume.epoch(), "the ledger gives permits again");
    }
}

// === Orders ===

impl Handler<RecordOutcome> for TradeLedger {
    type Result = Result<OrderUpdate, LedgerError>;

    fn handle(&mut self, record: RecordOutcome, ctx: &mut Self::Context) -> Self::Result {
        let RecordOutcome { intent, outcome } = record;
        self.commit(ctx, |store, at| store.record_outcome(&intent, &outcome, at)).map_err(answer)
    }
}

impl Handler<AbandonSending> for TradeLedger {
    type Result = Result<Vec<OrderUpdate>, LedgerError>;

    fn handle(&mut self, _: AbandonSending, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.abandon_sending(at)).map_err(answer)
    }
}

impl Handler<BookInquiry> for TradeLedger {
    type Result = Result<InquiryBooked, LedgerError>;

    fn handle(&mut self, inquiry: BookInquiry, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.book_inquiry(&inquiry, at)).map_err(answer)
    }
}

impl Handler<CloseDay> for TradeLedger {
    type Result = Result<DayBooked, LedgerError>;

    fn handle(&mut self, close: CloseDay, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.close_day(&close.inquiry, at)).map_err(answer)
    }
}

impl Handler<UnclosedDays> for TradeLedger {
    type Result = Result<Vec<DayKey>, LedgerError>;

    fn handle(&mut self, _: UnclosedDays, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.unclosed_days())
    }
}

impl Handler<JournalledOrders> for TradeLedger {
    type Result = Result<Vec<JournalledOrder>, LedgerError>;

    fn handle(&mut self, _: JournalledOrders, ctx: &mut Self::Context) -> Self::Result {
        let open = self.read(ctx, |store| store.open_intents())?;
        Ok(open.into_iter().map(JournalledOrder::new).collect())
    }
}

impl Handler<OpenIntents> for TradeLedger {
    type Result = Result<Vec<OpenIntent>, LedgerError>;

    fn handle(&mut self, _: OpenIntents, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.open_intents())
    }
}

// === Single stocks ===

impl Handler<SymbolHalts> for TradeLedger {
    type Result = Result<Vec<SymbolHalt>, LedgerError>;

    fn handle(&mut self, _: SymbolHalts, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.symbol_halts())
    }
}

impl Handler<CommitSymbolRelease> for TradeLedger {
    type Result = Result<SymbolReleased, LedgerError>;

    fn handle(&mut self, release: CommitSymbolRelease, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.release_symbol(release.request(), at)).map_err(answer)
    }
}

impl Handler<CommitResolution> for TradeLedger {
    type Result = Result<Resolved, LedgerError>;

    fn handle(&mut self, resolution: CommitResolution, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.resolve(resolution.request(), at)).map_err(answer)
    }
}

impl Handler<CompareHoldings> for TradeLedger {
    type Result = Result<HoldingsCompared, LedgerError>;

    fn handle(&mut self, compare: CompareHoldings, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.compare_holdings(&compare.snapshot, at)).map_err(answer)
    }
}

impl Handler<UnknownsLately> for TradeLedger {
    type Result = Result<u32, LedgerError>;

    fn handle(&mut self, _: UnknownsLately, ctx: &mut Self::Context) -> Self::Result {
        let at = self.now();
        self.read(ctx, |store| store.unknowns_lately(at))
    }
}

// === Judgements and money ===

impl Handler<DecisionMade> for TradeLedger {
    type Result = Result<Committed, LedgerError>;

    fn handle(&mut self, made: DecisionMade, ctx: &mut Self::Context) -> Self::Result {
        let committed = self.commit(ctx, |store, _| store.record_decision(&made.decision));
        committed.map(|last_event| Committed { last_event }).map_err(answer)
    }
}

impl Handler<ProposalRefused> for TradeLedger {
    type Result = ();

    fn handle(&mut self, refusal: ProposalRefused, ctx: &mut Self::Context) {
        // Nobody waits for an answer; what went wrong is in the log.
        let _ = self.commit(ctx, |store, _| store.record_refusal(&refusal));
    }
}

impl Handler<RecordDayStart> for TradeLedger {
    type Result = Result<Money, LedgerError>;

    fn handle(&mut self, start: RecordDayStart, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.record_day_start(&start, at)).map_err(answer)
    }
}

impl Handler<ReserveOracleCall> for TradeLedger {
    type Result = Result<BudgetAnswer, LedgerError>;

    fn handle(&mut self, call: ReserveOracleCall, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.reserve_oracle_call(&call, at)).map_err(answer)
    }
}

// === Events and reports ===

impl Handler<RecordEvent> for TradeLedger {
    type Result = ();

    fn handle(&mut self, event: RecordEvent, ctx: &mut Self::Context) {
        // Nobody waits for an answer; what went wrong is in the log.
        let _ = self.commit(ctx, |store, at| store.record_event(&event, at));
    }
}

impl Handler<BookOccasions> for TradeLedger {
    type Result = Result<Vec<bool>, LedgerError>;

    fn handle(&mut self, told: BookOccasions, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.book_occasions(&told.occasions, at)).map_err(answer)
    }
}

impl Handler<BookedOccasions> for TradeLedger {
    type Result = Result<Vec<Occasion>, LedgerError>;

    fn handle(&mut self, query: BookedOccasions, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.booked_occasions(query.since))
    }
}

impl Handler<EventsAfter> for TradeLedger {
    type Result = Result<Vec<LedgerEvent>, LedgerError>;

    fn handle(&mut self, query: EventsAfter, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.events_after(&query))
    }
}

impl Handler<GetCursor> for TradeLedger {
    type Result = Result<EventId, LedgerError>;

    fn handle(&mut self, query: GetCursor, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.cursor(&query.subscriber))
    }
}

impl Handler<SetCursor> for TradeLedger {
    type Result = Result<(), LedgerError>;

    fn handle(&mut self, cursor: SetCursor, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.set_cursor(&cursor.subscriber, cursor.at))
    }
}

impl Handler<ConfidentLosers> for TradeLedger {
    type Result = Result<Vec<LosingTrade>, LedgerError>;

    fn handle(&mut self, query: ConfidentLosers, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.confident_losers(&query))
    }
}

impl Handler<RecentDecisions> for TradeLedger {
    type Result = Result<Vec<RememberedDecision>, LedgerError>;

    fn handle(&mut self, query: RecentDecisions, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.recent_decisions(&query))
    }
}

impl Handler<AllIntents> for TradeLedger {
    type Result = Result<Vec<IntentRecord>, LedgerError>;

    fn handle(&mut self, _: AllIntents, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.all_intents())
    }
}

impl Handler<SummaryQuery> for TradeLedger {
    type Result = Result<BooksSummary, LedgerError>;

    fn handle(&mut self, _: SummaryQuery, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.summary())
    }
}

#[cfg(test)]
mod tests;
