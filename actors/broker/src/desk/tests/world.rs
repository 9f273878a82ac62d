//! Broker between the real RiskGuard and the real TradeLedger, because only they can make an approval and a permit.
//! The exchange, the store and the way to the ledger are doubles.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use actix::{Addr, Context, System};
use chrono::NaiveDate;
use domain::messages::control::*;
use domain::messages::ledger::LedgerError;
use domain::messages::market_data::*;
use domain::messages::proof::{LastTradeQuery, ListedDay};
use domain::messages::schedule::{DaySource, Phase, Trust};
use domain::messages::symbols::HoldingsCompared;
use domain::messages::trading::Proposal;
use domain::*;
use risk_guard::{
    Basis, BrokerLinks, EmergencyHalt, ExitPlan, GateKeeper, Limits, RiskDeps, RiskGuard, RiskSettings,
    Sizing, gate,
};
use rust_decimal::Decimal;
use supervision::{Child, Exhausted, Place, Policy, Restart, Slot, Strategy, Supervised, Supervisor, slot};
use trade_ledger::booking::BookedIntent;
use trade_ledger::{JournalledOrder, LedgerDeps, PermitRefused, SendPermit, TradeLedger};

use super::super::*;
use super::books::Memory;
use crate::{CancelOutcome, StreamEvent, Urgency, Wanted};

/// What the doubles know and how they behave.
pub(super) struct Facts {
    /// Everything of interest, in order.
    pub(super) log: Vec<String>,
    pub(super) intents: Vec<BookedIntent>,
    pub(super) expiries: BTreeMap<IntentId, DateTime<Utc>>,
    pub(super) halts: Vec<HaltRecord>,
    pub(super) halt_epoch: u64,
    pub(super) unclosed: Vec<DayKey>,
    /// What the exchange lists; none: it does not answer.
    pub(super) rows: Option<Vec<InquiryRow>>,
    pub(super) outcome: Outcome,
    pub(super) prepare_takes: Duration,
    pub(super) submit_takes: Duration,
    /// How long an order list and an account take.
    pub(super) reads_take: Duration,
    /// The time at the start of the test.
    pub(super) starts_at: DateTime<Utc>,
    /// When the books took an order list or compared an account.
    pub(super) believed_at: Vec<DateTime<Utc>>,
    /// None: the ledger never answers.
    pub(super) permit_takes: Option<Duration>,
    /// So many outcomes are not taken.
    pub(super) outcomes_lost: u32,
    pub(super) refuses_for_good: bool,
    /// What the exchange says that a person should look at.
    pub(super) trouble: Option<String>,
    /// A halt cancels what works.
    pub(super) halt_cancels: bool,
    /// How far the exchange's clock is off.
    pub(super) skew: Option<TimeDelta>,
    /// The same by its last answer alone.
    pub(super) doubt: Option<TimeDelta>,
    /// The same, but only once a turn of the rate has come.
    pub(super) doubt_after_turn: Option<TimeDelta>,
    /// So many answers of the exchange until the doubt is over.
    pub(super) doubt_for: Option<u32>,
    /// RiskGuard sees what the exchange's answers say of its clock.
    pub(super) guard_sees_clock: bool,
    /// Another process owns the books.
    pub(super) fenced: bool,
    /// Another process has started while the order was on its way; how often an outcome was brought since.
    pub(super) overtaken: Option<u32>,
    /// The books cannot be read.
    pub(super) reads_fail: bool,
    /// What an earlier life left `Sending` cannot be booked.
    pub(super) abandons_fail: bool,
    /// What the books say of the account.
    pub(super) compared: HoldingsCompared,
    /// How many orders became unknown lately.
    pub(super) unknowns: u32,
    pub(super) last_trade: Result<Option<DateTime<Utc>>, QueryError>,
    /// What the stream will tell, in order.
    pub(super) air: VecDeque<StreamEvent>,
    /// What the stream was last told to tell.
    pub(super) wanted: Option<Wanted>,
    /// What the account holds.
    pub(super) holds: Vec<&'static str>,
    /// How many shares it says may be sold, when asked about one stock; none: there is no such question.
    pub(super) sellable: Option<Result<u64, QueryError>>,
    /// What it says can still be cancelled.
    pub(super) working: Result<Vec<WorkingOrder>, QueryError>,
}

