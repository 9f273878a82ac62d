//! Doubles of RiskGuard's neighbours: a ledger and a Broker that remember, and can fall silent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use actix::{Addr, Context, Recipient, System};
use chrono::TimeDelta;
use domain::messages::control::*;
use domain::messages::ledger::*;
use domain::messages::market_data::QueryError;
use domain::messages::trading::*;
use domain::{
    AccountSnapshot, BoxFuture, Confidence, DecisionId, EventId, FencingEpoch, Holding, Instrument, IntentId,
    Money, OpenIntent, OrderTerms, Price, Quantity, Side,
};
use rust_decimal::Decimal;
use supervision::{Child, Exhausted, Place, Policy, Restart, Supervised, Supervisor, slot};

use super::super::*;
use crate::authority::{HaltAck, HaltCommitted, StoredTradingState};
use crate::gate::{Gate, gate};

/// What the doubles know and how they behave.
pub(super) struct Facts {
    /// Everything of interest that reached a double, in order.
    pub(super) log: Vec<String>,
    pub(super) ledger_silent: bool,
    pub(super) broker_silent: bool,
    /// The ledger does not tell which halts stand.
    pub(super) state_silent: bool,
    /// How long the ledger takes to write an approval.
    pub(super) approval_takes: Duration,
    /// How long the ledger takes to write a halt.
    pub(super) halt_takes: Duration,
    /// How long the ledger takes to write a release.
    pub(super) release_takes: Duration,
    pub(super) reconciled: bool,
    pub(super) approval: Result<(), LedgerError>,
    pub(super) halts: Vec<HaltRecord>,
    pub(super) epoch: u64,
    pub(super) open: Vec<OpenIntent>,
    pub(super) day_start: Option<Money>,
    pub(super) account: Option<AccountSnapshot>,
    pub(super) placed: Vec<(IntentId, OrderTerms)>,
    pub(super) file: Option<HaltRecord>,
    pub(super) disk_full: bool,
}

pub(super) type Shared = Arc<Mutex<Facts>>;

pub(super) fn won(amount: i64) -> Money {
    Money::new(Decimal::from(amount), Currency::Krw)
}

pub(super) fn stock(symbol: &str) -> Instrument {
    Instrument { market: Market::Kr, symbol: symbol.parse().unwrap() }
}

struct TestClock {
    begun: tokio::time::Instant,
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

struct Counter(Mutex<u64>);

impl Random for Counter {
    fn next_u64(&self) -> u64 {
        let mut number = self.0.lock().unwrap();
        *number += 1;
        *number
    }
}

struct File(Shared);

impl EmergencyHalt for File {
    fn write(&self, record: &HaltRecord) -> Result<(), String> {
        let mut facts = self.0.lock().unwrap();
        if facts.disk_full {
            return Err("no space left".into());
        }
        facts.file = Some(record.clone());
        Ok(())
    }

    fn read(&self) -> Option<HaltRecord> {
        self.0.lock().unwrap().file.clone()
    }

    fn clear(&self) -> Result<(), String> {
        self.0.lock().unwrap().file = None;
        Ok(())
    }
}

struct Ledger(Shared);
struct Broker(Shared);

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
    fn reply<T: 'static>(&self, make: impl FnOnce(&mut Facts) -> T + 'static) -> ResponseFuture<T> {
        let shared = self.0.clone();
        let silent = shared.lock().unwrap().ledger_silent;
        answer(silent, Duration::ZERO, move || make(&mut shared.lock().unwrap()))
    }
}

impl Handler<CommitApproval> for Ledger {
    type Result = ResponseFuture<Result<Committed, LedgerError>>;

    fn handle(&mut self, _msg: CommitApproval, _ctx: &mut Self::Context) -> Self::Result {
        let shared = self.0.clone();
        let (silent, takes) = {
            let facts = shared.lock().unwrap();
            (facts.ledger_silent, facts.approval_takes)
        };
        answer(silent, takes, move || {
            let facts = &mut *shared.lock().unwrap();
            facts.log.push("ledger: approval".into());
            facts.approval.clone().map(|()| Committed { last_event: EventId(1) })
        })
    }
}

impl Handler<CommitHalt> for Ledger {
    type Result = ResponseFuture<Result<HaltCommitted, LedgerError>>;

    fn handle(&mut self, msg: CommitHalt, _ctx: &mut Self::Context) -> Self::Result {
        let shared = self.0.clone();
        let (silent, takes) = {
            let facts = shared.lock().unwrap();
            (facts.ledger_silent, facts.halt_takes)
        };
        answer(silent, takes, move || {
            let facts = &mut *shared.lock().unwrap();
            facts.log.push("ledger: halt".into());
            facts.halts.push(msg.record().clone());
            facts.epoch += 1;
            Ok(HaltCommitted { epoch: HaltEpoch(facts.epoch), event: EventId(1) })
        })
    }
}

impl Handler<CommitRelease> for Ledger {
    type Result = ResponseFuture<Result<HaltCommitted, LedgerError>>;

