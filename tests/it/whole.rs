//! The whole agent on the simulated exchange in virtual time, with a door between them that counts every request and may
//! falsify an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::control::{HaltRecord, StatusQuery, TradingState, TradingStatus};
use domain::{BoxFuture, Clock, HaltId, HaltNonce, Market, Money, Oracle, Random as _};
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

/// How long an answer of the exchange takes.
const ANSWERS_WITHIN: Duration = Duration::from_millis(20);

pub(crate) const ASK_WITHIN: Duration = Duration::from_secs(20);

/// What the exchange was asked, and what is done to its answers.
#[derive(Clone, Default)]
pub(crate) struct Door(Arc<Mutex<Facts>>);

#[derive(Default)]
struct Facts {
    asked: Vec<String>,
    lie: Option<Lie>,
}

/// How the next readings of the Korean account are falsified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lie {
    /// So many readings.
    pub(crate) readings: u32,
    /// What they tell as the worth of the account, in won; none: the exchange fails.
    pub(crate) equity: Option<String>,
}

impl Door {
    fn held(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The requests since the last look: path and query.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.held().asked)
    }

    pub(crate) fn lie(&self, readings: u32, equity: &str) {
        self.held().lie = Some(Lie { readings, equity: Some(equity.to_owned()) });
    }

    /// The exchange fails at so many readings of the account.
    pub(crate) fn fail(&self, readings: u32) {
        self.held().lie = Some(Lie { readings, equity: None });
    }

    /// So many readings are still to be falsified.
    pub(crate) fn left(&self) -> u32 {
        self.held().lie.as_ref().map_or(0, |lie| lie.readings)
    }

    /// What this reading is to tell, if it is to be falsified.
    fn take_lie(&self, path: &str) -> Option<Option<String>> {
        let mut facts = self.held();
        let lie = facts
            .lie
            .as_mut()
            .filter(|lie| lie.readings > 0 && path.ends_with("domestic-stock/v1/trading/inquire-balance"))?;
        lie.readings -= 1;
        Some(lie.equity.clone())
    }

    async fn pass(self, request: Request, next: Next) -> Response {
        let uri = request.uri().clone();
        self.held().asked.push(uri.to_string());
        let lie = self.take_lie(uri.path());
        // An answer takes its time: two readings are never of one instant.
        tokio::time::sleep(ANSWERS_WITHIN).await;
        let response = next.run(request).await;
        match lie {
            Some(Some(equity)) => falsified(response, &equity).await,
            Some(None) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            None => response,
        }
    }
}

/// The same answer with another worth of the account.
async fn falsified(response: Response, equity: &str) -> Response {
    let (mut head, body) = response.into_parts();
    let mut answer: serde_json::Value =
        serde_json::from_slice(&to_bytes(body, usize::MAX).await.unwrap()).unwrap();
    let totals = answer["output2"][0].as_object_mut().expect("the balance has totals");
    for field in ["tot_evlu_amt", "nass_amt"] {
        totals.insert(field.to_owned(), equity.into());
    }
    head.headers.remove("content-length");
    Response::from_parts(head, Body::from(answer.to_string()))
}

pub(crate) fn config(market: &str, more: &[(&str, &str)]) -> Config {
    let pairs = [("ENABLED_MARKETS", market), ("TRADE_MODE", "realtime"), ("DB_PATH", ":memory:")];
    let pairs = pairs.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::from_pairs(&pairs.collect::<BTreeMap<_, _>>()).unwrap()
}

/// A strategy that does one thing: nothing ever, or buy whatever is not held.
pub(crate) fn rules(buys: bool) -> Strategy {
    let term = |feature: &str, op: &str, value: f64| {
        serde_json::json!({"weight": 1.0, "all_of": [{"feature": feature, "lag": 0, "op": op, "rhs_kind": "value",
            "rhs_feature": null, "rhs_value": value}]})
    };
    let terms = if buys {
        vec![term("roc_1", "ge", -100.0), term("range_pct", "ge", 0.0), term("intraday_pct", "ge", -100.0)]
    } else {
        vec![term("rsi_14", "lt", 0.0)]
    };
    let one = serde_json::json!({
        "id": "one", "parent_id": null, "hypothesis": "A test asks for it.", "side": "long",
        "entry": {"min_score": 1.0, "terms": terms},
        "exit": {"any_of": [], "stop_atr": null, "take_atr": null, "trailing_atr": null, "max_hold_bars": 250},
        "sizing": {"fraction_pct": 30.0},
    });
    Strategy::from_json(&one.to_string()).unwrap()
}

/// No file: the books alone hold halts.
struct NoFile;

impl EmergencyHalt for NoFile {
    fn write(&self, _record: &HaltRecord) -> Result<(), String> {
        Ok(())
    }

    fn read(&self) -> Option<HaltRecord> {
        None
    }

    fn read_all(&self) -> Vec<HaltRecord> {
        Vec::new()
    }

