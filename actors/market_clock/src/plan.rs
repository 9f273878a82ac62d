//! What is due at a moment, given what was told before.
//!
//! The plan never bursts: after a pause or a jump of the clock only the present phase and the present slot are told,
//! missed ones are not replayed. Closed days are the exception: none is skipped, because each has its own work.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::Market;
use domain::messages::schedule::{
    DateStatus, DayClosed, DecideDue, Phase, ScanDue, SessionChanged, SlotKey, Trust,
};

use crate::calendar::{Calendar, Session};
use crate::slots::{self, Cadence};

/// A day counts as closed so long after its close: late fills and closing prices have arrived.
pub const SETTLING: TimeDelta = TimeDelta::minutes(10);
/// The longest sleep towards an event: a clock that was set or suspended is noticed (CALENDARS.md 5.3).
pub const LONGEST_SLEEP: TimeDelta = TimeDelta::seconds(30);

/// What the plan follows.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The enabled markets.
    pub markets: Vec<Market>,
    /// When in a session to look and decide.
    pub cadence: Cadence,
    /// Which days are sessions.
    pub calendar: Calendar,
}

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A phase began, or was found at start-up.
    Session(SessionChanged),
    /// Look and decide.
    Slot(ScanDue, DecideDue),
    /// A session is over and settled.
    Day(DayClosed),
}

/// What was told, per market; empty at start-up, so the present state is told afresh.
#[derive(Clone, Debug, Default)]
pub struct Told {
    markets: BTreeMap<Market, ToldOf>,
}

#[derive(Clone, Debug, Default)]
struct ToldOf {
    phase: Option<(NaiveDate, Phase, Trust)>,
    slot_start: Option<DateTime<Utc>>,
    day_closed: Option<NaiveDate>,
}

impl Told {
    /// A receiver's mailbox was full: the phase or the day is told again at the next wake. A slot is not, the next
    /// one follows soon enough.
    pub fn forget(&mut self, event: &Event) {
        match event {
            Event::Session(change) => self.of(change.market).phase = None,
            Event::Slot(..) => {}
            Event::Day(day) => self.of(day.market).day_closed = day.session_date.pred_opt(),
        }
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
        events.extend(phase_due(settings, told, *market, now).map(Event::Session));
        if slots_wanted {
            events.extend(slot_due(settings, told, *market, now));
        }
        events.extend(days_due(settings, told, *market, now).into_iter().map(Event::Day));
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

fn phase_due(
    settings: &Settings,
    told: &mut ToldOf,
    market: Market,
    now: DateTime<Utc>,
) -> Option<SessionChanged> {
    let phase = settings.calendar.phase(market, now);
    let today = market.date_at(now);
    let session_date = match (phase, settings.calendar.last_begun(market, now)) {
        (Phase::Unknown, _) | (_, None) => today,
        (_, Some(session)) => session.date,
    };
    let trust = trust(settings.calendar.status(market, today));
    if told.phase == Some((session_date, phase, trust)) {
        return None;
    }
    told.phase = Some((session_date, phase, trust));
    Some(SessionChanged { market, session_date, phase, trust, at: now })
}

/// What may be done on a day by its status alone (CALENDARS.md 4.2).
fn trust(status: DateStatus) -> Trust {
    match status {
        DateStatus::Official => Trust::Certain,
        DateStatus::Estimated | DateStatus::Uncertain => Trust::Unproved,
        DateStatus::Unknown => Trust::Unknown { exits: false },
    }
}

fn slot_due(settings: &Settings, told: &mut ToldOf, market: Market, now: DateTime<Utc>) -> Option<Event> {
    let session = settings.calendar.session_of(market, now)?;
    if !trust(settings.calendar.status(market, session.date)).allows_entries() {
        return None;
    }
    let due = slots::due_slot(&session, settings.cadence, now)?;
    if told.slot_start.is_some_and(|start| start >= due.starts_at) {
        return None;
    }
    told.slot_start = Some(due.starts_at);
    let key = SlotKey { market, session_date: session.date, slot: due.slot };
    let expires_at = due.expires_at;
    Some(Event::Slot(ScanDue { key, expires_at }, DecideDue { key, expires_at }))
}

/// Settled sessions after the last one told; at start-up the last one alone.
fn days_due(settings: &Settings, told: &mut ToldOf, market: Market, now: DateTime<Utc>) -> Vec<DayClosed> {
    let Some(last) = settings.calendar.last_ended(market, now - SETTLING) else { return Vec::new() };
    let first = told.day_closed.and_then(|date| date.succ_opt()).unwrap_or(last.date);
    let dates = first.iter_days().take_while(|date| *date <= last.date);
    let sessions = dates.filter_map(|date| settings.calendar.session_on(market, date));
    told.day_closed = told.day_closed.max(Some(last.date));
    sessions
        .map(|session| DayClosed { market, session_date: session.date, closed_at: session.close })
        .collect()
}

fn settled_at(session: &Session) -> DateTime<Utc> {
    session.close + SETTLING
}

#[cfg(test)]
mod tests;
