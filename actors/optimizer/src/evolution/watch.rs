//! What is looked after at every close: drafts in the shadow beside their incumbents (G4), and what the market trades by.
//!
//! Both are followed on paper, on the bars of days that had not happened when they were found. The books keep each session once, so
//! that what was told of it does not change with bars that are told again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use domain::Market;
use domain::messages::evolution::{
    ActiveIn, AllProposals, AutoLimit, BookLook, ChangeProposal, Decider, FollowShadow, JudgeShadow,
    ProposalNumber, ProposalRecord, ProposalStatus, ProposalStep, SHADOW_SESSIONS_MAX, ShadowRecord,
    ShadowSession,
};
use domain::messages::ledger::LedgerError;
use strategy::form::Strategy;
use supervision::prelude::*;

use super::round::ppb;
use super::search::{ASK_WITHIN, SearchStopped, heard};
use crate::approval::Outside;
use crate::backtest::Series;
use crate::evidence::Evidence;
use crate::gauntlet::Verdict;
use crate::gauntlet::candidate::drawdown;
use crate::gauntlet::shadow::{self, Session, Standing};
use crate::laboratory::{Paper, paper};

/// Longest reason of a step, in characters: the books cut it there.
const REASON_MAX: usize = 400;

/// Whom the watch asks.
#[derive(Clone, Debug)]
pub struct WatchLinks {
    /// TradeLedger: every proposal.
    pub proposals: Link<AllProposals>,
    /// TradeLedger: sessions of a shadow.
    pub follow: Link<FollowShadow>,
    /// TradeLedger: whether what is followed could be judged.
    pub look: Link<BookLook>,
    /// TradeLedger: a shadow is over.
    pub judge: Link<JudgeShadow>,
    /// TradeLedger: what the market trades by.
    pub active: Link<ActiveIn>,
    /// TradeLedger: back from it.
    pub change: Link<ChangeProposal>,
}

/// True when a market has a draft in the shadow, or trades by a proposal.
///
/// # Errors
/// [`SearchStopped`] when the ledger did not answer.
pub async fn is_watched(links: &WatchLinks, market: Market) -> Result<bool, SearchStopped> {
    let is_followed = |record: &ProposalRecord| match record.status {
        ProposalStatus::Draft => record.shadow.is_some(),
        ProposalStatus::Active => true,
        ProposalStatus::ReadyForReview
        | ProposalStatus::Approved
        | ProposalStatus::Rejected
        | ProposalStatus::Retired => false,
    };
    let all = heard(links.proposals.ask(AllProposals, ASK_WITHIN).await)?;
    Ok(all.iter().any(|record| record.market == market && is_followed(record)))
}

/// Follows the drafts of a market up to a session and watches what it trades by; what happened, a line each.
///
/// # Errors
/// [`SearchStopped`]; what was booked until then stays.
pub async fn watch(
    links: &WatchLinks,
    (market, session_date): (Market, NaiveDate),
    rules: &shadow::Rules,
    series: &[Series],
) -> Result<Vec<String>, SearchStopped> {
    let mut lines = Vec::new();
    for record in heard(links.proposals.ask(AllProposals, ASK_WITHIN).await)? {
        if record.market == market && record.status == ProposalStatus::Draft {
            lines.extend(follow(links, &record, rules, session_date, series).await?);
            tokio::task::yield_now().await;
        }
    }
    lines.extend(watch_active(links, (market, session_date), rules, series).await?);
    Ok(lines)
}

/// Books which session was the newest of what was seen, or that there was none after `after`.
async fn look(
    links: &WatchLinks,
    (number, session_date): (ProposalNumber, NaiveDate),
    (after, seen): (NaiveDate, &[NaiveDate]),
) -> Result<(), SearchStopped> {
    let seen_until = seen.last().copied().unwrap_or(after);
    heard(links.look.ask(BookLook { number, session_date, seen_until }, ASK_WITHIN).await)
}

