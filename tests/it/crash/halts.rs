//! A halt is absolute: kill -9 around its answer, and still nothing leaves for the exchange until a named resume.

use std::collections::BTreeSet;
use std::fmt;
use std::process::Child;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use domain::messages::control::{Durability, TradingState};
use kestrel::control::client;
use kestrel::control::wire::{Halted, Reply, Request, Status};
use kestrel::{store, terminal};

use super::rig::A_CYCLE;
use super::{Rig, compare, lanes};
use crate::harness::{PATIENCE, log_of, status_of, until};

/// Halts on one exchange whose answer is waited for, and those that are killed before it.
const ANSWERED_A_ROUND: u32 = 13;
const UNANSWERED_A_ROUND: u32 = 6;
/// The kill comes so long after the answer, at most.
const KILL_WITHIN_MS: u64 = 50;
/// The kill comes so long after the question, at most: about as long as an answer takes.
const CUT_OFF_WITHIN_MS: u64 = 10;
/// How far the clocks of agent and exchange may be apart, in exchange time: 33 ms real.
const APART: TimeDelta = TimeDelta::seconds(2);

/// `KESTREL_HALTS=5000` asks for more durable halts than the 50 of CI.
#[test]
fn invariant_10_a_halt_that_was_answered_as_durable_outlives_kill_9_and_no_order_follows_it() {
    let wanted = lanes::wanted("KESTREL_HALTS", 50);
    let rounds = u32::div_ceil(wanted, ANSWERED_A_ROUND);
    let sum: Sum = lanes::campaign(rounds, round, Sum::add, |sum| sum.is_enough(wanted));
    terminal::line(&sum);
    assert_eq!(sum.broken, Vec::<String>::new());
    assert_eq!(sum.not_durable, 0, "on a healthy disk every halt is durable: {sum}");
    assert!(sum.is_enough(wanted), "too weak: {sum}");
    assert!(sum.orders >= u64::from(wanted) / 2, "too few orders to prove anything: {sum}");
}

#[derive(Default)]
struct Sum {
    durable: u32,
    not_durable: u32,
    unanswered_on_disk: u32,
    unanswered_and_nowhere: u32,
    orders: u64,
    broken: Vec<String>,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.durable += other.durable;
        self.not_durable += other.not_durable;
        self.unanswered_on_disk += other.unanswered_on_disk;
        self.unanswered_and_nowhere += other.unanswered_and_nowhere;
        self.orders += other.orders;
        self.broken.extend(other.broken);
    }

    fn is_enough(&self, wanted: u32) -> bool {
        self.durable >= wanted && self.unanswered_on_disk + self.unanswered_and_nowhere > 0
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\nhalts with kill -9: answered as durable {}, as not durable {}; killed before an answer: {} on disk, {} nowhere; \
             orders {}, violations {}",
            self.durable,
            self.not_durable,
            self.unanswered_on_disk,
            self.unanswered_and_nowhere,
            self.orders,
            self.broken.len()
        )
    }
}

/// When the kill comes.
#[derive(Clone, Copy)]
enum Kill {
    /// So long after the answer.
    AfterTheAnswer(Duration),
    /// So long after the question, whether it is answered by then or not.
    AfterTheQuestion(Duration),
}

/// The kills of round `number`, mixed.
fn kills(number: u32) -> Vec<Kill> {
    let mut rng = fastrand::Rng::with_seed(u64::from(number) + 1);
    let mut kills = Vec::new();
    for _ in 0..ANSWERED_A_ROUND {
        kills.push(Kill::AfterTheAnswer(Duration::from_millis(rng.u64(0..=KILL_WITHIN_MS))));
    }
    for _ in 0..UNANSWERED_A_ROUND {
        kills.push(Kill::AfterTheQuestion(Duration::from_millis(rng.u64(0..=CUT_OFF_WITHIN_MS))));
    }
    rng.shuffle(&mut kills);
    kills
}

fn round(number: u32) -> Sum {
    let rig = Rig::new(1_000 + number);
    let mut sum = Sum::default();
    let mut agent = rig.spawn("");
    for (index, kill) in kills(number).into_iter().enumerate() {
        rig.trade();
        let reason = format!("trial {number}.{index}.");
        let halted = halt_and_kill(&rig, &mut agent, &reason, kill);
        let left = Left::by(&rig, &reason);
        agent = rig.spawn("");
        match halted {
            Some(halted) => answered(&rig, &reason, &halted, &mut sum),
            None => unanswered(&rig, &reason, &left, &mut sum),
        }
    }
    rig.lift_all_but(None);
    agent.kill().unwrap();
    agent.wait().unwrap();
    rig.close_the_day();
    rig.settle();
    let compared = compare(&rig.exchange.books(), &rig.database());
    sum.orders += compared.orders as u64;
    for finding in compared.findings {
        sum.broken
            .extend(finding.broken.iter().map(|what| format!("round {number}: {}: {what}", finding.rule)));
    }
    sum
}

