//! G2: does it earn, after costs, on parts of the sample that it was not chosen by, and is the family that it comes from more
//! than noise?
//!
//! The probability of backtest overfitting of the whole family is a veto. The deflated Sharpe ratio is told, not demanded: with
//! less than five years of daily bars it refuses everything realistic (strategies.md 5.2).

use domain::messages::evolution::GateName;
use serde::{Deserialize, Serialize};

use super::{Check, Needed, Verdict};
use crate::validation::overfitting::overfitting;
use crate::validation::sharpe::{Record, Trials};
use crate::validation::splits::{Guard, walk_forward};
use crate::validation::{Degenerate, Returns};

/// What G2 demands.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Parts of the sample that are tested, one after another.
    pub folds: usize,
    /// Fewest of them that must have a profit.
    pub folds_with_profit: usize,
    /// Blocks for the probability of overfitting, even.
    pub blocks: usize,
    /// Largest probability of overfitting.
    pub overfitting: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { folds: 5, folds_with_profit: 3, blocks: 12, overfitting: 0.2 }
    }
}

/// What was measured of one candidate in its family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Sharpe ratio per observation of the candidate in the tested parts.
    pub sharpe: Result<f64, String>,
    /// Tested parts in which it has a profit.
    pub folds_with_profit: Result<usize, String>,
    /// Sharpe ratio per observation of whatever was best before each tested part: what choosing by the past is worth.
    pub choosing: Result<f64, String>,
    /// Probability that the family's best is below its median elsewhere.
    pub overfitting: Result<f64, String>,
    /// Probability that the candidate's Sharpe ratio is above what the best of all trials without skill would show.
    pub deflated: Result<f64, String>,
    /// Trials behind that.
    pub trials: u64,
}

/// A family and one of it.
#[derive(Clone, Copy, Debug)]
pub struct Family<'a> {
    /// Returns after costs of every candidate of the cycle that ran, a column each.
    pub returns: &'a Returns,
    /// The column that is judged.
    pub candidate: usize,
    /// Every trial of the market there ever was.
    pub trials: Trials,
    /// Longest holding, in bars: nothing is learnt so close before and after a test.
    pub max_hold_bars: usize,
}

/// Measures one candidate.
pub fn measure(family: &Family<'_>, rules: &Rules) -> Evidence {
    let words = |why: Degenerate| why.to_string();
    let overfitting = overfitting(family.returns, rules.blocks).map(|found| found.probability);
    measure_with(family, rules, overfitting.map_err(words))
}

/// The same when the probability of overfitting of the family is known: it belongs to all of it.
pub fn measure_with(family: &Family<'_>, rules: &Rules, overfitting: Result<f64, String>) -> Evidence {
    let words = |why: Degenerate| why.to_string();
    let own = family.returns.column(family.candidate);
    let folds = tested(family, rules);
    let sharpe = |folds: &Folds, of: fn(&Fold) -> &[f64]| {
        let returns: Vec<_> = folds.iter().flat_map(|fold| of(fold).iter().copied()).collect();
        Record::of(&returns).map(|record| record.sharpe)
    };
    let with_profit = |folds: &Folds| folds.iter().filter(|fold| fold.own.iter().sum::<f64>() > 0.0).count();
    let deflated = own.and_then(|own| Record::of(&own)).and_then(|record| record.deflated(family.trials));
    Evidence {
        sharpe: folds.clone().and_then(|folds| sharpe(&folds, |fold| &fold.own)).map_err(words),
        folds_with_profit: folds.clone().map(|folds| with_profit(&folds)).map_err(words),
        choosing: folds.and_then(|folds| sharpe(&folds, |fold| &fold.chosen)).map_err(words),
        overfitting,
        deflated: deflated.map_err(words),
        trials: family.trials.count,
    }
}

