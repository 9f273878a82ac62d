//! Two agents on one account, one that wakes up too late, and one that is asked to end in the middle of an order.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use domain::OrderState;
use domain::messages::control::HaltRecord;
use kestrel::demo::audit::{audit_books, is_clean};
use kestrel::store;
use rustix::process::Signal;

use crate::crash::{Rig, in_lanes, wanted};
use crate::harness::{Agent, PATIENCE, command, log_of, status_of, until};

/// SIGTERM to exit (invariant 20).
const EXIT_WITHIN: Duration = Duration::from_secs(10);

/// Longer than an answer of the exchange takes that is not stopped.
const MOMENT: Duration = Duration::from_millis(300);

/// So often each: `KESTREL_INSTANCES`, or five.
fn times() -> u32 {
    wanted("KESTREL_INSTANCES", 5)
}

#[test]
fn starts_on_a_directory_that_is_in_use_are_refused_and_the_agent_there_trades_on() {
    let rig = Rig::new(5_010);
    let agent = rig.agent();
    for time in 0..times() {
        rig.trade();
        let out = command(&rig.dir, &rig.settings()).arg("run").stderr(Stdio::piped()).output().unwrap();
        let told = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.code() == Some(78) && told.contains("another kestrel"), "{time}: {out:?}");
    }
    rig.trade();
    agent.kill_9();
    rig.ends_well();
}

#[test]
fn of_two_agents_on_one_account_who_sees_the_others_orders_halts_and_every_order_stays_known_to_its_sender() {
    let times = times();
    assert_eq!(in_lanes(times, |time| two_on_one_account(5_020 + time)).len(), times as usize);
}

fn two_on_one_account(seed: u32) {
    let first = Rig::new(seed);
    let second = first.beside();
    let agents = [first.agent(), second.agent()];
    // Who is halted before it has sent anything leaves the other alone on the account, which then may go on.
    let foreign = |rig: &Rig| {
        let halts = status_of(&rig.dir).map_or(Vec::new(), |status| status.halts);
        halts.into_iter().filter(|halt| halt.reason.contains("did not send")).collect::<Vec<_>>()
    };
    let halted = until(PATIENCE, || [&first, &second].into_iter().find(|rig| !foreign(rig).is_empty()));
    let halted = halted.unwrap_or_else(|| panic!("{}{}", log_of(&first.dir), log_of(&second.dir)));
    first.comes_to_rest();
    first.comes_to_rest();
    assert_eq!(foreign(halted).len(), 1, "one halt to lift, however many orders are seen");
    agents.into_iter().for_each(Agent::kill_9);
    first.close_the_day();
    first.settle();
    second.settle();
    let intents =
        [&first, &second].map(|rig| store::open_read_only(rig.database()).unwrap().all_intents().unwrap());
    let books = first.exchange.books();
    let findings = audit_books(&books, &intents.concat());
    assert!(is_clean(&findings), "{findings:?}");
    assert!(books.orders.len() >= 2, "{:?}", books.orders);
}

/// The books know the order from the moment at which the agent dies, so no later list tells of it as of something new.
#[test]
fn the_halt_for_an_order_of_somebody_else_survives_kill_9_right_after_the_order_is_booked() {
    let first = Rig::new(5_030);
    let second = first.beside();
    let agent = first.agent();
    first.trade();
    agent.kill_9();
    let mut dying = second.spawn("after:book_inquiry:1");
    let died = until(PATIENCE, || dying.try_wait().unwrap());
    assert!(died.is_some(), "it does not die: {}", log_of(&second.dir));
    let agent = second.agent();
    let told = |halt: &HaltRecord| halt.reason.contains("did not send");
    second.halted(PATIENCE, told);
    second.stays_silent();
    agent.kill_9();
}

#[test]
fn invariant_12_an_agent_that_sleeps_through_a_takeover_sends_at_most_the_order_it_had_begun() {
    let rig = Rig::new(5_002);
    for _ in 0..times() {
        sleeps_through_a_takeover(&rig);
    }
    rig.ends_well();
}

fn sleeps_through_a_takeover(rig: &Rig) {
    let stale = rig.agent();
    rig.trade();
    let asleep = until(PATIENCE, || falls_asleep(&stale, rig).then_some(()));
    assert!(asleep.is_some(), "always stopped in the middle of a transaction");
    let mut books = store::open_read_only(rig.database()).unwrap();
    let open = books.open_intents().unwrap().into_iter();
    let sending: BTreeSet<_> = open
        .filter(|intent| intent.state == OrderState::Sending)
        .map(|intent| intent.id.to_string())
        .collect();
    drop(books);
    // Lock and socket would keep the next agent out; somebody has removed both.
    std::fs::remove_file(rig.data().join("kestrel.lock")).unwrap();
    std::fs::remove_file(rig.data().join("control/kestrel.sock")).unwrap();
    let next = Agent::start(&rig.dir, &rig.settings());
    trades_beside_the_sleeping_one(rig);
    next.kill_9();
    rig.comes_to_rest();
    // The books are at rest; what reaches the exchange from here on comes from the one that was asleep.
    let before: BTreeSet<_> = rig.exchange.books().orders.into_iter().map(|order| order.id).collect();
    stale.signal(Signal::CONT);
    rig.a_cycle_passes();
    let mut late = rig.exchange.books().orders;
    late.retain(|order| !before.contains(&order.id));
    // No lock reaches a request that is between the books and the wire; its row is what its successor goes by.
    let begun = |tag: &String| sending.contains(tag);
    assert!(late.len() <= 1, "one order at most was on its way: {late:?}\n{}", log_of(&rig.dir));
    let unbegun: Vec<_> = late.iter().filter(|order| !order.tag.as_ref().is_some_and(begun)).collect();
    assert!(unbegun.is_empty(), "begun after the takeover: {unbegun:?}\n{}", log_of(&rig.dir));
    stale.kill_9();
}

