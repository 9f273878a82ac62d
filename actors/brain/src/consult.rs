//! Who judges a round: the local rules, or the language model within its budget.
//!
//! Every call of the model is reserved in the books before it is made, repeated ones too. A model that does not answer,
//! or not usably, means HOLD with confidence 0; a budget that is spent means that the rules judge until it returns.

use std::time::Duration;

use domain::messages::ledger::{BudgetAnswer, RecentDecisions, RememberedDecision};
use domain::messages::market_data::AccountQuery;
use domain::{AccountSnapshot, Market, Oracle, OracleError, OracleReply, OracleRequest, Symbol};

use crate::budget::Rest;
use crate::join::Round;
use crate::judge::{self, Judgement, RULES};
use crate::prompt::Batch;
use crate::reply::Unusable;
use crate::round::{BROKER_WITHIN, LEDGER_WITHIN, Session};
use crate::{budget, reply};

/// Earlier judgements fetched for the prompt.
const MEMORY: u16 = 100;

/// Judgements in the order of the candidates, and who made them.
pub(crate) struct Judged {
    pub(crate) judge: String,
    pub(crate) judgements: Vec<Judgement>,
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

/// Why there is no reply to read.
enum NoReply {
    BudgetSpent(String),
    Failed(String, Option<Rest>),
}

impl Session {
    pub(crate) fn by_rules(&self) -> Judged {
        let candidates = self.round.candidates.iter();
        let judgements = candidates.map(|one| judge::by_rules(&self.settings.strategy, one)).collect();
        Judged { judge: RULES.to_owned(), judgements }
    }

    pub(crate) async fn by_model(&self, oracle: &dyn Oracle) -> (Judged, Consulted) {
        let count = self.round.candidates.len();
        if count == 0 {
            return (Judged { judge: oracle.name(), judgements: Vec::new() }, Consulted::Not);
        }
        match self.ask_model(oracle).await {
            Ok((symbols, answer)) => self.read(&symbols, answer),
            Err(NoReply::BudgetSpent(why)) => {
                tracing::warn!(slot = %self.round.key, why, "the model is not asked; the local rules judge");
                (self.by_rules(), Consulted::BudgetSpent(why))
            }
            Err(NoReply::Failed(why, rest)) => {
                tracing::warn!(slot = %self.round.key, why, "no answer of the model; every stock is held");
                let held = Judgement::unsure(format!("the model was not heard: {why}"));
                let judged = Judged { judge: oracle.name(), judgements: vec![held; count] };
                (judged, Consulted::Failed(why, rest))
            }
        }
    }

    fn read(&self, symbols: &[Symbol], answer: OracleReply) -> (Judged, Consulted) {
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
        let judgements = read.into_iter().map(|one| one.unwrap_or_else(Judgement::from)).collect();
        (Judged { judge: answer.model, judgements }, consulted)
    }

    async fn ask_model(&self, oracle: &dyn Oracle) -> Result<(Vec<Symbol>, OracleReply), NoReply> {
        if let Some(resting) = self.model_rests.as_ref().filter(|one| one.rest.lasts_at(self.now())) {
            return Err(NoReply::Failed(resting.why.clone(), Some(resting.rest)));
        }
        let account = self.account().await;
        let memory = self.memory().await;
        let Round { key, candidates, .. } = &self.round;
        let batch = Batch { key, candidates, account: account.as_ref(), memory: &memory, now: self.now() };
        let answer = self.persistently(oracle, &batch.request(Duration::ZERO)).await?;
        Ok((batch.symbols(), answer))
    }

    /// Asks, and asks again after a wait when the model only was not reachable, as long as the slot lasts.
    async fn persistently(
        &self,
        oracle: &dyn Oracle,
        request: &OracleRequest,
    ) -> Result<OracleReply, NoReply> {
        let mut tries = 0;
        self.reserve(tries).await?;
        loop {
            let timeout = self.time_left().min(self.settings.answer_within);
            let error = match oracle.ask(OracleRequest { timeout, ..request.clone() }).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            tries += 1;
            if !self.waits_to_try_again(&error, tries).await {
                return Err(NoReply::Failed(error.to_string(), budget::rest_after(&error, self.now())));
            }
        }
    }

    /// True when the model may be asked once more: the wait is over, the slot is not, and the call is reserved.
    async fn waits_to_try_again(&self, error: &OracleError, tries: u32) -> bool {
        let Some(wait) = budget::wait_before(error, tries, self.deps.random.next_u64()) else { return false };
        let over_at = self.now() + wait;
        if over_at >= self.round.expires_at {
            return false;
        }
        tracing::warn!(slot = %self.round.key, %error, tries, wait_ms = wait.num_milliseconds(), "the model is asked again");
        self.deps.clock.sleep_until(over_at).await;
        self.reserve(tries).await.is_ok()
    }

    /// What is left of the slot, in real time, which is what sockets wait in.
    fn time_left(&self) -> Duration {
        let left = (self.round.expires_at - self.now()).to_std().unwrap_or_default();
        self.deps.clock.real(left)
    }

    async fn reserve(&self, tries: u32) -> Result<(), NoReply> {
        let limit = self.settings.oracle_calls_per_day;
        let Round { key, markets, .. } = &self.round;
        let request = budget::reservation(key, markets, tries, self.now(), limit);
        let failed = |why: String| Err(NoReply::Failed(why, None));
        match self.deps.budget.ask(request, LEDGER_WITHIN).await {
            Ok(Ok(BudgetAnswer::Granted { used })) => {
                tracing::info!(slot = %key, used, limit, "a call of the model is reserved");
                Ok(())
            }
            Ok(Ok(BudgetAnswer::Exhausted)) => {
                Err(NoReply::BudgetSpent(format!("all {limit} calls of the day are used")))
            }
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
