//! A start that must not trade: the process runs, says why, takes status and halt, and writes nothing into the books.
//!
//! Wrong settings and a directory that cannot be written end the process with exit code 78. Books that are damaged, or a
//! disk that fails, do not: whoever looks must find somebody who can tell (order-protocol 4, invariant 11).

use domain::messages::control::{Durability, HaltSource, RequestHalt};
use tokio::signal::unix::{SignalKind, signal};
use trade_ledger::StoreError;

use super::Ended;
use crate::app;
use crate::control::{Answers, LastResort, Wound};
use crate::service_manager;
use crate::store::OpenError;

/// Why a start does not come to trading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// The process ends with exit code 78; the remedy in words.
    Refused(String),
    /// The process runs halted; the remedy in words.
    Wounded {
        /// What kind of trouble.
        source: HaltSource,
        /// What happened and what to do.
        why: String,
    },
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(why) | Self::Wounded { why, .. } => f.write_str(why),
        }
    }
}

impl From<String> for Unfit {
    fn from(why: String) -> Self {
        Self::Refused(why)
    }
}

impl From<OpenError> for Unfit {
    fn from(error: OpenError) -> Self {
        let why = error.to_string();
        match error {
            OpenError::Damaged { .. } => Self::Wounded { source: HaltSource::Integrity, why },
            OpenError::Failed { .. } => Self::Wounded { source: HaltSource::Storage, why },
            OpenError::Unwritable { .. }
            | OpenError::Locked { .. }
            | OpenError::NewerSchema { .. }
            | OpenError::OlderSchema { .. }
            | OpenError::Missing { .. } => Self::Refused(why),
        }
    }
}

impl From<StoreError> for Unfit {
    fn from(error: StoreError) -> Self {
        let why = error.to_string();
        match error {
            StoreError::DiskFull(_) => Self::Wounded {
                source: HaltSource::Storage,
                why: format!("{why}; make room and start again"),
            },
            StoreError::Failed(_) => Self::Wounded {
                source: HaltSource::Storage,
                why: format!("{why}; look at the file system and start again"),
            },
            StoreError::Malformed { .. } => Self::Wounded {
                source: HaltSource::Integrity,
                why: format!("{why}; move the database aside, restore a copy and start again"),
            },
            StoreError::Refused(_)
            | StoreError::Locked(_)
            | StoreError::NotRepresentable(_)
            | StoreError::Fenced { .. } => Self::Refused(why),
        }
    }
}

/// Stays until SIGTERM or SIGINT. The file HALT keeps the start after the mending halted too; one that is there already
/// stays as it is.
///
/// # Errors
/// When the process cannot wait for signals; in words.
pub(super) fn sit_out(
    source: HaltSource,
    why: String,
    last_resort: &LastResort,
    answers: &Answers,
) -> Result<Ended, String> {
    let wound = wound(source, why, last_resort);
    tracing::error!(halt = wound.halt.id, durability = ?wound.durability, "not trading: {}", wound.remedy);
    answers.open_wounded(wound);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(until_told_to_end())
}

fn wound(source: HaltSource, why: String, last_resort: &LastResort) -> Wound {
    if let Some(halt) = last_resort.emergency.read() {
        return Wound { halt, durability: Durability::EmergencyFile, remedy: why };
    }
    let request = RequestHalt { source, by: "start".into(), reason: why.clone() };
    let halt = app::emergency_record(request, &last_resort.clock, &last_resort.random);
    let durability = last_resort.keep(&halt);
    Wound { halt, durability, remedy: why }
}

async fn until_told_to_end() -> Result<Ended, String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    service_manager::ready("answers; halted, because its books or its disk are not fit to trade on");
    let _signs_of_life = tokio::spawn(service_manager::signs_of_life());
    tokio::select! {
        biased;
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    service_manager::stopping();
    Ok(Ended::Drained)
}
