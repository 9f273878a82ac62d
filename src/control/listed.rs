//! What a halt finds when RiskGuard lists nothing: the orders and the holdings of the ledger, and as of when.
//!
//! Nobody has asked the exchange then, so this is older than what a running agent tells. What cannot be read stays unknown.

use std::path::Path;

use chrono::{DateTime, Utc};
use domain::messages::operator::{Answer, LINES_MAX, OrderLine, OrdersWanted, PositionLine, Question};
use domain::{Clock as _, OrderState};
use trade_ledger::StoreError;

use super::reader;
use super::wire::Order;
use crate::clock::SystemClock;
use crate::store::{Sight, SqliteReader};

/// What the ledger knows to be open and held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// When something was last committed.
    pub as_of: DateTime<Utc>,
    /// Orders that worked at the exchange then.
    pub open: Vec<Order>,
    /// Orders whose fate was unknown then.
    pub unknown: Vec<Order>,
    /// What was held, in words.
    pub positions: Vec<String>,
}

/// Reads it; none: the books are empty, or hold more than can be listed.
///
/// # Errors
/// When the books cannot be read.
pub fn read(books: &mut SqliteReader, now: DateTime<Utc>) -> Result<Option<Listed>, StoreError> {
    let Some(as_of) = books.last_commit()? else { return Ok(None) };
    let sight = Sight { now, accounts: &[] };
    let wanted = OrdersWanted { open_only: true, since: None, limit: LINES_MAX };
    let orders = books.answer(&Question::Orders(wanted), sight)?;
    let held = books.answer(&Question::Positions, sight)?;
    // A list that may lack an order is none.
    let (Answer::Orders { orders, more: false }, Answer::Positions { positions }) = (orders, held) else {
        return Ok(None);
    };
    // An approval that never left is neither.
    let sent = orders.iter().filter(|order| order.state != OrderState::Approved);
    let (unknown, open): (Vec<_>, Vec<_>) = sent.partition(|order| order.state.is_unresolved());
    let positions = positions.iter().filter(|held| !held.quantity.is_zero()).map(in_words).collect();
    let lines = |orders: Vec<&OrderLine>| orders.into_iter().map(order).collect();
    Ok(Some(Listed { as_of, open: lines(open), unknown: lines(unknown), positions }))
}

/// The same from the database `path`, which nobody serves; none: it cannot be read, or is empty.
pub fn alone(path: &Path) -> Option<Listed> {
    reader::alone(path, |books| read(books, SystemClock.now())).ok().flatten()
}

fn order(line: &OrderLine) -> Order {
    let OrderLine { side, quantity, instrument, limit, .. } = line;
    let terms = format!("{side} {quantity} {instrument} at {limit}");
    Order { intent: line.intent.to_string(), terms, state: line.state.to_string() }
}

fn in_words(held: &PositionLine) -> String {
    let price = held.price.map_or("price unknown".to_owned(), |last| format!("last price {}", last.price));
    format!("{} {}, {price}", held.quantity, held.instrument)
}
