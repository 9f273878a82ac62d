//! What speaks against buying a stock again: refused purchases and sales, as the books have them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::connection::DefaultLoadingMode;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;
use domain::messages::limits::{Setback, SetbackKind, SetbacksSince};
use domain::{Action, Instrument, OrderState, Side};
use risk_guard::RefusalReason;
use trade_ledger::StoreError;

use super::fault::Fault;
use super::schema::{fills, intents, refusals};
use super::values::{Micros, malformed, ms, parsed, time};

/// How a refusal begins that says the order never left: no exchange refused it (`domain::Refusal`).
const NOT_SENT: &str = "not sent:%";

/// No week holds more refusals, and none more sales in parts, than are read at most, the newest: the hard ceiling of a day is
/// 400 orders.
const REFUSALS_MAX: i64 = 5_000;
const SALES_MAX: i64 = 5_000;

/// Found by time: the signs keep SQLite from the indices of a stock and of a reason, which lead through the whole past.
const MARKET: &str = "+intents.market";
const SYMBOL: &str = "+intents.symbol";
const REASON: &str = "+refusals.reason";

type RefusedRow = (String, String, String, Option<i64>);
type SoldRow = (String, String, i64, Option<i64>, i64);

/// Oldest first.
pub(super) fn since(conn: &mut SqliteConnection, query: &SetbacksSince) -> Result<Vec<Setback>, Fault> {
    let mut found = refused_here(conn, query)?;
    found.extend(refused_there(conn, query)?);
    found.extend(sold(conn, query)?);
    found.sort_by_key(|setback| setback.at);
    Ok(found)
}

/// By RiskGuard, for a reason that makes it wait: the newest of each stock and reason. Grouped here, because SQLite would group by
/// reading the whole past in the order of stocks.
fn refused_here(conn: &mut SqliteConnection, query: &SetbacksSince) -> Result<Vec<Setback>, Fault> {
    let mut rows = refusals::table
        .select((refusals::market, refusals::symbol, refusals::reason, refusals::at_ms))
        .into_boxed()
        .filter(refusals::action.eq(Action::Buy.code()))
        .filter(sql::<Text>(REASON).eq_any(RefusalReason::COOLING))
        .filter(refusals::at_ms.gt(ms(query.since)));
    if let Some(Instrument { market, symbol }) = &query.instrument {
        rows = rows.filter(refusals::market.eq(market.code())).filter(refusals::symbol.eq(symbol.as_str()));
    }
    let mut newest: BTreeMap<(String, String, String), i64> = BTreeMap::new();
    let rows = rows.order(refusals::at_ms.desc());
    for row in rows.load_iter::<(String, String, String, i64), DefaultLoadingMode>(conn)? {
        let (market, symbol, why, at_ms) = row?;
        newest.entry((market, symbol, why)).or_insert(at_ms);
    }
    newest
        .into_iter()
        .map(|((market, symbol, why), at_ms)| refused((market, symbol, why, Some(at_ms))))
        .collect()
}

/// By the exchange; not what never left the house.
fn refused_there(conn: &mut SqliteConnection, query: &SetbacksSince) -> Result<Vec<Setback>, Fault> {
    let why = sql::<Text>("coalesce(remark, state)");
    let never_left = intents::remark.is_not_null().and(intents::remark.like(NOT_SENT));
    let mut rows = intents::table
        .select((intents::market, intents::symbol, why, intents::changed_at_ms.nullable()))
        .into_boxed()
        .filter(intents::side.eq(Side::Buy.code()))
        .filter(intents::state.eq_any([OrderState::Refused.code(), OrderState::Rejected.code()]))
        .filter(intents::changed_at_ms.gt(ms(query.since)))
        .filter(diesel::dsl::not(never_left));
    if let Some(Instrument { market, symbol }) = &query.instrument {
        rows = rows
            .filter(sql::<Text>(MARKET).eq(market.code()))
            .filter(sql::<Text>(SYMBOL).eq(symbol.as_str()));
    }
    let rows = rows.order(intents::changed_at_ms.desc()).limit(REFUSALS_MAX);
    rows.load::<RefusedRow>(conn)?.into_iter().map(refused).collect()
}

fn refused((market, symbol, why, at_ms): RefusedRow) -> Result<Setback, Fault> {
    let at_ms = at_ms.ok_or_else(|| malformed("time", "NULL"))?;
    Ok(setback(&market, &symbol, at_ms, SetbackKind::Refused { why })?)
}

fn sold(conn: &mut SqliteConnection, query: &SetbacksSince) -> Result<Vec<Setback>, Fault> {
    let mut rows = fills::table
        .inner_join(intents::table.on(intents::id.eq(fills::intent_id)))
        .select((
            intents::market,
            intents::symbol,
            fills::price_micros,
            fills::pnl_micros,
            fills::booked_at_ms,
        ))
        .into_boxed()
        .filter(intents::side.eq(Side::Sell.code()))
        .filter(fills::booked_at_ms.gt(ms(query.since)));
    if let Some(Instrument { market, symbol }) = &query.instrument {
        rows = rows
            .filter(sql::<Text>(MARKET).eq(market.code()))
            .filter(sql::<Text>(SYMBOL).eq(symbol.as_str()));
    }
    let rows: Vec<SoldRow> = rows.order(fills::booked_at_ms.desc()).limit(SALES_MAX).load(conn)?;
    let sale = |(market, symbol, price, pnl, at_ms): SoldRow| {
        let currency = parsed::<domain::Market>("market", &market)?.currency();
        let result = pnl.map(|pnl| Micros(pnl).money(currency));
        setback(&market, &symbol, at_ms, SetbackKind::Sold { price: Micros(price).price()?, result })
    };
    rows.into_iter().map(|row| Ok(sale(row)?)).collect()
}

fn setback(market: &str, symbol: &str, at_ms: i64, kind: SetbackKind) -> Result<Setback, StoreError> {
    let instrument = Instrument { market: parsed("market", market)?, symbol: parsed("symbol", symbol)? };
    let at: DateTime<Utc> = time(at_ms)?;
    Ok(Setback { instrument, at, kind })
}
