//! What came of purchases, read from the executions themselves, so that it can never differ from them.

use chrono::{NaiveDate, NaiveTime};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use domain::messages::consultation::{ClosedPosition, ClosedPositions};
use domain::{Confidence, DecisionId, Instrument, Market, SelectionContext, Side};
use trade_ledger::StoreError;
use trade_ledger::outcomes::{Execution, closed};

use super::fault::Fault;
use super::rows::instrument;
use super::schema::{approvals, intents};
use super::values::{Micros, malformed, ms, parsed, shares, time};

/// Most executions of all markets looked back on; a position that was opened before them is left out.
const EXECUTIONS_MAX: i64 = 5_000;

const EXECUTIONS: &str = "
    SELECT f.id AS id, i.market AS market, i.symbol AS symbol, i.side AS side, f.quantity AS quantity,
           f.cost_micros AS cost_micros, f.pnl_micros AS pnl_micros, f.booked_at_ms AS booked_at_ms,
           a.decision_id AS decision_id, a.confidence AS confidence, d.selection_context AS selection_context
      FROM fills AS f
      JOIN intents AS i ON i.id = f.intent_id
      JOIN approvals AS a ON a.id = i.approval_id
      LEFT JOIN decisions AS d ON d.id = a.decision_id
     WHERE f.id > (SELECT coalesce(max(id), 0) FROM fills WHERE booked_at_ms < ?1) - ?2 AND f.booked_at_ms < ?1 AND i.market = ?3
     ORDER BY f.id";

/// The orders of one stock first, each with its executions: both are found by an index.
const EXECUTIONS_OF_STOCK: &str = "
    SELECT i.id AS intent_id, i.side AS side, f.quantity AS quantity, f.cost_micros AS cost_micros,
           f.pnl_micros AS pnl_micros, f.booked_at_ms AS booked_at_ms
      FROM intents AS i
     CROSS JOIN fills AS f ON f.intent_id = i.id
     WHERE i.symbol = ? AND i.market = ?
     ORDER BY f.id";

#[derive(QueryableByName)]
struct RowOfStock {
    #[diesel(sql_type = Text)]
    intent_id: String,
    #[diesel(sql_type = Text)]
    side: String,
    #[diesel(sql_type = BigInt)]
    quantity: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    cost_micros: Option<Micros>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pnl_micros: Option<Micros>,
    #[diesel(sql_type = BigInt)]
    booked_at_ms: i64,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    market: String,
    #[diesel(sql_type = Text)]
    symbol: String,
    #[diesel(sql_type = Text)]
    side: String,
    #[diesel(sql_type = BigInt)]
    quantity: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    cost_micros: Option<Micros>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pnl_micros: Option<Micros>,
    #[diesel(sql_type = BigInt)]
    booked_at_ms: i64,
    #[diesel(sql_type = Text)]
    decision_id: String,
    #[diesel(sql_type = BigInt)]
    confidence: i64,
    #[diesel(sql_type = Nullable<Text>)]
    selection_context: Option<String>,
}

/// Newest first.
pub(super) fn closed_positions(
    conn: &mut SqliteConnection,
    query: ClosedPositions,
) -> Result<Vec<ClosedPosition>, Fault> {
    let ClosedPositions { market, closed_before, .. } = query;
    let mut positions = all(conn, market, closed_before)?;
    positions.retain(|one| closed_before.is_none_or(|day| market.date_at(one.closed_at) < day));
    positions.reverse();
    positions.truncate(usize::from(query.limit.clamp(1, 500)));
    Ok(positions)
}

/// What came of one purchase, once its position is closed. All executions of its stock are looked at and of no other, however
/// long ago they were booked.
pub(super) fn of_decision(
    conn: &mut SqliteConnection,
    stock: &Instrument,
    decision: &str,
) -> Result<Option<ClosedPosition>, Fault> {
    let own: Vec<(String, i64)> = intents::table
        .inner_join(approvals::table)
        .filter(approvals::decision_id.eq(decision))
        .filter(intents::side.eq(Side::Buy.code()))
        .select((intents::id, approvals::confidence))
        .load(conn)?;
    let Some((_, sure)) = own.first() else { return Ok(None) };
    let confidence = Confidence::new(*sure).map_err(|_| malformed("confidence", &sure.to_string()))?;
    let rows: Vec<RowOfStock> = diesel::sql_query(EXECUTIONS_OF_STOCK)
        .bind::<Text, _>(stock.symbol.as_str())
        .bind::<Text, _>(stock.market.code())
        .load(conn)?;
    let execution = |row: RowOfStock| -> Result<Execution, StoreError> {
        // Whose the other executions are makes no difference to what came of this purchase.
        let is_own = own.iter().any(|(intent, _)| *intent == row.intent_id);
        Ok(Execution {
            instrument: stock.clone(),
            side: parsed("side", &row.side)?,
            quantity: shares(row.quantity)?,
            cost: row.cost_micros.map(Micros::decimal),
            pnl: row.pnl_micros.map(Micros::decimal),
            booked_at: time(row.booked_at_ms)?,
            decision: DecisionId::from_stored(if is_own { decision.to_owned() } else { String::new() }),
            confidence,
            signal: None,
        })
    };
    let executions = rows.into_iter().map(execution).collect::<Result<Vec<_>, _>>()?;
    Ok(closed(&executions).into_iter().find(|one| one.decision.as_str() == decision))
}

/// With executions until that day, wherever on earth it begins.
fn all(
    conn: &mut SqliteConnection,
    market: Market,
    until: Option<NaiveDate>,
) -> Result<Vec<ClosedPosition>, Fault> {
    let end = until
        .and_then(|day| day.succ_opt())
        .map_or(i64::MAX, |day| ms(day.and_time(NaiveTime::MIN).and_utc()));
    let rows: Vec<Row> = diesel::sql_query(EXECUTIONS)
        .bind::<BigInt, _>(end)
        .bind::<BigInt, _>(EXECUTIONS_MAX)
        .bind::<Text, _>(market.code())
        .load(conn)?;
    let executions = rows.into_iter().map(execution).collect::<Result<Vec<_>, _>>()?;
    Ok(closed(&executions))
}

fn execution(row: Row) -> Result<Execution, StoreError> {
    // What cannot be read is not known; it is no reason to know nothing of the rest.
    let selection =
        row.selection_context.and_then(|text| serde_json::from_str::<SelectionContext>(&text).ok());
    let confidence = Confidence::new(row.confidence);
    Ok(Execution {
        instrument: instrument(&row.market, &row.symbol)?,
        side: parsed("side", &row.side)?,
        quantity: shares(row.quantity)?,
        cost: row.cost_micros.map(Micros::decimal),
        pnl: row.pnl_micros.map(Micros::decimal),
        booked_at: time(row.booked_at_ms)?,
        decision: DecisionId::from_stored(row.decision_id),
        confidence: confidence.map_err(|_| malformed("confidence", &row.confidence.to_string()))?,
        signal: selection.map(|selection| selection.signal),
    })
}
