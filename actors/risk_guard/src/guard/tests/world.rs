//! RiskGuard between its doubles, under a supervisor, in virtual time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use actix::{Addr, Recipient, System};
use chrono::TimeDelta;
use domain::messages::control::*;
use domain::messages::limits::*;
use domain::messages::market_data::PriceSeen;
use domain::messages::schedule::{DaySource, Phase, Trust};
use domain::messages::symbols::*;
use domain::messages::trading::*;
use domain::{AccountSnapshot, Confidence, DecisionId, Holding, Instrument, Money, Price, Quantity, Side};
use rust_decimal::Decimal;
use supervision::{Child, Exhausted, Place, Policy, Restart, Supervised, Supervisor, slot};

use super::super::*;
use super::doubles::{Broker, Counter, Facts, File, Ledger, Shared, TestClock, VenueClock};
use crate::gate::{Gate, gate};

pub(super) fn won(amount: i64) -> Money {
    Money::new(Decimal::from(amount), Currency::Krw)
}

pub(super) fn stock(symbol: &str) -> Instrument {
    Instrument { market: Market::Kr, symbol: symbol.parse().unwrap() }
}

/// RiskGuard under a supervisor, with everything around it doubled.
pub(super) struct World {
    pub(super) shared: Shared,
    pub(super) gate: Gate,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) propose: Link<Proposal>,
    pub(super) halt: Link<RequestHalt>,
    pub(super) resume: Link<RequestResume>,
    pub(super) reduce: Link<RequestReduce>,
    pub(super) tighten: Link<TightenLimits>,
    pub(super) missed: Link<AccountUnconfirmed>,
    pub(super) status: Link<StatusQuery>,
    pub(super) waits: Link<domain::messages::limits::WaitsQuery>,
    pub(super) account: Link<AccountUpdated>,
    pub(super) update: Link<OrderUpdate>,
    pub(super) symbol_halted: Link<SymbolHalted>,
    pub(super) halted_by_books: Link<HaltedByBooks>,
    pub(super) release: Link<RequestSymbolRelease>,
    pub(super) resolve: Link<RequestResolution>,
    supervised: Supervised,
    pub(super) session: Link<SessionChanged>,
    pub(super) price: Link<PriceSeen>,
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
        exchange_clock: Arc::new(VenueClock(shared.clone())),
        random: Arc::new(Counter::default()),
        keeper,
        emergency: Arc::new(File(shared.clone())),
        ledger: LedgerLinks {
            commit_approval: link(ledger.clone().recipient()),
            commit_halt: link(ledger.clone().recipient()),
            commit_release: link(ledger.clone().recipient()),
            commit_latch: link(ledger.clone().recipient()),
            commit_limits: link(ledger.clone().recipient()),
            approvals: link(ledger.clone().recipient()),
            setbacks: link(ledger.clone().recipient()),
            positions: link(ledger.clone().recipient()),
            peaks: link(ledger.clone().recipient()),
            load_state: link(ledger.clone().recipient()),
            halt_epoch: link(ledger.clone().recipient()),
            open_intents: link(ledger.clone().recipient()),
            symbol_halts: link(ledger.clone().recipient()),
            release_symbol: link(ledger.clone().recipient()),
            resolve: link(ledger.clone().recipient()),
            day_start: link(ledger.clone().recipient()),
            won_day_start: link(ledger.clone().recipient()),
            decisions: link(ledger.clone().recipient()),
            refused: link(ledger.clone().recipient()),
            events: link(ledger.recipient()),
        },
        broker: BrokerLinks {
            place: link(broker.clone().recipient()),
            account: link(broker.clone().recipient()),
            account_in_won: link(broker.clone().recipient()),
            quote: link(broker.clone().recipient()),
            order_quote: link(broker.clone().recipient()),
            left_behind: link(broker.clone().recipient()),
            bars: link(broker.clone().recipient()),
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
        exits: ExitPlan {
            stop_pct: number("2"),
            take_pct: number("3"),
            atr_multiple: number("2.2"),
            max_days: 20,
        },
        halt_cancels: false,
    }
}

