//! Cash, equity and holdings in a foreign currency (KIS.md 12.5, 12.7).
//!
//! No single answer holds them. The balance lists shares without cash; "buyable amount" is cash without what open
//! purchases have locked; the order list says what they lock. Orders may fill while these are read one after the
//! other, and a purchase seen in none of them would look like a loss. So cash is read before and after: if it moved,
//! everything is read once more, and if it moves again equity is unknown, not wrong. Orders are read before holdings,
//! so a purchase that fills in between counts twice for one reading rather than not at all: no false alarm.

use broker::Urgency;
use domain::messages::market_data::QueryError;
use domain::{AccountSnapshot, Currency, Holding, Instrument, Market, Money, Side};
use rust_decimal::Decimal;

use super::call::{Paging, Session};
use super::codes::{OrderExchange, Venue};
use super::domestic::owner;
use super::orders;
use super::overseas::{all_orders_of_day, venue};
use super::trid::reads;
use super::wire::{Envelope, Row, WireError};

/// Readings of one account before its equity counts as unknown.
const READINGS: u32 = 2;

/// The account in the currency of `market`.
///
/// # Errors
/// [`QueryError`]; only the missing answer about cash makes `cash` and `equity` absent.
pub(super) async fn account(
    session: &Session,
    market: Market,
    urgency: Urgency,
) -> Result<AccountSnapshot, QueryError> {
    let venue = venue(market)?;
    let mut before = orderable_cash(session, venue, urgency).await;
    let mut reading = 1;
    loop {
        // What happens while it is read may be missing in it, so it is as old as the first question.
        let asked_at = session.now();
        let locked = locked_by_purchases(session, market, urgency).await?;
        let mut snapshot = holdings(session, venue, urgency).await?;
        let after = orderable_cash(session, venue, urgency).await;
        snapshot.cash = after.map(|amount| Money::new(amount, market.currency()));
        snapshot.taken_at = asked_at;
        if before == after {
            snapshot.equity = equity(after, locked, &snapshot);
            return Ok(snapshot);
        }
        if reading == READINGS {
            return Ok(snapshot);
        }
        (before, reading) = (after, reading + 1);
    }
}

fn equity(cash: Option<Decimal>, locked: Option<Decimal>, snapshot: &AccountSnapshot) -> Option<Money> {
    let total = cash?.checked_add(locked?)?.checked_add(snapshot.valuation_total?.amount())?;
    Some(Money::new(total, snapshot.currency))
}

/// Cash is one per currency, so a market that does not know the symbol asked with can be stood in for by another.
async fn orderable_cash(session: &Session, venue: &'static Venue, urgency: Urgency) -> Option<Decimal> {
    let leading = Venue::leading(venue.market.currency()).filter(|other| other.market != venue.market);
    for place in [Some(venue), leading].into_iter().flatten() {
        match orderable_at(session, place, urgency).await {
            Ok(Some(amount)) => return Some(amount),
            Ok(None) => tracing::warn!(market = %place.market, "orderable cash is not told"),
            Err(error) => tracing::warn!(%error, market = %place.market, "orderable cash is unknown"),
        }
    }
    None
}

/// `ovrs_ord_psbl_amt`: what the app shows as orderable, sale proceeds included (KIS.md 12.7).
async fn orderable_at(
    session: &Session,
    venue: &Venue,
    urgency: Urgency,
) -> Result<Option<Decimal>, QueryError> {
    let question = session
        .question(&reads::OVERSEAS_BUYABLE, urgency)?
        .with(owner(&session.account))
        .with([("OVRS_EXCG_CD", venue.order.code()), ("OVRS_ORD_UNPR", "1")])
        .with([("ITEM_CD", session.valid_symbol(venue))]);
    Ok(session.ask(&question).await?.summary("output")?.decimal("ovrs_ord_psbl_amt")?)
}

