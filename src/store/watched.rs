//! A store that is watched: somebody learns of each transaction by name, before and after it, and may stop it.
//!
//! Crash tests die here, simulations count and compare here; the product's own store is not wrapped.

mod evolution;

use chrono::{DateTime, NaiveDate, Utc};
use domain::messages::bars::{BarSeries, BarsOf, BarsSeen};
use domain::messages::chat::{BookChat, ChatPlace};
use domain::messages::consultation::{ClosedPosition, ClosedPositions, Consultation, SpentQuota};
use domain::messages::control::HaltRecord;
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
    AccountSnapshot, EventId, FencingEpoch, HaltId, Instrument, IntentId, Market, OpenIntent, Outcome,
};
use risk_guard::{HaltCommitted, Release, StoredTradingState};
use trade_ledger::bars::BarsRecorded;
use trade_ledger::{
    Begun, BookInquiry, BootFacts, BootReport, DayBooked, DayKey, InquiryBooked, NewIntent, SendingRequest,
    Store, StoreError,
};

/// A step of its own within `book_inquiry`: the list shows that an order was cancelled.
const BOOK_CANCEL: &str = "book_cancel";

/// Who watches. A step is the name of a method of [`Store`], or `book_cancel`.
pub trait Watch: Send {
    /// A transaction is about to begin.
    ///
    /// # Errors
    /// Then it does not happen, and this is its answer.
    fn before(&mut self, step: &'static str) -> Result<(), StoreError>;

    /// A transaction has ended: on disk, or not at all.
    ///
    /// # Errors
    /// Then this is its answer, whatever happened.
    fn after(&mut self, step: &'static str) -> Result<(), StoreError>;
}

/// The watched store.
pub struct Watched<W> {
    inner: Box<dyn Store>,
    watch: W,
}

impl<W: Watch> Watched<W> {
    /// Watches `inner`.
    pub fn new(inner: Box<dyn Store>, watch: W) -> Self {
        Self { inner, watch }
    }

    fn step<T>(
        &mut self,
        step: &'static str,
        transaction: impl FnOnce(&mut dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.watch.before(step)?;
        let answer = transaction(&mut *self.inner);
        self.watch.after(step)?;
        answer
    }
}

impl<W: Watch> Store for Watched<W> {
    fn fence(&mut self, epoch: FencingEpoch) {
        self.inner.fence(epoch);
    }

    fn boot(&mut self, boot: &BootFacts) -> Result<BootReport, StoreError> {
        self.step("boot", |store| store.boot(boot))
    }

    fn commit_approval(&mut self, intent: &NewIntent, at: DateTime<Utc>) -> Result<EventId, StoreError> {
        self.step("commit_approval", |store| store.commit_approval(intent, at))
    }

    fn begin_sending(&mut self, request: &SendingRequest) -> Result<Begun, StoreError> {
        self.step("begin_sending", |store| store.begin_sending(request))
    }

    fn record_outcome(
        &mut self,
        intent: &IntentId,
        outcome: &Outcome,
        at: DateTime<Utc>,
    ) -> Result<OrderUpdate, StoreError> {
        self.step("record_outcome", |store| store.record_outcome(intent, outcome, at))
    }

    fn abandon_sending(&mut self, at: DateTime<Utc>) -> Result<Vec<OrderUpdate>, StoreError> {
        self.step("abandon_sending", |store| store.abandon_sending(at))
    }

    fn book_inquiry(
        &mut self,
        inquiry: &BookInquiry,
        at: DateTime<Utc>,
    ) -> Result<InquiryBooked, StoreError> {
        let shows_a_cancel = inquiry.rows.iter().any(|row| !row.cancelled.is_zero());
        if shows_a_cancel {
            self.watch.before(BOOK_CANCEL)?;
        }
        let answer = self.step("book_inquiry", |store| store.book_inquiry(inquiry, at))?;
        if shows_a_cancel {
            self.watch.after(BOOK_CANCEL)?;
        }
        Ok(answer)
    }

    fn close_day(&mut self, inquiry: &BookInquiry, at: DateTime<Utc>) -> Result<DayBooked, StoreError> {
        self.step("close_day", |store| store.close_day(inquiry, at))
    }

    fn unclosed_days(&mut self) -> Result<Vec<DayKey>, StoreError> {
        self.step("unclosed_days", |store| store.unclosed_days())
    }

    fn open_intents(&mut self) -> Result<Vec<OpenIntent>, StoreError> {
        self.step("open_intents", |store| store.open_intents())
    }

    fn all_intents(&mut self) -> Result<Vec<IntentRecord>, StoreError> {
        self.step("all_intents", |store| store.all_intents())
    }

    fn commit_halt(&mut self, record: &HaltRecord) -> Result<HaltCommitted, StoreError> {
        self.step("commit_halt", |store| store.commit_halt(record))
    }

    fn commit_release(&mut self, release: &Release) -> Result<HaltCommitted, StoreError> {
        self.step("commit_release", |store| store.commit_release(release))
    }

    fn commit_latch(&mut self, halt: &HaltId, at: DateTime<Utc>) -> Result<HaltCommitted, StoreError> {
        self.step("commit_latch", |store| store.commit_latch(halt, at))
    }

    fn record_limits(&mut self, record: &LimitsRecord) -> Result<EventId, StoreError> {
        self.step("record_limits", |store| store.record_limits(record))
    }

    fn approvals_since(&mut self, since: DateTime<Utc>) -> Result<Vec<DateTime<Utc>>, StoreError> {
        self.step("approvals_since", |store| store.approvals_since(since))
    }

    fn setbacks_since(&mut self, query: &SetbacksSince) -> Result<Vec<Setback>, StoreError> {
        self.step("setbacks_since", |store| store.setbacks_since(query))
    }

    fn own_positions(&mut self) -> Result<Vec<OwnPosition>, StoreError> {
        self.step("own_positions", |store| store.own_positions())
    }

    fn trading_state(&mut self) -> Result<StoredTradingState, StoreError> {
        self.step("trading_state", |store| store.trading_state())
    }

    fn record_decision(&mut self, made: &DecisionMade) -> Result<EventId, StoreError> {
        self.step("record_decision", |store| store.record_decision(made))
    }

    fn record_consultation(&mut self, consultation: &Consultation) -> Result<(), StoreError> {
        self.step("record_consultation", |store| store.record_consultation(consultation))
    }

    fn spent_quota(&mut self, model: &str) -> Result<Option<SpentQuota>, StoreError> {
        self.step("spent_quota", |store| store.spent_quota(model))
    }

    fn closed_positions(&mut self, query: ClosedPositions) -> Result<Vec<ClosedPosition>, StoreError> {
        self.step("closed_positions", |store| store.closed_positions(query))
    }

    fn record_refusal(&mut self, refusal: &ProposalRefused) -> Result<(), StoreError> {
        self.step("record_refusal", |store| store.record_refusal(refusal))
    }

    fn record_event(&mut self, event: &RecordEvent, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.step("record_event", |store| store.record_event(event, at))
    }

    fn record_day_report(&mut self, report: &RecordDayReport, at: DateTime<Utc>) -> Result<bool, StoreError> {
        self.step("record_day_report", |store| store.record_day_report(report, at))
    }

    fn record_day_start(
        &mut self,
        start: &RecordDayStart,
        at: DateTime<Utc>,
    ) -> Result<DayStart, StoreError> {
        self.step("record_day_start", |store| store.record_day_start(start, at))
    }

    fn record_peak(&mut self, peak: &RecordPeak, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.step("record_peak", |store| store.record_peak(peak, at))
    }

    fn record_won_day_start(
        &mut self,
        start: &RecordWonDayStart,
        at: DateTime<Utc>,
    ) -> Result<WonDayStart, StoreError> {
        self.step("record_won_day_start", |store| store.record_won_day_start(start, at))
    }

    fn reserve_oracle_call(
        &mut self,
        call: &ReserveOracleCall,
        at: DateTime<Utc>,
    ) -> Result<BudgetAnswer, StoreError> {
        self.step("reserve_oracle_call", |store| store.reserve_oracle_call(call, at))
    }

    fn settle_oracle_call(&mut self, end: &SettleOracleCall, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.step("settle_oracle_call", |store| store.settle_oracle_call(end, at))
    }

    fn chat_place(&mut self) -> Result<Option<ChatPlace>, StoreError> {
        self.step("chat_place", |store| store.chat_place())
    }

    fn book_chat(&mut self, book: &BookChat) -> Result<bool, StoreError> {
        self.step("book_chat", |store| store.book_chat(book))
    }

    fn oracle_calls(&mut self, quota_date: NaiveDate) -> Result<Vec<BookedCall>, StoreError> {
        self.step("oracle_calls", |store| store.oracle_calls(quota_date))
    }

    fn last_event(&mut self) -> Result<EventId, StoreError> {
        self.step("last_event", |store| store.last_event())
    }

    fn events_after(&mut self, query: &EventsAfter) -> Result<Vec<LedgerEvent>, StoreError> {
        self.step("events_after", |store| store.events_after(query))
    }

    fn cursor(&mut self, subscriber: &str) -> Result<EventId, StoreError> {
        self.step("cursor", |store| store.cursor(subscriber))
    }

    fn set_cursor(&mut self, subscriber: &str, at: EventId) -> Result<(), StoreError> {
        self.step("set_cursor", |store| store.set_cursor(subscriber, at))
    }

    fn book_occasions(&mut self, told: &[Occasion], at: DateTime<Utc>) -> Result<Vec<bool>, StoreError> {
        self.step("book_occasions", |store| store.book_occasions(told, at))
    }

    fn booked_occasions(&mut self, since: NaiveDate) -> Result<Vec<Occasion>, StoreError> {
        self.step("booked_occasions", |store| store.booked_occasions(since))
    }

    fn record_selections(&mut self, made: &SelectionsMade) -> Result<(), StoreError> {
        self.step("record_selections", |store| store.record_selections(made))
    }

    fn recently_traded(&mut self, query: RecentlyTraded) -> Result<Vec<Instrument>, StoreError> {
        self.step("recently_traded", |store| store.recently_traded(query))
    }

    fn record_bars(&mut self, seen: &BarsSeen, at: DateTime<Utc>) -> Result<BarsRecorded, StoreError> {
        self.step("record_bars", |store| store.record_bars(seen, at))
    }

    fn bars_of(&mut self, query: &BarsOf) -> Result<BarSeries, StoreError> {
        self.step("bars_of", |store| store.bars_of(query))
    }

    fn stocks_with_bars(&mut self, market: Market) -> Result<Vec<Instrument>, StoreError> {
        self.step("stocks_with_bars", |store| store.stocks_with_bars(market))
    }

    fn confident_losers(&mut self, query: &ConfidentLosers) -> Result<Vec<LosingTrade>, StoreError> {
        self.step("confident_losers", |store| store.confident_losers(query))
    }

    fn recent_decisions(&mut self, query: &RecentDecisions) -> Result<Vec<RememberedDecision>, StoreError> {
        self.step("recent_decisions", |store| store.recent_decisions(query))
    }

    fn symbol_halts(&mut self) -> Result<Vec<SymbolHalt>, StoreError> {
        self.step("symbol_halts", |store| store.symbol_halts())
    }

    fn release_symbol(
        &mut self,
        release: &RequestSymbolRelease,
        at: DateTime<Utc>,
    ) -> Result<SymbolReleased, StoreError> {
        self.step("release_symbol", |store| store.release_symbol(release, at))
    }

    fn resolve(&mut self, request: &RequestResolution, at: DateTime<Utc>) -> Result<Resolved, StoreError> {
        self.step("resolve", |store| store.resolve(request, at))
    }

    fn compare_holdings(
        &mut self,
        snapshot: &AccountSnapshot,
        at: DateTime<Utc>,
    ) -> Result<HoldingsCompared, StoreError> {
        self.step("compare_holdings", |store| store.compare_holdings(snapshot, at))
    }

    fn unknowns_lately(&mut self, at: DateTime<Utc>) -> Result<u32, StoreError> {
        self.step("unknowns_lately", |store| store.unknowns_lately(at))
    }

    fn drop_old(
        &mut self,
        retention: &trade_ledger::retention::Retention,
        at: DateTime<Utc>,
    ) -> Result<trade_ledger::retention::Dropped, StoreError> {
        self.step("drop_old", |store| store.drop_old(retention, at))
    }

    fn summary(&mut self) -> Result<BooksSummary, StoreError> {
        self.step("summary", |store| store.summary())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Database;

    struct Stubborn(&'static str);

    impl Watch for Stubborn {
        fn before(&mut self, step: &'static str) -> Result<(), StoreError> {
            if step == self.0 { Err(StoreError::Failed("dead".into())) } else { Ok(()) }
        }

        fn after(&mut self, _step: &'static str) -> Result<(), StoreError> {
            Ok(())
        }
    }

    #[test]
    fn a_watcher_can_stop_one_step_and_let_the_others_pass() {
        let database = Database::open(":memory:").unwrap();
        let mut store = Watched::new(Box::new(database.store().unwrap()), Stubborn("summary"));
        assert_eq!(store.last_event().unwrap(), EventId(0));
        assert_eq!(store.summary(), Err(StoreError::Failed("dead".into())));
    }
}
