//! Kestrel itself: the whole house with all eight actors, the real client and the real books, on the same stage.
//!
//! Its Brain holds, so that the wishes of the script are all there is: each is proposed to RiskGuard, as the Brain
//! would. When trading is halted, an operator looks a minute later and resumes; a halt of a single stock stays for the
//! day.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use broker::Pacer;
use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::control::{
    HaltRecord, RequestResume, ResumeWarrant, StatusQuery, TradingState, TradingStatus,
};
use domain::messages::ledger::{AllIntents, IntentRecord};
use domain::messages::market_data::QuoteQuery;
use domain::messages::trading::Proposal;
use domain::{
    Clock, Confidence, DecisionId, FencingEpoch, HaltId, HaltNonce, Market, OrderState, Random, Side,
};
use kestrel::app::{self, House, OpenBooks, Placement, World};
use kestrel::config::Config;
use kestrel::http::Transport;
use kestrel::random::Seeded;
use kestrel::store::{Database, Watch, Watched};
use risk_guard::EmergencyHalt;
use tempfile::TempDir;
use trade_ledger::{BootFacts, Store, StoreError};

use crate::model::WISH_LIFE;
use crate::network::{Life, Wire};
use crate::script::{self, SYMBOLS, Target, Wish};
use crate::stage::{Believed, Stage, client, since};

/// Time between two looks at the status.
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(5);
const ASK_WITHIN: Duration = Duration::from_secs(20);
/// The operator's way to the keyboard.
const OPERATOR: TimeDelta = TimeDelta::seconds(60);
/// Requests per second, as against the real host.
const RATE: f64 = 19.0;

/// The settings of the run.
pub(crate) fn settings() -> Config {
    let pairs = [
        ("ENABLED_MARKETS", "KR"),
        ("TRADE_MODE", "daily"),
        ("DB_PATH", ":memory:"),
        ("MAX_ORDERS_PER_DAY", "300"),
        ("REFUSAL_COOLDOWN_MIN", "1"),
        ("STOP_COOLDOWN_MIN", "1"),
        ("REENTRY_GUARD_MIN", "1"),
        ("POSITION_BASE_ALLOCATION_PCT", "1.0"),
        ("POSITION_MAX_ALLOCATION_PCT", "1.0"),
    ];
    let pairs: BTreeMap<String, String> =
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Config::from_pairs(&pairs).expect("lawful settings")
}

/// A strategy whose score is never reached, so that the Brain holds.
fn holds() -> strategy::Strategy {
    strategy::Strategy::from_json(
        r#"{"id": "holds", "parent_id": null, "hypothesis": "Nothing is decided here.", "side": "long",
            "entry": {"min_score": 1.0, "terms": [{"weight": 1.0, "all_of": [{"feature": "rsi_14", "lag": 0, "op": "lt",
                "rhs_kind": "value", "rhs_feature": null, "rhs_value": 0.0}]}]},
            "exit": {"any_of": [], "stop_atr": null, "take_atr": null, "trailing_atr": null, "max_hold_bars": 250},
            "sizing": {"fraction_pct": 30.0}}"#,
    )
    .expect("a lawful strategy")
}

/// What outlives the lives.
struct Disk {
    config: Config,
    database: Arc<Database>,
    emergency: Arc<Mutex<Option<HaltRecord>>>,
    random: Arc<dyn Random>,
    token: PathBuf,
    _folder: TempDir,
}

/// How far the day is.
struct Progress {
    next_wish: usize,
    proposed: u64,
    blocked: Duration,
    deaths: std::iter::Peekable<std::vec::IntoIter<DateTime<Utc>>>,
    halted_since: Option<DateTime<Utc>>,
}

/// Runs the whole day.
pub(crate) fn live(stage: &Stage) -> Believed {
    let folder = TempDir::with_prefix("kestrel-peers-").expect("a temporary folder");
    let disk = Disk {
        config: settings(),
        database: Arc::new(Database::open(":memory:").expect("a database")),
        emergency: Arc::default(),
        random: Arc::new(Seeded::new(stage.seed)),
        token: folder.path().join("token.json"),
        _folder: folder,
    };
    let mut progress = Progress {
        next_wish: 0,
        proposed: 0,
        blocked: Duration::ZERO,
        deaths: script::deaths(stage.seed, stage.day).into_iter().peekable(),
        halted_since: None,
    };
    loop {
        let life = Arc::new(Life::default());
        let system = actix::System::with_tokio_rt(crate::stage::runtime);
        let ended = system.block_on(one_life(stage, &disk, &life, &mut progress));
        if let Some(intents) = ended {
            return believed(&intents, &progress);
        }
        while progress.deaths.next_if(|at| *at <= stage.clock.now()).is_some() {}
        let restart = TimeDelta::from_std(script::RESTART).expect("seconds");
        stage.clock.advance_to(stage.clock.now() + restart);
    }
}

