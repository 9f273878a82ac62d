//! A store in memory that books by the ledger's own rules.

mod evolution;

use chrono::{DateTime, NaiveDate, Utc};
use domain::messages::consultation::{ClosedPosition, ClosedPositions, Consultation, SpentQuota};
use domain::messages::control::HaltRecord;
use domain::messages::ledger::*;
use domain::messages::limits::{LimitsRecord, OwnPosition, RecordPeak, Setback, SetbacksSince};
use domain::messages::occasions::Occasion;
use domain::messages::selection::{RecentlyTraded, SelectionsMade};
use domain::messages::symbols::*;
use domain::messages::trading::{DecisionMade, OrderUpdate, ProposalRefused};
use domain::messages::won::{RecordWonDayStart, WonDayStart};
use domain::*;
use risk_guard::{HaltCommitted, Release, StoredTradingState};
use rust_decimal::Decimal;
use trade_ledger::booking::{BookedIntent, Change, DayBooks, Evidence, plan};
use trade_ledger::claim::StrangerKind;
use trade_ledger::outcome::{Step, step};
use trade_ledger::store::*;
use trade_ledger::{BookInquiry, DayBooked, DayKey, InquiryBooked, PermitRefused};

use super::doubles::Shared;

/// The books of the world it stands in.
pub(super) struct Memory(pub(super) Shared);

fn unscripted<T>() -> Result<T, StoreError> {
    Err(StoreError::Refused("the double has no such books".into()))
}

fn update(intent: &OpenIntent, at: DateTime<Utc>) -> OrderUpdate {
    let OpenIntent { id, terms, state, filled, .. } = intent.clone();
    OrderUpdate { intent: id, terms, state, filled, at }
}

fn day_of(intent: &OpenIntent) -> DayKey {
    DayKey { market: intent.terms.instrument.market, session_date: intent.session_date }
}

fn apply(booked: &mut BookedIntent, change: &Change) {
    booked.intent.state = change.to;
    booked.intent.venue_order.clone_from(&change.venue_order);
    booked.intent.filled = change.filled;
    booked.intent.missed_inquiries = change.missed_inquiries;
    booked.evidence.absence = change.absence;
    booked.evidence.had_number |= change.venue_order.is_some();
    booked.amount += change.fill.map_or(Decimal::ZERO, |fill| fill.amount);
}

impl Memory {
    fn book(&mut self, inquiry: &BookInquiry, at: DateTime<Utc>, is_final: bool) -> DayBooked {
        let mut facts = self.0.lock().unwrap();
        let of_day = facts.intents.iter().filter(|one| day_of(&one.intent) == inquiry.day);
        let books = DayBooks { intents: of_day.cloned().collect(), strangers: Vec::new() };
        let plan = plan(&books, inquiry, is_final);
        let mut booked = InquiryBooked { contradictions: plan.contradictions, ..InquiryBooked::default() };
        for change in &plan.changes {
            let one = facts.intents.iter_mut().find(|one| one.intent.id == change.intent).unwrap();
            apply(one, change);
            if change.from != change.to || change.fill.is_some() {
                booked.updates.push(update(&one.intent, at));
            }
        }
        for (kind, row) in plan.strangers {
            match kind {
                StrangerKind::Foreign => booked.foreign.push(row.order),
                StrangerKind::Disputed => booked.disputed.push(row.order),
            }
        }
        if !booked.foreign.is_empty() {
            let halt = inquiry.foreign_halt(at);
            facts.log.push(format!("ledger: halt by {}", halt.source));
            facts.halts.push(halt.clone());
            facts.halt_epoch += 1;
            booked.halt = Some(halt);
        }
        DayBooked { booked, unsettled: plan.unsettled }
    }
}

impl Store for Memory {
    fn fence(&mut self, _epoch: FencingEpoch) {}

    fn boot(&mut self, _boot: &BootFacts) -> Result<BootReport, StoreError> {
        unscripted()
    }

    fn commit_approval(&mut self, new: &NewIntent, _at: DateTime<Utc>) -> Result<EventId, StoreError> {
        let mut facts = self.0.lock().unwrap();
        facts.expiries.insert(new.intent.clone(), new.expires_at);
        let intent = OpenIntent {
            id: new.intent.clone(),
            terms: new.terms.clone(),
            state: OrderState::Approved,
            venue_order: None,
            filled: Quantity::ZERO,
            sent_at: None,
            watermark: None,
            session_date: new.session_date,
            approved_at: new.approved_at,
            missed_inquiries: 0,
        };
        facts.intents.push(BookedIntent { intent, amount: Decimal::ZERO, evidence: Evidence::default() });
        Ok(EventId(1))
    }

