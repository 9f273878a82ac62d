//! What `limits`, `health` and `budget` say where no agent runs: from the settings and the books. Each answer says so.

use std::fmt;
use std::path::Path;

use domain::Clock as _;
use domain::messages::ledger::EventKind;
use domain::messages::operator::{Answer, EventLine, EventsWanted, Question};
use risk_guard::Limits;
use serde::Serialize;

use super::elsewhere::database;
use crate::budget;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::control::answers;
use crate::control::approval::LimitsShown;
use crate::control::reader::{self, Source};
use crate::control::wire::Reply;
use crate::store::{OpenError, Sight, SqliteReader, open_read_only};

/// Alarms that are shown of an agent that is gone.
const ALARMS_SHOWN: u16 = 5;

/// An answer that no agent gave, and where it is from.
#[derive(Debug, Serialize)]
pub(super) struct Alone<T> {
    source: Source,
    #[serde(flatten)]
    answer: T,
}

impl<T: fmt::Display> fmt::Display for Alone<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.source, self.answer)
    }
}

/// The limits with which the next start begins: the settings, and what was made stricter and not withdrawn. Before the first
/// start these are the settings alone.
///
/// # Errors
/// In words: settings that are wrong, or books that cannot be read.
pub(super) fn limits() -> Result<Alone<Reply>, String> {
    let config = Config::load().map_err(|mistakes| mistakes.to_string())?;
    let (settings, auto_approve) = (config.limits, config.evolution.and_then(|plan| plan.auto_approve));
    let path = database()?;
    let mut why =
        "no kestrel is running; these are the limits of the next start, from the settings and the books";
    let (changes, last_commit) = match open_read_only(&path) {
        Err(OpenError::Missing { .. }) => {
            why = "there are no books yet, and no kestrel is running; these are the limits of the settings";
            (Vec::new(), None)
        }
        Err(error) => return Err(error.to_string()),
        Ok(mut books) => {
            let read = books.limits_of_next_start().and_then(|kept| Ok((kept, books.last_commit()?)));
            read.map_err(|error| unreadable(&path, &error))?
        }
    };
    let limits = changes.iter().fold(settings, Limits::stricter_of);
    let answer = Reply::Limits(LimitsShown::new(limits.in_force(), auto_approve));
    Ok(Alone { source: ledger(&path, last_commit, why), answer })
}

/// What the books tell of an agent that is gone.
#[derive(Debug, Serialize)]
pub(super) struct Gone {
    is_well: bool,
    actors: [(); 0],
    /// The newest ones, oldest first.
    alarms: Vec<EventLine>,
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "No actor runs. What the books keep for the next start: kestrel status")?;
        match self.alarms.as_slice() {
            [] => write!(f, "\nThe books hold no alarm."),
            alarms => {
                write!(f, "\nThe newest alarms (more: kestrel events --kind alarm):")?;
                alarms.iter().try_for_each(|alarm| write!(f, "\n  {}", answers::event_line(alarm)))
            }
        }
    }
}

/// Nobody is well where nobody runs; the books say what was the matter.
///
/// # Errors
/// In words, when the books cannot be read.
pub(super) fn health() -> Result<Alone<Gone>, String> {
    let path = database()?;
    let wanted = EventsWanted { kind: Some(EventKind::Alarm), since: None, after: None, limit: ALARMS_SHOWN };
    let sight = Sight { now: SystemClock.now(), accounts: &[] };
    let (answer, last_commit) = reader::alone(&path, |books| {
        Ok((books.answer(&Question::Events(wanted), sight)?, books.last_commit()?))
    })?;
    let Answer::Events { events: alarms, .. } = answer else {
        return Err("the books answered something else than events".to_owned());
    };
    let source = ledger(&path, last_commit, "no kestrel is running");
    Ok(Alone { source, answer: Gone { is_well: false, actors: [], alarms } })
}

/// The budget of the language model; a call that was under way when the agent ended counts at its most.
///
/// # Errors
/// In words: settings that are wrong, or books that cannot be read.
pub(super) fn budget() -> Result<Alone<Reply>, String> {
    let answer = Reply::Budget(budget::from_books()?);
    let path = database()?;
    let last_commit = reader::alone(&path, SqliteReader::last_commit)?;
    Ok(Alone { source: ledger(&path, last_commit, "no kestrel is running"), answer })
}

fn ledger(path: &Path, last_commit: Option<chrono::DateTime<chrono::Utc>>, why: &str) -> Source {
    Source::Ledger { path: path.display().to_string(), last_commit, why: why.to_owned() }
}

fn unreadable(path: &Path, error: &trade_ledger::StoreError) -> String {
    format!("the database {} cannot be read: {error}", path.display())
}
