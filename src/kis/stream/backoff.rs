//! How long to wait between two connections (KIS.md 14.1): from 1 s to 60 s with jitter, a few tries a minute at most.
//!
//! Invariant: a connection alone resets nothing. Only one that was healthy does, so that lines which are taken and cut at
//! once, as after the close of a market, are tried ever more rarely.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

const SHORTEST_S: u64 = 1;
const LONGEST_S: u64 = 60;
/// The longest wait of all, and the one after "ALREADY IN USE".
const LONGEST: Duration = Duration::from_secs(LONGEST_S);
/// At most so many attempts in any minute, healthy or not.
const ATTEMPTS_A_MINUTE: usize = 6;
const MINUTE: Duration = Duration::from_secs(60);

/// The pause before the next connection.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// Attempts in a row without a healthy connection.
    failures: u32,
    /// When the last attempts were, oldest first.
    attempts: VecDeque<Instant>,
}

impl Backoff {
    /// An attempt begins now; how long to wait if nothing comes of it. `random` is any number.
    pub(super) fn after_attempt(&mut self, now: Instant, random: u64) -> Duration {
        self.attempts.push_back(now);
        if self.attempts.len() > ATTEMPTS_A_MINUTE {
            self.attempts.pop_front();
        }
        self.failures = self.failures.saturating_add(1);
        self.wait(now, random)
    }

    /// A connection ended.
    pub(super) fn after_loss(&self, now: Instant, random: u64) -> Duration {
        self.wait(now, random)
    }

    /// The connection is healthy.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The longest wait.
    pub(super) fn longest(&self) -> Duration {
        LONGEST
    }

    /// 1, 2, 4 ... 60 s, the upper half of it at random; longer when the minute is full.
    fn wait(&self, now: Instant, random: u64) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(6);
        let most_ms = (SHORTEST_S << doublings).min(LONGEST_S) * 1000;
        let wait = Duration::from_millis(most_ms / 2 + random % (most_ms / 2 + 1));
        let minute_full = (self.attempts.len() == ATTEMPTS_A_MINUTE).then(|| self.attempts.front()).flatten();
        let allowed =
            minute_full.map_or(Duration::ZERO, |first| (*first + MINUTE).saturating_duration_since(now));
        wait.max(allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest random number that means "no reduction" for every wait.
    fn waits(mut healthy: impl FnMut(usize) -> bool, random: u64) -> Vec<u64> {
        let (mut now, mut backoff) = (Instant::now(), Backoff::default());
        (0..12)
            .map(|turn| {
                backoff.after_attempt(now, random);
                if healthy(turn) {
                    backoff.reset();
                }
                let wait = backoff.after_loss(now, random);
                now += wait;
                wait.as_millis().try_into().unwrap()
            })
            .collect()
    }

    #[test]
    fn connections_that_are_cut_at_once_are_tried_ever_more_rarely() {
        let waits = waits(|_| false, 0);
        assert_eq!(
            waits[..6],
            [500, 1000, 2000, 4000, 8000, 44_500],
            "half of 1, 2, 4, 8, 16; then the minute is full"
        );
        assert!(waits[6..].iter().all(|wait| *wait >= 30_000), "{waits:?}");
    }

    #[test]
    fn healthy_connections_never_make_the_wait_longer_than_the_minute_demands() {
        let waits = waits(|_| true, 0);
        assert_eq!(waits[..5], [500; 5]);
        assert!(waits[5..].iter().sum::<u64>() <= 2 * 60_000, "{waits:?}");
    }

    #[test]
    fn trap_23_28_one_healthy_connection_resets_what_failures_before_it_built_up() {
        let waits = waits(|turn| turn == 8, 0);
        assert!(waits[7] >= 30_000 && waits[8] <= 31_000 && waits[9] >= 500, "{waits:?}");
        let mut backoff = Backoff::default();
        let now = Instant::now();
        for minute in 0..9 {
            backoff.after_attempt(now + MINUTE * minute, 0);
        }
        assert_eq!(backoff.after_loss(now + MINUTE * 20, 0), LONGEST / 2);
        backoff.reset();
        assert_eq!(backoff.after_loss(now + MINUTE * 20, 0), Duration::from_millis(500));
    }

    #[test]
    fn no_more_than_six_attempts_fit_into_any_minute_and_jitter_stays_within_the_step() {
        for random in [0, 1, 499, 500, 1_000_003, u64::MAX] {
            let (mut now, mut backoff, mut attempts) = (Instant::now(), Backoff::default(), Vec::new());
            for turn in 0..60 {
                attempts.push(now);
                backoff.after_attempt(now, random);
                if turn % 2 == 0 {
                    backoff.reset();
                }
                let wait = backoff.after_loss(now, random);
                assert!(wait <= MINUTE, "{wait:?}");
                now += wait;
            }
            for pair in attempts.windows(ATTEMPTS_A_MINUTE + 1) {
                assert!(pair[ATTEMPTS_A_MINUTE] - pair[0] >= MINUTE, "{random}");
            }
        }
    }
}
