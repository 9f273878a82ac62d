//! Broker between the real RiskGuard and the real TradeLedger, because only they can make an approval and a permit.
//! The exchange, the store and the way to the ledger are doubles.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use actix::System;
use domain::messages::control::*;
use domain::messages::market_data::*;
use domain::messages::proof::LastTradeQuery;
use domain::messages::schedule::{DaySource, Phase, Trust};
use domain::messages::symbols::HoldingsCompared;
use domain::messages::trading::Proposal;
use domain::*;
use risk_guard::{Basis, ExitPlan, Limits, RiskGuard, RiskSettings, Sizing, gate};
use rust_decimal::Decimal;
use supervision::{Child, Exhausted, Place, Policy, Restart, Strategy, Supervised, Supervisor, slot};
use trade_ledger::{LedgerDeps, TradeLedger};

use super::super::*;
use super::books::Memory;
use super::doubles::{Facts, Shared, TestClock, begun, stock, today};
use super::wiring::Slots;

/// The three actors under one supervisor.
pub(super) struct World {
    shared: Shared,
    pub(super) gate: Gate,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) supervised: Supervised,
    pub(super) session: Link<SessionChanged>,
    pub(super) day_closed: Link<DayClosed>,
    pub(super) ranking: Link<RankingQuery>,
    pub(super) watch: Link<AccountWatch>,
    pub(super) last_trade: Link<LastTradeQuery>,
    pub(super) halt: Link<RequestHalt>,
    resume: Link<RequestResume>,
    propose: Link<Proposal>,
    price_seen: Link<PriceSeen>,
    status: Link<StatusQuery>,
}

fn settings() -> RiskSettings {
    let number = |text: &str| -> Decimal { text.parse().unwrap() };
    RiskSettings {
        limits: Limits::new(number("3"), number("30"), Confidence::new(80).unwrap()).unwrap(),
        sizing: Sizing::by_score(number("5"), number("1"), number("10"), number("50")).unwrap(),
        basis: Basis::DayStart,
        // So wide that nothing here is sold by itself.
        exits: ExitPlan {
            stop_pct: number("20"),
            take_pct: number("100"),
            atr_multiple: number("10"),
            max_days: 365,
        },
        halt_cancels: false,
    }
}

fn policy() -> Policy {
    Policy {
        strategy: Strategy::OneForOne,
        max_restarts: 3,
        within: Duration::from_secs(60),
        backoff_min: Duration::from_millis(100),
        backoff_max: Duration::from_secs(30),
        jitter_seed: 1,
        health_every: None,
        heartbeat: None,
        backlog_limit: Some(Duration::from_secs(30)),
    }
}

const CHILD: Child = Child {
    place: Place::Here,
    restart: Restart::Permanent,
    exhausted: Exhausted::Escalate,
    drain: Duration::from_secs(6),
};

impl World {
    fn start(shared: Shared) -> Self {
        let (keeper, gate) = gate();
        let clock: Arc<dyn Clock> = Arc::new(TestClock {
            started: tokio::time::Instant::now(),
            starts_at: shared.lock().unwrap().starts_at,
        });
        let slots = Slots { ledger: slot("ledger", 64), broker: slot("broker", 64), risk: slot("risk", 64) };
        let (risk, broker) =
            (slots.risk_deps(&shared, &clock, keeper), slots.broker_deps(&shared, &clock, gate.clone()));
        let (session, day_closed, ranking) = (slots.broker.link(), slots.broker.link(), slots.broker.link());
        let (last_trade, watch) = (slots.broker.link(), slots.broker.link());
        let (halt, propose, status) = (slots.risk.urgent_link(), slots.risk.link(), slots.risk.link());
        let (resume, price_seen) = (slots.risk.link(), slots.risk.link());
        let mut family = Supervisor::new(policy(), |_escalation| ());
        let ledger = LedgerDeps {
            clock: clock.clone(),
            fencing: FencingEpoch(1),
            subscribers: Vec::new(),
            halt: slots.risk.urgent_link(),
            retention: Default::default(),
        };
        let books = shared.clone();
        family.child(CHILD, slots.ledger, move |_ctx| {
            Ok(TradeLedger::new(Box::new(Memory(books.clone())), ledger.clone()))
        });
        let markets =
            BrokerSettings { markets: vec![Market::Kr], halt_cancels: shared.lock().unwrap().halt_cancels };
        family.child(CHILD, slots.broker, move |_ctx| Ok(Broker::new(markets.clone(), broker.clone())));
        tell_open_markets(slots.risk.link(), clock.clone());
        family.child(CHILD, slots.risk, move |_ctx| Ok(RiskGuard::new(settings(), risk.clone())));
        let supervised = family.launch();
        Self {
            shared,
            gate,
            clock,
            supervised,
            session,
            day_closed,
            ranking,
            watch,
            last_trade,
            halt,
            resume,
            propose,
            price_seen,
            status,
        }
    }

