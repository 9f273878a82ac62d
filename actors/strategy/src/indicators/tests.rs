//! The indicators against reference values of TA-Lib, against their definitions, and at their edges.

mod definitions;
mod vectors;

use std::path::PathBuf;

use serde_json::Value;

use super::board::{COLUMNS, Row};
use super::*;

/// Relative or absolute, whichever is wider.
const TOLERANCE: f64 = 1e-9;

/// The reference values that are part of this project (golden/README.md).
const GOLDEN: [(&str, &str); 5] = [
    ("aapl", include_str!("golden/aapl.json")),
    ("edge_falling", include_str!("golden/edge_falling.json")),
    ("edge_flat", include_str!("golden/edge_flat.json")),
    ("edge_rising", include_str!("golden/edge_rising.json")),
    ("edge_zero_volume", include_str!("golden/edge_zero_volume.json")),
];

/// Those of market data that is not the project's to pass on.
const SHARED: [&str; 6] = ["btc_daily", "msft", "pse_ali", "samsung_005930", "spx", "spy_1m"];

/// Values that the project defines itself: the reference has none.
const OWN: [&str; 4] = ["sma_atr_14", "pv_divergence_1", "momentum_1_5_15", "breakout_1"];

fn is_near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= TOLERANCE.max(expected.abs() * TOLERANCE)
}

fn assert_near(found: Option<f64>, expected: Option<f64>, what: &str) {
    match (found, expected) {
        (Some(found), Some(expected)) => {
            assert!(is_near(found, expected), "{what}: {found} is not {expected}");
        }
        (found, expected) => assert_eq!(found, expected, "{what}"),
    }
}

fn samples(values: &[f64]) -> Vec<Sample> {
    values.iter().map(|value| Sample::new(*value).unwrap()).collect()
}

fn numbers(values: &Value) -> Vec<Option<f64>> {
    values.as_array().unwrap().iter().map(Value::as_f64).collect()
}

fn bars_of(reference: &Value) -> Vec<Bar> {
    let input = |name: &str| -> Vec<f64> {
        numbers(&reference["input"][name]).into_iter().map(Option::unwrap).collect()
    };
    let [open, high, low, close, volume] = ["open", "high", "low", "close", "volume"].map(input);
    (0..close.len()).map(|i| Bar::new([open[i], high[i], low[i], close[i]], volume[i]).unwrap()).collect()
}

fn rows(bars: &[Bar]) -> Vec<Row> {
    let mut board = Board::default();
    bars.iter().map(|bar| board.update(*bar)).collect()
}

/// Compares all series of a file; says how many.
fn check_file(file: &str, reference: &Value) -> usize {
    let rows = rows(&bars_of(reference));
    let mut compared = 0;
    for (name, expected) in reference["output"].as_object().unwrap() {
        let place = COLUMNS.iter().position(|column| column.name == name);
        let place = place.unwrap_or_else(|| panic!("{file}: no indicator is called {name}"));
        if !reference["unspecified"][name].is_null() {
            continue;
        }
        let expected = numbers(expected);
        assert_eq!(rows.len(), expected.len(), "{file} {name}");
        for (index, (row, expected)) in rows.iter().zip(expected).enumerate() {
            assert_near(row[place], expected, &format!("{file} {name}[{index}]"));
        }
        compared += 1;
    }
    compared
}

/// A file beside the project; a machine without it says so, and fails when `KESTREL_STRICT=1`.
#[expect(clippy::disallowed_methods, reason = "reads reference values of tests, no part of the program")]
fn shared(file: &str) -> Option<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference").join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(error) => {
            assert!(std::env::var("KESTREL_STRICT").as_deref() != Ok("1"), "{}: {error}", path.display());
            println!("SKIPPED: no reference at {}", path.display());
            None
        }
    }
}

#[test]
fn every_series_of_the_reference_files_is_reproduced() {
    let compared: usize =
        GOLDEN.iter().map(|(file, text)| check_file(file, &serde_json::from_str(text).unwrap())).sum();
    assert_eq!(compared, 5 * 28 - 5);
}

#[test]
fn every_series_of_the_shared_reference_files_is_reproduced() {
    for file in SHARED {
        if let Some(reference) = shared(&format!("indicators/{file}.json")) {
            assert_eq!(check_file(file, &reference), 28, "{file}");
        }
    }
}

