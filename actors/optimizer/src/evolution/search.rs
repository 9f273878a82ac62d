//! The search of a cycle: slice after slice, each drawn from the archive as it stands, examined, and booked as one.
//!
//! What is booked is the whole state. A slice that was not booked is drawn again, the same one, because its candidates follow
//! from the cycle's seed, its position and the archive alone; so a process that dies in the middle changes nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::NaiveDate;
use domain::Market;
use domain::messages::evolution::{
    BeginCycle, Cycle, Elite, ElitesOf, GateName, RecordTrials, TRIALS_AT_ONCE_MAX, Trial, TrialHash,
    TriedBefore,
};
use domain::messages::ledger::LedgerError;
use strategy::form::Strategy;
use supervision::prelude::*;

use super::cycle::{Candidate, Given, parents, slice};
use super::niche::{Habits, place};
use crate::gauntlet::admission::Admission;

pub(crate) const ASK_WITHIN: Duration = Duration::from_secs(5);
/// So often a slice is drawn anew because some of it was tried in an earlier cycle.
const ROUNDS: u32 = 16;

/// Whom the search asks.
#[derive(Clone, Debug)]
pub struct SearchLinks {
    /// TradeLedger: the cycle as it stands.
    pub begin: Link<BeginCycle>,
    /// TradeLedger: the archive.
    pub elites: Link<ElitesOf>,
    /// TradeLedger: what was tried before.
    pub tried: Link<TriedBefore>,
    /// TradeLedger: a slice.
    pub record: Link<RecordTrials>,
}

/// One cycle's search.
#[derive(Clone, Debug)]
pub struct SearchPlan {
    /// The market.
    pub market: Market,
    /// The session that has ended.
    pub session_date: NaiveDate,
    /// The seed, if the cycle is new.
    pub seed: u64,
    /// Trials of the cycle.
    pub trials: u32,
    /// Trials that are drawn and booked together, 1 to [`TRIALS_AT_ONCE_MAX`].
    pub slice: u32,
    /// What every archive begins with.
    pub seeds: Vec<Strategy>,
    /// What a language model suggests: taken in the first slice, right after the seeds.
    pub suggestions: Vec<Strategy>,
}

/// What the sample says of a candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct Examined {
    /// The gate that ended it; none when it may be a champion.
    pub killed_by: Option<GateName>,
    /// Sharpe ratio of one observation in millionths, after costs; none where nothing was measured.
    pub sharpe_micros: Option<i64>,
    /// Observations behind it.
    pub observations: u32,
    /// How it trades; none where nothing was measured.
    pub habits: Option<Habits>,
    /// The gates' numbers as JSON.
    pub evidence: String,
}

/// Examines candidates in the sample: the same candidate always gets the same answer.
pub trait Laboratory {
    /// One candidate and what the books say of its identity; short, because its thread serves others in between.
    fn examine(&mut self, strategy: &Strategy, admission: &Admission) -> Examined;
}

/// How far a search has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The cycle as it stands.
    pub cycle: Cycle,
    /// Trials that it will have.
    pub of: u32,
    /// The best Sharpe ratio of one observation among those that no gate ended, in millionths, as far as this life has seen.
    pub best_micros: Option<i64>,
}

/// Why a search stopped before its end. What is booked stays, and the next attempt goes on there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SearchStopped {
    /// The ledger did not answer.
    #[error("the ledger did not answer: {0}")]
    Unheard(AskError),
    /// The ledger said no.
    #[error(transparent)]
    Ledger(LedgerError),
}

/// Makes the trials of a cycle that are not booked yet; the cycle and the archive afterwards.
///
/// # Errors
/// [`SearchStopped`]; what was booked until then stays.
pub async fn search(
    links: &SearchLinks,
    plan: &SearchPlan,
    laboratory: &mut impl Laboratory,
    progress: &mut impl FnMut(Progress),
) -> Result<(Cycle, Vec<Elite>), SearchStopped> {
    let SearchPlan { market, session_date, seed, .. } = *plan;
    let mut cycle = heard(links.begin.ask(BeginCycle { market, session_date, seed }, ASK_WITHIN).await)?;
    let size = plan.slice.clamp(1, u32::try_from(TRIALS_AT_ONCE_MAX).unwrap_or(1));
    let mut best_micros = None;
    while !cycle.is_over && cycle.trials < plan.trials {
        let most = size.min(plan.trials - cycle.trials);
        let (candidates, tried) = draw(links, plan, &cycle, most).await?;
        if candidates.is_empty() {
            break;
        }
        let mut trials = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            trials.push(trial(candidate, &tried, laboratory));
            tokio::task::yield_now().await;
        }
        let alive = trials.iter().filter(|trial| trial.killed_by.is_none());
        best_micros = best_micros.max(alive.filter_map(|trial| trial.sharpe_micros).max());
        let record = RecordTrials { cycle: cycle.seq, position: cycle.trials, trials };
        cycle.trials = heard(links.record.ask(record, ASK_WITHIN).await)?.trials;
        progress(Progress { cycle, of: plan.trials, best_micros });
    }
    let elites = heard(links.elites.ask(ElitesOf { market }, ASK_WITHIN).await)?;
    Ok((cycle, elites))
}

/// The next slice, nothing of which was tried before, and what was left out because it was.
async fn draw(
    links: &SearchLinks,
    plan: &SearchPlan,
    cycle: &Cycle,
    most: u32,
) -> Result<(Vec<Candidate>, BTreeSet<TrialHash>), SearchStopped> {
    let market = plan.market;
    let elites = heard(links.elites.ask(ElitesOf { market }, ASK_WITHIN).await)?;
    let bred = parents(&elites);
    let mut known: BTreeSet<TrialHash> = BTreeSet::new();
    for _ in 0..ROUNDS {
        let place = (cycle.seed, cycle.trials, most);
        let given = Given { seeds: &plan.seeds, suggestions: &plan.suggestions };
        let candidates = slice(place, &bred, given, |hash| known.contains(hash));
        let hashes: Vec<_> = candidates.iter().map(|one| one.hash.clone()).collect();
        let tried = heard(links.tried.ask(TriedBefore { market, hashes }, ASK_WITHIN).await)?;
        if tried.is_empty() {
            return Ok((candidates, known));
        }
        known.extend(tried);
    }
    Ok((Vec::new(), known))
}

fn trial(candidate: Candidate, tried: &BTreeSet<TrialHash>, laboratory: &mut impl Laboratory) -> Trial {
    let admission = Admission::of(Ok::<_, String>(candidate.hash.clone()), tried);
    let examined = laboratory.examine(&candidate.strategy, &admission);
    let Examined { killed_by, sharpe_micros, observations, habits, evidence } = examined;
    let measured = sharpe_micros.zip(habits).filter(|_| killed_by.is_none());
    Trial {
        hash: candidate.hash,
        parent: candidate.parent,
        origin: candidate.origin,
        place: measured.map(|(sharpe, habits)| place(&candidate.strategy, habits, sharpe)),
        strategy: candidate.strategy.to_json(),
        killed_by,
        sharpe_micros,
        observations,
        evidence,
    }
}

pub(crate) fn heard<T>(answer: Result<Result<T, LedgerError>, AskError>) -> Result<T, SearchStopped> {
    answer.map_err(SearchStopped::Unheard)?.map_err(SearchStopped::Ledger)
}

#[cfg(test)]
mod tests;
