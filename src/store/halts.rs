//! Halts, releases and boots: rows that are only ever added, and the two epochs they move.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::{exists, max};
use diesel::prelude::*;
use domain::messages::control::{HaltLevel, HaltRecord, HaltSource};
use domain::messages::ledger::EventKind;
use domain::{
    CLOCK_SKEW_ALLOWED_SECONDS, EventId, FencingEpoch, HaltEpoch, HaltId, HaltNonce, IntentId, OrderState,
    Side,
};
use risk_guard::{HaltCommitted, Release, StoredTradingState};
use supervision::mutant::{self, Mutant};
use trade_ledger::store::{CRASH_LOOP_BOOTS, CRASH_LOOP_WINDOW_SECONDS, UNKNOWNS_WINDOW_SECONDS};
use trade_ledger::{BootFacts, BootReport, StoreError};

use super::fault::Fault;
use super::journal::{append, last_event};
use super::schema::{boots, halt_latches, halts, ledger_state, releases, standing_halts, unknowns};
use super::values::{count, malformed, ms, stored, time};
use super::{limits, loading, orders};

type HaltRow = (String, i64, String, String, String, String, String, bool);

pub(super) fn boot(conn: &mut SqliteConnection, facts: &BootFacts) -> Result<BootReport, Fault> {
    let fencing: i64 = diesel::update(ledger_state::table)
        .set(ledger_state::fencing_epoch.eq(ledger_state::fencing_epoch + 1))
        .returning(ledger_state::fencing_epoch)
        .get_result(conn)?;
    let recent_boots = count_boot(conn, fencing, facts.wall_at)?;
    let why = "the process that was sending it is gone";
    let unknown = end_all(conn, OrderState::Sending, OrderState::Unknown, why, facts.at)?;
    let why = "approvals die with the process";
    let expired = end_all(conn, OrderState::Approved, OrderState::Expired, why, facts.at)?;
    let crash_loop = match recent_boots >= CRASH_LOOP_BOOTS && !stands(conn, HaltSource::CrashLoop)? {
        true => Some(BootReport::crash_loop_halt(facts, recent_boots)),
        false => None,
    };
    if let Some(halt) = &crash_loop {
        commit_halt(conn, halt)?;
    }
    Ok(BootReport { fencing: FencingEpoch(count(fencing)?), unknown, expired, recent_boots, crash_loop })
}

fn count_boot(conn: &mut SqliteConnection, fencing: i64, wall_at: DateTime<Utc>) -> Result<u32, Fault> {
    let row = (boots::fencing_epoch.eq(fencing), boots::wall_at_ms.eq(ms(wall_at)));
    diesel::insert_into(boots::table).values(row).execute(conn)?;
    // A boot that seems to lie in the future counts too: a clock set back must not hide a crash loop.
    let since = ms(wall_at - TimeDelta::seconds(CRASH_LOOP_WINDOW_SECONDS));
    let recent: i64 = boots::table.filter(boots::wall_at_ms.gt(since)).count().get_result(conn)?;
    Ok(u32::try_from(recent).unwrap_or(u32::MAX))
}

fn end_all(
    conn: &mut SqliteConnection,
    from: OrderState,
    to: OrderState,
    why: &str,
    at: DateTime<Utc>,
) -> Result<Vec<IntentId>, Fault> {
    let intents = loading::in_state(conn, from)?;
    for intent in &intents {
        orders::move_to(conn, intent, to, Some(why), at)?;
    }
    Ok(intents.into_iter().map(|intent| intent.id).collect())
}

