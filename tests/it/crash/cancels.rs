//! Kill -9 around a cancel: before it leaves, after its answer, before the list that shows it is booked, and after.
//!
//! A cancel is nothing that the books wait for: an order ends when the exchange's list says so. So a death loses nothing,
//! and the next life asks again.

use std::process::Child;

use domain::OrderState;
use kestrel::control::client;
use kestrel::control::wire::Request;
use kestrel::store;

use super::{Rig, in_lanes, operator};
use crate::harness::{PATIENCE, log_of, status_of, until};

const POINTS: [&str; 4] =
    ["before:cancel:1", "after:cancel:1", "before:book_cancel:1", "after:book_cancel:1"];
/// Orders so large that they are filled in parts, and a halt that cancels what is left of them.
const SETTINGS: [(&str, &str); 4] = [
    ("HALT_CANCELS_ORDERS", "true"),
    ("POSITION_BASE_ALLOCATION_PCT", "30"),
    ("POSITION_MIN_ALLOCATION_PCT", "10"),
    ("POSITION_MAX_ALLOCATION_PCT", "30"),
];

#[test]
fn kill_9_around_a_cancel_leaves_books_that_agree_with_the_exchange() {
    let count = u32::try_from(POINTS.len()).unwrap();
    let cancelled = in_lanes(count, |number| dies_at(6_200 + number, POINTS[number as usize]));
    // One that dies before its cancel leaves may find its order filled; the others have been cancelled.
    assert!(cancelled.iter().filter(|cancelled| **cancelled > 0).count() >= 3, "{cancelled:?}");
}

/// Orders of the agent that were cancelled at the exchange.
fn dies_at(seed: u32, point: &str) -> usize {
    let rig = Rig::with(seed, &SETTINGS);
    let mut agent = rig.spawn(point);
    let died = until(PATIENCE * 2, || halts_while_an_order_works(&rig, &mut agent));
    let log = log_of(&rig.dir);
    assert!(
        died.is_some() && log.contains(&format!("dies {point}")),
        "{point}: {:?}\n{log}",
        status_of(&rig.dir)
    );
    rig.ends_well();
    let orders = rig.exchange.books().orders;
    orders.iter().filter(|order| order.tag.is_some() && !order.cancelled.is_zero()).count()
}

/// One look: some once the agent is dead.
fn halts_while_an_order_works(rig: &Rig, agent: &mut Child) -> Option<()> {
    if agent.try_wait().unwrap().is_some() {
        return Some(());
    }
    let works = |state| matches!(state, OrderState::Accepted | OrderState::Partial);
    let mut books = store::open_read_only(rig.database()).ok()?;
    let request = if books.open_intents().ok()?.iter().any(|intent| works(intent.state)) {
        Request::Halt { reason: "cancel what works".into(), by: "the rig".into() }
    } else {
        let halt = status_of(&rig.dir)?.halts.pop()?;
        operator::resume(halt.id)
    };
    // Nobody answers any more when this is the end.
    let _ = client::ask(&rig.data(), &request);
    None
}
