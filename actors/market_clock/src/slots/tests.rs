//! Slots of whole sessions, and what restarts and changed hours make of them.

use domain::Market;

use super::*;
use crate::calendar::Calendar;

/// A session that shares its slots with no other.
fn alone<'a>(session: &'a Session, cadence: Cadence, told: &'a ToldSlots) -> Day<'a> {
    Day::new(session, &[], cadence, told)
}

fn planned_slots(session: &Session, cadence: Cadence) -> Vec<DateTime<Utc>> {
    alone(session, cadence, &ToldSlots::new()).planned
}

fn due_slot(
    session: &Session,
    cadence: Cadence,
    at: DateTime<Utc>,
    last: Option<DateTime<Utc>>,
    told: &ToldSlots,
) -> Option<DueSlot> {
    alone(session, cadence, told).due_slot(at, last)
}

fn session(market: Market) -> Session {
    Calendar::official().session_on(market, "2026-07-02".parse().unwrap()).unwrap()
}

fn local_slots(market: Market, sessions: u32, interval_hours: u32) -> String {
    let slots = daily_slots(&session(market), &[], DailyPlan { sessions, interval_hours });
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
        (Market::CnSza, 4, 2, "09:40 13:40 14:40"),
        (Market::CnSza, 3, 2, "09:40 13:40 14:40"),
        (Market::CnSza, 4, 1, "09:40 10:40 13:05 14:40"),
        (Market::VnHan, 10, 1, "09:10 10:10 11:10 13:10 14:10"),
        (Market::Kr, 1, 6, "09:10"),
        (Market::Kr, 4, 24, "09:10"),
        (Market::Kr, 2, 1, "09:10 10:10"),
    ] {
        assert_eq!(local_slots(market, sessions, interval), slots, "{market} {sessions} x {interval} h");
    }
}

#[test]
fn no_slot_that_moved_behind_a_pause_comes_shortly_before_the_next() {
    for market in Market::ALL {
        for (sessions, interval_hours) in
            (1..=10).flat_map(|sessions| (1..=24).map(move |hours| (sessions, hours)))
        {
            let plan = DailyPlan { sessions, interval_hours };
            let slots = daily_slots(&session(market), &[], plan);
            let apart = slots.windows(2).map(|pair| pair[1] - pair[0]).min();
            assert!(apart.is_none_or(|apart| apart >= plan.interval() / 3), "{market} {plan:?} {slots:?}");
        }
    }
}

#[test]
fn markets_that_decide_together_begin_each_slot_when_the_last_of_them_may() {
    let (hanoi, saigon) = (session(Market::VnHan), session(Market::VnHcm));
    let plan = DailyPlan { sessions: 4, interval_hours: 6 };
    assert_ne!(daily_slots(&hanoi, &[], plan), daily_slots(&saigon, &[], plan));
    assert_eq!(daily_slots(&hanoi, &[saigon], plan), daily_slots(&saigon, &[], plan));
    assert_eq!(daily_slots(&saigon, &[hanoi], plan), daily_slots(&saigon, &[], plan));
}

#[test]
fn what_is_held_is_looked_at_where_a_planned_slot_will_not_be_told() {
    let session = session(Market::Kr);
    let after_open = |minutes| session.open + TimeDelta::minutes(minutes);
    let plan = DailyPlan { sessions: 2, interval_hours: 1 };
    let cadence = Cadence::Fixed { plan, anchor: after_open(31) };
    let looked = |told: &ToldSlots, minute| {
        alone(&session, cadence, told).due_exits(after_open(minute), true).is_some()
    };
    let none = ToldSlots::new();
    assert_eq!((looked(&none, 30), looked(&none, 31), looked(&none, 32)), (false, false, true));
    let this = ToldSlots::from([(1, after_open(31))]);
    assert!(!looked(&this, 31), "the slot looks");
    let lives = ToldSlots::from([(1, after_open(25))]);
    assert!(looked(&lives, 30) && looked(&lives, 31), "an earlier one still lives");
    let full = ToldSlots::from([(1, after_open(5)), (2, after_open(15))]);
    assert!(looked(&full, 30) && looked(&full, 31), "as many as there may be were told");
}

