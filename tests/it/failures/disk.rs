//! The disk is full, fails, is limited; the database is locked or damaged.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use domain::messages::control::{Durability, HaltSource, TradingState};
use kestrel::control::wire::{Halted, Reply, Request};

use crate::crash::Rig;
use crate::harness::{Agent, PATIENCE, ask, command, log_of, status_of, until};
use crate::tools::{self, SmallDisk};

/// The error libraries of fiu-utils.
const FAILING_CALLS: [&str; 2] = ["fiu/fiu_run_preload.so", "fiu/fiu_posix_preload.so"];
/// Longest wait until so small a disk is full.
const FULL_WITHIN: Duration = Duration::from_secs(60);

/// Waits until the agent has met the failure: it is halted, says so in its log, or has ended.
fn meets(rig: &Rig, agent: &mut Agent, words: &str) {
    let met = until(FULL_WITHIN, || {
        let halted = status_of(&rig.dir).is_some_and(|s| s.trading == Some(TradingState::Halted));
        (halted || log_of(&rig.dir).contains(words) || agent.ended().is_some()).then_some(())
    });
    assert!(met.is_some(), "nothing failed: {:?}\n{}", status_of(&rig.dir), log_of(&rig.dir));
}

/// A person halts too, while nothing can be written.
fn halt(rig: &Rig) -> Halted {
    let request = Request::Halt { reason: "the disk is full".into(), by: "kim".into(), cancel_open: false };
    let Reply::Halted(halted) = ask(&rig.dir, &request) else { panic!("not halted") };
    halted
}

/// There is room again, and a new process: what was answered stands, and nothing trades until a person lifts it.
fn starts_halted(rig: &Rig, answered: &Halted) {
    let agent = rig.agent();
    let status = rig.decided();
    assert_eq!(status.trading, Some(TradingState::Halted), "{answered:?}: {status:?}");
    let stands = |id: &str| status.halts.iter().any(|halt| halt.id == id);
    match answered.durability {
        Durability::Ledger | Durability::EmergencyFile => {
            assert!(stands(&answered.halt.id), "{answered:?} does not stand: {status:?}");
        }
        // Whoever was told so knows it; the bare file, or what the books said before, halts all the same.
        Durability::NotDurable => assert!(!status.halts.is_empty(), "{status:?}"),
    }
    rig.stays_silent();
    assert_eq!(status_of(&rig.dir).map(|later| later.halts), Some(status.halts), "nothing lifts itself");
    agent.kill_9();
}

#[test]
fn a_full_disk_stops_new_orders_and_tells_the_operator_and_a_start_with_room_again_stays_halted() {
    let rig = Rig::new(4_001);
    let Some(disk) = SmallDisk::mount("the proof with a full disk", &rig.data(), "3m") else { return };
    let agent = rig.agent();
    rig.trade();
    rig.halted(FULL_WITHIN, |halt| halt.source == HaltSource::Storage);
    let answered = halt(&rig);
    rig.comes_to_rest();
    rig.stays_silent();
    assert!(log_of(&rig.dir).contains("disk is full"), "the operator is told: {}", log_of(&rig.dir));
    agent.kill_9();
    disk.grow("64m");
    starts_halted(&rig, &answered);
    rig.ends_well();
}

