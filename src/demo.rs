//! The demo: the whole pipeline on the embedded exchange, faster than real time, with an audit at the end.

pub mod audit;
mod course;
mod place;
mod progress;
pub mod report;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use domain::messages::control::{HaltSource, RequestHalt, StatusQuery, TradingState, TradingStatus};
use domain::messages::ledger::{AllIntents, SummaryQuery};
use domain::messages::market_data::AccountQuery;
use domain::{AccountSnapshot, Clock, Market, Random};

use crate::agent::{boot, desk, end_wedged, library};
use crate::app::{self, House, OpenBooks, Patience, Placement, World};
use crate::cli::DemoArgs;
use crate::clock::{ScaledClock, SystemClock};
use crate::config::{Config, LogFormat, Web};
use crate::control::{self, Answers, LastResort};
use crate::random::Seeded;
use crate::store::HaltFile;
use crate::venue::{self, Connected, Located};
use crate::web::{self, Site};
use crate::{telemetry, terminal};
use course::Course;
use place::Place;
use report::Report;

/// Longest wait, in real time, for the exchange to be reconciled at the start.
const READY_WITHIN: Duration = Duration::from_secs(15);
/// Longest wait, in real time, for working orders to end after the last decision.
const SETTLE_WITHIN: Duration = Duration::from_secs(30);
/// Real time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const ASK_WITHIN: Duration = Duration::from_secs(5);

/// Runs the demo; true when every invariant held.
///
/// # Errors
/// Why it could not run, in words.
pub fn run(args: &DemoArgs) -> Result<bool, String> {
    let course = Course::plan(args)?;
    let place = Place::take(args, &course)?;
    let filter = std::env::var("KESTREL_LOG").unwrap_or_else(|_| "off,panic=error,kestrel=error".into());
    let log = telemetry::start(&filter, LogFormat::Auto)?;
    // Whoever reads slowly, or not at all, must not hold up what trades.
    let printer = terminal::Printer::start().map_err(|error| error.to_string())?;
    let told = (!args.json).then_some(&printer);
    let report = actix::System::new().block_on(trade(args, &course, &place, told));
    printer.end();
    let report = report?;
    show(&report, args.json)?;
    drop(log);
    Ok(report.is_clean())
}

fn show(report: &Report, json: bool) -> Result<(), String> {
    if json {
        terminal::line(serde_json::to_string_pretty(report).map_err(|error| error.to_string())?);
    } else {
        terminal::line(report);
    }
    Ok(())
}

async fn trade(
    args: &DemoArgs,
    course: &Course,
    place: &Place,
    printer: Option<&terminal::Printer>,
) -> Result<Report, String> {
    let config = settings(&course.markets, place.books())?;
    let goes_on_at = place.goes_on_at(course.speed);
    let from = goes_on_at.unwrap_or(course.start);
    let clock: Arc<dyn Clock> = Arc::new(ScaledClock::new(from, course.speed, course.jump()));
    // A demo that goes on makes other ids than the one before it.
    let random: Arc<dyn Random> = match goes_on_at {
        None => Arc::new(Seeded::new(args.seed)),
        Some(_) => Arc::new(Seeded::from_system()),
    };
    let venue = venue::connect(&config, &Located::kept(clock.clone(), place.kept()), args.seed, None)?;
    let (books, reader) = library(&config.database).map_err(|error| error.to_string())?;
    // What an earlier demo has told is not told again.
    let told = reader()?.last_event().map_err(|error| error.to_string())?;
    let world = world(&config, place.folder(), &clock, &random, &venue, books)?;
    let escalated = |actor| tracing::error!(actor, "an actor cannot be kept alive");
    let house = app::build(&config, &world, Placement::Threads(Patience::default()), escalated, end_wedged)?;
    let answers = Answers::new(last_resort(&world));
    answers.open(desk(&config, &house, &reader, &clock, &venue));
    let _socket = control::serve(place.folder(), answers.clone()).map_err(|error| error.to_string())?;
    let doors = progress::Doors { page: open_page(&config, answers)?, books: place.books() };
    let mut say = progress::Progress::new(printer, goes_on_at, told);
    say.banner(args, course, &doors);
    say.standing(&until_reconciled(&house).await?);
    let before = accounts(&house, &course.markets).await;
    let run = Run { house: &house, venue: &venue, clock: &clock, course };
    watch(&run, &mut say, Duration::from_secs(args.seconds)).await;
    settle(&run, &mut say).await;
    let after = accounts(&house, &course.markets).await;
    let report = conclude(&house, &venue, clock.now() - course.start, [before, after]).await?;
    if let Some(embedded) = &venue.embedded {
        embedded.venue.note_end();
    }
    house.supervised.shutdown(Duration::from_secs(6)).await;
    Ok(report)
}

/// What runs, and what is looked at.
struct Run<'a> {
    house: &'a House,
    venue: &'a Connected,
    clock: &'a Arc<dyn Clock>,
    course: &'a Course,
}

impl Run<'_> {
    /// Waits until the next look; the exchange writes down each second how late it is.
    async fn until_next_look(&self) {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Some(embedded) = &self.venue.embedded {
            embedded.venue.note_time(TimeDelta::seconds(i64::from(self.course.speed)));
        }
    }
}

/// On a free port of this machine, with a token for whoever started it: nothing of the demo is anybody's secret.
fn open_page(config: &Config, answers: Answers) -> Result<String, String> {
    let token = format!("{:016x}", Seeded::from_system().next_u64());
    let listen = (Ipv4Addr::LOCALHOST, 0).into();
    let settings = Web { listen, hosts: Vec::new(), token: Some(token.clone().into()) };
    let site = Site {
        answers,
        markets: config.markets.clone(),
        trade_mode: config.trade_mode,
        books: config.database.clone(),
        token: settings.token.clone(),
    };
    let address = web::open(&settings, site)?;
    Ok(format!("http://{address}/#token={token}"))
}