pub(super) type Shared = Arc<Mutex<Facts>>;

pub(super) fn begun() -> DateTime<Utc> {
    "2026-11-24T01:00:00Z".parse().unwrap()
}

pub(super) fn today() -> NaiveDate {
    Market::Kr.date_at(begun())
}

pub(super) fn stock(symbol: &str) -> Instrument {
    Instrument { market: Market::Kr, symbol: symbol.parse().unwrap() }
}

struct TestClock {
    started: tokio::time::Instant,
    starts_at: DateTime<Utc>,
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        self.starts_at + TimeDelta::from_std(self.started.elapsed()).unwrap()
    }

    fn sleep_until(&self, until: DateTime<Utc>) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep((until - self.now()).to_std().unwrap_or_default()))
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

struct NoFile;

impl EmergencyHalt for NoFile {
    fn write(&self, _record: &HaltRecord) -> Result<(), String> {
        Ok(())
    }

    fn read(&self) -> Option<HaltRecord> {
        None
    }

    fn read_all(&self) -> Vec<HaltRecord> {
        self.read().into_iter().collect()
    }

    fn keep_only(&self, records: &[HaltRecord]) -> Result<(), String> {
        match records {
            [] => self.clear(),
            records => records.iter().try_for_each(|record| self.write(record)),
        }
    }

    fn clear(&self) -> Result<(), String> {
        Ok(())
    }
}

/// An exchange that does as it is told, and keeps a list of who came.
struct Venue {
    shared: Shared,
    clock: Arc<dyn Clock>,
}

impl Venue {
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.shared.lock().unwrap()
    }

    fn note(&self, line: String) {
        self.facts().log.push(line);
    }

    /// The answer to a question about the ledger, as of now, after as long as it takes.
    async fn read<T>(&self, answer: T) -> T {
        let takes = self.facts().reads_take;
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        answer
    }
}

impl Exchange for Venue {
    fn prepare(&self, urgency: Urgency) -> BoxFuture<'_, Result<(), QueryError>> {
        Box::pin(async move {
            let takes = self.facts().prepare_takes;
            tokio::time::sleep(takes).await;
            self.note(format!("venue: prepare {urgency:?}"));
            let mut facts = self.facts();
            facts.doubt = facts.doubt_after_turn.take().or(facts.doubt);
            Ok(())
        })
    }

    fn submit(&self, permit: SendPermit) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            self.note(format!("venue: POST {}", permit.terms()));
            let takes = self.facts().submit_takes;
            tokio::time::sleep(takes).await;
            self.facts().outcome.clone()
        })
    }

    fn cancel(&self, order: JournalledOrder) -> BoxFuture<'_, CancelOutcome> {
        self.note(format!("venue: cancel {}", order.intent().terms.instrument));
        Box::pin(async { CancelOutcome::Requested })
    }

    fn orders_of_day(
        &self,
        _market: Market,
        date: NaiveDate,
    ) -> BoxFuture<'_, Result<Vec<InquiryRow>, QueryError>> {
        let rows = self.facts().rows.clone();
        let of_day = |rows: Vec<InquiryRow>| rows.into_iter().filter(|row| row.order.date == date).collect();
        let answer = rows.map(of_day).ok_or_else(|| QueryError::Unavailable("down".into()));
        Box::pin(self.read(answer))
    }

    fn account(
        &self,
        _query: AccountQuery,
        _urgency: Urgency,
    ) -> BoxFuture<'_, Result<AccountSnapshot, QueryError>> {
        self.note("venue: account".into());
        let mut facts = self.facts();
        facts.doubt_for = facts.doubt_for.map(|answers| answers.saturating_sub(1));
        if facts.doubt_for == Some(0) {
            (facts.doubt, facts.doubt_for) = (None, None);
        }
        let snapshot = account(self.clock.now(), &facts.holds);
        drop(facts);
        Box::pin(self.read(Ok(snapshot)))
    }

    fn ranking(&self, _query: RankingQuery) -> BoxFuture<'_, Result<Vec<RankedStock>, QueryError>> {
        Box::pin(std::future::pending())
    }

    fn bars(&self, _query: BarsQuery) -> BoxFuture<'_, Result<Vec<Candle>, QueryError>> {
        Box::pin(std::future::pending())
    }

    fn quote(&self, _query: QuoteQuery, _urgency: Urgency) -> BoxFuture<'_, Result<Quote, QueryError>> {
        Box::pin(std::future::pending())
    }

    fn sellable(&self, instrument: Instrument) -> BoxFuture<'_, Result<Quantity, QueryError>> {
        let told = self.facts().sellable.clone();
        Box::pin(async move {
            let told = told.ok_or_else(|| QueryError::NotOffered("on paper".into()))?;
            self.note(format!("venue: sellable {instrument}"));
            told.map(Quantity::new)
        })
    }

    fn working_orders(&self, _market: Market) -> BoxFuture<'_, Result<Vec<WorkingOrder>, QueryError>> {
        let working = self.facts().working.clone();
        Box::pin(async move { working })
    }

    fn last_trade(&self, _market: Market) -> BoxFuture<'_, Result<Option<DateTime<Utc>>, QueryError>> {
        self.note("venue: last trade".into());
        let answer = self.facts().last_trade.clone();
        Box::pin(async move { answer })
    }

    fn listed_days(
        &self,
        _market: Market,
        _from: NaiveDate,
    ) -> BoxFuture<'_, Result<Vec<ListedDay>, QueryError>> {
        Box::pin(std::future::pending())
    }

    fn needs_a_person(&self, _refusal: &Refusal) -> bool {
        self.facts().refuses_for_good
    }

    fn trouble(&self) -> Option<String> {
        self.facts().trouble.clone()
    }
}