    fn handle(&mut self, msg: CommitRelease, _ctx: &mut Self::Context) -> Self::Result {
        let shared = self.0.clone();
        let (silent, takes) = {
            let facts = shared.lock().unwrap();
            (facts.ledger_silent, facts.release_takes)
        };
        answer(silent, takes, move || {
            let facts = &mut *shared.lock().unwrap();
            facts.log.push(format!("ledger: release by {}", msg.by()));
            facts.halts.retain(|halt| msg.halts().iter().all(|id| id.as_str() != halt.id));
            facts.epoch += 1;
            Ok(HaltCommitted { epoch: HaltEpoch(facts.epoch), event: EventId(1) })
        })
    }
}

impl Handler<LoadTradingState> for Ledger {
    type Result = ResponseFuture<Result<StoredTradingState, LedgerError>>;

    fn handle(&mut self, _msg: LoadTradingState, _ctx: &mut Self::Context) -> Self::Result {
        let shared = self.0.clone();
        let silent = {
            let facts = shared.lock().unwrap();
            facts.ledger_silent || facts.state_silent
        };
        answer(silent, Duration::ZERO, move || {
            let facts = shared.lock().unwrap();
            let epoch = HaltEpoch(facts.epoch);
            Ok(StoredTradingState { halts: facts.halts.clone(), epoch, fencing: FencingEpoch(1) })
        })
    }
}

impl Handler<OpenIntents> for Ledger {
    type Result = ResponseFuture<Result<Vec<OpenIntent>, LedgerError>>;

    fn handle(&mut self, _msg: OpenIntents, _ctx: &mut Self::Context) -> Self::Result {
        self.reply(|facts| Ok(facts.open.clone()))
    }
}

impl Handler<RecordDayStart> for Ledger {
    type Result = ResponseFuture<Result<Money, LedgerError>>;

    fn handle(&mut self, msg: RecordDayStart, _ctx: &mut Self::Context) -> Self::Result {
        self.reply(move |facts| Ok(*facts.day_start.get_or_insert(msg.equity)))
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
    type Result = Result<AccountSnapshot, QueryError>;

    fn handle(&mut self, _msg: AccountQuery, _ctx: &mut Self::Context) -> Self::Result {
        let mut facts = self.0.lock().unwrap();
        facts.log.push("broker: account".into());
        facts.account.clone().ok_or_else(|| QueryError::Unavailable("down".into()))
    }
}

impl Handler<HaltSystem> for Broker {
    type Result = ResponseFuture<HaltAck>;

    fn handle(&mut self, msg: HaltSystem, _ctx: &mut Self::Context) -> Self::Result {
        let shared = self.0.clone();
        let silent = shared.lock().unwrap().broker_silent;
        answer(silent, Duration::ZERO, move || {
            shared.lock().unwrap().log.push(format!("broker: halt, epoch {}", msg.epoch()));
            HaltAck { in_flight: Vec::new() }
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
        let done = self.0.lock().unwrap().reconciled;
        done.then(|| Reconciled {
            currencies: vec![Currency::Krw],
            unresolved: Vec::new(),
            at: DateTime::<Utc>::MIN_UTC,
        })
    }
}

/// RiskGuard under a supervisor, with everything around it doubled.
pub(super) struct World {
    pub(super) shared: Shared,
    pub(super) gate: Gate,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) propose: Link<Proposal>,
    pub(super) halt: Link<RequestHalt>,
    pub(super) resume: Link<RequestResume>,
    pub(super) status: Link<StatusQuery>,
    pub(super) account: Link<AccountUpdated>,
    pub(super) update: Link<OrderUpdate>,
    supervised: Supervised,
}

fn link<M>(recipient: Recipient<M>) -> Link<M>
where
    M: Message + Send + 'static,
    M::Result: Send + 'static,
{
    Link::from_recipient(recipient)
}

fn deps(shared: &Shared, keeper: GateKeeper, clock: Arc<dyn Clock>) -> RiskDeps {
    let ledger: Addr<Ledger> = Ledger(shared.clone()).start();
    let broker: Addr<Broker> = Broker(shared.clone()).start();
    RiskDeps {
        clock,
        random: Arc::new(Counter(Mutex::new(0))),
        keeper,
        emergency: Arc::new(File(shared.clone())),
        ledger: LedgerLinks {
            commit_approval: link(ledger.clone().recipient()),
            commit_halt: link(ledger.clone().recipient()),
            commit_release: link(ledger.clone().recipient()),
            load_state: link(ledger.clone().recipient()),
            open_intents: link(ledger.clone().recipient()),
            day_start: link(ledger.clone().recipient()),
            refused: link(ledger.clone().recipient()),
            events: link(ledger.recipient()),
        },
        broker: BrokerLinks {
            place: link(broker.clone().recipient()),
            account: link(broker.clone().recipient()),
            halt: link(broker.clone().recipient()),
            reconciled: link(broker.clone().recipient()),
        },
        halt_listeners: Vec::new(),
        resume_listeners: vec![link(broker.recipient())],
    }
}

fn settings() -> RiskSettings {
    let number = |text: &str| -> Decimal { text.parse().unwrap() };
    RiskSettings {
        limits: Limits::new(number("3"), number("30"), Confidence::new(80).unwrap()).unwrap(),
        sizing: Sizing::by_score(number("5"), number("1"), number("10"), number("50")).unwrap(),
        basis: Basis::DayStart,
    }
}

fn policy() -> Policy {
    Policy { health_every: None, ..Policy::default() }
}

impl World {
    fn start(shared: Shared) -> Self {
        let (keeper, gate) = gate();
        let clock: Arc<dyn Clock> = Arc::new(TestClock { begun: tokio::time::Instant::now() });
        let deps = deps(&shared, keeper, clock.clone());
        let slot = slot::<RiskGuard>("risk_guard", 64);
        let (propose, account, update) = (slot.link(), slot.link(), slot.certain_link());
        let (halt, resume, status) = (slot.urgent_link(), slot.link(), slot.link());
        let spec = Child {
            place: Place::Here,
            restart: Restart::Permanent,
            exhausted: Exhausted::Escalate,
            drain: Duration::from_secs(1),
        };
        let mut family = Supervisor::new(policy(), |_escalation| ());
        family.child(spec, slot, move |_ctx| Ok(RiskGuard::new(settings(), deps.clone())));
        let supervised = family.launch();
        Self { shared, gate, clock, propose, halt, resume, status, account, update, supervised }
    }

