//! Exposure: how much of the equity may be in one stock, and in all stocks of its currency.
//!
//! What counts is what is held, at the exchange's price, and what our own open purchases may still cost at their limits,
//! whatever became of them: an order whose fate is unknown may have filled. A holding without a price counts at its cost.

use domain::{AccountSnapshot, Holding, Instrument, Money, Side};
use rust_decimal::Decimal;

use super::wiring::{Limit, refuse};
use super::{Limits, RefusalReason};
use crate::book::{Book, Tracked};

/// May `notional` more of `instrument` be bought?
///
/// # Errors
/// [`RefusalReason::SymbolExposure`] or [`RefusalReason::TotalExposure`]; exactly the largest share passes.
/// [`RefusalReason::EquityUnknown`] and [`RefusalReason::ExposureUnknown`] when it cannot be said.
pub(super) fn check(
    instrument: &Instrument,
    notional: Money,
    account: &AccountSnapshot,
    book: &Book,
    limits: &Limits,
) -> Result<(), RefusalReason> {
    let currency = notional.currency();
    let equity =
        account.equity.filter(|equity| equity.amount() > Decimal::ZERO && equity.currency() == currency);
    let Some(equity) = equity else {
        return refuse(Limit::EquityKnown, RefusalReason::EquityUnknown { currency });
    };
    let of_stock = account.holding(instrument).map_or(Ok(Decimal::ZERO), value)?;
    let held = Money::new(of_stock.saturating_add(ordered(book, instrument)), currency);
    let max_pct = limits.max_symbol_pct();
    if !fits(held, notional, equity, max_pct) {
        let instrument = instrument.clone();
        let reason = RefusalReason::SymbolExposure { instrument, notional, held, equity, max_pct };
        refuse(Limit::SymbolExposure, reason)?;
    }
    let of_all = account
        .holdings
        .iter()
        .try_fold(Decimal::ZERO, |sum, holding| Ok(sum.saturating_add(value(holding)?)))?;
    let held = Money::new(of_all.saturating_add(book.reserved(currency).amount()), currency);
    let max_pct = limits.max_exposure_pct();
    if !fits(held, notional, equity, max_pct) {
        refuse(Limit::TotalExposure, RefusalReason::TotalExposure { notional, held, equity, max_pct })?;
    }
    Ok(())
}

/// What a holding is worth, or what it cost where nobody told.
fn value(holding: &Holding) -> Result<Decimal, RefusalReason> {
    let Some(price) = holding.price.or(holding.average_price) else {
        let instrument = holding.instrument.clone();
        refuse(Limit::HoldingPriced, RefusalReason::ExposureUnknown { instrument })?;
        return Ok(Decimal::ZERO);
    };
    Ok(price.times(holding.quantity, holding.instrument.market.currency()).amount())
}

/// What open purchases of one stock may still cost at their limits.
fn ordered(book: &Book, instrument: &Instrument) -> Decimal {
    let cost =
        |order: &Tracked| order.terms.limit.times(order.remaining(), instrument.market.currency()).amount();
    let purchases = book.of(instrument).filter(|order| order.terms.side == Side::Buy);
    purchases.map(cost).fold(Decimal::ZERO, Decimal::saturating_add)
}

/// Both sides times a hundred: no division, so exactly the largest share is exact.
fn fits(held: Money, notional: Money, equity: Money, max_pct: Decimal) -> bool {
    let total =
        held.amount().checked_add(notional.amount()).and_then(|sum| sum.checked_mul(Decimal::ONE_HUNDRED));
    let allowed = equity.amount().checked_mul(max_pct);
    matches!((total, allowed), (Some(total), Some(allowed)) if total <= allowed)
}
