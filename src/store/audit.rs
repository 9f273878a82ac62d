//! What the books hold of each execution and of each holding, for whoever compares them with the exchange's own.

use diesel::prelude::*;
use domain::{Instrument, IntentId, Quantity, Side};
use rust_decimal::Decimal;
use trade_ledger::StoreError;

use super::SqliteReader;
use super::fault::Fault;
use super::rows::instrument;
use super::schema::{fills, intents, positions};
use super::values::{Micros, parsed, shares};

/// One booking of executions of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedFill {
    /// The order's intent.
    pub intent: IntentId,
    /// The stock.
    pub instrument: Instrument,
    /// Bought or sold.
    pub side: Side,
    /// Shares, above zero.
    pub quantity: Quantity,
    /// Price times shares, in the market's currency, to the millionth.
    pub amount: Decimal,
}

/// What the books say that this agent bought of a stock and has not sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldAtCost {
    /// The stock.
    pub instrument: Instrument,
    /// Shares; zero when all are sold.
    pub quantity: Quantity,
    /// What they cost, in the market's currency, to the millionth.
    pub cost: Decimal,
}

impl SqliteReader {
    /// Every booking of executions, in the order in which they were booked.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn fills(&mut self) -> Result<Vec<BookedFill>, StoreError> {
        self.store.read(all_fills)
    }

    /// Every holding at cost, by market and symbol.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn held_at_cost(&mut self) -> Result<Vec<HeldAtCost>, StoreError> {
        self.store.read(all_held)
    }
}

fn all_fills(conn: &mut SqliteConnection) -> Result<Vec<BookedFill>, Fault> {
    let rows: Vec<(String, String, String, String, i64, Micros)> = fills::table
        .inner_join(intents::table.on(intents::id.eq(fills::intent_id)))
        .order(fills::id)
        .select((
            intents::id,
            intents::market,
            intents::symbol,
            intents::side,
            fills::quantity,
            fills::amount_micros,
        ))
        .load(conn)?;
    let fill = |(intent, market, symbol, side, quantity, amount): (_, String, String, String, _, Micros)| {
        Ok(BookedFill {
            intent: IntentId::from_stored(intent),
            instrument: instrument(&market, &symbol)?,
            side: parsed("side", &side)?,
            quantity: shares(quantity)?,
            amount: amount.decimal(),
        })
    };
    rows.into_iter().map(fill).collect()
}

fn all_held(conn: &mut SqliteConnection) -> Result<Vec<HeldAtCost>, Fault> {
    let rows: Vec<(String, String, i64, Micros)> = positions::table
        .order((positions::market, positions::symbol))
        .select((positions::market, positions::symbol, positions::quantity, positions::cost_micros))
        .load(conn)?;
    let held = |(market, symbol, quantity, cost): (String, String, i64, Micros)| {
        Ok(HeldAtCost {
            instrument: instrument(&market, &symbol)?,
            quantity: shares(quantity)?,
            cost: cost.decimal(),
        })
    };
    rows.into_iter().map(held).collect()
}