/// The sleeping one still holds the stream of prices, so its successor halts until a person lets it trade all the same.
fn trades_beside_the_sleeping_one(rig: &Rig) {
    let before = rig.orders();
    let traded = until(PATIENCE, || {
        rig.lift_all_but(None);
        (rig.orders() > before).then_some(())
    });
    assert!(traded.is_some(), "no order: {:?}\n{}", status_of(&rig.dir), log_of(&rig.dir));
}

/// Stops the agent, but not inside a transaction: the database would then be locked, and nobody could take over.
fn falls_asleep(agent: &Agent, rig: &Rig) -> bool {
    agent.signal(Signal::STOP);
    // The signal is on its way; a thread that still runs might begin a transaction after the look below.
    assert!(until(PATIENCE, || agent.is_stopped().then_some(())).is_some(), "it does not stop");
    let mut other = SqliteConnection::establish(rig.database().to_str().unwrap()).unwrap();
    let free = other.batch_execute("BEGIN IMMEDIATE; ROLLBACK").is_ok();
    if !free {
        agent.signal(Signal::CONT);
    }
    free
}

/// The exchange hangs, and an order is on the wire until its deadline. Reads precede each order, so the exchange is stopped
/// when one is already approved; when it answered before that, the next one is waited for.
fn hangs_in_an_order(rig: &Rig) -> bool {
    let in_state = |states: &[OrderState]| {
        let open = store::open_read_only(rig.database()).unwrap().open_intents().unwrap();
        open.iter().any(|intent| states.contains(&intent.state))
    };
    let caught = until(PATIENCE, || {
        in_state(&[OrderState::Approved, OrderState::Sending]).then(|| rig.exchange.signal(Signal::STOP))?;
        let is_sending = until(MOMENT, || in_state(&[OrderState::Sending]).then_some(())).is_some();
        let is_answered = until(MOMENT, || (!in_state(&[OrderState::Sending])).then_some(())).is_some();
        if is_sending && !is_answered {
            return Some(());
        }
        rig.exchange.signal(Signal::CONT);
        None
    });
    caught.is_some()
}

#[test]
fn invariant_20_sigterm_in_the_middle_of_an_order_whose_answer_comes_ends_in_order_with_nothing_sending() {
    let rig = Rig::new(5_004);
    let mut agent = rig.agent();
    rig.trade();
    assert!(hangs_in_an_order(&rig), "nothing is sending: {:?}", status_of(&rig.dir));
    let start = Instant::now();
    agent.terminate();
    rig.exchange.signal(Signal::CONT);
    let code = agent.wait().code();
    let took = start.elapsed();
    assert!(took < EXIT_WITHIN && code == Some(0), "{code:?} after {took:?}\n{}", log_of(&rig.dir));
    let open = store::open_read_only(rig.database()).unwrap().open_intents().unwrap();
    let left: Vec<_> = open.iter().filter(|intent| intent.state == OrderState::Sending).collect();
    assert!(left.is_empty(), "{left:?}");
    rig.ends_well();
}

#[test]
fn invariant_20_sigterm_in_the_middle_of_an_order_leaves_nothing_sending() {
    let rig = Rig::new(5_003);
    for round in 0..3 {
        let mut agent = rig.agent();
        rig.trade();
        assert!(hangs_in_an_order(&rig), "round {round}: nothing is sending: {:?}", status_of(&rig.dir));
        let start = Instant::now();
        agent.terminate();
        let code = agent.wait().code();
        let took = start.elapsed();
        rig.exchange.signal(Signal::CONT);
        assert!(took < EXIT_WITHIN, "round {round}: {took:?}\n{}", log_of(&rig.dir));
        assert!(matches!(code, Some(0 | 75)), "round {round}: {code:?}\n{}", log_of(&rig.dir));
        let open = store::open_read_only(rig.database()).unwrap().open_intents().unwrap();
        let left: Vec<_> = open.iter().filter(|intent| intent.state == OrderState::Sending).collect();
        assert!(code != Some(0) || left.is_empty(), "round {round}: {left:?}");
    }
    rig.ends_well();
}
