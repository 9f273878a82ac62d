//! A point in time that any thread may set and read.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

/// A point in time in milliseconds since the epoch of its [`Vitals`], or never. Stored plus one: zero is never.
pub(super) struct Moment(AtomicU64);

impl Moment {
    pub(super) const fn never() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(super) fn set(&self, ms: u64) {
        self.0.store(ms + 1, Relaxed);
    }

    pub(super) fn set_at(&self, epoch: Instant, at: Option<Instant>) {
        match at {
            Some(at) => self.set(milliseconds(at.saturating_duration_since(epoch))),
            None => self.clear(),
        }
    }

    pub(super) fn clear(&self) {
        self.0.store(0, Relaxed);
    }

    pub(super) fn get(&self) -> Option<u64> {
        self.0.load(Relaxed).checked_sub(1)
    }

    pub(super) fn age(&self, now_ms: u64) -> Duration {
        self.get().map_or(Duration::ZERO, |ms| age(now_ms, ms))
    }
}

pub(super) fn age(now_ms: u64, then_ms: u64) -> Duration {
    Duration::from_millis(now_ms.saturating_sub(then_ms))
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
