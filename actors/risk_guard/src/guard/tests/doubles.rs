//! Doubles of RiskGuard's neighbours: a ledger and a Broker that remember, and can fall silent.

use std::sync::{Arc, Mutex};

use actix::Context;
use chrono::TimeDelta;
use domain::messages::control::*;
use domain::messages::ledger::*;
use domain::messages::limits::*;
use domain::messages::market_data::{AccountInWonQuery, OrderQuoteQuery, QueryError, Quote, QuoteQuery};
use domain::messages::symbols::*;
use domain::messages::trading::*;
use domain::messages::won::{RecordWonDayStart, WonDayStart, WonPart};
use domain::{
    AccountInWon, AccountSnapshot, BoxFuture, EventId, FencingEpoch, IntentId, Money, OpenIntent, OrderState,
    OrderTerms,
};

use rust_decimal::Decimal;

use super::super::*;
use crate::halting::{HaltAck, HaltCommitted, StoredTradingState};

/// What the doubles know and how they behave.
pub(super) struct Facts {
    /// Everything of interest that reached a double, in order.
    pub(super) log: Vec<String>,
    pub(super) ledger_silent: bool,
    pub(super) broker_silent: bool,
    /// What the halts do that Broker was last told of.
    pub(super) effects: BTreeSet<HaltEffect>,
    /// How long the exchange takes to tell the account.
    pub(super) account_takes: Duration,
    /// The ledger does not tell which halts stand.
    pub(super) state_silent: bool,
    /// How long the ledger takes to tell the epoch.
    pub(super) epoch_takes: Duration,
    /// How long the ledger's word on open orders takes; it is what it was when it was asked.
    pub(super) open_takes: Duration,
    /// How long its word on this agent's shares takes; it is what it was when it was asked.
    pub(super) own_takes: Duration,
    /// What Broker says is on the wire.
    pub(super) on_the_wire: Vec<IntentId>,
    /// How long the ledger takes to write an approval.
    pub(super) approval_takes: Duration,
    /// How long the ledger takes to write a halt.
    pub(super) halt_takes: Duration,
    /// How long the ledger takes to write a release.
    pub(super) release_takes: Duration,
    /// How long after that it tells that the release is written.
    pub(super) release_told_after: Duration,
    pub(super) reconciled: bool,
    pub(super) approval: Result<(), LedgerError>,
    pub(super) halts: Vec<HaltRecord>,
    pub(super) symbol_halts: Vec<SymbolHalt>,
    pub(super) epoch: u64,
    pub(super) open: Vec<OpenIntent>,
    pub(super) day_start: Option<Money>,
    /// What the books say that the breaker has done.
    pub(super) trips: BTreeMap<(Currency, chrono::NaiveDate), Trips>,
    pub(super) won_tripped: bool,
    /// What Broker has reconciled.
    pub(super) currencies: Vec<Currency>,
    /// The account in won, when the exchange tells it.
    pub(super) in_won: Option<AccountInWon>,
    /// What a quote is.
    pub(super) quote: Option<Quote>,
    /// How often it was asked for.
    pub(super) quotes_asked: u32,
    /// Broker is gone with its next look at the account.
    pub(super) broker_full: bool,
    /// What the books say the day in won began with.
    pub(super) won_parts: BTreeMap<Currency, WonPart>,
    /// How often they were asked for it.
    pub(super) day_starts_asked: u32,
    /// What the books say was bought today.
    pub(super) bought: Decimal,
    pub(super) account: Option<AccountSnapshot>,
    pub(super) placed: Vec<(IntentId, OrderTerms)>,
    pub(super) file: Vec<HaltRecord>,
    pub(super) limits: Vec<LimitsChange>,
    /// When orders were approved.
    pub(super) approved: Vec<DateTime<Utc>>,
    /// What the books say against buying a stock again.
    pub(super) setbacks: Vec<Setback>,
    /// What the books say this agent holds.
    pub(super) own: Vec<OwnPosition>,
    /// The daily bars of every stock; none: nobody answers.
    pub(super) bars: Vec<domain::Candle>,
    pub(super) disk_full: bool,
    /// What the exchange's last answer said of its clock.
    pub(super) clock_doubt: Option<TimeDelta>,
    /// What its next answer will say.
    pub(super) clock_next: Option<TimeDelta>,
}

pub(super) type Shared = Arc<Mutex<Facts>>;

