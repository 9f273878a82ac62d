//! The client's stream against the exchange's, each written by itself: over a line in this process, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use broker::{Exchange as _, MarketStream as _, NoticeKind, Pacer, StreamEvent, Urgency, Wanted};
use domain::messages::market_data::AccountQuery;
use domain::{Clock, Currency, Instrument, Market, Money, OrderTerms, Quantity, Side};
use kestrel::clock::VirtualClock;
use kestrel::config::{Credentials, Endpoint};
use kestrel::http::{InProcess, InProcessDial, Transport, in_process};
use kestrel::kis::stream::{self, KisStream, StreamConfig, StreamPorts};
use kestrel::kis::{self, KisConfig};
use kestrel::random::Seeded;
use kestrel::simulator::{self, Environment, Exchange, MarketData, SimulatorConfig};
use rust_decimal::Decimal;

/// An exchange that is open in Seoul, and what a client of it needs.
struct World {
    exchange: Arc<Exchange>,
    clock: Arc<dyn Clock>,
    reads: Arc<dyn Transport>,
    dial: InProcessDial,
    environment: Environment,
}

fn credentials() -> Credentials {
    Credentials { app_key: "key".into(), app_secret: "secret".into(), account: "12345678-01".into() }
}

fn stock(text: &str) -> Instrument {
    text.parse().unwrap()
}

fn wanted(held: &[&str]) -> Wanted {
    let held = held.iter().map(|name| stock(name)).collect();
    Wanted { awake: [Market::Kr, Market::UsNasdaq].into(), held, watched: Vec::new() }
}

impl World {
    fn new(environment: Environment, start: &str) -> Self {
        let clock = VirtualClock::new(start.parse().unwrap());
        clock.start();
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let exchange = Arc::new(Exchange::new(SimulatorConfig {
            clock: clock.clone(),
            seed: 7,
            markets: vec![Market::Kr, Market::UsNasdaq],
            cash: vec![
                Money::new(Decimal::from(100_000_000), Currency::Krw),
                Money::new(Decimal::from(75_000), Currency::Usd),
            ],
            environment,
            data: MarketData::default(),
            closed: Default::default(),
        }));
        let reads = Arc::new(InProcess(simulator::router(exchange.clone())));
        let (dial, listener) = in_process();
        tokio::spawn(simulator::serve(exchange.clone(), listener));
        Self { exchange, clock, reads, dial, environment }
    }

    fn kis_environment(&self) -> kis::Environment {
        match self.environment {
            Environment::Real => kis::Environment::Real,
            Environment::Paper => kis::Environment::Paper,
        }
    }

    fn stream(&self) -> KisStream {
        let config = StreamConfig {
            base_url: "http://exchange.test".into(),
            environment: self.kis_environment(),
            credentials: credentials(),
            hts_id: Some("me".into()),
            live_feeds: std::collections::BTreeSet::new(),
        };
        let ports = StreamPorts {
            reads: self.reads.clone(),
            dial: Arc::new(self.dial.clone()),
            clock: self.clock.clone(),
            random: Arc::new(Seeded::new(1)),
            pace: Pacer::new(1.9, self.clock.clone()),
        };
        stream::open(config, ports).unwrap()
    }

    /// Any question about the account: notices are about the account that was last named.
    async fn name_the_account(&self) {
        let endpoint = || Endpoint { tr_id: "HHDFS76290000".into(), path: "/uapi/overseas-stock/x".into() };
        let config = KisConfig {
            base_url: "http://exchange.test".into(),
            environment: self.kis_environment(),
            credentials: credentials(),
            token_file: None,
            fluctuation: endpoint(),
            volume: endpoint(),
            truth_tag: false,
            live_feeds: std::collections::BTreeSet::new(),
        };
        let pace = Pacer::new(1.9, self.clock.clone());
        let kis =
            kis::connect(config, self.reads.clone(), self.reads.clone(), self.clock.clone(), pace).unwrap();
        kis.account(AccountQuery { market: Market::Kr }, Urgency::Reconcile).await.unwrap();
    }

    fn buy_by_hand(&self, name: &str, limit: &str) {
        let terms = OrderTerms {
            instrument: stock(name),
            side: Side::Buy,
            quantity: Quantity::new(10),
            limit: limit.parse().unwrap(),
        };
        self.exchange.place_by_hand(&terms).unwrap();
    }
}

