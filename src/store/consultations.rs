//! What a language model was asked, what it said, and what was decided by it.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use domain::messages::consultation::{
    BookedConsultation, BookedJudgement, CallId, Consultation, DecisionBasis, EarlierCall, EarlierCallFor,
    Heard, REPLY_KEPT_BYTES, SpentQuota,
};
use domain::{Confidence, DecisionId, OracleReply, TokenUsage};
use trade_ledger::StoreError;

use super::fault::Fault;
use super::rows::instrument;
use super::schema::{consultations, decision_bases, decisions, oracle_calls};
use super::values::{count, day, malformed, ms, parsed, stored, time};

/// Keeps a call with what came of it; the same again changes nothing.
pub(super) fn record(conn: &mut SqliteConnection, made: &Consultation) -> Result<(), Fault> {
    let stocks = serde_json::to_string(&made.stocks);
    let stocks = stocks.map_err(|_| StoreError::NotRepresentable("the stocks of a call".to_owned()))?;
    let (reply, failure) = match &made.heard {
        Heard::Reply(reply) => (Some(reply), None),
        Heard::Nothing(why) => (None, Some(why)),
    };
    let usage = reply.map(|reply| reply.usage).unwrap_or_default();
    let tokens = |count: Option<u64>| count.map(stored).transpose();
    let bytes = reply.map_or(0, |reply| reply.text.len());
    let row = (
        consultations::quota_date.eq(day(made.call.quota_date)),
        consultations::purpose.eq(&made.call.purpose),
        consultations::session_date.eq(day(made.session_date)),
        consultations::slot.eq(&made.slot),
        consultations::stocks.eq(stocks),
        consultations::threshold.eq(i64::from(made.threshold)),
        consultations::prompt_version.eq(i64::from(made.prompt_version)),
        consultations::asked_model.eq(&made.model),
        consultations::system.eq(&made.system),
        consultations::prompt.eq(&made.prompt),
        consultations::asked_at_ms.eq(ms(made.asked_at)),
        consultations::latency_ms.eq(stored(made.latency_ms)?),
        consultations::reply.eq(reply.map(|reply| kept(&reply.text))),
        consultations::reply_bytes.eq(stored(u64::try_from(bytes).unwrap_or(u64::MAX))?),
    );
    let told = (
        consultations::model.eq(reply.map(|reply| &reply.model)),
        consultations::response_id.eq(reply.and_then(|reply| reply.response_id.as_ref())),
        consultations::input_tokens.eq(tokens(usage.input)?),
        consultations::output_tokens.eq(tokens(usage.output)?),
        consultations::total_tokens.eq(tokens(usage.total)?),
        consultations::failure.eq(failure),
        consultations::rests_until_ms.eq(made.rests_until.map(ms)),
    );
    diesel::insert_into(consultations::table).values((row, told)).on_conflict_do_nothing().execute(conn)?;
    Ok(())
}

/// The reply, cut at a character.
fn kept(text: &str) -> &str {
    let mut end = REPLY_KEPT_BYTES.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Keeps what a judgement rests on.
pub(super) fn record_basis(
    conn: &mut SqliteConnection,
    decision: &DecisionId,
    basis: &DecisionBasis,
) -> Result<(), Fault> {
    let row = (
        decision_bases::decision_id.eq(decision.as_str()),
        decision_bases::quota_date.eq(day(basis.call.quota_date)),
        decision_bases::purpose.eq(&basis.call.purpose),
        decision_bases::withheld.eq(basis.withheld.as_ref()),
        decision_bases::delay_minutes.eq(basis.delay_minutes),
    );
    diesel::insert_into(decision_bases::table).values(row).execute(conn)?;
    Ok(())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = consultations)]
struct Row {
    quota_date: String,
    purpose: String,
    session_date: String,
    slot: String,
    stocks: String,
    threshold: i64,
    prompt_version: i64,
    asked_model: String,
    system: String,
    prompt: String,
    asked_at_ms: i64,
    latency_ms: i64,
    reply: Option<String>,
    reply_bytes: i64,
    model: Option<String>,
    response_id: Option<String>,
    input_tokens: Option<i64>,
    output_tokens: Option<i64>,
    total_tokens: Option<i64>,
    failure: Option<String>,
    rests_until_ms: Option<i64>,
}

/// The calls of a session, oldest first, with what was decided by each.
pub(super) fn of_session(
    conn: &mut SqliteConnection,
    session_date: NaiveDate,
) -> Result<Vec<BookedConsultation>, Fault> {
    let rows: Vec<Row> = consultations::table
        .filter(consultations::session_date.eq(day(session_date)))
        .order((consultations::asked_at_ms, consultations::purpose))
        .select(Row::as_select())
        .load(conn)?;
    let mut booked = Vec::new();
    for row in rows {
        let judgements = judgements(conn, (&row.quota_date, &row.purpose))?;
        booked.push(consultation(row, judgements)?);
    }
    Ok(booked)
}

/// What the newest call of a model told of its quota.
pub(super) fn spent_quota(conn: &mut SqliteConnection, model: &str) -> Result<Option<SpentQuota>, Fault> {
    let newest: Option<(i64, Option<i64>, Option<String>)> = consultations::table
        .filter(consultations::asked_model.eq(model))
        .order((consultations::asked_at_ms.desc(), consultations::purpose.desc()))
        .select((consultations::asked_at_ms, consultations::rests_until_ms, consultations::failure))
        .first(conn)
        .optional()?;
    let Some((from, Some(until), why)) = newest else { return Ok(None) };
    Ok(Some(SpentQuota { from: time(from)?, until: time(until)?, why: why.unwrap_or_default() }))
}

