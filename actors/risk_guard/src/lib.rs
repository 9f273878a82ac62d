//! Limits, sizing and the trading state: the root of trust.
//!
//! Only this crate can build [`ApprovedOrder`], [`HaltSystem`] and [`ResumeSystem`]. Their fields are private, they
//! have no public constructor, and none of them is `Clone`, `Default` or `Deserialize`.

pub mod authority;
pub mod book;
pub mod breaker;
pub mod exits;
pub mod gate;
pub mod guard;
pub mod halting;
pub mod limits;
pub mod moves;
pub mod obedience;
pub mod person;
pub mod prices;
pub mod purchases;
pub mod rate;
pub mod setbacks;
pub mod sight;
pub mod sizing;
pub mod symbols;
#[cfg(test)]
mod vectors;

pub use authority::{ApprovedOrder, CommitApproval, PlaceOrder};
pub use breaker::Basis;
pub use exits::ExitPlan;
pub use gate::{EmergencyHalt, Gate, GateKeeper, gate, left_in_file};
pub use guard::{BrokerLinks, EXITS_JUDGE, LedgerLinks, RiskDeps, RiskGuard, RiskSettings};
pub use halting::{
    CommitHalt, CommitLatch, CommitLimits, CommitRelease, HaltAck, HaltCommitted, HaltEpochQuery, HaltSystem,
    LoadTradingState, Release, ResumeSystem, StoredTradingState,
};
pub use limits::{Limits, LimitsError, RefusalReason};
pub use obedience::Obedience;
pub use person::{CommitResolution, CommitSymbolRelease};
pub use sizing::{Sizing, SizingError};
