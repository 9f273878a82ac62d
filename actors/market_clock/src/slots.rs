//! When in a session to look and to decide.
//!
//! Daily mode spreads a few slots over the session, measured from the market's own open (CALENDARS.md 5.4), so that
//! no trading day is without one; between them what is held is looked at every minute. Realtime mode has a cycle every
//! 60 s. Nothing of it happens outside continuous trading.
//!
//! The slots of a session date that were told are counted and numbered by the books, so that neither a grid that begins anew with
//! a process nor hours that change during a session tell a number twice or more slots than there may be.
//!
//! A slot that is made up for needs five minutes of trading: with less an order could hardly be placed, watched and withdrawn. When
//! lunch is nearer it waits until five minutes behind lunch, as a slot that falls into lunch does, and is no older then: lunch does
//! not count. When the closing auction is nearer it is given up: nothing follows.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::schedule::{LONGEST_SLOT, Slot};

use crate::calendar::Session;

/// Length of a realtime cycle, and of a look at what is held.
const CYCLE: TimeDelta = TimeDelta::seconds(60);
/// The first daily slot comes so long after the open: the opening auction has settled.
const AFTER_OPEN: TimeDelta = TimeDelta::minutes(10);
/// The last daily slot comes so long before the close: an order still has time.
const BEFORE_CLOSE: TimeDelta = TimeDelta::minutes(20);
/// A daily slot that would fall into lunch or an auction, or begin too shortly before lunch, moves so long behind it.
const AFTER_PAUSE: TimeDelta = TimeDelta::minutes(5);
/// So much continuous trading makes a slot worth its call: its orders can be placed, watched and withdrawn.
const WORTH_A_SLOT: TimeDelta = TimeDelta::minutes(5);
/// A slot that was missed is made up for when it is not older than this in trading time (CALENDARS.md 5.4).
const MADE_UP_WITHIN: TimeDelta = TimeDelta::minutes(30);
/// A session without any slot gets a late one while so much of it is left.
const WORTH_A_LATE_SLOT: TimeDelta = TimeDelta::minutes(30);

/// How often to look and decide (`TRADE_MODE`, `SESSION_ANCHOR`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cadence {
    /// A few slots per session, measured from its open.
    Daily(DailyPlan),
    /// A few slots per session, on a grid that begins at `anchor` whatever the markets do. Each process begins a grid of its own;
    /// what earlier ones told of a session date counts.
    Fixed {
        /// How many and how far apart.
        plan: DailyPlan,
        /// The grid's first instant: the start of the process.
        anchor: DateTime<Utc>,
    },
    /// Every 60 s while open.
    Realtime,
}

impl Cadence {
    /// The same at `now`: a grid that a clock running ahead has begun later begins now, once the clock is set right.
    #[must_use]
    pub fn begun_by(self, now: DateTime<Utc>) -> Self {
        match self {
            Self::Fixed { plan, anchor } => Self::Fixed { plan, anchor: anchor.min(now) },
            Self::Daily(_) | Self::Realtime => self,
        }
    }
}

/// Daily slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DailyPlan {
    /// `DAILY_SESSIONS`: at most so many slots per market and session, 1 to 10.
    pub sessions: u32,
    /// `SESSION_INTERVAL_HOURS`: hours between two slots, 1 to 24.
    pub interval_hours: u32,
}

impl DailyPlan {
    fn interval(self) -> TimeDelta {
        TimeDelta::hours(i64::from(self.interval_hours.max(1)))
    }
}

/// A slot that may be begun now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueSlot {
    /// Which.
    pub slot: Slot,
    /// When it began.
    pub starts_at: DateTime<Utc>,
    /// From here on it is too late.
    pub expires_at: DateTime<Utc>,
}

/// The daily slots of one session date that were told: their numbers, and when each began.
pub type ToldSlots = BTreeMap<u32, DateTime<Utc>>;

/// One session and its slots: what is planned, and what was told.
#[derive(Clone, Debug)]
pub struct Day<'a> {
    session: &'a Session,
    cadence: Cadence,
    planned: Vec<DateTime<Utc>>,
    told: &'a ToldSlots,
}

impl<'a> Day<'a> {
    /// `session`, of whose date `told` was told. Sessions `beside` it that open at the same moment and trade in the same
    /// currency share each decision: a slot that one of them must begin later begins later for all.
    pub fn new(session: &'a Session, beside: &[Session], cadence: Cadence, told: &'a ToldSlots) -> Self {
        let planned = match cadence {
            Cadence::Daily(plan) => daily_slots(session, beside, plan),
            Cadence::Fixed { plan, anchor } => fixed_slots(session, plan, anchor),
            Cadence::Realtime => Vec::new(),
        };
        Self { session, cadence, planned, told }
    }
}

