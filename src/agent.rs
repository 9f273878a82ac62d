//! `kestrel run`: the long-lived agent, from the lock on its data directory to the last line of its log.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::messages::ledger::{EventKind, RecordEvent};
use domain::{Clock, HaltId, HaltNonce, Random};
use notifier::topic::Topic;
use notifier::{Letter, Messenger};
use risk_guard::EmergencyHalt;
use supervision::{Drained, Wedge};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use trade_ledger::store::{BootFacts, Store};

use crate::app::{self, House, OpenBooks, Patience, Placement, World};
use crate::clock::SystemClock;
use crate::commands::exit;
use crate::config::{Config, Database};
use crate::control::{self, Answers, Desk, LastResort, OpenReader, wire};
use crate::overrides::Watched;
use crate::proposals::Folders;
use crate::random::Seeded;
use crate::report::Reports;
use crate::service_manager;
use crate::store::{self, HaltFile, OpenError};
use crate::telegram::Telegram;
use crate::telegram::poll::{BookLinks, Wires};
use crate::telemetry;
use crate::venue::{self, Connected, Located};
use crate::web;

pub(crate) mod wounded;

use wounded::Unfit;

/// Longest drain of the actors; with the ledger's checkpoint the process ends within 8 s (supervision 7).
const DRAIN_WITHIN: Duration = Duration::from_secs(6);
/// Longest wait for the chat to take the last word.
const GOODBYE_WITHIN: Duration = Duration::from_secs(1);
/// How long an escalation waits for RiskGuard's halt to be written before it drains.
const HALT_GRACE: Duration = Duration::from_secs(3);

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// After SIGTERM, everything settled.
    Drained,
    /// After SIGTERM, but something did not finish in time.
    DrainTimedOut,
    /// An actor could not be kept alive.
    Escalated,
}

impl Ended {
    /// The process's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Drained => 0,
            Self::DrainTimedOut => exit::DRAIN_TIMED_OUT,
            Self::Escalated => exit::ESCALATED,
        }
    }
}

/// Runs until SIGTERM or SIGINT, or until an actor cannot be kept alive.
///
/// # Errors
/// Why it cannot start, in one sentence with the remedy.
pub fn run(config: Config) -> Result<Ended, String> {
    let data_dir = config.database.directory().map(Path::to_path_buf);
    let lock =
        data_dir.as_deref().map(store::lock_data_dir).transpose().map_err(|error| error.to_string())?;
    tell_what_is_exposed(&config.database);
    let overrides = overrides(&config, data_dir.as_deref())?;
    let random: Arc<dyn Random> = Arc::new(Seeded::from_system());
    let emergency = emergency(data_dir.as_deref());
    // The socket answers before it is known what time the exchange has, so a halt of the first moments has wall time.
    let early = LastResort { emergency, clock: Arc::new(SystemClock), random };
    let answers = Answers::new(early.clone());
    let serve = |directory: &Path| control::serve(directory, answers.clone());
    let _socket = data_dir.as_deref().map(serve).transpose().map_err(|error| error.to_string())?;
    open_page(&config, &answers)?;
    let located = venue::locate(&config)?;
    let reports =
        Arc::new(Reports::new(answers.clone(), config.markets.clone(), config.calendar_overrides.clone()));
    let ended = match Prepared::new(&config, located, &early, data_dir, reports.clone()) {
        Ok(prepared) => actix::System::new().block_on(live(config, prepared, overrides, &answers))?,
        Err(Unfit::Refused(why)) => return Err(why),
        Err(Unfit::Wounded { source, why }) => {
            let chat = wounded::Chat { settings: config.telegram.as_ref(), reports };
            wounded::sit_out(source, why, &early, &answers, chat)?
        }
    };
    drop(lock);
    Ok(ended)
}

/// What the operator changed in the calendar: without it a day that he closed would be open.
fn overrides(config: &Config, data_dir: Option<&Path>) -> Result<Option<Watched>, String> {
    let path = config.calendar_overrides.as_deref();
    path.map(|path| Watched::open(path, data_dir, SystemClock.now())).transpose()
}

/// Serves the web where the settings want it.
fn open_page(config: &Config, answers: &Answers) -> Result<(), String> {
    let Some(settings) = &config.web else { return Ok(()) };
    let site = web::Site {
        answers: answers.clone(),
        markets: config.markets.clone(),
        trade_mode: config.trade_mode,
        books: config.database.clone(),
        token: settings.token.clone(),
    };
    let address = web::open(settings, site)?;
    tracing::info!("the web answers at http://{address}");
    Ok(())
}

