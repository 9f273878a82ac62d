//! The supervisor: who is restarted when, and what happens when restarting does not help.
//!
//! | end of a life | what follows |
//! |---|---|
//! | panic, failure, stall | a restart after a back-off, unless the child is `Temporary` |
//! | the actor stopped itself | the same if `Permanent`; otherwise it is gone for good |
//! | more than `max_restarts` within `within` | `Escalate`: the callback, once, and no restart; `Park`: a retry now and then |
//! | recycled by hand | a restart that counts for nothing |
//!
//! Children start in the order they were added and drain in reverse. The supervisor contains no actor code: it is one
//! task on the thread that launched it, and if that task ends, the actors end.

mod handle;
mod keeper;
mod rules;
mod shutdown;
mod specification;

use std::{collections::BTreeMap, sync::Arc};

use actix::{Actor, Arbiter};
use tokio::sync::mpsc;

use crate::{
    Ctx, Exit, Failure, Slot, Vitals,
    cell::{Cell, Wires},
};
pub(crate) use handle::Note;
pub use handle::{Drained, Supervised};
use keeper::{Keeper, Ward};
pub use specification::{Child, Exhausted, Place, Policy, Restart, Strategy};

/// What the supervisor hands upward when a child's restarts are used up: it will not start that child again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// The child.
    pub actor: &'static str,
    /// Its last end.
    pub exit: Exit,
}

type Escalate = Box<dyn FnMut(Escalation)>;

/// Puts one cell onto the thread it is called on.
type Settle = Box<dyn FnOnce() + Send>;

/// Children that are not running yet.
pub struct Supervisor {
    policy: Policy,
    escalate: Escalate,
    wards: Vec<Ward>,
    cells: Vec<(Place, Settle)>,
    notes: mpsc::UnboundedSender<Note>,
    inbox: mpsc::UnboundedReceiver<Note>,
}

impl Supervisor {
    /// A supervisor without children. `escalate` is called on the supervisor's own thread, once for each child that
    /// it gives up; it must not block.
    #[must_use]
    pub fn new(policy: Policy, escalate: impl FnMut(Escalation) + 'static) -> Self {
        let (notes, inbox) = mpsc::unbounded_channel();
        let escalate = Box::new(escalate);
        Self { policy, escalate, wards: Vec::new(), cells: Vec::new(), notes, inbox }
    }

    /// Adds a child. The factory makes a fresh actor for each life, on the thread where it will live; it and `started`
    /// are the place to read back the state that must outlive a crash.
    pub fn child<A: Actor<Context = Ctx<A>>>(
        &mut self,
        spec: Child,
        slot: Slot<A>,
        factory: impl FnMut(&mut Ctx<A>) -> Result<A, Failure> + Send + 'static,
    ) -> Arc<Vitals> {
        let vitals = Arc::clone(&slot.owner.0.vitals);
        vitals.placed(spec.place);
        let (orders, orders_of_cell) = mpsc::unbounded_channel();
        let wires = Wires {
            child: self.wards.len(),
            orders: orders_of_cell,
            notes: self.notes.clone(),
            heartbeat: self.policy.heartbeat,
        };
        let settle = move || {
            actix_rt::spawn(Cell::new(slot, Box::new(factory), wires));
        };
        self.cells.push((spec.place, Box::new(settle)));
        self.wards.push(Ward::new(spec, orders, Arc::clone(&vitals)));
        vitals
    }

    /// Starts all children, in the order they were added, without waiting for one before the next.
    ///
    /// Needs a running actix `System`; children of the same named thread share one arbiter.
    #[must_use = "the handle is the only way to shut the children down"]
    pub fn launch(self) -> Supervised {
        let mut threads: BTreeMap<&'static str, Arbiter> = BTreeMap::new();
        for (place, settle) in self.cells {
            match place {
                Place::Here => settle(),
                Place::Thread(name) => {
                    threads.entry(name).or_insert_with(Arbiter::new).spawn_fn(settle);
                }
            }
        }
        let vitals = self.wards.iter().map(|ward| Arc::clone(&ward.vitals)).collect();
        let keeper = Keeper::new(self.policy, self.escalate, self.wards, threads);
        actix_rt::spawn(keeper.run(self.inbox));
        Supervised::new(self.notes, vitals)
    }
}
