//! From the books to the chat: what is read waits in lanes, and each lane keeps its place in the books.
//!
//! One cursor says up to where everything is done. What overtook it is kept by the cursor of its lane, so that a crash
//! neither loses what waits nor repeats what was sent.

use std::time::Duration;

use domain::EventId;
use domain::messages::ledger::{EventKind, EventsAfter, GetCursor, LedgerEvent, SetCursor};
use supervision::prelude::*;
use tokio::time::Instant;

use super::NotifierDeps;
use crate::html::escape;
use crate::queue::{Batch, Queue};
use crate::topic::{Lane, lane};
use crate::wording::Notice;
use crate::{Letter, Messenger, MessengerError};

/// The cursor up to which everything is done.
pub(super) const DONE: &str = "notifier";
const ASK_WITHIN: Duration = Duration::from_secs(5);
const EVENTS_AT_ONCE: u16 = 100;
/// While a message waits, the books are read again so often: something more urgent may have come.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// Longest pause of ours between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// What one life of Notifier knows about what was told.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    queue: Queue,
    places: Option<Places>,
    /// Attempts in a row that reached nobody.
    failures: u32,
    /// Nothing is tried before that.
    not_before: Option<Instant>,
    /// Nobody will ever be told.
    is_off: bool,
}

/// Where the cursors stand.
#[derive(Clone, Copy, Debug)]
struct Places {
    /// As it is stored: everything up to here is done.
    done: EventId,
    /// What was read, and logged.
    read: EventId,
    /// What an earlier life had logged.
    logged: EventId,
    /// As they are stored: what of a lane was delivered beyond `done`.
    lanes: [EventId; Lane::ALL.len()],
}

impl Delivery {
    /// Delivers until nothing is left.
    pub(super) async fn deliver_all(&mut self, deps: &NotifierDeps) -> Result<(), String> {
        loop {
            self.read_new(deps).await?;
            let (Some(messenger), Some(batch)) = (&deps.messenger, self.queue.next()) else {
                return self.mark_done(deps).await;
            };
            let wait = self.wait(&**messenger);
            if wait.is_zero() {
                self.send(&**messenger, batch, deps).await?;
            } else {
                tokio::time::sleep(wait.min(LOOK_AGAIN_AFTER)).await;
            }
        }
    }

    fn wait(&self, messenger: &dyn Messenger) -> Duration {
        let own = self.not_before.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()));
        own.max(messenger.wait())
    }

    async fn read_new(&mut self, deps: &NotifierDeps) -> Result<(), String> {
        let mut places = match self.places {
            Some(places) => places,
            None => recall(deps).await?,
        };
        self.places = Some(places);
        loop {
            let query = EventsAfter { after: places.read, limit: EVENTS_AT_ONCE };
            let events = ask(&deps.events_after, query).await?;
            let Some(last) = events.last().map(|event| event.id) else { return Ok(()) };
            for event in &events {
                if event.id > places.logged {
                    log(event);
                }
                self.enqueue(event, deps, &places);
            }
            places.read = last;
            self.places = Some(places);
        }
    }

    fn enqueue(&mut self, event: &LedgerEvent, deps: &NotifierDeps, places: &Places) {
        let Some(lane) = lane(event, &deps.topics) else { return };
        let is_told = event.id <= places.lanes[lane as usize];
        if !is_told && !self.is_off && deps.messenger.is_some() {
            let notice = Notice::new(event, lane);
            let is_due = deps.reporter.as_ref().is_some_and(|reporter| reporter.is_due(event));
            self.queue.push(if is_due { notice.with_report(event) } else { notice });
        }
    }

    /// Sends once. What may be sent again stays in the queue, where something more urgent can overtake it.
    async fn send(
        &mut self,
        messenger: &dyn Messenger,
        batch: Batch,
        deps: &NotifierDeps,
    ) -> Result<(), String> {
        let outcome = messenger.send(letter(&batch, deps).await).await;
        let is_lost = match outcome {
            Ok(()) => false,
            Err(MessengerError::Off(_)) => {
                self.is_off = true;
                self.queue.clear();
                return Ok(());
            }
            Err(MessengerError::RetryAfter(wait)) => {
                tracing::debug!(seconds = wait.as_secs(), "the messenger asks to wait");
                self.not_before = Some(Instant::now() + wait);
                return Ok(());
            }
            Err(error @ MessengerError::Refused(_)) => {
                tracing::warn!(%error, "a message is dropped; it is in the log and in the books");
                true
            }
            Err(error @ MessengerError::Unreachable(_)) => return self.pause(&error),
            // What may have arrived is repeated only where a double is better than nothing.
            Err(error @ MessengerError::Unanswered(_)) if batch.lane == Lane::Vital => {
                return self.pause(&error);
            }
            Err(error @ MessengerError::Unanswered(_)) => {
                self.pause(&error)?;
                true
            }
        };
        if !is_lost {
            (self.failures, self.not_before) = (0, None);
        }
        self.queue.done(&batch, is_lost);
        self.mark(&batch, deps).await
    }

    /// 1, 2, 4 ... 60 s.
    fn pause(&mut self, error: &MessengerError) -> Result<(), String> {
        let wait = Duration::from_secs(1 << self.failures.min(6)).min(PAUSE_MAX);
        if self.failures == 0 {
            tracing::warn!(%error, "a message was not delivered; it is tried again, and trading goes on");
        }
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(Instant::now() + wait);
        Ok(())
    }

    /// Everything before the oldest that waits is done; what overtook that is done in its lane.
    async fn mark(&mut self, batch: &Batch, deps: &NotifierDeps) -> Result<(), String> {
        self.mark_done(deps).await?;
        let Some(places) = &mut self.places else { return Ok(()) };
        if batch.last > places.done {
            set(deps, batch.lane.cursor(), batch.last).await?;
            places.lanes[batch.lane as usize] = batch.last;
        }
        Ok(())
    }

    async fn mark_done(&mut self, deps: &NotifierDeps) -> Result<(), String> {
        let Some(places) = &mut self.places else { return Ok(()) };
        let done = self.queue.oldest().map_or(places.read, |oldest| EventId(oldest.0.saturating_sub(1)));
        if done > places.done {
            set(deps, DONE, done).await?;
            places.done = done;
        }
        Ok(())
    }
}

