//! A halt outlives everything but a resume.

use std::time::Duration;

use domain::messages::control::{Durability, HaltSource, TradingState};
use kestrel::control::insist;
use kestrel::control::wire::{Reply, Request};
use tempfile::TempDir;

use crate::harness::{Agent, PATIENCE, ask, command, log_of, status_of, until};

fn halt(reason: &str) -> Request {
    Request::Halt { reason: reason.into(), by: "ada".into(), cancel_open: false }
}

fn resume() -> Request {
    Request::Resume { halt: None, by: "ada".into(), reason: String::new(), reducing: false }
}

#[test]
fn a_halt_survives_kill_9_and_says_since_when_by_whom_and_why_until_a_resume() {
    let dir = TempDir::new().unwrap();
    let agent = Agent::start(&dir, &[]);
    let Reply::Halted(halted) = ask(&dir, &halt("the feed looks wrong")) else { panic!("not halted") };
    assert_eq!(halted.durability, Durability::Ledger);
    assert!(halted.broker_confirmed);
    agent.kill_9();

    let agent = Agent::start(&dir, &[]);
    let status = until(PATIENCE, || status_of(&dir).filter(|s| s.trading == Some(TradingState::Halted)));
    let status = status.expect("still halted");
    let standing = &status.halts[0];
    assert_eq!((standing.by.as_str(), standing.reason.as_str()), ("ada", "the feed looks wrong"));
    // The books keep milliseconds.
    let told = (halted.halt.id.as_str(), halted.halt.at.timestamp_millis());
    assert_eq!((standing.id.as_str(), standing.at.timestamp_millis()), told);
    let log = log_of(&dir);
    assert!(log.contains("the feed looks wrong"), "the log says why it starts halted");
    assert!(!log.contains(halted.halt.nonce.as_str()), "and not the code that lifts it from afar");

    let Reply::Resumed(resumed) = ask(&dir, &resume()) else { panic!("not resumed") };
    assert_eq!(resumed.lifted[0].id, halted.halt.id);
    let active = until(PATIENCE, || status_of(&dir).filter(|s| s.trading == Some(TradingState::Active)));
    assert!(active.is_some(), "trading goes on: {:?}", status_of(&dir));
    drop(agent);
}

#[test]
fn a_resume_without_a_halt_is_refused() {
    let dir = TempDir::new().unwrap();
    let _agent = Agent::start(&dir, &[]);
    let Reply::Error { message } = ask(&dir, &resume()) else { panic!("resumed nothing") };
    assert!(message.contains("not halted"), "{message}");
    // Whoever makes the file by hand and thinks better of it is told of it, or has already lifted what it began.
    std::fs::write(dir.path().join("data/HALT"), "").unwrap();
    let reply = ask(&dir, &resume());
    if let Reply::Resumed(resumed) = &reply {
        assert_eq!(resumed.lifted[0].source, HaltSource::EmergencyFile);
    } else {
        assert!(reply.to_string().contains("the file HALT is there"), "{reply}");
    }
}

#[test]
fn a_file_named_halt_stops_the_next_start() {
    let dir = TempDir::new().unwrap();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    std::fs::write(dir.path().join("data/HALT"), "").unwrap();
    let _agent = Agent::start(&dir, &[]);
    let halted = until(PATIENCE, || status_of(&dir).filter(|s| s.trading == Some(TradingState::Halted)));
    assert!(halted.is_some(), "{:?}", status_of(&dir));
    let Reply::Resumed(_) = ask(&dir, &resume()) else { panic!("not resumed") };
    assert!(!dir.path().join("data/HALT").exists(), "the file is gone with the halt");
}

#[test]
fn the_halt_command_works_however_wrong_the_other_settings_are() {
    let dir = TempDir::new().unwrap();
    let _agent = Agent::start(&dir, &[]);
    let mut halt = command(&dir, &[("MODE", "nonsense")]);
    let out = halt
        .args(["halt", "--reason", "test", "--by", "ada"])
        .stdout(std::process::Stdio::piped())
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success(), "{text}");
    for part in ["halted since", "by ada", "test", "survives a restart", "kestrel resume"] {
        assert!(text.contains(part), "'{part}' is missing: {text}");
    }
}

#[test]
fn control_commands_without_a_running_agent_say_how_to_start_one() {
    let dir = TempDir::new().unwrap();
    let out = command(&dir, &[]).arg("status").stderr(std::process::Stdio::piped()).output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8(out.stderr).unwrap().contains("kestrel run"));
}

