//! Days of wakes, jumps and restarts.

use domain::messages::schedule::Slot;

use super::*;
use crate::slots::DailyPlan;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn settings(markets: &[Market], cadence: Cadence) -> Settings {
    Settings { markets: markets.to_vec(), cadence, calendar: Calendar::official() }
}

fn daily() -> Cadence {
    Cadence::Daily(DailyPlan { sessions: 4, interval_hours: 6 })
}

/// Runs the plan from `from` until `to` as the actor does, and notes every event with its time.
fn run(settings: &Settings, told: &mut Told, from: &str, to: &str) -> Vec<(DateTime<Utc>, Event)> {
    let mut now = at(from);
    let mut journal = Vec::new();
    while now <= at(to) {
        journal.extend(due(settings, told, now, true).into_iter().map(|event| (now, event)));
        let next = next_wake(settings, now);
        assert!(next > now && next <= now + LONGEST_SLEEP, "{now} -> {next}");
        now = next;
    }
    journal
}

fn line((now, event): &(DateTime<Utc>, Event)) -> String {
    let time = now.format("%d %H:%M:%S");
    match event {
        Event::Session(change) => {
            format!("{time} {} {} {:?}", change.market, change.session_date, change.phase)
        }
        Event::Slot(scan, decide) => {
            assert_eq!((scan.key, scan.expires_at), (decide.key, decide.expires_at));
            format!("{time} {} until {}", scan.key, scan.expires_at.format("%H:%M"))
        }
        Event::Day(day) => format!("{time} {} {} settled", day.market, day.session_date),
    }
}

fn lines(journal: &[(DateTime<Utc>, Event)]) -> Vec<String> {
    journal.iter().map(line).collect()
}

#[test]
fn a_day_of_two_markets_is_told_once_and_on_time() {
    let settings = settings(&[Market::Jp, Market::UsNasdaq], daily());
    let journal = run(&settings, &mut Told::default(), "2026-11-23T23:00:00Z", "2026-11-24T22:00:00Z");
    assert_eq!(
        lines(&journal),
        [
            "23 23:00:00 JP 2026-11-24 OpeningAuction",
            "23 23:00:00 JP 2026-11-20 settled",
            "23 23:00:00 US_NASDAQ 2026-11-23 PostClose",
            "23 23:00:00 US_NASDAQ 2026-11-23 settled",
            "24 00:00:00 JP 2026-11-24 Continuous",
            "24 00:10:00 JP/2026-11-24/daily-1 until 00:20",
            "24 01:00:00 US_NASDAQ 2026-11-23 Closed",
            "24 02:30:00 JP 2026-11-24 Lunch",
            "24 03:30:00 JP 2026-11-24 Continuous",
            "24 06:10:00 JP/2026-11-24/daily-2 until 06:20",
            "24 06:25:00 JP 2026-11-24 ClosingAuction",
            "24 06:30:00 JP 2026-11-24 Closed",
            "24 06:40:00 JP 2026-11-24 settled",
            "24 09:00:00 US_NASDAQ 2026-11-24 PreMarket",
            "24 14:30:00 US_NASDAQ 2026-11-24 Continuous",
            "24 14:40:00 US_NASDAQ/2026-11-24/daily-1 until 14:50",
            "24 20:40:00 US_NASDAQ/2026-11-24/daily-2 until 20:50",
            "24 21:00:00 US_NASDAQ 2026-11-24 PostClose",
            "24 21:10:00 US_NASDAQ 2026-11-24 settled",
        ]
    );
}

#[test]
fn a_realtime_session_has_one_cycle_a_minute_without_lunch() {
    let settings = settings(&[Market::Hk], Cadence::Realtime);
    let journal = run(&settings, &mut Told::default(), "2026-11-24T00:00:00Z", "2026-11-24T12:00:00Z");
    let starts: Vec<_> = journal.iter().filter(|(_, event)| matches!(event, Event::Slot(..))).collect();
    assert_eq!(starts.len(), 150 + 180);
    assert!(starts.iter().all(|(now, _)| now.timestamp() % 60 == 0));
    assert_eq!(line(starts[150]), "24 05:00:00 HK/2026-11-24/realtime-210 until 05:01");
}

