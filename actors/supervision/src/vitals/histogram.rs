//! A histogram of durations that any thread may write and read: no allocation, no lock.
//!
//! Log-linear: eight buckets per octave, so a reported quantile is at most 12.5 % above the true one.
//! Range 8 ns to 2^40 ns (18 minutes); what lies outside is counted at the border.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

const OCTAVES: usize = 41;
const PER_OCTAVE: usize = 8;
const LOWEST_NS: u64 = 8;
const HIGHEST_NS: u64 = (1 << (OCTAVES - 1)) - 1;

/// Counts of durations.
pub(crate) struct Histogram([AtomicU64; OCTAVES * PER_OCTAVE]);

impl Histogram {
    pub(crate) const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; OCTAVES * PER_OCTAVE])
    }

    pub(crate) fn record(&self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(HIGHEST_NS);
        if let Some(bucket) = self.0.get(bucket_of(nanoseconds)) {
            bucket.fetch_add(1, Relaxed);
        }
    }

    /// The upper border of the bucket that holds this quantile, in thousandths (990 is p99); zero when empty.
    pub(crate) fn quantile(&self, permille: u64) -> Duration {
        let total: u64 = self.0.iter().map(|bucket| bucket.load(Relaxed)).sum();
        let rank = total.saturating_mul(permille).div_ceil(1000);
        let mut seen = 0;
        for (index, bucket) in self.0.iter().enumerate() {
            seen += bucket.load(Relaxed);
            if seen > 0 && seen >= rank {
                return upper_border(index);
            }
        }
        Duration::ZERO
    }
}

fn bucket_of(nanoseconds: u64) -> usize {
    let clamped = nanoseconds.clamp(LOWEST_NS, HIGHEST_NS);
    let octave = clamped.ilog2();
    let part = (clamped >> (octave - 3)) & 7;
    octave as usize * PER_OCTAVE + part as usize
}

fn upper_border(index: usize) -> Duration {
    let (octave, part) = (index / PER_OCTAVE, (index % PER_OCTAVE) as u64);
    Duration::from_nanos((LOWEST_NS + part + 1) << octave.saturating_sub(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_histogram_reports_zero() {
        assert_eq!(Histogram::new().quantile(990), Duration::ZERO);
    }

    #[test]
    fn a_quantile_is_at_most_an_eighth_above_the_truth() {
        let histogram = Histogram::new();
        for microseconds in 1..=1000 {
            histogram.record(Duration::from_micros(microseconds));
        }
        for (permille, truth) in [(500, 500), (990, 990), (1000, 1000)] {
            let (truth, reported) = (Duration::from_micros(truth), histogram.quantile(permille));
            assert!(reported >= truth && reported <= truth + truth / 8, "{permille}: {reported:?}");
        }
    }

    #[test]
    fn what_lies_outside_the_range_is_counted_at_its_border() {
        let histogram = Histogram::new();
        histogram.record(Duration::ZERO);
        assert!(histogram.quantile(1000) <= Duration::from_nanos(9));
        histogram.record(Duration::MAX);
        assert!(histogram.quantile(1000) >= Duration::from_secs(1000));
    }
}
