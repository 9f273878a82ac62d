//! A panic and a hang in every handler that a working day calls, one after the other, in the whole agent: whatever breaks
//! off, the actor answers again, nobody is given up, and the books agree with the exchange (invariants 15 and 17).
//! `KESTREL_HANDLER_ROUNDS` says how many times, each on another day with other prices; once where it says nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use actix::System;
use chrono::{DateTime, Days, Utc};
use domain::messages::bars::SeeBars;
use domain::messages::control::HaltSource;
use domain::messages::evolution::StrategyOf;
use domain::messages::ledger::{AllIntents, SummaryQuery};
use domain::messages::limits::{LimitName, LimitsChange, LimitsQuery, TightenLimits, WithdrawLimits};
use domain::messages::market_data::AccountQuery;
use domain::messages::schedule::DayClosed;
use domain::messages::symbols::{RequestResolution, Resolution};
use domain::{Clock, Instrument, IntentId};
use market_clock::{Calendar, OverrideFile, Overrides};
use supervision::{Fault, State, Vitals};

use super::life::boot;
use super::operator::Operator;
use super::*;
use crate::app::{self, House, Placement};

/// The seed of the first round.
const FIRST_SEED: u64 = 5;

/// Between two faults in one actor: its restarts of the last minute are forgotten then, and so is the back-off. A hang
/// is found after half a minute, and some.
fn rest(fault: Fault) -> TimeDelta {
    TimeDelta::seconds(if fault == Fault::Hang { 105 } else { 65 })
}

/// Asked once or twice a day, which may fall into the rest after another fault; each only passes on a question, as others do.
const RARE: [&str; 3] = [
    "domain::messages::ledger::ConfidentLosers",
    "domain::messages::market_data::QuoteQuery",
    "domain::messages::proof::ListedDaysQuery",
];
const SHORT: Duration = Duration::from_secs(2);
const ROUND: TimeDelta = TimeDelta::seconds(5);
/// In rounds: another actor each.
const RECYCLED_EVERY: u32 = 20;
const RECYCLES_AFTER: u32 = 240;
const BEFORE_CLOSE: TimeDelta = TimeDelta::minutes(100);
/// Long enough that the day is closed.
const AFTER_CLOSE: TimeDelta = TimeDelta::minutes(40);
/// The end, without faults.
const QUIET: TimeDelta = TimeDelta::minutes(8);

/// Lets each handler of each actor suffer the fault at its first letter, with time between them.
struct Plan {
    fault: Fault,
    next: BTreeMap<&'static str, Next>,
    /// What each actor's lives ended of.
    ends: BTreeSet<(&'static str, String)>,
}

#[derive(Clone, Copy)]
enum Next {
    Waits,
    Rests { until: DateTime<Utc> },
}

impl Plan {
    /// The very first letter of each actor is the first to go wrong.
    fn new(fault: Fault, all: &[Arc<Vitals>]) -> Self {
        all.iter().for_each(|vitals| vitals.trap_untried(fault));
        let next = all.iter().map(|vitals| (vitals.name, Next::Waits)).collect();
        Self { fault, next, ends: BTreeSet::new() }
    }

