//! Randomness behind the `Random` port.

use std::sync::{Mutex, PoisonError};

use domain::Random;

/// A generator of which every number follows from its seed.
pub struct Seeded(Mutex<fastrand::Rng>);

impl Seeded {
    /// A generator that repeats itself for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// A generator seeded by the operating system.
    pub fn from_system() -> Self {
        Self(Mutex::new(fastrand::Rng::new()))
    }
}

impl Random for Seeded {
    fn next_u64(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).u64(..)
    }
}
