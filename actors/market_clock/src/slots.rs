//! When in a session to look and to decide.
//!
//! Daily mode spreads a few slots over the session, measured from the market's own open (CALENDARS.md 5.4), so that
//! no trading day is without one; between them what is held is looked at every minute. Realtime mode has a cycle every
//! 60 s. Nothing of it happens outside continuous trading.

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::schedule::{LONGEST_SLOT, Slot};

use crate::calendar::Session;

/// Length of a realtime cycle, and of a look at what is held.
const CYCLE: TimeDelta = TimeDelta::seconds(60);
/// The first daily slot comes so long after the open: the opening auction has settled.
const AFTER_OPEN: TimeDelta = TimeDelta::minutes(10);
/// The last daily slot comes so long before the close: an order still has time.
const BEFORE_CLOSE: TimeDelta = TimeDelta::minutes(20);
/// A daily slot that would fall into lunch or an auction moves so long behind it.
const AFTER_PAUSE: TimeDelta = TimeDelta::minutes(5);
/// A slot that was missed is made up for when it is not older than this (CALENDARS.md 5.4).
const MADE_UP_WITHIN: TimeDelta = TimeDelta::minutes(30);
/// A session without any slot gets a late one while so much of it is left.
const WORTH_A_LATE_SLOT: TimeDelta = TimeDelta::minutes(30);

/// How often to look and decide (`TRADE_MODE`, `SESSION_ANCHOR`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cadence {
    /// A few slots per session, measured from its open.
    Daily(DailyPlan),
    /// A few slots per session, on a grid that begins at `anchor` whatever the markets do.
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

/// The times of the slots of `session`, in order; each lies in continuous trading. None in realtime mode.
pub fn planned_slots(session: &Session, cadence: Cadence) -> Vec<DateTime<Utc>> {
    match cadence {
        Cadence::Daily(plan) => daily_slots(session, plan),
        Cadence::Fixed { plan, anchor } => fixed_slots(session, plan, anchor),
        Cadence::Realtime => Vec::new(),
    }
}

/// Open + 10 min, then every interval up to close - 20 min; what falls into lunch or an auction moves 5 min behind it;
/// where at least a third of an interval is left, the last slot is at close - 20 min (CALENDARS.md 5.4).
fn daily_slots(session: &Session, plan: DailyPlan) -> Vec<DateTime<Utc>> {
    let interval = plan.interval();
    let latest = session.close - BEFORE_CLOSE;
    let grid = (0..plan.sessions).map_while(|index| {
        let index = i32::try_from(index).ok()?;
        let at = session.open + AFTER_OPEN + interval * index;
        (at <= latest).then(|| after_pause(session, at))
    });
    let mut slots: Vec<_> = grid.collect();
    slots.dedup();
    let rest_is_long = slots.last().is_some_and(|last| latest - *last >= interval / 3);
    let room_is_left = u32::try_from(slots.len()).is_ok_and(|count| count < plan.sessions);
    if rest_is_long && room_is_left {
        slots.push(latest);
    }
    slots
}

/// The grid's instants that fall into continuous trading: the others are skipped and not counted.
fn fixed_slots(session: &Session, plan: DailyPlan, anchor: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let interval = plan.interval();
    let before_open = (session.open - anchor).num_seconds().div_euclid(interval.num_seconds());
    let Ok(first) = i32::try_from(before_open.max(0)) else { return Vec::new() };
    let grid = (first..).map(|index| anchor + interval * index).take_while(|at| *at < session.close);
    let tradable = grid.filter(|at| session.phase(*at).is_tradable());
    tradable.take(usize::try_from(plan.sessions).unwrap_or(0)).collect()
}

/// The slot of `session` that may be begun at `at`, if any; only in continuous trading, and only one that begins
/// after the `last` one.
pub fn due_slot(
    session: &Session,
    cadence: Cadence,
    at: DateTime<Utc>,
    last: Option<DateTime<Utc>>,
) -> Option<DueSlot> {
    if !session.phase(at).is_tradable() {
        return None;
    }
    let due = match cadence {
        Cadence::Daily(_) | Cadence::Fixed { .. } => planned_due(session, cadence, at, last),
        Cadence::Realtime => cycle(session, at, Slot::Realtime),
    }?;
    last.is_none_or(|last| last < due.starts_at).then_some(due)
}

/// The look at what is held that may be begun at `at`, between slots; realtime cycles look at it anyway. On a day without
/// `slots` it is the only look there is.
pub fn due_exits(session: &Session, cadence: Cadence, at: DateTime<Utc>, slots: bool) -> Option<DueSlot> {
    if (slots && cadence == Cadence::Realtime) || !session.phase(at).is_tradable() {
        return None;
    }
    let due = cycle(session, at, Slot::Exits)?;
    let near = |slot: &DateTime<Utc>| *slot > due.starts_at - CYCLE && *slot <= due.expires_at;
    (!slots || !planned_slots(session, cadence).iter().any(near)).then_some(due)
}

