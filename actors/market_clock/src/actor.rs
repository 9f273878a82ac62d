//! Sleeps until something is due, has it booked, and tells it.
//!
//! Everything is booked by the ledger before it is told, under a key of market, session date and kind, so that a slot
//! or a notice comes once, whatever crashes or whatever the clock does. Phases and the last closed day are told again by
//! each new life, because whoever was started with it must hear them: a day whose end died with the process would
//! otherwise stay open until tomorrow. While the ledger does not answer nothing is told.
//!
//! A halt stops slots, not sessions; after a restart in the middle of a halt it offers slots again, and RiskGuard's
//! gate stops what follows.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Clock;
use domain::messages::ledger::{EventKind, LedgerError, RecordEvent};
use domain::messages::occasions::{BookOccasions, BookedOccasions, Occasion};
use domain::messages::schedule::{DayClosed, DecideDue, ScanDue, SessionChanged};
use risk_guard::{HaltSystem, Obedience, ResumeSystem};
use supervision::TellError;
use supervision::prelude::*;

use crate::overrides::{OverrideFile, Overrides};
use crate::plan::{self, Event, Settings, Told, What};

/// The clock may be set back so far without a warning.
const HARMLESS_STEP: TimeDelta = TimeDelta::seconds(1);
/// Longest wait for TradeLedger, in real time (messages::ledger).
const LEDGER_WITHIN: Duration = Duration::from_secs(5);
/// After a failed booking it is tried again so much later, in exchange time.
const TRY_AGAIN: TimeDelta = TimeDelta::seconds(1);

/// Whom MarketClock asks in the ledger.
#[derive(Clone, Debug)]
pub struct LedgerLinks {
    /// What is about to be told.
    pub book: Link<BookOccasions>,
    /// What earlier lives told.
    pub booked: Link<BookedOccasions>,
    /// Lines that people should see.
    pub events: Link<RecordEvent>,
}

/// Whom MarketClock tells, and its clock.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Exchange time.
    pub clock: Arc<dyn Clock>,
    /// TradeLedger.
    pub ledger: LedgerLinks,
    /// RiskGuard, Broker, Notifier.
    pub session_changed: Vec<Link<SessionChanged>>,
    /// Scanner.
    pub scan_due: Vec<Link<ScanDue>>,
    /// Brain.
    pub decide_due: Vec<Link<DecideDue>>,
    /// Broker, RiskGuard: the last closed day is a state to them, told again by each life; closing twice changes nothing.
    pub day_ended: Vec<Link<DayClosed>>,
    /// Optimizer: each day once.
    pub day_closed: Vec<Link<DayClosed>>,
}

/// The actor.
#[derive(Debug)]
pub struct MarketClock {
    settings: Settings,
    deps: Deps,
    told: Told,
    /// What the override file said last, good or bad.
    heard: Option<OverrideFile>,
    latest: Option<DateTime<Utc>>,
    /// The newest word on halts.
    obedience: Obedience,
}

impl MarketClock {
    /// A MarketClock that has told nothing yet.
    pub fn new(settings: Settings, deps: Deps) -> Self {
        Self {
            settings,
            deps,
            told: Told::default(),
            heard: None,
            latest: None,
            obedience: Obedience::default(),
        }
    }

    /// Learns what earlier lives told; without that nothing may be told.
    fn recall(&mut self, ctx: &mut Ctx<Self>) {
        let today = self.now().date_naive();
        let since = today.checked_sub_days(plan::LOOKS_BACK).unwrap_or(today);
        let answer = self.deps.ledger.booked.ask(BookedOccasions { since }, LEDGER_WITHIN).into_actor(self);
        ctx.spawn(answer.map(|answer, this, ctx| match heard(answer) {
            Ok(booked) => {
                this.told = Told::recalled(&booked);
                this.wake(ctx);
            }
            Err(why) => {
                tracing::warn!(why, "the ledger does not say what was told; asking again");
                this.later(TRY_AGAIN, Self::recall, ctx);
            }
        }));
    }

    fn wake(&mut self, ctx: &mut Ctx<Self>) {
        let now = self.now();
        let before = self.told.clone();
        let events = plan::due(&self.settings, &mut self.told, now, !self.obedience.is_halted());
        if events.is_empty() {
            return self.sleep(now, ctx);
        }
        let occasions: Vec<Occasion> = events.iter().map(|event| event.occasion.clone()).collect();
        let answer = self.deps.ledger.book.ask(BookOccasions { occasions }, LEDGER_WITHIN).into_actor(self);
        ctx.spawn(answer.map(move |answer, this, ctx| match heard(answer) {
            Ok(news) => {
                events.iter().zip(news).for_each(|(event, is_new)| this.tell(event, is_new));
                this.sleep(now, ctx);
            }
            Err(why) => {
                tracing::warn!(why, "what is due cannot be booked; it is not told");
                this.told = before;
                this.later(TRY_AGAIN, Self::wake, ctx);
            }
        }));
    }

