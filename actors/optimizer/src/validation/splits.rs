//! Which observations to learn from and which to test on, without a label that reaches from one into the other.
//!
//! Lopez de Prado, "Advances in financial machine learning" (2018), chapters 7 and 12. Observation i has a label made of the
//! bars i to i + horizon.

use std::ops::Range;

use super::{Degenerate, at_least, at_most, overfitting};

/// How far labels reach, and how long after a test nothing is learnt, in bars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// Bars after its own that a label uses.
    pub horizon: usize,
    /// Further bars after a test block that are left out.
    pub embargo: usize,
}

/// One split of the observations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainTest {
    /// Which groups are tested.
    pub groups: Vec<usize>,
    /// Observations to test on, ascending.
    pub test: Vec<usize>,
    /// Observations to learn from, ascending.
    pub train: Vec<usize>,
}

impl Guard {
    /// True when the label of `observation` and the test block do not touch each other, embargo included.
    fn allows(self, observation: usize, block: &Range<usize>) -> bool {
        observation + self.horizon < block.start || observation > block.end - 1 + self.horizon + self.embargo
    }
}

/// CPCV: every choice of `tested` of `groups` groups of neighbouring observations, in lexicographic order. The first groups
/// are one longer when they do not divide evenly.
///
/// # Errors
/// [`Degenerate`]: no group to test or none to learn from, more groups than observations, or more than
/// [`overfitting::BLOCKS_MAX`] of them.
pub fn combinatorial(
    observations: usize,
    groups: usize,
    tested: usize,
    guard: Guard,
) -> Result<Vec<TrainTest>, Degenerate> {
    at_least("tested groups", tested, 1)?;
    at_least("groups", groups, tested + 1)?;
    at_most("groups", groups, overfitting::BLOCKS_MAX)?;
    at_least("observations", observations, groups)?;
    let blocks = blocks(observations, groups);
    let split = |chosen: Vec<usize>| {
        let tested: Vec<_> = chosen.iter().map(|group| blocks[*group].clone()).collect();
        let train = (0..observations).filter(|row| tested.iter().all(|block| guard.allows(*row, block)));
        let train = train.collect();
        TrainTest { test: tested.into_iter().flatten().collect(), train, groups: chosen }
    };
    Ok(choices(groups, tested).into_iter().map(split).collect())
}

/// How many whole histories the splits of [`combinatorial`] can be put together to.
///
/// # Errors
/// As [`combinatorial`].
pub fn paths(groups: usize, tested: usize) -> Result<usize, Degenerate> {
    at_least("tested groups", tested, 1)?;
    at_least("groups", groups, tested + 1)?;
    at_most("groups", groups, overfitting::BLOCKS_MAX)?;
    Ok(choices(groups, tested).len() * tested / groups)
}

/// Walk-forward: the observations in `folds` + 1 blocks; each but the first is tested after learning from all before it that
/// the guard allows.
///
/// # Errors
/// [`Degenerate`] without a fold, or when the first fold has nothing to learn from.
pub fn walk_forward(observations: usize, folds: usize, guard: Guard) -> Result<Vec<TrainTest>, Degenerate> {
    at_least("folds", folds, 1)?;
    at_least("observations", observations, (folds + 1) * (guard.horizon + 1))?;
    let blocks = blocks(observations, folds + 1);
    let fold = |group: usize| {
        let block = &blocks[group];
        let train = (0..block.start).filter(|row| guard.allows(*row, block)).collect();
        TrainTest { groups: vec![group], test: block.clone().collect(), train }
    };
    Ok((1..=folds).map(fold).collect())
}

/// Neighbouring observations in groups as even as possible.
pub fn blocks(observations: usize, groups: usize) -> Vec<Range<usize>> {
    let groups = groups.max(1);
    let (each, longer) = (observations / groups, observations % groups);
    let start = |group: usize| group * each + group.min(longer);
    (0..groups).map(|group| start(group)..start(group + 1)).collect()
}

/// Every choice of `wanted` of the numbers below `of`, in lexicographic order.
fn choices(of: usize, wanted: usize) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    let mut chosen: Vec<usize> = (0..wanted).collect();
    loop {
        all.push(chosen.clone());
        let Some(place) = (0..wanted).rev().find(|place| chosen[*place] < of - wanted + place) else {
            return all;
        };
        chosen[place] += 1;
        for later in place + 1..wanted {
            chosen[later] = chosen[later - 1] + 1;
        }
    }
}
