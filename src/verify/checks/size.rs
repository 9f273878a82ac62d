//! Invariant 14: what an order may cost, and what a sale may sell.

use domain::{Instrument, OrderTerms, Quantity, Side};
use rust_decimal::Decimal;

use super::super::facts::{Approval, Fact, Follower, What};
use super::{Evidence, follow};

/// An entry may cost so much of the cash, in percent.
const MAX_ORDER_PCT: i64 = 30;

/// An entry costs at most 30 % of the cash that our other purchases leave, so all of them together never cost more than
/// there is; a sale sells at most what is held and not being sold already.
pub(super) fn within_means(evidence: &Evidence<'_>) -> Vec<String> {
    follow(evidence, |follower, fact| {
        let What::Approval(approval) = &fact.what else { return None };
        match approval.terms.side {
            Side::Buy => too_dear(approval),
            Side::Sell => too_much(follower, fact, approval),
        }
    })
}

fn too_dear(approval: &Approval) -> Option<String> {
    let Approval { intent, terms, cash, account, .. } = approval;
    // What a fill has cost in fees lately need not be known to whoever sized the order.
    let free = cash.amount() - account.reserved + account.fees_lately;
    let notional = terms.notional();
    let is_allowed = notional.amount() * Decimal::ONE_HUNDRED <= free * Decimal::from(MAX_ORDER_PCT);
    (!is_allowed).then(|| {
        format!("intent {intent} costs {notional} of {cash} cash, of which {} are reserved", account.reserved)
    })
}

fn too_much(follower: &Follower, fact: &Fact, approval: &Approval) -> Option<String> {
    let Approval { intent, terms: OrderTerms { instrument, quantity, .. }, account, .. } = approval;
    let selling = selling(follower, fact, intent, instrument);
    let free = account.held.saturating_sub(selling);
    (*quantity > free).then(|| {
        format!(
            "intent {intent} sells {quantity} of {} held, of which {selling} are being sold",
            account.held
        )
    })
}

/// Exits and a flatten sell what the booked fills say that this agent bought and has not sold, less what its other open
/// sales still may: on a shared account the rest is somebody else's.
pub(super) fn own_sales_sell_what_is_ours(evidence: &Evidence<'_>) -> Vec<String> {
    follow(evidence, |follower, fact| {
        let What::Approval(Approval { intent, terms, is_own_sale: true, .. }) = &fact.what else {
            return None;
        };
        let ours = follower.own(&terms.instrument);
        let selling = selling(follower, fact, intent, &terms.instrument);
        let quantity = terms.quantity;
        (quantity > ours.saturating_sub(selling)).then(|| {
            format!(
                "intent {intent} sells {quantity} by rule at {}; {ours} are ours, of which {selling} are being sold",
                fact.at
            )
        })
    })
}

/// What our other open sales of a stock may still sell.
fn selling(follower: &Follower, fact: &Fact, besides: &str, instrument: &Instrument) -> Quantity {
    let others = follower.alive(fact.at).filter(|(id, other)| {
        *id != besides && other.terms.side == Side::Sell && other.terms.instrument == *instrument
    });
    let open = others.map(|(_, other)| other.terms.quantity.saturating_sub(other.filled));
    open.fold(Quantity::ZERO, Quantity::saturating_add)
}
