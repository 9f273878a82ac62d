//! Events with their cursors, judgements, refusals and day starts.

use chrono::{DateTime, SecondsFormat, Utc};
use diesel::dsl::{exists, max};
use diesel::prelude::*;
use domain::messages::ledger::{
    DayStart, EventKind, EventsAfter, LedgerEvent, RecordDayReport, RecordDayStart, RecordEvent,
};
use domain::messages::trading::{DecisionMade, ProposalRefused};
use domain::{Action, Decision, EventId, Market};
use trade_ledger::StoreError;

use super::fault::Fault;
use super::schema::{cursors, day_reports, day_starts, decisions, events, refusals, trades};
use super::values::{Micros, count, day, malformed, ms, parsed, stored, time};
use super::{consultations, purchases, trips};

/// Longest line of an event, in characters.
const LINE_MAX_CHARS: usize = 600;
/// Most events of one answer.
const EVENTS_MAX: u16 = 500;

/// Appends an event; control characters and line breaks become spaces, so that one event is one line.
pub(super) fn append(
    conn: &mut SqliteConnection,
    at: DateTime<Utc>,
    kind: EventKind,
    market: Option<Market>,
    line: &str,
) -> Result<EventId, Fault> {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let line: String = line.chars().map(clean).take(LINE_MAX_CHARS).collect();
    let row = (
        events::at_ms.eq(ms(at)),
        events::kind.eq(kind.code()),
        events::market.eq(market.map(Market::code)),
        events::line.eq(line),
    );
    let id: i64 = diesel::insert_into(events::table).values(row).returning(events::id).get_result(conn)?;
    Ok(EventId(count(id)?))
}

pub(super) fn last_event(conn: &mut SqliteConnection) -> Result<EventId, Fault> {
    let newest: Option<i64> = events::table.select(max(events::id)).first(conn)?;
    Ok(EventId(count(newest.unwrap_or(0))?))
}

pub(super) fn last_commit(conn: &mut SqliteConnection) -> Result<Option<DateTime<Utc>>, Fault> {
    let newest: Option<i64> =
        events::table.order(events::id.desc()).select(events::at_ms).first(conn).optional()?;
    Ok(newest.map(time).transpose()?)
}

pub(super) fn events_after(
    conn: &mut SqliteConnection,
    query: &EventsAfter,
) -> Result<Vec<LedgerEvent>, Fault> {
    let rows: Vec<(i64, i64, String, Option<String>, String)> = events::table
        .filter(events::id.gt(stored(query.after.0)?))
        .order(events::id)
        .limit(i64::from(query.limit.clamp(1, EVENTS_MAX)))
        .load(conn)?;
    rows.into_iter().map(|row| Ok(ledger_event(row)?)).collect()
}

pub(super) fn ledger_event(
    (id, at_ms, kind, market, text): (i64, i64, String, Option<String>, String),
) -> Result<LedgerEvent, StoreError> {
    let known = EventKind::ALL.into_iter().find(|candidate| candidate.code() == kind);
    Ok(LedgerEvent {
        id: EventId(count(id)?),
        at: time(at_ms)?,
        kind: known.ok_or_else(|| malformed("event kind", &kind))?,
        market: market.map(|code| parsed("market", &code)).transpose()?,
        text,
    })
}

pub(super) fn cursor(conn: &mut SqliteConnection, subscriber: &str) -> Result<EventId, Fault> {
    let newest = stored(last_event(conn)?.0)?;
    diesel::insert_into(cursors::table)
        .values((cursors::subscriber.eq(subscriber), cursors::last_event.eq(newest)))
        .on_conflict_do_nothing()
        .execute(conn)?;
    let at: i64 = cursors::table.find(subscriber).select(cursors::last_event).first(conn)?;
    Ok(EventId(count(at)?))
}

pub(super) fn set_cursor(conn: &mut SqliteConnection, subscriber: &str, at: EventId) -> Result<(), Fault> {
    cursor(conn, subscriber)?;
    let at = stored(at.0)?;
    diesel::update(cursors::table.find(subscriber).filter(cursors::last_event.lt(at)))
        .set(cursors::last_event.eq(at))
        .execute(conn)?;
    Ok(())
}

pub(super) fn record_event(
    conn: &mut SqliteConnection,
    event: &RecordEvent,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    append(conn, at, event.kind, event.market, &event.text).map(|_| ())
}

/// The report of a closed day and the event that shows it, together; the first of a day stays.
pub(super) fn record_day_report(
    conn: &mut SqliteConnection,
    report: &RecordDayReport,
    at: DateTime<Utc>,
) -> Result<bool, Fault> {
    let RecordDayReport { market, session_date, text } = report;
    let key = (market.code(), day(*session_date));
    if diesel::select(exists(day_reports::table.find(key.clone()))).get_result(conn)? {
        return Ok(false);
    }
    let event = append(conn, at, EventKind::Report, Some(*market), text)?;
    let row = (
        day_reports::market.eq(key.0),
        day_reports::session_date.eq(key.1),
        day_reports::event_id.eq(stored(event.0)?),
    );
    diesel::insert_into(day_reports::table).values(row).execute(conn)?;
    Ok(true)
}

