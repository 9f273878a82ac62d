//! Columns and scores over bars.

use proptest::prelude::*;

use super::super::{Columns, Feature, Strategy};
use super::*;
use crate::indicators::DECISION_BARS;

fn of_stock() -> Vec<Feature> {
    Feature::ALL.iter().copied().filter(|feature| !feature.is_of_holding()).collect()
}

/// Bit by bit, so that two absent values are one.
fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_value_score_or_exit_changes_when_later_bars_are_added(seed: u64, cut in 1..700_usize) {
        let days = walk(700, seed);
        let (whole, short) = (Columns::of(&days, &of_stock()).unwrap(), Columns::of(&days[..cut], &of_stock()).unwrap());
        for feature in of_stock() {
            let (whole, short) = (whole.values(feature).unwrap(), short.values(feature).unwrap());
            prop_assert_eq!(bits(&whole[..cut]), bits(short), "{}", feature);
        }
        let mut json = with("/entry/terms/0/all_of/0/lag", json!(seed % 61));
        json["entry"]["terms"][1]["weight"] = json!(-1.5);
        json["entry"]["min_score"] = json!(1.0);
        let strategy = read(&json);
        prop_assert_eq!(bits(&strategy.scores(&whole)[..cut]), bits(&strategy.scores(&short)));
        prop_assert_eq!(&strategy.exits(&whole)[..cut], &strategy.exits(&short)[..]);
    }

    #[test]
    fn a_score_in_blocks_is_the_score_bar_by_bar(seed: u64, lag in 0..=60_u64, negative: bool) {
        let days = walk(2_600, seed);
        let mut json = with("/entry/terms/3/all_of/1/lag", json!(lag));
        if negative {
            json["entry"]["terms"][0]["weight"] = json!(-2.0);
            json["entry"]["min_score"] = json!(1.0);
        }
        let strategy = read(&json);
        let columns = Columns::of(&days, &strategy.features()).unwrap();
        let expected: Vec<f64> = (0..days.len()).map(|bar| slow_score(&columns, bar, lag, negative)).collect();
        prop_assert_eq!(strategy.scores(&columns), expected);
    }
}

/// The score of the example as its words say it.
fn slow_score(columns: &Columns, bar: usize, lag: u64, negative: bool) -> f64 {
    let value = |feature| columns.value(feature, bar);
    let is = |known: Option<bool>| known.unwrap_or(false);
    let mut score = 0.0;
    let oversold = value(Feature::Rsi14).map(|value| value < 35.0);
    score += match (negative, oversold) {
        (true, Some(true) | None) => -2_000.0,
        (false, Some(true)) => 2_000.0,
        (_, Some(false)) | (false, None) => 0.0,
    };
    let before = usize::try_from(lag).ok().and_then(|lag| bar.checked_sub(lag));
    let change = before.and_then(|bar| columns.value(Feature::Roc1, bar));
    let rising = change.zip(value(Feature::Roc5)).map(|(one, five)| one > five);
    score += if is(value(Feature::VolumeRatio20).map(|value| value > 1.2)) { 1_500.0 } else { 0.0 };
    score += if is(value(Feature::BbPlace20).map(|value| value < 0.2)) { 2_000.0 } else { 0.0 };
    score + if is(value(Feature::Adx14).map(|value| value > 20.0)) && is(rising) { 1_000.0 } else { 0.0 }
}

#[test]
fn each_feature_has_its_first_value_at_the_bar_that_its_definition_names() {
    let mut days = walk(400, 7);
    for day in &mut days {
        day.volume += 1;
    }
    let columns = Columns::of(&days, &of_stock()).unwrap();
    for feature in of_stock() {
        let first = columns.values(feature).unwrap().iter().position(|value| !value.is_nan());
        assert_eq!(first, Some(feature.definition().bars - 1), "{feature}");
        let (low, high) = (feature.definition().low, feature.definition().high);
        let inside = |value: &f64| value.is_nan() || (low..=high).contains(value);
        assert!(columns.values(feature).unwrap().iter().all(inside), "{feature}");
    }
}

