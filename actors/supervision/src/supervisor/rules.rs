//! The rules of restarting, as functions of times and counts.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::{Policy, Restart};
use crate::{Exit, KillReason};

/// What an end of a life calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// A restart that counts as a crash.
    Restart,
    /// A restart that does not.
    Refresh,
    /// Nothing: the child is gone.
    Retire,
}

pub(super) fn remedy(restart: Restart, exit: &Exit) -> Remedy {
    match (restart, exit) {
        (_, Exit::Drained) => Remedy::Retire,
        (_, Exit::Killed { reason: KillReason::Recycled | KillReason::Group, .. }) => Remedy::Refresh,
        (Restart::Temporary, _) | (Restart::Transient, Exit::Stopped) => Remedy::Retire,
        (Restart::Permanent | Restart::Transient, _) => Remedy::Restart,
    }
}

/// The crashes of one child that still count.
#[derive(Debug, Default)]
pub(super) struct Crashes {
    recent: VecDeque<Instant>,
    streak: u32,
}

impl Crashes {
    /// Counts a crash. True if there were more than `max_restarts` within the window.
    pub(super) fn count(&mut self, now: Instant, policy: &Policy) -> bool {
        let old = |at: &Instant| now.saturating_duration_since(*at) > policy.within;
        self.streak = if self.recent.back().is_none_or(old) { 1 } else { self.streak.saturating_add(1) };
        self.recent.push_back(now);
        while self.recent.front().is_some_and(old) {
            self.recent.pop_front();
        }
        self.recent.len() > policy.max_restarts
    }

    /// The back-off before the next restart: doubles with each crash of the streak.
    pub(super) fn backoff(&self, policy: &Policy, jitter: &mut Jitter) -> Duration {
        let doublings = self.streak.saturating_sub(1).min(20);
        let plain = policy.backoff_min.saturating_mul(1 << doublings).min(policy.backoff_max);
        plain.saturating_add(jitter.up_to(plain / 4)).min(policy.backoff_max)
    }
}

/// A small seeded generator (SplitMix64), so that children which crash together do not all come back together, and a
/// replay sees the same delays.
#[derive(Debug)]
pub(super) struct Jitter(pub(super) u64);

impl Jitter {
    fn up_to(&mut self, most: Duration) -> Duration {
        let milliseconds = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.next() % milliseconds.saturating_add(1).max(1))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn policy() -> Policy {
        Policy { jitter_seed: 7, ..Policy::default() }
    }

    #[test]
    fn the_kind_of_restart_and_of_exit_decide_the_remedy() {
        let crash = || Exit::Failed("x".to_owned());
        let killed = |reason| Exit::Killed { reason, during: "y" };
        for (restart, exit, expected) in [
            (Restart::Permanent, crash(), Remedy::Restart),
            (Restart::Permanent, Exit::Stopped, Remedy::Restart),
            (Restart::Transient, crash(), Remedy::Restart),
            (Restart::Transient, Exit::Stopped, Remedy::Retire),
            (Restart::Temporary, crash(), Remedy::Retire),
            (Restart::Permanent, killed(KillReason::Stalled), Remedy::Restart),
            (Restart::Permanent, killed(KillReason::Recycled), Remedy::Refresh),
            (Restart::Permanent, Exit::Drained, Remedy::Retire),
        ] {
            assert_eq!(remedy(restart, &exit), expected, "{restart:?} after {exit:?}");
        }
    }

    #[test]
    fn the_fourth_crash_within_the_window_is_one_too_many() {
        let (mut crashes, start) = (Crashes::default(), Instant::now());
        let verdicts: Vec<bool> = (0..4).map(|n| crashes.count(start + n * 15 * SECOND, &policy())).collect();
        assert_eq!(verdicts, [false, false, false, true]);
    }

    #[test]
    fn crashes_leave_the_window_one_by_one() {
        let (mut crashes, start) = (Crashes::default(), Instant::now());
        let exhausted = (0..100).any(|n| crashes.count(start + n * 21 * SECOND, &policy()));
        assert!(!exhausted, "three in any 60 s are allowed");
    }

    #[test]
    fn the_backoff_doubles_up_to_its_limit_and_jitter_adds_at_most_a_quarter() {
        let (mut crashes, mut jitter, now) = (Crashes::default(), Jitter(1), Instant::now());
        for plain_ms in [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000] {
            crashes.count(now, &policy());
            let (plain, delay) = (Duration::from_millis(plain_ms), crashes.backoff(&policy(), &mut jitter));
            assert!(delay >= plain && delay <= (plain + plain / 4).min(30 * SECOND), "{plain:?}: {delay:?}");
        }
    }

    #[test]
    fn a_quiet_window_begins_the_backoff_anew() {
        let (mut crashes, now) = (Crashes::default(), Instant::now());
        for _ in 0..5 {
            crashes.count(now, &policy());
        }
        crashes.count(now + 61 * SECOND, &policy());
        assert!(crashes.backoff(&policy(), &mut Jitter(1)) <= Duration::from_millis(125));
    }

    #[test]
    fn the_same_seed_gives_the_same_delays() {
        let delays = |seed| {
            let mut jitter = Jitter(seed);
            (0..8).map(|_| jitter.up_to(SECOND)).collect::<Vec<_>>()
        };
        assert_eq!(delays(42), delays(42));
        assert_ne!(delays(42), delays(43));
    }
}
