//! A messenger that is down: what is not vital is dropped and counted, so that a halt does not queue behind fifty fills.

use std::time::Duration;

use tokio::time::Instant;

/// After a failure, what is not vital is not tried for this long. Real time.
const SKIP_FOR: Duration = Duration::from_secs(60);

/// Whether the messenger answers, and what was lost since it stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outage {
    failed_at: Option<Instant>,
    dropped: u32,
}

impl Outage {
    /// True when a message that is not vital is dropped instead of tried; it is counted.
    pub fn skips(&mut self, now: Instant) -> bool {
        let skips = self.failed_at.is_some_and(|at| now.saturating_duration_since(at) < SKIP_FOR);
        self.dropped = self.dropped.saturating_add(u32::from(skips));
        skips
    }

    /// A message was given up.
    pub fn failed(&mut self, now: Instant) {
        self.failed_at = Some(now);
        self.dropped = self.dropped.saturating_add(1);
    }

    /// A message arrived, with the count in it.
    pub fn over(&mut self) {
        *self = Self::default();
    }

    /// `text`, and how many messages are missing before it.
    pub fn preface(&self, text: String) -> String {
        match self.dropped {
            0 => text,
            1 => format!("(1 earlier message was not delivered)\n{text}"),
            dropped => format!("({dropped} earlier messages were not delivered)\n{text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_counted_and_told_with_the_next_message() {
        let begun = Instant::now();
        let mut outage = Outage::default();
        assert!(!outage.skips(begun));
        assert_eq!(outage.preface("a fill".into()), "a fill");
        outage.failed(begun);
        assert!(outage.preface("a fill".into()).starts_with("(1 earlier message was"));
        assert!(outage.skips(begun + SKIP_FOR / 2));
        assert!(!outage.skips(begun + SKIP_FOR), "tried again after a while");
        assert!(outage.preface("a fill".into()).starts_with("(2 earlier messages"));
        outage.over();
        assert_eq!(outage, Outage::default());
    }
}
