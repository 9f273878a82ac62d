//! An order up to its outcome: approval, the conditional update to `Sending`, the reply.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use domain::messages::ledger::EventKind;
use domain::messages::trading::OrderUpdate;
use domain::{EventId, IntentId, Market, OpenIntent, OrderState, Outcome, Side, VenueOrderId, is_ahead};
use supervision::mutant::{self, Mutant};
use trade_ledger::claim::same_order;
use trade_ledger::outcome::{Step, step};
use trade_ledger::store::{APPROVALS_PER_DAY_MAX, APPROVALS_PER_MINUTE_MAX};
use trade_ledger::{Begun, DayKey, NewIntent, PermitRefused, SendingRequest};

use super::fault::Fault;
use super::journal::append;
use super::loading::{self, Loaded};
use super::mistakes;
use super::purchases;
use super::schema::{approvals, intents, strangers, unknowns};
use super::symbol_halts;
use super::values::{Micros, day, ms, stored};
use super::{halts, loading::is_closed};

/// The linearisation point of an order (order-protocol 5.2, step 3): one statement checks the state, the approval's
/// age, the halts (one of a milder level lets sales pass), those of the stock too, and both epochs, and changes one row
/// or none.
const BEGIN_SENDING: &str = "
    UPDATE intents
       SET state = 'Sending', sent_at_ms = ?, changed_at_ms = ?, watermark = ?, fencing_epoch = ?
     WHERE id = ? AND approval_id = ? AND state = 'Approved'
       AND EXISTS (SELECT 1 FROM approvals AS a
                    WHERE a.id = intents.approval_id AND a.expires_at_ms > ? AND a.halt_epoch = ?)
       AND EXISTS (SELECT 1 FROM ledger_state AS s, approvals AS a
                    WHERE a.id = intents.approval_id AND s.fencing_epoch = ? AND s.halt_epoch = a.halt_epoch)
       AND NOT EXISTS (SELECT 1 FROM symbol_halts AS y
                        WHERE y.market = intents.market AND y.symbol = intents.symbol
                          AND NOT EXISTS (SELECT 1 FROM symbol_releases AS z WHERE z.symbol_halt_id = y.id))
       AND NOT EXISTS (SELECT 1 FROM standing_halts AS t CROSS JOIN halts AS h
                        WHERE h.seq = t.halt_seq
                          AND (h.level = 'halted' OR intents.side <> 'SELL'
                               OR EXISTS (SELECT 1 FROM halt_latches AS l WHERE l.halt_id = h.id)))";

/// Why approvals end without an order.
const UNUSED: &str = "the approval was not used in time";
const AHEAD: &str = "a clock that ran ahead has given the approval";

pub(super) fn commit_approval(
    conn: &mut SqliteConnection,
    new: &NewIntent,
    at: DateTime<Utc>,
) -> Result<EventId, Fault> {
    if let Some(why) = objection(conn, new, at)? {
        return Err(Fault::refused(why));
    }
    end_void_approvals(conn, new, at)?;
    insert_approval(conn, new)?;
    insert_intent(conn, new, at)?;
    let line = format!("approved: {}", new.terms);
    append(conn, at, EventKind::Approval, Some(new.terms.instrument.market), &line)
}

/// Why the books do not take this approval.
fn objection(
    conn: &mut SqliteConnection,
    new: &NewIntent,
    at: DateTime<Utc>,
) -> Result<Option<String>, Fault> {
    let key = DayKey { market: new.terms.instrument.market, session_date: new.session_date };
    if let Some(halt) = halts::forbidding(conn, new.terms.side)? {
        return Ok(Some(format!("trading is {}: {}", halt.level, halt.reason)));
    }
    if new.halt_epoch != halts::halt_epoch(conn)? {
        return Ok(Some("a halt began or ended after the approval".to_owned()));
    }
    if new.expires_at <= at {
        return Ok(Some("the approval has expired".to_owned()));
    }
    if let Some(halt) = symbol_halts::standing_on(conn, &new.terms.instrument)?.first() {
        return Ok(Some(format!("{} is halted ({}): {}", halt.instrument, halt.cause, halt.reason)));
    }
    if let Some(why) = over_ceiling(conn, at)? {
        return Ok(Some(why));
    }
    if let Some(why) = purchases::over_ceiling(conn, new)? {
        return Ok(Some(why));
    }
    if is_closed(conn, key)? {
        return Ok(Some(format!("the day {} of {} is closed", key.session_date, key.market)));
    }
    if let Some(earlier) = earlier_open_day(conn, key)?.filter(|_| !mutant::is_on(Mutant::NoDayBarrier)) {
        return Ok(Some(format!("the day {} of {} is not closed yet", earlier.session_date, key.market)));
    }
    Ok(blocking_intent(conn, new, at)?
        .map(|intent| format!("the fate of {} ({}, {}) is open", intent.terms, intent.state, intent.id)))
}

