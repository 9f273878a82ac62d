//! What a gate found.

use std::fmt;

use domain::messages::evolution::GateName;
use serde::{Deserialize, Serialize};

use crate::evidence;

/// What one gate found of one candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Which gate.
    pub gate: GateName,
    /// Everything it looked at.
    pub checks: Vec<Check>,
}

/// One number and what is demanded of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What was measured, with its unit.
    pub what: String,
    /// The number; none where none could be had, which passes only where nothing is demanded.
    pub measured: Option<f64>,
    /// Why there is no number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
    /// What is demanded.
    pub needed: Needed,
}

/// What is demanded of a number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "must_be", content = "bound")]
pub enum Needed {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
    /// More than this.
    Above(f64),
    /// Nothing: it is told so that a person knows it.
    Told,
}

impl Verdict {
    /// True when every demand is met; a gate that looked at nothing lets nothing pass.
    pub fn passed(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(Check::passed)
    }

    /// The checks that were not met.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| !check.passed())
    }

    /// Its checks as a person reads them in a proposal.
    pub fn evidence(&self) -> Vec<evidence::Check> {
        let check = |check: &Check| evidence::Check {
            gate: self.gate,
            what: check.what.clone(),
            measured: check.found(),
            needed: check.needed.to_string(),
            passed: check.passed(),
        };
        self.checks.iter().map(check).collect()
    }

    /// What a check measured, by its name.
    pub fn measured(&self, what: &str) -> Option<f64> {
        self.checks.iter().find(|check| check.what == what)?.measured
    }
}

impl Check {
    /// A number that was measured. NaN is none.
    pub fn new(what: &str, measured: f64, needed: Needed) -> Self {
        let measured = Some(measured).filter(|number| !number.is_nan());
        Self { what: what.to_owned(), measured, why_not: None, needed }
    }

    /// A number that could perhaps not be measured.
    pub fn of<E: fmt::Display>(what: &str, measured: Result<f64, E>, needed: Needed) -> Self {
        match measured {
            Ok(measured) => Self::new(what, measured, needed),
            Err(why) => {
                Self { what: what.to_owned(), measured: None, why_not: Some(why.to_string()), needed }
            }
        }
    }

    /// The number in words, or why there is none.
    fn found(&self) -> String {
        match (self.measured, &self.why_not) {
            (Some(measured), _) => format!("{measured:.4}"),
            (None, Some(why)) => format!("unknown ({why})"),
            (None, None) => "unknown".to_owned(),
        }
    }

    /// True when the demand is met.
    pub fn passed(&self) -> bool {
        match (self.needed, self.measured) {
            (Needed::Told, _) => true,
            (Needed::AtLeast(bound), Some(measured)) => measured >= bound,
            (Needed::AtMost(bound), Some(measured)) => measured <= bound,
            (Needed::Above(bound), Some(measured)) => measured > bound,
            (Needed::AtLeast(_) | Needed::AtMost(_) | Needed::Above(_), None) => false,
        }
    }
}

impl fmt::Display for Needed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, "at least {bound}"),
            Self::AtMost(bound) => write!(f, "at most {bound}"),
            Self::Above(bound) => write!(f, "more than {bound}"),
            Self::Told => f.write_str("nothing"),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, needed {}", self.what, self.found(), self.needed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_without_a_number_passes_only_where_nothing_is_demanded() {
        for (measured, needed, passed) in [
            (1.0, Needed::AtLeast(1.0), true),
            (0.9, Needed::AtLeast(1.0), false),
            (1.0, Needed::AtMost(1.0), true),
            (1.1, Needed::AtMost(1.0), false),
            (1.0, Needed::Above(1.0), false),
            (1.1, Needed::Above(1.0), true),
            (f64::NAN, Needed::AtMost(1.0), false),
            (f64::NAN, Needed::AtLeast(1.0), false),
            (f64::NAN, Needed::Told, true),
        ] {
            assert_eq!(Check::new("number", measured, needed).passed(), passed, "{measured} {needed}");
        }
        let unknown = Check::of("number", Err("too short"), Needed::Above(0.0));
        assert!(!unknown.passed());
        assert_eq!(unknown.to_string(), "number: unknown (too short), needed more than 0");
        assert!(
            !Verdict { gate: GateName::G1, checks: vec![] }.passed(),
            "who looks at nothing lets nothing pass"
        );
    }

    #[test]
    fn a_verdict_comes_back_from_its_json_as_it_was() {
        let checks = vec![
            Check::new("probability of backtest overfitting", 0.1, Needed::AtMost(0.2)),
            Check::of("deflated Sharpe ratio", Err("no trials"), Needed::Told),
        ];
        let verdict = Verdict { gate: GateName::G2, checks };
        let json = serde_json::to_string(&verdict).unwrap();
        assert_eq!(serde_json::from_str::<Verdict>(&json).unwrap(), verdict, "{json}");
        assert!(json.contains(r#""needed":{"must_be":"at_most","bound":0.2}"#), "{json}");
        let told: Vec<_> =
            verdict.evidence().into_iter().map(|check| (check.measured, check.needed)).collect();
        let said = |measured: &str, needed: &str| (measured.to_owned(), needed.to_owned());
        assert_eq!(told, [said("0.1000", "at most 0.2"), said("unknown (no trials)", "nothing")]);
    }
}
