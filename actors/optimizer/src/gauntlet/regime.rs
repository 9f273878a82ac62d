//! What kind of market a session was in, as it was known before that session began.

use std::fmt;

use crate::validation::{Degenerate, at_least, mean};

/// Sessions that a regime is told from.
pub const LOOK_BACK: usize = 60;

/// A direction and a strength of movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Regime {
    /// Rose, and moved less than usual.
    RisingCalm,
    /// Rose, and moved more than usual.
    RisingRough,
    /// Did not rise, and moved less than usual.
    FallingCalm,
    /// Did not rise, and moved more than usual.
    FallingRough,
}

impl Regime {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::RisingCalm, Self::RisingRough, Self::FallingCalm, Self::FallingRough];
}

impl fmt::Display for Regime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RisingCalm => "rises and is calm",
            Self::RisingRough => "rises and is rough",
            Self::FallingCalm => "falls and is calm",
            Self::FallingRough => "falls and is rough",
        })
    }
}

/// The regime of each session by the sum and the mean size of the benchmark's returns in the [`LOOK_BACK`] sessions before it;
/// usual is the median of these sizes. None for the first sessions.
///
/// # Errors
/// [`Degenerate`] for no more than [`LOOK_BACK`] sessions.
pub fn regimes(benchmark: &[f64]) -> Result<Vec<Option<Regime>>, Degenerate> {
    at_least("sessions", benchmark.len(), LOOK_BACK + 1)?;
    let before: Vec<_> = benchmark.windows(LOOK_BACK).take(benchmark.len() - LOOK_BACK).collect();
    let size = |window: &&[f64]| mean(&window.iter().map(|value| value.abs()).collect::<Vec<_>>());
    let sizes: Vec<_> = before.iter().map(size).collect();
    let usual = median(&sizes).unwrap_or(0.0);
    let told = before.iter().zip(&sizes).map(|(window, size)| {
        Some(match (window.iter().sum::<f64>() > 0.0, *size > usual) {
            (true, false) => Regime::RisingCalm,
            (true, true) => Regime::RisingRough,
            (false, false) => Regime::FallingCalm,
            (false, true) => Regime::FallingRough,
        })
    });
    Ok(std::iter::repeat_n(None, LOOK_BACK).chain(told).collect())
}

/// The middle value, the mean of two; none of nothing.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (upper, lower) = (sorted.len() / 2, sorted.len().checked_sub(1)? / 2);
    Some(f64::midpoint(sorted[lower], sorted[upper]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regime_is_told_from_the_sessions_before() {
        let rise = vec![0.001; 100];
        let fall: Vec<_> = (0..100).map(|day| if day % 2 == 0 { -0.04 } else { 0.01 }).collect();
        let told = regimes(&[rise, fall].concat()).unwrap();
        assert_eq!(told.len(), 200);
        assert_eq!(
            (told[59], told[60], told[100]),
            (None, Some(Regime::RisingCalm), Some(Regime::RisingCalm))
        );
        assert_eq!((told[160], told[199]), (Some(Regime::FallingRough), Some(Regime::FallingRough)));
        assert!(regimes(&[0.0; LOOK_BACK]).is_err());
        assert_eq!(
            (median(&[3.0, 1.0, 2.0]), median(&[1.0, 2.0]), median(&[])),
            (Some(2.0), Some(1.5), None)
        );
    }
}
