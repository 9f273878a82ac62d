//! Whole-system verification: the eight actors, their supervisor, the database, the KIS client and the simulated exchange
//! on one thread in virtual time, under seeded faults; then what happened is checked against the invariants.
//!
//! | file | what |
//! |---|---|
//! | `stage` | what outlives the agent's lives: exchange, network, disk, clock |
//! | `life` | one life of the process, from boot to kill -9 or orderly end |
//! | `network` | what becomes of each request |
//! | `strikes` | which handlers panic in the middle of their work |
//! | `rumours` | what the exchange's stream tells an agent that is up day and night |
//! | `clocks` | the machine's clock, which may be set wrong |
//! | `books` | the store, seen through: where a life may end, and what was committed |
//! | `strangers` | other processes on the same books |
//! | `cancels` | who asks for the end of an order, and what a halt that cancels owes |
//! | `enemy` | a language model that wants to buy everything |
//! | `chat` | a chat server that fails, and repeats what it was asked |
//! | `operator` | who halts, resumes, and trades by hand |
//! | `timetable` | when the agent is up |
//! | [`gate`] | apart from all this: how often luck and skill pass the gates of evolution |
//! | [`evolution`] | and how evolution does as a whole on made-up markets, with an edge and without |
//! | `facts`, `witness`, `trace` | what happened, and its hash |
//! | [`checks`] | the invariants |
//! | [`soak()`] | months of running in minutes, measured |
//! | [`sometimes`] | what a set of runs must have met |
//!
//! Each seed has two phases: with faults, and after them a quiet day in which everything must settle (invariant 22).
//! The same seed and program give the same trace hash (invariant 28): the first seed of a set is run twice.

mod books;
#[cfg(test)]
mod canaries;
mod cancels;
mod chat;
pub mod checks;
mod clocks;
mod dice;
mod eager;
mod enemy;
pub mod evolution;
pub mod facts;
pub mod gate;
#[cfg(test)]
#[cfg(feature = "faults")]
mod handlers;
mod life;
mod network;
mod operator;
#[cfg(test)]
mod recovery;
pub mod report;
mod rumours;
mod soak;
pub mod sometimes;
mod stage;
mod strangers;
mod strikes;
mod timetable;
mod trace;
mod witness;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use domain::messages::ledger::{EventKind, EventsAfter};
use domain::{Clock, EventId, Market};
use rust_decimal::Decimal;
use trade_ledger::store::Store;

use crate::config::Config;
use crate::simulator::has_stocks_of;
use checks::{Evidence, MoneyEvidence, Violation};
pub use eager::eager;
use facts::What;
use life::End;
pub use report::{Report, SeedReport};
pub use soak::{Day, SoakOptions, SoakReport, soak};
use stage::Stage;
use timetable::Watch;

/// Lives of one watch; more than that is a loop.
const LIVES_MAX: u32 = 5000;
/// Seeds of one run: so many when it needs ever more of them.
pub const SEEDS_MAX: u64 = 1_000_000;
/// Events read from the books at once.
const EVENTS_AT_ONCE: u16 = 1000;

/// How much the agent may spend, and on how large orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    /// A hundredfold of what the demo starts with, in small orders: they fill in parts, and none is refused for its size.
    Ample,
    /// A twentieth of that of the demo, in orders as large as allowed: cash and reservations decide.
    Little,
}

impl Means {
    /// Every fourth seed has little.
    fn of(seed: u64) -> Self {
        if seed % 4 == 2 { Self::Little } else { Self::Ample }
    }

    fn times(self) -> Decimal {
        match self {
            Self::Ample => Decimal::ONE_HUNDRED,
            Self::Little => Decimal::new(5, 2),
        }
    }

    /// Base, smallest and largest share of the cash for one order, in percent.
    fn shares(self) -> [&'static str; 3] {
        match self {
            // Small enough that a day of dense trading does not trip the breaker by its fees alone.
            Self::Ample => ["0.4", "0.1", "0.8"],
            Self::Little => ["30", "10", "30"],
        }
    }
}

/// When the agent is up, and how densely it trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Around each close only, with a decision every minute.
    Watches {
        /// How long before each close while faults are on, in minutes: on average, at least 2.
        minutes: u32,
    },
    /// Day and night, with two decisions a day: holidays, weekends and changes of daylight saving pass by.
    Calendar,
}

