//! Receives candidates and the wish to decide on them, runs one round at a time.
//!
//! Nothing it knows must outlive it: a slot that was being judged is lost in a restart, its decisions and its call of
//! the model stay counted in the ledger, which also knows whether the quota was used up. During a halt nothing is judged.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use domain::messages::consultation::{
    AskModel, ClosedPositions, EarlierCallFor, ModelAnswer, NoAnswer, RecordConsultation, SpentQuota,
    SpentQuotaOf,
};
use domain::messages::control::StatusQuery;
use domain::messages::evolution::StrategyOf;
use domain::messages::judging::{JudgeQuery, JudgeStanding, StrategyStanding};
use domain::messages::ledger::{RecentDecisions, ReserveOracleCall, SettleOracleCall};
use domain::messages::limits::{LimitsQuery, OwnPositions};
use domain::messages::market_data::{AccountQuery, OrderQuoteQuery};
use domain::messages::schedule::DecideDue;
use domain::messages::trading::{CandidatesFound, DecisionMade, Proposal};
use domain::{Clock, Confidence, Oracle, Random};
use risk_guard::{HaltSystem, Obedience, ResumeSystem};
use strategy::force::Forces;
use strategy::{InForce, Strategy};
use supervision::prelude::*;

use crate::errand::{Books, Errand};
use crate::gather::{Gathered, Gathering};
use crate::health::ModelHealth;
use crate::join::{Join, Round};
use crate::plan::BudgetPlan;
use crate::round::{LEDGER_WITHIN, Report, Session};

/// Whom Brain asks and tells, and its ports.
#[derive(Clone)]
pub struct Deps {
    /// Exchange time.
    pub clock: Arc<dyn Clock>,
    /// Ids of decisions.
    pub random: Arc<dyn Random>,
    /// The language model; without one the rules judge everything.
    pub oracle: Option<Arc<dyn Oracle>>,
    /// TradeLedger: calls of the model are reserved.
    pub budget: Link<ReserveOracleCall>,
    /// TradeLedger: what a call took.
    pub settle: Link<SettleOracleCall>,
    /// TradeLedger: what was asked of the model and what it said.
    pub consultations: Link<RecordConsultation>,
    /// TradeLedger: whether the model's quota is used up.
    pub quota: Link<SpentQuotaOf>,
    /// TradeLedger: what came of a call that was made earlier for the same purpose.
    pub earlier_calls: Link<EarlierCallFor>,
    /// TradeLedger: what came of earlier purchases.
    pub outcomes: Link<ClosedPositions>,
    /// TradeLedger: earlier judgements.
    pub memory: Link<RecentDecisions>,
    /// TradeLedger: what a market trades by in a session.
    pub strategies: Link<StrategyOf>,
    /// TradeLedger: since when holdings are held.
    pub positions: Link<OwnPositions>,
    /// TradeLedger: judgements are recorded.
    pub decisions: Link<DecisionMade>,
    /// Broker: the price now, for an order.
    pub quotes: Link<OrderQuoteQuery>,
    /// Broker: cash and holdings.
    pub account: Link<AccountQuery>,
    /// RiskGuard: how trading stands, for the model to know.
    pub status: Link<StatusQuery>,
    /// RiskGuard: the limits in force, for the model to know.
    pub limits: Link<LimitsQuery>,
    /// RiskGuard.
    pub proposals: Link<Proposal>,
}

/// How Brain judges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What a market is traded by while no proposal is active in it.
    pub strategy: Arc<Strategy>,
    /// `CONFIDENCE_THRESHOLD`: a BUY or SELL below it becomes HOLD.
    pub confidence_threshold: Confidence,
    /// What the model may take in one day of its quota.
    pub budget: BudgetPlan,
    /// `LLM_TIMEOUT_S`: longest wait for one answer of the model, in real time.
    pub answer_within: Duration,
}

