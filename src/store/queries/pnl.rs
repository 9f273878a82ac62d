//! Profit and loss per currency. What is not known is in no sum, and named.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use domain::messages::operator::{Answer, DayLine, PnlLine, PositionLine};
use domain::{Currency, Market, Money};

use super::{Sight, positions};
use crate::store::fault::Fault;
use crate::store::schema::{day_starts, sale_sums};
use crate::store::values::{Micros, count, ms, parsed};

/// Sales per market: a sale whose cost is unknown has no profit, and is counted apart. Fills first, in their order on disk.
const SALES: &str = "
    SELECT i.market AS market, SUM(f.pnl_micros) AS pnl_micros,
           COUNT(DISTINCT CASE WHEN f.pnl_micros IS NOT NULL THEN i.id END) AS known,
           COUNT(DISTINCT CASE WHEN f.pnl_micros IS NULL THEN i.id END) AS unknown
      FROM fills AS f CROSS JOIN intents AS i ON i.id = f.intent_id
     WHERE i.side = 'SELL' AND f.booked_at_ms >= ?
     GROUP BY i.market";

#[derive(QueryableByName, Queryable, Selectable)]
#[diesel(table_name = sale_sums)]
struct Sales {
    #[diesel(sql_type = Text)]
    market: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    pnl_micros: Option<Micros>,
    #[diesel(sql_type = BigInt)]
    known: i64,
    #[diesel(sql_type = BigInt)]
    unknown: i64,
}

pub(super) fn pnl(
    conn: &mut SqliteConnection,
    since: Option<DateTime<Utc>>,
    sight: Sight<'_>,
) -> Result<Answer, Fault> {
    let mut lines: BTreeMap<Currency, PnlLine> = BTreeMap::new();
    for sales in sales(conn, since)? {
        let currency = parsed::<Market>("market", &sales.market)?.currency();
        add_sales(lines.entry(currency).or_insert_with(|| blank(currency)), &sales)?;
    }
    for position in positions::positions(conn, sight)?.iter().filter(|held| !held.quantity.is_zero()) {
        let currency = position.instrument.market.currency();
        add_position(lines.entry(currency).or_insert_with(|| blank(currency)), position);
    }
    for currency in Currency::ALL {
        if let Some(day) = day(conn, currency, sight)? {
            lines.entry(currency).or_insert_with(|| blank(currency)).day = Some(day);
        }
    }
    Ok(Answer::Pnl { since, currencies: lines.into_values().collect() })
}

fn blank(currency: Currency) -> PnlLine {
    PnlLine {
        currency,
        sales: 0,
        realised: None,
        sales_of_unknown_cost: 0,
        fees: None,
        unrealised: None,
        priced_at: None,
        unpriced: Vec::new(),
        day: None,
    }
}

/// Since the books began they are kept summed up: the page asks for that each second.
fn sales(conn: &mut SqliteConnection, since: Option<DateTime<Utc>>) -> Result<Vec<Sales>, Fault> {
    match since {
        Some(since) => Ok(diesel::sql_query(SALES).bind::<BigInt, _>(ms(since)).load(conn)?),
        None => Ok(sale_sums::table.order(sale_sums::market).select(Sales::as_select()).load(conn)?),
    }
}

fn add_sales(line: &mut PnlLine, sales: &Sales) -> Result<(), Fault> {
    line.sales += count(sales.known)?;
    line.sales_of_unknown_cost += count(sales.unknown)?;
    if let Some(pnl) = sales.pnl_micros {
        line.realised = Some(sum(line.realised, pnl.money(line.currency)));
    }
    Ok(())
}

fn add_position(line: &mut PnlLine, position: &PositionLine) {
    match (position.unrealised, position.price) {
        (Some(unrealised), Some(price)) => {
            line.unrealised = Some(sum(line.unrealised, unrealised));
            line.priced_at = Some(line.priced_at.map_or(price.at, |at| at.min(price.at)));
        }
        (None, _) | (_, None) => line.unpriced.push(position.instrument.clone()),
    }
}

fn sum(so_far: Option<Money>, more: Money) -> Money {
    // Both are sums of stored millionths in one currency: far from the limits of a decimal.
    so_far.map_or(more, |so_far| so_far.plus(more).unwrap_or(so_far))
}

fn day(conn: &mut SqliteConnection, currency: Currency, sight: Sight<'_>) -> Result<Option<DayLine>, Fault> {
    let row: Option<(String, Micros)> = day_starts::table
        .filter(day_starts::currency.eq(currency.code()))
        .order(day_starts::session_date.desc())
        .select((day_starts::session_date, day_starts::equity_micros))
        .first(conn)
        .optional()?;
    let Some((session_date, began_with)) = row else { return Ok(None) };
    let account = sight.accounts.iter().find(|account| account.currency == currency);
    Ok(Some(DayLine {
        session_date: parsed("session date", &session_date)?,
        began_with: began_with.money(currency),
        equity: account.and_then(|account| account.equity),
        told_at: account.map(|account| account.taken_at),
    }))
}