/// Open + 10 min, then every interval up to close - 20 min; what falls into lunch or an auction moves 5 min behind it, and is
/// dropped where the next one is nearer than a third of an interval; where at least a third of an interval is left, the last slot
/// is at close - 20 min (CALENDARS.md 5.4).
fn daily_slots(session: &Session, beside: &[Session], plan: DailyPlan) -> Vec<DateTime<Utc>> {
    let interval = plan.interval();
    let latest = session.close - BEFORE_CLOSE;
    let grid = (0..plan.sessions).map_while(|index| {
        let index = i32::try_from(index).ok()?;
        let at = session.open + AFTER_OPEN + interval * index;
        (at <= latest).then(|| (at, begun_together(session, beside, at)))
    });
    let grid: Vec<_> = grid.collect();
    let next = grid.iter().skip(1).map(|(_, at)| Some(*at)).chain([None]);
    let is_worth_it = |planned: DateTime<Utc>, at: DateTime<Utc>, next: Option<DateTime<Utc>>| {
        planned == at || next.is_none_or(|next| next - at >= interval / 3)
    };
    let worth = grid.iter().zip(next).filter(|((planned, at), next)| is_worth_it(*planned, *at, *next));
    let mut slots: Vec<_> = worth.map(|((_, at), _)| *at).collect();
    let rest_is_long = slots.last().is_some_and(|last| latest - *last >= interval / 3);
    let room_is_left = u32::try_from(slots.len()).is_ok_and(|count| count < plan.sessions);
    if rest_is_long && room_is_left {
        slots.push(latest);
    }
    slots
}

/// `at`, or so much later that no session of the group is in a pause; a later one in a pause of this session is of no use to it.
fn begun_together(session: &Session, beside: &[Session], at: DateTime<Utc>) -> DateTime<Utc> {
    let own = after_pause(session, at);
    let latest = beside.iter().map(|other| after_pause(other, at)).fold(own, DateTime::max);
    if session.phase(latest).is_tradable() { latest } else { own }
}

/// The grid's instants at which continuous trading goes on for long enough: the others are skipped and not counted.
fn fixed_slots(session: &Session, plan: DailyPlan, anchor: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let interval = plan.interval();
    let before_open = (session.open - anchor).num_seconds().div_euclid(interval.num_seconds());
    let Ok(first) = i32::try_from(before_open.max(0)) else { return Vec::new() };
    let grid = (first..).map(|index| anchor + interval * index).take_while(|at| *at < session.close);
    let worth_it = grid.filter(|at| session.phase(*at).is_tradable() && has_room(session, *at));
    worth_it.take(usize::try_from(plan.sessions).unwrap_or(0)).collect()
}

impl Day<'_> {
    /// The slot that may be begun at `at`, if any; only in continuous trading, and only one that begins after the `last` one
    /// and is none of those that were told of its date.
    pub fn due_slot(&self, at: DateTime<Utc>, last: Option<DateTime<Utc>>) -> Option<DueSlot> {
        if !self.session.phase(at).is_tradable() {
            return None;
        }
        let due = match self.cadence {
            Cadence::Daily(_) | Cadence::Fixed { .. } => self.planned_due(at, last),
            Cadence::Realtime => cycle(self.session, at, Slot::Realtime),
        }?;
        last.is_none_or(|last| last < due.starts_at).then_some(due)
    }

    /// The look at what is held that may be begun at `at`, between slots that are told; realtime cycles look at it anyway. On a
    /// day without `slots` it is the only look there is.
    pub fn due_exits(&self, at: DateTime<Utc>, slots: bool) -> Option<DueSlot> {
        if (slots && self.cadence == Cadence::Realtime) || !self.session.phase(at).is_tradable() {
            return None;
        }
        let due = cycle(self.session, at, Slot::Exits)?;
        let is_near = |slot: DateTime<Utc>| slot > due.starts_at - CYCLE && slot <= due.expires_at;
        let is_told = |index, slot| {
            self.told.values().any(|begun| *begun == slot)
                || number(self.cadence, index, slot, self.told).is_some()
        };
        let is_beside_a_slot =
            (1..).zip(&self.planned).any(|(index, slot)| is_near(*slot) && is_told(index, *slot));
        (!slots || !is_beside_a_slot).then_some(due)
    }

    /// The next instant strictly after `at` at which anything of the session may begin, apart from the open itself.
    pub fn next_slot(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let planned = self.planned.iter().copied().find(|start| *start > at);
        let tradable = self.session.phase(at).is_tradable();
        let minute = tradable.then(|| cycle(self.session, at, Slot::Realtime)).flatten();
        let minute = minute.map(|cycle| cycle.expires_at).filter(|next| *next < self.session.close);
        planned.into_iter().chain(minute).min()
    }

    /// A slot is begun on time; one that was missed only while it is young and enough trading is left; and a session that had
    /// none gets a late one.
    fn planned_due(&self, at: DateTime<Utc>, last: Option<DateTime<Utc>>) -> Option<DueSlot> {
        let session = self.session;
        let begun = (1..).zip(self.planned.iter().copied()).take_while(|(_index, start)| *start <= at);
        let (index, starts_at) = begun.last()?;
        let number = number(self.cadence, index, starts_at, self.told)?;
        let had_none = last.is_none_or(|last| last < session.open);
        let is_late_worth = had_none && session.close - at >= WORTH_A_LATE_SLOT;
        let age = traded_between(session, starts_at, at);
        let is_young = age < MADE_UP_WITHIN || is_late_worth;
        let is_worth_it = age < CYCLE || (has_room(session, at) && !is_reopening(session, starts_at, at));
        let expires_at = (at + LONGEST_SLOT).min(session.phase_end(at));
        (is_young && is_worth_it).then_some(DueSlot { slot: Slot::Daily(number), starts_at, expires_at })
    }
}

