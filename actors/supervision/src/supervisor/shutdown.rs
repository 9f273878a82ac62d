//! The orderly end: children drain one after the other, the last started first, so that sources stop before sinks.
//!
//! A child that crashes while it drains is restarted like any other and goes on draining; its limit runs on.

use tokio::{sync::oneshot, time::Instant};

use super::{
    Drained,
    keeper::{Keeper, Phase},
};
use crate::cell::Order;

/// A shutdown that is going on.
pub(super) struct Shutdown {
    /// The child that drains now; none once all have stopped.
    current: Option<usize>,
    current_limit: Instant,
    deadline: Instant,
    outcome: Drained,
    replies: Vec<oneshot::Sender<Drained>>,
}

impl Shutdown {
    /// When the child that drains now is cut off.
    pub(super) fn limit(&self) -> Instant {
        self.current_limit
    }

    /// Whether everybody has stopped; if so, whoever asked is told.
    pub(super) fn is_over(&mut self) -> bool {
        if self.current.is_some() {
            return false;
        }
        for reply in self.replies.drain(..) {
            let _stopped_waiting = reply.send(self.outcome);
        }
        true
    }
}

impl Keeper {
    pub(super) fn begin_shutdown(
        &mut self,
        deadline: Instant,
        reply: oneshot::Sender<Drained>,
        now: Instant,
    ) {
        if let Some(shutdown) = &mut self.shutdown {
            shutdown.deadline = shutdown.deadline.min(deadline);
            shutdown.current_limit = shutdown.current_limit.min(deadline);
            shutdown.replies.push(reply);
            return;
        }
        tracing::info!("draining");
        self.shutdown = Some(Shutdown {
            current: None,
            current_limit: deadline,
            deadline,
            outcome: Drained::Clean,
            replies: vec![reply],
        });
        self.drain_before(self.wards.len(), now);
    }

    pub(super) fn is_draining(&self, child: usize) -> bool {
        self.shutdown.as_ref().is_some_and(|shutdown| shutdown.current == Some(child))
    }

    /// A child has stopped for good: if it was the one that drains, the next one's turn has come.
    pub(super) fn drain_next(&mut self, stopped: usize, now: Instant) {
        if self.is_draining(stopped) {
            self.drain_before(stopped, now);
        }
    }

    /// Like [`Keeper::drain_next`], for a child that did not finish.
    pub(super) fn cut_off(&mut self, child: usize, now: Instant) {
        if let Some(shutdown) = &mut self.shutdown {
            shutdown.outcome = Drained::TimedOut;
        }
        self.drain_next(child, now);
    }

    pub(super) fn enforce_drain_limits(&mut self, now: Instant) {
        while let Some(child) = self.overdue(now) {
            if let Some(ward) = self.wards.get_mut(child) {
                tracing::error!(actor = ward.vitals.name, "drain limit exceeded, cut off");
                ward.retire();
            }
            self.cut_off(child, now);
        }
    }

    fn overdue(&self, now: Instant) -> Option<usize> {
        let shutdown = self.shutdown.as_ref()?;
        shutdown.current.filter(|_| shutdown.current_limit <= now)
    }

    /// Drains the nearest child before this one that still can be. A child that is down for longer than its limit
    /// (given up, or parked) cannot finish anything, and is retired; it was drained if nothing waited for it.
    fn drain_before(&mut self, end: usize, now: Instant) {
        let Some(shutdown) = &mut self.shutdown else { return };
        shutdown.current = None;
        for (child, ward) in self.wards.iter_mut().enumerate().take(end).rev() {
            let limit = (now + ward.spec.drain).min(shutdown.deadline);
            let lost = match ward.phase {
                Phase::Retired => continue,
                Phase::GivenUp => true,
                Phase::Due(at) => at >= limit,
                Phase::Up | Phase::Dying | Phase::Grouped => false,
            };
            if !lost {
                ward.order(Order::Drain);
                shutdown.current = Some(child);
                shutdown.current_limit = limit;
                return;
            }
            if ward.vitals.depth() > 0 {
                shutdown.outcome = Drained::TimedOut;
            }
            ward.retire();
        }
    }
}
