//! The typed form of a strategy: a short list of rules, each a small tree of comparisons.
//!
//! The form is closed and bounded: it can be read from JSON, shown to a person and compared with its parent, and
//! it cannot loop, allocate or look ahead. A [`Strategy`] that exists keeps all limits; every other one is refused
//! with the rule and the limit it breaks.

use std::fmt;

use domain::{Action, Confidence};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::features::Feature;

/// Most rules of one strategy.
pub const RULES_MAX: usize = 32;
/// Most nodes (comparisons and connectives) of one rule.
pub const NODES_MAX: usize = 48;
/// Deepest nesting of one rule; a lone comparison has depth 1.
pub const DEPTH_MAX: usize = 5;
/// Longest name of a strategy or a rule, in characters.
pub const NAME_MAX_CHARS: usize = 60;
/// Longest stated reason of a rule, in characters.
pub const REASON_MAX_CHARS: usize = 160;

/// How a feature is compared with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// Strictly below.
    Below,
    /// Below or equal.
    AtMost,
    /// Strictly above.
    Above,
    /// Above or equal.
    AtLeast,
    /// Equal, for flags such as `held`.
    Equals,
}

impl Comparison {
    /// Whether `left` stands so to `right`.
    pub fn holds(self, left: Decimal, right: Decimal) -> bool {
        match self {
            Self::Below => left < right,
            Self::AtMost => left <= right,
            Self::Above => left > right,
            Self::AtLeast => left >= right,
            Self::Equals => left == right,
        }
    }

    /// The comparison in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Below => "below",
            Self::AtMost => "at most",
            Self::Above => "above",
            Self::AtLeast => "at least",
            Self::Equals => "equal to",
        }
    }
}

/// One comparison, such as `rsi_14 below 30`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// What is compared.
    pub feature: Feature,
    /// How.
    pub comparison: Comparison,
    /// With what, in the feature's unit and within [`Feature::bounds`].
    #[serde(with = "rust_decimal::serde::float")]
    pub value: Decimal,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.normalize();
        write!(f, "{} {} {value}{}", self.feature.label(), self.comparison.words(), self.feature.unit())
    }
}

/// When a rule applies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expression {
    /// The comparison holds.
    Is(Condition),
    /// All of them hold; never empty.
    All(Vec<Expression>),
    /// At least one of them holds; never empty.
    Any(Vec<Expression>),
    /// It is known not to hold.
    Not(Box<Expression>),
}

impl Expression {
    /// A single comparison.
    pub fn is(feature: Feature, comparison: Comparison, value: impl Into<Decimal>) -> Self {
        Self::Is(Condition { feature, comparison, value: value.into() })
    }

    /// Walks the tree once: nodes seen, or the first broken limit. Stops at [`DEPTH_MAX`], however deep the tree is.
    fn measure(&self, depth: usize) -> Result<usize, BrokenLimit> {
        if depth > DEPTH_MAX {
            return Err(BrokenLimit::TooDeep);
        }
        let below = match self {
            Self::Is(condition) => within_bounds(condition).map(|()| 0),
            Self::All(parts) | Self::Any(parts) if parts.is_empty() => Err(BrokenLimit::EmptyList),
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().try_fold(0, |nodes, part| Ok(nodes + part.measure(depth + 1)?))
            }
            Self::Not(inner) => inner.measure(depth + 1),
        }?;
        if below + 1 > NODES_MAX { Err(BrokenLimit::TooLarge) } else { Ok(below + 1) }
    }
}

fn within_bounds(condition: &Condition) -> Result<(), BrokenLimit> {
    let (low, high) = condition.feature.bounds();
    let inside = (Decimal::from(low)..=Decimal::from(high)).contains(&condition.value);
    if inside { Ok(()) } else { Err(BrokenLimit::OutOfBounds(condition.feature, condition.value)) }
}

/// What to do when an expression holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// A short name, unique in its strategy.
    pub name: String,
    /// Why the rule exists, in words; begins the rationale of every decision made by it.
    pub reason: String,
    /// When it applies.
    pub when: Expression,
    /// What to do then. HOLD vetoes the rules after it.
    pub action: Action,
    /// How sure.
    pub confidence: Confidence,
}

/// A list of rules that keeps all limits; the first rule that applies decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawStrategy", into = "RawStrategy")]
pub struct Strategy {
    name: String,
    rules: Vec<Rule>,
}

