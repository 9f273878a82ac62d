//! Start-up time and size of the true program: `cargo bench --bench speed`.
//!
//! Prints figures and the bar of each; a bar that is missed ends the bench with an error. Machines are noisy: each
//! figure is the best of several rounds.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a bench is read on a terminal and ends at the first fault"
)]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use domain::messages::control::TradingState;
use kestrel::control::client;
use kestrel::control::wire::{Reply, Request};
use tempfile::TempDir;

const ROUNDS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(20);
/// Control socket up, ready to trade, resident memory: the bars of the first-light issue. Readiness is (requests
/// needed / allowed rate) + 200 ms; a start on two markets needs eleven requests at 19 a second: a token, two order lists, the
/// final lists of two past days, and the two accounts (two requests for won, four for dollars).
const SOCKET_MS: u128 = 100;
const READY_MS: u128 = 11 * 1_000 / 19 + 200;
const RSS_KIB: u64 = 30 * 1_024;

struct Round {
    socket_ms: u128,
    ready_ms: u128,
    rss_kib: u64,
}

fn main() {
    let rounds: Vec<Round> = (0..ROUNDS).map(|_| round()).collect();
    let best = |figure: fn(&Round) -> u128| rounds.iter().map(figure).min().unwrap_or(u128::MAX);
    let results = [
        ("control socket answers, ms", best(|round| round.socket_ms), SOCKET_MS),
        ("ready to trade, ms", best(|round| round.ready_ms), READY_MS),
        ("resident memory, KiB", best(|round| u128::from(round.rss_kib)), u128::from(RSS_KIB)),
    ];
    println!("{:<28} {:>8} {:>8}", "best of 5", "measured", "bar");
    for (what, measured, bar) in results {
        println!("{what:<28} {measured:>8} {bar:>8}{}", if measured > bar { "  MISSED" } else { "" });
    }
    assert!(results.iter().all(|(_, measured, bar)| measured <= bar), "a bar is missed");
}

fn round() -> Round {
    let dir = TempDir::new().expect("a temporary folder");
    let start = Instant::now();
    let mut agent = spawn(dir.path());
    until(|| client::ask(&dir.path().join("data"), &Request::Status).is_ok());
    let socket_ms = start.elapsed().as_millis();
    until(|| is_active(dir.path()));
    let ready_ms = start.elapsed().as_millis();
    let rss_kib = rss_kib(&agent);
    agent.kill().expect("the agent can be ended");
    agent.wait().expect("the agent ends");
    Round { socket_ms, ready_ms, rss_kib }
}

fn spawn(dir: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kestrel"));
    command.arg("run").env_clear().current_dir(dir).env("DB_PATH", dir.join("data/trades.db"));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the agent starts")
}

fn is_active(dir: &Path) -> bool {
    let reply = client::ask(&dir.join("data"), &Request::Status);
    matches!(reply, Ok(Reply::Status(status)) if status.trading == Some(TradingState::Active))
}

fn rss_kib(agent: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", agent.id())).expect("a running process");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its resident memory");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number of KiB")
}

fn until(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "the agent is not ready in time");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}
