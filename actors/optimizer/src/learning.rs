//! What evolution does after a market's close: finish what was interrupted, follow what is drafted and what is active, and run one
//! cycle.

use std::sync::Arc;
use std::time::Duration;

use chrono::{Datelike as _, NaiveDate};
use domain::messages::evolution::{
    AllProposals, AutoLimit, NewestCycles, ProposalNumber, ProposalRecord, ProposalStatus,
};
use domain::{Confidence, Market};
use strategy::form::Strategy;
use supervision::prelude::*;

use crate::evolution::advice::Wanted;
use crate::evolution::chance::Chance;
use crate::evolution::fresh::load_fresh;
use crate::evolution::round::{Ended, RoundLinks, RoundPlan, round};
use crate::evolution::search::{ASK_WITHIN, Progress, SearchPlan, SearchStopped, heard};
use crate::evolution::watch::{WatchLinks, approve, is_watched, watch};
use crate::gauntlet::{Rules, shadow};

/// Trials that are drawn and booked together: a small transaction, and a place at which a cycle can be interrupted.
const SLICE: u32 = 16;
/// A ledger that cannot answer is asked again this often, with this pause; real time.
const ATTEMPTS: u32 = 10;
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// The search for new strategies, as the operator wants it.
#[derive(Clone, Debug)]
pub struct EvolutionSettings {
    /// Trials of a cycle: one cycle for each market and closed session.
    pub trials: u32,
    /// Strategies that a language model is asked for before each search; 0 asks it for none.
    pub candidates: u8,
    /// A decision of at least this confidence should not have lost: what the model is told about.
    pub min_confidence: Confidence,
    /// Fewest sessions of history that a market is searched with.
    pub least_sessions: usize,
    /// What the gates demand.
    pub rules: Rules,
    /// What every archive begins with.
    pub seeds: Vec<Strategy>,
    /// What markets trade by as long as no proposal was activated; none: nothing that could be tried on bars.
    pub incumbent: Option<Strategy>,
    /// What is approved without a person; none: nothing is.
    pub auto_approve: Option<AutoLimit>,
}

/// Whom evolution asks.
#[derive(Clone, Debug)]
pub struct EvolutionLinks {
    /// For a cycle.
    pub round: RoundLinks,
    /// For drafts and for what is active.
    pub watch: WatchLinks,
    /// TradeLedger: where each market's evolution stands.
    pub cycles: Link<NewestCycles>,
}

/// Everything that evolution needs.
#[derive(Clone, Debug)]
pub struct Evolution {
    /// How it searches, and what the limit approves; none: it does neither. What is drafted and what is active is followed all the
    /// same: a market goes on trading by it.
    pub search: Option<EvolutionSettings>,
    /// What G4 demands of drafts, and how far what is active may fall.
    pub shadow: shadow::Rules,
    /// Whom it asks.
    pub links: EvolutionLinks,
    /// Where proposals are written for people; none: in the books only.
    pub folders: Option<Arc<dyn Folders>>,
}

/// Where proposals are written for people and their tools: a copy of what the books have.
pub trait Folders: std::fmt::Debug + Send + Sync {
    /// Writes a proposal anew.
    ///
    /// # Errors
    /// What could not be written, and why.
    fn write(&self, record: &ProposalRecord) -> Result<(), String>;
}

