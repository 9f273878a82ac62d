//! When in a session to look and to decide.
//!
//! Daily mode spreads a few slots over the session, measured from the market's own open (CALENDARS.md 5.4), so that
//! no trading day is without one. Realtime mode has a cycle every 60 s while the market is open, none at lunch.

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::schedule::Slot;

use crate::calendar::Session;

/// Length of a realtime cycle.
const CYCLE: TimeDelta = TimeDelta::seconds(60);
/// The first daily slot comes so long after the open: the opening auction has settled.
const AFTER_OPEN: TimeDelta = TimeDelta::minutes(10);
/// The last daily slot comes so long before the close: an order still has time.
const BEFORE_CLOSE: TimeDelta = TimeDelta::minutes(20);
/// A daily slot that would fall into lunch or an auction moves so long behind it.
const AFTER_PAUSE: TimeDelta = TimeDelta::minutes(5);
/// A daily slot may be begun so long after its time, not later.
const DAILY_SHELF_LIFE: TimeDelta = TimeDelta::minutes(10);

/// How often to look and decide (`TRADE_MODE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cadence {
    /// A few slots per session.
    Daily(DailyPlan),
    /// Every 60 s while open.
    Realtime,
}

/// Daily slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DailyPlan {
    /// `DAILY_SESSIONS`: at most so many slots per market and session, 1 to 10.
    pub sessions: u32,
    /// `SESSION_INTERVAL_HOURS`: hours between two slots, 1 to 24.
    pub interval_hours: u32,
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

/// The times of the daily slots of `session`, in order; each lies in continuous trading.
///
/// Open + 10 min, then every interval up to close - 20 min; what falls into lunch or an auction moves 5 min behind it;
/// where at least a third of an interval is left, the last slot is at close - 20 min (CALENDARS.md 5.4).
pub fn daily_slots(session: &Session, plan: DailyPlan) -> Vec<DateTime<Utc>> {
    let interval = TimeDelta::hours(i64::from(plan.interval_hours.max(1)));
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

/// The slot of `session` that may be begun at `at`, if any; only in continuous trading.
pub fn due_slot(session: &Session, cadence: Cadence, at: DateTime<Utc>) -> Option<DueSlot> {
    if !session.phase(at).is_tradable() {
        return None;
    }
    match cadence {
        Cadence::Daily(plan) => daily_due(session, plan, at),
        Cadence::Realtime => cycle(session, at),
    }
}

/// The next instant strictly after `at` at which a slot of `session` begins, apart from the open itself.
pub fn next_slot(session: &Session, cadence: Cadence, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match cadence {
        Cadence::Daily(plan) => daily_slots(session, plan).into_iter().find(|start| *start > at),
        Cadence::Realtime if session.phase(at).is_tradable() => {
            cycle(session, at).map(|current| current.expires_at).filter(|next| *next < session.close)
        }
        Cadence::Realtime => None,
    }
}

fn daily_due(session: &Session, plan: DailyPlan, at: DateTime<Utc>) -> Option<DueSlot> {
    let begun = (1..).zip(daily_slots(session, plan)).take_while(|(_number, start)| *start <= at);
    let (number, starts_at) = begun.last()?;
    let expires_at = (starts_at + DAILY_SHELF_LIFE).min(session.phase_end(starts_at));
    (at < expires_at).then_some(DueSlot { slot: Slot::Daily(number), starts_at, expires_at })
}

fn cycle(session: &Session, at: DateTime<Utc>) -> Option<DueSlot> {
    let index = (at - session.open).num_seconds().checked_div(CYCLE.num_seconds())?;
    let starts_at = session.open + CYCLE * i32::try_from(index).ok()?;
    let slot = Slot::Realtime(u32::try_from(index).ok()?);
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

    #[test]
    fn a_daily_slot_is_due_for_ten_minutes() {
        let session = session(Market::Kr);
        let cadence = Cadence::Daily(DailyPlan { sessions: 4, interval_hours: 6 });
        let due = |minutes| due_slot(&session, cadence, session.open + TimeDelta::minutes(minutes));
        assert_eq!(due(9), None);
        let first = due(10).unwrap();
        assert_eq!(first.slot, Slot::Daily(1));
        assert_eq!(first.expires_at - first.starts_at, TimeDelta::minutes(10));
        assert_eq!(due(19), Some(first));
        assert_eq!(due(20), None);
        assert_eq!(due(371).unwrap().slot, Slot::Daily(2));
    }

    #[test]
    fn realtime_cycles_count_minutes_since_the_open_and_pause_at_lunch() {
        let session = session(Market::Jp);
        let due = |seconds| {
            due_slot(&session, Cadence::Realtime, session.open + TimeDelta::seconds(seconds))
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
