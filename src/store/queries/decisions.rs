//! Judgements, newest first, each with what came of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::messages::operator::{Answer, DecisionLine, DecisionsWanted};
use domain::{Confidence, DecisionId, OrderTerms};
use trade_ledger::StoreError;

use super::{cut, looked_at};
use crate::store::fault::Fault;
use crate::store::rows::{IntentRow, instrument};
use crate::store::schema::{approvals, decisions, intents, refusals};
use crate::store::values::{Micros, malformed, ms, parsed, time};

#[derive(Queryable, Selectable)]
#[diesel(table_name = decisions)]
pub(super) struct DecisionRow {
    id: String,
    market: String,
    symbol: String,
    action: String,
    confidence: i64,
    rationale: String,
    price_micros: Option<Micros>,
    selection_context: Option<String>,
    judge: String,
    at_ms: i64,
}

pub(super) fn decisions(
    conn: &mut SqliteConnection,
    wanted: &DecisionsWanted,
    now: DateTime<Utc>,
) -> Result<Answer, Fault> {
    let mut query = decisions::table
        .order(decisions::seq.desc())
        .limit(looked_at(wanted.limit))
        .select(DecisionRow::as_select())
        .into_boxed();
    if let Some(stock) = &wanted.stock {
        query = query.filter(decisions::symbol.eq(stock.symbol.as_str().to_owned()));
        if let Some(market) = stock.market {
            query = query.filter(decisions::market.eq(market.code()));
        }
    }
    if let Some(since) = wanted.since {
        // In the order of the index: on a quiet day nothing is young, and all that is old must not be read to find that.
        query = query
            .filter(decisions::at_ms.ge(ms(since.instant(now))))
            .order((decisions::at_ms.desc(), decisions::seq.desc()));
    }
    let rows: Vec<DecisionRow> = query.load(conn)?;
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let mut outcomes = outcomes(conn, &ids)?;
    let mut lines = Vec::new();
    for row in rows {
        let outcome = outcomes.remove(&row.id);
        lines.push(decision_line(row, outcome)?);
    }
    let more = cut(&mut lines, wanted.limit);
    Ok(Answer::Decisions { decisions: lines, more })
}

pub(super) fn decision_line(row: DecisionRow, outcome: Option<String>) -> Result<DecisionLine, StoreError> {
    let confidence = Confidence::new(row.confidence);
    let selection = row.selection_context.as_deref().map(serde_json::from_str).transpose();
    Ok(DecisionLine {
        id: DecisionId::from_stored(row.id),
        at: time(row.at_ms)?,
        instrument: instrument(&row.market, &row.symbol)?,
        action: parsed("action", &row.action)?,
        confidence: confidence.map_err(|_| malformed("confidence", &row.confidence.to_string()))?,
        judge: row.judge,
        price: row.price_micros.map(Micros::price).transpose()?,
        rationale: row.rationale,
        selection: selection.map_err(|error| malformed("selection context", &error.to_string()))?,
        outcome,
    })
}

/// What came of judgements: the order if there is one, else the last refusal.
fn outcomes(conn: &mut SqliteConnection, ids: &[String]) -> Result<BTreeMap<String, String>, Fault> {
    let refused: Vec<(String, String, String)> = refusals::table
        .filter(refusals::decision_id.eq_any(ids))
        .order(refusals::id)
        .select((refusals::decision_id, refusals::reason, refusals::detail))
        .load(conn)?;
    let mut outcomes: BTreeMap<String, String> = BTreeMap::new();
    for (decision, reason, detail) in refused {
        outcomes.insert(decision, format!("refused, {reason}: {detail}"));
    }
    let ordered: Vec<(String, IntentRow)> = intents::table
        .inner_join(approvals::table)
        .filter(approvals::decision_id.eq_any(ids))
        .order(intents::seq)
        .select((approvals::decision_id, IntentRow::as_select()))
        .load(conn)?;
    for (decision, row) in ordered {
        let OrderTerms { side, quantity, limit, .. } = row.terms()?;
        let text = format!("{side} {quantity} at {limit}: {}, filled {}", row.state, row.filled);
        outcomes.insert(decision, text);
    }
    Ok(outcomes)
}
