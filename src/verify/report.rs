//! What a set of runs proved, for a terminal and for a program.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::Pace;
use super::checks::Violation;
use super::sometimes::{Sightings, Sometimes};

/// From so many seeds on, a run set must have met everything of the catalogue, and have had the orders and crashes below.
pub const SEEDS_THAT_MUST_MEET_ALL: usize = 50;
/// Fewer orders under faults, or crashes, prove too little.
const ORDERS_MIN: u64 = 10_000;
const CRASHES_MIN: u64 = 500;
/// Violations of one seed that are printed.
const SHOWN_PER_SEED: usize = 5;

/// What happened under one seed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeedReport {
    /// The seed.
    pub seed: u64,
    /// The hash of everything that happened.
    pub trace: String,
    /// How many things happened.
    pub events: u64,
    /// Intents that were approved.
    pub approved: u64,
    /// Orders in the exchange's own books, foreign ones included.
    pub orders: u64,
    /// Intents that became `Sending` while faults were on.
    pub sent_under_faults: u64,
    /// Lives of the agent's process.
    pub lives: u64,
    /// Of them killed.
    pub crashes: u64,
    /// Halts committed.
    pub halts: u64,
    /// Orders whose fate became unknown.
    pub ambiguous: u64,
    /// What must not be.
    pub violations: Vec<Violation>,
    /// Rare events.
    #[serde(skip)]
    pub sightings: Sightings,
    /// The latest events before a violation, oldest first; empty without one.
    #[serde(skip)]
    pub story: Vec<String>,
}

/// What a set of seeds proved.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// One line per seed.
    pub seeds: Vec<SeedReport>,
    /// Sums over all seeds.
    pub totals: Totals,
    /// Rare events and how often each was met.
    pub sometimes: Sightings,
    /// Rare events that were never met.
    pub never: Vec<Sometimes>,
    /// Violations by the number of the invariant.
    pub violations: BTreeMap<u8, u64>,
    /// What the set must have met.
    pub demands: Demands,
}

/// What a set must have met to prove anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Demands {
    /// Every rare event, 10,000 orders under faults and 500 crashes, from 50 seeds on.
    #[default]
    All,
    /// Nothing: a calendar trades twice a day, which is too seldom to meet everything.
    Nothing,
}

/// Sums over all seeds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Orders in the exchange's own books.
    pub orders: u64,
    /// Intents that became `Sending` while faults were on.
    pub sent_under_faults: u64,
    /// Killed lives.
    pub crashes: u64,
    /// Halts committed.
    pub halts: u64,
    /// Orders whose fate became unknown.
    pub ambiguous: u64,
    /// Everything that happened.
    pub events: u64,
}

impl Report {
    /// An empty report of a set at this pace.
    pub fn of(pace: Pace) -> Self {
        let demands = match pace {
            Pace::Watches { .. } => Demands::All,
            Pace::Calendar => Demands::Nothing,
        };
        Self { demands, ..Self::default() }
    }

    /// Adds a seed.
    pub fn add(&mut self, seed: SeedReport) {
        self.totals.orders += seed.orders;
        self.totals.sent_under_faults += seed.sent_under_faults;
        self.totals.crashes += seed.crashes;
        self.totals.halts += seed.halts;
        self.totals.ambiguous += seed.ambiguous;
        self.totals.events += seed.events;
        self.sometimes.add(&seed.sightings);
        for violation in &seed.violations {
            *self.violations.entry(violation.invariant).or_default() += 1;
        }
        self.seeds.push(seed);
        self.never = self.sometimes.missing();
    }

    /// True when the set had enough seeds to meet everything, and did not.
    pub fn is_too_weak(&self) -> bool {
        self.exemption().is_none() && !self.weaknesses().is_empty()
    }

    /// Why nothing is demanded of this set.
    fn exemption(&self) -> Option<String> {
        match self.demands {
            Demands::Nothing => Some("a calendar trades too seldom".into()),
            Demands::All if self.seeds.len() < SEEDS_THAT_MUST_MEET_ALL => {
                Some(format!("these are fewer than {SEEDS_THAT_MUST_MEET_ALL} seeds"))
            }
            Demands::All => None,
        }
    }

    /// What the set lacks.
    fn weaknesses(&self) -> Vec<String> {
        let mut lacks: Vec<String> = self.never.iter().map(|what| format!("never met: {what}")).collect();
        let Totals { sent_under_faults: sent, crashes, .. } = self.totals;
        for (had, least, what) in
            [(sent, ORDERS_MIN, "orders under faults"), (crashes, CRASHES_MIN, "crashes")]
        {
            if had < least {
                lacks.push(format!("{had} {what}, at least {least} are needed"));
            }
        }
        lacks
    }

