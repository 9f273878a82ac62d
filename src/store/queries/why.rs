//! Why a stock was traded: the chain of one judgement, from the books alone.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::messages::consultation::{Consultation, Heard};
use domain::messages::evolution::ProposalNumber;
use domain::messages::operator::{
    Answer, ConsultationLine, FillLine, OrderStory, RefusalLine, StockWanted, Story, StrategyLine,
};
use domain::messages::trading::{Comparison, GateNumbers};
use domain::{Confidence, Currency, Instrument, Market, Side};
use trade_ledger::StoreError;

use super::decisions::{DecisionRow, decision_line};
use super::orders::{OrderRow, order_line};
use super::selection;
use crate::store::fault::Fault;
use crate::store::rows::{ApprovalRow, IntentRow};
use crate::store::schema::{approvals, decisions, fills, intents, refusals, strategy_versions};
use crate::store::values::{Micros, day, malformed, ms, parsed, shares, time};
use crate::store::{consultations, outcomes};

/// Who judged where RiskGuard sold by its own exit rules.
const EXITS: &str = risk_guard::EXITS_JUDGE;
/// Most refusals and orders of one judgement that are shown; it has one or two.
const LINKS_MAX: i64 = 50;

/// The judgement behind the newest order; where nothing was ordered, or an instant is named, the newest until then.
pub(super) fn why(
    conn: &mut SqliteConnection,
    stock: &StockWanted,
    at: Option<DateTime<Utc>>,
) -> Result<Answer, Fault> {
    let ordered = newest(conn, stock, at, newest_order)?;
    let judged = newest(conn, stock, at, newest_judgement)?;
    let link = match (ordered, judged) {
        (Some(ordered), Some(judged)) if at.is_some() && judged.at_ms > ordered.at_ms => Some(judged),
        (Some(ordered), _) => Some(ordered),
        (None, judged) => judged,
    };
    let story = link.map(|link| story(conn, &link).map(Box::new)).transpose()?;
    Ok(Answer::Why { stock: stock.clone(), story })
}

/// One judgement, by its id, and the stock it is about.
struct Link {
    /// Of the order or the judgement; later ones have greater numbers, whatever their market.
    seq: i64,
    decision: String,
    stock: Instrument,
    at_ms: i64,
}

type LinkRow = (i64, String, i64);
type Newest = fn(
    &mut SqliteConnection,
    &Instrument,
    Option<DateTime<Utc>>,
) -> Result<Option<LinkRow>, diesel::result::Error>;

/// Market by market: the indices begin with one stock of one market, and a code may be known on several.
fn newest(
    conn: &mut SqliteConnection,
    wanted: &StockWanted,
    at: Option<DateTime<Utc>>,
    of: Newest,
) -> Result<Option<Link>, Fault> {
    let markets = wanted.market.map_or_else(|| Market::ALL.to_vec(), |market| vec![market]);
    let mut newest: Option<Link> = None;
    for market in markets {
        let stock = Instrument { market, symbol: wanted.symbol.clone() };
        if let Some((seq, decision, at_ms)) = of(conn, &stock, at)?
            && newest.as_ref().is_none_or(|known| known.seq < seq)
        {
            newest = Some(Link { seq, decision, stock, at_ms });
        }
    }
    Ok(newest)
}

/// No session that was open at an instant has a later date: a market's own date is a day ahead of UTC's at most.
fn last_session(at: DateTime<Utc>) -> String {
    let date = at.date_naive();
    day(date.succ_opt().unwrap_or(date))
}

fn newest_order(
    conn: &mut SqliteConnection,
    stock: &Instrument,
    at: Option<DateTime<Utc>>,
) -> Result<Option<LinkRow>, diesel::result::Error> {
    let mut query = intents::table
        .inner_join(approvals::table)
        .filter(intents::symbol.eq(stock.symbol.as_str()))
        .filter(intents::market.eq(stock.market.code()))
        .order(intents::seq.desc())
        .select((intents::seq, approvals::decision_id, approvals::approved_at_ms))
        .into_boxed();
    if let Some(at) = at {
        query = query
            .filter(intents::session_date.le(last_session(at)))
            .filter(approvals::approved_at_ms.le(ms(at)))
            .order((intents::session_date.desc(), intents::seq.desc()));
    }
    query.first(conn).optional()
}

