//! What a model is told beside the candidates, fetched from those who know it. Whatever does not answer in time is left out,
//! which the prompt says is unknown.

use std::time::Duration;

use domain::messages::consultation::{ClosedPosition, ClosedPositions};
use domain::messages::control::{StatusQuery, TradingStatus};
use domain::messages::ledger::{RecentDecisions, RememberedDecision};
use domain::messages::limits::{LimitsInForce, LimitsQuery};
use domain::messages::market_data::AccountQuery;
use domain::{AccountSnapshot, Market};

use crate::budget::Rest;
use crate::round::{BROKER_WITHIN, LEDGER_WITHIN, Session};

/// Longest wait for RiskGuard, in real time (messages::control, messages::limits).
const RISK_WITHIN: Duration = Duration::from_secs(2);
/// Earlier judgements fetched for the prompt.
const MEMORY: u16 = 100;
/// Purchases fetched whose outcome is known.
const OUTCOMES: u16 = 500;

/// What the model is told beside the candidates; fetched once for all questions of a round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) account: Option<AccountSnapshot>,
    pub(crate) trading: Option<TradingStatus>,
    pub(crate) limits: Option<LimitsInForce>,
    pub(crate) memory: Vec<RememberedDecision>,
    pub(crate) outcomes: Vec<ClosedPosition>,
    /// The rest of the model that came of the last question, if one did.
    pub(crate) rest_before: Option<Rest>,
}

impl Session {
    /// Fetches everything; what does not answer is left out.
    pub(crate) async fn known(&self) -> Known {
        Known {
            account: self.account().await,
            trading: self.trading().await,
            limits: self.limits().await,
            memory: self.memory().await,
            outcomes: self.outcomes().await,
            rest_before: self.model_rests.as_ref().map(|resting| resting.rest),
        }
    }

    async fn trading(&self) -> Option<TradingStatus> {
        let answer = self.deps.status.ask(StatusQuery, RISK_WITHIN).await;
        answer.map_or_else(|error| self.without("state of trading", &error.to_string()), Some)
    }

    async fn limits(&self) -> Option<LimitsInForce> {
        let answer = self.deps.limits.ask(LimitsQuery, RISK_WITHIN).await;
        answer.map_or_else(|error| self.without("limits", &error.to_string()), Some)
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

    /// What came of earlier purchases, newest first within each market.
    async fn outcomes(&self) -> Vec<ClosedPosition> {
        let mut all = Vec::new();
        for market in self.round.markets.iter().copied() {
            let query = ClosedPositions { market, limit: OUTCOMES, closed_before: None };
            let closed = match self.deps.outcomes.ask(query, LEDGER_WITHIN).await {
                Ok(Ok(closed)) => Some(closed),
                Ok(Err(error)) => self.without("outcomes", &error.to_string()),
                Err(error) => self.without("outcomes", &error.to_string()),
            };
            all.extend(closed.unwrap_or_default());
        }
        all
    }

    fn without<T>(&self, what: &'static str, why: &str) -> Option<T> {
        tracing::info!(slot = %self.round.key, what, why, "no answer; the model is asked without it");
        None
    }
}
