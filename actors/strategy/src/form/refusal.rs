//! Why a text is no strategy: where, what, and what is allowed.

use super::feature::{Feature, Unit};
use super::{TEXT_BYTES_MAX, TEXT_KIB_MAX};

/// Why a text is no strategy.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidStrategy {
    /// Longer than any strategy; it was not read.
    #[error("the strategy has {bytes} bytes; allowed: {TEXT_BYTES_MAX} ({TEXT_KIB_MAX} KiB)")]
    TooLong {
        /// Its bytes.
        bytes: usize,
    },
    /// Not of the documented form.
    #[error("the strategy is not of the documented form: {0}")]
    Form(String),
    /// A number that is none.
    #[error("{}{found} at line {line} column {column}: numbers are finite decimals, e.g. 35.0", named(field))]
    NotFinite {
        /// The field, where its name is known.
        field: Option<String>,
        /// What stands there.
        found: String,
        /// Where, from 1.
        line: usize,
        /// Where in the line, from 1.
        column: usize,
    },
    /// A limit is broken at one place.
    #[error("{place}: {broken}")]
    At {
        /// The path, e.g. `entry.terms[2].all_of[0].lag`.
        place: String,
        /// What is wrong there.
        broken: Broken,
    },
}

/// A limit that a strategy breaks.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Broken {
    /// Text of another length.
    #[error("{found} characters; allowed: {low} to {high}")]
    Length {
        /// Characters found.
        found: usize,
        /// Fewest.
        low: usize,
        /// Most.
        high: usize,
    },
    /// A name with other characters.
    #[error("a name has letters, digits, '-' and '_' only")]
    Name,
    /// Text with characters that no terminal should be sent.
    #[error("control characters are not allowed")]
    Control,
    /// Too few or too many.
    #[error("{found} of them; allowed: {low} to {high}")]
    Count {
        /// How many.
        found: usize,
        /// Fewest.
        low: usize,
        /// Most.
        high: usize,
    },
    /// A whole number out of its range.
    #[error("{found} is out of range; allowed: {low} to {high}")]
    Whole {
        /// The number.
        found: i64,
        /// Lowest.
        low: i64,
        /// Highest.
        high: i64,
    },
    /// A number out of its range.
    #[error("{found} is out of range; allowed: {low} to {high}")]
    Number {
        /// The number.
        found: f64,
        /// Lowest.
        low: f64,
        /// Highest.
        high: f64,
    },
    /// A weight that is none.
    #[error("{0} is no weight; allowed: -100 to 100 in steps of 0.001, not 0")]
    Weight(f64),
    /// The score cannot be reached.
    #[error(
        "{min} cannot be reached: the positive weights come to {sum}; allowed: above 0, at most that sum"
    )]
    Unreachable {
        /// The score to reach.
        min: f64,
        /// What can be reached.
        sum: f64,
    },
    /// A value of a holding where there is none.
    #[error("{0} is known of a holding only; allowed at exit.any_of with lag 0, against a constant")]
    NoHolding(Feature),
    /// Features of different units.
    #[error("{left} ({}) cannot be compared with {right} ({})", left.unit().name(), right.unit().name())]
    Units {
        /// Left.
        left: Feature,
        /// Right.
        right: Feature,
    },
    /// A feature compared with itself at the same bar.
    #[error("{0} at one bar is equal to itself")]
    Itself(Feature),
    /// `rhs_kind` feature without one.
    #[error("a feature has to be named when rhs_kind is feature")]
    NoRight,
    /// `rhs_kind` value with a feature.
    #[error("null when rhs_kind is value")]
    RightOfValue,
    /// `rhs_kind` feature with a constant.
    #[error("{0} beside a feature; 0 when rhs_kind is feature")]
    ValueOfRight(f64),
    /// Said before.
    #[error("says the same as another one before it")]
    Repeated,
    /// A constant beyond what the feature can be.
    #[error("{found} is out of the bounds of {feature}; allowed: {low} to {high}{unit}",
        low = feature.definition().low, high = feature.definition().high, unit = spelled(feature.unit()))]
    Bounds {
        /// The feature.
        feature: Feature,
        /// The constant.
        found: f64,
    },
}

/// Longest name of a field that is quoted, in bytes: the form has no longer one.
const FIELD_BYTES_MAX: usize = 24;

impl InvalidStrategy {
    /// Of a text that is not of the form. JSON has no word for what is no finite number, so its reader only says where it stopped.
    pub(super) fn unread(text: &str, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        not_finite(text, line, column).unwrap_or_else(|| Self::Form(error.to_string()))
    }
}

fn not_finite(text: &str, line: usize, column: usize) -> Option<InvalidStrategy> {
    let end = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum::<usize>() + column;
    let is_of_word = |one: char| one.is_ascii_alphabetic() || one == '-' || one == '+';
    // The reader stops in the word or right before it.
    let before = text.get(..end.checked_sub(1)?)?.trim_end_matches(is_of_word);
    if !before.trim_end().ends_with([':', ',', '[']) {
        return None;
    }
    let rest = text.get(before.len()..)?;
    let found: String = rest.chars().take_while(|one| is_of_word(*one)).take(FIELD_BYTES_MAX).collect();
    let word = found.trim_start_matches(['-', '+']).to_ascii_lowercase();
    if !matches!(word.as_str(), "nan" | "inf" | "infinity") {
        return None;
    }
    let field = field_before(before);
    Some(InvalidStrategy::NotFinite { field, found, line, column })
}

/// The name right before a value.
fn field_before(text: &str) -> Option<String> {
    let (_, name) = text.trim_end().strip_suffix(':')?.trim_end().strip_suffix('"')?.rsplit_once('"')?;
    let is_name =
        name.len() <= FIELD_BYTES_MAX && name.chars().all(|one| one.is_ascii_lowercase() || one == '_');
    is_name.then(|| name.to_owned())
}

fn named(field: &Option<String>) -> String {
    field.as_ref().map(|name| format!("{name} is ")).unwrap_or_default()
}

fn spelled(unit: Unit) -> String {
    format!(" ({})", unit.name())
}
