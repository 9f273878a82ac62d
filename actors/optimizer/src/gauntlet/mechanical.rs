//! G1: checks that need no statistics (strategies.md 5.3). Does it look ahead? Does it need a history that a live agent has
//! not? Is it the same twice? Does it survive dearer, later and slightly different trading? Is it more than one stock or month?

use std::collections::BTreeMap;

use chrono::Datelike as _;
use domain::messages::evolution::GateName;
use serde::{Deserialize, Serialize};

use super::candidate::{Candidate, Conditions, Reading, Run};
use super::regime::{Regime, median, regimes};
use super::{Check, Needed, Verdict};
use crate::validation::Degenerate;
use crate::validation::sharpe::Record;

/// Lengths of history that must agree at the last bar; freqtrade's `recursive-analysis` begins with these.
pub const HISTORIES: [usize; 5] = [199, 399, 499, 999, 1999];
/// Numbers that differ by more than this, relative to the larger one, do not agree.
const AGREE_WITHIN: f64 = 1e-6;
/// What each constant is multiplied by in turn.
const CONSTANT_FACTORS: [f64; 2] = [0.9, 1.1];

/// What G1 demands.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Bars at which the past is cut off, per stock.
    pub cuts: usize,
    /// Median Sharpe ratio of slightly different constants, as a share of the nominal one.
    pub constants_keep: f64,
    /// Fewest trades.
    pub trades: usize,
    /// Largest share of the profit that comes from one stock or one month. With few stocks up to twice an even share.
    pub concentration: f64,
    /// Fewest regimes with a profit.
    pub regimes: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self { cuts: 20, constants_keep: 0.5, trades: 100, concentration: 0.3, regimes: 2 }
    }
}

/// What was measured of one candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Bars at which it reads something else when it does not know what comes after.
    pub looks_ahead: usize,
    /// Bars at which that was tried.
    pub cuts: usize,
    /// Stocks where it reads something else after a longer history.
    pub unsettled: usize,
    /// Runs that differ from the first one: again, and on two threads.
    pub irregular: usize,
    /// Total return at once, twice and three times the costs.
    pub at_costs: [f64; 3],
    /// Total return with each fill a tick worse.
    pub a_tick_worse: f64,
    /// Total return with each fill a bar later.
    pub a_bar_later: f64,
    /// Median Sharpe ratio with each constant a tenth lower and higher, as a share of the nominal one; 1 without constants.
    pub constants_keep: Result<f64, String>,
    /// Trades that were closed.
    pub trades: usize,
    /// Largest share of the profit that comes from one stock.
    pub of_one_stock: Result<f64, String>,
    /// Largest share of the profit that comes from one month.
    pub of_one_month: Result<f64, String>,
    /// Regimes with a profit.
    pub regimes: Result<usize, String>,
    /// How many stocks there are.
    pub stocks: usize,
}

/// Runs `candidate` in all these ways; `benchmark` has the market's return of each session of its runs, and the cuts follow from
/// `seed`.
pub fn measure(candidate: &impl Candidate, benchmark: &[f64], rules: &Rules, seed: u64) -> Evidence {
    let nominal = candidate.run(Conditions::NOMINAL);
    let total = |conditions: Conditions| candidate.run(conditions).total();
    let at_cost = |cost_multiple| total(Conditions { cost_multiple, ..Conditions::NOMINAL });
    let (looks_ahead, cuts) = look_ahead(candidate, rules.cuts, seed);
    Evidence {
        looks_ahead,
        cuts,
        unsettled: (0..candidate.stocks()).filter(|stock| !is_settled(candidate, *stock)).count(),
        irregular: irregular(candidate, &nominal),
        at_costs: [nominal.total(), at_cost(2), at_cost(3)],
        a_tick_worse: total(Conditions { slippage_ticks: 1, ..Conditions::NOMINAL }),
        a_bar_later: total(Conditions { delay_bars: 1, ..Conditions::NOMINAL }),
        constants_keep: constants_keep(candidate, &nominal),
        trades: nominal.trades.len(),
        of_one_stock: largest_share(nominal.trades.iter().map(|trade| (trade.stock, trade.gain))),
        of_one_month: largest_share(
            nominal.trades.iter().map(|trade| ((trade.sold.year(), trade.sold.month()), trade.gain)),
        ),
        regimes: regimes_with_profit(&nominal, benchmark),
        stocks: candidate.stocks(),
    }
}

/// What G1 says of what was measured.
pub fn verdict(evidence: &Evidence, rules: &Rules) -> Verdict {
    let even = 2.0 / evidence.stocks.max(1) as f64;
    let none = Needed::AtMost(0.0);
    let earns = Needed::Above(0.0);
    let checks = vec![
        Check::new("bars tried for a look ahead", evidence.cuts as f64, Needed::AtLeast(1.0)),
        Check::new("bars with a look ahead", evidence.looks_ahead as f64, none),
        Check::new("stocks that need a longer history", evidence.unsettled as f64, none),
        Check::new("runs that differ from the first", evidence.irregular as f64, none),
        Check::new("total return", evidence.at_costs[0], earns),
        Check::new("total return at twice the costs", evidence.at_costs[1], earns),
        Check::new("total return at three times the costs", evidence.at_costs[2], Needed::Told),
        Check::new("total return a tick worse", evidence.a_tick_worse, earns),
        Check::new("total return a bar later", evidence.a_bar_later, earns),
        Check::of(
            "median Sharpe share of constants a tenth off",
            evidence.constants_keep.as_ref().copied(),
            Needed::AtLeast(rules.constants_keep),
        ),
        Check::new("trades", evidence.trades as f64, Needed::AtLeast(rules.trades as f64)),
        Check::of(
            "largest share of one stock",
            evidence.of_one_stock.as_ref().copied(),
            Needed::AtMost(rules.concentration.max(even)),
        ),
        Check::of(
            "largest share of one month",
            evidence.of_one_month.as_ref().copied(),
            Needed::AtMost(rules.concentration),
        ),
        Check::of(
            "regimes with a profit",
            evidence.regimes.as_ref().map(|regimes| *regimes as f64),
            Needed::AtLeast(rules.regimes as f64),
        ),
    ];
    Verdict { gate: GateName::G1, checks }
}