/// The next instant strictly after `at` at which anything of `session` may begin, apart from the open itself.
pub fn next_slot(session: &Session, cadence: Cadence, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let planned = planned_slots(session, cadence).into_iter().find(|start| *start > at);
    let tradable = session.phase(at).is_tradable();
    let minute = tradable.then(|| cycle(session, at, Slot::Realtime)).flatten().map(|cycle| cycle.expires_at);
    planned.into_iter().chain(minute.filter(|next| *next < session.close)).min()
}

/// A slot is begun on time; one that was missed only while it is young; and a session that had none gets a late one.
fn planned_due(
    session: &Session,
    cadence: Cadence,
    at: DateTime<Utc>,
    last: Option<DateTime<Utc>>,
) -> Option<DueSlot> {
    let begun = (1..).zip(planned_slots(session, cadence)).take_while(|(_number, start)| *start <= at);
    let (number, starts_at) = begun.last()?;
    let had_none = last.is_none_or(|last| last < session.open);
    let is_late_worth = had_none && session.close - at >= WORTH_A_LATE_SLOT;
    if at - starts_at >= MADE_UP_WITHIN && !is_late_worth {
        return None;
    }
    let expires_at = (at + LONGEST_SLOT).min(session.phase_end(at));
    Some(DueSlot { slot: Slot::Daily(number), starts_at, expires_at })
}

fn cycle(session: &Session, at: DateTime<Utc>, slot: fn(u32) -> Slot) -> Option<DueSlot> {
    let index = (at - session.open).num_seconds().checked_div(CYCLE.num_seconds())?;
    let starts_at = session.open + CYCLE * i32::try_from(index).ok()?;
    let slot = slot(u32::try_from(index).ok()?);
    Some(DueSlot { slot, starts_at, expires_at: starts_at + CYCLE })
}

fn after_pause(session: &Session, at: DateTime<Utc>) -> DateTime<Utc> {
    if session.phase(at).is_tradable() { at } else { session.phase_end(at) + AFTER_PAUSE }
}

#[cfg(test)]
mod tests {
    use domain::Market;

    use super::*;
    use crate::calendar::Calendar;

    fn session(market: Market) -> Session {
        Calendar::official().session_on(market, "2026-07-02".parse().unwrap()).unwrap()
    }