    pub(super) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.shared.lock().unwrap()
    }

    /// What happened since the last call, without the account's questions.
    pub(super) fn log(&self) -> Vec<String> {
        let log = std::mem::take(&mut self.facts().log);
        log.into_iter().filter(|line| line != "venue: account").collect()
    }

    /// How often the account was read since the log was last looked at.
    pub(super) fn readings(&self) -> usize {
        let log = std::mem::take(&mut self.facts().log);
        log.iter().filter(|line| *line == "venue: account").count()
    }

    pub(super) async fn pass(&self, seconds: f64) {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    }

    /// A confident wish to buy; RiskGuard makes `BUY 7 at 70200` of it.
    pub(super) fn propose(&self, symbol: &str) {
        self.propose_to(Side::Buy, symbol);
    }

    pub(super) fn propose_to(&self, side: Side, symbol: &str) {
        let now = self.clock.now();
        let (instrument, reference_price) = (stock(symbol), "70000".parse().unwrap());
        if side == Side::Buy {
            // Nothing is bought at a price that Broker has not told.
            let seen = PriceSeen { instrument: instrument.clone(), price: reference_price, at: now };
            self.price_seen.tell(seen).unwrap();
        }
        let proposal = Proposal {
            decision_id: DecisionId::new(0, 1),
            instrument,
            side,
            confidence: Confidence::new(90).unwrap(),
            quantity: None,
            reference_price,
            rules: domain::StockRules::default(),
            score: None,
            most_pct: None,
            session_date: Market::Kr.date_at(now),
            expires_at: now + TimeDelta::seconds(60),
        };
        self.propose.tell(proposal).unwrap();
    }

    pub(super) async fn request_halt(&self) -> HaltReport {
        self.request_halt_for("enough", false).await
    }

    pub(super) async fn request_halt_for(&self, reason: &str, cancel_open: bool) -> HaltReport {
        let (by, reason) = ("kim".into(), reason.to_owned());
        let request = RequestHalt { source: HaltSource::Operator, by, reason, cancel_open };
        self.halt.ask(request, Duration::from_secs(10)).await.unwrap()
    }

    /// Lifts one of several halts.
    pub(super) async fn lift(&self, halt: HaltRecord) {
        let request = RequestResume::local("kim", Some(HaltId::from_stored(halt.id)));
        self.resume.ask(request, Duration::from_secs(10)).await.unwrap().unwrap();
    }

    /// Lifts the only halt that stands.
    pub(super) async fn resume(&self, into_reducing: bool) {
        let request = RequestResume { into_reducing, ..RequestResume::local("kim", None) };
        self.resume.ask(request, Duration::from_secs(10)).await.unwrap().unwrap();
    }

    /// The prices that RiskGuard knows of what is held, as it tells them with a halt.
    pub(super) async fn held_prices(&self) -> Vec<(String, Option<String>)> {
        let report = self.request_halt().await;
        let text =
            |held: HeldPosition| (held.instrument.to_string(), held.price.map(|price| price.to_string()));
        report.positions.into_iter().map(text).collect()
    }

    /// The halts that RiskGuard stands by.
    pub(super) async fn standing(&self) -> Vec<String> {
        let status = self.status.ask(StatusQuery, Duration::from_secs(2)).await.unwrap();
        status.halts.into_iter().map(|halt| halt.id).collect()
    }

    /// The orders that RiskGuard believes to be alive.
    pub(super) async fn live(&self) -> Vec<OrderState> {
        let status = self.status.ask(StatusQuery, Duration::from_secs(2)).await.unwrap();
        status.live.into_iter().map(|order| order.state).collect()
    }

    pub(super) fn states(&self) -> Vec<OrderState> {
        self.facts().intents.iter().map(|one| one.intent.state).collect()
    }
}

