//! Limits that were made stricter at run time, and what RiskGuard counts and sells by.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::messages::ledger::EventKind;
use domain::messages::limits::{LimitName, LimitsChange, LimitsRecord, OwnPosition};
use domain::{EventId, Instrument, Price};

use super::fault::Fault;
use super::halts;
use super::journal::append;
use super::schema::{approvals, exit_peaks, limit_changes, limit_values, positions};
use super::values::{Micros, ms, parsed, shares, stored, time};

/// No window that is counted holds more: the hard ceiling of a day is far below.
const APPROVALS_MAX: i64 = 2000;

pub(super) fn record(conn: &mut SqliteConnection, record: &LimitsRecord) -> Result<EventId, Fault> {
    let event = append(conn, record.at, EventKind::Alarm, None, &line(record))?;
    let fencing = halts::fencing_epoch(conn)?;
    let row = (
        limit_changes::at_ms.eq(ms(record.at)),
        limit_changes::fencing_epoch.eq(stored(fencing.0)?),
        limit_changes::source.eq(record.source.code()),
        limit_changes::by_whom.eq(&record.by),
        limit_changes::reason.eq(&record.reason),
        limit_changes::event_id.eq(stored(event.0)?),
    );
    let insert = diesel::insert_into(limit_changes::table).values(row);
    let seq: i64 = insert.returning(limit_changes::seq).get_result(conn)?;
    for (name, value) in record.change.iter().flat_map(|change| &change.0) {
        let row = (
            limit_values::change_seq.eq(seq),
            limit_values::name.eq(name.code()),
            limit_values::value_micros.eq(Micros::exact(*value)?),
        );
        diesel::insert_into(limit_values::table).values(row).execute(conn)?;
    }
    Ok(event)
}

fn line(record: &LimitsRecord) -> String {
    let LimitsRecord { source, by, reason, change, .. } = record;
    match change {
        None => format!("stricter limits withdrawn from the next start on by {by} ({source}): {reason}"),
        Some(change) => format!("limits made stricter by {by} ({source}): {change}: {reason}"),
    }
}

/// Changes that hold in the boot `fencing`, oldest first: a withdrawal counts from the boot after it.
pub(super) fn in_force(conn: &mut SqliteConnection, fencing: i64) -> Result<Vec<LimitsChange>, Fault> {
    let changes_limits =
        diesel::dsl::exists(limit_values::table.filter(limit_values::change_seq.eq(limit_changes::seq)));
    let withdrawn: Option<i64> = limit_changes::table
        .filter(limit_changes::fencing_epoch.lt(fencing))
        .filter(diesel::dsl::not(changes_limits))
        .select(diesel::dsl::max(limit_changes::seq))
        .first(conn)?;
    let rows: Vec<(i64, String, Micros)> = limit_values::table
        .filter(limit_values::change_seq.gt(withdrawn.unwrap_or(0)))
        .order((limit_values::change_seq, limit_values::name))
        .select((limit_values::change_seq, limit_values::name, limit_values::value_micros))
        .load(conn)?;
    let mut changes: BTreeMap<i64, LimitsChange> = BTreeMap::new();
    for (seq, name, value) in rows {
        let name = parsed::<LimitName>("limit", &name)?;
        changes.entry(seq).or_default().0.insert(name, value.decimal());
    }
    Ok(changes.into_values().collect())
}

/// Changes that will hold in the boot after the newest one.
pub(super) fn of_next_start(conn: &mut SqliteConnection) -> Result<Vec<LimitsChange>, Fault> {
    let newest = stored(halts::fencing_epoch(conn)?.0)?;
    in_force(conn, newest.saturating_add(1))
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
    let rows: Vec<PositionRow> = positions::table
        .filter(positions::quantity.gt(0))
        .order((positions::market, positions::symbol))
        .load(conn)?;
    rows.into_iter().map(|row| own_position(conn, row)).collect()
}

type PositionRow = (String, String, i64, Micros, Option<i64>);

fn own_position(
    conn: &mut SqliteConnection,
    (market, symbol, held, cost, since): PositionRow,
) -> Result<OwnPosition, Fault> {
    let peak: Option<Micros> = exit_peaks::table
        .find((&market, &symbol))
        .filter(exit_peaks::since_ms.nullable().eq(since))
        .select(exit_peaks::peak_micros)
        .first(conn)
        .optional()?;
    let peak = peak.map(Micros::price).transpose()?;
    let instrument = Instrument { market: parsed("market", &market)?, symbol: parsed("symbol", &symbol)? };
    let entry = cost.decimal().checked_div(held.into()).and_then(|cost| Price::new(cost).ok());
    Ok(OwnPosition { instrument, quantity: shares(held)?, entry, since: since.map(time).transpose()?, peak })
}