/// G1 of a candidate that fails at first sight: what one run shows. Where it passes nothing is said yet.
pub fn first_look(nominal: &Run, rules: &Rules) -> Verdict {
    let checks = vec![
        Check::new("total return", nominal.total(), Needed::Above(0.0)),
        Check::new("trades", nominal.trades.len() as f64, Needed::AtLeast(rules.trades as f64)),
    ];
    Verdict { gate: GateName::G1, checks }
}

/// Bars of which a live agent would read something else than the backtest did, and bars tried.
fn look_ahead(candidate: &impl Candidate, cuts: usize, seed: u64) -> (usize, usize) {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut differ, mut tried) = (0, 0);
    for stock in 0..candidate.stocks() {
        let bars = candidate.bars(stock);
        let whole = candidate.readings(stock);
        // A backtest that does not read every bar once cannot be compared.
        differ += whole.len().abs_diff(bars);
        let bars = bars.min(whole.len());
        // Where it would buy is where a look ahead pays; elsewhere it may hide.
        let bought: Vec<_> = (0..bars).filter(|bar| whole[*bar].buys).collect();
        for turn in 0..if bars == 0 { 0 } else { cuts } {
            let of_purchases = turn % 2 == 0 && !bought.is_empty();
            let bar = if of_purchases { bought[random.usize(..bought.len())] } else { random.usize(..bars) };
            tried += 1;
            differ += usize::from(!is_same(&candidate.reading(stock, 0..bar + 1), &whole[bar]));
        }
    }
    (differ, tried)
}

/// The same to the last bit.
fn is_same(one: &Reading, other: &Reading) -> bool {
    let bits = |reading: &Reading| -> Vec<_> {
        reading.values.iter().map(|value| value.map(f64::to_bits)).collect()
    };
    one.buys == other.buys && bits(one) == bits(other)
}

/// True when what it knows at the last bar after any of [`HISTORIES`] is what it knows after the longest one.
fn is_settled(candidate: &impl Candidate, stock: usize) -> bool {
    let bars = candidate.bars(stock);
    let fits: Vec<_> = HISTORIES.into_iter().filter(|length| *length <= bars).collect();
    let Some(longest) = fits.last() else { return true };
    let read = |length: usize| candidate.reading(stock, bars - length..bars);
    let reference = read(*longest);
    fits.iter().all(|length| agrees(&read(*length), &reference))
}

/// A short history may not know what a long one does, but then it must not act on it.
fn agrees(short: &Reading, long: &Reading) -> bool {
    let is_near = |(short, long): (&Option<f64>, &Option<f64>)| match (short, long) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(short), Some(long)) => (short - long).abs() <= AGREE_WITHIN * short.abs().max(long.abs()),
    };
    let knows_all = short.values.iter().all(Option::is_some);
    short.values.len() == long.values.len()
        && short.values.iter().zip(&long.values).all(is_near)
        && if knows_all { short.buys == long.buys } else { !short.buys || long.buys }
}

fn irregular(candidate: &impl Candidate, nominal: &Run) -> usize {
    let on = |threads| candidate.run(Conditions { threads, ..Conditions::NOMINAL });
    [on(1), on(2)].iter().filter(|run| *run != nominal).count()
}

fn constants_keep(candidate: &impl Candidate, nominal: &Run) -> Result<f64, String> {
    let sharpe = |run: &Run| Record::of(&run.returns).map(|record| record.sharpe);
    let reference = sharpe(nominal).map_err(|why| why.to_string())?;
    if reference <= 0.0 {
        return Err("the nominal Sharpe ratio is not positive".to_owned());
    }
    let changed = (0..candidate.constants()).flat_map(|constant| {
        CONSTANT_FACTORS
            .map(|factor| Conditions { constant: Some((constant, factor)), ..Conditions::NOMINAL })
    });
    // A change after which nothing is traded any more keeps nothing.
    let sharpes: Vec<_> =
        changed.map(|conditions| sharpe(&candidate.run(conditions)).unwrap_or(0.0)).collect();
    Ok(median(&sharpes).map_or(1.0, |median| median / reference))
}

/// The largest share of the sum of all gains that one key has.
fn largest_share<K: Ord>(gains: impl Iterator<Item = (K, f64)>) -> Result<f64, String> {
    let mut of_key = BTreeMap::new();
    for (key, gain) in gains {
        *of_key.entry(key).or_insert(0.0) += gain;
    }
    let total: f64 = of_key.values().sum();
    if total > 0.0 {
        Ok(of_key.values().fold(0.0_f64, |largest, gain| largest.max(*gain)) / total)
    } else {
        Err("there is no profit".to_owned())
    }
}

fn regimes_with_profit(run: &Run, benchmark: &[f64]) -> Result<usize, String> {
    if run.returns.len() != benchmark.len() {
        let (found, expected) = (run.returns.len(), benchmark.len());
        return Err(Degenerate::Ragged { series: 0, found, expected }.to_string());
    }
    let told = regimes(benchmark).map_err(|why| why.to_string())?;
    let of = |regime: Regime| -> f64 {
        run.returns.iter().zip(&told).filter(|(_, told)| **told == Some(regime)).map(|(value, _)| value).sum()
    };
    Ok(Regime::ALL.into_iter().filter(|regime| of(*regime) > 0.0).count())
}
