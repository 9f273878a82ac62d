//! Halts of single stocks: rows that are only ever added, and stand until a person releases them by name.

use chrono::{DateTime, Utc};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use domain::Instrument;
use domain::messages::ledger::EventKind;
use domain::messages::symbols::{RequestSymbolRelease, SymbolHalt, SymbolHaltCause, SymbolReleased};
use trade_ledger::StoreError;
use trade_ledger::booking::SymbolDoubt;

use super::fault::Fault;
use super::holdings;
use super::journal::append;
use super::rows::instrument;
use super::schema::{symbol_halts, symbol_releases};
use super::values::{count, malformed, ms, stored, time};

type Row = (i64, String, String, i64, String, String);

/// Begins a halt unless its trouble is known. What a person was shown and has released does not halt again in the same
/// words; with other numbers it does, because nobody has looked at those. While the halt of a trouble stands it is one
/// halt, whatever becomes of the numbers. A difference of shares is known as long as such a halt stands.
pub(super) fn begin(
    conn: &mut SqliteConnection,
    doubt: &SymbolDoubt,
    at: DateTime<Utc>,
) -> Result<Option<SymbolHalt>, Fault> {
    if is_known(conn, doubt)? {
        return Ok(None);
    }
    let (SymbolDoubt { instrument, cause, .. }, reason) = (doubt, doubt.reason());
    let line = format!(
        "{instrument} takes no new orders ({cause}): {reason}; look at it, then: kestrel release {instrument}"
    );
    let event = append(conn, at, EventKind::Alarm, Some(instrument.market), &line)?;
    let row = (
        symbol_halts::market.eq(instrument.market.code()),
        symbol_halts::symbol.eq(instrument.symbol.as_str()),
        symbol_halts::at_ms.eq(ms(at)),
        symbol_halts::cause.eq(cause.code()),
        symbol_halts::reason.eq(&reason),
        symbol_halts::event_id.eq(stored(event.0)?),
    );
    let id: i64 =
        diesel::insert_into(symbol_halts::table).values(row).returning(symbol_halts::id).get_result(conn)?;
    let (instrument, cause) = (instrument.clone(), *cause);
    Ok(Some(SymbolHalt { id: count(id)?, instrument, at, cause, reason }))
}

fn is_known(conn: &mut SqliteConnection, doubt: &SymbolDoubt) -> Result<bool, Fault> {
    let SymbolDoubt { instrument, cause, trouble, .. } = doubt;
    let stands = |halt: &SymbolHalt| halt.cause == *cause && halt.reason.starts_with(trouble.as_str());
    match cause {
        SymbolHaltCause::Dispute | SymbolHaltCause::Contradiction
            if standing_on(conn, instrument)?.iter().any(stands) =>
        {
            Ok(true)
        }
        SymbolHaltCause::Dispute | SymbolHaltCause::Contradiction => {
            let same_words = symbol_halts::table
                .filter(symbol_halts::market.eq(instrument.market.code()))
                .filter(symbol_halts::symbol.eq(instrument.symbol.as_str()))
                .filter(symbol_halts::cause.eq(cause.code()))
                .filter(symbol_halts::reason.eq(doubt.reason()));
            Ok(diesel::select(exists(same_words)).get_result(conn)?)
        }
        SymbolHaltCause::Position => {
            Ok(standing_on(conn, instrument)?.iter().any(|halt| halt.cause == *cause))
        }
    }
}

/// Every halt that nobody has lifted, oldest first.
pub(super) fn standing(conn: &mut SqliteConnection) -> Result<Vec<SymbolHalt>, Fault> {
    load_standing(conn, None)
}

fn load_standing(conn: &mut SqliteConnection, stock: Option<&Instrument>) -> Result<Vec<SymbolHalt>, Fault> {
    let released = symbol_releases::table.filter(symbol_releases::symbol_halt_id.eq(symbol_halts::id));
    let mut rows = symbol_halts::table
        .filter(not(exists(released)))
        .order(symbol_halts::id)
        .select((
            symbol_halts::id,
            symbol_halts::market,
            symbol_halts::symbol,
            symbol_halts::at_ms,
            symbol_halts::cause,
            symbol_halts::reason,
        ))
        .into_boxed();
    if let Some(Instrument { market, symbol }) = stock {
        let of_stock = symbol_halts::market.eq(market.code()).and(symbol_halts::symbol.eq(symbol.as_str()));
        rows = rows.filter(of_stock);
    }
    rows.load::<Row>(conn)?.into_iter().map(|row| Ok(symbol_halt(row)?)).collect()
}

pub(super) fn standing_on(
    conn: &mut SqliteConnection,
    instrument: &Instrument,
) -> Result<Vec<SymbolHalt>, Fault> {
    load_standing(conn, Some(instrument))
}

fn symbol_halt((id, market, symbol, at_ms, cause, reason): Row) -> Result<SymbolHalt, StoreError> {
    let known = SymbolHaltCause::ALL.into_iter().find(|candidate| candidate.code() == cause);
    let cause = known.ok_or_else(|| malformed("cause of a symbol halt", &cause))?;
    let instrument = instrument(&market, &symbol)?;
    Ok(SymbolHalt { id: count(id)?, instrument, at: time(at_ms)?, cause, reason })
}

/// Lifts all halts of one stock, and takes the shares that the exchange shows beyond the books as given.
pub(super) fn release(
    conn: &mut SqliteConnection,
    request: &RequestSymbolRelease,
    at: DateTime<Utc>,
) -> Result<SymbolReleased, Fault> {
    let RequestSymbolRelease { instrument, by, reason } = request;
    let lifted = standing_on(conn, instrument)?;
    if lifted.is_empty() {
        return Err(Fault::refused(format!("{instrument} is not halted")));
    }
    let has_difference = lifted.iter().any(|halt| halt.cause == SymbolHaltCause::Position);
    let accepted_shares = match has_difference {
        true => holdings::accept(conn, instrument, by, at)?,
        false => None,
    };
    for halt in &lifted {
        let line = format!("the halt of {instrument} ({}) is lifted by {by}: {reason}", halt.cause);
        let event = append(conn, at, EventKind::Report, Some(instrument.market), &line)?;
        let row = (
            symbol_releases::symbol_halt_id.eq(stored(halt.id)?),
            symbol_releases::at_ms.eq(ms(at)),
            symbol_releases::by_whom.eq(by),
            symbol_releases::reason.eq(reason),
            symbol_releases::event_id.eq(stored(event.0)?),
        );
        diesel::insert_into(symbol_releases::table).values(row).execute(conn)?;
    }
    Ok(SymbolReleased { lifted, accepted_shares })
}
