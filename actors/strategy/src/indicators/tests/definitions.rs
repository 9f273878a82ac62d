//! Each indicator, one bar at a time, against its definition written out over the whole series.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::number::{change_pct, float, ratio};
use super::*;

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / float(values.len())
}

/// `rule` of the last `period` of `values`, at every place where there are so many.
fn windows(values: &[f64], period: usize, rule: impl Fn(&[f64]) -> f64) -> Vec<Option<f64>> {
    (1..=values.len()).map(|end| Some(rule(&values[end.checked_sub(period)?..end]))).collect()
}

fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / float(values.len())).sqrt()
}

/// Smoothing of the whole series afresh for each place: the mean of the first values, then one step per value.
fn smoothed(values: &[f64], period: usize, weight: f64) -> Vec<Option<f64>> {
    let at = |end: usize| {
        let (first, rest) = values[..end].split_at_checked(period)?;
        Some(rest.iter().fold(mean(first), |current, value| current * (1.0 - weight) + value * weight))
    };
    (1..=values.len()).map(at).collect()
}

/// A series that starts one bar later, in its place among `bars` bars.
fn later(values: impl IntoIterator<Item = Option<f64>>, bars: usize) -> Vec<Option<f64>> {
    std::iter::once(None).chain(values).take(bars).collect()
}

fn true_ranges(bars: &[Bar]) -> Vec<f64> {
    bars.windows(2)
        .map(|pair| {
            let (before, bar) = (pair[0].close(), pair[1]);
            let gaps = [(bar.high() - before).abs(), (bar.low() - before).abs()];
            gaps.into_iter().fold(bar.high() - bar.low(), f64::max)
        })
        .collect()
}

fn strengths(closes: &[f64], period: usize) -> Vec<Option<f64>> {
    let changes: Vec<f64> = closes.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let side = |sign: f64| -> Vec<f64> { changes.iter().map(|change| (sign * change).max(0.0)).collect() };
    let weight = 1.0 / float(period);
    let (gains, losses) = (smoothed(&side(1.0), period, weight), smoothed(&side(-1.0), period, weight));
    let strength = |(gain, loss): (Option<f64>, Option<f64>)| {
        let (gain, loss) = (gain?, loss?);
        Some(if gain + loss > 0.0 { 100.0 - 100.0 / (1.0 + gain / loss) } else { 50.0 })
    };
    later(gains.into_iter().zip(losses).map(strength), closes.len())
}

/// The share of inflow among the last `period` flows.
fn money_flows(bars: &[Bar], period: usize) -> Vec<Option<f64>> {
    let flow = |sign: f64| -> Vec<f64> {
        bars.windows(2)
            .map(|pair| {
                let rises = sign * (pair[1].typical() - pair[0].typical()) > 1e-6;
                if rises { pair[1].typical() * pair[1].volume() } else { 0.0 }
            })
            .collect()
    };
    let sums = |sign: f64| windows(&flow(sign), period, |window| window.iter().sum());
    let share =
        |(inflow, outflow): (Option<f64>, Option<f64>)| ratio(inflow?, inflow? + outflow?).map(|s| s * 100.0);
    later(sums(1.0).into_iter().zip(sums(-1.0)).map(share), bars.len())
}

fn same(found: &[Option<f64>], expected: &[Option<f64>], scale: f64) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let agree = match (found, expected) {
            (Some(found), Some(expected)) => (found - expected).abs() <= TOLERANCE * scale,
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        prop_assert!(agree, "at {}: {:?} is not {:?}", index, found, expected);
    }
    Ok(())
}

/// Stretches of equal values among the others, as a halted stock has them.
fn prices() -> impl Strategy<Value = Vec<f64>> {
    vec((1_u32..200_000, 1_usize..4), 0..80).prop_map(|runs| {
        runs.into_iter().flat_map(|(cents, count)| vec![f64::from(cents) / 100.0; count]).collect()
    })
}

fn bars() -> impl Strategy<Value = Vec<Bar>> {
    let cents = |cents: u32| f64::from(cents) / 100.0;
    let bar = ([1_u32..200_000, 1_u32..200_000, 1_u32..200_000], prop_oneof![Just(0_u32), 0_u32..5_000_000]);
    let bar = bar.prop_map(move |(mut prices, volume)| {
        let close = cents(prices[0]);
        prices.sort_unstable();
        Bar::new([close, cents(prices[2]), cents(prices[0]), close], f64::from(volume)).unwrap()
    });
    vec(bar, 0..120)
}

