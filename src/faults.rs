//! Faults that a test asks for by environment: the process kills itself at a chosen step, and trades eagerly.
//!
//! Exists in test builds only (feature `faults`, which a release build refuses). What happens is `kill -9`: nothing is
//! tidied up, nothing is flushed.
//!
//! | variable | example | meaning |
//! |---|---|---|
//! | `KESTREL_FAULTS_CRASH` | `after:begin_sending:3` | die after the third `begin_sending` of this process |
//! | | `before:post:1` | die before the first order leaves |
//! | | `after:cancel:1` | die when the first cancel was answered, before the list shows it (`before:book_cancel:1`) |
//! | | `random:7:200` | die at one of the first 200 steps, decided by seed 7 |
//! | `KESTREL_FAULTS_RULES` | JSON of a strategy | judge by these rules instead of the default ones |
//! | `KESTREL_FAULTS_MUTANT` | `no-sync` | make this deliberate mistake, by the names of `supervision::mutant` |

mod crash;
mod wire;

use std::sync::{Arc, OnceLock};

use strategy::Strategy;
use supervision::mutant::{self, Active, Mutant};
use trade_ledger::StoreError;

use crate::app::OpenBooks;
use crate::http::Transport;
use crate::store::{Watch, Watched};

pub use crash::{Crash, InvalidCrash, Moment};

/// The crash that the environment asks for: one for the whole process, so that all steps are counted together.
///
/// # Errors
/// In words, when it asks for something else.
pub fn crash() -> Result<Arc<Crash>, String> {
    static PLANNED: OnceLock<Result<Arc<Crash>, String>> = OnceLock::new();
    let read = || {
        let wanted = std::env::var("KESTREL_FAULTS_CRASH").unwrap_or_default();
        Crash::parse(&wanted).map(Arc::new).map_err(|error| format!("KESTREL_FAULTS_CRASH: {error}"))
    };
    PLANNED.get_or_init(read).clone()
}

/// Turns on the mutant that the environment asks for, for as long as the answer lives.
///
/// # Errors
/// In words, when there is none of that name.
pub fn mutant() -> Result<Option<Active>, String> {
    match std::env::var("KESTREL_FAULTS_MUTANT") {
        Ok(name) => Mutant::named(&name)
            .map(|mutant| Some(mutant::activate(mutant)))
            .map_err(|error| format!("KESTREL_FAULTS_MUTANT: {error}")),
        Err(_) => Ok(None),
    }
}

/// The rules that the environment asks for, or `usual`.
///
/// # Errors
/// In words, when they are no strategy.
pub fn rules_or(usual: Strategy) -> Result<Strategy, String> {
    match std::env::var("KESTREL_FAULTS_RULES") {
        Ok(json) => Strategy::from_json(&json).map_err(|error| format!("KESTREL_FAULTS_RULES: {error}")),
        Err(_) => Ok(usual),
    }
}

/// Books whose every transaction is a step at which the process may die.
pub fn books(books: OpenBooks, crash: Arc<Crash>) -> OpenBooks {
    Arc::new(move || Ok(Box::new(Watched::new(books()?, Mortal(crash.clone())))))
}

/// A transport whose every order and cancel is a step at which the process may die.
pub fn transport(inner: Arc<dyn Transport>, crash: Arc<Crash>) -> Arc<dyn Transport> {
    Arc::new(wire::MortalTransport::new(inner, crash))
}

struct Mortal(Arc<Crash>);

impl Watch for Mortal {
    fn before(&mut self, step: &'static str) -> Result<(), StoreError> {
        self.0.reach(Moment::Before, step);
        Ok(())
    }

    fn after(&mut self, step: &'static str) -> Result<(), StoreError> {
        self.0.reach(Moment::After, step);
        Ok(())
    }
}