impl ExchangeClock for Venue {
    fn clock_skew(&self) -> Option<TimeDelta> {
        self.facts().skew
    }

    fn clock_doubt(&self) -> Option<TimeDelta> {
        let facts = self.facts();
        facts.doubt.or(facts.skew)
    }
}

/// What RiskGuard sees of the exchange's clock: as a rule nothing, so that what Broker objects is tested.
struct Seen(Shared);

impl ExchangeClock for Seen {
    fn clock_doubt(&self) -> Option<TimeDelta> {
        let facts = self.0.lock().unwrap();
        facts.doubt.or(facts.skew).filter(|_| facts.guard_sees_clock)
    }
}

fn account(taken_at: DateTime<Utc>, holds: &[&str]) -> AccountSnapshot {
    let holding = |symbol: &&str| Holding {
        instrument: stock(symbol),
        quantity: Quantity::new(1),
        sellable: Quantity::new(1),
        average_price: None,
        price: None,
    };
    let won = |amount: i64| Some(Money::new(Decimal::from(amount), Currency::Krw));
    AccountSnapshot {
        currency: Currency::Krw,
        taken_at,
        cash: won(10_000_000),
        equity: won(10_000_000),
        purchase_total: None,
        valuation_total: None,
        holdings: holds.iter().map(holding).collect(),
    }
}

/// A stream that tells what a test gives it.
struct Air(Shared);

impl MarketStream for Air {
    fn want(&self, wanted: Wanted) {
        self.0.lock().unwrap().wanted = Some(wanted);
    }

    fn next(&self) -> BoxFuture<'_, StreamEvent> {
        Box::pin(async {
            loop {
                let event = self.0.lock().unwrap().air.pop_front();
                match event {
                    Some(event) => return event,
                    None => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        })
    }
}

/// The way to the ledger: may be slow, silent or lose what it carries.
struct Way {
    shared: Shared,
    permit: Link<BeginSending>,
    outcome: Link<RecordOutcome>,
}

impl Actor for Way {
    type Context = Context<Self>;
}

impl Handler<BeginSending> for Way {
    type Result = ResponseFuture<Result<SendPermit, PermitRefused>>;

    fn handle(&mut self, begin: BeginSending, _ctx: &mut Self::Context) -> Self::Result {
        let takes = self.shared.lock().unwrap().permit_takes;
        let answer = self.permit.ask(begin, Duration::from_secs(5));
        Box::pin(async move {
            let answer = answer.await.unwrap();
            match takes {
                Some(takes) => tokio::time::sleep(takes).await,
                None => std::future::pending().await,
            }
            answer
        })
    }
}

impl Handler<RecordOutcome> for Way {
    type Result = ResponseFuture<Result<OrderUpdate, LedgerError>>;

