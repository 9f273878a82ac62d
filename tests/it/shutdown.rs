//! SIGTERM ends the agent in good order.

use std::time::{Duration, Instant};

use kestrel::control::wire::Request;
use tempfile::TempDir;

use crate::harness::{Agent, ask};

#[test]
fn sigterm_drains_within_eight_seconds_and_exits_0() {
    let dir = TempDir::new().unwrap();
    let mut agent = Agent::start(&dir, &[]);
    let start = Instant::now();
    agent.terminate();
    assert_eq!(agent.wait().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

#[test]
fn sigterm_works_while_halted() {
    let dir = TempDir::new().unwrap();
    let mut agent = Agent::start(&dir, &[]);
    ask(&dir, &Request::Halt { reason: "test".into(), by: "ada".into(), cancel_open: false });
    agent.terminate();
    assert_eq!(agent.wait().code(), Some(0));
}
