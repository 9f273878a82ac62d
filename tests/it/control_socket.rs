//! The control socket against everything that can be sent to it (order-protocol, invariant 25; proof 8).

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use domain::messages::control::TradingState;
use kestrel::control::wire::{Reply, Request};
use kestrel::control::{REQUEST_MAX_BYTES, socket_path};
use tempfile::TempDir;

use crate::harness::{Agent, PATIENCE, ask, best_of_three, log_of, status_of};
use crate::proof::{AS_NOBODY, can_be_nobody, skip, through};

/// Callers at the same time, and what each of them does one after the other.
const CALLERS: usize = 8;
const CALLS: usize = 125;
/// A status and a halt while others call slowly; a slow caller is hung up on after five seconds.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);
/// The end of a slow caller's line, with room for a loaded machine.
const HUNG_UP_WITHIN: Duration = Duration::from_secs(8);

fn connect(socket: &Path) -> UnixStream {
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The reply to raw bytes; none when the server hung up first, as it may on what is no request.
fn reply_to(socket: &Path, bytes: &[u8]) -> Option<Reply> {
    let mut stream = connect(socket);
    let _ = stream.write_all(bytes);
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    serde_json::from_str(&line).ok()
}

/// One of five ways to call; a caller that is slow stays in `held`.
fn call(socket: &Path, number: usize, held: &mut Vec<UnixStream>) -> bool {
    match number % 5 {
        0 => {
            let garbage =
                [&b"\xff\xfe\0garbage\n"[..], b"{}\n", b"[[[[[[[[\n", b"\n", b"{\"command\":\"sell\"}\n"];
            matches!(reply_to(socket, garbage[number / 5 % 5]), Some(Reply::Error { .. }))
        }
        1 => {
            let long = vec![b'x'; 64 * 1024];
            matches!(reply_to(socket, &long), Some(Reply::Error { .. }) | None)
        }
        2 => {
            let mut stream = connect(socket);
            let _ = stream.write_all(b"{\"command\":");
            held.push(stream);
            true
        }
        3 => {
            drop(connect(socket));
            true
        }
        _ => matches!(reply_to(socket, b"{\"command\":\"status\"}\n"), Some(Reply::Status(_))),
    }
}

#[test]
fn invariant_25_a_thousand_broken_slow_and_oversized_calls_leave_it_answering() {
    let dir = TempDir::new().unwrap();
    let _agent = Agent::start(&dir, &[]);
    let socket = socket_path(&dir.path().join("data"));
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let socket = socket.clone();
            std::thread::spawn(move || {
                let mut held = Vec::new();
                let good = (0..CALLS).filter(|number| call(&socket, caller + number, &mut held)).count();
                (good, held)
            })
        })
        .collect();
    let results: Vec<(usize, Vec<UnixStream>)> =
        callers.into_iter().map(|caller| caller.join().unwrap()).collect();
    assert!(
        results.iter().all(|(good, _)| *good == CALLS),
        "{:?}",
        results.iter().map(|r| r.0).collect::<Vec<_>>()
    );
    let held: usize = results.iter().map(|(_, held)| held.len()).sum();
    assert_eq!(held, CALLERS * CALLS / 5, "slow callers still hold their lines");
    let took = best_of_three(ANSWERED_WITHIN, || {
        // Whoever called slowly before may have been hung up on meanwhile.
        let mut slow = Vec::new();
        assert!((0..CALLERS).all(|_| call(&socket, 2, &mut slow)));
        let start = Instant::now();
        assert!(status_of(&dir).is_some(), "it answers");
        let halt = Request::Halt { reason: "test".into(), by: "ada".into(), cancel_open: false };
        let Reply::Halted(halted) = ask(&dir, &halt) else { panic!("not halted") };
        assert!(halted.broker_confirmed);
        start.elapsed()
    });
    assert!(took < ANSWERED_WITHIN, "slow callers hold up nobody: {took:?}");
    drop(results);
}

#[test]
fn a_slow_caller_is_hung_up_on_and_a_long_one_is_told_the_limit() {
    let dir = TempDir::new().unwrap();
    let _agent = Agent::start(&dir, &[]);
    let socket = socket_path(&dir.path().join("data"));
    let long = vec![b' '; usize::try_from(REQUEST_MAX_BYTES).unwrap() + 1];
    let Some(Reply::Error { message }) = reply_to(&socket, &long) else { panic!("no answer") };
    assert!(message.contains("4096 bytes"), "{message}");
    let took = best_of_three(HUNG_UP_WITHIN, || {
        let start = Instant::now();
        let mut slow = connect(&socket);
        slow.write_all(b"{").unwrap();
        let mut rest = Vec::new();
        // An end of the line, however it comes.
        let _ = slow.read_to_end(&mut rest);
        assert_eq!(rest, b"", "nothing is answered to half a request");
        start.elapsed()
    });
    assert!(took < HUNG_UP_WITHIN, "{took:?}");
}

#[test]
fn a_reason_that_is_too_long_is_cut_and_halts_all_the_same() {
    let dir = TempDir::new().unwrap();
    let _agent = Agent::start(&dir, &[]);
    let reason = format!("first\n\u{1b}[2J\u{202e}{}", "long ".repeat(2_000));
    let mut halt = crate::harness::command(&dir, &[]);
    let out =
        halt.args(["halt", "--reason", &reason, "--by", "ada"]).stdout(std::process::Stdio::piped()).output();
    assert!(out.unwrap().status.success());
    let status = status_of(&dir).unwrap();
    assert_eq!(status.trading, Some(TradingState::Halted));
    let kept = &status.halts[0].reason;
    assert!(kept.starts_with("first [2Jlong") && kept.chars().count() <= 500, "{kept:?}");
}

/// Lets everybody through to the socket, which no operator should do: then the peer's user id alone stands guard.
fn open_to_all(dir: &TempDir, socket: &Path) {
    for (path, mode) in
        [(dir.path(), 0o755), (&dir.path().join("data"), 0o755), (&dir.path().join("data/control"), 0o755)]
    {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    fs::set_permissions(socket, Permissions::from_mode(0o666)).unwrap();
}

/// A copy of the program where everybody can start it.
fn public_program() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("kestrel");
    fs::copy(env!("CARGO_BIN_EXE_kestrel"), &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    (folder, program)
}

#[test]
fn invariant_25_another_user_is_kept_out_by_the_folder_and_refused_by_the_socket() {
    if !can_be_nobody() {
        return skip("this is not root, or there is no setpriv: no other user to try with");
    }
    let dir = TempDir::new().unwrap();
    let _agent = Agent::start(&dir, &[]);
    let (_folder, program) = public_program();
    let as_nobody = |words: &[&str]| {
        let mut command = through(&AS_NOBODY, Some(&program), &dir, &[]);
        let out = command.current_dir("/").args(words).output().unwrap();
        let told = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
        (out.status.code(), told)
    };
    let (code, told) = as_nobody(&["status"]);
    assert!(code == Some(1) && told.contains("no running kestrel answers"), "{code:?} {told}");
    open_to_all(&dir, &socket_path(&dir.path().join("data")));
    for words in [&["status"][..], &["halt", "--reason", "x"], &["resume"]] {
        let (code, told) = as_nobody(words);
        assert!(code == Some(1) && told.contains("only the user who runs the agent"), "{code:?} {told}");
    }
    assert_eq!(status_of(&dir).unwrap().halts, vec![], "nothing was done");
    assert!(log_of(&dir).contains("a foreign user tried the control socket"));
}
