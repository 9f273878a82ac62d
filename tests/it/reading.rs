//! What a person reads: from the running agent, and from the ledger alone when none runs.

use std::process::{Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Agent, command};

/// Every question that needs no further word.
const QUESTIONS: [&[&str]; 8] = [
    &["why", "KR:005930"],
    &["why-not", "KR:005930"],
    &["positions"],
    &["orders", "--all"],
    &["decisions"],
    &["events"],
    &["pnl", "--since", "7d"],
    &["events", "--kind", "halt"],
];

fn run(dir: &TempDir, arguments: &[&str]) -> Output {
    let mut command = command(dir, &[]);
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn json(dir: &TempDir, arguments: &[&str]) -> Value {
    let output = run(dir, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_same_questions_are_answered_by_the_agent_and_without_it_by_the_ledger() {
    let dir = TempDir::new().unwrap();
    let mut agent = Agent::start(&dir, &[]);
    assert!(run(&dir, &["halt", "--reason", "lunch"]).status.success());
    for question in QUESTIONS {
        let output = run(&dir, question);
        assert!(output.status.success(), "{question:?}: {output:?}");
        assert!(said(&output).starts_with("From the running agent, "), "{}", said(&output));
        assert_eq!(json(&dir, question)["source"]["from"], "agent", "{question:?}");
    }
    assert!(run(&dir, &["health"]).status.success());
    let before = json(&dir, &["events", "--kind", "halt"])["books"].clone();
    assert!(before["events"][0]["text"].as_str().unwrap().contains("lunch"), "{before}");

    agent.terminate();
    agent.wait();
    for question in QUESTIONS {
        let output = run(&dir, question);
        assert!(output.status.success(), "{question:?}: {output:?}");
        let text = said(&output);
        assert!(
            text.starts_with("Read from the ledger ") && text.contains("no kestrel is running"),
            "{text}"
        );
        assert_eq!(json(&dir, question)["source"]["from"], "ledger", "{question:?}");
    }
    let halt = &json(&dir, &["events", "--kind", "halt"])["books"]["events"][0];
    assert_eq!(*halt, before["events"][0], "the same line");
    let health = run(&dir, &["health"]);
    assert_eq!(health.status.code(), Some(1), "nobody is there to be well");
    assert!(String::from_utf8_lossy(&health.stderr).contains("kestrel run"), "{health:?}");
}

#[test]
fn without_books_each_question_fails_and_says_how_to_get_some() {
    let dir = TempDir::new().unwrap();
    for question in QUESTIONS {
        let output = run(&dir, question);
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{question:?}");
        assert!(complaint.contains("kestrel run") && complaint.contains("DB_PATH"), "{complaint}");
        assert!(!dir.path().join("data").exists(), "a question makes no books");
    }
}

#[test]
fn whoever_follows_events_sees_new_ones_of_an_agent_that_started_later() {
    use std::io::{BufRead, BufReader};
    let dir = TempDir::new().unwrap();
    drop(Agent::start(&dir, &[]));
    let mut follower = command(&dir, &[]);
    follower.args(["events", "--follow", "--json", "--kind", "halt"]).stdout(Stdio::piped());
    let mut follower = follower.spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    let _agent = Agent::start(&dir, &[]);
    assert!(run(&dir, &["halt", "--reason", "dinner"]).status.success());
    let line = lines.next().unwrap().unwrap();
    follower.kill().unwrap();
    follower.wait().unwrap();
    let event: Value = serde_json::from_str(&line).unwrap();
    assert!(event["text"].as_str().unwrap().contains("dinner"), "{line}");
    assert_eq!(event["kind"], "halt");
}
