//! One question to the language model: reserved before it is asked, booked with what came of it, and asked again while the
//! model only is not reachable.
//!
//! A reply that cannot be booked is not used: whatever is decided by a model can be decided anew from the books.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::messages::consultation::{AskedStock, CallId, Consultation, Heard, RecordConsultation};
use domain::messages::ledger::{BudgetAnswer, CallCost, Ceiling, SettleOracleCall};
use domain::messages::trading::Candidate;
use domain::{Oracle, OracleError, OracleReply, OracleRequest, Symbol};

use crate::budget::{self, Rest};
use crate::join::Round;
use crate::judge;
use crate::known::Known;
use crate::plan::BudgetPlan;
use crate::prompt::{self, Batch};
use crate::round::{LEDGER_WITHIN, Session};

/// Longest wait for the answer about a single stock (LLM.md 0).
const ONE_STOCK_WITHIN: Duration = Duration::from_secs(30);

/// Why there is no reply to read.
pub(crate) enum NoReply {
    /// The budget is spent; in words.
    BudgetSpent(String),
    /// The model was not heard.
    Failed {
        why: String,
        /// How long it need not be asked again.
        rest: Option<Rest>,
        /// The last call that was made.
        call: Option<CallId>,
    },
}

impl NoReply {
    /// Without a call.
    fn before(why: impl Into<String>) -> Self {
        Self::Failed { why: why.into(), rest: None, call: None }
    }

    /// The same for stocks that no call asked about: none of them rests on it.
    pub(crate) fn of_others(self) -> Self {
        match self {
            Self::BudgetSpent(why) => Self::BudgetSpent(why),
            Self::Failed { why, rest, call: _ } => Self::Failed { why, rest, call: None },
        }
    }
}

/// What is asked, whoever is asked how often.
struct Question<'a> {
    /// The stock, when it is one of several questions of the slot.
    about: Option<&'a Symbol>,
    stocks: Vec<AskedStock>,
    request: OracleRequest,
    /// The most that a call can take.
    worst: CallCost,
    /// The rest that came of the last question, if one did.
    rest_before: Option<Rest>,
}

/// Which part of the budget is spent, in words.
fn spent(ceiling: Ceiling, plan: &BudgetPlan) -> String {
    match ceiling {
        Ceiling::Calls => format!("all {} calls of the day are used", plan.ceilings.calls),
        Ceiling::Tokens => "the day's tokens do not suffice for one more call".to_owned(),
        Ceiling::Money => "the day's money does not suffice for one more call".to_owned(),
    }
}

impl Session {
    /// One question about `candidates`; `about` is the stock, when it is one of several questions of the slot.
    pub(crate) async fn ask_about(
        &self,
        oracle: &dyn Oracle,
        candidates: &[Candidate],
        about: Option<&Symbol>,
        known: &Known,
    ) -> Result<(Vec<Symbol>, OracleReply, CallId), NoReply> {
        if let Some(resting) = self.model_rests.as_ref().filter(|one| one.rest.lasts_at(self.now())) {
            let (why, rest) = (resting.why.clone(), Some(resting.rest));
            return Err(NoReply::Failed { why, rest, call: None });
        }
        let batch = Batch {
            key: &self.round.key,
            closes_at: self.round.closes_at,
            candidates,
            account: known.account.as_ref(),
            trading: known.trading.as_ref(),
            limits: known.limits.as_ref(),
            strategies: &self.strategies,
            memory: &known.memory,
            outcomes: &known.outcomes,
            now: self.now(),
        };
        let request = batch.request(Duration::ZERO);
        let worst = self.settings.budget.worst(&request, oracle.most_output_tokens(&request));
        let stock = |one: &Candidate| AskedStock {
            instrument: one.instrument.clone(),
            offered: judge::offered(one).to_vec(),
        };
        let stocks = candidates.iter().map(stock).collect();
        let rest_before = known.rest_before;
        let question = Question { about, stocks, request, worst, rest_before };
        let (answer, call) = self.persistently(oracle, &question).await?;
        Ok((batch.symbols(), answer, call))
    }

    /// Asks, and asks again after a wait when the model only was not reachable, as long as the slot lasts.
    async fn persistently(
        &self,
        oracle: &dyn Oracle,
        question: &Question<'_>,
    ) -> Result<(OracleReply, CallId), NoReply> {
        let mut tries = 0;
        let mut call = self.reserve(question, tries).await?;
        loop {
            let (error, rest) = match self.once(oracle, question, &call).await? {
                Ok(answer) => return Ok((answer, call)),
                Err(failed) => failed,
            };
            tries += 1;
            let Some(again) = self.waits_to_try_again(&error, question, tries).await else {
                return Err(NoReply::Failed { why: error.to_string(), rest, call: Some(call) });
            };
            call = again;
        }
    }

