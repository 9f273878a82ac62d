//! Measures the gates themselves: how often luck passes them, and how often skill does (strategies.md 5.2).
//!
//! Each family is so many random strategies on real bars, whose returns are rotated in time: the market keeps its dynamics, but
//! nothing foretells it. In half of the families a hidden strategy among them is made to earn, by a little more on every bar at
//! which it holds. The family's champion by its sample then meets G2 and, once, the sealed days (G3). Returns are in excess of
//! all stocks together, without costs.

mod bars;
mod family;

use domain::messages::evolution::GateName;
use serde::Serialize;
use thiserror::Error;

use crate::gauntlet::Rules;
use crate::validation::Degenerate;
use bars::Market;

/// Sessions of a year.
const YEAR: f64 = 252.0;
/// Of 100 families without skill at most so many may have an accepted strategy.
pub const FALSE_ACCEPTS_PER_HUNDRED: u32 = 9;
/// Of the families with a hidden strategy at least this share must find it.
pub const POWER: f64 = 0.9;
/// An accepted strategy with at least this correlation with the hidden one has found it.
pub const CORRELATION: f64 = 0.9;
/// Most families of each kind.
pub const FAMILIES_MAX: u32 = 10_000;
/// Most strategies of a family.
pub const TRIALS_MAX: usize = 2_000;

/// What to measure.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Families of each kind, 1 to [`FAMILIES_MAX`].
    pub families: u32,
    /// Strategies of each family, 10 to [`TRIALS_MAX`].
    pub trials: usize,
    /// Sharpe ratio a year that the hidden strategy is made to have.
    pub sharpe: f64,
    /// Where the randomness starts.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { families: 100, trials: 200, sharpe: 3.0, seed: 1 }
    }
}

/// Whether there is something to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nothing.
    Null,
    /// A hidden strategy.
    Planted,
}

/// What became of one family.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FamilyReport {
    /// Its number among its kind, from 1.
    pub number: u32,
    /// Whether there was something to find.
    pub kind: Kind,
    /// The gate that stopped its champion; none when it was accepted.
    pub killed_by: Option<GateName>,
    /// The champion's Sharpe ratio a year in the sample.
    pub sharpe_in_sample: f64,
    /// The same in the sealed days.
    pub sharpe_sealed: f64,
    /// Probability of overfitting of the family.
    pub overfitting: Option<f64>,
    /// Correlation of the champion with the hidden strategy.
    pub correlation: Option<f64>,
    /// Strategies that the usual rule would accept: a Sharpe ratio above 1 in the sample and above 0 after it.
    pub usual_rule_accepts: usize,
}

impl FamilyReport {
    /// True when its champion passed.
    pub fn is_accepted(&self) -> bool {
        self.killed_by.is_none()
    }

    /// True when its champion passed and is the hidden strategy, or as good as that.
    pub fn is_found(&self) -> bool {
        self.is_accepted() && self.correlation.is_some_and(|correlation| correlation >= CORRELATION)
    }
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Families of each kind.
    pub families: u32,
    /// Strategies of each.
    pub trials: usize,
    /// Families without skill whose champion was accepted.
    pub false_accepts: u32,
    /// Most that are allowed.
    pub false_accepts_allowed: u32,
    /// Families without skill in which the usual rule accepts at least one.
    pub usual_rule_families: u32,
    /// Strategies without skill that the usual rule accepts, in a family on average.
    pub usual_rule_accepts: f64,
    /// Families with a hidden strategy that was found.
    pub found: u32,
    /// Of those families, what share that is.
    pub power: f64,
    /// Families with a hidden strategy in which something else was accepted.
    pub accepted_others: u32,
    /// Champions stopped by G2 and by G3, of both kinds: without skill, with a hidden strategy.
    pub killed: [Killed; 2],
    /// Median probability of overfitting, of both kinds.
    pub overfitting: [Option<f64>; 2],
}

/// Where champions were stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Killed {
    /// By the walk-forward and the veto.
    pub g2: u32,
    /// By the sealed days.
    pub g3: u32,
}