/// Asks the books to approve by the operator's limit what is ready for review; they decide. What happened, a line each. `settings` is
/// what the market trades by as long as no proposal is active.
///
/// # Errors
/// [`SearchStopped`]; what was booked until then stays.
pub async fn approve(
    links: &WatchLinks,
    market: Market,
    limit: AutoLimit,
    settings: Option<&Strategy>,
) -> Result<Vec<String>, SearchStopped> {
    let mut all = heard(links.proposals.ask(AllProposals, ASK_WITHIN).await)?;
    all.retain(|record| record.market == market && record.status == ProposalStatus::ReadyForReview);
    all.sort_by_key(|record| record.number);
    let mut lines = Vec::new();
    for record in all {
        let number = record.number;
        let active = heard(links.active.ask(ActiveIn { market }, ASK_WITHIN).await)?;
        let active = active.and_then(|active| active.from).map(|(_, strategy)| strategy);
        // The books do not know the settings.
        if active.or_else(|| settings.map(Strategy::to_json)) != record.incumbent {
            lines.push(format!("proposal {number} waits for a person: {}", Outside::OtherIncumbent(market)));
            continue;
        }
        let (step, by) = (ProposalStep::Approve, Decider::Limit(limit));
        let reason = "it passed every gate and its shadow".to_owned();
        match heard(links.change.ask(ChangeProposal { number, step, by, reason }, ASK_WITHIN).await) {
            Ok(_) => lines.push(format!("proposal {number} is approved by {}", AutoLimit::SETTING)),
            Err(SearchStopped::Ledger(LedgerError::Refused(why))) => {
                lines.push(format!("proposal {number} waits for a person: {why}"));
            }
            Err(stopped) => return Err(stopped),
        }
    }
    Ok(lines)
}

/// One draft; none while it goes on. One that this version cannot read has no more sessions, and expires like the others.
async fn follow(
    links: &WatchLinks,
    record: &ProposalRecord,
    rules: &shadow::Rules,
    today: NaiveDate,
    series: &[Series],
) -> Result<Option<String>, SearchStopped> {
    let Some(ShadowRecord { plan, sessions, .. }) = &record.shadow else { return Ok(None) };
    let challenger = Strategy::from_json(&record.strategy);
    let incumbent = record.incumbent.as_deref().and_then(|json| Strategy::from_json(json).ok());
    let seen = sessions_after(series, plan.after, today);
    look(links, (record.number, today), (plan.after, &seen)).await?;
    let mut new = challenger
        .as_ref()
        .map_or_else(|_| Vec::new(), |challenger| pairs(challenger, incumbent.as_ref(), series, &seen));
    let known: BTreeSet<_> = sessions.iter().map(|session| session.session_date).collect();
    new.retain(|session| !known.contains(&session.session_date));
    new.truncate(SHADOW_SESSIONS_MAX);
    let number = record.number;
    let mut all = sessions.clone();
    if !new.is_empty() {
        all.extend(&new);
        heard(links.follow.ask(FollowShadow { number, sessions: new }, ASK_WITHIN).await)?;
    }
    all.sort_by_key(|session| session.session_date);
    let sessions = all.iter().map(session).collect();
    let evidence = shadow::Evidence { sessions, expires: plan.expires, seed: plan.seed };
    let Standing::Judged(verdict) = shadow::standing(&evidence, rules, today) else { return Ok(None) };
    let is_whole = Evidence::parse(&record.evidence).is_ok_and(|evidence| evidence.is_whole());
    let passed = verdict.passed() && is_whole && challenger.is_ok();
    let reason = reason(&verdict, is_whole, challenger.err());
    let evidence = serde_json::to_string(&verdict).unwrap_or_default();
    let judge = JudgeShadow { number, passed, evidence, reason: reason.clone() };
    let judged = heard(links.judge.ask(judge, ASK_WITHIN).await)?;
    Ok(Some(format!("proposal {number} is {}: {reason}", judged.status)))
}

fn session(session: &ShadowSession) -> Session {
    let share = |ppb: i64| ppb as f64 / 1e9;
    Session {
        session_date: session.session_date,
        challenger: share(session.challenger_ppb),
        incumbent: share(session.incumbent_ppb),
        decisions: session.decisions,
    }
}

