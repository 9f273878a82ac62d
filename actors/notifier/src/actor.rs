//! Pulls committed events, logs each, and messages those that matter, one after the other.

use std::sync::Arc;
use std::time::Duration;

use domain::EventId;
use domain::messages::ledger::{EventsAfter, EventsCommitted, GetCursor, LedgerEvent, SetCursor};
use domain::messages::schedule::SessionChanged;
use risk_guard::{HaltAck, HaltSystem, ResumeSystem};
use supervision::prelude::*;

use crate::Messenger;
use crate::wording::{Weight, message, pause, weight};

/// The name of Notifier's cursor in the ledger.
const SUBSCRIBER: &str = "notifier";
const ASK_WITHIN: Duration = Duration::from_secs(5);
const EVENTS_AT_ONCE: u16 = 100;

/// Whom Notifier asks, and where its messages go.
#[derive(Clone)]
pub struct NotifierDeps {
    /// Where messages go; none: log lines only.
    pub messenger: Option<Arc<dyn Messenger>>,
    /// TradeLedger: what is new.
    pub events_after: Link<EventsAfter>,
    /// TradeLedger: what was delivered already.
    pub get_cursor: Link<GetCursor>,
    /// TradeLedger: what is delivered now.
    pub set_cursor: Link<SetCursor>,
}

/// The actor.
pub struct Notifier {
    deps: NotifierDeps,
    /// One round of delivery runs at a time, so that messages keep their order.
    delivering: bool,
    /// Events were committed while a round was running.
    again: bool,
}

impl Notifier {
    /// A Notifier that goes on where the last one stopped.
    pub fn new(deps: NotifierDeps) -> Self {
        Self { deps, delivering: false, again: false }
    }

    fn deliver(&mut self, ctx: &mut Ctx<Self>) {
        if self.delivering {
            self.again = true;
            return;
        }
        self.delivering = true;
        // Spawned rather than answered: a messenger that asks to wait is neither a stall nor a reason to hold the end.
        let round = round(self.deps.clone()).into_actor(self);
        ctx.spawn(round.map(|outcome, this, ctx| this.delivered(outcome, ctx)));
    }

    fn delivered(&mut self, outcome: Result<(), String>, ctx: &mut Ctx<Self>) {
        self.delivering = false;
        if let Err(why) = outcome {
            // The cursor stands where it stood: the next commit brings these events again.
            tracing::warn!(why, "events could not be read or marked as delivered");
        } else if std::mem::take(&mut self.again) {
            self.deliver(ctx);
        }
    }
}

/// Delivers everything after the cursor.
async fn round(deps: NotifierDeps) -> Result<(), String> {
    let subscriber = || SUBSCRIBER.to_owned();
    let cursor = deps.get_cursor.ask(GetCursor { subscriber: subscriber() }, ASK_WITHIN).await;
    let mut cursor: EventId = cursor.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
    loop {
        let query = EventsAfter { after: cursor, limit: EVENTS_AT_ONCE };
        let events = deps.events_after.ask(query, ASK_WITHIN).await;
        let events = events.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
        let Some(last) = events.last().map(|event| event.id) else { return Ok(()) };
        for event in &events {
            publish(&deps, event).await;
            if weight(event.kind) > Weight::Log || event.id == last {
                // Marked one by one: a crash here repeats at most the message that was on its way.
                let mark = SetCursor { subscriber: subscriber(), at: event.id };
                let marked = deps.set_cursor.ask(mark, ASK_WITHIN).await;
                marked.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
            }
        }
        cursor = last;
    }
}

async fn publish(deps: &NotifierDeps, event: &LedgerEvent) {
    let weight = weight(event.kind);
    let (kind, id) = (event.kind.code(), event.id.0);
    match weight {
        Weight::Log | Weight::Usual => tracing::info!(target: "events", id, kind, "{}", event.text),
        Weight::Vital => tracing::warn!(target: "events", id, kind, "{}", event.text),
    }
    if let (Some(messenger), true) = (&deps.messenger, weight > Weight::Log) {
        send(&**messenger, weight, message(event)).await;
    }
}

/// Sends, waits and sends again as long as the weight justifies; then the message is dropped with a word in the log.
async fn send(messenger: &dyn Messenger, weight: Weight, text: String) {
    let mut attempt = 1;
    while let Err(error) = messenger.send(text.clone()).await {
        let Some(wait) = pause(weight, attempt, &error) else {
            tracing::warn!(%error, attempt, "a message is dropped; it is in the log and in the ledger");
            return;
        };
        tracing::debug!(%error, attempt, "a message waits for the next attempt");
        tokio::time::sleep(wait).await;
        attempt += 1;
    }
}

impl Actor for Notifier {
    type Context = Ctx<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.deliver(ctx);
    }
}

impl Handler<EventsCommitted> for Notifier {
    type Result = ();

    fn handle(&mut self, _news: EventsCommitted, ctx: &mut Self::Context) {
        self.deliver(ctx);
    }
}

impl Handler<SessionChanged> for Notifier {
    type Result = ();

    fn handle(&mut self, change: SessionChanged, _ctx: &mut Self::Context) {
        let SessionChanged { market, session_date, phase, .. } = change;
        tracing::info!(target: "events", %market, %session_date, ?phase, "session changed");
    }
}

impl Handler<HaltSystem> for Notifier {
    type Result = MessageResult<HaltSystem>;

    fn handle(&mut self, halt: HaltSystem, _ctx: &mut Self::Context) -> Self::Result {
        let record = halt.record();
        tracing::warn!(by = record.by, reason = record.reason, source = %record.source, "trading is halted");
        MessageResult(HaltAck::default())
    }
}

impl Handler<ResumeSystem> for Notifier {
    type Result = ();

    fn handle(&mut self, _resume: ResumeSystem, _ctx: &mut Self::Context) {
        tracing::warn!("trading goes on");
    }
}
