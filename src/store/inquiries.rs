//! An order list of the exchange, booked in one transaction by the rule of `trade_ledger::booking`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::messages::ledger::EventKind;
use domain::messages::trading::OrderUpdate;
use domain::{InquiryRow, Instrument, IntentId, Side};
use rust_decimal::Decimal;
use trade_ledger::booking::{Change, is_overtaken, plan};
use trade_ledger::claim::{StrangerKind, same_order};
use trade_ledger::fills::{FillDelta, Position, Realised, shown};
use trade_ledger::{BookInquiry, DayBooked, DayKey, InquiryBooked};

use super::fault::Fault;
use super::journal::{append, timestamp};
use super::loading::{self, Loaded};
use super::orders::{expire_approvals, move_to, set_venue_order};
use super::schema::{
    closed_days, decisions, events, fills, intents, order_lists, positions, strangers, trades,
};
use super::values::{Micros, day, ms, real, shares, stored, time};
use super::{halts, holdings, symbol_halts};

/// Events looked back at, so that a standing contradiction is told once and not with every list.
const TOLD_WITHIN_EVENTS: i64 = 1000;

pub(super) fn book_inquiry(
    conn: &mut SqliteConnection,
    inquiry: &BookInquiry,
    at: DateTime<Utc>,
) -> Result<InquiryBooked, Fault> {
    let mut expired = expire_approvals(conn, inquiry.day, at)?;
    if !note_list(conn, inquiry)? {
        return Ok(InquiryBooked { updates: expired, ..InquiryBooked::default() });
    }
    let (mut booked, _) = book(conn, inquiry, at, false)?;
    expired.append(&mut booked.updates);
    booked.updates = expired;
    Ok(booked)
}

pub(super) fn close_day(
    conn: &mut SqliteConnection,
    inquiry: &BookInquiry,
    at: DateTime<Utc>,
) -> Result<DayBooked, Fault> {
    if loading::is_closed(conn, inquiry.day)? {
        return Ok(DayBooked::default());
    }
    if !note_list(conn, inquiry)? {
        let open = loading::of_day(conn, inquiry.day)?.into_iter().map(|one| one.intent);
        let unsettled = open.filter(|one| one.state.is_open()).map(|one| one.id).collect();
        // With nothing open an overtaken list closes the day as well as a newer one, but what it shows is old.
        return end_day(conn, inquiry, at, DayBooked { booked: InquiryBooked::default(), unsettled });
    }
    let (booked, unsettled) = book(conn, inquiry, at, true)?;
    end_day(conn, inquiry, at, DayBooked { booked, unsettled })
}

/// Closes the day, or remembers that a final list has left it open: from then on a person may end what keeps it.
fn end_day(
    conn: &mut SqliteConnection,
    inquiry: &BookInquiry,
    at: DateTime<Utc>,
    booked: DayBooked,
) -> Result<DayBooked, Fault> {
    if booked.unsettled.is_empty() {
        insert_closed_day(conn, inquiry.day, at)?;
        return Ok(booked);
    }
    let list = order_lists::table.find((inquiry.day.market.code(), day(inquiry.day.session_date)));
    diesel::update(list.filter(order_lists::left_open_ms.is_null()))
        .set(order_lists::left_open_ms.eq(ms(inquiry.asked_at)))
        .execute(conn)?;
    Ok(booked)
}

/// True when a final list of the day has been booked and the day is open all the same.
pub(super) fn is_overdue(conn: &mut SqliteConnection, key: DayKey) -> Result<bool, Fault> {
    let list = order_lists::table.find((key.market.code(), day(key.session_date)));
    let left_open = list.filter(order_lists::left_open_ms.is_not_null());
    let is_left_open: bool = diesel::select(diesel::dsl::exists(left_open)).get_result(conn)?;
    Ok(is_left_open && !loading::is_closed(conn, key)?)
}

/// Remembers when the newest list of the day was asked for; false when this one is an older answer that came late.
fn note_list(conn: &mut SqliteConnection, inquiry: &BookInquiry) -> Result<bool, Fault> {
    let key = (inquiry.day.market.code(), day(inquiry.day.session_date));
    let newest: Option<i64> =
        order_lists::table.find(key.clone()).select(order_lists::asked_at_ms).first(conn).optional()?;
    if is_overtaken(inquiry.asked_at, newest.map(time).transpose()?) {
        return Ok(false);
    }
    let asked_at = order_lists::asked_at_ms.eq(ms(inquiry.asked_at));
    diesel::insert_into(order_lists::table)
        .values((order_lists::market.eq(key.0), order_lists::session_date.eq(key.1), asked_at))
        .on_conflict((order_lists::market, order_lists::session_date))
        .do_update()
        .set(asked_at)
        .execute(conn)?;
    Ok(true)
}

