//! Sums over the days of an equity, some days side by side: a sum that waits for the one before it is several times slower.

use super::outcome::{finite, ratio};

/// Sums that are made side by side.
const LANES: usize = 4;
/// Returns that are made before they are summed; they stay in the nearest cache.
const RETURNS: usize = 128;
/// Days of which the highest and lowest say whether a deeper fall may be among them.
const BLOCK: usize = 16;

/// What the daily returns of an equity have.
pub(super) struct Moments {
    /// Mean.
    pub(super) mean: Option<f64>,
    /// Sample standard deviation.
    pub(super) deviation: Option<f64>,
    /// Root of the mean square of the losses.
    pub(super) downside: Option<f64>,
    /// Third standardised moment.
    pub(super) skew: Option<f64>,
    /// Fourth standardised moment.
    pub(super) kurtosis: Option<f64>,
    /// Sum of the gains.
    pub(super) gains: f64,
    /// Sum of the losses.
    pub(super) losses: f64,
}

impl Moments {
    pub(super) fn of(equity: &[f64]) -> Self {
        let count = equity.len().saturating_sub(1) as f64;
        let middle = growth(equity, count);
        let [first, second, third, fourth, below, gains, losses] = powers(equity, middle);
        // From powers about a middle near the mean to powers about the mean.
        let [apart, square, cube, power] = [first, second, third, fourth].map(|sum| sum / count);
        let variance = (square - apart.powi(2)).max(0.0);
        let third = cube - 3.0 * apart * square + 2.0 * apart.powi(3);
        let fourth = power - 4.0 * apart * cube + 6.0 * apart.powi(2) * square - 3.0 * apart.powi(4);
        Self {
            mean: finite(middle + apart),
            deviation: (count > 1.0).then(|| (variance * count / (count - 1.0)).sqrt()),
            downside: finite((below / count).sqrt()),
            skew: ratio(third, variance * variance.sqrt()),
            kurtosis: ratio(fourth, variance * variance),
            gains,
            losses,
        }
    }
}

/// The steady return that leads from the first equity to the last one; 0 where there is none.
fn growth(equity: &[f64], count: f64) -> f64 {
    let ends = equity.first().zip(equity.last());
    ends.map(|(first, last)| (last / first).powf(1.0 / count) - 1.0).and_then(finite).unwrap_or(0.0)
}

/// Sums over the daily returns: their distances from a middle, the squares, cubes and fourth powers of these; the squares of the
/// losses, the gains and the losses.
fn powers(equity: &[f64], middle: f64) -> [f64; 7] {
    let later = equity.get(1..).unwrap_or_default();
    let mut totals = [0.0; 7];
    let mut returns = [0.0; RETURNS];
    for (later, before) in later.chunks(RETURNS).zip(equity.chunks(RETURNS)) {
        let returns = &mut returns[..later.len()];
        for (value, (now, before)) in returns.iter_mut().zip(later.iter().zip(before)) {
            *value = now / before - 1.0;
        }
        let apart = |value: f64| value - middle;
        let square = |value: f64| apart(value) * apart(value);
        // Twice the loss, and 0 for a gain; twice the gain, and 0 for a loss.
        let (loss, gain) = (|value: f64| value.abs() - value, |value: f64| value.abs() + value);
        let sums = [
            sum_of(returns, apart),
            sum_of(returns, square),
            sum_of(returns, |value| square(value) * apart(value)),
            sum_of(returns, |value| square(value) * square(value)),
            sum_of(returns, |value| loss(value) * loss(value)) / 4.0,
            sum_of(returns, gain) / 2.0,
            sum_of(returns, loss) / 2.0,
        ];
        totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
    }
    totals
}

/// The sum.
pub(super) fn sum(values: &[f64]) -> f64 {
    sum_of(values, |value| value)
}

#[inline]
fn sum_of(values: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    let (rows, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for row in rows {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += of(*value));
    }
    sums.iter().sum::<f64>() + rest.iter().map(|value| of(*value)).sum::<f64>()
}

/// On how many days something was held, and the sum of the shares of the equity that it was.
pub(super) fn invested(worth: &[f64], equity: &[f64]) -> (u32, f64) {
    let (worths, worth_rest) = worth.as_chunks::<LANES>();
    let (equities, equity_rest) = equity.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (worth, equity) in worths.iter().zip(equities) {
        if worth.iter().any(|worth| *worth > 0.0) {
            for lane in 0..LANES {
                sums[lane] += worth[lane] / equity[lane];
            }
        }
    }
    let rest = worth_rest.iter().zip(equity_rest).filter(|(worth, _)| **worth > 0.0);
    let share = sums.iter().sum::<f64>() + rest.map(|(worth, equity)| worth / equity).sum::<f64>();
    (worth.iter().filter(|worth| **worth > 0.0).count() as u32, share)
}

