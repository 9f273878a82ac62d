//! The actor under the real supervisor, in virtual time, between a Broker, a ledger and a RiskGuard that do as told.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix::{Context, System};
use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::consultation::{ClosedPosition, Consultation, EarlierCall, EarlierCallFor, Heard};
use domain::messages::control::{StatusQuery, TradingState, TradingStatus};
use domain::messages::judging::JudgeStanding;
use domain::messages::ledger::{
    BudgetAnswer, BudgetCeilings, Ceiling, Committed, LedgerError, RememberedDecision,
};
use domain::messages::limits::{LimitName, LimitsInForce, LimitsQuery};
use domain::messages::market_data::{QueryError, Quote};
use domain::messages::schedule::{Slot, SlotKey};
use domain::messages::trading::Candidate;
use domain::{
    AccountSnapshot, Action, BoxFuture, Currency, Decision, EventId, HaltEpoch, Instrument, Market,
    OracleError, OracleReply, OracleRequest, Price, SelectionContext, Side, Signal, TokenUsage,
};
use rust_decimal::Decimal;
use strategy::Thresholds;
use supervision::{Child, Exhausted, Place, Policy, Restart, Supervisor, slot};
use tokio::time::{Instant, sleep};

use super::*;

const CHILD: Child = Child {
    place: Place::Here,
    restart: Restart::Permanent,
    exhausted: Exhausted::Escalate,
    drain: Duration::from_secs(1),
};

fn in_virtual_time<F: Future>(test: F) -> F::Output {
    let paused =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    System::with_tokio_rt(paused).block_on(test)
}

struct TestClock(Instant);

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        open() + TimeDelta::from_std(self.0.elapsed()).unwrap()
    }

    fn sleep_until(&self, until: DateTime<Utc>) -> BoxFuture<'static, ()> {
        Box::pin(sleep((until - self.now()).to_std().unwrap_or_default()))
    }

    fn real(&self, exchange_time: Duration) -> Duration {
        exchange_time
    }
}

struct Counter(Mutex<u64>);

impl Random for Counter {
    fn next_u64(&self) -> u64 {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *next += 1;
        *next
    }
}

fn open() -> DateTime<Utc> {
    "2026-11-24T00:00:00Z".parse().unwrap()
}

fn stock(symbol: &str) -> Instrument {
    Instrument { market: Market::Kr, symbol: symbol.parse().unwrap() }
}

fn price(value: i64) -> Price {
    Price::new(value.into()).unwrap()
}

/// Everybody around Brain at once.
#[derive(Clone)]
struct World {
    /// The price of every quote; none fails.
    quote: Option<i64>,
    /// Whether decisions can be written.
    ledger_works: bool,
    budget: BudgetAnswer,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    decisions: Vec<Decision>,
    bases: Vec<Option<domain::messages::consultation::DecisionBasis>>,
    consultations: Vec<Consultation>,
    proposals: Vec<Proposal>,
    reservations: Vec<String>,
    ends: Vec<(String, u64)>,
    questions: usize,
    timeouts: Vec<Duration>,
}

impl Default for World {
    fn default() -> Self {
        let budget = BudgetAnswer::Granted { used: 1 };
        Self { quote: Some(100), ledger_works: true, budget, seen: Arc::default() }
    }
}

impl World {
    fn seen<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Symbol, action and confidence of each decision, in the order they were recorded.
    fn decided(&self) -> Vec<(String, Action, u8)> {
        let shown = |d: &Decision| (d.instrument.symbol.to_string(), d.action, d.confidence.get());
        self.seen(|seen| seen.decisions.iter().map(shown).collect())
    }

    fn proposed(&self) -> Vec<(String, Side)> {
        let shown = |p: &Proposal| (p.instrument.symbol.to_string(), p.side);
        self.seen(|seen| seen.proposals.iter().map(shown).collect())
    }

    fn rationale(&self, index: usize) -> String {
        self.seen(|seen| seen.decisions[index].rationale.clone())
    }
}

impl Actor for World {
    type Context = Context<Self>;
}

impl Handler<DecisionMade> for World {
    type Result = Result<Committed, LedgerError>;

    fn handle(&mut self, made: DecisionMade, _: &mut Self::Context) -> Self::Result {
        if !self.ledger_works {
            return Err(LedgerError::Storage("disk full".to_owned()));
        }
        self.seen(|seen| {
            seen.decisions.push(made.decision);
            seen.bases.push(made.basis);
            Ok(Committed { last_event: EventId(1) })
        })
    }
}

impl Handler<Proposal> for World {
    type Result = ();

    fn handle(&mut self, proposal: Proposal, _: &mut Self::Context) {
        self.seen(|seen| {
            assert!(
                seen.decisions.iter().any(|decision| decision.id == proposal.decision_id),
                "recorded first"
            );
            seen.proposals.push(proposal);
        });
    }
}

impl Handler<ReserveOracleCall> for World {
    type Result = Result<BudgetAnswer, LedgerError>;

    fn handle(&mut self, reserve: ReserveOracleCall, _: &mut Self::Context) -> Self::Result {
        self.seen(|seen| seen.reservations.push(reserve.purpose));
        Ok(self.budget)
    }
}

impl Handler<RecordConsultation> for World {
    type Result = Result<(), LedgerError>;

    fn handle(&mut self, record: RecordConsultation, _: &mut Self::Context) -> Self::Result {
        if !self.ledger_works {
            return Err(LedgerError::Storage("disk full".to_owned()));
        }
        self.seen(|seen| seen.consultations.push(record.consultation));
        Ok(())
    }
}

