//! Each of the eight actors is broken on purpose in the running program.

use std::time::{Duration, Instant};

use domain::messages::control::{Durability, HaltRecord, HaltSource, TradingState};
use kestrel::control::wire::{ActorHealth, FaultKind, Reply, Request};
use tempfile::TempDir;

use crate::harness::{Agent, PATIENCE, ask, best_of_three, log_of, status_of, until};

const ACTORS: [&str; 8] =
    ["trade_ledger", "notifier", "broker", "risk_guard", "optimizer", "brain", "scanner", "market_clock"];

/// From a panic to an answer (invariant 15). The bound of three restarts a minute leaves room for three measurements.
const REVIVED_WITHIN: Duration = Duration::from_secs(1);

fn health(dir: &TempDir, actor: &str) -> Option<ActorHealth> {
    status_of(dir)?.actors.into_iter().find(|health| health.actor == actor)
}

fn break_it(dir: &TempDir, actor: &str, kind: FaultKind) {
    let request = Request::Fault { actor: actor.into(), kind };
    assert_eq!(ask(dir, &request), Reply::Done, "{actor}");
}

/// A halt and a resume reach every actor, so who handles more messages afterwards answers.
fn everyone_answers(dir: &TempDir) -> Option<()> {
    let before: Vec<u64> = ACTORS.iter().map(|actor| health(dir, actor).map_or(0, |h| h.handled)).collect();
    halt(dir);
    resume(dir);
    let grown = |(actor, before): (&&str, u64)| health(dir, actor).is_some_and(|h| h.handled > before);
    until(PATIENCE, || ACTORS.iter().zip(before.iter().copied()).all(grown).then_some(()))
}

/// Halts until the Broker has confirmed. The first answer may come without RiskGuard: when it falls in the middle of a
/// halt, the control socket writes the emergency file in its place.
fn halt(dir: &TempDir) {
    let confirmed = until(PATIENCE, || {
        let reply =
            ask(dir, &Request::Halt { reason: "roll call".into(), by: "ada".into(), cancel_open: false });
        let Reply::Halted(halted) = reply else { panic!("not halted: {reply:?}") };
        assert_ne!(halted.durability, Durability::NotDurable, "{halted:?}");
        halted.broker_confirmed.then_some(())
    });
    assert!(confirmed.is_some(), "{:?}", status_of(dir));
}

/// Lifts every halt that stands; RiskGuard says no as long as it has not read the books again.
fn resume(dir: &TempDir) {
    let active = until(PATIENCE, || {
        for halt in status_of(dir)?.halts {
            let (halt, by, reason) = (Some(halt.id), "ada".into(), String::new());
            ask(dir, &Request::Resume { halt, by, reason, reducing: false });
        }
        status_of(dir).filter(|status| status.trading == Some(TradingState::Active))
    });
    assert!(active.is_some(), "{:?}", status_of(dir));
}

#[test]
fn invariant_15_any_actor_that_panics_answers_what_was_sent_meanwhile_within_a_second() {
    let dir = TempDir::new().unwrap();
    let _agent = Agent::start(&dir, &[]);
    for actor in ACTORS {
        let took = best_of_three(REVIVED_WITHIN, || {
            let took = panics_and_answers(&dir, actor);
            resume(&dir);
            took
        });
        assert!(took < REVIVED_WITHIN, "{actor} took {took:?}");
    }
    assert!(everyone_answers(&dir).is_some(), "{:?}", status_of(&dir));
}

/// From the panic to the handling of what was sent meanwhile.
fn panics_and_answers(dir: &TempDir, actor: &str) -> Duration {
    let before = health(dir, actor).unwrap();
    let start = Instant::now();
    break_it(dir, actor, FaultKind::Panic);
    // Sent while the actor is down: a halt reaches everyone, and its letter must wait for the next life.
    halt(dir);
    let answered = until(PATIENCE, || {
        let revived = |h: &ActorHealth| {
            h.restarts == before.restarts + 1 && h.state == "running" && h.handled > before.handled
        };
        health(dir, actor).filter(revived).map(|_| start.elapsed())
    });
    answered.unwrap_or_else(|| panic!("{actor} is not revived: {:?}", health(dir, actor)))
}

#[test]
fn invariant_17_any_actor_that_waits_forever_is_revived() {
    let dir = TempDir::new().unwrap();
    let _agent = Agent::start(&dir, &[("KESTREL_FAULTS_BACKLOG_LIMIT_MS", "1500")]);
    for actor in ACTORS {
        break_it(&dir, actor, FaultKind::Hang);
        let revived = until(PATIENCE, || {
            // Somebody has to knock: an actor without mail is not late.
            health(&dir, actor).filter(|h| h.restarts >= 1 && h.state == "running")
        });
        assert!(revived.is_some(), "{actor}: {:?}", health(&dir, actor));
    }
    assert!(everyone_answers(&dir).is_some(), "{:?}", status_of(&dir));
}

#[test]
fn invariant_17_a_blocked_thread_ends_the_process_with_70_and_the_next_start_recovers() {
    let dir = TempDir::new().unwrap();
    let mut agent = Agent::start(&dir, &[("KESTREL_FAULTS_BUSY_LIMIT_MS", "1000")]);
    break_it(&dir, "broker", FaultKind::Block);
    assert_eq!(agent.wait().code(), Some(70));
    let log = log_of(&dir);
    assert!(
        log.contains("a thread is wedged") && log.contains("\"actor\":\"broker\""),
        "its last words: {log}"
    );
    let _next = Agent::start(&dir, &[]);
    let active = until(PATIENCE, || status_of(&dir).filter(|s| s.trading == Some(TradingState::Active)));
    assert!(active.is_some(), "{:?}", status_of(&dir));
}

#[test]
fn invariant_16_a_critical_actor_that_panics_four_times_in_a_minute_halts_durably_ends_with_70_and_starts_halted()
 {
    for actor in ["trade_ledger", "broker", "risk_guard"] {
        let dir = TempDir::new().unwrap();
        let mut agent = Agent::start(&dir, &[]);
        for restarts in 1..=3 {
            break_it(&dir, actor, FaultKind::Panic);
            let revived = until(PATIENCE, || {
                health(&dir, actor).filter(|h| h.restarts == restarts && h.state == "running")
            });
            assert!(revived.is_some(), "{actor}: {:?}", health(&dir, actor));
        }
        break_it(&dir, actor, FaultKind::Panic);
        assert_eq!(agent.wait().code(), Some(70), "{actor}: {}", log_of(&dir));
        let _next = Agent::start(&dir, &[]);
        let status = status_of(&dir).unwrap();
        assert_eq!(status.trading, Some(TradingState::Halted), "{actor}: {status:?}");
        let by_supervision =
            |halt: &HaltRecord| halt.source == HaltSource::Supervision && halt.reason.contains(actor);
        assert!(status.halts.iter().any(by_supervision), "{actor}: {:?}", status.halts);
    }
}
