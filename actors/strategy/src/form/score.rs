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
        let of_stock = |predicate: &&Predicate| !predicate.feature.is_of_holding();
        for (index, block) in exits.chunks_mut(BLOCK).enumerate() {
            for predicate in self.exit.any_of.iter().filter(of_stock) {
                predicate.each(block, index * BLOCK, columns, Sureness::Known, &Mark);
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
        if let [only] = self.all_of.as_slice() {
            return only.each(scores, start, columns, sureness, &Add(weight));
        }
        let holds = &mut holds[..scores.len()];
        holds.fill(weight);
        for predicate in &self.all_of {
            predicate.each(holds, start, columns, sureness, &Keep);
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

    /// Tells each item of the block, beginning at bar `start`, whether the predicate counts.
    fn each<E: Effect>(
        &self,
        block: &mut [E::Item],
        start: usize,
        columns: &Columns,
        sureness: Sureness,
        effect: &E,
    ) {
        let counts = sureness == Sureness::Possible;
        let unknown = |block: &mut [E::Item]| block.iter_mut().for_each(|item| effect.tell(item, counts));
        let lag = usize::from(self.lag);
        // The first bars of the series have no bar so far before them.
        let (young, block) = block.split_at_mut(lag.saturating_sub(start).min(block.len()));
        unknown(young);
        let at = start + young.len();
        let Some(left) = window(columns, self.feature, at.saturating_sub(lag), block.len()) else {
            return unknown(block);
        };
        match self.right {
            Right::Value(value) => {
                each_by((self.operator, sureness), block, left, &Same(value.get()), effect);
            }
            Right::Feature(feature) => match window(columns, feature, at, block.len()) {
                Some(right) => each_by((self.operator, sureness), block, left, &Each(right), effect),
                None => unknown(block),
            },
        }
    }
}

fn window(columns: &Columns, feature: Feature, start: usize, length: usize) -> Option<&[f64]> {
    columns.values(feature)?.get(start..start.checked_add(length)?)
}

/// What a predicate does at a bar.
trait Effect {
    /// What there is per bar.
    type Item;
    /// Hears whether the predicate counts there.
    fn tell(&self, item: &mut Self::Item, counts: bool);
}

/// Sets to zero where it does not count.
struct Keep;
/// Adds where it counts.
struct Add(f64);
/// Marks where it counts.
struct Mark;

impl Effect for Keep {
    type Item = f64;
    #[inline]
    fn tell(&self, item: &mut f64, counts: bool) {
        *item = if counts { *item } else { 0.0 };
    }
}

impl Effect for Add {
    type Item = f64;
    #[inline]
    fn tell(&self, item: &mut f64, counts: bool) {
        *item += if counts { self.0 } else { 0.0 };
    }
}

impl Effect for Mark {
    type Item = bool;
    #[inline]
    fn tell(&self, item: &mut bool, counts: bool) {
        *item |= counts;
    }
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
    pub(super) fn known(self, left: f64, right: f64) -> bool {
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
fn each_by<R: Rights, E: Effect>(
    (operator, sureness): (Operator, Sureness),
    block: &mut [E::Item],
    left: &[f64],
    right: &R,
    effect: &E,
) {
    match sureness {
        Sureness::Known => match operator {
            Operator::Lt => tell(block, left, right, effect, |left, right| left < right),
            Operator::Le => tell(block, left, right, effect, |left, right| left <= right),
            Operator::Gt => tell(block, left, right, effect, |left, right| left > right),
            Operator::Ge => tell(block, left, right, effect, |left, right| left >= right),
        },
        Sureness::Possible => {
            let fails = operator.opposite();
            tell(block, left, right, effect, |left, right| !fails.known(left, right));
        }
    }
}

#[inline]
fn tell<R: Rights, E: Effect>(
    block: &mut [E::Item],
    left: &[f64],
    right: &R,
    effect: &E,
    counts: impl Fn(f64, f64) -> bool,
) {
    for (item, (left, right)) in block.iter_mut().zip(right.pairs(left)) {
        effect.tell(item, counts(left, right));
    }
}
