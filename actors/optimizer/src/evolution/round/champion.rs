//! Who of a cycle may look at sealed days: one, the best of its sample, if the whole family is more than noise.

use domain::messages::evolution::{
    Elite, SpentWindow, TRIALS_AT_ONCE_MAX, TotalsOf, TrialHash, TrialsOf, Tried,
};
use strategy::form::Strategy;

use super::super::search::{ASK_WITHIN, SearchStopped, heard};
use super::Round;
use crate::gauntlet::admission::Admission;
use crate::gauntlet::walk_forward::{self, Family};
use crate::gauntlet::{Verdict, candidate::Run};
use crate::laboratory::Workbench;
use crate::validation::Returns;
use crate::validation::sharpe::{Record, Trials};

/// The best of a cycle.
pub(super) struct Champion {
    pub(super) hash: TrialHash,
    pub(super) strategy: Strategy,
    /// G0 to G2, G2 with its whole family.
    pub(super) verdicts: Vec<Verdict>,
    /// What it did on the sample.
    pub(super) run: Run,
    /// Where it belongs in the archive.
    pub(super) niche: String,
    /// How many there are in its family.
    pub(super) family: usize,
    /// Every trial that the market ever saw.
    pub(super) trials: u64,
}

impl Champion {
    /// As people read it.
    pub(super) fn named(&self) -> String {
        format!("the best of {} candidates, {} ({}),", self.family, self.strategy.id(), self.niche)
    }
}

/// A candidate that ran on the sample.
struct Member {
    hash: TrialHash,
    strategy: Strategy,
    /// No gate has ended it, and it has not looked at sealed days before.
    is_eligible: bool,
    returns: Vec<f64>,
    sharpe: f64,
}

/// The champion with what the gates of the sample say of it; or why there is none, in words.
pub(super) async fn find(
    round: &Round<'_>,
    bench: &Workbench<'_>,
    elites: &[Elite],
    own: Option<&SpentWindow>,
) -> Result<Result<Champion, String>, SearchStopped> {
    let members = members(round, bench, elites).await?;
    let market = round.cycle.market;
    let totals = heard(round.links.totals.ask(TotalsOf { market }, ASK_WITHIN).await)?;
    let Some(place) = best(&members, own) else {
        let (tried, ran) = (round.cycle.trials, members.len());
        return Ok(Err(format!("none of {tried} trials passed G0 to G2 ({ran} in the family)")));
    };
    let Member { hash, strategy, .. } = &members[place];
    let tried = bench.try_out(strategy, &Admission::New(hash.clone()));
    tokio::task::yield_now().await;
    let mut verdicts = tried.verdicts.clone();
    if tried.killed_by().is_none() {
        // What G2 said of it alone is part of what it says of it in its family.
        verdicts.pop();
        let trials = Trials { count: totals.trials, variance: totals.variance.unwrap_or(0.0) };
        verdicts.push(in_family(round, &members, place, trials));
    }
    let sharpe = crate::laboratory::examine::micros(members[place].sharpe);
    let niche = tried.habits.map(|habits| crate::evolution::niche::place(strategy, habits, sharpe).niche);
    Ok(Ok(Champion {
        hash: hash.clone(),
        strategy: strategy.clone(),
        verdicts,
        run: tried.run,
        niche: niche.unwrap_or_default(),
        family: members.len(),
        trials: totals.trials,
    }))
}

/// Every trial of the cycle that ran, and the archive: whatever could have been chosen counts in what choosing is worth.
async fn members(
    round: &Round<'_>,
    bench: &Workbench<'_>,
    elites: &[Elite],
) -> Result<Vec<Member>, SearchStopped> {
    let mut tried = Vec::new();
    loop {
        let from = u32::try_from(tried.len()).unwrap_or(u32::MAX);
        let query = TrialsOf { cycle: round.cycle.seq, from };
        let more = heard(round.links.trials.ask(query, ASK_WITHIN).await)?;
        let is_last = more.len() < TRIALS_AT_ONCE_MAX;
        tried.extend(more);
        if is_last {
            break;
        }
    }
    let known = |hash: &TrialHash| tried.iter().any(|one: &Tried| one.hash == *hash);
    let of_archive: Vec<_> = elites.iter().filter(|elite| !known(&elite.hash)).cloned().collect();
    let mut members = Vec::new();
    for one in tried.iter().filter(|one| one.sharpe_micros.is_some()) {
        members.extend(member(round, bench, (&one.hash, &one.strategy), one.killed_by.is_none()));
        tokio::task::yield_now().await;
    }
    for elite in &of_archive {
        members.extend(member(round, bench, (&elite.hash, &elite.strategy), true));
        tokio::task::yield_now().await;
    }
    Ok(members)
}

fn member(
    round: &Round<'_>,
    bench: &Workbench<'_>,
    (hash, strategy): (&TrialHash, &str),
    is_alive: bool,
) -> Option<Member> {
    let strategy = Strategy::from_json(strategy).ok()?;
    let returns = bench.returns(&strategy);
    let sharpe = Record::of(&returns).ok()?.sharpe;
    let has_looked = round.spent.iter().any(|window| window.champion == *hash);
    Some(Member { hash: hash.clone(), strategy, is_eligible: is_alive && !has_looked, returns, sharpe })
}

/// Whom the cycle's own window was spent on, if it was; else the highest ratio. The first of equals.
fn best(members: &[Member], own: Option<&SpentWindow>) -> Option<usize> {
    if let Some(window) = own {
        return members.iter().position(|member| member.hash == window.champion);
    }
    let eligible = members.iter().enumerate().filter(|(_, member)| member.is_eligible);
    eligible
        .fold(None, |best: Option<(usize, f64)>, (place, member)| match best {
            Some((_, sharpe)) if sharpe >= member.sharpe => best,
            Some(_) | None => Some((place, member.sharpe)),
        })
        .map(|(place, _)| place)
}

fn in_family(round: &Round<'_>, members: &[Member], candidate: usize, trials: Trials) -> Verdict {
    let rules = &round.plan.rules.walk_forward;
    let columns: Vec<_> = members.iter().map(|member| member.returns.as_slice()).collect();
    let max_hold_bars = usize::from(members[candidate].strategy.exit().max_hold_bars());
    let evidence = match Returns::from_columns(&columns) {
        Ok(returns) => {
            walk_forward::measure(&Family { returns: &returns, candidate, trials, max_hold_bars }, rules)
        }
        Err(why) => walk_forward::Evidence {
            sharpe: Err(why.to_string()),
            folds_with_profit: Err(why.to_string()),
            choosing: Err(why.to_string()),
            overfitting: Err(why.to_string()),
            deflated: Err(why.to_string()),
            trials: trials.count,
        },
    };
    walk_forward::verdict(&evidence, rules)
}
