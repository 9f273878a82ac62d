//! What one crash costs: the letter that caused it and the replies in progress, and nothing else.

use std::sync::atomic::Ordering::SeqCst;

use supervision::{AskError, State};
use tokio::{
    task::spawn_local,
    time::{Instant, sleep},
};

use crate::worker::{
    Add, CHILD, Do, MS, Mischief, Only, PanicAtomically, SECOND, Slowly, World, in_virtual_time, only, policy,
};

/// Lets a worker with a reply in progress and five letters in its queue come to its end, and looks who is answered.
async fn survives(end: impl AsyncFnOnce(&Only) -> Result<(), AskError>) {
    let worker = only(policy(), CHILD, World::default());
    assert_eq!(worker.add.ask(Add(1), SECOND).await, Ok(vec![1]));
    let in_progress = spawn_local(worker.slowly.ask(Slowly(500 * MS), SECOND));
    sleep(MS).await;
    let crashed_at = Instant::now();
    let queue = |number| spawn_local(worker.add.ask(Add(number), SECOND));
    let poison = async { end(&worker).await };
    let (ended, queued) = tokio::join!(biased; poison, async { (10..15).map(queue).collect::<Vec<_>>() });
    assert_eq!(ended, Err(AskError::Crashed));
    assert_eq!(in_progress.await.unwrap(), Err(AskError::Crashed));
    for answer in queued {
        assert!(answer.await.unwrap().is_ok(), "a queued letter was lost");
    }
    assert!(crashed_at.elapsed() < SECOND, "answered only after {:?}", crashed_at.elapsed());
    sleep(200 * MS).await; // an asynchronous half may crash after the queue was answered
    assert_eq!(
        (worker.world.starts(), worker.vitals.restarts(), worker.vitals.state()),
        (2, 1, State::Running)
    );
    let ticks = worker.world.ticks.load(SeqCst);
    sleep(100 * MS).await;
    let ticked = worker.world.ticks.load(SeqCst) - ticks;
    assert!((9..=11).contains(&ticked), "the timer of one life, and of one only: {ticked} ticks in 100 ms");
}

fn survives_act(mischief: Mischief) {
    in_virtual_time(survives(async move |worker: &Only| worker.act.ask(Do(mischief), SECOND).await));
}

#[test]
fn a_panic_in_a_handler_keeps_the_queue_and_the_address() {
    survives_act(Mischief::Panic);
}

#[test]
fn a_panic_in_the_asynchronous_half_keeps_the_queue_and_the_address() {
    survives_act(Mischief::PanicLater);
}

#[test]
fn a_panic_in_an_atomic_response_keeps_the_queue_and_the_address() {
    in_virtual_time(survives(async |worker: &Only| {
        worker.panic_atomically.ask(PanicAtomically, SECOND).await
    }));
}

#[test]
fn a_timer_cancelled_in_the_last_moment_does_not_cancel_one_of_the_next_life() {
    survives_act(Mischief::CancelTimerThenPanic);
}

#[test]
fn a_failure_without_a_panic_keeps_the_queue_and_the_address() {
    survives_act(Mischief::Fail);
}

#[test]
fn a_permanent_actor_that_stops_itself_is_started_again() {
    survives_act(Mischief::Stop);
}

#[test]
fn the_letter_that_caused_a_crash_is_not_delivered_again() {
    in_virtual_time(async {
        let worker = only(policy(), CHILD, World::default());
        worker.act.tell(Do(Mischief::Panic)).unwrap();
        sleep(10 * SECOND).await;
        assert_eq!(worker.world.journal(), ["Panic"]);
    });
}

#[test]
fn the_last_error_names_the_message_and_the_reason() {
    in_virtual_time(async {
        let worker = only(policy(), CHILD, World::default());
        assert_eq!(worker.vitals.last_error(), None);
        worker.act.tell(Do(Mischief::Panic)).unwrap();
        sleep(SECOND).await;
        let error = worker.vitals.last_error().unwrap();
        assert!(error.contains("worker::Do") && error.contains("boom"), "{error}");
    });
}

#[test]
fn a_panic_in_the_destructor_of_a_crashed_actor_is_contained() {
    in_virtual_time(async {
        let worker = only(policy(), CHILD, World { dies_hard: true, ..World::default() });
        worker.act.tell(Do(Mischief::Panic)).unwrap();
        assert_eq!(worker.add.ask(Add(7), SECOND).await, Ok(vec![7]));
    });
}

#[test]
fn an_actor_that_decides_not_to_stop_keeps_what_it_waits_for() {
    in_virtual_time(async {
        let worker = only(policy(), CHILD, World { refuses_to_stop: true, ..World::default() });
        worker.act.tell(Do(Mischief::WaitThenStop)).unwrap();
        assert_eq!(worker.add.ask(Add(1), SECOND).await, Ok(vec![1]));
        assert_eq!(worker.world.journal(), ["WaitThenStop", "waited", "worker added 1"]);
        assert_eq!(worker.vitals.restarts(), 0);
    });
}

#[test]
fn a_timer_does_not_drift_in_virtual_time() {
    in_virtual_time(async {
        let worker = only(policy(), CHILD, World::default());
        sleep(60 * SECOND + MS).await;
        assert_eq!(worker.world.ticks.load(SeqCst), 6000);
    });
}
