//! Two saturated minutes in real time: `cargo bench --bench pacing`.
//!
//! At both rates that the settings allow at most, waiters of every other urgency never run out, and a sale asks for its
//! turn again and again: once of the pacer alone, measured at the moments of its grants, and once through the adapter and
//! HTTP, measured where the requests arrive at the simulated exchange, which refuses what comes too fast. Prints both, and
//! ends with an error where a bar is missed: the share of the rate that was used, the fullest sliding second, and how long
//! a sale waited. At the exchange nothing may have been refused either.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a bench is read on a terminal and ends at the first fault"
)]

mod arrivals;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use broker::{Pacer, Urgency};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{BoxFuture, Clock};
use kestrel::simulator::Environment;
use tokio::task::LocalSet;

const MINUTE: Duration = Duration::from_secs(60);
/// The least share of the configured rate that a saturated minute uses.
const USED_PCT: f64 = 98.0;
/// The most slots that a sale waits.
const EXIT_SLOTS: f64 = 2.0;
/// Waiters of each urgency below a sale's.
const WAITERS: usize = 5;
/// The highest rates that the settings take, and what KIS documents (KIS.md 4).
const RATES: [Rate; 2] = [
    Rate { name: "live", host: Environment::Real, per_second: 19.0, documented: 20 },
    Rate { name: "paper", host: Environment::Paper, per_second: 1.9, documented: 2 },
];

struct Rate {
    name: &'static str,
    /// The exchange whose limit this is.
    host: Environment,
    per_second: f64,
    documented: usize,
}

/// Exchange time that runs with the machine's.
struct RealClock {
    begun: Instant,
}

impl Clock for RealClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::from_std(self.begun.elapsed()).expect("a short time")
    }

    fn sleep_until(&self, until: DateTime<Utc>) -> BoxFuture<'static, ()> {
        let wait = (until - self.now()).to_std().unwrap_or_default();
        Box::pin(tokio::time::sleep(wait))
    }

    fn real(&self, exchange_time: Duration) -> Duration {
        exchange_time
    }
}

/// What one minute showed.
#[derive(Default)]
struct Seen {
    granted_at: Vec<Instant>,
    exit_waits: Vec<Duration>,
    /// Requests that the exchange refused.
    refused: usize,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let granted =
        LocalSet::new().block_on(&runtime, async { tokio::join!(minute(&RATES[0]), minute(&RATES[1])) });
    let pacer_held = table("granted by the pacer", granted.into());
    let arrived = LocalSet::new()
        .block_on(&runtime, async { tokio::join!(arrivals::minute(&RATES[0]), arrivals::minute(&RATES[1])) });
    let wire_held = table("arrived at the exchange", arrived.into());
    assert!(pacer_held && wire_held, "a bar is missed");
}

/// One table; false when a bar is missed.
fn table(title: &str, seen: [Seen; 2]) -> bool {
    println!(
        "{title}\n{:<6} {:>6} {:>7} {:>7} {:>9} {:>11} {:>7} {:>6} {:>15}",
        "rate", "a s", "turns", "used %", "in 1 s", "documented", "refused", "sales", "longest, slots"
    );
    RATES.iter().zip(seen).map(|(rate, seen)| judge(rate, &seen)).fold(true, |a, b| a & b)
}

/// One line of the table; false when a bar is missed.
fn judge(rate: &Rate, seen: &Seen) -> bool {
    let granted = u32::try_from(seen.granted_at.len()).expect("few grants");
    let used_pct = f64::from(granted) / (rate.per_second * MINUTE.as_secs_f64()) * 100.0;
    let fullest = fullest_second(&seen.granted_at);
    let longest = seen.exit_waits.iter().max().expect("a sale asked").as_secs_f64() * rate.per_second;
    let is_within = fullest <= rate.documented && seen.refused == 0;
    let held = used_pct >= USED_PCT && is_within && longest <= EXIT_SLOTS;
    println!(
        "{:<6} {:>6} {granted:>7} {used_pct:>7.2} {fullest:>9} {:>11} {:>7} {:>6} {longest:>15.2}{}",
        rate.name,
        rate.per_second,
        rate.documented,
        seen.refused,
        seen.exit_waits.len(),
        if held { "" } else { "  MISSED" }
    );
    held
}

/// The most grants within any second, its end excluded.
fn fullest_second(granted_at: &[Instant]) -> usize {
    let within = |(first, at): (usize, &Instant)| {
        granted_at[first..].iter().take_while(|later| **later - *at < Duration::from_secs(1)).count()
    };
    granted_at.iter().enumerate().map(within).max().unwrap_or(0)
}

async fn minute(rate: &Rate) -> Seen {
    let seen = Rc::new(RefCell::new(Seen::default()));
    let begun = Instant::now();
    let pacer = Pacer::new(rate.per_second, Arc::new(RealClock { begun }));
    let mut tasks = Vec::new();
    for urgency in [Urgency::Cancel, Urgency::Reconcile, Urgency::Entry, Urgency::Scan] {
        for _ in 0..WAITERS {
            tasks.push(tokio::task::spawn_local(ask_without_end(pacer.clone(), urgency, seen.clone())));
        }
    }
    tasks.push(tokio::task::spawn_local(sell(pacer, rate.per_second, seen.clone())));
    tokio::time::sleep(MINUTE).await;
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    let mut seen = seen.take();
    seen.granted_at.retain(|at| *at - begun < MINUTE);
    seen
}

async fn ask_without_end(pacer: Arc<Pacer>, urgency: Urgency, seen: Rc<RefCell<Seen>>) {
    loop {
        pacer.turn(urgency).await;
        seen.borrow_mut().granted_at.push(Instant::now());
    }
}

/// A sale asks at moments that fall anywhere within a slot.
async fn sell(pacer: Arc<Pacer>, per_second: f64, seen: Rc<RefCell<Seen>>) {
    loop {
        tokio::time::sleep(Duration::from_secs_f64(3.7 / per_second)).await;
        let asked = Instant::now();
        pacer.turn(Urgency::Exit).await;
        let mut seen = seen.borrow_mut();
        seen.exit_waits.push(asked.elapsed());
        seen.granted_at.push(Instant::now());
    }
}