    fn begin_sending(&mut self, request: &SendingRequest) -> Result<Begun, StoreError> {
        let mut facts = self.0.lock().unwrap();
        let is_late = facts.expiries.get(&request.intent).is_none_or(|expires_at| *expires_at <= request.at);
        let (is_halted, fenced) = (!facts.halts.is_empty(), facts.fenced);
        let one = facts.intents.iter_mut().find(|one| one.intent.id == request.intent).unwrap();
        let refused = if fenced {
            Some(PermitRefused::Fenced)
        } else if one.intent.state != OrderState::Approved {
            Some(PermitRefused::NotApproved)
        } else if is_halted {
            Some(PermitRefused::Halted)
        } else {
            is_late.then_some(PermitRefused::Expired)
        };
        if let Some(refused) = refused {
            return Ok(Begun::Refused(refused));
        }
        one.intent.state = OrderState::Sending;
        one.intent.sent_at = Some(request.at);
        one.intent.watermark = request.watermark;
        facts.log.push("ledger: permit".into());
        Ok(Begun::Sending)
    }

    fn record_outcome(
        &mut self,
        intent: &IntentId,
        outcome: &Outcome,
        at: DateTime<Utc>,
    ) -> Result<OrderUpdate, StoreError> {
        let mut facts = self.0.lock().unwrap();
        let one = facts.intents.iter_mut().find(|one| &one.intent.id == intent).unwrap();
        match step(one.intent.state, one.intent.venue_order.as_ref(), outcome, false) {
            Step::Nothing => {}
            Step::Illegal(why) => return Err(StoreError::Refused(why)),
            Step::Move { to, venue_order, .. } => {
                one.intent.state = to;
                one.evidence.had_number |= venue_order.is_some();
                one.intent.venue_order = venue_order;
            }
        }
        let told = update(&one.intent, at);
        facts.log.push(match outcome {
            Outcome::Refused(refusal) => format!("ledger: {refusal}"),
            Outcome::Accepted(_) | Outcome::Unknown(_) => format!("ledger: {}", told.state),
        });
        Ok(told)
    }

    fn abandon_sending(&mut self, at: DateTime<Utc>) -> Result<Vec<OrderUpdate>, StoreError> {
        let mut facts = self.0.lock().unwrap();
        if facts.abandons_fail {
            return Err(StoreError::Locked("busy".into()));
        }
        facts.log.push("ledger: abandon".into());
        let sending = facts.intents.iter_mut().filter(|one| one.intent.state == OrderState::Sending);
        Ok(sending
            .map(|one| {
                one.intent.state = OrderState::Unknown;
                update(&one.intent, at)
            })
            .collect())
    }

    fn book_inquiry(
        &mut self,
        inquiry: &BookInquiry,
        at: DateTime<Utc>,
    ) -> Result<InquiryBooked, StoreError> {
        self.0.lock().unwrap().believed_at.push(at);
        Ok(self.book(inquiry, at, false).booked)
    }

    fn close_day(&mut self, inquiry: &BookInquiry, at: DateTime<Utc>) -> Result<DayBooked, StoreError> {
        let booked = self.book(inquiry, at, true);
        let mut facts = self.0.lock().unwrap();
        facts.believed_at.push(at);
        let date = inquiry.day.session_date;
        facts.log.push(format!("ledger: {date} closed, {} unsettled", booked.unsettled.len()));
        if booked.unsettled.is_empty() {
            facts.unclosed.retain(|day| *day != inquiry.day);
        }
        Ok(booked)
    }

    fn unclosed_days(&mut self) -> Result<Vec<DayKey>, StoreError> {
        Ok(self.0.lock().unwrap().unclosed.clone())
    }

    fn open_intents(&mut self) -> Result<Vec<OpenIntent>, StoreError> {
        let facts = self.0.lock().unwrap();
        if facts.reads_fail {
            return Err(StoreError::Locked("busy".into()));
        }
        let intents = facts.intents.iter().map(|one| one.intent.clone());
        Ok(intents.filter(|intent| intent.state.is_open()).collect())
    }

