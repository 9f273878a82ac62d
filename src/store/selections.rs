//! What became of the stocks that scans considered, and what was traded last.

use chrono::NaiveDate;
use diesel::prelude::*;
use domain::messages::selection::{BookedSelection, RecentlyTraded, SelectionsMade};
use domain::{Instrument, Market, Selection, Verdict};
use trade_ledger::StoreError;

use super::fault::Fault;
use super::schema::{net_shares, selections};
use super::values::{day, malformed, ms, parsed, time};

/// Most stocks of one answer.
const TRADED_MAX: u16 = 100;

/// Keeps each verdict: the first of its stock and session as a new row, a later one with its newer numbers.
pub(super) fn record(conn: &mut SqliteConnection, made: &SelectionsMade) -> Result<(), Fault> {
    made.selections.iter().try_for_each(|selection| record_one(conn, made, selection))
}

fn record_one(
    conn: &mut SqliteConnection,
    made: &SelectionsMade,
    selection: &Selection,
) -> Result<(), Fault> {
    let key = (
        selections::market.eq(selection.instrument.market.code()),
        selections::session_date.eq(day(made.key.session_date)),
        selections::symbol.eq(selection.instrument.symbol.as_str()),
        selections::verdict.eq(selection.verdict.code()),
    );
    let evidence = serde_json::to_string(&selection.evidence)
        .map_err(|error| StoreError::NotRepresentable(error.to_string()))?;
    let last = (
        selections::last_at_ms.eq(ms(made.at)),
        selections::slot.eq(made.key.slot.to_string()),
        selections::evidence.eq(evidence),
    );
    diesel::insert_into(selections::table)
        .values((key, selections::first_at_ms.eq(ms(made.at)), last.clone()))
        .on_conflict((selections::market, selections::session_date, selections::symbol, selections::verdict))
        .do_update()
        .set(last)
        .execute(conn)?;
    Ok(())
}

type Row = (String, i64, i64, String, String);

/// The verdicts of one stock in one session, in the order in which they were last told.
pub(super) fn of_stock(
    conn: &mut SqliteConnection,
    instrument: &Instrument,
    session_date: NaiveDate,
) -> Result<Vec<BookedSelection>, Fault> {
    let rows: Vec<Row> = selections::table
        .filter(selections::market.eq(instrument.market.code()))
        .filter(selections::session_date.eq(day(session_date)))
        .filter(selections::symbol.eq(instrument.symbol.as_str()))
        .order((selections::last_at_ms, selections::verdict))
        .select((
            selections::verdict,
            selections::first_at_ms,
            selections::last_at_ms,
            selections::slot,
            selections::evidence,
        ))
        .load(conn)?;
    rows.into_iter().map(|row| booked(instrument, session_date, row)).collect()
}

fn booked(
    instrument: &Instrument,
    session_date: NaiveDate,
    (verdict, first_at_ms, last_at_ms, slot, evidence): Row,
) -> Result<BookedSelection, Fault> {
    Ok(BookedSelection {
        instrument: instrument.clone(),
        session_date,
        verdict: Verdict::from_code(&verdict).ok_or_else(|| malformed("verdict", &verdict))?,
        first_at: time(first_at_ms)?,
        last_at: time(last_at_ms)?,
        slot,
        evidence: serde_json::from_str(&evidence).map_err(|_| malformed("evidence", &evidence))?,
    })
}

/// The stocks of a market by their last fill, newest first.
pub(super) fn recently_traded(
    conn: &mut SqliteConnection,
    query: RecentlyTraded,
) -> Result<Vec<Instrument>, Fault> {
    let market: Market = query.market;
    let symbols: Vec<String> = net_shares::table
        .filter(net_shares::market.eq(market.code()))
        .order((net_shares::last_fill_ms.desc(), net_shares::symbol))
        .limit(i64::from(query.limit.clamp(1, TRADED_MAX)))
        .select(net_shares::symbol)
        .load(conn)?;
    let stock = |symbol: String| Ok(Instrument { market, symbol: parsed("symbol", &symbol)? });
    symbols.into_iter().map(stock).collect()
}
