//! The agent's books, seen through: every transaction may be the last one of its life, and tells the witness what it did.

mod evolution;
mod telling;

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use domain::messages::bars::{BarSeries, BarsOf, BarsSeen};
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
    AccountSnapshot, Clock as _, Decision, EventId, FencingEpoch, HaltId, Instrument, IntentId, Market,
    Money, OpenIntent, OrderState, Outcome, Quantity, Side,
};
use risk_guard::{HaltCommitted, Release, StoredTradingState};
use trade_ledger::bars::BarsRecorded;
use trade_ledger::store::Store;
use trade_ledger::{
    Begun, BookInquiry, BootFacts, BootReport, DayBooked, DayKey, InquiryBooked, NewIntent, PermitRefused,
    SendingRequest, StoreError,
};

use self::telling::{
    tell_approval, tell_booked, tell_boot, tell_decision, tell_halt, tell_refusal, tell_sending, tell_updates,
};
use super::facts::{Approval, What};
use super::sometimes::Sometimes;
use super::stage::{Life, Stage};
use super::strangers::SENDING_BY_OVERTAKEN;
use super::strikes::strike_perhaps;

/// The books of one life.
pub(super) struct WitnessedBooks {
    pub(super) inner: Box<dyn Store>,
    pub(super) stage: Arc<Stage>,
    pub(super) life: Arc<Life>,
    /// The epoch of this life; zero until it has one.
    pub(super) epoch: FencingEpoch,
}