    /// True when nothing was violated and the set was strong enough.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty() && !self.is_too_weak()
    }
}

impl fmt::Display for SeedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "seed {:>5}  {}  orders {:>5}, under faults {:>5}  crashes {:>3}  halts {:>3}  ambiguous {:>4}  {}",
            self.seed,
            self.trace,
            self.orders,
            self.sent_under_faults,
            self.crashes,
            self.halts,
            self.ambiguous,
            if self.violations.is_empty() { "holds" } else { "VIOLATED" }
        )?;
        for violation in self.violations.iter().take(SHOWN_PER_SEED) {
            write!(f, "\n    invariant {}: {}", violation.invariant, violation.what)?;
        }
        match self.violations.len().saturating_sub(SHOWN_PER_SEED) {
            0 => Ok(()),
            more => write!(f, "\n    and {more} more"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Totals { orders, sent_under_faults: sent, crashes, halts, ambiguous, events } = &self.totals;
        writeln!(
            f,
            "\n{} seeds: {orders} orders ({sent} sent under faults), {crashes} crashes, {halts} halts, {ambiguous} ambiguous outcomes, {events} events",
            self.seeds.len()
        )?;
        writeln!(f, "\nMet on the way")?;
        for what in Sometimes::ALL {
            writeln!(f, "  {:>7}  {what}", self.sometimes.count(*what))?;
        }
        if self.violations.is_empty() {
            writeln!(f, "\nNo invariant was violated.")?;
        } else {
            writeln!(f, "\nVIOLATIONS")?;
            for (invariant, count) in &self.violations {
                writeln!(f, "  invariant {invariant:>2}: {count}")?;
            }
        }
        match self.exemption() {
            Some(why) => writeln!(f, "Whether the set met enough to prove much is not judged: {why}.")?,
            None if self.is_too_weak() => writeln!(f, "TOO WEAK: {}", self.weaknesses().join("; "))?,
            None => {}
        }
        write!(f, "{}", if self.is_clean() { "All invariants hold." } else { "NOT PROVED." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(seed: u64) -> SeedReport {
        SeedReport {
            seed,
            trace: "0".into(),
            events: 1,
            approved: 1,
            orders: 1,
            sent_under_faults: 1,
            lives: 1,
            crashes: 0,
            halts: 0,
            ambiguous: 0,
            violations: Vec::new(),
            sightings: Sightings::default(),
            story: Vec::new(),
        }
    }

    #[test]
    fn a_large_set_that_never_met_a_rare_event_is_too_weak() {
        let mut report = Report::default();
        (1..50).for_each(|number| report.add(seed(number)));
        assert!(report.is_clean(), "a small set is only reported");
        report.add(seed(50));
        assert!(report.is_too_weak() && !report.is_clean());
        let mut all = seed(51);
        Sometimes::ALL.iter().for_each(|what| all.sightings.saw(*what));
        report.add(all);
        assert!(
            report.is_too_weak()
                && report.to_string().contains("51 orders under faults, at least 10000 are needed")
        );
        report.add(SeedReport { sent_under_faults: 10_000, crashes: 499, ..seed(52) });
        assert!(report.to_string().contains("TOO WEAK: 499 crashes, at least 500 are needed"), "{report}");
        report.add(SeedReport { crashes: 1, ..seed(53) });
        assert!(report.is_clean(), "{report}");
    }

    #[test]
    fn a_set_that_is_not_judged_says_so() {
        let mut few = Report::default();
        few.add(seed(1));
        assert!(few.to_string().contains("not judged: these are fewer than 50 seeds"), "{few}");
        let mut calendar = Report::of(Pace::Calendar);
        (1..60).for_each(|number| calendar.add(seed(number)));
        assert!(calendar.is_clean());
        assert!(calendar.to_string().contains("not judged: a calendar trades too seldom"), "{calendar}");
    }

    #[test]
    fn one_violation_spoils_the_set() {
        let mut report = Report::default();
        let violations = vec![Violation { invariant: 10, what: "sent in a halt".into() }];
        report.add(SeedReport { violations, ..seed(1) });
        assert!(!report.is_clean());
        assert!(report.to_string().contains("invariant 10: 1") && report.to_string().contains("NOT PROVED"));
    }
}