/// The agent of `rig`, none of whose files may grow beyond so many kibibytes. Its log goes nowhere,
/// because a log file would be limited too.
fn limited(rig: &Rig, kibibytes: u32) -> Agent {
    let run = command(&rig.dir, &rig.settings());
    let mut limited = Command::new("bash");
    let line = format!("ulimit -f {kibibytes}; exec \"$0\" run");
    limited.args(["-c", &line]).arg(run.get_program()).env_clear().current_dir(rig.dir.path());
    limited.envs(run.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Agent::of(limited.spawn().unwrap())
}

#[test]
fn a_file_that_may_not_grow_stops_new_orders_and_does_not_kill_and_a_start_without_limit_stays_halted() {
    let rig = Rig::new(4_002);
    // The schema and the journal that makes it fit, and some trading.
    let mut agent = limited(&rig, 2_400);
    rig.decided();
    rig.trade();
    rig.halted(FULL_WITHIN, |halt| halt.source == HaltSource::Storage);
    let answered = halt(&rig);
    rig.comes_to_rest();
    rig.stays_silent();
    assert!(agent.ended().is_none(), "the agent lives and reports: {}", log_of(&rig.dir));
    agent.kill_9();
    starts_halted(&rig, &answered);
    rig.ends_well();
}

#[test]
fn invariant_11_a_file_that_may_not_grow_during_the_start_leaves_an_agent_that_says_so() {
    // Room for the lock and not for the schema.
    for kibibytes in [8, 64] {
        let rig = Rig::new(4_006);
        let mut agent = limited(&rig, kibibytes);
        let met = until(PATIENCE, || {
            let halted = status_of(&rig.dir).is_some_and(|s| s.trading == Some(TradingState::Halted));
            (halted || agent.ended().is_some()).then_some(())
        });
        assert!(met.is_some(), "{kibibytes} KiB: it neither ended nor halted: {:?}", status_of(&rig.dir));
        let ended = agent.ended();
        assert!(ended.is_none(), "{kibibytes} KiB: it has ended: {ended:?}");
        rig.stays_silent();
        agent.terminate();
        assert_eq!(agent.wait().code(), Some(0), "{kibibytes} KiB");
    }
}

#[test]
fn a_directory_in_which_no_byte_can_be_written_ends_the_start_and_no_signal_does() {
    let mut agent = limited(&Rig::new(4_007), 0);
    assert_eq!(agent.wait().code(), Some(78));
}

#[test]
fn input_and_output_errors_make_no_wrong_book() {
    let find = |name| tools::library("the proof with failing system calls", name, "fiu-utils");
    let (Some(control), Some(calls)) = (find(FAILING_CALLS[0]), find(FAILING_CALLS[1])) else { return };
    let rig = Rig::new(4_003);
    rig.agent().kill_9();
    let door = rig.dir.path().join("fiu");
    let mut run = command(&rig.dir, &rig.settings());
    run.arg("run")
        .env("LD_PRELOAD", format!("{} {}", control.display(), calls.display()))
        .env("FIU_CTRL_FIFO", &door);
    let mut agent = Agent::of(run.spawn().unwrap());
    // It trades, and then its disk begins to fail under the orders.
    rig.trade();
    let begun = Command::new("fiu-ctrl")
        .arg("-f")
        .arg(&door)
        .args(["-c", "enable_random name=posix/io/sync/fsync,probability=0.05"])
        .args(["-c", "enable_random name=posix/io/rw/pwrite,probability=0.02"])
        .arg(agent.id().to_string())
        .status();
    assert!(begun.is_ok_and(|status| status.success()), "no call is made to fail");
    meets(&rig, &mut agent, "database");
    // A write that fails half way looks like a full disk to SQLite.
    let words = ["the database failed", "the disk is full", "is damaged", "cannot open the database"];
    // The log is written beside the work, so it may come after the status.
    let told = until(PATIENCE, || {
        let log = log_of(&rig.dir);
        words.iter().any(|words| log.contains(words)).then_some(())
    });
    assert!(told.is_some(), "the operator is told: {}, ended {:?}", log_of(&rig.dir), agent.ended());
    drop(agent);
    rig.ends_well();
}

#[test]
fn while_another_program_locks_the_database_no_order_leaves() {
    let rig = Rig::new(4_004);
    let agent = rig.agent();
    rig.trade();
    let mut other = SqliteConnection::establish(rig.database().to_str().unwrap()).unwrap();
    other.batch_execute("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE").unwrap();
    // What was on its way when the lock was taken has its row; it arrives at once.
    rig.comes_to_rest();
    rig.stays_silent();
    let told = until(PATIENCE, || log_of(&rig.dir).contains("locked").then_some(()));
    assert!(told.is_some(), "the operator is told: {}", log_of(&rig.dir));
    other.batch_execute("ROLLBACK").unwrap();
    rig.trade();
    agent.kill_9();
    rig.ends_well();
}

#[test]
fn a_database_that_is_damaged_between_two_lives_is_not_traded_on_and_not_touched() {
    let rig = Rig::new(4_005);
    let mut agent = rig.agent();
    rig.trade();
    agent.terminate();
    agent.wait();
    let sound = std::fs::read(rig.database()).unwrap();
    let mut file = std::fs::File::options().write(true).open(rig.database()).unwrap();
    // Every page from the second on.
    file.seek(SeekFrom::Start(4_096)).unwrap();
    file.write_all(&vec![0xA5; sound.len() - 4_096]).unwrap();
    let damaged = std::fs::read(rig.database()).unwrap();

    let mut agent = Agent::of(rig.spawn(""));
    let met = until(PATIENCE, || {
        let halted = status_of(&rig.dir).is_some_and(|s| s.trading == Some(TradingState::Halted));
        (halted || agent.ended().is_some()).then_some(())
    });
    assert!(met.is_some(), "{}", log_of(&rig.dir));
    rig.stays_silent();
    assert!(log_of(&rig.dir).contains("damaged"), "the operator is told: {}", log_of(&rig.dir));
    assert!(std::fs::read(rig.database()).unwrap() == damaged, "nothing is written into the damaged file");
    drop(agent);
    std::fs::write(rig.database(), sound).unwrap();
    rig.ends_well();
}