/// The number of the slot that is the `index`-th of the plan; none where the books have it, or as many as there may be.
///
/// Measured from the open the plan's own number stands, whatever becomes of the hours. A fixed grid begins anew with each process,
/// so its slots are numbered as they come; one that begins while an earlier one still lives is the same look.
fn number(cadence: Cadence, index: u32, starts_at: DateTime<Utc>, told: &ToldSlots) -> Option<u32> {
    match cadence {
        Cadence::Fixed { plan, .. } => {
            let is_full = u32::try_from(told.len()).is_ok_and(|count| count >= plan.sessions);
            let lives = told.values().any(|begun| (starts_at - *begun).abs() < LONGEST_SLOT);
            let before = told.values().filter(|begun| **begun < starts_at).count();
            let next = u32::try_from(before).ok()?.checked_add(1)?;
            (next..).find(|number| !told.contains_key(number)).filter(|_| !is_full && !lives)
        }
        Cadence::Daily(_) | Cadence::Realtime => {
            let is_over = |(number, begun): (&u32, &DateTime<Utc>)| {
                *number == index || (*number > index && *begun < starts_at)
            };
            (!told.iter().any(is_over)).then_some(index)
        }
    }
}

/// From one instant to another without lunch.
fn traded_between(session: &Session, from: DateTime<Utc>, to: DateTime<Utc>) -> TimeDelta {
    let lunch = session.lunch.map_or(TimeDelta::zero(), |(start, end)| end.min(to) - start.max(from));
    to - from - lunch.max(TimeDelta::zero())
}

fn has_room(session: &Session, at: DateTime<Utc>) -> bool {
    session.phase_end(at) - at >= WORTH_A_SLOT
}

/// Trading has only just gone on after the lunch that came between.
fn is_reopening(session: &Session, starts_at: DateTime<Utc>, at: DateTime<Utc>) -> bool {
    session.lunch.is_some_and(|(start, end)| starts_at < start && at < end + AFTER_PAUSE && at >= end)
}

fn cycle(session: &Session, at: DateTime<Utc>, slot: fn(u32) -> Slot) -> Option<DueSlot> {
    minute_since(session.open, at, slot)
}

/// The look of the minute of `at`, counted since `midnight`: for a day whose open nobody knows.
pub fn look_by_the_clock(midnight: DateTime<Utc>, at: DateTime<Utc>) -> Option<DueSlot> {
    minute_since(midnight, at, Slot::Exits)
}

fn minute_since(start: DateTime<Utc>, at: DateTime<Utc>, slot: fn(u32) -> Slot) -> Option<DueSlot> {
    let index = (at - start).num_seconds().checked_div(CYCLE.num_seconds())?;
    let starts_at = start + CYCLE * i32::try_from(index).ok()?;
    let slot = slot(u32::try_from(index).ok()?);
    Some(DueSlot { slot, starts_at, expires_at: starts_at + CYCLE })
}

fn after_pause(session: &Session, at: DateTime<Utc>) -> DateTime<Utc> {
    match session.lunch {
        Some((start, end)) if start - WORTH_A_SLOT < at && at < end => end + AFTER_PAUSE,
        Some(_) | None if session.phase(at).is_tradable() => at,
        Some(_) | None => session.phase_end(at) + AFTER_PAUSE,
    }
}

#[cfg(test)]
mod tests;
