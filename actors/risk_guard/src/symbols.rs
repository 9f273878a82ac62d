//! Which single stocks take no new orders, as RiskGuard knows it. The books know it too and refuse by themselves.

use std::collections::{BTreeMap, BTreeSet};

use domain::Instrument;
use domain::messages::symbols::SymbolHalt;

use crate::limits::RefusalReason;
use crate::limits::wiring::{Limit, refuse};

/// The standing halts of single stocks, by their number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SymbolHaltBook {
    standing: BTreeMap<u64, SymbolHalt>,
    /// Numbers that were lifted: a letter that was overtaken must not bring them back.
    lifted: BTreeSet<u64>,
    /// What stood when the ledger was asked: of these its answer decides, later ones it cannot know.
    asked_about: BTreeSet<u64>,
}

impl SymbolHaltBook {
    /// Adds one that was told.
    pub fn add(&mut self, halt: SymbolHalt) {
        if !self.lifted.contains(&halt.id) {
            self.standing.insert(halt.id, halt);
        }
    }

    /// The ledger is being asked now.
    pub fn begin_read(&mut self) {
        self.asked_about = self.standing.keys().copied().collect();
    }

    /// Takes the ledger's word.
    pub fn finish_read(&mut self, halts: Vec<SymbolHalt>) {
        for id in std::mem::take(&mut self.asked_about) {
            self.standing.remove(&id);
        }
        halts.into_iter().for_each(|halt| self.add(halt));
    }

    /// Forgets those that were lifted.
    pub fn lift(&mut self, lifted: &[SymbolHalt]) {
        for halt in lifted {
            self.standing.remove(&halt.id);
            self.lifted.insert(halt.id);
        }
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &SymbolHalt> {
        self.standing.values()
    }

    /// Refuses every new order of a halted stock, on both sides.
    ///
    /// # Errors
    /// [`RefusalReason::SymbolHalted`].
    pub fn check(&self, instrument: &Instrument) -> Result<(), RefusalReason> {
        let Some(halt) = self.iter().find(|halt| &halt.instrument == instrument) else { return Ok(()) };
        let (instrument, cause, why) = (instrument.clone(), halt.cause, halt.reason.clone());
        refuse(Limit::SymbolHalt, RefusalReason::SymbolHalted { instrument, cause, why })
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::Market;
    use domain::messages::symbols::SymbolHaltCause;

    use super::*;

    fn stock(symbol: &str) -> Instrument {
        Instrument { market: Market::Kr, symbol: symbol.parse().unwrap() }
    }

    fn halt(id: u64, symbol: &str) -> SymbolHalt {
        SymbolHalt {
            id,
            instrument: stock(symbol),
            at: DateTime::UNIX_EPOCH,
            cause: SymbolHaltCause::Dispute,
            reason: "twins".into(),
        }
    }

    fn ids(book: &SymbolHaltBook) -> Vec<u64> {
        book.iter().map(|halt| halt.id).collect()
    }

    #[test]
    fn invariant_06_a_halted_stock_is_refused_and_the_others_are_not() {
        let mut book = SymbolHaltBook::default();
        book.add(halt(3, "005930"));
        let refused = book.check(&stock("005930")).unwrap_err();
        assert_eq!((refused.code(), refused.to_string().contains("twins")), ("SymbolHalted", true));
        assert_eq!(book.check(&stock("000660")), Ok(()));
    }

    #[test]
    fn the_ledgers_answer_decides_about_what_stood_when_it_was_asked_and_not_about_later_news() {
        let mut book = SymbolHaltBook::default();
        book.add(halt(1, "005930"));
        book.add(halt(2, "000660"));
        book.begin_read();
        book.add(halt(3, "035420"));
        book.lift(&[halt(2, "000660")]);
        book.finish_read(vec![halt(2, "000660"), halt(4, "051910")]);
        assert_eq!(ids(&book), [3, 4]);
        book.add(halt(2, "000660"));
        assert_eq!(ids(&book), [3, 4], "a letter that was overtaken");
    }
}
