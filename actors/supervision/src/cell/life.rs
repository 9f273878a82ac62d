//! One life of an actor: its value, its context and its futures, from the factory to its end.
//!
//! The order within a turn: urgent letters overtake everything; a `wait` holds back ordinary letters and ordinary
//! futures, the newest wait first; then letters in their order; then spawned futures in the order they were spawned.

use std::task::{self, Poll};

use actix::{Actor, ActorState, AsyncContext, Running, dev::EnvelopeProxy};

use super::{Exit, Factory};
use crate::{
    Ctx, Failure,
    context::Job,
    mailbox::{Lane, Mailbox},
};

/// Letters handled in one turn before the other actors of the thread get theirs.
const LETTERS_PER_TURN: usize = 64;
/// Rounds over waits, letters and futures in one turn, for actors that give themselves ever new work.
const ROUNDS_PER_TURN: usize = 64;

pub(super) struct Life<A: Actor<Context = Ctx<A>>> {
    actor: A,
    ctx: Ctx<A>,
    jobs: Vec<Job<A>>,
}

impl<A: Actor<Context = Ctx<A>>> Life<A> {
    pub(super) fn begin(factory: &mut Factory<A>, mut ctx: Ctx<A>) -> Result<Self, Failure> {
        let mut actor = factory(&mut ctx)?;
        actor.started(&mut ctx);
        if ctx.state.alive() {
            ctx.state = ActorState::Running;
        }
        Ok(Self { actor, ctx, jobs: Vec::new() })
    }

    /// Does what can be done now. Pending means that nothing more can be; ready, that this life is over.
    pub(super) fn turn(&mut self, mailbox: &Mailbox<A>, cx: &mut task::Context<'_>) -> Poll<Exit> {
        let mut letters_left = LETTERS_PER_TURN;
        for _ in 0..ROUNDS_PER_TURN {
            if let Some(exit) = self.ending() {
                return Poll::Ready(exit);
            }
            self.poll_waits(cx);
            self.handle_letters(mailbox, &mut letters_left);
            self.poll_jobs(cx);
            if !self.has_new_work() {
                break;
            }
        }
        if self.has_new_work() || mailbox.has_letters(self.ctx.waiting()) {
            cx.waker().wake_by_ref(); // the turn was used up: yield, and come back
        }
        Poll::Pending
    }

    /// Whether nothing is in progress that a drain has to wait for. Timers and streams do not count.
    pub(super) fn is_idle(&self) -> bool {
        self.ctx.waits.is_empty() && self.ctx.in_flight.is_empty() && !self.has_new_work()
    }

    /// The orderly end, for a drain.
    pub(super) fn stop(&mut self) {
        let _not_asked = self.actor.stopping(&mut self.ctx);
        self.actor.stopped(&mut self.ctx);
    }

    fn has_new_work(&self) -> bool {
        self.ctx.new_wait || !self.ctx.new_jobs.is_empty() || !self.ctx.state.alive()
    }

    fn poll_waits(&mut self, cx: &mut task::Context<'_>) {
        while self.ctx.state.alive() {
            // Taken out while it is polled, because it may wait for something else in turn.
            let Some(mut wait) = self.ctx.waits.pop() else { break };
            let below = self.ctx.waits.len();
            self.ctx.vitals.enter("a wait");
            let polled = wait.as_mut().poll(&mut self.actor, &mut self.ctx, cx);
            self.ctx.vitals.leave();
            if polled.is_pending() {
                self.ctx.waits.insert(below, wait);
                if self.ctx.waits.len() == below + 1 {
                    break;
                }
            }
        }
        self.ctx.new_wait = false;
    }

    fn handle_letters(&mut self, mailbox: &Mailbox<A>, letters_left: &mut usize) {
        while *letters_left > 0 && self.ctx.state.alive() {
            let Some((lane, mut letter)) = mailbox.take(self.ctx.waiting()) else { break };
            *letters_left -= 1;
            self.ctx.urgent = lane == Lane::Urgent;
            letter.handle(&mut self.actor, &mut self.ctx);
            self.ctx.urgent = false;
        }
    }

    fn poll_jobs(&mut self, cx: &mut task::Context<'_>) {
        self.adopt_new_jobs();
        let mut next = 0;
        while self.ctx.state.alive() && next < self.jobs.len() {
            let Some(job) = self.jobs.get_mut(next) else { break };
            if self.ctx.waiting() && !job.urgent {
                next += 1;
                continue;
            }
            self.ctx.vitals.enter("a spawned future");
            let polled = job.task.as_mut().poll(&mut self.actor, &mut self.ctx, cx);
            self.ctx.vitals.leave();
            if polled.is_ready() {
                drop(self.jobs.remove(next));
            } else {
                next += 1;
            }
            if !self.ctx.cancelled.is_empty() {
                self.adopt_new_jobs();
                next = 0;
            }
        }
    }

    fn adopt_new_jobs(&mut self) {
        self.jobs.append(&mut self.ctx.new_jobs);
        for cancelled in std::mem::take(&mut self.ctx.cancelled) {
            self.jobs.retain(|job| job.handle != cancelled);
        }
    }

    /// How this life ends, if it does. An actor that wants to stop may still decide otherwise in `stopping`.
    fn ending(&mut self) -> Option<Exit> {
        if let Some(why) = self.ctx.failure.take() {
            return Some(Exit::Failed(why));
        }
        match self.ctx.state {
            ActorState::Started | ActorState::Running => return None,
            ActorState::Stopping => {
                if self.actor.stopping(&mut self.ctx) == Running::Continue {
                    self.ctx.state = ActorState::Running;
                    return None;
                }
            }
            ActorState::Stopped => {}
        }
        self.ctx.state = ActorState::Stopped;
        self.actor.stopped(&mut self.ctx);
        Some(Exit::Stopped)
    }
}

#[cfg(feature = "faults")]
impl<A: Actor<Context = Ctx<A>>> Life<A> {
    /// Lets the fault happen as if a handler had caused it.
    pub(super) fn suffer(&mut self, fault: crate::Fault) {
        self.ctx.vitals.enter("an injected fault");
        match fault {
            crate::Fault::Panic => blow_up(),
            crate::Fault::Hang => self.ctx.hang(&self.actor, "an injected fault", ()),
            crate::Fault::Block(duration) => std::thread::sleep(duration),
        }
        self.ctx.vitals.leave();
    }
}

#[cfg(feature = "faults")]
impl<A: Actor<Context = Ctx<A>>> Ctx<A> {
    /// Waits for something that never comes, and with it every ordinary letter and whoever waits for what is `held`.
    pub(crate) fn hang(&mut self, actor: &A, during: &'static str, held: impl Sized + 'static) {
        use actix::WrapFuture;
        let flight = self.in_flight.begin(tokio::time::Instant::now(), during);
        let endless = async move {
            let _kept = (flight, held);
            std::future::pending::<()>().await;
        };
        self.wait(endless.into_actor(actor));
    }
}

#[cfg(feature = "faults")]
#[expect(clippy::panic, reason = "what a test asked for, to be caught like any other")]
fn blow_up() {
    panic!("injected fault");
}