    fn all_intents(&mut self) -> Result<Vec<IntentRecord>, StoreError> {
        unscripted()
    }

    fn commit_halt(&mut self, record: &HaltRecord) -> Result<HaltCommitted, StoreError> {
        let mut facts = self.0.lock().unwrap();
        facts.log.push(format!("ledger: halt by {}", record.source));
        facts.halts.push(record.clone());
        facts.halt_epoch += 1;
        Ok(HaltCommitted { epoch: HaltEpoch(facts.halt_epoch), event: EventId(1) })
    }

    fn commit_release(&mut self, release: &Release) -> Result<HaltCommitted, StoreError> {
        let mut facts = self.0.lock().unwrap();
        facts.halts.retain(|halt| release.halts.iter().all(|id| id.as_str() != halt.id));
        facts.halts.extend(release.leaves.clone());
        facts.halt_epoch += 1;
        Ok(HaltCommitted { epoch: HaltEpoch(facts.halt_epoch), event: EventId(1) })
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
        let facts = self.0.lock().unwrap();
        let (halts, epoch) = (facts.halts.clone(), HaltEpoch(facts.halt_epoch));
        Ok(StoredTradingState { halts, limits: Vec::new(), epoch, fencing: FencingEpoch(1) })
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

    fn record_refusal(&mut self, refusal: &ProposalRefused) -> Result<(), StoreError> {
        self.0.lock().unwrap().log.push(format!("risk: {}", refusal.reason));
        Ok(())
    }

    fn record_event(&mut self, event: &RecordEvent, _at: DateTime<Utc>) -> Result<(), StoreError> {
        self.0.lock().unwrap().log.push(format!("alarm: {}", event.text));
        Ok(())
    }

    fn record_day_report(&mut self, _: &RecordDayReport, _: DateTime<Utc>) -> Result<bool, StoreError> {
        Ok(true)
    }

    fn record_day_start(
        &mut self,
        start: &RecordDayStart,
        _at: DateTime<Utc>,
    ) -> Result<DayStart, StoreError> {
        Ok(DayStart { equity: start.equity, bought: Money::zero(start.currency), trips: start.trips })
    }

    fn record_peak(&mut self, _peak: &RecordPeak, _at: DateTime<Utc>) -> Result<(), StoreError> {
        Ok(())
    }

    fn record_won_day_start(
        &mut self,
        start: &RecordWonDayStart,
        _at: DateTime<Utc>,
    ) -> Result<WonDayStart, StoreError> {
        let parts = start.parts.iter().map(|part| (part.equity.currency(), *part)).collect();
        Ok(WonDayStart { session_date: start.session_date, parts, has_tripped: start.has_tripped })
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

    fn chat_place(&mut self) -> Result<Option<domain::messages::chat::ChatPlace>, StoreError> {
        unscripted()
    }

    fn book_chat(&mut self, _book: &domain::messages::chat::BookChat) -> Result<bool, StoreError> {
        unscripted()
    }

    fn oracle_calls(&mut self, _quota_date: NaiveDate) -> Result<Vec<BookedCall>, StoreError> {
        unscripted()
    }

    fn last_event(&mut self) -> Result<EventId, StoreError> {
        Ok(EventId(1))
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
        _seen: &domain::messages::bars::BarsSeen,
        _at: DateTime<Utc>,
    ) -> Result<trade_ledger::bars::BarsRecorded, StoreError> {
        unscripted()
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
        Ok(Vec::new())
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
        at: DateTime<Utc>,
    ) -> Result<HoldingsCompared, StoreError> {
        let mut facts = self.0.lock().unwrap();
        facts.believed_at.push(at);
        Ok(facts.compared.clone())
    }

    fn unknowns_lately(&mut self, _at: DateTime<Utc>) -> Result<u32, StoreError> {
        Ok(self.0.lock().unwrap().unknowns)
    }

    fn drop_old(
        &mut self,
        _retention: &trade_ledger::retention::Retention,
        _at: DateTime<Utc>,
    ) -> Result<trade_ledger::retention::Dropped, StoreError> {
        unscripted()
    }

    fn summary(&mut self) -> Result<BooksSummary, StoreError> {
        unscripted()
    }
}
