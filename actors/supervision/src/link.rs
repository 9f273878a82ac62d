//! How one actor speaks to another: it tells, or it asks with a deadline.
//!
//! What happens when the mailbox at the other end is full is the link's own property, chosen where the link is made
//! (see [`Slot`](crate::Slot)); the sender need not know it.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use actix::{Message, Recipient};
use thiserror::Error;

/// Why a letter was not taken. It was not and will not be handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TellError {
    /// The mailbox holds as many letters as it may.
    #[error("the mailbox is full")]
    Full,
    /// The actor has stopped for good.
    #[error("the actor is gone")]
    Gone,
}

/// Why an answer is missing.
///
/// [`AskError::Crashed`] and [`AskError::TimedOut`] mean that the outcome is **unknown**: the letter may have been
/// handled in part, may be handled still, or never. Only [`AskError::Full`] says that it was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AskError {
    /// The actor crashed, was killed, or is gone: nobody will answer.
    #[error("the actor crashed or is gone; the outcome is unknown")]
    Crashed,
    /// No answer within the time allowed. A letter still queued then is skipped, one being handled is not undone.
    #[error("no answer in time; the outcome is unknown")]
    TimedOut,
    /// The mailbox was full and the letter was not taken.
    #[error("the mailbox is full; the letter was not taken")]
    Full,
}

pub(crate) type Answer<R> = Pin<Box<dyn Future<Output = Result<R, AskError>> + Send>>;

/// What stands behind a link.
pub(crate) trait Door<M: Message + Send>: Send + Sync {
    fn tell(&self, msg: M) -> Result<(), TellError>;
    fn ask(&self, msg: M) -> Answer<M::Result>;
    fn name(&self) -> &'static str;
}

/// A way to send messages of one type to one actor. Cheap to clone, usable from any thread, and good for as long as
/// the process runs: it survives every restart of the actor.
pub struct Link<M: Message + Send> {
    door: Arc<dyn Door<M>>,
}

impl<M: Message + Send + 'static> Link<M>
where
    M::Result: Send + 'static,
{
    pub(crate) fn through(door: impl Door<M> + 'static) -> Self {
        Self { door: Arc::new(door) }
    }

    /// A link to any actix actor that handles `M`: test doubles, and actors that live outside the supervisor.
    /// actix does not bound such a mailbox, so `tell` never answers [`TellError::Full`].
    #[must_use]
    pub fn from_recipient(recipient: Recipient<M>) -> Self {
        Self::through(recipient)
    }

    /// Sends and does not wait. An error means that the letter was not taken.
    pub fn tell(&self, msg: M) -> Result<(), TellError> {
        self.door.tell(msg)
    }

    /// Sends and waits for the answer, but no longer than `within` (tokio time).
    ///
    /// An error other than [`AskError::Full`] means *unknown*, never "not done".
    pub fn ask(
        &self,
        msg: M,
        within: Duration,
    ) -> impl Future<Output = Result<M::Result, AskError>> + Send + use<M> {
        // Posted at once rather than at the first poll, so that letters arrive in the order of the calls.
        let answer = self.door.ask(msg);
        async move { tokio::time::timeout(within, answer).await.unwrap_or(Err(AskError::TimedOut)) }
    }
}

impl<M: Message + Send> Clone for Link<M> {
    fn clone(&self) -> Self {
        Self { door: Arc::clone(&self.door) }
    }
}

impl<M: Message + Send> fmt::Debug for Link<M> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Link<{}>({})", std::any::type_name::<M>(), self.door.name())
    }
}

impl<M: Message + Send + 'static> Door<M> for Recipient<M>
where
    M::Result: Send + 'static,
{
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where a foreign actor is told, checked first"
    )]
    fn tell(&self, msg: M) -> Result<(), TellError> {
        if !self.connected() {
            return Err(TellError::Gone);
        }
        self.do_send(msg);
        Ok(())
    }

    fn ask(&self, msg: M) -> Answer<M::Result> {
        let request = self.send(msg);
        Box::pin(async move { request.await.map_err(|_closed| AskError::Crashed) })
    }

    fn name(&self) -> &'static str {
        "recipient"
    }
}
