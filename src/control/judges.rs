//! Who judges, in one line for people.

use std::fmt;

use chrono::{DateTime, Utc};
use domain::messages::judging::{JudgeStanding, StrategyStanding};

/// The line of `kestrel status`.
pub(in crate::control) struct Line<'a>(pub(in crate::control) &'a JudgeStanding);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let JudgeStanding { judge, in_place_of, until, trouble, trouble_at, strategies: _ } = self.0;
        let shown = |at: &DateTime<Utc>| at.format("%Y-%m-%d %H:%M UTC").to_string();
        let until = until.as_ref().map(shown);
        let judges = if judge == brain::judge::RULES { "the local rules" } else { judge };
        match in_place_of {
            Some(model) => write!(f, "judge: {judges}, in place of {model}")?,
            None => write!(f, "judge: {judge}")?,
        }
        match until {
            Some(until) if judges != judge => write!(f, " until {until}")?,
            Some(until) => write!(f, ", which is not asked until {until}; until then HOLD")?,
            None => {}
        }
        match (trouble, trouble_at.as_ref().map(shown)) {
            (Some(why), Some(at)) => write!(f, "; {at}: {why}"),
            (Some(why), None) => write!(f, "; {why}"),
            (None, _) => Ok(()),
        }
    }
}

/// What the markets trade by, a line for each strategy.
pub(in crate::control) struct Strategies<'a>(pub(in crate::control) &'a [StrategyStanding]);

impl fmt::Display for Strategies<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for StrategyStanding { market, session_date, name, proposal, words: _ } in self.0 {
            match proposal {
                Some(number) => writeln!(
                    f,
                    "strategy: {market} trades by {name} in the session of {session_date}, from proposal {number}; see it with: kestrel proposals show {number}"
                )?,
                None => writeln!(
                    f,
                    "strategy: {market} trades by {name} in the session of {session_date}, the operator's settings"
                )?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_each_market_trades_by_and_where_that_is_from() {
        let standing = |market, name: &str, proposal| StrategyStanding {
            market,
            session_date: "2026-11-24".parse().unwrap(),
            name: name.into(),
            proposal,
            words: String::new(),
        };
        let two = [
            standing(domain::Market::Kr, "s-0007", Some(domain::messages::evolution::ProposalNumber(7))),
            standing(domain::Market::Jp, "default", None),
        ];
        let shown = Strategies(&two).to_string();
        assert!(
            shown.contains("KR trades by s-0007 in the session of 2026-11-24, from proposal 0007"),
            "{shown}"
        );
        assert!(
            shown.contains("JP trades by default in the session of 2026-11-24, the operator's settings"),
            "{shown}"
        );
    }

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
            strategies: Vec::new(),
        };
        let resting = JudgeStanding { judge: "m".into(), in_place_of: None, ..rules.clone() };
        let well = JudgeStanding { until: None, trouble: None, trouble_at: None, ..resting.clone() };
        let why = "2026-11-24 06:00 UTC: all 20 calls of the day are used";
        let until = "until 2026-11-24 08:00 UTC";
        assert_eq!(Line(&rules).to_string(), format!("judge: the local rules, in place of m {until}; {why}"));
        let shown = format!("judge: m, which is not asked {until}; until then HOLD; {why}");
        assert_eq!(Line(&resting).to_string(), shown);
        assert_eq!(Line(&well).to_string(), "judge: m");
        let stands_in = JudgeStanding { in_place_of: Some("l".into()), ..well };
        assert_eq!(Line(&stands_in).to_string(), "judge: m, in place of l");
    }
}
