//! What the breaker has done on a day, and how high a holding has stood: what RiskGuard must know again after a restart.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use domain::Currency;
use domain::messages::ledger::Trips;
use domain::messages::limits::RecordPeak;

use super::fault::Fault;
use super::schema::{breaker_trips, exit_peaks};
use super::values::{Micros, day, ms};

/// The rows of the whole account in won.
const IN_WON: &str = "in_won";
const HALTING: &str = "halting";
const REDUCING: &str = "reducing";

/// Adds what has tripped to what stands, and tells that. `currency`: none for the whole account in won.
pub(super) fn record(
    conn: &mut SqliteConnection,
    (currency, session_date): (Option<Currency>, NaiveDate),
    trips: Trips,
    at: DateTime<Utc>,
) -> Result<Trips, Fault> {
    let account = currency.map_or(IN_WON, Currency::code);
    for (wire, has_tripped) in [(HALTING, trips.halting), (REDUCING, trips.reducing)] {
        if has_tripped {
            let row = (
                breaker_trips::account.eq(account),
                breaker_trips::session_date.eq(day(session_date)),
                breaker_trips::wire.eq(wire),
                breaker_trips::at_ms.eq(ms(at)),
            );
            diesel::insert_into(breaker_trips::table).values(row).on_conflict_do_nothing().execute(conn)?;
        }
    }
    standing(conn, account, session_date)
}

fn standing(conn: &mut SqliteConnection, account: &str, date: NaiveDate) -> Result<Trips, Fault> {
    let wires: Vec<String> = breaker_trips::table
        .filter(breaker_trips::account.eq(account))
        .filter(breaker_trips::session_date.eq(day(date)))
        .select(breaker_trips::wire)
        .load(conn)?;
    let has = |wire: &str| wires.iter().any(|one| one == wire);
    Ok(Trips { halting: has(HALTING), reducing: has(REDUCING) })
}

/// The highest stays, until the stock was bought anew.
pub(super) fn record_peak(
    conn: &mut SqliteConnection,
    peak: &RecordPeak,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let RecordPeak { instrument, since, peak } = peak;
    let (market, symbol) = (instrument.market.code(), instrument.symbol.as_str());
    let (since_ms, peak_micros) = (ms(*since), Micros::nearest(peak.value())?);
    let known: Option<(i64, Micros)> = exit_peaks::table
        .find((market, symbol))
        .select((exit_peaks::since_ms, exit_peaks::peak_micros))
        .first(conn)
        .optional()?;
    if known.is_some_and(|(since, peak)| since == since_ms && peak.decimal() >= peak_micros.decimal()) {
        return Ok(());
    }
    let row = (
        exit_peaks::market.eq(market),
        exit_peaks::symbol.eq(symbol),
        exit_peaks::since_ms.eq(since_ms),
        exit_peaks::peak_micros.eq(peak_micros),
        exit_peaks::at_ms.eq(ms(at)),
    );
    diesel::replace_into(exit_peaks::table).values(row).execute(conn)?;
    Ok(())
}
