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
//! Each name comes once in its object. Hours move a session; a day without one is named under `open` too. Hours that
//! are left out stay as usual; `"break": null` means no break. `exits` lists days that no calendar reaches
//! and on which what is held may be sold all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use actix::Message;
use chrono::{Datelike, NaiveDate};
use domain::Market;
use domain::messages::schedule::DateStatus;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::calendar::{Calendar, DayChange, DayChanges, SpecialHours};

/// A later year of an exit is a slip of the pen.
const EXITS_UNTIL_YEAR: i32 = 2099;

/// What the operator's file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Days that differ from the embedded calendar.
    pub changes: DayChanges,
    /// Days that no calendar reaches and on which exits are allowed.
    pub exits: BTreeSet<(Market, NaiveDate)>,
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
        /// The last good one, which stays in force, also in a new life of MarketClock; empty when there was none.
        last_good: Overrides,
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
    closed: BTreeSet<Date>,
    #[serde(default)]
    open: BTreeSet<Date>,
    #[serde(default)]
    hours: Once<Date, SpecialHours>,
    #[serde(default)]
    exits: BTreeSet<Date>,
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
    /// Reads the file's text against the calendar it changes.
    ///
    /// # Errors
    /// [`OverrideError`] names the first line that is wrong: no JSON of this form, a market or word that does not exist,
    /// a date outside the calendar, a date named twice, or hours that cannot be.
    pub fn parse(text: &str, calendar: &Calendar) -> Result<Self, OverrideError> {
        let Once(parts): Once<Market, Part> = serde_json::from_str(text).map_err(|error| in_words(&error))?;
        let mut overrides = Self::default();
        for (market, part) in parts {
            let wrong = |date, problem| OverrideError { line: line_of(text, market, date), problem };
            for &Date(date) in &part.exits {
                exit_fits(calendar, market, date).map_err(|problem| wrong(date, problem))?;
                overrides.exits.insert((market, date));
            }
            for (date, change) in changes(calendar, market, &part) {
                let change = change.map_err(|problem| wrong(date, problem))?;
                let one = DayChanges::from([((market, date), change)]);
                calendar.with_changes(&one).map_err(|error| wrong(date, error.to_string()))?;
                if overrides.changes.insert((market, date), change).is_some() {
                    return Err(wrong(
                        date,
                        format!(
                            "{market} {date} is named twice; allowed: once, or under both open and hours"
                        ),
                    ));
                }
            }
        }
        let all = calendar.with_changes(&overrides.changes);
        all.map_err(|error| OverrideError { line: 1, problem: error.to_string() })?;
        Ok(overrides)
    }
}