fn newest_judgement(
    conn: &mut SqliteConnection,
    stock: &Instrument,
    at: Option<DateTime<Utc>>,
) -> Result<Option<LinkRow>, diesel::result::Error> {
    let mut query = decisions::table
        .filter(decisions::symbol.eq(stock.symbol.as_str()))
        .filter(decisions::market.eq(stock.market.code()))
        .order(decisions::seq.desc())
        .select((decisions::seq, decisions::id, decisions::at_ms))
        .into_boxed();
    if let Some(at) = at {
        query = query
            .filter(decisions::session_date.le(last_session(at)))
            .filter(decisions::at_ms.le(ms(at)))
            .order((decisions::session_date.desc(), decisions::seq.desc()));
    }
    query.first(conn).optional()
}

fn story(conn: &mut SqliteConnection, link: &Link) -> Result<Story, Fault> {
    let decision: Option<DecisionRow> = decisions::table
        .filter(decisions::id.eq(&link.decision))
        .select(DecisionRow::as_select())
        .first(conn)
        .optional()?;
    let judged: Option<(String, Option<i64>, String)> = decisions::table
        .filter(decisions::id.eq(&link.decision))
        .select((decisions::session_date, decisions::strategy_version, decisions::judge))
        .first(conn)
        .optional()?;
    let (considered, strategy) = match judged {
        Some((date, version, judge)) => (
            selection::considered(conn, &link.stock, parsed("session date", &date)?)?,
            strategy(conn, version, &judge)?,
        ),
        None => (Vec::new(), None),
    };
    let closed = outcomes::of_decision(conn, &link.stock, &link.decision)?;
    let orders = orders_of(conn, &link.decision)?;
    let is_sale = orders.iter().any(|ordered| ordered.order.side == Side::Sell);
    Ok(Story {
        bought_at: if is_sale { bought_before(conn, link)? } else { None },
        consultation: consultation_of(conn, &link.decision)?.map(Box::new),
        closed_at: closed.as_ref().map(|closed| closed.closed_at),
        pnl_pct: closed.and_then(|closed| closed.pnl_pct),
        instrument: link.stock.clone(),
        considered,
        strategy,
        decision: decision.map(|row| decision_line(row, None)).transpose()?,
        refusals: refusals_of(conn, &link.decision)?,
        orders,
    })
}

fn bought_before(conn: &mut SqliteConnection, link: &Link) -> Result<Option<DateTime<Utc>>, Fault> {
    let newest: Option<i64> = intents::table
        .inner_join(approvals::table)
        .filter(intents::symbol.eq(link.stock.symbol.as_str()))
        .filter(intents::market.eq(link.stock.market.code()))
        .filter(intents::side.eq(Side::Buy.code()))
        .filter(intents::filled.gt(0))
        .filter(intents::session_date.le(last_session(time(link.at_ms)?)))
        .filter(approvals::approved_at_ms.le(link.at_ms))
        .order((intents::session_date.desc(), intents::seq.desc()))
        .select(approvals::approved_at_ms)
        .first(conn)
        .optional()?;
    Ok(newest.map(time).transpose()?)
}

/// What was traded by; RiskGuard's exits follow its own settings.
fn strategy(
    conn: &mut SqliteConnection,
    version: Option<i64>,
    judge: &str,
) -> Result<Option<StrategyLine>, Fault> {
    let Some(version) = version else {
        return Ok((judge != EXITS).then_some(StrategyLine::Settings));
    };
    let booked: Option<Option<i64>> =
        strategy_versions::table.find(version).select(strategy_versions::proposal).first(conn).optional()?;
    let proposal = booked.flatten().map(|number| {
        let known = u32::try_from(number).map(ProposalNumber);
        known.map_err(|_| malformed("proposal", &number.to_string()))
    });
    Ok(Some(StrategyLine::Version { version, proposal: proposal.transpose()? }))
}

