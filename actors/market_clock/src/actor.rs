//! Sleeps until something is due, has it booked, and tells it.
//!
//! Everything is booked by the ledger before it is told, under a key of market, session date and kind, so that a slot
//! or a notice comes once, whatever crashes or whatever the clock does. Phases and the closed days of two weeks are told again by
//! each new life, because whoever was started with it must hear them: a day whose process died after it was booked and before it
//! was told would otherwise be heard by nobody. Their receivers stand a repetition. While the ledger does not answer nothing is
//! told.
//!
//! A calendar may be wrong: the Broker is asked whether the market really trades, and once a day for its own list of days
//! (`evidence`). What it says changes how far a day may be traded upon, and halts nothing.
//!
//! A halt stops slots, not sessions; after a restart in the middle of a halt it offers slots again, and RiskGuard's
//! gate stops what follows.

mod looks;

use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext as _, SpawnHandle};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::messages::ledger::{EventKind, LedgerError, RecordEvent};
use domain::messages::market_data::QueryError;
use domain::messages::occasions::{BookOccasions, BookedOccasions, Occasion, OccasionKind};
use domain::messages::proof::{LastTradeQuery, ListedDay, ListedDaysQuery};
use domain::messages::schedule::{DayClosed, DecideDue, ScanDue, SessionChanged};
use domain::{Clock, Market, is_ledger_pause, ports};
use risk_guard::{HaltSystem, Obedience, ResumeSystem};
use supervision::TellError;
use supervision::prelude::*;

use crate::calendar::{Calendar, Session};
use crate::evidence::{self, Evidence, Look};
use crate::overrides::{OverrideFile, Overrides};
use crate::plan::{self, Event, Known, LONGEST_SLEEP, Settings, Told, What};

/// The clock may be set back so far without a warning.
const HARMLESS_STEP: TimeDelta = TimeDelta::seconds(1);
/// Longest wait for TradeLedger, in real time (messages::ledger).
const LEDGER_WITHIN: Duration = Duration::from_secs(5);
/// Longest wait for Broker, in real time (messages::proof).
const BROKER_WITHIN: Duration = Duration::from_secs(25);
/// After a failed booking it is tried again so much later, in exchange time.
const TRY_AGAIN: Duration = Duration::from_secs(1);

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

/// Whom MarketClock asks in Broker.
#[derive(Clone, Debug)]
pub struct BrokerLinks {
    /// Whether a market trades.
    pub last_trade: Link<LastTradeQuery>,
    /// The broker's own list of days.
    pub listed_days: Link<ListedDaysQuery>,
}

/// Whom MarketClock asks and tells, and its clock.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Exchange time.
    pub clock: Arc<dyn Clock>,
    /// TradeLedger.
    pub ledger: LedgerLinks,
    /// Broker.
    pub broker: BrokerLinks,
    /// RiskGuard, Broker, Notifier.
    pub session_changed: Vec<Link<SessionChanged>>,
    /// RiskGuard and Broker: told the phases again at every wake, so that one that was started alone knows them.
    pub guards: Vec<Link<SessionChanged>>,
    /// Scanner.
    pub scan_due: Vec<Link<ScanDue>>,
    /// Brain.
    pub decide_due: Vec<Link<DecideDue>>,
    /// Broker, RiskGuard: the last closed day is a state to them, told again by each life; closing twice changes nothing.
    pub day_ended: Vec<Link<DayClosed>>,
    /// Broker: told the last closed day again at every wake, because one that was started alone would leave it open.
    pub closers: Vec<Link<DayClosed>>,
    /// Optimizer: told the closed days of two weeks again by each life, and reports each once by the books.
    pub day_closed: Vec<Link<DayClosed>>,
}

/// The actor.
#[derive(Debug)]
pub struct MarketClock {
    settings: Settings,
    deps: Deps,
    told: Told,
    evidence: Evidence,
    /// What earlier lives told is known.
    is_recalled: bool,
    /// What the operator has changed.
    overrides: Overrides,
    /// The sleep until the next wake, while there is one.
    sleep: Option<SpawnHandle>,
    /// Something became known while something was being booked.
    restless: bool,
    /// What was asked to be booked and is told to nobody, because the answer is missing: it may be in the books.
    unanswered: Vec<Occasion>,
    /// What the override file said last, good or bad; none before its first word.
    heard: Option<OverrideFile>,
    /// What the clock showed last.
    shown: Option<DateTime<Utc>>,
    /// Ends a sleep that lasts too long in real time.
    watch: Option<SpawnHandle>,
    /// The newest word on halts.
    obedience: Obedience,
}