impl Handler<EarlierCallFor> for World {
    type Result = Result<EarlierCall, LedgerError>;

    fn handle(&mut self, _query: EarlierCallFor, _: &mut Self::Context) -> Self::Result {
        Ok(EarlierCall::None)
    }
}

impl Handler<SpentQuotaOf> for World {
    type Result = Result<Option<SpentQuota>, LedgerError>;

    /// As the books do: the newest call tells.
    fn handle(&mut self, query: SpentQuotaOf, _: &mut Self::Context) -> Self::Result {
        self.seen(|seen| {
            let newest = seen.consultations.iter().rfind(|call| call.model == query.model);
            let spent = |call: &Consultation| {
                let (from, until) = (call.asked_at, call.rests_until?);
                let Heard::Nothing(why) = call.heard.clone() else { return None };
                Some(SpentQuota { from, until, why })
            };
            Ok(newest.and_then(spent))
        })
    }
}

impl Handler<ClosedPositions> for World {
    type Result = Result<Vec<ClosedPosition>, LedgerError>;

    fn handle(&mut self, _: ClosedPositions, _: &mut Self::Context) -> Self::Result {
        Ok(Vec::new())
    }
}

impl Handler<SettleOracleCall> for World {
    type Result = ();

    fn handle(&mut self, end: SettleOracleCall, _: &mut Self::Context) {
        self.seen(|seen| seen.ends.push((end.purpose, end.taken.tokens)));
    }
}

impl Handler<RecentDecisions> for World {
    type Result = Result<Vec<RememberedDecision>, LedgerError>;

    fn handle(&mut self, _: RecentDecisions, _: &mut Self::Context) -> Self::Result {
        Ok(Vec::new())
    }
}

impl Handler<AccountQuery> for World {
    type Result = Result<AccountSnapshot, QueryError>;

    fn handle(&mut self, _: AccountQuery, _: &mut Self::Context) -> Self::Result {
        Err(QueryError::Unavailable("told to fail".to_owned()))
    }
}

impl Handler<StatusQuery> for World {
    type Result = MessageResult<StatusQuery>;

    fn handle(&mut self, _: StatusQuery, _: &mut Self::Context) -> Self::Result {
        MessageResult(TradingStatus {
            state: TradingState::Active,
            halts: Vec::new(),
            symbol_halts: Vec::new(),
            entry_blocks: Vec::new(),
            waits: Vec::new(),
            blind: Vec::new(),
            sessions: Vec::new(),
            live: Vec::new(),
            epoch: HaltEpoch(0),
            day_pnl_pct: vec![(Currency::Krw, Some("-1.5".parse().unwrap()))],
            won: None,
            accounts: Vec::new(),
        })
    }
}

impl Handler<LimitsQuery> for World {
    type Result = MessageResult<LimitsQuery>;

    fn handle(&mut self, _: LimitsQuery, _: &mut Self::Context) -> Self::Result {
        let values = [(LimitName::MaxLossPct, "3".parse().unwrap())].into();
        MessageResult(LimitsInForce { values, max_day_purchases_times: 5 })
    }
}

impl Handler<OrderQuoteQuery> for World {
    type Result = Result<Quote, QueryError>;

    fn handle(&mut self, query: OrderQuoteQuery, _: &mut Self::Context) -> Self::Result {
        if let Some(scanned) = query.scanned {
            return Ok(scanned);
        }
        let last = self.quote.map(price).ok_or_else(|| QueryError::Unavailable("told to fail".to_owned()))?;
        Ok(Quote {
            instrument: query.instrument,
            at: open(),
            last,
            open: None,
            high: None,
            low: None,
            change_pct: None,
            volume: None,
            bid: None,
            ask: None,
            delay: chrono::TimeDelta::zero(),
            rules: domain::StockRules::default(),
        })
    }
}

/// A model that always gives the same answer, after a while.
struct Model {
    answer: Result<&'static str, OracleError>,
    takes: Duration,
    world: World,
}

impl Oracle for Model {
    fn name(&self) -> String {
        "asked-model".to_owned()
    }

    fn ask(&self, request: OracleRequest) -> BoxFuture<'_, Result<OracleReply, OracleError>> {
        Box::pin(async move {
            self.world.seen(|seen| {
                seen.questions += 1;
                seen.timeouts.push(request.timeout);
            });
            sleep(self.takes).await;
            let text = self.answer.clone()?.to_owned();
            let usage = TokenUsage { input: Some(900), output: Some(45), total: None };
            Ok(OracleReply { text, model: "model-7".to_owned(), response_id: None, usage })
        })
    }
}

struct House {
    found: Link<CandidatesFound>,
    due: Link<DecideDue>,
    judge: Link<JudgeQuery>,
}

impl House {
    async fn standing(&self) -> JudgeStanding {
        self.judge.ask(JudgeQuery, Duration::from_secs(2)).await.unwrap()
    }

    /// Both halves of a slot, and time enough to decide it.
    async fn decide(&self, key: SlotKey, candidates: Vec<Candidate>) {
        let expires_at = open() + TimeDelta::minutes(10);
        self.found.tell(CandidatesFound { key, candidates, expires_at }).unwrap();
        self.due.tell(DecideDue { key, expires_at, together: Vec::new(), closes_at: None }).unwrap();
        sleep(Duration::from_secs(10)).await;
    }
}

