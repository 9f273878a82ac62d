//! The actor kernel: actors that crash, hang or stop are started afresh behind an address that never changes.
//!
//! An actor author changes one line of plain actix, `type Context = Ctx<Self>;`, and gets: a mailbox that
//! outlives the actor (bounded, with an urgent lane), a caught panic, a fresh value from a factory after a seeded
//! back-off, one health record readable from any thread, and an orderly drain. Starting such an actor outside a
//! [`Supervisor`] does not compile.
//!
//! | what | where |
//! |---|---|
//! | an address before its actor | [`slot`], [`Slot`] |
//! | what an actor holds of another | [`Link`]: `tell` and `ask` |
//! | who restarts whom, how often, and then what | [`Child`], [`Policy`], [`Supervisor`] |
//! | what an actor is doing right now | [`Vitals`] |
//! | a thread that will never come back | [`watchdog`] |
//!
//! A crashed letter is not delivered again, and a letter may be handled long after it was written: whatever is
//! time-critical says when it expires ([`Slot::fresh_link`], or a field that its receiver checks).

#[cfg(not(panic = "unwind"))]
compile_error!("supervision catches panics: build with panic = \"unwind\"");

#[cfg(all(feature = "faults", not(debug_assertions)))]
compile_error!("the feature `faults` is for tests: a release build must not contain it");

#[cfg(all(feature = "mutants", not(debug_assertions)))]
compile_error!("the feature `mutants` is for tests: a release build must not contain it");

mod cell;
mod context;
mod failure;
#[cfg(feature = "faults")]
mod fault;
mod letter;
mod link;
mod mailbox;
pub mod mutant;
pub mod prelude;
mod slot;
mod subject;
mod supervisor;
mod vitals;
mod watchdog;

pub use cell::{Exit, KillReason};
pub use context::Ctx;
pub use failure::Failure;
#[cfg(feature = "faults")]
pub use fault::Fault;
pub use link::{AskError, Link, TellError};
pub use slot::{Slot, slot};
pub use subject::{About, about, following, has_subject};
pub use supervisor::{
    Child, Drained, Escalation, Exhausted, Place, Policy, Restart, Strategy, Supervised, Supervisor,
};
pub use vitals::{Health, State, Vitals};
pub use watchdog::{WatchLimits, Watchdog, Wedge, watchdog};
