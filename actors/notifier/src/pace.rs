//! How fast a chat takes messages: one a second and 20 a minute, and none before a wait that Telegram asked for
//! (TELEGRAM.md 3).

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Between two messages.
const SPACING: Duration = Duration::from_secs(1);
/// The longer span.
const MINUTE: Duration = Duration::from_secs(60);
/// Messages in it.
const MINUTE_MAX: usize = 20;

/// What was sent to one chat lately. Real time.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    sent: VecDeque<Instant>,
    not_before: Option<Instant>,
}

impl Pace {
    /// How long to wait before the next message; zero when it may be sent.
    pub fn wait(&self, now: Instant) -> Duration {
        let spaced = self.sent.back().map(|last| *last + SPACING);
        let is_full = self.sent.len() >= MINUTE_MAX;
        let of_minute = self.sent.front().filter(|_| is_full).map(|first| *first + MINUTE);
        let due = [spaced, of_minute, self.not_before].into_iter().flatten().max();
        due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now))
    }

    /// A message left, whatever came of it.
    pub fn sent(&mut self, now: Instant) {
        if self.sent.len() >= MINUTE_MAX {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
    }

    /// Telegram asked to wait.
    pub fn hold(&mut self, until: Instant) {
        self.not_before = self.not_before.max(Some(until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_gets_one_message_a_second_twenty_a_minute_and_none_before_it_was_asked_for() {
        let begun = Instant::now();
        let mut pace = Pace::default();
        let mut at = begun;
        let mut sent = Vec::new();
        while at < begun + 2 * MINUTE {
            if pace.wait(at).is_zero() {
                pace.sent(at);
                sent.push(at);
            }
            at += Duration::from_millis(100);
        }
        assert!(sent.windows(2).all(|two| two[1] - two[0] >= SPACING));
        let most =
            sent.iter().map(|from| sent.iter().filter(|at| **at >= *from && **at - *from < MINUTE).count());
        assert_eq!((sent.len(), most.max()), (40, Some(20)));
        pace.hold(at + Duration::from_secs(17));
        pace.hold(at + Duration::from_secs(3));
        assert_eq!(pace.wait(at), Duration::from_secs(17), "a shorter wait takes nothing from a longer one");
    }
}