/// The intents at the end of the day; none when the process died before.
async fn one_life(
    stage: &Stage,
    disk: &Disk,
    life: &Arc<Life>,
    progress: &mut Progress,
) -> Option<Vec<IntentRecord>> {
    stage.clock.start();
    let house = boot(stage, disk, life);
    let chance = progress.deaths.peek().copied().unwrap_or(DateTime::<Utc>::MAX_UTC);
    let intents = tokio::select! {
        biased;
        () = life.ended() => None,
        () = stage.clock.sleep_until(chance) => None,
        intents = trade(stage, &house, progress) => Some(intents),
    };
    life.kill();
    stage.clock.stop();
    intents
}

fn boot(stage: &Stage, disk: &Disk, life: &Arc<Life>) -> House {
    let clock: Arc<dyn Clock> = Arc::new(stage.clock.clone());
    let books = books(disk, life);
    let emergency = Arc::new(Sheet { record: disk.emergency.clone(), life: life.clone() });
    let fencing = begin(&books, &clock, &disk.random);
    let wire =
        || -> Arc<dyn Transport> { Arc::new(Wire { network: stage.network.clone(), life: life.clone() }) };
    let pacer = Pacer::new(RATE, clock.clone());
    let exchange = client(&disk.config, [wire(), wire()], clock.clone(), pacer, Some(disk.token.clone()));
    let world = World {
        clock,
        random: disk.random.clone(),
        exchange: Arc::new(exchange),
        stream: None,
        oracle: None,
        messenger: None,
        reporter: None,
        emergency,
        rules: holds(),
        books,
        fencing,
    };
    let doomed = life.clone();
    app::build(&disk.config, &world, Placement::OneThread, move |_actor| doomed.kill(), |_wedge| {})
        .expect("the house is built")
}

/// As at the start of every process.
fn begin(books: &OpenBooks, clock: &Arc<dyn Clock>, random: &Arc<dyn Random>) -> FencingEpoch {
    let at = clock.now();
    let facts = BootFacts {
        wall_at: at,
        at,
        halt_id: HaltId::new(at.timestamp_millis(), random.next_u64()),
        halt_nonce: HaltNonce::new(random.next_u64()),
    };
    books().expect("the books open").boot(&facts).expect("the books boot").fencing
}

async fn trade(stage: &Stage, house: &House, progress: &mut Progress) -> Vec<IntentRecord> {
    let mut before = stage.clock.now();
    while stage.clock.now() < stage.day.end {
        let wish = stage.wishes.get(progress.next_wish).filter(|wish| wish.at <= before + LOOK_EVERY);
        stage.clock.sleep_until(wish.map_or(before + LOOK_EVERY, |wish| wish.at)).await;
        let now = stage.clock.now();
        let stocks = blocked_stocks(house, progress, now).await;
        progress.blocked += since(before, now) * stocks;
        before = now;
        if let Some(wish) = wish {
            progress.next_wish += 1;
            consider(stage, house, wish, progress).await;
        }
    }
    house
        .doors
        .intents
        .ask(AllIntents, ASK_WITHIN)
        .await
        .expect("the ledger answers")
        .expect("the ledger can read")
}

/// Stocks that are closed to new orders because something is not known; all of them while trading has not begun or is
/// halted.
async fn blocked_stocks(house: &House, progress: &mut Progress, now: DateTime<Utc>) -> u32 {
    let all = u32::try_from(SYMBOLS.len()).unwrap_or(u32::MAX);
    let Ok(status) = house.doors.status.ask(StatusQuery, ASK_WITHIN).await else { return all };
    operate(house, progress, &status, now).await;
    match status.state {
        TradingState::Starting | TradingState::Halted => all,
        TradingState::Active | TradingState::Reducing => {
            let open = status.live.iter().filter(|order| order.state.is_unresolved());
            let mut stocks: BTreeSet<_> = open.map(|order| &order.terms.instrument).collect();
            stocks.extend(status.symbol_halts.iter().map(|halt| &halt.instrument));
            u32::try_from(stocks.len()).unwrap_or(all)
        }
    }
}

/// A halt is lifted by a person, by name, after a while.
async fn operate(house: &House, progress: &mut Progress, status: &TradingStatus, now: DateTime<Utc>) {
    if status.halts.is_empty() {
        progress.halted_since = None;
        return;
    }
    if now - *progress.halted_since.get_or_insert(now) < OPERATOR {
        return;
    }
    for halt in &status.halts {
        let warrant = ResumeWarrant::ControlSocket { halt: Some(HaltId::from_stored(halt.id.clone())) };
        let (by, reason) = ("operator".into(), "looked at it".into());
        let resume = RequestResume { by, reason, warrant, into_reducing: false };
        // Whatever comes of it shows in the next status.
        let _ = house.doors.resume.ask(resume, ASK_WITHIN).await;
    }
}

