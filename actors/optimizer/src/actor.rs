//! Receives `DayClosed`, asks the ledger for the losers, and has the report recorded.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::messages::ledger::{ConfidentLosers, EventKind, RecordEvent};
use domain::messages::schedule::DayClosed;
use domain::{Confidence, Market};
use risk_guard::{HaltAck, HaltSystem, ResumeSystem};
use supervision::prelude::*;

use crate::losers;

const ASK_WITHIN: Duration = Duration::from_secs(5);

/// Whom Optimizer asks and tells.
#[derive(Clone, Debug)]
pub struct OptimizerDeps {
    /// TradeLedger: which confident trades lost.
    pub losers: Link<ConfidentLosers>,
    /// TradeLedger: the report.
    pub record: Link<RecordEvent>,
}

/// What counts as confident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptimizerSettings {
    /// A decision of at least this confidence should not have lost.
    pub min_confidence: Confidence,
}

/// The actor.
#[derive(Debug)]
pub struct Optimizer {
    settings: OptimizerSettings,
    deps: OptimizerDeps,
    /// Days reported in this life; MarketClock may repeat the last one.
    reported: BTreeSet<(Market, String)>,
}

impl Optimizer {
    /// An Optimizer that has reported nothing yet.
    pub fn new(settings: OptimizerSettings, deps: OptimizerDeps) -> Self {
        Self { settings, deps, reported: BTreeSet::new() }
    }
}

impl Actor for Optimizer {
    type Context = Ctx<Self>;
}

impl Handler<DayClosed> for Optimizer {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, day: DayClosed, _ctx: &mut Self::Context) -> Self::Result {
        let new = self.reported.insert((day.market, day.session_date.to_string()));
        let (settings, deps) = (self.settings, self.deps.clone());
        Box::pin(async move {
            if new {
                review(settings, deps, day).await;
            }
        })
    }
}

async fn review(settings: OptimizerSettings, deps: OptimizerDeps, day: DayClosed) {
    let DayClosed { market, session_date, .. } = day;
    let query = ConfidentLosers { market, session_date, min_confidence: settings.min_confidence };
    let found = match deps.losers.ask(query, ASK_WITHIN).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            return tracing::warn!(%market, %session_date, %error, "the day's losers are not known");
        }
        Err(error) => return tracing::warn!(%market, %session_date, %error, "the day's losers are not known"),
    };
    let Some(text) = losers::report(&day, settings.min_confidence, &found) else { return };
    let report = RecordEvent { kind: EventKind::Report, market: Some(market), text };
    if let Err(error) = deps.record.tell(report) {
        tracing::warn!(%market, %session_date, %error, "the report was not taken");
    }
}

impl Handler<HaltSystem> for Optimizer {
    type Result = MessageResult<HaltSystem>;

    /// A halt stops trading, not learning.
    fn handle(&mut self, _halt: HaltSystem, _ctx: &mut Self::Context) -> Self::Result {
        MessageResult(HaltAck::default())
    }
}

impl Handler<ResumeSystem> for Optimizer {
    type Result = ();

    fn handle(&mut self, _resume: ResumeSystem, _ctx: &mut Self::Context) {}
}
