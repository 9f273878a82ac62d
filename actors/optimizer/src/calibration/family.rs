//! One family of random strategies, and what the gates make of its champion.

use domain::messages::evolution::{GateName, SpentWindow, TrialHash};
use strategy::form::wire::{
    EntryWire, ExitWire, Operator, PredicateWire, RightKind, Side, SizingWire, StrategyWire, TermWire,
};
use strategy::form::{Feature, Strategy};

use super::bars::Market;
use super::{CalibrationError, FamilyReport, Kind, Options, YEAR};
use crate::gauntlet::Rules;
use crate::gauntlet::sealed::{self, Sealed};
use crate::gauntlet::walk_forward::{self, Family};
use crate::validation::sharpe::{Record, Trials};
use crate::validation::{Degenerate, Returns, mean};

/// Random strategies tried for each that is wanted.
const TRIES_EACH: usize = 200;
/// A strategy must hold in so many of a thousand cases at least, and at most.
const HOLDS_PER_MILLE: std::ops::RangeInclusive<usize> = 20..=600;
/// More than this a bar is planted on no strategy.
const PLANTED_MAX: f64 = 0.05;

/// A random strategy, and where it holds.
struct Member {
    hash: TrialHash,
    /// Per stock and decision.
    holds: Vec<Vec<bool>>,
}

/// Makes a family and lets its champion meet the gates.
pub(super) fn judge(
    market: &Market,
    rules: &Rules,
    options: &Options,
    kind: Kind,
    number: u32,
) -> Result<FamilyReport, CalibrationError> {
    let stream = u64::from(number) << 1 | u64::from(kind == Kind::Planted);
    let mut random = fastrand::Rng::with_seed(options.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ stream);
    let members = members(market, options.trials, &mut random)?;
    let mut returns = rotated(market, &mut random);
    let hidden = match kind {
        Kind::Null => None,
        Kind::Planted => Some(plant(&members, &mut returns, options)?),
    };
    let earned: Vec<_> = members.iter().map(|member| excess(&member.holds, &returns)).collect();
    let sample: Vec<_> = earned.iter().map(|earned| &earned[..market.sample()]).collect();
    let family = Returns::from_columns(&sample)?;
    let champion = walk_forward::champion(&family)
        .ok_or(CalibrationError::Statistics(Degenerate::NoVariance { column: 0 }))?;
    let (killed_by, overfitting) =
        gates(market, rules, &family, champion, &members[champion], &earned[champion])?;
    Ok(FamilyReport {
        number,
        kind,
        killed_by,
        sharpe_in_sample: annual(sample[champion]),
        sharpe_sealed: annual(&earned[champion][market.sealed_from()..]),
        overfitting,
        correlation: hidden.map(|hidden| correlation(&earned[champion], &earned[hidden])),
        usual_rule_accepts: earned
            .iter()
            .filter(|earned| {
                annual(&earned[..market.sample()]) > 1.0 && annual(&earned[market.sealed_from()..]) > 0.0
            })
            .count(),
    })
}

/// G2 and G3: the gate that stops the champion, and the probability of overfitting.
fn gates(
    market: &Market,
    rules: &Rules,
    family: &Returns,
    candidate: usize,
    champion: &Member,
    earned: &[f64],
) -> Result<(Option<GateName>, Option<f64>), CalibrationError> {
    let sharpe = |column| {
        family.column(column).and_then(|returns| Record::of(&returns)).map_or(0.0, |record| record.sharpe)
    };
    let trials = Trials::of(&(0..family.columns()).map(sharpe).collect::<Vec<_>>())?;
    let judged = Family { returns: family, candidate, trials, max_hold_bars: 1 };
    let evidence = walk_forward::measure(&judged, &rules.walk_forward);
    let overfitting = evidence.overfitting.clone().ok();
    if !walk_forward::verdict(&evidence, &rules.walk_forward).passed() {
        return Ok((Some(GateName::G2), overfitting));
    }
    // Every family looks at days of its own, as the first look of a market: the widest level there is.
    let (first_day, last_day) = (market.days[market.sealed_from()], market.days[market.decisions() - 1]);
    let content = earned[market.sealed_from()..].to_vec();
    let hash = champion.hash.clone();
    let receipt =
        SpentWindow { seq: 1, cycle: 1, number: 1, first_day, last_day, champion: hash, passed: None };
    let opened = Sealed::new(first_day, last_day, content, &[])
        .and_then(|sealed| sealed.open(&receipt, &champion.hash))
        .unwrap_or_default();
    // What is earned here is beyond the market already.
    let market = vec![0.0; opened.len()];
    let seen = sealed::verdict(&sealed::Evidence::of(&receipt, &opened, &market), &rules.sealed);
    Ok(((!seen.passed()).then_some(GateName::G3), overfitting))
}

/// Different random strategies that hold often enough, and not always.
fn members(
    market: &Market,
    wanted: usize,
    random: &mut fastrand::Rng,
) -> Result<Vec<Member>, CalibrationError> {
    let features = Feature::ALL.iter().copied().filter(|feature| !feature.is_of_holding());
    let vocabulary: Vec<_> = features.map(|feature| (feature, market.sorted(feature))).collect();
    let (mut members, tries): (Vec<Member>, _) = (Vec::with_capacity(wanted), wanted * TRIES_EACH);
    for _ in 0..tries {
        if members.len() == wanted {
            return Ok(members);
        }
        let Some((hash, strategy)) = strategy(&vocabulary, random) else { continue };
        let holds = market.holds(&strategy);
        let cases = holds.iter().map(|stock| &stock[..market.sample()]);
        let held: usize = cases.map(|stock| stock.iter().filter(|holds| **holds).count()).sum();
        let is_new = members.iter().all(|member| member.hash != hash);
        if is_new && HOLDS_PER_MILLE.contains(&(held * 1_000 / (holds.len() * market.sample()))) {
            members.push(Member { hash, holds });
        }
    }
    Err(CalibrationError::NoStrategies { wanted, tries })
}

