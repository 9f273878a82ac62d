//! What a start refuses, in one clear sentence with the remedy.

use std::process::Stdio;

use tempfile::TempDir;

use crate::harness::{Agent, command, database};

fn refused(dir: &TempDir, settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let out = command(dir, settings).arg("run").stderr(Stdio::piped()).output().unwrap();
    (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
}

#[test]
fn wrong_settings_are_listed_all_at_once_with_exit_78() {
    let dir = TempDir::new().unwrap();
    let wrong = [("MODE", "sim"), ("MAX_LOSS_PCT", "5"), ("ENABLED_MARKETS", "MARS"), ("SCANNER_TOP_N", "0")];
    let (code, text) = refused(&dir, &wrong);
    assert_eq!(code, Some(78));
    for (name, _) in wrong {
        assert!(text.contains(name), "{name} is missing: {text}");
    }
    assert!(!database(dir.path()).exists(), "nothing was touched");
}

#[test]
fn a_second_instance_on_the_same_data_directory_is_refused() {
    let dir = TempDir::new().unwrap();
    let _first = Agent::start(&dir, &[]);
    let (code, text) = refused(&dir, &[]);
    assert_eq!(code, Some(78), "{text}");
    assert!(text.contains("another kestrel"), "{text}");
}

#[test]
fn a_data_directory_that_cannot_be_written_is_named() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("file"), "in the way").unwrap();
    let path = dir.path().join("file/trades.db");
    let mut start = command(&dir, &[]);
    let out = start.arg("run").env("DB_PATH", &path).stderr(Stdio::piped()).output().unwrap();
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(78), "{text}");
    assert!(text.contains(dir.path().join("file").to_str().unwrap()), "{text}");
}

#[test]
fn a_damaged_database_is_refused_and_left_as_it_is() {
    let dir = TempDir::new().unwrap();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    let garbage = b"this is no database, but long enough to look at".repeat(200);
    std::fs::write(database(dir.path()), &garbage).unwrap();
    let (code, text) = refused(&dir, &[]);
    assert_eq!(code, Some(78), "{text}");
    assert!(text.contains("trades.db"), "{text}");
    assert_eq!(std::fs::read(database(dir.path())).unwrap(), garbage, "nothing is lost");
}

#[test]
fn a_line_of_the_env_file_that_cannot_be_read_is_not_quoted() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join(".env"), "KIS_APP_SECRET=canary secret\n").unwrap();
    let (code, text) = refused(&dir, &[]);
    assert_eq!(code, Some(78), "{text}");
    assert!(text.contains(".env") && !text.contains("canary") && !text.contains("secret"), "{text}");
}
