//! Who judges a round: the local rules, or the language model within its budget.
//!
//! Every call of the model is reserved in the books before it is made, repeated ones too. A model that does not answer,
//! or not usably, means HOLD with confidence 0; a budget that is spent means that the rules judge until it returns.

use std::time::Duration;

use chrono::NaiveDate;
use domain::messages::ledger::{
    BudgetAnswer, CallCost, Ceiling, RecentDecisions, RememberedDecision, SettleOracleCall,
};
use domain::messages::market_data::AccountQuery;
use domain::messages::schedule::Slot;
use domain::messages::trading::Candidate;
use domain::{AccountSnapshot, Market, Oracle, OracleError, OracleReply, OracleRequest, Symbol};

use crate::budget::Rest;
use crate::join::Round;
use crate::judge::{self, Judgement, RULES};
use crate::plan::BudgetPlan;
use crate::prompt::Batch;
use crate::reply::Unusable;
use crate::round::{BROKER_WITHIN, LEDGER_WITHIN, Session};
use crate::{budget, reply};

/// Earlier judgements fetched for the prompt.
const MEMORY: u16 = 100;
/// Longest wait for the answer about a single stock (LLM.md 0).
const ONE_STOCK_WITHIN: Duration = Duration::from_secs(30);

/// A judgement, and who made it.
#[derive(Clone)]
pub(crate) struct Judged {
    pub(crate) judge: String,
    pub(crate) judgement: Judgement,
}

/// What the model is told beside the candidates; fetched once for all questions of a round.
struct Known {
    account: Option<AccountSnapshot>,
    memory: Vec<RememberedDecision>,
}

/// A time in which the model need not be asked, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resting {
    pub(crate) rest: Rest,
    pub(crate) why: String,
}

/// What became of the model in a round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Consulted {
    /// It was not to be asked.
    #[default]
    Not,
    /// Every answer of its reply could be used.
    Heard,
    /// It was not heard, or not understood; with the rest it needs, if any.
    Failed(String, Option<Rest>),
    /// The budget is spent, so the rules judged.
    BudgetSpent(String),
}

/// Under what a call is booked.
struct Reserved {
    quota_date: NaiveDate,
    purpose: String,
}

/// Why there is no reply to read.
enum NoReply {
    BudgetSpent(String),
    Failed(String, Option<Rest>),
}

impl From<NoReply> for Consulted {
    fn from(why: NoReply) -> Self {
        match why {
            NoReply::BudgetSpent(why) => Self::BudgetSpent(why),
            NoReply::Failed(why, rest) => Self::Failed(why, rest),
        }
    }
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
    /// The judgements of the round in the order of its candidates, and what became of the model.
    pub(crate) async fn judge(&self) -> (Vec<Judged>, Consulted) {
        let candidates = &self.round.candidates;
        match (&self.deps.oracle, self.round.key.slot) {
            (Some(_), _) if candidates.is_empty() => (Vec::new(), Consulted::Not),
            (Some(oracle), Slot::Daily(_)) => self.by_one_question(oracle.as_ref()).await,
            (Some(oracle), Slot::Realtime(_)) => self.one_by_one(oracle.as_ref()).await,
            // Between slots what is held is looked at by the rules, which answer at once.
            (Some(_) | None, Slot::Exits(_)) | (None, Slot::Daily(_) | Slot::Realtime(_)) => {
                (self.by_rules(candidates), Consulted::Not)
            }
        }
    }

    fn by_rules(&self, candidates: &[Candidate]) -> Vec<Judged> {
        let by_rules = |one| Judged {
            judge: RULES.to_owned(),
            judgement: judge::by_rules(&self.settings.strategy, one),
        };
        candidates.iter().map(by_rules).collect()
    }

    /// All candidates in one question: daily mode.
    async fn by_one_question(&self, oracle: &dyn Oracle) -> (Vec<Judged>, Consulted) {
        let candidates = &self.round.candidates;
        let known = self.known().await;
        match self.ask_about(oracle, candidates, None, &known).await {
            Ok((symbols, answer)) => self.read(&symbols, answer),
            Err(why) => (self.without_model(oracle, candidates, &why), why.into()),
        }
    }