    fn handle(&mut self, record: RecordOutcome, _ctx: &mut Self::Context) -> Self::Result {
        let mut facts = self.shared.lock().unwrap();
        if let Some(brought) = &mut facts.overtaken {
            *brought += 1;
            return Box::pin(async { Err(LedgerError::Fenced) });
        }
        if let Some(left) = facts.outcomes_lost.checked_sub(1) {
            facts.outcomes_lost = left;
            return Box::pin(async { Err(LedgerError::Storage("locked".into())) });
        }
        let answer = self.outcome.ask(record, Duration::from_secs(5));
        Box::pin(async move { answer.await.unwrap() })
    }
}

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

struct Slots {
    ledger: Slot<TradeLedger>,
    broker: Slot<Broker>,
    risk: Slot<RiskGuard>,
}

impl Slots {
    fn risk_deps(&self, shared: &Shared, clock: &Arc<dyn Clock>, keeper: GateKeeper) -> RiskDeps {
        RiskDeps {
            clock: clock.clone(),
            exchange_clock: Arc::new(Seen(shared.clone())),
            random: Arc::new(Counter(Mutex::new(0))),
            keeper,
            emergency: Arc::new(NoFile),
            ledger: risk_guard::LedgerLinks {
                commit_approval: self.ledger.link(),
                commit_halt: self.ledger.urgent_link(),
                commit_release: self.ledger.link(),
                commit_latch: self.ledger.link(),
                commit_limits: self.ledger.link(),
                approvals: self.ledger.link(),
                setbacks: self.ledger.link(),
                positions: self.ledger.link(),
                peaks: self.ledger.link(),
                load_state: self.ledger.link(),
                halt_epoch: self.ledger.link(),
                open_intents: self.ledger.link(),
                symbol_halts: self.ledger.link(),
                release_symbol: self.ledger.link(),
                resolve: self.ledger.link(),
                day_start: self.ledger.link(),
                won_day_start: self.ledger.link(),
                decisions: self.ledger.link(),
                refused: self.ledger.link(),
                events: self.ledger.link(),
            },
            broker: BrokerLinks {
                place: self.broker.link(),
                account: self.broker.link(),
                account_in_won: self.broker.link(),
                quote: self.broker.link(),
                order_quote: self.broker.link(),
                left_behind: self.broker.link(),
                bars: self.broker.link(),
                halt: self.broker.urgent_link(),
                reconciled: self.broker.link(),
            },
            halt_listeners: Vec::new(),
            resume_listeners: vec![self.broker.link()],
        }
    }

    fn broker_deps(&self, shared: &Shared, clock: &Arc<dyn Clock>, gate: Gate) -> BrokerDeps {
        let (permit, outcome) = (self.ledger.link(), self.ledger.link());
        let way: Addr<Way> = Way { shared: shared.clone(), permit, outcome }.start();
        BrokerDeps {
            clock: clock.clone(),
            random: Arc::new(Counter(Mutex::new(1_000))),
            exchange: Arc::new(Venue { shared: shared.clone(), clock: clock.clone() }),
            stream: Some(Arc::new(Air(shared.clone()))),
            gate,
            ledger: LedgerLinks {
                begin_sending: Link::from_recipient(way.clone().recipient()),
                record_outcome: Link::from_recipient(way.recipient()),
                abandon_sending: self.ledger.link(),
                book_inquiry: self.ledger.link(),
                close_day: self.ledger.link(),
                unclosed_days: self.ledger.link(),
                journalled: self.ledger.link(),
                open_intents: self.ledger.link(),
                events: self.ledger.link(),
                holdings: self.ledger.link(),
                unknowns: self.ledger.link(),
            },
            risk: RiskLinks {
                order_update: self.risk.certain_link(),
                account_updated: self.risk.certain_link(),
                account_missed: self.risk.certain_link(),
                reconciled: self.risk.certain_link(),
                halt: self.risk.urgent_link(),
                halted_by_books: self.risk.certain_link(),
                symbol_halted: self.risk.certain_link(),
                price_seen: self.risk.lossy_link(),
            },
        }
    }
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
            session_date: Market::Kr.date_at(now),
            expires_at: now + TimeDelta::seconds(60),
        };
        self.propose.tell(proposal).unwrap();
    }

    pub(super) async fn request_halt(&self) -> HaltReport {
        let request =
            RequestHalt { source: HaltSource::Operator, by: "kim".into(), reason: "enough".to_owned() };
        self.halt.ask(request, Duration::from_secs(10)).await.unwrap()
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