fn insert_closed_day(conn: &mut SqliteConnection, key: DayKey, at: DateTime<Utc>) -> Result<(), Fault> {
    let row = (
        closed_days::market.eq(key.market.code()),
        closed_days::session_date.eq(day(key.session_date)),
        closed_days::closed_at_ms.eq(ms(at)),
    );
    diesel::insert_into(closed_days::table).values(row).execute(conn)?;
    let line = format!("the books of {} for {} are closed", key.market, key.session_date);
    append(conn, at, EventKind::DayClosed, Some(key.market), &line).map(|_| ())
}

fn book(
    conn: &mut SqliteConnection,
    inquiry: &BookInquiry,
    at: DateTime<Utc>,
    is_final: bool,
) -> Result<(InquiryBooked, Vec<IntentId>), Fault> {
    let day_intents = loading::of_day(conn, inquiry.day)?;
    let known = loading::strangers_of(conn, inquiry.day)?;
    let plan = plan(&loading::day_books(&day_intents, known), inquiry, is_final);
    let mut booked = InquiryBooked { contradictions: plan.contradictions, ..InquiryBooked::default() };
    for change in &plan.changes {
        let loaded = day_intents.iter().find(|one| one.intent.id == change.intent);
        let loaded = loaded.ok_or_else(|| Fault::refused("the plan names an unknown intent"))?;
        booked.updates.extend(apply(conn, loaded, change, at)?);
    }
    for (kind, row) in &plan.strangers {
        if record_stranger(conn, *kind, row, at)? {
            match kind {
                StrangerKind::Foreign => booked.foreign.push(row.order.clone()),
                StrangerKind::Disputed => booked.disputed.push(row.order.clone()),
            }
        }
    }
    if !booked.foreign.is_empty() {
        booked.halt = halts::halt_unless_stands(conn, inquiry.foreign_halt(at))?;
    }
    for doubt in &plan.symbol_halts {
        booked.halted.extend(symbol_halts::begin(conn, doubt, at)?);
    }
    // The halt of a stock tells its contradiction; the others are told here.
    let halts = |line: &String| plan.symbol_halts.iter().any(|doubt| &doubt.reason() == line);
    for contradiction in booked.contradictions.iter().filter(|line| !halts(line)) {
        tell_once(conn, inquiry.day, contradiction, at)?;
    }
    Ok((booked, plan.unsettled))
}

fn apply(
    conn: &mut SqliteConnection,
    loaded: &Loaded,
    change: &Change,
    at: DateTime<Utc>,
) -> Result<Option<OrderUpdate>, Fault> {
    let intent = &loaded.intent;
    let amount = loaded.amount + change.fill.map_or(Decimal::ZERO, |fill| fill.amount);
    let values = (
        intents::filled.eq(stored(change.filled.get())?),
        intents::amount_micros.eq(Micros::exact(amount)?),
        intents::missed_inquiries.eq(i64::from(change.missed_inquiries)),
        intents::final_lists.eq(i64::from(change.absence.final_lists)),
        intents::first_final_ms.eq(change.absence.first_at.map(ms)),
    );
    diesel::update(intents::table.filter(intents::id.eq(intent.id.as_str()))).set(values).execute(conn)?;
    if change.venue_order != intent.venue_order {
        set_venue_order(conn, &intent.id, change.venue_order.as_ref())?;
    }
    if change.from != change.to {
        move_to(conn, intent, change.to, None, at)?;
    }
    if shows_it(change) {
        let own = intents::table.filter(intents::id.eq(intent.id.as_str()));
        diesel::update(own).set(intents::shown_at_ms.eq(ms(at))).execute(conn)?;
    }
    if let Some(fill) = &change.fill {
        book_fill(conn, loaded, fill, at)?;
    }
    let has_moved = change.from != change.to || change.fill.is_some();
    Ok(has_moved.then(|| OrderUpdate {
        intent: intent.id.clone(),
        terms: intent.terms.clone(),
        state: change.to,
        filled: change.filled,
        at,
    }))
}

/// Whether a list has shown the order: a fill, or an order of its own for an intent whose fate was open.
fn shows_it(change: &Change) -> bool {
    let is_found = change.from.is_unresolved() && !change.to.is_unresolved() && change.venue_order.is_some();
    change.fill.is_some() || is_found
}

