//! A cell: one future per child that owns its mailbox for as long as the process runs. Actors come and go inside it.
//!
//! A cell never decides. It starts, kills and drains when ordered to, catches what its actor throws, and reports
//! each end of a life to the supervisor.

mod life;

use std::{
    any::Any,
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{self, Poll},
    time::Duration,
};

use actix::{
    Actor, Addr,
    dev::{Stream, channel::AddressReceiver},
};
use tokio::{
    sync::mpsc,
    time::{Interval, MissedTickBehavior, interval},
};

use crate::{
    Ctx, Failure, Slot, State,
    mailbox::{Mailbox, Owner},
    mutant::{self, Mutant},
    supervisor::Note,
    vitals::Vitals,
};
use life::Life;

/// Orders from the supervisor to a cell.
#[derive(Debug)]
pub(crate) enum Order {
    /// Make a fresh actor, unless one lives.
    Start,
    /// End this life; the queue stays.
    Kill(KillReason),
    /// Finish what is queued and in progress, then stop for good.
    Drain,
    /// Stop for good, at once.
    Retire,
    /// Let something go wrong.
    #[cfg(feature = "faults")]
    Fault(crate::Fault),
}

/// Why the supervisor ended a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillReason {
    /// Somebody asked for it ([`Supervised::recycle`](crate::Supervised::recycle)).
    Recycled,
    /// No progress for longer than [`Policy::backlog_limit`](crate::Policy::backlog_limit).
    Stalled,
    /// A sibling crashed, and the strategy restarts them together.
    Group,
}

/// How a life ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It panicked.
    Panic {
        /// The panic's text.
        message: String,
        /// The type of the message handled, or what else the actor was doing.
        during: &'static str,
    },
    /// Its factory failed, or it called [`Ctx::fail`].
    Failed(String),
    /// It stopped itself.
    Stopped,
    /// The supervisor ended it.
    Killed {
        /// Why it did.
        reason: KillReason,
        /// What the actor was doing, or did last.
        during: &'static str,
    },
    /// It was drained.
    Drained,
}

impl fmt::Display for Exit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panic { message, during } => write!(out, "panicked during {during}: {message}"),
            Self::Failed(why) => write!(out, "failed: {why}"),
            Self::Stopped => write!(out, "stopped itself"),
            Self::Killed { reason, during } => write!(out, "killed ({reason:?}) during {during}"),
            Self::Drained => write!(out, "drained"),
        }
    }
}

/// Makes a fresh actor for each life.
pub(crate) type Factory<A> = Box<dyn FnMut(&mut Ctx<A>) -> Result<A, Failure> + Send>;

/// What connects a cell with its supervisor.
pub(crate) struct Wires {
    pub(crate) child: usize,
    pub(crate) orders: mpsc::UnboundedReceiver<Order>,
    pub(crate) notes: mpsc::UnboundedSender<Note>,
    pub(crate) heartbeat: Option<Duration>,
}

pub(crate) struct Cell<A: Actor<Context = Ctx<A>>> {
    child: usize,
    orders: mpsc::UnboundedReceiver<Order>,
    notes: mpsc::UnboundedSender<Note>,
    heartbeat: Option<Interval>,
    owner: Owner<A>,
    address: Addr<A>,
    receiver: AddressReceiver<A>,
    vitals: Arc<Vitals>,
    factory: Factory<A>,
    life: Option<Life<A>>,
    draining: bool,
    #[cfg(feature = "faults")]
    faults: std::collections::VecDeque<crate::Fault>,
}

/// Whether the cell goes on after an order.
#[derive(PartialEq, Eq)]
enum Goes {
    On,
    Out,
}

impl<A: Actor<Context = Ctx<A>>> Cell<A> {
    /// Must be called on the thread where the actor shall live.
    pub(crate) fn new(slot: Slot<A>, factory: Factory<A>, wires: Wires) -> Self {
        Self {
            child: wires.child,
            orders: wires.orders,
            notes: wires.notes,
            heartbeat: wires.heartbeat.map(heartbeat),
            vitals: Arc::clone(&slot.owner.0.vitals),
            owner: slot.owner,
            address: slot.address,
            receiver: slot.receiver,
            factory,
            life: None,
            draining: false,
            #[cfg(feature = "faults")]
            faults: std::collections::VecDeque::new(),
        }
    }

    fn mailbox(&self) -> &Mailbox<A> {
        &self.owner.0
    }

