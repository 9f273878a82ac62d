//! The operator's override file: days that differ from the embedded calendar.
//!
//! ```json
//! {
//!   "KR": {
//!     "closed": ["2026-12-24"],
//!     "open": ["2026-12-26"],
//!     "hours": { "2026-11-30": { "open": "10:00", "close": "16:30" } },
//!     "exits": ["2028-01-03"]
//!   }
//! }
//! ```
//!
//! Each name comes once in its object, and each date once in its list. Hours move a session; a day without one is named under
//! `open` too. Hours that are left out are those of a usual day, break included, also on a half day; `"break": null` means no
//! break. `exits` lists days that no calendar reaches and on which what is held may be sold all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use actix::Message;
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use domain::Market;
use domain::messages::schedule::DateStatus;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

mod mentions;

use crate::calendar::{Calendar, DayChange, DayChanges, SpecialHours, TableError};
use mentions::{Mentions, Word};

/// A later year of an exit is a slip of the pen.
const EXITS_UNTIL_YEAR: i32 = 2099;

/// What the operator's file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Days that differ from the embedded calendar.
    pub changes: DayChanges,
    /// Days that no calendar reaches and on which exits are allowed.
    pub exits: BTreeSet<(Market, NaiveDate)>,
    /// What changes nothing, in a sentence each: whoever wrote it may have meant another day.
    pub idle: Vec<String>,
}

/// The watcher of the override file -> MarketClock: what it says now. Repeated; what is the same changes nothing. A
/// tell; no answer.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum OverrideFile {
    /// It can be read.
    Good(Overrides),
    /// It cannot, or it is gone.
    Bad {
        /// Why, in one sentence.
        why: String,
        /// The last good one, which stays in force, also in a new life of MarketClock or of the process.
        last_good: Overrides,
        /// When it was first read so, by the wall clock.
        since: DateTime<Utc>,
    },
}

impl OverrideFile {
    /// What is in force.
    pub fn overrides(&self) -> &Overrides {
        match self {
            Self::Good(overrides) | Self::Bad { last_good: overrides, .. } => overrides,
        }
    }

    /// What is wrong with the file, if anything is.
    pub fn fault(&self) -> Option<&str> {
        match self {
            Self::Good(_) => None,
            Self::Bad { why, .. } => Some(why),
        }
    }
}

/// Why a file is not taken, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct OverrideError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what is allowed.
    pub problem: String,
}

/// One market's part of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with closed, open, hours or exits")]
struct Part {
    #[serde(default)]
    closed: Vec<Date>,
    #[serde(default)]
    open: Vec<Date>,
    #[serde(default)]
    hours: Once<Date, SpecialHours>,
    #[serde(default)]
    exits: Vec<Date>,
}

/// A date in its one form, `YYYY-MM-DD`: it can be found again in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct Date(NaiveDate);

impl TryFrom<String> for Date {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let date = text.parse::<NaiveDate>().ok().filter(|date| date.to_string() == text);
        date.map(Self).ok_or_else(|| format!("'{text}' is no date"))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A JSON object whose names come once. Of two equal names a plain map would keep the last and lose the first.
#[derive(Debug)]
struct Once<K, V>(BTreeMap<K, V>);

impl<K, V> Default for Once<K, V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, K: Deserialize<'de> + Ord + fmt::Display, V: Deserialize<'de>> Deserialize<'de> for Once<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OnceVisitor(PhantomData))
    }
}

struct OnceVisitor<K, V>(PhantomData<(K, V)>);

impl<'de, K: Deserialize<'de> + Ord + fmt::Display, V: Deserialize<'de>> Visitor<'de> for OnceVisitor<K, V> {
    type Value = Once<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut once = BTreeMap::new();
        while let Some(name) = entries.next_key()? {
            if once.contains_key(&name) {
                let twice = format!("{name} is named twice in one object; put both into one");
                return Err(A::Error::custom(twice));
            }
            once.insert(name, entries.next_value()?);
        }
        Ok(Once(once))
    }
}

