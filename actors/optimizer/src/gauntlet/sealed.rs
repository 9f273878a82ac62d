//! G3: the one look outside the sample.
//!
//! Data that nobody may see are a [`Sealed`]: they can be opened once, by the champion of a cycle, with the receipt of the books
//! that these days are spent. Each look of a market is judged at a stricter level than the one before, so that all looks
//! together let luck pass no more often than stated.

use std::fmt;

use chrono::NaiveDate;
use domain::messages::evolution::{GateName, SpentWindow, TrialHash};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Check, Needed, Verdict};
use crate::validation::multiple::spent_level;
use crate::validation::sharpe::Record;

/// What G3 demands.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// How often luck may pass in all looks of a market together, e.g. 0.05.
    pub level: f64,
    /// Fewest sessions of a look.
    pub sessions: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self { level: 0.05, sessions: 120 }
    }
}

/// Days that nobody has looked at. It can neither be copied nor printed, and opening it takes it away.
pub struct Sealed<T> {
    first_day: NaiveDate,
    last_day: NaiveDate,
    content: T,
}

/// Why days stay sealed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StaysSealed {
    /// The last day is before the first.
    #[error("a window from {first_day} to {last_day} has no day")]
    NoDay {
        /// The first day.
        first_day: NaiveDate,
        /// The last day.
        last_day: NaiveDate,
    },
    /// They were looked at before.
    #[error("days from {first_day} to {last_day} were looked at before: begin after {last_day}")]
    Spent {
        /// The first day of the earlier look.
        first_day: NaiveDate,
        /// The last day of the earlier look.
        last_day: NaiveDate,
    },
    /// The receipt is for other days.
    #[error("the books have spent {first_day} to {last_day}, not these days")]
    OtherDays {
        /// The first day of the receipt.
        first_day: NaiveDate,
        /// The last day of the receipt.
        last_day: NaiveDate,
    },
    /// The receipt is for another champion.
    #[error("the books have spent these days on {0}")]
    OtherChampion(TrialHash),
    /// What was seen is in the books already.
    #[error("what these days show is judged already: the champion {}", if *passed { "passed" } else { "failed" })]
    Judged {
        /// Whether the champion passed.
        passed: bool,
    },
}

impl<T> Sealed<T> {
    /// Seals `content`, the days from the first to the last.
    ///
    /// # Errors
    /// [`StaysSealed`] when there is no day, or one is among those looked at before.
    pub fn new(
        first_day: NaiveDate,
        last_day: NaiveDate,
        content: T,
        spent: &[SpentWindow],
    ) -> Result<Self, StaysSealed> {
        if last_day < first_day {
            return Err(StaysSealed::NoDay { first_day, last_day });
        }
        let touches = |window: &&SpentWindow| window.first_day <= last_day && window.last_day >= first_day;
        match spent.iter().filter(touches).max_by_key(|window| window.last_day) {
            Some(SpentWindow { first_day, last_day, .. }) => {
                Err(StaysSealed::Spent { first_day: *first_day, last_day: *last_day })
            }
            None => Ok(Self { first_day, last_day, content }),
        }
    }

    /// The first day.
    pub fn first_day(&self) -> NaiveDate {
        self.first_day
    }

    /// The last day.
    pub fn last_day(&self) -> NaiveDate {
        self.last_day
    }

    /// What it holds, for `champion`, once the books have given `receipt`: from then on these days are spent, whatever is seen.
    ///
    /// # Errors
    /// [`StaysSealed`] when the receipt is for other days or another champion, or the look is judged already. The days are
    /// lost to this process then, too.
    pub fn open(self, receipt: &SpentWindow, champion: &TrialHash) -> Result<T, StaysSealed> {
        let SpentWindow { first_day, last_day, .. } = *receipt;
        if (first_day, last_day) != (self.first_day, self.last_day) {
            return Err(StaysSealed::OtherDays { first_day, last_day });
        }
        if receipt.champion != *champion {
            return Err(StaysSealed::OtherChampion(receipt.champion.clone()));
        }
        match receipt.passed {
            Some(passed) => Err(StaysSealed::Judged { passed }),
            None => Ok(self.content),
        }
    }
}

impl<T> fmt::Debug for Sealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first_day, last_day, content: _ } = self;
        write!(f, "Sealed({first_day} to {last_day})")
    }
}

/// What was seen in the one look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The first day.
    pub first_day: NaiveDate,
    /// The last day.
    pub last_day: NaiveDate,
    /// The how-manieth look of the market, from 1.
    pub look: u64,
    /// The champion's returns after costs.
    pub record: Result<Record, String>,
    /// The same less what its share of the equity would have earned in all stocks alike: rising with the market is no skill.
    #[serde(default = "not_measured")]
    pub beyond_market: Result<Record, String>,
}

/// Looks of versions before 2026-11-27 have it not.
fn not_measured() -> Result<Record, String> {
    Err("it was not measured".to_owned())
}

