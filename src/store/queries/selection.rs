//! What scans made of a stock: the gates that it passed and failed.

use chrono::NaiveDate;
use diesel::dsl::{exists, max};
use diesel::prelude::*;
use domain::messages::operator::{ConsideredLine, Obstacle, Stage};
use domain::messages::selection::BookedSelection;
use domain::messages::trading::{Comparison, GateNumbers};
use domain::selection::{Demand, GateCheck, SelectionGate};
use domain::{Instrument, Market, Verdict};

use super::why_not::at_stage;
use crate::store::fault::Fault;
use crate::store::schema::selections;
use crate::store::selections::of_stock;
use crate::store::values::parsed;

/// True when a scan ever considered it.
pub(super) fn is_known(conn: &mut SqliteConnection, market: Market, symbol: &str) -> Result<bool, Fault> {
    let considered =
        selections::table.filter(selections::symbol.eq(symbol)).filter(selections::market.eq(market.code()));
    Ok(diesel::select(exists(considered)).get_result(conn)?)
}

/// The newest session in which a scan considered it.
pub(super) fn newest_day(
    conn: &mut SqliteConnection,
    stock: &Instrument,
) -> Result<Option<NaiveDate>, Fault> {
    let newest: Option<String> = selections::table
        .filter(selections::symbol.eq(stock.symbol.as_str()))
        .filter(selections::market.eq(stock.market.code()))
        .select(max(selections::session_date))
        .first(conn)?;
    Ok(newest.map(|date| parsed("session date", &date)).transpose()?)
}

/// Each verdict of the session, in the order in which they were last told.
pub(super) fn considered(
    conn: &mut SqliteConnection,
    stock: &Instrument,
    date: NaiveDate,
) -> Result<Vec<ConsideredLine>, Fault> {
    let line = |booked: BookedSelection| ConsideredLine {
        first_at: booked.first_at,
        last_at: booked.last_at,
        slot: booked.slot,
        verdict: booked.verdict.code().to_owned(),
        evidence: booked.evidence,
    };
    Ok(of_stock(conn, stock, date)?.into_iter().map(line).collect())
}

/// Why no scan of the session made it a candidate that was judged. Chosen once counts more than rejected later.
pub(super) fn rejected(
    conn: &mut SqliteConnection,
    stock: &Instrument,
    date: NaiveDate,
) -> Result<Option<Obstacle>, Fault> {
    let booked = of_stock(conn, stock, date)?;
    let is_candidate = |one: &&BookedSelection| match one.verdict {
        Verdict::Chosen | Verdict::Held => true,
        Verdict::Rejected(_) => false,
    };
    let newest = booked.iter().rfind(is_candidate).or(booked.last());
    Ok(newest.map(|one| match one.verdict {
        Verdict::Chosen | Verdict::Held => Obstacle {
            at: Some(one.last_at),
            detail: format!(
                "the scan of {} made it a candidate, and no judgement of it is in the books",
                one.slot
            ),
            ..at_stage(stock, date, Stage::Judgement, "Unjudged")
        },
        Verdict::Rejected(gate) => Obstacle {
            at: Some(one.last_at),
            detail: match (gate, &one.evidence.wait) {
                (SelectionGate::Wait, Some(wait)) => {
                    format!("the scan of {} did not choose it: it {wait}", one.slot)
                }
                (_, _) => format!("the scan of {} did not choose it: {}", one.slot, demanded(gate)),
            },
            numbers: one.evidence.first_failure().and_then(numbers),
            ..at_stage(stock, date, Stage::Selection, gate.code())
        },
    }))
}

/// What the gate wants, in words.
fn demanded(gate: SelectionGate) -> &'static str {
    match gate {
        SelectionGate::Price => "it had no price",
        SelectionGate::Restriction => "the exchange restricts its trade",
        SelectionGate::MinPrice => "its price is below US_MIN_PRICE",
        SelectionGate::Movement => "it moved too little",
        SelectionGate::Wait => "RiskGuard lets it wait",
        SelectionGate::Rank => "others scored higher, and only the best are taken (SCANNER_TOP_N)",
        SelectionGate::History => "its past daily bars could not be had",
        SelectionGate::Oversold | SelectionGate::Momentum | SelectionGate::Volume => "it gave no signal",
        SelectionGate::Strategy => "the strategy's score is not reached",
    }
}

/// None where a number was not known: then no change of it can be told.
fn numbers(check: &GateCheck) -> Option<GateNumbers> {
    let comparison = match check.gate.demand() {
        Demand::Told => return None,
        Demand::AtLeast => Comparison::AtLeast,
        Demand::Above => Comparison::Above,
        Demand::Below => Comparison::Below,
    };
    let unit = match check.gate {
        SelectionGate::MinPrice => "USD",
        SelectionGate::Movement => "%",
        SelectionGate::Rank => "points of score",
        SelectionGate::Oversold | SelectionGate::Momentum => "points of RSI",
        SelectionGate::Volume => "times the average volume",
        SelectionGate::Strategy => "points of the strategy's score",
        SelectionGate::Price | SelectionGate::Restriction | SelectionGate::Wait | SelectionGate::History => {
            return None;
        }
    };
    Some(GateNumbers {
        measured: check.value?,
        comparison,
        threshold: check.threshold?,
        unit: unit.to_owned(),
    })
}
