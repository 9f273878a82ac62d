//! A store that counts events and fails once on command.

mod evolution;

use std::sync::{Arc, Mutex};

use chrono::NaiveDate;
use domain::messages::consultation::{ClosedPosition, ClosedPositions, Consultation, SpentQuota};
use domain::messages::control::HaltRecord;
use domain::messages::ledger::*;
use domain::messages::limits::{LimitsRecord, OwnPosition, RecordPeak, Setback, SetbacksSince};
use domain::messages::occasions::Occasion;
use domain::messages::selection::{RecentlyTraded, SelectionsMade};
use domain::messages::symbols::*;
use domain::messages::trading::{DecisionMade, OrderUpdate, ProposalRefused};
use domain::messages::won::{RecordWonDayStart, WonDayStart};
use domain::{AccountSnapshot, HaltId, Instrument, IntentId, OpenIntent, Outcome};
use risk_guard::{HaltCommitted, Release, StoredTradingState};

use super::super::*;
use crate::permit::{BookInquiry, DayBooked, DayKey, InquiryBooked};
use crate::store::{Begun, BootFacts, BootReport, NewIntent, SendingRequest};

/// What the double knows and how it behaves.
#[derive(Default)]
pub(super) struct Facts {
    /// How often the store was opened.
    pub(super) opened: u32,
    /// Events written.
    pub(super) events: u64,
    /// What the subscriber was told.
    pub(super) told: Vec<u64>,
    /// What the next transaction answers instead.
    pub(super) failure: Option<StoreError>,
    /// Whose writes the ledger said they are.
    pub(super) fenced_to: Option<FencingEpoch>,
    /// Starts of other processes since.
    pub(super) later_boots: u64,
    /// Stocks whose bars were written.
    pub(super) recorded: Vec<String>,
    /// Slices with old rows that are left.
    pub(super) old_slices: u64,
    /// Slices that were gone through, the last one, which finds nothing, included.
    pub(super) slices: u64,
    /// Halts that were asked for.
    pub(super) halts: Vec<String>,
}

pub(super) struct Scripted {
    facts: Arc<Mutex<Facts>>,
}

impl Scripted {
    pub(super) fn open(facts: &Arc<Mutex<Facts>>) -> Box<dyn Store> {
        facts.lock().unwrap().opened += 1;
        Box::new(Self { facts: facts.clone() })
    }

    fn taken(&self) -> Result<(), StoreError> {
        self.facts.lock().unwrap().failure.take().map_or(Ok(()), Err)
    }

    fn written<T>(&self, answer: T) -> Result<T, StoreError> {
        self.taken()?;
        self.facts.lock().unwrap().events += 1;
        Ok(answer)
    }
}

fn unscripted<T>() -> Result<T, StoreError> {
    Err(StoreError::Refused("the double has no such books".into()))
}

impl Store for Scripted {
    fn fence(&mut self, epoch: FencingEpoch) {
        self.facts.lock().unwrap().fenced_to = Some(epoch);
    }

    fn boot(&mut self, _boot: &BootFacts) -> Result<BootReport, StoreError> {
        unscripted()
    }

    fn commit_approval(&mut self, _intent: &NewIntent, _at: DateTime<Utc>) -> Result<EventId, StoreError> {
        unscripted()
    }

    fn begin_sending(&mut self, _request: &SendingRequest) -> Result<Begun, StoreError> {
        unscripted()
    }

    fn record_outcome(
        &mut self,
        _intent: &IntentId,
        _outcome: &Outcome,
        _at: DateTime<Utc>,
    ) -> Result<OrderUpdate, StoreError> {
        unscripted()
    }

    fn abandon_sending(&mut self, _at: DateTime<Utc>) -> Result<Vec<OrderUpdate>, StoreError> {
        self.taken().map(|()| Vec::new())
    }

    fn book_inquiry(
        &mut self,
        _inquiry: &BookInquiry,
        _at: DateTime<Utc>,
    ) -> Result<InquiryBooked, StoreError> {
        unscripted()
    }

