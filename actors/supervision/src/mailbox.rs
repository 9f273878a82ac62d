//! The mailbox: it belongs to a slot, not to an actor, and so survives every crash of the actor it feeds.
//!
//! Two lanes: urgent letters are taken before anything that is queued. The capacity bounds the ordinary lane for
//! ordinary and lossy links; a certain or an urgent letter is always accepted.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    task::Waker,
    time::Duration,
};

use actix::{Actor, dev::Envelope};
use tokio::time::Instant;

use crate::{
    TellError,
    vitals::{Vitals, locked},
};

/// A full mailbox complains at most this often; refusals in between are counted and told with the next complaint.
const WARN_EVERY: Duration = Duration::from_secs(1);

/// How a link treats a mailbox that is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Full: the letter is refused.
    Ordinary,
    /// Full: the oldest waiting letter of the same link makes room.
    Lossy(u64),
    /// Never refused.
    Certain,
    /// Never refused, and taken first.
    Urgent,
}

/// Where a letter was taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    Urgent,
    Ordinary,
}

struct Waiting<A: Actor> {
    arrived: Instant,
    link: Option<u64>,
    letter: Envelope<A>,
}

struct Lanes<A: Actor> {
    urgent: VecDeque<Waiting<A>>,
    ordinary: VecDeque<Waiting<A>>,
    links: u64,
    closed: bool,
    waker: Option<Waker>,
    refused: u64,
    warned_at: Option<Instant>,
}

/// Letters for one actor, from any thread.
pub(crate) struct Mailbox<A: Actor> {
    pub(crate) vitals: Arc<Vitals>,
    capacity: usize,
    lanes: Mutex<Lanes<A>>,
}

impl<A: Actor> Mailbox<A> {
    pub(crate) fn new(vitals: Arc<Vitals>, capacity: usize) -> Self {
        let lanes = Lanes {
            urgent: VecDeque::new(),
            ordinary: VecDeque::new(),
            links: 0,
            closed: false,
            waker: None,
            refused: 0,
            warned_at: None,
        };
        Self { vitals, capacity, lanes: Mutex::new(lanes) }
    }

    /// A manner of its own for one more lossy link.
    pub(crate) fn lossy(&self) -> Manner {
        let mut lanes = locked(&self.lanes);
        lanes.links += 1;
        Manner::Lossy(lanes.links)
    }

