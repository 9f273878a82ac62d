//! Is the best of many strategies better than the benchmark, given that it is the best of many?
//!
//! White, "A reality check for data snooping" (2000); Hansen, "A test for superior predictive ability" (2005), with the
//! consistent centring. Both on the same bootstrap histories.

use serde::{Deserialize, Serialize};

use super::bootstrap::Plan;
use super::{Degenerate, Returns, at_least, within};

/// Fewest observations: the logarithm of the logarithm must be positive.
const OBSERVATIONS_MIN: usize = 4;

/// Both tests of one family.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestOfMany {
    /// White's statistic: the largest mean, times the root of the observations.
    pub reality_check: f64,
    /// How likely one so large is without any skill.
    pub reality_check_p: f64,
    /// Hansen's statistic: the same in units of its own spread.
    pub superior_ability: f64,
    /// How likely one so large is without any skill.
    pub superior_ability_p: f64,
}

/// Tests performances above the benchmark's, one column per strategy, on histories drawn by `plan`.
///
/// # Errors
/// [`Degenerate`]: fewer than four observations, a plan outside its bounds, or a strategy that always does as well as the
/// benchmark does.
pub fn best_of_many(excess: &Returns, plan: &Plan) -> Result<BestOfMany, Degenerate> {
    at_least("observations", excess.rows(), OBSERVATIONS_MIN)?;
    let drawn = plan.histories(excess.rows())?.map(|history| excess.means(history.into_iter()));
    judge(excess, &drawn.collect::<Vec<_>>())
}

/// The same on given histories.
///
/// # Errors
/// As [`best_of_many`]; also without a history, or when one names an observation that does not exist.
pub fn best_of_many_on(excess: &Returns, histories: &[Vec<usize>]) -> Result<BestOfMany, Degenerate> {
    at_least("observations", excess.rows(), OBSERVATIONS_MIN)?;
    at_least("bootstrap histories", histories.len(), 1)?;
    for history in histories {
        at_least("observations of a history", history.len(), 1)?;
        let furthest = history.iter().copied().max().unwrap_or(0);
        let allowed = "a number below that of the observations";
        within("an observation of a history", furthest as f64, furthest < excess.rows(), allowed)?;
    }
    let drawn: Vec<_> = histories.iter().map(|history| excess.means(history.iter().copied())).collect();
    judge(excess, &drawn)
}

fn judge(excess: &Returns, drawn: &[Vec<f64>]) -> Result<BestOfMany, Degenerate> {
    let means = excess.means(0..excess.rows());
    let count = excess.rows() as f64;
    let root = count.sqrt();
    let spreads = spreads(&means, drawn, root)?;
    let patience = (2.0 * count.ln().ln() / count).sqrt();
    // A strategy that is clearly worse than the benchmark keeps its own mean and so cannot be the best by chance.
    let centre = |(mean, spread): (&f64, &f64)| if *mean >= -spread * patience { *mean } else { 0.0 };
    let centres: Vec<_> = means.iter().zip(&spreads).map(centre).collect();
    let scaled = |values: &[f64], centres: &[f64], spreads: &[f64]| {
        let each = values.iter().zip(centres).zip(spreads);
        each.map(|((value, centre), spread)| root * (value - centre) / spread).fold(f64::MIN, f64::max)
    };
    let (none, one) = (vec![0.0; means.len()], vec![1.0; means.len()]);
    let reality_check = scaled(&means, &none, &one);
    let superior_ability = scaled(&means, &none, &spreads).max(0.0);
    let as_large = |statistic: f64, of: &dyn Fn(&[f64]) -> f64| {
        let reached = drawn.iter().filter(|values| of(values) >= statistic).count();
        (reached as f64 + 1.0) / (drawn.len() as f64 + 1.0)
    };
    Ok(BestOfMany {
        reality_check,
        reality_check_p: as_large(reality_check, &|values| scaled(values, &means, &one)),
        superior_ability,
        superior_ability_p: as_large(superior_ability, &|values| scaled(values, &centres, &spreads).max(0.0)),
    })
}

/// Root of the mean squared distance of the drawn means from the mean seen, times the root of the observations.
fn spreads(means: &[f64], drawn: &[Vec<f64>], root: f64) -> Result<Vec<f64>, Degenerate> {
    let spread = |column: usize| {
        let squares = drawn.iter().map(|values| (root * (values[column] - means[column])).powi(2));
        let spread = (squares.sum::<f64>() / drawn.len() as f64).sqrt();
        let is_none = spread <= root * means[column].abs() * 1e-12;
        if is_none { Err(Degenerate::NoVariance { column }) } else { Ok(spread) }
    };
    (0..means.len()).map(spread).collect()
}
