//! Actors that neither crash nor answer.

use std::time::Duration;

use supervision::{AskError, Policy};
use tokio::{
    task::spawn_local,
    time::{Instant, sleep},
};

use crate::worker::{
    Add, Alone, CHILD, Do, MS, Mischief, SECOND, Slowly, World, in_virtual_time, only, policy,
};

const LIMIT: Duration = Duration::from_secs(10);
const HOUR: Duration = Duration::from_secs(3600);

fn impatient() -> Policy {
    Policy { backlog_limit: Some(LIMIT), ..policy() }
}

#[test]
fn an_endless_await_is_killed_and_the_queue_answered() {
    in_virtual_time(async {
        let (worker, began_at) = (only(impatient(), CHILD, World::default()), Instant::now());
        let hung = spawn_local(worker.alone.ask(Alone(HOUR), HOUR));
        sleep(MS).await;
        let queued: Vec<_> = (0..5).map(|number| spawn_local(worker.add.ask(Add(number), HOUR))).collect();
        sleep(5 * SECOND).await;
        assert_eq!((worker.vitals.depth(), worker.vitals.backlog_age()), (5, 5 * SECOND));
        for answer in queued {
            assert!(answer.await.unwrap().is_ok());
        }
        assert!(began_at.elapsed() < LIMIT + 4 * SECOND, "{:?}", began_at.elapsed());
        assert_eq!(hung.await.unwrap(), Err(AskError::Crashed));
        let error = worker.vitals.last_error().unwrap();
        assert!(error.contains("Stalled") && error.contains("worker::Alone"), "{error}");
    });
}

#[test]
fn a_reply_that_never_comes_is_killed_even_if_nobody_waits_behind_it() {
    in_virtual_time(async {
        let worker = only(impatient(), CHILD, World::default());
        worker.act.tell(Do(Mischief::NeverAnswer)).unwrap();
        sleep(LIMIT - SECOND).await;
        assert_eq!((worker.vitals.in_flight(), worker.vitals.restarts()), (1, 0));
        sleep(5 * SECOND).await;
        assert_eq!((worker.vitals.in_flight(), worker.vitals.restarts()), (0, 1));
    });
}

#[test]
fn a_long_queue_that_moves_is_not_a_stall() {
    in_virtual_time(async {
        let worker = only(impatient(), CHILD, World::default());
        (0..8).for_each(|_| worker.alone.tell(Alone(6 * SECOND)).unwrap());
        sleep(60 * SECOND).await;
        assert_eq!((worker.vitals.restarts(), worker.vitals.handled()), (0, 8));
    });
}

#[test]
fn an_idle_actor_is_left_alone() {
    in_virtual_time(async {
        let worker = only(impatient(), CHILD, World::default());
        worker.slowly.tell(Slowly(SECOND)).unwrap();
        sleep(HOUR).await;
        assert_eq!((worker.vitals.restarts(), worker.vitals.handled()), (0, 1));
    });
}