pub(super) fn accepted(number: &str) -> Outcome {
    Outcome::Accepted(VenueOrderId { date: today(), branch: "00950".into(), number: number.into() })
}

/// The exchange's row of `BUY 7 at 70200`, with so many filled and so many working; the rest is cancelled.
pub(super) fn row(symbol: &str, number: &str, [filled, remaining]: [u64; 2]) -> InquiryRow {
    InquiryRow {
        order: VenueOrderId { date: today(), branch: "00950".into(), number: number.into() },
        instrument: stock(symbol),
        side: Side::Buy,
        ordered: Quantity::new(7),
        limit: Some("70200".parse().unwrap()),
        filled: Quantity::new(filled),
        average_price: (filled > 0).then(|| "70100".parse().unwrap()),
        remaining: Quantity::new(remaining),
        cancelled: Quantity::new(7 - filled - remaining),
        rejected: Quantity::ZERO,
        time: None,
    }
}

/// Runs `test` in virtual time against a world that is `prepare`d before its actors start.
pub(super) fn world(prepare: impl FnOnce(&mut Facts), test: impl AsyncFnOnce(World)) {
    let mut facts = Facts {
        log: Vec::new(),
        intents: Vec::new(),
        expiries: BTreeMap::new(),
        halts: Vec::new(),
        halt_epoch: 0,
        unclosed: Vec::new(),
        rows: Some(Vec::new()),
        outcome: accepted("0000000101"),
        prepare_takes: Duration::ZERO,
        submit_takes: Duration::from_millis(50),
        reads_take: Duration::ZERO,
        starts_at: begun(),
        believed_at: Vec::new(),
        permit_takes: Some(Duration::ZERO),
        outcomes_lost: 0,
        refuses_for_good: false,
        trouble: None,
        halt_cancels: false,
        skew: None,
        doubt: None,
        doubt_after_turn: None,
        doubt_for: None,
        guard_sees_clock: false,
        fenced: false,
        overtaken: None,
        reads_fail: false,
        abandons_fail: false,
        compared: HoldingsCompared::default(),
        unknowns: 0,
        last_trade: Ok(None),
        air: VecDeque::new(),
        wanted: None,
        holds: Vec::new(),
        sellable: None,
        working: Ok(Vec::new()),
    };
    prepare(&mut facts);
    let system = System::with_tokio_rt(|| {
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
    });
    system.block_on(async move {
        let world = World::start(Arc::new(Mutex::new(facts)));
        world.pass(0.5).await;
        test(world).await;
    });
}

/// A world that trades.
pub(super) fn trading(prepare: impl FnOnce(&mut Facts), test: impl AsyncFnOnce(World)) {
    world(prepare, async |world| {
        assert!(world.gate.is_open());
        world.log();
        test(world).await;
    });
}

/// MarketClock's part: every market is open, which RiskGuard is told again and again.
fn tell_open_markets(guard: Link<SessionChanged>, clock: Arc<dyn Clock>) {
    actix::spawn(async move {
        loop {
            let at = clock.now();
            for market in [Market::Kr, Market::UsNasdaq] {
                let (phase, trust) = (Phase::Continuous, Trust::Certain);
                let (session_date, orders_until) = (market.date_at(at), Some(at + TimeDelta::hours(1)));
                let source = DaySource::Calendar;
                let open = SessionChanged { market, session_date, phase, trust, source, orders_until, at };
                // A guard that is being started again hears it the next time.
                let _ = guard.tell(open);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
}