impl Overrides {
    /// Reads the file's bytes against the calendar it changes.
    ///
    /// # Errors
    /// [`OverrideError`] names the line that is no UTF-8, or what [`Overrides::parse`] names.
    pub fn read(bytes: &[u8], calendar: &Calendar) -> Result<Self, OverrideError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            OverrideError { line, problem: "the text is no UTF-8; allowed: UTF-8".into() }
        })?;
        Self::parse(text, calendar)
    }

    /// Reads the file's text against the calendar it changes.
    ///
    /// # Errors
    /// [`OverrideError`] names the first line that is wrong: no JSON of this form, a market or word that does not exist,
    /// a date outside the calendar, a date named twice, or hours that cannot be.
    pub fn parse(text: &str, calendar: &Calendar) -> Result<Self, OverrideError> {
        if text.starts_with('\u{feff}') {
            let problem = "the text begins with a byte order mark; allowed: UTF-8 without one".into();
            return Err(OverrideError { line: 1, problem });
        }
        let Once(parts): Once<Market, Part> = serde_json::from_str(text).map_err(|error| in_words(&error))?;
        let mentions = Mentions::of(text);
        let mut overrides = Self::default();
        for (market, part) in parts {
            overrides.add(market, &part, calendar, &mentions)?;
        }
        let all = calendar.with_changes(&overrides.changes);
        all.map_err(|error| together_wrong(&error, &mentions))?;
        Ok(overrides)
    }

    fn add(
        &mut self,
        market: Market,
        part: &Part,
        calendar: &Calendar,
        mentions: &Mentions,
    ) -> Result<(), OverrideError> {
        each_once(market, part, mentions)?;
        for &Date(date) in &part.exits {
            exit_fits(calendar, market, date)
                .map_err(|problem| mentions.wrong(market, &[Word::Exits], date, problem))?;
            self.exits.insert((market, date));
        }
        for (word, date, change) in changes(calendar, market, part) {
            let wrong = |problem| mentions.wrong(market, &[word], date, problem);
            let change = change.map_err(wrong)?;
            let one = DayChanges::from([((market, date), change)]);
            calendar.with_changes(&one).map_err(|error| wrong(error.to_string()))?;
            if change == DayChange::Closed && calendar.session_on(market, date).is_none() {
                self.idle.push(format!(
                    "{market} {date} is closed anyway: naming it under closed changes nothing"
                ));
            }
            if self.changes.insert((market, date), change).is_some() {
                let problem =
                    format!("{market} {date} is named twice; allowed: once, or under both open and hours");
                return Err(mentions.wrong(market, &[Word::Closed, Word::Open, Word::Hours], date, problem));
            }
        }
        Ok(())
    }
}

/// A date stands once in each of its lists.
fn each_once(market: Market, part: &Part, mentions: &Mentions) -> Result<(), OverrideError> {
    for (word, dates) in [(Word::Closed, &part.closed), (Word::Open, &part.open), (Word::Exits, &part.exits)]
    {
        let mut seen = BTreeSet::new();
        if let Some(&Date(date)) = dates.iter().find(|date| !seen.insert(**date)) {
            let problem = format!("{market} {date} is named twice under {word}; allowed: once");
            return Err(mentions.wrong(market, &[word], date, problem));
        }
    }
    Ok(())
}

/// Days that fit one by one and not beside each other: the mistake is at the later mention of the two.
fn together_wrong(error: &TableError, mentions: &Mentions) -> OverrideError {
    const CHANGES: [Word; 3] = [Word::Closed, Word::Open, Word::Hours];
    let line = match error {
        TableError::Overlap { market, one, next } => {
            let lines = [one.date, next.date].map(|date| mentions.line(*market, &CHANGES, date));
            lines.into_iter().flatten().max()
        }
        TableError::Hours { market, date, .. } | TableError::NoHours { market, date } => {
            mentions.line(*market, &CHANGES, *date)
        }
        TableError::Checksum { .. } | TableError::Malformed(_) | TableError::Outside { .. } => None,
    };
    OverrideError { line: line.unwrap_or(1), problem: error.to_string() }
}

