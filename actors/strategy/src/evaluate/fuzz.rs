//! Random strategies, lawful and not: evaluation is total, and no strategy says more than its own rules do.

use fastrand::Rng;

use super::*;
use crate::features::Feature;
use crate::rule::{Comparison, DEPTH_MAX, NODES_MAX, RULES_MAX};

const STRATEGIES: usize = 10_000;
const COMPARISONS: [Comparison; 5] =
    [Comparison::Below, Comparison::AtMost, Comparison::Above, Comparison::AtLeast, Comparison::Equals];

fn number(random: &mut Rng) -> Decimal {
    match random.u8(..8) {
        0 => Decimal::MAX,
        1 => Decimal::MIN,
        2 => Decimal::new(random.i64(..), 28),
        _ => Decimal::new(random.i64(-1_000_000..1_000_000), random.u32(..4)),
    }
}

/// A tree that may break every limit: too deep, too large, empty, out of bounds.
fn expression(random: &mut Rng, depth: usize) -> Expression {
    let kind = if depth > DEPTH_MAX + 1 { 0 } else { random.u8(..6) };
    let parts = |random: &mut Rng| (0..random.usize(..4)).map(|_| expression(random, depth + 1)).collect();
    match kind {
        3 => Expression::All(parts(random)),
        4 => Expression::Any(parts(random)),
        5 => Expression::Not(Box::new(expression(random, depth + 1))),
        _ => {
            let feature = Feature::ALL[random.usize(..Feature::ALL.len())];
            let (low, high) = feature.bounds();
            let value =
                if random.u8(..20) == 0 { number(random) } else { Decimal::from(random.i64(low..=high)) };
            Expression::is(feature, COMPARISONS[random.usize(..COMPARISONS.len())], value)
        }
    }
}

fn rules(random: &mut Rng) -> Vec<Rule> {
    let count = if random.u8(..50) == 0 { RULES_MAX + 1 } else { random.usize(..6) };
    let actions = [Action::Buy, Action::Sell, Action::Hold];
    (0..count)
        .map(|number| Rule {
            name: format!("rule {number}"),
            reason: "r".repeat(random.usize(..170)),
            when: expression(random, 1),
            action: actions[random.usize(..3)],
            confidence: Confidence::new(random.i64(0..=100)).unwrap(),
        })
        .collect()
}

fn features(random: &mut Rng) -> Features {
    let mut features = Features::default();
    for feature in Feature::ALL {
        let value = random.bool().then(|| number(random));
        features.set(feature, value);
    }
    features
}

fn nodes(expression: &Expression) -> usize {
    match expression {
        Expression::Is(_) => 1,
        Expression::All(parts) | Expression::Any(parts) => 1 + parts.iter().map(nodes).sum::<usize>(),
        Expression::Not(inner) => 1 + nodes(inner),
    }
}

#[test]
fn invariant_14_ten_thousand_random_strategies_evaluate_without_panic_and_within_their_bounds() {
    let mut random = Rng::with_seed(0x5712);
    let (mut lawful, mut refused, mut applied) = (0, 0, 0);
    while lawful < STRATEGIES {
        let rules = rules(&mut random);
        let Ok(strategy) = Strategy::new("random", rules.clone()) else {
            refused += 1;
            continue;
        };
        lawful += 1;
        assert!(strategy.rules().len() <= RULES_MAX);
        assert!(strategy.rules().iter().all(|rule| nodes(&rule.when) <= NODES_MAX));
        let features = features(&mut random);
        if let Some(found) = strategy.judge(&features) {
            applied += 1;
            let rule = rules.iter().find(|rule| rule.name == found.rule).unwrap();
            assert_eq!((found.action, found.confidence), (rule.action, rule.confidence));
            assert!(found.rationale.chars().count() <= Decision::RATIONALE_MAX_CHARS);
        }
    }
    println!("{lawful} random strategies evaluated, {applied} applied, {refused} refused");
    assert!(refused > 1000 && applied > 1000, "{refused} {applied}");
}
