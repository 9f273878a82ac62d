//! A person's word on an intent in dispute, booked by the rule of `trade_ledger::resolution`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::messages::ledger::EventKind;
use domain::messages::symbols::{RequestResolution, Resolved};
use domain::messages::trading::OrderUpdate;
use domain::{IntentId, Market, OpenIntent, OrderState, VenueOrderId};
use trade_ledger::claim::StrangerKind;
use trade_ledger::resolution::{DisputedOrder, Situation, Verdict, resolve as decide};
use trade_ledger::{DayKey, StoreError};

use super::fault::Fault;
use super::journal::append;
use super::loading::{self, Loaded};
use super::orders::{move_to, set_venue_order, update_of};
use super::rows::instrument;
use super::schema::{intents, resolutions, strangers};
use super::values::{Micros, day, ms, parsed, shares, stored, time};
use super::{inquiries, symbol_halts};

pub(super) fn resolve(
    conn: &mut SqliteConnection,
    request: &RequestResolution,
    at: DateTime<Utc>,
) -> Result<Resolved, Fault> {
    let Some(Loaded { intent, .. }) = loading::find(conn, &request.intent)? else {
        return Err(Fault::refused(format!("no intent has the id {}; see: kestrel status", request.intent)));
    };
    let stock = &intent.terms.instrument;
    let key = DayKey { market: stock.market, session_date: intent.session_date };
    let situation = Situation {
        unresolved: &loading::open(conn)?,
        disputed: &disputed(conn, stock.market)?,
        said_none: &said_none(conn)?,
        is_halted: !symbol_halts::standing_on(conn, stock)?.is_empty(),
        is_overdue: inquiries::is_overdue(conn, key)?,
    };
    let verdict = decide(&intent, situation, &request.resolution).map_err(Fault::refused)?;
    let update = match &verdict {
        Verdict::Attribute(order) => attribute(conn, &intent, order, request, at)?,
        Verdict::None { foreign, rival } => {
            let line = none_line(&intent, (foreign.len(), rival.as_ref()), request);
            record(conn, &intent, None, request, &line, at)?;
            declare_foreign(conn, &intent, foreign)?;
            update_of(&intent, intent.state, at)
        }
    };
    Ok(Resolved { update, still_halted: symbol_halts::standing_on(conn, stock)? })
}

/// The intent goes on with this number; its fills come with the next list.
fn attribute(
    conn: &mut SqliteConnection,
    intent: &OpenIntent,
    order: &VenueOrderId,
    request: &RequestResolution,
    at: DateTime<Utc>,
) -> Result<OrderUpdate, Fault> {
    let RequestResolution { by, reason, .. } = request;
    let line = format!("{} has order {order}, says {by}: {reason}", intent.terms);
    record(conn, intent, Some(order), request, &line, at)?;
    let id = stranger(conn, intent.terms.instrument.market, order)?;
    diesel::delete(strangers::table.find(id)).execute(conn)?;
    set_venue_order(conn, &intent.id, Some(order))?;
    move_to(conn, intent, OrderState::Accepted, Some("a person has attributed it"), at)
}

fn none_line(
    intent: &OpenIntent,
    (foreign, rival): (usize, Option<&IntentId>),
    request: &RequestResolution,
) -> String {
    let (RequestResolution { by, reason, .. }, terms) = (request, &intent.terms);
    match (foreign, rival) {
        (_, Some(rival)) => format!(
            "{terms} has none of the disputed orders, says {by}: {reason}; whose they are is open until the same is said \
             of {rival}: kestrel resolve {rival}"
        ),
        (0, None) => format!("the exchange has nothing more of {terms}, says {by}: {reason}"),
        (number, None) => format!("{terms} has none of {number} disputed orders, says {by}: {reason}"),
    }
}

/// The orders are somebody else's; the intent is looked for on the lists as before.
fn declare_foreign(
    conn: &mut SqliteConnection,
    intent: &OpenIntent,
    orders: &[VenueOrderId],
) -> Result<(), Fault> {
    for order in orders {
        let foreign = strangers::kind.eq(StrangerKind::Foreign.code());
        let id = stranger(conn, intent.terms.instrument.market, order)?;
        diesel::update(strangers::table.find(id)).set(foreign).execute(conn)?;
    }
    Ok(())
}

