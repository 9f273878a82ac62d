//! The main job: no credentials, no network, one command.

use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::command;

fn report_of(arguments: &[&str]) -> Value {
    let dir = TempDir::new().unwrap();
    let mut demo = command(&dir, &[]);
    let out = demo.args(arguments).stdout(Stdio::piped()).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success(), "{text}");
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    for finding in report["findings"].as_array().unwrap() {
        assert_eq!(finding["broken"], serde_json::json!([]), "{report}");
    }
    report
}

#[test]
fn the_demo_trades_and_its_books_agree_with_the_exchange() {
    let report = report_of(&["demo", "--seconds", "20", "--json"]);
    let count = |key: &str| report[key].as_u64().unwrap_or_else(|| panic!("{key} is missing: {report}"));
    assert!(count("decisions") > 0 && count("orders") > 0 && count("fills") > 0, "{report}");
}

#[test]
fn the_demo_trades_on_all_ten_markets_when_asked() {
    let report = report_of(&["--markets", "all", "--seconds", "75", "--json"]);
    let lines = report["markets"].as_array().unwrap();
    let filled = |line: &&Value| line["filled"].as_u64() > Some(0);
    let traded: Vec<_> = lines.iter().filter(filled).map(|line| line["market"].as_str().unwrap()).collect();
    assert_eq!(traded.len(), 10, "only {traded:?} traded: {report}");
}
