//! Mutants that virtual time cannot show: sockets, the disk, and panics in a real process.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kestrel::control::client;
use kestrel::control::wire::{FaultKind, Request};
use kestrel::http::{CallLimits, ReqwestTransport, Transport as _};
use supervision::mutant::{self, Mutant};
use tempfile::TempDir;

use super::{Finding, Outcome};
use crate::crash;
use crate::harness::{Agent, status_of, until};
use crate::tools;

/// The exchange whose orders the write-ahead proof looks at.
const SEED: u32 = 3_100;
/// The actor that is made to panic.
const ACTOR: &str = "scanner";
/// An actor that panics is back within a second; one that is not back after this does not come.
const REVIVED_WITHIN: Duration = Duration::from_secs(5);
/// Far more than a peer on this machine needs.
const LIMITS: CallLimits = CallLimits { timeout: Duration::from_secs(5), max_body_bytes: 1024 };

/// What a child's environment needs so that it makes this mistake.
fn environment(mutant: Option<Mutant>) -> Vec<(&'static str, &'static str)> {
    mutant.map(|mutant| ("KESTREL_FAULTS_MUTANT", mutant.name())).into_iter().collect()
}

/// Reports orders that left before their row was synced (invariant 5).
pub(super) fn write_ahead(mutant: Option<Mutant>) -> Outcome {
    if !tools::can_trace() {
        return Outcome::Skipped;
    }
    let proof = crash::write_ahead(SEED, &environment(mutant));
    let what = |(early, first)| {
        format!("{early} of {} orders left before their row was synced, first {first}", proof.posts)
    };
    let first = proof.early.first().map(|first| (proof.early.len(), first));
    Outcome::Ran(
        first
            .map(what)
            .map(|what| Finding { invariant: 5, seed: Some(u64::from(SEED)), what })
            .into_iter()
            .collect(),
    )
}

/// Reports an actor of a running agent that does not live again after a panic (invariant 15).
pub(super) fn panicked(mutant: Option<Mutant>) -> Vec<Finding> {
    let dir = TempDir::new().unwrap();
    let _agent = Agent::start(&dir, &environment(mutant));
    // The answer may be lost with the thread.
    let _ = client::ask(
        &dir.path().join("data"),
        &Request::Fault { actor: ACTOR.into(), kind: FaultKind::Panic },
    );
    let revived = until(REVIVED_WITHIN, || {
        let actors = status_of(&dir)?.actors;
        actors
            .into_iter()
            .find(|health| health.actor == ACTOR && health.restarts > 0 && health.state == "running")
    });
    let what = format!("{ACTOR} was not revived within {} s of a panic", REVIVED_WITHIN.as_secs());
    if revived.is_some() { Vec::new() } else { vec![Finding { invariant: 15, seed: None, what }] }
}

/// Reports an order that was sent again to where a redirect pointed (invariant 1).
pub(super) fn redirected(mutant: Option<Mutant>) -> Vec<Finding> {
    // The client is in this process, and so is its mistake: one at a time.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap();
    let (address, posts) = redirecting_peer();
    let transport = {
        let _on = mutant.map(mutant::activate);
        ReqwestTransport::for_orders(None).unwrap()
    };
    let request = http::Request::post(address).body(r#"{"ORD_QTY":"1"}"#.into()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let reply = runtime.block_on(transport.send(request, LIMITS)).unwrap();
    let count = posts.load(Ordering::SeqCst);
    assert!(count > 0, "the peer was not reached: {reply:?}");
    let what = format!("one order, {count} POSTs at a peer that answers 307");
    if count == 1 { Vec::new() } else { vec![Finding { invariant: 1, seed: None, what }] }
}

/// A peer that sends whatever is posted to `/first` on to `/second`, and counts the POSTs.
fn redirecting_peer() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/first", listener.local_addr().unwrap());
    let posts = Arc::new(AtomicUsize::new(0));
    let counter = posts.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some(head) = take_request(&mut stream) else { continue };
            counter.fetch_add(usize::from(head.starts_with("POST ")), Ordering::SeqCst);
            let answer: &[u8] = match head.contains("/second ") {
                true => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
                false => {
                    b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /second\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                }
            };
            let _ = stream.write_all(answer);
        }
    });
    (address, posts)
}

/// One request, up to the end of its body; none when the peer has gone.
fn take_request(stream: &mut TcpStream) -> Option<String> {
    let (mut seen, mut chunk) = (Vec::new(), [0; 1024]);
    while !seen.ends_with(b"}") {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(count) => seen.extend_from_slice(&chunk[..count]),
        }
    }
    Some(String::from_utf8_lossy(&seen).into_owned())
}
