//! Intents read back, with the facts of their approval.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::messages::ledger::IntentRecord;
use domain::{ApprovalId, Confidence, DecisionId, Instrument, IntentId, OpenIntent, OrderState};
use rust_decimal::Decimal;
use trade_ledger::booking::{BookedIntent, DayBooks, Evidence};
use trade_ledger::claim::{Stranger, StrangerKind};
use trade_ledger::{DayKey, StoreError};

use super::fault::Fault;
use super::resolutions;
use super::rows::{ApprovalRow, IntentRow};
use super::schema::{approvals, closed_days, intents, open_days, strangers};
use super::values::{day, malformed, parsed, time};
use domain::VenueOrderId;

/// An intent with what its approval says.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) intent: OpenIntent,
    pub(super) amount: Decimal,
    pub(super) approval: ApprovalId,
    pub(super) decision: DecisionId,
    pub(super) confidence: Confidence,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) evidence: Evidence,
    /// When a list last showed something new of it.
    pub(super) shown_at: Option<DateTime<Utc>>,
}

fn loaded((row, approval): (IntentRow, ApprovalRow)) -> Result<Loaded, StoreError> {
    let confidence = approval.confidence;
    Ok(Loaded {
        intent: row.open_intent(&approval)?,
        amount: row.amount_micros.decimal(),
        evidence: row.evidence()?,
        shown_at: row.shown_at_ms.map(time).transpose()?,
        approval: ApprovalId::from_stored(row.approval_id),
        confidence: Confidence::new(confidence)
            .map_err(|_| malformed("confidence", &confidence.to_string()))?,
        expires_at: time(approval.expires_at_ms)?,
        decision: DecisionId::from_stored(approval.decision_id),
    })
}

/// Loads intents that a filter chooses, oldest first.
macro_rules! load {
    ($conn:expr, $filter:expr) => {{
        let rows: Vec<(IntentRow, ApprovalRow)> = intents::table
            .inner_join(approvals::table)
            .filter($filter)
            .order(intents::seq)
            .select((IntentRow::as_select(), ApprovalRow::as_select()))
            .load($conn)?;
        rows.into_iter().map(|row| Ok(loaded(row)?)).collect::<Result<Vec<Loaded>, Fault>>()
    }};
}

pub(super) fn find(conn: &mut SqliteConnection, id: &IntentId) -> Result<Option<Loaded>, Fault> {
    Ok(load!(conn, intents::id.eq(id.as_str()))?.pop())
}

pub(super) fn in_state(conn: &mut SqliteConnection, state: OrderState) -> Result<Vec<OpenIntent>, Fault> {
    Ok(bare(load!(conn, intents::state.eq(state.code()))?))
}

/// Every intent that is not terminal.
pub(super) fn open(conn: &mut SqliteConnection) -> Result<Vec<OpenIntent>, Fault> {
    Ok(bare(load!(conn, intents::state.eq_any(open_states()))?))
}

/// Every intent of one stock that is not terminal.
pub(super) fn open_of(conn: &mut SqliteConnection, instrument: &Instrument) -> Result<Vec<Loaded>, Fault> {
    let same_stock = intents::market
        .eq(instrument.market.code().to_owned())
        .and(intents::symbol.eq(instrument.symbol.as_str().to_owned()));
    load!(conn, same_stock.and(intents::state.eq_any(open_states())))
}

pub(super) fn of_day(conn: &mut SqliteConnection, key: DayKey) -> Result<Vec<Loaded>, Fault> {
    let same_day = intents::market.eq(key.market.code()).and(intents::session_date.eq(day(key.session_date)));
    let mut day_intents = load!(conn, same_day)?;
    let said_none = resolutions::said_none_of_day(conn, key)?;
    for one in &mut day_intents {
        // What a list showed after a person's word has overtaken the word.
        let word = said_none.get(&one.intent.id);
        one.evidence.declared_none = word.is_some_and(|word| one.shown_at.is_none_or(|shown| shown <= *word));
    }
    Ok(day_intents)
}

/// The approvals of a day that nobody has used yet.
pub(super) fn approved_of_day(conn: &mut SqliteConnection, key: DayKey) -> Result<Vec<Loaded>, Fault> {
    let same_day = intents::market.eq(key.market.code()).and(intents::session_date.eq(day(key.session_date)));
    load!(conn, same_day.and(intents::state.eq(OrderState::Approved.code())))
}

pub(super) fn all(conn: &mut SqliteConnection) -> Result<Vec<IntentRecord>, Fault> {
    let every = load!(conn, intents::seq.gt(0))?;
    Ok(every.into_iter().map(record).collect())
}

fn record(loaded: Loaded) -> IntentRecord {
    let OpenIntent { id, terms, state, venue_order, filled, .. } = loaded.intent;
    IntentRecord { id, approval: Some(loaded.approval), terms, state, venue_order, filled }
}

fn bare(loaded: Vec<Loaded>) -> Vec<OpenIntent> {
    loaded.into_iter().map(|one| one.intent).collect()
}

pub(super) fn open_states() -> Vec<&'static str> {
    OrderState::ALL.into_iter().filter(|state| state.is_open()).map(OrderState::code).collect()
}

/// What the booking rule needs of a day.
pub(super) fn day_books(day_intents: &[Loaded], strangers: Vec<Stranger>) -> DayBooks {
    let booked = |one: &Loaded| BookedIntent {
        intent: one.intent.clone(),
        amount: one.amount,
        evidence: one.evidence,
    };
    DayBooks { intents: day_intents.iter().map(booked).collect(), strangers }
}

/// Orders of a market that were recorded as none of ours, as far back as any order of `key`'s list can be.
pub(super) fn strangers_of(conn: &mut SqliteConnection, key: DayKey) -> Result<Vec<Stranger>, Fault> {
    let rows: Vec<(String, String, String, String)> = strangers::table
        .filter(strangers::market.eq(key.market.code()))
        .filter(strangers::order_date.ge(day(key.session_date)))
        .select((strangers::kind, strangers::order_date, strangers::branch, strangers::number))
        .load(conn)?;
    rows.into_iter().map(|row| Ok(stranger(row)?)).collect()
}

fn stranger((kind, date, branch, number): (String, String, String, String)) -> Result<Stranger, StoreError> {
    let known = [StrangerKind::Foreign, StrangerKind::Disputed];
    let kind = known.into_iter().find(|candidate| candidate.code() == kind);
    let kind = kind.ok_or_else(|| malformed("kind of stranger", &number))?;
    Ok(Stranger { order: VenueOrderId { date: parsed("order date", &date)?, branch, number }, kind })
}

/// Days that have an intent and no close record, oldest first.
pub(super) fn unclosed_days(conn: &mut SqliteConnection) -> Result<Vec<DayKey>, Fault> {
    let rows: Vec<(String, String)> =
        open_days::table.order((open_days::session_date, open_days::market)).load(conn)?;
    let key = |(market, date): (String, String)| -> Result<DayKey, Fault> {
        Ok(DayKey { market: parsed("market", &market)?, session_date: parsed("session date", &date)? })
    };
    rows.into_iter().map(key).collect()
}

pub(super) fn is_closed(conn: &mut SqliteConnection, key: DayKey) -> Result<bool, Fault> {
    let record = closed_days::table.find((key.market.code(), day(key.session_date)));
    Ok(diesel::select(diesel::dsl::exists(record)).get_result(conn)?)
}
