//! Cycles, trials and the archive.

use chrono::{DateTime, Utc};
use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Text};
use domain::Market;
use domain::messages::evolution::{
    BeginCycle, Cycle, Elite, EndCycle, GateName, Place, RecordTrials, Reject, RejectsOf, TRIALS_AT_ONCE_MAX,
    Trial, TrialHash, TrialTotals, TrialsBooked, TrialsOf, Tried, TriedBefore,
};
use trade_ledger::StoreError;

use super::bounded;
use crate::store::fault::Fault;
use crate::store::schema::{
    archive_changes, elites as elite_rows, evolution_cycle_ends, evolution_cycles, trials,
};
use crate::store::values::{count, day, malformed, ms, parsed};

/// Most candidates of one question.
const ASKED_MAX: usize = 1_000;
/// Longest name of a niche, and longest outcome of a cycle, in characters.
const NICHE_MAX: usize = 80;
const OUTCOME_MAX: usize = 600;

pub(super) fn begin(
    conn: &mut SqliteConnection,
    begin: &BeginCycle,
    at: DateTime<Utc>,
) -> Result<Cycle, Fault> {
    let (seq, seed) = match known(conn, begin)? {
        Some(known) => known,
        None => insert_cycle(conn, begin, at)?,
    };
    Ok(Cycle {
        seq,
        market: begin.market,
        session_date: begin.session_date,
        seed: seed.cast_unsigned(),
        trials: trials_of(conn, seq)?,
        is_over: is_over(conn, seq)?,
    })
}

fn insert_cycle(
    conn: &mut SqliteConnection,
    begin: &BeginCycle,
    at: DateTime<Utc>,
) -> Result<(i64, i64), Fault> {
    is_newest(conn, begin)?;
    // The same 64 bits, read as a signed number.
    let seed = begin.seed.cast_signed();
    let row = (
        evolution_cycles::market.eq(begin.market.code()),
        evolution_cycles::session_date.eq(day(begin.session_date)),
        evolution_cycles::seed.eq(seed),
        evolution_cycles::began_at_ms.eq(ms(at)),
    );
    let insert = diesel::insert_into(evolution_cycles::table).values(row);
    Ok((insert.returning(evolution_cycles::seq).get_result(conn)?, seed))
}

/// A session's cycle, if it has begun: its number and its seed.
fn known(conn: &mut SqliteConnection, begin: &BeginCycle) -> Result<Option<(i64, i64)>, Fault> {
    Ok(evolution_cycles::table
        .filter(evolution_cycles::market.eq(begin.market.code()))
        .filter(evolution_cycles::session_date.eq(day(begin.session_date)))
        .select((evolution_cycles::seq, evolution_cycles::seed))
        .first(conn)
        .optional()?)
}

/// A market's cycles go forward: an older session would be searched with days that a newer cycle has looked at.
fn is_newest(conn: &mut SqliteConnection, begin: &BeginCycle) -> Result<(), Fault> {
    let BeginCycle { market, session_date, .. } = begin;
    let newest: Option<String> = evolution_cycles::table
        .filter(evolution_cycles::market.eq(market.code()))
        .select(max(evolution_cycles::session_date))
        .first(conn)?;
    // Dates as text are in the order of their days.
    match newest.filter(|newest| *newest >= day(*session_date)) {
        Some(newest) => Err(Fault::refused(format!(
            "the newest cycle of {market} is for {newest}; one for {session_date} would go back"
        ))),
        None => Ok(()),
    }
}

pub(super) fn trials_of(conn: &mut SqliteConnection, cycle: i64) -> Result<u32, Fault> {
    let booked: i64 = trials::table.filter(trials::cycle_seq.eq(cycle)).count().get_result(conn)?;
    Ok(u32::try_from(booked).map_err(|_| malformed("number of trials", &booked.to_string()))?)
}

fn is_over(conn: &mut SqliteConnection, cycle: i64) -> Result<bool, Fault> {
    let ends: i64 = evolution_cycle_ends::table.find(cycle).count().get_result(conn)?;
    Ok(ends > 0)
}

/// The market of a cycle.
pub(super) fn market_of(conn: &mut SqliteConnection, cycle: i64) -> Result<Market, Fault> {
    let code: Option<String> =
        evolution_cycles::table.find(cycle).select(evolution_cycles::market).first(conn).optional()?;
    let code = code.ok_or_else(|| Fault::refused(format!("there is no cycle {cycle}")))?;
    Ok(parsed("market", &code)?)
}