    fn keep_only(&self, _records: &[HaltRecord]) -> Result<(), String> {
        Ok(())
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

/// The exchange behind the door.
fn exchange(config: &Config, clock: &Arc<dyn Clock>, door: &Door) -> Arc<dyn broker::Exchange> {
    let currencies: BTreeSet<_> = config.markets.iter().map(|market| market.currency()).collect();
    let venue = Exchange::new(SimulatorConfig {
        clock: clock.clone(),
        seed: 5,
        markets: config.markets.clone(),
        cash: currencies.into_iter().map(|currency| Money::new(100_000_000.into(), currency)).collect(),
        environment: simulator::Environment::Real,
        data: MarketData::Seeded,
        closed: ClosedDates::default(),
    });
    let door = door.clone();
    let pass = middleware::from_fn(move |request: Request, next: Next| door.clone().pass(request, next));
    let way: Arc<dyn Transport> = Arc::new(InProcess(simulator::router(Arc::new(venue)).layer(pass)));
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
        live_feeds: BTreeSet::from(Market::ALL),
    };
    Arc::new(kis::connect(kis_config, way.clone(), way, clock.clone(), Arc::new(Unpaced)).unwrap())
}

/// What outlives an agent: its books, its exchange and who judges in it.
struct Ground<'a> {
    config: &'a Config,
    clock: Arc<dyn Clock>,
    exchange: Arc<dyn broker::Exchange>,
    database: Arc<Database>,
    rules: Strategy,
    oracle: Option<Arc<dyn Oracle>>,
}

fn build(ground: &Ground<'_>, life: u64) -> House {
    let Ground { config, clock, exchange, database, rules, oracle } = ground;
    let books: OpenBooks = {
        let database = database.clone();
        Arc::new(move || {
            let store: Box<dyn Store> = Box::new(database.store().map_err(|error| error.to_string())?);
            Ok(store)
        })
    };
    let random = Arc::new(Seeded::new(5 + life));
    let at = clock.now();
    let halt_id = HaltId::new(at.timestamp_millis(), random.next_u64());
    let facts = BootFacts { wall_at: at, at, halt_id, halt_nonce: HaltNonce::new(random.next_u64()) };
    let fencing = books().unwrap().boot(&facts).unwrap().fencing;
    let world = World {
        clock: clock.clone(),
        random,
        exchange: exchange.clone(),
        stream: None,
        oracle: oracle.clone(),
        messenger: None,
        reporter: None,
        emergency: Arc::new(NoFile),
        rules: rules.clone(),
        books,
        fencing,
    };
    app::build(config, &world, Placement::OneThread, |actor| panic!("{actor} escalated"), |_wedge| {})
        .unwrap()
}

/// A running agent.
pub(crate) struct Agent<'a> {
    pub(crate) house: House,
    pub(crate) clock: VirtualClock,
    pub(crate) door: Door,
    ground: Ground<'a>,
    lives: u64,
}

impl Agent<'_> {
    /// Ends all of its actors at once, whatever they were at, and starts it again on its books.
    pub(crate) async fn restart(&mut self) {
        self.house.supervised.shutdown(Duration::from_secs(6)).await;
        self.lives += 1;
        self.house = build(&self.ground, self.lives);
    }

    pub(crate) async fn sleep(&self, time: TimeDelta) {
        self.clock.sleep_until(self.clock.now() + time).await;
    }

    pub(crate) async fn status(&self) -> TradingStatus {
        self.house.doors.status.ask(StatusQuery, ASK_WITHIN).await.unwrap()
    }

    /// Sleeps until the state is `wanted`.
    pub(crate) async fn until(&self, wanted: TradingState, within: TimeDelta) {
        let end = self.clock.now() + within;
        loop {
            let status = self.status().await;
            if status.state == wanted {
                return;
            }
            assert!(self.clock.now() < end, "still {} at {}: {status:?}", status.state, self.clock.now());
            self.sleep(TimeDelta::milliseconds(250)).await;
        }
    }
}

/// Runs `test` in an agent that trades since `start`.
pub(crate) fn in_virtual_time<T>(
    config: &Config,
    start: &str,
    buys: bool,
    test: impl AsyncFnOnce(&Agent<'_>) -> T,
) -> T {
    run(config, start, |_clock| (rules(buys), None), async |agent| test(&*agent).await)
}

/// The same with a language model, and rules that do nothing.
pub(crate) fn in_virtual_time_with_model<T>(
    config: &Config,
    start: &str,
    model: impl FnOnce(Arc<dyn Clock>) -> Arc<dyn Oracle>,
    test: impl AsyncFnOnce(&Agent<'_>) -> T,
) -> T {
    run(config, start, |clock| (rules(false), Some(model(clock))), async |agent| test(&*agent).await)
}

/// The same, for a test that starts the agent again.
pub(crate) fn in_lives<T>(
    config: &Config,
    start: &str,
    buys: bool,
    test: impl AsyncFnOnce(&mut Agent<'_>) -> T,
) -> T {
    run(config, start, |_clock| (rules(buys), None), test)
}

fn run<T>(
    config: &Config,
    start: &str,
    judges: impl FnOnce(Arc<dyn Clock>) -> (Strategy, Option<Arc<dyn Oracle>>),
    test: impl AsyncFnOnce(&mut Agent<'_>) -> T,
) -> T {
    let start: DateTime<Utc> = start.parse().unwrap();
    let system = actix::System::with_tokio_rt(|| {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
    });
    system.block_on(async {
        let clock = VirtualClock::new(start);
        clock.start();
        let (shared, door): (Arc<dyn Clock>, Door) = (Arc::new(clock.clone()), Door::default());
        let exchange = exchange(config, &shared, &door);
        let database = Arc::new(Database::open(":memory:").unwrap());
        let (rules, oracle) = judges(shared.clone());
        let ground = Ground { config, clock: shared, exchange, database, rules, oracle };
        let mut agent = Agent { house: build(&ground, 0), clock, door, ground, lives: 0 };
        agent.until(TradingState::Active, TimeDelta::minutes(5)).await;
        let told = test(&mut agent).await;
        agent.house.supervised.shutdown(Duration::from_secs(6)).await;
        agent.clock.stop();
        told
    })
}
