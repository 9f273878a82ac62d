//! `kestrel indicators` on files of bars, against the reference values.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const GOLDEN: [(&str, &str); 3] = [
    ("aapl", include_str!("../../actors/strategy/src/indicators/golden/aapl.json")),
    ("edge_flat", include_str!("../../actors/strategy/src/indicators/golden/edge_flat.json")),
    ("edge_zero_volume", include_str!("../../actors/strategy/src/indicators/golden/edge_zero_volume.json")),
];

fn indicators(file: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kestrel"));
    command.arg("indicators").arg("--csv").arg(file).args(more).output().unwrap()
}

fn csv(reference: &Value) -> String {
    let input = &reference["input"];
    let mut text = "date,open,high,low,close,volume\n".to_owned();
    for index in 0..input["close"].as_array().unwrap().len() {
        let date = input["date"][index].as_str().map_or(index.to_string(), str::to_owned);
        let value = |name: &str| input[name][index].to_string();
        let [open, high, low, close, volume] = ["open", "high", "low", "close", "volume"].map(value);
        writeln!(text, "{date},{open},{high},{low},{close},{volume}").unwrap();
    }
    text
}

fn assert_same(what: &str, found: &Value, expected: &Value) {
    match (found.as_f64(), expected.as_f64()) {
        (Some(found), Some(expected)) => {
            let error = (found - expected).abs();
            assert!(error <= 1e-9_f64.max(expected.abs() * 1e-9), "{what}: {found} is not {expected}");
        }
        (found, expected) => assert_eq!(found, expected, "{what}"),
    }
}

#[test]
fn the_command_gives_the_reference_values_under_the_reference_names() {
    let dir = TempDir::new().unwrap();
    for (name, text) in GOLDEN {
        let reference: Value = serde_json::from_str(text).unwrap();
        let file = dir.path().join(format!("{name}.csv"));
        std::fs::write(&file, csv(&reference)).unwrap();
        let output = indicators(&file, &["--json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        for (key, expected) in reference["output"].as_object().unwrap() {
            let (found, expected) = (found[key].as_array().unwrap(), expected.as_array().unwrap());
            assert_eq!(found.len(), expected.len(), "{name} {key}");
            if reference["unspecified"][key].is_null() {
                let pairs = found.iter().zip(expected).enumerate();
                pairs.for_each(|(i, (found, expected))| {
                    assert_same(&format!("{name} {key}[{i}]"), found, expected);
                });
            }
        }
    }
}

#[test]
fn a_bad_row_ends_the_command_with_its_line_and_prints_no_value() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("bars.csv");
    let rows = "date,open,high,low,close,volume\n2026-01-01,1,1,1,1,1\n2026-01-02,1,1,1,NaN,1\n";
    std::fs::write(&file, rows).unwrap();
    let output = indicators(&file, &["--json"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert!(error.contains("line 3: close is not a finite number"), "{error}");
    let output = indicators(&dir.path().join("nowhere.csv"), &[]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("nowhere.csv cannot be read"), "{error}");
    assert_eq!(output.status.code(), Some(1));
}