/// What G2 says of what was measured.
pub fn verdict(evidence: &Evidence, rules: &Rules) -> Verdict {
    let number = |measured: &Result<f64, String>| measured.clone();
    let folds = evidence.folds_with_profit.clone().map(|folds| folds as f64);
    let checks = vec![
        Check::of("Sharpe ratio of a session in tested parts", number(&evidence.sharpe), Needed::Above(0.0)),
        Check::of("tested parts with a profit", folds, Needed::AtLeast(rules.folds_with_profit as f64)),
        Check::of(
            "Sharpe ratio of a session when choosing by the past",
            number(&evidence.choosing),
            Needed::Told,
        ),
        Check::of(
            "probability of backtest overfitting",
            number(&evidence.overfitting),
            Needed::AtMost(rules.overfitting),
        ),
        Check::of("deflated Sharpe ratio", number(&evidence.deflated), Needed::Told),
        Check::new("trials", evidence.trials as f64, Needed::AtLeast(1.0)),
    ];
    Verdict { gate: GateName::G2, checks }
}

/// What G2 says of one candidate before its family is known: whether it earns in parts that are tested one after another. What
/// passes here has to pass [`verdict`], too.
pub fn alone(returns: &[f64], max_hold_bars: usize, rules: &Rules) -> Verdict {
    let guard = Guard { horizon: max_hold_bars, embargo: max_hold_bars };
    let splits = walk_forward(returns.len(), rules.folds, guard);
    let part = |split: &crate::validation::splits::TrainTest| -> Vec<f64> {
        split.test.iter().filter_map(|row| returns.get(*row).copied()).collect()
    };
    let parts: Result<Vec<_>, _> = splits.map(|splits| splits.iter().map(part).collect());
    let sharpe = |parts: Vec<Vec<f64>>| Record::of(&parts.concat()).map(|record| record.sharpe);
    let with_profit =
        |parts: Vec<Vec<f64>>| parts.iter().filter(|part| part.iter().sum::<f64>() > 0.0).count() as f64;
    let checks = vec![
        Check::of(
            "Sharpe ratio of a session in tested parts",
            parts.clone().and_then(sharpe),
            Needed::Above(0.0),
        ),
        Check::of(
            "tested parts with a profit",
            parts.map(with_profit),
            Needed::AtLeast(rules.folds_with_profit as f64),
        ),
    ];
    Verdict { gate: GateName::G2, checks }
}

type Folds = Vec<Fold>;

/// Returns of one tested part.
#[derive(Clone)]
struct Fold {
    /// The candidate's.
    own: Vec<f64>,
    /// Those of the best before it.
    chosen: Vec<f64>,
}

fn tested(family: &Family<'_>, rules: &Rules) -> Result<Folds, Degenerate> {
    let own = family.returns.column(family.candidate)?;
    let guard = Guard { horizon: family.max_hold_bars, embargo: family.max_hold_bars };
    let splits = walk_forward(own.len(), rules.folds, guard)?;
    let fold = |split: crate::validation::splits::TrainTest| {
        let chosen = best(family.returns, split.train.len());
        let chosen = split.test.iter().map(|row| family.returns.row(*row)[chosen]).collect();
        Fold { own: split.test.iter().map(|row| own[*row]).collect(), chosen }
    };
    Ok(splits.into_iter().map(fold).collect())
}

/// The column of the highest Sharpe ratio in the first rows; what has none there is not chosen before what has one.
fn best(returns: &Returns, rows: usize) -> usize {
    let sharpe = |column: usize| {
        let values: Vec<_> = (0..rows).map(|row| returns.row(row)[column]).collect();
        Record::of(&values).map_or(f64::NEG_INFINITY, |record| record.sharpe)
    };
    let first = (0, f64::NEG_INFINITY);
    let all = (0..returns.columns()).map(|column| (column, sharpe(column)));
    all.fold(first, |best, next| if next.1 > best.1 { next } else { best }).0
}

/// The column of the highest Sharpe ratio over all rows: the champion of a family. None when none has a ratio.
pub fn champion(returns: &Returns) -> Option<usize> {
    let column = best(returns, returns.rows());
    let has_ratio = Record::of(&returns.column(column).ok()?).is_ok();
    has_ratio.then_some(column)
}
