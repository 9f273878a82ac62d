//! The handle on a running supervisor.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};

use crate::{Exit, Vitals};

/// What the supervisor is told.
#[derive(Debug)]
pub(crate) enum Note {
    /// A life ended.
    Exited { child: usize, exit: Exit },
    /// Restart a child.
    Recycle { child: usize },
    /// Drain all children.
    Shutdown { within: Duration, reply: oneshot::Sender<Drained> },
    /// Let something go wrong in a child.
    #[cfg(feature = "faults")]
    Inject { child: usize, fault: crate::Fault },
}

/// How a shutdown went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every child finished what it had queued and in progress.
    Clean,
    /// At least one child was cut off; what it had left is lost to this process.
    TimedOut,
}

/// The running children. Cheap to clone, usable from any thread; dropping it stops nobody.
#[derive(Clone, Debug)]
pub struct Supervised {
    notes: mpsc::UnboundedSender<Note>,
    vitals: Arc<[Arc<Vitals>]>,
    outcome: Arc<OnceLock<Drained>>,
}

impl Supervised {
    pub(super) fn new(notes: mpsc::UnboundedSender<Note>, vitals: Vec<Arc<Vitals>>) -> Self {
        Self { notes, vitals: vitals.into(), outcome: Arc::default() }
    }

    /// Drains the children, last started first, each within its own limit and all of them within `within`. A child
    /// counts as drained when its mailbox is empty and its replies in progress have ended. Whoever does not make it
    /// is cut off. Resolves when all have stopped; a further call joins the shutdown that is going on.
    pub async fn shutdown(&self, within: Duration) -> Drained {
        let (reply, outcome) = oneshot::channel();
        // Dropped at once, for what could not be sent still holds the other end of `outcome`.
        drop(self.notes.send(Note::Shutdown { within, reply }));
        match outcome.await {
            Ok(outcome) => *self.outcome.get_or_init(|| outcome),
            Err(_over_already) => self.outcome.get().copied().unwrap_or(Drained::TimedOut),
        }
    }

    /// Restarts a child by hand, at once and with its queue; one that is down, parked or given up is tried again.
    /// False if nobody has that name, or the children have stopped.
    pub fn recycle(&self, actor: &str) -> bool {
        self.position(actor).is_some_and(|child| self.notes.send(Note::Recycle { child }).is_ok())
    }

    /// The vitals of all children, in start order.
    #[must_use]
    pub fn vitals(&self) -> Vec<Arc<Vitals>> {
        self.vitals.to_vec()
    }

    /// Lets something go wrong in a child, at its next turn. False if nobody has that name, or the children have
    /// stopped.
    #[cfg(feature = "faults")]
    pub fn inject(&self, actor: &str, fault: crate::Fault) -> bool {
        self.position(actor).is_some_and(|child| self.notes.send(Note::Inject { child, fault }).is_ok())
    }

    fn position(&self, actor: &str) -> Option<usize> {
        self.vitals.iter().position(|vitals| vitals.name == actor)
    }
}
