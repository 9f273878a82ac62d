//! Sleeps until something is due and tells it.
//!
//! Nothing it knows outlives it: a fresh MarketClock tells the present phases, the slot that may still be begun and
//! the last closed day again, under the same keys, which receivers have seen. A halt stops its slots, not its
//! sessions; after a restart in the middle of a halt it offers slots again, and RiskGuard's gate stops what follows.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Clock;
use domain::messages::schedule::{DayClosed, DecideDue, ScanDue, SessionChanged};
use risk_guard::{HaltSystem, Obedience, ResumeSystem};
use supervision::TellError;
use supervision::prelude::*;

use crate::plan::{self, Event, Settings, Told};

/// The clock may be set back so far without a warning.
const HARMLESS_STEP: TimeDelta = TimeDelta::seconds(1);

/// Whom MarketClock tells, and its clock.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Exchange time.
    pub clock: Arc<dyn Clock>,
    /// Scanner, RiskGuard, Broker, Notifier.
    pub session_changed: Vec<Link<SessionChanged>>,
    /// Scanner.
    pub scan_due: Vec<Link<ScanDue>>,
    /// Brain.
    pub decide_due: Vec<Link<DecideDue>>,
    /// Broker, RiskGuard, Optimizer.
    pub day_closed: Vec<Link<DayClosed>>,
}

/// The actor.
#[derive(Debug)]
pub struct MarketClock {
    settings: Settings,
    deps: Deps,
    told: Told,
    latest: Option<DateTime<Utc>>,
    /// The newest word on halts.
    obedience: Obedience,
}

impl MarketClock {
    /// A MarketClock that has told nothing yet.
    pub fn new(settings: Settings, deps: Deps) -> Self {
        Self { settings, deps, told: Told::default(), latest: None, obedience: Obedience::default() }
    }

    fn wake(&mut self, ctx: &mut Ctx<Self>) {
        let now = self.now();
        for event in plan::due(&self.settings, &mut self.told, now, !self.obedience.is_halted()) {
            self.tell(&event);
        }
        let sleep = self.deps.clock.sleep_until(plan::next_wake(&self.settings, now));
        ctx.spawn(sleep.into_actor(self).map(|(), this, ctx| this.wake(ctx)));
    }

    /// The time, never earlier than before: a clock set back tells nothing twice.
    fn now(&mut self) -> DateTime<Utc> {
        let shown = self.deps.clock.now();
        let latest = self.latest.unwrap_or(shown).max(shown);
        if latest - shown > HARMLESS_STEP {
            tracing::warn!(%shown, %latest, "the clock was set back; waiting until it has caught up");
        }
        self.latest = Some(latest);
        latest
    }

    fn tell(&mut self, event: &Event) {
        let told = match event {
            Event::Session(change) => {
                tracing::info!(market = %change.market, session = %change.session_date, phase = %change.phase, trust = %change.trust, "session changed");
                tell_all(&self.deps.session_changed, change)
            }
            Event::Slot(scan, decide) => {
                tracing::debug!(slot = %scan.key, expires_at = %scan.expires_at, "slot due");
                tell_all(&self.deps.scan_due, scan).and(tell_all(&self.deps.decide_due, decide))
            }
            Event::Day(day) => {
                tracing::info!(market = %day.market, session = %day.session_date, "day closed");
                tell_all(&self.deps.day_closed, day)
            }
        };
        if let Err(error) = told {
            tracing::warn!(?event, %error, "not every receiver was told");
            self.told.forget(event);
        }
    }
}

impl Actor for MarketClock {
    type Context = Ctx<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.wake(ctx);
    }
}

impl Handler<HaltSystem> for MarketClock {
    type Result = MessageResult<HaltSystem>;

    fn handle(&mut self, halt: HaltSystem, _ctx: &mut Self::Context) -> Self::Result {
        MessageResult(self.obedience.obey(&halt))
    }
}

impl Handler<ResumeSystem> for MarketClock {
    type Result = ();

    fn handle(&mut self, resume: ResumeSystem, _ctx: &mut Self::Context) {
        self.obedience.go_on(&resume);
    }
}

/// Tells every receiver; the error is a full mailbox, which may take the letter later. A receiver that is gone for
/// good is none.
fn tell_all<M>(links: &[Link<M>], message: &M) -> Result<(), TellError>
where
    M: Message + Clone + Send + 'static,
    M::Result: Send + 'static,
{
    let mut outcome = Ok(());
    for link in links {
        if link.tell(message.clone()) == Err(TellError::Full) {
            outcome = Err(TellError::Full);
        }
    }
    outcome
}

#[cfg(test)]
mod tests;
