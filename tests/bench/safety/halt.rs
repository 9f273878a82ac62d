//! From the wish to halt to silence: the whole house on its real threads, a file database, and the embedded exchange on
//! a loopback socket, halted at random moments while orders leave.
//!
//! The clock runs 500 times as fast as real time, because the books approve no more than ten orders in a minute and 400
//! in a day of exchange time; for the same reason a fresh house takes over after every 45 trials.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use broker::{Exchange as _, Pacer, Urgency};
use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::control::{
    Durability, HaltSource, RequestHalt, RequestResume, ResumeWarrant, StatusQuery, TradingState,
    TradingStatus,
};
use domain::messages::market_data::QuoteQuery;
use domain::messages::trading::Proposal;
use domain::{
    BoxFuture, Clock, Confidence, Currency, DecisionId, HaltId, HaltNonce, Instrument, Market, Money, Price,
    Random as _, Side,
};
use kestrel::app::{self, House, OpenBooks, Patience, Placement, World};
use kestrel::clock::ScaledClock;
use kestrel::config::{Config, Credentials};
use kestrel::embedded;
use kestrel::http::{Cleared, Reply, ReqwestTransport, Transport};
use kestrel::kis::{self, Kis, KisConfig};
use kestrel::random::Seeded;
use kestrel::simulator::{ClosedDates, Environment, Exchange, MarketData, SimulatorConfig};
use kestrel::store::{Database, HaltFile};
use rust_decimal::Decimal;
use serde::Serialize;
use trade_ledger::{BootFacts, Store};

use crate::spread::Spread;

const SPEED: u32 = 500;
/// Ten in the morning in Korea.
const START: &str = "2026-06-01T01:00:00Z";
const SYMBOLS: [&str; 12] = [
    "910010", "910020", "910030", "910040", "910050", "910060", "910070", "910080", "910090", "910100",
    "910110", "910120",
];
/// Trials of one house, and proposals of one trial: together within 400 approvals.
const TRIALS_OF_A_HOUSE: usize = 45;
const PROPOSALS: usize = 8;
/// With more than a minute to each, the approvals of one trial leave the next its ten a minute.
const TRIAL: TimeDelta = TimeDelta::seconds(61);
/// The halt is asked for at a random moment within this time of the first order, so that it meets orders on their way.
const MOMENTS_US: u64 = 25_000;
/// When no order leaves for so long after the proposals, the halt comes all the same.
const FIRST_ORDER_WITHIN: Duration = Duration::from_millis(60);
/// After the answer nothing may leave; it is watched for at least this long.
const WATCH: Duration = Duration::from_millis(20);
const ASK_WITHIN: Duration = Duration::from_secs(10);
/// Requests per second of exchange time; far from being a brake here.
const RATE: u32 = 1_000;

/// What was measured.
#[derive(Serialize)]
pub(crate) struct Figures {
    pub(crate) trials: usize,
    /// Orders sent in all trials.
    pub(crate) orders: usize,
    /// Trials in which at least one order had left when the halt was asked for.
    pub(crate) under_way: usize,
    /// From one order to the next while they flow.
    pub(crate) spacing: Spread,
    pub(crate) silence: Spread,
    pub(crate) silence_when_any: Spread,
    pub(crate) answer: Spread,
    /// Trials in which an order left between asking and answer.
    pub(crate) left_before_answer: usize,
    /// Trials in which an order left after the answer.
    pub(crate) left_after_answer: usize,
}

/// One halt.
struct Trial {
    asked: Instant,
    answered: Instant,
    /// When orders left, from the proposals to the resume.
    left: Vec<Instant>,
}

impl Trial {
    fn silence(&self) -> Duration {
        let last = self.left.iter().max();
        last.map_or(Duration::ZERO, |last| last.saturating_duration_since(self.asked))
    }

    fn spacings(&self) -> impl Iterator<Item = Duration> {
        self.left.windows(2).map(|pair| pair[1] - pair[0])
    }

    fn any_between(&self) -> bool {
        self.left.iter().any(|at| (self.asked..=self.answered).contains(at))
    }

    fn any_after(&self) -> bool {
        self.left.iter().any(|at| *at > self.answered)
    }
}