#[test]
fn the_board_has_the_reference_series_and_the_projects_own_and_no_name_twice() {
    let reference: Value = serde_json::from_str(GOLDEN[0].1).unwrap();
    let known = reference["output"].as_object().unwrap();
    for column in COLUMNS {
        assert!(known.contains_key(column.name) || OWN.contains(&column.name), "{}", column.name);
        assert_eq!(COLUMNS.iter().filter(|other| other.name == column.name).count(), 1, "{}", column.name);
    }
}

#[test]
fn what_is_not_defined_is_absent_and_no_standstill_is_taken_for_strength() {
    let flat = vec![Bar::new([100.1; 4], 0.0).unwrap(); 60];
    let last = *rows(&flat).last().unwrap();
    let value = |name: &str| last[COLUMNS.iter().position(|column| column.name == name).unwrap()];
    assert_eq!(value("rsi_14"), Some(50.0));
    assert_eq!(value("mfi_14"), None, "nothing was traded");
    assert_eq!(value("volume_ratio_20_incl"), None);
    assert_eq!(value("volume_ratio_20_excl"), None);
    assert_eq!(value("momentum_1_5_15"), None);
    assert_eq!(value("stddev_20"), Some(0.0), "equal values deviate by exactly nothing");
    assert_eq!(value("adx_14"), Some(0.0));
    assert!(rows(&flat)[0].iter().enumerate().all(|(i, value)| value.is_none() || COLUMNS[i].name == "obv"));
}

#[test]
fn an_old_giant_leaves_no_trace_in_a_window() {
    let values = [1e100, -1e100, 1e90, 0.1, 0.1, 0.1, 0.1];
    let three = Period::of::<3>();
    let averages = series(Sma::new(three), samples(&values));
    let deviations = series(Deviation::new(three), samples(&values));
    for index in [5, 6] {
        assert_near(averages[index], Some(0.1), "average");
        assert_eq!(deviations[index], Some(0.0));
    }
    let zeros = series(Sma::new(three), samples(&[0.1, 0.7, 1e15, 0.0, 0.0, 0.0]));
    assert_eq!(zeros[5], Some(0.0));
}

#[test]
fn a_wilder_value_decides_nothing_before_200_bars() {
    let closes: Vec<f64> = (0..250).map(|day| 100.0 + f64::from(day % 7)).collect();
    let fourteen = Period::of::<14>();
    let plain = series(Rsi::new(fourteen), samples(&closes));
    let seasoned = series(Seasoned::new(Rsi::new(fourteen)), samples(&closes));
    assert!(plain[14].is_some() && seasoned[..199].iter().all(Option::is_none));
    assert!(seasoned[199].is_some());
    assert_eq!(seasoned[199..], plain[199..]);
}

#[test]
fn numbers_that_are_not_finite_are_refused_by_name() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(Sample::new(bad), Err(InvalidNumber::NotFinite));
    }
    assert_eq!(Sample::new(1.1e100), Err(InvalidNumber::TooLarge));
    assert!(Sample::new(-1e100).is_ok());
    let cases: [([f64; 4], f64, &str); 9] = [
        ([f64::NAN, 2.0, 1.0, 1.5], 1.0, "open is not a finite number"),
        ([1.5, f64::INFINITY, 1.0, 1.5], 1.0, "high is not a finite number"),
        ([1.5, 2.0, 1.0, 1e101], 1.0, "close is larger than 1e100"),
        ([1.5, 2.0, 1.0, 1.5], f64::NAN, "volume is not a finite number"),
        ([1.5, 2.0, 0.0, 1.5], 1.0, "low is not above zero"),
        ([-1.5, 2.0, 1.0, 1.5], 1.0, "open is not above zero"),
        ([1.5, 2.0, 1.0, 1.5], -1.0, "volume is below zero"),
        ([1.5, 1.4, 1.0, 1.2], 1.0, "high is below another price of the bar"),
        ([1.5, 2.0, 1.3, 1.2], 1.0, "low is above another price of the bar"),
    ];
    for (prices, volume, expected) in cases {
        assert_eq!(Bar::new(prices, volume).unwrap_err().to_string(), expected);
    }
}