    /// A question for each candidate, what is held first: realtime mode. Once there is no reply, the rest is not asked for.
    async fn one_by_one(&self, oracle: &dyn Oracle) -> (Vec<Judged>, Consulted) {
        let known = self.known().await;
        let mut order: Vec<_> = self.round.candidates.iter().enumerate().collect();
        order.sort_by_key(|(_, candidate)| !candidate.held);
        let mut judged = Vec::new();
        let (mut consulted, mut stopped) = (Consulted::Heard, None);
        for (index, candidate) in order {
            let one = std::slice::from_ref(candidate);
            if stopped.is_none() {
                match self.ask_about(oracle, one, Some(&candidate.instrument.symbol), &known).await {
                    Ok((symbols, answer)) => {
                        let (read, outcome) = self.read(&symbols, answer);
                        judged.extend(read.into_iter().map(|one| (index, one)));
                        consulted = if outcome == Consulted::Heard { consulted } else { outcome };
                        continue;
                    }
                    Err(why) => stopped = Some(why),
                }
            }
            if let Some(why) = &stopped {
                judged.extend(self.without_model(oracle, one, why).into_iter().map(|one| (index, one)));
            }
        }
        judged.sort_by_key(|(index, _)| *index);
        let judged = judged.into_iter().map(|(_, one)| one).collect();
        (judged, stopped.map_or(consulted, Consulted::from))
    }

    /// What is decided without a reply: by the rules when the budget is spent, else HOLD.
    fn without_model(&self, oracle: &dyn Oracle, candidates: &[Candidate], why: &NoReply) -> Vec<Judged> {
        match why {
            NoReply::BudgetSpent(why) => {
                tracing::warn!(slot = %self.round.key, why, "the model is not asked; the local rules judge");
                self.by_rules(candidates)
            }
            NoReply::Failed(why, _) => {
                tracing::warn!(slot = %self.round.key, why, "no answer of the model; every stock is held");
                let judgement = Judgement::unsure(format!("the model was not heard: {why}"));
                vec![Judged { judge: oracle.name(), judgement }; candidates.len()]
            }
        }
    }

    fn read(&self, symbols: &[Symbol], answer: OracleReply) -> (Vec<Judged>, Consulted) {
        let read = reply::parse_batch(&answer.text, symbols);
        let unusable: Vec<Unusable> = read.iter().filter_map(|one| one.as_ref().err().copied()).collect();
        let consulted = match unusable.first() {
            None => Consulted::Heard,
            Some(first) => {
                let (bad, all) = (unusable.len(), symbols.len());
                let why = format!("{bad} of {all} answers cannot be used, {first}: {}", first.explanation());
                tracing::warn!(slot = %self.round.key, why, "those stocks are held");
                Consulted::Failed(why, None)
            }
        };
        let judged = |one: Result<Judgement, Unusable>| Judged {
            judge: answer.model.clone(),
            judgement: one.unwrap_or_else(Judgement::from),
        };
        (read.into_iter().map(judged).collect(), consulted)
    }

    async fn known(&self) -> Known {
        Known { account: self.account().await, memory: self.memory().await }
    }

    /// One question about `candidates`; `about` is the stock, when it is one of several questions of the slot.
    async fn ask_about(
        &self,
        oracle: &dyn Oracle,
        candidates: &[Candidate],
        about: Option<&Symbol>,
        known: &Known,
    ) -> Result<(Vec<Symbol>, OracleReply), NoReply> {
        if let Some(resting) = self.model_rests.as_ref().filter(|one| one.rest.lasts_at(self.now())) {
            return Err(NoReply::Failed(resting.why.clone(), Some(resting.rest)));
        }
        let (key, account, memory) = (&self.round.key, known.account.as_ref(), known.memory.as_slice());
        let batch = Batch { key, candidates, account, memory, now: self.now() };
        let answer = self.persistently(oracle, about, &batch.request(Duration::ZERO)).await?;
        Ok((batch.symbols(), answer))
    }

