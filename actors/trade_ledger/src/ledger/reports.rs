//! Judgements, day starts and budgets; events with their cursors; occasions; reports.

use domain::messages::chat::{BookChat, ChatOffset, ChatPlace};
use domain::messages::consultation::{
    ClosedPosition, ClosedPositions, RecordConsultation, SpentQuota, SpentQuotaOf,
};
use domain::messages::ledger::{
    AllIntents, BookedCall, BooksSummary, BudgetAnswer, Committed, ConfidentLosers, DayStart, EventsAfter,
    GetCursor, IntentRecord, LedgerError, LedgerEvent, LosingTrade, OracleCallsOf, RecentDecisions,
    RecordDayReport, RecordDayStart, RecordEvent, RememberedDecision, ReserveOracleCall, SetCursor,
    SettleOracleCall, SummaryQuery,
};
use domain::messages::occasions::{BookOccasions, BookedOccasions, Occasion};
use domain::messages::selection::{RecentlyTraded, SelectionsMade};
use domain::messages::trading::{DecisionMade, ProposalRefused};
use domain::messages::won::{RecordWonDayStart, WonDayStart};
use domain::{EventId, Instrument};
use supervision::prelude::*;
use tracing::info;

use super::{TradeLedger, answer};

impl Handler<DecisionMade> for TradeLedger {
    type Result = Result<Committed, LedgerError>;

    fn handle(&mut self, made: DecisionMade, ctx: &mut Self::Context) -> Self::Result {
        let committed = self.committed(ctx, |store, _| store.record_decision(&made))?;
        info!(decision = %made.decision.id, "the decision is in the books");
        Ok(committed)
    }
}

impl Handler<RecordConsultation> for TradeLedger {
    type Result = Result<(), LedgerError>;

    fn handle(&mut self, record: RecordConsultation, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, _| store.record_consultation(&record.consultation)).map_err(answer)
    }
}

impl Handler<SpentQuotaOf> for TradeLedger {
    type Result = Result<Option<SpentQuota>, LedgerError>;

    fn handle(&mut self, query: SpentQuotaOf, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.spent_quota(&query.model))
    }
}

impl Handler<ClosedPositions> for TradeLedger {
    type Result = Result<Vec<ClosedPosition>, LedgerError>;

    fn handle(&mut self, query: ClosedPositions, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.closed_positions(query))
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
    type Result = Result<DayStart, LedgerError>;

    fn handle(&mut self, start: RecordDayStart, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.record_day_start(&start, at)).map_err(answer)
    }
}

impl Handler<RecordWonDayStart> for TradeLedger {
    type Result = Result<WonDayStart, LedgerError>;

    fn handle(&mut self, start: RecordWonDayStart, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.record_won_day_start(&start, at)).map_err(answer)
    }
}

impl Handler<ReserveOracleCall> for TradeLedger {
    type Result = Result<BudgetAnswer, LedgerError>;

    fn handle(&mut self, call: ReserveOracleCall, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.reserve_oracle_call(&call, at)).map_err(answer)
    }
}

impl Handler<SettleOracleCall> for TradeLedger {
    type Result = ();

    fn handle(&mut self, end: SettleOracleCall, ctx: &mut Self::Context) {
        // Nobody waits for an answer; a call without its end counts as the most it could take.
        let _ = self.commit(ctx, |store, at| store.settle_oracle_call(&end, at));
    }
}

impl Handler<OracleCallsOf> for TradeLedger {
    type Result = Result<Vec<BookedCall>, LedgerError>;

    fn handle(&mut self, query: OracleCallsOf, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.oracle_calls(query.quota_date))
    }
}

impl Handler<ChatOffset> for TradeLedger {
    type Result = Result<Option<ChatPlace>, LedgerError>;

    fn handle(&mut self, _query: ChatOffset, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.chat_place())
    }
}

impl Handler<BookChat> for TradeLedger {
    type Result = Result<bool, LedgerError>;

    fn handle(&mut self, book: BookChat, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, _| store.book_chat(&book)).map_err(answer)
    }
}

impl Handler<RecordEvent> for TradeLedger {
    type Result = ();

    fn handle(&mut self, event: RecordEvent, ctx: &mut Self::Context) {
        // Nobody waits for an answer; what went wrong is in the log.
        let _ = self.commit(ctx, |store, at| store.record_event(&event, at));
    }
}

impl Handler<RecordDayReport> for TradeLedger {
    type Result = Result<bool, LedgerError>;

    fn handle(&mut self, report: RecordDayReport, ctx: &mut Self::Context) -> Self::Result {
        let recorded = self.commit(ctx, |store, at| store.record_day_report(&report, at)).map_err(answer);
        // Each close is reported, also of a day without orders.
        self.begin_sweep(ctx);
        recorded
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

impl Handler<SelectionsMade> for TradeLedger {
    type Result = ();

    fn handle(&mut self, made: SelectionsMade, ctx: &mut Self::Context) {
        // Nobody waits for an answer; what went wrong is in the log.
        let _ = self.commit(ctx, |store, _| store.record_selections(&made));
    }
}

impl Handler<RecentlyTraded> for TradeLedger {
    type Result = Result<Vec<Instrument>, LedgerError>;

    fn handle(&mut self, query: RecentlyTraded, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.recently_traded(query))
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
