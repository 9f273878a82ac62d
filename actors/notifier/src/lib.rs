//! Tells people what happened: a log line for every committed event, a message for those that matter.
//!
//! Notices are made from committed ledger events, pulled with a durable cursor: a crash neither loses nor doubles one.
//! A messenger that fails never holds up trading.

pub mod actor;
pub mod outage;
pub mod wording;

use std::time::Duration;

use domain::BoxFuture;

pub use actor::{Notifier, NotifierDeps};

/// The port to a chat.
pub trait Messenger: Send + Sync + 'static {
    /// Sends one message of plain text. Not retried by the adapter.
    fn send(&self, text: String) -> BoxFuture<'_, Result<(), MessengerError>>;
}

/// Why a message was not delivered, in the caller's terms.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessengerError {
    /// Too many messages: wait, then send again.
    #[error("the messenger asks to wait {} s", .0.as_secs())]
    RetryAfter(Duration),
    /// It will never take this message; sending again is useless.
    #[error("the messenger refuses the message: {0}")]
    Refused(String),
    /// It did not answer; sending again may help, at the price of a double.
    #[error("the messenger does not answer: {0}")]
    Unreachable(String),
}
