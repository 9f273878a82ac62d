//! Learns from losing trades that were decided with high confidence, and searches for strategies that would do better.
//!
//! At each day's close it reports the losers; then it follows on paper what it has drafted, and searches on. What it proposes
//! changes nothing without passing every gate and a person's yes, or lying within the limit that the operator set in its place.

pub mod actor;
pub mod approval;
pub mod backtest;
pub mod calibration;
pub mod evidence;
pub mod evolution;
pub mod gauntlet;
pub mod laboratory;
pub mod learning;
pub mod losers;
pub mod proposal;
pub mod rehearsal;
pub mod turns;
pub mod validation;

pub use actor::{Optimizer, OptimizerDeps, OptimizerSettings};
pub use learning::{Evolution, EvolutionLinks, EvolutionSettings, Folders};
