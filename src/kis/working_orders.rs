//! The orders that can still be cancelled: the second witness beside the order list (KIS.md 8.6, 12.8). Real accounts only.

use broker::Urgency;
use chrono::NaiveDate;
use domain::messages::market_data::QueryError;
use domain::{Instrument, Market, OpenIntent, VenueOrderId, WorkingOrder};

use super::call::{Paging, Session};
use super::codes::OrderExchange;
use super::domestic::owner;
use super::orders::{self, side};
use super::overseas::venue;
use super::trid::reads;
use super::wire::{Row, WireError};

/// Every order of `market` that can still be cancelled.
///
/// # Errors
/// [`QueryError`]; on a paper account it is not offered. One unreadable row fails the whole list.
pub(super) async fn working_orders(
    session: &Session,
    market: Market,
    urgency: Urgency,
) -> Result<Vec<WorkingOrder>, QueryError> {
    if market.is_domestic() {
        at_home(session, urgency).await
    } else {
        abroad(session, market, urgency).await
    }
}

async fn at_home(session: &Session, urgency: Urgency) -> Result<Vec<WorkingOrder>, QueryError> {
    let question = session
        .question(&reads::KR_WORKING, urgency)?
        .with(owner(&session.account))
        .with([("INQR_DVSN_1", "0"), ("INQR_DVSN_2", "0")]);
    let today = Market::Kr.date_at(session.now());
    let mut working = Vec::new();
    for page in session.ask_all(&question, Paging::DOMESTIC).await? {
        for row in page.list("output")? {
            working.extend(domestic_row(&row, today)?);
        }
    }
    Ok(working)
}

/// The list has no date: what can be cancelled is of today.
fn domestic_row(row: &Row, today: NaiveDate) -> Result<Option<WorkingOrder>, WireError> {
    if orders::is_blank(row, ["pdno", "ord_qty"])? {
        return Ok(None);
    }
    let remaining = row.quantity("psbl_qty")?;
    let Some(symbol) = orders::symbol(row, "pdno").filter(|_| !remaining.is_zero()) else { return Ok(None) };
    Ok(Some(WorkingOrder {
        order: orders::id_of(row, today)?,
        instrument: Instrument { market: Market::Kr, symbol },
        side: side(row, "sll_buy_dvsn_cd")?,
        remaining,
    }))
}

/// `NASD` would list all of America; each market is asked for itself, and a row of another one is left out.
async fn abroad(
    session: &Session,
    market: Market,
    urgency: Urgency,
) -> Result<Vec<WorkingOrder>, QueryError> {
    let exchange = venue(market)?.order;
    let question = session
        .question(&reads::OVERSEAS_WORKING, urgency)?
        .with(owner(&session.account))
        .with([("OVRS_EXCG_CD", exchange.code()), ("SORT_SQN", "DS")]);
    let mut working = Vec::new();
    for page in session.ask_all(&question, Paging::OVERSEAS).await? {
        for row in page.list("output")? {
            working.extend(foreign_row(&row)?.filter(|order| order.instrument.market == market));
        }
    }
    Ok(working)
}

fn foreign_row(row: &Row) -> Result<Option<WorkingOrder>, WireError> {
    if orders::is_blank(row, ["pdno", "ft_ord_qty"])? {
        return Ok(None);
    }
    let remaining = row.quantity("nccs_qty")?;
    let Some(market) = OrderExchange::market(row.text("ovrs_excg_cd")) else { return Ok(None) };
    let Some(symbol) = orders::symbol(row, "pdno").filter(|_| !remaining.is_zero()) else { return Ok(None) };
    Ok(Some(WorkingOrder {
        order: orders::id(row)?,
        instrument: Instrument { market, symbol },
        side: side(row, "sll_buy_dvsn_cd")?,
        remaining,
    }))
}

/// A cancel that was refused for `why`, by a branch or a remainder that the exchange does not have any more, or because
/// the order has ended. The answer is the order to cancel as it is listed.
///
/// # Errors
/// Why a second cancel is useless, in words: the list has it as the books have it, or not at all, or is not there.
pub(super) async fn after_refusal(
    session: &Session,
    intent: &OpenIntent,
    why: String,
) -> Result<WorkingOrder, String> {
    let Some(number) = &intent.venue_order else { return Err(why) };
    let left = intent.terms.quantity.saturating_sub(intent.filled);
    match find(session, intent.terms.instrument.market, number).await {
        Ok(Some(listed)) if listed.order.branch != number.branch || listed.remaining != left => {
            tracing::warn!(intent = %intent.id, why, left = %listed.remaining, "cancelled again as it is listed");
            Ok(listed)
        }
        Ok(Some(_as_booked)) => Err(format!("{why}; the list of working orders has it as it was asked")),
        Ok(None) => Err(format!("{why}; it is not on the list of working orders")),
        Err(QueryError::NotOffered(_)) => Err(why),
        Err(error) => Err(format!("{why}; the list of working orders cannot be read: {error}")),
    }
}

async fn find(
    session: &Session,
    market: Market,
    order: &VenueOrderId,
) -> Result<Option<WorkingOrder>, QueryError> {
    let working = working_orders(session, market, Urgency::Cancel).await?;
    // Answers and lists pad a number differently.
    let number = order.numeric();
    let same = |other: &WorkingOrder| {
        other.order.date == order.date && number.is_some() && other.order.numeric() == number
    };
    Ok(working.into_iter().find(same))
}

#[cfg(test)]
mod tests;
