//! The books taken elsewhere, and everything that trading needs looked at.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Output, Stdio};

use kestrel::store;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Agent, command, database, status_of};

fn run(dir: &TempDir, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = command(dir, settings);
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
}

fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_backup_of_a_running_agent_restores_its_halt() {
    let dir = TempDir::new().unwrap();
    let agent = Agent::start(&dir, &[]);
    assert!(run(&dir, &["halt", "--reason", "before the copy"], &[]).status.success());
    let copy = dir.path().join("copy.db");
    let name = copy.to_str().unwrap();
    let output = run(&dir, &["backup", name, "--json"], &[]);
    assert!(output.status.success(), "{output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["size_bytes"], fs::metadata(&copy).unwrap().len());
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600, "only this user");
    assert!(complaint(&run(&dir, &["backup", name], &[])).contains("exists already"));
    assert!(!dir.path().join("copy.db.partial").exists());
    agent.kill_9();

    let other = TempDir::new().unwrap();
    fs::create_dir(other.path().join("data")).unwrap();
    fs::copy(&copy, database(other.path())).unwrap();
    let _restored = Agent::start(&other, &[]);
    let halts = status_of(&other).unwrap().halts;
    assert!(halts.iter().any(|halt| halt.reason == "before the copy"), "{halts:?}");
}

#[test]
fn a_backup_that_cannot_be_written_leaves_no_file() {
    let dir = TempDir::new().unwrap();
    assert!(complaint(&run(&dir, &["backup", "copy.db"], &[])).contains("kestrel run"), "no books yet");
    drop(store::open(database(dir.path())).unwrap());
    assert!(complaint(&run(&dir, &["backup", "nowhere/copy.db"], &[])).contains("nowhere/copy.db"));
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "the data and the log: {left:?}");
}

#[test]
fn tables_are_exported_whole_and_without_the_codes_of_halts() {
    let dir = TempDir::new().unwrap();
    let agent = Agent::start(&dir, &[]);
    assert!(run(&dir, &["halt", "--reason", "=cmd|' /C calc'!A1"], &[]).status.success());
    let output = run(&dir, &["export", "--format", "json"], &[]);
    assert!(output.status.success(), "{output:?}");
    let tables: Value = serde_json::from_slice(&output.stdout).unwrap();
    let halt = &tables["halts"][0];
    assert_eq!(halt["reason"], "=cmd|' /C calc'!A1");
    assert!(halt["at"].as_str().unwrap().ends_with('Z'), "{halt}");
    assert!(halt.get("nonce").is_none(), "{halt}");
    let events = tables["events"].as_array().unwrap().len();
    drop(agent);

    let output = run(&dir, &["export", "--format", "csv", "--table", "halts"], &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("'=cmd|"), "no formula: {text}");
    let output = run(&dir, &["export", "--format", "csv", "--table", "events"], &[]);
    assert!(String::from_utf8(output.stdout).unwrap().lines().count() > events, "a head and every row");
    assert!(complaint(&run(&dir, &["export", "--format", "csv"], &[])).contains("--table"));
    assert!(
        complaint(&run(&dir, &["export", "--format", "json", "--table", "x;"], &[])).contains("decisions")
    );
}

fn verdict(output: &Output, check: &str) -> String {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["check"] == check);
    found.unwrap_or_else(|| panic!("{check} was not looked at: {report}"))["verdict"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn the_doctor_finds_nothing_before_the_first_start_and_names_what_is_wrong() {
    let dir = TempDir::new().unwrap();
    let fresh = run(&dir, &["doctor", "--json"], &[]);
    assert!(fresh.status.success(), "{fresh:?}");
    assert_eq!(verdict(&fresh, "database"), "skipped");

    let wrong = run(&dir, &["doctor", "--json"], &[("MAX_ORDER_PCT", "400")]);
    assert_eq!((wrong.status.code(), verdict(&wrong, "settings").as_str()), (Some(1), "problem"));
    let settings = [("CALENDAR_OVERRIDES", "nowhere.json")];
    let wrong = run(&dir, &["doctor", "--json"], &settings);
    assert_eq!((wrong.status.code(), verdict(&wrong, "calendar").as_str()), (Some(1), "problem"));

    let agent = Agent::start(&dir, &[]);
    let running = run(&dir, &["doctor", "--json"], &[]);
    assert!(running.status.success(), "{running:?}");
    assert_eq!(verdict(&running, "database"), "good");
    agent.kill_9();
    fs::write(database(dir.path()), vec![b'x'; 8192]).unwrap();
    let damaged = run(&dir, &["doctor", "--json"], &[]);
    assert_eq!((damaged.status.code(), verdict(&damaged, "database").as_str()), (Some(1), "problem"));
}

#[test]
fn the_doctor_asks_the_exchange_for_token_account_and_clock() {
    let dir = TempDir::new().unwrap();
    let nobody = [("KESTREL_EXCHANGE_URL", "http://127.0.0.1:1")];
    let output = run(&dir, &["doctor", "--json"], &nobody);
    assert_eq!((output.status.code(), verdict(&output, "exchange").as_str()), (Some(1), "problem"));

    let exchange = crate::exchange::Exchange::start(&dir, &[]);
    let output = run(&dir, &["doctor", "--json"], &[("KESTREL_EXCHANGE_URL", exchange.url.as_str())]);
    assert_eq!((verdict(&output, "exchange").as_str(), verdict(&output, "clock").as_str()), ("good", "good"));
}

#[test]
fn the_trades_of_the_original_are_taken_over_while_no_agent_runs() {
    let dir = TempDir::new().unwrap();
    let original = dir.path().join("trade_logs.db");
    drop(store::open(&original).unwrap());
    let agent = Agent::start(&dir, &[]);
    let name = original.to_str().unwrap();
    assert!(complaint(&run(&dir, &["import-trades", name], &[])).contains("another kestrel runs"));
    agent.kill_9();
    let output = run(&dir, &["import-trades", name], &[]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.starts_with("0 rows read: 0 taken over, 0 taken before, 0 refused."), "{text}");
    assert!(complaint(&run(&dir, &["import-trades", "missing.db"], &[])).contains("missing.db"));
}
