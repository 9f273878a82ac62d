//! Which rule applies to a stock, and why.
//!
//! Three-valued logic after Kleene: a comparison with an absent value is *unknown*; unknown stays unknown under
//! `not`, loses against a false part of `all` and against a true part of `any`. Only what is known to be true
//! makes a rule apply. Evaluation always ends: a strategy is a bounded tree (rule.rs).

use domain::{Action, Confidence, Decision};
use rust_decimal::Decimal;

use crate::features::Features;
use crate::rule::{Condition, Expression, Rule, Strategy};

/// What is known about an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Truth {
    /// Known to hold.
    True,
    /// Known not to hold.
    False,
    /// A value it depends on is absent.
    Unknown,
}

impl Truth {
    fn negated(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }

    fn of(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// A rule that applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The rule's name.
    pub rule: String,
    /// What to do.
    pub action: Action,
    /// How sure.
    pub confidence: Confidence,
    /// Why, in plain English with the numbers; at most [`Decision::RATIONALE_MAX_CHARS`] characters.
    pub rationale: String,
}

impl Strategy {
    /// The first rule that is known to apply to these values; none means HOLD.
    pub fn judge(&self, features: &Features) -> Option<Match> {
        let rule = self.rules().iter().find(|rule| truth(&rule.when, features) == Truth::True)?;
        Some(Match {
            rule: rule.name.clone(),
            action: rule.action,
            confidence: rule.confidence,
            rationale: rationale(rule, features),
        })
    }
}

/// What is known about `expression` for these values.
pub fn truth(expression: &Expression, features: &Features) -> Truth {
    match expression {
        Expression::Is(condition) => compare(condition, features),
        Expression::All(parts) => first_or(parts, features, Truth::False, Truth::True),
        Expression::Any(parts) => first_or(parts, features, Truth::True, Truth::False),
        Expression::Not(inner) => truth(inner, features).negated(),
    }
}

fn compare(condition: &Condition, features: &Features) -> Truth {
    match features.get(condition.feature) {
        Some(value) => Truth::of(condition.comparison.holds(value, condition.value)),
        None => Truth::Unknown,
    }
}

/// `deciding` if any part is so; else unknown if any part is; else `otherwise`.
fn first_or(parts: &[Expression], features: &Features, deciding: Truth, otherwise: Truth) -> Truth {
    let mut result = otherwise;
    for part in parts {
        let known = truth(part, features);
        if known == deciding {
            return deciding;
        }
        if known == Truth::Unknown {
            result = Truth::Unknown;
        }
    }
    result
}

fn rationale(rule: &Rule, features: &Features) -> String {
    let mut grounds = Vec::new();
    collect_grounds(&rule.when, true, features, &mut grounds);
    let text = format!("{} ({})", rule.reason, grounds.join(", "));
    text.trim_start().chars().take(Decision::RATIONALE_MAX_CHARS).collect()
}

/// The comparisons that make the whole what it is: those that hold, or under a `not` those that fail.
fn collect_grounds(expression: &Expression, wanted: bool, features: &Features, grounds: &mut Vec<String>) {
    match expression {
        Expression::Is(condition) => {
            if compare(condition, features) == Truth::of(wanted) {
                grounds.extend(features.get(condition.feature).map(|value| ground(condition, wanted, value)));
            }
        }
        Expression::All(parts) | Expression::Any(parts) => {
            for part in parts {
                collect_grounds(part, wanted, features, grounds);
            }
        }
        Expression::Not(inner) => collect_grounds(inner, !wanted, features, grounds),
    }
}

fn ground(condition: &Condition, wanted: bool, value: Decimal) -> String {
    let (feature, limit) = (condition.feature, condition.value.normalize());
    let value = value.round_dp(2).normalize();
    let not = if wanted { "" } else { "not " };
    let (label, unit, words) = (feature.label(), feature.unit(), condition.comparison.words());
    format!("{label} {value}{unit} is {not}{words} {limit}{unit}")
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::Feature;
    use crate::rule::Comparison;

    fn features(values: &[(Feature, &str)]) -> Features {
        let mut features = Features::default();
        for (feature, value) in values {
            features.set(*feature, Some(value.parse().unwrap()));
        }
        features
    }

    fn low_rsi() -> Expression {
        Expression::is(Feature::Rsi14, Comparison::Below, 30)
    }

    fn high_score() -> Expression {
        Expression::is(Feature::Score, Comparison::AtLeast, 50)
    }

    fn not(inner: Expression) -> Expression {
        Expression::Not(Box::new(inner))
    }

    #[test]
    fn an_absent_value_makes_a_comparison_unknown_and_unknown_never_acts() {
        use Truth::{False, True, Unknown};
        let both = || vec![low_rsi(), high_score()];
        let rsi = |value| (Feature::Rsi14, value);
        let score = |value| (Feature::Score, value);
        let cases: [(&str, Expression, Features, Truth); 10] = [
            ("absent", low_rsi(), features(&[]), Unknown),
            ("not absent", not(low_rsi()), features(&[]), Unknown),
            ("low", low_rsi(), features(&[rsi("29.99")]), True),
            ("edge", low_rsi(), features(&[rsi("30")]), False),
            ("not edge", not(low_rsi()), features(&[rsi("30")]), True),
            ("all, one absent", Expression::All(both()), features(&[score("60")]), Unknown),
            ("all, one false", Expression::All(both()), features(&[score("40")]), False),
            ("any, one absent", Expression::Any(both()), features(&[score("40")]), Unknown),
            ("any, one true", Expression::Any(both()), features(&[score("50")]), True),
            ("all true", Expression::All(both()), features(&[score("50"), rsi("1")]), True),
        ];
        for (name, expression, features, expected) in cases {
            assert_eq!(truth(&expression, &features), expected, "{name}");
        }
    }

    #[test]
    fn the_first_rule_that_applies_decides_and_names_its_numbers() {
        let rule = |name: &str, when, action, confidence| Rule {
            name: name.to_owned(),
            reason: format!("Because of {name}"),
            when,
            action,
            confidence: Confidence::new(confidence).unwrap(),
        };
        let held = Expression::is(Feature::Held, Comparison::Equals, 1);
        let rules = vec![
            rule(
                "veto",
                Expression::is(Feature::VolumeRatio, Comparison::Below, Decimal::new(5, 1)),
                Action::Hold,
                50,
            ),
            rule("cheap", Expression::All(vec![low_rsi(), not(held)]), Action::Buy, 85),
        ];
        let strategy = Strategy::new("s", rules).unwrap();
        let cheap = [(Feature::Rsi14, "27.4567"), (Feature::Held, "0")];
        let found = strategy.judge(&features(&cheap)).unwrap();
        assert_eq!((found.rule.as_str(), found.action, found.confidence.get()), ("cheap", Action::Buy, 85));
        assert_eq!(found.rationale, "Because of cheap (RSI(14) 27.46 is below 30, held 0 is not equal to 1)");
        let quiet = [(Feature::Rsi14, "27"), (Feature::Held, "0"), (Feature::VolumeRatio, "0.4")];
        assert_eq!(strategy.judge(&features(&quiet)).unwrap().action, Action::Hold);
        assert_eq!(strategy.judge(&features(&[(Feature::Rsi14, "27")])), None);
    }

    #[test]
    fn a_rationale_never_exceeds_the_recorded_length() {
        let when = Expression::All(vec![low_rsi(); 40]);
        let reason = "x".repeat(160);
        let confidence = Confidence::new(80).unwrap();
        let rule = Rule { name: "r".to_owned(), reason, when, action: Action::Sell, confidence };
        let strategy = Strategy::new("s", vec![rule]).unwrap();
        let found = strategy.judge(&features(&[(Feature::Rsi14, "1")])).unwrap();
        assert_eq!(found.rationale.chars().count(), Decision::RATIONALE_MAX_CHARS);
    }
}
