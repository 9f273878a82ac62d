//! The exchange session: pacing, submitting, reconciling. The only actor that talks to the exchange.

pub mod backoff;
pub mod desk;
pub mod exchange;
pub mod pacer;
pub mod sight;
pub mod stream;
pub mod working;

pub use desk::{Broker, BrokerDeps, BrokerSettings, LedgerLinks, RiskLinks};
pub use exchange::{CancelOutcome, Exchange, Urgency};
pub use pacer::{Pacer, PacerFigures, UrgencyFigures};
pub use stream::{MarketStream, Notice, NoticeKind, StreamEvent, Wanted};
