//! Joins the candidates of a slot with the wish to decide on them, whichever comes first.
//!
//! Keys of a market only go forward: one that is not newer than the last one decided has been seen, is late, or is
//! repeated after a restart of its sender. A key that ends later than any slot can is of a clock that ran ahead: it stands in
//! the way of none once the clock is set right.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::Market;
use domain::messages::schedule::{DecideDue, LONGEST_SLOT, SlotKey};
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
    /// When the session of the first market ends, if that is known.
    pub closes_at: Option<DateTime<Utc>>,
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
    /// The last one decided, and when it ends.
    decided: BTreeMap<Lane, (SlotKey, DateTime<Utc>)>,
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

    fn expires_at(&self) -> DateTime<Utc> {
        match self {
            Self::Found(found) => found.expires_at,
            Self::Due(due) => due.expires_at,
        }
    }
}

/// True when whatever ends then was begun by a clock that ran ahead.
fn is_ahead(expires_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    expires_at > now + LONGEST_SLOT
}

impl Join {
    /// Takes candidates; a round if the decision was already due.
    pub fn found(&mut self, found: CandidatesFound, now: DateTime<Utc>) -> Option<Round> {
        self.take(Half::Found(found), now)
    }

    /// Takes a wish to decide; a round if the candidates were already there.
    pub fn due(&mut self, due: DecideDue, now: DateTime<Utc>) -> Option<Round> {
        self.take(Half::Due(due), now)
    }

    fn take(&mut self, half: Half, now: DateTime<Utc>) -> Option<Round> {
        let key = half.key();
        let is_seen = |(last, ends_at): &(SlotKey, DateTime<Utc>)| {
            *last == key || (*last > key && !is_ahead(*ends_at, now))
        };
        if now >= half.expires_at()
            || is_ahead(half.expires_at(), now)
            || self.decided.get(&lane(&key)).is_some_and(is_seen)
        {
            return None;
        }
        let waiting = self.waiting.remove(&lane(&key));
        let other = match waiting.filter(|other| !is_ahead(other.expires_at(), now)) {
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
                let expires_at = found.expires_at.min(due.expires_at);
                self.decided.insert(lane(&key), (key, expires_at));
                let DecideDue { together, closes_at, .. } = due;
                let (markets, candidates) = (vec![key.market], found.candidates);
                let round = Round { key, markets, together, candidates, expires_at, closes_at };
                (now < expires_at).then_some(round)
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
        let expires_at = start() + TimeDelta::seconds(40);
        (found, DecideDue { key, expires_at, together: Vec::new(), closes_at: None })
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
    fn what_a_clock_that_ran_ahead_left_waiting_or_decided_holds_up_no_slot_once_it_is_set_right() {
        for decided in [false, true] {
            for ahead in [TimeDelta::days(1), TimeDelta::hours(5)] {
                let (mut found, mut due) = halves(Market::Kr, 301);
                (found.expires_at, due.expires_at) = (found.expires_at + ahead, due.expires_at + ahead);
                found.key.session_date = (start() + ahead).date_naive();
                due.key = found.key;
                let mut join = Join::default();
                assert_eq!(join.found(found.clone(), start() + ahead), None);
                assert!(join.due(due.clone(), start() + ahead).is_some());
                if !decided {
                    join = Join::default();
                    assert_eq!(join.found(found.clone(), start() + ahead), None);
                }
                let (right, right_due) = halves(Market::Kr, 1);
                assert_eq!(join.found(right, start()), None);
                assert_eq!(join.found(found, start()), None, "a scan that was begun in the wrong time");
                assert_eq!(join.due(due, start()), None);
                assert!(join.due(right_due.clone(), start()).is_some(), "{decided} {ahead}");
                assert_eq!(join.due(right_due, start()), None, "once");
            }
        }
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