/// The actor.
pub struct Brain {
    settings: Settings,
    deps: Deps,
    join: Join,
    gathering: Gathering,
    waiting: VecDeque<Round>,
    busy: bool,
    model: ModelHealth,
    /// What the markets trade by.
    forces: Forces,
    /// The newest word on halts.
    obedience: Obedience,
}

impl Brain {
    /// A Brain that has judged nothing yet.
    pub fn new(settings: Settings, deps: Deps) -> Self {
        Self {
            settings,
            deps,
            join: Join::default(),
            gathering: Gathering::default(),
            waiting: VecDeque::new(),
            busy: false,
            model: ModelHealth::default(),
            forces: Forces::default(),
            obedience: Obedience::default(),
        }
    }

    /// Where a model is asked, rounds that can share a question wait for each other; rules answer each at once.
    fn take(&mut self, round: Option<Round>, ctx: &mut Ctx<Self>) {
        let Some(round) = round else { return };
        if self.deps.oracle.is_none() {
            return self.enqueue(round, ctx);
        }
        let key = round.key;
        let now = self.deps.clock.now();
        match self.gathering.add(round, now) {
            Gathered::Ready(rounds) => rounds.into_iter().for_each(|round| self.enqueue(round, ctx)),
            Gathered::Waits { until } => {
                // In real time as exchange time passes now: a clock that is set back does not hold it up.
                let wait = self.deps.clock.real((until - now).to_std().unwrap_or_default());
                ctx.run_later(wait, move |this, ctx| {
                    this.gathering.release(&key).into_iter().for_each(|round| this.enqueue(round, ctx));
                });
            }
        }
    }

    /// Queues a round behind the one that is running. A newer slot of a market takes the place of an older one.
    fn enqueue(&mut self, round: Round, ctx: &mut Ctx<Self>) {
        let is_of_market = |waiting: &Round| waiting.markets.iter().any(|one| round.markets.contains(one));
        if round.key.slot.is_exits() && self.waiting.iter().any(is_of_market) {
            // What waits looks at the holdings too.
            return;
        }
        self.waiting.retain(|waiting| !is_of_market(waiting));
        self.waiting.push_back(round);
        self.begin_next(ctx);
    }

    /// Starts the next round that is still worth it, if none is running: one model call and one quote at a time.
    fn begin_next(&mut self, ctx: &mut Ctx<Self>) {
        if self.busy {
            return;
        }
        let now = self.deps.clock.now();
        self.waiting.retain(|round| now < round.expires_at);
        let Some(round) = self.waiting.pop_front() else { return };
        self.busy = true;
        let key = round.key;
        let session = Session {
            round,
            settings: self.settings.clone(),
            forces: self.forces.clone(),
            strategies: BTreeMap::new(),
            deps: self.deps.clone(),
            model_rests: self.model.rests.clone(),
        };
        // Spawned rather than answered: a model may think for longer than an actor may be silent.
        ctx.spawn(session.run().into_actor(self).map(move |report, this, ctx| {
            tracing::info!(slot = %key, decided = report.decided, proposed = report.proposed, "slot decided");
            this.finish(report, ctx);
        }));
    }

    fn finish(&mut self, report: Report, ctx: &mut Ctx<Self>) {
        self.busy = false;
        self.model.learn(report.consulted, self.deps.clock.now());
        for (market, force) in report.strategies {
            self.forces.learn(market, report.session_date, force);
        }
        self.begin_next(ctx);
    }
}

impl Brain {
    /// Nothing is judged before the books have told whether the quota of the model is used up.
    fn remember_quota(&mut self, model: String, ctx: &mut Ctx<Self>) {
        self.busy = true;
        let known = spent_quota(self.deps.quota.clone(), model);
        ctx.spawn(known.into_actor(self).map(|spent, this, ctx| {
            if let Some(spent) = spent {
                tracing::info!(why = spent.why, until = %spent.until, "the quota of the model was used up in an earlier life");
                this.model.remember(spent);
            }
            this.busy = false;
            this.begin_next(ctx);
        }));
    }
}

