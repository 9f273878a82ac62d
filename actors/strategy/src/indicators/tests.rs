//! The formulas against hand-made series and against reference values of an independent library.

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::*;

/// Relative or absolute, whichever is wider.
const TOLERANCE: f64 = 1e-9;

fn price(value: f64) -> Price {
    Price::new(Decimal::from_f64(value).unwrap()).unwrap()
}

fn bars(closes: &[f64]) -> Vec<Candle> {
    closes.iter().enumerate().map(|(day, close)| bar(day, [*close; 4], 100)).collect()
}

fn bar(day: usize, prices: [f64; 4], volume: u64) -> Candle {
    let at = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(i64::try_from(day).unwrap());
    Candle::new(at, prices.map(price), volume).unwrap()
}

fn assert_near(found: Option<f64>, expected: Option<f64>, what: &str) {
    match (found, expected) {
        (Some(found), Some(expected)) => {
            let error = (found - expected).abs();
            assert!(error <= TOLERANCE.max(expected.abs() * TOLERANCE), "{what}: {found} is not {expected}");
        }
        (found, expected) => assert_eq!(found, expected, "{what}"),
    }
}

#[test]
fn a_flat_series_is_neither_strong_nor_weak() {
    let flat = bars(&[10.0; 30]);
    assert_eq!(rsi(&flat, 14), Some(Decimal::from(50)));
    assert_eq!(atr(&flat, 14), Some(Decimal::ZERO));
    assert_eq!(volatility_pct(&flat, 20), Some(Decimal::ZERO));
}

#[test]
fn only_gains_give_100_and_only_losses_0() {
    let up: Vec<f64> = (0..30).map(|day| 100.0 + f64::from(day)).collect();
    let down: Vec<f64> = up.iter().rev().copied().collect();
    assert_eq!(rsi(&bars(&up), 14), Some(Decimal::ONE_HUNDRED));
    assert_eq!(rsi(&bars(&down), 14), Some(Decimal::ZERO));
}

#[test]
fn wilder_smoothing_starts_from_the_simple_mean() {
    // Changes +2 -1 +3 -2: after two, gain 1 and loss 0.5; then gain 2, loss 0.25; then gain 1, loss 1.125.
    let series = rsi_series(&[10.0, 12.0, 11.0, 14.0, 12.0], 2);
    let expected = [None, None, Some(100.0 / 1.5), Some(200.0 / 2.25), Some(100.0 / 2.125)];
    for (found, expected) in series.into_iter().zip(expected) {
        assert_near(found, expected, "rsi_2");
    }
}

#[test]
fn a_value_that_is_not_defined_yet_is_absent() {
    let short = bars(&[10.0, 11.0]);
    assert_eq!(rsi(&short, 14), None);
    assert_eq!(atr(&short, 14), None);
    assert_eq!(sma(&short, 20), None);
    assert_eq!(ema(&short, 20), None);
    assert_eq!(change_pct(&short, 2), None);
    assert_eq!(volume_ratio(&short, 20), None);
    assert_eq!(volatility_pct(&short, 20), None);
    assert_eq!(range_pct(&[]), None);
    assert_eq!(change_pct(&short, 1), Some(Decimal::from(10)));
}

#[test]
fn a_period_of_zero_and_an_empty_series_have_no_value() {
    let some = bars(&[10.0, 11.0, 12.0]);
    for series in [&some[..], &[]] {
        assert_eq!(sma(series, 0), None);
        assert_eq!(ema(series, 0), None);
        assert_eq!(rsi(series, 0), None);
        assert_eq!(atr(series, 0), None);
        assert_eq!(volume_ratio(series, 0), None);
        assert_eq!(volatility_pct(series, 0), None);
    }
    assert_eq!(rsi_series(&[], 14), Vec::<Option<f64>>::new());
}