fn policy() -> Policy {
    Policy { health_every: None, ..Policy::default() }
}

/// Every market is open as far as MarketClock tells, and it tells it again and again.
fn tell_open_markets(guard: Link<SessionChanged>, clock: Arc<dyn Clock>) {
    actix::spawn(async move {
        loop {
            let at = clock.now();
            for market in [Market::Kr, Market::UsNasdaq, Market::Hk] {
                let open = SessionChanged {
                    market,
                    session_date: market.date_at(at),
                    phase: Phase::Continuous,
                    trust: Trust::Certain,
                    source: DaySource::Calendar,
                    orders_until: Some(at + TimeDelta::hours(1)),
                    at,
                };
                // A guard that is being started again hears it the next time.
                let _ = guard.tell(open);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
}

impl World {
    fn start(shared: Shared) -> Self {
        let (keeper, gate) = gate();
        let clock: Arc<dyn Clock> = Arc::new(TestClock { begun: tokio::time::Instant::now() });
        let deps = deps(&shared, keeper, clock.clone());
        let slot = slot::<RiskGuard>("risk_guard", 64);
        let (propose, account, update) = (slot.link(), slot.link(), slot.certain_link());
        let (halt, resume, status) = (slot.urgent_link(), slot.link(), slot.link());
        let waits = slot.link();
        let (symbol_halted, release, resolve) = (slot.certain_link(), slot.link(), slot.link());
        let (reduce, tighten, missed) = (slot.urgent_link(), slot.link(), slot.link());
        tell_open_markets(slot.link(), clock.clone());
        let halted_by_books = slot.certain_link();
        let (session, price) = (slot.link(), slot.link());
        let spec = Child {
            place: Place::Here,
            restart: Restart::Permanent,
            exhausted: Exhausted::Escalate,
            drain: Duration::from_secs(1),
        };
        let mut family = Supervisor::new(policy(), |_escalation| ());
        family.child(spec, slot, move |_ctx| Ok(RiskGuard::new(settings(), deps.clone())));
        let supervised = family.launch();
        Self {
            shared,
            gate,
            clock,
            propose,
            halt,
            resume,
            symbol_halted,
            halted_by_books,
            release,
            resolve,
            reduce,
            tighten,
            missed,
            status,
            waits,
            account,
            update,
            session,
            price,
            supervised,
        }
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

    /// The end of the process: RiskGuard drains and is no more.
    pub(super) async fn drain(&self) {
        assert_eq!(self.supervised.shutdown(Duration::from_secs(5)).await, supervision::Drained::Clean);
    }

    /// Broker hears a price.
    pub(super) fn hear(&self, symbol: &str, price: &str) {
        let (price, at) = (price.parse().unwrap(), self.clock.now());
        self.price.tell(PriceSeen { instrument: stock(symbol), price, at }).unwrap();
    }

    /// What somebody would like to trade, at a price that Broker heard too.
    pub(super) fn proposal(&self, symbol: &str, side: Side) -> Proposal {
        let now = self.clock.now();
        self.hear(symbol, "70000");
        Proposal {
            decision_id: DecisionId::new(0, 1),
            instrument: stock(symbol),
            side,
            confidence: Confidence::new(90).unwrap(),
            quantity: None,
            reference_price: "70000".parse::<Price>().unwrap(),
            rules: domain::StockRules::default(),
            score: None,
            most_pct: None,
            session_date: Market::Kr.date_at(now),
            expires_at: now + TimeDelta::seconds(60),
        }
    }

    pub(super) async fn propose(&self, symbol: &str, side: Side) {
        self.propose.tell(self.proposal(symbol, side)).unwrap();
        self.settle().await;
    }

    pub(super) async fn request_halt(&self, reason: &str) -> HaltReport {
        let request = RequestHalt {
            source: HaltSource::Operator,
            by: "kim".into(),
            reason: reason.to_owned(),
            cancel_open: false,
        };
        self.halt.ask(request, Duration::from_secs(10)).await.unwrap()
    }

    /// A halt that cancels what works, or does as the setting says.
    pub(super) async fn request_halt_with(&self, cancel_open: bool) -> HaltReport {
        let (source, by, reason) = (HaltSource::Operator, "kim".into(), "storm".to_owned());
        let request = RequestHalt { source, by, reason, cancel_open };
        self.halt.ask(request, Duration::from_secs(10)).await.unwrap()
    }

    pub(super) async fn request_halt_from(&self, source: HaltSource, reason: &str) -> HaltReport {
        let request =
            RequestHalt { source, by: "somebody".into(), reason: reason.to_owned(), cancel_open: false };
        self.halt.ask(request, Duration::from_secs(10)).await.unwrap()
    }

    pub(super) async fn request_reduce(&self, reason: &str, flatten: bool) -> HaltReport {
        let (source, by, reason) = (HaltSource::Operator, "kim".into(), reason.to_owned());
        let request = RequestReduce { source, by, reason, flatten, cancel_open: false };
        self.reduce.ask(request, Duration::from_secs(10)).await.unwrap()
    }

    pub(super) async fn ask_resume(&self, request: RequestResume) -> Result<ResumeReport, ResumeError> {
        self.resume.ask(request, Duration::from_secs(10)).await.unwrap()
    }

    pub(super) async fn request_resume(&self, halt: Option<&str>) -> Result<ResumeReport, ResumeError> {
        let halt = halt.map(|id| domain::HaltId::from_stored(id.to_owned()));
        let request = RequestResume::local("kim", halt);
        self.resume.ask(request, Duration::from_secs(10)).await.unwrap()
    }

    pub(super) async fn state(&self) -> TradingState {
        self.status.ask(StatusQuery, Duration::from_secs(2)).await.unwrap().state
    }

    /// The ids of the halts that stand, oldest first.
    pub(super) async fn standing(&self) -> Vec<String> {
        let status = self.status.ask(StatusQuery, Duration::from_secs(2)).await.unwrap();
        status.halts.into_iter().map(|halt| halt.id).collect()
    }

    /// The account as Broker tells it now: `equity` won, all of it cash, and 5 shares of 005930.
    pub(super) async fn tell_account(&self, equity: i64) {
        let now = self.clock.now();
        if self.facts().day_start.is_none() {
            // A day begins with what two accounts in a row agree on.
            let first = account(now - TimeDelta::milliseconds(1), equity);
            self.account.tell(AccountUpdated { snapshot: first }).unwrap();
        }
        let snapshot = account(now, equity);
        self.account.tell(AccountUpdated { snapshot }).unwrap();
        self.settle().await;
    }
}

pub(super) fn account(taken_at: DateTime<Utc>, equity: i64) -> AccountSnapshot {
    let holding = Holding {
        instrument: stock("005930"),
        quantity: Quantity::new(5),
        sellable: Quantity::new(5),
        average_price: Some("70000".parse().unwrap()),
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
        epoch_takes: Duration::ZERO,
        open_takes: Duration::ZERO,
        own_takes: Duration::ZERO,
        on_the_wire: Vec::new(),
        approval_takes: Duration::ZERO,
        broker_silent: false,
        effects: BTreeSet::new(),
        account_takes: Duration::ZERO,
        halt_takes: Duration::ZERO,
        release_takes: Duration::ZERO,
        release_told_after: Duration::ZERO,
        reconciled: true,
        approval: Ok(()),
        halts: Vec::new(),
        symbol_halts: Vec::new(),
        epoch: 4,
        open: Vec::new(),
        day_start: None,
        trips: BTreeMap::new(),
        won_tripped: false,
        currencies: vec![Currency::Krw],
        in_won: None,
        quote: None,
        quotes_asked: 0,
        broker_full: false,
        won_parts: BTreeMap::new(),
        day_starts_asked: 0,
        bought: Decimal::ZERO,
        account: None,
        placed: Vec::new(),
        file: Vec::new(),
        limits: Vec::new(),
        approved: Vec::new(),
        setbacks: Vec::new(),
        own: Vec::new(),
        disk_full: false,
        clock_doubt: None,
        clock_next: None,
        bars: Vec::new(),
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
            world.log();
            test(world).await;
        },
    );
}
