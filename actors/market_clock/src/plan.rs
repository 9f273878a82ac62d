//! What is due at a moment, given what was told before.
//!
//! The plan never bursts: after a pause or a jump of the clock only the present phase and the present slot are told,
//! missed ones are not replayed. Closed days are the exception: none is skipped, because each has its own work.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use domain::Market;
use domain::messages::ledger::EventKind;
use domain::messages::occasions::{Occasion, OccasionKind};
use domain::messages::schedule::{
    DateStatus, DayClosed, DecideDue, Phase, ScanDue, SessionChanged, SlotKey, Trust,
};

use crate::calendar::{Calendar, Session};
use crate::notice;
use crate::slots::{self, Cadence, DueSlot};

/// A day counts as closed so long after its close: late fills and closing prices have arrived.
pub const SETTLING: TimeDelta = TimeDelta::minutes(10);
/// The longest sleep towards an event: a clock that was set or suspended is noticed (CALENDARS.md 5.3).
pub const LONGEST_SLEEP: TimeDelta = TimeDelta::seconds(30);
/// Closed days are told from so many days ago on; older ones are closed by the Broker, which knows what is open.
pub const LOOKS_BACK: Days = Days::new(14);

/// What the plan follows.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The enabled markets.
    pub markets: Vec<Market>,
    /// When in a session to look and decide.
    pub cadence: Cadence,
    /// Which days are sessions.
    pub calendar: Calendar,
    /// Days that no calendar reaches and on which the operator allows exits.
    pub exits: BTreeSet<(Market, NaiveDate)>,
}

impl Settings {
    /// How far `date` may be traded upon, by its status alone (CALENDARS.md 4.2).
    fn trust(&self, market: Market, date: NaiveDate) -> Trust {
        match self.calendar.status(market, date) {
            DateStatus::Official => Trust::Certain,
            DateStatus::Estimated | DateStatus::Uncertain => Trust::Unproved,
            DateStatus::Unknown => Trust::Unknown { exits: self.exits.contains(&(market, date)) },
        }
    }
}

/// Something to tell, with what is booked of it first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What is booked.
    pub occasion: Occasion,
    /// What is told.
    pub what: What,
}

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A phase began, or was found at start-up: told even when it was booked before.
    Session(SessionChanged),
    /// Look and decide.
    Slot(ScanDue, DecideDue),
    /// A session is over and settled.
    Day(DayClosed),
    /// Something the operator should know about the date.
    Notice(EventKind),
}

/// What was told, per market.
#[derive(Clone, Debug, Default)]
pub struct Told {
    markets: BTreeMap<Market, ToldOf>,
}

#[derive(Clone, Debug, Default)]
struct ToldOf {
    phase: Option<(NaiveDate, Phase, Trust)>,
    slot: Option<DateTime<Utc>>,
    exits: Option<DateTime<Utc>>,
    day_closed: Option<NaiveDate>,
    notice: Option<NaiveDate>,
}

impl Told {
    /// What the books say was told. Phases and the last closed day are left out: whoever was started since must hear
    /// them again, and a day whose report died with the process would otherwise stay open until tomorrow.
    pub fn recalled(booked: &[Occasion]) -> Self {
        let mut told = Self::default();
        for occasion in booked {
            let of = told.of(occasion.market);
            match occasion.kind {
                OccasionKind::Phase => {}
                OccasionKind::Slot => of.slot = of.slot.max(Some(occasion.begins_at)),
                OccasionKind::Exits => of.exits = of.exits.max(Some(occasion.begins_at)),
                OccasionKind::DayClosed => {
                    of.day_closed = of.day_closed.max(occasion.session_date.pred_opt());
                }
                OccasionKind::Notice => of.notice = of.notice.max(Some(occasion.session_date)),
            }
        }
        told
    }

    /// A receiver's mailbox was full: the phase is told again at the next wake.
    pub fn forget_phase(&mut self, market: Market) {
        self.of(market).phase = None;
    }

    fn of(&mut self, market: Market) -> &mut ToldOf {
        self.markets.entry(market).or_default()
    }
}

/// Everything due at `now`, and notes it as told. Slots are left out while `slots_wanted` is false (a halt).
pub fn due(settings: &Settings, told: &mut Told, now: DateTime<Utc>, slots_wanted: bool) -> Vec<Event> {
    let mut events = Vec::new();
    for market in &settings.markets {
        let told = told.of(*market);
        events.extend(phase_due(settings, told, *market, now));
        if slots_wanted {
            events.extend(slots_due(settings, told, *market, now));
        }
        events.extend(days_due(settings, told, *market, now));
        events.extend(notice_due(settings, told, *market, now));
    }
    events
}

