//! What an exchange writes down so that it outlives its process: each request that changed its books, and how late it was.
//!
//! Prices and fills are functions of seed, time and the orders taken, and how often the venue is asked changes nothing. So a process that
//! repeats the taken requests at their instants has the same books. One JSON line each; a last line that a crash cut short was never
//! answered, and is dropped. Nothing is forced to the disk: it survives a killed process, not a machine without power.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use domain::Market;
use serde::{Deserialize, Serialize};

use super::call::Call;
use super::{Environment, Exchange, State, endpoints};

/// What the exchange was made of, in the first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// Exchange time at its start.
    pub start: DateTime<Utc>,
    /// What its prices follow from.
    pub seed: u64,
    /// The markets that are open to trade.
    pub markets: Vec<Market>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
enum Line {
    Begun(Begun),
    Taken(Taken),
    Time { at: DateTime<Utc> },
    Over { at: DateTime<Utc> },
}

/// A request that changed the books.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Taken {
    at: DateTime<Utc>,
    path: String,
    /// The TR id on the real host.
    transaction: String,
    parameters: Vec<(String, String)>,
    tag: Option<String>,
}

/// What an earlier process has written down.
#[derive(Clone, Debug)]
pub struct Past {
    /// What its exchange was made of.
    pub begun: Begun,
    /// The latest instant that is written down.
    pub last: DateTime<Utc>,
    /// True when it ended as it should, and nothing is to go on.
    pub is_over: bool,
    taken: Vec<Taken>,
    /// Bytes of whole lines.
    bytes: u64,
}

/// What is wrong with a diary.
#[derive(Debug, thiserror::Error)]
pub enum DiaryError {
    /// It cannot be read or written.
    #[error("cannot use {path}: {source}; check that the folder belongs to you and has room")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line of it is not one of ours.
    #[error(
        "line {number} of {path} is no line of an exchange's diary ({why}); move the file away to begin anew"
    )]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        number: usize,
        /// Why.
        why: String,
    },
}

impl Past {
    /// What stands in the file `path`; none where there is no file, or nothing whole in it.
    ///
    /// # Errors
    /// [`DiaryError::Unusable`] when it cannot be read, [`DiaryError::NotOurs`] for the first line that is none of a diary.
    pub fn read(path: &Path) -> Result<Option<Self>, DiaryError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(DiaryError::Unusable { path: path.to_owned(), source }),
        };
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut past: Option<Self> = None;
        for (index, line) in text[..whole].lines().enumerate() {
            let not_ours =
                |why: String| DiaryError::NotOurs { path: path.to_owned(), number: index + 1, why };
            let line: Line = serde_json::from_str(line).map_err(|error| not_ours(error.to_string()))?;
            match (line, &mut past) {
                (Line::Begun(begun), None) => past = Some(Self::new(begun)),
                (Line::Begun(_), Some(_)) => return Err(not_ours("a second beginning".into())),
                (Line::Taken(_) | Line::Time { .. } | Line::Over { .. }, None) => {
                    return Err(not_ours("no beginning".into()));
                }
                (line, Some(past)) => past.add(line),
            }
        }
        Ok(past.map(|past| Self { bytes: whole as u64, ..past }))
    }

    fn new(begun: Begun) -> Self {
        Self { last: begun.start, begun, is_over: false, taken: Vec::new(), bytes: 0 }
    }

    fn add(&mut self, line: Line) {
        match line {
            Line::Begun(_) => {}
            Line::Taken(taken) => {
                self.last = self.last.max(taken.at);
                self.taken.push(taken);
            }
            Line::Time { at } => self.last = self.last.max(at),
            Line::Over { at } => {
                self.last = self.last.max(at);
                self.is_over = true;
            }
        }
    }
}

/// Where an exchange writes, and what it goes on from.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The file.
    pub path: PathBuf,
    /// What the exchange is made of. The clock must not be behind its start.
    pub begun: Begun,
    /// What stands in the file; none: the exchange begins.
    pub past: Option<Past>,
}

/// The open file.
#[derive(Debug)]
pub(super) struct Diary {
    file: File,
    last: DateTime<Utc>,
}

impl Diary {
    /// Goes on after the last whole line, or begins with what the exchange is made of.
    pub(super) fn open(kept: &Kept) -> Result<Self, DiaryError> {
        let unusable = |source| DiaryError::Unusable { path: kept.path.clone(), source };
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).mode(0o600).open(&kept.path).map_err(unusable)?;
        file.set_len(kept.past.as_ref().map_or(0, |past| past.bytes)).map_err(unusable)?;
        let mut diary = Self { file, last: kept.begun.start };
        if kept.past.is_none() {
            diary.write(&Line::Begun(kept.begun.clone())).map_err(unusable)?;
        }
        Ok(diary)
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file.write_all(&text)
    }

    fn write_or_complain(&mut self, line: &Line) {
        if let Err(error) = self.write(line) {
            tracing::error!(%error, "the exchange cannot write down what it took; a next process will not know it");
        }
    }

    /// A request changed the books at `at`.
    pub(super) fn taken(&mut self, at: DateTime<Utc>, path: &str, call: &Call) {
        self.last = self.last.max(at);
        self.write_or_complain(&Line::Taken(Taken {
            at,
            path: path.to_owned(),
            transaction: call.transaction.to_owned(),
            parameters: call.parameters.clone(),
            tag: call.tag.clone(),
        }));
    }
}

/// Repeats what was taken. What was taken once is taken again: the venue is in the same state at the same instant.
pub(super) fn repeat(state: &mut State, environment: Environment, past: &Past) {
    for taken in &past.taken {
        state.venue.advance(taken.at);
        let found = endpoints::all().find_map(|endpoint| {
            let mut transactions = endpoint.transactions.iter().filter(|_| endpoint.path == taken.path);
            transactions.find(|known| known.real == taken.transaction).map(|known| (endpoint, known.real))
        });
        let Some((endpoint, transaction)) = found else {
            tracing::error!(path = taken.path, "the exchange does not know a request that it took");
            continue;
        };
        let call = Call {
            environment,
            transaction,
            parameters: taken.parameters.clone(),
            next_page: false,
            tag: taken.tag.clone(),
        };
        state.streams.note_account(call.get("CANO"), call.get("ACNT_PRDT_CD"));
        state.order_posts += 1;
        if (endpoint.handler)(&mut state.venue, &call).is_err() {
            tracing::error!(path = taken.path, at = %taken.at, "the exchange refuses a request that it took before");
        }
    }
    state.venue.advance(past.last);
}

impl Exchange {
    /// Writes down what time it is, when that is `every` later than what stands there.
    pub fn note_time(&self, every: TimeDelta) {
        let mut state = self.advanced();
        let now = state.venue.now();
        if let Some(diary) = state.diary.as_mut().filter(|diary| now - diary.last >= every) {
            diary.last = now;
            diary.write_or_complain(&Line::Time { at: now });
        }
    }

    /// Writes down that it ended as it should: no process goes on from here.
    pub fn note_end(&self) {
        let mut state = self.advanced();
        let now = state.venue.now();
        if let Some(diary) = &mut state.diary {
            diary.write_or_complain(&Line::Over { at: now });
        }
    }
}