#[test]
fn a_value_that_needs_two_hundred_bars_is_absent_before_and_acts_on_nobody() {
    let strategy = read(&with("/entry/min_score", json!(0.001)));
    let days = walk(DECISION_BARS - 1, 3);
    let columns = Columns::of(&days, &[Feature::Rsi14, Feature::Adx14]).unwrap();
    assert!(columns.values(Feature::Rsi14).unwrap().iter().all(|value| value.is_nan()));
    assert!(strategy.entries(&columns).iter().all(|enters| !enters));
    assert!(strategy.exits(&columns).iter().all(|leaves| !leaves));
    let grown = Columns::of(&walk(DECISION_BARS, 3), &[Feature::Rsi14]).unwrap();
    assert!(grown.value(Feature::Rsi14, DECISION_BARS - 1).is_some());
}

#[test]
fn known_values_are_what_their_formulas_say() {
    let cents = [100, 110, 121, 121, 60];
    let day = |(index, close): (usize, &i64)| {
        let micros = close * 10_000;
        let session_date =
            chrono::NaiveDate::from_ymd_opt(2026, 1, 1 + u32::try_from(index).unwrap()).unwrap();
        let (open_micros, high_micros, low_micros) = (micros * 2, micros * 4, micros / 2);
        DayBar { session_date, open_micros, high_micros, low_micros, close_micros: micros, volume: 1 }
    };
    let days: Vec<_> = cents.iter().enumerate().map(day).collect();
    let columns = Columns::of(&days, &of_stock()).unwrap();
    for (feature, bar, expected) in [
        (Feature::Roc1, 1, Some(10.0)),
        (Feature::Roc1, 0, None),
        (Feature::GapPct, 1, Some(120.0)),
        (Feature::IntradayPct, 0, Some(-50.0)),
        (Feature::RangePct, 2, Some(350.0)),
        (Feature::MovePct, 4, Some(350.0)),
        (Feature::FromHighPct, 3, Some(-75.0)),
        (Feature::BarPlace, 3, Some(1.0 / 7.0)),
        (Feature::Sma5DistancePct, 4, Some((60.0 * 5.0 / 512.0 - 1.0) * 100.0)),
        (Feature::Streak, 2, Some(2.0)),
        (Feature::Streak, 3, Some(0.0)),
        (Feature::Streak, 4, Some(-1.0)),
    ] {
        let found = columns.value(feature, bar);
        let close = found.zip(expected).map(|(found, expected)| (found - expected).abs() < 1e-9);
        assert!(close.unwrap_or(found.is_none() && expected.is_none()), "{feature} at {bar}: {found:?}");
    }
}

#[test]
fn averages_of_a_flat_stock_are_equal_to_the_last_bit() {
    let mut days = walk(400, 1);
    for day in &mut days {
        (day.open_micros, day.high_micros, day.low_micros, day.close_micros) =
            (700_001, 700_001, 700_001, 700_001);
    }
    let columns = Columns::of(&days, &[Feature::Sma20To50Pct, Feature::Sma200DistancePct]).unwrap();
    for feature in [Feature::Sma20To50Pct, Feature::Sma200DistancePct] {
        assert!(
            columns.values(feature).unwrap()[199..].iter().all(|value| value.to_bits() == 0),
            "{feature}"
        );
    }
}

#[test]
fn bars_that_contradict_themselves_give_no_columns() {
    let mut days = walk(3, 5);
    days[1].high_micros = days[1].low_micros - 1;
    let refused = Columns::of(&days, &[Feature::Roc1]).unwrap_err();
    assert_eq!(refused.to_string(), "bar 2 of the series: high is below another price of the bar");
    let strategy: Strategy = read(&example());
    assert!(strategy.scores(&Columns::default()).is_empty());
}
