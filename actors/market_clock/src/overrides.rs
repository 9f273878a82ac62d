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
//! Hours that are left out stay as usual; `"break": null` means no break. `exits` lists days that no calendar reaches
//! and on which what is held may be sold all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use actix::Message;
use chrono::NaiveDate;
use domain::Market;
use serde::Deserialize;

use crate::calendar::{Calendar, DayChange, DayChanges, SpecialHours};

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
    /// It can be read; an absent file overrides nothing.
    Good(Overrides),
    /// It cannot: the last good one stays in force. Why, in one sentence.
    Bad(String),
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
#[serde(deny_unknown_fields)]
struct Part {
    #[serde(default)]
    closed: BTreeSet<NaiveDate>,
    #[serde(default)]
    open: BTreeSet<NaiveDate>,
    #[serde(default)]
    hours: BTreeMap<NaiveDate, SpecialHours>,
    #[serde(default)]
    exits: BTreeSet<NaiveDate>,
}

impl Overrides {
    /// Reads the file's text against the calendar it changes.
    ///
    /// # Errors
    /// [`OverrideError`] names the first line that is wrong: no JSON of this form, a market or word that does not exist,
    /// a date outside the calendar, a date named twice, or hours that cannot be.
    pub fn parse(text: &str, calendar: &Calendar) -> Result<Self, OverrideError> {
        let parts: BTreeMap<Market, Part> = serde_json::from_str(text).map_err(|error| in_words(&error))?;
        let mut overrides = Self::default();
        for (market, part) in parts {
            overrides.exits.extend(part.exits.iter().map(|date| (market, *date)));
            for (date, change) in changes(calendar, market, part) {
                let wrong = |problem: String| OverrideError { line: line_of(text, date), problem };
                let change = change.ok_or_else(|| wrong(format!("{market} has no usual hours on {date}")))?;
                let one = DayChanges::from([((market, date), change)]);
                calendar.with_changes(&one).map_err(|error| wrong(error.to_string()))?;
                if overrides.changes.insert((market, date), change).is_some() {
                    return Err(wrong(format!(
                        "{market} {date} is named twice; allowed: once, under closed, open or hours"
                    )));
                }
            }
        }
        let all = calendar.with_changes(&overrides.changes);
        all.map_err(|error| OverrideError { line: 1, problem: error.to_string() })?;
        Ok(overrides)
    }
}

fn changes(calendar: &Calendar, market: Market, part: Part) -> Vec<(NaiveDate, Option<DayChange>)> {
    let closed = part.closed.into_iter().map(|date| (date, Some(DayChange::Closed)));
    let open = part.open.into_iter().map(|date| (date, Some(DayChange::Open)));
    let hours = part.hours.into_iter().map(|(date, special)| {
        let usual = calendar.usual_hours(market, date);
        (date, usual.map(|usual| DayChange::Hours(special.instead_of(usual))))
    });
    closed.chain(open).chain(hours).collect()
}

fn in_words(error: &serde_json::Error) -> OverrideError {
    // The parser's own words end with the place, which is told first here.
    let text = error.to_string();
    let problem = text.rsplit_once(" at line ").map_or(text.as_str(), |(problem, _)| problem);
    let allowed =
        "allowed: markets with closed, open, hours and exits, dates as \"2026-12-24\", times as \"09:30\"";
    OverrideError { line: error.line().max(1), problem: format!("{problem}; {allowed}") }
}

/// The last line that names the date: a date named twice is wrong there.
fn line_of(text: &str, date: NaiveDate) -> usize {
    let date = date.to_string();
    let lines = (1..).zip(text.lines()).filter(|(_, line)| line.contains(&date));
    lines.last().map_or(1, |(number, _)| number)
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
    }

    #[test]
    fn each_mistake_is_named_with_its_line_and_what_is_allowed() {
        for (text, line, words) in [
            ("", "line 1: ", "EOF"),
            ("{\n\"KR\": {\"closed\": [\"2026-12-24\"],}\n}", "line 2: ", "allowed: markets with closed"),
            ("{\n\"KOREA\": {}\n}", "line 2: ", "unknown variant `KOREA`, expected one of `KR`"),
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
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(line) && error.contains(words), "{text}: {error}");
        }
    }
}
