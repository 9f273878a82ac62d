//! Faults that a test can put into any running actor.

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
