//! How a duration is spread over many trials.

use std::time::Duration;

use serde::Serialize;

/// Median, 99th percentile (the smallest value that 99 % do not exceed) and maximum, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Spread {
    pub(crate) trials: usize,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

impl Spread {
    /// The spread of `all`; zeros when there is nothing.
    pub(crate) fn of(mut all: Vec<Duration>) -> Self {
        all.sort();
        let at = |percent: usize| {
            let rank = (all.len() * percent).div_ceil(100).max(1) - 1;
            all.get(rank).map_or(0.0, |value| value.as_secs_f64() * 1_000.0)
        };
        Self { trials: all.len(), p50_ms: at(50), p99_ms: at(99), max_ms: at(100) }
    }
}