/// Halts until `trials` are done or the time is over.
pub(crate) fn measure(folder: &Path, trials: usize, within: Duration) -> Figures {
    let start = Instant::now();
    let mut all: Vec<Trial> = Vec::new();
    let mut house = 0;
    while all.len() < trials && start.elapsed() < within {
        let wanted = TRIALS_OF_A_HOUSE.min(trials - all.len());
        let seed = house;
        let place = folder.join(format!("house-{house}"));
        let lived = actix::System::new().block_on(live(&place, seed, wanted, start + within));
        all.extend(lived);
        house += 1;
    }
    let silences = || all.iter().map(Trial::silence);
    Figures {
        trials: all.len(),
        orders: all.iter().map(|trial| trial.left.len()).sum(),
        under_way: all.iter().filter(|trial| trial.left.iter().any(|at| *at < trial.asked)).count(),
        spacing: Spread::of(all.iter().flat_map(Trial::spacings).collect()),
        silence: Spread::of(silences().collect()),
        silence_when_any: Spread::of(silences().filter(|silence| !silence.is_zero()).collect()),
        answer: Spread::of(all.iter().map(|trial| trial.answered - trial.asked).collect()),
        left_before_answer: all.iter().filter(|trial| trial.any_between()).count(),
        left_after_answer: all.iter().filter(|trial| trial.any_after()).count(),
    }
}

/// A transport that notes when each order leaves.
struct Recorder {
    inner: ReqwestTransport,
    left: Mutex<Vec<Instant>>,
}

impl Recorder {
    fn left(&self) -> MutexGuard<'_, Vec<Instant>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_any(&self) -> bool {
        !self.left().is_empty()
    }

    fn take(&self) -> Vec<Instant> {
        std::mem::take(&mut *self.left())
    }
}

impl Transport for Recorder {
    fn carry(&self, cleared: Cleared) -> BoxFuture<'_, Reply> {
        // A cancel may leave during a halt.
        if !cleared.is_cancel() {
            self.left().push(Instant::now());
        }
        self.inner.carry(cleared)
    }
}

/// A house and what the bench holds of it.
struct Bench {
    house: House,
    clock: ScaledClock,
    recorder: Arc<Recorder>,
    kis: Arc<Kis>,
    random: Arc<Seeded>,
    prices: BTreeMap<&'static str, Price>,
}

async fn live(place: &Path, seed: u64, trials: usize, deadline: Instant) -> Vec<Trial> {
    let mut bench = build(place, seed).await;
    let mut done = Vec::new();
    while done.len() < trials && Instant::now() < deadline {
        done.push(bench.trial(done.len()).await);
    }
    bench.house.supervised.shutdown(Duration::from_secs(6)).await;
    done
}

impl Bench {
    async fn trial(&mut self, number: usize) -> Trial {
        self.until_active().await;
        let next = self.clock.now() + TRIAL;
        self.price(SYMBOLS[number % SYMBOLS.len()]).await;
        let status = self.status().await;
        self.recorder.take();
        self.propose(&status).await;
        self.until_first_order().await;
        tokio::time::sleep(Duration::from_micros(self.random.next_u64() % MOMENTS_US)).await;
        let request = RequestHalt {
            source: HaltSource::Operator,
            by: "bench".into(),
            reason: format!("trial {number}"),
            cancel_open: false,
        };
        let asked = Instant::now();
        let report = self.house.doors.halt.ask(request, ASK_WITHIN).await.expect("RiskGuard answers");
        let answered = Instant::now();
        assert!(report.broker_confirmed && report.durability == Durability::Ledger, "{report:?}");
        tokio::time::sleep(WATCH).await;
        self.clock.sleep_until(next).await;
        let left = self.recorder.take();
        let warrant = ResumeWarrant::ControlSocket { halt: Some(HaltId::from_stored(report.record.id)) };
        let reason = "the trial is over".into();
        let resume = RequestResume { by: "bench".into(), reason, warrant, into_reducing: false };
        self.house
            .doors
            .resume
            .ask(resume, ASK_WITHIN)
            .await
            .expect("RiskGuard answers")
            .expect("a halt that stands");
        Trial { asked, answered, left }
    }