fn launch(world: &World, oracle: Option<Model>) -> House {
    let around = world.clone().start();
    let deps = Deps {
        clock: Arc::new(TestClock(Instant::now())),
        random: Arc::new(Counter(Mutex::new(0))),
        oracle: oracle.map(|model| Arc::new(model) as Arc<dyn Oracle>),
        budget: Link::from_recipient(around.clone().recipient()),
        settle: Link::from_recipient(around.clone().recipient()),
        consultations: Link::from_recipient(around.clone().recipient()),
        quota: Link::from_recipient(around.clone().recipient()),
        earlier_calls: Link::from_recipient(around.clone().recipient()),
        outcomes: Link::from_recipient(around.clone().recipient()),
        memory: Link::from_recipient(around.clone().recipient()),
        decisions: Link::from_recipient(around.clone().recipient()),
        quotes: Link::from_recipient(around.clone().recipient()),
        account: Link::from_recipient(around.clone().recipient()),
        status: Link::from_recipient(around.clone().recipient()),
        limits: Link::from_recipient(around.clone().recipient()),
        proposals: Link::from_recipient(around.recipient()),
    };
    let settings = Settings {
        strategy: Strategy::default_rules(Thresholds::default()),
        confidence_threshold: Confidence::new(80).unwrap(),
        budget: BudgetPlan::spread(
            &[Market::Kr],
            Some(4),
            BudgetCeilings { calls: 20, tokens: None, money_micros: None },
            None,
        ),
        answer_within: Duration::from_secs(90),
    };
    let brain = slot::<Brain>("brain", 16);
    let house = House { found: brain.link(), due: brain.link(), judge: brain.link() };
    let mut supervisor = Supervisor::new(Policy { health_every: None, ..Policy::default() }, |_| {});
    supervisor.child(CHILD, brain, move |_| Ok(Brain::new(settings.clone(), deps.clone())));
    actix::spawn(async move {
        let _kept_for_the_test = supervisor.launch();
        std::future::pending::<()>().await;
    });
    house
}

fn slot_key(slot: Slot) -> SlotKey {
    SlotKey { market: Market::Kr, session_date: open().date_naive(), slot }
}

fn candidate(symbol: &str, held: bool, features: &[(&str, i64)]) -> Candidate {
    let selection = SelectionContext {
        rsi: None,
        volume_ratio: None,
        rsi_proxy: None,
        volume_ratio_proxy: None,
        signal: Signal::Neutral,
        score: Decimal::TEN,
    };
    let known = features.iter().copied().chain([("held", i64::from(held))]);
    let features = known.map(|(name, value)| (name.to_owned(), value.into())).collect();
    Candidate {
        instrument: stock(symbol),
        name: symbol.to_owned(),
        price: price(100),
        selection,
        features,
        held,
        quote: None,
    }
}

/// One stock the rules buy, one they hold, one holding they sell.
fn candidates() -> Vec<Candidate> {
    vec![
        candidate("000001", false, &[("rsi_14", 20), ("change_pct", 1)]),
        candidate("000002", false, &[("rsi_14", 50), ("change_pct", 1)]),
        candidate("000003", true, &[("holding_pnl_pct", -5)]),
    ]
}

fn text(symbol: &str, action: Action, confidence: u8) -> (String, Action, u8) {
    (symbol.to_owned(), action, confidence)
}

#[test]
fn the_rules_record_every_judgement_and_propose_exits_first() {
    in_virtual_time(async {
        let world = World::default();
        let house = launch(&world, None);
        house.decide(slot_key(Slot::Realtime(3)), candidates()).await;
        let decided = [
            text("000003", Action::Sell, 92),
            text("000001", Action::Buy, 83),
            text("000002", Action::Hold, 0),
        ];
        assert_eq!(world.decided(), decided);
        assert_eq!(world.proposed(), [("000003".to_owned(), Side::Sell), ("000001".to_owned(), Side::Buy)]);
        world.seen(|seen| {
            assert_eq!(seen.decisions[0].judge, "rules");
            assert_eq!((seen.proposals[0].score, seen.proposals[1].score), (None, Some(Decimal::TEN)));
            assert_eq!(seen.proposals[0].expires_at, open() + TimeDelta::seconds(60));
        });
        house.decide(slot_key(Slot::Realtime(3)), candidates()).await;
        assert_eq!(world.decided().len(), 3, "a slot is decided once");
    });
}

#[test]
fn nothing_is_proposed_unless_its_decision_is_on_disk() {
    in_virtual_time(async {
        let world = World { ledger_works: false, ..World::default() };
        launch(&world, None).decide(slot_key(Slot::Realtime(1)), candidates()).await;
        assert_eq!(world.proposed(), []);
    });
}

#[test]
fn a_trade_without_a_fresh_price_nearby_is_held() {
    let cases = [
        (None, Action::Hold, Action::Hold, "No fresh price"),
        (Some(105), Action::Sell, Action::Buy, "The holding"),
        (Some(106), Action::Sell, Action::Hold, "The holding"),
        (Some(60), Action::Sell, Action::Hold, "The holding"),
        (Some(10), Action::Hold, Action::Hold, "The price went from 100 to 10, more than 40 %"),
    ];
    for (quote, sell, buy, reason) in cases {
        in_virtual_time(async {
            let world = World { quote, ..World::default() };
            launch(&world, None).decide(slot_key(Slot::Realtime(1)), candidates()).await;
            let actions: Vec<_> = world.decided().into_iter().map(|(_, action, _)| action).collect();
            assert_eq!(actions, [sell, buy, Action::Hold], "{quote:?}");
            assert!(world.rationale(0).starts_with(reason), "{quote:?}: {}", world.rationale(0));
        });
    }
}

