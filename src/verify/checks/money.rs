//! Money: what each order traded for, what the holdings cost, and the cash of each currency, against the exchange's own books.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Currency, Instrument, Money, Quantity, Side};
use rust_decimal::Decimal;

use super::{Evidence, told_apart};
use crate::simulator::VenueOrder;
use crate::store::{BookedFill, HeldAtCost};

/// The exchange's lists round an order's average price to four decimals at least, and its shares multiply that.
const AVERAGE_ROUNDED_BY: Decimal = Decimal::from_parts(5, 0, 0, false, 5);
/// Of the cash KIS tells how much a purchase may cost, less its fee: in ten thousand, at most so much is kept back.
const FEE_KEPT_BACK: Decimal = Decimal::from_parts(2, 0, 0, false, 4);
/// Amounts and costs are kept to the millionth.
const MILLIONTH: Decimal = Decimal::from_parts(1, 0, 0, false, 6);

/// How far a booked amount of so many shares may be from the exact one.
fn tolerance(shares: Quantity) -> Decimal {
    AVERAGE_ROUNDED_BY * Decimal::from(shares.get()) + MILLIONTH
}

/// Stocks that somebody else has traded too: whose shares are left is not the exchange's to tell.
pub(super) fn shared<'a>(evidence: &Evidence<'a>) -> BTreeSet<&'a Instrument> {
    let others = evidence.venue.orders.iter().filter(|order| order.tag.is_none());
    others.map(|order| &order.instrument).collect()
}

/// What was booked of each intent.
fn booked(evidence: &Evidence<'_>) -> BTreeMap<String, (u64, Decimal)> {
    let mut booked: BTreeMap<String, (u64, Decimal)> = BTreeMap::new();
    for BookedFill { intent, quantity, amount, .. } in evidence.money.fills {
        let (shares, total) = booked.entry(intent.to_string()).or_default();
        *shares = shares.saturating_add(quantity.get());
        *total += amount;
    }
    booked
}

/// Invariant 2: what was booked of each order is what the exchange traded it for, but for the rounding of its lists.
pub(super) fn amounts(evidence: &Evidence<'_>) -> Vec<String> {
    let booked = booked(evidence);
    let told_apart = told_apart(evidence);
    let wrong = |order: &VenueOrder| {
        let intent = order.tag.as_deref()?;
        let (shares, amount) = booked.get(intent).copied().unwrap_or_default();
        let differs = shares != order.filled.get() || (amount - order.amount).abs() > tolerance(order.filled);
        differs.then(|| {
            let (id, filled, traded) = (&order.id, order.filled, order.amount);
            format!("order {id} traded {filled} for {traded}; booked are {shares} for {amount} ({intent})")
        })
    };
    told_apart.iter().filter_map(wrong).collect()
}

/// Invariant 9: holdings cost what their purchases cost, less the average cost of what was sold since.
pub(super) fn costs(evidence: &Evidence<'_>) -> Vec<String> {
    // Each sale may have rounded its share of the cost.
    let mut expected: BTreeMap<&Instrument, (u64, Decimal, Decimal)> = BTreeMap::new();
    let mut unclear: BTreeSet<&Instrument> = shared(evidence);
    for BookedFill { instrument, side, quantity, amount, .. } in evidence.money.fills {
        let (shares, cost, rounded) = expected.entry(instrument).or_default();
        match side {
            Side::Buy => (*shares, *cost) = (shares.saturating_add(quantity.get()), *cost + amount),
            // Of what a purchase that is booked later brought, or others: what that cost is not known.
            Side::Sell if quantity.get() > *shares => drop(unclear.insert(instrument)),
            Side::Sell if quantity.get() == *shares => (*shares, *cost, *rounded) = Default::default(),
            Side::Sell => {
                let left = *shares - quantity.get();
                *cost = *cost * Decimal::from(left) / Decimal::from(*shares);
                (*shares, *rounded) = (left, *rounded + MILLIONTH);
            }
        }
    }
    expected.retain(|stock, _| !unclear.contains(stock));
    let mut broken = Vec::new();
    let held = evidence.money.held.iter().filter(|held| !unclear.contains(&held.instrument));
    for HeldAtCost { instrument, quantity, cost } in held {
        let (shares, expected, rounded) = expected.remove(instrument).unwrap_or_default();
        if quantity.get() != shares || (*cost - expected).abs() > rounded {
            broken.push(format!(
                "{instrument}: the fills come to {shares} shares at {expected}, the books hold {quantity} at {cost}"
            ));
        }
    }
    let missing = expected.into_iter().filter(|(_, (shares, _, _))| *shares > 0);
    broken.extend(missing.map(|(stock, (shares, ..))| format!("{stock}: {shares} shares are in no holding")));
    broken
}

/// Invariant 9: where nobody else has traded a stock, what the books hold of it is what the exchange has.
pub(super) fn holdings(evidence: &Evidence<'_>) -> Vec<String> {
    let shared = shared(evidence);
    let there = |stock: &Instrument| {
        let position = evidence.venue.positions.iter().find(|one| one.instrument == *stock);
        position.map_or(Quantity::ZERO, |one| one.quantity)
    };
    let wrong = |held: &HeldAtCost| {
        let (stock, there) = (&held.instrument, there(&held.instrument));
        (held.quantity != there && !shared.contains(stock))
            .then(|| format!("the books hold {} of {stock}, the exchange has {there}", held.quantity))
    };
    evidence.money.held.iter().filter_map(wrong).collect()
}

/// Invariant 9: the exchange's cash is what there was at the beginning, less what the books say that was bought, and with what
/// they say that was sold; others' orders and all fees are the exchange's to tell. And the agent has seen it so in the end.
pub(super) fn cash(evidence: &Evidence<'_>) -> Vec<String> {
    let booked = booked(evidence);
    let told_apart = told_apart(evidence);
    let mut broken = Vec::new();
    for start in evidence.money.began_with {
        let currency = start.currency();
        let (mut expected, mut allowed) = (start.amount(), Decimal::ZERO);
        for order in told_apart.iter().filter(|one| one.instrument.market.currency() == currency) {
            let ours = order.tag.as_deref().map(|tag| booked.get(tag).copied().unwrap_or_default().1);
            allowed += ours.map_or(Decimal::ZERO, |_| tolerance(order.filled));
            expected += signed(order.side, ours.unwrap_or(order.amount)) - order.fees;
        }
        let there = evidence.venue.cash.iter().find(|money| money.currency() == currency);
        let there = there.copied().map_or(Decimal::ZERO, Money::amount);
        if (there - expected).abs() > allowed {
            broken
                .push(format!("by the books the cash in {currency} is {expected}; the exchange has {there}"));
        }
        broken.extend(seen(evidence, currency, there));
    }
    broken
}

/// The last account that the agent was shown of a currency, once nothing was open any more.
fn seen(evidence: &Evidence<'_>, currency: Currency, there: Decimal) -> Option<String> {
    let seen = evidence.money.seen.get(&currency)?;
    let least = there - there * FEE_KEPT_BACK - Decimal::ONE;
    let is_right = seen.is_some_and(|seen| seen <= there && seen >= least);
    (!is_right).then(|| format!("the agent last saw {seen:?} {currency} of cash; there are {there}"))
}

fn signed(side: Side, amount: Decimal) -> Decimal {
    match side {
        Side::Buy => -amount,
        Side::Sell => amount,
    }
}
