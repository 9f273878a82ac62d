//! The actor under the real supervisor, in virtual time, with a Broker that answers as told.

mod chosen;
mod past;
mod vectors;
mod without;

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix::{Context, System};
use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::evolution::{ProposalNumber, StrategyVersion};
use domain::messages::ledger::LedgerError;
use domain::messages::limits::WaitsUnknown;
use domain::messages::market_data::{ListedStatus, QueryError, Quote, RankedStock, RankingKind};
use domain::messages::schedule::Slot;
use domain::{
    AccountSnapshot, BoxFuture, Candle, Currency, Holding, Price, Quantity, Restriction, SelectionGate,
    Signal, StockRules, Verdict, Wait, WaitCause,
};
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

fn open() -> DateTime<Utc> {
    "2026-11-24T00:00:00Z".parse().unwrap()
}

fn stock(symbol: &str) -> Instrument {
    Instrument { market: Market::Kr, symbol: symbol.parse().unwrap() }
}

fn price(value: i64) -> Price {
    Price::new(value.into()).unwrap()
}

/// Answers like the exchange and the books: what they offer, what fails, and how long an answer takes.
#[derive(Clone, Default)]
struct Broker {
    /// The rows of both rankings; none: no ranking answers.
    rows: Option<Vec<RankedStock>>,
    failing: Vec<&'static str>,
    halted: Vec<&'static str>,
    traded: Vec<&'static str>,
    /// What RiskGuard lets wait; none: it does not know.
    waits: Option<Vec<(&'static str, WaitCause)>>,
    holding: Option<&'static str>,
    /// The account tells no price of what it holds.
    priceless: bool,
    /// What the market trades by.
    settled: Option<StrategyVersion>,
    takes: Duration,
    asked: Arc<Mutex<Vec<String>>>,
}

/// A row that tells nothing but price and change.
fn row(symbol: &str, change: i64) -> RankedStock {
    RankedStock {
        instrument: stock(symbol),
        name: format!("Name of {symbol}"),
        price: Some(price(100)),
        change_pct: Some(change.into()),
        high: None,
        low: None,
        volume: None,
        volume_ratio: None,
        status: None,
    }
}

/// A row that tells everything, as the Korean list does, and that nothing speaks against it.
fn full_row(symbol: &str, change: i64) -> RankedStock {
    RankedStock {
        high: Some(price(100)),
        low: Some(price(100)),
        volume: Some(2_000),
        status: Some(ListedStatus::Free),
        ..row(symbol, change)
    }
}

fn rows() -> Option<Vec<RankedStock>> {
    Some(vec![row("000001", 9), row("000002", -7), row("000003", 5), row("000004", 0)])
}

impl Broker {
    fn answer<T: 'static>(
        &self,
        what: String,
        failing: bool,
        value: T,
    ) -> ResponseActFuture<Self, Result<T, QueryError>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(what);
        let answer =
            if failing { Err(QueryError::Unavailable("told to fail".to_owned())) } else { Ok(value) };
        let takes = self.takes;
        Box::pin(
            async move {
                sleep(takes).await;
                answer
            }
            .into_actor(self),
        )
    }

    fn fails(&self, instrument: &Instrument) -> bool {
        self.failing.contains(&instrument.symbol.as_str())
    }

    fn asked(&self, what: &str) -> usize {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().filter(|question| question.starts_with(what)).count()
    }
}

impl Actor for Broker {
    type Context = Context<Self>;
}

impl Handler<RankingQuery> for Broker {
    type Result = ResponseActFuture<Self, Result<Vec<RankedStock>, QueryError>>;

    fn handle(&mut self, _: RankingQuery, _: &mut Self::Context) -> Self::Result {
        let rows = self.rows.clone();
        self.answer("ranking".to_owned(), rows.is_none(), rows.unwrap_or_default())
    }
}

impl Handler<BarsQuery> for Broker {
    type Result = ResponseActFuture<Self, Result<Vec<Candle>, QueryError>>;