    pub(super) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.shared.lock().unwrap()
    }

    pub(super) fn log(&self) -> VecDeque<String> {
        std::mem::take(&mut self.facts().log).into()
    }

    /// Lets everything that can happen now happen.
    pub(super) async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    /// A new life of RiskGuard, as after a panic.
    pub(super) fn restart(&self) {
        assert!(self.supervised.recycle("risk_guard"));
    }

    pub(super) fn proposal(&self, symbol: &str, side: Side) -> Proposal {
        let now = self.clock.now();
        Proposal {
            decision_id: DecisionId::new(0, 1),
            instrument: stock(symbol),
            side,
            confidence: Confidence::new(90).unwrap(),
            reference_price: "70000".parse::<Price>().unwrap(),
            score: None,
            session_date: Market::Kr.date_at(now),
            expires_at: now + TimeDelta::seconds(60),
        }
    }

    pub(super) async fn propose(&self, symbol: &str, side: Side) {
        self.propose.tell(self.proposal(symbol, side)).unwrap();
        self.settle().await;
    }

    pub(super) async fn request_halt(&self, reason: &str) -> HaltReport {
        let request =
            RequestHalt { source: HaltSource::Operator, by: "kim".into(), reason: reason.to_owned() };
        self.halt.ask(request, Duration::from_secs(10)).await.unwrap()
    }

    pub(super) async fn request_resume(&self, halt: Option<&str>) -> Result<ResumeReport, ResumeError> {
        let halt = halt.map(|id| domain::HaltId::from_stored(id.to_owned()));
        let request = RequestResume { by: "kim".into(), halt };
        self.resume.ask(request, Duration::from_secs(10)).await.unwrap()
    }

    pub(super) async fn state(&self) -> TradingState {
        self.status.ask(StatusQuery, Duration::from_secs(2)).await.unwrap().state
    }

    /// The account as Broker tells it now: `equity` won, all of it cash, and 5 shares of 005930.
    pub(super) async fn tell_account(&self, equity: i64) {
        let snapshot = account(self.clock.now(), equity);
        self.account.tell(AccountUpdated { snapshot }).unwrap();
        self.settle().await;
    }
}

pub(super) fn account(taken_at: DateTime<Utc>, equity: i64) -> AccountSnapshot {
    let holding = Holding {
        instrument: stock("005930"),
        quantity: Quantity::new(5),
        sellable: Quantity::new(5),
        average_price: None,
        price: None,
    };
    AccountSnapshot {
        currency: Currency::Krw,
        taken_at,
        cash: Some(won(equity)),
        equity: Some(won(equity)),
        purchase_total: None,
        valuation_total: None,
        holdings: vec![holding],
    }
}

/// Runs `test` in virtual time against a world that is `prepare`d before RiskGuard starts.
pub(super) fn world(prepare: impl FnOnce(&mut Facts), test: impl AsyncFnOnce(World)) {
    let mut facts = Facts {
        log: Vec::new(),
        ledger_silent: false,
        state_silent: false,
        approval_takes: Duration::ZERO,
        broker_silent: false,
        halt_takes: Duration::ZERO,
        release_takes: Duration::ZERO,
        reconciled: true,
        approval: Ok(()),
        halts: Vec::new(),
        epoch: 4,
        open: Vec::new(),
        day_start: None,
        account: None,
        placed: Vec::new(),
        file: None,
        disk_full: false,
    };
    prepare(&mut facts);
    let system = System::with_tokio_rt(|| {
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
    });
    system.block_on(async move {
        let world = World::start(Arc::new(Mutex::new(facts)));
        world.settle().await;
        test(world).await;
    });
}

/// A world that trades: reconciled, with an account of ten million won.
pub(super) fn trading(test: impl AsyncFnOnce(World)) {
    world(
        |_facts| (),
        async |world| {
            world.tell_account(10_000_000).await;
            assert!(world.gate.is_open());
            test(world).await;
        },
    );
}
