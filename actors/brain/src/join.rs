//! Joins the candidates of a slot with the wish to decide on them, whichever comes first.
//!
//! Keys of a market only go forward: one that is not newer than the last one decided has been seen, is late, or is
//! repeated after a restart of its sender.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::Market;
use domain::messages::schedule::{DecideDue, SlotKey};
use domain::messages::trading::{Candidate, CandidatesFound};

/// Candidates that are due for a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// The slot; of the first market when several are judged together.
    pub key: SlotKey,
    /// The markets that are judged in this round.
    pub markets: Vec<Market>,
    /// The markets that may be judged with this one; empty when it stands alone.
    pub together: Vec<Market>,
    /// Who is judged, best first in each market.
    pub candidates: Vec<Candidate>,
    /// After this no decision may be made from them.
    pub expires_at: DateTime<Utc>,
}

/// A market, and whether its slots are looks at what is held: those do not stand in the way of the others.
type Lane = (Market, bool);

fn lane(key: &SlotKey) -> Lane {
    (key.market, key.slot.is_exits())
}

/// The halves that wait for their other half, at most one slot per lane.
#[derive(Clone, Debug, Default)]
pub struct Join {
    waiting: BTreeMap<Lane, Half>,
    decided: BTreeMap<Lane, SlotKey>,
}

#[derive(Clone, Debug)]
enum Half {
    Found(CandidatesFound),
    Due(DecideDue),
}

impl Half {
    fn key(&self) -> SlotKey {
        match self {
            Self::Found(found) => found.key,
            Self::Due(due) => due.key,
        }
    }
}

impl Join {
    /// Takes candidates; a round if the decision was already due.
    pub fn found(&mut self, found: CandidatesFound, now: DateTime<Utc>) -> Option<Round> {
        if now >= found.expires_at {
            return None;
        }
        self.take(Half::Found(found), now)
    }

    /// Takes a wish to decide; a round if the candidates were already there.
    pub fn due(&mut self, due: DecideDue, now: DateTime<Utc>) -> Option<Round> {
        if now >= due.expires_at {
            return None;
        }
        self.take(Half::Due(due), now)
    }

    fn take(&mut self, half: Half, now: DateTime<Utc>) -> Option<Round> {
        let key = half.key();
        if self.decided.get(&lane(&key)).is_some_and(|last| *last >= key) {
            return None;
        }
        let other = match self.waiting.remove(&lane(&key)) {
            // An older half lost its slot; a newer one keeps its place and this one is late.
            Some(other) if other.key() > key => {
                self.waiting.insert(lane(&key), other);
                return None;
            }
            Some(other) if other.key() == key => Some(other),
            Some(_) | None => None,
        };
        match (half, other) {
            (Half::Found(found), Some(Half::Due(due))) | (Half::Due(due), Some(Half::Found(found))) => {
                self.decided.insert(lane(&key), key);
                let expires_at = found.expires_at.min(due.expires_at);
                let (markets, together, candidates) = (vec![key.market], due.together, found.candidates);
                (now < expires_at).then_some(Round { key, markets, together, candidates, expires_at })
            }
            (half @ (Half::Found(_) | Half::Due(_)), _) => {
                self.waiting.insert(lane(&key), half);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use domain::messages::schedule::Slot;

    use super::*;

    fn start() -> DateTime<Utc> {
        "2026-11-24T00:00:00Z".parse().unwrap()
    }

    fn key(market: Market, cycle: u32) -> SlotKey {
        SlotKey { market, session_date: start().date_naive(), slot: Slot::Realtime(cycle) }
    }

    /// The halves of one slot; candidates live 50 s, the decision 40 s.
    fn halves(market: Market, cycle: u32) -> (CandidatesFound, DecideDue) {
        let key = key(market, cycle);
        let found =
            CandidatesFound { key, candidates: Vec::new(), expires_at: start() + TimeDelta::seconds(50) };
        (found, DecideDue { key, expires_at: start() + TimeDelta::seconds(40), together: Vec::new() })
    }

    #[test]
    fn a_slot_is_decided_once_whichever_half_comes_first() {
        let now = start();
        let (found, due) = halves(Market::Kr, 1);
        for candidates_first in [true, false] {
            let mut join = Join::default();
            let round = if candidates_first {
                assert_eq!(join.found(found.clone(), now), None);
                join.due(due.clone(), now)
            } else {
                assert_eq!(join.due(due.clone(), now), None);
                join.found(found.clone(), now)
            };
            let round = round.unwrap();
            assert_eq!((round.key, round.expires_at), (due.key, due.expires_at));
            assert_eq!(join.found(found.clone(), now), None);
            assert_eq!(join.due(due.clone(), now), None);
        }
    }

    #[test]
    fn a_look_at_what_is_held_does_not_stand_in_the_way_of_a_slot() {
        let now = start();
        let mut join = Join::default();
        for slot in [Slot::Exits(3), Slot::Daily(1), Slot::Exits(4), Slot::Daily(2)] {
            let key = SlotKey { slot, ..key(Market::Kr, 0) };
            let (found, due) = halves(Market::Kr, 0);
            assert_eq!(join.found(CandidatesFound { key, ..found }, now), None);
            let round = join.due(DecideDue { key, ..due }, now);
            assert_eq!(round.map(|round| round.key), Some(key));
        }
    }

    #[test]
    fn an_expired_half_is_dropped() {
        let (found, due) = halves(Market::Kr, 1);
        let late = start() + TimeDelta::seconds(40);
        let mut join = Join::default();
        assert_eq!(join.found(found.clone(), start()), None);
        assert_eq!(join.due(due.clone(), late), None);
        let mut join = Join::default();
        assert_eq!(join.due(due, start()), None);
        assert_eq!(join.found(found, late), None, "the decision's own time is over");
    }

    #[test]
    fn a_newer_slot_replaces_an_older_one_and_markets_do_not_meet() {
        let now = start();
        let mut join = Join::default();
        let (old, old_due) = halves(Market::Kr, 1);
        let (new, new_due) = halves(Market::Kr, 2);
        let (other, _) = halves(Market::UsNasdaq, 2);
        assert_eq!(join.found(old, now), None);
        assert_eq!(join.due(new_due, now), None);
        assert_eq!(join.due(old_due, now), None);
        assert_eq!(join.found(other, now), None);
        assert_eq!(join.found(new, now).unwrap().key, key(Market::Kr, 2));
    }
}