fn period() -> impl Strategy<Value = Period> {
    (1_usize..30).prop_map(|bars| Period::new(bars).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn averages_bands_and_deviations_of_one_bar_at_a_time_are_those_of_the_window(closes in prices(), period in period()) {
        let n = period.get();
        let inputs = || samples(&closes);
        let averages = windows(&closes, n, mean);
        let deviations = windows(&closes, n, deviation);
        same(&series(Sma::new(period), inputs()), &averages, 2_000.0)?;
        // Squared deviations far below the price are what the written out form itself cannot see.
        same(&series(Deviation::new(period), inputs()), &deviations, 2_000.0)?;
        let bands = series(Bollinger::new(period), inputs());
        let upper: Vec<_> = averages.iter().zip(&deviations).map(|(a, d)| Some((*a)? + 2.0 * (*d)?)).collect();
        same(&bands.iter().map(|bands| Some((*bands)?.upper)).collect::<Vec<_>>(), &upper, 2_000.0)?;
        same(&bands.iter().map(|bands| Some((*bands)?.middle)).collect::<Vec<_>>(), &averages, 2_000.0)?;
        same(&series(Ema::new(period), inputs()), &smoothed(&closes, n, 2.0 / (float(n) + 1.0)), 2_000.0)?;
    }

    #[test]
    fn strength_and_change_of_one_bar_at_a_time_are_those_of_the_series(closes in prices(), period in period()) {
        let n = period.get();
        same(&series(Rsi::new(period), samples(&closes)), &strengths(&closes, n), 100.0)?;
        let changes: Vec<_> =
            (0..closes.len()).map(|i| change_pct(closes[i.checked_sub(n)?], closes[i])).collect();
        same(&series(Change::over(period), samples(&closes)), &changes, 1.0)?;
    }

    #[test]
    fn ranges_of_one_bar_at_a_time_are_those_of_the_series(bars in bars(), period in period()) {
        let n = period.get();
        let ranges = true_ranges(&bars);
        let wilder = later(smoothed(&ranges, n, 1.0 / float(n)), bars.len());
        same(&series(Atr::new(period), bars.clone()), &wilder, 2_000.0)?;
        let simple = later(windows(&ranges, n, mean), bars.len());
        same(&series(SmaAtr::new(period), bars.clone()), &simple, 2_000.0)?;
        let highs: Vec<f64> = bars.iter().map(Bar::high).collect();
        let lows: Vec<f64> = bars.iter().map(Bar::low).collect();
        let channel = series(Channel::new(period), bars.clone());
        let highest = windows(&highs, n, |window| window.iter().copied().fold(f64::MIN, f64::max));
        let lowest = windows(&lows, n, |window| window.iter().copied().fold(f64::MAX, f64::min));
        same(&channel.iter().map(|point| Some((*point)?.highest)).collect::<Vec<_>>(), &highest, 0.0)?;
        same(&channel.iter().map(|point| Some((*point)?.lowest)).collect::<Vec<_>>(), &lowest, 0.0)?;
    }

    #[test]
    fn volume_and_money_flow_of_one_bar_at_a_time_are_those_of_the_series(bars in bars(), period in period()) {
        let n = period.get();
        let volumes: Vec<f64> = bars.iter().map(Bar::volume).collect();
        let averages = windows(&volumes, n, mean);
        let including: Vec<_> = volumes.iter().zip(&averages).map(|(v, a)| ratio(*v, (*a)?)).collect();
        same(&series(VolumeRatio::new(period, Baseline::IncludingBar), samples(&volumes)), &including, 1e3)?;
        let before: Vec<_> =
            (0..volumes.len()).map(|i| ratio(volumes[i], averages[i.checked_sub(1)?]?)).collect();
        same(&series(VolumeRatio::new(period, Baseline::BeforeBar), samples(&volumes)), &before, 1e8)?;
        let flows = money_flows(&bars, n);
        same(&series(Mfi::new(period), bars.clone()), &flows, 100.0)?;
    }

    #[test]
    fn no_bar_makes_a_value_that_is_not_finite_or_leaves_its_scale(bars in bars()) {
        for row in rows(&bars) {
            prop_assert!(row.iter().flatten().all(|value| value.is_finite()));
            for (column, value) in COLUMNS.iter().zip(row) {
                let (low, high) = match column.name {
                    "rsi_2" | "rsi_14" | "adx_14" | "mfi_14" | "stoch_14_3_3.k" | "stoch_14_3_3.d"
                    | "momentum_1_5_15" => (0.0, 100.0),
                    "willr_14" => (-100.0, 0.0),
                    "pv_divergence_1" => (-100.0, 100.0),
                    "breakout_1" => (-1.0, 1.0),
                    _ => continue,
                };
                let slack = 1e-9;
                prop_assert!(value.is_none_or(|value| value >= low - slack && value <= high + slack), "{:?} {:?}", column, value);
            }
        }
    }
}