#[test]
fn the_socket_and_its_folder_belong_to_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    let _agent = Agent::start(&dir, &[]);
    let mode = |path: &str| std::fs::metadata(dir.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("data/control"), mode("data/control/kestrel.sock")), (0o700, 0o600));
}

#[test]
fn a_halt_in_the_first_moments_of_a_start_is_answered_and_outlives_kill_9() {
    let dir = TempDir::new().unwrap();
    Agent::start(&dir, &[]).kill_9();
    for (number, delay_ms) in [0, 1, 2, 4, 8, 16, 32, 64, 128].into_iter().enumerate() {
        let agent = Agent::of(command(&dir, &[]).arg("run").spawn().unwrap());
        std::thread::park_timeout(Duration::from_millis(delay_ms));
        let reason = format!("start {number}.");
        let answer = insist::ask(&dir.path().join("data"), &halt(&reason));
        let Ok(Reply::Halted(halted)) = answer else {
            panic!("after {delay_ms} ms: {answer:?}\n{}", log_of(&dir))
        };
        assert_ne!(halted.durability, Durability::NotDurable, "after {delay_ms} ms: {halted:?}");
        agent.kill_9();
        let agent = Agent::start(&dir, &[]);
        let status = status_of(&dir).unwrap();
        assert_eq!(status.trading, Some(TradingState::Halted), "after {delay_ms} ms");
        assert!(status.halts.iter().any(|halt| halt.reason == reason), "after {delay_ms} ms: {status:?}");
        agent.kill_9();
    }
}

#[test]
fn a_halt_while_no_agent_runs_stops_the_next_start_and_the_command_says_that_nobody_answered() {
    let dir = TempDir::new().unwrap();
    Agent::start(&dir, &[]).kill_9();
    let mut halt = command(&dir, &[]);
    let out = halt
        .args(["halt", "--reason", "before the next start", "--by", "ada"])
        .stdout(std::process::Stdio::piped())
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert_eq!(out.status.code(), Some(1), "nobody has confirmed it: {text}");
    assert!(text.contains("no running kestrel answers") && text.contains("begins halted"), "{text}");
    // Nobody was asked, so the numbers are the ledger's, and say as of when.
    assert!(text.contains("The ledger, last written 20") && text.contains("Orders open: 0"), "{text}");
    let _agent = Agent::start(&dir, &[]);
    let status = status_of(&dir).unwrap();
    assert_eq!(status.trading, Some(TradingState::Halted));
    assert_eq!(
        (status.halts[0].by.as_str(), status.halts[0].reason.as_str()),
        ("ada", "before the next start")
    );
}

#[test]
fn a_halt_that_nobody_could_list_anything_for_says_unknown_and_never_zero() {
    let dir = TempDir::new().unwrap();
    Agent::start(&dir, &[]).kill_9();
    std::fs::write(dir.path().join("data/trades.db"), "no database").unwrap();
    let said = |arguments: &[&str]| {
        let mut halt = command(&dir, &[]);
        let halt = halt.args(["halt", "--reason", "x"]).args(arguments).stdout(std::process::Stdio::piped());
        String::from_utf8(halt.output().unwrap().stdout).unwrap()
    };
    let text = said(&[]);
    for what in ["Orders open: unknown", "Orders unknown: unknown", "Positions: unknown"] {
        assert!(text.contains(what), "{what}: {text}");
    }
    let json: serde_json::Value = serde_json::from_str(&said(&["--json"])).unwrap();
    for list in ["/open", "/unknown", "/positions"] {
        assert!(json.pointer(list).is_some_and(serde_json::Value::is_null), "{list}: {json}");
    }
}

#[test]
fn who_has_no_name_is_booked_by_number_and_a_resume_without_a_reason_says_so() {
    let dir = TempDir::new().unwrap();
    let _agent = Agent::start(&dir, &[]);
    let said = |arguments: &[&str]| {
        let out = command(&dir, &[]).args(arguments).stdout(std::process::Stdio::piped()).output().unwrap();
        (out.status.code(), String::from_utf8(out.stdout).unwrap())
    };
    assert_eq!(said(&["halt", "--reason", " "]).0, Some(2), "a halt says why");
    let by = format!("by uid {} (operator): a look", rustix::process::geteuid().as_raw());
    let (code, text) = said(&["halt", "--reason", "a look"]);
    assert!(code == Some(0) && text.contains(&by), "{text}");
    assert_eq!(said(&["resume"]).0, Some(0));
    let (_, events) = said(&["events", "--kind", "resume"]);
    assert!(events.contains("no reason given"), "{events}");
}
