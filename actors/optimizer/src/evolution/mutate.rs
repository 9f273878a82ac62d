//! One strategy changed in one to three places, within every limit of the form.

use strategy::form::wire::{ExitWire, PredicateWire, RightKind, StrategyWire, TermWire};
use strategy::form::{
    ALL_OF_MAX, ANY_OF_MAX, ATR_MULTIPLES, FRACTION_PCT_MAX, Feature, HOLD_BARS_MAX, LAG_MAX, Operator,
    Strategy, TERMS_MAX, Unit,
};

use super::chance::Chance;

/// So many times a change is tried that keeps every limit and changes what the strategy does.
const ATTEMPTS: u32 = 32;
/// The weight of a new term.
const WEIGHTS: [f64; 2] = [0.5, 3.0];

type Change = fn(&mut StrategyWire, &mut Chance);

/// The changes, each as likely as the other; moving a constant stands there three times.
const CHANGES: [Change; 14] = [
    move_constant,
    move_constant,
    move_constant,
    other_feature,
    turn_comparison,
    other_lag,
    new_term,
    drop_term,
    other_weight,
    new_predicate,
    drop_predicate,
    other_score,
    other_exit,
    other_fraction,
];

/// A strategy that does something else than its parent; none when chance found no such change.
pub fn mutate(parent: &Strategy, chance: &mut Chance) -> Option<Strategy> {
    (0..ATTEMPTS).find_map(|_| {
        let mut wire = StrategyWire::from(parent.clone());
        for _ in 0..=chance.below(3) {
            if let Some(change) = chance.one_of(&CHANGES) {
                change(&mut wire, chance);
            }
        }
        settle(wire, parent).filter(|child| child.identity() != parent.identity())
    })
}

/// The child with its name and its parent's, its score in reach; none when it breaks a limit.
pub(super) fn settle(mut wire: StrategyWire, parent: &Strategy) -> Option<Strategy> {
    let reach: f64 = wire.entry.terms.iter().map(|term| term.weight.max(0.0)).sum();
    wire.entry.min_score = wire.entry.min_score.clamp(0.001, reach.max(0.001));
    wire.parent_id = Some(parent.id().to_owned());
    let named = Strategy::try_from(wire).ok()?;
    // Its name follows from what it does, so that the same strategy has the same name wherever it comes from.
    let short: String = named.identity().to_string().chars().take(8).collect();
    let wire = StrategyWire { id: format!("e-{short}"), ..StrategyWire::from(named) };
    Strategy::try_from(wire).ok()
}

/// Every predicate, of entry and exit.
fn predicates(wire: &mut StrategyWire) -> Vec<&mut PredicateWire> {
    let terms = wire.entry.terms.iter_mut().flat_map(|term| &mut term.all_of);
    terms.chain(&mut wire.exit.any_of).collect()
}

fn with_predicate(
    wire: &mut StrategyWire,
    chance: &mut Chance,
    change: impl FnOnce(&mut PredicateWire, &mut Chance),
) {
    let mut all = predicates(wire);
    let chosen = chance.below(all.len());
    if let Some(predicate) = all.get_mut(chosen) {
        change(predicate, chance);
    }
}

fn with_term(wire: &mut StrategyWire, chance: &mut Chance, change: impl FnOnce(&mut TermWire, &mut Chance)) {
    let chosen = chance.below(wire.entry.terms.len());
    if let Some(term) = wire.entry.terms.get_mut(chosen) {
        change(term, chance);
    }
}

fn clamped(feature: Feature, value: f64) -> f64 {
    let bounds = feature.definition();
    value.clamp(bounds.low, bounds.high)
}

/// What is a small step for a number of this unit.
fn step(unit: Unit) -> f64 {
    match unit {
        Unit::Percent | Unit::Bars => 1.0,
        Unit::Points => 5.0,
        Unit::Times => 0.2,
        Unit::Place => 0.1,
        Unit::Deviations => 0.3,
    }
}

fn move_constant(wire: &mut StrategyWire, chance: &mut Chance) {
    with_predicate(wire, chance, |predicate, chance| {
        if predicate.rhs_kind == RightKind::Value {
            let size = predicate.rhs_value.abs() * 0.3 + step(predicate.feature.unit());
            let moved = predicate.rhs_value + size * chance.between(-1.0, 1.0);
            predicate.rhs_value = clamped(predicate.feature, moved);
        }
    });
}

/// Features of the bars; what a holding earned is for exits.
fn of_bars(unit: Option<Unit>) -> Vec<Feature> {
    let fits =
        |feature: &&Feature| !feature.is_of_holding() && unit.is_none_or(|unit| feature.unit() == unit);
    Feature::ALL.iter().filter(fits).copied().collect()
}

fn other_feature(wire: &mut StrategyWire, chance: &mut Chance) {
    with_predicate(wire, chance, |predicate, chance| {
        if let Some(feature) = chance.one_of(&of_bars(Some(predicate.feature.unit()))) {
            predicate.feature = *feature;
            predicate.rhs_value = clamped(*feature, predicate.rhs_value);
        }
    });
}