impl MarketClock {
    /// A MarketClock that has told nothing yet.
    pub fn new(settings: Settings, deps: Deps) -> Self {
        Self {
            deps,
            told: Told::default(),
            evidence: Evidence::default().with_live_feeds(&settings.live_feeds),
            is_recalled: false,
            overrides: Overrides::default(),
            sleep: None,
            restless: false,
            unanswered: Vec::new(),
            heard: None,
            shown: None,
            watch: None,
            obedience: Obedience::default(),
            settings,
        }
    }

    /// Learns what earlier lives told; without that nothing may be told.
    fn recall(&mut self, ctx: &mut Ctx<Self>) {
        let today = self.now().date_naive();
        let since = today.checked_sub_days(plan::LOOKS_BACK).unwrap_or(today);
        let answer = self.deps.ledger.booked.ask(BookedOccasions { since }, LEDGER_WITHIN).into_actor(self);
        ctx.spawn(answer.map(|answer, this, ctx| match heard(answer) {
            Ok(booked) => {
                let now = this.now();
                this.told = Told::recalled(&booked, now);
                this.evidence = Evidence::recalled(&booked, now).with_live_feeds(&this.settings.live_feeds);
                this.redraw();
                this.is_recalled = true;
                if this.knows_enough() {
                    this.wake(ctx);
                }
            }
            Err(why) => {
                tracing::warn!(why, "the ledger does not say what was told; asking again");
                this.later(TRY_AGAIN, Self::recall, ctx);
            }
        }));
    }

    /// Nothing may be told before the books and, where there is one, the override file were heard: a day that the operator
    /// has closed would begin.
    fn knows_enough(&self) -> bool {
        self.is_recalled && (self.heard.is_some() || !self.settings.has_override_file)
    }

    fn wake(&mut self, ctx: &mut Ctx<Self>) {
        self.sleep = None;
        let now = self.now();
        self.settings.cadence = self.settings.cadence.begun_by(now);
        self.look_around(now, ctx);
        let before = self.told.clone();
        let known = Known { settings: &self.settings, evidence: &self.evidence };
        let events = plan::due(known, &mut self.told, now, !self.obedience.is_halted());
        self.repeat_phases(&events, now);
        self.repeat_days(&before);
        if events.is_empty() {
            return self.sleep(now, ctx);
        }
        let occasions: Vec<Occasion> = events.iter().map(|event| event.occasion.clone()).collect();
        let asked = occasions.clone();
        let answer = self.deps.ledger.book.ask(BookOccasions { occasions }, LEDGER_WITHIN).into_actor(self);
        ctx.spawn(answer.map(move |answer, this, ctx| match heard(answer) {
            Ok(news) => {
                let untold = std::mem::take(&mut this.unanswered);
                let is_news = |(occasion, is_new): (_, &bool)| *is_new || untold.contains(occasion);
                let news: Vec<bool> = asked.iter().zip(&news).map(is_news).collect();
                for (event, is_new) in plan::share(events, &news) {
                    this.tell(&event, is_new);
                }
                this.sleep(now, ctx);
            }
            Err(why) => {
                tracing::warn!(why, "what is due may not be booked; it is told once the ledger answers");
                this.told = before;
                this.unanswered = asked;
                this.later(TRY_AGAIN, Self::wake, ctx);
            }
        }));
    }

    fn sleep(&mut self, since: DateTime<Utc>, ctx: &mut Ctx<Self>) {
        if std::mem::take(&mut self.restless) {
            return self.wake(ctx);
        }
        let known = Known { settings: &self.settings, evidence: &self.evidence };
        // Until the plan says, however long the booking took; as long as it says where the clock was set back meanwhile; and in
        // real time, should it be set back while this sleeps.
        let next = plan::next_wake(known, since);
        let shown = self.deps.clock.now();
        let until = if shown >= since {
            next.max(shown)
        } else {
            shown.checked_add_signed(next - since).unwrap_or(DateTime::<Utc>::MAX_UTC)
        };
        let sleep = self.deps.clock.sleep_until(until);
        self.sleep = Some(ctx.spawn(sleep.into_actor(self).map(|(), this, ctx| this.wake(ctx))));
        let longest = self.deps.clock.real((LONGEST_SLEEP + HARMLESS_STEP).to_std().unwrap_or_default());
        let watch = ctx.run_later(longest, Self::wake_now);
        if let Some(earlier) = self.watch.replace(watch) {
            ctx.cancel_future(earlier);
        }
    }

    /// Cuts a sleep short, or the next one before it begins.
    fn wake_now(&mut self, ctx: &mut Ctx<Self>) {
        match self.sleep.take() {
            Some(sleep) => {
                ctx.cancel_future(sleep);
                self.wake(ctx);
            }
            None => self.restless = true,
        }
    }

