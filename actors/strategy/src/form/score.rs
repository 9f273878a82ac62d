//! Scores and exits over columns, a block of bars at a time.
//!
//! A predicate with an absent value is unknown. A term that would add counts only if all of it is known to hold; one that
//! would take away counts unless something in it is known not to hold. So the score is never higher than it would be if
//! everything were known, and what is unknown never leads to a purchase or a sale.

use super::columns::Columns;
use super::feature::Feature;
use super::wire::Operator;
use super::{Predicate, Right, Strategy, Term};

/// Bars of one block: its few columns stay in the nearest cache.
const BLOCK: usize = 1_024;

type Block = [f64; BLOCK];

impl Strategy {
    /// The score at each bar, in thousandths; the sums are exact. A feature without a column is absent.
    pub fn scores(&self, columns: &Columns) -> Vec<f64> {
        let mut scores = vec![0.0; columns.bars()];
        let mut holds: Block = [0.0; BLOCK];
        for (index, block) in scores.chunks_mut(BLOCK).enumerate() {
            for term in &self.entry.terms {
                term.add_to(block, index * BLOCK, columns, &mut holds);
            }
        }
        scores
    }

    /// True at each bar whose score is reached.
    pub fn entries(&self, columns: &Columns) -> Vec<bool> {
        let min = self.entry.min_score.thousandths();
        self.scores(columns).into_iter().map(|score| score >= min).collect()
    }

    /// True at each bar at which a predicate of the exit is known to hold. Those of the holding are not among them.
    pub fn exits(&self, columns: &Columns) -> Vec<bool> {
        let mut exits = vec![false; columns.bars()];
        let mut holds: Block = [0.0; BLOCK];
        let of_stock = |predicate: &&Predicate| !predicate.feature.is_of_holding();
        for (index, block) in exits.chunks_mut(BLOCK).enumerate() {
            for predicate in self.exit.any_of.iter().filter(of_stock) {
                let holds = &mut holds[..block.len()];
                holds.fill(1.0);
                predicate.narrow(holds, index * BLOCK, columns, Sureness::Known);
                for (exit, holds) in block.iter_mut().zip(holds) {
                    *exit |= *holds > 0.0;
                }
            }
        }
        exits
    }

    /// True when the exit sells a holding of this profit, in percent of the price paid, whatever the bars say.
    pub fn sells_at_profit(&self, profit_pct: f64) -> bool {
        let of_holding = self.exit.any_of.iter().filter(|predicate| predicate.feature.is_of_holding());
        of_holding
            .filter_map(Predicate::constant)
            .any(|(operator, constant)| operator.known(profit_pct, constant))
    }
}

impl Term {
    /// Adds the weight to the scores of the block that begins at bar `start`, where the term counts.
    fn add_to(&self, scores: &mut [f64], start: usize, columns: &Columns, holds: &mut Block) {
        let weight = self.weight.thousandths();
        let sureness = if weight > 0.0 { Sureness::Known } else { Sureness::Possible };
        let holds = &mut holds[..scores.len()];
        holds.fill(weight);
        for predicate in &self.all_of {
            predicate.narrow(holds, start, columns, sureness);
        }
        for (score, counted) in scores.iter_mut().zip(holds) {
            *score += *counted;
        }
    }
}

/// When a predicate counts as true.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sureness {
    /// It is known to hold.
    Known,
    /// It is not known to fail.
    Possible,
}

impl Predicate {
    fn constant(&self) -> Option<(Operator, f64)> {
        match self.right {
            Right::Value(value) => Some((self.operator, value.get())),
            Right::Feature(_) => None,
        }
    }

    /// Sets to zero each number of the block, beginning at bar `start`, where the predicate does not count.
    fn narrow(&self, block: &mut [f64], start: usize, columns: &Columns, sureness: Sureness) {
        let unknown = |block: &mut [f64]| {
            if sureness == Sureness::Known {
                block.fill(0.0);
            }
        };
        let lag = usize::from(self.lag);
        // The first bars of the series have no bar so far before them.
        let (young, block) = block.split_at_mut(lag.saturating_sub(start).min(block.len()));
        unknown(young);
        let at = start + young.len();
        let Some(left) = window(columns, self.feature, at.saturating_sub(lag), block.len()) else {
            return unknown(block);
        };
        match self.right {
            Right::Value(value) => narrow_by(self.operator, sureness, block, left, &Same(value.get())),
            Right::Feature(feature) => match window(columns, feature, at, block.len()) {
                Some(right) => narrow_by(self.operator, sureness, block, left, &Each(right)),
                None => unknown(block),
            },
        }
    }
}

fn window(columns: &Columns, feature: Feature, start: usize, length: usize) -> Option<&[f64]> {
    columns.values(feature)?.get(start..start.checked_add(length)?)
}

/// The right sides of a block.
trait Rights {
    fn pairs<'a>(&'a self, left: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a;
}

struct Same(f64);
struct Each<'a>(&'a [f64]);

impl Rights for Same {
    fn pairs<'a>(&'a self, left: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
        left.iter().map(|left| (*left, self.0))
    }
}

impl Rights for Each<'_> {
    fn pairs<'a>(&'a self, left: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
        left.iter().copied().zip(self.0.iter().copied())
    }
}

impl Operator {
    /// True when the comparison is known to hold; a NaN on either side makes it unknown.
    #[inline]
    fn known(self, left: f64, right: f64) -> bool {
        match self {
            Self::Lt => left < right,
            Self::Le => left <= right,
            Self::Gt => left > right,
            Self::Ge => left >= right,
        }
    }

    /// The comparison that holds when this one fails.
    fn opposite(self) -> Self {
        match self {
            Self::Lt => Self::Ge,
            Self::Le => Self::Gt,
            Self::Gt => Self::Le,
            Self::Ge => Self::Lt,
        }
    }
}

/// One tight loop per comparison, so that the compiler can do several bars at once.
fn narrow_by<R: Rights>(operator: Operator, sureness: Sureness, block: &mut [f64], left: &[f64], right: &R) {
    match sureness {
        Sureness::Known => match operator {
            Operator::Lt => keep(block, left, right, |left, right| left < right),
            Operator::Le => keep(block, left, right, |left, right| left <= right),
            Operator::Gt => keep(block, left, right, |left, right| left > right),
            Operator::Ge => keep(block, left, right, |left, right| left >= right),
        },
        Sureness::Possible => {
            let fails = operator.opposite();
            keep(block, left, right, |left, right| !fails.known(left, right));
        }
    }
}

#[inline]
fn keep<R: Rights>(block: &mut [f64], left: &[f64], right: &R, counts: impl Fn(f64, f64) -> bool) {
    for (kept, (left, right)) in block.iter_mut().zip(right.pairs(left)) {
        *kept = if counts(left, right) { *kept } else { 0.0 };
    }
}