/// What a part says of each day; under both open and hours it is one change.
fn changes(calendar: &Calendar, market: Market, part: &Part) -> Vec<(NaiveDate, Result<DayChange, String>)> {
    let closed = part.closed.iter().map(|date| (date.0, Ok(DayChange::Closed)));
    let plainly = part.open.iter().filter(|date| !part.hours.0.contains_key(date));
    let open = plainly.map(|date| (date.0, Ok(DayChange::Open)));
    let hours = part.hours.0.iter().map(|(date, special)| {
        let is_opened = part.open.contains(date);
        (date.0, hours(calendar, market, date.0, *special, is_opened))
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

/// The last line of the market's part that names the date: a date named twice is wrong there.
fn line_of(text: &str, market: Market, date: NaiveDate) -> usize {
    let (quoted, date) = (|market: Market| format!("\"{market}\""), date.to_string());
    let begin = text.find(&quoted(market)).unwrap_or(0);
    let later = |other: Market| text.match_indices(&quoted(other)).map(|(at, _)| at).find(|at| *at > begin);
    let end = Market::ALL.into_iter().filter_map(later).min().unwrap_or(text.len());
    let part = text.get(begin..end).unwrap_or(text);
    let at = part.rfind(&date).map_or(begin, |at| begin + at);
    text.get(..at).unwrap_or_default().matches('\n').count() + 1
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
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Overrides, String> {
        Overrides::parse(text, &Calendar::official()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_file_closes_opens_and_moves_days_and_allows_exits() {
        let text = r#"{
            "KR": {"closed": ["2026-12-24"], "open": ["2026-12-26"], "exits": ["2028-01-03"],
                   "hours": {"2026-11-30": {"open": "10:00", "close": "16:30"}}},
            "HK": {"hours": {"2026-11-30": {"close": "12:00", "break": null}}}
        }"#;
        let overrides = parse(text).unwrap();
        let said = "KR 2026-11-30 other hours, KR 2026-12-24 closed, KR 2026-12-26 open, HK 2026-11-30 other hours, \
                    KR 2028-01-03 exits allowed";
        assert_eq!(overrides.to_string(), said);
        let calendar = Calendar::official().with_changes(&overrides.changes).unwrap();
        let session = calendar.session_on(Market::Hk, "2026-11-30".parse().unwrap()).unwrap();
        assert_eq!((session.lunch, session.close), (None, "2026-11-30T04:00:00Z".parse().unwrap()));
        let late = calendar.session_on(Market::Kr, "2026-11-30".parse().unwrap()).unwrap();
        assert_eq!(late.open, "2026-11-30T01:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap());
        assert_eq!(parse("{}").unwrap(), Overrides::default());
        let opened = parse(r#"{"KR": {"open": ["2026-12-25"], "hours": {"2026-12-25": {"open": "10:00"}}}}"#);
        assert_eq!(opened.unwrap().to_string(), "KR 2026-12-25 other hours");
    }

    #[test]
    fn each_mistake_is_named_with_its_line_and_what_is_allowed() {
        for (text, line, words) in [
            ("", "line 1: ", "ends too early"),
            ("{\n\"KR\": {\"closed\": [\"2026-12-24\"],}\n}", "line 2: ", "allowed: markets with closed"),
            ("{\n\"KOREA\": {}\n}", "line 2: ", "unknown market `KOREA`, expected one of `KR`"),
            (
                "{\"KR\": {\n\"close\": [\"2026-12-24\"]}}",
                "line 2: ",
                "unknown field `close`, expected one of `closed`",
            ),
            ("{\"KR\": {\n\n\"closed\": [\"24.12.2026\"]}}", "line 3: ", "dates as \"2026-12-24\""),
            (
                "{\"KR\": {\n\"closed\": [\"2031-12-24\"]}}",
                "line 2: ",
                "2031-12-24 is outside the calendar; allowed: 2015-01-01 to 2027-12-31",
            ),
            (
                "{\"KR\": {\"closed\": [\"2026-12-24\"],\n\"open\": [\"2026-12-24\"]}}",
                "line 2: ",
                "KR 2026-12-24 is named twice",
            ),
            (
                "{\"JP\": {\"hours\":\n{\"2026-12-24\": {\"open\": \"25:00\"}}}}",
                "line 2: ",
                "'25:00' is no time",
            ),
            (
                "{\"JP\": {\"hours\":\n{\"2026-12-24\": {\"close\": \"12:00\"}}}}",
                "line 2: ",
                "a break between them",
            ),
            (
                "{\"JP\": {\"hours\":\n{\"2026-12-24\": {\"open\": \"16:00\"}}}}",
                "line 2: ",
                "open before close",
            ),
            ("{\"KR\": {\"closed\": [\"2026-12-23\"]},\n\"KR\": {}}", "line 2: ", "KR is named twice"),
            (
                "{\"KR\": {\"hours\": {\"2026-12-23\": {},\n\"2026-12-23\": {\"open\": \"10:00\"}}}}",
                "line 2: ",
                "2026-12-23 is named twice",
            ),
            ("{\"KR\": {\n\"hours\": {\"2026-12-25\": {}}}}", "line 2: ", "name it under open too"),
            (
                "{\"KR\": {\n\"hours\": {\"2026-12-23\": \"09:00-12:00\"}}}",
                "line 2: ",
                "string \"09:00-12:00\", expected an object with open, close or break",
            ),
            (
                "{\"KR\": {\n\"closed\": [\"2031-12-24\"]},\n\"JP\": {\"exits\": [\"2031-12-24\"]}}",
                "line 2: ",
                "2031-12-24 is outside",
            ),
            ("{\"KR\": {\n\"closed\": [\"2026-2-3\"]}}", "line 2: ", "'2026-2-3' is no date"),
            ("{\"KR\": {\n\"exits\": [\"2026-12-24\"]}}", "line 2: ", "is in the calendar"),
            ("{\"KR\": {\n\"exits\": [\"9999-01-01\"]}}", "line 2: ", "too far away"),
            (
                "{\"JP\": {\"hours\":\n{\"2026-12-24\": {\"open\": \"+9:+5\"}}}}",
                "line 2: ",
                "'+9:+5' is no time",
            ),
            ("{\"JP\": {\"hours\":\n{\"2026-12-24\": {\"open\": \"16:00\"}}}}", "line 2: ", "16:00 to 15:30"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(line) && error.contains(words), "{text}: {error}");
        }
    }
}