impl Evidence {
    /// What the champion earned on the days of `receipt`, and what of it the market did: its share of the equity in all stocks.
    pub fn of(receipt: &SpentWindow, returns: &[f64], market: &[f64]) -> Self {
        let SpentWindow { number, first_day, last_day, .. } = *receipt;
        let of = |returns: &[f64]| Record::of(returns).map_err(|why| why.to_string());
        let beyond: Vec<_> = returns.iter().zip(market).map(|(own, market)| own - market).collect();
        Self { first_day, last_day, look: u64::from(number), record: of(returns), beyond_market: of(&beyond) }
    }
}

/// What G3 says of what was seen.
pub fn verdict(evidence: &Evidence, rules: &Rules) -> Verdict {
    let record = evidence.record.clone();
    let skill = |record: &Result<Record, String>| {
        record.clone().and_then(|record| record.probability_above(0.0).map_err(|why| why.to_string()))
    };
    // A level that cannot be computed lets nothing pass: no probability is above 1.
    let level = spent_level(rules.level, evidence.look).unwrap_or(0.0);
    let sessions = record.clone().map(|record| record.observations as f64);
    let checks = vec![
        Check::of("sessions of the sealed window", sessions, Needed::AtLeast(rules.sessions as f64)),
        Check::of(
            "Sharpe ratio of a session in the sealed window",
            record.map(|record| record.sharpe),
            Needed::Told,
        ),
        Check::of(
            "probability of skill in the sealed window",
            skill(&evidence.record),
            Needed::Above(1.0 - level),
        ),
        Check::of(
            "the same beyond what the market did",
            skill(&evidence.beyond_market),
            Needed::Above(1.0 - level),
        ),
        Check::new("looks of the market", evidence.look as f64, Needed::Told),
    ];
    Verdict { gate: GateName::G3, checks }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn hash(digit: char) -> TrialHash {
        digit.to_string().repeat(64).parse().unwrap()
    }

    fn spent(first: &str, last: &str) -> SpentWindow {
        let (first_day, last_day) = (day(first), day(last));
        SpentWindow { seq: 1, cycle: 1, number: 1, first_day, last_day, champion: hash('a'), passed: None }
    }

    #[test]
    fn a_window_opens_for_the_receipt_of_its_own_days_and_champion_only() {
        let receipt = spent("2026-01-01", "2026-06-30");
        let seal = || Sealed::new(receipt.first_day, receipt.last_day, 7, &[]).unwrap();
        assert_eq!(seal().open(&receipt, &hash('a')), Ok(7));
        let other = spent("2026-01-01", "2026-06-29");
        assert!(matches!(seal().open(&other, &hash('a')), Err(StaysSealed::OtherDays { .. })));
        assert_eq!(seal().open(&receipt, &hash('b')), Err(StaysSealed::OtherChampion(hash('a'))));
        let judged = SpentWindow { passed: Some(false), ..receipt.clone() };
        assert_eq!(seal().open(&judged, &hash('a')), Err(StaysSealed::Judged { passed: false }));
        assert_eq!(format!("{:?}", seal()), "Sealed(2026-01-01 to 2026-06-30)");
    }

    #[test]
    fn a_day_that_was_looked_at_is_never_sealed_again() {
        let before = [spent("2025-01-01", "2025-06-30"), spent("2025-07-01", "2025-12-31")];
        for (first, last, is_new) in [
            ("2026-01-01", "2026-06-30", true),
            ("2024-06-01", "2024-12-31", true),
            ("2025-12-31", "2026-06-30", false),
            ("2024-06-01", "2025-01-01", false),
            ("2025-03-01", "2025-03-02", false),
            ("2024-01-01", "2026-12-31", false),
            ("2026-02-02", "2026-02-01", false),
        ] {
            let sealed = Sealed::new(day(first), day(last), (), &before);
            assert_eq!(sealed.is_ok(), is_new, "{first} to {last}");
        }
    }

    #[test]
    fn each_look_is_judged_more_strictly_than_the_one_before() {
        let rules = Rules::default();
        // A Sharpe ratio of 2.08 a year over 250 sessions: a probability of 0.98.
        let record = Record { observations: 250, sharpe: 0.131, skew: 0.0, kurtosis: 3.0 };
        let of = |look, record: Result<Record, String>| {
            let (first_day, last_day) = (day("2026-01-01"), day("2026-12-31"));
            let evidence =
                Evidence { first_day, last_day, look, record: record.clone(), beyond_market: record };
            verdict(&evidence, &rules).passed()
        };
        assert!(of(1, Ok(record)) && !of(2, Ok(record)) && !of(0, Ok(record)));
        assert!(!of(1, Ok(Record { observations: 119, ..record })), "too few sessions");
        assert!(!of(1, Err("nothing was traded".to_owned())));
    }
}