/// After the lock, so that no file of another instance is touched.
fn tell_what_is_exposed(database: &Database) {
    let files = match (database, database.directory()) {
        (Database::File(path), Some(directory)) => store::keep_private(directory, path),
        (Database::File(_) | Database::Memory, _) => Vec::new(),
    };
    for complaint in Config::exposed_file().into_iter().chain(files) {
        tracing::warn!("{complaint}");
    }
}

fn emergency(data_dir: Option<&Path>) -> Arc<dyn EmergencyHalt> {
    // In memory there is nothing to survive a restart, so the file goes where no start will look for it.
    let folder = data_dir.map_or_else(std::env::temp_dir, Path::to_path_buf);
    Arc::new(HaltFile::new(&folder))
}

/// Everything that stands behind the ports, ready before the first actor.
struct Prepared {
    world: World,
    reader: OpenReader,
    venue: Connected,
    bot: Option<Arc<Telegram>>,
    reports: Arc<Reports>,
}

impl Prepared {
    fn new(
        config: &Config,
        located: Located,
        early: &LastResort,
        data_dir: Option<PathBuf>,
        reports: Arc<Reports>,
    ) -> Result<Self, Unfit> {
        let (emergency, random) = (early.emergency.clone(), early.random.clone());
        let (books, reader) = library(&config.database)?;
        let books = mortal(books)?;
        let clock = located.clock.clone();
        // Boots are counted by the wall clock, whatever exchange time does.
        let wall: Arc<dyn Clock> = Arc::new(SystemClock);
        let fencing = boot(&books, [&clock, &wall], &random, &*emergency)?;
        let venue = venue::connect(config, &located, random.next_u64(), data_dir.as_deref())?;
        let bot = crate::telegram::connect(config)?;
        let world = World {
            oracle: crate::llm::connect(config, &clock)?,
            messenger: bot.clone().map(|bot| -> Arc<dyn Messenger> { bot }),
            reporter: Some(reports.clone()),
            exchange: venue.exchange.clone(),
            stream: Some(venue.stream.clone()),
            rules: rules(config)?,
            clock,
            random,
            emergency,
            books,
            fencing,
        };
        Ok(Self { world, reader, venue, bot, reports })
    }
}

/// Opens and checks the database once, before the start; each life of TradeLedger gets a connection of its own, and so does
/// whoever only reads.
pub(crate) fn library(database: &Database) -> Result<(OpenBooks, OpenReader), OpenError> {
    let path = match database {
        Database::Memory => Path::new(":memory:"),
        Database::File(path) => path,
    };
    let opened = Arc::new(store::Database::open(path)?);
    let same = opened.clone();
    let books = move || -> Result<Box<dyn Store>, String> {
        let store = opened.store().map_err(|error| error.to_string())?;
        Ok(Box::new(store))
    };
    let reader = move || same.reader().map_err(|error| error.to_string());
    Ok((Arc::new(books), Arc::new(reader)))
}

/// Once per process, on exchange time and wall time: a new fencing epoch, nothing left `Sending`, and a word about what stands.
pub(crate) fn boot(
    books: &OpenBooks,
    [clock, wall]: [&Arc<dyn Clock>; 2],
    random: &Arc<dyn Random>,
    emergency: &dyn EmergencyHalt,
) -> Result<domain::FencingEpoch, Unfit> {
    let mut store = books().map_err(Unfit::Refused)?;
    let at = clock.now();
    let facts = BootFacts {
        wall_at: wall.now(),
        at,
        halt_id: HaltId::new(at.timestamp_millis(), random.next_u64()),
        halt_nonce: HaltNonce::new(random.next_u64()),
    };
    let report = store.boot(&facts)?;
    // In new books Notifier begins here, before the first event of the actors, and not wherever it first asks.
    for cursor in notifier::actor::cursors() {
        if let Err(error) = store.cursor(cursor) {
            tracing::warn!(%error, cursor, "where notices begin is not kept yet");
        }
    }
    for intent in &report.unknown {
        tracing::warn!(%intent, "the fate of this order is unknown; the Broker will ask the exchange");
    }
    let mut standing = store.trading_state()?.halts;
    for halt in emergency.read_all() {
        if standing.iter().all(|known| known.id != halt.id) {
            standing.push(halt);
        }
    }
    for (halt, command) in standing.iter().zip(wire::lifting("kestrel", &standing)) {
        // Whoever reads the log may not lift a halt from afar.
        tracing::warn!(halt = halt.id, "trading is {}; go on with: {command}", wire::describe_openly(halt));
    }
    Ok(report.fencing)
}