/// The hard ceilings on orders, counted from the books, so that neither a restart nor a setting gets around them
/// (order-protocol 4, invariant 13). An approval of the future counts for the day too: a clock set back makes no room. For
/// the minute only one that is near does, or a clock that ran ahead would stop sales for as long.
fn over_ceiling(conn: &mut SqliteConnection, at: DateTime<Utc>) -> Result<Option<String>, Fault> {
    let minute = TimeDelta::minutes(1);
    let ceilings = [
        (minute, ms(at + minute), APPROVALS_PER_MINUTE_MAX, "a minute"),
        (TimeDelta::hours(24), i64::MAX, APPROVALS_PER_DAY_MAX, "24 hours"),
    ];
    for (window, until, most, name) in ceilings {
        let since = ms(at - window);
        let approved: i64 = approvals::table
            .filter(approvals::approved_at_ms.gt(since))
            .filter(approvals::approved_at_ms.le(until))
            .count()
            .get_result(conn)?;
        if approved >= i64::from(most) {
            return Ok(Some(format!("{approved} orders were approved within {name}; the ceiling is {most}")));
        }
    }
    Ok(None)
}

/// No new day starts before the last one is closed (order-protocol 4, invariant 4).
fn earlier_open_day(conn: &mut SqliteConnection, key: DayKey) -> Result<Option<DayKey>, Fault> {
    let unclosed = loading::unclosed_days(conn)?;
    Ok(unclosed.into_iter().find(|day| day.market == key.market && day.session_date < key.session_date))
}

/// One order of a stock at a time may have an open fate, or be about to; but an exit stays possible while a purchase
/// is open (order-protocol 4, invariant 6).
fn blocking_intent(
    conn: &mut SqliteConnection,
    new: &NewIntent,
    at: DateTime<Utc>,
) -> Result<Option<OpenIntent>, Fault> {
    let blocks = |other: &Loaded| {
        let is_waiting = other.intent.state == OrderState::Approved && !is_void(other, at);
        let is_exempt = new.terms.side == Side::Sell && other.intent.terms.side == Side::Buy;
        let is_forgotten = other.intent.state == OrderState::Lapsed && mutant::is_on(Mutant::ReleaseAtLapse);
        (other.intent.state.is_unresolved() || is_waiting) && !is_exempt && !is_forgotten
    };
    let open = loading::open_of(conn, &new.terms.instrument)?;
    Ok(open.into_iter().find(blocks).map(|other| other.intent))
}

/// True when nothing may be sent for an approval any more: it has run out, or a clock that ran ahead has given it, and nobody
/// knows when.
fn is_void(approved: &Loaded, at: DateTime<Utc>) -> bool {
    approved.expires_at <= at || is_ahead(approved.intent.approved_at, at)
}

/// Approvals of the stock that are void end here: set back or running ahead once more, a clock would make them young again,
/// beside the new one.
fn end_void_approvals(conn: &mut SqliteConnection, new: &NewIntent, at: DateTime<Utc>) -> Result<(), Fault> {
    for one in loading::open_of(conn, &new.terms.instrument)? {
        if one.intent.state == OrderState::Approved && is_void(&one, at) {
            move_to(conn, &one.intent, OrderState::Expired, Some(why_void(&one, at)), at)?;
        }
    }
    Ok(())
}

/// Why a void approval ends.
fn why_void(one: &Loaded, at: DateTime<Utc>) -> &'static str {
    if is_ahead(one.intent.approved_at, at) { AHEAD } else { UNUSED }
}

fn insert_approval(conn: &mut SqliteConnection, new: &NewIntent) -> Result<(), Fault> {
    let row = (
        approvals::id.eq(new.approval.as_str()),
        approvals::decision_id.eq(new.decision.as_str()),
        approvals::confidence.eq(i64::from(new.confidence)),
        approvals::approved_at_ms.eq(ms(new.approved_at)),
        approvals::expires_at_ms.eq(ms(new.expires_at)),
        approvals::halt_epoch.eq(stored(new.halt_epoch.0)?),
    );
    diesel::insert_into(approvals::table).values(row).execute(conn)?;
    Ok(())
}

