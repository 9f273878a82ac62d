//! The gauntlet put to the test: cheats that must not pass, and an honest edge that must (strategies.md 5.3).
//!
//! The bench trades made-up prices in which, where an edge is planted, stocks recover for three days after a fall. Only here is
//! there anything that reads the future.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ops::Range;

use chrono::{Days, NaiveDate};
use domain::messages::evolution::{GateName, SpentWindow, TrialHash};

use super::admission::Admission;
use super::candidate::{Candidate, Conditions, Reading, Run, Trade};
use super::dossier::{self, Outcome};
use super::sealed::{self, Sealed};
use super::shadow::{self, Session, Standing};
use super::walk_forward::{self, Family};
use super::{Rules, Verdict, mechanical};
use crate::validation::Returns;
use crate::validation::sharpe::{Record, Trials};

const STOCKS: usize = 8;
/// Days of the sample, and all days.
const SAMPLE: usize = 1_500;
const ALL: usize = 2_900;
/// Days at the end for the shadow: so many tell such an edge from luck nearly always, twenty in one case of three.
const SHADOW: usize = 500;
/// A usual day's movement.
const MOVE: f64 = 0.01;
const HOLD: usize = 3;
const FIRST: NaiveDate = NaiveDate::from_ymd_opt(2016, 1, 1).unwrap();

/// How a rule sees the day by which it decides.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sight {
    /// The return of the day.
    Honest,
    /// The return of the day after, where there is one.
    Future,
    /// The return of the day against mean and deviation of all days, those to come among them.
    Hindsight,
    /// A number that has nothing to do with prices; this is the how-manieth such rule.
    Random(u64),
    /// The return of the day, with a memory of years.
    LongMemory,
    /// The return of the day, and another one at each look.
    Fickle,
}

/// A rule on made-up returns: buys after a number below the threshold and sells three days later.
struct Bench {
    /// Per stock and day.
    returns: Vec<Vec<f64>>,
    sight: Sight,
    threshold: f64,
    /// Of one purchase or sale, as a share.
    cost: f64,
    looks: Cell<u64>,
}

/// Returns without skill, apart from a rise of `edge` on each of three days after a fall.
fn market(edge: f64, seed: u64) -> Vec<Vec<f64>> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut stock = || {
        let mut falls = vec![false; ALL + HOLD];
        let day = |day: usize| {
            // The sum of twelve uniform numbers is close to normal.
            let noise: f64 = (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
            let recovers = (1..=HOLD).any(|back| day >= back && falls[day - back]);
            falls[day] = noise < -1.0;
            MOVE * noise + if recovers { edge } else { 0.0 }
        };
        (0..ALL).map(day).collect()
    };
    (0..STOCKS).map(|_| stock()).collect()
}

fn first_days(market: &[Vec<f64>], days: usize) -> Vec<Vec<f64>> {
    market.iter().map(|stock| stock[..days].to_vec()).collect()
}

impl Bench {
    fn new(returns: Vec<Vec<f64>>, sight: Sight, cost: f64) -> Self {
        let threshold = match sight {
            Sight::Future => 0.0,
            Sight::Random(_) => 0.15,
            Sight::Hindsight => -1.0,
            Sight::Honest | Sight::LongMemory | Sight::Fickle => -MOVE,
        };
        Self { returns, sight, threshold, cost, looks: Cell::new(0) }
    }

    /// What the rule sees on each of the days of a window, which is all that it has.
    fn seen(&self, stock: usize, window: Range<usize>) -> Vec<Option<f64>> {
        let start = window.start;
        let days = &self.returns[stock][window];
        match self.sight {
            Sight::Honest => days.iter().copied().map(Some).collect(),
            Sight::Future => (1..=days.len()).map(|next| days.get(next).map(|value| -value)).collect(),
            Sight::Hindsight => {
                let mean = days.iter().sum::<f64>() / days.len() as f64;
                days.iter().map(|value| Some((value - mean) / MOVE)).collect()
            }
            Sight::Random(rule) => (0..days.len())
                .map(|day| {
                    let key = rule << 40 | (stock as u64) << 32 | (start + day) as u64;
                    Some(fastrand::Rng::with_seed(key.wrapping_mul(0x9e37_79b9_7f4a_7c15)).f64())
                })
                .collect(),
            Sight::LongMemory => {
                let mut memory = 1.0;
                days.iter()
                    .map(|value| {
                        memory = memory * 0.999 + value;
                        Some(memory)
                    })
                    .collect()
            }
            Sight::Fickle => {
                self.looks.set(self.looks.get() + 1);
                let drift = self.looks.get() as f64 * 1e-3;
                days.iter().map(|value| Some(value - drift)).collect()
            }
        }
    }