pub(super) struct TestClock {
    pub(super) begun: tokio::time::Instant,
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        let origin: DateTime<Utc> = "2026-11-24T01:00:00Z".parse().unwrap();
        origin + TimeDelta::from_std(self.begun.elapsed()).unwrap()
    }

    fn sleep_until(&self, until: DateTime<Utc>) -> BoxFuture<'static, ()> {
        let left = (until - self.now()).to_std().unwrap_or_default();
        Box::pin(tokio::time::sleep(left))
    }

    fn real(&self, exchange_time: Duration) -> Duration {
        exchange_time
    }
}

#[derive(Default)]
pub(super) struct Counter(Mutex<u64>);

impl Random for Counter {
    fn next_u64(&self) -> u64 {
        let mut number = self.0.lock().unwrap();
        *number += 1;
        *number
    }
}

pub(super) struct VenueClock(pub(super) Shared);

impl domain::ExchangeClock for VenueClock {
    fn clock_doubt(&self) -> Option<TimeDelta> {
        self.0.lock().unwrap().clock_doubt
    }
}

pub(super) struct File(pub(super) Shared);

impl EmergencyHalt for File {
    fn write(&self, record: &HaltRecord) -> Result<(), String> {
        let mut facts = self.0.lock().unwrap();
        if facts.disk_full {
            return Err("no space left".into());
        }
        facts.file.retain(|one| one.id != record.id);
        facts.file.push(record.clone());
        Ok(())
    }

    fn read(&self) -> Option<HaltRecord> {
        self.read_all().into_iter().next()
    }

    fn read_all(&self) -> Vec<HaltRecord> {
        self.0.lock().unwrap().file.clone()
    }

    fn keep_only(&self, records: &[HaltRecord]) -> Result<(), String> {
        self.0.lock().unwrap().file = records.to_vec();
        Ok(())
    }

    fn clear(&self) -> Result<(), String> {
        self.keep_only(&[])
    }
}

pub(super) struct Ledger(pub(super) Shared);
pub(super) struct Broker(pub(super) Shared);

impl Actor for Ledger {
    type Context = Context<Self>;
}

impl Actor for Broker {
    type Context = Context<Self>;
}

/// The answer after a while, or never from a silent actor.
fn answer<T: 'static>(
    silent: bool,
    after: Duration,
    make: impl FnOnce() -> T + 'static,
) -> ResponseFuture<T> {
    Box::pin(async move {
        if silent {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(after).await;
        make()
    })
}

impl Ledger {
    /// Answers unless silent, after as long as `takes` says.
    fn later<T: 'static>(
        &self,
        takes: impl FnOnce(&Facts) -> Duration,
        make: impl FnOnce(&mut Facts) -> T + 'static,
    ) -> ResponseFuture<T> {
        let shared = self.0.clone();
        let (silent, after) = {
            let facts = shared.lock().unwrap();
            (facts.ledger_silent, takes(&facts))
        };
        answer(silent, after, move || make(&mut shared.lock().unwrap()))
    }

    fn reply<T: 'static>(&self, make: impl FnOnce(&mut Facts) -> T + 'static) -> ResponseFuture<T> {
        self.later(|_facts| Duration::ZERO, make)
    }
}

impl Handler<CommitApproval> for Ledger {
    type Result = ResponseFuture<Result<Committed, LedgerError>>;

    fn handle(&mut self, msg: CommitApproval, _ctx: &mut Self::Context) -> Self::Result {
        self.later(
            |facts| facts.approval_takes,
            move |facts| {
                facts.log.push("ledger: approval".into());
                facts.approved.push(msg.approved_at());
                facts.approval.clone().map(|()| Committed { last_event: EventId(1) })
            },
        )
    }
}

impl Handler<CommitHalt> for Ledger {
    type Result = ResponseFuture<Result<HaltCommitted, LedgerError>>;

    fn handle(&mut self, msg: CommitHalt, _ctx: &mut Self::Context) -> Self::Result {
        self.later(
            |facts| facts.halt_takes,
            move |facts| {
                facts.log.push("ledger: halt".into());
                facts.halts.push(msg.record().clone());
                facts.epoch += 1;
                Ok(HaltCommitted { epoch: HaltEpoch(facts.epoch), event: EventId(1) })
            },
        )
    }
}

impl Handler<CommitRelease> for Ledger {
    type Result = ResponseFuture<Result<HaltCommitted, LedgerError>>;

