//! Faults that a test can put into any running actor, and into any one handler of it.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What goes wrong, inside the actor's own turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A panic, as any handler could raise it.
    Panic,
    /// An await that never ends, and which every ordinary letter has to wait for.
    Hang,
    /// The thread sleeps this long in real time, with everybody who lives on it.
    Block(Duration),
}

/// Faults that wait for a message, by the name of its type with its path.
#[derive(Debug, Default)]
pub(crate) struct Traps(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Messages of which a letter was handled.
    handled: BTreeSet<&'static str>,
    set: Option<(&'static str, Fault)>,
}

impl Traps {
    /// A letter of this type is about to be handled: the fault that was waiting for it, which is over with it.
    pub(crate) fn spring(&self, message: &'static str) -> Option<Fault> {
        let mut known = self.known();
        known.handled.insert(message);
        known.set.take_if(|(awaited, _)| *awaited == message).map(|(_, fault)| fault)
    }

    pub(crate) fn set(&self, message: &'static str, fault: Fault) {
        self.known().set = Some((message, fault));
    }

    pub(crate) fn is_set(&self) -> bool {
        self.known().set.is_some()
    }

    pub(crate) fn handled(&self) -> Vec<&'static str> {
        self.known().handled.iter().copied().collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
