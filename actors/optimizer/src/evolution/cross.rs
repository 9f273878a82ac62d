//! Two strategies made into one: terms of both, each exit and the size from one or the other.

use strategy::form::wire::{StrategyWire, TermWire};
use strategy::form::{Strategy, TERMS_MAX};

use super::chance::Chance;
use super::mutate::settle;

/// So many times a child is tried that is neither of its parents.
const ATTEMPTS: u32 = 16;

/// A strategy with something of both; none when chance found none that is neither.
pub fn cross(one: &Strategy, other: &Strategy, chance: &mut Chance) -> Option<Strategy> {
    (0..ATTEMPTS).find_map(|_| {
        let child = settle(mixed(one, other, chance), one)?;
        let is_new = [one, other].iter().all(|parent| parent.identity() != child.identity());
        is_new.then_some(child)
    })
}

fn mixed(one: &Strategy, other: &Strategy, chance: &mut Chance) -> StrategyWire {
    let (mut child, other) = (StrategyWire::from(one.clone()), StrategyWire::from(other.clone()));
    // How demanding it is stays what it was in one of them: a share of all that its terms could give.
    let demand = if chance.percent(50) { demand(&child) } else { demand(&other) };
    let mut terms: Vec<TermWire> = Vec::new();
    for term in child.entry.terms.iter().chain(&other.entry.terms) {
        let is_known = terms.iter().any(|known| known.all_of == term.all_of);
        if !is_known && terms.len() < TERMS_MAX && chance.percent(50) {
            terms.push(term.clone());
        }
    }
    if terms.is_empty() {
        terms.extend(chance.one_of(&child.entry.terms).cloned());
    }
    child.entry.terms = terms;
    child.entry.min_score = demand * reach(&child);
    let exit = other.exit;
    if chance.percent(50) {
        child.exit.any_of = exit.any_of;
    }
    if chance.percent(50) {
        child.exit.stop_atr = exit.stop_atr;
    }
    if chance.percent(50) {
        child.exit.take_atr = exit.take_atr;
    }
    if chance.percent(50) {
        child.exit.trailing_atr = exit.trailing_atr;
    }
    if chance.percent(50) {
        child.exit.max_hold_bars = exit.max_hold_bars;
    }
    if chance.percent(50) {
        child.sizing = other.sizing;
    }
    child
}

fn reach(wire: &StrategyWire) -> f64 {
    wire.entry.terms.iter().map(|term| term.weight.max(0.0)).sum()
}

fn demand(wire: &StrategyWire) -> f64 {
    wire.entry.min_score / reach(wire).max(0.001)
}