/// The next event that `wish` picks, within so many seconds of exchange time.
async fn hear<T>(stream: &KisStream, seconds: u64, wish: impl Fn(StreamEvent) -> Option<T>) -> Option<T> {
    let hearing = async {
        loop {
            if let Some(wished) = wish(stream.next().await) {
                return wished;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(seconds), hearing).await.ok()
}

fn up(event: StreamEvent) -> Option<()> {
    matches!(event, StreamEvent::Up).then_some(())
}

fn price_of(name: &'static str) -> impl Fn(StreamEvent) -> Option<domain::messages::market_data::PriceSeen> {
    move |event| {
        let StreamEvent::Price(seen) = event else { return None };
        (seen.instrument == stock(name)).then_some(seen)
    }
}

fn notice(event: StreamEvent) -> Option<(bool, u64, NoticeKind)> {
    let StreamEvent::Notice(notice) = event else { return None };
    Some((notice.is_domestic, notice.order_number, notice.kind))
}

const SEOUL: &str = "2026-11-24T01:00:00Z";
const NEW_YORK: &str = "2026-11-24T15:00:00Z";

#[tokio::test(start_paused = true)]
async fn prices_of_what_is_held_are_told_within_seconds_and_are_those_of_the_exchange() {
    for (environment, start, name, is_told) in [
        (Environment::Real, SEOUL, "KR:910010", true),
        (Environment::Paper, SEOUL, "KR:910010", true),
        (Environment::Real, NEW_YORK, "US_NASDAQ:AAPL", true),
        (Environment::Paper, NEW_YORK, "US_NASDAQ:AAPL", false),
    ] {
        let world = World::new(environment, start);
        let stream = world.stream();
        stream.want(wanted(&[name]));
        hear(&stream, 30, up).await.expect("a connection");
        let seen = hear(&stream, 60, price_of(name)).await;
        assert_eq!(seen.is_some(), is_told, "{name} on {environment:?}");
        if let Some(seen) = seen {
            let age = world.clock.now() - seen.at;
            assert!((0..=7).contains(&age.num_seconds()), "{age}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_of_the_account_is_told_of_when_it_is_taken_and_when_it_is_filled() {
    for (environment, start, name, limit) in [
        (Environment::Real, SEOUL, "KR:910010", "90000"),
        (Environment::Paper, SEOUL, "KR:910010", "90000"),
        (Environment::Real, NEW_YORK, "US_NASDAQ:AAPL", "900"),
        (Environment::Paper, NEW_YORK, "US_NASDAQ:AAPL", "900"),
    ] {
        let world = World::new(environment, start);
        world.name_the_account().await;
        let stream = world.stream();
        stream.want(wanted(&[]));
        hear(&stream, 30, up).await.expect("a connection");
        // The registrations are on their way.
        assert_eq!(hear(&stream, 3, notice).await, None);
        world.buy_by_hand(name, limit);
        let is_domestic = stock(name).market.is_domestic();
        let number = world.exchange.books().orders[0].id.number.parse().unwrap();
        let told = hear(&stream, 10, notice).await;
        assert_eq!(told, Some((is_domestic, number, NoticeKind::Taken)), "{name} on {environment:?}");
        let told = hear(&stream, 60, notice).await;
        assert_eq!(told, Some((is_domestic, number, NoticeKind::Traded)), "{name} on {environment:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_that_was_cut_comes_back_with_its_registrations_even_when_its_key_was_forgotten() {
    let world = World::new(Environment::Real, SEOUL);
    let stream = world.stream();
    stream.want(wanted(&["KR:910010"]));
    hear(&stream, 30, price_of("KR:910010")).await.expect("a price");
    world.exchange.forget_approvals();
    world.exchange.cut_streams();
    let down = |event| matches!(event, StreamEvent::Down(_)).then_some(());
    hear(&stream, 30, down).await.expect("the loss is told");
    hear(&stream, 300, price_of("KR:910010")).await.expect("prices again");
    assert_eq!(world.exchange.streams_held(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_second_connection_with_the_same_key_is_refused_and_a_person_is_told() {
    let world = World::new(Environment::Real, SEOUL);
    let (first, second) = (world.stream(), world.stream());
    first.want(wanted(&["KR:910010"]));
    second.want(wanted(&["KR:910010"]));
    hear(&first, 30, price_of("KR:910010")).await.expect("a price");
    let told = hear(&second, 60, |event| {
        let StreamEvent::NeedsAPerson(why) = event else { return None };
        Some(why)
    });
    let why = told.await.expect("a person is told");
    assert!(why.contains("OPSP8996") && !why.contains("key\""), "{why}");
    hear(&first, 60, price_of("KR:910010")).await.expect("the first goes on");
}

#[tokio::test(start_paused = true)]
async fn trap_23_28_nothing_is_connected_while_no_market_trades_and_an_idle_line_is_kept_by_its_keep_alives()
{
    let world = World::new(Environment::Real, SEOUL);
    let stream = world.stream();
    assert_eq!(hear(&stream, 600, Some).await, None, "nothing is wanted yet");
    // A market that trades, and a stock of another: registered for notices alone, so only keep-alives come.
    stream.want(wanted(&["US_NASDAQ:AAPL"]));
    hear(&stream, 30, up).await.expect("a connection");
    assert_eq!(hear(&stream, 900, Some).await, None, "not lost within a quarter of an hour");
    assert_eq!(world.exchange.streams_held(), 1);
    stream.want(Wanted::default());
    assert_eq!(hear(&stream, 5, Some).await, None);
    assert_eq!(world.exchange.streams_held(), 0, "the line is given back at the close");
}
