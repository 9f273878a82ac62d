//! What is due at a moment, given what was told before.
//!
//! The plan never bursts: after a pause or a jump of the clock only the present phase and the present slot are told,
//! missed ones are not replayed. Closed days are the exception: none is skipped, because each has its own work.

mod told;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use domain::messages::ledger::EventKind;
use domain::messages::occasions::{Occasion, OccasionKind};
use domain::messages::schedule::{
    DayClosed, DaySource, DecideDue, Phase, ScanDue, SessionChanged, Slot, SlotKey, Trust,
};
use domain::{Currency, Market, takes_orders_until};

use crate::calendar::{Calendar, DayChange, DayKind, Session};
use crate::evidence::Evidence;
use crate::notice;
use crate::slots::{self, Cadence, Day, DueSlot, ToldSlots};
pub use told::Told;
use told::ToldOf;

/// A day counts as closed so long after its close: late fills and closing prices have arrived.
pub const SETTLING: TimeDelta = TimeDelta::minutes(10);
/// The longest sleep towards an event: a clock that was set or suspended is noticed (CALENDARS.md 5.3).
pub const LONGEST_SLEEP: TimeDelta = TimeDelta::seconds(30);
/// Closed days are told from so many days ago on; older ones are closed by the Broker, which knows what is open.
pub const LOOKS_BACK: Days = Days::new(14);
/// The daily slots of so many session dates are remembered, and which began: those that are looked back at, and some of a clock that ran ahead.
const DATES_KEPT: usize = 32;

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
    /// There is an override file, whose first word is waited for.
    pub has_override_file: bool,
    /// Markets whose quotes have no delay, because their feed is not KIS's free one.
    pub live_feeds: BTreeSet<Market>,
}

/// What is known at the moment of a plan: the settings, and the evidence beside the calendar.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// What the plan follows.
    pub settings: &'a Settings,
    /// What speaks for or against a day.
    pub evidence: &'a Evidence,
}

impl Known<'_> {
    /// How far `date` may be traded upon (CALENDARS.md 4.2).
    fn trust(&self, market: Market, date: NaiveDate) -> Trust {
        let exits = self.settings.exits.contains(&(market, date));
        self.evidence.trust(&self.settings.calendar, market, date, exits)
    }

    /// The same by the calendar alone.
    fn trust_at_first(&self, market: Market, date: NaiveDate) -> Trust {
        let exits = self.settings.exits.contains(&(market, date));
        Evidence::default().trust(&self.settings.calendar, market, date, exits)
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
    /// Something the operator should know about the date, in these words.
    Notice(EventKind, String),
}

/// Everything due at `now`, and notes it as told. Slots are left out while `slots_wanted` is false (a halt).
///
/// All of it goes by what the clock shows, so that one which ran ahead and was set right holds up nothing: what was told for a
/// time that has not come counts for nothing here, and the books know each slot that was told.
pub fn due(known: Known<'_>, told: &mut Told, now: DateTime<Utc>, slots_wanted: bool) -> Vec<Event> {
    let settings = known.settings;
    let mut events = Vec::new();
    for market in &settings.markets {
        let told = told.of(*market);
        events.extend(phase_due(known, told, *market, now));
        events.extend(trust_due(known, told, *market, now));
        if slots_wanted {
            events.extend(slots_due(known, told, *market, now));
        }
        events.extend(days_due(settings, told, *market, now));
        events.extend(notice_due(settings, told, *market, now));
    }
    events
}

/// The events beside whether they are new, and new daily slots of one moment made one decision where a prompt can hold
/// them: the same open and the same currency, because a prompt has one of each.
pub fn share(mut events: Vec<Event>, news: &[bool]) -> Vec<(Event, bool)> {
    let mut groups: BTreeMap<_, Vec<Market>> = BTreeMap::new();
    for (event, _) in events.iter().zip(news).filter(|(_, is_new)| **is_new) {
        if let Some(group) = group_of(event) {
            groups.entry(group).or_default().push(event.occasion.market);
        }
    }
    for event in &mut events {
        let together = group_of(event).and_then(|group| groups.get(&group)).filter(|all| all.len() > 1);
        if let (Some(together), What::Slot(_, decide)) = (together, &mut event.what)
            && together.contains(&decide.key.market)
        {
            decide.together = together.clone();
        }
    }
    events.into_iter().zip(news.iter().copied()).collect()
}