    fn later(&mut self, by: Duration, then: fn(&mut Self, &mut Ctx<Self>), ctx: &mut Ctx<Self>) {
        let pause = ports::sleep(&self.deps.clock, by).into_actor(self);
        ctx.spawn(pause.map(move |(), this, ctx| then(this, ctx)));
    }

    /// What the clock shows. What was seen while it ran ahead is judged anew when it was set back.
    fn now(&mut self) -> DateTime<Utc> {
        let now = self.deps.clock.now();
        let before = self.shown.replace(now).unwrap_or(now);
        if before - now > HARMLESS_STEP {
            tracing::warn!(shown = %now, %before, "the clock was set back; what was told is not told again");
            self.evidence.set_back(now);
            self.redraw();
        }
        now
    }

    /// Tells the guards the phases that did not change: one of them may have been started alone.
    fn repeat_phases(&self, events: &[Event], shown: DateTime<Utc>) {
        let changes = |market: Market| {
            events.iter().any(|event| matches!(&event.what, What::Session(change) if change.market == market))
        };
        for standing in self.told.standing(shown).filter(|standing| !changes(standing.market)) {
            for guard in &self.deps.guards {
                if let Err(error) = guard.tell(standing.clone()) {
                    tracing::warn!(market = %standing.market, %error, "a guard was not told the phase; telling it again");
                }
            }
        }
    }

    /// Tells again which days were over at the last wake.
    fn repeat_days(&self, before: &Told) {
        for day in before.ended() {
            if let Err(error) = tell_all(&self.deps.closers, &day) {
                tracing::warn!(market = %day.market, %error, "Broker was not told that the day is over; telling it again");
            }
        }
    }

    /// Tells what is new. A phase, and that a day is over, are told even if they are not: they are states, not
    /// occasions to act.
    fn tell(&mut self, event: &Event, is_new: bool) {
        match &event.what {
            What::Session(change) => self.tell_phase(change, is_new),
            What::Slot(..) | What::Notice(..) if !is_new => {
                tracing::info!(occasion = ?event.occasion, "told by an earlier life; not told again");
            }
            What::Slot(scan, decide) => {
                tracing::debug!(slot = %scan.key, expires_at = %scan.expires_at, "slot due");
                warn(tell_all(&self.deps.scan_due, scan).and(tell_all(&self.deps.decide_due, decide)), event);
            }
            What::Day(day) => self.tell_day(event, day, is_new),
            What::Notice(kind, text) => self.say(*kind, Some(event.occasion.market), text.clone()),
        }
    }

    /// Whether it was told when it was booked nobody knows, so it is told again: to those for whom it is a state the last one
    /// of its market alone.
    fn tell_day(&self, event: &Event, day: &DayClosed, is_new: bool) {
        tracing::info!(market = %day.market, session = %day.session_date, is_new, "day closed");
        if is_new || self.told.ended().any(|last| last == *day) {
            warn(tell_all(&self.deps.day_ended, day), event);
        }
        warn(tell_all(&self.deps.day_closed, day), event);
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
    /// Takes the file's days in the place of its earlier ones.
    fn take(&mut self, overrides: Overrides) {
        self.settings.exits = overrides.exits.clone();
        let text = format!("the override file of the calendar says: {overrides}");
        let idle = overrides.idle.clone();
        self.overrides = overrides;
        self.redraw();
        for text in [text].into_iter().chain(idle) {
            self.say(EventKind::Report, None, text);
        }
    }

    fn say(&self, kind: EventKind, market: Option<Market>, text: String) {
        tracing::warn!("{text}");
        if let Err(error) = self.deps.ledger.events.tell(RecordEvent { kind, market, text }) {
            tracing::warn!(%error, "the ledger was not told");
        }
    }
}

impl Handler<OverrideFile> for MarketClock {
    type Result = ();

    /// It comes every few seconds; only what is new matters, and that nothing is overridden is no news at the start.
    fn handle(&mut self, file: OverrideFile, ctx: &mut Self::Context) {
        let knew_enough = self.knows_enough();
        let is_news = *file.overrides() != self.overrides;
        if is_news {
            self.take(file.overrides().clone());
        }
        match &file {
            OverrideFile::Bad { why, since, .. }
                if self.heard.as_ref().and_then(OverrideFile::fault) != Some(why) =>
            {
                let since = since.format("%Y-%m-%d %H:%M:%S UTC");
                let text = format!(
                    "the override file of the calendar is wrong, the last good one, read at {since}, stays in force: {why}"
                );
                self.say(EventKind::Alarm, None, text);
            }
            OverrideFile::Bad { .. } | OverrideFile::Good(_) => {}
        }
        self.heard = Some(file);
        match (knew_enough, self.knows_enough()) {
            (false, true) => self.wake(ctx),
            (true, _) if is_news => self.wake_now(ctx),
            (_, _) => {}
        }
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