    fn handle(&mut self, msg: CommitRelease, _ctx: &mut Self::Context) -> Self::Result {
        let told_after = self.0.lock().unwrap().release_told_after;
        let written = self.later(
            |facts| facts.release_takes,
            move |facts| {
                let release = msg.release();
                facts.log.push(format!("ledger: release by {}", release.by));
                let before = facts.halts.len();
                facts.halts.retain(|halt| release.halts.iter().all(|id| id.as_str() != halt.id));
                if facts.halts.len() < before || facts.halts.is_empty() {
                    facts.halts.extend(release.leaves.clone());
                    facts.epoch += 1;
                }
                Ok(HaltCommitted { epoch: HaltEpoch(facts.epoch), event: EventId(1) })
            },
        );
        Box::pin(async move {
            let committed = written.await;
            tokio::time::sleep(told_after).await;
            committed
        })
    }
}

impl Handler<CommitLatch> for Ledger {
    type Result = ResponseFuture<Result<HaltCommitted, LedgerError>>;

    fn handle(&mut self, msg: CommitLatch, _ctx: &mut Self::Context) -> Self::Result {
        self.reply(move |facts| {
            facts.log.push("ledger: latch".into());
            let flatten = facts.halts.iter_mut().find(|halt| halt.id == msg.halt().as_str()).unwrap();
            flatten.level = HaltLevel::Halted;
            facts.epoch += 1;
            Ok(HaltCommitted { epoch: HaltEpoch(facts.epoch), event: EventId(1) })
        })
    }
}

impl Handler<CommitLimits> for Ledger {
    type Result = ResponseFuture<Result<Committed, LedgerError>>;

    fn handle(&mut self, msg: CommitLimits, _ctx: &mut Self::Context) -> Self::Result {
        self.reply(move |facts| {
            facts.limits.extend(msg.record().change.clone());
            Ok(Committed { last_event: EventId(1) })
        })
    }
}

impl Handler<SetbacksSince> for Ledger {
    type Result = ResponseFuture<Result<Vec<Setback>, LedgerError>>;

    fn handle(&mut self, msg: SetbacksSince, _ctx: &mut Self::Context) -> Self::Result {
        self.reply(move |facts| {
            let asked =
                |setback: &&Setback| msg.instrument.as_ref().is_none_or(|one| *one == setback.instrument);
            Ok(facts
                .setbacks
                .iter()
                .filter(asked)
                .filter(|setback| setback.at > msg.since)
                .cloned()
                .collect())
        })
    }
}

impl Handler<ApprovalsSince> for Ledger {
    type Result = ResponseFuture<Result<Vec<DateTime<Utc>>, LedgerError>>;

    fn handle(&mut self, msg: ApprovalsSince, _ctx: &mut Self::Context) -> Self::Result {
        self.reply(move |facts| Ok(facts.approved.iter().copied().filter(|at| *at > msg.since).collect()))
    }
}

impl Handler<OwnPositions> for Ledger {
    type Result = ResponseFuture<Result<Vec<OwnPosition>, LedgerError>>;

    fn handle(&mut self, _msg: OwnPositions, _ctx: &mut Self::Context) -> Self::Result {
        let own = self.0.lock().unwrap().own.clone();
        self.later(|facts| facts.own_takes, move |_facts| Ok(own))
    }
}

impl Handler<LoadTradingState> for Ledger {
    type Result = ResponseFuture<Result<StoredTradingState, LedgerError>>;

    fn handle(&mut self, _msg: LoadTradingState, _ctx: &mut Self::Context) -> Self::Result {
        let takes =
            |facts: &Facts| if facts.state_silent { Duration::from_secs(3600) } else { Duration::ZERO };
        self.later(takes, |facts| {
            let epoch = HaltEpoch(facts.epoch);
            let (halts, limits) = (facts.halts.clone(), facts.limits.clone());
            Ok(StoredTradingState { halts, limits, epoch, fencing: FencingEpoch(1) })
        })
    }
}

impl Handler<HaltEpochQuery> for Ledger {
    type Result = ResponseFuture<Result<HaltEpoch, LedgerError>>;

    fn handle(&mut self, _msg: HaltEpochQuery, _ctx: &mut Self::Context) -> Self::Result {
        self.later(|facts| facts.epoch_takes, |facts| Ok(HaltEpoch(facts.epoch)))
    }
}

impl Handler<OpenIntents> for Ledger {
    type Result = ResponseFuture<Result<Vec<OpenIntent>, LedgerError>>;

    fn handle(&mut self, _msg: OpenIntents, _ctx: &mut Self::Context) -> Self::Result {
        let open = self.0.lock().unwrap().open.clone();
        self.later(|facts| facts.open_takes, move |_facts| Ok(open))
    }
}

impl Handler<SymbolHalts> for Ledger {
    type Result = ResponseFuture<Result<Vec<SymbolHalt>, LedgerError>>;

    fn handle(&mut self, _msg: SymbolHalts, _ctx: &mut Self::Context) -> Self::Result {
        self.reply(|facts| Ok(facts.symbol_halts.clone()))
    }
}