#[test]
fn after_a_jump_the_present_is_told_and_missed_cycles_are_not_replayed() {
    let settings = settings(&[Market::Kr], Cadence::Realtime);
    let mut told = Told::default();
    run(&settings, &mut told, "2026-11-23T23:59:00Z", "2026-11-24T00:02:00Z");
    let late = due(&settings, &mut told, at("2026-11-24T05:00:30Z"), true);
    let Some([Event::Slot(scan, _)]) = late.first_chunk() else { panic!("{late:?}") };
    assert_eq!((late.len(), scan.key.slot), (1, Slot::Realtime(300)));
    assert_eq!(scan.expires_at, at("2026-11-24T05:01:00Z"));
    assert_eq!(due(&settings, &mut told, at("2026-11-24T05:00:40Z"), true), []);
}

#[test]
fn after_days_asleep_every_closed_day_is_told_in_order() {
    let settings = settings(&[Market::Kr], daily());
    let mut told = Told::default();
    run(&settings, &mut told, "2026-11-19T07:00:00Z", "2026-11-19T08:00:00Z");
    let woken = due(&settings, &mut told, at("2026-11-25T01:00:00Z"), true);
    let journal: Vec<_> = woken.into_iter().map(|event| (at("2026-11-25T01:00:00Z"), event)).collect();
    assert_eq!(
        lines(&journal),
        [
            "25 01:00:00 KR 2026-11-25 Continuous",
            "25 01:00:00 KR 2026-11-20 settled",
            "25 01:00:00 KR 2026-11-23 settled",
            "25 01:00:00 KR 2026-11-24 settled",
        ]
    );
}

#[test]
fn a_restart_repeats_the_present_with_the_same_keys() {
    let settings = settings(&[Market::Kr], daily());
    let now = at("2026-11-24T00:15:00Z");
    let first = due(&settings, &mut Told::default(), now, true);
    let again = due(&settings, &mut Told::default(), now, true);
    assert_eq!(first, again);
    assert_eq!(first.len(), 3, "{first:?}");
    assert!(
        !due(&settings, &mut Told::default(), at("2026-11-24T00:21:00Z"), true)
            .iter()
            .any(|event| matches!(event, Event::Slot(..)))
    );
}

#[test]
fn during_a_halt_sessions_go_on_without_slots_and_the_slot_still_valid_follows_the_release() {
    let settings = settings(&[Market::Kr], daily());
    let mut told = Told::default();
    let halted = due(&settings, &mut told, at("2026-11-24T00:10:00Z"), false);
    assert!(halted.iter().all(|event| !matches!(event, Event::Slot(..))) && halted.len() == 2);
    let released = due(&settings, &mut told, at("2026-11-24T00:12:00Z"), true);
    assert!(matches!(released.as_slice(), [Event::Slot(..)]), "{released:?}");
}

#[test]
fn what_a_full_mailbox_refused_is_told_again() {
    let settings = settings(&[Market::Kr], daily());
    let mut told = Told::default();
    let now = at("2026-11-24T00:10:00Z");
    let first = due(&settings, &mut told, now, true);
    assert_eq!(due(&settings, &mut told, now, true), []);
    first.iter().for_each(|event| told.forget(event));
    let again = due(&settings, &mut told, now, true);
    assert_eq!(again, [first[0].clone(), first[2].clone()]);
}

#[test]
fn no_market_means_no_event_and_a_bounded_sleep() {
    let settings = settings(&[], daily());
    let now = at("2026-11-24T00:10:00Z");
    assert_eq!(due(&settings, &mut Told::default(), now, true), []);
    assert_eq!(next_wake(&settings, now), now + LONGEST_SLEEP);
}