/// Proposes to buy what is not held, and to sell what is.
async fn consider(stage: &Stage, house: &House, wish: &Wish, progress: &mut Progress) {
    if stage.clock.now() - wish.at > WISH_LIFE {
        return;
    }
    let Ok(Ok(intents)) = house.doors.intents.ask(AllIntents, ASK_WITHIN).await else { return };
    let symbol = wish.instrument.symbol.as_str();
    let side = match (wish.target, positions(&intents).get(symbol).copied().unwrap_or(0)) {
        (Target::In, 0) => Side::Buy,
        (Target::Out, 1..) => Side::Sell,
        (Target::In | Target::Out, _) => return,
    };
    // A purchase is judged by what Broker heard.
    let heard = house.doors.quotes.ask(QuoteQuery { instrument: wish.instrument.clone() }, ASK_WITHIN).await;
    if !matches!(heard, Ok(Ok(_))) {
        return;
    }
    let proposal = Proposal {
        decision_id: DecisionId::new(wish.at.timestamp_millis(), wish.number as u64),
        instrument: wish.instrument.clone(),
        side,
        confidence: Confidence::new(100).expect("0 to 100"),
        reference_price: wish.reference,
        rules: domain::StockRules::default(),
        score: None,
        quantity: None,
        most_pct: None,
        session_date: Market::Kr.date_at(wish.at),
        expires_at: wish.at + WISH_LIFE,
    };
    progress.proposed += u64::from(house.doors.proposals.tell(proposal).is_ok());
}

fn positions(intents: &[IntentRecord]) -> BTreeMap<String, i64> {
    let mut positions = BTreeMap::new();
    for intent in intents {
        let shares = i64::try_from(intent.filled.get()).unwrap_or(i64::MAX);
        let signed = if intent.terms.side == Side::Buy { shares } else { -shares };
        *positions.entry(intent.terms.instrument.symbol.to_string()).or_default() += signed;
    }
    positions
}

fn believed(intents: &[IntentRecord], progress: &Progress) -> Believed {
    assert!(intents.len() as u64 <= progress.proposed, "a wish became two intents");
    let numbers = intents.iter().filter_map(|intent| intent.venue_order.as_ref());
    let dead = intents.iter().filter(|intent| is_given_up(intent));
    Believed {
        orders: numbers.map(|order| order.number.clone()).collect(),
        dead: dead.map(|intent| intent.id.to_string()).collect(),
        positions: positions(intents),
        blocked: progress.blocked,
    }
}

/// True for an intent of which the books say that the exchange never had it.
fn is_given_up(intent: &IntentRecord) -> bool {
    match intent.state {
        OrderState::Refused | OrderState::NeverAccepted => true,
        OrderState::Expired | OrderState::Rejected => intent.venue_order.is_none(),
        OrderState::Approved
        | OrderState::Sending
        | OrderState::Accepted
        | OrderState::Partial
        | OrderState::Unknown
        | OrderState::Lapsed
        | OrderState::Filled
        | OrderState::Cancelled => false,
    }
}

/// The books as one life may use them: after its death, not at all.
fn books(disk: &Disk, life: &Arc<Life>) -> OpenBooks {
    let (database, life) = (disk.database.clone(), life.clone());
    Arc::new(move || {
        let store: Box<dyn Store> = Box::new(database.store().map_err(|error| error.to_string())?);
        Ok(Box::new(Watched::new(store, Mortal(life.clone()))))
    })
}

struct Mortal(Arc<Life>);

impl Watch for Mortal {
    fn before(&mut self, _step: &'static str) -> Result<(), StoreError> {
        if self.0.is_dead() { Err(StoreError::Failed("this life is over".into())) } else { Ok(()) }
    }

    fn after(&mut self, _step: &'static str) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The HALT file, which outlives the lives.
struct Sheet {
    record: Arc<Mutex<Option<HaltRecord>>>,
    life: Arc<Life>,
}

impl Sheet {
    fn set(&self, record: Option<HaltRecord>) -> Result<(), String> {
        if self.life.is_dead() {
            return Err("this life is over".into());
        }
        *self.record.lock().unwrap_or_else(PoisonError::into_inner) = record;
        Ok(())
    }
}

impl EmergencyHalt for Sheet {
    fn write(&self, record: &HaltRecord) -> Result<(), String> {
        self.set(Some(record.clone()))
    }

    fn read(&self) -> Option<HaltRecord> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
        self.set(None)
    }
}
