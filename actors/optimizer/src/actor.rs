//! Receives `DayClosed`, asks the ledger for the losers, and has the report booked; then evolution has its turn.
//!
//! One market evolves at a time, in slices between which the thread serves others. A halt does not stop it; the end of this life
//! does, at once: what is booked stays, and the next life goes on there.
//!
//! Each life of MarketClock tells the closed days of two weeks again, because one that died before it told what it had booked told
//! it to nobody; the books keep one report a day.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::NaiveDate;
use domain::messages::ledger::{ConfidentLosers, LedgerError, RecordDayReport};
use domain::messages::schedule::DayClosed;
use domain::{Confidence, Market};
use risk_guard::{HaltSystem, Obedience, ResumeSystem};
use supervision::prelude::*;

use crate::learning::{self, Evolution};
use crate::losers;
use crate::turns::Turns;

const ASK_WITHIN: Duration = Duration::from_secs(5);
/// A ledger that cannot answer is asked again this often, with this pause; real time.
const ATTEMPTS: u32 = 10;
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Whom Optimizer asks and tells.
#[derive(Clone, Debug)]
pub struct OptimizerDeps {
    /// TradeLedger: which confident trades lost.
    pub losers: Link<ConfidentLosers>,
    /// TradeLedger: the report, once a day.
    pub record: Link<RecordDayReport>,
    /// How strategies evolve and what is active is watched, and whom that asks; none: neither is done.
    pub evolution: Option<Evolution>,
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
    /// Days reviewed in this life; MarketClock may repeat them.
    reported: BTreeSet<(Market, NaiveDate)>,
    /// Which market evolves next.
    turns: Turns,
    /// The newest word on halts.
    obedience: Obedience,
}

impl Optimizer {
    /// An Optimizer that has reported nothing yet.
    pub fn new(settings: OptimizerSettings, deps: OptimizerDeps) -> Self {
        let (reported, turns, obedience) = (BTreeSet::new(), Turns::default(), Obedience::default());
        Self { settings, deps, reported, turns, obedience }
    }

    /// Lets the next market evolve, if one waits and none does.
    fn learn(&mut self, ctx: &mut Ctx<Self>) {
        let Some(evolution) = self.deps.evolution.clone() else { return };
        let Some((market, session_date)) = self.turns.take() else { return };
        let turn = async move { learning::learn(&evolution, market, session_date).await };
        ctx.spawn(turn.into_actor(self).map(|(), this, ctx| {
            this.turns.over();
            this.learn(ctx);
        }));
    }
}

impl Actor for Optimizer {
    type Context = Ctx<Self>;
}

impl Handler<DayClosed> for Optimizer {
    type Result = ();

    fn handle(&mut self, day: DayClosed, ctx: &mut Self::Context) {
        let key = (day.market, day.session_date);
        if !self.reported.insert(key) {
            return;
        }
        self.turns.heard(day.market, day.session_date);
        // Spawned: a report is no reason to hold the end of the process, nor a stall while the ledger is away.
        let min_confidence = self.settings.min_confidence;
        let review = review(min_confidence, self.deps.clone(), day).into_actor(self);
        ctx.spawn(review.map(move |reported, this, ctx| {
            this.turns.reviewed();
            if !reported {
                this.reported.remove(&key);
            }
            this.learn(ctx);
        }));
    }
}

