//! How many orders may be approved: ceilings that hold for any behaviour of whoever proposes (invariant 13).
//!
//! Every approval counts, entry or exit, in sliding windows: a minute and 24 h, so no midnight of any zone opens a gap. The
//! minute is 70 s long by this machine's clock, which may be 5 s late at its begin and 5 s early at its end without
//! anybody seeing it; so it is a minute of the exchange's time at least. The operator's stricter limits stop entries; exits are stopped by the code's own ceilings alone,
//! because what is held must stay sellable.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{CLOCK_SKEW_ALLOWED_SECONDS, Side};

use crate::limits::wiring::{Limit, refuse};
use crate::limits::{Limits, RefusalReason};

/// The two windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// A minute of the exchange's time, however wrong the machine's clock may be unseen.
    Minute,
    /// 24 h.
    Day,
}

impl Window {
    /// Its length.
    pub fn length(self) -> TimeDelta {
        match self {
            Self::Minute => TimeDelta::seconds(60 + 2 * CLOCK_SKEW_ALLOWED_SECONDS),
            Self::Day => TimeDelta::hours(24),
        }
    }

    fn counted(self) -> Limit {
        match self {
            Self::Minute => Limit::OrdersPerMinute,
            Self::Day => Limit::OrdersPerDay,
        }
    }

    fn limit(self, side: Side, limits: &Limits) -> u32 {
        match (self, side) {
            (Self::Minute, Side::Buy) => limits.max_orders_per_minute(),
            (Self::Day, Side::Buy) => limits.max_orders_per_day(),
            (Self::Minute, Side::Sell) => Limits::ORDERS_PER_MINUTE_CEILING,
            (Self::Day, Side::Sell) => Limits::ORDERS_PER_DAY_CEILING,
        }
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Minute => "70 seconds",
            Self::Day => "24 hours",
        })
    }
}

/// An approval is of this minute although its time lies a little ahead: a clock that is set right step by step opens no
/// window. One that lies further ahead came from a clock that was wrong by far, and would fill the minute for as long.
const AHEAD_OF_THE_MINUTE: TimeDelta = TimeDelta::seconds(60);

/// When orders were approved, the newest last: as many as any window may hold. None is forgotten by time, because the time
/// may be that of a clock that ran ahead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approvals(VecDeque<DateTime<Utc>>);

impl Approvals {
    /// Adds what the books know from before this life.
    pub fn load(&mut self, earlier: Vec<DateTime<Utc>>) {
        self.0.extend(earlier);
        self.0.make_contiguous().sort();
        self.forget();
    }

    /// Counts one more. It counts from before it is committed: a lost answer must not make room.
    pub fn note(&mut self, at: DateTime<Utc>) {
        self.0.push_back(at);
        self.forget();
    }

    /// May one more order of this side be approved?
    ///
    /// # Errors
    /// [`RefusalReason::TooManyOrders`] names the window that is full.
    pub fn check(&self, side: Side, limits: &Limits, now: DateTime<Utc>) -> Result<(), RefusalReason> {
        for window in [Window::Minute, Window::Day] {
            let (count, limit) = (self.within(window, now), window.limit(side, limits));
            if count >= limit as usize {
                refuse(window.counted(), RefusalReason::TooManyOrders { window, count, limit })?;
            }
        }
        Ok(())
    }

    /// A time that seems to lie in the future counts for the day: a clock set back must not open it.
    fn within(&self, window: Window, now: DateTime<Utc>) -> usize {
        let is_near = |at: DateTime<Utc>| match window {
            Window::Minute => at <= now + AHEAD_OF_THE_MINUTE,
            Window::Day => true,
        };
        self.0.iter().filter(|at| now - **at < window.length() && is_near(**at)).count()
    }

