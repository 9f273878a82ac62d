//! One cycle from its beginning to its end: search, one champion, one sealed look, a draft.
//!
//! Every step is booked before the next one begins, and what is booked is never computed again: the trials, the window that is
//! spent, what was seen in it, the draft, the end. Whatever else a step needs follows from the books and the cycle's seed. So a
//! process that dies at any place and comes back ends the cycle with the books that it would have had without dying.

mod champion;
mod draft;
#[cfg(test)]
mod tests;

use chrono::NaiveDate;
use domain::messages::evolution::{
    ActiveIn, BeginCycle, Cycle, DraftProposal, EndCycle, JudgeWindow, ProposalNumber, SeenIn, SpendWindow,
    SpentWindow, TotalsOf, TrialHash, TrialsOf, WindowsOf,
};
use serde::{Deserialize, Serialize};
use strategy::form::Strategy;
use supervision::prelude::*;

use super::advice::{AdviceLinks, Wanted, suggestions};
use super::history::{self, HistoryLinks};
use super::search::{ASK_WITHIN, Progress, SearchLinks, SearchPlan, SearchStopped, heard, search};
use crate::backtest::Series;
use crate::gauntlet::sealed::{self, Sealed};
use crate::gauntlet::{Rules, Verdict};
use crate::laboratory::examine::micros;
use crate::laboratory::{Cut, Sample, Workbench, cut::cut, paper};
use champion::Champion;

/// Whom a cycle asks.
#[derive(Clone, Debug)]
pub struct RoundLinks {
    /// The search's own.
    pub search: SearchLinks,
    /// The bars.
    pub history: HistoryLinks,
    /// What a language model suggests; none: nobody is asked.
    pub advice: Option<AdviceLinks>,
    /// TradeLedger: what the cycle has tried.
    pub trials: Link<TrialsOf>,
    /// TradeLedger: how many trials there ever were.
    pub totals: Link<TotalsOf>,
    /// TradeLedger: days that are spent.
    pub windows: Link<WindowsOf>,
    /// TradeLedger: days are about to be spent.
    pub spend: Link<SpendWindow>,
    /// TradeLedger: what was seen.
    pub judge: Link<JudgeWindow>,
    /// TradeLedger: what was seen before.
    pub seen: Link<SeenIn>,
    /// TradeLedger: what the market trades by.
    pub active: Link<ActiveIn>,
    /// TradeLedger: a draft.
    pub draft: Link<DraftProposal>,
    /// TradeLedger: the end.
    pub end: Link<EndCycle>,
}

/// One cycle.
#[derive(Clone, Debug)]
pub struct RoundPlan {
    /// What is searched; a model's suggestions are added where one is asked.
    pub search: SearchPlan,
    /// What a language model is asked for.
    pub wanted: Wanted,
    /// What the gates demand.
    pub rules: Rules,
    /// Fewest sessions of history.
    pub least_sessions: usize,
    /// What the market trades by as long as no proposal was activated; none: nothing that could be tried on bars.
    pub incumbent: Option<Strategy>,
}

/// What came of a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The cycle as it stands.
    pub cycle: Cycle,
    /// In words; none when it was over before.
    pub outcome: Option<String>,
    /// What it drafted.
    pub draft: Option<ProposalNumber>,
}

/// What was seen in sealed days, as the books keep it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// The gate's numbers.
    evidence: sealed::Evidence,
    /// Returns per session in billionths.
    returns_ppb: Vec<i64>,
}

/// Runs a cycle, or what is left of it.
///
/// # Errors
/// [`SearchStopped`]; what was booked until then stays, and the next attempt goes on there.
pub async fn round(
    links: &RoundLinks,
    plan: &RoundPlan,
    progress: &mut impl FnMut(Progress),
) -> Result<Ended, SearchStopped> {
    let SearchPlan { market, session_date, seed, .. } = plan.search;
    let begin = BeginCycle { market, session_date, seed };
    let cycle = heard(links.search.begin.ask(begin, ASK_WITHIN).await)?;
    if cycle.is_over {
        return Ok(Ended { cycle, outcome: None, draft: None });
    }
    let series = history::load(&links.history, market, session_date).await?;
    let windows = heard(links.windows.ask(WindowsOf { market }, ASK_WITHIN).await)?;
    let (own, spent): (Vec<_>, Vec<_>) = windows.into_iter().partition(|window| window.cycle == cycle.seq);
    let least = (plan.least_sessions, plan.rules.sealed.sessions);
    match cut(series, &spent, least) {
        Ok(Cut { sample, sealed, sealed_from }) => {
            let mut round = Round { links, plan, cycle, sample: &sample, spent: &spent, sealed_from };
            let (outcome, champion, draft) = round.run(sealed, own.first(), progress).await?;
            round.end(outcome, champion, draft).await
        }
        Err(too_little) => {
            let end = EndCycle {
                cycle: cycle.seq,
                outcome: format!("too little history: {too_little}"),
                champion: None,
            };
            let outcome = Some(end.outcome.clone());
            heard(links.end.ask(end, ASK_WITHIN).await)?;
            Ok(Ended { cycle, outcome, draft: None })
        }
    }
}

/// A cycle under way.
struct Round<'a> {
    links: &'a RoundLinks,
    plan: &'a RoundPlan,
    cycle: Cycle,
    sample: &'a Sample,
    /// Windows of other cycles.
    spent: &'a [SpentWindow],
    /// Days from here on are sealed, or will be.
    sealed_from: NaiveDate,
}

