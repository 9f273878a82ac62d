//! Which market evolves next, and from which of the closed days that were told.
//!
//! The days of two weeks are told together after a start, the oldest first: the newest of a market is learnt from, and its cycles go
//! forward only. So nothing begins before all that was told is reviewed.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::Market;

/// The turns that wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turns {
    /// The newest closed day of each market that nothing was learnt from yet.
    unlearnt: BTreeMap<Market, NaiveDate>,
    /// Days whose review is under way.
    reviews: u32,
    /// A market is evolving.
    is_taken: bool,
}

impl Turns {
    /// A day was told, and its review begins.
    pub fn heard(&mut self, market: Market, session_date: NaiveDate) {
        let newest = self.unlearnt.entry(market).or_insert(session_date);
        *newest = (*newest).max(session_date);
        self.reviews += 1;
    }

    /// A review is over, however it ended.
    pub fn reviewed(&mut self) {
        self.reviews = self.reviews.saturating_sub(1);
    }

    /// Takes the next turn; none while there is none, one is taken, or a day is still reviewed.
    pub fn take(&mut self) -> Option<(Market, NaiveDate)> {
        if self.is_taken || self.reviews > 0 {
            return None;
        }
        let next = self.unlearnt.pop_first()?;
        self.is_taken = true;
        Some(next)
    }

    /// The turn that was taken is over.
    pub fn over(&mut self) {
        self.is_taken = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(date: &str) -> NaiveDate {
        date.parse().unwrap()
    }

    #[test]
    fn of_days_that_are_told_together_each_market_learns_from_its_newest_one_after_the_other() {
        let mut turns = Turns::default();
        for date in ["2026-11-20", "2026-11-24", "2026-11-23"] {
            turns.heard(Market::Kr, day(date));
            assert_eq!(turns.take(), None, "the others may come");
        }
        turns.heard(Market::Jp, day("2026-11-24"));
        (0..3).for_each(|_| turns.reviewed());
        assert_eq!(turns.take(), None, "one is still reviewed");
        turns.reviewed();
        assert_eq!(turns.take(), Some((Market::Kr, day("2026-11-24"))));
        assert_eq!(turns.take(), None, "one at a time");
        turns.over();
        assert_eq!(turns.take(), Some((Market::Jp, day("2026-11-24"))));
        turns.over();
        assert_eq!(turns.take(), None, "all have learnt");
    }
}
