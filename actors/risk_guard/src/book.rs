//! Our own open orders, as RiskGuard needs them: what they reserve and what they block.
//!
//! A reservation counts from before its approval is asked for until its intent is terminal, so exposure never
//! exceeds the limits even when an answer is lost (order-protocol 5.4).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::trading::OrderUpdate;
use domain::{
    Currency, Instrument, IntentId, Money, OpenIntent, OrderState, OrderTerms, Quantity, Side, is_ahead,
};
use rust_decimal::Decimal;
use supervision::mutant::{self, Mutant};

/// How long an approval may be used, in seconds of exchange time.
pub const APPROVAL_TTL_S: i64 = 30;

/// One open order of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// The intent.
    pub intent: IntentId,
    /// What was approved.
    pub terms: OrderTerms,
    /// Where it is, as last heard.
    pub state: OrderState,
    /// Shares filled so far.
    pub filled: Quantity,
    /// When it was approved; absent when only an update told of it.
    pub approved_at: Option<DateTime<Utc>>,
}

impl Tracked {
    /// Shares that may still trade.
    pub fn remaining(&self) -> Quantity {
        self.terms.quantity.saturating_sub(self.filled)
    }

    /// True when it waits in `Approved` longer than an approval lives, or since a time that is yet to come, which a clock told
    /// that ran ahead: only the books know what became of it.
    pub fn is_overdue(&self, now: DateTime<Utc>) -> bool {
        self.state == OrderState::Approved
            && self
                .approved_at
                .is_some_and(|at| now - at > TimeDelta::seconds(APPROVAL_TTL_S) || is_ahead(at, now))
    }
}

/// All open orders of ours, by intent.
#[derive(Clone, Debug, Default)]
pub struct Book {
    orders: BTreeMap<IntentId, Tracked>,
    /// Intents that changed while the books were being read: what we heard is newer than the answer.
    changed_during_read: Option<BTreeSet<IntentId>>,
}

impl Book {
    /// Reserves for an approval that is about to be committed.
    pub fn reserve(&mut self, intent: IntentId, terms: OrderTerms, at: DateTime<Utc>) {
        self.note(&intent);
        let order = Tracked {
            intent: intent.clone(),
            terms,
            state: OrderState::Approved,
            filled: Quantity::ZERO,
            approved_at: Some(at),
        };
        self.orders.insert(intent, order);
    }

    /// Gives a reservation back: its approval can never be used.
    pub fn release(&mut self, intent: &IntentId) {
        self.note(intent);
        self.orders.remove(intent);
    }

    /// Takes in what Broker tells. True when shares were filled or the order ended: the account has changed.
    pub fn update(&mut self, update: &OrderUpdate) -> bool {
        self.note(&update.intent);
        let before = self.orders.get(&update.intent);
        let filled_before = before.map_or(Quantity::ZERO, |order| order.filled);
        let approved_at = before.and_then(|order| order.approved_at);
        if update.state.is_terminal() || is_forgotten(update.state) {
            self.orders.remove(&update.intent);
            return true;
        }
        let order = Tracked {
            intent: update.intent.clone(),
            terms: update.terms.clone(),
            state: update.state,
            // Fills never go back (order-protocol 4, invariant 8).
            filled: update.filled.max(filled_before),
            approved_at,
        };
        let grown = order.filled > filled_before;
        self.orders.insert(update.intent.clone(), order);
        grown
    }

    /// From now on remembers what changes, until [`Book::finish_read`].
    pub fn begin_read(&mut self) {
        self.changed_during_read = Some(BTreeSet::new());
    }

    /// Replaces everything by what the books say, except what changed since the question was asked. Tells the stocks of
    /// orders that were filled or ended without our having heard of it: their accounts have changed.
    ///
    /// An approval that was past its life when the books were asked is left out: they let nothing enter `Sending` with it any
    /// more. One whose life ended since may have been sent in between, which nobody tells before its outcome: it stays.
    pub fn finish_read(&mut self, rows: Vec<OpenIntent>, asked_at: DateTime<Utc>) -> BTreeSet<Instrument> {
        let changed = self.changed_during_read.take().unwrap_or_default();
        let before = self.orders.clone();
        self.orders.retain(|intent, _| changed.contains(intent));
        let fresh = rows.into_iter().filter(|row| !is_forgotten(row.state)).map(tracked);
        for order in fresh.filter(|order| !changed.contains(&order.intent) && !order.is_overdue(asked_at)) {
            self.orders.insert(order.intent.clone(), order);
        }
        let has_moved =
            |order: &&Tracked| self.orders.get(&order.intent).is_none_or(|after| after.filled > order.filled);
        before.values().filter(has_moved).map(|order| order.terms.instrument.clone()).collect()
    }

    /// Open orders of one stock, oldest first.
    pub fn of<'a>(&'a self, instrument: &'a Instrument) -> impl Iterator<Item = &'a Tracked> {
        self.iter().filter(move |order| &order.terms.instrument == instrument)
    }

    /// All open orders, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Tracked> {
        self.orders.values()
    }

    /// What open purchases in `currency` may still cost at their limits.
    pub fn reserved(&self, currency: Currency) -> Money {
        let purchases = self.iter().filter(|order| {
            order.terms.side == Side::Buy && order.terms.instrument.market.currency() == currency
        });
        let amount = purchases
            .map(|order| order.terms.limit.times(order.remaining(), currency).amount())
            .fold(Decimal::ZERO, Decimal::saturating_add);
        Money::new(amount, currency)
    }

    /// Shares of one stock that open sales may still sell.
    pub fn selling(&self, instrument: &Instrument) -> Quantity {
        self.of(instrument)
            .filter(|order| order.terms.side == Side::Sell)
            .map(Tracked::remaining)
            .fold(Quantity::ZERO, Quantity::saturating_add)
    }

    /// The open sale of one stock that was approved first; one whose time nobody knows comes before all.
    pub fn oldest_sale(&self, instrument: &Instrument) -> Option<&Tracked> {
        self.iter()
            .filter(|order| &order.terms.instrument == instrument && order.terms.side == Side::Sell)
            .filter(|order| !order.remaining().is_zero())
            .min_by_key(|order| order.approved_at)
    }

    fn note(&mut self, intent: &IntentId) {
        if let Some(changed) = &mut self.changed_during_read {
            changed.insert(intent.clone());
        }
    }
}

/// True where a mutant gives a reservation back too early; never in the product.
fn is_forgotten(state: OrderState) -> bool {
    state == OrderState::Lapsed && mutant::is_on(Mutant::ReleaseAtLapse)
}

fn tracked(row: OpenIntent) -> Tracked {
    Tracked {
        intent: row.id,
        terms: row.terms,
        state: row.state,
        filled: row.filled,
        approved_at: Some(row.approved_at),
    }
}

#[cfg(test)]
mod tests;