    fn handle(&mut self, query: BarsQuery, _: &mut Self::Context) -> Self::Result {
        let bar = |day| Candle::new(open() - TimeDelta::days(day), [price(100); 4], 1_000).unwrap();
        let bars: Vec<_> = (0..i64::from(query.count)).rev().map(bar).collect();
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{} days", bars.len()));
        self.answer(format!("bars {}", query.instrument.symbol), self.fails(&query.instrument), bars)
    }
}

impl Handler<QuoteQuery> for Broker {
    type Result = ResponseActFuture<Self, Result<Quote, QueryError>>;

    fn handle(&mut self, query: QuoteQuery, _: &mut Self::Context) -> Self::Result {
        let what = format!("quote {}", query.instrument.symbol);
        let failing = self.fails(&query.instrument);
        let halted = self.halted.contains(&query.instrument.symbol.as_str());
        let restriction = halted.then_some(Restriction::Halted);
        let quote = Quote {
            instrument: query.instrument,
            at: open(),
            last: price(103),
            open: Some(price(100)),
            high: Some(price(104)),
            low: Some(price(99)),
            change_pct: None,
            volume: Some(2_000),
            bid: None,
            ask: None,
            delay: chrono::TimeDelta::zero(),
            rules: StockRules { restriction, ..StockRules::default() },
        };
        self.answer(what, failing, quote)
    }
}

impl Handler<AccountWatch> for Broker {
    type Result = ResponseActFuture<Self, Result<AccountSnapshot, QueryError>>;

    fn handle(&mut self, _: AccountWatch, _: &mut Self::Context) -> Self::Result {
        let quantity = Quantity::new(3);
        let holding = |symbol| Holding {
            instrument: stock(symbol),
            quantity,
            sellable: quantity,
            average_price: Some(price(100)),
            price: (!self.priceless).then(|| price(101)),
        };
        let snapshot = AccountSnapshot {
            currency: Currency::Krw,
            taken_at: open(),
            cash: None,
            equity: None,
            purchase_total: None,
            valuation_total: None,
            holdings: self.holding.map(holding).into_iter().collect(),
        };
        self.answer("account".to_owned(), false, snapshot)
    }
}

impl Handler<RecentlyTraded> for Broker {
    type Result = Result<Vec<Instrument>, LedgerError>;

    fn handle(&mut self, query: RecentlyTraded, _: &mut Self::Context) -> Self::Result {
        assert_eq!(query, RecentlyTraded { market: Market::Kr, limit: 30 });
        Ok(self.traded.iter().map(|symbol| stock(symbol)).collect())
    }
}

impl Handler<StrategyOf> for Broker {
    type Result = Result<Option<StrategyVersion>, LedgerError>;

    fn handle(&mut self, query: StrategyOf, _: &mut Self::Context) -> Self::Result {
        assert_eq!(query.market, Market::Kr);
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push("strategy".to_owned());
        Ok(self.settled.clone())
    }
}

impl Handler<WaitsQuery> for Broker {
    type Result = Result<Vec<(Instrument, Wait)>, WaitsUnknown>;

    fn handle(&mut self, query: WaitsQuery, _: &mut Self::Context) -> Self::Result {
        assert_eq!(query, WaitsQuery { market: Market::Kr });
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push("waits".to_owned());
        let until = open() + TimeDelta::minutes(30);
        let waits = self.waits.clone().ok_or(WaitsUnknown)?.into_iter();
        Ok(waits.map(|(symbol, cause)| (stock(symbol), Wait { cause, until })).collect())
    }
}

/// Who is told.
#[derive(Clone, Default)]
struct Brain {
    found: Arc<Mutex<Vec<CandidatesFound>>>,
    selections: Arc<Mutex<Vec<SelectionsMade>>>,
    bars: Arc<Mutex<Vec<BarsSeen>>>,
}

