//! Orders, newest first.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::messages::operator::{Answer, OrderLine, OrdersWanted};
use domain::{DecisionId, IntentId};
use trade_ledger::StoreError;

use super::{cut, looked_at};
use crate::store::fault::Fault;
use crate::store::loading::open_states;
use crate::store::rows::{ApprovalRow, IntentRow};
use crate::store::schema::{approvals, intents};
use crate::store::values::{ms, parsed, shares, time};

/// An intent, its approval, when it last changed, and what was said about it.
pub(super) type OrderRow = (IntentRow, ApprovalRow, i64, Option<String>);

pub(super) fn orders(
    conn: &mut SqliteConnection,
    wanted: &OrdersWanted,
    now: DateTime<Utc>,
) -> Result<Answer, Fault> {
    let mut query = intents::table
        .inner_join(approvals::table)
        .order(intents::seq.desc())
        .limit(looked_at(wanted.limit))
        .select((IntentRow::as_select(), ApprovalRow::as_select(), intents::changed_at_ms, intents::remark))
        .into_boxed();
    if wanted.open_only {
        query = query.filter(intents::state.eq_any(open_states()));
    }
    if let Some(since) = wanted.since {
        // In the order of the index, as of decisions.
        query = query
            .filter(approvals::approved_at_ms.ge(ms(since.instant(now))))
            .order((approvals::approved_at_ms.desc(), intents::seq.desc()));
    }
    let rows: Vec<OrderRow> = query.load(conn)?;
    let mut lines = rows.into_iter().map(|row| Ok(order_line(row)?)).collect::<Result<Vec<_>, Fault>>()?;
    let more = cut(&mut lines, wanted.limit);
    Ok(Answer::Orders { orders: lines, more })
}

pub(super) fn order_line((row, approval, changed, remark): OrderRow) -> Result<OrderLine, StoreError> {
    let terms = row.terms()?;
    let currency = terms.instrument.market.currency();
    Ok(OrderLine {
        decision: DecisionId::from_stored(approval.decision_id),
        side: terms.side,
        quantity: terms.quantity,
        limit: terms.limit,
        instrument: terms.instrument,
        state: parsed("order state", &row.state)?,
        filled: shares(row.filled)?,
        amount: row.amount_micros.money(currency),
        approved_at: time(approval.approved_at_ms)?,
        sent_at: row.sent_at_ms.map(time).transpose()?,
        changed_at: time(changed)?,
        number: row.number,
        remark,
        intent: IntentId::from_stored(row.id),
    })
}