/// What a language model was asked and said before this judgement.
fn consultation_of(conn: &mut SqliteConnection, decision: &str) -> Result<Option<ConsultationLine>, Fault> {
    let Some((booked, basis)) = consultations::behind(conn, decision)? else { return Ok(None) };
    let Consultation {
        asked_at, latency_ms, model: asked_model, prompt_version, system, prompt, heard, ..
    } = booked.consultation;
    let (reply, failure) = match heard {
        Heard::Reply(reply) => (Some(reply), None),
        Heard::Nothing(why) => (None, Some(why)),
    };
    let usage = reply.as_ref().map(|reply| reply.usage).unwrap_or_default();
    Ok(Some(ConsultationLine {
        asked_at,
        latency_ms,
        asked_model,
        model: reply.as_ref().map(|reply| reply.model.clone()),
        response_id: reply.as_ref().and_then(|reply| reply.response_id.clone()),
        prompt_version,
        input_tokens: usage.input,
        output_tokens: usage.output,
        system,
        prompt,
        reply: reply.map(|reply| reply.text),
        failure,
        withheld: basis.withheld,
    }))
}

type RefusalRow =
    (i64, String, String, String, Option<Micros>, Option<String>, Option<Micros>, Option<String>);

/// What RiskGuard refused of a judgement, in order.
pub(super) fn refusals_of(conn: &mut SqliteConnection, decision: &str) -> Result<Vec<RefusalLine>, Fault> {
    let rows: Vec<RefusalRow> = refusals::table
        .filter(refusals::decision_id.eq(decision))
        .order(refusals::id)
        .limit(LINKS_MAX)
        .select((
            refusals::at_ms,
            refusals::action,
            refusals::reason,
            refusals::detail,
            refusals::measured_micros,
            refusals::comparison,
            refusals::threshold_micros,
            refusals::unit,
        ))
        .load(conn)?;
    rows.into_iter().map(|row| Ok(refusal(row)?)).collect()
}

fn refusal(
    (at, action, reason, detail, measured, comparison, threshold, unit): RefusalRow,
) -> Result<RefusalLine, StoreError> {
    let numbers = match (measured, comparison, threshold, unit) {
        (Some(measured), Some(code), Some(threshold), Some(unit)) => {
            let known = Comparison::ALL.into_iter().find(|one| one.code() == code);
            let comparison = known.ok_or_else(|| malformed("comparison", &code))?;
            Some(GateNumbers {
                measured: measured.decimal(),
                comparison,
                threshold: threshold.decimal(),
                unit,
            })
        }
        (_, _, _, _) => None,
    };
    Ok(RefusalLine { at: time(at)?, action: parsed("action", &action)?, reason, detail, numbers })
}

fn orders_of(conn: &mut SqliteConnection, decision: &str) -> Result<Vec<OrderStory>, Fault> {
    let rows: Vec<OrderRow> = intents::table
        .inner_join(approvals::table)
        .filter(approvals::decision_id.eq(decision))
        .order(intents::seq)
        .limit(LINKS_MAX)
        .select((IntentRow::as_select(), ApprovalRow::as_select(), intents::changed_at_ms, intents::remark))
        .load(conn)?;
    let mut stories = Vec::new();
    for row in rows {
        stories.push(order_story(conn, row)?);
    }
    Ok(stories)
}

fn order_story(conn: &mut SqliteConnection, row: OrderRow) -> Result<OrderStory, Fault> {
    let (sure, expires_at) = (row.1.confidence, time(row.1.expires_at_ms)?);
    let order = order_line(row)?;
    let currency = order.instrument.market.currency();
    Ok(OrderStory {
        confidence: Confidence::new(sure).map_err(|_| malformed("confidence", &sure.to_string()))?,
        expires_at,
        fills: fills_of(conn, order.intent.as_str(), currency)?,
        order,
    })
}

type FillRow = (i64, i64, Micros, Micros, Option<Micros>, Option<Micros>);

fn fills_of(conn: &mut SqliteConnection, intent: &str, currency: Currency) -> Result<Vec<FillLine>, Fault> {
    let rows: Vec<FillRow> = fills::table
        .filter(fills::intent_id.eq(intent))
        .order(fills::id)
        .select((
            fills::booked_at_ms,
            fills::quantity,
            fills::price_micros,
            fills::amount_micros,
            fills::cost_micros,
            fills::pnl_micros,
        ))
        .load(conn)?;
    let line = |(at, quantity, price, amount, cost, pnl): FillRow| -> Result<FillLine, Fault> {
        Ok(FillLine {
            at: time(at)?,
            quantity: shares(quantity)?,
            price: price.price()?,
            amount: amount.money(currency),
            cost: cost.map(|cost| cost.money(currency)),
            pnl: pnl.map(|pnl| pnl.money(currency)),
        })
    };
    rows.into_iter().map(line).collect()
}