fn quoted(age: TimeDelta, restriction: Option<domain::Restriction>) -> Vec<Candidate> {
    let mut bought = candidate("000001", false, &[("rsi_14", 20), ("change_pct", 1)]);
    bought.quote = Some(Quote {
        instrument: bought.instrument.clone(),
        at: open() - age,
        last: price(101),
        open: None,
        high: None,
        low: None,
        change_pct: None,
        volume: None,
        bid: None,
        ask: None,
        delay: chrono::TimeDelta::zero(),
        rules: domain::StockRules { restriction, ..domain::StockRules::default() },
    });
    vec![bought]
}

#[test]
fn a_decision_by_the_prices_of_a_late_feed_says_so_in_its_record() {
    in_virtual_time(async {
        let world = World { quote: None, ..World::default() };
        let mut late = quoted(TimeDelta::seconds(1), None);
        for quote in late.iter_mut().filter_map(|candidate| candidate.quote.as_mut()) {
            quote.delay = TimeDelta::minutes(15);
        }
        launch(&world, None).decide(slot_key(Slot::Realtime(1)), late).await;
        let rationale = world.rationale(0);
        assert!(rationale.starts_with("[prices up to 15 min old] "), "{rationale}");
    });
}

#[test]
fn the_quote_of_the_scan_serves_for_seconds_and_an_older_one_is_asked_anew() {
    let cases = [(TimeDelta::seconds(4), Action::Buy), (TimeDelta::seconds(6), Action::Hold)];
    for (age, action) in cases {
        in_virtual_time(async {
            let world = World { quote: None, ..World::default() };
            launch(&world, None).decide(slot_key(Slot::Realtime(1)), quoted(age, None)).await;
            assert_eq!(world.decided()[0].1, action, "{age}: {}", world.rationale(0));
        });
    }
}

#[test]
fn a_stock_that_the_exchange_restricts_is_not_bought_but_sold() {
    in_virtual_time(async {
        let halted = Some(domain::Restriction::Halted);
        let world = World::default();
        let mut found = quoted(TimeDelta::zero(), halted);
        let quote = found[0].quote.clone().map(|quote| Quote { instrument: stock("000003"), ..quote });
        found.push(Candidate { quote, ..candidate("000003", true, &[("holding_pnl_pct", -5)]) });
        launch(&world, None).decide(slot_key(Slot::Realtime(1)), found).await;
        let actions: Vec<_> = world.decided().into_iter().map(|(_, action, _)| action).collect();
        assert_eq!(actions, [Action::Sell, Action::Hold]);
        assert!(world.rationale(1).contains("its trading is halted"), "{}", world.rationale(1));
    });
}

#[test]
fn a_daily_slot_asks_the_model_once_for_all() {
    let answer = r#"[{"symbol":"000001","rationale":"a","action":"BUY","confidence":79},
        {"symbol":"000002","rationale":"b","action":"BUY","confidence":85},
        {"symbol":"000003","rationale":"c","action":"BUY","confidence":99}]"#;
    in_virtual_time(async {
        let world = World::default();
        let model = Model { answer: Ok(answer), takes: Duration::from_secs(3), world: world.clone() };
        let house = launch(&world, Some(model));
        house.decide(slot_key(Slot::Daily(1)), candidates()).await;
        let decided = [
            text("000001", Action::Hold, 79),
            text("000002", Action::Buy, 85),
            text("000003", Action::Hold, 99),
        ];
        assert_eq!(world.decided(), decided);
        assert_eq!(world.proposed(), [("000002".to_owned(), Side::Buy)]);
        world.seen(|seen| {
            assert_eq!(seen.reservations, ["KR/2026-11-24/daily-1"]);
            assert_eq!(seen.ends, [("KR/2026-11-24/daily-1".to_owned(), 945)]);
            assert_eq!(seen.decisions[0].judge, "model-7");
        });
        house.decide(slot_key(Slot::Exits(1)), candidates()).await;
        assert_eq!(
            world.seen(|seen| (seen.questions, seen.decisions.len())),
            (1, 4),
            "the rules sell in between"
        );
    });
}

#[test]
fn a_realtime_cycle_asks_the_model_about_each_candidate_what_is_held_first() {
    let answer = r#"[{"symbol":"000001","rationale":"a","action":"BUY","confidence":90},
        {"symbol":"000003","rationale":"c","action":"SELL","confidence":99}]"#;
    in_virtual_time(async {
        let world = World::default();
        let model = Model { answer: Ok(answer), takes: Duration::from_secs(1), world: world.clone() };
        let house = launch(&world, Some(model));
        house.decide(slot_key(Slot::Realtime(1)), candidates()).await;
        let purposes = ["000003", "000001", "000002"].map(|code| format!("KR/2026-11-24/realtime-1/{code}"));
        assert_eq!(world.seen(|seen| seen.reservations.clone()), purposes);
        let decided = [
            text("000003", Action::Sell, 99),
            text("000001", Action::Buy, 90),
            text("000002", Action::Hold, 0),
        ];
        assert_eq!(world.decided(), decided);
        assert!(house.standing().await.trouble.unwrap().contains("missing_symbol"));
    });
}

