//! What was asked of a language model and what it said, as the books keep it: enough to decide anew from the reply alone.

use actix::Message;
use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::ledger::LedgerError;
use crate::{Action, Confidence, DecisionId, Instrument, Market, OracleReply, Signal};

/// Most bytes of a reply that the books keep: four times what a model may write about twenty stocks.
pub const REPLY_KEPT_BYTES: usize = 64 * 1024;

/// A call of the model, as it was reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallId {
    /// The day of the quota.
    pub quota_date: NaiveDate,
    /// The purpose.
    pub purpose: String,
}

/// A stock that was asked about, and what might be answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedStock {
    /// The stock.
    pub instrument: Instrument,
    /// The actions that were offered for it.
    pub offered: Vec<Action>,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A reply, not yet trusted.
    Reply(OracleReply),
    /// None, and why.
    Nothing(String),
}

/// One call of the model: the question, what came of it, and how long it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consultation {
    /// The reserved call.
    pub call: CallId,
    /// The session date of its slot.
    pub session_date: NaiveDate,
    /// The slot, e.g. `daily-1`.
    pub slot: String,
    /// The stocks, in the order in which they were asked about.
    pub stocks: Vec<AskedStock>,
    /// `CONFIDENCE_THRESHOLD` then.
    pub threshold: Confidence,
    /// The version of the prompt's form.
    pub prompt_version: u32,
    /// The model that was asked.
    pub model: String,
    /// What it was told about its task.
    pub system: String,
    /// The question.
    pub prompt: String,
    /// When it was asked.
    pub asked_at: DateTime<Utc>,
    /// How long it took, in exchange time.
    pub latency_ms: u64,
    /// What came of it.
    pub heard: Heard,
    /// Until when the quota of the model is used up, if that came of it.
    pub rests_until: Option<DateTime<Utc>>,
}

/// Brain -> TradeLedger: a call of the model ended. Asked, 5 s; nothing is decided by a reply that is not booked.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), LedgerError>")]
pub struct RecordConsultation {
    /// The call.
    pub consultation: Consultation,
}

/// Brain -> TradeLedger: is the quota of a model used up, as far as the books know? Its newest call tells. Asked, 5 s.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Option<SpentQuota>, LedgerError>")]
pub struct SpentQuotaOf {
    /// The model, by the name that it is asked by.
    pub model: String,
}

/// A quota that was used up when the model was asked last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpentQuota {
    /// When it was asked.
    pub from: DateTime<Utc>,
    /// When the quota returns.
    pub until: DateTime<Utc>,
    /// In words.
    pub why: String,
}

/// What a judgement by a model rests on, beside the reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionBasis {
    /// The call whose reply it was read from.
    pub call: CallId,
    /// Why it was held back although the model wanted a trade; none: it was not.
    pub withheld: Option<String>,
    /// How far the prices may have been behind the market, in minutes.
    pub delay_minutes: i64,
}

/// A judgement by a model as the books hold it, for those who decide anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedJudgement {
    /// Its id.
    pub id: DecisionId,
    /// The stock.
    pub instrument: Instrument,
    /// What was decided.
    pub action: Action,
    /// How sure.
    pub confidence: Confidence,
    /// Why.
    pub rationale: String,
    /// What it rests on.
    pub basis: DecisionBasis,
}

/// What the books hold of the calls behind a session's judgements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedConsultation {
    /// The call; a reply may be cut to [`REPLY_KEPT_BYTES`].
    pub consultation: Consultation,
    /// Bytes of the reply as it came; 0 without one.
    pub reply_bytes: u64,
    /// What was decided by it, in order.
    pub judgements: Vec<BookedJudgement>,
}

/// Brain, Optimizer -> TradeLedger: what came of the latest purchases of a market that were sold again, newest first. Asked, 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<ClosedPosition>, LedgerError>")]
pub struct ClosedPositions {
    /// The market.
    pub market: Market,
    /// At most so many, 1 to 500.
    pub limit: u16,
    /// Only those that were closed before this day of the market; none: all.
    pub closed_before: Option<NaiveDate>,
}

/// A purchase and what came of it, once everything of the stock that this agent held was sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedPosition {
    /// The judgement that bought.
    pub decision: DecisionId,
    /// The stock.
    pub instrument: Instrument,
    /// How sure it was.
    pub confidence: Confidence,
    /// Why the stock was looked at; none where the books do not know.
    pub signal: Option<Signal>,
    /// When its first share was booked.
    pub bought_at: DateTime<Utc>,
    /// When the last of the stock was sold.
    pub closed_at: DateTime<Utc>,
    /// What the position made in percent of its cost, before fees; none when a cost is unknown.
    pub pnl_pct: Option<Decimal>,
}

/// Optimizer -> Brain: a question that is not about the stocks of a slot. It is made once for each purpose: asked again, the
/// answer is what the books have of it. It takes of the day's calls only what no market's slots need. Asked; the answer may take
/// as long as the model's, so [`QUESTION_WITHIN`].
#[derive(Clone, Debug, PartialEq, Message)]
#[rtype(result = "Result<ModelAnswer, NoAnswer>")]
pub struct AskModel {
    /// The session that the question follows from.
    pub session_date: NaiveDate,
    /// What it is for, once and for all, e.g. `evolution/KR/2026-11-24`.
    pub purpose: String,
    /// The version of the prompt's form.
    pub prompt_version: u32,
    /// What the model is told about its task.
    pub system: String,
    /// The question.
    pub prompt: String,
    /// JSON schema that the answer must follow.
    pub schema: serde_json::Value,
    /// The longest answer wanted, in tokens.
    pub max_output_tokens: u32,
}

/// Longest wait for [`AskModel`]: the longest `LLM_TIMEOUT_S`, and the books before and after it.
pub const QUESTION_WITHIN: std::time::Duration = std::time::Duration::from_secs(330);

/// The one JSON value of a reply, not yet trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelAnswer {
    /// Its text.
    pub json: String,
}

/// Why there is no answer. Whoever asked goes on without one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The local rules judge; no model is named.
    #[error("no model is asked: LLM_PROVIDER is rules")]
    NoModel,
    /// It was not heard or not understood, it rests, or what it may take is spent; no call comes of asking again.
    #[error("{0}")]
    Unheard(String),
    /// The books did not answer: asked again later, it may be.
    #[error("the books did not answer: {0}")]
    Books(String),
}

/// Brain -> TradeLedger: what came of the call for a purpose, on whatever day of the quota. Asked, 5 s.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<EarlierCall, LedgerError>")]
pub struct EarlierCallFor {
    /// The session that the question followed from.
    pub session_date: NaiveDate,
    /// The purpose.
    pub purpose: String,
}

/// What the books know of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EarlierCall {
    /// There was none.
    None,
    /// One was reserved, and no reply is booked.
    Unanswered,
    /// The reply as it is kept, at most [`REPLY_KEPT_BYTES`].
    Answered(String),
}
