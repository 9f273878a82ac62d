//! What MarketClock told, booked before it is acted on.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use domain::messages::occasions::{Occasion, OccasionKind};

use super::fault::Fault;
use super::schema::occasions;
use super::values::{day, malformed, ms, parsed, time};

/// Books each occasion that begins later than the last one of its key; says of each whether it did.
pub(super) fn book(
    conn: &mut SqliteConnection,
    told: &[Occasion],
    at: DateTime<Utc>,
) -> Result<Vec<bool>, Fault> {
    told.iter().map(|occasion| book_one(conn, occasion, at)).collect()
}

fn book_one(conn: &mut SqliteConnection, occasion: &Occasion, at: DateTime<Utc>) -> Result<bool, Fault> {
    let key = (occasion.market.code(), day(occasion.session_date), occasion.kind.code());
    let last: Option<i64> =
        occasions::table.find(key).select(occasions::begins_at_ms).first(conn).optional()?;
    if last.is_some_and(|last| last >= ms(occasion.begins_at)) {
        return Ok(false);
    }
    let key = (
        occasions::market.eq(occasion.market.code()),
        occasions::session_date.eq(day(occasion.session_date)),
        occasions::kind.eq(occasion.kind.code()),
    );
    let rest = || {
        (
            occasions::begins_at_ms.eq(ms(occasion.begins_at)),
            occasions::label.eq(&occasion.label),
            occasions::booked_at_ms.eq(ms(at)),
        )
    };
    diesel::insert_into(occasions::table)
        .values((key, rest()))
        .on_conflict((occasions::market, occasions::session_date, occasions::kind))
        .do_update()
        .set(rest())
        .execute(conn)?;
    Ok(true)
}

/// What was booked for session dates from `since` on, oldest date first.
pub(super) fn booked(conn: &mut SqliteConnection, since: NaiveDate) -> Result<Vec<Occasion>, Fault> {
    let rows: Vec<(String, String, String, i64, String)> = occasions::table
        .filter(occasions::session_date.ge(day(since)))
        .order((occasions::session_date, occasions::market, occasions::kind))
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