fn reason(verdict: &Verdict, is_whole: bool, unreadable: Option<impl std::fmt::Display>) -> String {
    let words = if verdict.passed() {
        let told: Vec<_> = verdict.checks.iter().map(ToString::to_string).collect();
        format!("the shadow passed: {}", told.join("; "))
    } else {
        let failures: Vec<_> = verdict.failures().map(ToString::to_string).collect();
        format!("the shadow failed: {}", failures.join("; "))
    };
    let unreadable = unreadable.map_or_else(String::new, |why| {
        let why: String = why.to_string().chars().take(REASON_MAX / 3).collect();
        format!("this version cannot read it ({why}); ")
    });
    let missing = if is_whole { "" } else { "its evidence is not complete; " };
    format!("{unreadable}{missing}{words}").chars().take(REASON_MAX).collect()
}

/// The sessions after a day, up to another, in which at least half of the stocks have a bar: with fewer it is not told yet.
fn sessions_after(series: &[Series], after: NaiveDate, until: NaiveDate) -> Vec<NaiveDate> {
    let mut stocks: BTreeMap<NaiveDate, usize> = BTreeMap::new();
    let dates = series.iter().flat_map(|series| series.bars().iter().rev().map(|bar| bar.session_date));
    for date in dates.filter(|date| *date > after && *date <= until) {
        *stocks.entry(date).or_default() += 1;
    }
    stocks.into_iter().filter(|(_, count)| count * 2 >= series.len()).map(|(date, _)| date).collect()
}

/// What both earned in each session; an incumbent that cannot be tried on bars holds cash.
fn pairs(
    challenger: &Strategy,
    incumbent: Option<&Strategy>,
    series: &[Series],
    seen: &[NaiveDate],
) -> Vec<ShadowSession> {
    let (Some(first), Some(last)) = (seen.first(), seen.last()) else { return Vec::new() };
    let known: Vec<_> = series
        .iter()
        .filter_map(|series| series.between(NaiveDate::MIN, last.succ_opt().unwrap_or(*last)).ok())
        .collect();
    let earned = |strategy: &Strategy| paper(strategy, &known, *first).unwrap_or_default();
    let challenger = earned(challenger);
    let incumbent = incumbent.map(earned).unwrap_or_default();
    let of = |paper: &Paper, date: NaiveDate| {
        let place = paper.days.binary_search(&date).ok()?;
        Some((*paper.returns.get(place)?, *paper.decisions.get(place)?))
    };
    let pair = |date: &NaiveDate| {
        let (earned, decisions) = of(&challenger, *date)?;
        let beside = of(&incumbent, *date).map_or(0.0, |(earned, _)| earned);
        let (challenger_ppb, incumbent_ppb) = (ppb(earned), ppb(beside));
        Some(ShadowSession { session_date: *date, challenger_ppb, incumbent_ppb, decisions })
    };
    seen.iter().filter_map(pair).collect()
}

/// Goes back from what the market trades by when it has fallen too far since then, on paper.
async fn watch_active(
    links: &WatchLinks,
    (market, session_date): (Market, NaiveDate),
    rules: &shadow::Rules,
    series: &[Series],
) -> Result<Option<String>, SearchStopped> {
    let active = heard(links.active.ask(ActiveIn { market }, ASK_WITHIN).await)?;
    let Some((since, (number, json))) = active.and_then(|active| Some((active.since, active.from?))) else {
        return Ok(None);
    };
    let Ok(strategy) = Strategy::from_json(&json) else { return Ok(None) };
    let began = market.date_at(since);
    let seen = sessions_after(series, began, session_date);
    look(links, (number, session_date), (began, &seen)).await?;
    let Some(first) = seen.first() else { return Ok(None) };
    let fell = drawdown(&paper(&strategy, series, *first).unwrap_or_default().returns);
    if fell <= rules.drawdown {
        return Ok(None);
    }
    let reason = format!(
        "on paper it has fallen by {:.1} % from its highest point since {first}, allowed are {:.1} %",
        fell * 100.0,
        rules.drawdown * 100.0
    );
    let change =
        ChangeProposal { number, step: ProposalStep::RollBack, by: Decider::Agent, reason: reason.clone() };
    heard(links.change.ask(change, ASK_WITHIN).await)?;
    Ok(Some(format!("proposal {number} is rolled back: {reason}")))
}