/// What to verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many seeds.
    pub seeds: u64,
    /// The first of them.
    pub first_seed: u64,
    /// After those seeds, further ones follow until so many orders were sent under faults.
    pub orders_min: u64,
    /// Trading days with faults; one without follows.
    pub days: u32,
    /// When the agent is up, and how densely it trades.
    pub pace: Pace,
    /// The markets.
    pub markets: Vec<Market>,
    /// A language model judges that wants to buy everything, instead of the rules.
    pub has_compromised_model: bool,
    /// Keeps the events that led to a violation.
    pub keeps_story: bool,
    /// Ends with the first seed that shows a violation.
    pub stops_at_violation: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seeds: 64,
            first_seed: 1,
            orders_min: 0,
            days: 1,
            pace: Pace::Watches { minutes: 45 },
            markets: vec![Market::Kr, Market::UsNasdaq],
            has_compromised_model: false,
            keeps_story: false,
            stops_at_violation: false,
        }
    }
}

/// Runs all seeds; `progress` hears of each.
///
/// # Errors
/// When the stage itself cannot be set up, in words. A violation is no error.
pub fn run(options: &Options, mut progress: impl FnMut(&SeedReport)) -> Result<Report, String> {
    let mut report = Report::of(options.pace);
    for seed in options.first_seed..options.first_seed.saturating_add(SEEDS_MAX) {
        if report.seeds.len() as u64 >= options.seeds && report.totals.sent_under_faults >= options.orders_min
        {
            break;
        }
        let mut result = run_seed(seed, options)?;
        // What has failed already needs no second run.
        if seed == options.first_seed && result.violations.is_empty() {
            result.violations.extend(differs(&result, &run_seed(seed, options)?));
        }
        progress(&result);
        let stops = options.stops_at_violation && !result.violations.is_empty();
        report.add(result);
        if stops {
            break;
        }
    }
    Ok(report)
}

/// Invariant 28: the same again.
fn differs(first: &SeedReport, second: &SeedReport) -> Option<Violation> {
    let what = format!("seed {} gave the trace {} and then {}", first.seed, first.trace, second.trace);
    (first.trace != second.trace).then_some(Violation { invariant: 28, what })
}

/// Runs one seed.
///
/// # Errors
/// As [`run`].
pub fn run_seed(seed: u64, options: &Options) -> Result<SeedReport, String> {
    check_markets(&options.markets)?;
    let watches = timetable::watches(seed, options);
    let means = Means::of(seed);
    let start = watches.first().ok_or("no market of these ever opens")?.start;
    let stage =
        Arc::new(Stage::new(seed, settings(seed, options, means)?, start, options.keeps_story, means)?);
    for watch in watches {
        keep(&stage, watch)?;
    }
    conclude(seed, &stage)
}

/// Where the simulated exchange lists no stock, nothing would be proved.
fn check_markets(markets: &[Market]) -> Result<(), String> {
    let strange: Vec<_> =
        markets.iter().filter(|market| !has_stocks_of(**market)).map(|market| market.code()).collect();
    if markets.is_empty() || !strange.is_empty() {
        let allowed = Market::ALL.into_iter().filter(|market| has_stocks_of(*market));
        let allowed: Vec<_> = allowed.map(Market::code).collect();
        return Err(format!(
            "{} cannot be verified; allowed: {}",
            if strange.is_empty() { "no market".to_owned() } else { strange.join(",") },
            allowed.join(" ")
        ));
    }
    Ok(())
}

/// Keeps the agent up through one watch: whatever ends it before, it is started again soon after.
fn keep(stage: &Arc<Stage>, watch: Watch) -> Result<(), String> {
    if watch.is_quiet && stage.is_faulty() {
        stage.quiet();
    }
    stage.clock.advance_to(watch.start);
    for _ in 0..LIVES_MAX {
        if stage.clock.now() >= watch.end {
            return Ok(());
        }
        match life::live(stage, watch.end)? {
            End::Over => return Ok(()),
            End::Killed | End::Escalated => {
                let delay = TimeDelta::from_std(stage.restart_delay()).unwrap_or(TimeDelta::zero());
                stage.clock.advance_to(stage.clock.now() + delay);
            }
        }
    }
    stage.witness.odd("the agent was started again and again within one watch".into());
    Ok(())
}

/// The loss at which a day ends, in percent: in every sixteenth seed so little that the fees of a dense day reach it.
fn loss_limit(seed: u64) -> &'static str {
    if seed % 16 == 7 { "0.02" } else { "3.0" }
}

fn settings(seed: u64, options: &Options, means: Means) -> Result<Config, String> {
    settings_with(seed, options, means, [])
}

