//! What MarketClock told, booked before it is acted on.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use domain::messages::occasions::{Occasion, OccasionKind};

use super::fault::Fault;
use super::schema::occasions;
use super::values::{day, malformed, ms, parsed, time};

/// Occasions share a row while each begins at most so long after the one before: a cycle, so that none can lie between.
const CYCLE_MS: i64 = 60_000;

/// Books each occasion that was not booked before; says of each whether it was new.
pub(super) fn book(
    conn: &mut SqliteConnection,
    told: &[Occasion],
    at: DateTime<Utc>,
) -> Result<Vec<bool>, Fault> {
    told.iter().map(|occasion| book_one(conn, occasion, at)).collect()
}

fn book_one(conn: &mut SqliteConnection, occasion: &Occasion, at: DateTime<Utc>) -> Result<bool, Fault> {
    let begins = ms(occasion.begins_at);
    let run = run_before(conn, occasion)?;
    if run.is_some_and(|(_, last)| last >= begins) {
        return Ok(false);
    }
    let first = run.filter(|(_, last)| begins - last <= CYCLE_MS).map_or(begins, |(first, _)| first);
    let key = (
        occasions::market.eq(occasion.market.code()),
        occasions::session_date.eq(day(occasion.session_date)),
        occasions::kind.eq(occasion.kind.code()),
        occasions::first_ms.eq(first),
    );
    let rest = || {
        (
            occasions::begins_at_ms.eq(begins),
            occasions::label.eq(&occasion.label),
            occasions::booked_at_ms.eq(ms(at)),
        )
    };
    diesel::insert_into(occasions::table)
        .values((key, rest()))
        .on_conflict((occasions::market, occasions::session_date, occasions::kind, occasions::first_ms))
        .do_update()
        .set(rest())
        .execute(conn)?;
    Ok(true)
}

/// The last run of the occasion's kind that begins no later than it: the beginning of its first and of its last one.
fn run_before(conn: &mut SqliteConnection, occasion: &Occasion) -> Result<Option<(i64, i64)>, Fault> {
    Ok(occasions::table
        .filter(occasions::market.eq(occasion.market.code()))
        .filter(occasions::session_date.eq(day(occasion.session_date)))
        .filter(occasions::kind.eq(occasion.kind.code()))
        .filter(occasions::first_ms.le(ms(occasion.begins_at)))
        .order(occasions::first_ms.desc())
        .select((occasions::first_ms, occasions::begins_at_ms))
        .first(conn)
        .optional()?)
}

/// What was booked for session dates from `since` on, oldest date first; of those that followed each other at once the last.
pub(super) fn booked(conn: &mut SqliteConnection, since: NaiveDate) -> Result<Vec<Occasion>, Fault> {
    let rows: Vec<(String, String, String, i64, String)> = occasions::table
        .filter(occasions::session_date.ge(day(since)))
        .order((occasions::session_date, occasions::market, occasions::kind, occasions::first_ms))
        .select((
            occasions::market,
            occasions::session_date,
            occasions::kind,
            occasions::begins_at_ms,
            occasions::label,
        ))
        .load(conn)?;
    rows.into_iter().map(occasion).collect()
}

fn occasion(
    (market, session_date, kind, begins_at_ms, label): (String, String, String, i64, String),
) -> Result<Occasion, Fault> {
    let known = OccasionKind::ALL.into_iter().find(|one| one.code() == kind);
    Ok(Occasion {
        market: parsed("market", &market)?,
        session_date: parsed("session date", &session_date)?,
        kind: known.ok_or_else(|| malformed("kind of occasion", &kind))?,
        begins_at: time(begins_at_ms)?,
        label,
    })
}
