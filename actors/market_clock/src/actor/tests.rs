//! The actor under the real supervisor, in virtual time.

mod doubles;
mod evidence;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix::{Context, ResponseFuture, System};
use domain::messages::schedule::{Phase, Trust};
use domain::{BoxFuture, Market};
use supervision::{Child, Exhausted, Place, Policy, Restart, Supervisor, slot};
use tokio::time::{Instant, sleep};

use super::*;
use crate::calendar::Calendar;
use crate::slots::{Cadence, DailyPlan};
use doubles::{
    Books, Desk, Listener, Mood, MovedClock, launch, launch_all, launch_beside, launch_over, launch_with,
    settings,
};

const CHILD: Child = Child {
    place: Place::Here,
    restart: Restart::Permanent,
    exhausted: Exhausted::Escalate,
    drain: Duration::from_secs(1),
};

fn in_virtual_time<F: Future>(test: F) -> F::Output {
    let paused =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    System::with_tokio_rt(paused).block_on(test)
}

#[test]
fn a_session_begins_to_the_second_and_every_cycle_is_told_to_scanner_and_brain() {
    in_virtual_time(async {
        let clock = MovedClock::at("2026-11-23T23:59:00Z");
        let (listener, _supervised) = launch(&clock);
        sleep(Duration::from_millis(59_900)).await;
        assert_eq!(listener.heard(), ["OpeningAuction", "closed 2026-11-23"]);
        sleep(Duration::from_millis(60_200)).await;
        let expected =
            ["Continuous", "scan realtime-0", "decide realtime-0", "scan realtime-1", "decide realtime-1"];
        assert_eq!(listener.heard(), expected);
    });
}

#[test]
fn a_clock_that_jumps_ahead_makes_no_burst_and_one_set_back_repeats_nothing_and_holds_up_nothing() {
    in_virtual_time(async {
        let clock = MovedClock::at("2026-11-24T00:00:10Z");
        let (listener, _supervised) = launch(&clock);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(listener.heard().len(), 4);
        clock.jump(TimeDelta::hours(5));
        sleep(Duration::from_secs(31)).await;
        assert_eq!(listener.heard(), ["scan realtime-300", "decide realtime-300"]);
        clock.jump(TimeDelta::hours(-1));
        sleep(Duration::from_secs(61)).await;
        let right = listener.heard();
        assert!(right.contains(&"scan realtime-241".to_owned()), "within one cycle: {right:?}");
        sleep(Duration::from_secs(3_700)).await;
        let caught_up = listener.heard();
        let told = |line: &str| caught_up.iter().filter(|one| *one == line).count();
        assert_eq!(
            (told("scan realtime-299"), told("scan realtime-300"), told("scan realtime-302")),
            (1, 0, 1)
        );
    });
}

#[test]
fn a_guard_that_was_started_alone_hears_the_phase_within_half_a_minute() {
    in_virtual_time(async {
        let (listener, _supervised) = launch(&MovedClock::at("2026-11-24T00:00:10Z"));
        sleep(Duration::from_secs(5)).await;
        listener.1.0.lock().unwrap().clear();
        sleep(Duration::from_secs(31)).await;
        assert!(listener.1.0.lock().unwrap().contains(&Phase::Continuous));
    });
}

#[test]
fn a_broker_that_was_started_alone_hears_within_half_a_minute_which_day_is_over() {
    in_virtual_time(async {
        let (listener, _supervised) = launch(&MovedClock::at("2026-11-24T06:50:10Z"));
        sleep(Duration::from_secs(5)).await;
        assert_eq!(listener.1.1.lock().unwrap().len(), 0, "this one heard it when it was news");
        sleep(Duration::from_secs(31)).await;
        assert_eq!(*listener.1.1.lock().unwrap(), ["2026-11-24".parse().unwrap()]);
    });
}

#[test]
fn after_the_clock_was_set_right_the_true_phase_is_told_at_once_and_no_slot_twice() {
    in_virtual_time(async {
        let clock = MovedClock::at("2026-11-24T00:00:10Z");
        let (listener, _supervised) = launch(&clock);
        sleep(Duration::from_secs(1)).await;
        clock.jump(TimeDelta::hours(14));
        sleep(Duration::from_secs(31)).await;
        assert!(listener.heard().contains(&"Closed".to_owned()));
        clock.jump(TimeDelta::hours(-14));
        listener.1.0.lock().unwrap().clear();
        sleep(Duration::from_secs(32)).await;
        let right = listener.heard();
        assert_eq!(right.first().map(String::as_str), Some("Continuous"), "{right:?}");
        assert!(!right.contains(&"scan realtime-0".to_owned()), "{right:?}");
        sleep(Duration::from_secs(31)).await;
        assert!(listener.1.0.lock().unwrap().contains(&Phase::Continuous));
        let all: Vec<_> = right.into_iter().chain(listener.heard()).collect();
        assert!(all.contains(&"scan realtime-1".to_owned()), "{all:?}");
    });
}

#[test]
fn a_restarted_clock_tells_the_phase_and_the_closed_day_again_and_nothing_else_twice() {
    in_virtual_time(async {
        let clock = MovedClock::at("2026-11-24T00:00:10Z");
        let (listener, supervised) = launch(&clock);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(
            listener.heard(),
            ["Continuous", "scan realtime-0", "decide realtime-0", "closed 2026-11-23"]
        );
        assert!(supervised.recycle("market_clock"));
        sleep(Duration::from_secs(5)).await;
        assert_eq!(listener.heard(), ["Continuous", "closed 2026-11-23"]);
        sleep(Duration::from_secs(60)).await;
        assert_eq!(listener.heard(), ["scan realtime-1", "decide realtime-1"]);
        assert_eq!(Phase::Continuous, Calendar::official().phase(Market::Kr, clock.now()));
    });
}