    /// Asks, and asks again after a wait when the model only was not reachable, as long as the slot lasts.
    async fn persistently(
        &self,
        oracle: &dyn Oracle,
        about: Option<&Symbol>,
        request: &OracleRequest,
    ) -> Result<OracleReply, NoReply> {
        let worst = self.settings.budget.worst(request, oracle.most_output_tokens(request));
        let mut tries = 0;
        let mut reserved = self.reserve(about, tries, worst).await?;
        loop {
            let within = if about.is_some() { ONE_STOCK_WITHIN } else { Duration::MAX };
            let timeout = self.time_left().min(self.settings.answer_within).min(within);
            let error = match oracle.ask(OracleRequest { timeout, ..request.clone() }).await {
                Ok(answer) => {
                    self.settle(reserved, &answer);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            tries += 1;
            let Some(again) = self.waits_to_try_again(&error, (about, tries), worst).await else {
                return Err(NoReply::Failed(error.to_string(), budget::rest_after(&error, self.now())));
            };
            reserved = again;
        }
    }

    /// A further call, reserved after the wait, unless the error or the end of the slot forbids it.
    async fn waits_to_try_again(
        &self,
        error: &OracleError,
        (about, tries): (Option<&Symbol>, u32),
        worst: CallCost,
    ) -> Option<Reserved> {
        let wait = budget::wait_before(error, tries, self.deps.random.next_u64())?;
        let over_at = self.now() + wait;
        if over_at >= self.round.expires_at {
            return None;
        }
        tracing::warn!(slot = %self.round.key, %error, tries, wait_ms = wait.num_milliseconds(), "the model is asked again");
        self.deps.clock.sleep_until(over_at).await;
        self.reserve(about, tries, worst).await.ok()
    }

    /// Books what the call took, as far as the model told.
    fn settle(&self, reserved: Reserved, answer: &OracleReply) {
        let Some(taken) = self.settings.budget.taken(answer.usage) else { return };
        let Reserved { quota_date, purpose } = reserved;
        if let Err(error) = self.deps.settle.tell(SettleOracleCall { quota_date, purpose, taken }) {
            tracing::warn!(%error, "what a call of the model took is not booked; it counts as the most it could take");
        }
    }

    /// What is left of the slot, in real time, which is what sockets wait in.
    fn time_left(&self) -> Duration {
        let left = (self.round.expires_at - self.now()).to_std().unwrap_or_default();
        self.deps.clock.real(left)
    }

    async fn reserve(
        &self,
        about: Option<&Symbol>,
        tries: u32,
        worst: CallCost,
    ) -> Result<Reserved, NoReply> {
        let Round { key, markets, .. } = &self.round;
        let plan = &self.settings.budget;
        let request = budget::reservation(key, markets, (about, tries), self.now(), worst, plan);
        let reserved = Reserved { quota_date: request.quota_date, purpose: request.purpose.clone() };
        let failed = |why: String| Err(NoReply::Failed(why, None));
        match self.deps.budget.ask(request, LEDGER_WITHIN).await {
            Ok(Ok(BudgetAnswer::Granted { used })) => {
                let limit = plan.ceilings.calls;
                tracing::info!(slot = %key, used, limit, "a call of the model is reserved");
                Ok(reserved)
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

    async fn account(&self) -> Option<AccountSnapshot> {
        let query = AccountQuery { market: self.round.key.market };
        match self.deps.account.ask(query, BROKER_WITHIN).await {
            Ok(Ok(account)) => Some(account),
            Ok(Err(error)) => self.without("account", &error.to_string()),
            Err(error) => self.without("account", &error.to_string()),
        }
    }

    /// Newest first within each market.
    async fn memory(&self) -> Vec<RememberedDecision> {
        let mut all = Vec::new();
        for market in self.round.markets.iter().copied() {
            all.extend(self.memory_of(market).await);
        }
        all
    }

    async fn memory_of(&self, market: Market) -> Vec<RememberedDecision> {
        let query = RecentDecisions { market, limit: MEMORY };
        let remembered = match self.deps.memory.ask(query, LEDGER_WITHIN).await {
            Ok(Ok(memory)) => Some(memory),
            Ok(Err(error)) => self.without("memory", &error.to_string()),
            Err(error) => self.without("memory", &error.to_string()),
        };
        remembered.unwrap_or_default()
    }

    fn without<T>(&self, what: &'static str, why: &str) -> Option<T> {
        tracing::info!(slot = %self.round.key, what, why, "no answer; the model is asked without it");
        None
    }
}