#[test]
fn every_slot_of_every_plan_lies_in_open_trading_and_in_order() {
    for market in Market::ALL {
        for sessions in 1..=10 {
            for interval_hours in 1..=24 {
                let session = session(market);
                let slots = daily_slots(&session, &[], DailyPlan { sessions, interval_hours });
                assert!((1..=sessions as usize).contains(&slots.len()));
                assert!(slots.iter().all(|slot| session.phase(*slot).is_tradable()), "{market} {slots:?}");
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
    due_slot(&session, cadence, after_open(minutes), last.map(after_open), &ToldSlots::new())
}

#[test]
fn a_slot_is_begun_once_and_lives_for_ten_minutes() {
    assert_eq!(daily_due(9, None), None);
    let first = daily_due(10, None).unwrap();
    assert_eq!((first.slot, first.expires_at - first.starts_at), (Slot::Daily(1), TimeDelta::minutes(10)));
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
        due_slot(
            &session,
            one_a_day,
            session.close - TimeDelta::minutes(before_close),
            None,
            &ToldSlots::new(),
        )
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
        minutes
            .filter(|at| alone(&session, cadence, &ToldSlots::new()).due_exits(*at, true).is_some())
            .count()
    };
    // 385 minutes without the closing auction, 60 of them lunch; two slots keep two minutes each for themselves.
    assert_eq!(looks(Cadence::Daily(plan)), 385 - 60 - 2 * 2);
    assert_eq!(looks(Cadence::Realtime), 0);
}

#[test]
fn realtime_cycles_count_minutes_since_the_open_and_pause_at_lunch() {
    let session = session(Market::Jp);
    let due = |seconds| {
        due_slot(
            &session,
            Cadence::Realtime,
            session.open + TimeDelta::seconds(seconds),
            None,
            &ToldSlots::new(),
        )
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

#[test]
fn a_slot_made_up_for_shortly_before_lunch_waits_until_trading_has_gone_on_for_five_minutes() {
    let session = session(Market::Jp);
    let cadence = Cadence::Daily(DailyPlan { sessions: 4, interval_hours: 2 });
    let due = |minutes: i64| {
        let at = session.open + TimeDelta::minutes(minutes);
        let first = session.open + TimeDelta::minutes(10);
        due_slot(&session, cadence, at, Some(first), &ToldSlots::new()).map(|due| due.slot)
    };
    // Tokyo pauses from 11:30 to 12:30; the second slot begins at 11:10.
    assert_eq!(due(130), Some(Slot::Daily(2)), "on time");
    assert_eq!(due(145), Some(Slot::Daily(2)), "five minutes are left");
    assert_eq!((due(146), due(149)), (None, None), "a call would be spent for less");
    assert_eq!((due(210), due(214)), (None, None), "the prices after lunch are not settled");
    assert_eq!(due(215), Some(Slot::Daily(2)), "as a slot that falls into lunch");
    assert_eq!((due(219), due(220)), (Some(Slot::Daily(2)), None), "half an hour of trading old");
}

#[test]
fn a_slot_made_up_for_shortly_before_the_closing_auction_is_given_up_and_one_on_time_is_not() {
    // Hanoi's last slot is at 14:25 and its closing auction begins at 14:30.
    let session = session(Market::VnHan);
    let cadence = Cadence::Daily(DailyPlan { sessions: 4, interval_hours: 6 });
    let due = |seconds: i64| {
        let at = session.close - BEFORE_CLOSE + TimeDelta::seconds(seconds);
        due_slot(&session, cadence, at, Some(session.open + AFTER_OPEN), &ToldSlots::new())
            .map(|due| due.slot)
    };
    assert_eq!((due(0), due(59)), (Some(Slot::Daily(2)), Some(Slot::Daily(2))));
    assert_eq!((due(60), due(290)), (None, None));
}

#[test]
fn a_fixed_grid_leaves_out_what_begins_shortly_before_a_pause() {
    let session = session(Market::Jp);
    let plan = DailyPlan { sessions: 4, interval_hours: 1 };
    let slots = |minutes: i64| {
        let anchor = session.open + TimeDelta::minutes(minutes);
        let slots = planned_slots(&session, Cadence::Fixed { plan, anchor });
        slots.into_iter().map(|slot| (slot - session.open).num_minutes()).collect::<Vec<_>>()
    };
    assert_eq!(slots(25), [25, 85, 145, 265], "11:25 and not 12:25");
    assert_eq!(slots(26), [26, 86, 266, 326], "not 11:26 either");
}

/// What the grids of processes that started so many minutes after the open tell of one session, one process after another: the
/// number and the minute of each slot.
fn fixed_told(sessions: u32, starts: &[i64]) -> Vec<(u32, i64)> {
    let session = session(Market::Kr);
    let plan = DailyPlan { sessions, interval_hours: 1 };
    let mut told = ToldSlots::new();
    let mut last = None;
    let ends = starts.iter().skip(1).copied().chain([390]);
    for (start, end) in starts.iter().copied().zip(ends) {
        let cadence = Cadence::Fixed { plan, anchor: session.open + TimeDelta::minutes(start) };
        for minute in start..end {
            let at = session.open + TimeDelta::minutes(minute);
            let Some(due) = due_slot(&session, cadence, at, last, &told) else { continue };
            let Slot::Daily(number) = due.slot else { panic!("{due:?}") };
            assert!(told.insert(number, due.starts_at).is_none(), "{number} twice: {told:?}");
            last = Some(due.starts_at);
        }
    }
    told.into_iter().map(|(number, at)| (number, (at - session.open).num_minutes())).collect()
}

#[test]
fn processes_with_grids_of_their_own_tell_no_number_twice_and_together_no_more_than_there_may_be() {
    assert_eq!(fixed_told(3, &[31]), [(1, 31), (2, 91), (3, 151)]);
    assert_eq!(fixed_told(3, &[31, 45]), [(1, 31), (2, 45), (3, 105)]);
    assert_eq!(fixed_told(3, &[31, 100, 110, 120]), [(1, 31), (2, 91), (3, 110)]);
    assert_eq!(fixed_told(10, &[31, 32, 33, 34]), [(1, 31), (2, 94), (3, 154), (4, 214), (5, 274), (6, 334)]);
}

#[test]
fn hours_that_change_during_a_session_tell_none_of_its_numbers_again() {
    let planned = session(Market::Kr);
    let cadence = Cadence::Daily(DailyPlan { sessions: 4, interval_hours: 2 });
    let told = ToldSlots::from([(1, planned.open + AFTER_OPEN)]);
    let last = Some(planned.open + AFTER_OPEN);
    let later = Session { open: planned.open + TimeDelta::hours(1), ..planned };
    let due = |minutes: i64| {
        due_slot(&later, cadence, later.open + TimeDelta::minutes(minutes), last, &told).map(|due| due.slot)
    };
    assert_eq!((due(10), due(30)), (None, None), "the first one was told before the hours changed");
    assert_eq!(due(130), Some(Slot::Daily(2)));
}

#[test]
fn a_slot_that_a_clock_running_ahead_has_told_leaves_the_earlier_ones_to_be_told() {
    let session = session(Market::Kr);
    let cadence = Cadence::Daily(DailyPlan { sessions: 4, interval_hours: 2 });
    let told = ToldSlots::from([(3, session.open + TimeDelta::minutes(250))]);
    let due = |minutes: i64| {
        let at = session.open + TimeDelta::minutes(minutes);
        due_slot(&session, cadence, at, None, &told).map(|due| due.slot)
    };
    assert_eq!((due(10), due(130)), (Some(Slot::Daily(1)), Some(Slot::Daily(2))));
    assert_eq!((due(250), due(370)), (None, Some(Slot::Daily(4))));
}
