//! Calls of the language model: reserved before they are made, and what they took.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use domain::Market;
use domain::messages::ledger::{BookedCall, BudgetAnswer, CallCost, ReserveOracleCall, SettleOracleCall};
use trade_ledger::StoreError;
use trade_ledger::budget::decide;

use super::fault::Fault;
use super::schema::oracle_calls;
use super::values::{count, day, ms, parsed, stored, time};

/// Between two markets of one call.
const BETWEEN: &str = "+";

/// Counts a call, if the rules of the budget allow it. The transaction holds the write lock, so no other can come between.
pub(super) fn reserve(
    conn: &mut SqliteConnection,
    call: &ReserveOracleCall,
    at: DateTime<Utc>,
) -> Result<BudgetAnswer, Fault> {
    let answer = decide(call, &of_day(conn, call.quota_date)?);
    match answer {
        BudgetAnswer::Granted { .. } => insert(conn, call, at)?,
        BudgetAnswer::Exhausted(_) | BudgetAnswer::KeptForOthers | BudgetAnswer::AlreadyUsed => {}
    }
    Ok(answer)
}

fn insert(conn: &mut SqliteConnection, call: &ReserveOracleCall, at: DateTime<Utc>) -> Result<(), Fault> {
    let codes: Vec<_> = call.markets.iter().map(|market| market.code()).collect();
    let row = (
        oracle_calls::quota_date.eq(day(call.quota_date)),
        oracle_calls::purpose.eq(&call.purpose),
        oracle_calls::at_ms.eq(ms(at)),
        oracle_calls::markets.eq(codes.join(BETWEEN)),
        oracle_calls::tokens_reserved.eq(stored(call.worst.tokens)?),
        oracle_calls::money_micros_reserved.eq(stored(call.worst.money_micros)?),
    );
    diesel::insert_into(oracle_calls::table).values(row).execute(conn)?;
    Ok(())
}

/// Books what a call took; the first word stays.
pub(super) fn settle(
    conn: &mut SqliteConnection,
    end: &SettleOracleCall,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let row = oracle_calls::table.find((day(end.quota_date), end.purpose.as_str()));
    diesel::update(row.filter(oracle_calls::ended_at_ms.is_null()))
        .set((
            oracle_calls::tokens_taken.eq(stored(end.taken.tokens)?),
            oracle_calls::money_micros_taken.eq(stored(end.taken.money_micros)?),
            oracle_calls::ended_at_ms.eq(ms(at)),
        ))
        .execute(conn)?;
    Ok(())
}

type Row = (String, i64, String, i64, i64, Option<i64>, Option<i64>);

/// The calls of a day of the quota, oldest first.
pub(super) fn of_day(conn: &mut SqliteConnection, quota_date: NaiveDate) -> Result<Vec<BookedCall>, Fault> {
    let rows: Vec<Row> = oracle_calls::table
        .filter(oracle_calls::quota_date.eq(day(quota_date)))
        .order((oracle_calls::at_ms, oracle_calls::purpose))
        .select((
            oracle_calls::purpose,
            oracle_calls::at_ms,
            oracle_calls::markets,
            oracle_calls::tokens_reserved,
            oracle_calls::money_micros_reserved,
            oracle_calls::tokens_taken,
            oracle_calls::money_micros_taken,
        ))
        .load(conn)?;
    rows.into_iter().map(|row| Ok(booked(row)?)).collect()
}

fn booked(
    (purpose, at_ms, markets, tokens, money, tokens_taken, money_taken): Row,
) -> Result<BookedCall, StoreError> {
    let cost = |tokens: i64, money: i64| -> Result<CallCost, StoreError> {
        Ok(CallCost { tokens: count(tokens)?, money_micros: count(money)? })
    };
    // Calls of earlier versions name no markets here.
    let codes = markets.split(BETWEEN).filter(|code| !code.is_empty());
    let markets = codes.map(|code| parsed("market", code)).collect::<Result<Vec<Market>, _>>()?;
    let taken = tokens_taken.zip(money_taken).map(|(tokens, money)| cost(tokens, money)).transpose()?;
    Ok(BookedCall { purpose, markets, worst: cost(tokens, money)?, taken, at: time(at_ms)? })
}
