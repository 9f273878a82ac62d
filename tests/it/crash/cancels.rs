//! Kill -9 around a cancel: before it leaves, after its answer, before the list that shows it is booked, and after.
//!
//! A cancel is nothing that the books wait for: an order ends when the exchange's list says so. So a death loses nothing,
//! and the next life asks again.

use std::process::Child;

use domain::OrderState;
use kestrel::control::client;
use kestrel::control::wire::Request;
use kestrel::simulator::VenueOrder;
use kestrel::store;

use super::lanes::{LANES, campaign};
use super::{Rig, in_lanes, operator};
use crate::harness::{PATIENCE, log_of, status_of, until};

const POINTS: [&str; 4] =
    ["before:cancel:1", "after:cancel:1", "before:book_cancel:1", "after:book_cancel:1"];
/// So that an order outlives the start of the next life: to wait a second is to wait a quarter of a minute there.
const SLOWLY: &str = "15";
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

#[test]
fn a_halt_that_cancels_goes_on_after_kill_9_until_nothing_is_open_although_the_setting_is_off() {
    // Some orders are filled before their cancel can leave, the slower the machine the more of them.
    let add = |sum: &mut Vec<bool>, cancelled| sum.push(cancelled);
    let round = |number| is_killed_between_halt_and_cancel(6_300 + number);
    let cancelled = campaign(LANES, round, add, |sum: &Vec<bool>| sum.contains(&true));
    assert!(cancelled.contains(&true), "{cancelled:?}");
}

/// Whether the next life, which nobody asked for it, cancelled an order because of the halt.
fn is_killed_between_halt_and_cancel(seed: u32) -> bool {
    let mut settings = SETTINGS[1..].to_vec();
    settings.push(("KESTREL_LOG", "warn,broker=info"));
    let rig = Rig::at_speed(SLOWLY, seed, &settings);
    let mut agent = rig.spawn("before:cancel:1");
    let died = until(PATIENCE * 2, || halts_while_an_order_works(&rig, &mut agent, true));
    assert!(died.is_some(), "{:?}\n{}", status_of(&rig.dir), log_of(&rig.dir));
    assert!(cancelled(&rig) == 0 && !log_of(&rig.dir).contains("cancel requested"), "it died before that");
    let next = rig.agent();
    // It may have died of another cancel, a moment before the halt.
    let stands = rig.decided().halts.iter().any(|halt| halt.cancel_open);
    let settled = until(PATIENCE, || status_of(&rig.dir).filter(|status| status.live_orders.is_empty()));
    assert!(settled.is_some(), "{:?}\n{}", status_of(&rig.dir), log_of(&rig.dir));
    let (orders, log) = (rig.exchange.books().orders, log_of(&rig.dir));
    let is_over = |order: &VenueOrder| {
        order.filled.get() + order.cancelled.get() + order.rejected.get() >= order.quantity.get()
    };
    assert!(orders.iter().all(is_over), "something works at the exchange: {orders:?}");
    // What is only too old is cancelled for another reason.
    let by_the_halt =
        log.lines().any(|line| line.contains("cancel requested") && line.contains(r#""trading stops""#));
    let has_cancelled = stands && by_the_halt && cancelled(&rig) > 0;
    next.kill_9();
    rig.ends_well();
    has_cancelled
}

fn cancelled(rig: &Rig) -> usize {
    let orders = rig.exchange.books().orders;
    orders.iter().filter(|order| order.tag.is_some() && !order.cancelled.is_zero()).count()
}

/// Orders of the agent that were cancelled at the exchange.
fn dies_at(seed: u32, point: &str) -> usize {
    let rig = Rig::with(seed, &SETTINGS);
    let mut agent = rig.spawn(point);
    let died = until(PATIENCE * 2, || halts_while_an_order_works(&rig, &mut agent, false));
    let log = log_of(&rig.dir);
    assert!(
        died.is_some() && log.contains(&format!("dies {point}")),
        "{point}: {:?}\n{log}",
        status_of(&rig.dir)
    );
    rig.ends_well();
    cancelled(&rig)
}

/// One look: some once the agent is dead.
fn halts_while_an_order_works(rig: &Rig, agent: &mut Child, cancel_open: bool) -> Option<()> {
    if agent.try_wait().unwrap().is_some() {
        return Some(());
    }
    let works = |state| matches!(state, OrderState::Accepted | OrderState::Partial);
    let mut books = store::open_read_only(rig.database()).ok()?;
    let request = if books.open_intents().ok()?.iter().any(|intent| works(intent.state)) {
        Request::Halt { reason: "cancel what works".into(), by: "the rig".into(), cancel_open }
    } else {
        let halt = status_of(&rig.dir)?.halts.pop()?;
        operator::resume(halt.id)
    };
    // Nobody answers any more when this is the end.
    let _ = client::ask(&rig.data(), &request);
    None
}
