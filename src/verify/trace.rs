//! The trace of a run, folded into one number: the same seed and program give the same number (invariant 28).

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

/// FNV-1a over `bytes`, started from `seed`. Chosen because it is one line; nobody attacks this number.
pub(super) fn fnv(seed: u64, bytes: &[u8]) -> u64 {
    let start = 0xCBF2_9CE4_8422_2325 ^ seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    fold(start, bytes)
}

fn fold(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3))
}

/// Lines kept for a person who asks what led to a violation.
const LINES_KEPT: usize = 4000;

/// Everything that happened, in order.
#[derive(Debug, Default)]
pub(super) struct Trace {
    hash: u64,
    events: u64,
    latest: VecDeque<String>,
    keeps_lines: bool,
}

impl Trace {
    /// An empty trace; `keeps_lines` keeps the latest lines beside their hash.
    pub(super) fn new(keeps_lines: bool) -> Self {
        Self { hash: 0xCBF2_9CE4_8422_2325, keeps_lines, ..Self::default() }
    }

    /// Adds an event.
    pub(super) fn add(&mut self, at: DateTime<Utc>, tag: &str, detail: &str) {
        self.hash = fold(self.hash, &at.timestamp_millis().to_le_bytes());
        self.hash = fold(self.hash, tag.as_bytes());
        self.hash = fold(self.hash, detail.as_bytes());
        self.events += 1;
        if self.keeps_lines {
            self.latest.push_back(format!("{} {tag} {detail}", at.format("%F %T%.3f")));
            if self.latest.len() > LINES_KEPT {
                self.latest.pop_front();
            }
        }
    }

    /// The hash, as shown.
    pub(super) fn hash(&self) -> String {
        format!("{:016x}", self.hash)
    }

    /// Events so far.
    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// The latest lines, oldest first.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.latest.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_tag_and_detail_all_count() {
        let at: DateTime<Utc> = "2026-11-24T01:02:03Z".parse().unwrap();
        let hash = |events: &[(DateTime<Utc>, &str, &str)]| {
            let mut trace = Trace::new(false);
            events.iter().for_each(|(at, tag, detail)| trace.add(*at, tag, detail));
            trace.hash()
        };
        let one = hash(&[(at, "post", "i-1")]);
        assert_eq!(one, hash(&[(at, "post", "i-1")]));
        let later = at + chrono::TimeDelta::milliseconds(1);
        for other in [&[(later, "post", "i-1")], &[(at, "read", "i-1")], &[(at, "post", "i-2")]] {
            assert_ne!(one, hash(other));
        }
        assert_ne!(one, hash(&[(at, "post", "i-1"), (at, "post", "i-1")]));
    }
}