#[test]
fn a_realtime_cycle_stops_asking_at_the_first_question_without_a_reply() {
    in_virtual_time(async {
        let world = World::default();
        let answer = Err(OracleError::Blocked("SAFETY".to_owned()));
        let model = Model { answer, takes: Duration::ZERO, world: world.clone() };
        launch(&world, Some(model)).decide(slot_key(Slot::Realtime(1)), candidates()).await;
        assert_eq!(world.seen(|seen| (seen.questions, seen.decisions.len())), (1, 3));
        assert!(world.decided().iter().all(|(_, action, _)| *action == Action::Hold));
        let spent = World { budget: BudgetAnswer::Exhausted(Ceiling::Calls), ..World::default() };
        let model = Model { answer: Ok("[]"), takes: Duration::ZERO, world: spent.clone() };
        launch(&spent, Some(model)).decide(slot_key(Slot::Realtime(1)), candidates()).await;
        assert_eq!(spent.decided()[0], text("000003", Action::Sell, 92));
        assert_eq!(spent.seen(|seen| seen.decisions[0].judge.clone()), "rules");
    });
}

#[test]
fn invariant_21_a_model_that_dictates_size_price_limits_or_stocks_is_proposed_as_one_that_only_judges() {
    let plain = r#"[{"symbol":"000001","rationale":"a","action":"HOLD","confidence":50},
        {"symbol":"000002","rationale":"b","action":"BUY","confidence":85},
        {"symbol":"000003","rationale":"c","action":"SELL","confidence":90}]"#;
    let dictating = r#"[{"symbol":"000001","rationale":"a","action":"HOLD","confidence":50,"resume":true},
        {"symbol":"000002","rationale":"b","action":"BUY","confidence":85,"quantity":999999,"price":1,"score":9999,
         "market":"US_NYSE","max_order_pct":100,"max_loss_pct":100,"halt":false,"app_key":"x"},
        {"symbol":"000003","rationale":"c","action":"SELL","confidence":90,"quantity":999999},
        {"symbol":"999999","rationale":"d","action":"BUY","confidence":100}]"#;
    let proposed = |answer: &'static str| {
        in_virtual_time(async move {
            let world = World::default();
            let model = Model { answer: Ok(answer), takes: Duration::ZERO, world: world.clone() };
            launch(&world, Some(model)).decide(slot_key(Slot::Daily(1)), candidates()).await;
            world.seen(|seen| seen.proposals.clone())
        })
    };
    let (plain, dictating) = (proposed(plain), proposed(dictating));
    assert_eq!(plain.len(), 2, "{plain:?}");
    assert_eq!(dictating, plain);
    for proposal in plain {
        assert_eq!((proposal.quantity, proposal.reference_price), (None, price(100)));
        let score = (proposal.side == Side::Buy).then_some(Decimal::TEN);
        assert_eq!((proposal.score, proposal.instrument.market), (score, Market::Kr));
    }
}

#[test]
fn a_model_that_fails_or_talks_nonsense_means_hold_for_all() {
    let unreachable = || Err(OracleError::Unreachable("timed out".to_owned()));
    let granted = BudgetAnswer::Granted { used: 20 };
    let cases = [
        (unreachable(), granted, 3, "the model did not answer: timed out"),
        (Err(OracleError::Unauthorized("HTTP 401".into())), granted, 1, "refuses the key: HTTP 401"),
        (Err(OracleError::NoSuchModel("HTTP 404".into())), granted, 1, "there is no such model: HTTP 404"),
        (Err(OracleError::Blocked("SAFETY".into())), granted, 1, "SAFETY"),
        (Err(OracleError::Malformed("<html>".into())), granted, 1, "malformed"),
        (Err(OracleError::QuotaExhausted { retry_after: None }), granted, 1, "quota is used up"),
        (
            Err(OracleError::Interrupted("it ended with OTHER".into())),
            granted,
            2,
            "broke off: it ended with OTHER",
        ),
        (Ok("주식을 사세요"), granted, 1, "no_json"),
        (Ok("I would buy everything!"), granted, 1, "no_json"),
        (Ok("[]"), granted, 1, "missing_symbol"),
        (Ok("[]"), BudgetAnswer::AlreadyUsed, 0, "already made"),
    ];
    for (answer, budget, questions, reason) in cases {
        in_virtual_time(async {
            let world = World { budget, ..World::default() };
            let model = Model { answer, takes: Duration::ZERO, world: world.clone() };
            let house = launch(&world, Some(model));
            house.decide(slot_key(Slot::Daily(1)), candidates()).await;
            let standing = house.standing().await;
            assert_eq!(standing.judge, "asked-model");
            assert!(standing.trouble.unwrap().contains(reason), "{reason} is not in the status");
            let held = |(_, action, confidence): &(_, _, u8)| *action == Action::Hold && *confidence == 0;
            assert!(world.decided().iter().all(held) && world.decided().len() == 3, "{reason}");
            assert_eq!(world.seen(|seen| seen.questions), questions, "{reason}");
            assert!(world.rationale(0).contains(reason), "{}", world.rationale(0));
        });
    }
}

#[test]
fn every_repeated_call_is_reserved_too_and_an_answer_ends_the_trouble() {
    in_virtual_time(async {
        let world = World::default();
        let answer = Err(OracleError::Unreachable("HTTP 503".to_owned()));
        let model = Model { answer, takes: Duration::ZERO, world: world.clone() };
        launch(&world, Some(model)).decide(slot_key(Slot::Daily(1)), candidates()).await;
        let purposes = world.seen(|seen| seen.reservations.clone());
        let first = "KR/2026-11-24/daily-1";
        assert_eq!(purposes, [first.to_owned(), format!("{first}/again-1"), format!("{first}/again-2")]);
    });
}

