//! What is kept of the chat: where it was read to, every command that was taken, and a few of the strangers.

use std::time::Duration;

use domain::messages::chat::{BookChat, BookedCommand, ChatOffset, ChatPlace};
use domain::messages::ledger::{EventKind, RecordEvent};
use notifier::chat::Refusal;
use supervision::Link;
use tokio::time::Instant;

use super::Poller;

const BOOK_WITHIN: Duration = Duration::from_secs(5);
/// Refused updates that get a row of their own, and lines in the log, within a minute.
const REFUSALS_PER_MINUTE: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);

/// TradeLedger, as the chat needs it.
pub(crate) struct BookLinks {
    /// Where the last life was.
    pub(crate) place: Link<ChatOffset>,
    /// What came.
    pub(crate) book: Link<BookChat>,
    /// A second reader is something people should know.
    pub(crate) record: Link<RecordEvent>,
}

/// The ledger may be busy with its start; without its word an old command could be taken for a new one.
pub(super) async fn recall(books: Option<&BookLinks>) -> Option<ChatPlace> {
    let place = &books?.place;
    loop {
        match place.ask(ChatOffset, BOOK_WITHIN).await {
            Ok(Ok(place)) => return place,
            Ok(Err(error)) => tracing::warn!(%error, "where the chat was read to is not known yet"),
            Err(error) => tracing::warn!(%error, "where the chat was read to is not known yet"),
        }
        tokio::time::sleep(BOOK_WITHIN).await;
    }
}

/// Strangers: a few of them are told of, the others are counted.
#[derive(Default)]
pub(super) struct Crowd {
    since: Option<Instant>,
    told: u32,
    untold: u32,
}

impl Crowd {
    /// How many were not told of before this one; none: this one is not told of either.
    fn tell(&mut self, now: Instant) -> Option<u32> {
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= MINUTE) {
            (self.since, self.told) = (Some(now), 0);
        }
        if self.told >= REFUSALS_PER_MINUTE {
            self.untold = self.untold.saturating_add(1);
            return None;
        }
        self.told += 1;
        Some(std::mem::take(&mut self.untold))
    }
}

impl Poller {
    /// Ids and no text: what strangers write is nobody's business, and no log's.
    pub(super) fn refuse(
        &mut self,
        update_id: i64,
        why: Refusal,
        [chat, user]: [Option<i64>; 2],
        command: &'static str,
    ) {
        match why {
            // What was handled before has its row, and what people say to each other in a chat is none.
            Refusal::Replayed | Refusal::Kind | Refusal::NoCommand | Refusal::OtherBot => return,
            Refusal::ForeignChat
            | Refusal::ForeignUser
            | Refusal::Bot
            | Refusal::NotTyped
            | Refusal::Age
            | Refusal::TooMany => {}
        }
        let Some(unbooked) = self.crowd.tell(Instant::now()) else { return };
        tracing::warn!(
            update_id,
            chat,
            user,
            command,
            why = why.code(),
            unbooked,
            "an update from Telegram was refused"
        );
        let verdict = why.code();
        self.rows.push(BookedCommand { update_id, chat, user, command, verdict, unbooked });
    }

    pub(super) fn row(
        &mut self,
        update_id: i64,
        [chat, user]: [Option<i64>; 2],
        command: &'static str,
        verdict: &'static str,
    ) {
        self.rows.push(BookedCommand { update_id, chat, user, command, verdict, unbooked: 0 });
    }

    /// Everything up to here, in one step.
    pub(super) async fn book(&mut self) -> Result<(), String> {
        let commands = std::mem::take(&mut self.rows);
        let (Some(place), Some(books)) = (self.doorman.place(), &self.wires.books) else { return Ok(()) };
        if commands.is_empty() && self.booked_to == Some(place.update_id) {
            return Ok(());
        }
        let book = BookChat { place, commands };
        let why = match books.book.ask(book, BOOK_WITHIN).await {
            Ok(Ok(true)) => {
                self.booked_to = Some(place.update_id);
                return Ok(());
            }
            Ok(Ok(false)) => "the books have it already".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(why, "commands of the chat are not in the books");
        Err(why)
    }

    /// Something that people should know; with books it is in them.
    pub(super) fn alarm(&self, text: String) {
        tracing::warn!("{text}");
        let Some(books) = &self.wires.books else { return };
        let event = RecordEvent { kind: EventKind::Alarm, market: None, text };
        if let Err(error) = books.record.tell(event) {
            tracing::warn!(%error, "the ledger was not told");
        }
    }
}
