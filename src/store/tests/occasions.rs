//! What MarketClock told: once per key, and never backwards.

use chrono::TimeDelta;
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
fn an_occasion_is_new_once_and_only_a_later_one_follows() {
    let mut books = Books::new();
    let mut book = |occasions: &[Occasion]| books.store.book_occasions(occasions, start()).unwrap();
    assert_eq!(book(&[slot(10, "daily-1")]), [true]);
    assert_eq!(book(&[slot(10, "daily-1"), slot(9, "earlier"), slot(370, "daily-2")]), [false, false, true]);
    assert_eq!(book(&[slot(10, "daily-1")]), [false]);
    let exits = Occasion { kind: OccasionKind::Exits, ..slot(1, "exits-1") };
    let other_market = Occasion { market: Market::Jp, ..slot(1, "daily-1") };
    let next_day = Occasion { session_date: today().session_date.succ_opt().unwrap(), ..slot(1, "daily-1") };
    assert_eq!(book(&[exits, other_market, next_day]), [true, true, true]);
    assert_eq!(book(&[]), [] as [bool; 0]);
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