fn group_of(event: &Event) -> Option<(Slot, NaiveDate, DateTime<Utc>, Currency)> {
    match &event.what {
        What::Slot(scan, _) if matches!(scan.key.slot, Slot::Daily(_)) => {
            let SlotKey { market, session_date, slot } = scan.key;
            Some((slot, session_date, event.occasion.begins_at, market.currency()))
        }
        What::Slot(..) | What::Session(_) | What::Day(_) | What::Notice(..) => None,
    }
}

/// The other enabled markets' sessions with the open and the currency of `session`: a prompt has one of each.
fn beside(settings: &Settings, session: &Session) -> Vec<Session> {
    let others = settings
        .markets
        .iter()
        .filter(|market| **market != session.market && market.currency() == session.market.currency());
    let sessions = others.filter_map(|market| settings.calendar.session_on(*market, session.date));
    sessions.filter(|other| other.open == session.open).collect()
}

/// When to look again: the next phase, slot, look or settled day of any market, but at most [`LONGEST_SLEEP`] from `now`.
pub fn next_wake(known: Known<'_>, now: DateTime<Utc>) -> DateTime<Utc> {
    let Known { settings, evidence } = known;
    let longest = now.checked_add_signed(LONGEST_SLEEP).unwrap_or(DateTime::<Utc>::MAX_UTC);
    let next = settings.markets.iter().filter_map(|market| next_event(settings, *market, now));
    let sessions = settings.markets.iter().filter_map(|market| settings.calendar.session_of(*market, now));
    let looks = sessions.filter_map(|session| evidence.next_look(&settings.calendar, &session));
    next.chain(looks.filter(|at| *at > now)).min().map_or(longest, |next| next.min(longest))
}

fn next_event(settings: &Settings, market: Market, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let of_session = |session: Session| {
        let (beside, told) = (beside(settings, &session), ToldSlots::new());
        let slot = Day::new(&session, &beside, settings.cadence, &told).next_slot(now);
        slot.into_iter().chain([settled_at(&session)]).collect::<Vec<_>>()
    };
    // The session that is under way, and the next one: nothing of a later one comes before its first change of phase.
    let of_sessions = settings.calendar.around(market, now).take(2).flat_map(of_session);
    let change = settings.calendar.next_change(market, now).map(|change| change.at);
    of_sessions.chain(change).filter(|at| *at > now).min()
}

fn phase_due(known: Known<'_>, told: &mut ToldOf, market: Market, now: DateTime<Utc>) -> Option<Event> {
    let settings = known.settings;
    let (phase, today) = (settings.calendar.phase(market, now), market.date_at(now));
    let session = settings.calendar.last_begun(market, now).filter(|_| phase != Phase::Unknown);
    let (session_date, begins_at) = match session {
        Some(session) => (session.date, session.phase_start(now)),
        None => (today, now),
    };
    let trust = known.trust(market, today);
    let orders_until = orders_until(&settings.calendar, market, phase, now);
    let source = source(&settings.calendar, market, today);
    let change = SessionChanged { market, session_date, phase, trust, source, orders_until, at: now };
    if told.phase.clone().map(|told| SessionChanged { at: now, ..told }).as_ref() == Some(&change) {
        return None;
    }
    told.phase = Some(change.clone());
    let (kind, label) = (OccasionKind::Phase, phase.to_string());
    Some(Event {
        occasion: Occasion { market, session_date, kind, begins_at, label },
        what: What::Session(change),
    })
}

fn source(calendar: &Calendar, market: Market, date: NaiveDate) -> DaySource {
    match calendar.changes().get(&(market, date)) {
        None => DaySource::Calendar,
        Some(DayChange::ClosedByBroker) => DaySource::BrokersList,
        Some(DayChange::Closed | DayChange::Open | DayChange::Hours(_)) => DaySource::OverrideFile,
    }
}

