//! The kernel from outside: what an actor, its askers and its operator may rely on.
//!
//! Everything runs in virtual time on one thread, except the soak and the watchdog, which are about threads.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a broken fixture ends its test")]
#![expect(clippy::panic, reason = "the actors of these tests crash on purpose")]

mod crashes;
mod drain;
#[cfg(feature = "faults")]
mod faults;
mod health;
mod mailbox;
mod restarts;
mod soak;
mod stalls;
mod watchdog;
mod worker;
