//! Which candidate a trial is about: from the cycle's seed, the trial's position and the archive as it was at the slice's start.

use std::collections::BTreeSet;

use domain::messages::evolution::{Elite, Origin, TrialHash};
use strategy::form::Strategy;

use super::chance::Chance;
use super::cross::cross;
use super::mutate::mutate;

/// So often another candidate is drawn for a position when one was tried before.
const DRAWS: u32 = 64;
/// A crossing instead of a change, so many times in a hundred.
const CROSSINGS_PCT: usize = 25;

/// A candidate and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The strategy.
    pub strategy: Strategy,
    /// Its identity.
    pub hash: TrialHash,
    /// What it was made from.
    pub parent: Option<TrialHash>,
    /// How.
    pub origin: Origin,
}

impl Candidate {
    /// A strategy as it is.
    pub fn given(strategy: Strategy, origin: Origin) -> Option<Self> {
        let hash = hash_of(&strategy)?;
        Some(Self { strategy, hash, parent: None, origin })
    }
}

/// Strategies that are tried as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a> {
    /// What every archive begins with: in any slice, as long as one of them was not tried.
    pub seeds: &'a [Strategy],
    /// What a language model suggests: in the first slice only, so that a cycle that goes on does not depend on them.
    pub suggestions: &'a [Strategy],
}

/// The identity of a strategy as the books know it.
pub fn hash_of(strategy: &Strategy) -> Option<TrialHash> {
    strategy.identity().to_string().parse().ok()
}

/// What an archive breeds from: those that can still be read, in the order of their niches.
pub fn parents(elites: &[Elite]) -> Vec<(Strategy, TrialHash)> {
    let read = |elite: &Elite| Some((Strategy::from_json(&elite.strategy).ok()?, elite.hash.clone()));
    elites.iter().filter_map(read).collect()
}

/// The candidates of a slice, fewer than `most` only when nothing new is found. What is given comes first, as far as it was not
/// tried yet. `is_tried` says what the books know.
pub fn slice(
    (seed, position, most): (u64, u32, u32),
    parents: &[(Strategy, TrialHash)],
    given: Given<'_>,
    is_tried: impl Fn(&TrialHash) -> bool,
) -> Vec<Candidate> {
    let mut taken: BTreeSet<TrialHash> = BTreeSet::new();
    let mut slice: Vec<Candidate> = Vec::new();
    let suggestions = if position == 0 { given.suggestions } else { &[] };
    let seeds = given.seeds.iter().map(|one| (one, Origin::Seed));
    let as_they_are = seeds.chain(suggestions.iter().map(|one| (one, Origin::Model)));
    let mut fresh = as_they_are.filter_map(|(one, origin)| Candidate::given(one.clone(), origin));
    for place in 0..most {
        let is_new =
            |one: &Candidate, taken: &BTreeSet<TrialHash>| !taken.contains(&one.hash) && !is_tried(&one.hash);
        let as_it_is = fresh.by_ref().find(|one| is_new(one, &taken));
        let drawn = as_it_is.or_else(|| {
            (0..DRAWS).find_map(|attempt| {
                let mut chance = Chance::of(seed, position.wrapping_add(place), attempt);
                draw(parents, given.seeds, &mut chance).filter(|one| is_new(one, &taken))
            })
        });
        let Some(candidate) = drawn else { break };
        taken.insert(candidate.hash.clone());
        slice.push(candidate);
    }
    slice
}

fn draw(parents: &[(Strategy, TrialHash)], seeds: &[Strategy], chance: &mut Chance) -> Option<Candidate> {
    let Some((one, parent)) = chance.one_of(parents) else {
        // An archive in which nothing has a place yet breeds from the seeds.
        let one = chance.one_of(seeds)?;
        return child(mutate(one, chance)?, hash_of(one), Origin::Mutation);
    };
    let crosses = parents.len() > 1 && chance.percent(CROSSINGS_PCT);
    let other = if crosses { chance.one_of(parents) } else { None };
    match other.filter(|(other, _)| other.identity() != one.identity()) {
        Some((other, _)) => child(cross(one, other, chance)?, Some(parent.clone()), Origin::Crossover),
        None => child(mutate(one, chance)?, Some(parent.clone()), Origin::Mutation),
    }
}

fn child(strategy: Strategy, parent: Option<TrialHash>, origin: Origin) -> Option<Candidate> {
    let hash = hash_of(&strategy)?;
    Some(Candidate { strategy, hash, parent, origin })
}