type Outcome = (String, Option<TrialHash>, Option<ProposalNumber>);

impl Round<'_> {
    async fn run(
        &mut self,
        sealed: Result<Sealed<Vec<Series>>, crate::laboratory::Waits>,
        own: Option<&SpentWindow>,
        progress: &mut impl FnMut(Progress),
    ) -> Result<Outcome, SearchStopped> {
        let mut bench = Workbench::new(self.sample, &self.plan.rules);
        let plan = self.with_suggestions().await?;
        let (cycle, elites) = search(&self.links.search, &plan, &mut bench, progress).await?;
        self.cycle = cycle;
        let found = champion::find(self, &bench, &elites, own).await?;
        let champion = match found {
            Ok(champion) => champion,
            Err(why) => return Ok((why, None, None)),
        };
        let (named, hash) = (champion.named(), champion.hash.clone());
        if let Some(killed) = champion.verdicts.iter().find(|verdict| !verdict.passed()) {
            return Ok((format!("{named} was stopped by {}", failures(killed)), Some(hash), None));
        }
        let sealed = match sealed {
            Ok(sealed) => sealed,
            Err(waits) => return Ok((format!("{named} has to wait: {waits}"), Some(hash), None)),
        };
        let seen = match self.look(&champion, sealed).await? {
            Ok(seen) => seen,
            Err(why) => return Ok((format!("the look of {named} is lost: {why}"), Some(hash), None)),
        };
        let verdict = sealed::verdict(&seen.evidence, &self.plan.rules.sealed);
        if !verdict.passed() {
            let why = failures(&verdict);
            return Ok((format!("{named} was stopped in the sealed days by {why}"), Some(hash), None));
        }
        let draft = draft::of(self, &bench, &champion, (&seen, &verdict)).await?;
        let record = heard(self.links.draft.ask(draft, ASK_WITHIN).await)?;
        let words = format!("{named} passed the sealed days: proposal {} is drafted", record.number);
        Ok((words, Some(hash), Some(record.number)))
    }

    /// The model is asked at a cycle's beginning only: its suggestions are the first that are tried.
    async fn with_suggestions(&self) -> Result<SearchPlan, SearchStopped> {
        let mut plan = self.plan.search.clone();
        if let Some(advice) = self.links.advice.as_ref().filter(|_| self.cycle.trials == 0) {
            plan.suggestions.extend(suggestions(advice, self.plan.wanted, self.sealed_from).await?);
        }
        Ok(plan)
    }

    /// The one look: the days are spent first, then seen, then judged. What was judged before is read from the books.
    async fn look(
        &self,
        champion: &Champion,
        sealed: Sealed<Vec<Series>>,
    ) -> Result<Result<Seen, String>, SearchStopped> {
        let (first_day, last_day) = (sealed.first_day(), sealed.last_day());
        let (cycle, hash) = (self.cycle.seq, champion.hash.clone());
        let spend = SpendWindow { cycle, first_day, last_day, champion: hash.clone() };
        let receipt = match heard(self.links.spend.ask(spend, ASK_WITHIN).await) {
            Ok(receipt) => receipt,
            // The cycle has spent other days: its bars were told differently since.
            Err(SearchStopped::Ledger(domain::messages::ledger::LedgerError::Refused(why))) => {
                return Ok(Err(why));
            }
            Err(stopped) => return Err(stopped),
        };
        let window = receipt.seq;
        if receipt.passed.is_some() {
            let booked = heard(self.links.seen.ask(SeenIn { window }, ASK_WITHIN).await)?;
            let booked = booked.ok_or_else(|| "nobody knows what was seen".to_owned());
            return Ok(booked.and_then(|text| serde_json::from_str(&text).map_err(|why| why.to_string())));
        }
        let opened = match sealed.open(&receipt, &hash) {
            Ok(opened) => opened,
            Err(why) => return Ok(Err(why.to_string())),
        };
        let seen = match paper(&champion.strategy, &opened, first_day) {
            Ok(paper) => Seen {
                evidence: sealed::Evidence::of(&receipt, &paper.returns, &paper.market),
                returns_ppb: paper.returns.iter().map(|value| ppb(*value)).collect(),
            },
            Err(why) => return Ok(Err(why.to_string())),
        };
        let passed = sealed::verdict(&seen.evidence, &self.plan.rules.sealed).passed();
        let evidence = serde_json::to_string(&seen).unwrap_or_default();
        heard(self.links.judge.ask(JudgeWindow { window, passed, evidence }, ASK_WITHIN).await)?;
        Ok(Ok(seen))
    }

    async fn end(
        &self,
        outcome: String,
        champion: Option<TrialHash>,
        draft: Option<ProposalNumber>,
    ) -> Result<Ended, SearchStopped> {
        let end = EndCycle { cycle: self.cycle.seq, outcome: outcome.clone(), champion };
        heard(self.links.end.ask(end, ASK_WITHIN).await)?;
        Ok(Ended { cycle: Cycle { is_over: true, ..self.cycle }, outcome: Some(outcome), draft })
    }
}

/// What a gate did not find good enough, in words.
fn failures(verdict: &Verdict) -> String {
    let failures: Vec<_> = verdict.failures().map(ToString::to_string).collect();
    format!("{}: {}", verdict.gate, failures.join("; "))
}

/// A share in whole billionths.
pub(crate) fn ppb(share: f64) -> i64 {
    micros(share * 1e3)
}
