//! Which stocks are worth judging now: the most volatile ones, and always the ones that are held.
//!
//! [`score`] ranks, [`filter`] holds back what must not be bought, [`candidate`] turns bars and the day so far into features
//! and a signal; all of them are pure. The actor [`Scanner`] asks Broker for what they need, tells Brain what they found,
//! and has TradeLedger write down what became of every stock that was considered.

pub mod actor;
pub mod candidate;
pub mod filter;
mod memory;
mod past;
mod scan;
pub mod score;

pub use actor::{Deps, Scanner, Settings};
