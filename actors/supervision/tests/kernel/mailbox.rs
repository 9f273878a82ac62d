//! Who gets a letter in, in which order, and what becomes of it.

use actix::{Actor as _, Context};
use supervision::{AskError, Link, TellError, prelude::*};
use tokio::{
    task::spawn_local,
    time::{Instant, sleep},
};

use crate::worker::{
    Add, Alone, CAPACITY, CHILD, Do, MS, Mischief, SECOND, Slowly, Worker, World, in_virtual_time, only,
    policy, worker_slot,
};

#[test]
fn invariant_18_a_full_mailbox_refuses_and_counts() {
    in_virtual_time(async {
        let worker = only(policy(), CHILD, World::default());
        for number in 0..CAPACITY as u64 {
            assert_eq!(worker.add.tell(Add(number)), Ok(()));
        }
        assert_eq!(worker.add.tell(Add(99)), Err(TellError::Full));
        assert_eq!(worker.add.ask(Add(99), SECOND).await, Err(AskError::Full));
        assert_eq!(worker.vitals.dropped(), 2);
        sleep(MS).await;
        assert_eq!(worker.add.tell(Add(99)), Ok(()));
        assert_eq!(worker.vitals.handled(), CAPACITY as u64);
    });
}

#[test]
fn a_lossy_link_gives_up_its_own_oldest_letter() {
    in_virtual_time(async {
        let worker = only(policy(), CHILD, World::default());
        let ordinary = CAPACITY as u64 - 3;
        (0..ordinary).for_each(|number| worker.add.tell(Add(number)).unwrap());
        (100..105).for_each(|number| worker.lossy_add.clone().tell(Add(number)).unwrap());
        assert_eq!((worker.vitals.depth(), worker.vitals.dropped()), (CAPACITY, 2));
        sleep(MS).await;
        let expected: Vec<u64> = (0..ordinary).chain(102..105).chain([7]).collect();
        assert_eq!(worker.add.ask(Add(7), SECOND).await, Ok(expected));
    });
}

#[test]
fn a_lossy_letter_never_displaces_another_link() {
    in_virtual_time(async {
        let worker = only(policy(), CHILD, World::default());
        (0..CAPACITY as u64).for_each(|number| worker.add.tell(Add(number)).unwrap());
        assert_eq!(worker.lossy_add.tell(Add(100)), Err(TellError::Full));
    });
}

#[test]
fn a_certain_letter_is_never_refused() {
    in_virtual_time(async {
        let worker = only(policy(), CHILD, World::default());
        (0..1000).for_each(|number| worker.certain_add.tell(Add(number)).unwrap());
        assert_eq!((worker.vitals.depth(), worker.vitals.dropped()), (1000, 0));
        sleep(MS).await;
        assert_eq!((worker.vitals.depth(), worker.vitals.handled()), (0, 1000));
    });
}

#[test]
fn an_urgent_letter_overtakes_everything_queued() {
    in_virtual_time(async {
        let worker = only(policy(), CHILD, World::default());
        (0..CAPACITY as u64).for_each(|number| worker.add.tell(Add(number)).unwrap());
        assert_eq!(worker.urgent_add.ask(Add(99), SECOND).await, Ok(vec![99]));
    });
}

#[test]
fn an_urgent_letter_does_not_wait_for_an_atomic_response() {
    in_virtual_time(async {
        let (worker, began_at) = (only(policy(), CHILD, World::default()), Instant::now());
        worker.alone.tell(Alone(500 * MS)).unwrap();
        let ordinary = spawn_local(worker.add.ask(Add(1), SECOND));
        sleep(MS).await;
        assert_eq!(worker.urgent_add.ask(Add(99), SECOND).await, Ok(vec![99]));
        assert_eq!(worker.urgent_slowly.ask(Slowly(10 * MS), SECOND).await, Ok(()));
        assert!(began_at.elapsed() < 20 * MS, "even its asynchronous half: {:?}", began_at.elapsed());
        assert_eq!(ordinary.await.unwrap(), Ok(vec![99, 1]));
        assert_eq!(began_at.elapsed(), 500 * MS);
    });
}