    fn obey(&mut self, cx: &mut task::Context<'_>) -> Goes {
        while let Poll::Ready(order) = self.orders.poll_recv(cx) {
            match order {
                Some(Order::Start) => self.start(),
                Some(Order::Kill(reason)) => self.kill(reason),
                Some(Order::Drain) => self.drain(),
                #[cfg(feature = "faults")]
                Some(Order::Fault(fault)) => self.faults.push_back(fault),
                Some(Order::Retire) | None => {
                    self.discard_life();
                    self.vitals.change(State::Stopped);
                    return Goes::Out;
                }
            }
        }
        Goes::On
    }

    fn start(&mut self) {
        if self.life.is_some() {
            return;
        }
        self.vitals.change(State::Starting);
        self.vitals.enter("started");
        let ctx = Ctx::new(self.address.clone(), Arc::clone(&self.vitals));
        let factory = &mut self.factory;
        let born = catch_unwind(AssertUnwindSafe(move || Life::begin(factory, ctx)));
        self.vitals.leave();
        match born {
            Ok(Ok(life)) => {
                self.life = Some(life);
                self.vitals.progressed();
                self.vitals.change(if self.draining { State::Draining } else { State::Running });
            }
            Ok(Err(failure)) => self.end(Exit::Failed(failure.reason().to_owned())),
            Err(panic) => self.end(Exit::Panic { message: text(&*panic), during: "started" }),
        }
    }

    fn kill(&mut self, reason: KillReason) {
        if self.life.is_some() {
            self.end(Exit::Killed { reason, during: self.vitals.awaited() });
        }
    }

    fn drain(&mut self) {
        self.draining = true;
        if self.life.is_some() {
            self.vitals.change(State::Draining);
        }
    }

    /// One turn of the actor, if one lives, with whatever it throws caught.
    fn turn(&mut self, cx: &mut task::Context<'_>) {
        let Some(life) = &mut self.life else { return };
        #[cfg(feature = "faults")]
        let faults = &mut self.faults;
        let mailbox = &*self.owner.0;
        let mut turn = || {
            #[cfg(feature = "faults")]
            faults.drain(..).for_each(|fault| life.suffer(fault));
            life.turn(mailbox, cx)
        };
        let caught = !mutant::is_on(Mutant::NoCatch);
        let turned = if caught { catch_unwind(AssertUnwindSafe(turn)) } else { Ok(turn()) };
        match turned {
            Ok(Poll::Pending) => {}
            Ok(Poll::Ready(exit)) => self.end(exit),
            Err(panic) => {
                let during = self.vitals.message();
                self.end(Exit::Panic { message: text(&*panic), during });
            }
        }
    }

    /// Ends the drain once nothing waits and nothing is in progress. A child that is down is drained when its mailbox
    /// is empty; otherwise it waits for its restart.
    fn try_to_finish_drain(&mut self) -> bool {
        let idle = self.life.as_ref().is_none_or(Life::is_idle);
        if !self.draining || !idle || !self.mailbox().close_if_empty() {
            return false;
        }
        if let Some(life) = &mut self.life {
            let _contained = catch_unwind(AssertUnwindSafe(|| life.stop()));
        }
        self.end(Exit::Drained);
        true
    }

    fn end(&mut self, exit: Exit) {
        self.discard_life();
        self.vitals.leave();
        match &exit {
            Exit::Drained => self.vitals.change(State::Stopped),
            Exit::Stopped => self.vitals.change(State::Down),
            Exit::Panic { .. } | Exit::Failed(_) | Exit::Killed { .. } => {
                self.vitals.failed(exit.to_string());
                self.vitals.change(State::Down);
            }
        }
        let _nobody_left_to_tell = self.notes.send(Note::Exited { child: self.child, exit });
    }

    /// A half-finished actor may panic again while it is dropped.
    fn discard_life(&mut self) {
        let life = self.life.take();
        let _contained = catch_unwind(AssertUnwindSafe(move || drop(life)));
    }

    fn take_in_own_mail(&mut self, cx: &mut task::Context<'_>) {
        while let Poll::Ready(Some(letter)) = Pin::new(&mut self.receiver).poll_next(cx) {
            self.mailbox().accept(letter);
        }
    }
}

impl<A: Actor<Context = Ctx<A>>> Future for Cell<A> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.vitals.polled();
        if let Some(heartbeat) = &mut this.heartbeat {
            while heartbeat.poll_tick(cx).is_ready() {}
        }
        this.mailbox().wake_with(cx.waker());
        if this.obey(cx) == Goes::Out {
            return Poll::Ready(());
        }
        this.take_in_own_mail(cx);
        this.turn(cx);
        if this.try_to_finish_drain() { Poll::Ready(()) } else { Poll::Pending }
    }
}

fn heartbeat(period: Duration) -> Interval {
    let mut heartbeat = interval(period.max(Duration::from_millis(1)));
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat
}

fn text(panic: &(dyn Any + Send)) -> String {
    let borrowed = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    borrowed.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no text".to_owned())
}