    fn close_day(&mut self, _inquiry: &BookInquiry, _at: DateTime<Utc>) -> Result<DayBooked, StoreError> {
        unscripted()
    }

    fn unclosed_days(&mut self) -> Result<Vec<DayKey>, StoreError> {
        unscripted()
    }

    fn open_intents(&mut self) -> Result<Vec<OpenIntent>, StoreError> {
        Ok(Vec::new())
    }

    fn all_intents(&mut self) -> Result<Vec<IntentRecord>, StoreError> {
        unscripted()
    }

    fn commit_halt(&mut self, _record: &HaltRecord) -> Result<HaltCommitted, StoreError> {
        unscripted()
    }

    fn commit_release(&mut self, _release: &Release) -> Result<HaltCommitted, StoreError> {
        unscripted()
    }

    fn commit_latch(&mut self, _halt: &HaltId, _at: DateTime<Utc>) -> Result<HaltCommitted, StoreError> {
        unscripted()
    }

    fn record_limits(&mut self, _record: &LimitsRecord) -> Result<EventId, StoreError> {
        unscripted()
    }

    fn approvals_since(&mut self, _since: DateTime<Utc>) -> Result<Vec<DateTime<Utc>>, StoreError> {
        Ok(Vec::new())
    }

    fn setbacks_since(&mut self, _query: &SetbacksSince) -> Result<Vec<Setback>, StoreError> {
        Ok(Vec::new())
    }

    fn own_positions(&mut self) -> Result<Vec<OwnPosition>, StoreError> {
        unscripted()
    }

    fn trading_state(&mut self) -> Result<StoredTradingState, StoreError> {
        let fencing = FencingEpoch(7 + self.facts.lock().unwrap().later_boots);
        let epoch = domain::HaltEpoch(0);
        Ok(StoredTradingState { halts: Vec::new(), limits: Vec::new(), epoch, fencing })
    }

    fn record_consultation(&mut self, _consultation: &Consultation) -> Result<(), StoreError> {
        unscripted()
    }

    fn spent_quota(&mut self, _model: &str) -> Result<Option<SpentQuota>, StoreError> {
        unscripted()
    }

    fn closed_positions(&mut self, _query: ClosedPositions) -> Result<Vec<ClosedPosition>, StoreError> {
        unscripted()
    }

    fn record_decision(&mut self, _made: &DecisionMade) -> Result<EventId, StoreError> {
        unscripted()
    }

    fn record_refusal(&mut self, _refusal: &ProposalRefused) -> Result<(), StoreError> {
        unscripted()
    }

    fn record_event(&mut self, _event: &RecordEvent, _at: DateTime<Utc>) -> Result<(), StoreError> {
        self.written(())
    }

    fn record_day_report(
        &mut self,
        _report: &RecordDayReport,
        _at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.taken().map(|()| true)
    }

    fn record_day_start(
        &mut self,
        _start: &RecordDayStart,
        _at: DateTime<Utc>,
    ) -> Result<DayStart, StoreError> {
        unscripted()
    }

    fn record_peak(&mut self, _peak: &RecordPeak, _at: DateTime<Utc>) -> Result<(), StoreError> {
        unscripted()
    }

    fn record_won_day_start(
        &mut self,
        _start: &RecordWonDayStart,
        _at: DateTime<Utc>,
    ) -> Result<WonDayStart, StoreError> {
        unscripted()
    }

    fn reserve_oracle_call(
        &mut self,
        _call: &ReserveOracleCall,
        _at: DateTime<Utc>,
    ) -> Result<BudgetAnswer, StoreError> {
        unscripted()
    }

    fn settle_oracle_call(&mut self, _end: &SettleOracleCall, _at: DateTime<Utc>) -> Result<(), StoreError> {
        unscripted()
    }

    fn oracle_calls(&mut self, _quota_date: NaiveDate) -> Result<Vec<BookedCall>, StoreError> {
        unscripted()
    }