#[test]
fn letters_wait_for_an_actor_that_is_not_there_yet() {
    in_virtual_time(async {
        let slot = worker_slot("late");
        let link: Link<Add> = slot.link();
        assert_eq!(link.tell(Add(1)), Ok(()));
        drop(slot);
        assert_eq!(link.tell(Add(2)), Err(TellError::Gone));
        assert_eq!(link.ask(Add(3), SECOND).await, Err(AskError::Crashed));
    });
}

#[test]
fn a_letter_past_its_shelf_life_is_dropped_after_the_back_off() {
    in_virtual_time(async {
        let worker = only(policy(), CHILD, World::default());
        worker.act.tell(Do(Mischief::Panic)).unwrap();
        let (stale, kept) = (worker.fresh_add.ask(Add(1), SECOND), worker.add.ask(Add(2), SECOND));
        assert_eq!(tokio::join!(biased; stale, kept), (Err(AskError::Crashed), Ok(vec![2])));
        assert_eq!(worker.vitals.dropped(), 1);
        assert_eq!(worker.fresh_add.ask(Add(3), SECOND).await, Ok(vec![2, 3]));
    });
}

#[test]
fn an_ask_ends_at_its_deadline_and_its_letter_is_skipped_if_it_still_waits() {
    in_virtual_time(async {
        let (worker, began_at) = (only(policy(), CHILD, World::default()), Instant::now());
        worker.alone.tell(Alone(500 * MS)).unwrap();
        assert_eq!(worker.add.ask(Add(1), 200 * MS).await, Err(AskError::TimedOut));
        assert_eq!(began_at.elapsed(), 200 * MS);
        assert_eq!(worker.add.ask(Add(2), SECOND).await, Ok(vec![2]));
        assert_eq!(worker.vitals.dropped(), 1);
    });
}

#[test]
fn vitals_show_what_waits_and_what_is_in_progress() {
    in_virtual_time(async {
        let worker = only(policy(), CHILD, World::default());
        worker.slowly.tell(Slowly(500 * MS)).unwrap();
        sleep(100 * MS).await;
        worker.alone.tell(Alone(300 * MS)).unwrap();
        sleep(50 * MS).await;
        worker.add.tell(Add(1)).unwrap();
        sleep(50 * MS).await;
        let health = worker.vitals.health();
        assert_eq!((health.in_flight, health.oldest_in_flight), (2, 200 * MS));
        assert_eq!((health.depth, health.backlog_age), (1, 50 * MS));
        sleep(SECOND).await;
        let health = worker.vitals.health();
        assert_eq!((health.in_flight, health.depth, health.handled), (0, 0, 3));
        assert!(health.handle_p99 >= 500 * MS && health.wait_p99 >= 250 * MS, "{health:?}");
        assert!(health.busy.is_zero());
    });
}

/// A plain actix actor, as a test double is.
struct Double;

impl actix::Actor for Double {
    type Context = Context<Self>;
}

impl Handler<Add> for Double {
    type Result = Vec<u64>;

    fn handle(&mut self, msg: Add, ctx: &mut Self::Context) -> Self::Result {
        if msg.0 == 0 {
            ctx.stop();
        }
        vec![msg.0]
    }
}

#[test]
fn a_plain_actix_actor_stands_in_for_a_supervised_one() {
    in_virtual_time(async {
        let link = Link::from_recipient(Double.start().recipient());
        assert_eq!(link.ask(Add(5), SECOND).await, Ok(vec![5]));
        assert!((1..100).all(|number| link.tell(Add(number)).is_ok()));
        assert_eq!(link.tell(Add(0)), Ok(()));
        sleep(MS).await;
        assert_eq!(link.tell(Add(1)), Err(TellError::Gone));
        assert_eq!(link.ask(Add(1), SECOND).await, Err(AskError::Crashed));
    });
}

#[test]
fn a_link_can_cross_threads() {
    fn is_send_and_sync<T: Send + Sync + Clone>(_: &T) {}
    in_virtual_time(async {
        let slot = supervision::slot::<Worker>("worker", 1);
        let link: Link<Add> = slot.link();
        is_send_and_sync(&link);
        assert!(format!("{link:?}").contains("(worker)"));
    });
}
