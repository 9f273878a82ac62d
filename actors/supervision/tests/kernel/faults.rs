//! Injected faults are treated like those that happen.

use std::sync::mpsc;

use actix::System;
use supervision::{AskError, Child, Fault, Place, Policy, State, WatchLimits, watchdog};
use tokio::time::sleep;

use crate::worker::{Add, CHILD, MS, SECOND, World, in_virtual_time, only, policy};

#[test]
fn invariant_15_an_injected_panic_is_caught_and_the_actor_answers_within_a_second() {
    in_virtual_time(async {
        let worker = only(policy(), CHILD, World::default());
        sleep(MS).await;
        assert!(worker.family.inject("worker", Fault::Panic));
        sleep(MS).await;
        assert_eq!(worker.vitals.state(), State::Down);
        assert!(worker.add.ask(Add(1), SECOND).await.is_ok());
        assert!(worker.vitals.last_error().unwrap().contains("injected fault"));
    });
}

#[test]
fn an_injected_hang_is_found_and_the_queue_answered() {
    in_virtual_time(async {
        let worker = only(Policy { backlog_limit: Some(2 * SECOND), ..policy() }, CHILD, World::default());
        assert!(worker.family.inject("worker", Fault::Hang));
        sleep(MS).await;
        assert_eq!(worker.vitals.in_flight(), 1);
        assert!(worker.add.ask(Add(1), 10 * SECOND).await.is_ok());
        assert_eq!(worker.vitals.restarts(), 1);
    });
}

#[test]
fn invariant_15_a_panic_waits_for_the_letter_it_is_meant_for_and_the_next_life_answers_the_rest() {
    in_virtual_time(async {
        let worker = only(policy(), CHILD, World::default());
        let add = std::any::type_name::<Add>();
        worker.vitals.trap("another::Message", Fault::Panic);
        assert!(worker.add.ask(Add(1), SECOND).await.is_ok());
        assert!(worker.vitals.is_trapped());
        worker.vitals.trap(add, Fault::Panic);
        let asked = tokio::join!(worker.add.ask(Add(2), SECOND), worker.add.ask(Add(3), SECOND));
        assert_eq!(asked, (Err(AskError::Crashed), Ok(vec![3])));
        assert!(!worker.vitals.is_trapped());
        let blamed = worker.vitals.last_error().unwrap();
        assert!(blamed.contains("injected fault") && blamed.contains("Add"), "{blamed}");
        assert!(worker.vitals.handled_types().contains(&add));
    });
}

#[test]
fn a_trap_for_what_was_not_tried_yet_springs_once_for_each_type() {
    in_virtual_time(async {
        let worker = only(policy(), CHILD, World::default());
        worker.vitals.trap_untried(Fault::Panic);
        assert_eq!(worker.add.ask(Add(1), SECOND).await, Err(AskError::Crashed));
        worker.vitals.trap_untried(Fault::Panic);
        assert_eq!(worker.add.ask(Add(2), SECOND).await, Ok(vec![2]));
        assert!(worker.vitals.is_trapped());
        assert_eq!(worker.vitals.tried_types(), [std::any::type_name::<Add>()]);
    });
}

#[test]
fn invariant_17_a_hang_waits_for_the_letter_it_is_meant_for_and_the_next_life_answers_the_rest() {
    in_virtual_time(async {
        let worker = only(Policy { backlog_limit: Some(2 * SECOND), ..policy() }, CHILD, World::default());
        worker.vitals.trap(std::any::type_name::<Add>(), Fault::Hang);
        let began_at = tokio::time::Instant::now();
        let asked = tokio::join!(worker.add.ask(Add(2), 10 * SECOND), worker.add.ask(Add(3), 10 * SECOND));
        assert_eq!(asked, (Err(AskError::Crashed), Ok(vec![3])));
        assert!(began_at.elapsed() >= 2 * SECOND, "whoever asked had to wait");
        let blamed = worker.vitals.last_error().unwrap();
        assert!(blamed.contains("Add"), "{blamed}");
        assert_eq!(worker.vitals.restarts(), 1);
    });
}

#[test]
fn an_injected_block_is_seen_by_the_watchdog_and_ends_by_itself() {
    System::new().block_on(async {
        let apart = Child { place: Place::Thread("apart"), ..CHILD };
        let worker = only(policy(), apart, World::default());
        worker.add.ask(Add(1), 20 * SECOND).await.unwrap();
        let (report, wedges) = mpsc::channel();
        let limits = WatchLimits { busy: 100 * MS, silence: 20 * SECOND };
        let _watching = watchdog(worker.family.vitals(), limits, move |wedge| report.send(wedge).unwrap());
        assert!(worker.family.inject("worker", Fault::Block(SECOND)));
        let blocked = worker.add.ask(Add(2), 20 * SECOND);
        assert!(blocked.await.is_ok());
        sleep(10 * MS).await;
        let wedge = wedges.recv_timeout(20 * SECOND).unwrap();
        assert_eq!((wedge.actor, wedge.msg), ("worker", "an injected fault"));
        assert!(!worker.family.inject("nobody", Fault::Panic));
    });
}