type NamedChange = (Word, NaiveDate, Result<DayChange, String>);

/// What a part says of each day; under both open and hours it is one change.
fn changes(calendar: &Calendar, market: Market, part: &Part) -> Vec<NamedChange> {
    let closed = part.closed.iter().map(|date| (Word::Closed, date.0, Ok(DayChange::Closed)));
    let plainly = part.open.iter().filter(|date| !part.hours.0.contains_key(date));
    let open = plainly.map(|date| (Word::Open, date.0, Ok(DayChange::Open)));
    let hours = part.hours.0.iter().map(|(date, special)| {
        let is_opened = part.open.contains(date);
        (Word::Hours, date.0, hours(calendar, market, date.0, *special, is_opened))
    });
    closed.chain(open).chain(hours).collect()
}

/// Other hours move a session; they make none unless the day is opened too.
fn hours(
    calendar: &Calendar,
    market: Market,
    date: NaiveDate,
    special: SpecialHours,
    is_opened: bool,
) -> Result<DayChange, String> {
    let usual = calendar.usual_hours(market, date);
    let usual = usual.ok_or_else(|| format!("{market} has no usual hours on {date}"))?;
    let is_inside = calendar.bounds().is_some_and(|(first, last)| (first..=last).contains(&date));
    if is_inside && !is_opened && calendar.session_on(market, date).is_none() {
        return Err(format!(
            "{market} has no session on {date} whose hours could change; to open it, name it under open too"
        ));
    }
    Ok(DayChange::Hours(special.instead_of(usual)))
}

/// A word for exits is for a day that no calendar reaches; elsewhere it would change nothing.
fn exit_fits(calendar: &Calendar, market: Market, date: NaiveDate) -> Result<(), String> {
    if calendar.status(market, date) != DateStatus::Unknown {
        Err(format!("{market} {date} is in the calendar; allowed under exits: days that no calendar reaches"))
    } else if date.year() > EXITS_UNTIL_YEAR {
        Err(format!("{date} is too far away; allowed under exits: to the end of {EXITS_UNTIL_YEAR}"))
    } else {
        Ok(())
    }
}

fn in_words(error: &serde_json::Error) -> OverrideError {
    // The parser's own words end with the place, which is told first here.
    let text = error.to_string();
    let problem = text.rsplit_once(" at line ").map_or(text.as_str(), |(problem, _)| problem);
    let problem = match (error.is_eof(), problem.strip_prefix("unknown variant ")) {
        (true, _) => "the text ends too early; a file that overrides nothing says {}".to_owned(),
        (false, Some(market)) => format!("unknown market {market}"),
        (false, None) => problem.to_owned(),
    };
    let allowed =
        "allowed: markets with closed, open, hours and exits, dates as \"2026-12-24\", times as \"09:30\"";
    OverrideError { line: error.line().max(1), problem: format!("{problem}; {allowed}") }
}

impl fmt::Display for Overrides {
    /// Each day with what is said of it, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changes = self.changes.iter().map(|((market, date), change)| {
            let what = match change {
                DayChange::Closed => "closed",
                DayChange::ClosedByBroker => "closed by the broker",
                DayChange::Open => "open",
                DayChange::Hours(_) => "other hours",
            };
            format!("{market} {date} {what}")
        });
        let exits = self.exits.iter().map(|(market, date)| format!("{market} {date} exits allowed"));
        let all: Vec<_> = changes.chain(exits).collect();
        if all.is_empty() { f.write_str("nothing") } else { f.write_str(&all.join(", ")) }
    }
}

#[cfg(test)]
mod tests;