fn last_resort(world: &World) -> LastResort {
    let (emergency, clock, random) = (world.emergency.clone(), world.clock.clone(), world.random.clone());
    LastResort { emergency, clock, random }
}

fn settings(markets: &[Market], books: PathBuf) -> Result<Config, String> {
    let markets: Vec<_> = markets.iter().map(|market| market.code()).collect();
    let pairs = BTreeMap::from([
        ("ENABLED_MARKETS".to_owned(), markets.join(",")),
        ("TRADE_MODE".to_owned(), "realtime".to_owned()),
        // More to look at than the default three.
        ("SCANNER_TOP_N".to_owned(), "8".to_owned()),
        ("DB_PATH".to_owned(), books.to_string_lossy().into_owned()),
    ]);
    Config::from_pairs(&pairs).map_err(|mistakes| mistakes.to_string())
}

fn world(
    config: &Config,
    folder: &Path,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn Random>,
    venue: &Connected,
    books: OpenBooks,
) -> Result<World, String> {
    let emergency: Arc<dyn risk_guard::EmergencyHalt> = Arc::new(HaltFile::new(folder));
    let wall: Arc<dyn Clock> = Arc::new(SystemClock);
    let booted = boot(&books, [clock, &wall], random, &*emergency);
    let fencing = booted.map_err(|unfit| unfit.to_string())?;
    Ok(World {
        clock: clock.clone(),
        random: random.clone(),
        exchange: venue.exchange.clone(),
        stream: Some(venue.stream.clone()),
        oracle: None,
        messenger: None,
        reporter: None,
        rules: app::rules(config),
        emergency,
        books,
        fencing,
    })
}

/// Waits until the agent trades, or is halted or reduced from before: then it has looked at the exchange too.
async fn until_reconciled(house: &House) -> Result<TradingStatus, String> {
    let start = tokio::time::Instant::now();
    loop {
        let status = house.doors.status.ask(StatusQuery, ASK_WITHIN).await;
        if let Ok(status) = status
            && status.state != TradingState::Starting
        {
            return Ok(status);
        }
        if start.elapsed() > READY_WITHIN {
            return Err("the agent was not ready in time; run with KESTREL_LOG=info to see why".into());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn watch(run: &Run<'_>, say: &mut progress::Progress<'_>, asked: Duration) {
    let start = tokio::time::Instant::now();
    while !run.course.is_over(start.elapsed(), asked) {
        run.until_next_look().await;
        for market in say.news(run.house, run.clock.now()).await {
            run.course.has_traded(market);
        }
    }
}

/// Stops deciding, then lets the working orders end: filled, or cancelled when their time is over.
async fn settle(run: &Run<'_>, say: &mut progress::Progress<'_>) {
    let request = RequestHalt {
        source: HaltSource::Operator,
        by: "demo".into(),
        reason: "the demo is over; working orders end".into(),
        cancel_open: false,
    };
    if let Err(error) = run.house.doors.halt.ask(request, Duration::from_secs(8)).await {
        tracing::error!(%error, "the halt at the demo's end was not confirmed");
    }
    let start = tokio::time::Instant::now();
    while start.elapsed() < SETTLE_WITHIN {
        run.until_next_look().await;
        say.news(run.house, run.clock.now()).await;
        let status = run.house.doors.status.ask(StatusQuery, ASK_WITHIN).await;
        if status.is_ok_and(|status| status.live.is_empty()) {
            return;
        }
    }
}

/// One account for each currency.
async fn accounts(house: &House, markets: &[Market]) -> Vec<AccountSnapshot> {
    let mut accounts: Vec<AccountSnapshot> = Vec::new();
    for market in markets {
        if accounts.iter().any(|account| account.currency == market.currency()) {
            continue;
        }
        let query = AccountQuery { market: *market };
        if let Ok(Ok(account)) = house.doors.account.ask(query, Duration::from_secs(20)).await {
            accounts.push(account);
        }
    }
    accounts
}

async fn conclude(
    house: &House,
    venue: &Connected,
    passed: TimeDelta,
    [before, after]: [Vec<AccountSnapshot>; 2],
) -> Result<Report, String> {
    let unanswered = |what: &str| format!("the ledger did not answer for its {what}");
    let intents = house.doors.intents.ask(AllIntents, ASK_WITHIN).await.map_err(|_| unanswered("intents"))?;
    let summary =
        house.doors.summary.ask(SummaryQuery, ASK_WITHIN).await.map_err(|_| unanswered("summary"))?;
    let intents = intents.map_err(|error| error.to_string())?;
    let summary = summary.map_err(|error| error.to_string())?;
    let embedded = venue.embedded.as_ref().ok_or("the demo trades on the embedded exchange only")?;
    let books = embedded.venue.books();
    Ok(Report {
        decisions: summary.decisions,
        holds: summary.holds,
        approved: summary.intents,
        orders: books.orders.len() as u64,
        fills: summary.fills,
        states: summary.by_state.iter().map(|(state, count)| (state.to_string(), *count)).collect(),
        markets: report::by_market(&books, &intents),
        profit: report::profits(&before, &after, &summary),
        exchange_minutes: passed.num_minutes(),
        restarts: house.supervised.vitals().iter().map(|vitals| vitals.restarts()).sum(),
        findings: audit::audit_books(&books, &intents),
    })
}
