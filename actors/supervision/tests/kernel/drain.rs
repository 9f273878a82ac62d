//! The orderly end.

use std::{sync::Arc, time::Duration};

use supervision::{Child, Drained, Exhausted, Link, State, Supervised, Supervisor, TellError, Vitals};
use tokio::time::{Instant, sleep};

use crate::worker::{
    Add, Alone, CHILD, Do, MS, Mischief, SECOND, Slowly, Worker, World, add_worker, in_virtual_time, only,
    policy, worker_slot,
};

struct Family {
    supervised: Supervised,
    vitals: Vec<Arc<Vitals>>,
    add: Vec<Link<Add>>,
    alone: Vec<Link<Alone>>,
    act: Vec<Link<Do>>,
}

fn family(world: &World, drain: Duration) -> Family {
    let mut supervisor = Supervisor::new(policy(), |_| {});
    let (mut add, mut alone, mut act, mut vitals) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for name in ["ledger", "broker", "brain"] {
        let slot = worker_slot(name);
        add.push(slot.link());
        alone.push(slot.link());
        act.push(slot.link());
        vitals.push(add_worker(&mut supervisor, Child { drain, ..CHILD }, slot, name, world));
    }
    Family { supervised: supervisor.launch(), vitals, add, alone, act }
}

#[test]
fn children_drain_in_reverse_order_with_all_they_have_left() {
    in_virtual_time(async {
        let (world, began_at) = (World::default(), Instant::now());
        let family = family(&world, 5 * SECOND);
        family.alone[1].tell(Alone(200 * MS)).unwrap();
        family.add[1].tell(Add(1)).unwrap();
        family.alone[0].tell(Alone(100 * MS)).unwrap();
        family.add[0].tell(Add(2)).unwrap();
        family.alone[2].tell(Alone(300 * MS)).unwrap();
        assert_eq!(family.supervised.shutdown(8 * SECOND).await, Drained::Clean);
        assert_eq!(began_at.elapsed(), 300 * MS);
        let journal = world.journal();
        assert_eq!(journal.iter().filter(|entry| entry.contains("alone")).count(), 3);
        assert_eq!(journal.last().map(String::as_str), Some("brain was alone"));
        assert!(
            journal.contains(&"broker added 1".to_owned()) && journal.contains(&"ledger added 2".to_owned())
        );
        assert!(family.vitals.iter().all(|vitals| vitals.state() == State::Stopped));
        assert!(family.add.iter().all(|link| link.tell(Add(9)) == Err(TellError::Gone)));
        assert!(!family.supervised.recycle("broker"));
        assert_eq!(family.supervised.shutdown(SECOND).await, Drained::Clean, "asked again");
    });
}

#[test]
fn a_sink_stays_open_until_its_source_has_stopped() {
    in_virtual_time(async {
        let family = family(&World::default(), 5 * SECOND);
        family.alone[2].tell(Alone(300 * MS)).unwrap();
        let shutdown = tokio::task::spawn_local({
            let supervised = family.supervised.clone();
            async move { supervised.shutdown(8 * SECOND).await }
        });
        sleep(200 * MS).await;
        let states: Vec<State> = family.vitals.iter().map(|vitals| vitals.state()).collect();
        assert_eq!(states, [State::Running, State::Running, State::Draining]);
        assert!(family.add[0].ask(Add(1), SECOND).await.is_ok());
        assert_eq!(shutdown.await.unwrap(), Drained::Clean);
    });
}

#[test]
fn a_reply_in_progress_is_waited_for() {
    in_virtual_time(async {
        let worker = only(policy(), CHILD, World::default());
        let reply = tokio::task::spawn_local(worker.slowly.ask(Slowly(2 * SECOND), 10 * SECOND));
        sleep(MS).await;
        assert_eq!(worker.family.shutdown(8 * SECOND).await, Drained::Clean);
        assert_eq!(reply.await.unwrap(), Ok(()));
    });
}

#[test]
fn who_exceeds_its_own_limit_is_cut_off_and_the_others_still_drain() {
    in_virtual_time(async {
        let (world, began_at) = (World::default(), Instant::now());
        let family = family(&world, SECOND);
        family.act[1].tell(Do(Mischief::NeverAnswer)).unwrap();
        family.alone[0].tell(Alone(1500 * MS)).unwrap();
        assert_eq!(family.supervised.shutdown(8 * SECOND).await, Drained::TimedOut);
        assert_eq!(began_at.elapsed(), 1500 * MS);
        assert_eq!(world.journal(), ["NeverAnswer", "ledger was alone"]);
    });
}

#[test]
fn the_whole_drain_ends_in_time_whatever_the_children_do() {
    in_virtual_time(async {
        let (began_at, family) = (Instant::now(), family(&World::default(), 5 * SECOND));
        family.act.iter().for_each(|link| link.tell(Do(Mischief::NeverAnswer)).unwrap());
        assert_eq!(family.supervised.shutdown(8 * SECOND).await, Drained::TimedOut);
        assert_eq!(began_at.elapsed(), 8 * SECOND);
        sleep(MS).await;
        assert!(family.vitals.iter().all(|vitals| vitals.state() == State::Stopped));
    });
}

#[test]
fn a_child_that_crashes_while_it_drains_is_restarted_and_finishes() {
    in_virtual_time(async {
        let world = World::default();
        let family = family(&world, 5 * SECOND);
        family.act[1].tell(Do(Mischief::Panic)).unwrap();
        family.add[1].tell(Add(1)).unwrap();
        assert_eq!(family.supervised.shutdown(8 * SECOND).await, Drained::Clean);
        assert_eq!(world.journal(), ["Panic", "broker added 1"]);
    });
}

#[test]
fn a_parked_child_does_not_hold_up_the_drain() {
    in_virtual_time(async {
        for (letters, outcome) in [(0, Drained::Clean), (1, Drained::TimedOut)] {
            let world = World::default();
            world.starts_to_fail.store(100, std::sync::atomic::Ordering::SeqCst);
            let parked = Child { exhausted: Exhausted::Park { retry: 300 * SECOND }, ..CHILD };
            let worker = only(policy(), parked, world);
            sleep(5 * SECOND).await;
            assert_eq!(worker.vitals.state(), State::Parked);
            (0..letters).for_each(|number| worker.add.tell(Add(number)).unwrap());
            let began_at = Instant::now();
            assert_eq!(worker.family.shutdown(8 * SECOND).await, outcome);
            assert!(began_at.elapsed() < 10 * MS);
        }
    });
}

#[test]
fn a_supervisor_without_children_drains_at_once() {
    in_virtual_time(async {
        let mut empty = Supervisor::new(policy(), |_| {});
        let unused = supervision::slot::<Worker>("unused", 1);
        drop(unused);
        assert!(Supervisor::new(policy(), |_| {}).launch().vitals().is_empty());
        let slot = worker_slot("one");
        add_worker(&mut empty, CHILD, slot, "one", &World::default());
        assert_eq!(empty.launch().shutdown(SECOND).await, Drained::Clean);
        assert_eq!(Supervisor::new(policy(), |_| {}).launch().shutdown(SECOND).await, Drained::Clean);
    });
}