pub(super) fn commit_halt(conn: &mut SqliteConnection, record: &HaltRecord) -> Result<HaltCommitted, Fault> {
    let known: Option<i64> =
        halts::table.filter(halts::id.eq(&record.id)).select(halts::event_id).first(conn).optional()?;
    if let Some(event) = known {
        return Ok(HaltCommitted { epoch: halt_epoch(conn)?, event: EventId(count(event)?) });
    }
    if mutant::is_on(Mutant::HaltInMemory) {
        return Ok(HaltCommitted { epoch: halt_epoch(conn)?, event: last_event(conn)? });
    }
    let effect = match record.level {
        HaltLevel::Halted => "trading halted",
        HaltLevel::Reducing => "only exits from now on, asked for",
        HaltLevel::Flatten => "selling everything, then halting, asked for",
    };
    let cancels = match (record.cancel_open, record.level) {
        (false, HaltLevel::Halted | HaltLevel::Reducing | HaltLevel::Flatten) => "",
        (true, HaltLevel::Halted) => ", with open orders to be cancelled,",
        (true, HaltLevel::Reducing | HaltLevel::Flatten) => ", with open purchases to be cancelled,",
    };
    let line = format!("{effect}{cancels} by {} ({}): {}", record.by, record.source, record.reason);
    let event = append(conn, record.at, EventKind::Halt, None, &line)?;
    let row = (
        halts::id.eq(&record.id),
        halts::at_ms.eq(ms(record.at)),
        halts::source.eq(record.source.code()),
        halts::by_whom.eq(&record.by),
        halts::reason.eq(&record.reason),
        halts::level.eq(record.level.code()),
        halts::nonce.eq(record.nonce.as_str()),
        halts::cancel_open.eq(record.cancel_open),
        halts::event_id.eq(stored(event.0)?),
    );
    diesel::insert_into(halts::table).values(row).execute(conn)?;
    Ok(HaltCommitted { epoch: next_epoch(conn)?, event })
}

/// Begins a halt of the ledger's own, unless one with the same words stands; none if so.
pub(super) fn halt_unless_stands(
    conn: &mut SqliteConnection,
    record: HaltRecord,
) -> Result<Option<HaltRecord>, Fault> {
    let is_same = |halt: &HaltRecord| {
        halt.source == record.source && halt.reason == record.reason && halt.level == record.level
    };
    if standing(conn)?.iter().any(is_same) {
        return Ok(None);
    }
    commit_halt(conn, &record)?;
    Ok(Some(record))
}

pub(super) fn commit_release(conn: &mut SqliteConnection, release: &Release) -> Result<HaltCommitted, Fault> {
    let mut event = None;
    for halt in &release.halts {
        event = lift(conn, halt, release)?.or(event);
    }
    let Some(event) = event else {
        return match &release.leaves {
            // An earlier release left nothing; who asks for exits only gets them only.
            Some(left) if standing(conn)?.is_empty() => commit_halt(conn, left),
            Some(_) | None => Ok(HaltCommitted { epoch: halt_epoch(conn)?, event: last_release(conn)? }),
        };
    };
    match &release.leaves {
        // Its row begins the epoch: one transaction, one step.
        Some(left) => commit_halt(conn, left),
        None => Ok(HaltCommitted { epoch: next_epoch(conn)?, event }),
    }
}

/// Lifts one halt; none when it was lifted before.
fn lift(conn: &mut SqliteConnection, halt: &HaltId, release: &Release) -> Result<Option<EventId>, Fault> {
    let id = halt.as_str();
    let written: bool = diesel::select(exists(halts::table.filter(halts::id.eq(id)))).get_result(conn)?;
    if !written {
        return Err(Fault::refused(format!("no halt has the id {id}")));
    }
    if is_released(conn, id)? {
        return Ok(None);
    }
    let Release { source, by, reason, at, .. } = release;
    let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    let line = format!("halt {id} lifted by {by} ({source}){why}");
    let lifting = append(conn, *at, EventKind::Resume, None, &line)?;
    let row = (
        releases::halt_id.eq(id),
        releases::at_ms.eq(ms(*at)),
        releases::by_whom.eq(by),
        releases::source.eq(source.code()),
        releases::reason.eq(reason),
        releases::event_id.eq(stored(lifting.0)?),
    );
    diesel::insert_into(releases::table).values(row).execute(conn)?;
    Ok(Some(lifting))
}

