//! Constants of a strategy: finite and of four significant digits, so that two ways to write one are one.

use std::cmp::Ordering;
use std::fmt;

/// Digits that a constant keeps.
pub const SIGNIFICANT_DIGITS: usize = 4;

/// A finite constant, rounded to [`SIGNIFICANT_DIGITS`].
#[derive(Clone, Copy, Debug)]
pub struct Number(f64);

impl Number {
    /// Nothing.
    pub(super) const ZERO: Self = Self(0.0);

    /// The constant nearest to `value`; none when it is not finite.
    pub fn new(value: f64) -> Option<Self> {
        let rounded: f64 = format!("{value:.*e}", SIGNIFICANT_DIGITS - 1).parse().ok()?;
        // Minus zero is zero.
        rounded.is_finite().then_some(Self(rounded + 0.0))
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a term adds to the score and what the score must reach, counted in thousandths, so that sums are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(i32);

impl Weight {
    /// The largest magnitude.
    pub const MAX: f64 = 100.0;

    /// The weight of four significant digits, in whole thousandths, nearest to `value`; none beyond [`Weight::MAX`] in either
    /// direction, for no number, and for what is rounded to nothing.
    pub fn new(value: f64) -> Option<Self> {
        let value = Number::new(value).map(Number::get).filter(|value| value.abs() <= Self::MAX)?;
        // At most 100,000.
        let thousandths = (value * 1_000.0).round() as i32;
        (thousandths != 0).then_some(Self(thousandths))
    }

    /// A weight that this crate writes itself and that its tests prove lawful.
    pub(super) const fn of_thousandths(thousandths: i32) -> Self {
        Self(thousandths)
    }

    /// The weight.
    pub fn get(self) -> f64 {
        self.thousandths() / 1_000.0
    }

    /// The weight in thousandths, a whole number.
    pub fn thousandths(self) -> f64 {
        f64::from(self.0)
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "+" };
        write!(f, "{sign}{:?}", self.get().abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_keeps_four_significant_digits() {
        let cases = [
            (35.000_04, Some("35")),
            (0.123_456, Some("0.1235")),
            (-0.0, Some("0")),
            (123_456.0, Some("123500")),
            (1e-300, Some("0.")),
            (f64::NAN, None),
            (f64::INFINITY, None),
        ];
        for (value, expected) in cases {
            let text = Number::new(value).map(|number| number.to_string());
            assert!(
                text.as_deref().zip(expected).map_or(text.is_none() && expected.is_none(), |(a, b)| {
                    a == b || (b.ends_with('.') && a.starts_with(b))
                }),
                "{value}: {text:?}"
            );
        }
    }

    #[test]
    fn a_weight_is_a_whole_number_of_thousandths_and_never_nothing() {
        let cases = [
            (2.0, Some("+2.0")),
            (-1.5, Some("-1.5")),
            (0.000_4, None),
            (0.0, None),
            (100.1, None),
            (f64::NAN, None),
        ];
        for (value, expected) in cases {
            assert_eq!(Weight::new(value).map(|weight| weight.to_string()).as_deref(), expected, "{value}");
        }
        let sum = |weights: &[f64]| -> f64 {
            weights.iter().filter_map(|value| Weight::new(*value)).map(Weight::thousandths).sum()
        };
        assert_eq!(sum(&[0.1, 0.2]).to_bits(), sum(&[0.3]).to_bits());
    }
}
