//! What a start refuses, in one clear sentence with the remedy.

use std::process::Stdio;

use domain::messages::control::{Durability, HaltSource, TradingState};
use kestrel::control::wire::{Reply, Request};
use tempfile::TempDir;

use crate::harness::{Agent, ask, command, database, status_of};

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
fn a_language_model_without_key_name_or_address_is_refused_by_the_name_of_each_setting() {
    let compatible = ("LLM_PROVIDER", "openai_compatible");
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
    let cases: [Case<'_>; 4] = [
        (&[("LLM_PROVIDER", "gemini")], &["GEMINI_API_KEY: is missing"]),
        (&[compatible], &["LLM_MODEL: is missing", "LLM_BASE_URL: is missing"]),
        (
            &[compatible, ("LLM_MODEL", "m"), ("LLM_BASE_URL", "ftp://x/v1")],
            &["LLM_BASE_URL: 'ftp://x/v1' is not allowed"],
        ),
        (&[("GEMINI_API_KEY", "k"), ("LLM_MODEL", "a/b")], &["LLM_MODEL: is no model of Gemini"]),
    ];
    for (settings, mistakes) in cases {
        let dir = TempDir::new().unwrap();
        let (code, text) = refused(&dir, settings);
        assert_eq!(code, Some(78), "{settings:?}: {text}");
        for mistake in mistakes {
            assert!(text.contains(mistake), "{mistake} is not in {text}");
        }
    }
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
fn invariant_11_a_damaged_database_is_left_as_it_is_and_the_process_runs_halted_to_say_so() {
    let dir = TempDir::new().unwrap();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    let garbage = b"this is no database, but long enough to look at".repeat(200);
    std::fs::write(database(dir.path()), &garbage).unwrap();
    let mut agent = Agent::start(&dir, &[]);
    let status = status_of(&dir).unwrap();
    assert_eq!(status.trading, Some(TradingState::Halted));
    assert_eq!(status.halts[0].source, HaltSource::Integrity);
    assert!(status.entry_blocks[0].contains("move it aside"), "{:?}", status.entry_blocks);
    let halt = Request::Halt { reason: "again".into(), by: "ada".into(), cancel_open: false };
    let Reply::Halted(halted) = ask(&dir, &halt) else { panic!("no answer to a halt") };
    assert_eq!(halted.durability, Durability::EmergencyFile);
    let resume = Request::Resume { halt: None, by: "ada".into(), reason: String::new(), reducing: false };
    assert!(matches!(ask(&dir, &resume), Reply::Error { .. }));
    agent.terminate();
    assert_eq!(agent.wait().code(), Some(0));
    assert_eq!(std::fs::read(database(dir.path())).unwrap(), garbage, "nothing is lost");

    std::fs::remove_file(database(dir.path())).unwrap();
    let _mended = Agent::start(&dir, &[]);
    let status = status_of(&dir).unwrap();
    assert_eq!(status.trading, Some(TradingState::Halted), "a mended start waits for a person");
    assert_eq!(status.halts[0].source, HaltSource::Integrity);
}

#[test]
fn a_line_of_the_env_file_that_cannot_be_read_is_not_quoted() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join(".env"), "KIS_APP_SECRET=canary secret\n").unwrap();
    let (code, text) = refused(&dir, &[]);
    assert_eq!(code, Some(78), "{text}");
    assert!(text.contains(".env") && !text.contains("canary") && !text.contains("secret"), "{text}");
}
