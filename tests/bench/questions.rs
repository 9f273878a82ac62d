//! Times of a person's questions on the books of a year: `cargo bench --bench questions`.
//!
//! Ten markets, 250 days, 20 stocks judged four times a day each: 200,000 judgements, and the refusals, orders, fills and
//! events of them. Each question is asked as the agent asks it, over a connection of its own; between the questions a single row
//! is looked up, and the ratio of both tells what is the question's and what the machine's. Then the true program shows its page
//! and its metrics on these books. A bar that is missed ends the bench with an error.

#![expect(clippy::print_stdout, reason = "a bench is read on a terminal")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

#[path = "web.rs"]
mod web;
#[path = "year.rs"]
mod year;

use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use domain::Market;
use domain::messages::operator::{DecisionsWanted, EventsWanted, OrdersWanted, Question, Since, StockWanted};
use kestrel::store::{self, Sight};
use year::{DAYS, STOCKS, TURNS, fill, first_day};

/// Each question is asked so often, of another stock and day each time.
const ASKED: u32 = 400;
/// p99 of `why` and `why-not` on a ledger of a year.
const BAR: Duration = Duration::from_millis(50);

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/trades.db");
    drop(store::open(&path).unwrap());
    let begun = Instant::now();
    fill(&path);
    let size_mib = std::fs::metadata(&path).unwrap().len() >> 20;
    println!("books of a year: {size_mib} MiB, made in {:.1} s", begun.elapsed().as_secs_f32());
    let columns = ["median", "p99", "bar of p99", "one row", "ratio"];
    println!(
        "{:<34} {}",
        format!("asked {ASKED} times"),
        columns.map(|name| format!("{name:>10}")).join(" ")
    );
    let results: Vec<bool> =
        questions().into_iter().map(|(name, question, bar)| told(&path, name, question, bar)).collect();
    let shown = web::measure(folder.path());
    assert!(results.iter().all(|met| *met) && shown, "a bar is missed");
}

/// Prints a line; true when its bar is met.
fn told(path: &Path, name: &str, question: Asks, bar: Option<Duration>) -> bool {
    let Measured { median, p99, one_row } = measure(path, question);
    let missed = bar.is_some_and(|bar| p99 > bar);
    let bar = bar.map_or("-".to_owned(), |bar| format!("{bar:?}"));
    let ratio = median.as_secs_f64() / one_row.as_secs_f64();
    println!(
        "{name:<34} {median:>10.1?} {p99:>10.1?} {bar:>10} {one_row:>10.1?} {ratio:>10.1}{}",
        if missed { "  MISSED" } else { "" }
    );
    !missed
}

type Asks = fn(u32) -> Question;

fn questions() -> [(&'static str, Asks, Option<Duration>); 11] {
    [
        ("why, the newest order", |turn| Question::Why { stock: stock(turn, true), at: None }, Some(BAR)),
        (
            "why, of an instant",
            |turn| Question::Why { stock: stock(turn, true), at: Some(day(turn)) },
            Some(BAR),
        ),
        ("why, by the code alone", |turn| Question::Why { stock: stock(turn, false), at: None }, Some(BAR)),
        (
            "why-not, the newest day",
            |turn| Question::WhyNot { stock: stock(turn, true), on: None },
            Some(BAR),
        ),
        (
            "why-not, of a day, by the code",
            |turn| Question::WhyNot { stock: stock(turn, false), on: Some(day(turn).date_naive()) },
            Some(BAR),
        ),
        ("positions", |_| Question::Positions, None),
        ("pnl since the books began", |_| Question::Pnl { since: None }, None),
        (
            "decisions of a quiet day",
            |_| {
                let since = Some(Since::At(first_day() + TimeDelta::days(i64::from(DAYS) + 2)));
                Question::Decisions(DecisionsWanted { stock: None, since, limit: 30 })
            },
            None,
        ),
        ("pnl of a week", |turn| Question::Pnl { since: Some(Since::At(day(turn))) }, None),
        (
            "decisions of a stock, orders next",
            |turn| match turn % 2 {
                0 => Question::Decisions(DecisionsWanted {
                    stock: Some(stock(turn, true)),
                    since: None,
                    limit: 50,
                }),
                _ => Question::Orders(OrdersWanted { open_only: false, since: None, limit: 50 }),
            },
            None,
        ),
        (
            "the newest events of a kind",
            |_| {
                let kind = Some(domain::messages::ledger::EventKind::Fill);
                Question::Events(EventsWanted { kind, since: None, after: None, limit: 50 })
            },
            None,
        ),
    ]
}

/// Spread over all markets and stocks.
fn stock(turn: u32, with_market: bool) -> StockWanted {
    let market = Market::ALL[(turn % 10) as usize];
    let symbol = format!("S{}", 100_000 + turn.wrapping_mul(7_919) % STOCKS).parse().unwrap();
    StockWanted { market: with_market.then_some(market), symbol }
}

fn day(turn: u32) -> DateTime<Utc> {
    first_day() + TimeDelta::days(i64::from(turn.wrapping_mul(104_729) % DAYS)) + TimeDelta::hours(12)
}

struct Measured {
    median: Duration,
    p99: Duration,
    /// The median of a look at a single row, over a connection of its own too, taken between the questions: what of a time is
    /// the machine's.
    one_row: Duration,
}

fn measure(path: &Path, asks: Asks) -> Measured {
    let now = first_day() + TimeDelta::days(i64::from(DAYS));
    let (mut times, mut rows) = (Vec::new(), Vec::new());
    for turn in 0..ASKED {
        let question = asks(turn);
        times.push(timed(|| {
            let mut reader = store::open_read_only(path).unwrap();
            std::hint::black_box(reader.answer(&question, Sight { now, accounts: &[] }).unwrap());
        }));
        rows.push(timed(|| one_row(path, turn)));
    }
    times.sort_unstable();
    rows.sort_unstable();
    Measured {
        median: times[times.len() / 2],
        p99: times[times.len() * 99 / 100],
        one_row: rows[rows.len() / 2],
    }
}

fn timed(asked: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    asked();
    begun.elapsed()
}

#[derive(QueryableByName)]
struct OneRow {
    #[diesel(sql_type = diesel::sql_types::Text)]
    rationale: String,
}

/// The least that a question can cost: a connection, and one judgement by its id.
fn one_row(path: &Path, turn: u32) {
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let number = turn.wrapping_mul(104_729) % (DAYS * 10 * STOCKS * TURNS);
    let query = format!("SELECT rationale FROM decisions WHERE id = 'd-{number}'");
    let rows: Vec<OneRow> = diesel::sql_query(query).load(&mut connection).unwrap();
    assert!(!rows[0].rationale.is_empty());
}