impl Handler<CommitSymbolRelease> for Ledger {
    type Result = ResponseFuture<Result<SymbolReleased, LedgerError>>;

    fn handle(&mut self, msg: CommitSymbolRelease, _ctx: &mut Self::Context) -> Self::Result {
        self.reply(move |facts| {
            let RequestSymbolRelease { instrument, by, .. } = msg.request().clone();
            facts.log.push(format!("ledger: {instrument} released by {by}"));
            let is_lifted = |halt: &SymbolHalt| halt.instrument == instrument;
            let (lifted, standing) = facts.symbol_halts.drain(..).partition(is_lifted);
            facts.symbol_halts = standing;
            Ok(SymbolReleased { lifted, accepted_shares: None })
        })
    }
}

impl Handler<CommitResolution> for Ledger {
    type Result = ResponseFuture<Result<Resolved, LedgerError>>;

    fn handle(&mut self, msg: CommitResolution, _ctx: &mut Self::Context) -> Self::Result {
        self.reply(move |facts| {
            let wanted = &msg.request().intent;
            let Some(open) = facts.open.iter().find(|open| &open.id == wanted) else {
                return Err(LedgerError::Refused(format!("no intent has the id {wanted}")));
            };
            let OpenIntent { id, terms, filled, .. } = open.clone();
            let (state, at) = (OrderState::Accepted, DateTime::<Utc>::MIN_UTC);
            let update = OrderUpdate { intent: id, terms, state, filled, at };
            Ok(Resolved { update, still_halted: Vec::new() })
        })
    }
}

impl Handler<RecordDayStart> for Ledger {
    type Result = ResponseFuture<Result<DayStart, LedgerError>>;

    fn handle(&mut self, msg: RecordDayStart, _ctx: &mut Self::Context) -> Self::Result {
        self.reply(move |facts| {
            facts.day_start = facts.day_start.or(msg.equity);
            facts.day_starts_asked += 1;
            let trips = facts.trips.entry((msg.currency, msg.session_date)).or_default();
            trips.halting |= msg.trips.halting;
            trips.reducing |= msg.trips.reducing;
            let trips = *trips;
            Ok(DayStart { equity: facts.day_start, trips, bought: Money::new(facts.bought, msg.currency) })
        })
    }
}

impl Handler<RecordPeak> for Ledger {
    type Result = ();

    fn handle(&mut self, msg: RecordPeak, _ctx: &mut Self::Context) {
        let mut facts = self.0.lock().unwrap();
        let is_it = |own: &&mut OwnPosition| own.instrument == msg.instrument && own.since == Some(msg.since);
        facts.own.iter_mut().filter(is_it).for_each(|own| own.peak = own.peak.max(Some(msg.peak)));
    }
}

impl Handler<RecordWonDayStart> for Ledger {
    type Result = ResponseFuture<Result<WonDayStart, LedgerError>>;

    fn handle(&mut self, msg: RecordWonDayStart, _ctx: &mut Self::Context) -> Self::Result {
        self.reply(move |facts| {
            for part in msg.parts {
                facts.won_parts.entry(part.equity.currency()).or_insert(part);
            }
            facts.won_tripped |= msg.has_tripped;
            let (parts, has_tripped) = (facts.won_parts.clone(), facts.won_tripped);
            Ok(WonDayStart { session_date: msg.session_date, parts, has_tripped })
        })
    }
}

impl Handler<SaleLeftBehind> for Broker {
    type Result = ();

    fn handle(&mut self, _msg: SaleLeftBehind, _ctx: &mut Self::Context) {
        self.0.lock().unwrap().log.push("broker: sale left behind".into());
    }
}

impl Handler<OrderQuoteQuery> for Broker {
    type Result = ResponseFuture<Result<Quote, QueryError>>;

    fn handle(&mut self, msg: OrderQuoteQuery, _ctx: &mut Self::Context) -> Self::Result {
        let shared = self.0.clone();
        answer(false, Duration::ZERO, move || {
            let mut facts = shared.lock().unwrap();
            facts.log.push(format!("broker: quote to {}", msg.side));
            facts.quote.clone().ok_or_else(|| QueryError::Unavailable("down".into()))
        })
    }
}

impl Handler<QuoteQuery> for Broker {
    type Result = ResponseFuture<Result<Quote, QueryError>>;

    fn handle(&mut self, _msg: QuoteQuery, _ctx: &mut Self::Context) -> Self::Result {
        let shared = self.0.clone();
        answer(false, Duration::ZERO, move || {
            let mut facts = shared.lock().unwrap();
            facts.quotes_asked += 1;
            facts.quote.clone().ok_or_else(|| QueryError::Unavailable("down".into()))
        })
    }
}