/// Lets a market evolve after a session. A ledger that is away is asked again for a while; what is booked stays.
pub async fn learn(evolution: &Evolution, market: Market, session_date: NaiveDate) {
    for _attempt in 0..ATTEMPTS {
        match turn(evolution, market, session_date).await {
            Ok(_ended) => return,
            Err(why) => {
                tracing::warn!(%market, session = %session_date, %why, "evolution goes on later");
            }
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

/// One turn; what came of the session's cycle. None when the market has learnt from a newer session, because its cycles go forward,
/// and when nothing is searched for.
///
/// # Errors
/// [`SearchStopped`] when the ledger did not answer; the next attempt goes on where this one stopped.
pub async fn turn(
    evolution: &Evolution,
    market: Market,
    session_date: NaiveDate,
) -> Result<Option<Ended>, SearchStopped> {
    let Evolution { search, shadow, links, .. } = evolution;
    let newest = heard(links.cycles.ask(NewestCycles, ASK_WITHIN).await)?;
    let newest = newest.into_iter().find(|line| line.market == market);
    if let Some(newer) = newest.as_ref().filter(|line| line.session_date > session_date) {
        tracing::info!(%market, session = %session_date, newest = %newer.session_date, "evolution has learnt from a newer session");
        return Ok(None);
    }
    let before = standings(evolution).await?;
    let interrupted = newest.filter(|line| line.outcome.is_none() && line.session_date < session_date);
    if let (Some(search), Some(interrupted)) = (search, interrupted) {
        told(run(evolution, search, (market, interrupted.session_date)).await?);
    }
    if search.is_some() || is_watched(&links.watch, market).await? {
        let series = load_fresh(&links.round.history, market, session_date).await?;
        let mut lines = watch(&links.watch, (market, session_date), shadow, &series).await?;
        if let Some((limit, settings)) = search.as_ref().and_then(|all| Some((all.auto_approve?, all))) {
            lines.extend(approve(&links.watch, market, limit, settings.incumbent.as_ref()).await?);
        }
        for line in lines {
            tracing::info!(%market, session = %session_date, "{line}");
        }
    }
    let ended = match search {
        Some(search) => Some(told(run(evolution, search, (market, session_date)).await?)),
        None => None,
    };
    write_changed(evolution, &before).await?;
    Ok(ended)
}

/// Every proposal and where it stands.
async fn standings(evolution: &Evolution) -> Result<Vec<(ProposalNumber, ProposalStatus)>, SearchStopped> {
    let all = heard(evolution.links.watch.proposals.ask(AllProposals, ASK_WITHIN).await)?;
    Ok(all.iter().map(|record| (record.number, record.status)).collect())
}

/// The folders of what has changed in this turn. One that cannot be written is told; the books have it all the same.
async fn write_changed(
    evolution: &Evolution,
    before: &[(ProposalNumber, ProposalStatus)],
) -> Result<(), SearchStopped> {
    let Some(folders) = &evolution.folders else { return Ok(()) };
    for record in heard(evolution.links.watch.proposals.ask(AllProposals, ASK_WITHIN).await)? {
        if before.contains(&(record.number, record.status)) {
            continue;
        }
        if let Err(why) = folders.write(&record) {
            tracing::warn!(proposal = %record.number, why, "the folder of a proposal is not written");
        }
    }
    Ok(())
}

async fn run(
    evolution: &Evolution,
    settings: &EvolutionSettings,
    (market, session_date): (Market, NaiveDate),
) -> Result<Ended, SearchStopped> {
    let search = SearchPlan {
        market,
        session_date,
        seed: seed(market, session_date),
        trials: settings.trials,
        slice: SLICE,
        seeds: settings.seeds.clone(),
        suggestions: Vec::new(),
    };
    let EvolutionSettings { candidates, min_confidence, .. } = *settings;
    let plan = RoundPlan {
        search,
        wanted: Wanted { market, session_date, candidates, min_confidence },
        rules: settings.rules.clone(),
        least_sessions: settings.least_sessions,
        incumbent: settings.incumbent.clone(),
    };
    round(&evolution.links.round, &plan, &mut progressed).await
}

/// The seed of a new cycle follows from market and day: whoever has the same bars can run it again.
pub fn seed(market: Market, session_date: NaiveDate) -> u64 {
    let market = market.code().bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31) + u64::from(byte));
    let day = u32::try_from(session_date.num_days_from_ce()).unwrap_or(0);
    Chance::of(market, day, 0).bits()
}

fn progressed(progress: Progress) {
    let Progress { cycle, of, best_micros } = progress;
    let best = best_micros.map(|micros| micros as f64 / 1e6);
    tracing::info!(market = %cycle.market, cycle = cycle.seq, trials = cycle.trials, of, best, "evolution searches");
}

fn told(ended: Ended) -> Ended {
    if let Some(outcome) = &ended.outcome {
        let cycle = &ended.cycle;
        tracing::info!(market = %cycle.market, session = %cycle.session_date, cycle = cycle.seq, trials = cycle.trials, outcome, "evolution has ended its cycle");
    }
    ended
}
