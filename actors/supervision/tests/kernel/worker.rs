//! The actor of these tests, and the family it grows up in.

use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use actix::{SpawnHandle, System};
use supervision::{
    Child, Escalation, Exhausted, Place, Policy, Restart, Slot, Supervised, Supervisor, Vitals, prelude::*,
    slot,
};
use tokio::time::sleep;

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const CAPACITY: usize = 8;

/// Runs a test on one thread whose clock jumps ahead whenever nobody has anything to do.
pub(crate) fn in_virtual_time<F: Future>(test: F) -> F::Output {
    let paused = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a current-thread runtime builds")
    };
    System::with_tokio_rt(paused).block_on(test)
}

/// What survives every life of a worker, and how its lives shall go.
#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) starts: Arc<AtomicU32>,
    pub(crate) ticks: Arc<AtomicU32>,
    pub(crate) starts_to_fail: Arc<AtomicU32>,
    pub(crate) dies_hard: bool,
    pub(crate) refuses_to_stop: bool,
    pub(crate) journal: Arc<Mutex<Vec<String>>>,
}

impl World {
    pub(crate) fn note(&self, entry: impl Into<String>) {
        self.journal.lock().expect("nobody panics while noting").push(entry.into());
    }

    pub(crate) fn journal(&self) -> Vec<String> {
        self.journal.lock().expect("nobody panics while noting").clone()
    }

    pub(crate) fn starts(&self) -> u32 {
        self.starts.load(SeqCst)
    }
}

pub(crate) struct Worker {
    name: &'static str,
    world: World,
    added: Vec<u64>,
    timer: Option<SpawnHandle>,
    crashed: bool,
}

impl Actor for Worker {
    type Context = Ctx<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.world.starts.fetch_add(1, SeqCst);
        let fails = self.world.starts_to_fail.try_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
        assert!(!fails, "cannot start");
        self.timer = Some(ctx.run_interval(10 * MS, |worker, _| {
            worker.world.ticks.fetch_add(1, SeqCst);
        }));
    }

    fn stopping(&mut self, _: &mut Self::Context) -> Running {
        if self.world.refuses_to_stop { Running::Continue } else { Running::Stop }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        assert!(!(self.crashed && self.world.dies_hard), "a panic in the destructor");
    }
}

/// Remembers a number; the answer is all numbers of this life.
#[derive(Message)]
#[rtype(result = "Vec<u64>")]
pub(crate) struct Add(pub(crate) u64);

impl Handler<Add> for Worker {
    type Result = Vec<u64>;

    fn handle(&mut self, msg: Add, _: &mut Self::Context) -> Self::Result {
        self.added.push(msg.0);
        self.world.note(format!("{} added {}", self.name, msg.0));
        self.added.clone()
    }
}

/// The ways in which a life can end, or fail to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mischief {
    Panic,
    PanicLater,
    CancelTimerThenPanic,
    Fail,
    Stop,
    WaitThenStop,
    NeverAnswer,
    Block(Duration),
}

#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Do(pub(crate) Mischief);

impl Handler<Do> for Worker {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, msg: Do, ctx: &mut Self::Context) -> Self::Result {
        self.crashed = true;
        self.world.note(format!("{:?}", msg.0));
        match msg.0 {
            Mischief::Panic => panic!("boom"),
            Mischief::PanicLater => {
                return Box::pin(sleep(5 * MS).into_actor(self).map(|_, _, _| panic!("boom")));
            }
            Mischief::CancelTimerThenPanic => {
                self.timer.map(|timer| ctx.cancel_future(timer));
                panic!("boom");
            }
            Mischief::Fail => ctx.fail("the disk is gone"),
            Mischief::Stop => ctx.stop(),
            Mischief::WaitThenStop => {
                ctx.wait(sleep(50 * MS).into_actor(self).map(|_, worker, _| worker.world.note("waited")));
                ctx.stop();
            }
            Mischief::NeverAnswer => return Box::pin(std::future::pending().into_actor(self)),
            Mischief::Block(duration) => std::thread::sleep(duration),
        }
        Box::pin(fut::ready(()))
    }
}

