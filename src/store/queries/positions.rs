//! What is held: by the books, and by the exchange where it was asked.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use domain::messages::operator::{DatedPrice, PositionLine};
use domain::{Instrument, Money, Quantity};
use rust_decimal::Decimal;

use super::{Sight, prices};
use crate::store::fault::Fault;
use crate::store::rows::instrument;
use crate::store::schema::{external_shares, positions};
use crate::store::values::{Micros, shares};

pub(super) fn positions(conn: &mut SqliteConnection, sight: Sight<'_>) -> Result<Vec<PositionLine>, Fault> {
    let own = own(conn)?;
    let other = other(conn)?;
    let told = sight.accounts.iter().flat_map(|account| &account.holdings).map(|one| &one.instrument);
    let stocks: BTreeSet<Instrument> = own.keys().chain(other.keys()).chain(told).cloned().collect();
    stocks
        .into_iter()
        .map(|stock| {
            let (quantity, cost) = own.get(&stock).copied().unwrap_or_default();
            let other_shares = other.get(&stock).copied().unwrap_or(0);
            let price = prices::newest(conn, &stock, sight.accounts)?;
            let cost = Money::new(cost, stock.market.currency());
            Ok(PositionLine {
                quantity,
                cost,
                other_shares,
                confirmed: confirmed(&stock, sight),
                unrealised: unrealised(quantity, cost, price),
                price,
                instrument: stock,
            })
        })
        .collect()
}

/// Nothing is held means no profit at all, not one of zero; without a price it is unknown.
fn unrealised(quantity: Quantity, cost: Money, price: Option<DatedPrice>) -> Option<Money> {
    let price = price.filter(|_| !quantity.is_zero())?;
    price.price.times(quantity, cost.currency()).minus(cost).ok()
}

/// Zero where the exchange told the account of that currency without the stock.
fn confirmed(stock: &Instrument, sight: Sight<'_>) -> Option<Quantity> {
    let account = sight.accounts.iter().find(|account| account.currency == stock.market.currency())?;
    let holding = account.holdings.iter().find(|holding| holding.instrument == *stock);
    Some(holding.map_or(Quantity::ZERO, |holding| holding.quantity))
}

fn own(conn: &mut SqliteConnection) -> Result<BTreeMap<Instrument, (Quantity, Decimal)>, Fault> {
    let rows: Vec<(String, String, i64, Micros)> = positions::table
        .filter(positions::quantity.gt(0))
        .select((positions::market, positions::symbol, positions::quantity, positions::cost_micros))
        .load(conn)?;
    let one = |(market, symbol, quantity, cost): (String, String, i64, Micros)| {
        Ok((instrument(&market, &symbol)?, (shares(quantity)?, cost.decimal())))
    };
    rows.into_iter().map(one).collect()
}

/// Shares that no order of this agent explains and that were taken as given.
fn other(conn: &mut SqliteConnection) -> Result<BTreeMap<Instrument, i64>, Fault> {
    let rows: Vec<(String, String, i64)> = external_shares::table
        .select((external_shares::market, external_shares::symbol, external_shares::quantity))
        .load(conn)?;
    let mut sums: BTreeMap<Instrument, i64> = BTreeMap::new();
    for (market, symbol, quantity) in rows {
        let sum = sums.entry(instrument(&market, &symbol)?).or_default();
        *sum = sum.saturating_add(quantity);
    }
    sums.retain(|_, sum| *sum != 0);
    Ok(sums)
}