/// Two or three comparisons with constants that real values lie around.
fn strategy(vocabulary: &[(Feature, Vec<f64>)], random: &mut fastrand::Rng) -> Option<(TrialHash, Strategy)> {
    let count = random.usize(2..=3);
    let all_of = (0..count).map(|_| predicate(vocabulary, random)).collect::<Option<Vec<_>>>()?;
    let wire = StrategyWire {
        id: "random".to_owned(),
        parent_id: None,
        hypothesis: "None: it is drawn at random.".to_owned(),
        side: Side::Long,
        entry: EntryWire { min_score: 1.0, terms: vec![TermWire { weight: 1.0, all_of }] },
        exit: ExitWire {
            any_of: vec![],
            stop_atr: None,
            take_atr: None,
            trailing_atr: None,
            max_hold_bars: 1,
        },
        sizing: SizingWire { fraction_pct: 10.0 },
    };
    let strategy = Strategy::try_from(wire).ok()?;
    let hash = strategy.identity().to_string().parse().ok()?;
    Some((hash, strategy))
}

fn predicate(vocabulary: &[(Feature, Vec<f64>)], random: &mut fastrand::Rng) -> Option<PredicateWire> {
    let (feature, values) = vocabulary.get(random.usize(..vocabulary.len()))?;
    let place = (values.len() as f64 * (0.15 + 0.7 * random.f64())) as usize;
    Some(PredicateWire {
        feature: *feature,
        lag: 0,
        op: if random.bool() { Operator::Gt } else { Operator::Lt },
        rhs_kind: RightKind::Value,
        rhs_feature: None,
        rhs_value: (*feature).clamp(*values.get(place)?)?.get(),
    })
}

/// The market's returns, all stocks moved by the same time: nothing of the day foretells them.
fn rotated(market: &Market, random: &mut fastrand::Rng) -> Vec<Vec<f64>> {
    let decisions = market.decisions();
    let by = random.usize(decisions / 8..decisions * 7 / 8);
    let rotate = |returns: &Vec<f64>| {
        let mut returns = returns.clone();
        returns.rotate_left(by);
        returns
    };
    market.returns.iter().map(rotate).collect()
}

/// Adds to every return of the bars at which one of the members holds, so that it earns the ratio wanted; which one it is.
fn plant(members: &[Member], returns: &mut [Vec<f64>], options: &Options) -> Result<usize, CalibrationError> {
    let earns = |member: &Member, gain: f64| annual(&excess(&member.holds, &raised(member, returns, gain)));
    let can = |member: &&Member| earns(member, PLANTED_MAX) > options.sharpe;
    let hidden = members.iter().position(|member| can(&member));
    let wanted = options.trials;
    let hidden = hidden.ok_or(CalibrationError::NoStrategies { wanted, tries: members.len() })?;
    let (mut low, mut high) = (0.0, PLANTED_MAX);
    for _ in 0..30 {
        let middle = f64::midpoint(low, high);
        if earns(&members[hidden], middle) < options.sharpe { low = middle } else { high = middle }
    }
    let planted = raised(&members[hidden], returns, high);
    returns.clone_from_slice(&planted);
    Ok(hidden)
}

fn raised(member: &Member, returns: &[Vec<f64>], gain: f64) -> Vec<Vec<f64>> {
    let stock = |(returns, holds): (&Vec<f64>, &Vec<bool>)| {
        let each = returns.iter().zip(holds);
        each.map(|(value, holds)| if *holds { value + gain } else { *value }).collect()
    };
    returns.iter().zip(&member.holds).map(stock).collect()
}

/// What holding a stock, each with an equal share, earns more than holding all of them.
fn excess(holds: &[Vec<bool>], returns: &[Vec<f64>]) -> Vec<f64> {
    let stocks = returns.len() as f64;
    let decision = |decision: usize| {
        let market = returns.iter().map(|stock| stock[decision]).sum::<f64>() / stocks;
        let held = holds.iter().zip(returns).filter(|(holds, _)| holds[decision]);
        held.map(|(_, stock)| stock[decision] - market).sum::<f64>() / stocks
    };
    (0..returns.first().map_or(0, Vec::len)).map(decision).collect()
}

/// Sharpe ratio a year; 0 for what has none.
fn annual(returns: &[f64]) -> f64 {
    Record::of(returns).map_or(0.0, |record| record.sharpe * YEAR.sqrt())
}

/// Pearson's; 0 when one of them does not move.
fn correlation(one: &[f64], other: &[f64]) -> f64 {
    let (mean_one, mean_other) = (mean(one), mean(other));
    let (mut joint, mut of_one, mut of_other) = (0.0, 0.0, 0.0);
    for (one, other) in one.iter().zip(other) {
        let (one, other) = (one - mean_one, other - mean_other);
        joint += one * other;
        of_one += one * one;
        of_other += other * other;
    }
    let scale = f64::sqrt(of_one * of_other);
    if scale > 0.0 { joint / scale } else { 0.0 }
}
