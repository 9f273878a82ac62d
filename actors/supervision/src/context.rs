//! The actor's context: actix's `AsyncContext`, plus what lets the kernel count, time and restart.

use std::{cell, collections::BTreeMap, fmt::Display, pin::Pin, rc::Rc, sync::Arc};

use actix::{
    Actor, ActorContext, ActorFuture, ActorState, Addr, AsyncContext, Handler, Message, SpawnHandle,
    dev::{Envelope, ToEnvelope},
};
use tokio::{sync::oneshot, time::Instant};

use crate::{
    letter::{Letter, Reply, ReplyInProgress},
    subject::LeftRunning,
    vitals::Vitals,
};

/// A future that runs inside an actor.
pub(crate) type Task<A> = Pin<Box<dyn ActorFuture<A, Output = ()>>>;

/// A spawned task. Urgent ones (spawned while an urgent letter is handled) run even during a wait.
pub(crate) struct Job<A: Actor> {
    pub(crate) handle: SpawnHandle,
    pub(crate) urgent: bool,
    pub(crate) task: Task<A>,
}

/// The context of a supervised actor, fresh for each life: `type Context = Ctx<Self>;`.
pub struct Ctx<A: Actor<Context = Self>> {
    address: Addr<A>,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) state: ActorState,
    pub(crate) failure: Option<String>,
    pub(crate) new_jobs: Vec<Job<A>>,
    pub(crate) waits: Vec<Task<A>>,
    /// A wait was added that has not been polled yet.
    pub(crate) new_wait: bool,
    pub(crate) cancelled: Vec<SpawnHandle>,
    /// An urgent letter is being handled.
    pub(crate) urgent: bool,
    /// The handler whose asynchronous half the next spawn or wait is.
    pub(crate) replying: Option<ReplyInProgress>,
    pub(crate) in_flight: Rc<InFlight>,
    last_handle: SpawnHandle,
}

impl<A: Actor<Context = Self>> Ctx<A> {
    pub(crate) fn new(address: Addr<A>, vitals: Arc<Vitals>) -> Self {
        Self {
            address,
            in_flight: Rc::new(InFlight::new(Arc::clone(&vitals))),
            vitals,
            state: ActorState::Started,
            failure: None,
            new_jobs: Vec::new(),
            waits: Vec::new(),
            new_wait: false,
            cancelled: Vec::new(),
            urgent: false,
            replying: None,
            last_handle: SpawnHandle::default(),
        }
    }

    /// Crashes without a panic: this life ends as soon as the handler returns, and the supervisor starts a fresh one.
    pub fn fail(&mut self, why: impl Display) {
        self.failure = Some(why.to_string());
        self.state = ActorState::Stopped;
    }

    /// The actor's name, as given to its slot.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.vitals.name
    }

    /// Boxes a future; if it is the asynchronous half of the handler now running, it is timed and counted as such.
    fn task(&mut self, future: impl ActorFuture<A, Output = ()> + 'static) -> Task<A> {
        match self.replying.take() {
            Some(reply) => Box::pin(Reply::new(Box::pin(future), reply, &self.in_flight)),
            None => LeftRunning::wrap(Box::pin(future)),
        }
    }
}

impl<A: Actor<Context = Self>> ActorContext for Ctx<A> {
    fn stop(&mut self) {
        if self.state.alive() {
            self.state = ActorState::Stopping;
        }
    }

    fn terminate(&mut self) {
        self.state = ActorState::Stopped;
    }

    fn state(&self) -> ActorState {
        self.state
    }
}

impl<A: Actor<Context = Self>> AsyncContext<A> for Ctx<A> {
    /// The actor's own actix address. Others hold a [`Link`](crate::Link): this way in is not bounded.
    fn address(&self) -> Addr<A> {
        self.address.clone()
    }

    fn spawn<F: ActorFuture<A, Output = ()> + 'static>(&mut self, future: F) -> SpawnHandle {
        let handle = self.last_handle.next();
        self.last_handle = handle;
        let task = self.task(future);
        self.new_jobs.push(Job { handle, urgent: self.urgent, task });
        handle
    }

    fn wait<F: ActorFuture<A, Output = ()> + 'static>(&mut self, future: F) {
        let task = self.task(future);
        self.waits.push(task);
        self.new_wait = true;
    }

    fn waiting(&self) -> bool {
        !self.waits.is_empty() || self.state.stopping()
    }

    fn cancel_future(&mut self, handle: SpawnHandle) -> bool {
        self.cancelled.push(handle);
        true
    }
}

/// Whatever is sent to the actor's actix address becomes a letter too, so that nothing is handled uncounted.
impl<A, M> ToEnvelope<A, M> for Ctx<A>
where
    A: Actor<Context = Self> + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn pack(msg: M, reply: Option<oneshot::Sender<M::Result>>) -> Envelope<A> {
        Envelope::with_proxy(Box::new(Letter::new(msg, reply, None)))
    }
}

/// The replies in progress of one life, oldest first.
pub(crate) struct InFlight {
    vitals: Arc<Vitals>,
    since: cell::RefCell<BTreeMap<u64, (Instant, &'static str)>>,
    begun: cell::Cell<u64>,
}

impl InFlight {
    fn new(vitals: Arc<Vitals>) -> Self {
        Self { vitals, since: cell::RefCell::default(), begun: cell::Cell::new(0) }
    }

    /// Counts one more reply until the flight returned is dropped.
    pub(crate) fn begin(self: &Rc<Self>, since: Instant, message: &'static str) -> Flight {
        let number = self.begun.get() + 1;
        self.begun.set(number);
        self.since.borrow_mut().insert(number, (since, message));
        self.publish();
        Flight { number, book: Rc::clone(self) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.since.borrow().is_empty()
    }

    fn publish(&self) {
        let since = self.since.borrow();
        self.vitals.publish_in_flight(since.len(), since.values().next().copied());
    }
}

/// One reply in progress; over when dropped, be it finished, cancelled or crashed.
pub(crate) struct Flight {
    number: u64,
    book: Rc<InFlight>,
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.book.since.borrow_mut().remove(&self.number);
        self.book.publish();
    }
}
