//! Books of a year for the benches: ten markets, 250 days, 20 stocks judged four times a day each.

use std::path::Path;

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use domain::Market;

/// Days, stocks of a market, and judgements of a stock and day.
pub(crate) const DAYS: u32 = 250;
pub(crate) const STOCKS: u32 = 20;
pub(crate) const TURNS: u32 = 4;

/// Shortly after the first day's open in Korea.
pub(crate) fn first_day() -> DateTime<Utc> {
    "2025-11-24T00:30:00Z".parse().unwrap()
}

/// One row per judgement is counted out; everything else follows from its number. Every fifth judgement is a purchase or a
/// sale, of which every second is refused and the others are ordered and filled.
pub(crate) fn fill(path: &Path) {
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
         INSERT INTO closed_days (market, session_date, closed_at_ms)
           SELECT DISTINCT market, session_date, {start_ms} FROM turns;
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
