//! The main job: no credentials, no network, one command.

use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::command;

#[test]
fn the_demo_trades_and_its_books_agree_with_the_exchange() {
    let dir = TempDir::new().unwrap();
    let mut demo = command(&dir, &[]);
    let out = demo.args(["demo", "--seconds", "20", "--json"]).stdout(Stdio::piped()).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success(), "{text}");
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let count = |key: &str| report[key].as_u64().unwrap_or_else(|| panic!("{key} is missing: {report}"));
    assert!(count("decisions") > 0 && count("orders") > 0 && count("fills") > 0, "{report}");
    for finding in report["findings"].as_array().unwrap() {
        assert_eq!(finding["broken"], serde_json::json!([]), "{report}");
    }
}