#[test]
fn a_new_process_whose_clock_was_set_back_tells_no_slot_twice() {
    in_virtual_time(async {
        let books = Books::default();
        let clock = MovedClock::at("2026-11-24T05:00:10Z");
        let (_first, life) = launch_over(&clock, &books);
        sleep(Duration::from_secs(1)).await;
        life.shutdown(Duration::from_secs(1)).await;
        let (listener, _supervised) = launch_over(&MovedClock::at("2026-11-24T04:58:10Z"), &books);
        sleep(Duration::from_secs(235)).await;
        let scans: Vec<_> = listener.heard().into_iter().filter(|line| line.starts_with("scan")).collect();
        assert_eq!(
            scans,
            ["scan realtime-298", "scan realtime-299", "scan realtime-301", "scan realtime-302"],
            "the 300th was told by a clock that ran ahead"
        );
    });
}

#[test]
fn nothing_is_told_that_the_ledger_has_not_booked() {
    in_virtual_time(async {
        let books = Books::default();
        books.fail(true);
        let clock = MovedClock::at("2026-11-24T00:00:10Z");
        let (listener, _supervised) = launch_over(&clock, &books);
        sleep(Duration::from_secs(20)).await;
        assert_eq!(listener.heard(), Vec::<String>::new());
        books.fail(false);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(listener.heard().len(), 4, "once it answers again");
        books.fail(true);
        sleep(Duration::from_secs(60)).await;
        assert_eq!(listener.heard(), Vec::<String>::new());
    });
}

#[test]
fn what_was_booked_although_its_answer_was_lost_is_told_once_when_the_ledger_answers_again() {
    in_virtual_time(async {
        let books = Books::default();
        let clock = MovedClock::at("2026-11-24T00:00:10Z");
        let (listener, _supervised) = launch_over(&clock, &books);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(listener.heard().len(), 4);
        books.are(Mood::LosesAnswers);
        sleep(Duration::from_secs(55)).await;
        assert_eq!(listener.heard(), Vec::<String>::new(), "nobody knows whether it is booked");
        books.fail(false);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(listener.heard(), ["scan realtime-1", "decide realtime-1"]);
        sleep(Duration::from_secs(50)).await;
        assert_eq!(listener.heard(), Vec::<String>::new(), "once");
    });
}

#[test]
fn a_slow_booking_delays_what_it_books_and_not_what_is_due_next() {
    in_virtual_time(async {
        let books = Books::default();
        *books.3.lock().unwrap() = Duration::from_secs(4);
        let clock = MovedClock::at("2026-11-23T23:59:50Z");
        let (listener, _supervised) = launch_over(&clock, &books);
        sleep(Duration::from_secs(9)).await;
        assert_eq!(listener.heard(), ["OpeningAuction", "closed 2026-11-23"]);
        sleep(Duration::from_millis(5_500)).await;
        assert_eq!(
            listener.heard(),
            ["Continuous", "scan realtime-0", "decide realtime-0"],
            "{}",
            clock.now()
        );
    });
}

#[test]
fn a_day_whose_process_died_between_booking_and_telling_is_told_to_everybody_by_the_next_one() {
    in_virtual_time(async {
        let books = Books::default();
        let closed = |date: &str, close: &str| Occasion {
            market: Market::Kr,
            session_date: date.parse().unwrap(),
            kind: OccasionKind::DayClosed,
            begins_at: close.parse().unwrap(),
            label: "settled".into(),
        };
        books.0.lock().unwrap().extend([
            closed("2026-11-20", "2026-11-20T06:30:00Z"),
            closed("2026-11-23", "2026-11-23T06:30:00Z"),
        ]);
        let (listener, _supervised) = launch_over(&MovedClock::at("2026-11-24T00:00:10Z"), &books);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(*listener.2.0.lock().unwrap(), ["2026-11-20", "2026-11-23"]);
        let states: Vec<_> = listener.heard().into_iter().filter(|line| line.starts_with("closed")).collect();
        assert_eq!(states, ["closed 2026-11-23"], "to whom it is a state the last one is enough");
    });
}

#[test]
fn a_clock_that_is_set_back_before_the_ledger_is_asked_again_holds_up_nothing() {
    in_virtual_time(async {
        let books = Books::default();
        books.fail(true);
        let clock = MovedClock::at("2026-11-24T02:00:10Z");
        let (listener, _supervised) = launch_over(&clock, &books);
        sleep(Duration::from_millis(500)).await;
        clock.jump(TimeDelta::hours(-1));
        books.fail(false);
        sleep(Duration::from_secs(2)).await;
        let heard = listener.heard();
        assert!(heard.contains(&"scan realtime-60".to_owned()), "after the recall: {heard:?}");
        books.fail(true);
        sleep(Duration::from_millis(59_500)).await;
        clock.jump(TimeDelta::minutes(-30));
        books.fail(false);
        sleep(Duration::from_secs(2)).await;
        let heard = listener.heard();
        assert!(heard.contains(&"scan realtime-31".to_owned()), "after a booking: {heard:?}");
    });
}
