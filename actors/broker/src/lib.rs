//! The exchange session: pacing, submitting, reconciling. The only actor that talks to the exchange.

pub mod exchange;
pub mod pacer;

pub use exchange::{CancelOutcome, Exchange, Urgency};
pub use pacer::Pacer;