    fn look(&mut self, vitals: &Vitals, now: DateTime<Utc>) {
        self.ends.extend(vitals.last_error().map(|error| (vitals.name, error)));
        let next = self.next.entry(vitals.name).or_insert(Next::Rests { until: now });
        match *next {
            Next::Waits if vitals.is_trapped() => {}
            Next::Waits => *next = Next::Rests { until: now + rest(self.fault) },
            Next::Rests { until } if now < until || vitals.state() != State::Running => {}
            Next::Rests { .. } => {
                vitals.trap_untried(self.fault);
                *next = Next::Waits;
            }
        }
    }
}

/// Every so many rounds another session is over, newer than all that were told before: evolution has one turn a session, in which
/// most of its letters fall into the rest after another fault.
const SESSION_EVERY: u32 = 9;

/// Everything that people, files and other processes ask of the agent; who is down answers later, or never.
async fn knock(stage: &Stage, house: &House, operator: &Operator, round: u32) {
    let (source, by, reason) = (HaltSource::Operator, "roll call".to_owned(), format!("round {round}"));
    let _ = house.doors.limits.ask(LimitsQuery, SHORT).await;
    let _ = house.doors.overrides.tell(OverrideFile::Good(Overrides::default()));
    match round % 24 {
        0 => operator.stop("roll call").await,
        4 => stage.halt_from_outside(),
        // The Brain asks once a session.
        2 | 10 => {
            let (market, session_date) = (Market::Kr, Market::Kr.date_at(stage.clock.now()));
            drop(house.doors.strategies.ask(StrategyOf { market, session_date }, SHORT).await);
        }
        8 => operator.trade(),
        12 => operator.reduce(false).await,
        14 => {
            let (market, session_date) = (Market::Kr, Market::Kr.date_at(stage.clock.now()));
            let instrument = Instrument { market, symbol: "910010".parse().unwrap() };
            drop(house.doors.see_bars.ask(SeeBars { instrument, session_date }, SHORT).await);
        }
        16 => drop(house.doors.account.ask(AccountQuery { market: Market::Kr }, SHORT).await),
        18 => drop(house.doors.summary.ask(SummaryQuery, SHORT).await),
        20 => drop(house.doors.intents.ask(AllIntents, SHORT).await),
        22 => {
            let (intent, resolution) = (IntentId::from_stored("i-nobody's".into()), Resolution::None);
            let request = RequestResolution { intent, resolution, by: by.clone(), reason: reason.clone() };
            let _ = house.doors.resolve.ask(request, SHORT).await;
        }
        _ => {}
    }
    if round.is_multiple_of(SESSION_EVERY) {
        let closed_at = stage.clock.now();
        let days = Days::new(u64::from(1 + round / SESSION_EVERY));
        let session_date = Market::Kr.date_at(closed_at) + days;
        let _ = house.doors.day_closed.tell(DayClosed { market: Market::Kr, session_date, closed_at });
    }
    let after_rest = round.checked_sub(RECYCLES_AFTER).filter(|rounds| rounds.is_multiple_of(RECYCLED_EVERY));
    if let Some(rounds) = after_rest {
        // What an actor asks only when it starts is asked again.
        let vitals = house.supervised.vitals();
        let next = (rounds / RECYCLED_EVERY) as usize % vitals.len();
        let _ = house.supervised.recycle(vitals[next].name);
    }
    if round.is_multiple_of(3) {
        let change = LimitsChange::of(LimitName::MaxOrdersPerMinute, 6.into());
        let tighten = TightenLimits { source, by: by.clone(), reason: reason.clone(), change };
        let _ = house.doors.tighten.ask(tighten, SHORT).await;
        let _ = house.doors.withdraw.ask(WithdrawLimits { source, by, reason }, SHORT).await;
    }
}

/// An actor ended by the fault, by a recycle, or because another one that suffered it did not take what must be kept.
fn is_explained(end: &str, fault: Fault, tried: &BTreeSet<&str>) -> bool {
    let by_fault = |message: &&str| {
        let expected = match fault {
            Fault::Hang => format!("killed (Stalled) during {message}"),
            Fault::Panic | Fault::Block(_) => format!("panicked during {message}: injected fault"),
        };
        end == expected
    };
    tried.iter().any(by_fault)
        || end.starts_with("killed (Recycled)")
        || end.starts_with("failed: the ledger does not take the outcome")
}

/// One life under blows, until `until`; what each handler of each actor met.
async fn suffer(stage: &Arc<Stage>, fault: Fault, until: DateTime<Utc>) -> Vec<Arc<Vitals>> {
    stage.clock.start();
    let life = stage.begin_life();
    let world = boot(stage, &life).unwrap().unwrap();
    let given_up: Arc<Mutex<Vec<&'static str>>> = Arc::default();
    let told = given_up.clone();
    let escalated = move |actor| told.lock().unwrap().push(actor);
    let house = app::build(&stage.config, &world, Placement::OneThread, escalated, |_wedge| ()).unwrap();
    let all = house.supervised.vitals();
    let mut plan = Plan::new(fault, &all);
    life.has_actors(all.clone());
    let operator = actix_rt::spawn(Operator::new(stage.clone(), life.clone(), &house).work());
    let knocker = Operator::new(stage.clone(), life.clone(), &house);
    let last_blow = until - QUIET;
    for round in 0.. {
        stage.clock.sleep_until(stage.clock.now() + ROUND).await;
        match stage.clock.now() {
            now if now >= until => break,
            now if now >= last_blow => all.iter().for_each(|vitals| vitals.trap("no message", fault)),
            now => {
                all.iter().for_each(|vitals| plan.look(vitals, now));
                knock(stage, &house, &knocker, round).await;
            }
        }
    }
    assert_eq!(*given_up.lock().unwrap(), Vec::<&str>::new(), "nobody is given up");
    for vitals in &all {
        assert_eq!((vitals.name, vitals.state()), (vitals.name, State::Running), "{:?}", vitals.last_error());
    }
    let tried: BTreeSet<_> = all.iter().flat_map(|vitals| vitals.tried_types()).collect();
    let strange: Vec<_> = plan.ends.iter().filter(|(_, end)| !is_explained(end, fault, &tried)).collect();
    assert_eq!(strange, Vec::<&(&str, String)>::new());
    operator.abort();
    house.supervised.shutdown(Duration::from_secs(6)).await;
    stage.witness.note(What::Stop);
    stage.clock.stop();
    all
}

/// Rounds: `KESTREL_HANDLER_ROUNDS`, or one, each with a seed of its own.
fn rounds() -> u64 {
    let told = std::env::var("KESTREL_HANDLER_ROUNDS").ok();
    told.map_or(1, |text| text.parse().expect("KESTREL_HANDLER_ROUNDS is a whole number"))
}

/// What became of the handlers in all rounds.
#[derive(Default)]
struct Tally {
    /// Handlers that the first round called, by their actors: each must be struck. Other days may call a few more, once.
    called: BTreeSet<(&'static str, &'static str)>,
    struck: BTreeSet<(&'static str, &'static str)>,
    orders: u64,
}

/// The end of a day of trading, and the hour after it, in each round.
fn lives_through(fault: Fault) {
    let (rounds, mut tally) = (rounds(), Tally::default());
    for seed in FIRST_SEED..FIRST_SEED + rounds {
        lives_through_one(fault, seed, &mut tally);
    }
    let Tally { called, struck, orders } = tally;
    let spared: Vec<_> = called.difference(&struck).filter(|(_, message)| !RARE.contains(message)).collect();
    assert_eq!(spared, Vec::<&(&str, &str)>::new(), "each of {} handlers suffers it", called.len());
    assert!(called.len() >= 79, "{} handlers are not all that a day calls", called.len());
    assert!(orders >= 20 * rounds, "{orders} orders in {rounds} rounds prove little");
    println!("{fault:?} in each of {} handlers, {rounds} rounds, {orders} orders", called.len());
}

fn lives_through_one(fault: Fault, seed: u64, tally: &mut Tally) {
    let options = Options { markets: vec![Market::Kr], ..Options::default() };
    let date = Market::Kr.date_at(timetable::watches(seed, &options)[0].start);
    let session = Calendar::official().session_on(Market::Kr, date).unwrap();
    let (mut config, means) = (settings(1, &options, Means::Ample).unwrap(), Means::Ample);
    // Few stocks: it is the handlers that count.
    config.scanner.top_n = 4;
    let stage = Arc::new(Stage::new(seed, config, session.close - BEFORE_CLOSE, true, means).unwrap());
    stage.quiet();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.unwrap();
    let until = session.close + AFTER_CLOSE;
    let all = System::with_tokio_rt(move || runtime).block_on(suffer(&stage, fault, until));
    let report = conclude(seed, &stage).unwrap();
    assert!(report.violations.is_empty(), "seed {seed}: {:#?}", report.violations);
    let is_first = tally.orders == 0;
    for vitals in &all {
        let handled = vitals.handled_types().into_iter().filter(|_| is_first);
        tally.called.extend(handled.map(|one| (vitals.name, one)));
        tally.struck.extend(vitals.tried_types().into_iter().map(|one| (vitals.name, one)));
    }
    tally.orders += report.orders;
}

#[test]
fn invariant_15_a_panic_in_every_handler_of_a_working_day_leaves_everyone_alive_and_the_books_true() {
    lives_through(Fault::Panic);
}

#[test]
fn invariant_17_a_hang_in_every_handler_of_a_working_day_leaves_everyone_alive_and_the_books_true() {
    lives_through(Fault::Hang);
}