fn insert_intent(conn: &mut SqliteConnection, new: &NewIntent, at: DateTime<Utc>) -> Result<(), Fault> {
    let row = (
        intents::id.eq(new.intent.as_str()),
        intents::approval_id.eq(new.approval.as_str()),
        intents::market.eq(new.terms.instrument.market.code()),
        intents::symbol.eq(new.terms.instrument.symbol.as_str()),
        intents::session_date.eq(day(new.session_date)),
        intents::side.eq(new.terms.side.code()),
        intents::quantity.eq(stored(new.terms.quantity.get())?),
        intents::limit_micros.eq(Micros::exact(new.terms.limit.value())?),
        intents::state.eq(OrderState::Approved.code()),
        intents::changed_at_ms.eq(ms(at)),
    );
    diesel::insert_into(intents::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn begin_sending(conn: &mut SqliteConnection, request: &SendingRequest) -> Result<Begun, Fault> {
    if mutant::is_on(Mutant::CommitAfterPost) {
        return mistakes::commit_later(conn, request);
    }
    update_to_sending(conn, request)
}

pub(super) fn update_to_sending(
    conn: &mut SqliteConnection,
    request: &SendingRequest,
) -> Result<Begun, Fault> {
    let at = ms(request.at);
    let halt_epoch = stored(request.halt_epoch.0)?;
    let fencing = stored(request.fencing.0)?;
    let changed = diesel::sql_query(mistakes::conditional_update(BEGIN_SENDING))
        .bind::<BigInt, _>(at)
        .bind::<BigInt, _>(at)
        .bind::<Nullable<BigInt>, _>(request.watermark.map(stored).transpose()?)
        .bind::<BigInt, _>(fencing)
        .bind::<Text, _>(request.intent.as_str())
        .bind::<Text, _>(request.approval.as_str())
        .bind::<BigInt, _>(at)
        .bind::<BigInt, _>(halt_epoch)
        .bind::<BigInt, _>(fencing)
        .execute(conn)?;
    let Some(begun) = loading::find(conn, &request.intent)?.filter(|_| changed == 1) else {
        return refusal(conn, request).map(Begun::Refused);
    };
    let line = format!("{} is being sent", begun.intent.terms);
    append(conn, request.at, EventKind::Order, Some(begun.intent.terms.instrument.market), &line)?;
    Ok(Begun::Sending)
}

/// Nothing was changed; says why, for the record only.
fn refusal(conn: &mut SqliteConnection, request: &SendingRequest) -> Result<PermitRefused, Fault> {
    let found = loading::find(conn, &request.intent)?.map(|loaded| loaded.intent);
    let state = found.as_ref().map(|intent| intent.state);
    let (forbidding, stock_halts) = match &found {
        Some(intent) => (
            halts::forbidding(conn, intent.terms.side)?,
            Some(symbol_halts::standing_on(conn, &intent.terms.instrument)?),
        ),
        None => (None, None),
    };
    let is_halted = forbidding.is_some() || halts::halt_epoch(conn)? != request.halt_epoch;
    Ok(if halts::fencing_epoch(conn)? != request.fencing {
        PermitRefused::Fenced
    } else if state != Some(OrderState::Approved) {
        PermitRefused::NotApproved
    } else if is_halted {
        PermitRefused::Halted
    } else if let Some(halt) = stock_halts.unwrap_or_default().first() {
        PermitRefused::SymbolHalted(halt.reason.clone())
    } else {
        PermitRefused::Expired
    })
}

pub(super) fn record_outcome(
    conn: &mut SqliteConnection,
    id: &IntentId,
    outcome: &Outcome,
    at: DateTime<Utc>,
) -> Result<OrderUpdate, Fault> {
    if mutant::is_on(Mutant::CommitAfterPost) {
        mistakes::write_with_outcome(conn, id, outcome, at)?;
    }
    let Some(Loaded { intent, .. }) = loading::find(conn, id)? else {
        return Err(Fault::refused(format!("no intent has the id {id}")));
    };
    let is_taken = match outcome {
        Outcome::Accepted(order) => is_taken(conn, &intent, order)?,
        Outcome::Refused(_) | Outcome::Unknown(_) => false,
    };
    match step(intent.state, intent.venue_order.as_ref(), outcome, is_taken) {
        Step::Nothing => Ok(update_of(&intent, intent.state, at)),
        Step::Illegal(why) => Err(Fault::refused(why)),
        Step::Move { to, venue_order, remark, alarm } => {
            if let Some(order) = &venue_order {
                set_venue_order(conn, id, Some(order))?;
            }
            if alarm {
                let line = format!("{}: {}", intent.terms, remark.as_deref().unwrap_or("unsound reply"));
                append(conn, at, EventKind::Alarm, Some(intent.terms.instrument.market), &line)?;
            }
            move_to(conn, &intent, to, remark.as_deref(), at)
        }
    }
}

pub(super) fn abandon_sending(
    conn: &mut SqliteConnection,
    at: DateTime<Utc>,
) -> Result<Vec<OrderUpdate>, Fault> {
    let why = "the Broker that was sending it is gone";
    let sending = loading::in_state(conn, OrderState::Sending)?;
    sending.iter().map(|intent| move_to(conn, intent, OrderState::Unknown, Some(why), at)).collect()
}

/// Approvals of a market that ran out unused.
pub(super) fn expire_approvals(
    conn: &mut SqliteConnection,
    key: DayKey,
    at: DateTime<Utc>,
) -> Result<Vec<OrderUpdate>, Fault> {
    let mut over = loading::approved_of_day(conn, key)?;
    over.retain(|one| is_void(one, at));
    over.iter()
        .map(|one| move_to(conn, &one.intent, OrderState::Expired, Some(why_void(one, at)), at))
        .collect()
}

/// Moves an intent along its life, conditional on where it was, and tells it.
pub(super) fn move_to(
    conn: &mut SqliteConnection,
    intent: &OpenIntent,
    to: OrderState,
    remark: Option<&str>,
    at: DateTime<Utc>,
) -> Result<OrderUpdate, Fault> {
    let from = intent.state;
    if !from.may_become(to) {
        return Err(Fault::refused(format!("an order that is {from} cannot become {to}")));
    }
    let row =
        intents::table.filter(intents::id.eq(intent.id.as_str())).filter(intents::state.eq(from.code()));
    let values =
        (intents::state.eq(to.code()), intents::remark.eq(remark), intents::changed_at_ms.eq(ms(at)));
    if diesel::update(row).set(values).execute(conn)? != 1 {
        return Err(Fault::refused(format!("the intent {} is not {from} any more", intent.id)));
    }
    if to == OrderState::Unknown {
        let row = (unknowns::intent_id.eq(intent.id.as_str()), unknowns::at_ms.eq(ms(at)));
        diesel::insert_into(unknowns::table).values(row).execute(conn)?;
    }
    tell_move(conn, intent, to, remark, at)?;
    Ok(update_of(intent, to, at))
}

fn tell_move(
    conn: &mut SqliteConnection,
    intent: &OpenIntent,
    to: OrderState,
    remark: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let why = remark.map(|why| format!(" ({why})")).unwrap_or_default();
    let line = format!("{}: {} -> {to}{why}", intent.terms, intent.state);
    append(conn, at, EventKind::Order, Some(intent.terms.instrument.market), &line).map(|_| ())
}

pub(super) fn update_of(intent: &OpenIntent, state: OrderState, at: DateTime<Utc>) -> OrderUpdate {
    let OpenIntent { id, terms, filled, .. } = intent;
    OrderUpdate { intent: id.clone(), terms: terms.clone(), state, filled: *filled, at }
}

pub(super) fn set_venue_order(
    conn: &mut SqliteConnection,
    id: &IntentId,
    order: Option<&VenueOrderId>,
) -> Result<(), Fault> {
    let number = order.and_then(VenueOrderId::numeric).map(stored).transpose()?;
    let values = (
        intents::order_date.eq(order.map(|order| day(order.date))),
        intents::branch.eq(order.map(|order| order.branch.as_str())),
        intents::number.eq(order.map(|order| order.number.as_str())),
        intents::order_number.eq(number),
    );
    let row = || intents::table.filter(intents::id.eq(id.as_str()));
    diesel::update(row()).set(values).execute(conn)?;
    if order.is_some() {
        diesel::update(row()).set(intents::had_number.eq(1)).execute(conn)?;
    }
    Ok(())
}

/// True when another intent, or a stranger, holds this order number already.
fn is_taken(conn: &mut SqliteConnection, intent: &OpenIntent, order: &VenueOrderId) -> Result<bool, Fault> {
    let Some(number) = order.numeric() else { return Ok(false) };
    let number = stored(number)?;
    let ours: Vec<(String, String, String)> = intents::table
        .filter(intents::order_number.eq(number))
        .filter(intents::order_date.eq(day(order.date)))
        .filter(intents::id.ne(intent.id.as_str()))
        .select((intents::market, intents::branch.assume_not_null(), intents::number.assume_not_null()))
        .load(conn)?;
    let strange: Vec<(String, String, String)> = strangers::table
        .filter(strangers::order_number.eq(number))
        .filter(strangers::order_date.eq(day(order.date)))
        .select((strangers::market, strangers::branch, strangers::number))
        .load(conn)?;
    let is_domestic = intent.terms.instrument.market.is_domestic();
    let is_same = |(market, branch, number): (String, String, String)| {
        let other = VenueOrderId { date: order.date, branch, number };
        (market == Market::Kr.code()) == is_domestic && same_order(&other, order)
    };
    Ok(ours.into_iter().chain(strange).any(is_same))
}
