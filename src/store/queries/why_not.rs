//! Why a stock did not trade on a day: the first gate that it failed on its furthest way.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use diesel::prelude::*;
use domain::messages::operator::{Answer, Obstacle, Stage, StockWanted};
use domain::messages::trading::{Comparison, GateNumbers};
use domain::{Action, Instrument, Market, OrderState};

use super::why::refusals_of;
use crate::store::fault::Fault;
use crate::store::schema::{approvals, decisions, intents};
use crate::store::values::{day, parsed, time};

/// One answer per market on which the books know the stock that day; without a day, the newest one that they know.
pub(super) fn why_not(
    conn: &mut SqliteConnection,
    stock: &StockWanted,
    on: Option<NaiveDate>,
) -> Result<Answer, Fault> {
    let mut obstacles = Vec::new();
    for stock in known_as(conn, stock)? {
        let date = match on {
            Some(date) => Some(date),
            None => newest_day(conn, &stock)?,
        };
        if let Some(date) = date {
            obstacles.extend(obstacle(conn, &stock, date)?);
        }
    }
    Ok(Answer::WhyNot { stock: stock.clone(), on, obstacles })
}

/// The stocks of that code that were ever judged, ordered or looked at.
fn known_as(conn: &mut SqliteConnection, wanted: &StockWanted) -> Result<BTreeSet<Instrument>, Fault> {
    if let Some(market) = wanted.market {
        return Ok(BTreeSet::from([Instrument { market, symbol: wanted.symbol.clone() }]));
    }
    let symbol = wanted.symbol.as_str();
    let mut known = BTreeSet::new();
    for market in Market::ALL {
        let judged =
            decisions::table.filter(decisions::symbol.eq(symbol)).filter(decisions::market.eq(market.code()));
        let ordered =
            intents::table.filter(intents::symbol.eq(symbol)).filter(intents::market.eq(market.code()));
        let is_known: bool = diesel::select(diesel::dsl::exists(judged)).get_result(conn)?;
        let is_ordered: bool = diesel::select(diesel::dsl::exists(ordered)).get_result(conn)?;
        if is_known || is_ordered || super::selection::is_known(conn, market, symbol)? {
            known.insert(Instrument { market, symbol: wanted.symbol.clone() });
        }
    }
    Ok(known)
}

fn newest_day(conn: &mut SqliteConnection, stock: &Instrument) -> Result<Option<NaiveDate>, Fault> {
    let judged: Option<String> = decisions::table
        .filter(decisions::symbol.eq(stock.symbol.as_str()))
        .filter(decisions::market.eq(stock.market.code()))
        .order(decisions::seq.desc())
        .select(decisions::session_date)
        .first(conn)
        .optional()?;
    let ordered: Option<String> = intents::table
        .filter(intents::symbol.eq(stock.symbol.as_str()))
        .filter(intents::market.eq(stock.market.code()))
        .order(intents::seq.desc())
        .select(intents::session_date)
        .first(conn)
        .optional()?;
    let days = [judged, ordered].into_iter().flatten().map(|date| parsed("session date", &date));
    let days = days.collect::<Result<Vec<NaiveDate>, _>>()?;
    Ok(days.into_iter().chain(super::selection::newest_day(conn, stock)?).max())
}

/// The furthest that the stock came: an order, then a proposal, then a judgement, then a scan.
fn obstacle(
    conn: &mut SqliteConnection,
    stock: &Instrument,
    date: NaiveDate,
) -> Result<Option<Obstacle>, Fault> {
    if let Some(found) = ordered(conn, stock, date)? {
        return Ok(Some(found));
    }
    if let Some(found) = judged(conn, stock, date)? {
        return Ok(Some(found));
    }
    super::selection::rejected(conn, stock, date)
}

pub(super) fn at_stage(stock: &Instrument, session_date: NaiveDate, stage: Stage, gate: &str) -> Obstacle {
    Obstacle {
        instrument: stock.clone(),
        session_date,
        stage,
        at: None,
        gate: gate.to_owned(),
        detail: String::new(),
        numbers: None,
    }
}

type Ordered = (String, String, i64, i64, Option<String>, i64);

/// Of several orders the one that was filled most.
fn ordered(
    conn: &mut SqliteConnection,
    stock: &Instrument,
    date: NaiveDate,
) -> Result<Option<Obstacle>, Fault> {
    let row: Option<Ordered> = intents::table
        .inner_join(approvals::table)
        .filter(intents::symbol.eq(stock.symbol.as_str()))
        .filter(intents::market.eq(stock.market.code()))
        .filter(intents::session_date.eq(day(date)))
        .order((intents::filled.desc(), intents::seq.desc()))
        .select((
            intents::side,
            intents::state,
            intents::quantity,
            intents::filled,
            intents::remark,
            intents::changed_at_ms,
        ))
        .first(conn)
        .optional()?;
    let Some((side, state, quantity, filled, remark, changed)) = row else { return Ok(None) };
    let state: OrderState = parsed("order state", &state)?;
    let stage = if filled > 0 { Stage::Traded } else { Stage::Exchange };
    let remark = remark.map(|remark| format!(": {remark}")).unwrap_or_default();
    Ok(Some(Obstacle {
        at: Some(time(changed)?),
        detail: format!("{side} {quantity} was ordered, {filled} filled, {state}{remark}"),
        ..at_stage(stock, date, stage, state.code())
    }))
}

/// A refused BUY or SELL came further than any HOLD.
fn judged(
    conn: &mut SqliteConnection,
    stock: &Instrument,
    date: NaiveDate,
) -> Result<Option<Obstacle>, Fault> {
    let rows: Vec<(String, String, i64, String, String, i64)> = decisions::table
        .filter(decisions::symbol.eq(stock.symbol.as_str()))
        .filter(decisions::market.eq(stock.market.code()))
        .filter(decisions::session_date.eq(day(date)))
        .order(decisions::seq.desc())
        .select((
            decisions::id,
            decisions::action,
            decisions::confidence,
            decisions::rationale,
            decisions::judge,
            decisions::at_ms,
        ))
        .load(conn)?;
    let hold = Action::Hold.code();
    let furthest = rows.iter().find(|row| row.1 != hold).or(rows.first());
    let Some((id, action, confidence, rationale, judge, at)) = furthest else { return Ok(None) };
    let at = Some(time(*at)?);
    if action == hold {
        let detail = format!("{judge} judged HOLD with confidence {confidence}: {rationale}");
        let numbers = if judge == brain::judge::RULES { score(rationale) } else { None };
        return Ok(Some(Obstacle { at, detail, numbers, ..at_stage(stock, date, Stage::Judgement, hold) }));
    }
    let refusals = refusals_of(conn, id)?;
    Ok(Some(match refusals.into_iter().next_back() {
        Some(refusal) => Obstacle {
            at: Some(refusal.at),
            detail: refusal.detail,
            numbers: refusal.numbers,
            ..at_stage(stock, date, Stage::Limits, &refusal.reason)
        },
        None => {
            let detail = format!(
                "{judge} judged {action}, and no answer of RiskGuard is in the books: the process ended, or the proposal was lost"
            );
            Obstacle { at, detail, ..at_stage(stock, date, Stage::Proposal, "Unanswered") }
        }
    }))
}

/// How far a strategy's score was from what it buys at; none where something else kept it.
fn score(rationale: &str) -> Option<GateNumbers> {
    let (measured, threshold) = strategy::form::told_score(rationale)?;
    let unit = "points of the strategy's score".to_owned();
    (measured < threshold).then_some(GateNumbers {
        measured,
        comparison: Comparison::AtLeast,
        threshold,
        unit,
    })
}
