//! What the books said is held grows old with every order of the stock that is filled or ends. Pure.
//!
//! A sale by what was held before would sell what is sold already, and after that what other people hold.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::messages::trading::Proposal;
use domain::{DecisionId, Instrument};

/// A sale of RiskGuard's own that is recorded, or waits for an account.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OwnSale {
    instrument: Instrument,
    /// How often anything had moved when its quantity was read.
    rests_on: u64,
    /// It is refused after that.
    until: DateTime<Utc>,
}

/// How often orders of ours were filled or ended, of each stock, and when the books were asked last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    latest: u64,
    /// The last move that may have been of any stock.
    of_all: u64,
    of: BTreeMap<Instrument, u64>,
    read_at: u64,
    sales: BTreeMap<DecisionId, OwnSale>,
}

impl Moves {
    /// An order of the stock was filled or ended.
    pub fn note(&mut self, instrument: &Instrument) {
        self.latest += 1;
        self.of.insert(instrument.clone(), self.latest);
    }

    /// Orders of any stock may have been.
    pub fn note_all(&mut self) {
        self.latest += 1;
        self.of_all = self.latest;
    }

    /// How many there were.
    pub fn latest(&self) -> u64 {
        self.latest
    }

    /// The books answered a question that was asked when `latest` was this.
    pub fn read(&mut self, asked_at: u64) {
        self.read_at = self.read_at.max(asked_at);
    }

    /// True when nothing has moved since the books were asked.
    pub fn is_read(&self) -> bool {
        self.read_at == self.latest
    }

    /// True when nothing of the stock has moved since.
    pub fn is_current(&self, instrument: &Instrument) -> bool {
        self.last_of(instrument) <= self.read_at
    }

    fn last_of(&self, instrument: &Instrument) -> u64 {
        self.of.get(instrument).copied().unwrap_or_default().max(self.of_all)
    }

    /// A sale of RiskGuard's own begins its way; what is held of its stock was read just now.
    pub fn begin_sale(&mut self, proposal: &Proposal, now: DateTime<Utc>) {
        self.sales.retain(|_, sale| sale.until >= now);
        let Proposal { decision_id, instrument, expires_at: until, .. } = proposal;
        let sale = OwnSale { instrument: instrument.clone(), rests_on: self.latest, until: *until };
        self.sales.insert(decision_id.clone(), sale);
    }

    /// It became an order, or nothing.
    pub fn end_sale(&mut self, decision: &DecisionId) {
        self.sales.remove(decision);
    }

    /// True while a sale of the stock of RiskGuard's own is on its way to becoming an order: there is no second one.
    pub fn sells(&self, instrument: &Instrument, now: DateTime<Utc>) -> bool {
        self.sales.values().any(|sale| sale.instrument == *instrument && sale.until >= now)
    }

    /// True of a sale of RiskGuard's own when its stock has moved since its quantity was read.
    pub fn is_old(&self, proposal: &Proposal) -> bool {
        let last = self.last_of(&proposal.instrument);
        self.sales.get(&proposal.decision_id).is_some_and(|sale| last > sale.rests_on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stock(text: &str) -> Instrument {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_held_of_one_stock_stays_current_when_another_moves() {
        let (one, other) = (stock("KR:005930"), stock("KR:000660"));
        let mut moves = Moves::default();
        assert!(moves.is_read() && moves.is_current(&one));
        moves.note(&one);
        assert!(!moves.is_read() && !moves.is_current(&one) && moves.is_current(&other));
        let asked_at = moves.latest();
        moves.note(&other);
        moves.read(asked_at);
        assert!(moves.is_current(&one) && !moves.is_current(&other) && !moves.is_read());
        moves.read(moves.latest());
        assert!(moves.is_read() && moves.is_current(&other));
        moves.note_all();
        assert!(!moves.is_current(&one) && !moves.is_current(&other));
        moves.read(asked_at);
        assert!(!moves.is_current(&one), "an answer that comes late takes nothing back");
    }
}