/// True when the day's report is in the books, or there is nothing to report.
async fn review(min_confidence: Confidence, deps: OptimizerDeps, day: DayClosed) -> bool {
    for _attempt in 0..ATTEMPTS {
        match report(min_confidence, &deps, &day).await {
            Ok(()) => return true,
            Err(why) => {
                tracing::warn!(market = %day.market, session = %day.session_date, why, "the day is not reported yet");
            }
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
    false
}

async fn report(min_confidence: Confidence, deps: &OptimizerDeps, day: &DayClosed) -> Result<(), String> {
    let DayClosed { market, session_date, .. } = *day;
    let query = ConfidentLosers { market, session_date, min_confidence };
    let found = heard(deps.losers.ask(query, ASK_WITHIN).await)?;
    let Some(text) = losers::report(day, min_confidence, &found) else { return Ok(()) };
    let is_new = heard(deps.record.ask(RecordDayReport { market, session_date, text }, ASK_WITHIN).await)?;
    tracing::debug!(%market, session = %session_date, is_new, "the day is reported");
    Ok(())
}

fn heard<T>(answer: Result<Result<T, LedgerError>, AskError>) -> Result<T, String> {
    answer.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

impl Handler<HaltSystem> for Optimizer {
    type Result = MessageResult<HaltSystem>;

    /// A halt stops trading, not learning.
    fn handle(&mut self, halt: HaltSystem, _ctx: &mut Self::Context) -> Self::Result {
        MessageResult(self.obedience.obey(&halt))
    }
}

impl Handler<ResumeSystem> for Optimizer {
    type Result = ();

    fn handle(&mut self, resume: ResumeSystem, _ctx: &mut Self::Context) {
        self.obedience.go_on(&resume);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use actix::{Context, System};
    use chrono::DateTime;
    use domain::messages::ledger::LosingTrade;
    use domain::{Instrument, Money};
    use supervision::{Child, Exhausted, Place, Policy, Restart, Strategy, Supervisor, slot};

    use super::*;

    #[derive(Default)]
    struct Facts {
        failures: u32,
        asked: u32,
        /// So many reports are not booked at first.
        refusals: u32,
        told: u32,
        reports: Vec<String>,
    }

    struct Ledger(Arc<Mutex<Facts>>);

    impl Actor for Ledger {
        type Context = Context<Self>;
    }

    impl Handler<ConfidentLosers> for Ledger {
        type Result = Result<Vec<LosingTrade>, LedgerError>;

        fn handle(&mut self, query: ConfidentLosers, _ctx: &mut Self::Context) -> Self::Result {
            let mut facts = self.0.lock().unwrap();
            facts.asked += 1;
            if facts.asked <= facts.failures {
                return Err(LedgerError::Storage("locked".into()));
            }
            let instrument = Instrument { market: query.market, symbol: "005930".parse().unwrap() };
            Ok(vec![LosingTrade {
                instrument,
                decision: None,
                confidence: query.min_confidence,
                pnl: Money::new((-7_000).into(), query.market.currency()),
                rationale: "momentum".into(),
            }])
        }
    }

    impl Handler<RecordDayReport> for Ledger {
        type Result = Result<bool, LedgerError>;

        fn handle(&mut self, report: RecordDayReport, _ctx: &mut Self::Context) -> Self::Result {
            let mut facts = self.0.lock().unwrap();
            facts.told += 1;
            if facts.told <= facts.refusals {
                return Err(LedgerError::Storage("full".into()));
            }
            facts.reports.push(report.text);
            Ok(true)
        }
    }

    fn policy() -> Policy {
        Policy {
            strategy: Strategy::OneForOne,
            max_restarts: 3,
            within: Duration::from_secs(60),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(30),
            jitter_seed: 1,
            health_every: None,
            heartbeat: None,
            backlog_limit: Some(Duration::from_secs(30)),
        }
    }

    async fn tell_twice(facts: Arc<Mutex<Facts>>) {
        let ledger = Ledger(facts).start();
        let deps = OptimizerDeps {
            losers: Link::from_recipient(ledger.clone().recipient()),
            record: Link::from_recipient(ledger.recipient()),
            evolution: None,
        };
        let settings = OptimizerSettings { min_confidence: Confidence::new(80).unwrap() };
        let slot = slot::<Optimizer>("optimizer", 64);
        let day_closed = slot.link();
        let child = Child {
            place: Place::Here,
            restart: Restart::Permanent,
            exhausted: Exhausted::Escalate,
            drain: Duration::from_secs(1),
        };
        let mut family = Supervisor::new(policy(), |_escalation| ());
        family.child(child, slot, move |_ctx| Ok(Optimizer::new(settings, deps.clone())));
        let _supervised = family.launch();
        let session_date = "2026-11-24".parse().unwrap();
        let day = DayClosed { market: Market::Kr, session_date, closed_at: DateTime::UNIX_EPOCH };
        day_closed.tell(day.clone()).unwrap();
        day_closed.tell(day).unwrap();
        tokio::time::sleep(Duration::from_secs(120)).await;
    }

    #[test]
    fn a_closed_day_is_reported_once_even_if_the_ledger_is_away_for_a_while() {
        for (failures, refusals) in [(0, 0), (3, 0), (1, 2)] {
            let facts = Arc::new(Mutex::new(Facts { failures, refusals, ..Facts::default() }));
            let paused = || {
                tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
            };
            System::with_tokio_rt(paused).block_on(tell_twice(facts.clone()));
            let facts = facts.lock().unwrap();
            assert_eq!((facts.asked, facts.told), (failures + refusals + 1, refusals + 1));
            assert_eq!(facts.reports.len(), 1, "{:?}", facts.reports);
        }
    }
}