async fn spent_quota(ledger: Link<SpentQuotaOf>, model: String) -> Option<SpentQuota> {
    let why = match ledger.ask(SpentQuotaOf { model }, LEDGER_WITHIN).await {
        Ok(Ok(spent)) => return spent,
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    tracing::warn!(why, "whether the quota of the model is used up is not known; it will say so");
    None
}

impl Actor for Brain {
    type Context = Ctx<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some(model) = self.deps.oracle.as_ref().map(|oracle| oracle.name()) {
            self.remember_quota(model, ctx);
        }
    }
}

impl Handler<CandidatesFound> for Brain {
    type Result = ();

    fn handle(&mut self, found: CandidatesFound, ctx: &mut Self::Context) {
        if self.obedience.is_halted() {
            return;
        }
        let round = self.join.found(found, self.deps.clock.now());
        self.take(round, ctx);
    }
}

impl Handler<DecideDue> for Brain {
    type Result = ();

    fn handle(&mut self, due: DecideDue, ctx: &mut Self::Context) {
        if self.obedience.is_halted() {
            return;
        }
        let round = self.join.due(due, self.deps.clock.now());
        self.take(round, ctx);
    }
}

impl Handler<JudgeQuery> for Brain {
    type Result = MessageResult<JudgeQuery>;

    fn handle(&mut self, _: JudgeQuery, _ctx: &mut Self::Context) -> Self::Result {
        let model = self.deps.oracle.as_ref().map(|oracle| (oracle.name(), oracle.in_place_of()));
        let shown = |(market, session_date, force): (_, _, &InForce)| StrategyStanding {
            market,
            session_date,
            name: force.strategy.id().to_owned(),
            proposal: force.from.map(|(_, proposal)| proposal),
            words: force.strategy.words(),
        };
        let strategies = self.forces.all().map(shown).collect();
        let standing = self.model.standing(model, self.deps.clock.now());
        MessageResult(JudgeStanding { strategies, ..standing })
    }
}

impl Handler<AskModel> for Brain {
    type Result = ResponseActFuture<Self, Result<ModelAnswer, NoAnswer>>;

    /// A halt stops trading, not learning. What is found out about the model's quota holds for the next slot as well.
    fn handle(&mut self, question: AskModel, _ctx: &mut Self::Context) -> Self::Result {
        let deps = &self.deps;
        let errand = Errand {
            question,
            clock: Arc::clone(&deps.clock),
            oracle: deps.oracle.clone(),
            ledger: Books {
                earlier: deps.earlier_calls.clone(),
                budget: deps.budget.clone(),
                settle: deps.settle.clone(),
                consultations: deps.consultations.clone(),
            },
            plan: self.settings.budget.clone(),
            threshold: self.settings.confidence_threshold,
            answer_within: self.settings.answer_within,
            model_rests: self.model.rests.clone(),
        };
        let answered = errand.run().into_actor(self).map(|(answer, rests), this, _ctx| {
            if let Some(resting) = rests {
                this.model.rests = Some(resting);
            }
            answer
        });
        Box::pin(answered)
    }
}

impl Handler<HaltSystem> for Brain {
    type Result = MessageResult<HaltSystem>;

    fn handle(&mut self, halt: HaltSystem, _ctx: &mut Self::Context) -> Self::Result {
        let ack = self.obedience.obey(&halt);
        if self.obedience.is_halted() {
            self.waiting.clear();
            self.gathering.clear();
        }
        MessageResult(ack)
    }
}

impl Handler<ResumeSystem> for Brain {
    type Result = ();

    fn handle(&mut self, resume: ResumeSystem, _ctx: &mut Self::Context) {
        self.obedience.go_on(&resume);
    }
}

#[cfg(test)]
mod tests;
