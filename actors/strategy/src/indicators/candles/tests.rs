//! What rules read of daily bars.

use chrono::{DateTime, TimeDelta, Utc};
use domain::Price;

use super::*;

const ONE: Period = Period::of::<1>();
const TWO: Period = Period::of::<2>();
const FOURTEEN: Period = Period::of::<14>();
const TWENTY: Period = Period::of::<20>();

fn price(value: f64) -> Price {
    Price::new(Decimal::from_f64(value).unwrap()).unwrap()
}

fn candles(closes: &[f64]) -> Vec<Candle> {
    closes.iter().enumerate().map(|(day, close)| candle(day, [*close; 4], 100)).collect()
}

fn candle(day: usize, prices: [f64; 4], volume: u64) -> Candle {
    let at = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(i64::try_from(day).unwrap());
    Candle::new(at, prices.map(price), volume).unwrap()
}

#[test]
fn a_flat_series_is_neither_strong_nor_weak() {
    let flat = candles(&[10.1; 200]);
    assert_eq!(rsi(&flat, FOURTEEN), Some(Decimal::from(50)));
    assert_eq!(atr_pct(&flat, FOURTEEN), Some(Decimal::ZERO));
    assert_eq!(volatility_pct(&flat, TWENTY), Some(Decimal::ZERO));
    assert_eq!(sma_distance_pct(&flat, TWENTY), Some(Decimal::ZERO));
}

#[test]
fn only_gains_give_100_and_only_losses_0() {
    let up: Vec<f64> = (0..200).map(|day| 100.0 + f64::from(day)).collect();
    let down: Vec<f64> = up.iter().rev().copied().collect();
    assert_eq!(rsi(&candles(&up), FOURTEEN), Some(Decimal::ONE_HUNDRED));
    assert_eq!(rsi(&candles(&down), FOURTEEN), Some(Decimal::ZERO));
}

#[test]
fn a_value_that_is_not_defined_yet_is_absent() {
    let short = candles(&[10.0, 11.0]);
    assert_eq!(rsi(&short, FOURTEEN), None);
    assert_eq!(atr_pct(&short, FOURTEEN), None);
    assert_eq!(sma(&short, TWENTY), None);
    assert_eq!(ema(&short, TWENTY), None);
    assert_eq!(change_pct(&short, TWO), None);
    assert_eq!(volume_ratio(&short, TWENTY), None);
    assert_eq!(volatility_pct(&short, TWENTY), None);
    assert_eq!(sma_distance_pct(&short, TWENTY), None);
    assert_eq!(range_pct(&[]), None);
    assert_eq!(sma(&[], ONE), None);
    assert_eq!(change_pct(&short, ONE), Some(Decimal::from(10)));
    assert_eq!(ema(&short, TWO), Some(Decimal::new(105, 1)));
}

#[test]
fn the_volume_ratio_excludes_the_bar_itself_and_is_absent_without_volume() {
    let of = |volumes: [u64; 4]| {
        let candles: Vec<_> = volumes.iter().enumerate().map(|(day, v)| candle(day, [10.0; 4], *v)).collect();
        volume_ratio(&candles, Period::of::<3>())
    };
    assert_eq!(of([100, 200, 300, 500]), Some(Decimal::new(25, 1)));
    assert_eq!(of([0, 0, 0, 500]), None);
    assert_eq!(of([100, 200, 300, 0]), Some(Decimal::ZERO));
}

#[test]
fn the_range_is_in_percent_of_the_close_and_the_fall_in_percent_of_the_high() {
    let day = candle(0, [100.0, 110.0, 90.0, 100.0], 1);
    assert_eq!(range_pct(&[day]), Some(Decimal::from(20)));
    assert_eq!(from_high_pct(&[day]), Some(Decimal::new(-9_090_909, 6)));
    assert_eq!(from_high_pct(&[candle(0, [10.0; 4], 1)]), Some(Decimal::ZERO));
}

#[test]
fn the_largest_prices_that_leave_no_decimal_result_give_no_number_instead_of_a_panic() {
    let huge = Price::MAX;
    let tiny = Price::new(Decimal::new(1, 28)).unwrap();
    let at = DateTime::<Utc>::UNIX_EPOCH;
    let candles: Vec<_> = (0..200)
        .map(|day| {
            let close = if day % 2 == 0 { huge } else { tiny };
            Candle::new(at + TimeDelta::days(day), [close, huge, tiny, close], u64::MAX).unwrap()
        })
        .collect();
    assert_eq!(change_pct(&candles, ONE), Some(Decimal::NEGATIVE_ONE * Decimal::ONE_HUNDRED));
    assert_eq!(range_pct(&candles), None);
    assert!(rsi(&candles, FOURTEEN).is_some());
    assert_eq!(atr_pct(&candles, FOURTEEN), None);
}