/// The fill, the position, the seed's row and the event: together or not at all.
fn book_fill(
    conn: &mut SqliteConnection,
    loaded: &Loaded,
    fill: &FillDelta,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let terms = &loaded.intent.terms;
    let (held, since) = position(conn, &terms.instrument)?;
    let (after, realised) = match terms.side {
        Side::Buy => (held.bought(fill), None),
        Side::Sell => held.sold(fill),
    };
    holdings::count_fill(conn, &terms.instrument, terms.side, fill, at)?;
    // The sale of what an order of unknown fate had bought may have been booked before that purchase.
    let after = after.at_most(holdings::explained_of(conn, &terms.instrument)?);
    // A holding dates from the purchase before which there was none.
    let since = if held.quantity.is_zero() { Some(at) } else { since };
    set_position(conn, &terms.instrument, after, since.filter(|_| !after.quantity.is_zero()))?;
    insert_fill(conn, loaded, fill, realised, at)?;
    insert_trade(conn, loaded, fill, realised, at)?;
    let line = fill_line(loaded, fill, realised);
    append(conn, at, EventKind::Fill, Some(terms.instrument.market), &line).map(|_| ())
}

fn fill_line(loaded: &Loaded, fill: &FillDelta, realised: Option<Realised>) -> String {
    let terms = &loaded.intent.terms;
    let currency = terms.instrument.market.currency();
    let done = match (terms.side, realised) {
        (Side::Buy, _) => return format!("bought {} {} at {}", fill.quantity, terms.instrument, fill.price),
        (Side::Sell, Some(Realised { pnl, .. })) => {
            format!("realised {}", domain::Money::new(pnl, currency))
        }
        (Side::Sell, None) => "realised unknown, these books do not know the cost".to_owned(),
    };
    format!("sold {} {} at {}, {done}", fill.quantity, terms.instrument, fill.price)
}

/// What is held by the books, and since when.
fn position(
    conn: &mut SqliteConnection,
    instrument: &Instrument,
) -> Result<(Position, Option<DateTime<Utc>>), Fault> {
    let row: Option<(i64, Micros, Option<i64>)> = positions::table
        .find((instrument.market.code(), instrument.symbol.as_str()))
        .select((positions::quantity, positions::cost_micros, positions::since_ms))
        .first(conn)
        .optional()?;
    let Some((quantity, cost, since)) = row else { return Ok((Position::default(), None)) };
    let held = Position { quantity: shares(quantity)?, cost: cost.decimal() };
    Ok((held, since.map(time).transpose()?))
}

fn set_position(
    conn: &mut SqliteConnection,
    instrument: &Instrument,
    position: Position,
    since: Option<DateTime<Utc>>,
) -> Result<(), Fault> {
    let quantity = stored(position.quantity.get())?;
    let cost = Micros::exact(position.cost)?;
    let since = positions::since_ms.eq(since.map(ms));
    let row = (
        positions::market.eq(instrument.market.code()),
        positions::symbol.eq(instrument.symbol.as_str()),
        positions::quantity.eq(quantity),
        positions::cost_micros.eq(cost),
        since,
    );
    diesel::insert_into(positions::table)
        .values(row)
        .on_conflict((positions::market, positions::symbol))
        .do_update()
        .set((positions::quantity.eq(quantity), positions::cost_micros.eq(cost), since))
        .execute(conn)?;
    Ok(())
}

fn insert_fill(
    conn: &mut SqliteConnection,
    loaded: &Loaded,
    fill: &FillDelta,
    realised: Option<Realised>,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let row = (
        fills::intent_id.eq(loaded.intent.id.as_str()),
        fills::quantity.eq(stored(fill.quantity.get())?),
        fills::amount_micros.eq(Micros::exact(fill.amount)?),
        fills::price_micros.eq(Micros::exact(fill.price.value())?),
        fills::cost_micros.eq(realised.map(|r| Micros::exact(r.cost)).transpose()?),
        fills::pnl_micros.eq(realised.map(|r| Micros::exact(r.pnl)).transpose()?),
        fills::booked_at_ms.eq(ms(at)),
    );
    diesel::insert_into(fills::table).values(row).execute(conn)?;
    Ok(())
}