pub(super) fn record(
    conn: &mut SqliteConnection,
    record: &RecordTrials,
    at: DateTime<Utc>,
) -> Result<TrialsBooked, Fault> {
    let market = market_of(conn, record.cycle)?;
    let booked = trials_of(conn, record.cycle)?;
    if is_over(conn, record.cycle)? {
        return Err(Fault::refused(format!("cycle {} is over", record.cycle)));
    }
    if record.position != booked {
        let (cycle, position) = (record.cycle, record.position);
        return Err(Fault::refused(format!(
            "the next trial of cycle {cycle} is number {booked}, not {position}"
        )));
    }
    if record.trials.len() > TRIALS_AT_ONCE_MAX {
        return Err(Fault::refused(format!("at most {TRIALS_AT_ONCE_MAX} trials are booked at once")));
    }
    let mut done = TrialsBooked { trials: booked, places_taken: 0 };
    for trial in &record.trials {
        let seq = insert(conn, (market, record.cycle, done.trials), trial, at)?;
        done.trials += 1;
        if let Some(place) = &trial.place {
            done.places_taken += u32::from(take_place(conn, market, place, seq)?);
        }
    }
    Ok(done)
}

fn insert(
    conn: &mut SqliteConnection,
    (market, cycle, position): (Market, i64, u32),
    trial: &Trial,
    at: DateTime<Utc>,
) -> Result<i64, Fault> {
    bounded(&trial.strategy, &trial.evidence)?;
    let known: i64 = trials::table
        .filter(trials::market.eq(market.code()))
        .filter(trials::hash.eq(trial.hash.as_str()))
        .count()
        .get_result(conn)?;
    if known > 0 {
        return Err(Fault::refused(format!("{} was tried in {market} before", trial.hash.short())));
    }
    let row = (
        trials::cycle_seq.eq(cycle),
        trials::position.eq(i64::from(position)),
        trials::market.eq(market.code()),
        trials::hash.eq(trial.hash.as_str()),
        trials::parent.eq(trial.parent.as_ref().map(TrialHash::as_str)),
        trials::origin.eq(trial.origin.code()),
        trials::strategy.eq(&trial.strategy),
        trials::killed_by.eq(trial.killed_by.map(GateName::code)),
        trials::sharpe_micros.eq(trial.sharpe_micros),
        trials::observations.eq(i64::from(trial.observations)),
        trials::evidence.eq(&trial.evidence),
        trials::at_ms.eq(ms(at)),
    );
    Ok(diesel::insert_into(trials::table).values(row).returning(trials::seq).get_result(conn)?)
}

/// True when the place was free or held by a worse one: the first of two equals stays.
fn take_place(conn: &mut SqliteConnection, market: Market, place: &Place, trial: i64) -> Result<bool, Fault> {
    if place.niche.is_empty() || place.niche.chars().count() > NICHE_MAX {
        return Err(Fault::refused(format!("the name of a niche has 1 to {NICHE_MAX} characters")));
    }
    let holds: Option<i64> = elite_rows::table
        .filter(elite_rows::market.eq(market.code()))
        .filter(elite_rows::niche.eq(&place.niche))
        .select(elite_rows::fitness_micros)
        .first(conn)
        .optional()?;
    if holds.is_some_and(|fitness| fitness >= place.fitness_micros) {
        return Ok(false);
    }
    let row = (
        archive_changes::market.eq(market.code()),
        archive_changes::niche.eq(&place.niche),
        archive_changes::trial_seq.eq(trial),
        archive_changes::fitness_micros.eq(place.fitness_micros),
    );
    diesel::insert_into(archive_changes::table).values(row).execute(conn)?;
    Ok(true)
}

pub(super) fn end(conn: &mut SqliteConnection, end: &EndCycle, at: DateTime<Utc>) -> Result<(), Fault> {
    market_of(conn, end.cycle)?;
    let row = (
        evolution_cycle_ends::cycle_seq.eq(end.cycle),
        evolution_cycle_ends::outcome.eq(domain::text::harmless(&end.outcome, OUTCOME_MAX)),
        evolution_cycle_ends::champion.eq(end.champion.as_ref().map(TrialHash::as_str)),
        evolution_cycle_ends::at_ms.eq(ms(at)),
    );
    diesel::insert_into(evolution_cycle_ends::table).values(row).on_conflict_do_nothing().execute(conn)?;
    Ok(())
}

#[derive(QueryableByName)]
struct Totals {
    #[diesel(sql_type = BigInt)]
    trials: i64,
    #[diesel(sql_type = BigInt)]
    measured: i64,
    #[diesel(sql_type = Double)]
    sum: f64,
    #[diesel(sql_type = Double)]
    squares: f64,
}

