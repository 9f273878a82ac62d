//! Tells people what happened: a log line for every committed event, a message for those that matter.
//!
//! Notices are made from committed ledger events, pulled with durable cursors: a crash loses none, and repeats at most the
//! message that was on its way, which its event number shows. A messenger that fails never holds up trading.

pub mod actor;
pub mod chat;
pub mod html;
pub mod pace;
pub mod queue;
pub mod sessions;
pub mod topic;
pub mod wording;

use std::sync::Arc;
use std::time::Duration;

use domain::BoxFuture;
use domain::messages::ledger::LedgerEvent;

pub use actor::{Notifier, NotifierDeps};
pub use topic::Topics;

/// The port to a chat.
pub trait Messenger: Send + Sync + 'static {
    /// How long the chat takes no further message; zero when it takes one. Real time.
    fn wait(&self) -> Duration;

    /// Sends one message. Not retried by the adapter, but for a text that the messenger cannot read, once and plain.
    fn send(&self, letter: Letter) -> BoxFuture<'_, Result<(), MessengerError>>;
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its text with Telegram's few tags; whatever is not ours is escaped.
    pub html: String,
    /// It arrives without a sound.
    pub is_silent: bool,
    /// What is shown behind the text. A picture that is not delivered costs no text.
    pub picture: Option<Picture>,
}

/// A picture in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// As PNG.
    pub png: Arc<[u8]>,
    /// What it shows, in words; at most 1,024 characters.
    pub caption: String,
}

/// The port to whoever makes the daily report.
pub trait Reporter: Send + Sync + 'static {
    /// Whether a day ends with this event, so that its report is told in the event's place.
    fn is_due(&self, event: &LedgerEvent) -> bool;

    /// The report that this event is told by; none: the event is told as all others are. The error is in words.
    fn make<'a>(&'a self, event: &'a LedgerEvent) -> BoxFuture<'a, Result<Option<Letter>, String>>;
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
    /// It did not take the message; sending again later may help, and doubles nothing.
    #[error("the messenger cannot be reached: {0}")]
    Unreachable(String),
    /// It may have taken the message; sending again may double it.
    #[error("the messenger does not answer: {0}")]
    Unanswered(String),
    /// It will never take anything of this bot: the token is wrong. The adapter has said so in the log.
    #[error("the messenger is off: {0}")]
    Off(String),
}
