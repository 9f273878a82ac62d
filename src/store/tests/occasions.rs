//! What MarketClock told: each once, whatever the clock did meanwhile.

use chrono::TimeDelta;
use domain::messages::ledger::{EventKind, EventsAfter, RecordDayReport};
use domain::messages::occasions::{Occasion, OccasionKind};

use super::*;

fn slot(minutes: i64, label: &str) -> Occasion {
    Occasion {
        market: Market::Kr,
        session_date: today().session_date,
        kind: OccasionKind::Slot,
        begins_at: start() + TimeDelta::minutes(minutes),
        label: label.into(),
    }
}

#[test]
fn an_occasion_is_new_once_however_often_it_is_told() {
    let mut books = Books::new();
    let mut book = |occasions: &[Occasion]| books.store.book_occasions(occasions, start()).unwrap();
    assert_eq!(book(&[slot(10, "daily-1")]), [true]);
    assert_eq!(
        book(&[slot(10, "daily-1"), slot(370, "daily-2"), slot(370, "daily-2")]),
        [false, true, false]
    );
    assert_eq!(book(&[slot(10, "daily-1")]), [false]);
    let exits = Occasion { kind: OccasionKind::Exits, ..slot(1, "exits-1") };
    let other_market = Occasion { market: Market::Jp, ..slot(1, "daily-1") };
    let next_day = Occasion { session_date: today().session_date.succ_opt().unwrap(), ..slot(1, "daily-1") };
    assert_eq!(book(&[exits, other_market, next_day]), [true, true, true]);
    assert_eq!(book(&[]), [] as [bool; 0]);
}

#[test]
fn what_a_clock_that_ran_ahead_told_stands_in_the_way_of_nothing_else() {
    let mut books = Books::new();
    let mut cycles = |minutes: std::ops::Range<i64>| {
        let told: Vec<_> = minutes.map(|minute| slot(minute, &format!("realtime-{minute}"))).collect();
        let news = books.store.book_occasions(&told, start()).unwrap();
        let new = told.iter().zip(news).filter(|(_, is_new)| *is_new);
        new.map(|(occasion, _)| occasion.label.clone()).collect::<Vec<_>>()
    };
    let named =
        |minutes: &[i64]| minutes.iter().map(|minute| format!("realtime-{minute}")).collect::<Vec<_>>();
    assert_eq!(cycles(0..3), named(&[0, 1, 2]));
    assert_eq!(cycles(300..302), named(&[300, 301]), "ran ahead");
    assert_eq!(cycles(1..5), named(&[3, 4]), "set right");
    assert_eq!(cycles(298..304), named(&[298, 299, 302, 303]), "caught up");
    assert_eq!(cycles(0..304).len(), 293, "none of those between was ever told");
    assert_eq!(cycles(0..304), named(&[]));
    let read = books.store.booked_occasions(today().session_date).unwrap();
    assert!(read.len() <= 4, "a row for those that follow each other: {read:?}");
}

#[test]
fn what_was_booked_is_read_back_from_a_date_on() {
    let mut books = Books::new();
    let told: Vec<_> =
        OccasionKind::ALL.into_iter().map(|kind| Occasion { kind, ..slot(1, kind.code()) }).collect();
    books.store.book_occasions(&told, start()).unwrap();
    let mut read = books.store.booked_occasions(today().session_date).unwrap();
    read.sort_by_key(|occasion| occasion.kind);
    assert_eq!(read, told);
    assert_eq!(books.store.booked_occasions(today().session_date.succ_opt().unwrap()).unwrap(), []);
}

#[test]
fn what_a_closed_day_taught_is_reported_once_however_often_its_end_is_told() {
    let mut books = Books::new();
    let before = books.store.last_event().unwrap();
    let report = |market, text: &str| RecordDayReport {
        market,
        session_date: today().session_date,
        text: text.to_owned(),
    };
    let mut record = |one: &RecordDayReport| books.store.record_day_report(one, start()).unwrap();
    assert!(record(&report(Market::Kr, "two trades lost")));
    assert!(!record(&report(Market::Kr, "two trades lost")));
    assert!(!record(&report(Market::Kr, "three trades lost")), "the first one stays");
    assert!(record(&report(Market::Jp, "one trade lost")));
    let next = RecordDayReport {
        session_date: today().session_date.succ_opt().unwrap(),
        ..report(Market::Kr, "none lost")
    };
    assert!(record(&next));
    let told = books.store.events_after(&EventsAfter { after: before, limit: 10 }).unwrap();
    assert!(told.iter().all(|event| event.kind == EventKind::Report));
    let lines: Vec<_> = told.iter().map(|event| event.text.as_str()).collect();
    assert_eq!(lines, ["two trades lost", "one trade lost", "none lost"]);
}
