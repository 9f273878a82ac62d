//! Pulls committed events, logs each, and messages those that matter.

mod delivery;

use std::sync::Arc;
use std::time::Duration;

use domain::messages::control::StatusQuery;
use domain::messages::ledger::{EventKind, EventsAfter, EventsCommitted, GetCursor, RecordEvent, SetCursor};
use domain::messages::schedule::{SessionChanged, Trust};
use risk_guard::{HaltSystem, Obedience, ResumeSystem};
use supervision::prelude::*;

use self::delivery::Delivery;
use crate::sessions::{self, Sessions, Turn};
use crate::topic::Lane;
use crate::{Messenger, Reporter, Topics};

/// After a round that failed, whether or not something new is committed. Real time.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// RiskGuard's own view of the day.
const STATUS_WITHIN: Duration = Duration::from_secs(2);

/// The names of Notifier's cursors, in the order in which they must be made: none of a lane behind the common one.
pub fn cursors() -> impl Iterator<Item = &'static str> {
    Lane::ALL.into_iter().map(Lane::cursor).chain([delivery::DONE])
}

/// Whom Notifier asks, and where its messages go.
#[derive(Clone)]
pub struct NotifierDeps {
    /// Where messages go; none: log lines only.
    pub messenger: Option<Arc<dyn Messenger>>,
    /// Who makes the daily report; none: there is none.
    pub reporter: Option<Arc<dyn Reporter>>,
    /// What is messaged besides halts and resumes.
    pub topics: Topics,
    /// TradeLedger: what is new.
    pub events_after: Link<EventsAfter>,
    /// TradeLedger: what was delivered already.
    pub get_cursor: Link<GetCursor>,
    /// TradeLedger: what is delivered now.
    pub set_cursor: Link<SetCursor>,
    /// TradeLedger: markets that open and close are events like all others.
    pub record: Link<RecordEvent>,
    /// RiskGuard: the day's result.
    pub status: Link<StatusQuery>,
}

/// The actor.
pub struct Notifier {
    deps: NotifierDeps,
    /// What is known about delivery; absent while a round has it, so that messages keep their order.
    delivery: Option<Delivery>,
    /// Events were committed while a round was running.
    again: bool,
    sessions: Sessions,
    /// The newest word on halts.
    obedience: Obedience,
}

impl Notifier {
    /// A Notifier that goes on where the last one stopped.
    pub fn new(deps: NotifierDeps) -> Self {
        Self {
            deps,
            delivery: Some(Delivery::default()),
            again: false,
            sessions: Sessions::default(),
            obedience: Obedience::default(),
        }
    }

    fn deliver(&mut self, ctx: &mut Ctx<Self>) {
        let Some(delivery) = self.delivery.take() else {
            self.again = true;
            return;
        };
        // Spawned rather than answered: a messenger that asks to wait is neither a stall nor a reason to hold the end.
        let round = round(self.deps.clone(), delivery).into_actor(self);
        ctx.spawn(round.map(|(delivery, outcome), this, ctx| {
            this.delivery = Some(delivery);
            this.delivered(outcome, ctx);
        }));
    }

    fn delivered(&mut self, outcome: Result<(), String>, ctx: &mut Ctx<Self>) {
        if let Err(why) = outcome {
            // The cursors stand where they stood: the next round brings these events again.
            tracing::warn!(why, "events could not be read or marked as delivered");
            let wait = tokio::time::sleep(AGAIN_AFTER).into_actor(self);
            ctx.spawn(wait.map(|(), this, ctx| this.deliver(ctx)));
        } else if std::mem::take(&mut self.again) {
            self.deliver(ctx);
        }
    }

    /// The event comes back as a notice, once it is in the books.
    fn tell_of_session(&self, change: SessionChanged, turn: Turn, ctx: &mut Ctx<Self>) {
        match turn {
            Turn::Opened => record(&self.deps.record, &change, sessions::opened(&change)),
            Turn::Closed => {
                let (status, link) = (self.deps.status.clone(), self.deps.record.clone());
                let told = async move {
                    let status = status.ask(StatusQuery, STATUS_WITHIN).await.ok();
                    record(&link, &change, sessions::closed(&change, status.as_ref()));
                };
                ctx.spawn(told.into_actor(self));
            }
        }
    }
}

fn record(link: &Link<RecordEvent>, change: &SessionChanged, text: String) {
    let event = RecordEvent { kind: EventKind::Session, market: Some(change.market), text };
    if let Err(error) = link.tell(event) {
        tracing::warn!(%error, "the ledger was not told of a session");
    }
}

/// Delivers everything that is due.
async fn round(deps: NotifierDeps, mut delivery: Delivery) -> (Delivery, Result<(), String>) {
    let outcome = delivery.deliver_all(&deps).await;
    (delivery, outcome)
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

    fn handle(&mut self, change: SessionChanged, ctx: &mut Self::Context) {
        let SessionChanged { market, session_date, phase, trust, .. } = change;
        if trust == Trust::Certain {
            tracing::info!(target: "events", %market, %session_date, %phase, "session changed");
        } else {
            tracing::warn!(target: "events", %market, %session_date, %phase, "session changed: {trust}");
        }
        if let Some(turn) = self.sessions.note(&change) {
            self.tell_of_session(change, turn, ctx);
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
        let was_halted = self.obedience.is_halted();
        if self.obedience.go_on(&resume) && was_halted {
            tracing::warn!("trading is {}", resume.state());
        }
    }
}

#[cfg(test)]
mod tests;
