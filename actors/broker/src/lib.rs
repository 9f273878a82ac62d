//! The exchange session: pacing, submitting, reconciling. The only actor that talks to the exchange.

pub mod exchange;

pub use exchange::{CancelOutcome, Exchange, Urgency};