/// Limit price times unfilled shares of today's open purchases in the market's currency.
async fn locked_by_purchases(
    session: &Session,
    market: Market,
    urgency: Urgency,
) -> Result<Option<Decimal>, QueryError> {
    let today = market.date_at(session.now());
    let orders = all_orders_of_day(session, today, urgency).await?;
    let open = orders.iter().filter(|row| {
        row.side == Side::Buy
            && !row.remaining.is_zero()
            && row.instrument.market.currency() == market.currency()
    });
    let mut total = Some(Decimal::ZERO);
    for row in open {
        let amount = row.limit.and_then(|limit| limit.value().checked_mul(row.remaining.get().into()));
        total = total.and_then(|sum| sum.checked_add(amount?));
    }
    Ok(total)
}

async fn holdings(session: &Session, venue: &Venue, urgency: Urgency) -> Result<AccountSnapshot, QueryError> {
    let currency = venue.market.currency();
    let mut pages = Vec::new();
    for exchange in venue.holdings(session.config.environment) {
        let question = session
            .question(&reads::OVERSEAS_BALANCE, urgency)?
            .with(owner(&session.account))
            .with([("OVRS_EXCG_CD", *exchange), ("TR_CRCY_CD", currency.code())]);
        pages.extend(session.ask_all(&question, Paging::OVERSEAS).await?);
    }
    Ok(snapshot(&pages, currency)?)
}

/// Totals are sums of the rows: the answer's own total is documented as P&L and holds the valuation (KIS.md 12.5).
fn snapshot(pages: &[Envelope], currency: Currency) -> Result<AccountSnapshot, WireError> {
    let (mut cost, mut value) = (Some(Decimal::ZERO), Some(Decimal::ZERO));
    let mut holdings = Vec::new();
    for page in pages {
        for row in page.list("output1")? {
            if is_held(&row, currency)? {
                cost = add(cost, row.decimal("frcr_pchs_amt1")?);
                value = add(value, row.decimal("ovrs_stck_evlu_amt")?);
                holdings.extend(holding(&row)?);
            }
        }
    }
    let money = |amount: Option<Decimal>| amount.map(|amount| Money::new(amount, currency));
    Ok(AccountSnapshot {
        currency,
        taken_at: chrono::DateTime::UNIX_EPOCH,
        cash: None,
        equity: None,
        purchase_total: money(cost),
        valuation_total: money(value),
        holdings,
    })
}

fn add(sum: Option<Decimal>, part: Option<Decimal>) -> Option<Decimal> {
    sum?.checked_add(part?)
}

/// A blank row may follow the last holding; sold-out names have no shares; another currency is another account.
fn is_held(row: &Row, currency: Currency) -> Result<bool, WireError> {
    let blank = row.is_blank("ovrs_pdno");
    if blank && row.whole("ovrs_cblc_qty")?.unwrap_or(0) == 0 {
        return Ok(false);
    }
    row.required("ovrs_pdno")?;
    if row.quantity("ovrs_cblc_qty")?.is_zero() {
        return Ok(false);
    }
    let market = OrderExchange::market(row.text("ovrs_excg_cd"));
    Ok(match row.text("tr_crcy_cd") {
        "" => market.is_none_or(|market| market.currency() == currency),
        code => code == currency.code(),
    })
}

/// None for a stock that we could not have bought; its value counts all the same.
fn holding(row: &Row) -> Result<Option<Holding>, WireError> {
    let Some(market) = OrderExchange::market(row.text("ovrs_excg_cd")) else { return Ok(None) };
    let Some(symbol) = orders::symbol(row, "ovrs_pdno") else { return Ok(None) };
    Ok(Some(Holding {
        instrument: Instrument { market, symbol },
        quantity: row.quantity("ovrs_cblc_qty")?,
        sellable: row.quantity("ord_psbl_qty")?,
        average_price: row.price("pchs_avg_pric")?,
        price: row.price("now_pric2")?,
    }))
}

#[cfg(test)]
mod tests;
