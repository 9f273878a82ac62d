//! The evidence of a proposal: what each gate measured and demanded, and the curves that a person looks at.

use chrono::NaiveDate;
use domain::messages::evolution::GateName;
use serde::{Deserialize, Serialize};

/// Everything a reviewer is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// N: every trial that the market ever saw, up to this one.
    pub trials: u64,
    /// What was checked, in the order of the gates.
    pub checks: Vec<Check>,
    /// What is drawn.
    pub curves: Vec<Curve>,
    /// What else should be known, a sentence each.
    pub notes: Vec<String>,
}

/// One check of one gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The gate.
    pub gate: GateName,
    /// What was looked at, e.g. `probability of backtest overfitting`.
    pub what: String,
    /// What was found, with its unit.
    pub measured: String,
    /// What was demanded, with its unit.
    pub needed: String,
    /// Whether it was.
    pub passed: bool,
}

/// One curve over days: an index that begins with a million.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curve {
    /// What it shows, e.g. `equity after costs`.
    pub name: String,
    /// Its first day.
    pub first_day: NaiveDate,
    /// Its last day.
    pub last_day: NaiveDate,
    /// One value for each session, in millionths of what it began with.
    pub points: Vec<i64>,
}

impl Evidence {
    /// Reads it.
    ///
    /// # Errors
    /// Where the text is no evidence.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// True when every check passed, and there was one.
    pub fn is_whole(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(|check| check.passed)
    }
}