    /// What was noted before the last so many cannot make a window fuller than it is.
    fn forget(&mut self) {
        while self.0.len() > Limits::ORDERS_PER_DAY_CEILING as usize {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::Confidence;
    use rust_decimal::Decimal;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn limits(per_minute: u32, per_day: u32) -> Limits {
        let limits = Limits::new(Decimal::from(3), Decimal::from(30), Confidence::new(80).unwrap()).unwrap();
        limits.with_order_rates(per_minute, per_day).unwrap()
    }

    fn approvals(times: impl IntoIterator<Item = i64>) -> Approvals {
        let mut approvals = Approvals::default();
        times.into_iter().for_each(|second| approvals.note(at(second)));
        approvals
    }

    #[test]
    fn invariant_13_both_windows_slide_and_the_stricter_limit_stops_entries_only() {
        let day = 24 * 3600;
        type Case = (&'static str, Vec<i64>, i64, Option<Window>, Option<Window>);
        let cases: [Case; 10] = [
            ("nothing yet", vec![], 0, None, None),
            ("two in the last minute", vec![1, 2], 70, Some(Window::Minute), None),
            ("the first has left the minute", vec![0, 2], 70, None, None),
            ("ten in the last minute", (0..10).collect(), 30, Some(Window::Minute), Some(Window::Minute)),
            ("four in the last day", vec![100, 200, 300, 400], day + 99, Some(Window::Day), None),
            ("the first has left the day", vec![100, 200, 300, 400], day + 100, None, None),
            ("a clock set back by a little", vec![59, 60], 0, Some(Window::Minute), None),
            ("a clock set back by an hour", vec![3600, 3601], 0, None, None),
            (
                "ten of a clock that ran ahead by an hour",
                (0..10).map(|n| 3600 + n).collect(),
                0,
                Some(Window::Day),
                None,
            ),
            ("four of a clock that ran ahead by days", vec![9 * day; 4], 0, Some(Window::Day), None),
        ];
        for (name, times, now, entry, exit) in cases {
            let approvals = approvals(times);
            let full = |side| match approvals.check(side, &limits(2, 4), at(now)) {
                Err(RefusalReason::TooManyOrders { window, .. }) => Some(window),
                Err(_) | Ok(()) => None,
            };
            assert_eq!((full(Side::Buy), full(Side::Sell)), (entry, exit), "{name}");
        }
    }

    #[test]
    fn invariant_13_a_day_of_the_most_that_is_allowed_stops_exits_too() {
        let approvals = approvals((0..400).map(|n| n * 200));
        let refused = approvals.check(Side::Sell, &limits(6, 300), at(80_100));
        assert!(matches!(refused, Err(RefusalReason::TooManyOrders { window: Window::Day, count: 400, .. })));
    }

    #[test]
    fn invariant_13_however_much_is_bought_a_sale_may_be_approved_in_the_same_minute_and_day() {
        let widest = limits(Limits::ENTRIES_PER_MINUTE_CEILING, Limits::ENTRIES_PER_DAY_CEILING);
        for pause in [0, 1, 7, 12, 60, 288] {
            let (mut approvals, mut bought) = (Approvals::default(), 0);
            for now in (0..5_000).map(|n| at(n * pause)) {
                if approvals.check(Side::Buy, &widest, now).is_ok() {
                    approvals.note(now);
                    bought += 1;
                }
                assert!(
                    approvals.check(Side::Sell, &widest, now).is_ok(),
                    "{pause} s apart, {bought} bought"
                );
            }
            assert!(bought >= 6, "{pause} s apart, {bought} bought");
        }
        // What is kept for sales is theirs alone.
        let mut minute = approvals(vec![0; 6]);
        for _sale in 0..4 {
            assert!(minute.check(Side::Buy, &widest, at(1)).is_err());
            assert!(minute.check(Side::Sell, &widest, at(1)).is_ok());
            minute.note(at(1));
        }
        assert!(minute.check(Side::Sell, &widest, at(1)).is_err());
    }

    #[test]
    fn invariant_13_a_clock_that_ran_ahead_for_a_moment_frees_no_day() {
        let limits = limits(6, 100);
        let mut approvals = approvals((0..100).map(|n| n * 10));
        assert!(approvals.check(Side::Buy, &limits, at(2_000)).is_err());
        // Two days ahead for one order, which the clock of then allows.
        assert!(approvals.check(Side::Buy, &limits, at(2 * 86_400)).is_ok());
        approvals.note(at(2 * 86_400));
        let refused = approvals.check(Side::Buy, &limits, at(2_010));
        assert!(
            matches!(refused, Err(RefusalReason::TooManyOrders { window: Window::Day, count: 101, .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn invariant_13_as_many_are_remembered_as_any_window_may_hold() {
        let mut approvals = approvals((0..2_000).map(|n| n * 300));
        assert_eq!(approvals.0.len(), Limits::ORDERS_PER_DAY_CEILING as usize);
        approvals.load((0..500).map(at).collect());
        assert_eq!(approvals.0.len(), Limits::ORDERS_PER_DAY_CEILING as usize);
        assert_eq!(approvals.0.back(), Some(&at(1_999 * 300)));
    }

    #[test]
    fn what_the_books_know_counts_after_a_restart() {
        let mut approvals = approvals([50]);
        approvals.load(vec![at(40), at(45)]);
        assert!(approvals.check(Side::Buy, &limits(3, 100), at(60)).is_err());
        assert!(approvals.check(Side::Buy, &limits(4, 100), at(60)).is_ok());
    }
}
