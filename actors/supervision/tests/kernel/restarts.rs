//! How often, how soon, together with whom, and what follows when it does not help.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use supervision::{
    AskError, Child, Exhausted, Link, Policy, Restart, State, Strategy, Supervisor, TellError, Vitals,
};
use tokio::{
    task::spawn_local,
    time::{Instant, sleep},
};

use crate::worker::{
    Add, CHILD, Do, MS, Mischief, SECOND, World, add_worker, in_virtual_time, only, policy, worker_slot,
};

const MINUTE: Duration = Duration::from_secs(60);

fn world_failing(starts: u32) -> World {
    let world = World::default();
    world.starts_to_fail.store(starts, SeqCst);
    world
}

#[test]
fn an_actor_that_starts_at_the_third_attempt_answers_after_two_back_offs() {
    in_virtual_time(async {
        let (worker, launched_at) = (only(policy(), CHILD, world_failing(2)), Instant::now());
        assert_eq!(worker.add.ask(Add(1), MINUTE).await, Ok(vec![1]));
        let took = launched_at.elapsed();
        assert!((300 * MS..=380 * MS).contains(&took), "100 ms and 200 ms, and a quarter at most: {took:?}");
    });
}

#[test]
fn invariant_16_a_child_that_cannot_start_is_escalated_once_with_its_letter_still_queued() {
    in_virtual_time(async {
        let worker = only(policy(), CHILD, world_failing(100));
        let pending = spawn_local(worker.add.ask(Add(1), 10 * MINUTE));
        sleep(MINUTE).await;
        assert_eq!(worker.world.starts(), 4);
        assert_eq!(worker.escalations().len(), 1);
        assert_eq!(worker.escalations()[0].actor, "worker");
        assert_eq!((worker.vitals.state(), worker.vitals.depth()), (State::Down, 1));
        assert!(!pending.is_finished());
    });
}

#[test]
fn a_child_given_up_is_tried_again_when_recycled() {
    in_virtual_time(async {
        let worker = only(policy(), CHILD, world_failing(4));
        let pending = spawn_local(worker.add.ask(Add(1), 10 * MINUTE));
        sleep(MINUTE).await;
        assert!(worker.family.recycle("worker"));
        assert_eq!(pending.await.unwrap(), Ok(vec![1]));
    });
}

#[test]
fn a_parked_child_is_retried_and_comes_back_with_its_queue() {
    in_virtual_time(async {
        let parked = Child { exhausted: Exhausted::Park { retry: 5 * MINUTE }, ..CHILD };
        let worker = only(policy(), parked, world_failing(5));
        let pending = spawn_local(worker.add.ask(Add(1), 60 * MINUTE));
        sleep(MINUTE).await;
        assert_eq!((worker.vitals.state(), worker.world.starts()), (State::Parked, 4));
        sleep(5 * MINUTE).await;
        assert_eq!(pending.await.unwrap(), Ok(vec![1]));
        assert_eq!((worker.vitals.state(), worker.escalations().len()), (State::Running, 0));
    });
}

#[test]
fn invariant_16_three_crashes_in_a_minute_are_forgiven_and_the_fourth_escalates() {
    in_virtual_time(async {
        let as_shipped = Policy { health_every: None, ..Policy::default() };
        assert_eq!((as_shipped.max_restarts, as_shipped.within), (3, MINUTE));
        let worker = only(as_shipped, CHILD, World::default());
        for crash in 1..=4_usize {
            let escalations = crash / 4;
            worker.act.tell(Do(Mischief::Panic)).unwrap();
            sleep(14 * SECOND).await;
            assert_eq!(worker.escalations().len(), escalations, "crash {crash}");
            assert_eq!(worker.vitals.state() == State::Running, crash < 4, "crash {crash}");
        }
        assert_eq!((worker.vitals.state(), worker.vitals.restarts()), (State::Down, 3));
    });
}

#[test]
fn crashes_that_are_far_apart_are_forgiven() {
    in_virtual_time(async {
        let worker = only(policy(), CHILD, World::default());
        for _ in 0..20 {
            worker.act.tell(Do(Mischief::Panic)).unwrap();
            sleep(6 * SECOND).await;
            assert_eq!(worker.vitals.state(), State::Running);
        }
        assert_eq!(worker.vitals.restarts(), 20);
    });
}

#[test]
fn the_kind_of_restart_decides_who_comes_back() {
    for (restart, mischief, comes_back) in [
        (Restart::Permanent, Mischief::Stop, true),
        (Restart::Transient, Mischief::Panic, true),
        (Restart::Transient, Mischief::Stop, false),
        (Restart::Temporary, Mischief::Panic, false),
    ] {
        in_virtual_time(async {
            let worker = only(policy(), Child { restart, ..CHILD }, World::default());
            worker.act.tell(Do(mischief)).unwrap();
            sleep(SECOND).await;
            let (told, state) = (worker.add.tell(Add(1)), worker.vitals.state());
            let expected =
                if comes_back { (Ok(()), State::Running) } else { (Err(TellError::Gone), State::Stopped) };
            assert_eq!((told, state), expected, "{restart:?} after {mischief:?}");
            let answered = worker.add.ask(Add(2), SECOND).await;
            assert_eq!(answered.is_ok(), comes_back);
            assert!(comes_back || answered == Err(AskError::Crashed));
        });
    }
}

/// Four children of which the second crashes: how often each was restarted.
async fn restarts_under(strategy: Strategy) -> Vec<u32> {
    let mut family = Supervisor::new(Policy { strategy, ..policy() }, |_| {});
    let mut links: Vec<Link<Do>> = Vec::new();
    let mut vitals: Vec<Arc<Vitals>> = Vec::new();
    for name in ["ledger", "guard", "broker", "notifier"] {
        let slot = worker_slot(name);
        links.push(slot.link());
        vitals.push(add_worker(&mut family, CHILD, slot, name, &World::default()));
    }
    let _family = family.launch();
    sleep(MS).await;
    links[1].tell(Do(Mischief::Panic)).unwrap();
    sleep(SECOND).await;
    assert!(vitals.iter().all(|vitals| vitals.state() == State::Running));
    vitals.iter().map(|vitals| vitals.restarts()).collect()
}

#[test]
fn the_strategy_decides_who_goes_down_together() {
    for (strategy, restarts) in [
        (Strategy::OneForOne, [0, 1, 0, 0]),
        (Strategy::RestForOne, [0, 1, 1, 1]),
        (Strategy::OneForAll, [1, 1, 1, 1]),
    ] {
        assert_eq!(in_virtual_time(restarts_under(strategy)), restarts, "{strategy:?}");
    }
}

#[test]
fn a_child_recycled_by_hand_is_started_afresh_and_it_counts_for_nothing() {
    in_virtual_time(async {
        let worker = only(policy(), CHILD, World::default());
        for round in 1..=10 {
            assert_eq!(worker.add.ask(Add(round), SECOND).await, Ok(vec![round]), "a fresh value");
            assert!(worker.family.recycle("worker"));
            sleep(MS).await;
        }
        assert_eq!((worker.vitals.restarts(), worker.escalations().len()), (10, 0));
        assert!(!worker.family.recycle("nobody"));
    });
}