    fn local_slots(market: Market, sessions: u32, interval_hours: u32) -> String {
        let slots = daily_slots(&session(market), DailyPlan { sessions, interval_hours });
        let local = slots.iter().map(|slot| slot.with_timezone(&market.zone()).format("%H:%M").to_string());
        local.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_default_plan_gives_every_market_two_slots_a_session() {
        for (market, slots) in [
            (Market::Kr, "09:10 15:10"),
            (Market::UsNasdaq, "09:40 15:40"),
            (Market::Jp, "09:10 15:10"),
            (Market::Hk, "09:40 15:40"),
            (Market::CnSha, "09:40 14:40"),
            (Market::VnHan, "09:10 14:25"),
            (Market::VnHcm, "09:20 14:25"),
        ] {
            assert_eq!(local_slots(market, 4, 6), slots, "{market}");
        }
    }

    #[test]
    fn slots_leave_lunch_and_never_exceed_their_number() {
        for (market, sessions, interval, slots) in [
            (Market::Kr, 4, 2, "09:10 11:10 13:10 15:10"),
            (Market::CnSza, 4, 2, "09:40 13:05 13:40 14:40"),
            (Market::CnSza, 3, 2, "09:40 13:05 13:40"),
            (Market::VnHan, 10, 1, "09:10 10:10 11:10 13:05 13:10 14:10"),
            (Market::Kr, 1, 6, "09:10"),
            (Market::Kr, 4, 24, "09:10"),
            (Market::Kr, 2, 1, "09:10 10:10"),
        ] {
            assert_eq!(local_slots(market, sessions, interval), slots, "{market} {sessions} x {interval} h");
        }
    }

    #[test]
    fn every_slot_of_every_plan_lies_in_open_trading_and_in_order() {
        for market in Market::ALL {
            for sessions in 1..=10 {
                for interval_hours in 1..=24 {
                    let session = session(market);
                    let slots = daily_slots(&session, DailyPlan { sessions, interval_hours });
                    assert!((1..=sessions as usize).contains(&slots.len()));
                    assert!(
                        slots.iter().all(|slot| session.phase(*slot).is_tradable()),
                        "{market} {slots:?}"
                    );
                    assert!(slots.windows(2).all(|pair| pair[0] < pair[1]), "{market} {slots:?}");
                }
            }
        }
    }

    /// What is due so many minutes after the open, in daily mode with the default plan.
    fn daily_due(minutes: i64, last: Option<i64>) -> Option<DueSlot> {
        let session = session(Market::Kr);
        let cadence = Cadence::Daily(DailyPlan { sessions: 4, interval_hours: 6 });
        let after_open = |minutes| session.open + TimeDelta::minutes(minutes);
        due_slot(&session, cadence, after_open(minutes), last.map(after_open))
    }

    #[test]
    fn a_slot_is_begun_once_and_lives_for_ten_minutes() {
        assert_eq!(daily_due(9, None), None);
        let first = daily_due(10, None).unwrap();
        assert_eq!(
            (first.slot, first.expires_at - first.starts_at),
            (Slot::Daily(1), TimeDelta::minutes(10))
        );
        assert_eq!(daily_due(10, Some(10)), None);
        assert_eq!(daily_due(370, Some(10)).unwrap().slot, Slot::Daily(2));
    }

    #[test]
    fn a_missed_slot_is_made_up_for_while_it_is_young() {
        let late = daily_due(39, Some(-1_000)).unwrap();
        assert_eq!(late.slot, Slot::Daily(1));
        assert_eq!(late.expires_at - late.starts_at, TimeDelta::minutes(39));
        assert_eq!(
            daily_due(375, Some(10)).unwrap().expires_at,
            session(Market::Kr).close - TimeDelta::minutes(10)
        );
        assert_eq!(daily_due(200, Some(10)), None);
    }

    #[test]
    fn a_session_without_any_slot_gets_a_late_one_while_half_an_hour_is_left() {
        assert_eq!(daily_due(200, None).unwrap().slot, Slot::Daily(1));
        assert_eq!(daily_due(200, Some(-1_000)).unwrap().slot, Slot::Daily(1));
        assert_eq!(daily_due(200, Some(10)), None, "this session had one");
        let one_a_day = Cadence::Daily(DailyPlan { sessions: 1, interval_hours: 6 });
        let session = session(Market::UsNyse);
        let due = |before_close| {
            due_slot(&session, one_a_day, session.close - TimeDelta::minutes(before_close), None)
        };
        assert!(due(30).is_some());
        assert_eq!(due(29), None);
    }

    #[test]
    fn a_fixed_grid_begins_with_the_process_and_counts_only_what_falls_into_trading() {
        let session = session(Market::Kr);
        let plan = DailyPlan { sessions: 4, interval_hours: 6 };
        let slots = |minutes: i64| {
            let anchor = session.open + TimeDelta::minutes(minutes);
            let slots = planned_slots(&session, Cadence::Fixed { plan, anchor });
            slots.into_iter().map(|slot| (slot - session.open).num_minutes()).collect::<Vec<_>>()
        };
        assert_eq!(slots(31), [31], "the next one is a minute after the close");
        assert_eq!(slots(31 - 7 * 1_440), [31]);
        assert_eq!(slots(5), [5, 365]);
        assert_eq!(slots(25), [25], "the next one is in the closing auction");
        assert_eq!(slots(500), [] as [i64; 0]);
    }

    #[test]
    fn a_grid_that_a_clock_running_ahead_has_begun_begins_when_the_clock_is_set_right() {
        let plan = DailyPlan { sessions: 4, interval_hours: 6 };
        let now = session(Market::Kr).open;
        let begun = |hours| {
            let cadence = Cadence::Fixed { plan, anchor: now + TimeDelta::hours(hours) };
            match cadence.begun_by(now) {
                Cadence::Fixed { anchor, .. } => (anchor - now).num_hours(),
                other @ (Cadence::Daily(_) | Cadence::Realtime) => panic!("{other:?}"),
            }
        };
        assert_eq!((begun(24), begun(-5)), (0, -5));
    }

    #[test]
    fn what_is_held_is_looked_at_every_minute_between_slots() {
        let session = session(Market::Jp);
        let plan = DailyPlan { sessions: 4, interval_hours: 6 };
        let looks = |cadence| {
            let minutes = (0..390).map(|minute| session.open + TimeDelta::minutes(minute));
            minutes.filter(|at| due_exits(&session, cadence, *at, true).is_some()).count()
        };
        // 385 minutes without the closing auction, 60 of them lunch; two slots keep two minutes each for themselves.
        assert_eq!(looks(Cadence::Daily(plan)), 385 - 60 - 2 * 2);
        assert_eq!(looks(Cadence::Realtime), 0);
    }

    #[test]
    fn realtime_cycles_count_minutes_since_the_open_and_pause_at_lunch() {
        let session = session(Market::Jp);
        let due = |seconds| {
            due_slot(&session, Cadence::Realtime, session.open + TimeDelta::seconds(seconds), None)
                .map(|due| due.slot)
        };
        assert_eq!(due(-1), None);
        assert_eq!(due(0), Some(Slot::Realtime(0)));
        assert_eq!(due(59), Some(Slot::Realtime(0)));
        assert_eq!(due(60), Some(Slot::Realtime(1)));
        assert_eq!(due(9_000 - 1), Some(Slot::Realtime(149)));
        assert_eq!(due(9_000), None);
        assert_eq!(due(12_600), Some(Slot::Realtime(210)));
        assert_eq!(due(23_100 - 1), Some(Slot::Realtime(384)));
        assert_eq!(due(23_100), None, "the closing auction");
        assert_eq!(due(23_400), None);
    }
}
