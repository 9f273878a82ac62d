//! What the days of the account in won began with.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use domain::messages::ledger::Trips;
use domain::messages::won::{RecordWonDayStart, WonDayStart, WonPart};
use domain::{Currency, WonRate};

use super::fault::Fault;
use super::schema::won_day_starts;
use super::trips;
use super::values::{Micros, day, ms, parsed};

/// Keeps the parts of currencies that have none on that date yet, and tells what stands.
pub(super) fn record_day_start(
    conn: &mut SqliteConnection,
    start: &RecordWonDayStart,
    at: DateTime<Utc>,
) -> Result<WonDayStart, Fault> {
    for WonPart { equity, rate } in &start.parts {
        let row = (
            won_day_starts::session_date.eq(day(start.session_date)),
            won_day_starts::currency.eq(equity.currency().code()),
            won_day_starts::equity_micros.eq(Micros::nearest(equity.amount())?),
            won_day_starts::won_per_unit_micros.eq(Micros::nearest(rate.won_per_unit())?),
            won_day_starts::posted_on.eq(day(rate.posted_on())),
            won_day_starts::at_ms.eq(ms(at)),
        );
        diesel::insert_into(won_day_starts::table).values(row).on_conflict_do_nothing().execute(conn)?;
    }
    let trips = Trips { halting: start.has_tripped, reducing: false };
    let has_tripped = trips::record(conn, (None, start.session_date), trips, at)?.halting;
    let parts = day_start(conn, start.session_date)?;
    Ok(WonDayStart { session_date: start.session_date, parts, has_tripped })
}

fn day_start(
    conn: &mut SqliteConnection,
    session_date: NaiveDate,
) -> Result<BTreeMap<Currency, WonPart>, Fault> {
    let rows: Vec<(String, Micros, Micros, String)> = won_day_starts::table
        .filter(won_day_starts::session_date.eq(day(session_date)))
        .select((
            won_day_starts::currency,
            won_day_starts::equity_micros,
            won_day_starts::won_per_unit_micros,
            won_day_starts::posted_on,
        ))
        .load(conn)?;
    let mut parts = BTreeMap::new();
    for (code, equity, won_per_unit, posted_on) in rows {
        let currency: Currency = parsed("currency", &code)?;
        let rate = WonRate::new(won_per_unit.decimal(), parsed("date", &posted_on)?);
        let rate = rate.map_err(|error| Fault::refused(error.to_string()))?;
        parts.insert(currency, WonPart { equity: equity.money(currency), rate });
    }
    Ok(parts)
}