pub(super) fn commit_latch(
    conn: &mut SqliteConnection,
    halt: &HaltId,
    at: DateTime<Utc>,
) -> Result<HaltCommitted, Fault> {
    let id = halt.as_str();
    let known: Option<i64> =
        halt_latches::table.find(id).select(halt_latches::event_id).first(conn).optional()?;
    if let Some(event) = known {
        return Ok(HaltCommitted { epoch: halt_epoch(conn)?, event: EventId(count(event)?) });
    }
    let stands = standing(conn)?.into_iter().any(|one| one.id == id && one.level == HaltLevel::Flatten);
    if !stands {
        return Err(Fault::refused(format!("no flatten with the id {id} stands")));
    }
    refuse_unless_flat(conn)?;
    let line = format!("everything this agent held is sold; trading is halted ({id})");
    let event = append(conn, at, EventKind::Halt, None, &line)?;
    let row = (
        halt_latches::halt_id.eq(id),
        halt_latches::at_ms.eq(ms(at)),
        halt_latches::event_id.eq(stored(event.0)?),
    );
    diesel::insert_into(halt_latches::table).values(row).execute(conn)?;
    Ok(HaltCommitted { epoch: next_epoch(conn)?, event })
}

/// RiskGuard saw positions and orders at two moments; here they are one.
fn refuse_unless_flat(conn: &mut SqliteConnection) -> Result<(), Fault> {
    if let Some(held) = limits::own_positions(conn)?.first() {
        return Err(Fault::refused(format!("{} of {} are still held", held.quantity, held.instrument)));
    }
    match loading::open(conn)?.first() {
        Some(open) => Err(Fault::refused(format!("the order {} is not over yet", open.id))),
        None => Ok(()),
    }
}

pub(super) fn trading_state(conn: &mut SqliteConnection) -> Result<StoredTradingState, Fault> {
    let (halt_epoch, fencing): (i64, i64) =
        ledger_state::table.select((ledger_state::halt_epoch, ledger_state::fencing_epoch)).first(conn)?;
    let halts = standing(conn)?;
    let limits = limits::in_force(conn, fencing)?;
    let epoch = HaltEpoch(count(halt_epoch)?);
    Ok(StoredTradingState { halts, limits, epoch, fencing: FencingEpoch(count(fencing)?) })
}

/// Halts that nobody has lifted, oldest first.
pub(super) fn standing(conn: &mut SqliteConnection) -> Result<Vec<HaltRecord>, Fault> {
    let rows: Vec<HaltRow> = halts::table
        .filter(halts::seq.eq_any(standing_halts::table.select(standing_halts::halt_seq)))
        .order(halts::seq)
        .select((
            halts::id,
            halts::at_ms,
            halts::source,
            halts::by_whom,
            halts::reason,
            halts::level,
            halts::nonce,
            halts::cancel_open,
        ))
        .load(conn)?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = rows.iter().map(|row| row.0.as_str()).collect();
    let latched: Vec<String> = halt_latches::table
        .filter(halt_latches::halt_id.eq_any(ids))
        .select(halt_latches::halt_id)
        .load(conn)?;
    rows.into_iter().map(|row| Ok(halt_record(row, &latched)?)).collect()
}

/// The oldest standing halt that forbids an order of this side.
pub(super) fn forbidding(conn: &mut SqliteConnection, side: Side) -> Result<Option<HaltRecord>, Fault> {
    Ok(standing(conn)?.into_iter().find(|halt| !halt.level.allows(side)))
}

fn halt_record(row: HaltRow, latched: &[String]) -> Result<HaltRecord, StoreError> {
    let (id, at_ms, source, by, reason, level, nonce, cancel_open) = row;
    let known = HaltSource::ALL.into_iter().find(|candidate| candidate.code() == source);
    let source = known.ok_or_else(|| malformed("halt source", &source))?;
    let known = HaltLevel::ALL.into_iter().find(|candidate| candidate.code() == level);
    let level = match known.ok_or_else(|| malformed("halt level", &level))? {
        HaltLevel::Flatten if latched.contains(&id) => HaltLevel::Halted,
        level @ (HaltLevel::Reducing | HaltLevel::Flatten | HaltLevel::Halted) => level,
    };
    let (at, nonce) = (time(at_ms)?, HaltNonce::from_text(&nonce));
    Ok(HaltRecord { id, at, source, by, reason, level, nonce, cancel_open })
}

