//! Commands from a chat: which are taken, what they mean, and what must be confirmed. Rules alone; nothing here acts.
//!
//! A chat is a convenience and has no authority: what is taken becomes a typed request to RiskGuard, which alone halts
//! and resumes (TELEGRAM.md 8).

pub mod command;
pub mod confirm;
pub mod doorman;

pub use command::Command;
pub use confirm::{Action, Confirmations, Mismatch, Nonce};
pub use doorman::{Doorman, Policy, Refusal, Verdict};

/// One update of the chat, as far as the rules look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Its number; they grow.
    pub update_id: i64,
    /// What it is.
    pub content: Content,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A message.
    Message(ChatMessage),
    /// A button was pressed.
    Press(ButtonPress),
    /// Anything else, edited messages among it, and what cannot be read.
    Other,
}

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatMessage {
    /// Where it stands; negative: a group or a channel.
    pub chat: i64,
    /// Who wrote it; none for channels.
    pub user: Option<i64>,
    /// The writer is a program.
    pub is_bot: bool,
    /// When, in seconds since 1970.
    pub date_s: i64,
    /// Its text; none for pictures and the like.
    pub text: Option<String>,
    /// Length of the command at its beginning, in UTF-16 units; none when it does not begin with one.
    pub command_units: Option<usize>,
    /// A sign that the writer did not type this here and now, by its name in the Bot API: `forward_origin`, `via_bot` ...
    pub foreign_sign: Option<&'static str>,
}

/// A pressed button.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ButtonPress {
    /// What to answer to.
    pub query: String,
    /// Who pressed.
    pub user: i64,
    /// The presser is a program.
    pub is_bot: bool,
    /// Where the message with the button stands; none when it is too old.
    pub chat: Option<i64>,
    /// The message with the button.
    pub message: Option<i64>,
    /// What the button carries.
    pub data: String,
}