    /// One call, booked with what came of it.
    async fn once(
        &self,
        oracle: &dyn Oracle,
        question: &Question<'_>,
        call: &CallId,
    ) -> Result<Result<OracleReply, (OracleError, Option<Rest>)>, NoReply> {
        let within = if question.about.is_some() { ONE_STOCK_WITHIN } else { Duration::MAX };
        let timeout = self.time_left().min(self.settings.answer_within).min(within);
        let asked_at = self.now();
        // Of now: an answer may put another one in its place.
        let model = oracle.name();
        let answer = oracle.ask(OracleRequest { timeout, ..question.request.clone() }).await;
        let answer = answer.map_err(|error| {
            let rest = budget::rest_after(&error, question.rest_before, self.now());
            (error, rest)
        });
        let (heard, rests_until) = match &answer {
            Ok(reply) => {
                self.settle(call, reply, &question.request);
                (Heard::Reply(reply.clone()), None)
            }
            Err((error, rest)) => {
                let rest = rest.filter(|_| budget::outlives_restart(error));
                (Heard::Nothing(error.to_string()), rest.map(Rest::until))
            }
        };
        self.book((oracle, model), question, call, (asked_at, heard, rests_until)).await?;
        Ok(answer)
    }

    async fn book(
        &self,
        (oracle, model): (&dyn Oracle, String),
        question: &Question<'_>,
        call: &CallId,
        (asked_at, heard, rests_until): (DateTime<Utc>, Heard, Option<DateTime<Utc>>),
    ) -> Result<(), NoReply> {
        let OracleRequest { system, prompt, .. } = question.request.clone();
        let latency_ms = u64::try_from((self.now() - asked_at).num_milliseconds()).unwrap_or_default();
        let consultation = Consultation {
            call: call.clone(),
            session_date: self.round.key.session_date,
            slot: self.round.key.slot.to_string(),
            stocks: question.stocks.clone(),
            threshold: self.settings.confidence_threshold,
            prompt_version: prompt::VERSION,
            model,
            system: oracle.redact(&system),
            prompt: oracle.redact(&prompt),
            asked_at,
            latency_ms,
            heard,
            rests_until,
        };
        let not_booked = |why: String| NoReply::before(format!("what it said could not be booked: {why}"));
        match self.deps.consultations.ask(RecordConsultation { consultation }, LEDGER_WITHIN).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(not_booked(error.to_string())),
            Err(error) => Err(not_booked(error.to_string())),
        }
    }

    /// A further call, reserved after the wait, unless the error or the end of the slot forbids it.
    async fn waits_to_try_again(
        &self,
        error: &OracleError,
        question: &Question<'_>,
        tries: u32,
    ) -> Option<CallId> {
        let wait = budget::wait_before(error, tries, self.deps.random.next_u64())?;
        let over_at = self.now() + wait;
        if over_at >= self.round.expires_at {
            return None;
        }
        tracing::warn!(slot = %self.round.key, %error, tries, wait_ms = wait.num_milliseconds(), "the model is asked again");
        self.deps.clock.sleep_until(over_at).await;
        self.reserve(question, tries).await.ok()
    }

    /// Books what the call took, as far as the model told and can be believed.
    fn settle(&self, call: &CallId, answer: &OracleReply, question: &OracleRequest) {
        let Some(taken) = self.settings.budget.taken(answer.usage, question) else {
            let (slot, usage) = (&self.round.key, &answer.usage);
            tracing::info!(%slot, ?usage, "the model did not tell credibly what the call took; it counts as the most it could take");
            return;
        };
        let CallId { quota_date, purpose } = call.clone();
        if let Err(error) = self.deps.settle.tell(SettleOracleCall { quota_date, purpose, taken }) {
            tracing::warn!(%error, "what a call of the model took is not booked; it counts as the most it could take");
        }
    }

    /// What is left of the slot, in real time, which is what sockets wait in.
    fn time_left(&self) -> Duration {
        let left = (self.round.expires_at - self.now()).to_std().unwrap_or_default();
        self.deps.clock.real(left)
    }

    async fn reserve(&self, question: &Question<'_>, tries: u32) -> Result<CallId, NoReply> {
        let Round { key, markets, .. } = &self.round;
        let plan = &self.settings.budget;
        let asked = (question.about, tries);
        let request = budget::reservation(key, markets, asked, self.now(), question.worst, plan);
        let call = CallId { quota_date: request.quota_date, purpose: request.purpose.clone() };
        let failed = |why: String| Err(NoReply::before(why));
        match self.deps.budget.ask(request, LEDGER_WITHIN).await {
            Ok(Ok(BudgetAnswer::Granted { used })) => {
                let limit = plan.ceilings.calls;
                tracing::info!(slot = %key, used, limit, "a call of the model is reserved");
                Ok(call)
            }
            Ok(Ok(BudgetAnswer::Exhausted(ceiling))) => Err(NoReply::BudgetSpent(spent(ceiling, plan))),
            Ok(Ok(BudgetAnswer::KeptForOthers)) => Err(NoReply::BudgetSpent(
                "what is left of the day's calls is kept for other markets".to_owned(),
            )),
            Ok(Ok(BudgetAnswer::AlreadyUsed)) => failed("the call of this slot was already made".to_owned()),
            Ok(Err(error)) => failed(error.to_string()),
            Err(error) => failed(format!("the call could not be reserved: {error}")),
        }
    }
}
