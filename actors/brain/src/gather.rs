//! Rounds of markets that share open and currency wait for each other, so that one question serves them all.
//!
//! A quota counts questions, and three US exchanges that open together need but one. A group is split where its prompt
//! would be ambiguous: two stocks of one symbol.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::messages::schedule::SlotKey;

use crate::join::Round;

/// Rounds whose group is not complete yet.
#[derive(Clone, Debug, Default)]
pub struct Gathering {
    waiting: Vec<Round>,
}

/// What became of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gathered {
    /// These may be judged now.
    Ready(Vec<Round>),
    /// It waits for the others of its group, at most until then.
    Waits {
        /// Half of the time that is left to decide.
        until: DateTime<Utc>,
    },
}

impl Gathering {
    /// Takes a round; an older one of its market that still waits has lost its slot.
    pub fn add(&mut self, round: Round, now: DateTime<Utc>) -> Gathered {
        if round.together.len() < 2 {
            return Gathered::Ready(vec![round]);
        }
        let (key, until) = (round.key, now + (round.expires_at - now) / 2);
        self.waiting.retain(|waiting| waiting.key.market != key.market);
        let wanted = round.together.len();
        self.waiting.push(round);
        let here = self.waiting.iter().filter(|other| is_together(other, &key)).count();
        if here == wanted { Gathered::Ready(self.release(&key)) } else { Gathered::Waits { until } }
    }

    /// Those of the group of `key` that are here, as one round, or several where they cannot be one. None when the group
    /// was complete in time.
    pub fn release(&mut self, key: &SlotKey) -> Vec<Round> {
        let (mut group, others) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition::<Vec<_>, _>(|round| is_together(round, key));
        self.waiting = others;
        group.sort_by_key(|round| round.key);
        match merged(&group) {
            Some(one) => vec![one],
            None => group,
        }
    }

    /// Forgets everything that waits (a halt).
    pub fn clear(&mut self) {
        self.waiting.clear();
    }
}

fn is_together(round: &Round, key: &SlotKey) -> bool {
    let SlotKey { market, session_date, slot } = *key;
    (round.key.session_date, round.key.slot) == (session_date, slot) && round.together.contains(&market)
}

/// One round of all, unless there is nothing to merge or a symbol would stand for two stocks.
fn merged(group: &[Round]) -> Option<Round> {
    let (first, others) = group.split_first()?;
    let symbols = || group.iter().flat_map(|round| &round.candidates).map(|one| &one.instrument.symbol);
    let distinct: BTreeSet<_> = symbols().collect();
    if others.is_empty() || distinct.len() != symbols().count() {
        return None;
    }
    let mut all = first.clone();
    for round in others {
        all.markets.extend(&round.markets);
        all.candidates.extend(round.candidates.iter().cloned());
        all.expires_at = all.expires_at.min(round.expires_at);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use domain::messages::schedule::Slot;
    use domain::messages::trading::Candidate;
    use domain::{Instrument, Market, SelectionContext, Signal};

    use super::*;

    const GROUP: [Market; 2] = [Market::UsNasdaq, Market::UsNyse];

    fn start() -> DateTime<Utc> {
        "2026-11-24T14:40:00Z".parse().unwrap()
    }

    fn stock(market: Market, symbol: &str) -> Candidate {
        let symbol = symbol.parse().unwrap();
        let (signal, score) = (Signal::Oversold, 10.into());
        Candidate {
            instrument: Instrument { market, symbol },
            name: String::new(),
            price: "10".parse().unwrap(),
            selection: SelectionContext {
                rsi: None,
                volume_ratio: None,
                rsi_proxy: None,
                volume_ratio_proxy: None,
                signal,
                score,
            },
            features: Vec::new(),
            past: std::sync::Arc::default(),
            held: false,
            quote: None,
        }
    }

    fn round(market: Market, symbol: &str, slot: u32) -> Round {
        let session_date = "2026-11-24".parse().unwrap();
        Round {
            key: SlotKey { market, session_date, slot: Slot::Daily(slot) },
            markets: vec![market],
            together: GROUP.to_vec(),
            candidates: vec![stock(market, symbol)],
            expires_at: start() + TimeDelta::minutes(10),
            closes_at: None,
        }
    }

    #[test]
    fn markets_of_one_open_wait_for_each_other_and_become_one_round() {
        let mut gathering = Gathering::default();
        let waits = Gathered::Waits { until: start() + TimeDelta::minutes(5) };
        assert_eq!(gathering.add(round(Market::UsNyse, "IBM", 1), start()), waits);
        let Gathered::Ready(rounds) = gathering.add(round(Market::UsNasdaq, "AAPL", 1), start()) else {
            panic!("the group is complete")
        };
        let [one] = rounds.as_slice() else { panic!("{rounds:?}") };
        assert_eq!((one.key.market, one.markets.as_slice()), (Market::UsNasdaq, GROUP.as_slice()));
        assert_eq!(one.candidates.len(), 2);
        assert_eq!(gathering.release(&one.key), [], "nothing waits any more");
    }

    #[test]
    fn a_market_that_never_comes_is_not_waited_for_for_ever() {
        let mut gathering = Gathering::default();
        let alone = round(Market::UsNyse, "IBM", 1);
        gathering.add(alone.clone(), start());
        assert_eq!(gathering.release(&alone.key), [alone]);
    }

    #[test]
    fn a_round_that_stands_alone_is_ready_and_slots_do_not_meet() {
        let mut gathering = Gathering::default();
        let alone = Round { together: Vec::new(), ..round(Market::Kr, "005930", 1) };
        assert_eq!(gathering.add(alone.clone(), start()), Gathered::Ready(vec![alone]));
        gathering.add(round(Market::UsNyse, "IBM", 1), start());
        let other_slot = gathering.add(round(Market::UsNasdaq, "AAPL", 2), start());
        assert!(matches!(other_slot, Gathered::Waits { .. }), "{other_slot:?}");
    }

    #[test]
    fn one_symbol_on_two_markets_splits_the_group() {
        let mut gathering = Gathering::default();
        gathering.add(round(Market::UsNyse, "ABC", 1), start());
        let split = gathering.add(round(Market::UsNasdaq, "ABC", 1), start());
        let Gathered::Ready(rounds) = split else { panic!("{split:?}") };
        assert_eq!(rounds.len(), 2);
    }
}