async fn live(
    config: Config,
    prepared: Prepared,
    overrides: Option<Watched>,
    answers: &Answers,
) -> Result<Ended, String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let (given_up, mut escalations) = mpsc::unbounded_channel();
    let escalated = move |actor| {
        // Nobody listens any more only when the end has begun.
        let _ = given_up.send(actor);
    };
    let house = app::build(&config, &prepared.world, Placement::Threads(patience()), escalated, end_wedged)?;
    announce(&config, &prepared.venue, &house);
    if let Some(file) = overrides {
        actix::spawn(crate::overrides::watch(file, house.doors.overrides.clone()));
    }
    answers.open(desk(&config, &house, &prepared.reader, &prepared.world.clock, &prepared.venue));
    service_manager::ready(&format!("answers; trades on {}", prepared.venue.name));
    let signs_of_life = actix::spawn(service_manager::signs_of_life());
    if let Some(folders) = folders(&config) {
        actix::spawn(crate::proposals::keep(folders, prepared.reader.clone()));
    }
    take_commands(&config, &prepared, &house, answers)?;
    let escalated = tokio::select! {
        biased;
        Some(actor) = escalations.recv() => Some(actor),
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
    };
    service_manager::stopping();
    let ending = async {
        let ended = end(&house, escalated).await;
        say_goodbye(&config, &prepared.world, ended).await;
        ended
    };
    let ended = tokio::select! {
        biased;
        ended = ending => ended,
        _ = terminate.recv() => Ended::DrainTimedOut,
        _ = interrupt.recv() => Ended::DrainTimedOut,
    };
    signs_of_life.abort();
    Ok(ended)
}

fn announce(config: &Config, venue: &Connected, house: &House) {
    let markets: Vec<_> = config.markets.iter().map(|market| market.code()).collect();
    let (name, markets) = (&venue.name, markets.join(","));
    tracing::info!(venue = name, markets, mode = ?config.trade_mode, "kestrel trades on {name}");
    let version = env!("CARGO_PKG_VERSION");
    let text = format!("kestrel {version} started on {name}, markets {markets}");
    let event = RecordEvent { kind: EventKind::Process, market: None, text };
    if let Err(error) = house.doors.record.tell(event) {
        tracing::warn!(%error, "the ledger was not told of the start");
    }
}

/// Lets people command from the chat where the settings name some.
fn take_commands(
    config: &Config,
    prepared: &Prepared,
    house: &House,
    answers: &Answers,
) -> Result<(), String> {
    let (Some(bot), Some(settings)) = (&prepared.bot, &config.telegram) else { return Ok(()) };
    let wires = Wires {
        bot: bot.clone(),
        answers: answers.clone(),
        reports: prepared.reports.clone(),
        exchange_clock: prepared.world.clock.clone(),
        books: Some(BookLinks {
            place: house.doors.chat_place.clone(),
            book: house.doors.book_chat.clone(),
            record: house.doors.record.clone(),
        }),
        clock: Arc::new(SystemClock),
        random: prepared.world.random.clone(),
    };
    crate::telegram::poll::open(settings, wires)
}

/// The last word to the chat, once all is settled: how it ended. One attempt, of a second at most.
async fn say_goodbye(config: &Config, world: &World, ended: Ended) {
    let (Some(messenger), Some(settings)) = (&world.messenger, &config.telegram) else { return };
    if !settings.topics.wants(Topic::System) {
        return;
    }
    let how = match ended {
        Ended::Drained => "it was asked to, and everything is settled",
        Ended::DrainTimedOut => {
            "it was asked to, but something did not finish in time; the next start settles it"
        }
        Ended::Escalated => "an actor could not be kept alive; it must be started again",
    };
    let at = world.clock.now().format("%Y-%m-%d %H:%M:%S UTC");
    let html = format!("<b>Agent</b>: kestrel stopped: {how}\n<i>{at}</i>");
    let letter = Letter { html, is_silent: ended == Ended::Drained, picture: None };
    match tokio::time::timeout(GOODBYE_WITHIN, messenger.send(letter)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "nobody was told of the end"),
        Err(_) => tracing::warn!(
            "the messenger did not answer in time; whether anybody was told of the end is unknown"
        ),
    }
}

