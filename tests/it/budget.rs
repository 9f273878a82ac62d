//! What a scan and a decision cost in requests, counted at the door of the simulated exchange while the whole house trades
//! in virtual time. The original needs 32 requests for a Korean scan, 2 for a HOLD and 4 to 6 for a BUY (lessons.md 9).
//!
//! The account is read once a pass, for all its stocks and for RiskGuard's breaker; that, and what an order needs after it
//! was sent, stands in columns of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::Request;
use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::control::{HaltRecord, StatusQuery, TradingState};
use domain::messages::ledger::{BooksSummary, SummaryQuery};
use domain::{BoxFuture, Clock, HaltId, HaltNonce, Money, Random as _};
use kestrel::app::{self, House, OpenBooks, Placement, World};
use kestrel::clock::VirtualClock;
use kestrel::config::{Config, Credentials};
use kestrel::http::{InProcess, Transport};
use kestrel::kis::{self, KisConfig, Pace};
use kestrel::random::Seeded;
use kestrel::simulator::{self, ClosedDates, Exchange, MarketData, SimulatorConfig};
use kestrel::store::Database;
use risk_guard::EmergencyHalt;
use strategy::Strategy;
use trade_ledger::{BootFacts, Store};

const ASK_WITHIN: Duration = Duration::from_secs(20);
/// The first minutes of a session meet every stock for the first time.
const COLD: TimeDelta = TimeDelta::minutes(3);
const STEADY: TimeDelta = TimeDelta::minutes(15);

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Ranking,
    Quote,
    /// The best prices, before a purchase.
    Book,
    Bars,
    Account,
    Order,
    /// What an order needs after it was sent; tokens.
    Other,
}

impl Kind {
    fn of(path: &str) -> Self {
        let ends = |names: &[&str]| names.iter().any(|name| path.ends_with(name));
        if path.contains("/ranking/") || ends(&["/volume-rank", "/inquire-search"]) {
            Self::Ranking
        } else if ends(&["/inquire-price", "/price-detail", "/quotations/price"]) {
            Self::Quote
        } else if path.contains("/inquire-asking-price") {
            Self::Book
        } else if ends(&["/inquire-daily-itemchartprice", "/dailyprice"]) {
            Self::Bars
        } else if ends(&["/inquire-balance", "/inquire-psbl-order", "/inquire-psamount"]) {
            Self::Account
        } else if ends(&["/order-cash", "/trading/order"]) {
            Self::Order
        } else {
            Self::Other
        }
    }
}

/// Every request so far: its kind, and what it asked.
type Door = Arc<Mutex<Vec<(Kind, String)>>>;

fn held(door: &Door) -> MutexGuard<'_, Vec<(Kind, String)>> {
    door.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one run has counted between two moments.
struct Count {
    requests: BTreeMap<Kind, u32>,
    decisions: u32,
    buys: u32,
}

impl Count {
    fn of(&self, kind: Kind) -> u32 {
        self.requests.get(&kind).copied().unwrap_or(0)
    }

    fn scans(&self) -> u32 {
        self.of(Kind::Ranking) / 2
    }

    /// Quotes beyond the one that a decision may cost.
    fn spare(&self) -> u32 {
        self.of(Kind::Quote).saturating_sub(self.decisions)
    }

    fn line(&self, name: &str) -> String {
        let each = |kind| self.of(kind);
        format!(
            "{name:<24}{:>6}{:>9}{:>7}{:>8}{:>8}{:>6}{:>6}{:>9}{:>8}{:>7}",
            self.scans(),
            self.decisions,
            self.buys,
            each(Kind::Ranking),
            each(Kind::Quote),
            each(Kind::Book),
            each(Kind::Bars),
            each(Kind::Account),
            each(Kind::Order),
            each(Kind::Other),
        )
    }
}

const HEAD: &str =
    "run                      scans decisions  buys ranking   quote  book  bars  account   order  other";

fn config(market: &str) -> Config {
    let pairs = [("ENABLED_MARKETS", market), ("TRADE_MODE", "realtime"), ("DB_PATH", ":memory:")];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Config::from_pairs(&BTreeMap::from(pairs)).unwrap()
}