    /// Queues a letter and wakes the actor. What has to make room is dropped after the lock is released, because
    /// dropping a message may run anybody's code.
    pub(crate) fn post(
        &self,
        manner: Manner,
        message: &'static str,
        letter: Envelope<A>,
    ) -> Result<(), TellError> {
        let mut lanes = locked(&self.lanes);
        if lanes.closed {
            return Err(TellError::Gone);
        }
        let displaced = match self.make_room(&mut lanes, manner) {
            Ok(displaced) => displaced,
            Err(full) => {
                self.refuse(lanes, message);
                return Err(full);
            }
        };
        lanes.queue(manner, letter);
        self.publish(&lanes);
        let waker = lanes.waker.take();
        drop(lanes);
        drop(displaced);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Queues what came in through the actor's own actix address, without waking: its cell is awake already.
    pub(crate) fn accept(&self, letter: Envelope<A>) {
        let mut lanes = locked(&self.lanes);
        lanes.queue(Manner::Certain, letter);
        self.publish(&lanes);
    }

    /// The next letter: urgent ones first, and only those if `urgent_only`.
    pub(crate) fn take(&self, urgent_only: bool) -> Option<(Lane, Envelope<A>)> {
        let mut lanes = locked(&self.lanes);
        let (lane, waiting) = match lanes.urgent.pop_front() {
            Some(waiting) => (Lane::Urgent, waiting),
            None if urgent_only => return None,
            None => (Lane::Ordinary, lanes.ordinary.pop_front()?),
        };
        self.publish(&lanes);
        Some((lane, waiting.letter))
    }

    /// Whether [`Mailbox::take`] would yield something.
    pub(crate) fn has_letters(&self, urgent_only: bool) -> bool {
        let lanes = locked(&self.lanes);
        !lanes.urgent.is_empty() || (!urgent_only && !lanes.ordinary.is_empty())
    }

    /// Whom the next letter wakes.
    pub(crate) fn wake_with(&self, waker: &Waker) {
        locked(&self.lanes).waker = Some(waker.clone());
    }

    /// Closes the mailbox for good if nothing waits in it; says whether it did.
    pub(crate) fn close_if_empty(&self) -> bool {
        let mut lanes = locked(&self.lanes);
        let empty = lanes.urgent.is_empty() && lanes.ordinary.is_empty();
        lanes.closed |= empty;
        empty
    }

    /// Closes the mailbox for good; whoever still waits for an answer learns that there will be none.
    fn close(&self) {
        let mut lanes = locked(&self.lanes);
        lanes.closed = true;
        let orphans = (std::mem::take(&mut lanes.urgent), std::mem::take(&mut lanes.ordinary));
        self.publish(&lanes);
        drop(lanes);
        drop(orphans);
    }

    /// The letter that gives way, if one has to.
    fn make_room(&self, lanes: &mut Lanes<A>, manner: Manner) -> Result<Option<Waiting<A>>, TellError> {
        let full = lanes.ordinary.len() >= self.capacity;
        let displaced = match manner {
            Manner::Ordinary if full => return Err(TellError::Full),
            Manner::Lossy(link) if full => Some(lanes.displace(link).ok_or(TellError::Full)?),
            Manner::Ordinary | Manner::Lossy(_) | Manner::Certain | Manner::Urgent => None,
        };
        if displaced.is_some() {
            self.vitals.letter_dropped();
        }
        Ok(displaced)
    }

    fn refuse(&self, mut lanes: std::sync::MutexGuard<'_, Lanes<A>>, message: &'static str) {
        self.vitals.letter_dropped();
        lanes.refused += 1;
        let now = Instant::now();
        if lanes.warned_at.is_some_and(|last| now.saturating_duration_since(last) < WARN_EVERY) {
            return;
        }
        lanes.warned_at = Some(now);
        let refused = std::mem::take(&mut lanes.refused);
        drop(lanes);
        tracing::warn!(actor = self.vitals.name, msg = message, refused, "mailbox full, letter refused");
    }

    fn publish(&self, lanes: &Lanes<A>) {
        let fronts = [lanes.urgent.front(), lanes.ordinary.front()];
        let oldest = fronts.into_iter().flatten().map(|waiting| waiting.arrived).min();
        self.vitals.publish_backlog(lanes.urgent.len() + lanes.ordinary.len(), oldest);
    }
}

impl<A: Actor> Lanes<A> {
    fn queue(&mut self, manner: Manner, letter: Envelope<A>) {
        let arrived = Instant::now();
        match manner {
            Manner::Urgent => self.urgent.push_back(Waiting { arrived, link: None, letter }),
            Manner::Lossy(link) => self.ordinary.push_back(Waiting { arrived, link: Some(link), letter }),
            Manner::Ordinary | Manner::Certain => {
                self.ordinary.push_back(Waiting { arrived, link: None, letter });
            }
        }
    }

    fn displace(&mut self, link: u64) -> Option<Waiting<A>> {
        let oldest = self.ordinary.iter().position(|waiting| waiting.link == Some(link))?;
        self.ordinary.remove(oldest)
    }
}

/// The one owner of a mailbox. When it goes, the mailbox closes, and nobody waits for an answer any more.
pub(crate) struct Owner<A: Actor>(pub(crate) Arc<Mailbox<A>>);

impl<A: Actor> Drop for Owner<A> {
    fn drop(&mut self) {
        self.0.close();
    }
}
