//! Where the evolution of each market stands, at a glance.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::max;
use diesel::prelude::*;
use domain::Market;
use domain::messages::evolution::{CycleLine, LateCycle};
use domain::messages::occasions::OccasionKind;

use super::trials::trials_of;
use crate::store::fault::Fault;
use crate::store::schema::{evolution_cycle_ends, evolution_cycles, occasions, trials};
use crate::store::values::{ms, parsed, time};

/// Evolution takes the markets one after the other, and a search may take long: only after so many hours it is late.
const LATE_AFTER_HOURS: i64 = 6;

/// The cycle of each market's newest session, in the order of the markets.
pub(super) fn newest(conn: &mut SqliteConnection) -> Result<Vec<CycleLine>, Fault> {
    let newest: Vec<(String, Option<String>)> = evolution_cycles::table
        .group_by(evolution_cycles::market)
        .order(evolution_cycles::market)
        .select((evolution_cycles::market, max(evolution_cycles::session_date)))
        .load(conn)?;
    let known = newest.into_iter().filter_map(|(market, session_date)| Some((market, session_date?)));
    known.map(|session| line(conn, session)).collect()
}

fn line(conn: &mut SqliteConnection, (market, session_date): (String, String)) -> Result<CycleLine, Fault> {
    let (cycle, began_at_ms): (i64, i64) = evolution_cycles::table
        .filter(evolution_cycles::market.eq(&market))
        .filter(evolution_cycles::session_date.eq(&session_date))
        .select((evolution_cycles::seq, evolution_cycles::began_at_ms))
        .first(conn)?;
    let best_micros: Option<i64> = trials::table
        .filter(trials::cycle_seq.eq(cycle))
        .filter(trials::killed_by.is_null())
        .select(max(trials::sharpe_micros))
        .first(conn)?;
    let end: Option<(String, i64)> = evolution_cycle_ends::table
        .find(cycle)
        .select((evolution_cycle_ends::outcome, evolution_cycle_ends::at_ms))
        .first(conn)
        .optional()?;
    Ok(CycleLine {
        cycle,
        market: parsed("market", &market)?,
        session_date: parsed("session date", &session_date)?,
        trials: trials_of(conn, cycle)?,
        best_micros,
        began_at: time(began_at_ms)?,
        ended_at: end.as_ref().map(|(_, at_ms)| time(*at_ms)).transpose()?,
        outcome: end.map(|(outcome, _)| outcome),
    })
}

/// The newest session of a market that was booked as closed so long ago, and the newest that a cycle has ended for.
pub(super) fn late(
    conn: &mut SqliteConnection,
    markets: &[Market],
    now: DateTime<Utc>,
) -> Result<Vec<LateCycle>, Fault> {
    let until = ms(now - TimeDelta::hours(LATE_AFTER_HOURS));
    let mut late = Vec::new();
    for market in markets {
        let closed: Option<(String, i64)> = occasions::table
            .filter(occasions::market.eq(market.code()))
            .filter(occasions::kind.eq(OccasionKind::DayClosed.code()))
            .filter(occasions::booked_at_ms.le(until))
            .order(occasions::session_date.desc())
            .select((occasions::session_date, occasions::booked_at_ms))
            .first(conn)
            .optional()?;
        let Some((session_date, booked_at_ms)) = closed else { continue };
        let learnt: Option<String> = evolution_cycles::table
            .inner_join(
                evolution_cycle_ends::table.on(evolution_cycle_ends::cycle_seq.eq(evolution_cycles::seq)),
            )
            .filter(evolution_cycles::market.eq(market.code()))
            .select(max(evolution_cycles::session_date))
            .first(conn)?;
        // Dates as text are in the order of their days.
        if learnt.is_none_or(|learnt| learnt < session_date) {
            let session_date = parsed("session date", &session_date)?;
            late.push(LateCycle { market: *market, session_date, closed_at: time(booked_at_ms)? });
        }
    }
    Ok(late)
}