#[test]
fn when_the_budget_is_spent_the_rules_judge_and_say_so() {
    in_virtual_time(async {
        let world = World { budget: BudgetAnswer::Exhausted(Ceiling::Calls), ..World::default() };
        let model = Model { answer: Ok("[]"), takes: Duration::ZERO, world: world.clone() };
        let house = launch(&world, Some(model));
        house.decide(slot_key(Slot::Daily(1)), candidates()).await;
        let decided = [
            text("000003", Action::Sell, 92),
            text("000001", Action::Buy, 83),
            text("000002", Action::Hold, 0),
        ];
        assert_eq!(world.decided(), decided);
        assert_eq!(
            world.seen(|seen| (seen.questions, seen.decisions[0].judge.clone())),
            (0, "rules".to_owned())
        );
        let standing = house.standing().await;
        assert_eq!(
            (standing.judge.as_str(), standing.in_place_of.as_deref()),
            ("rules", Some("asked-model"))
        );
        assert_eq!(standing.until, Some("2026-11-24T08:00:00Z".parse().unwrap()));
        assert_eq!(standing.trouble.as_deref(), Some("all 20 calls of the day are used"));
    });
}

#[test]
fn a_used_up_quota_is_not_tried_again_before_it_returns() {
    in_virtual_time(async {
        let world = World::default();
        let retry_after = Some(Duration::from_secs(500));
        let answer = Err(OracleError::QuotaExhausted { retry_after });
        let model = Model { answer, takes: Duration::ZERO, world: world.clone() };
        let house = launch(&world, Some(model));
        for (slot, questions) in [(1, 1), (2, 1), (3, 1)] {
            house.decide(slot_key(Slot::Daily(slot)), candidates()).await;
            assert_eq!(world.seen(|seen| seen.questions), questions, "slot {slot}");
        }
        sleep(Duration::from_secs(500)).await;
        house.decide(slot_key(Slot::Daily(4)), candidates()).await;
        assert_eq!(world.seen(|seen| (seen.questions, seen.reservations.len())), (2, 2));
    });
}

#[test]
fn a_used_up_quota_is_remembered_by_the_next_life_until_it_returns_and_a_wrong_key_is_not() {
    let hour = Some(Duration::from_secs(3_600));
    let cases = [
        (OracleError::QuotaExhausted { retry_after: hour }, 1),
        (OracleError::Unauthorized("HTTP 401".into()), 2),
        (OracleError::Unreachable("HTTP 503".into()), 6),
    ];
    for (error, questions) in cases {
        in_virtual_time(async {
            let world = World::default();
            let model = || Model { answer: Err(error.clone()), takes: Duration::ZERO, world: world.clone() };
            launch(&world, Some(model())).decide(slot_key(Slot::Daily(1)), candidates()).await;
            let next = launch(&world, Some(model()));
            sleep(Duration::from_secs(1)).await;
            let standing = next.standing().await;
            assert_eq!(standing.trouble.is_some(), questions == 1, "{standing:?}");
            assert_eq!(standing.until.is_some(), questions == 1, "{standing:?}");
            next.decide(slot_key(Slot::Daily(2)), candidates()).await;
            assert_eq!(world.seen(|seen| seen.questions), questions, "{error}");
            assert_eq!(world.decided().len(), 6, "and every stock is held");
            assert!(world.decided().iter().all(|(_, action, _)| *action == Action::Hold));
        });
    }
}

#[test]
fn the_third_refusal_in_a_row_without_a_reason_silences_the_model_for_an_hour() {
    in_virtual_time(async {
        let world = World::default();
        let answer = Err(OracleError::QuotaExhausted { retry_after: None });
        let model = Model { answer, takes: Duration::ZERO, world: world.clone() };
        let house = launch(&world, Some(model));
        let mut asked = Vec::new();
        // Each slot takes ten seconds; the waits are 30 s, 60 s and an hour.
        for cycle in 1..=40 {
            house.decide(slot_key(Slot::Realtime(cycle)), candidates()).await;
            asked.push(world.seen(|seen| seen.questions));
        }
        assert_eq!((asked[0], asked[3], asked[10], asked[39]), (1, 2, 3, 3), "{asked:?}");
        let until = house.standing().await.until.unwrap();
        assert!(
            until > open() + TimeDelta::minutes(60) && until < open() + TimeDelta::minutes(63),
            "{until}"
        );
    });
}

#[test]
fn what_a_slow_model_says_after_the_slot_is_not_traded() {
    let answer = r#"[{"symbol":"000001","rationale":"a","action":"BUY","confidence":95}]"#;
    in_virtual_time(async {
        let world = World::default();
        let model = Model { answer: Ok(answer), takes: Duration::from_secs(20), world: world.clone() };
        let house = launch(&world, Some(model));
        let key = slot_key(Slot::Daily(1));
        let expires_at = open() + TimeDelta::seconds(15);
        house.found.tell(CandidatesFound { key, candidates: candidates(), expires_at }).unwrap();
        house.due.tell(DecideDue { key, expires_at, together: Vec::new(), closes_at: None }).unwrap();
        sleep(Duration::from_secs(60)).await;
        assert_eq!(world.seen(|seen| seen.questions), 1);
        assert_eq!((world.decided(), world.proposed()), (vec![], vec![]));
    });
}

