//! The operator's table of commands, one by one: with an agent and without, as a table and as JSON, with its exit code, and after
//! every failure the command that goes on.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Output, Stdio};

use rust_decimal::Decimal;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Agent, command};

/// A command, and its exit code and a part of its words with an agent and without.
struct Row {
    arguments: &'static [&'static str],
    up: (i32, &'static str),
    down: (i32, &'static str),
    /// Where JSON has something that is always there, with an agent and without.
    json: (&'static str, &'static str),
}

const fn row(
    arguments: &'static [&'static str],
    up: (i32, &'static str),
    down: (i32, &'static str),
    json: (&'static str, &'static str),
) -> Row {
    Row { arguments, up, down, json }
}

const AGENT: (i32, &str) = (0, "From the running agent, ");
const LEDGER: (i32, &str) = (0, "Read from the ledger ");

/// In this order, so that each finds what the one before has left.
const TABLE: [Row; 20] = [
    row(&["status"], (0, "trading: active"), (1, "Read from the ledger "), ("/version", "/ledger")),
    row(
        &["reduce", "--reason", "no news today"],
        (0, "only exits will be sent"),
        (1, "this halt went into the file HALT"),
        ("/halt/id", "/halt/id"),
    ),
    row(
        &["halt", "--reason", "lunch"],
        (0, "Trading is halted"),
        (1, "this halt went into the file HALT"),
        ("/halt/id", "/halt/id"),
    ),
    row(&["positions"], AGENT, LEDGER, ("/books/positions", "/books/positions")),
    row(&["orders", "--all"], AGENT, LEDGER, ("/books/orders", "/books/orders")),
    row(&["decisions"], AGENT, LEDGER, ("/books/decisions", "/books/decisions")),
    row(&["pnl", "--since", "7d"], AGENT, LEDGER, ("/books/currencies", "/books/currencies")),
    row(&["pnl"], AGENT, LEDGER, ("/books/currencies", "/books/currencies")),
    row(&["why", "005930"], AGENT, LEDGER, ("/source/from", "/source/from")),
    row(
        &["why", "KR:005930", "--at", "2026-06-01T00:30:00Z"],
        AGENT,
        LEDGER,
        ("/source/from", "/source/from"),
    ),
    row(&["why-not", "005930"], AGENT, LEDGER, ("/books/obstacles", "/books/obstacles")),
    row(&["why-not", "KR:005930", "--on", "2026-06-01"], AGENT, LEDGER, ("/source/from", "/source/from")),
    row(&["events", "--kind", "halt"], AGENT, LEDGER, ("/books/events", "/books/events")),
    row(&["proposals", "list"], AGENT, LEDGER, ("/books/proposals", "/books/proposals")),
    row(
        &["limits"],
        (0, "max_loss_pct = "),
        (0, "these are the limits of the next start"),
        ("/max_loss_pct", "/source/why"),
    ),
    row(&["budget"], (0, "calls"), LEDGER, ("/calls/limit", "/source/why")),
    row(&["health"], (0, "All actors run"), (1, "No actor runs"), ("/is_well", "/source/why")),
    row(&["doctor"], (0, "kestrel run"), (0, "kestrel run"), ("/findings/0/verdict", "/findings/0/verdict")),
    row(&["markets"], (0, "KR"), (0, "KR"), ("", "")),
    row(&["settings"], (0, "MAX_LOSS_PCT"), (0, "MAX_LOSS_PCT"), ("", "")),
];

fn run(dir: &TempDir, arguments: &[&str]) -> Output {
    let mut command = command(dir, &[]);
    command.args(arguments).env("USER", "ada").stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8([output.stdout.clone(), output.stderr.clone()].concat()).unwrap()
}

/// Both forms of one command; what failed names a command to go on with.
fn try_both(dir: &TempDir, arguments: &[&str], (code, words): (i32, &str), pointer: &str) {
    let table = run(dir, arguments);
    let said = text(&table);
    assert_eq!(table.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(said.contains(words), "{words:?} is not in the answer to {arguments:?}:\n{said}");
    assert!(code == 0 || said.contains("kestrel "), "{arguments:?} fails without the next command: {said}");
    assert!(!said.contains('\u{1b}'), "{arguments:?} colours what is no terminal: {said}");
    if pointer.is_empty() {
        return;
    }
    let output = run(dir, &[arguments, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(code), "{arguments:?} --json: {output:?}");
    let json: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|why| panic!("{arguments:?} --json: {why}: {}", text(&output)));
    assert!(json.pointer(pointer).is_some_and(|found| !found.is_null()), "{arguments:?}: {pointer}: {json}");
}

/// The first line of who follows the events, who is then ended.
fn first_followed(dir: &TempDir, json: bool) -> String {
    let mut follower = command(dir, &[]);
    follower.args(["events", "--follow"]).args(json.then_some("--json")).stdout(Stdio::piped());
    let mut follower = follower.spawn().unwrap();
    let line = BufReader::new(follower.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    follower.kill().unwrap();
    follower.wait().unwrap();
    line
}

/// Followed, exported, copied: what makes files or does not end by itself.
fn try_the_rest(dir: &TempDir, from: &str, copy: &str) {
    assert!(first_followed(dir, false).starts_with(from));
    assert!(serde_json::from_str::<Value>(&first_followed(dir, true)).unwrap()["kind"].is_string());
    let export = run(dir, &["export", "--format", "json"]);
    assert_eq!(export.status.code(), Some(0), "{export:?}");
    let tables: Value = serde_json::from_slice(&export.stdout).unwrap();
    assert!(!tables["events"].as_array().unwrap().is_empty());
    let export = run(dir, &["export", "--format", "csv", "--table", "halts"]);
    assert!(export.status.success() && text(&export).lines().count() > 1, "{export:?}");
    let (table, json) = (format!("{copy}.db"), format!("{copy}-json.db"));
    try_both(dir, &["backup", &table], (0, "Copied to "), "");
    let copied: Value = serde_json::from_slice(&run(dir, &["backup", &json, "--json"]).stdout).unwrap();
    assert_eq!(copied["size_bytes"], fs::metadata(dir.path().join(&json)).unwrap().len());
    try_both(dir, &["backup", &table], (1, "exists already"), "");
}

#[test]
fn every_command_answers_with_an_agent_and_without_in_both_forms_and_with_its_exit_code() {
    let dir = TempDir::new().unwrap();
    let mut agent = Agent::start(&dir, &[]);
    for Row { arguments, up, json, .. } in TABLE {
        try_both(&dir, arguments, up, json.0);
    }
    try_the_rest(&dir, "From the running agent, ", "up");
    // Who asks for the same once more is told of the halt that stands already.
    let several = run(&dir, &["resume"]);
    assert_eq!(several.status.code(), Some(1), "{several:?}");
    for part in ["by ada (operator): no news today", "by ada (operator): lunch", "kestrel resume --halt "] {
        assert!(text(&several).contains(part), "{part}: {}", text(&several));
    }
    let said = text(&run(&dir, &["status"]));
    assert_eq!(said.matches("\n  kestrel resume --halt ").count(), 2, "{said}");
    let status: Value = serde_json::from_slice(&run(&dir, &["status", "--json"]).stdout).unwrap();
    let halts: Vec<String> = status["halts"].as_array().unwrap().iter().map(id_of).collect();
    let [reduced, halted] = &halts[..] else { panic!("{status}") };
    let lift = ["resume", "--halt", reduced, "--reason", "looked"];
    try_both(&dir, &lift, (0, "Another halt still stands. See: kestrel status"), "");
    try_both(&dir, &lift, (1, "which halts stand: kestrel status"), "");
    let lifted = run(&dir, &["resume", "--halt", halted, "--reason", "looked", "--json"]);
    let told: Value = serde_json::from_slice(&lifted.stdout).unwrap();
    assert_eq!((lifted.status.code(), &id_of(&told["lifted"][0])), (Some(0), halted));
    try_both(&dir, &["status"], (0, "trading: active"), "/trading");
    try_both(&dir, &["resume"], (1, "trading is not halted"), "");

    agent.terminate();
    agent.wait();
    for Row { arguments, down, json, .. } in TABLE {
        try_both(&dir, arguments, down, json.1);
    }
    try_the_rest(&dir, "Read from the ledger ", "down");
    try_both(&dir, &["resume"], (1, "kestrel run"), "");
    let (_, halts) =
        (try_both(&dir, &["status"], (1, "(operator): lunch"), ""), fs::read(dir.path().join("data/HALT")));
    assert!(halts.is_ok(), "what nobody took waits for the next start");
}

fn id_of(halt: &Value) -> String {
    halt["id"].as_str().unwrap_or_else(|| panic!("no id: {halt}")).to_owned()
}

#[test]
fn limits_without_an_agent_are_those_of_the_next_start() {
    let dir = TempDir::new().unwrap();
    let shown = |dir: &TempDir| -> Value {
        let output = run(dir, &["limits", "--json"]);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let loss_pct = |shown: &Value| shown["max_loss_pct"].as_str().unwrap().parse::<Decimal>().unwrap();
    let fresh = shown(&dir);
    assert!(fresh["source"]["why"].as_str().unwrap().contains("no books yet"), "{fresh}");
    assert!(!dir.path().join("data").exists(), "a question makes no books");
    let agent = Agent::start(&dir, &[]);
    let stricter = ["limits", "--set", "max_loss_pct=2.0", "--reason", "a wild day"];
    assert!(run(&dir, &stricter).status.success());
    agent.kill_9();
    assert_eq!(loss_pct(&shown(&dir)), Decimal::TWO, "what was made stricter holds");
    let refused = run(&dir, &stricter);
    assert!(refused.status.code() == Some(1) && text(&refused).contains("kestrel run"), "{refused:?}");
    let agent = Agent::start(&dir, &[]);
    assert!(run(&dir, &["limits", "--withdraw", "--reason", "calm"]).status.success());
    assert_eq!(loss_pct(&shown(&dir)), Decimal::TWO, "until the next start");
    agent.kill_9();
    let next = shown(&dir);
    assert_eq!(loss_pct(&next), loss_pct(&fresh), "{next}");
    assert_eq!(next["source"]["from"], "ledger");
}

#[test]
fn health_without_an_agent_tells_the_newest_alarms_of_the_books() {
    let dir = TempDir::new().unwrap();
    let agent = Agent::start(&dir, &[]);
    assert!(run(&dir, &["limits", "--set", "max_loss_pct=2.0", "--reason", "a wild day"]).status.success());
    agent.kill_9();
    let health = run(&dir, &["health"]);
    assert_eq!(health.status.code(), Some(1));
    let said = text(&health);
    for part in [
        "Read from the ledger ",
        "No actor runs",
        "limits made stricter",
        "kestrel events --kind alarm",
        "kestrel run",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
