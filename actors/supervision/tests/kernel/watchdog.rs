//! Threads that do not come back. These tests are about real threads, and so take a moment of real time.

use std::{sync::mpsc, time::Duration};

use actix::System;
use supervision::{Child, Place, Policy, WatchLimits, Wedge, watchdog};

use crate::worker::{Add, CHILD, Do, MS, Mischief, SECOND, World, only, policy};

const LIMITS: WatchLimits =
    WatchLimits { busy: Duration::from_millis(150), silence: Duration::from_secs(20) };

fn on_its_own_thread() -> Child {
    Child { place: Place::Thread("apart"), ..CHILD }
}

#[test]
fn the_watchdog_names_who_blocks_a_thread_and_the_message() {
    System::new().block_on(async {
        let worker = only(policy(), on_its_own_thread(), World::default());
        worker.add.ask(Add(1), 20 * SECOND).await.unwrap();
        let (report, wedges) = mpsc::channel::<Wedge>();
        let _watching = watchdog(worker.family.vitals(), LIMITS, move |wedge| report.send(wedge).unwrap());
        worker.act.tell(Do(Mischief::Block(1500 * MS))).unwrap();
        let wedge = wedges.recv_timeout(20 * SECOND).unwrap();
        assert_eq!(wedge.actor, "worker");
        assert!(wedge.msg.ends_with("worker::Do") && wedge.for_ms > 150, "{wedge:?}");
    });
}

#[test]
fn a_silent_actor_is_blamed_on_whoever_holds_its_thread() {
    System::new().block_on(async {
        let worker =
            only(Policy { heartbeat: Some(20 * MS), ..policy() }, on_its_own_thread(), World::default());
        worker.add.ask(Add(1), 20 * SECOND).await.unwrap();
        let (report, wedges) = mpsc::channel::<Wedge>();
        let limits = WatchLimits { busy: 20 * SECOND, silence: 400 * MS };
        let _watching = watchdog(worker.family.vitals(), limits, move |wedge| report.send(wedge).unwrap());
        worker.act.tell(Do(Mischief::Block(2 * SECOND))).unwrap();
        let wedge = wedges.recv_timeout(20 * SECOND).unwrap();
        assert!(
            wedge.msg.ends_with("worker::Do"),
            "whoever holds the silent actor's thread is blamed: {wedge:?}"
        );
    });
}

#[test]
fn a_watchdog_that_was_dropped_or_sees_only_stopped_actors_reports_nothing() {
    System::new().block_on(async {
        let worker = only(policy(), on_its_own_thread(), World::default());
        worker.add.ask(Add(1), 20 * SECOND).await.unwrap();
        let (report, wedges) = mpsc::channel::<Wedge>();
        let limits = WatchLimits { busy: MS, silence: MS };
        worker.family.shutdown(5 * SECOND).await;
        let watching = watchdog(worker.family.vitals(), limits, move |wedge| report.send(wedge).unwrap());
        assert_eq!(
            wedges.recv_timeout(100 * MS),
            Err(mpsc::RecvTimeoutError::Timeout),
            "stopped is not wedged"
        );
        drop(watching);
        assert_eq!(
            wedges.recv_timeout(20 * SECOND),
            Err(mpsc::RecvTimeoutError::Disconnected),
            "its thread ends"
        );
    });
}
