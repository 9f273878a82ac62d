//! Who judges a round: the local rules, or the language model within its budget.
//!
//! Every call of the model is reserved in the books before it is made, repeated ones too. A model that does not answer,
//! or not usably, means HOLD with confidence 0; a budget that is spent means that the rules judge until it returns.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::messages::consultation::CallId;
use domain::messages::limits::{OwnPosition, OwnPositions};
use domain::messages::schedule::Slot;
use domain::messages::trading::Candidate;
use domain::{Instrument, Oracle, OracleReply, Symbol};

use crate::ask::NoReply;
use crate::budget::Rest;
use crate::judge::{self, Judgement, RULES};
use crate::prompt::STOCKS_MAX;
use crate::reply::{self, Unusable};
use crate::round::{LEDGER_WITHIN, Session};

/// The session in which each holding was bought.
type Purchases = BTreeMap<Instrument, NaiveDate>;

/// A judgement, and who made it.
#[derive(Clone)]
pub(crate) struct Judged {
    pub(crate) judge: String,
    pub(crate) judgement: Judgement,
    /// The call that was made for it; none for the rules, and where none could be made.
    pub(crate) call: Option<CallId>,
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

impl From<NoReply> for Consulted {
    fn from(why: NoReply) -> Self {
        match why {
            NoReply::BudgetSpent(why) => Self::BudgetSpent(why),
            NoReply::Failed { why, rest, .. } => Self::Failed(why, rest),
        }
    }
}

impl Session {
    /// The judgements of the round in the order of its candidates, and what became of the model.
    pub(crate) async fn judge(&self) -> (Vec<Judged>, Consulted) {
        let candidates = &self.round.candidates;
        let bought = self.purchases().await;
        match (&self.deps.oracle, self.round.key.slot) {
            (Some(_), _) if candidates.is_empty() => (Vec::new(), Consulted::Not),
            (Some(oracle), Slot::Daily(_)) => self.by_one_question(oracle.as_ref(), &bought).await,
            (Some(oracle), Slot::Realtime(_)) => self.one_by_one(oracle.as_ref(), &bought).await,
            // Between slots what is held is looked at by the rules, which answer at once.
            (Some(_) | None, Slot::Exits(_)) | (None, Slot::Daily(_) | Slot::Realtime(_)) => {
                (self.by_rules(candidates, &bought), Consulted::Not)
            }
        }
    }

    fn by_rules(&self, candidates: &[Candidate], bought: &Purchases) -> Vec<Judged> {
        let judged = |one: &Candidate| match self.strategies.get(&one.instrument.market) {
            Some(force) => judge::by_rules(&force.strategy, one, bought.get(&one.instrument).copied()),
            None => Judgement::unsure("what the market is traded by is not known"),
        };
        let by_rules = |one| Judged { judge: RULES.to_owned(), judgement: judged(one), call: None };
        candidates.iter().map(by_rules).collect()
    }

    /// The sessions in which what is held was bought, as far as the books tell. Nobody is asked when nothing is held.
    async fn purchases(&self) -> Purchases {
        if !self.round.candidates.iter().any(|candidate| candidate.held) {
            return Purchases::new();
        }
        let why = match self.deps.positions.ask(OwnPositions, LEDGER_WITHIN).await {
            Ok(Ok(positions)) => {
                let session = |since: DateTime<Utc>, one: &Instrument| one.market.date_at(since);
                let bought =
                    |own: OwnPosition| Some((own.instrument.clone(), session(own.since?, &own.instrument)));
                return positions.into_iter().filter_map(bought).collect();
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(slot = %self.round.key, why, "since when holdings are held is not known; no exit counts in it");
        Purchases::new()
    }

    /// All candidates in one question: daily mode.
    async fn by_one_question(&self, oracle: &dyn Oracle, bought: &Purchases) -> (Vec<Judged>, Consulted) {
        // What one question cannot hold is left to the rules.
        let (asked, beyond) = self.round.candidates.split_at(self.round.candidates.len().min(STOCKS_MAX));
        let known = self.known().await;
        let (mut judged, consulted) = match self.ask_about(oracle, asked, None, &known).await {
            Ok((symbols, answer, call)) => self.read(&symbols, answer, &call),
            Err(why) => (self.without_model(oracle, (asked, bought), &why), why.into()),
        };
        judged.extend(self.by_rules(beyond, bought));
        (judged, consulted)
    }

    /// A question for each candidate, what is held first: realtime mode. Once there is no reply, the rest is not asked for.
    async fn one_by_one(&self, oracle: &dyn Oracle, bought: &Purchases) -> (Vec<Judged>, Consulted) {
        let mut known = self.known().await;
        let mut order: Vec<_> = self.round.candidates.iter().enumerate().collect();
        order.sort_by_key(|(_, candidate)| !candidate.held);
        let mut judged = Vec::new();
        let (mut consulted, mut stopped) = (Consulted::Heard, None);
        for (index, candidate) in order {
            let one = std::slice::from_ref(candidate);
            if stopped.is_none() {
                match self.ask_about(oracle, one, Some(&candidate.instrument.symbol), &known).await {
                    Ok((symbols, answer, call)) => {
                        let (read, outcome) = self.read(&symbols, answer, &call);
                        judged.extend(read.into_iter().map(|one| (index, one)));
                        known.rest_before = None;
                        consulted = if outcome == Consulted::Heard { consulted } else { outcome };
                        continue;
                    }
                    Err(why) => {
                        let unheard = self.without_model(oracle, (one, bought), &why);
                        judged.extend(unheard.into_iter().map(|one| (index, one)));
                        stopped = Some(why.of_others());
                        continue;
                    }
                }
            }
            if let Some(why) = &stopped {
                judged.extend(
                    self.without_model(oracle, (one, bought), why).into_iter().map(|one| (index, one)),
                );
            }
        }
        judged.sort_by_key(|(index, _)| *index);
        let judged = judged.into_iter().map(|(_, one)| one).collect();
        (judged, stopped.map_or(consulted, Consulted::from))
    }

    /// What is decided without a reply: by the rules when the budget is spent, else HOLD.
    fn without_model(
        &self,
        oracle: &dyn Oracle,
        (candidates, bought): (&[Candidate], &Purchases),
        why: &NoReply,
    ) -> Vec<Judged> {
        match why {
            NoReply::BudgetSpent(why) => {
                tracing::warn!(slot = %self.round.key, why, "the model is not asked; the local rules judge");
                self.by_rules(candidates, bought)
            }
            NoReply::Failed { why, call, .. } => {
                tracing::warn!(slot = %self.round.key, why, "no answer of the model; every stock is held");
                let (judge, judgement, call) = (oracle.name(), Judgement::unheard(why), call.clone());
                vec![Judged { judge, judgement, call }; candidates.len()]
            }
        }
    }

    fn read(&self, symbols: &[Symbol], answer: OracleReply, call: &CallId) -> (Vec<Judged>, Consulted) {
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
            call: Some(call.clone()),
        };
        (read.into_iter().map(judged).collect(), consulted)
    }
}