fn taken<T>(letters: &Mutex<Vec<T>>) -> Vec<T> {
    std::mem::take(&mut *letters.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Brain {
    /// The symbols of each scan since the last look.
    fn found(&self) -> Vec<Vec<String>> {
        let symbols = |found: CandidatesFound| {
            found.candidates.iter().map(|candidate| candidate.instrument.symbol.to_string()).collect()
        };
        taken(&self.found).into_iter().map(symbols).collect()
    }

    /// The verdicts told since the last look.
    fn verdicts(&self) -> Vec<(String, Verdict)> {
        let told = taken(&self.selections).into_iter().flat_map(|made| made.selections);
        told.map(|one| (one.instrument.symbol.to_string(), one.verdict)).collect()
    }
}

impl Actor for Brain {
    type Context = Context<Self>;
}

impl Handler<CandidatesFound> for Brain {
    type Result = ();

    fn handle(&mut self, found: CandidatesFound, _: &mut Self::Context) {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).push(found);
    }
}

impl Handler<SelectionsMade> for Brain {
    type Result = ();

    fn handle(&mut self, made: SelectionsMade, _: &mut Self::Context) {
        self.selections.lock().unwrap_or_else(PoisonError::into_inner).push(made);
    }
}

impl Handler<BarsSeen> for Brain {
    type Result = ();

    fn handle(&mut self, seen: BarsSeen, _: &mut Self::Context) {
        self.bars.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
    }
}

fn settings() -> Settings {
    Settings {
        top_n: 2,
        thresholds: Thresholds::default(),
        strategy: Arc::new(Strategy::by_default(Thresholds::default())),
        overseas_rankings: true,
        us_min_price: 5.into(),
        watchlist: vec![stock("000008"), stock("000009")],
    }
}

fn launch(broker: &Broker) -> (Link<ScanDue>, Brain) {
    launch_on(broker.clone(), settings())
}

/// The Scanner between a world that answers everything and somebody who is told.
fn launch_on<W>(world: W, settings: Settings) -> (Link<ScanDue>, Brain)
where
    W: Actor<Context = Context<W>>
        + Handler<RankingQuery>
        + Handler<BarsQuery>
        + Handler<QuoteQuery>
        + Handler<AccountWatch>
        + Handler<RecentlyTraded>
        + Handler<WaitsQuery>
        + Handler<StrategyOf>,
{
    let brain = Brain::default();
    let (address, told) = (world.start(), brain.clone().start());
    let deps = Deps {
        clock: Arc::new(TestClock(Instant::now())),
        rankings: Link::from_recipient(address.clone().recipient()),
        bars: Link::from_recipient(address.clone().recipient()),
        quotes: Link::from_recipient(address.clone().recipient()),
        account: Link::from_recipient(address.clone().recipient()),
        waits: Link::from_recipient(address.clone().recipient()),
        traded: Link::from_recipient(address.clone().recipient()),
        strategies: Link::from_recipient(address.recipient()),
        selections: Link::from_recipient(told.clone().recipient()),
        bars_seen: Link::from_recipient(told.clone().recipient()),
        candidates: Link::from_recipient(told.recipient()),
    };
    let scanner = slot::<Scanner>("scanner", 16);
    let link = scanner.link();
    let mut supervisor = Supervisor::new(Policy { health_every: None, ..Policy::default() }, |_| {});
    supervisor.child(CHILD, scanner, move |_| Ok(Scanner::new(settings.clone(), deps.clone())));
    actix::spawn(async move {
        let _kept_for_the_test = supervisor.launch();
        std::future::pending::<()>().await;
    });
    (link, brain)
}

fn cycle(number: u32) -> ScanDue {
    let session_date = Market::Kr.date_at(open());
    let key = SlotKey { market: Market::Kr, session_date, slot: Slot::Realtime(number) };
    ScanDue { key, expires_at: open() + TimeDelta::minutes(i64::from(number) + 1) }
}