/// Where the folders of proposals are; none while the books are in memory.
fn folders(config: &Config) -> Option<Folders> {
    let directory = config.database.directory()?;
    Some(Folders::beside_books(directory, config.retain_proposals))
}

/// What a running house is asked through.
pub(crate) fn desk(
    config: &Config,
    house: &House,
    books: &OpenReader,
    clock: &Arc<dyn Clock>,
    venue: &Connected,
) -> Desk {
    Desk {
        halt: house.doors.halt.clone(),
        reduce: house.doors.reduce.clone(),
        tighten: house.doors.tighten.clone(),
        withdraw: house.doors.withdraw.clone(),
        limits: house.doors.limits.clone(),
        resume: house.doors.resume.clone(),
        release: house.doors.release.clone(),
        resolve: house.doors.resolve.clone(),
        status: house.doors.status.clone(),
        books: books.clone(),
        database: config.database.file().map(Path::to_path_buf),
        judge: house.doors.judge.clone(),
        oracle_calls: house.doors.oracle_calls.clone(),
        decide: house.doors.decide.clone(),
        evolving: config.evolution.map(|_| config.markets.clone()).unwrap_or_default(),
        auto_approve: config.evolution.and_then(|plan| plan.auto_approve),
        proposals: folders(config),
        budget: app::budget(config),
        judge_name: config.language_model.name(),
        supervised: house.supervised.clone(),
        pace: venue.pace.clone(),
        clock: clock.clone(),
        venue: venue.name.clone(),
    }
}

async fn end(house: &House, escalated: Option<&'static str>) -> Ended {
    if let Some(actor) = escalated {
        tracing::error!(actor, "ending the process so that it is started afresh");
        tokio::time::sleep(HALT_GRACE).await;
    }
    tracing::info!("draining: no new orders; finishing what is under way");
    let drained = house.supervised.shutdown(DRAIN_WITHIN).await;
    match (escalated, drained) {
        (Some(_), _) => Ended::Escalated,
        (None, Drained::Clean) => Ended::Drained,
        (None, Drained::TimedOut) => Ended::DrainTimedOut,
    }
}

/// On the watchdog's thread. The wedged thread may hold any lock, so `exit` is given a second and then overruled.
pub(crate) fn end_wedged(wedge: Wedge) {
    let Wedge { actor, msg, for_ms } = wedge;
    telemetry::last_words(move || {
        tracing::error!(actor, msg, for_ms, "a thread is wedged and will not come back; ending the process");
    });
    let _overrule = std::thread::Builder::new().spawn(|| {
        std::thread::sleep(Duration::from_secs(1));
        #[expect(clippy::disallowed_methods, reason = "the watchdog's last word")]
        std::process::abort();
    });
    #[expect(
        clippy::exit,
        reason = "a wedged thread cannot be joined; the journal settles what it was doing"
    )]
    std::process::exit(i32::from(exit::ESCALATED));
}

#[cfg(not(feature = "faults"))]
fn mortal(books: OpenBooks) -> Result<OpenBooks, String> {
    Ok(books)
}

/// Tests of crashes let the process die before or after a transaction.
#[cfg(feature = "faults")]
fn mortal(books: OpenBooks) -> Result<OpenBooks, String> {
    Ok(crate::faults::books(books, crate::faults::crash()?))
}

#[cfg(not(feature = "faults"))]
fn rules(config: &Config) -> Result<strategy::Strategy, String> {
    Ok(app::rules(config))
}

/// Tests of crashes trade more often than the usual rules would.
#[cfg(feature = "faults")]
fn rules(config: &Config) -> Result<strategy::Strategy, String> {
    crate::faults::rules_or(app::rules(config))
}

#[cfg(not(feature = "faults"))]
fn patience() -> Patience {
    Patience::default()
}

/// Tests of hung actors cannot wait for the usual patience.
#[cfg(feature = "faults")]
fn patience() -> Patience {
    let ms =
        |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok()).map(Duration::from_millis);
    let usual = Patience::default();
    Patience {
        backlog_limit: ms("KESTREL_FAULTS_BACKLOG_LIMIT_MS").unwrap_or(usual.backlog_limit),
        wedge_limit: ms("KESTREL_FAULTS_BUSY_LIMIT_MS").unwrap_or(usual.wedge_limit),
    }
}
