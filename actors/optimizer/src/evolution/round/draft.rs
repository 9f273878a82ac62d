//! A champion that passed, written down for people: evidence, curves, and how it is followed from now on.

use chrono::{Days, NaiveDate};
use domain::messages::evolution::{ActiveIn, DraftProposal, ShadowPlan};
use strategy::form::Strategy;

use super::super::chance::Chance;
use super::super::search::{ASK_WITHIN, SearchStopped, heard};
use super::{Champion, Round, Seen};
use crate::evidence::{Curve, Evidence};
use crate::gauntlet::Verdict;
use crate::gauntlet::shadow::EXPIRES_AFTER_DAYS;
use crate::laboratory::Workbench;

/// The attempt of a cycle's chance that its shadow's randomness follows from; candidates take the first ones.
const OF_SHADOW: u32 = u32::MAX;

/// What is drafted.
pub(super) async fn of(
    round: &Round<'_>,
    bench: &Workbench<'_>,
    champion: &Champion,
    (seen, verdict): (&Seen, &Verdict),
) -> Result<DraftProposal, SearchStopped> {
    let market = round.cycle.market;
    let active = heard(round.links.active.ask(ActiveIn { market }, ASK_WITHIN).await)?;
    let active = active.and_then(|active| active.from).map(|(_, strategy)| strategy);
    let incumbent = active.or_else(|| round.plan.incumbent.as_ref().map(Strategy::to_json));
    let (hash, strategy) = (champion.hash.clone(), champion.strategy.to_json());
    let evidence = evidence(round, bench, champion, (seen, verdict), incumbent.as_deref());
    Ok(DraftProposal {
        cycle: Some(round.cycle.seq),
        market,
        name: name(champion),
        hypothesis: champion.strategy.hypothesis().to_owned(),
        hash,
        strategy,
        incumbent,
        evidence: serde_json::to_string(&evidence).unwrap_or_default(),
        shadow: Some(shadow(round)),
    })
}

/// What it looks at, how it trades, and who it is: `stretch-week-busy-1a2b3c4d`.
fn name(champion: &Champion) -> String {
    let kind = champion.niche.trim_start_matches("long/").replace('/', "-");
    format!("{kind}-{}", champion.hash.short()).trim_start_matches('-').to_owned()
}

fn shadow(round: &Round<'_>) -> ShadowPlan {
    let after = round.cycle.session_date;
    let expires = after.checked_add_days(Days::new(EXPIRES_AFTER_DAYS)).unwrap_or(NaiveDate::MAX);
    ShadowPlan { after, expires, seed: Chance::of(round.cycle.seed, round.cycle.trials, OF_SHADOW).bits() }
}

fn evidence(
    round: &Round<'_>,
    bench: &Workbench<'_>,
    champion: &Champion,
    (seen, verdict): (&Seen, &Verdict),
    incumbent: Option<&str>,
) -> Evidence {
    let days = &round.sample.days;
    let sample = |name: &str, returns: &[f64]| {
        let (first_day, last_day) = (*days.first()?, *days.last()?);
        Some(Curve { name: name.to_owned(), first_day, last_day, points: index(returns) })
    };
    let sealed: Vec<f64> = seen.returns_ppb.iter().map(|value| *value as f64 / 1e9).collect();
    let (first_day, last_day) = (seen.evidence.first_day, seen.evidence.last_day);
    let sealed =
        Curve { name: "sealed days, after costs".to_owned(), first_day, last_day, points: index(&sealed) };
    let of_incumbent = incumbent.and_then(|json| Strategy::from_json(json).ok());
    let of_incumbent = of_incumbent.map(|strategy| bench.returns(&strategy));
    let curves = [
        sample("sample, after costs", &champion.run.returns),
        Some(sealed),
        of_incumbent.and_then(|returns| sample("the incumbent on the same sample", &returns)),
        sample("all stocks of the sample, without costs", &round.sample.benchmark),
    ];
    let gates = champion.verdicts.iter().chain(std::iter::once(verdict));
    Evidence {
        trials: champion.trials,
        checks: gates.flat_map(Verdict::evidence).collect(),
        curves: curves.into_iter().flatten().collect(),
        notes: notes(round, champion),
    }
}

fn notes(round: &Round<'_>, champion: &Champion) -> Vec<String> {
    let stocks = round.sample.stocks.len();
    vec![
        format!(
            "It is the best of a family of {} candidates by its sample of {stocks} stocks and {} sessions.",
            champion.family,
            round.sample.days.len()
        ),
        "The sealed days were looked at once, by this candidate alone, and are spent.".to_owned(),
        "Decided at closes and filled at the next opens, after commission, tax, half the spread and slippage.".to_owned(),
    ]
}

/// An index that begins with a million.
fn index(returns: &[f64]) -> Vec<i64> {
    let step = |value: &mut f64, change: &f64| {
        *value *= 1.0 + change;
        Some((*value * 1e6).round() as i64)
    };
    std::iter::once(1_000_000).chain(returns.iter().scan(1.0, step)).collect()
}
