//! The main job: no credentials, no network, one command.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Agent, PATIENCE, command, until};

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

/// What a pipe holds that nobody has made larger.
const PIPE_BYTES: usize = 64 << 10;

#[test]
fn a_demo_whose_output_nobody_reads_trades_on_and_has_told_all_once_it_is_read() {
    let dir = TempDir::new().unwrap();
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[b'.'; PIPE_BYTES]).unwrap();
    let mut demo = command(&dir, &[]);
    let child = demo.args(["demo", "--seconds", "10", "--data", "demo"]).stdout(writer).spawn().unwrap();
    // It holds the other writing end.
    drop(demo);
    let mut agent = Agent::of(child);
    let decided = || {
        let mut ask = Command::new(env!("CARGO_BIN_EXE_kestrel"));
        ask.env_clear()
            .current_dir(dir.path())
            .env("DB_PATH", "demo/trades.db")
            .args(["decisions", "--json"]);
        let said: Value = serde_json::from_slice(&ask.output().unwrap().stdout).ok()?;
        said["books"]["decisions"].as_array().filter(|rows| !rows.is_empty()).map(|_| ())
    };
    assert!(until(PATIENCE, decided).is_some(), "nothing is decided while nobody reads");
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(agent.wait().code(), Some(0), "{text}");
    for part in ["Watch it, halt and resume it until then", "All invariants hold."] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