#[test]
fn rounds_run_one_after_the_other_and_the_newest_slot_of_a_market_wins() {
    in_virtual_time(async {
        let world = World::default();
        let model = Model { answer: Ok("[]"), takes: Duration::from_secs(30), world: world.clone() };
        let house = launch(&world, Some(model));
        for slot in 1..=3 {
            house.decide(slot_key(Slot::Daily(slot)), candidates()).await;
        }
        sleep(Duration::from_secs(100)).await;
        let purposes = world.seen(|seen| seen.reservations.clone());
        assert_eq!(purposes, ["KR/2026-11-24/daily-1", "KR/2026-11-24/daily-3"]);
    });
}

#[test]
fn markets_that_open_together_are_judged_by_one_question() {
    in_virtual_time(async {
        let world = World::default();
        let model = Model { answer: Ok("[]"), takes: Duration::ZERO, world: world.clone() };
        let house = launch(&world, Some(model));
        let together = vec![Market::UsNasdaq, Market::UsNyse, Market::UsAmex];
        let expires_at = open() + TimeDelta::minutes(10);
        for market in [Market::UsNyse, Market::UsNasdaq] {
            let key = SlotKey { market, ..slot_key(Slot::Daily(1)) };
            let symbol = if market == Market::UsNyse { "IBM" } else { "AAPL" };
            let mut one = candidates()[0].clone();
            one.instrument = domain::Instrument { market, symbol: symbol.parse().unwrap() };
            house.found.tell(CandidatesFound { key, candidates: vec![one], expires_at }).unwrap();
            house
                .due
                .tell(DecideDue { key, expires_at, together: together.clone(), closes_at: None })
                .unwrap();
        }
        sleep(Duration::from_secs(290)).await;
        assert_eq!(world.seen(|seen| seen.questions), 0, "the third market may still come");
        sleep(Duration::from_secs(20)).await;
        assert_eq!(world.seen(|seen| seen.questions), 1);
        assert_eq!(world.seen(|seen| seen.reservations.clone()), ["US_NASDAQ+US_NYSE/2026-11-24/daily-1"]);
        assert_eq!(world.decided().len(), 2);
    });
}

#[test]
fn every_call_is_booked_with_question_reply_and_version_before_anything_is_decided_by_it() {
    let answer = r#"[{"symbol":"000001","rationale":"a","action":"BUY","confidence":90}]"#;
    in_virtual_time(async {
        let world = World::default();
        let model = Model { answer: Ok(answer), takes: Duration::from_secs(3), world: world.clone() };
        launch(&world, Some(model)).decide(slot_key(Slot::Daily(1)), candidates()).await;
        world.seen(|seen| {
            let [call] = seen.consultations.as_slice() else { panic!("{:?}", seen.consultations) };
            assert_eq!((call.model.as_str(), call.slot.as_str()), ("asked-model", "daily-1"));
            assert_eq!((call.latency_ms, call.prompt_version), (3_000, crate::prompt::VERSION));
            assert!(call.prompt.contains("000002") && call.system.contains("HOLD"));
            for told in [r#""slot":"daily-1""#, r#""day_pnl_pct":-1.5"#, r#""max_loss_pct":3"#] {
                assert!(call.prompt.contains(told), "{told} is not in {}", call.prompt);
            }
            assert!(matches!(&call.heard, Heard::Reply(reply) if reply.text == answer), "{call:?}");
            assert_eq!(call.stocks[0].offered, [Action::Buy, Action::Hold]);
            assert!(seen.bases.iter().all(|basis| basis.as_ref().unwrap().call == call.call));
        });
    });
}

#[test]
fn a_call_without_a_reply_is_booked_too_and_a_reply_that_cannot_be_booked_is_not_used() {
    in_virtual_time(async {
        let world = World::default();
        let answer = Err(OracleError::Unreachable("HTTP 503".to_owned()));
        let model = Model { answer, takes: Duration::ZERO, world: world.clone() };
        launch(&world, Some(model)).decide(slot_key(Slot::Daily(1)), candidates()).await;
        world.seen(|seen| {
            let heard: Vec<_> = seen.consultations.iter().map(|call| call.heard.clone()).collect();
            assert_eq!(heard, vec![Heard::Nothing("the model did not answer: HTTP 503".to_owned()); 3]);
            let last = &seen.consultations[2].call;
            assert!(seen.bases.iter().all(|basis| basis.as_ref().unwrap().call == *last));
        });
        let mute = World { ledger_works: false, ..World::default() };
        let answer = r#"[{"symbol":"000001","rationale":"a","action":"BUY","confidence":90}]"#;
        let model = Model { answer: Ok(answer), takes: Duration::ZERO, world: mute.clone() };
        let house = launch(&mute, Some(model));
        house.decide(slot_key(Slot::Daily(1)), candidates()).await;
        assert!(house.standing().await.trouble.unwrap().contains("could not be booked"));
        assert_eq!((mute.decided(), mute.proposed()), (vec![], vec![]));
    });
}

#[test]
fn whatever_a_model_said_is_decided_anew_from_the_books_as_it_was() {
    let answers = [
        r#"[{"symbol":"000001","rationale":"a\nb","action":"BUY","confidence":90},
            {"symbol":"000002","rationale":"b","action":"BUY","confidence":79},
            {"symbol":"000003","rationale":"c","action":"SELL","confidence":99}]"#,
        r#"[{"symbol":"000001","rationale":"a","action":"SELL","confidence":90}]"#,
        "```json\n[]\n```",
        "주식을 사세요",
    ];
    for (answer, quote) in
        answers.into_iter().flat_map(|answer| [(answer, Some(100)), (answer, None), (answer, Some(900))])
    {
        in_virtual_time(async {
            let world = World { quote, ..World::default() };
            let model = Model { answer: Ok(answer), takes: Duration::ZERO, world: world.clone() };
            launch(&world, Some(model)).decide(slot_key(Slot::Daily(1)), candidates()).await;
            assert_eq!(decided_anew(&world), [true; 3], "{answer}");
        });
    }
}

