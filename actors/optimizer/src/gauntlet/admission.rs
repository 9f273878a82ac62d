//! G0: is it a strategy at all, and was it never tried before?
//!
//! A duplicate of a rejected trial would be a second look at the same luck.

use std::collections::BTreeSet;

use domain::messages::evolution::{GateName, TrialHash};
use serde::{Deserialize, Serialize};

use super::{Check, Needed, Verdict};

/// What is known of a candidate before it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// It is none; why, in words.
    Malformed(String),
    /// One that does the same was tried before.
    TriedBefore(TrialHash),
    /// It may run.
    New(TrialHash),
}

impl Admission {
    /// Of a candidate as it was read, among those that were ever tried.
    pub fn of<E: std::fmt::Display>(read: Result<TrialHash, E>, tried: &BTreeSet<TrialHash>) -> Self {
        match read {
            Err(refusal) => Self::Malformed(refusal.to_string()),
            Ok(hash) if tried.contains(&hash) => Self::TriedBefore(hash),
            Ok(hash) => Self::New(hash),
        }
    }

    /// What G0 says of it.
    pub fn verdict(&self) -> Verdict {
        let form = match self {
            Self::Malformed(refusal) => Err(refusal),
            Self::TriedBefore(_) | Self::New(_) => Ok(0.0),
        };
        let before = match self {
            Self::Malformed(_) => Err("it has no identity"),
            Self::TriedBefore(_) => Ok(1.0),
            Self::New(_) => Ok(0.0),
        };
        let checks = vec![
            Check::of("errors of form", form, Needed::AtMost(0.0)),
            Check::of("earlier trials of the same", before, Needed::AtMost(0.0)),
        ];
        Verdict { gate: GateName::G0, checks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_well_formed_and_new_is_admitted() {
        let hash = |digit: char| digit.to_string().repeat(64).parse::<TrialHash>().unwrap();
        let tried = BTreeSet::from([hash('a')]);
        for (read, failures) in [
            (Ok(hash('b')), vec![]),
            (Ok(hash('a')), vec!["earlier trials of the same: 1.0000, needed at most 0"]),
            (
                Err("unknown feature `tomorrow`"),
                vec![
                    "errors of form: unknown (unknown feature `tomorrow`), needed at most 0",
                    "earlier trials of the same: unknown (it has no identity), needed at most 0",
                ],
            ),
        ] {
            let verdict = Admission::of(read, &tried).verdict();
            let found: Vec<_> = verdict.failures().map(ToString::to_string).collect();
            assert_eq!(found, failures);
            assert_eq!(verdict.passed(), failures.is_empty());
        }
    }
}