/// Why nothing was measured.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum CalibrationError {
    /// An option outside its range.
    #[error("{what} is {value}; allowed is {allowed}")]
    Option {
        /// Which one.
        what: &'static str,
        /// What was given.
        value: String,
        /// What may be given.
        allowed: String,
    },
    /// The bars are not what they should be.
    #[error("line {line} of the bars: {why}")]
    Bars {
        /// The line, 1 for the head.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// A statistic has no value.
    #[error(transparent)]
    Statistics(#[from] Degenerate),
    /// No random strategy that trades often enough was found in bounded time.
    #[error("no {wanted} random strategies that trade often enough after {tries} tries")]
    NoStrategies {
        /// How many were wanted.
        wanted: usize,
        /// How many were tried.
        tries: usize,
    },
}

/// Measures the gates; `progress` hears of each family.
///
/// # Errors
/// [`CalibrationError`] when an option is out of its range or the bars allow no measurement.
pub fn run(options: &Options, mut progress: impl FnMut(&FamilyReport)) -> Result<Report, CalibrationError> {
    check(options)?;
    let market = Market::of(bars::US_WIKI)?;
    let rules = Rules::default();
    let mut families = Vec::new();
    for number in 1..=options.families {
        for kind in [Kind::Null, Kind::Planted] {
            let family = family::judge(&market, &rules, options, kind, number)?;
            progress(&family);
            families.push(family);
        }
    }
    Ok(Report::of(options, &families))
}

fn check(options: &Options) -> Result<(), CalibrationError> {
    let refuse =
        |what, value: String, allowed: String| Err(CalibrationError::Option { what, value, allowed });
    let Options { families, trials, sharpe, seed: _ } = *options;
    if !(1..=FAMILIES_MAX).contains(&families) {
        return refuse("the number of families", families.to_string(), format!("1 to {FAMILIES_MAX}"));
    }
    if !(10..=TRIALS_MAX).contains(&trials) {
        return refuse("the number of strategies", trials.to_string(), format!("10 to {TRIALS_MAX}"));
    }
    if !(0.1..=5.0).contains(&sharpe) {
        return refuse("the planted Sharpe ratio", sharpe.to_string(), "0.1 to 5".to_owned());
    }
    Ok(())
}

impl Report {
    fn of(options: &Options, families: &[FamilyReport]) -> Self {
        let count =
            |is: &dyn Fn(&FamilyReport) -> bool| families.iter().filter(|family| is(family)).count() as u32;
        let of = |kind: Kind| families.iter().filter(move |family| family.kind == kind);
        let killed =
            |kind: Kind, gate| count(&|family| family.kind == kind && family.killed_by == Some(gate));
        let stopped = |kind| Killed { g2: killed(kind, GateName::G2), g3: killed(kind, GateName::G3) };
        let overfitting = |kind| {
            let values: Vec<_> = of(kind).filter_map(|family| family.overfitting).collect();
            crate::gauntlet::regime::median(&values)
        };
        let found = count(&FamilyReport::is_found);
        let usual: usize = of(Kind::Null).map(|family| family.usual_rule_accepts).sum();
        Self {
            families: options.families,
            trials: options.trials,
            false_accepts: count(&|family| family.kind == Kind::Null && family.is_accepted()),
            false_accepts_allowed: options.families * FALSE_ACCEPTS_PER_HUNDRED / 100,
            usual_rule_families: count(&|family| family.kind == Kind::Null && family.usual_rule_accepts > 0),
            usual_rule_accepts: usual as f64 / f64::from(options.families),
            found,
            power: f64::from(found) / f64::from(options.families),
            accepted_others: count(&|family| {
                family.kind == Kind::Planted && family.is_accepted() && !family.is_found()
            }),
            killed: [Kind::Null, Kind::Planted].map(stopped),
            overfitting: [Kind::Null, Kind::Planted].map(overfitting),
        }
    }

    /// True when luck passed seldom enough, and skill often enough.
    pub fn is_good(&self) -> bool {
        self.false_accepts <= self.false_accepts_allowed && self.power >= POWER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luck_seldom_passes_the_gates_and_skill_nearly_always_does() {
        let options = Options { families: 12, trials: 60, ..Options::default() };
        let mut heard = Vec::new();
        let report = run(&options, |family| heard.push(family.clone())).unwrap();
        assert_eq!(heard.len(), 24);
        assert!(report.is_good(), "{report:#?}\n{heard:#?}");
        assert!(report.usual_rule_families > 6, "the usual rule takes luck for skill: {report:#?}");
    }

    #[test]
    fn the_same_seed_measures_the_same() {
        let options = Options { families: 1, trials: 20, ..Options::default() };
        assert_eq!(run(&options, |_| {}).unwrap(), run(&options, |_| {}).unwrap());
    }

    #[test]
    fn gates_that_let_luck_pass_or_hold_skill_back_are_told() {
        let family = |kind, killed_by, correlation| FamilyReport {
            number: 1,
            kind,
            killed_by,
            sharpe_in_sample: 1.0,
            sharpe_sealed: 1.0,
            overfitting: Some(0.1),
            correlation,
            usual_rule_accepts: 2,
        };
        let options = Options { families: 1, ..Options::default() };
        let of = |families: &[FamilyReport]| Report::of(&options, families).is_good();
        let (stopped, found) =
            (family(Kind::Null, Some(GateName::G3), None), family(Kind::Planted, None, Some(0.95)));
        assert!(of(&[stopped.clone(), found.clone()]));
        assert!(!of(&[family(Kind::Null, None, None), found]), "luck passed");
        assert!(
            !of(&[stopped.clone(), family(Kind::Planted, Some(GateName::G2), Some(1.0))]),
            "skill was stopped"
        );
        assert!(!of(&[stopped, family(Kind::Planted, None, Some(0.89))]), "something else was found");
    }

    #[test]
    fn options_out_of_range_and_broken_bars_are_refused_by_name() {
        for (options, refusal) in [
            (
                Options { families: 0, ..Options::default() },
                "the number of families is 0; allowed is 1 to 10000",
            ),
            (
                Options { trials: 9, ..Options::default() },
                "the number of strategies is 9; allowed is 10 to 2000",
            ),
            (
                Options { sharpe: f64::NAN, ..Options::default() },
                "the planted Sharpe ratio is NaN; allowed is 0.1 to 5",
            ),
        ] {
            assert_eq!(run(&options, |_| {}).unwrap_err().to_string(), refusal);
        }
        let head = "date,A_open,A_high,A_low,A_close,A_volume,B_open,B_high,B_low,B_close,B_volume\n";
        for (text, refusal) in [
            (head.to_owned() + "2020-01-02,1,1,1\n", "line 2 of the bars: 3 numbers, expected 10"),
            (
                head.to_owned() + "yesterday,1,1,1,1,1,1,1,1,1,1\n",
                "line 2 of the bars: `yesterday` is no date",
            ),
            (
                head.to_owned() + "2020-01-02,1,1,x,1,1,1,1,1,1,1\n",
                "line 2 of the bars: `x` is no positive price",
            ),
            (head.to_owned(), "line 1 of the bars: 0 sessions, at least 600 are needed"),
        ] {
            assert_eq!(Market::of(&text).map(|_| ()).unwrap_err().to_string(), refusal);
        }
    }
}
