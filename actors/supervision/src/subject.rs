//! What a letter is about: a span that goes with every letter that follows from it, through all actors.
//!
//! Whoever begins something that is to be told apart in the log, e.g. one decision, gives it a span. From then on each
//! letter that is sent meanwhile carries it, each handler's span is its child, and so is what a handler leaves running.

use std::{
    cell::RefCell,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{self, Poll},
};

use actix::{Actor, ActorFuture};
use tracing::{Span, span::EnteredSpan};

use crate::{Ctx, context::Task};

thread_local! {
    static SUBJECT: RefCell<Option<Span>> = const { RefCell::new(None) };
}

/// What is being worked on at this moment on this thread.
pub(crate) fn current() -> Option<Span> {
    SUBJECT.with_borrow(Clone::clone)
}

/// True when what is being done is about something.
pub fn has_subject() -> bool {
    SUBJECT.with_borrow(Option::is_some)
}

/// What is done while this lives is about its subject. It stays on its thread.
#[must_use = "it ends when it is dropped"]
pub struct About {
    before: Option<Span>,
    _entered: Option<EnteredSpan>,
    _stays: PhantomData<*const ()>,
}

impl Drop for About {
    fn drop(&mut self) {
        SUBJECT.set(self.before.take());
    }
}

/// What is done until the guard is dropped is about `subject`. Not for an await: see [`following`].
pub fn about(subject: Span) -> About {
    let entered = Some(subject.clone().entered());
    About { before: SUBJECT.replace(Some(subject)), _entered: entered, _stays: PhantomData }
}

/// The same without entering: a handler's own span is entered instead.
pub(crate) fn carry(subject: Option<Span>) -> About {
    About { before: SUBJECT.replace(subject), _entered: None, _stays: PhantomData }
}

/// The future as it was, about `subject` whenever it runs.
pub fn following<F: Future>(subject: Span, future: F) -> impl Future<Output = F::Output> {
    Following { subject, future: Box::pin(future) }
}

struct Following<F> {
    subject: Span,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Following<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let _about = about(self.subject.clone());
        self.future.as_mut().poll(cx)
    }
}

/// What a handler leaves running is about what the handler was about, in the handler's span.
pub(crate) struct LeftRunning<A: Actor> {
    task: Task<A>,
    span: Span,
    subject: Span,
}

impl<A: Actor> LeftRunning<A> {
    /// Nothing is changed where nothing is worked on.
    pub(crate) fn wrap(task: Task<A>) -> Task<A>
    where
        A: Actor<Context = Ctx<A>>,
    {
        match current() {
            Some(subject) => Box::pin(Self { task, span: Span::current(), subject }),
            None => task,
        }
    }
}

impl<A: Actor<Context = Ctx<A>>> ActorFuture<A> for LeftRunning<A> {
    type Output = ();

    fn poll(
        mut self: Pin<&mut Self>,
        actor: &mut A,
        ctx: &mut Ctx<A>,
        cx: &mut task::Context<'_>,
    ) -> Poll<()> {
        let this = &mut *self;
        let _entered = this.span.enter();
        let _about = carry(Some(this.subject.clone()));
        this.task.as_mut().poll(actor, ctx, cx)
    }
}