/// The seed's row of an execution. A purchase has realised 0; a sale of unknown cost has no number at all.
fn insert_trade(
    conn: &mut SqliteConnection,
    loaded: &Loaded,
    fill: &FillDelta,
    realised: Option<Realised>,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let terms = &loaded.intent.terms;
    let judged: Option<(String, Option<String>)> = decisions::table
        .filter(decisions::id.eq(loaded.decision.as_str()))
        .select((decisions::rationale, decisions::selection_context))
        .first(conn)
        .optional()?;
    let (rationale, selection) = judged.map_or((None, None), |(why, selection)| (Some(why), selection));
    let pnl = match terms.side {
        Side::Buy => Some(0.0),
        Side::Sell => realised.and_then(|r| real(r.pnl)),
    };
    let row = (
        trades::timestamp.eq(timestamp(at)),
        trades::stock_code.eq(terms.instrument.symbol.as_str()),
        trades::action.eq(terms.side.code()),
        trades::confidence.eq(i64::from(loaded.confidence)),
        trades::rationale.eq(rationale),
        trades::quantity.eq(stored(fill.quantity.get())?),
        trades::price.eq(real(fill.price.value())),
        trades::pnl.eq(pnl),
        trades::market.eq(terms.instrument.market.code()),
        trades::exchange_code.eq(terms.instrument.market.exchange_code()),
        trades::selection_context.eq(selection),
    );
    diesel::insert_into(trades::table).values(row).execute(conn)?;
    Ok(())
}

/// Records an order that is none of ours, or refreshes its fills; true when it is new.
fn record_stranger(
    conn: &mut SqliteConnection,
    kind: StrangerKind,
    row: &InquiryRow,
    at: DateTime<Utc>,
) -> Result<bool, Fault> {
    let market = row.instrument.market;
    let amount = shown(row).ok().map(|booked| Micros::exact(booked.amount)).transpose()?;
    let filled = stored(row.filled.get())?;
    let number = row.order.numeric().ok_or_else(|| Fault::refused("an order number is no number"))?;
    let limit = row.limit.map(|limit| Micros::exact(limit.value())).transpose()?;
    if let Some(id) = known_stranger(conn, row, number)? {
        if kind == StrangerKind::Foreign {
            // A dispute that a person has ended leaves the other orders to somebody else.
            let foreign = strangers::kind.eq(kind.code());
            diesel::update(strangers::table.find(id)).set(foreign).execute(conn)?;
        }
        diesel::update(strangers::table.find(id))
            .set((strangers::filled.eq(filled), strangers::amount_micros.eq(amount)))
            .execute(conn)?;
        return Ok(false);
    }
    let values = (
        strangers::kind.eq(kind.code()),
        strangers::market.eq(market.code()),
        strangers::symbol.eq(row.instrument.symbol.as_str()),
        strangers::order_date.eq(day(row.order.date)),
        strangers::branch.eq(&row.order.branch),
        strangers::number.eq(&row.order.number),
        strangers::order_number.eq(stored(number)?),
        strangers::side.eq(row.side.code()),
        strangers::ordered.eq(stored(row.ordered.get())?),
        strangers::filled.eq(filled),
        strangers::amount_micros.eq(amount),
        strangers::limit_micros.eq(limit),
        strangers::first_seen_ms.eq(ms(at)),
    );
    diesel::insert_into(strangers::table).values(values).execute(conn)?;
    let line = stranger_line(kind, row);
    append(conn, at, EventKind::Alarm, Some(market), &line)?;
    Ok(true)
}

fn known_stranger(conn: &mut SqliteConnection, row: &InquiryRow, number: u64) -> Result<Option<i64>, Fault> {
    let rows: Vec<(i64, String, String)> = strangers::table
        .filter(strangers::market.eq(row.instrument.market.code()))
        .filter(strangers::order_number.eq(stored(number)?))
        .filter(strangers::order_date.eq(day(row.order.date)))
        .select((strangers::id, strangers::branch, strangers::number))
        .load(conn)?;
    let is_same = |branch: &str, number: &str| {
        let (branch, number) = (branch.to_owned(), number.to_owned());
        same_order(&domain::VenueOrderId { date: row.order.date, branch, number }, &row.order)
    };
    Ok(rows.into_iter().find(|(_, branch, number)| is_same(branch, number)).map(|(id, _, _)| id))
}

fn stranger_line(kind: StrangerKind, row: &InquiryRow) -> String {
    let what = format!("order {}: {} {} {}", row.order, row.side, row.ordered, row.instrument);
    match kind {
        StrangerKind::Foreign => format!("{what} is not of this agent"),
        StrangerKind::Disputed => format!("{what} cannot be told apart from another; a person must look"),
    }
}

fn tell_once(conn: &mut SqliteConnection, key: DayKey, line: &str, at: DateTime<Utc>) -> Result<(), Fault> {
    let newest = stored(super::journal::last_event(conn)?.0)?;
    let told: i64 = events::table
        .filter(events::id.gt(newest.saturating_sub(TOLD_WITHIN_EVENTS)))
        .filter(events::kind.eq(EventKind::Alarm.code()))
        .filter(events::line.eq(line))
        .count()
        .get_result(conn)?;
    if told == 0 {
        append(conn, at, EventKind::Alarm, Some(key.market), line)?;
    }
    Ok(())
}