/// The settings of a seed, and further ones that replace them.
fn settings_with(
    seed: u64,
    options: &Options,
    means: Means,
    more: impl IntoIterator<Item = (&'static str, String)>,
) -> Result<Config, String> {
    let codes: Vec<_> = options.markets.iter().map(|market| market.code()).collect();
    let (mode, stocks) = match options.pace {
        Pace::Watches { .. } => ("realtime", "20"),
        Pace::Calendar => ("daily", "3"),
    };
    let [base, smallest, largest] = means.shares();
    let pairs = [
        ("ENABLED_MARKETS", codes.join(",")),
        ("TRADE_MODE", mode.to_owned()),
        ("DAILY_SESSIONS", "2".to_owned()),
        ("SESSION_INTERVAL_HOURS", "3".to_owned()),
        ("SCANNER_TOP_N", stocks.to_owned()),
        ("DB_PATH", ":memory:".to_owned()),
        ("MAX_LOSS_PCT", loss_limit(seed).to_owned()),
        // Dense orders are the point; the code's own ceilings stay.
        ("MAX_ORDERS_PER_DAY", "300".to_owned()),
        // The eager strategy buys back what it sold: the shortest waits there are.
        ("REFUSAL_COOLDOWN_MIN", "1".to_owned()),
        ("STOP_COOLDOWN_MIN", "1".to_owned()),
        ("REENTRY_GUARD_MIN", "1".to_owned()),
        ("POSITION_BASE_ALLOCATION_PCT", base.to_owned()),
        ("POSITION_MIN_ALLOCATION_PCT", smallest.to_owned()),
        ("POSITION_MAX_ALLOCATION_PCT", largest.to_owned()),
    ];
    let of_model = options.has_compromised_model.then(enemy::settings).into_iter().flatten();
    let of_model = of_model.map(|(name, value)| (name, value.to_owned()));
    let pairs: BTreeMap<String, String> =
        pairs.into_iter().chain(of_model).chain(more).map(|(name, value)| (name.to_owned(), value)).collect();
    Config::from_pairs(&pairs).map_err(|mistakes| mistakes.to_string())
}

/// Compares what happened, and both sides' books, with the invariants.
fn conclude(seed: u64, stage: &Stage) -> Result<SeedReport, String> {
    stage.network.deliver_late(&stage.witness);
    let venue = stage.venue.books();
    let mut store = stage.database.store().map_err(|error| error.to_string())?;
    let ledger = store.all_intents().map_err(|error| error.to_string())?;
    let unclosed = store.unclosed_days().map_err(|error| error.to_string())?;
    let alarms = alarms(&mut store)?;
    let own = store.own_positions().map_err(|error| error.to_string())?;
    let mut reader = stage.database.reader().map_err(|error| error.to_string())?;
    let fills = reader.fills().map_err(|error| error.to_string())?;
    let held = reader.held_at_cost().map_err(|error| error.to_string())?;
    let notes = stage.witness.notes();
    let evidence = Evidence {
        facts: &notes.facts,
        departures: &notes.departures,
        venue: &venue,
        ledger: &ledger,
        unclosed: &unclosed,
        alarms: &alarms,
        own: &own,
        money: MoneyEvidence { fills: &fills, held: &held, began_with: &stage.began_with, seen: &notes.seen },
    };
    let mut violations = checks::check(&evidence);
    violations.extend(notes.oddities.iter().map(|what| Violation { invariant: 0, what: what.clone() }));
    let count = |is: fn(&What) -> bool| notes.facts.iter().filter(|fact| is(&fact.what)).count() as u64;
    let under_faults = notes.facts.iter().take_while(|fact| fact.what != What::Quiet);
    let sent = under_faults.filter(|fact| matches!(fact.what, What::Sending { .. })).count() as u64;
    Ok(SeedReport {
        seed,
        trace: notes.trace.hash(),
        events: notes.trace.events(),
        approved: ledger.len() as u64,
        orders: venue.orders.len() as u64,
        sent_under_faults: sent,
        lives: count(|what| matches!(what, What::Boot { .. })),
        crashes: notes.crashes,
        halts: count(|what| matches!(what, What::Halt { .. })),
        ambiguous: notes.sightings.count(sometimes::Sometimes::Unknown),
        story: if violations.is_empty() {
            Vec::new()
        } else {
            notes.trace.lines().map(str::to_owned).collect()
        },
        violations,
        sightings: notes.sightings.clone(),
    })
}

fn alarms(store: &mut impl Store) -> Result<Vec<String>, String> {
    let mut alarms = Vec::new();
    let mut after = EventId(0);
    loop {
        let events = store.events_after(&EventsAfter { after, limit: EVENTS_AT_ONCE });
        let events = events.map_err(|error| error.to_string())?;
        let Some(last) = events.last().map(|event| event.id) else { return Ok(alarms) };
        after = last;
        let found = events.into_iter().filter(|event| event.kind == EventKind::Alarm);
        alarms.extend(found.map(|event| event.text));
    }
}
