//! What a campaign did, added up.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::Compared;
use super::plan::{self, End};

/// One round.
#[derive(Default)]
pub(super) struct Round {
    kills: u32,
    by_time: u32,
    missed: u32,
    missed_points: Vec<End>,
    hits: BTreeMap<String, u32>,
    safe_after: Vec<Duration>,
    orders: u64,
    intents: u64,
    broken: Vec<String>,
    checked: BTreeMap<&'static str, usize>,
}

impl Round {
    /// A life has ended.
    pub(super) fn life(&mut self, end: &End, died_at: Option<String>, safe_after: Option<Duration>) {
        self.kills += 1;
        self.safe_after.extend(safe_after);
        match (end, died_at) {
            (_, Some(point)) => {
                let step = point.rsplit_once(':').map_or(point.as_str(), |(step, _)| step);
                *self.hits.entry(step.to_owned()).or_default() += 1;
            }
            (End::Time(_), None) => self.by_time += 1,
            (End::Point(_), None) => {
                self.missed += 1;
                self.missed_points.push(end.clone());
            }
            (End::Step(_), None) => self.missed += 1,
        }
    }

    /// Points that did not come in their life; they get another one.
    pub(super) fn missed_points(&mut self) -> Vec<End> {
        std::mem::take(&mut self.missed_points)
    }

    /// The books were compared.
    pub(super) fn compared(&mut self, number: u32, compared: Compared) {
        self.orders += compared.orders as u64;
        self.intents += compared.intents as u64;
        for finding in compared.findings {
            *self.checked.entry(finding.rule).or_default() += finding.checked;
            let name = |what| format!("round {number}: {}: {what}", finding.rule);
            self.broken.extend(finding.broken.into_iter().map(name));
        }
    }
}

/// All rounds.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) kills: u32,
    pub(super) orders: u64,
    rounds: u32,
    sum: Round,
}

impl Tally {
    /// Adds a round.
    pub(super) fn add(&mut self, round: Round) {
        self.rounds += 1;
        self.kills += round.kills;
        self.orders += round.orders;
        let sum = &mut self.sum;
        sum.by_time += round.by_time;
        sum.missed += round.missed;
        sum.intents += round.intents;
        sum.safe_after.extend(round.safe_after);
        sum.broken.extend(round.broken);
        for (point, hits) in round.hits {
            *sum.hits.entry(point).or_default() += hits;
        }
        for (rule, checked) in round.checked {
            *sum.checked.entry(rule).or_default() += checked;
        }
    }

    /// What breaks a rule.
    pub(super) fn broken(&self) -> Vec<String> {
        self.sum.broken.clone()
    }

    /// Named points at which no life ended.
    pub(super) fn points_without_a_hit(&self) -> Vec<String> {
        plan::points().into_iter().filter(|point| !self.sum.hits.contains_key(point)).collect()
    }

    /// The share `percent` of all starts took no longer, in ms.
    fn percentile_ms(&self, percent: usize) -> u128 {
        let mut sorted = self.sum.safe_after.clone();
        sorted.sort();
        let index = (sorted.len().saturating_sub(1)) * percent / 100;
        sorted.get(index).map_or(0, Duration::as_millis)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at_steps: u32 = self.sum.hits.values().sum();
        writeln!(f, "\nkill -9: {} kills in {} rounds", self.kills, self.rounds)?;
        writeln!(
            f,
            "  at steps {at_steps}, at random times {}, step not reached {}",
            self.sum.by_time, self.sum.missed
        )?;
        writeln!(f, "  intents {}, orders at the exchange {}", self.sum.intents, self.orders)?;
        let (p50, p99, max) = (self.percentile_ms(50), self.percentile_ms(99), self.percentile_ms(100));
        writeln!(
            f,
            "  start to trading-safe: p50 {p50} ms, p99 {p99} ms, max {max} ms over {} starts",
            self.sum.safe_after.len()
        )?;
        for (rule, checked) in &self.sum.checked {
            writeln!(f, "  {rule:<62} {checked:>6} checked")?;
        }
        writeln!(f, "  violations {}", self.sum.broken.len())?;
        self.sum.broken.iter().try_for_each(|what| writeln!(f, "    {what}"))?;
        let hits: Vec<_> = self.sum.hits.iter().map(|(point, hits)| format!("{point} {hits}")).collect();
        write!(f, "  died at: {}", hits.join(", "))
    }
}
