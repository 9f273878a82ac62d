//! The limit within which a proposal needs no person: `EVOLUTION_AUTO_APPROVE`.
//!
//! It can only say less than RiskGuard's limits allow anyway; what is bought is bounded by those in any case.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Days over which approvals by the limit are counted.
pub const LIMIT_WINDOW_DAYS: i64 = 30;

/// What may be approved without a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AutoLimit {
    position_pct: Decimal,
    per_30_days: u8,
}

impl AutoLimit {
    /// The name of the setting, under which approvals by it are booked.
    pub const SETTING: &'static str = "EVOLUTION_AUTO_APPROVE";
    /// Largest share that may be named, in percent of the equity.
    pub const POSITION_PCT_MAX: Decimal = Decimal::from_parts(30, 0, 0, false, 0);
    /// Most approvals in 30 days that may be named.
    pub const PER_30_DAYS_MAX: u8 = 4;

    /// A limit; none where a number is out of its range.
    pub fn new(position_pct: Decimal, per_30_days: u8) -> Option<Self> {
        let is_allowed = position_pct > Decimal::ZERO
            && position_pct <= Self::POSITION_PCT_MAX
            && (1..=Self::PER_30_DAYS_MAX).contains(&per_30_days);
        is_allowed.then(|| Self { position_pct: position_pct.normalize(), per_30_days })
    }

    /// The most of the equity that a strategy may put into one position, in percent, above 0 to 30.
    pub fn position_pct(&self) -> Decimal {
        self.position_pct
    }

    /// The most proposals of all markets that it approves in any 30 days, 1 to 4.
    pub fn per_30_days(&self) -> u8 {
        self.per_30_days
    }
}

impl fmt::Display for AutoLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "max_position_pct={},max_per_30_days={}", self.position_pct, self.per_30_days)
    }
}

/// The text is no such limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "allowed: max_position_pct=N with N above 0, at most 30, and after a comma, if wanted, max_per_30_days=N with N from 1 to 4 (1 if not named)"
)]
pub struct InvalidAutoLimit;

impl FromStr for AutoLimit {
    type Err = InvalidAutoLimit;

    /// Each name once, `max_position_pct` always.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (mut position_pct, mut per_30_days) = (None, None);
        for part in text.split(',') {
            let (name, value) = part.split_once('=').ok_or(InvalidAutoLimit)?;
            match name.trim() {
                "max_position_pct" if position_pct.is_none() => {
                    position_pct = Some(Decimal::from_str_exact(value.trim()).map_err(|_| InvalidAutoLimit)?);
                }
                "max_per_30_days" if per_30_days.is_none() => {
                    per_30_days = Some(value.trim().parse().map_err(|_| InvalidAutoLimit)?);
                }
                _ => return Err(InvalidAutoLimit),
            }
        }
        Self::new(position_pct.ok_or(InvalidAutoLimit)?, per_30_days.unwrap_or(1)).ok_or(InvalidAutoLimit)
    }
}

impl TryFrom<String> for AutoLimit {
    type Error = InvalidAutoLimit;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<AutoLimit> for String {
    fn from(limit: AutoLimit) -> Self {
        limit.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_names_a_share_of_the_equity_and_how_often_and_is_written_as_it_is_read() {
        for (text, written) in [
            ("max_position_pct=5", "max_position_pct=5,max_per_30_days=1"),
            ("max_position_pct=5.0, max_per_30_days=2", "max_position_pct=5,max_per_30_days=2"),
            ("max_per_30_days=4,max_position_pct=30", "max_position_pct=30,max_per_30_days=4"),
            ("max_position_pct=0.01", "max_position_pct=0.01,max_per_30_days=1"),
        ] {
            let limit: AutoLimit = text.parse().unwrap();
            assert_eq!(limit.to_string(), written);
            assert_eq!(written.parse(), Ok(limit));
        }
    }

    #[test]
    fn what_is_no_limit_is_refused_with_what_is_allowed() {
        for wrong in [
            "",
            "on",
            "true",
            "5",
            "max_position_pct",
            "max_position_pct=",
            "max_position_pct=0",
            "max_position_pct=-1",
            "max_position_pct=30.01",
            "max_position_pct=1e1",
            "max_position_pct=5,",
            "max_position_pct=5,max_position_pct=4",
            "max_position_pct=5,max_per_30_days=0",
            "max_position_pct=5,max_per_30_days=5",
            "max_position_pct=5,max_per_30_days=1.5",
            "max_per_30_days=1",
            "max_positon_pct=5",
        ] {
            let refused = wrong.parse::<AutoLimit>().unwrap_err().to_string();
            assert!(refused.contains("max_position_pct=N"), "{wrong}: {refused}");
        }
    }
}