/// What came of the call for a purpose, whichever day of the quota it is of; a reply counts before a call without one.
pub(super) fn earlier_call(
    conn: &mut SqliteConnection,
    query: &EarlierCallFor,
) -> Result<EarlierCall, Fault> {
    let replies: Vec<Option<String>> = consultations::table
        .filter(consultations::session_date.eq(day(query.session_date)))
        .filter(consultations::purpose.eq(&query.purpose))
        .order(consultations::asked_at_ms)
        .select(consultations::reply)
        .load(conn)?;
    let is_booked = !replies.is_empty();
    if let Some(reply) = replies.into_iter().flatten().next() {
        return Ok(EarlierCall::Answered(reply));
    }
    let of_purpose = oracle_calls::table.filter(oracle_calls::purpose.eq(&query.purpose));
    let reserved: i64 = of_purpose.count().get_result(conn)?;
    Ok(if is_booked || reserved > 0 { EarlierCall::Unanswered } else { EarlierCall::None })
}

/// The call that a judgement was made by, if it was made by one.
pub(super) fn behind(
    conn: &mut SqliteConnection,
    decision: &str,
) -> Result<Option<(BookedConsultation, DecisionBasis)>, Fault> {
    let basis: Option<(String, String, Option<String>, i64)> = decision_bases::table
        .find(decision)
        .select((
            decision_bases::quota_date,
            decision_bases::purpose,
            decision_bases::withheld,
            decision_bases::delay_minutes,
        ))
        .first(conn)
        .optional()?;
    let Some((quota_date, purpose, withheld, delay_minutes)) = basis else { return Ok(None) };
    let row: Row = consultations::table.find((&quota_date, &purpose)).select(Row::as_select()).first(conn)?;
    let booked = consultation(row, Vec::new())?;
    let call = booked.consultation.call.clone();
    Ok(Some((booked, DecisionBasis { call, withheld, delay_minutes })))
}

type JudgementRow = (String, String, String, String, i64, String, Option<String>, i64);

fn judgements(
    conn: &mut SqliteConnection,
    (quota_date, purpose): (&str, &str),
) -> Result<Vec<BookedJudgement>, Fault> {
    let rows: Vec<JudgementRow> = decisions::table
        .inner_join(decision_bases::table.on(decision_bases::decision_id.eq(decisions::id)))
        .filter(decision_bases::quota_date.eq(quota_date))
        .filter(decision_bases::purpose.eq(purpose))
        .order(decisions::seq)
        .select((
            decisions::id,
            decisions::market,
            decisions::symbol,
            decisions::action,
            decisions::confidence,
            decisions::rationale,
            decision_bases::withheld,
            decision_bases::delay_minutes,
        ))
        .load(conn)?;
    let call = CallId { quota_date: parsed("quota date", quota_date)?, purpose: purpose.to_owned() };
    rows.into_iter().map(|row| Ok(judgement(row, &call)?)).collect()
}

fn judgement(
    (id, market, symbol, action, confidence, rationale, withheld, delay_minutes): JudgementRow,
    call: &CallId,
) -> Result<BookedJudgement, StoreError> {
    Ok(BookedJudgement {
        id: DecisionId::from_stored(id),
        instrument: instrument(&market, &symbol)?,
        action: parsed("action", &action)?,
        confidence: sure(confidence)?,
        rationale,
        basis: DecisionBasis { call: call.clone(), withheld, delay_minutes },
    })
}

fn consultation(row: Row, judgements: Vec<BookedJudgement>) -> Result<BookedConsultation, StoreError> {
    let stocks = serde_json::from_str(&row.stocks);
    let tokens = |value: Option<i64>| value.map(count).transpose();
    let (input, output, total) =
        (tokens(row.input_tokens)?, tokens(row.output_tokens)?, tokens(row.total_tokens)?);
    let heard = match (row.reply, row.failure) {
        (Some(text), None) => Heard::Reply(OracleReply {
            text,
            model: row.model.unwrap_or_else(|| row.asked_model.clone()),
            response_id: row.response_id,
            usage: TokenUsage { input, output, total },
        }),
        (None, Some(why)) => Heard::Nothing(why),
        (Some(_), Some(_)) | (None, None) => return Err(malformed("call of the model", &row.purpose)),
    };
    let asked_at: DateTime<Utc> = time(row.asked_at_ms)?;
    let version = u32::try_from(row.prompt_version);
    let consultation = Consultation {
        call: CallId { quota_date: parsed("quota date", &row.quota_date)?, purpose: row.purpose },
        session_date: parsed("session date", &row.session_date)?,
        slot: row.slot,
        stocks: stocks.map_err(|_| malformed("stocks of a call", &row.stocks))?,
        threshold: sure(row.threshold)?,
        prompt_version: version.map_err(|_| malformed("prompt version", &row.prompt_version.to_string()))?,
        model: row.asked_model,
        system: row.system,
        prompt: row.prompt,
        asked_at,
        latency_ms: count(row.latency_ms)?,
        heard,
        rests_until: row.rests_until_ms.map(time).transpose()?,
    };
    Ok(BookedConsultation { consultation, reply_bytes: count(row.reply_bytes)?, judgements })
}

fn sure(value: i64) -> Result<Confidence, StoreError> {
    Confidence::new(value).map_err(|_| malformed("confidence", &value.to_string()))
}
