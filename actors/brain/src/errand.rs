//! A question of another actor to the language model: made once for its purpose, of what the slots of the day do not need, and
//! booked like any other call.
//!
//! The trading day comes first. The call belongs to no market, so every market's floor is kept; while the model rests, nothing is
//! asked; and nothing is asked twice, because whoever asks learns by chance at most why there is no answer.

use std::sync::Arc;
use std::time::Duration;

use domain::messages::consultation::{
    AskModel, CallId, Consultation, EarlierCall, EarlierCallFor, Heard, ModelAnswer, NoAnswer,
    REPLY_KEPT_BYTES, RecordConsultation,
};
use domain::messages::ledger::{BudgetAnswer, LedgerError, ReserveOracleCall, SettleOracleCall};
use domain::{Clock, Confidence, Oracle, OracleError, OracleReply, OracleRequest};
use supervision::prelude::*;

use crate::budget::{self, Rest};
use crate::consult::Resting;
use crate::plan::BudgetPlan;
use crate::reply;
use crate::round::LEDGER_WITHIN;

/// The slot under which such a call is booked.
pub(crate) const SLOT: &str = "question";

/// One question, and what it needs.
pub(crate) struct Errand {
    pub(crate) question: AskModel,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) oracle: Option<Arc<dyn Oracle>>,
    pub(crate) ledger: Books,
    pub(crate) plan: BudgetPlan,
    /// `CONFIDENCE_THRESHOLD`, as every call is booked with it.
    pub(crate) threshold: Confidence,
    /// Longest wait for the answer, in real time.
    pub(crate) answer_within: Duration,
    /// Why the model is not asked for a while.
    pub(crate) model_rests: Option<Resting>,
}

/// What it asks of TradeLedger.
pub(crate) struct Books {
    pub(crate) earlier: Link<EarlierCallFor>,
    pub(crate) budget: Link<ReserveOracleCall>,
    pub(crate) settle: Link<SettleOracleCall>,
    pub(crate) consultations: Link<RecordConsultation>,
}

type Answer = Result<ModelAnswer, NoAnswer>;

impl Errand {
    /// The answer, and the rest that the model needs if that came of it.
    pub(crate) async fn run(self) -> (Answer, Option<Resting>) {
        let Some(oracle) = self.oracle.clone() else { return (Err(NoAnswer::NoModel), None) };
        match self.earlier().await {
            Ok(EarlierCall::None) => {}
            Ok(EarlierCall::Unanswered) => {
                let why = "the call for it was made, and no reply is booked".to_owned();
                return (Err(NoAnswer::Unheard(why)), None);
            }
            Ok(EarlierCall::Answered(text)) => return (read(&text), None),
            Err(why) => return (Err(why), None),
        }
        let now = self.clock.now();
        if let Some(resting) = self.model_rests.as_ref().filter(|one| one.rest.lasts_at(now)) {
            return (Err(NoAnswer::Unheard(resting.why.clone())), None);
        }
        match self.reserve(&*oracle).await {
            Ok(call) => self.ask(&*oracle, call).await,
            Err(why) => (Err(why), None),
        }
    }

    fn request(&self) -> OracleRequest {
        let AskModel { system, prompt, schema, max_output_tokens, .. } = self.question.clone();
        let timeout = self.answer_within;
        OracleRequest { system, prompt, schema: Some(schema), max_output_tokens, timeout }
    }

    async fn earlier(&self) -> Result<EarlierCall, NoAnswer> {
        let AskModel { session_date, purpose, .. } = self.question.clone();
        heard(self.ledger.earlier.ask(EarlierCallFor { session_date, purpose }, LEDGER_WITHIN).await)
    }