    fn last_event(&mut self) -> Result<EventId, StoreError> {
        Ok(EventId(self.facts.lock().unwrap().events))
    }

    fn events_after(&mut self, _query: &EventsAfter) -> Result<Vec<LedgerEvent>, StoreError> {
        unscripted()
    }

    fn cursor(&mut self, _subscriber: &str) -> Result<EventId, StoreError> {
        unscripted()
    }

    fn set_cursor(&mut self, _subscriber: &str, _at: EventId) -> Result<(), StoreError> {
        unscripted()
    }

    fn chat_place(&mut self) -> Result<Option<domain::messages::chat::ChatPlace>, StoreError> {
        unscripted()
    }

    fn book_chat(&mut self, _book: &domain::messages::chat::BookChat) -> Result<bool, StoreError> {
        unscripted()
    }

    fn book_occasions(&mut self, _told: &[Occasion], _at: DateTime<Utc>) -> Result<Vec<bool>, StoreError> {
        unscripted()
    }

    fn booked_occasions(&mut self, _since: NaiveDate) -> Result<Vec<Occasion>, StoreError> {
        unscripted()
    }

    fn record_selections(&mut self, _made: &SelectionsMade) -> Result<(), StoreError> {
        unscripted()
    }

    fn recently_traded(&mut self, _query: RecentlyTraded) -> Result<Vec<Instrument>, StoreError> {
        unscripted()
    }

    fn record_bars(
        &mut self,
        seen: &domain::messages::bars::BarsSeen,
        _at: DateTime<Utc>,
    ) -> Result<crate::bars::BarsRecorded, StoreError> {
        let alignment = crate::bars::Alignment::Same;
        self.taken()?;
        self.facts.lock().unwrap().recorded.push(seen.instrument.symbol.to_string());
        Ok(crate::bars::BarsRecorded { first: 0, known: 0, changed: 0, alignment })
    }

    fn bars_of(
        &mut self,
        _query: &domain::messages::bars::BarsOf,
    ) -> Result<domain::messages::bars::BarSeries, StoreError> {
        unscripted()
    }

    fn stocks_with_bars(&mut self, _market: domain::Market) -> Result<Vec<Instrument>, StoreError> {
        unscripted()
    }

    fn confident_losers(&mut self, _query: &ConfidentLosers) -> Result<Vec<LosingTrade>, StoreError> {
        unscripted()
    }

    fn recent_decisions(&mut self, _query: &RecentDecisions) -> Result<Vec<RememberedDecision>, StoreError> {
        unscripted()
    }

    fn symbol_halts(&mut self) -> Result<Vec<SymbolHalt>, StoreError> {
        unscripted()
    }

    fn release_symbol(
        &mut self,
        _release: &RequestSymbolRelease,
        _at: DateTime<Utc>,
    ) -> Result<SymbolReleased, StoreError> {
        unscripted()
    }

    fn resolve(&mut self, _request: &RequestResolution, _at: DateTime<Utc>) -> Result<Resolved, StoreError> {
        unscripted()
    }

    fn compare_holdings(
        &mut self,
        _snapshot: &AccountSnapshot,
        _at: DateTime<Utc>,
    ) -> Result<HoldingsCompared, StoreError> {
        unscripted()
    }

    fn unknowns_lately(&mut self, _at: DateTime<Utc>) -> Result<u32, StoreError> {
        unscripted()
    }

    fn drop_old(
        &mut self,
        _retention: &crate::retention::Retention,
        _at: DateTime<Utc>,
    ) -> Result<crate::retention::Dropped, StoreError> {
        self.taken()?;
        let mut facts = self.facts.lock().unwrap();
        facts.slices += 1;
        let looked_at = facts.old_slices.min(1);
        facts.old_slices -= looked_at;
        Ok(crate::retention::Dropped { looked_at, rows: looked_at })
    }

    fn summary(&mut self) -> Result<BooksSummary, StoreError> {
        self.taken().map(|()| BooksSummary::default())
    }
}
