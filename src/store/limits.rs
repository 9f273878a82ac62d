//! Limits that were made stricter at run time, and what RiskGuard counts and sells by.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::messages::ledger::EventKind;
use domain::messages::limits::{LimitsChange, LimitsRecord, OwnPosition};
use domain::{Confidence, EventId, Instrument};
use trade_ledger::StoreError;

use super::fault::Fault;
use super::halts;
use super::journal::append;
use super::schema::{approvals, limit_changes, positions};
use super::values::{Micros, malformed, ms, parsed, shares, stored, time};

/// No window that is counted holds more: the hard ceiling of a day is far below.
const APPROVALS_MAX: i64 = 2000;

type LimitsRow = (i64, Option<Micros>, Option<Micros>, Option<i64>, Option<i64>, Option<i64>);

pub(super) fn record(conn: &mut SqliteConnection, record: &LimitsRecord) -> Result<EventId, Fault> {
    let event = append(conn, record.at, EventKind::Alarm, None, &line(record))?;
    let change = record.change.unwrap_or_default();
    let fencing = halts::fencing_epoch(conn)?;
    let row = (
        limit_changes::at_ms.eq(ms(record.at)),
        limit_changes::fencing_epoch.eq(stored(fencing.0)?),
        limit_changes::source.eq(record.source.code()),
        limit_changes::by_whom.eq(&record.by),
        limit_changes::reason.eq(&record.reason),
        limit_changes::max_loss_micros.eq(change.max_loss_pct.map(Micros::exact).transpose()?),
        limit_changes::max_order_micros.eq(change.max_order_pct.map(Micros::exact).transpose()?),
        limit_changes::confidence.eq(change.confidence_threshold.map(i64::from)),
        limit_changes::orders_per_minute.eq(change.max_orders_per_minute.map(i64::from)),
        limit_changes::orders_per_day.eq(change.max_orders_per_day.map(i64::from)),
        limit_changes::event_id.eq(stored(event.0)?),
    );
    diesel::insert_into(limit_changes::table).values(row).execute(conn)?;
    Ok(event)
}

fn line(record: &LimitsRecord) -> String {
    let LimitsRecord { source, by, reason, change, .. } = record;
    let Some(change) = change else {
        return format!("stricter limits withdrawn from the next start on by {by} ({source}): {reason}");
    };
    let named = [
        change.max_loss_pct.map(|pct| format!("daily loss {pct} %")),
        change.max_order_pct.map(|pct| format!("order {pct} % of cash")),
        change.confidence_threshold.map(|least| format!("confidence {least}")),
        change.max_orders_per_minute.map(|most| format!("{most} entries a minute")),
        change.max_orders_per_day.map(|most| format!("{most} entries a day")),
    ];
    let named: Vec<_> = named.into_iter().flatten().collect();
    format!("limits made stricter by {by} ({source}): {}: {reason}", named.join(", "))
}

/// Changes that hold in the boot `fencing`, oldest first: a withdrawal counts from the boot after it.
pub(super) fn in_force(conn: &mut SqliteConnection, fencing: i64) -> Result<Vec<LimitsChange>, Fault> {
    let withdrawn: Option<i64> = limit_changes::table
        .filter(limit_changes::fencing_epoch.lt(fencing))
        .filter(limit_changes::max_loss_micros.is_null())
        .filter(limit_changes::max_order_micros.is_null())
        .filter(limit_changes::confidence.is_null())
        .filter(limit_changes::orders_per_minute.is_null())
        .filter(limit_changes::orders_per_day.is_null())
        .select(diesel::dsl::max(limit_changes::seq))
        .first(conn)?;
    let rows: Vec<LimitsRow> = limit_changes::table
        .filter(limit_changes::seq.gt(withdrawn.unwrap_or(0)))
        .order(limit_changes::seq)
        .select((
            limit_changes::seq,
            limit_changes::max_loss_micros,
            limit_changes::max_order_micros,
            limit_changes::confidence,
            limit_changes::orders_per_minute,
            limit_changes::orders_per_day,
        ))
        .load(conn)?;
    let changes: Result<Vec<_>, StoreError> = rows.into_iter().map(change).collect();
    let is_change = |change: &LimitsChange| *change != LimitsChange::default();
    Ok(changes?.into_iter().filter(is_change).collect())
}

fn change((_, loss, order, confidence, minute, day): LimitsRow) -> Result<LimitsChange, StoreError> {
    let small = |number: i64| u32::try_from(number).map_err(|_| malformed("limit", &number.to_string()));
    let sure = |n: i64| Confidence::new(n).map_err(|_| malformed("confidence", &n.to_string()));
    Ok(LimitsChange {
        max_loss_pct: loss.map(Micros::decimal),
        max_order_pct: order.map(Micros::decimal),
        confidence_threshold: confidence.map(sure).transpose()?,
        max_orders_per_minute: minute.map(small).transpose()?,
        max_orders_per_day: day.map(small).transpose()?,
    })
}

pub(super) fn approvals_since(
    conn: &mut SqliteConnection,
    since: DateTime<Utc>,
) -> Result<Vec<DateTime<Utc>>, Fault> {
    let mut times: Vec<i64> = approvals::table
        .filter(approvals::approved_at_ms.gt(ms(since)))
        .order(approvals::approved_at_ms.desc())
        .limit(APPROVALS_MAX)
        .select(approvals::approved_at_ms)
        .load(conn)?;
    times.reverse();
    times.into_iter().map(|at_ms| Ok(time(at_ms)?)).collect()
}

pub(super) fn own_positions(conn: &mut SqliteConnection) -> Result<Vec<OwnPosition>, Fault> {
    let rows: Vec<(String, String, i64)> = positions::table
        .filter(positions::quantity.gt(0))
        .order((positions::market, positions::symbol))
        .select((positions::market, positions::symbol, positions::quantity))
        .load(conn)?;
    let own = |(market, symbol, quantity): (String, String, i64)| -> Result<OwnPosition, StoreError> {
        let instrument =
            Instrument { market: parsed("market", &market)?, symbol: parsed("symbol", &symbol)? };
        Ok(OwnPosition { instrument, quantity: shares(quantity)? })
    };
    rows.into_iter().map(|row| Ok(own(row)?)).collect()
}