/// Rules with one of their own: nothing is ever done, or whatever is not held is bought.
fn rules(buys: bool) -> Strategy {
    let (action, feature, value) = if buys { ("BUY", "held", 0) } else { ("SELL", "rsi_14", 0) };
    let comparison = if buys { "equals" } else { "below" };
    let text = format!(
        r#"{{"name": "one", "rules": [{{"name": "one", "reason": "", "action": "{action}", "confidence": 100,
            "when": {{"is": {{"feature": "{feature}", "comparison": "{comparison}", "value": {value}}}}}}}]}}"#
    );
    Strategy::from_json(&text).unwrap()
}

/// No file: nothing here halts.
struct NoFile;

impl EmergencyHalt for NoFile {
    fn write(&self, _record: &HaltRecord) -> Result<(), String> {
        Ok(())
    }

    fn read(&self) -> Option<HaltRecord> {
        None
    }

    fn clear(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Nobody waits for a turn: requests are counted, not paced.
struct Unpaced;

impl Pace for Unpaced {
    fn turn(&self, _urgency: broker::Urgency) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn throttled(&self) {}
}

/// The exchange behind a door that counts.
fn exchange(config: &Config, clock: &Arc<dyn Clock>, door: &Door) -> Arc<dyn broker::Exchange> {
    let market = config.markets[0];
    let venue = Exchange::new(SimulatorConfig {
        clock: clock.clone(),
        seed: 5,
        markets: config.markets.clone(),
        cash: vec![Money::new(100_000_000.into(), market.currency())],
        environment: simulator::Environment::Real,
        data: MarketData::Seeded,
        closed: ClosedDates::default(),
    });
    let door = door.clone();
    let count = move |request: Request| {
        let asked = (Kind::of(request.uri().path()), request.uri().to_string());
        held(&door).push(asked);
        std::future::ready(request)
    };
    let router = simulator::router(Arc::new(venue)).layer(axum::middleware::map_request(count));
    let way: Arc<dyn Transport> = Arc::new(InProcess(router));
    let kis_config = KisConfig {
        base_url: "http://exchange.invalid".into(),
        environment: kis::Environment::Real,
        credentials: Credentials {
            app_key: "simulated-app-key".into(),
            app_secret: "simulated-app-secret".into(),
            account: "12345678-01".into(),
        },
        token_file: None,
        fluctuation: config.scanner.fluctuation.clone(),
        volume: config.scanner.volume.clone(),
        truth_tag: false,
    };
    Arc::new(kis::connect(kis_config, way.clone(), way, clock.clone(), Arc::new(Unpaced)).unwrap())
}

fn build(config: &Config, clock: &Arc<dyn Clock>, door: &Door, buys: bool) -> House {
    let database = Arc::new(Database::open(":memory:").unwrap());
    let books: OpenBooks = {
        let database = database.clone();
        Arc::new(move || {
            let store: Box<dyn Store> = Box::new(database.store().map_err(|error| error.to_string())?);
            Ok(store)
        })
    };
    let random = Arc::new(Seeded::new(5));
    let at = clock.now();
    let halt_id = HaltId::new(at.timestamp_millis(), random.next_u64());
    let facts = BootFacts { wall_at: at, at, halt_id, halt_nonce: HaltNonce::new(random.next_u64()) };
    let fencing = books().unwrap().boot(&facts).unwrap().fencing;
    let world = World {
        clock: clock.clone(),
        random,
        exchange: exchange(config, clock, door),
        stream: None,
        oracle: None,
        messenger: None,
        emergency: Arc::new(NoFile),
        rules: rules(buys),
        books,
        fencing,
    };
    app::build(config, &world, Placement::OneThread, |actor| panic!("{actor} escalated"), |_wedge| {})
        .unwrap()
}

async fn summary(house: &House) -> BooksSummary {
    house.summary.ask(SummaryQuery, ASK_WITHIN).await.unwrap().unwrap()
}

/// Lets `time` pass and counts.
async fn counted(house: &House, clock: &VirtualClock, door: &Door, time: TimeDelta) -> Count {
    let before = summary(house).await;
    held(door).clear();
    clock.sleep_until(clock.now() + time).await;
    let after = summary(house).await;
    let mut requests = BTreeMap::new();
    for (kind, _) in held(door).iter() {
        *requests.entry(*kind).or_default() += 1;
    }
    let decisions = u32::try_from(after.decisions - before.decisions).unwrap();
    let holds = u32::try_from(after.holds - before.holds).unwrap();
    Count { requests, decisions, buys: decisions - holds }
}

/// The first minutes of a session, and a quarter of an hour after them.
fn run(market: &str, start: &str, buys: bool) -> [Count; 2] {
    let start: DateTime<Utc> = start.parse().unwrap();
    let system = actix::System::with_tokio_rt(|| {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
    });
    system.block_on(async {
        let clock = VirtualClock::new(start);
        clock.start();
        let (shared, door): (Arc<dyn Clock>, Door) = (Arc::new(clock.clone()), Door::default());
        let house = build(&config(market), &shared, &door, buys);
        while house.status.ask(StatusQuery, ASK_WITHIN).await.unwrap().state != TradingState::Active {
            clock.sleep_until(clock.now() + TimeDelta::milliseconds(100)).await;
        }
        let cold = counted(&house, &clock, &door, COLD).await;
        let bars = bars_per_stock(&door);
        assert!(bars.values().all(|count| *count <= 2), "{market}: {bars:?}");
        let steady = counted(&house, &clock, &door, STEADY).await;
        let again: Vec<_> =
            bars_per_stock(&door).into_keys().filter(|stock| bars.contains_key(stock)).collect();
        assert!(again.is_empty(), "{market}: the past of {again:?} was asked for twice in one session");
        house.supervised.shutdown(Duration::from_secs(6)).await;
        clock.stop();
        [cold, steady]
    })
}

fn bars_per_stock(door: &Door) -> BTreeMap<String, u32> {
    let symbol = |uri: &str| {
        let parameters = uri.split(['?', '&']);
        let named = parameters.filter_map(|pair| pair.split_once('='));
        named
            .filter(|(name, _)| ["FID_INPUT_ISCD", "SYMB"].contains(name))
            .map(|(_, value)| value.to_owned())
            .next()
    };
    let mut stocks = BTreeMap::new();
    for (_, uri) in held(door).iter().filter(|(kind, _)| *kind == Kind::Bars) {
        *stocks.entry(symbol(uri).unwrap()).or_default() += 1;
    }
    stocks
}

#[test]
fn a_scan_costs_at_most_three_requests_a_hold_one_and_a_buy_two() {
    println!("{HEAD}");
    for (market, start) in [("KR", "2026-06-01T00:20:00Z"), ("US_NASDAQ", "2026-06-01T14:00:00Z")] {
        for buys in [false, true] {
            let wish = if buys { "buys" } else { "holds" };
            let [cold, steady] = run(market, start, buys);
            println!("{}", cold.line(&format!("{market}, {wish}, first")));
            println!("{}", steady.line(&format!("{market}, {wish}, then")));
            assert!(steady.scans() >= 10 && steady.decisions >= 30, "{market} {wish}: too little happened");
            // Rankings, and quotes that no decision came of.
            let of_scans = steady.of(Kind::Ranking) + steady.spare();
            assert!(of_scans <= 3 * steady.scans(), "{market} {wish}: {of_scans} for scans");
            // The account is read once a pass, whatever the stocks; its reading is two requests in Korea and four abroad.
            let reading = if market == "KR" { 2 } else { 4 };
            assert!(
                steady.of(Kind::Account) <= reading * (steady.scans() + 1 + steady.buys),
                "{market} {wish}"
            );
            for count in [&cold, &steady] {
                let orders = count.of(Kind::Order);
                assert!(orders <= count.buys, "{market} {wish}: {orders} orders");
                let books = count.of(Kind::Book);
                assert!(books <= count.buys, "{market} {wish}: {books} order books");
            }
            let bought = cold.of(Kind::Order) + steady.of(Kind::Order);
            assert_eq!(bought > 0, buys, "{market} {wish}: {bought} orders");
        }
    }
}
