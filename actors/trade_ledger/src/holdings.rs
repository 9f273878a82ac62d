//! Do the books explain what the exchange holds? One stock, one snapshot of the account (order-protocol 4, invariant 9).
//!
//! Pure. Shares that were there before the agent, or that a person traded, are adopted or explained and never
//! "repaired" by trading. An account is read between fills, so one difference proves nothing: it must be the same in
//! later snapshots, over the horizon, and an order list asked for in between must not explain it.

use chrono::{DateTime, TimeDelta, Utc};
use domain::is_ahead;

use crate::booking::HORIZON_SECONDS;

/// What the books and one snapshot say about one stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Shares by the books: own fills, fills of strange orders and adopted shares, signed.
    pub explained: i64,
    /// Shares that the exchange holds.
    pub held: i64,
    /// An order of ours may fill at any moment, or its fate is open.
    pub is_moving: bool,
    /// When a fill of ours was last booked.
    pub last_fill_at: Option<DateTime<Utc>>,
    /// A difference that was seen before.
    pub doubt: Option<Doubt>,
}

/// A difference that is not proven yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Held minus explained.
    pub difference: i64,
    /// The snapshot that showed it first.
    pub since: DateTime<Utc>,
}

/// The verdict on one stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The snapshot cannot be compared now; nothing changes.
    NotNow,
    /// The books explain what is held.
    Agrees,
    /// They do not, but a later look may explain it.
    Doubted(Doubt),
    /// They do not, and nothing will: a person must say what is so.
    Differs(Doubt),
}

/// Judges one stock. `list_asked_at` is when the newest booked order list of its market was asked for.
pub fn judge(sight: &Sight, taken_at: DateTime<Utc>, list_asked_at: Option<DateTime<Utc>>) -> Verdict {
    // A snapshot as old as the last fill may or may not show it.
    if sight.is_moving || sight.last_fill_at.is_some_and(|at| at >= taken_at) {
        return Verdict::NotNow;
    }
    let difference = sight.held.saturating_sub(sight.explained);
    if difference == 0 {
        return Verdict::Agrees;
    }
    let is_same = |doubt: &Doubt| doubt.difference == difference && !is_ahead(doubt.since, taken_at);
    match sight.doubt.filter(is_same) {
        None => Verdict::Doubted(Doubt { difference, since: taken_at }),
        Some(doubt) if is_proven(doubt, taken_at, list_asked_at) => Verdict::Differs(doubt),
        Some(doubt) => Verdict::Doubted(doubt),
    }
}

/// Lists lag, but a list asked for a horizon later shows every fill that the first snapshot showed.
fn is_proven(doubt: Doubt, taken_at: DateTime<Utc>, list_asked_at: Option<DateTime<Utc>>) -> bool {
    let is_past = |at: DateTime<Utc>| at - doubt.since >= TimeDelta::seconds(HORIZON_SECONDS);
    is_past(taken_at) && list_asked_at.is_some_and(is_past)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn sight(explained: i64, held: i64) -> Sight {
        Sight { explained, held, is_moving: false, last_fill_at: None, doubt: None }
    }

    #[test]
    fn invariant_09_a_stock_is_compared_only_when_nothing_can_move_and_the_snapshot_is_younger_than_the_fill()
    {
        let moving = Sight { is_moving: true, ..sight(0, 5) };
        assert_eq!(judge(&moving, at(10), Some(at(9))), Verdict::NotNow);
        for (fill_s, expected) in [(9, Verdict::Agrees), (10, Verdict::NotNow), (11, Verdict::NotNow)] {
            let filled = Sight { last_fill_at: Some(at(fill_s)), ..sight(5, 5) };
            assert_eq!(judge(&filled, at(10), None), expected, "{fill_s}");
        }
    }

    #[test]
    fn invariant_09_a_difference_counts_when_it_stays_the_same_over_the_horizon_and_no_list_explains_it() {
        let doubt = Doubt { difference: 5, since: at(100) };
        let later = Sight { doubt: Some(doubt), ..sight(0, 5) };
        let first = Verdict::Doubted(doubt);
        assert_eq!(judge(&sight(0, 5), at(100), Some(at(99))), first);
        // (snapshot at, newest list at, verdict)
        let cases = [
            (145, Some(110), first),
            (224, Some(225), first),
            (225, None, first),
            (225, Some(224), first),
            (225, Some(225), Verdict::Differs(doubt)),
            (9000, Some(101), first),
            (9000, Some(8000), Verdict::Differs(doubt)),
        ];
        for (taken, listed, expected) in cases {
            assert_eq!(judge(&later, at(taken), listed.map(at)), expected, "{taken} {listed:?}");
        }
    }

    #[test]
    fn invariant_09_a_difference_that_changes_begins_anew_and_one_that_goes_away_is_forgotten() {
        let doubt = Some(Doubt { difference: 5, since: at(100) });
        let ahead = Sight { doubt: Some(Doubt { difference: 5, since: at(3_600) }), ..sight(0, 5) };
        let since_now = Verdict::Doubted(Doubt { difference: 5, since: at(300) });
        assert_eq!(judge(&ahead, at(300), None), since_now, "dated by a clock that ran ahead");
        let changed = Sight { doubt, ..sight(0, 6) };
        let anew = Verdict::Doubted(Doubt { difference: 6, since: at(300) });
        assert_eq!(judge(&changed, at(300), Some(at(299))), anew);
        let sold = Sight { doubt, ..sight(5, 0) };
        let anew = Verdict::Doubted(Doubt { difference: -5, since: at(300) });
        assert_eq!(judge(&sold, at(300), Some(at(299))), anew);
        assert_eq!(judge(&Sight { doubt, ..sight(5, 5) }, at(300), Some(at(299))), Verdict::Agrees);
    }
}
