//! A halt is absolute: kill -9 around its answer, and still nothing leaves for the exchange until a named resume.

use std::collections::BTreeSet;
use std::fmt;
use std::process::Child;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use domain::messages::control::{Durability, TradingState};
use kestrel::control::client;
use kestrel::control::wire::{Halted, Reply, Request};
use kestrel::terminal;

use super::rig::A_CYCLE;
use super::{Rig, compare};
use crate::harness::{PATIENCE, status_of, until};

/// Halts on one exchange.
const HALTS_A_ROUND: u32 = 13;
const LANES: u32 = 4;
/// The kill comes so long after the question or the answer, at most.
const KILL_WITHIN_MS: u64 = 50;
/// How far the clocks of agent and exchange may be apart, in exchange time: 33 ms real.
const APART: TimeDelta = TimeDelta::seconds(2);

/// `KESTREL_HALTS=5000` asks for more than the 52 of CI.
#[test]
fn invariant_10_a_halt_that_was_answered_as_durable_outlives_kill_9_and_no_order_follows_it() {
    let wanted = std::env::var("KESTREL_HALTS").ok().map_or(50, |text| {
        text.parse().unwrap_or_else(|_| panic!("KESTREL_HALTS='{text}' is no number of halts"))
    });
    let rounds = u32::div_ceil(wanted, HALTS_A_ROUND).max(LANES);
    let (next, sum) = (AtomicU32::new(0), Mutex::new(Sum::default()));
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= rounds {
                        return;
                    }
                    let round = round(number);
                    sum.lock().unwrap().add(round);
                }
            });
        }
    });
    let sum = sum.into_inner().unwrap();
    terminal::line(&sum);
    assert_eq!(sum.broken, Vec::<String>::new());
    assert!(sum.halts >= wanted && sum.durable > 0 && sum.unanswered > 0, "too weak: {sum}");
    assert!(sum.orders >= u64::from(wanted) / 2, "too few orders to prove anything: {sum}");
}

#[derive(Default)]
struct Sum {
    halts: u32,
    durable: u32,
    unanswered: u32,
    standing_unanswered: u32,
    orders: u64,
    broken: Vec<String>,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.halts += other.halts;
        self.durable += other.durable;
        self.unanswered += other.unanswered;
        self.standing_unanswered += other.standing_unanswered;
        self.orders += other.orders;
        self.broken.extend(other.broken);
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\nhalts with kill -9: {}; answered as durable {}, killed before an answer {} (of them standing all the same {}); \
             orders {}, violations {}",
            self.halts,
            self.durable,
            self.unanswered,
            self.standing_unanswered,
            self.orders,
            self.broken.len()
        )
    }
}

fn round(number: u32) -> Sum {
    let rig = Rig::new(1_000 + number);
    let mut rng = fastrand::Rng::with_seed(u64::from(number) + 1);
    let mut sum = Sum::default();
    let mut agent = rig.spawn("");
    for index in 0..HALTS_A_ROUND {
        rig.trade();
        let reason = format!("trial {number}.{index}");
        let delay = Duration::from_millis(rng.u64(0..=KILL_WITHIN_MS));
        let before_the_answer = index.is_multiple_of(2);
        let halted = halt_and_kill(&rig, &mut agent, &reason, delay, before_the_answer);
        agent = rig.spawn("");
        trial(&rig, &reason, halted, &mut sum);
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
fn halt_and_kill(
    rig: &Rig,
    agent: &mut Child,
    reason: &str,
    delay: Duration,
    before_the_answer: bool,
) -> Option<Halted> {
    let request = Request::Halt { reason: reason.into(), by: "ada".into() };
    let data = rig.data();
    let asking = std::thread::spawn(move || client::ask(&data, &request));
    if before_the_answer {
        pass(delay / 5);
        agent.kill().unwrap();
    }
    let answer = asking.join().unwrap();
    if !before_the_answer {
        pass(delay);
        agent.kill().unwrap();
    }
    agent.wait().unwrap();
    match answer {
        Ok(Reply::Halted(halted)) => Some(halted),
        Ok(other) => panic!("no halt: {other:?}"),
        Err(_) => None,
    }
}

fn pass(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::thread::park_timeout(time.saturating_sub(start.elapsed()));
    }
}

/// The next start stands halted if the answer said so; nothing leaves while it does; then the halt is lifted.
fn trial(rig: &Rig, reason: &str, halted: Option<Halted>, sum: &mut Sum) {
    sum.halts += 1;
    let status = rig.decided();
    let standing = status.halts.iter().find(|halt| halt.reason == reason);
    let Some(halted) = halted else {
        sum.unanswered += 1;
        sum.standing_unanswered += u32::from(standing.is_some());
        return;
    };
    if halted.durability == Durability::NotDurable {
        return;
    }
    sum.durable += 1;
    if standing.is_none() || status.trading != Some(TradingState::Halted) {
        sum.broken
            .push(format!("{reason}: answered {:?}, but after the restart {status:?}", halted.durability));
        return;
    }
    // Other halts would keep it silent too: this one alone must.
    rig.lift_all_but(Some(reason));
    watch(rig, reason);
    sum.broken.extend(orders_after(rig, &halted).into_iter().map(|order| format!("{reason}: {order}")));
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
    let on_the_wire: BTreeSet<&str> =
        halted.open.iter().chain(&halted.unknown).map(|order| order.intent.as_str()).collect();
    let books = rig.exchange.books();
    let late = books.orders.iter().filter(|order| order.received_at > halted.halt.at + APART);
    late.filter(|order| !order.tag.as_deref().is_some_and(|tag| on_the_wire.contains(tag)))
        .map(|order| {
            format!("order {} at {} after the halt at {}", order.id, order.received_at, halted.halt.at)
        })
        .collect()
}
