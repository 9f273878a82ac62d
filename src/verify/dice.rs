//! Seeded randomness: one stream per purpose, so that a further question to one shifts no answer of another.

use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Random;

/// A stream of random numbers that follow from seed and purpose alone.
#[derive(Debug)]
pub(super) struct Dice(Mutex<fastrand::Rng>);

impl Dice {
    /// The stream of `purpose` under `seed`.
    pub(super) fn new(seed: u64, purpose: &str) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(super::trace::fnv(seed, purpose.as_bytes()))))
    }

    /// True in so many of ten thousand cases.
    pub(super) fn chance(&self, per_ten_thousand: u32) -> bool {
        self.lock().u32(0..10_000) < per_ten_thousand
    }

    /// A number of the range, each as likely as the other.
    pub(super) fn within(&self, range: RangeInclusive<u64>) -> u64 {
        self.lock().u64(range)
    }

    /// A duration of whole milliseconds.
    pub(super) fn millis(&self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.within(range))
    }

    /// A duration of seconds and milliseconds.
    pub(super) fn seconds(&self, range: RangeInclusive<u64>) -> Duration {
        self.millis(range.start() * 1000..=range.end() * 1000)
    }

    /// One of several.
    pub(super) fn choose<'a, T>(&self, several: &'a [T]) -> Option<&'a T> {
        let last = several.len().checked_sub(1)?;
        several.get(self.lock().usize(0..=last))
    }

    fn lock(&self) -> MutexGuard<'_, fastrand::Rng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Random for Dice {
    fn next_u64(&self) -> u64 {
        self.lock().u64(..)
    }
}