    fn trades(&self, stock: usize, conditions: Conditions) -> Vec<(usize, f64)> {
        let factor = conditions.constant.map_or(1.0, |(_, factor)| factor);
        let seen = self.seen(stock, 0..self.returns[stock].len());
        let cost =
            self.cost * f64::from(conditions.cost_multiple) + 1e-4 * f64::from(conditions.slippage_ticks);
        let (mut free_from, mut trades) = (0, Vec::new());
        for (day, value) in seen.iter().enumerate() {
            let sold = day + HOLD + usize::from(conditions.delay_bars);
            let buys = value.is_some_and(|value| value < self.threshold * factor);
            if buys && day >= free_from && sold < seen.len() {
                let held = &self.returns[stock][sold + 1 - HOLD..=sold];
                trades.push((sold, held.iter().sum::<f64>() - 2.0 * cost));
                free_from = sold;
            }
        }
        trades
    }

    fn benchmark(&self) -> Vec<f64> {
        let day = |day: usize| self.returns.iter().map(|stock| stock[day]).sum::<f64>() / STOCKS as f64;
        (0..self.returns[0].len()).map(day).collect()
    }
}

impl Candidate for Bench {
    fn stocks(&self) -> usize {
        self.returns.len()
    }

    fn bars(&self, stock: usize) -> usize {
        self.returns[stock].len()
    }

    fn readings(&self, stock: usize) -> Vec<Reading> {
        let of = |value: Option<f64>| Reading {
            values: vec![value],
            buys: value.is_some_and(|value| value < self.threshold),
        };
        self.seen(stock, 0..self.bars(stock)).into_iter().map(of).collect()
    }

    fn reading(&self, stock: usize, window: Range<usize>) -> Reading {
        let value = self.seen(stock, window).pop().flatten();
        Reading { values: vec![value], buys: value.is_some_and(|value| value < self.threshold) }
    }

    fn constants(&self) -> usize {
        1
    }

    fn run(&self, conditions: Conditions) -> Run {
        let mut run = Run { returns: vec![0.0; self.returns[0].len()], trades: Vec::new() };
        for stock in 0..self.stocks() {
            for (sold, gain) in self.trades(stock, conditions) {
                let gain = gain / STOCKS as f64;
                run.returns[sold] += gain;
                run.trades.push(Trade { stock, sold: FIRST + Days::new(sold as u64), gain });
            }
        }
        run
    }
}

fn hash(of: u64) -> TrialHash {
    format!("{of:064x}").parse().unwrap()
}

/// A candidate and its family of random rules through every gate that a machine judges.
fn judge(market: &[Vec<f64>], sight: Sight, cost: f64, tried: &BTreeSet<TrialHash>) -> Outcome {
    let rules = Rules::default();
    let mut outcome = Outcome::new(Some(hash(1)));
    let bench = Bench::new(first_days(market, SAMPLE), sight, cost);
    let gates: [&dyn Fn() -> Verdict; 5] = [
        &|| Admission::of(Ok::<_, String>(hash(1)), tried).verdict(),
        &|| {
            let evidence = mechanical::measure(&bench, &bench.benchmark(), &rules.mechanical, 1);
            mechanical::verdict(&evidence, &rules.mechanical)
        },
        &|| in_family(&bench, &rules),
        &|| sealed_look(market, sight, cost, &rules),
        &|| in_shadow(market, sight, cost, &rules),
    ];
    for gate in gates {
        if outcome.killed_by().is_none() {
            outcome.add(gate()).unwrap();
        }
    }
    outcome
}