/// Until when the broker takes orders, where this agent may have some to send. KIS states its windows for usual days; on a day
/// with other hours those of the exchange count.
fn orders_until(
    calendar: &Calendar,
    market: Market,
    phase: Phase,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    if !phase.is_tradable() && phase != Phase::Unknown {
        return None;
    }
    match (calendar.day(market, market.date_at(now)), calendar.session_of(market, now)) {
        (DayKind::ShortOrShifted | DayKind::Changed(_), Some(session)) => Some(session.close),
        (_, _) => takes_orders_until(market, now),
    }
}

/// A word to the operator when evidence changes how far a session may be traded upon, and when it is as usual again.
fn trust_due(known: Known<'_>, told: &mut ToldOf, market: Market, now: DateTime<Utc>) -> Option<Event> {
    let session = known.settings.calendar.session_of(market, now)?;
    let session_date = session.date;
    let trust = known.trust(market, session_date);
    let before = told.trust.as_ref().filter(|(date, _)| *date == session_date);
    let before = before.map_or(known.trust_at_first(market, session_date).code(), |(_, code)| code.as_str());
    if before == trust.code() {
        return None;
    }
    told.trust = Some((session_date, trust.code().to_owned()));
    let (kind, label) = (OccasionKind::Trust, trust.code().to_owned());
    let what = What::Notice(urgency(trust), notice::of_trust(market, session_date, trust));
    Some(Event { occasion: Occasion { market, session_date, kind, begins_at: now, label }, what })
}

fn urgency(trust: Trust) -> EventKind {
    match trust {
        Trust::Certain => EventKind::Report,
        Trust::Unproved
        | Trust::Disputed
        | Trust::SuspectedClosed
        | Trust::BrokerDown
        | Trust::Unknown { .. } => EventKind::Alarm,
    }
}

/// A slot of the plan, or else a look at what is held. While the session is looked at for the first time a slot waits.
fn slots_due(known: Known<'_>, told: &mut ToldOf, market: Market, now: DateTime<Utc>) -> Option<Event> {
    let settings = known.settings;
    if settings.calendar.phase(market, now) == Phase::Unknown {
        return look_at_unknown(known, told, market, now);
    }
    let session = settings.calendar.session_of(market, now)?;
    let trust = known.trust(market, session.date);
    if !trust.allows_exits() {
        return None;
    }
    let last = |told: Option<DateTime<Utc>>| told.filter(|at| *at <= now);
    let daily = told.daily_of(session.date);
    let beside = beside(settings, &session);
    let day = Day::new(&session, &beside, settings.cadence, &daily);
    let slot = day.due_slot(now, last(told.slot));
    let is_held_back = known.evidence.is_first_look(&session, now);
    if let Some(due) = slot.filter(|_| trust.allows_entries() && !is_held_back) {
        told.slot = Some(due.starts_at);
        match due.slot {
            Slot::Daily(number) => told.note_daily(session.date, number, due.starts_at),
            Slot::Realtime(_) | Slot::Exits(_) => {}
        }
        return Some(slot_event((market, session.date), due, OccasionKind::Slot, Some(session.close)));
    }
    let due = day.due_exits(now, trust.allows_entries())?;
    look(told, (market, session.date), (due, Some(session.close)), now)
}

/// Where no calendar reaches: a look each minute at what is held, on the operator's word and while the broker takes orders.
fn look_at_unknown(known: Known<'_>, told: &mut ToldOf, market: Market, now: DateTime<Utc>) -> Option<Event> {
    let today = market.date_at(now);
    let orders_until = takes_orders_until(market, now)?;
    if known.trust(market, today) != (Trust::Unknown { exits: true }) {
        return None;
    }
    let midnight = today.and_time(NaiveTime::MIN).and_local_timezone(market.zone()).earliest()?.to_utc();
    let due = slots::look_by_the_clock(midnight, now)?;
    let due = DueSlot { expires_at: due.expires_at.min(orders_until), ..due };
    look(told, (market, today), (due, None), now)
}

