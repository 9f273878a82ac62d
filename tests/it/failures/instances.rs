//! Two agents on one account, one that wakes up too late, and one that is asked to end in the middle of an order.

use std::time::{Duration, Instant};

use domain::OrderState;
use kestrel::demo::audit::{audit_books, is_clean};
use kestrel::store;

use crate::crash::Rig;
use crate::harness::{Agent, PATIENCE, log_of, status_of, until};

/// SIGTERM to exit (invariant 20).
const EXIT_WITHIN: Duration = Duration::from_secs(10);

#[test]
fn a_second_agent_on_the_account_halts_both_and_every_order_is_known_to_the_one_that_sent_it() {
    let first = Rig::new(5_001);
    let second = first.beside();
    let agents = [first.agent(), second.agent()];
    for rig in [&first, &second] {
        rig.halted(|halt| halt.reason.contains("did not send"));
    }
    first.stays_silent();
    agents.into_iter().for_each(Agent::kill_9);
    first.close_the_day();
    first.settle();
    second.settle();
    let intents =
        [&first, &second].map(|rig| store::open_read_only(rig.database()).unwrap().all_intents().unwrap());
    let books = first.exchange.books();
    let findings = audit_books(&books, &intents.concat());
    assert!(is_clean(&findings), "{findings:?}");
    assert!(books.orders.len() >= 2, "both have traded");
}

#[test]
fn invariant_12_an_agent_that_sleeps_through_a_takeover_sends_nothing_when_it_wakes() {
    let rig = Rig::new(5_002);
    let stale = rig.agent();
    rig.trade();
    stale.signal("-STOP");
    // Lock and socket would keep the next agent out; somebody has removed both.
    std::fs::remove_file(rig.data().join("kestrel.lock")).unwrap();
    std::fs::remove_file(rig.data().join("control/kestrel.sock")).unwrap();
    let next = Agent::start(&rig.dir, &rig.settings());
    rig.trade();
    next.kill_9();
    let known = store::open_read_only(rig.database()).unwrap().all_intents().unwrap().len();
    // The books are at rest; what leaves from here on comes from the one that was asleep.
    let orders = rig.orders();
    stale.signal("-CONT");
    rig.stays_silent();
    let more = rig.orders() - orders;
    assert_eq!(more, 0, "a stale agent sent {more} orders; {known} intents were known");
    stale.kill_9();
    rig.ends_well();
}

#[test]
fn invariant_20_sigterm_in_the_middle_of_an_order_leaves_nothing_sending() {
    let rig = Rig::new(5_003);
    for round in 0..3 {
        let mut agent = rig.agent();
        rig.trade();
        // The exchange hangs, so the next order is on the wire until its deadline.
        rig.exchange.signal("-STOP");
        let sending = until(PATIENCE, || {
            let open = store::open_read_only(rig.database()).unwrap().open_intents().unwrap();
            open.iter().any(|intent| intent.state == OrderState::Sending).then_some(())
        });
        assert!(sending.is_some(), "round {round}: nothing is sending: {:?}", status_of(&rig.dir));
        let start = Instant::now();
        agent.terminate();
        let code = agent.wait().code();
        let took = start.elapsed();
        rig.exchange.signal("-CONT");
        assert!(took < EXIT_WITHIN, "round {round}: {took:?}\n{}", log_of(&rig.dir));
        assert!(matches!(code, Some(0 | 75)), "round {round}: {code:?}\n{}", log_of(&rig.dir));
        let open = store::open_read_only(rig.database()).unwrap().open_intents().unwrap();
        let left: Vec<_> = open.iter().filter(|intent| intent.state == OrderState::Sending).collect();
        assert!(code != Some(0) || left.is_empty(), "round {round}: {left:?}");
    }
    rig.ends_well();
}
