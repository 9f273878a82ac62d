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
    /// Those of them in whose handler something went wrong.
    tried: BTreeSet<&'static str>,
    set: Option<Trap>,
}

#[derive(Debug)]
enum Trap {
    For(&'static str, Fault),
    ForUntried(Fault),
}

impl Known {
    fn awaits(&self, message: &'static str) -> Option<Fault> {
        match self.set.as_ref()? {
            Trap::For(awaited, fault) => (*awaited == message).then_some(*fault),
            Trap::ForUntried(fault) => (!self.tried.contains(message)).then_some(*fault),
        }
    }
}

impl Traps {
    /// A letter of this type is about to be handled: the fault that was waiting for it, which is over with it.
    pub(crate) fn spring(&self, message: &'static str) -> Option<Fault> {
        let mut known = self.known();
        known.handled.insert(message);
        let fault = known.awaits(message)?;
        known.set = None;
        known.tried.insert(message);
        Some(fault)
    }

    pub(crate) fn set(&self, message: &'static str, fault: Fault) {
        self.known().set = Some(Trap::For(message, fault));
    }

    pub(crate) fn set_for_untried(&self, fault: Fault) {
        self.known().set = Some(Trap::ForUntried(fault));
    }

    pub(crate) fn is_set(&self) -> bool {
        self.known().set.is_some()
    }

    pub(crate) fn handled(&self) -> Vec<&'static str> {
        self.known().handled.iter().copied().collect()
    }

    pub(crate) fn tried(&self) -> Vec<&'static str> {
        self.known().tried.iter().copied().collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
