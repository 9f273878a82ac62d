//! What an actor's file imports: actix without its own supervisor and without its unbounded sends.
//!
//! `ResponseActFuture` and `AtomicResponse` run inside the actor: they are supervised, counted and drained.
//! `ResponseFuture` runs beside it as a task of the thread: a panic there reaches the asker as
//! [`AskError::Crashed`] but restarts nobody, and no drain waits for it. Prefer the first two.

pub use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, AtomicResponse, Handler, Message, MessageResult,
    ResponseActFuture, ResponseFuture, Running, WrapFuture, fut,
};

pub use crate::{AskError, Ctx, Failure, Link};
