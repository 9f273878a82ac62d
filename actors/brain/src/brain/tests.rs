//! The actor under the real supervisor, in virtual time, between a Broker, a ledger and a RiskGuard that do as told.

mod booked;
mod model;
mod rules;

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix::{Context, System};
use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::consultation::{ClosedPosition, Consultation, EarlierCall, EarlierCallFor, Heard};
use domain::messages::control::{StatusQuery, TradingState, TradingStatus};
use domain::messages::evolution::{ProposalNumber, StrategyVersion};
use domain::messages::judging::JudgeStanding;
use domain::messages::ledger::{
    BudgetAnswer, BudgetCeilings, Ceiling, Committed, LedgerError, RememberedDecision,
};
use domain::messages::limits::{LimitName, LimitsInForce, LimitsQuery, OwnPosition, OwnPositions};
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
    /// When the holding was bought, if that is known.
    bought: Option<DateTime<Utc>>,
    /// What the market trades by; an error while the books do not tell.
    settled: Result<Option<StrategyVersion>, LedgerError>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    decisions: Vec<Decision>,
    bases: Vec<Option<domain::messages::consultation::DecisionBasis>>,
    consultations: Vec<Consultation>,
    proposals: Vec<Proposal>,
    reservations: Vec<String>,
    settled: Vec<chrono::NaiveDate>,
    versions: Vec<Option<i64>>,
    ends: Vec<(String, u64)>,
    questions: usize,
    timeouts: Vec<Duration>,
}

impl Default for World {
    fn default() -> Self {
        let budget = BudgetAnswer::Granted { used: 1 };
        let (bought, settled) = (None, Ok(None));
        Self { quote: Some(100), ledger_works: true, budget, bought, settled, seen: Arc::default() }
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
            seen.versions.push(made.strategy_version);
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

impl Handler<StrategyOf> for World {
    type Result = Result<Option<StrategyVersion>, LedgerError>;

    fn handle(&mut self, query: StrategyOf, _: &mut Self::Context) -> Self::Result {
        self.seen(|seen| seen.settled.push(query.session_date));
        self.settled.clone()
    }
}

impl Handler<OwnPositions> for World {
    type Result = Result<Vec<OwnPosition>, LedgerError>;

    fn handle(&mut self, _: OwnPositions, _: &mut Self::Context) -> Self::Result {
        let (quantity, since) = (domain::Quantity::new(1), self.bought);
        let own =
            |symbol| OwnPosition { instrument: stock(symbol), quantity, entry: None, since, peak: None };
        Ok(vec![own("000003")])
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
    launch_with(world, oracle.map(|model| Arc::new(model) as Arc<dyn Oracle>))
}

fn launch_with(world: &World, oracle: Option<Arc<dyn Oracle>>) -> House {
    let around = world.clone().start();
    let deps = Deps {
        clock: Arc::new(TestClock(Instant::now())),
        random: Arc::new(Counter(Mutex::new(0))),
        oracle,
        budget: Link::from_recipient(around.clone().recipient()),
        settle: Link::from_recipient(around.clone().recipient()),
        consultations: Link::from_recipient(around.clone().recipient()),
        quota: Link::from_recipient(around.clone().recipient()),
        earlier_calls: Link::from_recipient(around.clone().recipient()),
        outcomes: Link::from_recipient(around.clone().recipient()),
        memory: Link::from_recipient(around.clone().recipient()),
        strategies: Link::from_recipient(around.clone().recipient()),
        positions: Link::from_recipient(around.clone().recipient()),
        decisions: Link::from_recipient(around.clone().recipient()),
        quotes: Link::from_recipient(around.clone().recipient()),
        account: Link::from_recipient(around.clone().recipient()),
        status: Link::from_recipient(around.clone().recipient()),
        limits: Link::from_recipient(around.clone().recipient()),
        proposals: Link::from_recipient(around.recipient()),
    };
    let settings = Settings {
        strategy: Arc::new(Strategy::by_default(Thresholds::default())),
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
        past: Arc::default(),
        held,
        quote: None,
    }
}

/// One stock the rules buy, one they hold, one holding they sell.
fn candidates() -> Vec<Candidate> {
    vec![
        candidate("000001", false, &[("rsi_14", 20), ("roc_1", 1)]),
        candidate("000002", false, &[("rsi_14", 50), ("roc_1", 1)]),
        candidate("000003", true, &[("holding_pnl_pct", -5)]),
    ]
}

fn text(symbol: &str, action: Action, confidence: u8) -> (String, Action, u8) {
    (symbol.to_owned(), action, confidence)
}
