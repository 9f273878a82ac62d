//! Times of a person's questions on the books of a year: `cargo bench --bench questions`.
//!
//! Ten markets, 250 days, 20 stocks judged four times a day each: 200,000 judgements, and the refusals, orders, fills and
//! events of them. Each question is asked as the agent asks it, over a connection of its own. A bar that is missed ends the
//! bench with an error.

#![expect(clippy::print_stdout, reason = "a bench is read on a terminal")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use domain::Market;
use domain::messages::operator::{DecisionsWanted, EventsWanted, OrdersWanted, Question, Since, StockWanted};
use kestrel::store::{self, Sight};

/// Each question is asked so often, of another stock and day each time.
const ASKED: u32 = 400;
/// p99 of `why` and `why-not` on a ledger of a year.
const BAR: Duration = Duration::from_millis(50);

/// Days, stocks of a market, and judgements of a stock and day.
const DAYS: u32 = 250;
const STOCKS: u32 = 20;
const TURNS: u32 = 4;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trades.db");
    drop(store::open(&path).unwrap());
    let begun = Instant::now();
    fill(&path);
    let size_mib = std::fs::metadata(&path).unwrap().len() >> 20;
    println!("books of a year: {size_mib} MiB, made in {:.1} s", begun.elapsed().as_secs_f32());
    println!("{:<34} {:>10} {:>10} {:>10}", format!("asked {ASKED} times"), "median", "p99", "bar of p99");
    let results: Vec<bool> = questions()
        .into_iter()
        .map(|(name, question, bar)| {
            let (median, p99) = measure(&path, question);
            let shown = bar.map_or("-".to_owned(), |bar| format!("{bar:?}"));
            let missed = bar.is_some_and(|bar| p99 > bar);
            println!(
                "{name:<34} {median:>10.1?} {p99:>10.1?} {shown:>10}{}",
                if missed { "  MISSED" } else { "" }
            );
            !missed
        })
        .collect();
    assert!(results.iter().all(|met| *met), "a bar is missed");
}

type Asks = fn(u32) -> Question;

fn questions() -> [(&'static str, Asks, Option<Duration>); 9] {
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

fn first_day() -> DateTime<Utc> {
    "2025-11-24T00:30:00Z".parse().unwrap()
}

fn day(turn: u32) -> DateTime<Utc> {
    first_day() + TimeDelta::days(i64::from(turn.wrapping_mul(104_729) % DAYS)) + TimeDelta::hours(12)
}

fn measure(path: &Path, asks: Asks) -> (Duration, Duration) {
    let now = first_day() + TimeDelta::days(i64::from(DAYS));
    let mut times: Vec<Duration> = (0..ASKED)
        .map(|turn| {
            let question = asks(turn);
            let begun = Instant::now();
            let mut reader = store::open_read_only(path).unwrap();
            let answer = reader.answer(&question, Sight { now, accounts: &[] }).unwrap();
            let took = begun.elapsed();
            std::hint::black_box(answer);
            took
        })
        .collect();
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

/// One row per judgement is counted out; everything else follows from its number. Every fifth judgement is a purchase or a
/// sale, of which every second is refused and the others are ordered and filled.
fn fill(path: &Path) {
    let markets: Vec<&str> = Market::ALL.iter().map(|market| market.code()).collect();
    let rows = DAYS * 10 * STOCKS * TURNS;
    let start_ms = first_day().timestamp_millis();
    let per_day = 10 * STOCKS * TURNS;
    let case: String =
        markets.iter().enumerate().map(|(index, code)| format!(" WHEN {index} THEN '{code}'")).collect();
    let sql = format!(
        "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; BEGIN;
         CREATE TEMP TABLE turns AS
           WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {rows})
           SELECT i, CASE i % 10{case} END AS market, 'S' || (100000 + (i / 10) % {STOCKS}) AS symbol,
                  date('2025-11-24', '+' || (i / {per_day}) || ' days') AS session_date,
                  {start_ms} + (i / {per_day}) * 86400000 + (i % {per_day}) * 20000 AS at_ms,
                  CASE WHEN (i / 10) % 5 <> 0 THEN 'HOLD' WHEN (i / 200) % 2 = 0 THEN 'BUY' ELSE 'SELL' END AS action
             FROM n;
         INSERT INTO decisions (id, market, symbol, action, confidence, rationale, price_micros, session_date, judge, at_ms)
           SELECT 'd-' || i, market, symbol, action, 85, 'oversold with volume; ' || hex(randomblob(60)), 70000000000 + i,
                  session_date, 'rules', at_ms FROM turns;
         INSERT INTO refusals (decision_id, market, symbol, action, reason, detail, at_ms)
           SELECT 'd-' || i, market, symbol, action, 'FatFinger', 'an order of 310000 KRW is more than 30 %', at_ms + 5
             FROM turns WHERE action <> 'HOLD' AND (i / 10000) % 2 = 0;
         INSERT INTO approvals (id, decision_id, confidence, approved_at_ms, expires_at_ms, halt_epoch)
           SELECT 'a-' || i, 'd-' || i, 85, at_ms + 5, at_ms + 60005, 0
             FROM turns WHERE action <> 'HOLD' AND (i / 10000) % 2 = 1;
         INSERT INTO intents (id, approval_id, market, symbol, session_date, side, quantity, limit_micros, state, sent_at_ms,
                              filled, amount_micros, changed_at_ms)
           SELECT 'i-' || i, 'a-' || i, market, symbol, session_date, action, 10, 70000000000, 'Filled', at_ms + 50, 10,
                  699000000000, at_ms + 9000
             FROM turns WHERE action <> 'HOLD' AND (i / 10000) % 2 = 1;
         INSERT INTO fills (intent_id, quantity, amount_micros, price_micros, cost_micros, pnl_micros, booked_at_ms)
           SELECT 'i-' || i, 10, 699000000000, 69900000000, iif(action = 'SELL', 690000000000, NULL),
                  iif(action = 'SELL', 9000000000, NULL), at_ms + 9000
             FROM turns WHERE action <> 'HOLD' AND (i / 10000) % 2 = 1;
         INSERT INTO positions (market, symbol, quantity, cost_micros)
           SELECT DISTINCT market, symbol, 10, 699000000000 FROM turns WHERE symbol < 'S100003';
         INSERT INTO day_starts (currency, session_date, equity_micros, at_ms)
           SELECT DISTINCT 'KRW', session_date, 1000000000000, {start_ms} FROM turns;
         INSERT INTO events (at_ms, kind, market, line)
           SELECT at_ms, iif(action = 'HOLD', 'decision', 'fill'), market, action || ' ' || symbol || ', confidence 85: oversold'
             FROM turns;
         DROP TABLE turns;
         COMMIT;"
    );
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection.batch_execute(&sql).unwrap();
}