/// Orders that became unknown within the window, at most since a halt for that reason was last lifted: what a person
/// has looked at does not halt again. One that was lifted by a clock that ran ahead was lifted after what that clock dated.
pub(super) fn unknowns_lately(conn: &mut SqliteConnection, at: DateTime<Utc>) -> Result<u32, Fault> {
    let window = ms(at - TimeDelta::seconds(UNKNOWNS_WINDOW_SECONDS));
    let rows: Vec<(String, i64)> = unknowns::table
        .filter(unknowns::at_ms.gt(window))
        .select((unknowns::intent_id, unknowns::at_ms))
        .load(conn)?;
    if rows.is_empty() {
        return Ok(0);
    }
    let lifted: Option<i64> = releases::table
        .inner_join(halts::table.on(halts::id.eq(releases::halt_id)))
        .filter(halts::source.eq(HaltSource::UnknownOrders.code()))
        .select(max(releases::at_ms))
        .first(conn)?;
    let ahead_from = ms(at + TimeDelta::seconds(CLOCK_SKEW_ALLOWED_SECONDS));
    let is_looked_at = |at_ms: i64| {
        lifted.is_some_and(|lifted| at_ms <= lifted && (lifted <= ahead_from || at_ms > ahead_from))
    };
    let open = rows.into_iter().filter(|(_, at_ms)| !is_looked_at(*at_ms)).map(|(intent, _)| intent);
    Ok(u32::try_from(open.collect::<BTreeSet<_>>().len()).unwrap_or(u32::MAX))
}

fn stands(conn: &mut SqliteConnection, source: HaltSource) -> Result<bool, Fault> {
    Ok(standing(conn)?.iter().any(|halt| halt.source == source))
}

fn is_released(conn: &mut SqliteConnection, id: &str) -> Result<bool, Fault> {
    Ok(diesel::select(exists(releases::table.find(id))).get_result(conn)?)
}

fn last_release(conn: &mut SqliteConnection) -> Result<EventId, Fault> {
    let event: Option<i64> = releases::table.select(max(releases::event_id)).first(conn)?;
    match event {
        Some(event) => Ok(EventId(count(event)?)),
        None => last_event(conn),
    }
}

/// Refuses when a younger process has booted on these books (order-protocol 4, invariant 12).
pub(super) fn prove_owner(conn: &mut SqliteConnection, own: FencingEpoch) -> Result<(), Fault> {
    let newest = fencing_epoch(conn)?;
    if newest == own { Ok(()) } else { Err(StoreError::Fenced { own, newest }.into()) }
}

pub(super) fn halt_epoch(conn: &mut SqliteConnection) -> Result<HaltEpoch, Fault> {
    let epoch: i64 = ledger_state::table.select(ledger_state::halt_epoch).first(conn)?;
    Ok(HaltEpoch(count(epoch)?))
}

pub(super) fn fencing_epoch(conn: &mut SqliteConnection) -> Result<FencingEpoch, Fault> {
    let epoch: i64 = ledger_state::table.select(ledger_state::fencing_epoch).first(conn)?;
    Ok(FencingEpoch(count(epoch)?))
}

fn next_epoch(conn: &mut SqliteConnection) -> Result<HaltEpoch, Fault> {
    let epoch: i64 = diesel::update(ledger_state::table)
        .set(ledger_state::halt_epoch.eq(ledger_state::halt_epoch + 1))
        .returning(ledger_state::halt_epoch)
        .get_result(conn)?;
    Ok(HaltEpoch(count(epoch)?))
}