impl WitnessedBooks {
    /// One transaction, before and after which the process may die. `is_key`: it is a step of an order or a halt.
    fn step<T>(
        &mut self,
        (name, is_key): (&'static str, bool),
        transaction: impl Fn(&mut dyn Store) -> Result<T, StoreError>,
        tell: impl FnOnce(&Stage, &T),
    ) -> Result<T, StoreError> {
        self.survive(name, is_key)?;
        strike_perhaps(&self.stage, &self.life, name);
        self.stage.overtaken_perhaps(name, self.epoch, |store, _| transaction(store));
        let answer = transaction(self.inner.as_mut());
        match &answer {
            Ok(done) => tell(&self.stage, done),
            Err(StoreError::Refused(why)) => self.stage.witness.trace("refused", why),
            Err(error) => self.stage.witness.odd(format!("the books failed in {name}: {error}")),
        }
        self.survive(name, is_key)?;
        strike_perhaps(&self.stage, &self.life, name);
        answer
    }

    fn read<T>(
        &mut self,
        query: impl FnOnce(&mut dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.life.is_dead() {
            return Err(gone());
        }
        query(self.inner.as_mut())
    }

    /// A process of an earlier life wakes up and tries to send what this one is about to send.
    fn overtaken_sends(&self, request: &SendingRequest) {
        let stage = &self.stage;
        stage.overtaken_perhaps(SENDING_BY_OVERTAKEN, self.epoch, |store, stale| {
            let request = SendingRequest { fencing: stale, ..request.clone() };
            let begun = store.begin_sending(&request)?;
            tell_sending(stage, &request, &begun);
            match begun {
                Begun::Refused(PermitRefused::Fenced) => {
                    Err(StoreError::Fenced { own: stale, newest: self.epoch })
                }
                Begun::Refused(_) | Begun::Sending => Ok(()),
            }
        });
    }

    fn survive(&self, step: &'static str, is_key: bool) -> Result<(), StoreError> {
        if !self.life.is_dead() && self.stage.kills(step, is_key) {
            self.stage.kill(&self.life, step);
        }
        if self.life.is_dead() { Err(gone()) } else { Ok(()) }
    }
}

fn gone() -> StoreError {
    StoreError::Failed("the process is gone".into())
}

const KEY: bool = true;
const OTHER: bool = false;

impl Store for WitnessedBooks {
    fn fence(&mut self, epoch: FencingEpoch) {
        self.epoch = epoch;
        self.inner.fence(epoch);
    }

    fn boot(&mut self, boot: &BootFacts) -> Result<BootReport, StoreError> {
        self.step(("boot", KEY), |store| store.boot(boot), tell_boot)
    }

    fn commit_approval(&mut self, intent: &NewIntent, at: DateTime<Utc>) -> Result<EventId, StoreError> {
        self.step(
            ("commit_approval", KEY),
            |store| store.commit_approval(intent, at),
            |stage, _| tell_approval(stage, intent),
        )
    }

    fn begin_sending(&mut self, request: &SendingRequest) -> Result<Begun, StoreError> {
        let (mut request, mut is_late) = (request.clone(), false);
        if !self.life.is_dead() {
            self.overtaken_sends(&request);
            self.stage.halt_before_sending_perhaps();
            is_late = self.stage.clock_outruns_approvals_perhaps();
            if is_late {
                // As if the ledger had read the clock just after that.
                request.at = self.stage.machine.now();
            }
        }
        self.step(
            ("begin_sending", KEY),
            |store| store.begin_sending(&request),
            |stage, begun| {
                tell_sending(stage, &request, begun);
                if is_late && *begun == Begun::Sending {
                    let what = format!("{} got its permit after its approval had run out", request.intent);
                    stage.witness.odd(what);
                }
            },
        )
    }

    fn record_outcome(
        &mut self,
        intent: &IntentId,
        outcome: &Outcome,
        at: DateTime<Utc>,
    ) -> Result<OrderUpdate, StoreError> {
        self.step(
            ("record_outcome", KEY),
            |store| store.record_outcome(intent, outcome, at),
            |stage, update| stage.witness.moved(update),
        )
    }

    fn abandon_sending(&mut self, at: DateTime<Utc>) -> Result<Vec<OrderUpdate>, StoreError> {
        self.step(
            ("abandon_sending", KEY),
            |store| store.abandon_sending(at),
            |stage, updates| tell_updates(stage, updates),
        )
    }

    fn book_inquiry(
        &mut self,
        inquiry: &BookInquiry,
        at: DateTime<Utc>,
    ) -> Result<InquiryBooked, StoreError> {
        self.step(("book_inquiry", KEY), |store| store.book_inquiry(inquiry, at), tell_booked)
    }

    fn close_day(&mut self, inquiry: &BookInquiry, at: DateTime<Utc>) -> Result<DayBooked, StoreError> {
        self.step(
            ("close_day", KEY),
            |store| store.close_day(inquiry, at),
            |stage, closed| {
                tell_booked(stage, &closed.booked);
                if closed.unsettled.is_empty() {
                    let is_late = inquiry.day.session_date < inquiry.day.market.date_at(stage.clock.now());
                    stage.witness.closed(inquiry.day, is_late);
                }
            },
        )
    }

    fn unclosed_days(&mut self) -> Result<Vec<DayKey>, StoreError> {
        self.read(|store| store.unclosed_days())
    }

    fn open_intents(&mut self) -> Result<Vec<OpenIntent>, StoreError> {
        self.read(|store| store.open_intents())
    }

    fn all_intents(&mut self) -> Result<Vec<IntentRecord>, StoreError> {
        self.read(|store| store.all_intents())
    }

    fn commit_halt(&mut self, record: &HaltRecord) -> Result<HaltCommitted, StoreError> {
        self.step(
            ("commit_halt", KEY),
            |store| store.commit_halt(record),
            |stage, _| {
                tell_halt(stage, record);
            },
        )
    }

    fn commit_release(&mut self, release: &Release) -> Result<HaltCommitted, StoreError> {
        let lifted = |stage: &Stage, _: &HaltCommitted| {
            release.halts.iter().for_each(|id| stage.witness.note(What::Release { id: id.to_string() }));
            if let Some(left) = &release.leaves {
                stage.witness.saw(Sometimes::ResumedReducing);
                tell_halt(stage, left);
            }
        };
        self.step(("commit_release", KEY), |store| store.commit_release(release), lifted)
    }

    fn commit_latch(&mut self, halt: &HaltId, at: DateTime<Utc>) -> Result<HaltCommitted, StoreError> {
        self.step(
            ("commit_latch", KEY),
            |store| store.commit_latch(halt, at),
            |stage, _| {
                stage.witness.saw(Sometimes::Flattened);
                stage.witness.note(What::Halt { id: halt.to_string() });
            },
        )
    }

    fn record_limits(&mut self, record: &LimitsRecord) -> Result<EventId, StoreError> {
        self.step(("record_limits", OTHER), |store| store.record_limits(record), |_, _| ())
    }

    fn approvals_since(&mut self, since: DateTime<Utc>) -> Result<Vec<DateTime<Utc>>, StoreError> {
        self.read(|store| store.approvals_since(since))
    }

    fn setbacks_since(&mut self, query: &SetbacksSince) -> Result<Vec<Setback>, StoreError> {
        self.read(|store| store.setbacks_since(query))
    }

    fn own_positions(&mut self) -> Result<Vec<OwnPosition>, StoreError> {
        self.read(|store| store.own_positions())
    }

    fn trading_state(&mut self) -> Result<StoredTradingState, StoreError> {
        self.read(|store| store.trading_state())
    }

    fn record_decision(&mut self, made: &DecisionMade) -> Result<EventId, StoreError> {
        self.step(
            ("record_decision", OTHER),
            |store| store.record_decision(made),
            |stage, _| tell_decision(stage, &made.decision),
        )
    }

    fn record_consultation(&mut self, consultation: &Consultation) -> Result<(), StoreError> {
        self.step(("record_consultation", OTHER), |store| store.record_consultation(consultation), |_, _| ())
    }

    fn spent_quota(&mut self, model: &str) -> Result<Option<SpentQuota>, StoreError> {
        self.read(|store| store.spent_quota(model))
    }

    fn closed_positions(&mut self, query: ClosedPositions) -> Result<Vec<ClosedPosition>, StoreError> {
        self.read(|store| store.closed_positions(query))
    }

    fn record_refusal(&mut self, refusal: &ProposalRefused) -> Result<(), StoreError> {
        self.step(
            ("record_refusal", OTHER),
            |store| store.record_refusal(refusal),
            |stage, ()| tell_refusal(stage, refusal),
        )
    }

    fn record_event(&mut self, event: &RecordEvent, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.step(
            ("record_event", OTHER),
            |store| store.record_event(event, at),
            |stage, ()| stage.witness.trace("event", &event.text),
        )
    }

    fn record_day_report(&mut self, report: &RecordDayReport, at: DateTime<Utc>) -> Result<bool, StoreError> {
        self.step(("record_day_report", OTHER), |store| store.record_day_report(report, at), |_, _| ())
    }

    fn record_day_start(
        &mut self,
        start: &RecordDayStart,
        at: DateTime<Utc>,
    ) -> Result<DayStart, StoreError> {
        self.step(("record_day_start", OTHER), |store| store.record_day_start(start, at), |_, _| ())
    }

    fn record_peak(&mut self, peak: &RecordPeak, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.step(("record_peak", OTHER), |store| store.record_peak(peak, at), |_, _| ())
    }

    fn record_won_day_start(
        &mut self,
        start: &RecordWonDayStart,
        at: DateTime<Utc>,
    ) -> Result<WonDayStart, StoreError> {
        self.step(("record_won_day_start", OTHER), |store| store.record_won_day_start(start, at), |_, _| ())
    }

    fn reserve_oracle_call(
        &mut self,
        call: &ReserveOracleCall,
        at: DateTime<Utc>,
    ) -> Result<BudgetAnswer, StoreError> {
        self.step(("reserve_oracle_call", OTHER), |store| store.reserve_oracle_call(call, at), |_, _| ())
    }

    fn settle_oracle_call(&mut self, end: &SettleOracleCall, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.step(("settle_oracle_call", OTHER), |store| store.settle_oracle_call(end, at), |_, _| ())
    }

    fn chat_place(&mut self) -> Result<Option<domain::messages::chat::ChatPlace>, StoreError> {
        self.read(|store| store.chat_place())
    }

    fn book_chat(&mut self, book: &domain::messages::chat::BookChat) -> Result<bool, StoreError> {
        self.step(("book_chat", OTHER), |store| store.book_chat(book), |_, _| {})
    }

    fn oracle_calls(&mut self, quota_date: NaiveDate) -> Result<Vec<BookedCall>, StoreError> {
        self.read(|store| store.oracle_calls(quota_date))
    }

    fn last_event(&mut self) -> Result<EventId, StoreError> {
        self.read(|store| store.last_event())
    }

    fn events_after(&mut self, query: &EventsAfter) -> Result<Vec<LedgerEvent>, StoreError> {
        self.read(|store| store.events_after(query))
    }

    fn cursor(&mut self, subscriber: &str) -> Result<EventId, StoreError> {
        self.step(("cursor", OTHER), |store| store.cursor(subscriber), |_, _| ())
    }

    fn set_cursor(&mut self, subscriber: &str, at: EventId) -> Result<(), StoreError> {
        self.step(("set_cursor", OTHER), |store| store.set_cursor(subscriber, at), |_, ()| ())
    }

    fn book_occasions(&mut self, told: &[Occasion], at: DateTime<Utc>) -> Result<Vec<bool>, StoreError> {
        self.step(("book_occasions", OTHER), |store| store.book_occasions(told, at), |_, _| ())
    }

    fn booked_occasions(&mut self, since: NaiveDate) -> Result<Vec<Occasion>, StoreError> {
        self.read(|store| store.booked_occasions(since))
    }

    fn record_selections(&mut self, made: &SelectionsMade) -> Result<(), StoreError> {
        self.step(("record_selections", OTHER), |store| store.record_selections(made), |_, ()| ())
    }

    fn recently_traded(&mut self, query: RecentlyTraded) -> Result<Vec<Instrument>, StoreError> {
        self.read(|store| store.recently_traded(query))
    }

    fn record_bars(&mut self, seen: &BarsSeen, at: DateTime<Utc>) -> Result<BarsRecorded, StoreError> {
        self.step(("record_bars", OTHER), |store| store.record_bars(seen, at), |_, _| ())
    }

    fn bars_of(&mut self, query: &BarsOf) -> Result<BarSeries, StoreError> {
        self.read(|store| store.bars_of(query))
    }

    fn stocks_with_bars(&mut self, market: Market) -> Result<Vec<Instrument>, StoreError> {
        self.read(|store| store.stocks_with_bars(market))
    }

    fn confident_losers(&mut self, query: &ConfidentLosers) -> Result<Vec<LosingTrade>, StoreError> {
        self.read(|store| store.confident_losers(query))
    }

    fn recent_decisions(&mut self, query: &RecentDecisions) -> Result<Vec<RememberedDecision>, StoreError> {
        self.read(|store| store.recent_decisions(query))
    }

    fn symbol_halts(&mut self) -> Result<Vec<SymbolHalt>, StoreError> {
        self.read(|store| store.symbol_halts())
    }

    fn release_symbol(
        &mut self,
        release: &RequestSymbolRelease,
        at: DateTime<Utc>,
    ) -> Result<SymbolReleased, StoreError> {
        self.step(
            ("release_symbol", KEY),
            |store| store.release_symbol(release, at),
            |stage, released| {
                stage.witness.saw(Sometimes::StockReleased);
                stage.witness.trace("stock released", &format!("{released:?}"));
            },
        )
    }

    fn resolve(&mut self, request: &RequestResolution, at: DateTime<Utc>) -> Result<Resolved, StoreError> {
        self.step(
            ("resolve", KEY),
            |store| store.resolve(request, at),
            |stage, resolved| {
                stage.witness.saw(Sometimes::DisputeResolved);
                stage.witness.moved(&resolved.update);
            },
        )
    }

    fn compare_holdings(
        &mut self,
        snapshot: &AccountSnapshot,
        at: DateTime<Utc>,
    ) -> Result<HoldingsCompared, StoreError> {
        self.step(
            ("compare_holdings", OTHER),
            |store| store.compare_holdings(snapshot, at),
            |stage, compared| {
                let cash = snapshot.cash.map(Money::amount);
                stage.witness.notes().seen.insert(snapshot.currency, cash);
                if *compared != HoldingsCompared::default() {
                    stage.witness.trace("holdings compared", &format!("{compared:?}"));
                }
            },
        )
    }

    fn unknowns_lately(&mut self, at: DateTime<Utc>) -> Result<u32, StoreError> {
        self.read(|store| store.unknowns_lately(at))
    }

    fn drop_old(
        &mut self,
        retention: &trade_ledger::retention::Retention,
        at: DateTime<Utc>,
    ) -> Result<trade_ledger::retention::Dropped, StoreError> {
        self.step(("drop_old", OTHER), |store| store.drop_old(retention, at), |_, _| ())
    }

    fn summary(&mut self) -> Result<BooksSummary, StoreError> {
        self.read(|store| store.summary())
    }
}
