//! The log of the true program: one span per decision through all actors, in JSON and for people, never a control character.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use domain::messages::control::TradingState;
use domain::text::is_hidden;
use kestrel::control::wire::{Reply, Request};
use serde_json::Value;
use tempfile::TempDir;

use crate::exchange::Exchange;
use crate::harness::{Agent, PATIENCE, ask, command, log_of, status_of, until};
use crate::web::free_address;

/// A Korean morning at speed, up to the first order that the exchange has taken.
fn log_of_a_trade(settings: &[(&str, &str)]) -> String {
    let dir = TempDir::new().unwrap();
    let exchange =
        Exchange::start(&dir, &["--start", "2026-06-01T00:10:00Z", "--speed", "60", "--markets", "KR"]);
    let own = [
        ("KESTREL_EXCHANGE_URL", &*exchange.url),
        ("ENABLED_MARKETS", "KR"),
        ("TRADE_MODE", "realtime"),
        ("SCANNER_TOP_N", "8"),
    ];
    let mut agent = Agent::start(&dir, &[&own[..], settings].concat());
    let has_traded = || log_of(&dir).contains("the exchange has taken the order").then_some(());
    assert!(until(PATIENCE * 3, has_traded).is_some(), "nothing was ordered: {}", log_of(&dir));
    agent.terminate();
    agent.wait();
    log_of(&dir)
}

fn has_steering(log: &str) -> bool {
    log.contains(|c: char| c != '\n' && (c.is_control() || is_hidden(c)))
}

/// The fields of the span of a decision that a line stands in.
fn decision_of(line: &Value) -> Option<&Value> {
    line["spans"].as_array()?.iter().find(|span| span["name"] == "decision")
}

#[test]
fn one_decision_is_followed_by_its_id_through_all_actors_and_its_scan_by_its_slot() {
    let log = log_of_a_trade(&[("KESTREL_LOG_FORMAT", "json"), ("RUST_LOG", "info")]);
    assert!(!has_steering(&log), "{log}");
    // The exchange writes into the same file, in words.
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let taken = lines.iter().find(|line| line["message"] == "the exchange has taken the order").unwrap();
    let decision = decision_of(taken).unwrap_or_else(|| panic!("no decision: {taken}")).clone();
    let id = decision["id"].as_str().unwrap();

    let mut actors: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.to_string().contains(id)) {
        let target = line["target"].as_str().unwrap().split("::").next().unwrap().to_owned();
        assert!(line["decision"] == id || decision_of(line).is_some_and(|span| span["id"] == id), "{line}");
        actors.entry(target).or_default().insert(line["message"].as_str().unwrap().to_owned());
    }
    for (actor, message) in [
        ("brain", "judged"),
        ("trade_ledger", "the decision is in the books"),
        ("risk_guard", "approved"),
        ("trade_ledger", "the approval is in the books"),
        ("trade_ledger", "the order may leave, once"),
        ("broker", "the exchange has taken the order"),
    ] {
        assert!(
            actors.get(actor).is_some_and(|told| told.contains(message)),
            "{actor}, {message}: {actors:#?}"
        );
    }

    // The id is given when a stock is judged; its line in the scan is found by the slot and the stock of the span.
    let (scan, stock) = (&decision["scan"], &decision["stock"]);
    let is_scanned =
        |line: &&Value| line["message"] == "candidate" && line["scan"] == *scan && line["stock"] == *stock;
    let candidate =
        lines.iter().find(is_scanned).unwrap_or_else(|| panic!("{scan} {stock} is nowhere: {log}"));
    assert!(candidate["target"].as_str().unwrap().starts_with("scanner"), "{candidate}");
}

#[test]
fn people_read_the_same_without_colours_where_no_terminal_is_and_only_what_the_filter_lets_through() {
    let log = log_of_a_trade(&[("KESTREL_LOG_FORMAT", "text"), ("RUST_LOG", "error,broker=info")]);
    assert!(!has_steering(&log), "{log}");
    let own: Vec<&str> =
        log.lines().filter(|line| line.contains(" INFO ") && line.contains("intent=")).collect();
    assert!(!own.is_empty() && own.iter().all(|line| line.contains("broker::")), "{own:#?}");
}

/// More lines than a pipe and the queue before it hold.
const REFUSALS: usize = 10_000;

/// Sends so many commands over one connection to a page that takes none; how many it refused, each with a line in the log.
fn refused_commands(address: &str, count: usize) -> usize {
    let request = format!("POST /control/halt HTTP/1.1\r\nHost: {address}\r\nContent-Length: 2\r\n\r\n{{}}");
    let last = request.replace("Content-Length", "Connection: close\r\nContent-Length");
    let mut line = TcpStream::connect(address).unwrap();
    let mut answers = line.try_clone().unwrap();
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        answers.read_to_string(&mut text).map(|_| text.matches("HTTP/1.1 403 ").count())
    });
    for _ in 1..count {
        line.write_all(request.as_bytes()).unwrap();
    }
    line.write_all(last.as_bytes()).unwrap();
    reading.join().unwrap().unwrap()
}

#[test]
fn an_agent_whose_log_and_output_nobody_reads_trades_answers_halts_and_ends() {
    let dir = TempDir::new().unwrap();
    let address = free_address().to_string();
    let exchange =
        Exchange::start(&dir, &["--start", "2026-06-01T00:10:00Z", "--speed", "60", "--markets", "KR"]);
    let settings = [
        ("KESTREL_EXCHANGE_URL", &*exchange.url),
        ("ENABLED_MARKETS", "KR"),
        ("TRADE_MODE", "realtime"),
        ("SCANNER_TOP_N", "8"),
        ("WEB_LISTEN", &*address),
    ];
    let mut child = command(&dir, &settings);
    let mut child = child.arg("run").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Open for as long as the agent runs, and never read.
    let _unread = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let mut agent = Agent::of(child);
    let is_ready = || status_of(&dir).filter(|status| status.trading == Some(TradingState::Active));
    assert!(until(PATIENCE, is_ready).is_some(), "{:?}", status_of(&dir));
    assert_eq!(refused_commands(&address, REFUSALS), REFUSALS);
    let status = status_of(&dir).unwrap();
    assert!(status.log_lines_lost > 0 && status.to_string().contains("lines were lost"), "{status}");
    let has_traded = || (!exchange.books().orders.is_empty()).then_some(());
    assert!(until(PATIENCE * 3, has_traded).is_some(), "it does not trade: {:?}", status_of(&dir));

    let halt = Request::Halt { reason: "nobody reads".into(), by: "ada".into(), cancel_open: false };
    let reply = ask(&dir, &halt);
    assert!(reply.is_done() && matches!(reply, Reply::Halted(_)), "{reply}");
    assert_eq!(status_of(&dir).unwrap().trading, Some(TradingState::Halted));
    agent.terminate();
    assert_eq!(agent.wait().code(), Some(0));
}