/// Panics in the middle of an atomic response.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct PanicAtomically;

impl Handler<PanicAtomically> for Worker {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, _: PanicAtomically, _: &mut Self::Context) -> Self::Result {
        AtomicResponse::new(Box::pin(sleep(5 * MS).into_actor(self).map(|_, _, _| panic!("boom"))))
    }
}

/// Takes its time, while other letters are handled.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Slowly(pub(crate) Duration);

impl Handler<Slowly> for Worker {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, msg: Slowly, _: &mut Self::Context) -> Self::Result {
        Box::pin(
            sleep(msg.0)
                .into_actor(self)
                .map(|_, worker, _| worker.world.note(format!("{} was slow", worker.name))),
        )
    }
}

/// Takes its time, and lets ordinary letters wait.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Alone(pub(crate) Duration);

impl Handler<Alone> for Worker {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, msg: Alone, _: &mut Self::Context) -> Self::Result {
        let done = sleep(msg.0)
            .into_actor(self)
            .map(|_, worker: &mut Self, _| worker.world.note(format!("{} was alone", worker.name)));
        AtomicResponse::new(Box::pin(done))
    }
}

pub(crate) const CHILD: Child = Child {
    place: Place::Here,
    restart: Restart::Permanent,
    exhausted: Exhausted::Escalate,
    drain: Duration::from_secs(5),
};

/// Quiet in the log, and forgetful after 5 s.
pub(crate) fn policy() -> Policy {
    Policy { within: 5 * SECOND, health_every: None, jitter_seed: 1, ..Policy::default() }
}

pub(crate) fn worker_slot(name: &'static str) -> Slot<Worker> {
    slot(name, CAPACITY)
}

pub(crate) fn add_worker(
    family: &mut Supervisor,
    child: Child,
    slot: Slot<Worker>,
    name: &'static str,
    world: &World,
) -> Arc<Vitals> {
    let world = world.clone();
    let newborn = move |_: &mut Ctx<Worker>| {
        Ok(Worker { name, world: world.clone(), added: Vec::new(), timer: None, crashed: false })
    };
    family.child(child, slot, newborn)
}

/// One supervised worker, and everything to speak to it.
pub(crate) struct Only {
    pub(crate) family: Supervised,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) world: World,
    pub(crate) add: Link<Add>,
    pub(crate) act: Link<Do>,
    pub(crate) slowly: Link<Slowly>,
    pub(crate) alone: Link<Alone>,
    pub(crate) panic_atomically: Link<PanicAtomically>,
    pub(crate) urgent_add: Link<Add>,
    pub(crate) urgent_slowly: Link<Slowly>,
    pub(crate) lossy_add: Link<Add>,
    pub(crate) certain_add: Link<Add>,
    pub(crate) fresh_add: Link<Add>,
    pub(crate) escalations: Arc<Mutex<Vec<Escalation>>>,
}

impl Only {
    pub(crate) fn escalations(&self) -> Vec<Escalation> {
        self.escalations.lock().expect("nobody panics while escalating").clone()
    }
}

pub(crate) fn only(policy: Policy, child: Child, world: World) -> Only {
    let escalations: Arc<Mutex<Vec<Escalation>>> = Arc::default();
    let told = Arc::clone(&escalations);
    let mut family =
        Supervisor::new(policy, move |escalation| told.lock().expect("only told here").push(escalation));
    let slot = worker_slot("worker");
    let (add, act, slowly, alone) = (slot.link(), slot.link(), slot.link(), slot.link());
    let (urgent_add, urgent_slowly) = (slot.urgent_link(), slot.urgent_link());
    let (lossy_add, certain_add, fresh_add) =
        (slot.lossy_link(), slot.certain_link(), slot.fresh_link(50 * MS));
    let panic_atomically = slot.link();
    let vitals = add_worker(&mut family, child, slot, "worker", &world);
    let family = family.launch();
    Only {
        family,
        vitals,
        world,
        add,
        act,
        slowly,
        alone,
        panic_atomically,
        urgent_add,
        urgent_slowly,
        lossy_add,
        certain_add,
        fresh_add,
        escalations,
    }
}
