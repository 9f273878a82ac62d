//! What the books keep of a chat: where it was read to, and every command with what became of it.

use super::ledger::LedgerError;
use actix::Message;
use chrono::{DateTime, Utc};

/// Chat -> TradeLedger: where the last life was. Asked, 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Option<ChatPlace>, LedgerError>")]
pub struct ChatOffset;

/// The last update that was handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatPlace {
    /// Its number.
    pub update_id: i64,
    /// When it was handled, by the wall clock.
    pub at: DateTime<Utc>,
}

/// Chat -> TradeLedger: everything up to this update is handled, with these commands in it. Asked, 5 s; false when the books
/// had it already: then nothing is written, and nothing may be done.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<bool, LedgerError>")]
pub struct BookChat {
    /// Where the chat is read to now.
    pub place: ChatPlace,
    /// The commands, in order.
    pub commands: Vec<BookedCommand>,
}

/// A command that came, whatever became of it. No text of its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedCommand {
    /// The update that brought it.
    pub update_id: i64,
    /// The chat, if it had one.
    pub chat: Option<i64>,
    /// Who sent it, if anybody.
    pub user: Option<i64>,
    /// The command, or `-` where it was not looked at.
    pub command: &'static str,
    /// `accepted`, or why not.
    pub verdict: &'static str,
    /// So many more were refused and are in no row.
    pub unbooked: u32,
}