impl Strategy {
    /// A strategy of these rules, in order of precedence.
    ///
    /// # Errors
    /// [`InvalidStrategy`] names the rule and the first limit it breaks.
    pub fn new(name: &str, rules: Vec<Rule>) -> Result<Self, InvalidStrategy> {
        if name.trim().is_empty() || name.chars().count() > NAME_MAX_CHARS {
            return Err(InvalidStrategy::Name);
        }
        if rules.is_empty() || rules.len() > RULES_MAX {
            return Err(InvalidStrategy::RuleCount(rules.len()));
        }
        for (index, rule) in rules.iter().enumerate() {
            let earlier = rules.iter().take(index);
            check(rule, earlier).map_err(|limit| InvalidStrategy::Rule { rule: clip(&rule.name), limit })?;
        }
        Ok(Self { name: name.to_owned(), rules })
    }

    /// A strategy read from its JSON form.
    ///
    /// # Errors
    /// [`InvalidStrategy::Json`] for text of another form, the other variants for a broken limit.
    pub fn from_json(text: &str) -> Result<Self, InvalidStrategy> {
        let raw: RawStrategy =
            serde_json::from_str(text).map_err(|error| InvalidStrategy::Json(error.to_string()))?;
        Self::try_from(raw)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its rules, in order of precedence.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// For rules that this crate writes itself and that its tests prove valid.
    pub(crate) fn of_known_rules(name: &'static str, rules: Vec<Rule>) -> Self {
        Self { name: name.to_owned(), rules }
    }
}

fn check<'a>(rule: &Rule, mut earlier: impl Iterator<Item = &'a Rule>) -> Result<(), BrokenLimit> {
    if rule.name.trim().is_empty() || rule.name.chars().count() > NAME_MAX_CHARS {
        return Err(BrokenLimit::Name);
    }
    if rule.reason.chars().count() > REASON_MAX_CHARS {
        return Err(BrokenLimit::Reason);
    }
    if earlier.any(|other| other.name == rule.name) {
        return Err(BrokenLimit::DuplicateName);
    }
    rule.when.measure(1).map(|_nodes| ())
}

fn clip(name: &str) -> String {
    name.chars().take(NAME_MAX_CHARS).collect()
}

/// The JSON form before its limits are checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStrategy {
    name: String,
    rules: Vec<Rule>,
}

impl TryFrom<RawStrategy> for Strategy {
    type Error = InvalidStrategy;

    fn try_from(raw: RawStrategy) -> Result<Self, Self::Error> {
        Self::new(&raw.name, raw.rules)
    }
}

impl From<Strategy> for RawStrategy {
    fn from(strategy: Strategy) -> Self {
        Self { name: strategy.name, rules: strategy.rules }
    }
}

/// Why rules are no strategy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStrategy {
    /// The text is not of the documented form.
    #[error("the strategy is not of the documented form: {0}")]
    Json(String),
    /// No name, or a too long one.
    #[error("a strategy needs a name of 1 to {NAME_MAX_CHARS} characters")]
    Name,
    /// No rules, or too many.
    #[error("a strategy has 1 to {RULES_MAX} rules, not {0}")]
    RuleCount(usize),
    /// One rule breaks a limit.
    #[error("rule '{rule}': {limit}")]
    Rule {
        /// The rule's name.
        rule: String,
        /// What it breaks.
        limit: BrokenLimit,
    },
}

/// The limit that a rule breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenLimit {
    /// No name, or a too long one.
    #[error("a rule needs a name of 1 to {NAME_MAX_CHARS} characters")]
    Name,
    /// Another rule has this name.
    #[error("another rule of the strategy has the same name")]
    DuplicateName,
    /// The reason is too long.
    #[error("the reason is longer than {REASON_MAX_CHARS} characters")]
    Reason,
    /// Nested too deep.
    #[error("nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// Too many nodes.
    #[error("more than {NODES_MAX} comparisons and connectives")]
    TooLarge,
    /// `all` or `any` of nothing.
    #[error("'all' and 'any' need at least one part")]
    EmptyList,
    /// Compared with a number that the feature never has.
    #[error("{0} cannot be compared with {1}; allowed: {low} to {high}", low = .0.bounds().0, high = .0.bounds().1)]
    OutOfBounds(Feature, Decimal),
}

#[cfg(test)]
mod tests;
