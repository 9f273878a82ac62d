//! Times of the market calendar: `cargo bench --bench calendar`.
//!
//! Prints figures and the bar of each; a bar that is missed ends the bench with an error. Machines are noisy: each
//! figure is the best of several rounds.

#![expect(clippy::print_stdout, reason = "a bench is read on a terminal")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use domain::Market;
use market_clock::Calendar;

const ROUNDS: usize = 7;
/// Bars of the calendars' issue.
const QUERY: Duration = Duration::from_nanos(200);
const BUILD: Duration = Duration::from_millis(50);

fn main() {
    let calendar = Calendar::official();
    let instants = instants();
    let results = [
        ("is_open", query(&instants, |market, at| calendar.is_open(market, at).is_some()), QUERY),
        ("next_open", query(&instants, |market, at| calendar.next_open(market, at).is_some()), QUERY),
        (
            "next_session_open",
            query(&instants, |market, at| calendar.next_session_open(market, at).is_some()),
            QUERY,
        ),
        ("build all ten tables", best(|| time(|| black_box(Calendar::expand()).fault().is_none())), BUILD),
    ];
    println!("{:<22} {:>12} {:>12}", format!("best of {ROUNDS}"), "measured", "bar");
    for (what, measured, bar) in &results {
        let (measured_text, bar_text) = (format!("{measured:?}"), format!("{bar:?}"));
        println!(
            "{what:<22} {measured_text:>12} {bar_text:>12}{}",
            if measured > bar { "  MISSED" } else { "" }
        );
    }
    assert!(results.iter().all(|(_, measured, bar)| measured <= bar), "a bar is missed");
}

/// Instants spread over the table, a prime number of seconds apart so that none falls on the same time of day.
fn instants() -> Vec<DateTime<Utc>> {
    let first = DateTime::from_timestamp(1_420_070_400, 0).unwrap_or_default();
    (0..100_000).map(|index| first + TimeDelta::seconds(4_099) * index).collect()
}

/// The mean time of one question, over all instants and markets.
fn query(instants: &[DateTime<Utc>], ask: impl Fn(Market, DateTime<Utc>) -> bool) -> Duration {
    let all = best(|| {
        time(|| {
            let known = instants
                .iter()
                .flat_map(|at| Market::ALL.map(|market| ask(black_box(market), black_box(*at))));
            known.filter(|known| *known).count() > 0
        })
    });
    let questions = u32::try_from(instants.len() * Market::ALL.len()).unwrap_or(u32::MAX);
    all / questions
}

fn best(round: impl Fn() -> Duration) -> Duration {
    (0..ROUNDS).map(|_| round()).min().unwrap_or_default()
}

fn time(work: impl FnOnce() -> bool) -> Duration {
    let start = Instant::now();
    assert!(black_box(work()), "the calendar answers");
    start.elapsed()
}
