//! Limits as a person sees and sets them: through the command, in the books, and over a restart.

use std::process::{Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Agent, command};

fn run(dir: &TempDir, arguments: &[&str]) -> Output {
    let mut command = command(dir, &[]);
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
}

/// What a call that must succeed printed.
fn done(dir: &TempDir, arguments: &[&str]) -> String {
    let output = run(dir, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a call that must fail complained of.
fn refused(dir: &TempDir, arguments: &[&str]) -> String {
    let output = run(dir, arguments);
    assert!(!output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn value(dir: &TempDir, name: &str) -> String {
    let shown: Value = serde_json::from_str(&done(dir, &["limits", "--json"])).unwrap();
    shown[name].as_str().unwrap_or_else(|| panic!("{name} is not in {shown}")).to_owned()
}

#[test]
fn a_stricter_limit_is_booked_with_its_person_outlives_a_restart_and_is_loosened_only_as_the_refusal_says() {
    let dir = TempDir::new().unwrap();
    let mut agent = Agent::start(&dir, &[("STOP_COOLDOWN_MIN", "200")]);
    let set = ["limits", "--set", "max_loss_pct=2.0", "--set", "reentry_guard_min=45"];
    done(&dir, &[&set[..], &["--reason", "a wild day", "--by", "mina"]].concat());
    assert_eq!((value(&dir, "max_loss_pct"), value(&dir, "reentry_guard_min")), ("2.0".into(), "45".into()));
    assert_eq!(value(&dir, "stop_cooldown_min"), "200", "the setting");
    let booked = done(&dir, &["events"]);
    let line = booked.lines().find(|line| line.contains("limits made stricter")).unwrap();
    for part in ["by mina (operator)", "max_loss_pct=2", "reentry_guard_min=45", "a wild day"] {
        assert!(line.contains(part), "{part}: {line}");
    }

    let why = refused(&dir, &["limits", "--set", "max_loss_pct=2.5"]);
    assert!(why.contains("MAX_LOSS_PCT=3 allows it") && why.contains("kestrel limits --withdraw"), "{why}");
    let why = refused(&dir, &["limits", "--set", "stop_cooldown_min=100"]);
    assert!(why.contains("set STOP_COOLDOWN_MIN=100 and start it again"), "{why}");
    let why = refused(&dir, &["limits", "--set", "max_loss_pct=3.1"]);
    assert!(why.contains("0 to 3"), "{why}");
    let why = refused(&dir, &["limits", "--set", "max_los_pct=1"]);
    assert!(why.contains("max_loss_pct"), "the names are listed: {why}");
    let why = refused(&dir, &["limits", "--set", "max_loss_pct=1", "--set", "max_loss_pct=2"]);
    assert!(why.contains("given twice"), "{why}");

    agent.terminate();
    agent.wait();
    let mut agent = Agent::start(&dir, &[]);
    assert_eq!(value(&dir, "max_loss_pct"), "2", "over a restart");
    done(&dir, &["limits", "--withdraw", "--reason", "calm again", "--by", "mina"]);
    assert_eq!(value(&dir, "max_loss_pct"), "2", "not while it runs");
    agent.terminate();
    agent.wait();
    let _agent = Agent::start(&dir, &[]);
    assert_eq!(value(&dir, "max_loss_pct"), "3.0", "the setting again");
}
