//! Many senders, many crashes: nothing but the poison itself is ever lost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use actix::System;
use supervision::{Child, Place, Policy, Supervisor, Vitals, prelude::*, slot};
use tokio::task::JoinSet;

use crate::worker::{CHILD, MS, in_virtual_time, policy};

const SENDERS: u64 = 4;
const ASKS_PER_SENDER: u64 = 5_000;
const LONG: Duration = Duration::from_secs(60);

struct Counter(Arc<AtomicU64>);

impl Actor for Counter {
    type Context = Ctx<Self>;
}

#[derive(Message)]
#[rtype(result = "u64")]
struct Count(u64);

impl Count {
    fn is_poison(number: u64) -> bool {
        number % 100 == 7
    }
}

impl Handler<Count> for Counter {
    type Result = u64;

    fn handle(&mut self, msg: Count, _: &mut Self::Context) -> u64 {
        if Count::is_poison(msg.0) {
            std::panic::resume_unwind(Box::new("poison")); // unlike `panic!`, quiet
        }
        self.0.fetch_add(1, SeqCst);
        msg.0
    }
}

fn launch(place: Place) -> (Link<Count>, Arc<AtomicU64>, Arc<Vitals>) {
    let undaunted = Policy {
        max_restarts: usize::MAX,
        backoff_min: Duration::ZERO,
        backoff_max: Duration::ZERO,
        ..policy()
    };
    let mut family = Supervisor::new(undaunted, |_| {});
    let (slot, counted) = (slot::<Counter>("counter", 100_000), Arc::new(AtomicU64::new(0)));
    let (link, shared) = (slot.link(), Arc::clone(&counted));
    let vitals = family.child(Child { place, ..CHILD }, slot, move |_| Ok(Counter(Arc::clone(&shared))));
    let _family = family.launch();
    (link, counted, vitals)
}

/// Asks many at a time; returns how many were answered, and how many of the others were no poison.
async fn ask_all(link: Link<Count>) -> (u64, u64) {
    let (mut asked, mut answered, mut lost) = (JoinSet::new(), 0, 0);
    let mut settle = |(number, answer): (u64, Result<u64, AskError>)| match answer {
        Ok(_) => answered += 1,
        Err(_) => lost += u64::from(!Count::is_poison(number)),
    };
    for number in 0..ASKS_PER_SENDER {
        let answer = link.ask(Count(number), LONG);
        asked.spawn(async move { (number, answer.await) });
        if asked.len() > 200 {
            asked
                .join_next()
                .await
                .into_iter()
                .for_each(|joined| settle(joined.expect("an ask does not panic")));
        }
    }
    asked.join_all().await.into_iter().for_each(settle);
    (answered, lost)
}

#[test]
fn invariant_15_four_threads_of_askers_lose_nothing_but_the_poison() {
    System::new().block_on(async {
        let (link, counted, vitals) = launch(Place::Thread("soak"));
        let (report, mut reports) = tokio::sync::mpsc::unbounded_channel();
        for _ in 0..SENDERS {
            let (link, report) = (link.clone(), report.clone());
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                report.send(runtime.block_on(ask_all(link))).unwrap();
            });
        }
        drop(report);
        let mut total = (0, 0);
        while let Some((answered, lost)) = reports.recv().await {
            total = (total.0 + answered, total.1 + lost);
        }
        let healthy = SENDERS * ASKS_PER_SENDER * 99 / 100;
        assert_eq!(total, (healthy, 0));
        assert_eq!(counted.load(SeqCst), healthy);
        assert_eq!(u64::from(vitals.restarts()), SENDERS * ASKS_PER_SENDER / 100);
    });
}

#[test]
fn every_tell_but_the_poison_is_handled() {
    in_virtual_time(async {
        let (link, counted, _) = launch(Place::Here);
        (0..20_000).for_each(|number| link.tell(Count(number)).unwrap());
        tokio::time::sleep(100 * MS).await;
        assert_eq!(counted.load(SeqCst), 19_800);
    });
}