impl Handler<AccountInWonQuery> for Broker {
    type Result = ResponseFuture<Result<AccountInWon, QueryError>>;

    fn handle(&mut self, msg: AccountInWonQuery, _ctx: &mut Self::Context) -> Self::Result {
        let shared = self.0.clone();
        answer(false, Duration::ZERO, move || {
            let mut facts = shared.lock().unwrap();
            facts.log.push(format!("broker: account in won with {:?}", msg.currencies));
            facts.in_won.clone().ok_or_else(|| QueryError::Unavailable("down".into()))
        })
    }
}

impl Handler<DecisionMade> for Ledger {
    type Result = ResponseFuture<Result<Committed, LedgerError>>;

    fn handle(&mut self, msg: DecisionMade, _ctx: &mut Self::Context) -> Self::Result {
        self.reply(move |facts| {
            facts.log.push(format!("decision: {}", msg.decision.rationale));
            Ok(Committed { last_event: EventId(1) })
        })
    }
}

impl Handler<ProposalRefused> for Ledger {
    type Result = ();

    fn handle(&mut self, msg: ProposalRefused, _ctx: &mut Self::Context) {
        self.0.lock().unwrap().log.push(format!("refused: {}", msg.reason));
    }
}

impl Handler<RecordEvent> for Ledger {
    type Result = ();

    fn handle(&mut self, msg: RecordEvent, _ctx: &mut Self::Context) {
        self.0.lock().unwrap().log.push(format!("event: {}", msg.text));
    }
}

impl Handler<PlaceOrder> for Broker {
    type Result = ();

    fn handle(&mut self, msg: PlaceOrder, _ctx: &mut Self::Context) {
        let mut facts = self.0.lock().unwrap();
        facts.log.push("broker: order".into());
        facts.placed.push((msg.0.intent().clone(), msg.0.terms().clone()));
    }
}

impl Handler<AccountQuery> for Broker {
    type Result = ResponseFuture<Result<AccountSnapshot, QueryError>>;

    fn handle(&mut self, _msg: AccountQuery, ctx: &mut Self::Context) -> Self::Result {
        let shared = self.0.clone();
        if shared.lock().unwrap().broker_full {
            ctx.stop();
        }
        let takes = shared.lock().unwrap().account_takes;
        answer(false, takes, move || {
            let mut facts = shared.lock().unwrap();
            facts.log.push("broker: account".into());
            facts.clock_doubt = facts.clock_next;
            facts.account.clone().ok_or_else(|| QueryError::Unavailable("down".into()))
        })
    }
}

impl Handler<BarsQuery> for Broker {
    type Result = Result<Vec<domain::Candle>, QueryError>;

    fn handle(&mut self, _msg: BarsQuery, _ctx: &mut Self::Context) -> Self::Result {
        let bars = self.0.lock().unwrap().bars.clone();
        if bars.is_empty() { Err(QueryError::Unavailable("down".into())) } else { Ok(bars) }
    }
}

impl Handler<HaltSystem> for Broker {
    type Result = ResponseFuture<HaltAck>;

    fn handle(&mut self, msg: HaltSystem, _ctx: &mut Self::Context) -> Self::Result {
        let shared = self.0.clone();
        let silent = shared.lock().unwrap().broker_silent;
        answer(silent, Duration::ZERO, move || {
            shared.lock().unwrap().log.push(format!("broker: halt, epoch {}", msg.epoch()));
            shared.lock().unwrap().effects = msg.effects().clone();
            let in_flight = shared.lock().unwrap().on_the_wire.clone();
            HaltAck { epoch: msg.epoch(), in_flight, knows_the_wire: true, ..HaltAck::default() }
        })
    }
}

impl Handler<ResumeSystem> for Broker {
    type Result = ();

    fn handle(&mut self, msg: ResumeSystem, _ctx: &mut Self::Context) {
        self.0.lock().unwrap().log.push(format!("broker: resume, epoch {}", msg.epoch()));
    }
}

impl Handler<AskReconciled> for Broker {
    type Result = Option<Reconciled>;

    fn handle(&mut self, _msg: AskReconciled, _ctx: &mut Self::Context) -> Self::Result {
        let facts = self.0.lock().unwrap();
        facts.reconciled.then(|| Reconciled {
            currencies: facts.currencies.clone(),
            unresolved: Vec::new(),
            at: DateTime::<Utc>::MIN_UTC,
        })
    }
}
