//! Stationary bootstrap: histories that could have been, in blocks of random length, so that neighbours stay neighbours.
//!
//! Politis and Romano, "The stationary bootstrap" (1994).

use serde::{Deserialize, Serialize};

use super::{Degenerate, all_finite, at_least, at_most, mean, within};

/// Most histories of one call.
pub const DRAWS_MAX: usize = 100_000;

/// How histories are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// How many, 1 to [`DRAWS_MAX`].
    pub draws: usize,
    /// Mean length of a block, in observations, 1 or more.
    pub mean_block: f64,
    /// Where the randomness starts: the same seed draws the same.
    pub seed: u64,
}

impl Plan {
    fn check(&self) -> Result<(), Degenerate> {
        at_least("bootstrap histories", self.draws, 1)?;
        at_most("bootstrap histories", self.draws, DRAWS_MAX)?;
        let is_length = self.mean_block.is_finite() && self.mean_block >= 1.0;
        within("the mean block", self.mean_block, is_length, "1 observation or more")
    }

    /// The histories, one after another: which observation stands at each place.
    ///
    /// # Errors
    /// [`Degenerate`] without observations, or for a plan outside its bounds.
    pub fn histories(&self, observations: usize) -> Result<impl Iterator<Item = Vec<usize>>, Degenerate> {
        self.check()?;
        at_least("observations", observations, 1)?;
        let mut random = fastrand::Rng::with_seed(self.seed);
        let ends_with = 1.0 / self.mean_block;
        Ok((0..self.draws).map(move |_| history(observations, ends_with, &mut random)))
    }
}

/// One history; a block goes on at the beginning after the last observation.
fn history(observations: usize, ends_with: f64, random: &mut fastrand::Rng) -> Vec<usize> {
    let mut at = random.usize(..observations);
    let mut history = Vec::with_capacity(observations);
    while history.len() < observations {
        history.push(at);
        at = if random.f64() < ends_with { random.usize(..observations) } else { (at + 1) % observations };
    }
    history
}

/// What a paired bootstrap showed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// Mean of the differences seen.
    pub mean_difference: f64,
    /// Share of the histories in which the mean difference is above zero.
    pub probability_above_zero: f64,
}

/// How likely the first of two series that were seen on the same days is better on average: the days are drawn, each with
/// both of its values.
///
/// # Errors
/// [`Degenerate`]: series of different lengths, shorter than two, not finite, or a plan outside its bounds.
pub fn paired(challenger: &[f64], incumbent: &[f64], plan: &Plan) -> Result<Paired, Degenerate> {
    if challenger.len() != incumbent.len() {
        return Err(Degenerate::Ragged { series: 1, found: incumbent.len(), expected: challenger.len() });
    }
    at_least("pairs", challenger.len(), 2)?;
    all_finite(challenger)?;
    all_finite(incumbent)?;
    let differences: Vec<_> = challenger.iter().zip(incumbent).map(|(one, other)| one - other).collect();
    let total = |history: Vec<usize>| history.iter().map(|at| differences[*at]).sum::<f64>();
    let above = plan.histories(differences.len())?.map(total).filter(|total| *total > 0.0).count();
    Ok(Paired {
        mean_difference: mean(&differences),
        probability_above_zero: above as f64 / plan.draws as f64,
    })
}
