//! Nothing that the agent knows gets out: files, memory, logs (order-protocol, invariant 23; proof 8).

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use domain::messages::control::Durability;
use kestrel::control::wire::{FaultKind, Reply, Request};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::harness::{Agent, PATIENCE, ask, command, log_of, send_signal, status_of, until};
use crate::proof::{AS_NOBODY, CUT_OFF, can_be_cut_off, can_be_nobody, skip, through};

const ACTORS: [&str; 8] =
    ["trade_ledger", "notifier", "broker", "risk_guard", "optimizer", "brain", "scanner", "market_clock"];

/// A process that is ended with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode()
        & 0o777
}

fn resume(halt: Option<&str>) -> Request {
    Request::Resume { halt: halt.map(Into::into), by: "ada".into(), reason: "test".into(), reducing: false }
}

fn halt(reason: &str) -> Request {
    Request::Halt { reason: reason.into(), by: "ada".into(), cancel_open: false }
}

#[test]
fn invariant_23_every_file_of_the_agent_is_for_its_user_alone() {
    let dir = TempDir::new().unwrap();
    let _agent = Agent::start(&dir, &[]);
    let data = dir.path().join("data");
    // With the ledger silent, the halt goes to the file HALT.
    ask(&dir, &Request::Fault { actor: "trade_ledger".into(), kind: FaultKind::Block });
    // The first halts may still be written before the ledger falls silent; each gets a reason of its own.
    let mut reasons = 0_u32..;
    let in_file = until(PATIENCE, || {
        let reason = format!("test {:?}", reasons.next());
        let Reply::Halted(halted) = ask(&dir, &halt(&reason)) else { panic!("not halted") };
        (halted.durability == Durability::EmergencyFile).then_some(())
    });
    assert!(in_file.is_some(), "{}", log_of(&dir));
    assert_eq!((mode(&data), mode(&data.join("control"))), (0o700, 0o700));
    for file in
        ["trades.db", "trades.db-wal", "trades.db-shm", "kestrel.lock", "HALT", "control/kestrel.sock"]
    {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
}

#[test]
fn files_from_before_are_closed_and_what_others_can_read_is_told_with_the_remedy() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    fs::write(data.join("kis_token.json"), "{}").unwrap();
    fs::write(dir.path().join(".env"), "TRADE_MODE=daily\n").unwrap();
    for file in [data.join("kis_token.json"), dir.path().join(".env")] {
        fs::set_permissions(file, Permissions::from_mode(0o644)).unwrap();
    }
    let agent = Agent::start(&dir, &[]);
    assert_eq!(mode(&data.join("kis_token.json")), 0o600);
    for remedy in ["chmod 600 .env", &format!("chmod 700 {}", data.display())] {
        assert!(log_of(&dir).contains(remedy), "'{remedy}' is missing: {}", log_of(&dir));
    }
    drop(agent);
    fs::set_permissions(&data, Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(dir.path().join(".env"), Permissions::from_mode(0o600)).unwrap();
    fs::write(dir.path().join("log"), "").unwrap();
    let _agent = Agent::start(&dir, &[]);
    assert!(!log_of(&dir).contains("chmod"), "{}", log_of(&dir));
}

#[test]
fn invariant_23_a_crash_of_the_process_leaves_no_core_and_its_limit_is_zero() {
    let dir = TempDir::new().unwrap();
    let mut agent = Running(command(&dir, &[]).arg("run").spawn().unwrap());
    assert!(until(PATIENCE, || status_of(&dir)).is_some(), "{}", log_of(&dir));
    let limits = fs::read_to_string(format!("/proc/{}/limits", agent.0.id())).unwrap();
    let core: Vec<&str> = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(core[4..6], ["0", "0"], "{core:?}");
    send_signal(&agent.0, Signal::ABORT);
    let status = until(PATIENCE, || agent.0.try_wait().unwrap()).expect("it dies");
    assert!(status.signal() == Some(6) && !status.core_dumped(), "{status:?}");
    let files: Vec<PathBuf> = fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(
        !files.iter().any(|path| path.file_name().unwrap().to_string_lossy().starts_with("core")),
        "{files:?}"
    );
}

#[test]
fn invariant_23_the_memory_and_environment_of_the_process_are_closed_to_its_own_user() {
    if !can_be_nobody() {
        return skip("this is not root, or there is no setpriv: nobody to run the agent as");
    }
    let dir = TempDir::new().unwrap();
    let program = dir.path().join("kestrel");
    fs::copy(env!("CARGO_BIN_EXE_kestrel"), &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::chown(dir.path(), Some(65_534), Some(65_534)).unwrap();
    let mut start = through(&AS_NOBODY, Some(&program), &dir, &[]);
    let agent = Running(start.arg("run").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let socket = dir.path().join("data/control/kestrel.sock");
    assert!(until(PATIENCE, || socket.exists().then_some(())).is_some(), "it listens");
    let owner = |name: &str| fs::metadata(format!("/proc/{}/{name}", agent.0.id())).unwrap().uid();
    // The system gives the entries of a process that cannot be dumped to root.
    assert_eq!((owner("mem"), owner("environ"), owner("maps")), (0, 0, 0));
    let peek = format!("cat /proc/{0}/environ /proc/{0}/mem", agent.0.id());
    let out = Command::new(AS_NOBODY[0]).args(&AS_NOBODY[1..]).args(["sh", "-c", &peek]).output().unwrap();
    assert!(!out.status.success() && out.stdout.is_empty(), "{out:?}");
}

/// What must never be seen; each is sought whole and, where it has parts, in parts.
const CANARIES: [&str; 6] = [
    "canaryAppKey7c1",
    "canaryAppSecret7c1",
    "98761234",
    "canaryGeminiKey7c1",
    "canaryTelegramToken7c1",
    "canaryFileSecret7c1",
];

fn canary_settings() -> Vec<(&'static str, &'static str)> {
    vec![
        ("KIS_APP_KEY", CANARIES[0]),
        ("KIS_APP_SECRET", CANARIES[1]),
        ("KIS_ACCOUNT_NO", "98761234-01"),
        ("GEMINI_API_KEY_FILE", "gemini_key"),
        ("TELEGRAM_BOT_TOKEN", "123456:canaryTelegramToken7c1"),
        ("TELEGRAM_CHAT_ID", "-42"),
        ("KESTREL_LOG", "trace"),
    ]
}

/// Every file below `folder`, whole.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(contents(&path));
        } else if kind.is_file() {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found
}

fn assert_no_canary(what: &str, bytes: &[u8]) {
    for canary in CANARIES {
        let hit = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
        assert!(!hit, "{canary} is in {what}");
    }
}

#[test]
fn invariant_23_no_secret_is_in_logs_books_halt_file_output_or_replies_after_every_actor_has_panicked() {
    if !can_be_cut_off() {
        return skip(
            "a process cannot be cut off from the network here (unshare -rn), and the canaries must not leave",
        );
    }
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("gemini_key"), "canaryGeminiKey7c1\n").unwrap();
    let out = fs::File::create(dir.path().join("out")).unwrap();
    let log = fs::File::create(dir.path().join("log")).unwrap();
    let mut start = through(&CUT_OFF, None, &dir, &canary_settings());
    let mut agent = Running(start.arg("run").stdout(out).stderr(log).spawn().unwrap());
    assert!(until(PATIENCE, || status_of(&dir)).is_some(), "{}", log_of(&dir));
    let mut replies = String::new();
    let mut note = |reply: Reply| replies.push_str(&format!("{reply:?} {reply}\n"));
    for actor in ACTORS {
        note(ask(&dir, &Request::Fault { actor: actor.into(), kind: FaultKind::Panic }));
        let revived = until(PATIENCE, || {
            let status = status_of(&dir)?;
            status.actors.into_iter().find(|health| health.actor == actor && health.restarts > 0)
        });
        assert!(revived.is_some(), "{actor}");
    }
    // With the ledger blocked, a halt goes to the file HALT; until the block takes effect it may still reach the books.
    note(ask(&dir, &Request::Fault { actor: "trade_ledger".into(), kind: FaultKind::Block }));
    // A halt that already stands is only joined by one of the same words, so each gets words of its own.
    let mut reasons = 0_u32..;
    let in_file = until(PATIENCE, || {
        note(ask(&dir, &halt(&format!("a halt among canaries {:?}", reasons.next()))));
        dir.path().join("data/HALT").exists().then_some(())
    });
    note(ask(&dir, &resume(Some("h-none"))));
    note(ask(&dir, &Request::Status));
    assert!(in_file.is_some(), "no HALT file to search: {replies}");
    // With the ledger blocked the drain runs out; that is not what is proved here.
    send_signal(&agent.0, Signal::TERM);
    assert!(until(PATIENCE, || agent.0.try_wait().unwrap()).is_some(), "it ends");
    assert_no_canary("the replies", replies.as_bytes());
    let files = contents(dir.path());
    assert!(
        files.iter().any(|(path, bytes)| path.ends_with("log") && bytes.len() > 10_000),
        "the log was written"
    );
    assert!(
        log_of(&dir).matches("\"target\":\"panic\"").count() >= ACTORS.len(),
        "every panic is in the log"
    );
    for (path, bytes) in files.iter().filter(|(path, _)| !path.ends_with("gemini_key")) {
        assert_no_canary(&path.display().to_string(), bytes);
    }
}

#[test]
fn a_secret_given_twice_or_in_a_file_that_is_not_there_refuses_the_start_without_showing_it() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("key"), CANARIES[5]).unwrap();
    let settings =
        [("GEMINI_API_KEY", CANARIES[3]), ("GEMINI_API_KEY_FILE", "key"), ("KIS_APP_KEY_FILE", "none")];
    let out = command(&dir, &settings).arg("run").stderr(Stdio::piped()).output().unwrap();
    let told = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(78), "{told}");
    assert!(told.contains("GEMINI_API_KEY_FILE") && told.contains("KIS_APP_KEY_FILE"), "{told}");
    assert_no_canary("the complaint", told.as_bytes());
}
