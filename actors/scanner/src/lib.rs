//! Which stocks are worth judging now: the most volatile ones, and always the ones that are held.
//!
//! [`score`] ranks, [`candidate`] turns bars and a quote into features and a signal; both are pure. The actor
//! [`Scanner`] asks Broker for what they need and tells Brain what they found.

pub mod actor;
pub mod candidate;
mod scan;
pub mod score;

pub use actor::{Deps, Scanner, Settings};
