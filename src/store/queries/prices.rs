//! The newest price that is known of a stock, and since when.

use diesel::prelude::*;
use domain::Instrument;
use domain::messages::control::{AccountSeen, HoldingSeen};
use domain::messages::operator::{DatedPrice, PriceSource};

use crate::store::fault::Fault;
use crate::store::schema::{decisions, fills, intents};
use crate::store::values::{Micros, time};

/// The newest of what the exchange, a judgement and a fill say.
pub(super) fn newest(
    conn: &mut SqliteConnection,
    stock: &Instrument,
    accounts: &[AccountSeen],
) -> Result<Option<DatedPrice>, Fault> {
    let told = [told(stock, accounts), judged(conn, stock)?, filled(conn, stock)?];
    Ok(told.into_iter().flatten().max_by_key(|price| price.at))
}

/// The holding, if the exchange told it.
pub(super) fn seen<'a>(stock: &Instrument, accounts: &'a [AccountSeen]) -> Option<&'a HoldingSeen> {
    accounts.iter().flat_map(|account| &account.holdings).find(|holding| holding.instrument == *stock)
}

fn told(stock: &Instrument, accounts: &[AccountSeen]) -> Option<DatedPrice> {
    let (price, at) = seen(stock, accounts)?.price?;
    Some(DatedPrice { price, at, seen_by: PriceSource::Exchange })
}

fn judged(conn: &mut SqliteConnection, stock: &Instrument) -> Result<Option<DatedPrice>, Fault> {
    let row: Option<(Option<Micros>, i64)> = decisions::table
        .filter(decisions::symbol.eq(stock.symbol.as_str()))
        .filter(decisions::market.eq(stock.market.code()))
        .filter(decisions::price_micros.is_not_null())
        .order(decisions::seq.desc())
        .select((decisions::price_micros, decisions::at_ms))
        .first(conn)
        .optional()?;
    let Some((Some(price), at)) = row else { return Ok(None) };
    Ok(Some(DatedPrice { price: price.price()?, at: time(at)?, seen_by: PriceSource::Decision }))
}

fn filled(conn: &mut SqliteConnection, stock: &Instrument) -> Result<Option<DatedPrice>, Fault> {
    let row: Option<(Micros, i64)> = fills::table
        .inner_join(intents::table.on(intents::id.eq(fills::intent_id)))
        .filter(intents::symbol.eq(stock.symbol.as_str()))
        .filter(intents::market.eq(stock.market.code()))
        .order(fills::id.desc())
        .select((fills::price_micros, fills::booked_at_ms))
        .first(conn)
        .optional()?;
    let Some((price, at)) = row else { return Ok(None) };
    Ok(Some(DatedPrice { price: price.price()?, at: time(at)?, seen_by: PriceSource::Fill }))
}