/// Where the last life was. The lanes are asked first: where nothing is stored yet, all begin at the newest event, and none
/// behind it.
async fn recall(deps: &NotifierDeps) -> Result<Places, String> {
    let mut lanes = [EventId(0); Lane::ALL.len()];
    if deps.messenger.is_some() {
        for lane in Lane::ALL {
            lanes[lane as usize] = get(deps, lane.cursor()).await?;
        }
    }
    let done = get(deps, DONE).await?;
    let logged = lanes.into_iter().max().unwrap_or_default().max(done);
    Ok(Places { done, read: done, logged, lanes })
}

/// The batch as it is sent: a day's report is made when its turn comes. One that cannot be made leaves the event itself, with why.
async fn letter(batch: &Batch, deps: &NotifierDeps) -> Letter {
    let plain = batch.letter.clone();
    let (Some(event), Some(reporter)) = (&batch.report, &deps.reporter) else { return plain };
    match reporter.make(event).await {
        Ok(Some(report)) => report,
        Ok(None) => plain,
        Err(why) => {
            tracing::warn!(why, "the report of the day cannot be made");
            let html = format!("{}\nIts report cannot be made: {}", plain.html, escape(&why));
            Letter { html, ..plain }
        }
    }
}

async fn get(deps: &NotifierDeps, cursor: &str) -> Result<EventId, String> {
    ask(&deps.get_cursor, GetCursor { subscriber: cursor.to_owned() }).await
}

async fn set(deps: &NotifierDeps, cursor: &str, at: EventId) -> Result<(), String> {
    ask(&deps.set_cursor, SetCursor { subscriber: cursor.to_owned(), at }).await
}

async fn ask<M, T, E>(link: &Link<M>, message: M) -> Result<T, String>
where
    M: Message<Result = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: std::fmt::Display + Send + 'static,
{
    let answer = link.ask(message, ASK_WITHIN).await.map_err(|error| error.to_string())?;
    answer.map_err(|error| error.to_string())
}

/// The log does not wait for the messenger.
fn log(event: &LedgerEvent) {
    let (kind, id) = (event.kind.code(), event.id.0);
    match event.kind {
        EventKind::Halt | EventKind::Resume | EventKind::Alarm => {
            tracing::warn!(target: "events", id, kind, "{}", event.text);
        }
        EventKind::Decision
        | EventKind::Refusal
        | EventKind::Approval
        | EventKind::Order
        | EventKind::Fill
        | EventKind::DayClosed
        | EventKind::Report
        | EventKind::Session
        | EventKind::Process => tracing::info!(target: "events", id, kind, "{}", event.text),
    }
}
