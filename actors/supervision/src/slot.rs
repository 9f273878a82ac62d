//! An address that exists before its actor: make all slots first, then wire the factories freely, cycles included.

use std::{future, sync::Arc, time::Duration};

use actix::{
    Actor, Addr, Handler, Message,
    dev::{
        Envelope,
        channel::{self, AddressReceiver},
    },
};
use tokio::sync::oneshot;

use crate::{
    AskError, Ctx, Link, TellError,
    letter::Letter,
    link::{Answer, Door},
    mailbox::{Mailbox, Manner, Owner},
    vitals::Vitals,
};

/// The place of one actor: its name, its mailbox and its address. Given to
/// [`Supervisor::child`](crate::Supervisor::child); if it is dropped instead, all its links answer
/// [`TellError::Gone`].
pub struct Slot<A: Actor<Context = Ctx<A>>> {
    pub(crate) owner: Owner<A>,
    pub(crate) address: Addr<A>,
    pub(crate) receiver: AddressReceiver<A>,
}

/// Makes a slot. At most `capacity` letters of ordinary and lossy links wait in its mailbox.
#[must_use]
pub fn slot<A: Actor<Context = Ctx<A>>>(name: &'static str, capacity: usize) -> Slot<A> {
    // The actix channel only carries what an actor sends to its own `ctx.address()`.
    let (sender, receiver) = channel::channel(16);
    let mailbox = Mailbox::new(Arc::new(Vitals::new(name)), capacity);
    Slot { owner: Owner(Arc::new(mailbox)), address: Addr::new(sender), receiver }
}

impl<A: Actor<Context = Ctx<A>>> Slot<A> {
    /// An ordinary link. When the mailbox is full, a letter is refused, counted, and warned of.
    pub fn link<M>(&self) -> Link<M>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send + 'static,
    {
        self.open(Manner::Ordinary, None)
    }

    /// An ordinary link whose letters are worth nothing after `shelf_life`: one that is older when its turn comes
    /// (after a back-off, say) is dropped and counted, and its asker learns [`AskError::Crashed`].
    pub fn fresh_link<M>(&self, shelf_life: Duration) -> Link<M>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send + 'static,
    {
        self.open(Manner::Ordinary, Some(shelf_life))
    }

    /// A link for market data. When the mailbox is full, the oldest undelivered letter of this link and its clones
    /// is dropped and counted; only if none of its own waits is the new one refused.
    pub fn lossy_link<M>(&self) -> Link<M>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send + 'static,
    {
        self.open(self.owner.0.lossy(), None)
    }

    /// A link for what must not be lost, such as order results and fills: never refused, however full the mailbox.
    /// Its letters count as waiting.
    pub fn certain_link<M>(&self) -> Link<M>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send + 'static,
    {
        self.open(Manner::Certain, None)
    }

    /// A link to the priority lane: never refused, and handled before anything queued, whichever came first.
    ///
    /// What holds: an urgent letter waits at most for the synchronous stretch now running. It does **not** wait for
    /// a `ctx.wait` or an `AtomicResponse` in progress: its handler runs between two polls of that future, and so
    /// may see the actor in the middle of it. Futures that an urgent handler spawns (its `ResponseActFuture`
    /// included) are polled during such a wait too; what it puts into `ctx.wait` is polled first. While the actor
    /// is down, starting or parked, urgent letters wait for its next life, where they come first, even before a
    /// `ctx.wait` made in `started` has ended.
    pub fn urgent_link<M>(&self) -> Link<M>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send + 'static,
    {
        self.open(Manner::Urgent, None)
    }

    fn open<M>(&self, manner: Manner, shelf_life: Option<Duration>) -> Link<M>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send + 'static,
    {
        Link::through(Chute { mailbox: Arc::clone(&self.owner.0), manner, shelf_life })
    }
}

/// One manner of reaching one mailbox.
struct Chute<A: Actor> {
    mailbox: Arc<Mailbox<A>>,
    manner: Manner,
    shelf_life: Option<Duration>,
}

impl<A: Actor<Context = Ctx<A>>> Chute<A> {
    fn post<M>(&self, msg: M, reply: Option<oneshot::Sender<M::Result>>) -> Result<(), TellError>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send + 'static,
    {
        let letter = Envelope::with_proxy(Box::new(Letter::new(msg, reply, self.shelf_life)));
        self.mailbox.post(self.manner, std::any::type_name::<M>(), letter)
    }
}

impl<A, M> Door<M> for Chute<A>
where
    A: Actor<Context = Ctx<A>> + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send + 'static,
{
    fn tell(&self, msg: M) -> Result<(), TellError> {
        self.post(msg, None)
    }

    fn ask(&self, msg: M) -> Answer<M::Result> {
        let (reply, answer) = oneshot::channel();
        match self.post(msg, Some(reply)) {
            Ok(()) => Box::pin(async move { answer.await.map_err(|_dropped| AskError::Crashed) }),
            Err(TellError::Full) => Box::pin(future::ready(Err(AskError::Full))),
            Err(TellError::Gone) => Box::pin(future::ready(Err(AskError::Crashed))),
        }
    }

    fn name(&self) -> &'static str {
        self.mailbox.vitals.name
    }
}