fn record(
    conn: &mut SqliteConnection,
    intent: &OpenIntent,
    order: Option<&VenueOrderId>,
    request: &RequestResolution,
    line: &str,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let event = append(conn, at, EventKind::Report, Some(intent.terms.instrument.market), line)?;
    let row = (
        resolutions::intent_id.eq(intent.id.as_str()),
        resolutions::at_ms.eq(ms(at)),
        resolutions::order_date.eq(order.map(|order| day(order.date))),
        resolutions::branch.eq(order.map(|order| order.branch.as_str())),
        resolutions::number.eq(order.map(|order| order.number.as_str())),
        resolutions::by_whom.eq(&request.by),
        resolutions::reason.eq(&request.reason),
        resolutions::event_id.eq(stored(event.0)?),
    );
    diesel::insert_into(resolutions::table).values(row).execute(conn)?;
    Ok(())
}

fn stranger(conn: &mut SqliteConnection, market: Market, order: &VenueOrderId) -> Result<i64, Fault> {
    Ok(strangers::table
        .filter(strangers::market.eq(market.code()))
        .filter(strangers::order_date.eq(day(order.date)))
        .filter(strangers::branch.eq(&order.branch))
        .filter(strangers::number.eq(&order.number))
        .select(strangers::id)
        .first(conn)?)
}

type DisputedRow = (String, String, String, String, String, String, i64, Option<Micros>, i64);

/// Every order of the market that is in dispute.
fn disputed(conn: &mut SqliteConnection, market: Market) -> Result<Vec<DisputedOrder>, Fault> {
    let rows: Vec<DisputedRow> = strangers::table
        .filter(strangers::market.eq(market.code()))
        .filter(strangers::kind.eq(StrangerKind::Disputed.code()))
        .order(strangers::id)
        .select((
            strangers::market,
            strangers::symbol,
            strangers::order_date,
            strangers::branch,
            strangers::number,
            strangers::side,
            strangers::ordered,
            strangers::limit_micros,
            strangers::first_seen_ms,
        ))
        .load(conn)?;
    rows.into_iter().map(|row| Ok(disputed_order(row)?)).collect()
}

fn disputed_order(
    (market, symbol, date, branch, number, side, ordered, limit, first_seen): DisputedRow,
) -> Result<DisputedOrder, StoreError> {
    Ok(DisputedOrder {
        order: VenueOrderId { date: parsed("order date", &date)?, branch, number },
        instrument: instrument(&market, &symbol)?,
        side: parsed("side", &side)?,
        ordered: shares(ordered)?,
        limit: limit.map(Micros::price).transpose()?,
        first_seen: time(first_seen)?,
    })
}

/// Intents of which a person's latest word is that the exchange has no order of theirs, or nothing more.
pub(super) fn said_none(conn: &mut SqliteConnection) -> Result<BTreeMap<IntentId, DateTime<Utc>>, Fault> {
    let words = resolutions::table
        .order(resolutions::id)
        .select((resolutions::intent_id, resolutions::number, resolutions::at_ms))
        .load(conn)?;
    latest_nones(words)
}

/// The same of the intents of one day: who books its list needs no other's.
pub(super) fn said_none_of_day(
    conn: &mut SqliteConnection,
    key: DayKey,
) -> Result<BTreeMap<IntentId, DateTime<Utc>>, Fault> {
    let of_day = intents::table
        .filter(intents::market.eq(key.market.code()))
        .filter(intents::session_date.eq(day(key.session_date)))
        .select(intents::id);
    let words = resolutions::table
        .filter(resolutions::intent_id.eq_any(of_day))
        .order(resolutions::id)
        .select((resolutions::intent_id, resolutions::number, resolutions::at_ms))
        .load(conn)?;
    latest_nones(words)
}

/// `words`: the intent, the order's number if there is one, and when it was said; oldest first.
fn latest_nones(
    words: Vec<(String, Option<String>, i64)>,
) -> Result<BTreeMap<IntentId, DateTime<Utc>>, Fault> {
    let latest: BTreeMap<String, (Option<String>, i64)> =
        words.into_iter().map(|(intent, number, at)| (intent, (number, at))).collect();
    let nones = latest.into_iter().filter(|(_, (number, _))| number.is_none());
    nones.map(|(intent, (_, at))| Ok((IntentId::from_stored(intent), time(at)?))).collect()
}
