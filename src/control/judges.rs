//! Who judges, in one line for people.

use std::fmt;

use chrono::{DateTime, Utc};
use domain::messages::judging::JudgeStanding;

/// The line of `kestrel status`.
pub(in crate::control) struct Line<'a>(pub(in crate::control) &'a JudgeStanding);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let JudgeStanding { judge, in_place_of, until, trouble, trouble_at } = self.0;
        let shown = |at: &DateTime<Utc>| at.format("%Y-%m-%d %H:%M UTC").to_string();
        let until = until.as_ref().map(shown);
        match (in_place_of, until) {
            (Some(model), Some(until)) => {
                write!(f, "judge: the local rules, in place of {model} until {until}")?;
            }
            (Some(model), None) => write!(f, "judge: the local rules, in place of {model}")?,
            (None, Some(until)) => {
                write!(f, "judge: {judge}, which is not asked until {until}; until then HOLD")?;
            }
            (None, None) => write!(f, "judge: {judge}")?,
        }
        match (trouble, trouble_at.as_ref().map(shown)) {
            (Some(why), Some(at)) => write!(f, "; {at}: {why}"),
            (Some(why), None) => write!(f, "; {why}"),
            (None, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_who_judges_until_when_and_why() {
        let at = |text: &str| text.parse().ok();
        let until = at("2026-11-24T08:00:00Z");
        let rules = JudgeStanding {
            judge: "rules".into(),
            in_place_of: Some("m".into()),
            until,
            trouble: Some("all 20 calls of the day are used".into()),
            trouble_at: at("2026-11-24T06:00:00Z"),
        };
        let resting = JudgeStanding { judge: "m".into(), in_place_of: None, ..rules.clone() };
        let well = JudgeStanding { until: None, trouble: None, trouble_at: None, ..resting.clone() };
        let why = "2026-11-24 06:00 UTC: all 20 calls of the day are used";
        let until = "until 2026-11-24 08:00 UTC";
        assert_eq!(Line(&rules).to_string(), format!("judge: the local rules, in place of m {until}; {why}"));
        let shown = format!("judge: m, which is not asked {until}; until then HOLD; {why}");
        assert_eq!(Line(&resting).to_string(), shown);
        assert_eq!(Line(&well).to_string(), "judge: m");
    }
}