/// Of each decision that names a call: it comes out of the books as it was made.
fn decided_anew(world: &World) -> Vec<bool> {
    use crate::recompute::{is_equal, recompute};
    use domain::messages::consultation::{BookedConsultation, BookedJudgement};

    world.seen(|seen| {
        let based =
            seen.decisions.iter().zip(&seen.bases).filter_map(|(one, basis)| Some((one, basis.clone()?)));
        let anew = |(decision, basis): (&Decision, domain::messages::consultation::DecisionBasis)| {
            let named = seen.consultations.iter().find(|call| call.call == basis.call).unwrap();
            let reply_bytes = match &named.heard {
                Heard::Reply(reply) => reply.text.len() as u64,
                Heard::Nothing(_) => 0,
            };
            let booked =
                BookedConsultation { consultation: named.clone(), reply_bytes, judgements: Vec::new() };
            let Decision { id, instrument, action, confidence, rationale, .. } = decision.clone();
            let made = BookedJudgement { id, instrument, action, confidence, rationale, basis };
            let anew = recompute(&booked, &made).map(|anew| is_equal(&anew, &made));
            assert_eq!(anew, Ok(true), "{made:?}");
            true
        };
        based.map(anew).collect()
    })
}

#[test]
fn a_realtime_cycle_is_decided_anew_from_the_books_whatever_became_of_its_questions() {
    let whole = r#"[{"symbol":"000003","rationale":"c","action":"SELL","confidence":99}]"#;
    let cases = [
        (Ok(whole), 3),
        // The stocks that were not asked about rest on no call.
        (Err(OracleError::Blocked("SAFETY".into())), 1),
        (Err(OracleError::Unreachable("HTTP 503".into())), 1),
        (Err(OracleError::QuotaExhausted { retry_after: Some(Duration::from_secs(9)) }), 1),
    ];
    for (answer, based) in cases {
        in_virtual_time(async {
            let world = World::default();
            let model = Model { answer: answer.clone(), takes: Duration::ZERO, world: world.clone() };
            launch(&world, Some(model)).decide(slot_key(Slot::Realtime(1)), candidates()).await;
            assert_eq!(world.decided().len(), 3);
            assert_eq!(decided_anew(&world), vec![true; based], "{answer:?}");
        });
    }
}

#[test]
fn reasons_in_another_language_are_recorded_and_keys_in_another_language_are_hold() {
    let korean = r#"[{"symbol":"000001","rationale":"과매도 상태입니다","action":"BUY","confidence":90},
        {"symbol":"000002","이유":"과매도","행동":"매수","신뢰도":90},
        {"symbol":"000003","rationale":"손절","action":"매도","confidence":90}]"#;
    in_virtual_time(async {
        let world = World::default();
        let model = Model { answer: Ok(korean), takes: Duration::ZERO, world: world.clone() };
        let house = launch(&world, Some(model));
        house.decide(slot_key(Slot::Daily(1)), candidates()).await;
        let decided = [
            text("000001", Action::Buy, 90),
            text("000002", Action::Hold, 0),
            text("000003", Action::Hold, 0),
        ];
        assert_eq!(world.decided(), decided);
        assert_eq!(world.rationale(0), "과매도 상태입니다");
        assert!(world.rationale(1).contains("missing_field") && world.rationale(2).contains("bad_action"));
        assert!(house.standing().await.trouble.unwrap().contains("2 of 3 answers cannot be used"));
    });
}

#[test]
fn an_empty_list_of_candidates_is_no_question_no_call_and_no_decision() {
    in_virtual_time(async {
        let world = World::default();
        let model = Model { answer: Ok("[]"), takes: Duration::ZERO, world: world.clone() };
        let house = launch(&world, Some(model));
        house.decide(slot_key(Slot::Daily(1)), Vec::new()).await;
        assert_eq!(
            world.seen(|seen| (seen.questions, seen.reservations.len(), seen.decisions.len())),
            (0, 0, 0)
        );
        house.decide(slot_key(Slot::Daily(2)), candidates()).await;
        assert_eq!(world.seen(|seen| (seen.questions, seen.decisions.len())), (1, 3), "and trading goes on");
    });
}

#[test]
fn an_answer_is_waited_for_as_long_as_set_but_not_beyond_the_slot_nor_30_s_for_one_stock() {
    in_virtual_time(async {
        let world = World::default();
        let model = Model { answer: Ok("[]"), takes: Duration::ZERO, world: world.clone() };
        let house = launch(&world, Some(model));
        house.decide(slot_key(Slot::Daily(1)), candidates()).await;
        let key = slot_key(Slot::Daily(2));
        let expires_at = open() + TimeDelta::seconds(50);
        house.found.tell(CandidatesFound { key, candidates: candidates(), expires_at }).unwrap();
        house.due.tell(DecideDue { key, expires_at, together: Vec::new(), closes_at: None }).unwrap();
        sleep(Duration::from_secs(10)).await;
        house.decide(slot_key(Slot::Realtime(1)), candidates()[..1].to_vec()).await;
        let waits: Vec<_> =
            world.seen(|seen| seen.timeouts.iter().map(|wait| (wait.as_millis() + 500) / 1_000).collect());
        assert_eq!(waits, [90, 40, 30]);
    });
}
