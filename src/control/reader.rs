//! Questions to the books: asked of the running agent, or, when none runs, of the database itself.

use std::path::Path;

use chrono::{DateTime, Utc};
use domain::Clock as _;
use domain::messages::operator::{Answer, Question};
use serde::Serialize;

use super::wire::{Reply, Request, Told};
use super::{ControlError, answers, client};
use crate::clock::SystemClock;
use crate::config::Database;
use crate::store::{Sight, SqliteReader, open_read_only};

/// Who answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Source {
    /// The running agent.
    Agent {
        /// Its time, which is the exchange's.
        at: DateTime<Utc>,
        /// What it could not ask, so that a part of the answer is missing.
        missing: Option<String>,
    },
    /// The database, read without an agent.
    Ledger {
        /// The database.
        path: String,
        /// When something was last committed; none in empty books.
        last_commit: Option<DateTime<Utc>>,
        /// Why no agent answered.
        why: String,
    },
}

/// An answer and who gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Who answered.
    pub source: Source,
    /// The answer.
    pub books: Answer,
}

/// Asks the agent on `database`'s directory, and the database itself when none runs.
///
/// # Errors
/// In words, with what to do.
pub fn ask(database: &Database, question: &Question) -> Result<Found, String> {
    let Some(data_dir) = database.directory() else {
        return Err("the books are in memory and end with their agent; set DB_PATH to a file".to_owned());
    };
    match client::ask(data_dir, &Request::Ask(question.clone())) {
        Ok(Reply::Told(Told { at, books, missing })) => {
            Ok(Found { source: Source::Agent { at, missing }, books })
        }
        Ok(Reply::ReadAlone { why }) => read_alone(database, question, why),
        Ok(Reply::Error { message }) => Err(message),
        Ok(other) => Err(format!("the running kestrel answered something else: {other}")),
        Err(ControlError::NotRunning { .. }) => {
            read_alone(database, question, "no kestrel is running".to_owned())
        }
        Err(broken) => Err(broken.to_string()),
    }
}

fn read_alone(database: &Database, question: &Question, why: String) -> Result<Found, String> {
    let Database::File(path) = database else { return Err("the books are in memory".to_owned()) };
    let read = |reader: &mut SqliteReader| {
        let sight = Sight { now: SystemClock.now(), accounts: &[] };
        Ok((reader.answer(question, sight)?, reader.last_commit()?))
    };
    let (books, last_commit) = alone(path, read).map_err(|error| format!("{why}, and {error}"))?;
    let path = path.display().to_string();
    Ok(Found { source: Source::Ledger { path, last_commit, why }, books })
}

/// Reads the database without an agent.
///
/// # Errors
/// In words, with what to do.
pub fn alone<T>(
    path: &Path,
    read: impl FnOnce(&mut SqliteReader) -> Result<T, trade_ledger::StoreError>,
) -> Result<T, String> {
    let mut reader = open_read_only(path).map_err(|error| error.to_string())?;
    read(&mut reader).map_err(|error| format!("the database {} cannot be read: {error}", path.display()))
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Agent { at, missing } => {
                write!(f, "From the running agent, {} UTC.", answers::instant(*at))?;
                missing.iter().try_for_each(|what| write!(f, "\nNot known now: {what}."))
            }
            Self::Ledger { path, last_commit, why } => {
                let last =
                    last_commit.map_or("never".to_owned(), |at| format!("{} UTC", answers::instant(at)));
                write!(
                    f,
                    "Read from the ledger {path}, last written {last}: {why}. What only a running agent knows is missing."
                )
            }
        }
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n{}", self.source, answers::show(&self.books))
    }
}
