//! The data directory is lost and a backup takes its place, as deploy/OPERATIONS.md says: the exchange is asked what is so.

use std::collections::BTreeMap;
use std::fs;

use domain::messages::control::TradingState;
use domain::messages::operator::{Answer, PositionLine, Question};
use domain::{Instrument, Quantity};
use kestrel::control::wire::{Reply, Request};

use super::Rig;
use crate::harness::{PATIENCE, ask, command, log_of, status_of, until};

const BEFORE: &str = "before the copy";

/// `kestrel backup`, while the agent runs.
fn copy_books(rig: &Rig) {
    let output = command(&rig.dir, &[]).args(["backup", "copy.db"]).output().unwrap();
    assert!(output.status.success(), "{}", log_of(&rig.dir));
}

/// Everything that was in the data directory is gone; the copy is put where the database was.
fn lose_and_restore(rig: &Rig) {
    fs::remove_dir_all(rig.data()).unwrap();
    fs::create_dir(rig.data()).unwrap();
    fs::copy(rig.dir.path().join("copy.db"), rig.database()).unwrap();
}

/// What the agent says that it holds, once the exchange has confirmed all of it.
fn positions(rig: &Rig) -> Vec<PositionLine> {
    let confirmed = until(PATIENCE, || {
        let Reply::Told(told) = ask(&rig.dir, &Request::Ask(Question::Positions)) else { return None };
        let Answer::Positions { positions } = told.books else { return None };
        positions.iter().all(|line| line.confirmed.is_some()).then_some(positions)
    });
    confirmed.unwrap_or_else(|| panic!("{}", log_of(&rig.dir)))
}

fn held(rig: &Rig) -> BTreeMap<Instrument, Quantity> {
    let held = positions(rig).into_iter().filter(|line| !line.quantity.is_zero());
    held.map(|line| (line.instrument, line.quantity)).collect()
}

fn at_the_exchange(rig: &Rig) -> BTreeMap<Instrument, Quantity> {
    let held = rig.exchange.books().positions;
    held.into_iter().map(|held| (held.instrument, held.quantity)).collect()
}

/// Which intent each order at the exchange was sent for: each of them once.
fn nothing_is_doubled(rig: &Rig) {
    let mut tags: Vec<_> = rig.exchange.books().orders.into_iter().filter_map(|order| order.tag).collect();
    let sent = tags.len();
    tags.sort();
    tags.dedup();
    assert!(sent > 0 && tags.len() == sent, "{sent} orders for {} intents", tags.len());
}

#[test]
fn an_agent_on_a_restored_copy_has_the_orders_positions_and_halts_that_were_and_doubles_nothing() {
    let rig = Rig::new(31);
    let agent = rig.agent();
    rig.trade();
    rig.trade();
    let halted = command(&rig.dir, &[]).args(["halt", "--reason", BEFORE]).status().unwrap();
    assert!(halted.success(), "{}", log_of(&rig.dir));
    rig.comes_to_rest();
    copy_books(&rig);
    agent.kill_9();
    let orders = rig.exchange.books().orders;
    lose_and_restore(&rig);

    let agent = rig.agent();
    rig.halted(PATIENCE, |halt| halt.reason == BEFORE);
    rig.stays_silent();
    // What rested when trading stopped is filled bit by bit, and booked a list later.
    let agree = until(PATIENCE, || {
        let there = at_the_exchange(&rig);
        (!there.is_empty() && held(&rig) == there).then_some(())
    });
    assert!(agree.is_some(), "{:?} {:?}", held(&rig), at_the_exchange(&rig));
    assert_eq!(rig.exchange.books().orders.len(), orders.len());
    agent.kill_9();
    rig.ends_well();
    nothing_is_doubled(&rig);
}

#[test]
fn orders_that_a_restored_copy_has_never_heard_of_halt_trading_and_their_shares_are_not_its_own() {
    let rig = Rig::new(32);
    let agent = rig.agent();
    rig.trade();
    copy_books(&rig);
    let known = rig.orders();
    rig.trade();
    rig.trade();
    rig.comes_to_rest();
    agent.kill_9();
    assert!(rig.orders() > known, "nothing was lost");
    lose_and_restore(&rig);

    let _agent = rig.agent();
    let status = until(PATIENCE, || status_of(&rig.dir).filter(|s| s.trading == Some(TradingState::Halted)));
    let status = status.unwrap_or_else(|| panic!("{:?}\n{}", status_of(&rig.dir), log_of(&rig.dir)));
    assert!(!status.halts.is_empty(), "{status:?}");
    rig.stays_silent();
    let told: BTreeMap<_, _> =
        positions(&rig).into_iter().map(|line| (line.instrument.clone(), line)).collect();
    for (instrument, quantity) in at_the_exchange(&rig) {
        let line = told.get(&instrument).unwrap_or_else(|| panic!("{instrument} is not told: {told:?}"));
        assert_eq!(line.confirmed, Some(quantity), "{line:?}");
    }
    nothing_is_doubled(&rig);
}