fn in_family(bench: &Bench, rules: &Rules) -> Verdict {
    let other = |rule: u64| Bench::new(bench.returns.clone(), Sight::Random(100 + rule), bench.cost);
    let mut columns = vec![bench.run(Conditions::NOMINAL).returns];
    columns.extend((0..15).map(|rule| other(rule).run(Conditions::NOMINAL).returns));
    let returns = Returns::from_columns(&columns).unwrap();
    let sharpes: Vec<_> = columns.iter().map(|column| Record::of(column).unwrap().sharpe).collect();
    let trials = Trials::of(&sharpes).unwrap();
    let family = Family { returns: &returns, candidate: 0, trials, max_hold_bars: HOLD };
    walk_forward::verdict(&walk_forward::measure(&family, &rules.walk_forward), &rules.walk_forward)
}

fn sealed_look(market: &[Vec<f64>], sight: Sight, cost: f64, rules: &Rules) -> Verdict {
    let (first_day, last_day) =
        (FIRST + Days::new(SAMPLE as u64), FIRST + Days::new((ALL - SHADOW - 1) as u64));
    let sealed = Sealed::new(first_day, last_day, first_days(market, ALL - SHADOW), &[]).unwrap();
    let receipt =
        SpentWindow { seq: 1, cycle: 1, number: 1, first_day, last_day, champion: hash(1), passed: None };
    let run = Bench::new(sealed.open(&receipt, &hash(1)).unwrap(), sight, cost).run(Conditions::NOMINAL);
    let returns = &run.returns[SAMPLE..];
    // The market of the cheats goes nowhere.
    let market = vec![0.0; returns.len()];
    sealed::verdict(&sealed::Evidence::of(&receipt, returns, &market), &rules.sealed)
}

fn in_shadow(market: &[Vec<f64>], sight: Sight, cost: f64, rules: &Rules) -> Verdict {
    let challenger = Bench::new(market.to_vec(), sight, cost).run(Conditions::NOMINAL);
    let incumbent = Bench::new(market.to_vec(), Sight::Random(7), cost).run(Conditions::NOMINAL);
    let session = |day: usize| Session {
        session_date: FIRST + Days::new(day as u64),
        challenger: challenger.returns[day],
        incumbent: incumbent.returns[day],
        decisions: 1,
    };
    let sessions = (ALL - SHADOW..ALL).map(session).collect();
    let evidence = shadow::Evidence { sessions, expires: FIRST + Days::new(ALL as u64), seed: 1 };
    let patient = shadow::Rules { sessions: SHADOW, ..rules.shadow.clone() };
    match shadow::standing(&evidence, &patient, evidence.expires) {
        Standing::Judged(verdict) => verdict,
        Standing::Running => panic!("there are enough sessions"),
    }
}

/// A rise that makes the honest rule earn a Sharpe ratio of about 3 a year.
const EDGE: f64 = 0.001_3;
const CHEAP: f64 = 0.000_1;

#[test]
fn a_real_edge_passes_every_gate_up_to_the_person() {
    for seed in 1..=3 {
        let market = market(EDGE, seed);
        let returns = Bench::new(market.clone(), Sight::Honest, CHEAP).run(Conditions::NOMINAL).returns;
        let annual = Record::of(&returns).unwrap().sharpe * 252.0_f64.sqrt();
        assert!((2.0..4.0).contains(&annual), "the planted Sharpe ratio is {annual}");
        let outcome = judge(&market, Sight::Honest, CHEAP, &BTreeSet::new());
        let failures: Vec<_> =
            outcome.verdicts.iter().flat_map(Verdict::failures).map(ToString::to_string).collect();
        assert_eq!((outcome.killed_by(), failures), (None, vec![]), "seed {seed}");
        assert!(dossier::verdict(&outcome, 16).passed());
    }
}