/// The halt's answer, if it came before the kill.
fn halt_and_kill(rig: &Rig, agent: &mut Child, reason: &str, kill: Kill) -> Option<Halted> {
    let request = Request::Halt { reason: reason.into(), by: "ada".into(), cancel_open: false };
    let data = rig.data();
    let asking = std::thread::spawn(move || client::ask(&data, &request));
    let answer = match kill {
        Kill::AfterTheAnswer(delay) => {
            let answer = asking.join().unwrap();
            assert!(answer.is_ok(), "{reason}: a halt is answered: {answer:?}\n{}", log_of(&rig.dir));
            pass(delay);
            agent.kill().unwrap();
            answer
        }
        Kill::AfterTheQuestion(delay) => {
            pass(delay);
            agent.kill().unwrap();
            asking.join().unwrap()
        }
    };
    agent.wait().unwrap();
    match answer {
        Ok(Reply::Halted(halted)) => Some(halted),
        Ok(other) => panic!("no halt: {other:?}"),
        Err(_) => None,
    }
}

/// What a killed agent left on disk.
struct Left {
    /// The halt is in the books or in the file `HALT`.
    halt: bool,
    /// Every order that it ever began to send.
    begun: BTreeSet<String>,
}

impl Left {
    fn by(rig: &Rig, reason: &str) -> Self {
        let file = std::fs::read_to_string(rig.data().join("HALT")).unwrap_or_default();
        let mut books = store::open_read_only(rig.database()).unwrap();
        let standing = books.trading_state().unwrap().halts;
        let row = standing.iter().any(|halt| halt.reason == reason);
        let begun = books.all_intents().unwrap().into_iter().map(|intent| intent.id.to_string()).collect();
        Self { halt: row || file.contains(reason), begun }
    }
}

fn pass(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::thread::park_timeout(time.saturating_sub(start.elapsed()));
    }
}

/// The next start stands halted by what was answered as durable; nothing leaves while it does.
fn answered(rig: &Rig, reason: &str, halted: &Halted, sum: &mut Sum) {
    match halted.durability {
        Durability::Ledger | Durability::EmergencyFile => sum.durable += 1,
        Durability::NotDurable => {
            sum.not_durable += 1;
            return;
        }
    }
    let status = rig.decided();
    if !stands(&status, reason) || status.trading != Some(TradingState::Halted) {
        sum.broken
            .push(format!("{reason}: answered {:?}, but after the restart {status:?}", halted.durability));
        return;
    }
    // Other halts would keep it silent too: this one alone must.
    rig.lift_all_but(Some(reason));
    watch(rig, reason);
    sum.broken.extend(orders_after(rig, halted).into_iter().map(|order| format!("{reason}: {order}")));
}

/// Nobody was told, so the halt may be on disk or not. If it is, the next start stands halted by it and no order leaves
/// that had not begun; if it is not, the next start has never heard of it.
fn unanswered(rig: &Rig, reason: &str, left: &Left, sum: &mut Sum) {
    let status = rig.decided();
    if stands(&status, reason) != left.halt {
        let on_disk = left.halt;
        sum.broken.push(format!("{reason}: on disk {on_disk}, but after the restart {status:?}"));
        return;
    }
    if !left.halt {
        sum.unanswered_and_nowhere += 1;
        return;
    }
    sum.unanswered_on_disk += 1;
    rig.lift_all_but(Some(reason));
    watch(rig, reason);
    for order in rig.exchange.books().orders {
        if !order.tag.as_deref().is_some_and(|tag| left.begun.contains(tag)) {
            sum.broken.push(format!("{reason}: order {} began after the halt", order.id));
        }
    }
}

fn stands(status: &Status, reason: &str) -> bool {
    status.halts.iter().any(|halt| halt.reason == reason)
}

/// Lets one realtime cycle pass.
fn watch(rig: &Rig, reason: &str) {
    let start = rig.exchange.clock().now;
    let passed = until(PATIENCE, || {
        let status = status_of(&rig.dir)?;
        assert_eq!(status.trading, Some(TradingState::Halted), "{reason}: {status:?}");
        (rig.exchange.clock().now > start + A_CYCLE).then_some(())
    });
    assert!(passed.is_some(), "{reason}: time stands still");
}

/// Orders that reached the exchange after the halt and were not on the wire when it was answered.
fn orders_after(rig: &Rig, halted: &Halted) -> Vec<String> {
    let on_the_wire: BTreeSet<&str> = [&halted.open, &halted.unknown]
        .into_iter()
        .flatten()
        .flatten()
        .map(|order| order.intent.as_str())
        .collect();
    let books = rig.exchange.books();
    let late = books.orders.iter().filter(|order| order.received_at > halted.halt.at + APART);
    late.filter(|order| !order.tag.as_deref().is_some_and(|tag| on_the_wire.contains(tag)))
        .map(|order| {
            format!("order {} at {} after the halt at {}", order.id, order.received_at, halted.halt.at)
        })
        .collect()
}
