//! A letter: a message on its way, and the seam where every message is counted, timed and given its span.
//!
//! Handlers stay plain actix; the letter does it around them.

use std::{
    pin::Pin,
    rc::Rc,
    task::{self, Poll},
    time::Duration,
};

use actix::{
    Actor, ActorFuture, Handler, Message,
    dev::{EnvelopeProxy, MessageResponse},
};
use tokio::{sync::oneshot, time::Instant};
use tracing::Span;

use crate::{
    Ctx,
    context::{Flight, InFlight, Task},
    subject,
};

/// A message, whom to answer, and what is known of its way.
pub(crate) struct Letter<M: Message> {
    content: Option<(M, Option<oneshot::Sender<M::Result>>)>,
    sent: Instant,
    shelf_life: Option<Duration>,
    from: Span,
    subject: Option<Span>,
}

impl<M: Message> Letter<M> {
    pub(crate) fn new(
        msg: M,
        reply: Option<oneshot::Sender<M::Result>>,
        shelf_life: Option<Duration>,
    ) -> Self {
        let (from, subject) = (Span::current(), subject::current());
        Self { content: Some((msg, reply)), sent: Instant::now(), shelf_life, from, subject }
    }

    /// Nobody wants it any more: its asker gave up, or it is older than it may be.
    fn is_void(&self, waited: Duration) -> bool {
        let expired = self.shelf_life.is_some_and(|limit| waited > limit);
        let reply = self.content.as_ref().and_then(|(_, reply)| reply.as_ref());
        expired || reply.is_some_and(oneshot::Sender::is_closed)
    }
}

impl<A, M> EnvelopeProxy<A> for Letter<M>
where
    A: Actor<Context = Ctx<A>> + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn handle(&mut self, actor: &mut A, ctx: &mut Ctx<A>) {
        let since = Instant::now();
        let waited = since.saturating_duration_since(self.sent);
        if self.is_void(waited) {
            ctx.vitals.letter_dropped();
            return;
        }
        let Some((msg, reply)) = self.content.take() else { return };
        let name = std::any::type_name::<M>();
        let parent = self.subject.as_ref().and_then(Span::id);
        let span = tracing::info_span!(parent: parent, "handle", actor = ctx.vitals.name, msg = name);
        span.follows_from(&self.from);
        let entered = span.clone().entered();
        let subject = self.subject.take();
        let _about = subject::carry(subject.clone());
        ctx.vitals.waited(waited);
        ctx.vitals.enter(name);
        #[cfg(feature = "faults")]
        let trap = ctx.vitals.traps.spring(name);
        #[cfg(feature = "faults")]
        if trap == Some(crate::Fault::Panic) {
            // Not `panic!`: hundreds of them are no news to whoever reads the log.
            std::panic::resume_unwind(Box::new("injected fault".to_owned()));
        }
        let response = actor.handle(msg, ctx);
        ctx.replying = Some(ReplyInProgress { since, span, subject, name });
        // A handler that hangs has begun its work, and whoever asked waits with it.
        #[cfg(feature = "faults")]
        let reply = match trap {
            Some(crate::Fault::Hang) => {
                ctx.hang(actor, name, reply);
                None
            }
            Some(crate::Fault::Block(duration)) => {
                std::thread::sleep(duration);
                reply
            }
            Some(crate::Fault::Panic) | None => reply,
        };
        response.handle(ctx, reply);
        if ctx.replying.take().is_some() {
            ctx.vitals.replied(since.elapsed()); // nothing was spawned: the answer is complete
        }
        ctx.vitals.leave();
        ctx.vitals.letter_handled();
        drop(entered);
    }
}

/// A handler that has returned, but whose answer may still be under way.
pub(crate) struct ReplyInProgress {
    since: Instant,
    span: Span,
    subject: Option<Span>,
    name: &'static str,
}

/// The asynchronous half of a handler: runs in the handler's span, and is in flight until it ends.
pub(crate) struct Reply<A: Actor> {
    task: Task<A>,
    handler: ReplyInProgress,
    _flight: Flight,
}

impl<A: Actor> Reply<A> {
    pub(crate) fn new(task: Task<A>, handler: ReplyInProgress, in_flight: &Rc<InFlight>) -> Self {
        let flight = in_flight.begin(handler.since, handler.name);
        Self { task, handler, _flight: flight }
    }
}

impl<A: Actor<Context = Ctx<A>>> ActorFuture<A> for Reply<A> {
    type Output = ();

    fn poll(
        mut self: Pin<&mut Self>,
        actor: &mut A,
        ctx: &mut Ctx<A>,
        cx: &mut task::Context<'_>,
    ) -> Poll<()> {
        let this = &mut *self;
        let _entered = this.handler.span.enter();
        let _about = subject::carry(this.handler.subject.clone());
        ctx.vitals.enter(this.handler.name);
        let polled = this.task.as_mut().poll(actor, ctx, cx);
        ctx.vitals.leave();
        if polled.is_ready() {
            ctx.vitals.replied(this.handler.since.elapsed());
        }
        polled
    }
}