    async fn reserve(&self, oracle: &dyn Oracle) -> Result<CallId, NoAnswer> {
        let request = self.request();
        let (quota_date, purpose) = (budget::quota_date(self.clock.now()), self.question.purpose.clone());
        let reservation = ReserveOracleCall {
            quota_date,
            purpose: purpose.clone(),
            markets: Vec::new(),
            worst: self.plan.worst(&request, oracle.most_output_tokens(&request)),
            ceilings: self.plan.ceilings,
            shares: self.plan.shares.clone(),
        };
        let spent = |why: &str| Err(NoAnswer::Unheard(why.to_owned()));
        match heard(self.ledger.budget.ask(reservation, LEDGER_WITHIN).await)? {
            BudgetAnswer::Granted { .. } => Ok(CallId { quota_date, purpose }),
            BudgetAnswer::Exhausted(_) => spent("what the model may take in a day is used up"),
            BudgetAnswer::KeptForOthers => {
                spent("what is left of the day's calls is kept for the markets' slots")
            }
            BudgetAnswer::AlreadyUsed => spent("the call for it was made, and no reply is booked"),
        }
    }

    async fn ask(&self, oracle: &dyn Oracle, call: CallId) -> (Answer, Option<Resting>) {
        let request = self.request();
        let asked_at = self.clock.now();
        // Of now: an answer may put another one in its place.
        let model = oracle.name();
        let reply = oracle.ask(request.clone()).await;
        let now = self.clock.now();
        let rest =
            reply.as_ref().err().and_then(|error| Some((error, budget::rest_after(error, None, now)?)));
        let rests = rest.map(|(error, rest)| Resting { rest, why: error.to_string() });
        let latency_ms = u64::try_from((now - asked_at).num_milliseconds()).unwrap_or_default();
        let AskModel { session_date, prompt_version, system, prompt, .. } = &self.question;
        let consultation = Consultation {
            call: call.clone(),
            session_date: *session_date,
            slot: SLOT.to_owned(),
            stocks: Vec::new(),
            threshold: self.threshold,
            prompt_version: *prompt_version,
            model,
            system: oracle.redact(system),
            prompt: oracle.redact(prompt),
            asked_at,
            latency_ms,
            heard: reply
                .as_ref()
                .map_or_else(|error| Heard::Nothing(error.to_string()), |reply| Heard::Reply(reply.clone())),
            rests_until: lasting(&reply, rests.as_ref()),
        };
        if let Err(why) =
            heard(self.ledger.consultations.ask(RecordConsultation { consultation }, LEDGER_WITHIN).await)
        {
            return (Err(why), rests);
        }
        let answer = match reply {
            Ok(reply) => {
                self.settle(call, &reply, &request);
                read(&reply.text)
            }
            Err(error) => Err(NoAnswer::Unheard(error.to_string())),
        };
        (answer, rests)
    }

    fn settle(&self, CallId { quota_date, purpose }: CallId, reply: &OracleReply, request: &OracleRequest) {
        let Some(taken) = self.plan.taken(reply.usage, request) else { return };
        if let Err(error) = self.ledger.settle.tell(SettleOracleCall { quota_date, purpose, taken }) {
            tracing::warn!(%error, "what a call of the model took is not booked; it counts as the most it could take");
        }
    }
}

/// Until when the quota is used up, where that outlives a restart.
fn lasting(
    reply: &Result<OracleReply, OracleError>,
    rests: Option<&Resting>,
) -> Option<chrono::DateTime<chrono::Utc>> {
    let error = reply.as_ref().err()?;
    rests.filter(|_| budget::outlives_restart(error)).map(|resting| Rest::until(resting.rest))
}

/// What the books would keep no whole copy of is not used: asked again, it would be another answer.
fn read(text: &str) -> Answer {
    if text.len() > REPLY_KEPT_BYTES {
        return Err(NoAnswer::Unheard(format!("the reply has more than {REPLY_KEPT_BYTES} bytes")));
    }
    let json = reply::only_json(text).map_err(|why| {
        NoAnswer::Unheard(format!("the reply cannot be used, {why}: {}", why.explanation()))
    })?;
    Ok(ModelAnswer { json: json.to_owned() })
}

fn heard<T>(answer: Result<Result<T, LedgerError>, AskError>) -> Result<T, NoAnswer> {
    let answer = answer.map_err(|error| NoAnswer::Books(error.to_string()))?;
    answer.map_err(|error| NoAnswer::Books(error.to_string()))
}

#[cfg(test)]
mod tests;
