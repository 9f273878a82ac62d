//! The agent dies in the middle of an order, and the day ends without it.

use std::process::Child;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::messages::control::TradingState;
use domain::messages::ledger::{EventKind, EventsAfter};
use domain::{EventId, OpenIntent, OrderState};
use kestrel::demo::audit::is_clean;
use kestrel::simulator::VenueOrder;
use kestrel::store;

use crate::crash::{Rig, compare, in_lanes};
use crate::harness::{PATIENCE, log_of, status_of, until};

/// Where the agent dies: with the order at the exchange and nothing known of it, and with an order that never left.
const DEATHS: [(&str, bool); 4] = [
    ("after:post:2", true),
    ("before:post:2", false),
    ("after:post:5", true),
    ("before:record_outcome:4", true),
];

/// Purchases so small that the prices of the next day stay far from the limit of a day's loss.
const SMALL: [(&str, &str); 3] = [
    ("POSITION_BASE_ALLOCATION_PCT", "1"),
    ("POSITION_MIN_ALLOCATION_PCT", "0.5"),
    ("POSITION_MAX_ALLOCATION_PCT", "1"),
];

#[test]
fn invariant_04_an_order_whose_day_ends_without_the_agent_is_booked_as_it_ended_and_never_sent_again() {
    let seed = 6_100;
    let count = u32::try_from(DEATHS.len()).unwrap();
    let fates =
        in_lanes(count, |number| a_day_ends_without_the_agent(seed + number, DEATHS[number as usize]));
    assert_eq!(fates.iter().filter(|state| **state == OrderState::NeverAccepted).count(), 1, "{fates:?}");
}

/// How the order is booked in the end.
fn a_day_ends_without_the_agent(seed: u32, (death, reaches): (&str, bool)) -> OrderState {
    let rig = Rig::with(seed, &SMALL);
    let mut agent = rig.spawn(death);
    let open = dies(&rig, &mut agent);
    let died_at = rig.exchange.clock().now;
    rig.exchange.set_clock(died_at + TimeDelta::hours(24));
    let order = order_of(&rig, &open);
    assert_eq!(order.is_some(), reaches, "{death}: {order:?}");
    assert!(
        order.as_ref().is_none_or(|order| order.remaining().is_zero()),
        "{death}: its day is over: {order:?}"
    );

    // Halted, so that whatever reaches the exchange now was sent again.
    std::fs::write(rig.data().join("HALT"), "look at yesterday first").unwrap();
    let posts = rig.exchange.books().order_posts;
    let agent = rig.agent();
    let settled = until(PATIENCE, || {
        let left = store::open_read_only(rig.database()).unwrap().open_intents().unwrap();
        left.is_empty().then_some(())
    });
    assert!(settled.is_some(), "{death}: {:?}\n{}", status_of(&rig.dir), log_of(&rig.dir));
    rig.a_cycle_passes();
    assert_eq!(rig.exchange.books().order_posts, posts, "{death}: something was sent again");
    let state = booked(&rig, &open, order.as_ref());
    assert!(is_closed(&rig, died_at.date_naive()), "{death}: its day is open: {}", log_of(&rig.dir));
    let status = status_of(&rig.dir).unwrap();
    assert_eq!(
        (status.trading, status.live_orders.len()),
        (Some(TradingState::Halted), 0),
        "{death}: {status:?}"
    );
    assert!(status.symbol_halts.is_empty(), "{death}: {:?}", status.symbol_halts);
    the_stock_is_open_again(&rig, &open, died_at);
    agent.kill_9();
    rig.ends_well();
    state
}

/// Waits for the planned death; the order that it fell into.
fn dies(rig: &Rig, agent: &mut Child) -> OpenIntent {
    let died = until(PATIENCE, || agent.try_wait().unwrap());
    assert!(died.is_some(), "it lives: {:?}\n{}", status_of(&rig.dir), log_of(&rig.dir));
    let open = store::open_read_only(rig.database()).unwrap().open_intents().unwrap();
    let sending = open.into_iter().find(|intent| intent.state == OrderState::Sending);
    sending.unwrap_or_else(|| panic!("nothing was being sent: {}", log_of(&rig.dir)))
}

fn order_of(rig: &Rig, open: &OpenIntent) -> Option<VenueOrder> {
    let orders = rig.exchange.books().orders;
    orders.into_iter().find(|order| order.tag.as_deref() == Some(open.id.as_str()))
}

/// The intent's state, after a comparison with what became of it.
fn booked(rig: &Rig, open: &OpenIntent, order: Option<&VenueOrder>) -> OrderState {
    let intents = store::open_read_only(rig.database()).unwrap().all_intents().unwrap();
    let booked = intents.iter().find(|intent| intent.id == open.id).unwrap();
    let number = order.map(|order| &order.id);
    let filled = order.map_or(domain::Quantity::ZERO, |order| order.filled);
    assert_eq!((booked.filled, booked.venue_order.as_ref()), (filled, number), "{booked:?}");
    let expected: &[OrderState] = match order {
        None => &[OrderState::NeverAccepted],
        Some(order) if order.filled == order.quantity => &[OrderState::Filled],
        Some(_) => &[OrderState::Expired, OrderState::Cancelled],
    };
    assert!(expected.contains(&booked.state), "{booked:?}, at the exchange {order:?}");
    let findings = compare(&rig.exchange.books(), &rig.database()).findings;
    assert!(is_clean(&findings), "{findings:?}");
    booked.state
}

fn is_closed(rig: &Rig, date: NaiveDate) -> bool {
    let mut books = store::open_read_only(rig.database()).unwrap();
    let mut after = EventId(0);
    loop {
        let events = books.events_after(&EventsAfter { after, limit: 500 }).unwrap();
        let Some(last) = events.last() else { return false };
        after = last.id;
        let tells = |text: &str| text.contains(&date.to_string());
        if events.iter().any(|event| event.kind == EventKind::DayClosed && tells(&event.text)) {
            return true;
        }
    }
}

/// A new order in the same stock: nothing is reserved for the old one any more.
fn the_stock_is_open_again(rig: &Rig, open: &OpenIntent, died_at: DateTime<Utc>) {
    rig.lift_all_but(None);
    let instrument = &open.terms.instrument;
    let again = until(PATIENCE * 2, || {
        let orders = rig.exchange.books().orders;
        let is_new = |order: &VenueOrder| order.instrument == *instrument && order.received_at > died_at;
        orders.iter().any(|order| is_new(order) && order.tag.is_some()).then_some(())
    });
    assert!(again.is_some(), "{instrument}: {:?}\n{}", status_of(&rig.dir), log_of(&rig.dir));
}
