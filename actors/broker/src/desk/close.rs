//! The end of a day: the final list is asked for until everything on it has ended (order-protocol 5.2, step 8).
//!
//! A day ends by our clock, and its close cannot be taken back: while the exchange's clock disagrees, none is closed; and
//! a day that was over by a clock that was wrong is not over once that is set right.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::messages::market_data::QueryError;
use domain::{IntentId, VenueOrderId, ports};
use supervision::mutant::{self, Mutant};
use trade_ledger::{BookInquiry, CloseDay, DayKey, UnclosedDays};

use super::reconcile::{Step, alarm, ask, list, rest_over, spread, watch_clock};
use super::{BrokerDeps, Shared, hold};
use crate::backoff::Ladder;

/// A past day that the exchange cannot settle holds up the start this often; then it is closed beside the trading.
const ATTEMPTS_AT_START: u32 = 3;
/// A person is told after that many attempts, about eight minutes.
const ATTEMPTS_UNTIL_ALARM: u32 = 20;
/// The pause between two attempts from then on, exchange time.
const PATIENT_PAUSE: Duration = Duration::from_secs(300);
/// So often a day that is not over any more is looked at, exchange time.
const NOT_OVER_PAUSE: Duration = Duration::from_secs(30);
/// An alarm names at most so many orders; the others follow when these are settled.
const ORDERS_NAMED_MAX: usize = 5;

/// Days before today that the books have open. None while the ledger does not answer: the next session asks again.
pub(super) async fn past_days(deps: &BrokerDeps) -> Vec<DayKey> {
    let unclosed = ask(&deps.ledger.unclosed_days, UnclosedDays).await;
    let days = unclosed.unwrap_or_else(|why| {
        tracing::warn!(why, "whether past days are closed is not known");
        Vec::new()
    });
    days.into_iter().filter(|day| is_past(deps, *day)).collect()
}

pub(super) fn is_past(deps: &BrokerDeps, day: DayKey) -> bool {
    day.session_date < day.market.date_at(deps.clock.now()) && !mutant::is_on(Mutant::NoDayBarrier)
}

/// Over by the clock as it is now, which may have been set since the day was said to be over.
fn is_over(deps: &BrokerDeps, shared: &Shared, day: DayKey) -> bool {
    let end = hold(&shared.ends).get(&day).copied();
    is_past(deps, day) || end.is_some_and(|end| deps.clock.now() >= end)
}

/// Tries to close a past day before trading starts. What the exchange does not settle stays reserved.
///
/// # Errors
/// When the list could not be had or booked, in words.
pub(super) async fn settle_past(deps: &BrokerDeps, shared: &Shared, day: DayKey) -> Step<()> {
    let mut ladder = Ladder::default();
    for _attempt in 0..ATTEMPTS_AT_START {
        if close_once(deps, shared, day).await?.is_empty() {
            return Ok(());
        }
        ports::sleep(&deps.clock, ladder.next_wait()).await;
    }
    tracing::warn!(market = %day.market, date = %day.session_date, "orders of a past day are not settled");
    Ok(())
}

/// Asks for the final list until everything on it has ended, however long that takes: the market's next day does not
/// start before.
pub(super) async fn close_day(deps: &BrokerDeps, shared: &Shared, day: DayKey) {
    let mut ladder = Ladder::default();
    for attempt in 1_u32.. {
        while !is_over(deps, shared, day) {
            ports::sleep(&deps.clock, NOT_OVER_PAUSE).await;
        }
        if day.market.is_domestic() {
            rest_over(deps).await;
        }
        let closed = close_once(deps, shared, day).await;
        match &closed {
            Ok(unsettled) if unsettled.is_empty() => break,
            Ok(_unsettled) => {}
            Err(why) => tracing::warn!(market = %day.market, why, "the day is not closed yet"),
        }
        if attempt == ATTEMPTS_UNTIL_ALARM {
            alarm(deps, day.market, why_open(day, &closed));
        }
        let wait = if attempt < ATTEMPTS_UNTIL_ALARM { ladder.next_wait() } else { PATIENT_PAUSE };
        ports::sleep(&deps.clock, wait).await;
    }
    hold(&shared.marks).forget(day);
    hold(&shared.ends).remove(&day);
}

/// The intents that keep the day open; none when it is closed.
async fn close_once(deps: &BrokerDeps, shared: &Shared, day: DayKey) -> Step<Vec<IntentId>> {
    let inquiry = list(deps, shared, day).await?;
    second_witness(deps, day, &inquiry).await?;
    if let Some(skew) = deps.exchange.clock_doubt() {
        // A list of a running session, taken for the final one, would end orders that still work.
        watch_clock(deps, shared);
        let seconds = skew.num_seconds();
        return Err(format!(
            "the clocks differ by about {seconds} s, so whether the day is over is not known"
        ));
    }
    if !is_over(deps, shared, day) {
        return Err("our clock was set back: the day is not over yet".into());
    }
    let booked = ask(&deps.ledger.close_day, CloseDay { inquiry }).await?;
    spread(deps, &booked.booked).await;
    Ok(booked.unsettled)
}

/// The exchange's list of what can still be cancelled, asked after the final list of a day that is still today. An order of
/// the final list that works in the other has not ended, whatever the final list says of it: the calendar may be wrong about
/// the close. A list that could be had and is not there proves nothing either way, so it is asked again.
///
/// # Errors
/// The order that still works, in words; or why the list is not there.
async fn second_witness(deps: &BrokerDeps, day: DayKey, inquiry: &BookInquiry) -> Step<()> {
    if is_past(deps, day) {
        return Ok(());
    }
    let working = match deps.exchange.working_orders(day.market).await {
        Ok(working) => working,
        Err(QueryError::NotOffered(_)) => return Ok(()),
        Err(error) => return Err(format!("the list of working orders is not there: {error}")),
    };
    let listed: BTreeSet<&VenueOrderId> = inquiry.rows.iter().map(|row| &row.order).collect();
    match working.iter().find(|order| listed.contains(&order.order)) {
        Some(order) => Err(format!(
            "order {} of {} is on the final list and still works on the list of working orders",
            order.order.number, order.instrument
        )),
        None => Ok(()),
    }
}

/// What a person reads about a day that stays open: what to look up, and the command for each order.
fn why_open(day: DayKey, closed: &Step<Vec<IntentId>>) -> String {
    let DayKey { market, session_date } = day;
    let begin = format!("{session_date} cannot be closed yet, and {market} does not trade until it is:");
    let unsettled = match closed {
        Ok(unsettled) => unsettled,
        Err(why) => return format!("{begin} {why}"),
    };
    let command = |intent: &IntentId| format!("kestrel resolve {intent} --none --reason \"...\"");
    let commands: Vec<String> = unsettled.iter().take(ORDERS_NAMED_MAX).map(command).collect();
    format!(
        "{begin} the final list does not settle {} of its orders. Look them up at the exchange. For one that the exchange \
         does not have, or has nothing of beyond what is booked: {}. For one that has an order in dispute: --order NUMBER \
         instead of --none",
        unsettled.len(),
        commands.join("; ")
    )
}