fn look(
    told: &mut ToldOf,
    day: (Market, NaiveDate),
    (due, closes_at): (DueSlot, Option<DateTime<Utc>>),
    now: DateTime<Utc>,
) -> Option<Event> {
    if told.exits.is_some_and(|last| last <= now && last >= due.starts_at) {
        return None;
    }
    told.exits = Some(due.starts_at);
    Some(slot_event(day, due, OccasionKind::Exits, closes_at))
}

fn slot_event(
    (market, session_date): (Market, NaiveDate),
    due: DueSlot,
    kind: OccasionKind,
    closes_at: Option<DateTime<Utc>>,
) -> Event {
    let DueSlot { slot, starts_at: begins_at, expires_at } = due;
    let key = SlotKey { market, session_date, slot };
    Event {
        occasion: Occasion { market, session_date, kind, begins_at, label: slot.to_string() },
        what: What::Slot(
            ScanDue { key, expires_at },
            DecideDue { key, expires_at, together: Vec::new(), closes_at },
        ),
    }
}

/// Settled sessions after the last one told, of the last two weeks; where none was ever told, the last one alone. A new life
/// tells all of them that the books have: nobody knows which of them were heard. A session that the operator closed while it was
/// under way ends when it would have.
fn days_due(settings: &Settings, told: &mut ToldOf, market: Market, now: DateTime<Utc>) -> Vec<Event> {
    let calendar = &settings.calendar;
    if let Some(session) = calendar.session_of(market, now) {
        told.note_begun(session);
    }
    let is_cut = |session: &&Session| {
        calendar.session_on(market, session.date).is_none() && settled_at(session) <= now
    };
    let cut: Vec<Session> = told.begun.values().filter(is_cut).copied().collect();
    let by_calendar = calendar.last_ended(market, now - SETTLING);
    let Some(last) = by_calendar.into_iter().chain(cut.iter().copied()).max_by_key(|session| session.date)
    else {
        return Vec::new();
    };
    let oldest = last.date.checked_sub_days(LOOKS_BACK).unwrap_or(last.date);
    // A later one was told by a clock that ran ahead: it is still to end.
    let told_until = told.day_closed.replace(last.date).map(|date| date.min(last.date));
    let first = told_until.and_then(|date| date.succ_opt()).unwrap_or(last.date).max(oldest);
    let sessions = calendar.sessions_between(market, first, last.date);
    let cut = cut.into_iter().filter(|session| (first..=last.date).contains(&session.date));
    told.ended = Some(day_closed(&last));
    let mut ended: Vec<_> = sessions.chain(cut).collect();
    ended.sort_by_key(|session| session.date);
    ended.iter().map(day_event).collect()
}

fn day_event(session: &Session) -> Event {
    let Session { market, date: session_date, close: begins_at, .. } = *session;
    let (kind, label) = (OccasionKind::DayClosed, "settled".to_owned());
    Event {
        occasion: Occasion { market, session_date, kind, begins_at, label },
        what: What::Day(day_closed(session)),
    }
}

fn day_closed(session: &Session) -> DayClosed {
    let Session { market, date: session_date, close: closed_at, .. } = *session;
    DayClosed { market, session_date, closed_at }
}

/// Once a day and market.
fn notice_due(settings: &Settings, told: &mut ToldOf, market: Market, now: DateTime<Utc>) -> Option<Event> {
    let session_date = market.date_at(now);
    if told.notice.replace(session_date) == Some(session_date) {
        return None;
    }
    let (event, label) = notice::about(&settings.calendar, market, session_date)?;
    let begins_at = session_date.and_time(NaiveTime::MIN).and_utc();
    Some(Event {
        occasion: Occasion {
            market,
            session_date,
            kind: OccasionKind::Notice,
            begins_at,
            label: label.clone(),
        },
        what: What::Notice(event, label),
    })
}

fn settled_at(session: &Session) -> DateTime<Utc> {
    session.close + SETTLING
}

#[cfg(test)]
mod tests;