/// Sums of whole millionths in floating point: exact up to 2^53, and a statistic beyond it.
pub(super) fn totals(conn: &mut SqliteConnection, market: Market) -> Result<TrialTotals, Fault> {
    let totals: Totals = diesel::sql_query(
        "SELECT count(*) AS trials, count(sharpe_micros) AS measured, total(sharpe_micros) AS sum,
                total(1.0 * sharpe_micros * sharpe_micros) AS squares
         FROM trials WHERE market = ?",
    )
    .bind::<Text, _>(market.code())
    .get_result(conn)?;
    let measured = count(totals.measured)?;
    Ok(TrialTotals { trials: count(totals.trials)?, measured, variance: variance(&totals) })
}

fn variance(totals: &Totals) -> Option<f64> {
    let number = f64::from(u32::try_from(totals.measured).ok()?);
    let spread = totals.squares - totals.sum * totals.sum / number;
    (number >= 2.0).then(|| (spread / (number - 1.0)).max(0.0) / 1e12)
}

pub(super) fn tried(conn: &mut SqliteConnection, query: &TriedBefore) -> Result<Vec<TrialHash>, Fault> {
    if query.hashes.len() > ASKED_MAX {
        return Err(Fault::refused(format!("at most {ASKED_MAX} candidates are asked about at once")));
    }
    let known: Vec<String> = trials::table
        .filter(trials::market.eq(query.market.code()))
        .filter(trials::hash.eq_any(query.hashes.iter().map(TrialHash::as_str)))
        .order(trials::hash)
        .select(trials::hash)
        .load(conn)?;
    known.iter().map(|hash| Ok(parsed("hash of a trial", hash)?)).collect()
}

/// What a cycle has tried, a slice of it.
pub(super) fn of_cycle(conn: &mut SqliteConnection, query: &TrialsOf) -> Result<Vec<Tried>, Fault> {
    let rows: Vec<(String, String, Option<String>, Option<i64>)> = trials::table
        .filter(trials::cycle_seq.eq(query.cycle))
        .filter(trials::position.ge(i64::from(query.from)))
        .order(trials::position)
        .limit(i64::try_from(TRIALS_AT_ONCE_MAX).unwrap_or(i64::MAX))
        .select((trials::hash, trials::strategy, trials::killed_by, trials::sharpe_micros))
        .load(conn)?;
    let one = |(hash, strategy, killed_by, sharpe_micros): (String, String, Option<String>, Option<i64>)| {
        Ok(Tried {
            hash: parsed("hash of a trial", &hash)?,
            strategy,
            killed_by: killed_by.map(|code| gate(&code)).transpose()?,
            sharpe_micros,
        })
    };
    rows.into_iter().map(one).collect()
}

pub(super) fn elites(conn: &mut SqliteConnection, market: Market) -> Result<Vec<Elite>, Fault> {
    let rows: Vec<(String, i64, String, String)> = elite_rows::table
        .inner_join(trials::table.on(trials::seq.eq(elite_rows::trial_seq)))
        .filter(elite_rows::market.eq(market.code()))
        .order(elite_rows::niche)
        .select((elite_rows::niche, elite_rows::fitness_micros, trials::hash, trials::strategy))
        .load(conn)?;
    let elite = |(niche, fitness_micros, hash, strategy): (String, i64, String, String)| {
        let hash: Result<TrialHash, StoreError> = parsed("hash of a trial", &hash);
        Ok(Elite { place: Place { niche, fitness_micros }, hash: hash?, strategy })
    };
    rows.into_iter().map(elite).collect()
}

/// Trials that are looked back on for rejects.
const LATEST: i64 = 5_000;

pub(super) fn rejects(conn: &mut SqliteConnection, query: RejectsOf) -> Result<Vec<Reject>, Fault> {
    let newest: Option<i64> = trials::table.select(max(trials::seq)).first(conn)?;
    let rows: Vec<(Option<String>, Option<i64>, String)> = trials::table
        .filter(trials::seq.gt(newest.unwrap_or_default() - LATEST))
        .filter(trials::market.eq(query.market.code()))
        .filter(trials::killed_by.is_not_null())
        .filter(trials::sharpe_micros.is_not_null())
        .order((trials::sharpe_micros.desc(), trials::seq))
        .limit(i64::from(query.limit.clamp(1, 10)))
        .select((trials::killed_by, trials::sharpe_micros, trials::strategy))
        .load(conn)?;
    let reject = |(killed_by, sharpe_micros, strategy): (Option<String>, Option<i64>, String)| {
        let killed_by = gate(&killed_by.unwrap_or_default())?;
        Ok(Reject { killed_by, sharpe_micros: sharpe_micros.unwrap_or_default(), strategy })
    };
    rows.into_iter().map(reject).collect()
}

fn gate(code: &str) -> Result<GateName, StoreError> {
    let known = GateName::ALL.into_iter().find(|gate| gate.code() == code);
    known.ok_or_else(|| malformed("gate of a trial", code))
}