#[test]
fn a_random_strategy_never_passes() {
    for rule in 0..40 {
        let outcome = judge(&market(EDGE, 1), Sight::Random(rule), CHEAP, &BTreeSet::new());
        assert!(outcome.killed_by().is_some(), "random rule {rule}");
        assert!(!dossier::verdict(&outcome, 16).passed());
    }
}

#[test]
fn a_strategy_that_reads_the_future_is_caught_by_what_it_cannot_know_live() {
    let market = market(0.0, 1);
    for sight in [Sight::Future, Sight::Hindsight] {
        let outcome = judge(&market, sight, CHEAP, &BTreeSet::new());
        assert_eq!(outcome.killed_by(), Some(GateName::G1), "{sight:?}");
        let verdict = outcome.verdicts.last().unwrap();
        assert!(verdict.measured("bars with a look ahead").unwrap() > 0.0, "{sight:?}");
    }
    // Nothing but the look ahead gives it away: it earns in every other respect.
    let bench = Bench::new(first_days(&market, SAMPLE), Sight::Future, CHEAP);
    assert!(Record::of(&bench.run(Conditions::NOMINAL).returns).unwrap().sharpe * 252.0_f64.sqrt() > 3.0);
}

#[test]
fn a_strategy_that_earns_only_before_costs_is_rejected() {
    let market = market(EDGE, 1);
    let bench = |cost| Bench::new(first_days(&market, SAMPLE), Sight::Honest, cost);
    assert!(bench(0.0).run(Conditions::NOMINAL).total() > 0.0);
    // After the costs nothing is left; after less than twice of them neither.
    for (cost, failures) in [(0.004, 5), (0.001_5, 1)] {
        let outcome = judge(&market, Sight::Honest, cost, &BTreeSet::new());
        assert_eq!(outcome.killed_by(), Some(GateName::G1), "{cost}");
        let verdict = outcome.verdicts.last().unwrap();
        let failed: Vec<_> = verdict.failures().map(|check| check.what.as_str()).collect();
        assert!(failed.contains(&"total return at twice the costs"), "{failed:?}");
        assert_eq!(failed.contains(&"total return"), failures > 1, "{failed:?}");
    }
}

#[test]
fn a_duplicate_of_a_rejected_trial_is_not_even_run() {
    let outcome = judge(&market(EDGE, 1), Sight::Honest, CHEAP, &BTreeSet::from([hash(1)]));
    assert_eq!((outcome.killed_by(), outcome.verdicts.len()), (Some(GateName::G0), 1));
}

#[test]
fn what_is_not_the_same_twice_or_needs_years_of_history_is_rejected() {
    let market = market(EDGE, 1);
    for (sight, what) in [
        (Sight::Fickle, "runs that differ from the first"),
        (Sight::LongMemory, "stocks that need a longer history"),
    ] {
        let verdict = judge(&market, sight, CHEAP, &BTreeSet::new()).verdicts.pop().unwrap();
        assert_eq!(verdict.gate, GateName::G1);
        assert!(verdict.measured(what).unwrap() > 0.0, "{sight:?}");
    }
}

#[test]
fn one_lucky_stock_or_month_is_not_breadth() {
    let mut one_stock = market(EDGE, 1);
    for stock in &mut one_stock[1..] {
        stock.iter_mut().for_each(|value| *value *= 0.05);
    }
    let verdict = judge(&one_stock, Sight::Honest, 0.0, &BTreeSet::new()).verdicts.pop().unwrap();
    assert!(verdict.failures().any(|check| check.what == "largest share of one stock"), "{verdict:?}");
    let mut one_month = market(0.0, 2);
    for stock in &mut one_month {
        stock[700..725].iter_mut().for_each(|value| *value += 0.05);
    }
    let bench = Bench::new(first_days(&one_month, SAMPLE), Sight::Random(1), 0.0);
    let rules = mechanical::Rules::default();
    let evidence = mechanical::measure(&bench, &bench.benchmark(), &rules, 1);
    let verdict = mechanical::verdict(&evidence, &rules);
    assert!(verdict.failures().any(|check| check.what == "largest share of one month"), "{evidence:?}");
}
