//! The port `Store`, method by method: each is one transaction of the module that knows its tables.

use super::*;

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