    async fn until_first_order(&self) {
        let start = Instant::now();
        while !self.recorder.has_any() && start.elapsed() < FIRST_ORDER_WITHIN {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Proposes purchases of stocks without a working order.
    async fn propose(&self, status: &TradingStatus) {
        let is_working =
            |symbol: &str| status.live.iter().any(|order| order.terms.instrument.symbol.as_str() == symbol);
        let shift = usize::try_from(self.random.next_u64() % SYMBOLS.len() as u64).unwrap_or(0);
        let symbols = SYMBOLS.iter().cycle().skip(shift).take(SYMBOLS.len());
        for symbol in symbols.filter(|symbol| !is_working(symbol)).take(PROPOSALS) {
            // A purchase is judged by what Broker heard.
            let query = QuoteQuery { instrument: instrument(symbol) };
            self.house.doors.quotes.ask(query, ASK_WITHIN).await.expect("Broker answers").expect("a price");
            let proposal = self.proposal(symbol);
            self.house.doors.proposals.tell(proposal).expect("RiskGuard takes a proposal");
        }
    }

    fn proposal(&self, symbol: &'static str) -> Proposal {
        let now = self.clock.now();
        Proposal {
            decision_id: DecisionId::new(now.timestamp_millis(), self.random.next_u64()),
            instrument: instrument(symbol),
            side: Side::Buy,
            confidence: Confidence::new(100).expect("0 to 100"),
            reference_price: self.prices[symbol],
            rules: domain::StockRules::default(),
            score: None,
            quantity: None,
            most_pct: None,
            session_date: Market::Kr.date_at(now),
            expires_at: now + TimeDelta::seconds(60),
        }
    }

    async fn price(&mut self, symbol: &'static str) {
        let quote = self.kis.quote(QuoteQuery { instrument: instrument(symbol) }, Urgency::Scan).await;
        self.prices.insert(symbol, quote.expect("the embedded exchange has a price").last);
    }

    async fn status(&self) -> TradingStatus {
        self.house.doors.status.ask(StatusQuery, ASK_WITHIN).await.expect("RiskGuard answers")
    }

    async fn until_active(&self) {
        let start = Instant::now();
        loop {
            let status = self.status().await;
            if status.state == TradingState::Active {
                return;
            }
            assert!(start.elapsed() < ASK_WITHIN, "trading does not begin: {status:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn instrument(symbol: &str) -> Instrument {
    Instrument { market: Market::Kr, symbol: symbol.parse().expect("a symbol") }
}

async fn build(place: &Path, seed: u64) -> Bench {
    let config = settings(place);
    let start: DateTime<Utc> = START.parse().expect("a time");
    let clock = ScaledClock::steady(start, SPEED);
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let random = Arc::new(Seeded::new(seed));
    let recorder = Arc::new(Recorder {
        inner: ReqwestTransport::for_orders(None).expect("a client"),
        left: Mutex::default(),
    });
    let kis = Arc::new(connect(&config, &shared, recorder.clone(), seed));
    let books = books(&place.join("trades.db"));
    let halt_id = HaltId::new(start.timestamp_millis(), random.next_u64());
    let halt_nonce = HaltNonce::new(random.next_u64());
    let facts = BootFacts { wall_at: start, at: start, halt_id, halt_nonce };
    let fencing = books().expect("the books open").boot(&facts).expect("a boot").fencing;
    let world = World {
        clock: shared,
        random: random.clone(),
        exchange: kis.clone(),
        stream: None,
        oracle: None,
        messenger: None,
        reporter: None,
        emergency: Arc::new(HaltFile::new(place)),
        rules: app::rules(&config),
        books,
        fencing,
    };
    let placement = Placement::Threads(Patience::default());
    let house = app::build(&config, &world, placement, |_actor| {}, |_wedge| {}).expect("a house");
    let mut bench = Bench { house, clock, recorder, kis, random, prices: BTreeMap::new() };
    for symbol in SYMBOLS {
        bench.price(symbol).await;
    }
    bench
}

/// One share an order, so that the cash lasts; and a Brain that is never sure enough to trade beside the bench.
fn settings(place: &Path) -> Config {
    let database = place.join("trades.db").to_string_lossy().into_owned();
    let pairs = [
        ("ENABLED_MARKETS", "KR"),
        ("TRADE_MODE", "daily"),
        ("POSITION_SIZING_ENABLED", "false"),
        ("MAX_ORDERS_PER_DAY", "300"),
        ("REFUSAL_COOLDOWN_MIN", "1"),
        ("CONFIDENCE_THRESHOLD", "100"),
        ("DB_PATH", &database),
    ];
    let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Config::from_pairs(&pairs).expect("lawful settings")
}

fn books(path: &Path) -> OpenBooks {
    let database = Database::open(path).expect("a database");
    Arc::new(move || {
        let store: Box<dyn Store> = Box::new(database.store().map_err(|error| error.to_string())?);
        Ok(store)
    })
}

fn connect(config: &Config, clock: &Arc<dyn Clock>, orders: Arc<Recorder>, seed: u64) -> Kis {
    let simulator = SimulatorConfig {
        clock: clock.clone(),
        seed,
        markets: vec![Market::Kr],
        cash: vec![Money::new(Decimal::from(1_000_000_000), Currency::Krw)],
        environment: Environment::Real,
        data: MarketData::Seeded,
        closed: ClosedDates::default(),
    };
    let venue = embedded::start(Arc::new(Exchange::with_rate(simulator, RATE))).expect("an exchange");
    let kis_config = KisConfig {
        base_url: venue.base_url,
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
        live_feeds: std::collections::BTreeSet::from(domain::Market::ALL),
    };
    let reads = Arc::new(ReqwestTransport::for_reads(None).expect("a client"));
    let pacer = Pacer::new(f64::from(RATE), clock.clone());
    kis::connect(kis_config, reads, orders, clock.clone(), pacer).expect("a valid account number")
}
