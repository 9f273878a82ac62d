//! Pulls committed events, logs each, and messages those that matter, one after the other.

use std::sync::Arc;
use std::time::Duration;

use domain::EventId;
use domain::messages::ledger::{EventsAfter, EventsCommitted, GetCursor, LedgerEvent, SetCursor};
use domain::messages::schedule::{SessionChanged, Trust};
use risk_guard::{HaltSystem, Obedience, ResumeSystem};
use supervision::prelude::*;
use tokio::time::Instant;

use crate::Messenger;
use crate::outage::Outage;
use crate::wording::{Weight, message, pause, weight};

/// The name of Notifier's cursor in the ledger.
const SUBSCRIBER: &str = "notifier";
const ASK_WITHIN: Duration = Duration::from_secs(5);
const EVENTS_AT_ONCE: u16 = 100;
/// After a round that failed, whether or not something new is committed. Real time.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Telegram takes one message a second for a chat (TELEGRAM.md 3).
const SPACING: Duration = Duration::from_secs(1);

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
    /// Whether the messenger answers at present.
    outage: Outage,
    /// The newest word on halts.
    obedience: Obedience,
}

impl Notifier {
    /// A Notifier that goes on where the last one stopped.
    pub fn new(deps: NotifierDeps) -> Self {
        Self {
            deps,
            delivering: false,
            again: false,
            outage: Outage::default(),
            obedience: Obedience::default(),
        }
    }

    fn deliver(&mut self, ctx: &mut Ctx<Self>) {
        if self.delivering {
            self.again = true;
            return;
        }
        self.delivering = true;
        // Spawned rather than answered: a messenger that asks to wait is neither a stall nor a reason to hold the end.
        let round = round(self.deps.clone(), std::mem::take(&mut self.outage)).into_actor(self);
        ctx.spawn(round.map(|(outage, outcome), this, ctx| {
            this.outage = outage;
            this.delivered(outcome, ctx);
        }));
    }

    fn delivered(&mut self, outcome: Result<(), String>, ctx: &mut Ctx<Self>) {
        self.delivering = false;
        if let Err(why) = outcome {
            // The cursor stands where it stood: the next round brings these events again.
            tracing::warn!(why, "events could not be read or marked as delivered");
            let wait = tokio::time::sleep(AGAIN_AFTER).into_actor(self);
            ctx.spawn(wait.map(|(), this, ctx| this.deliver(ctx)));
        } else if std::mem::take(&mut self.again) {
            self.deliver(ctx);
        }
    }
}

/// Delivers everything after the cursor.
async fn round(deps: NotifierDeps, mut outage: Outage) -> (Outage, Result<(), String>) {
    let outcome = deliver_all(&deps, &mut outage).await;
    (outage, outcome)
}

async fn deliver_all(deps: &NotifierDeps, outage: &mut Outage) -> Result<(), String> {
    let mut cursor = ask(&deps.get_cursor, GetCursor { subscriber: SUBSCRIBER.to_owned() }).await?;
    loop {
        let query = EventsAfter { after: cursor, limit: EVENTS_AT_ONCE };
        let events = ask(&deps.events_after, query).await?;
        let Some(last) = events.last().map(|event| event.id) else { return Ok(()) };
        // The log does not wait for the messenger.
        events.iter().for_each(log);
        for event in events.iter().filter(|event| weight(event.kind) > Weight::Log) {
            publish(deps, event, outage).await;
            // Marked one by one: a crash here repeats at most the message that was on its way.
            mark(deps, event.id).await?;
        }
        mark(deps, last).await?;
        cursor = last;
    }
}

async fn mark(deps: &NotifierDeps, at: EventId) -> Result<(), String> {
    ask(&deps.set_cursor, SetCursor { subscriber: SUBSCRIBER.to_owned(), at }).await
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

fn log(event: &LedgerEvent) {
    let (kind, id) = (event.kind.code(), event.id.0);
    match weight(event.kind) {
        Weight::Log | Weight::Usual => tracing::info!(target: "events", id, kind, "{}", event.text),
        Weight::Vital => tracing::warn!(target: "events", id, kind, "{}", event.text),
    }
}

/// Messages one event, if there is a messenger; what is not vital is dropped at once while the messenger is down.
async fn publish(deps: &NotifierDeps, event: &LedgerEvent, outage: &mut Outage) {
    let Some(messenger) = &deps.messenger else { return };
    let weight = weight(event.kind);
    if weight < Weight::Vital && outage.skips(Instant::now()) {
        return;
    }
    let text = outage.preface(message(event));
    if send(&**messenger, weight, text).await {
        outage.over();
        tokio::time::sleep(SPACING).await;
    } else {
        outage.failed(Instant::now());
    }
}

/// Sends, waits and sends again as long as the weight justifies; then the message is dropped with a word in the log.
async fn send(messenger: &dyn Messenger, weight: Weight, text: String) -> bool {
    let mut attempt = 1;
    while let Err(error) = messenger.send(text.clone()).await {
        let Some(wait) = pause(weight, attempt, &error) else {
            tracing::warn!(%error, attempt, "a message is dropped; it is in the log and in the ledger");
            return false;
        };
        tracing::debug!(%error, attempt, "a message waits for the next attempt");
        tokio::time::sleep(wait).await;
        attempt += 1;
    }
    true
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
        let SessionChanged { market, session_date, phase, trust, .. } = change;
        if trust == Trust::Certain {
            tracing::info!(target: "events", %market, %session_date, %phase, "session changed");
        } else {
            tracing::warn!(target: "events", %market, %session_date, %phase, "session changed: {trust}");
        }
    }
}

impl Handler<HaltSystem> for Notifier {
    type Result = MessageResult<HaltSystem>;

    fn handle(&mut self, halt: HaltSystem, _ctx: &mut Self::Context) -> Self::Result {
        let record = halt.record();
        tracing::warn!(by = record.by, reason = record.reason, source = %record.source, "trading is {}", halt.state());
        MessageResult(self.obedience.obey(&halt))
    }
}

impl Handler<ResumeSystem> for Notifier {
    type Result = ();

    fn handle(&mut self, resume: ResumeSystem, _ctx: &mut Self::Context) {
        if self.obedience.go_on(&resume) {
            tracing::warn!("trading is {}", resume.state());
        }
    }
}

#[cfg(test)]
mod tests;