#[test]
fn the_volume_ratio_excludes_the_bar_itself_and_is_absent_without_volume() {
    let of = |volumes: [u64; 4]| {
        let bars: Vec<_> = volumes.iter().enumerate().map(|(day, v)| bar(day, [10.0; 4], *v)).collect();
        volume_ratio(&bars, 3)
    };
    assert_eq!(of([100, 200, 300, 500]), Some(Decimal::new(25, 1)));
    assert_eq!(of([0, 0, 0, 500]), None);
    assert_eq!(of([100, 200, 300, 0]), Some(Decimal::ZERO));
}

#[test]
fn the_range_is_in_percent_of_the_close_and_the_fall_in_percent_of_the_high() {
    let day = bar(0, [100.0, 110.0, 90.0, 80.0 + 20.0], 1);
    assert_eq!(range_pct(&[day]), Some(Decimal::from(20)));
    assert_eq!(from_high_pct(&[day]), Some(Decimal::new(-9_090_909, 6)));
    assert_eq!(from_high_pct(&[bar(0, [10.0; 4], 1)]), Some(Decimal::ZERO));
}

#[test]
fn the_largest_prices_that_leave_no_decimal_result_give_no_number_instead_of_a_panic() {
    let huge = Price::MAX;
    let tiny = Price::new(Decimal::new(1, 28)).unwrap();
    let at = DateTime::<Utc>::UNIX_EPOCH;
    let bars: Vec<_> = (0..30)
        .map(|day| {
            let close = if day % 2 == 0 { huge } else { tiny };
            Candle::new(at + TimeDelta::days(day), [close, huge, tiny, close], u64::MAX).unwrap()
        })
        .collect();
    assert_eq!(change_pct(&bars, 1), Some(Decimal::NEGATIVE_ONE * Decimal::ONE_HUNDRED));
    assert_eq!(range_pct(&bars), None);
    assert!(rsi(&bars, 14).is_some());
    assert_eq!(atr_pct(&bars, 14), None);
}

/// The shared reference series; a machine without them says so, and fails when `KESTREL_STRICT=1`.
#[expect(clippy::disallowed_methods, reason = "reads reference values of tests, no part of the program")]
fn reference(file: &str) -> Option<Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/indicators");
    let path = folder.join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(error) => {
            assert!(std::env::var("KESTREL_STRICT").as_deref() != Ok("1"), "{}: {error}", path.display());
            println!("SKIPPED: no reference series at {}", path.display());
            None
        }
    }
}

fn numbers(values: &Value) -> Vec<Option<f64>> {
    values.as_array().unwrap().iter().map(Value::as_f64).collect()
}

fn check_series(file: &str, reference: &Value, name: &str, found: &[Option<f64>]) {
    if !reference["unspecified"][name].is_null() {
        return;
    }
    let expected = numbers(&reference["output"][name]);
    assert_eq!(found.len(), expected.len(), "{file} {name}");
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_near(*found, expected, &format!("{file} {name}[{index}]"));
    }
}

fn check_file(file: &str) {
    let Some(reference) = reference(file) else { return };
    let input = |name: &str| -> Vec<f64> {
        numbers(&reference["input"][name]).into_iter().map(Option::unwrap).collect()
    };
    let (high, low, close, volume) = (input("high"), input("low"), input("close"), input("volume"));
    check_series(file, &reference, "rsi_14", &rsi_series(&close, 14));
    check_series(file, &reference, "rsi_2", &rsi_series(&close, 2));
    check_series(file, &reference, "sma_20", &sma_series(&close, 20));
    check_series(file, &reference, "ema_20", &ema_series(&close, 20));
    check_series(file, &reference, "volume_ratio_20_excl", &volume_ratio_series(&volume, 20));
    let ranges: Vec<Candle> =
        (0..close.len()).map(|i| bar(i, [close[i], high[i], low[i], close[i]], 1)).collect();
    check_series(file, &reference, "atr_14", &atr_series(&ranges, 14));
}

#[test]
fn the_reference_series_are_reproduced() {
    for file in [
        "aapl.json",
        "btc_daily.json",
        "edge_falling.json",
        "edge_flat.json",
        "edge_rising.json",
        "edge_zero_volume.json",
        "msft.json",
        "pse_ali.json",
        "samsung_005930.json",
        "spx.json",
        "spy_1m.json",
    ] {
        check_file(file);
    }
}
