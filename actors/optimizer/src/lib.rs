//! Learns from losing trades that were decided with high confidence.
//!
//! At each day's close it reports them. What it may propose later changes nothing without passing every test and a
//! human's yes.

pub mod actor;
pub mod backtest;
pub mod calibration;
pub mod evidence;
pub mod evolution;
pub mod gauntlet;
pub mod losers;
pub mod proposal;
pub mod validation;

pub use actor::{Optimizer, OptimizerDeps, OptimizerSettings};