/// The largest fall from a highest value, as a fraction of it.
pub(super) fn max_drawdown(equity: &[f64]) -> f64 {
    let mut fall = Fall { peak: f64::MIN_POSITIVE, deepest: 1.0 };
    let (blocks, rest) = equity.as_chunks::<BLOCK>();
    for block in blocks {
        let (lowest, highest) = extremes(block);
        if lowest < fall.peak.max(highest) * fall.deepest {
            fall.go_on(block);
        } else {
            fall.peak = fall.peak.max(highest);
        }
    }
    fall.go_on(rest);
    1.0 - fall.deepest
}

struct Fall {
    peak: f64,
    /// As a share of the highest value before.
    deepest: f64,
}

impl Fall {
    fn go_on(&mut self, values: &[f64]) {
        for value in values {
            self.peak = self.peak.max(*value);
            // Divided only where it is the deepest so far.
            if *value < self.peak * self.deepest {
                self.deepest = value / self.peak;
            }
        }
    }
}

/// The lowest and the highest of a block.
#[inline]
fn extremes(block: &[f64; BLOCK]) -> (f64, f64) {
    let lower = |one: f64, other: f64| if other < one { other } else { one };
    let higher = |one: f64, other: f64| if other > one { other } else { one };
    let (rows, _) = block.as_chunks::<LANES>();
    let (mut low, mut high) = (rows[0], rows[0]);
    for row in rows {
        low.iter_mut().zip(row).for_each(|(low, value)| *low = lower(*low, *value));
        high.iter_mut().zip(row).for_each(|(high, value)| *high = higher(*high, *value));
    }
    (low.into_iter().fold(f64::INFINITY, lower), high.into_iter().fold(f64::NEG_INFINITY, higher))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Value by value, as it is defined.
    fn plainly(equity: &[f64]) -> [f64; 8] {
        let returns: Vec<f64> = equity.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect();
        let count = returns.len() as f64;
        let mean = returns.iter().sum::<f64>() / count;
        let central = |power| returns.iter().map(|value| (value - mean).powi(power)).sum::<f64>() / count;
        let side = |sign: f64| returns.iter().map(|value| (sign * value).max(0.0)).sum::<f64>();
        let below = returns.iter().map(|value| value.min(0.0).powi(2)).sum::<f64>() / count;
        let falls = equity.iter().scan(0.0_f64, |peak, value| {
            *peak = peak.max(*value);
            Some(1.0 - value / *peak)
        });
        let deepest = falls.fold(0.0, f64::max);
        let (skew, kurtosis) = (central(3) / central(2).powf(1.5), central(4) / central(2).powi(2));
        [mean, central(2), below.sqrt(), skew, kurtosis, side(1.0), side(-1.0), deepest]
    }

    fn walk(days: usize, drift: f64) -> Vec<f64> {
        let mut random = fastrand::Rng::with_seed(4);
        let mut equity = vec![1_000.0];
        for _ in 1..days {
            equity.push(equity[equity.len() - 1] * (1.0 + drift + (random.f64() - 0.5) * 0.04));
        }
        equity
    }

    #[test]
    fn sums_of_several_days_at_a_time_are_those_of_single_days() {
        for (days, drift) in (4..200).flat_map(|days| [(days, 0.0), (days, 0.01), (days, -0.01)]) {
            let equity = walk(days, drift);
            let Moments { mean, deviation, downside, skew, kurtosis, gains, losses } = Moments::of(&equity);
            let count = (days - 1) as f64;
            let variance = deviation.unwrap().powi(2) * (count - 1.0) / count;
            let [mean, downside, skew, kurtosis] = [mean, downside, skew, kurtosis].map(Option::unwrap);
            let found = [mean, variance, downside, skew, kurtosis, gains, losses, max_drawdown(&equity)];
            for (place, (found, expected)) in found.iter().zip(plainly(&equity)).enumerate() {
                assert!((found - expected).abs() < 1e-10, "{place} of {days} days: {found} {expected}");
            }
        }
    }

    #[test]
    fn shares_are_counted_on_the_days_on_which_something_is_held() {
        let worth: Vec<f64> = (0..11).map(|day| if day % 3 == 0 { 25.0 } else { 0.0 }).collect();
        assert_eq!(invested(&worth, &[100.0; 11]), (4, 1.0));
        assert_eq!(invested(&[0.0; 9], &[0.0; 9]), (0, 0.0));
    }

    #[test]
    fn an_equity_that_stands_still_has_no_deviation_and_nothing_to_divide_by() {
        let still = Moments::of(&[5.0; 40]);
        assert_eq!(
            (still.mean, still.deviation, still.skew, still.kurtosis),
            (Some(0.0), Some(0.0), None, None)
        );
        assert_eq!((still.gains, still.losses, max_drawdown(&[5.0; 40])), (0.0, 0.0, 0.0));
        let nothing = Moments::of(&[0.0; 40]);
        assert_eq!((nothing.mean, nothing.skew), (None, None));
        assert_eq!(Moments::of(&[]).mean, None);
    }
}