/// When to look again: the next phase, slot or settled day of any market, but at most [`LONGEST_SLEEP`] from `now`.
pub fn next_wake(settings: &Settings, now: DateTime<Utc>) -> DateTime<Utc> {
    let longest = now.checked_add_signed(LONGEST_SLEEP).unwrap_or(DateTime::<Utc>::MAX_UTC);
    let next = settings.markets.iter().filter_map(|market| next_event(settings, *market, now));
    next.min().map_or(longest, |next| next.min(longest))
}

fn next_event(settings: &Settings, market: Market, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let of_session = |session: Session| {
        let slot = slots::next_slot(&session, settings.cadence, now);
        slot.into_iter().chain([settled_at(&session)]).collect::<Vec<_>>()
    };
    // The session that is under way, and the next one: nothing of a later one comes before its first change of phase.
    let of_sessions = settings.calendar.around(market, now).take(2).flat_map(of_session);
    let change = settings.calendar.next_change(market, now).map(|change| change.at);
    of_sessions.chain(change).filter(|at| *at > now).min()
}

fn phase_due(settings: &Settings, told: &mut ToldOf, market: Market, now: DateTime<Utc>) -> Option<Event> {
    let (phase, today) = (settings.calendar.phase(market, now), market.date_at(now));
    let session = settings.calendar.last_begun(market, now).filter(|_| phase != Phase::Unknown);
    let (session_date, begins_at) = match session {
        Some(session) => (session.date, session.phase_start(now)),
        None => (today, now),
    };
    let trust = settings.trust(market, today);
    if told.phase == Some((session_date, phase, trust)) {
        return None;
    }
    told.phase = Some((session_date, phase, trust));
    let (kind, label) = (OccasionKind::Phase, phase.to_string());
    Some(Event {
        occasion: Occasion { market, session_date, kind, begins_at, label },
        what: What::Session(SessionChanged { market, session_date, phase, trust, at: now }),
    })
}

/// A slot of the plan, or else a look at what is held.
fn slots_due(settings: &Settings, told: &mut ToldOf, market: Market, now: DateTime<Utc>) -> Option<Event> {
    let session = settings.calendar.session_of(market, now)?;
    if !settings.trust(market, session.date).allows_entries() {
        return None;
    }
    if let Some(due) = slots::due_slot(&session, settings.cadence, now, told.slot) {
        told.slot = Some(due.starts_at);
        return Some(slot_event(&session, due, OccasionKind::Slot));
    }
    let due = slots::due_exits(&session, settings.cadence, now)?;
    if told.exits.is_some_and(|last| last >= due.starts_at) {
        return None;
    }
    told.exits = Some(due.starts_at);
    Some(slot_event(&session, due, OccasionKind::Exits))
}

fn slot_event(session: &Session, due: DueSlot, kind: OccasionKind) -> Event {
    let Session { market, date: session_date, .. } = *session;
    let DueSlot { slot, starts_at: begins_at, expires_at } = due;
    let key = SlotKey { market, session_date, slot };
    Event {
        occasion: Occasion { market, session_date, kind, begins_at, label: slot.to_string() },
        what: What::Slot(ScanDue { key, expires_at }, DecideDue { key, expires_at }),
    }
}

/// Settled sessions after the last one told, of the last two weeks; where none was ever told, the last one alone.
fn days_due(settings: &Settings, told: &mut ToldOf, market: Market, now: DateTime<Utc>) -> Vec<Event> {
    let Some(last) = settings.calendar.last_ended(market, now - SETTLING) else { return Vec::new() };
    let oldest = last.date.checked_sub_days(LOOKS_BACK).unwrap_or(last.date);
    let first = told.day_closed.and_then(|date| date.succ_opt()).unwrap_or(last.date).max(oldest);
    let sessions = settings.calendar.sessions_between(market, first, last.date);
    told.day_closed = told.day_closed.max(Some(last.date));
    sessions.map(|session| day_event(&session)).collect()
}

fn day_event(session: &Session) -> Event {
    let Session { market, date: session_date, close: closed_at, .. } = *session;
    let (kind, label) = (OccasionKind::DayClosed, "settled".to_owned());
    Event {
        occasion: Occasion { market, session_date, kind, begins_at: closed_at, label },
        what: What::Day(DayClosed { market, session_date, closed_at }),
    }
}

/// Once a day and market.
fn notice_due(settings: &Settings, told: &mut ToldOf, market: Market, now: DateTime<Utc>) -> Option<Event> {
    let session_date = market.date_at(now);
    if told.notice.is_some_and(|date| date >= session_date) {
        return None;
    }
    told.notice = Some(session_date);
    let (event, label) = notice::about(&settings.calendar, market, session_date)?;
    let begins_at = session_date.and_time(NaiveTime::MIN).and_utc();
    Some(Event {
        occasion: Occasion { market, session_date, kind: OccasionKind::Notice, begins_at, label },
        what: What::Notice(event),
    })
}

fn settled_at(session: &Session) -> DateTime<Utc> {
    session.close + SETTLING
}

#[cfg(test)]
mod tests;
