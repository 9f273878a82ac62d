//! The actor under the real supervisor, in virtual time, with a Broker that answers as told.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix::{Context, System};
use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::market_data::{QueryError, Quote, RankedStock};
use domain::messages::schedule::Slot;
use domain::{AccountSnapshot, BoxFuture, Candle, Currency, Holding, Price, Quantity};
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

/// Answers like the exchange: what it offers, what fails, and how long an answer takes.
#[derive(Clone, Default)]
struct Broker {
    rankings: bool,
    failing: Vec<&'static str>,
    holding: Option<&'static str>,
    takes: Duration,
    asked: Arc<Mutex<Vec<String>>>,
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
        let row = |(symbol, change): (&str, i64)| RankedStock {
            instrument: stock(symbol),
            name: format!("Name of {symbol}"),
            price: Some(price(100)),
            change_pct: Some(change.into()),
            volume_ratio: None,
        };
        let rows = [("000001", 9), ("000002", -7), ("000003", 5), ("000004", 0)].map(row).to_vec();
        self.answer("ranking".to_owned(), !self.rankings, rows)
    }
}

impl Handler<BarsQuery> for Broker {
    type Result = ResponseActFuture<Self, Result<Vec<Candle>, QueryError>>;

    fn handle(&mut self, query: BarsQuery, _: &mut Self::Context) -> Self::Result {
        let bar = |day| Candle::new(open() - TimeDelta::days(day), [price(100); 4], 1_000).unwrap();
        let bars = (0..i64::from(query.count)).rev().map(bar).collect();
        self.answer(format!("bars {}", query.instrument.symbol), self.fails(&query.instrument), bars)
    }
}

impl Handler<QuoteQuery> for Broker {
    type Result = ResponseActFuture<Self, Result<Quote, QueryError>>;

    fn handle(&mut self, query: QuoteQuery, _: &mut Self::Context) -> Self::Result {
        let what = format!("quote {}", query.instrument.symbol);
        let failing = self.fails(&query.instrument);
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
            rules: domain::StockRules::default(),
        };
        self.answer(what, failing, quote)
    }
}

impl Handler<AccountQuery> for Broker {
    type Result = ResponseActFuture<Self, Result<AccountSnapshot, QueryError>>;

    fn handle(&mut self, _: AccountQuery, _: &mut Self::Context) -> Self::Result {
        let quantity = Quantity::new(3);
        let holding = |symbol| Holding {
            instrument: stock(symbol),
            quantity,
            sellable: quantity,
            average_price: Some(price(100)),
            price: Some(price(101)),
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

#[derive(Clone, Default)]
struct Brain(Arc<Mutex<Vec<CandidatesFound>>>);

impl Brain {
    /// The symbols of each scan since the last look.
    fn found(&self) -> Vec<Vec<String>> {
        let found = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let symbols = |found: CandidatesFound| {
            found.candidates.iter().map(|candidate| candidate.instrument.symbol.to_string()).collect()
        };
        found.into_iter().map(symbols).collect()
    }
}

impl Actor for Brain {
    type Context = Context<Self>;
}

impl Handler<CandidatesFound> for Brain {
    type Result = ();

    fn handle(&mut self, found: CandidatesFound, _: &mut Self::Context) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(found);
    }
}

fn launch(broker: &Broker) -> (Link<ScanDue>, Brain) {
    let brain = Brain::default();
    let address = broker.clone().start();
    let deps = Deps {
        clock: Arc::new(TestClock(Instant::now())),
        rankings: Link::from_recipient(address.clone().recipient()),
        bars: Link::from_recipient(address.clone().recipient()),
        quotes: Link::from_recipient(address.clone().recipient()),
        account: Link::from_recipient(address.recipient()),
        candidates: Link::from_recipient(brain.clone().start().recipient()),
    };
    let settings = Settings {
        top_n: 2,
        thresholds: Thresholds::default(),
        overseas_rankings: true,
        watchlist: vec![stock("000008"), stock("000009")],
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

#[test]
fn a_scan_tells_the_top_stocks_and_every_holding() {
    in_virtual_time(async {
        let broker = Broker { rankings: true, holding: Some("000007"), ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(brain.found(), [["000001", "000002", "000007"]]);
    });
}

#[test]
fn bars_are_asked_for_once_a_session_and_quotes_every_time() {
    in_virtual_time(async {
        let broker = Broker { rankings: true, ..Broker::default() };
        let (scan, brain) = launch(&broker);
        for number in 0..3 {
            scan.tell(cycle(number)).unwrap();
            sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(brain.found().len(), 3);
        assert_eq!((broker.asked("bars 000001"), broker.asked("quote 000001")), (1, 3));
    });
}

#[test]
fn a_failing_stock_is_left_out_and_the_rest_goes_on() {
    in_virtual_time(async {
        let broker = Broker { rankings: true, failing: vec!["000001"], ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(brain.found(), [["000002", "000003"]]);
    });
}

#[test]
fn without_rankings_the_watchlist_and_the_holdings_are_scanned() {
    in_virtual_time(async {
        let broker = Broker { holding: Some("000007"), failing: vec!["000009"], ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(brain.found(), [["000008", "000007"]]);
    });
}

#[test]
fn a_key_seen_before_or_expired_is_ignored_and_scans_of_one_market_never_overlap() {
    in_virtual_time(async {
        let broker = Broker { rankings: true, takes: Duration::from_secs(2), ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(5)).await;
        scan.tell(cycle(1)).unwrap();
        sleep(Duration::from_secs(50)).await;
        assert_eq!((brain.found().len(), broker.asked("account")), (1, 1));
        sleep(Duration::from_secs(70)).await;
        scan.tell(cycle(1)).unwrap();
        sleep(Duration::from_secs(30)).await;
        assert_eq!((brain.found().len(), broker.asked("account")), (0, 1));
    });
}

#[test]
fn a_scan_that_outlasts_its_slot_tells_nothing_but_makes_the_next_one_faster() {
    in_virtual_time(async {
        let broker = Broker { rankings: true, takes: Duration::from_secs(6), ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(70)).await;
        assert!(brain.found().is_empty());
        scan.tell(cycle(1)).unwrap();
        sleep(Duration::from_secs(50)).await;
        assert_eq!(brain.found(), [["000001", "000002"]]);
    });
}
