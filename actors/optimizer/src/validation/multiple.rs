//! Many tests at once, and an endless row of tests one after another.

use super::{Degenerate, within};

/// How p-values of a family are adjusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correction {
    /// Family-wise, by the number of tests alone.
    Bonferroni,
    /// Family-wise, stepwise (Holm 1979).
    Holm,
    /// Share of false discoveries, of independent tests (Benjamini and Hochberg 1995).
    BenjaminiHochberg,
    /// Share of false discoveries, however the tests depend on each other (Benjamini and Yekutieli 2001).
    BenjaminiYekutieli,
}

/// Adjusted p-values, in the order given: what is below the level after that is a finding.
///
/// # Errors
/// [`Degenerate`] for one that is not from 0 to 1.
pub fn adjusted(p_values: &[f64], correction: Correction) -> Result<Vec<f64>, Degenerate> {
    for value in p_values {
        within("a p-value", *value, (0.0..=1.0).contains(value), "0 to 1")?;
    }
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|one, other| p_values[*one].total_cmp(&p_values[*other]));
    let sorted: Vec<_> = order.iter().map(|index| p_values[*index]).collect();
    let count = sorted.len() as f64;
    let harmonic: f64 = (1..=sorted.len()).map(|rank| 1.0 / rank as f64).sum();
    let steps = match correction {
        Correction::Bonferroni => sorted.iter().map(|p| p * count).collect(),
        Correction::Holm => rising(sorted.iter().enumerate().map(|(place, p)| p * (count - place as f64))),
        Correction::BenjaminiHochberg => discoveries(&sorted, count),
        Correction::BenjaminiYekutieli => discoveries(&sorted, count * harmonic),
    };
    let mut adjusted = vec![0.0; p_values.len()];
    for (index, value) in order.into_iter().zip(steps) {
        adjusted[index] = value.min(1.0);
    }
    Ok(adjusted)
}

/// Each at least as large as those before it.
fn rising(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut highest = 0.0_f64;
    values
        .map(|value| {
            highest = highest.max(value);
            highest
        })
        .collect()
}

/// Each at most as large as those after it.
fn discoveries(sorted: &[f64], factor: f64) -> Vec<f64> {
    let mut lowest = f64::INFINITY;
    let mut values = Vec::with_capacity(sorted.len());
    for (place, p) in sorted.iter().enumerate().rev() {
        lowest = lowest.min(p * factor / (place as f64 + 1.0));
        values.push(lowest);
    }
    values.reverse();
    values
}

/// The level of the test number `test`, from 1 on, of an endless row whose levels add up to `total`: total x 6 / (pi test)^2.
///
/// # Errors
/// [`Degenerate`] for test 0, or a total not between 0 and 1.
pub fn spent_level(total: f64, test: u64) -> Result<f64, Degenerate> {
    within("the level", total, total > 0.0 && total < 1.0, "between 0 and 1")?;
    within("the number of the test", test as f64, test >= 1, "1 or more")?;
    Ok(total * 6.0 / (std::f64::consts::PI * test as f64).powi(2))
}