    fn sleep(&mut self, since: DateTime<Utc>, ctx: &mut Ctx<Self>) {
        let sleep = self.deps.clock.sleep_until(plan::next_wake(&self.settings, since));
        ctx.spawn(sleep.into_actor(self).map(|(), this, ctx| this.wake(ctx)));
    }

    fn later(&mut self, by: TimeDelta, then: fn(&mut Self, &mut Ctx<Self>), ctx: &mut Ctx<Self>) {
        let sleep = self.deps.clock.sleep_until(self.deps.clock.now() + by);
        ctx.spawn(sleep.into_actor(self).map(move |(), this, ctx| then(this, ctx)));
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

    /// Tells what is new. A phase, and that a day is over, are told even if they are not: they are states, not
    /// occasions to act.
    fn tell(&mut self, event: &Event, is_new: bool) {
        match &event.what {
            What::Session(change) => self.tell_phase(change, is_new),
            What::Day(day) if !is_new => warn(tell_all(&self.deps.day_ended, day), event),
            What::Slot(..) | What::Notice(_) if !is_new => {
                tracing::info!(occasion = ?event.occasion, "told by an earlier life; not told again");
            }
            What::Slot(scan, decide) => {
                tracing::debug!(slot = %scan.key, expires_at = %scan.expires_at, "slot due");
                warn(tell_all(&self.deps.scan_due, scan).and(tell_all(&self.deps.decide_due, decide)), event);
            }
            What::Day(day) => {
                tracing::info!(market = %day.market, session = %day.session_date, "day closed");
                warn(tell_all(&self.deps.day_ended, day).and(tell_all(&self.deps.day_closed, day)), event);
            }
            What::Notice(kind) => {
                let Occasion { market, label: text, .. } = event.occasion.clone();
                tracing::warn!(%market, "{text}");
                warn(
                    self.deps.ledger.events.tell(RecordEvent { kind: *kind, market: Some(market), text }),
                    event,
                );
            }
        }
    }

    fn tell_phase(&mut self, change: &SessionChanged, is_new: bool) {
        let SessionChanged { market, session_date: session, phase, trust, .. } = change;
        tracing::info!(%market, %session, %phase, %trust, is_new, "session changed");
        if let Err(error) = tell_all(&self.deps.session_changed, change) {
            tracing::warn!(%market, %error, "not every receiver was told the phase; telling it again");
            self.told.forget_phase(*market);
        }
    }
}

/// Nobody tells it again: the next slot follows soon enough, and closed days go to links that are never full.
fn warn(told: Result<(), TellError>, event: &Event) {
    if let Err(error) = told {
        tracing::warn!(occasion = ?event.occasion, %error, "not every receiver was told");
    }
}

/// The ledger's answer, or in words why there is none.
fn heard<T>(answer: Result<Result<T, LedgerError>, AskError>) -> Result<T, String> {
    match answer {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

impl Actor for MarketClock {
    type Context = Ctx<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.recall(ctx);
    }
}

impl MarketClock {
    /// Takes the file's days in the place of its earlier ones; the next wake tells what changes by it.
    fn take(&mut self, overrides: &Overrides) {
        match crate::Calendar::official().with_changes(&overrides.changes) {
            Ok(calendar) => {
                self.settings.calendar = calendar;
                self.settings.exits = overrides.exits.clone();
                self.say(EventKind::Report, format!("the override file of the calendar says: {overrides}"));
            }
            Err(error) => self.say(EventKind::Alarm, format!("the override file is not in force: {error}")),
        }
    }

    fn say(&self, kind: EventKind, text: String) {
        tracing::warn!("{text}");
        let line = RecordEvent { kind, market: None, text };
        if let Err(error) = self.deps.ledger.events.tell(line) {
            tracing::warn!(%error, "the ledger was not told of the override file");
        }
    }
}

impl Handler<OverrideFile> for MarketClock {
    type Result = ();

    /// It comes every few seconds; only what is new matters, and that nothing is overridden is no news at the start.
    fn handle(&mut self, file: OverrideFile, _ctx: &mut Self::Context) {
        let is_same = match &self.heard {
            Some(heard) => *heard == file,
            None => file == OverrideFile::Good(Overrides::default()),
        };
        if is_same {
            return;
        }
        match &file {
            OverrideFile::Good(overrides) => self.take(overrides),
            OverrideFile::Bad(why) => self.say(
                EventKind::Alarm,
                format!(
                    "the override file of the calendar is wrong, the last good one stays in force: {why}"
                ),
            ),
        }
        self.heard = Some(file);
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
