//! How new strategies come from old ones (strategies.md 6.1): change one, cross two, keep the best of each niche.
//!
//! Everything is a pure function of the cycle's seed, the trial's position and the archive, so that a cycle that was
//! interrupted goes on as if it had not been.

pub mod advice;
pub mod brief;
pub mod chance;
pub mod cross;
pub mod cycle;
pub mod digest;
pub mod fresh;
pub mod history;
pub mod mutate;
pub mod niche;
pub mod round;
pub mod search;
pub mod seeds;
pub mod watch;

#[cfg(test)]
mod tests;
