//! One candidate through the gates that need nothing but itself and the sample.

use domain::messages::evolution::GateName;
use strategy::form::Strategy;

use super::bench::Bench;
use super::cut::Sample;
use crate::backtest::outcome::Book;
use crate::evolution::niche::Habits;
use crate::evolution::search::{Examined, Laboratory};
use crate::gauntlet::admission::Admission;
use crate::gauntlet::candidate::Run;
use crate::gauntlet::{Rules, Verdict, mechanical, walk_forward};
use crate::validation::sharpe::Record;

/// The sample of a market, and what the gates demand.
#[derive(Debug)]
pub struct Workbench<'a> {
    sample: &'a Sample,
    rules: &'a Rules,
}

/// What a candidate did on the sample.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    /// What the gates saw, as far as they looked.
    pub verdicts: Vec<Verdict>,
    /// What it earned; empty where it did not run.
    pub run: Run,
    /// How it trades; none where it did not run.
    pub habits: Option<Habits>,
}

impl Tried {
    /// The gate that ended it.
    pub fn killed_by(&self) -> Option<GateName> {
        self.verdicts.iter().find(|verdict| !verdict.passed()).map(|verdict| verdict.gate)
    }
}

impl<'a> Workbench<'a> {
    /// A place to examine candidates at.
    pub fn new(sample: &'a Sample, rules: &'a Rules) -> Self {
        Self { sample, rules }
    }

    /// What it earned on the sample as it is.
    pub fn returns(&self, strategy: &Strategy) -> Vec<f64> {
        let bench = Bench::new(self.sample, strategy);
        bench.book().map(|book| bench.run_of(&book).returns).unwrap_or_default()
    }

    /// G0, G1, and of G2 what needs no family. The first gate that says no is the last one asked.
    pub fn try_out(&self, strategy: &Strategy, admission: &Admission) -> Tried {
        let mut tried = Tried { verdicts: vec![admission.verdict()], ..Tried::default() };
        if tried.killed_by().is_some() {
            return tried;
        }
        let bench = Bench::new(self.sample, strategy);
        let Some(book) = bench.book() else { return tried };
        tried.run = bench.run_of(&book);
        tried.habits = Some(habits(&book));
        // What nobody would look at twice is not run in thirty more ways.
        let first = mechanical::first_look(&tried.run, &self.rules.mechanical);
        if !first.passed() {
            tried.verdicts.push(first);
            return tried;
        }
        let rules = &self.rules.mechanical;
        let evidence = mechanical::measure(&bench, &self.sample.benchmark, rules, seed(strategy));
        tried.verdicts.push(mechanical::verdict(&evidence, rules));
        if tried.killed_by().is_none() {
            let holds = usize::from(strategy.exit().max_hold_bars());
            tried.verdicts.push(walk_forward::alone(&tried.run.returns, holds, &self.rules.walk_forward));
        }
        tried
    }
}

/// The cuts of the look-ahead check follow from the strategy alone.
fn seed(strategy: &Strategy) -> u64 {
    let digits = strategy.identity().to_string();
    digits.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0)
}

fn habits(book: &Book) -> Habits {
    let statistics = book.statistics();
    Habits { bars_held: statistics.bars_held.unwrap_or(0.0), turnover: statistics.turnover.unwrap_or(0.0) }
}

/// A ratio in whole millionths.
pub fn micros(ratio: f64) -> i64 {
    // Ratios of one observation are far below the books' bound of a thousand.
    (ratio.clamp(-999.0, 999.0) * 1e6).round() as i64
}

impl Laboratory for Workbench<'_> {
    fn examine(&mut self, strategy: &Strategy, admission: &Admission) -> Examined {
        let tried = self.try_out(strategy, admission);
        let record = Record::of(&tried.run.returns).ok();
        Examined {
            killed_by: tried.killed_by(),
            sharpe_micros: record.map(|record| micros(record.sharpe)),
            observations: u32::try_from(tried.run.returns.len()).unwrap_or(u32::MAX),
            habits: tried.habits,
            evidence: serde_json::to_string(&tried.verdicts).unwrap_or_default(),
        }
    }
}
