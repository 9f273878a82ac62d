//! kill -9 between system calls, and the write-ahead proof, both with strace and without a change to the program.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

use kestrel::terminal;
use rustix::process::{Pid, Signal, kill_process};

use super::operator::Operator;
use super::trace::Proof;
use super::{Rig, compare, lanes};
use crate::harness::{PATIENCE, command, log_of, until};
use crate::tools;

/// The calls that make an order durable, send it, and hear of it.
const CALLS: [&str; 5] = ["fsync", "pwrite64", "writev", "connect", "recvfrom"];
const KILLS_A_ROUND: u32 = 15;
/// Orders that the write-ahead proof looks at.
const POSTS: u64 = 100;

/// `KESTREL_SYSCALL_KILLS=1000` asks for more than the 60 of CI.
#[test]
fn kill_9_between_system_calls_loses_no_order_and_doubles_none() {
    if !tools::can_trace() {
        return;
    }
    let wanted = lanes::wanted("KESTREL_SYSCALL_KILLS", 60);
    let rounds = u32::div_ceil(wanted, KILLS_A_ROUND);
    let sum: Sum = lanes::campaign(rounds, round, Sum::add, |sum| sum.kills() >= wanted);
    let kills = sum.kills();
    terminal::line(format_args!(
        "\nkill -9 between system calls: {kills} kills {:?}, call not reached {} times; orders {}, violations {}",
        sum.kills,
        sum.missed,
        sum.orders,
        sum.broken.len()
    ));
    assert_eq!(sum.broken, Vec::<String>::new());
    assert!(CALLS.iter().all(|call| sum.kills.contains_key(call)), "{:?}", sum.kills);
    assert!(kills >= wanted, "{kills} of {wanted} kills");
    assert!(sum.orders >= wanted as usize / 4, "too few orders to prove anything: {}", sum.orders);
}

#[derive(Default)]
struct Sum {
    kills: BTreeMap<&'static str, u32>,
    missed: u32,
    orders: usize,
    broken: Vec<String>,
}

impl Sum {
    fn kills(&self) -> u32 {
        self.kills.values().sum()
    }

    fn add(&mut self, other: Self) {
        for (call, kills) in other.kills {
            *self.kills.entry(call).or_default() += kills;
        }
        self.missed += other.missed;
        self.orders += other.orders;
        self.broken.extend(other.broken);
    }
}

fn round(number: u32) -> Sum {
    let rig = Rig::new(2_000 + number);
    let operator = Operator::who_resumes(&rig.data());
    let mut rng = fastrand::Rng::with_seed(u64::from(number) + 1);
    let mut sum = Sum::default();
    for index in 0..KILLS_A_ROUND {
        let call = CALLS[index as usize % CALLS.len()];
        // Each thread counts its own calls: some make hundreds in a life, some a few. A call that does not come is
        // tried again sooner.
        let mut when = rng.u32(1..=40);
        while !killed_at(&rig, &operator, call, when) {
            assert!(when > 1, "the agent never calls {call}: {}", log_of(&rig.dir));
            sum.missed += 1;
            when /= 2;
        }
        *sum.kills.entry(call).or_default() += 1;
    }
    rig.close_the_day();
    rig.settle();
    drop(operator);
    let compared = compare(&rig.exchange.books(), &rig.database());
    sum.orders = compared.orders;
    for finding in compared.findings {
        sum.broken
            .extend(finding.broken.iter().map(|what| format!("round {number}: {}: {what}", finding.rule)));
    }
    sum
}

/// True when strace killed the agent at the `when`-th `call` of a thread; else it is killed after a while. Any other end
/// is a failure of the agent.
fn killed_at(rig: &Rig, operator: &Operator, call: &str, when: u32) -> bool {
    operator.life_begins();
    let inject = format!("inject={call}:signal=KILL:when={when}");
    let mut traced = strace(rig, Path::new("/dev/null"), &["-e", &format!("trace={call}"), "-e", &inject]);
    let start = Instant::now();
    let ended = until(super::life::LONGEST, || traced.try_wait().unwrap());
    if ended.is_none() {
        end_traced(rig, &mut traced);
    }
    assert!(start.elapsed() < PATIENCE, "{}", log_of(&rig.dir));
    // strace ends as what it traced did.
    let killed = |status: ExitStatus| status.signal() == Some(Signal::KILL.as_raw());
    assert!(ended.is_none_or(killed), "ended by itself ({ended:?}) at {call} {when}: {}", log_of(&rig.dir));
    ended.is_some()
}

/// The agent under strace, which writes what it sees to `output`.
fn strace(rig: &Rig, output: &Path, arguments: &[&str]) -> Child {
    let agent = command(&rig.dir, &rig.settings());
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(output).args(arguments);
    strace.arg(agent.get_program()).arg("run").env_clear().current_dir(rig.dir.path());
    for (name, value) in agent.get_envs() {
        if let Some(value) = value {
            strace.env(name, value);
        }
    }
    let log = std::fs::File::options().append(true).open(rig.dir.path().join("log")).unwrap();
    strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

/// A killed strace would leave the agent running: the agent is killed, and strace ends with it.
fn end_traced(rig: &Rig, traced: &mut Child) {
    let ended = until(PATIENCE, || {
        if let Some(agent) = agent_of(rig) {
            let _ = kill_process(agent, Signal::KILL);
        }
        traced.try_wait().unwrap()
    });
    assert!(ended.is_some(), "strace does not end");
}

/// The process that holds the data directory, by its lock file.
fn agent_of(rig: &Rig) -> Option<Pid> {
    let text = std::fs::read_to_string(rig.data().join("kestrel.lock")).ok()?;
    Pid::from_raw(text.trim().parse().ok()?)
}

#[test]
fn invariant_05_no_order_leaves_before_its_sending_row_is_synced() {
    if !tools::can_trace() {
        return;
    }
    let proof = write_ahead(3_000, &[]);
    let early = proof.early.len();
    terminal::line(format_args!(
        "\nwrite-ahead: {} orders left, {early} before their row was synced",
        proof.posts
    ));
    assert_eq!(proof.early, Vec::<String>::new());
    assert!(proof.posts >= POSTS, "only {} orders", proof.posts);
}

/// Traces an eager agent until enough orders have left, and reads from the trace what was on disk when each did.
pub(crate) fn write_ahead(seed: u32, settings: &[(&str, &str)]) -> Proof {
    let rig = Rig::with(seed, settings);
    let operator = Operator::who_resumes(&rig.data());
    let output = rig.dir.path().join("trace");
    let calls = "trace=write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync";
    let mut traced = strace(&rig, &output, &["--seccomp-bpf", "-y", "-xx", "-s", "9000", "-e", calls]);
    let enough = until(PATIENCE * 6, || {
        assert!(traced.try_wait().unwrap().is_none(), "the agent ended: {}", log_of(&rig.dir));
        (rig.exchange.books().orders.len() as u64 >= POSTS).then_some(())
    });
    end_traced(&rig, &mut traced);
    drop(operator);
    assert!(enough.is_some(), "too few orders: {}", rig.exchange.books().orders.len());
    Proof::read(&output)
}
