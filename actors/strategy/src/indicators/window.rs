//! What the last so many values come to, in constant time per value and without drift.
//!
//! A running sum that subtracts what leaves keeps the rounding errors of everything that ever passed, and such drift
//! flips comparisons of flat, cheap stocks (strategies.md 1.1). Here nothing is subtracted: the older part of the window
//! holds one aggregate per suffix, the newer part one aggregate in all, and the value is the two joined. The suffixes
//! are made once per `period` values, so a value costs two or three joins on average.

use super::Period;
use super::number::float;

/// Something that values can be gathered into, in order.
pub(super) trait Aggregate: Copy {
    /// Of a single value.
    fn of(value: f64) -> Self;

    /// Of these values followed by `newer` ones.
    fn join(self, newer: Self) -> Self;
}

/// The aggregate of the last `period` values.
#[derive(Clone, Debug)]
pub(super) struct Sliding<A> {
    period: usize,
    /// The aggregates of all suffixes of the older part, the longest last.
    suffixes: Vec<A>,
    /// The newer part.
    recent: Vec<f64>,
    recent_joined: Option<A>,
}

impl<A: Aggregate> Sliding<A> {
    /// A window without values.
    pub(super) fn new(period: Period) -> Self {
        Self { period: period.get(), suffixes: Vec::new(), recent: Vec::new(), recent_joined: None }
    }

    /// Takes a value in; the aggregate is absent until the window is full.
    pub(super) fn push(&mut self, value: f64) -> Option<A> {
        self.suffixes.pop();
        self.recent.push(value);
        let newest = A::of(value);
        self.recent_joined = Some(self.recent_joined.map_or(newest, |joined| joined.join(newest)));
        if self.recent.len() == self.period {
            self.turn_over();
        }
        let older = *self.suffixes.last()?;
        Some(self.recent_joined.map_or(older, |newer| older.join(newer)))
    }

    fn turn_over(&mut self) {
        let mut joined: Option<A> = None;
        for value in self.recent.drain(..).rev() {
            let suffix = joined.map_or(A::of(value), |newer| A::of(value).join(newer));
            self.suffixes.push(suffix);
            joined = Some(suffix);
        }
        self.recent_joined = None;
    }
}

/// A sum with the rounding error carried along (Knuth's two-sum), so that it depends on the values alone, not on how
/// they were grouped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    high: f64,
    low: f64,
}

impl Sum {
    /// The sum.
    pub(super) fn total(self) -> f64 {
        self.high
    }

    /// The mean of `count` values.
    pub(super) fn mean(self, count: usize) -> f64 {
        self.high / float(count)
    }
}

impl Aggregate for Sum {
    fn of(value: f64) -> Self {
        Self { high: value, low: 0.0 }
    }

    fn join(self, newer: Self) -> Self {
        let sum = self.high + newer.high;
        let share = sum - self.high;
        let lost = (self.high - (sum - share)) + (newer.high - share);
        let low = lost + self.low + newer.low;
        let high = sum + low;
        Self { high, low: low - (high - sum) }
    }
}

/// Mean and squared deviations, joined as Chan, Golub and LeVeque do; equal values have a deviation of exactly zero.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    /// The population's standard deviation.
    pub(super) fn population_deviation(self) -> f64 {
        (self.squares / self.count).sqrt()
    }

    /// The standard deviation of a sample; absent for a single value.
    pub(super) fn sample_deviation(self) -> Option<f64> {
        (self.count > 1.0).then(|| (self.squares / (self.count - 1.0)).sqrt())
    }
}

impl Aggregate for Spread {
    fn of(value: f64) -> Self {
        Self { count: 1.0, mean: value, squares: 0.0 }
    }

    fn join(self, newer: Self) -> Self {
        let count = self.count + newer.count;
        let apart = newer.mean - self.mean;
        let mean = self.mean + apart * (newer.count / count);
        let squares = self.squares + newer.squares + apart * apart * (self.count * newer.count / count);
        Self { count, mean, squares }
    }
}

/// The largest value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Highest(pub(super) f64);

impl Aggregate for Highest {
    fn of(value: f64) -> Self {
        Self(value)
    }

    fn join(self, newer: Self) -> Self {
        Self(self.0.max(newer.0))
    }
}

/// The smallest value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lowest(pub(super) f64);

impl Aggregate for Lowest {
    fn of(value: f64) -> Self {
        Self(value)
    }

    fn join(self, newer: Self) -> Self {
        Self(self.0.min(newer.0))
    }
}
