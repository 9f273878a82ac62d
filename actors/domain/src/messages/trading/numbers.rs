//! A gate that was not passed, in numbers: what was measured, what was needed, and what would have been enough.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// How a measure is compared with its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// At least the threshold passes.
    AtLeast,
    /// At most the threshold passes.
    AtMost,
    /// More than the threshold passes.
    Above,
    /// Less than the threshold passes.
    Below,
}

impl Comparison {
    /// Every comparison.
    pub const ALL: [Self; 4] = [Self::AtLeast, Self::AtMost, Self::Above, Self::Below];

    /// The word stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::AtLeast => "at_least",
            Self::AtMost => "at_most",
            Self::Above => "above",
            Self::Below => "below",
        }
    }

    /// The words shown.
    fn words(self) -> &'static str {
        match self {
            Self::AtLeast => "at least",
            Self::AtMost => "at most",
            Self::Above => "more than",
            Self::Below => "less than",
        }
    }

    /// True when no equal number passes.
    fn is_strict(self) -> bool {
        matches!(self, Self::Above | Self::Below)
    }
}

/// The numbers of a gate that was not passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateNumbers {
    /// What was measured.
    pub measured: Decimal,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what.
    pub threshold: Decimal,
    /// The unit of both, e.g. `KRW`, `%` or `shares`.
    pub unit: String,
}

impl GateNumbers {
    /// The smallest change of the measure that would have passed, signed; a strict comparison needs a little more.
    pub fn change(&self) -> Decimal {
        self.threshold.saturating_sub(self.measured)
    }
}

impl fmt::Display for GateNumbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { measured, comparison, threshold, unit } = self;
        let change = self.change().normalize();
        let direction = if change.is_sign_negative() { "less" } else { "more" };
        let strictly = if comparison.is_strict() { "over " } else { "" };
        write!(
            f,
            "it was {} {unit}, {} {} {unit} passes: {strictly}{} {unit} {direction} would have been enough",
            measured.normalize(),
            comparison.words(),
            threshold.normalize(),
            change.abs()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_says_the_smallest_change_that_would_have_passed() {
        let cases = [
            (
                "79",
                Comparison::AtLeast,
                "80",
                "%",
                "it was 79 %, at least 80 % passes: 1 % more would have been enough",
            ),
            (
                "31.50",
                Comparison::AtMost,
                "30",
                "%",
                "it was 31.5 %, at most 30 % passes: 1.5 % less would have been enough",
            ),
            (
                "70",
                Comparison::Above,
                "70",
                "points",
                "it was 70 points, more than 70 points passes: over 0 points more would have been enough",
            ),
        ];
        for (measured, comparison, threshold, unit, expected) in cases {
            let numbers = GateNumbers {
                measured: measured.parse().unwrap(),
                comparison,
                threshold: threshold.parse().unwrap(),
                unit: unit.into(),
            };
            assert_eq!(numbers.to_string(), expected);
        }
    }
}