fn turn_comparison(wire: &mut StrategyWire, chance: &mut Chance) {
    with_predicate(wire, chance, |predicate, _| {
        predicate.op = match predicate.op {
            Operator::Lt => Operator::Gt,
            Operator::Le => Operator::Ge,
            Operator::Gt => Operator::Lt,
            Operator::Ge => Operator::Le,
        };
    });
}

fn other_lag(wire: &mut StrategyWire, chance: &mut Chance) {
    with_predicate(wire, chance, |predicate, chance| {
        let lag = i64::try_from(chance.below(6)).unwrap_or(0);
        let back = if chance.percent(50) { 0 } else { predicate.lag + lag };
        predicate.lag = back.clamp(0, i64::from(LAG_MAX));
    });
}

/// A comparison with a constant near the middle of what its unit means, or with a feature of the same unit.
fn some_predicate(chance: &mut Chance) -> Option<PredicateWire> {
    let feature = *chance.one_of(&of_bars(None))?;
    let op = *chance.one_of(&[Operator::Lt, Operator::Gt])?;
    let others: Vec<_> =
        of_bars(Some(feature.unit())).into_iter().filter(|other| *other != feature).collect();
    let other = if chance.percent(20) { chance.one_of(&others).copied() } else { None };
    let (low, high) = match feature.unit() {
        Unit::Percent => (-10.0, 10.0),
        Unit::Points => (-100.0, 100.0),
        Unit::Times => (0.3, 3.0),
        Unit::Place => (-0.1, 1.1),
        Unit::Deviations => (-2.5, 2.5),
        Unit::Bars => (-5.0, 5.0),
    };
    let bounds = feature.definition();
    let constant = chance.between(bounds.low.max(low), bounds.high.min(high));
    Some(PredicateWire {
        feature,
        lag: 0,
        op,
        rhs_kind: if other.is_some() { RightKind::Feature } else { RightKind::Value },
        rhs_feature: other,
        rhs_value: if other.is_some() { 0.0 } else { constant },
    })
}

fn new_term(wire: &mut StrategyWire, chance: &mut Chance) {
    if wire.entry.terms.len() < TERMS_MAX
        && let Some(predicate) = some_predicate(chance)
    {
        let weight = chance.between(WEIGHTS[0], WEIGHTS[1]);
        wire.entry.terms.push(TermWire { weight, all_of: vec![predicate] });
    }
}

fn drop_term(wire: &mut StrategyWire, chance: &mut Chance) {
    if wire.entry.terms.len() > 1 {
        let chosen = chance.below(wire.entry.terms.len());
        wire.entry.terms.remove(chosen);
    }
}

fn other_weight(wire: &mut StrategyWire, chance: &mut Chance) {
    with_term(wire, chance, |term, chance| {
        term.weight = (term.weight * chance.between(0.5, 1.7)).clamp(-100.0, 100.0);
    });
}

fn new_predicate(wire: &mut StrategyWire, chance: &mut Chance) {
    let Some(predicate) = some_predicate(chance) else { return };
    with_term(wire, chance, |term, _| {
        if term.all_of.len() < ALL_OF_MAX {
            term.all_of.push(predicate);
        }
    });
}

fn drop_predicate(wire: &mut StrategyWire, chance: &mut Chance) {
    with_term(wire, chance, |term, chance| {
        if term.all_of.len() > 1 {
            let chosen = chance.below(term.all_of.len());
            term.all_of.remove(chosen);
        }
    });
}

fn other_score(wire: &mut StrategyWire, chance: &mut Chance) {
    wire.entry.min_score *= chance.between(0.7, 1.3);
}

fn other_fraction(wire: &mut StrategyWire, chance: &mut Chance) {
    let fraction = wire.sizing.fraction_pct * chance.between(0.6, 1.6);
    wire.sizing.fraction_pct = fraction.clamp(0.01, FRACTION_PCT_MAX);
}

fn other_exit(wire: &mut StrategyWire, chance: &mut Chance) {
    let exit = &mut wire.exit;
    match chance.below(6) {
        0 => exit.stop_atr = other_multiple(exit.stop_atr, chance),
        1 => exit.take_atr = other_multiple(exit.take_atr, chance),
        2 => exit.trailing_atr = other_multiple(exit.trailing_atr, chance),
        3 => other_holding(exit, chance),
        4 if exit.any_of.len() < ANY_OF_MAX => exit.any_of.extend(some_predicate(chance)),
        _ => {
            let chosen = chance.below(exit.any_of.len());
            if chosen < exit.any_of.len() {
                exit.any_of.remove(chosen);
            }
        }
    }
}

fn other_multiple(now: Option<f64>, chance: &mut Chance) -> Option<f64> {
    let [low, high] = ATR_MULTIPLES;
    match now {
        Some(_) if chance.percent(15) => None,
        Some(times) => Some((times * chance.between(0.6, 1.6)).clamp(low, high)),
        None => Some(chance.between(1.0, 6.0)),
    }
}

fn other_holding(exit: &mut ExitWire, chance: &mut Chance) {
    let step = exit.max_hold_bars / 2 + 2;
    let width = usize::try_from(2 * step + 1).unwrap_or(1);
    let moved = exit.max_hold_bars - step + i64::try_from(chance.below(width)).unwrap_or(0);
    exit.max_hold_bars = moved.clamp(1, i64::from(HOLD_BARS_MAX));
}
