//! One day of one seed: the exchange, the network, the wishes; and the comparison of books at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use broker::{Exchange as _, Urgency};
use chrono::{DateTime, Utc};
use domain::messages::market_data::QuoteQuery;
use domain::{BoxFuture, Clock, Currency, Market, Money};
use kestrel::clock::VirtualClock;
use kestrel::config::{Config, Credentials};
use kestrel::http::{InProcess, Transport};
use kestrel::kis::{self, Kis, KisConfig, Pace};
use kestrel::simulator::{self, ClosedDates, Environment, Exchange, MarketData, SimulatorConfig};
use rust_decimal::Decimal;

use crate::network::{Network, VenueClock};
use crate::script::{self, Day, STARTING_CASH, Wish};

/// What a system believes at the end of the day.
#[derive(Clone, Debug, Default)]
pub(crate) struct Believed {
    /// The exchange's numbers of the orders that are in its books.
    pub(crate) orders: BTreeSet<String>,
    /// Truth tags of the orders that it gave up as not placed, at any time.
    pub(crate) dead: BTreeSet<String>,
    /// Shares per symbol; symbols without shares may be left out.
    pub(crate) positions: BTreeMap<String, i64>,
    /// Time in which it would not trade a stock because the fate of an order was open to it, summed over stocks.
    pub(crate) blocked: Duration,
}

/// One line of the table.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(crate) struct Tally {
    pub(crate) days: u64,
    pub(crate) wishes: u64,
    pub(crate) orders: u64,
    pub(crate) doubled: u64,
    pub(crate) orphaned: u64,
    pub(crate) declared_dead: u64,
    pub(crate) positions_wrong: u64,
    pub(crate) blocked_minutes: u64,
}

impl Tally {
    /// The sum of two days.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            days: self.days + other.days,
            wishes: self.wishes + other.wishes,
            orders: self.orders + other.orders,
            doubled: self.doubled + other.doubled,
            orphaned: self.orphaned + other.orphaned,
            declared_dead: self.declared_dead + other.declared_dead,
            positions_wrong: self.positions_wrong + other.positions_wrong,
            blocked_minutes: self.blocked_minutes + other.blocked_minutes,
        }
    }

    /// True when no order was doubled, lost or misjudged, and the positions are right.
    pub(crate) fn is_clean(self) -> bool {
        self.doubled + self.orphaned + self.declared_dead + self.positions_wrong == 0
    }
}

/// Everything outside the system under test.
pub(crate) struct Stage {
    pub(crate) seed: u64,
    pub(crate) day: Day,
    pub(crate) clock: VirtualClock,
    pub(crate) network: Arc<Network>,
    pub(crate) wishes: Arc<[Wish]>,
    venue: Arc<Exchange>,
}

impl Stage {
    pub(crate) fn new(seed: u64, wishes: Arc<[Wish]>) -> Self {
        let day = Day::new();
        let clock = VirtualClock::new(day.start);
        let venue_clock = VenueClock::new(clock.clone());
        let venue = Arc::new(exchange(seed, Arc::new(venue_clock.clone())));
        venue.misbehave(script::VENUE_FAULTS);
        let network = Arc::new(Network::new(seed, day, clock.clone(), venue_clock, venue.clone()));
        Self { seed, day, clock, network, wishes, venue }
    }

    /// Compares what the system believes with what the exchange knows.
    pub(crate) async fn compare(&self, believed: &Believed) -> Tally {
        let seen = self.network.seen().await;
        let books = self.venue.books();
        let orphaned = books.orders.iter().filter(|order| !believed.orders.contains(&order.id.number));
        let is_dead = |tag: &String| believed.dead.contains(tag);
        let declared_dead = books.orders.iter().filter(|order| order.tag.as_ref().is_some_and(is_dead));
        let held = books.positions.iter().map(|held| {
            (held.instrument.symbol.to_string(), i64::try_from(held.quantity.get()).unwrap_or(i64::MAX))
        });
        let held: BTreeMap<String, i64> = held.collect();
        let shares = |book: &BTreeMap<String, i64>, symbol: &str| book.get(symbol).copied().unwrap_or(0);
        let wrong = script::SYMBOLS
            .iter()
            .filter(|symbol| shares(&held, symbol) != shares(&believed.positions, symbol));
        assert_eq!(
            seen.taken,
            books.orders.len() as u64,
            "the network has seen every order that the exchange took"
        );
        Tally {
            days: 1,
            wishes: self.wishes.len() as u64,
            orders: books.orders.len() as u64,
            doubled: seen.doubled,
            orphaned: orphaned.count() as u64,
            declared_dead: declared_dead.count() as u64,
            positions_wrong: wrong.count() as u64,
            blocked_minutes: believed.blocked.as_secs() / 60,
        }
    }
}

fn exchange(seed: u64, clock: Arc<dyn Clock>) -> Exchange {
    Exchange::new(SimulatorConfig {
        clock,
        seed,
        markets: vec![Market::Kr],
        cash: vec![Money::new(Decimal::from(STARTING_CASH), Currency::Krw)],
        environment: Environment::Real,
        data: MarketData::Seeded,
        closed: ClosedDates::default(),
    })
}

/// Kestrel's own client of the simulator.
pub(crate) fn client(
    config: &Config,
    [reads, orders]: [Arc<dyn Transport>; 2],
    clock: Arc<dyn Clock>,
    pace: Arc<dyn Pace>,
    token_file: Option<std::path::PathBuf>,
) -> Kis {
    let credentials = Credentials {
        app_key: "simulated-app-key".into(),
        app_secret: "simulated-app-secret".into(),
        account: "12345678-01".into(),
    };
    let kis_config = KisConfig {
        base_url: "http://exchange.invalid".into(),
        environment: kis::Environment::Real,
        credentials,
        token_file,
        fluctuation: config.scanner.fluctuation.clone(),
        volume: config.scanner.volume.clone(),
        truth_tag: true,
        live_feeds: std::collections::BTreeSet::from(domain::Market::ALL),
    };
    kis::connect(kis_config, reads, orders, clock, pace).expect("a valid account number")
}

/// The wishes of a seed, each with the price of its moment, which no order moves.
pub(crate) async fn wishes(seed: u64, config: &Config) -> Arc<[Wish]> {
    let day = Day::new();
    let clock = VirtualClock::new(day.start);
    clock.start();
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let way: Arc<dyn Transport> =
        Arc::new(InProcess(simulator::router(Arc::new(exchange(seed, shared.clone())))));
    let kis = client(config, [way.clone(), way], shared, Arc::new(Unpaced), None);
    let mut all = Vec::new();
    for (number, (at, instrument, target)) in script::moments(seed, day).into_iter().enumerate() {
        clock.sleep_until(at).await;
        let quote = kis.quote(QuoteQuery { instrument: instrument.clone() }, Urgency::Scan).await;
        let reference = quote.expect("a price, because nothing goes wrong here").last;
        all.push(Wish { number, at, instrument, target, reference });
    }
    all.into()
}

/// A wish is seconds away from the next, so nobody needs to wait.
struct Unpaced;

impl Pace for Unpaced {
    fn turn(&self, _urgency: Urgency) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn throttled(&self) {}
}

/// A runtime in which time is virtual.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("a runtime")
}

/// Runs `work` with the clock of `stage` going.
pub(crate) fn in_virtual_time<T>(stage: &Stage, work: impl Future<Output = T>) -> T {
    runtime().block_on(async {
        stage.clock.start();
        let result = work.await;
        stage.clock.stop();
        result
    })
}

/// Time passed since `before`.
pub(crate) fn since(before: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (now - before).to_std().unwrap_or_default()
}