pub(super) fn record_decision(conn: &mut SqliteConnection, made: &DecisionMade) -> Result<EventId, Fault> {
    let DecisionMade { decision, basis, strategy_version } = made;
    let selection = selection_json(decision)?;
    let row = (
        decisions::id.eq(decision.id.as_str()),
        decisions::market.eq(decision.instrument.market.code()),
        decisions::symbol.eq(decision.instrument.symbol.as_str()),
        decisions::action.eq(decision.action.code()),
        decisions::confidence.eq(i64::from(decision.confidence)),
        decisions::rationale.eq(rationale(decision)),
        decisions::price_micros.eq(decision.price.map(|p| Micros::nearest(p.value())).transpose()?),
        decisions::selection_context.eq(selection.as_deref()),
        decisions::session_date.eq(day(decision.session_date)),
        decisions::judge.eq(&decision.judge),
        decisions::at_ms.eq(ms(decision.at)),
        decisions::strategy_version.eq(strategy_version),
    );
    let new = diesel::insert_into(decisions::table).values(row).on_conflict_do_nothing().execute(conn)?;
    if new == 0 {
        return last_event(conn);
    }
    if let Some(basis) = basis {
        consultations::record_basis(conn, &decision.id, basis)?;
    }
    match decision.action {
        Action::Hold => insert_hold(conn, decision, selection.as_deref())?,
        Action::Buy | Action::Sell => {}
    }
    let Decision { action, instrument, confidence, .. } = decision;
    let line = format!("{action} {instrument}, confidence {confidence}: {}", rationale(decision));
    append(conn, decision.at, EventKind::Decision, Some(instrument.market), &line)
}

/// The seed's row of a HOLD: quantity 0, no price.
fn insert_hold(
    conn: &mut SqliteConnection,
    decision: &Decision,
    selection: Option<&str>,
) -> Result<(), Fault> {
    let market = decision.instrument.market;
    let row = (
        trades::timestamp.eq(timestamp(decision.at)),
        trades::stock_code.eq(decision.instrument.symbol.as_str()),
        trades::action.eq(decision.action.code()),
        trades::confidence.eq(i64::from(decision.confidence)),
        trades::rationale.eq(rationale(decision)),
        trades::quantity.eq(0),
        trades::market.eq(market.code()),
        trades::exchange_code.eq(market.exchange_code()),
        trades::selection_context.eq(selection),
    );
    diesel::insert_into(trades::table).values(row).execute(conn)?;
    Ok(())
}

/// A time as the seed's table has it: RFC 3339 in UTC.
pub(super) fn timestamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn rationale(decision: &Decision) -> String {
    decision.rationale.chars().take(Decision::RATIONALE_MAX_CHARS).collect()
}

fn selection_json(decision: &Decision) -> Result<Option<String>, StoreError> {
    let json = decision.selection.as_ref().map(serde_json::to_string).transpose();
    json.map_err(|_| StoreError::NotRepresentable("the selection context".to_owned()))
}

pub(super) fn record_refusal(conn: &mut SqliteConnection, refusal: &ProposalRefused) -> Result<(), Fault> {
    let ProposalRefused { decision_id, instrument, action, reason, detail, numbers, at } = refusal;
    let row = (
        refusals::decision_id.eq(decision_id.as_str()),
        refusals::market.eq(instrument.market.code()),
        refusals::symbol.eq(instrument.symbol.as_str()),
        refusals::action.eq(action.code()),
        refusals::reason.eq(reason),
        refusals::detail.eq(detail),
        refusals::measured_micros.eq(numbers.as_ref().and_then(|one| Micros::nearest(one.measured).ok())),
        refusals::comparison.eq(numbers.as_ref().map(|one| one.comparison.code())),
        refusals::threshold_micros.eq(numbers.as_ref().and_then(|one| Micros::nearest(one.threshold).ok())),
        refusals::unit.eq(numbers.as_ref().map(|one| &one.unit)),
        refusals::at_ms.eq(ms(*at)),
    );
    diesel::insert_into(refusals::table).values(row).execute(conn)?;
    let line = format!("{action} {instrument} refused, {reason}: {detail}");
    append(conn, *at, EventKind::Refusal, Some(instrument.market), &line).map(|_| ())
}

pub(super) fn record_day_start(
    conn: &mut SqliteConnection,
    start: &RecordDayStart,
    at: DateTime<Utc>,
) -> Result<DayStart, Fault> {
    let RecordDayStart { currency, session_date, equity, trips } = *start;
    if let Some(equity) = equity {
        if equity.currency() != currency {
            return Err(Fault::refused(format!("a day start in {currency} cannot be {equity}")));
        }
        let row = (
            day_starts::currency.eq(currency.code()),
            day_starts::session_date.eq(day(session_date)),
            day_starts::equity_micros.eq(Micros::nearest(equity.amount())?),
            day_starts::at_ms.eq(ms(at)),
        );
        diesel::insert_into(day_starts::table).values(row).on_conflict_do_nothing().execute(conn)?;
    }
    let trips = trips::record(conn, (Some(currency), session_date), trips, at)?;
    let (equity, bought) = purchases::day_start(conn, currency, session_date)?;
    Ok(DayStart { equity, trips, bought })
}
