//! Where confident purchases went wrong: not as a story, but as counts (strategies.md 6.1, step 1).
//!
//! Every purchase of a confident judgement whose position is closed counts once, with what its stock looked like on the last
//! day before it, and the market's regime then. A condition is told when losses are more frequent under it than among all of
//! them: with how many, and by how much. What is not known of a purchase is in no count.

use std::fmt;

use strategy::form::{Columns, Feature};

use crate::gauntlet::regime::Regime;

/// Fewest purchases under a condition for it to be told.
const FEWEST: usize = 5;
/// A condition is an outer third of what was seen.
const PARTS: usize = 3;
/// Most conditions that are told.
const LINES_MAX: usize = 8;

/// A confident purchase whose position is closed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Purchase {
    /// True when it lost money, by its executions.
    pub lost: bool,
    /// What its stock looked like on the last day before it.
    pub features: Vec<(Feature, f64)>,
    /// The market's regime then.
    pub regime: Option<Regime>,
}

impl Purchase {
    /// One whose stock had `columns`, at a bar.
    pub fn at(lost: bool, columns: &Columns, bar: usize, regime: Option<Regime>) -> Self {
        let value = |feature: &Feature| Some((*feature, columns.value(*feature, bar)?));
        Self { lost, features: Feature::ALL.iter().filter_map(value).collect(), regime }
    }

    fn value(&self, feature: Feature) -> Option<f64> {
        self.features.iter().find(|(known, _)| *known == feature).map(|(_, value)| *value)
    }
}

/// The digest of a market.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Digest {
    /// Confident purchases.
    pub purchases: usize,
    /// Those that lost.
    pub losses: usize,
    /// Where losses are more frequent, the most telling first.
    pub lines: Vec<Line>,
}

/// One condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// In words, e.g. `rsi_14 >= 68.2`.
    pub condition: String,
    /// Purchases that lost under it.
    pub losses: usize,
    /// All purchases under it.
    pub purchases: usize,
    /// How much more frequent losses are under it than among all purchases, 2 is twice.
    pub lift: f64,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { condition, losses, purchases, lift } = self;
        write!(f, "{condition}: {losses} of {purchases} lost, lift {lift:.2}")
    }
}

/// Counts `purchases` of one market, and so of one currency.
pub fn digest(purchases: &[Purchase]) -> Digest {
    let losses = purchases.iter().filter(|one| one.lost).count();
    let share = losses as f64 / purchases.len().max(1) as f64;
    let by_feature = Feature::ALL.iter().flat_map(|feature| thirds(*feature, purchases));
    let by_regime = Regime::ALL.iter().map(|regime| of_regime(*regime, purchases));
    let mut lines: Vec<Line> = by_feature.chain(by_regime).filter_map(|group| group.line(share)).collect();
    // Stable: of equals the first feature stays first.
    lines.sort_by(|one, other| other.weight(share).total_cmp(&one.weight(share)));
    lines.truncate(LINES_MAX);
    Digest { purchases: purchases.len(), losses, lines }
}

/// The purchases under a condition.
struct Group {
    condition: String,
    losses: usize,
    purchases: usize,
}

impl Group {
    fn of<'a>(condition: String, members: impl Iterator<Item = &'a Purchase>) -> Self {
        let (mut losses, mut purchases) = (0, 0);
        for member in members {
            purchases += 1;
            losses += usize::from(member.lost);
        }
        Self { condition, losses, purchases }
    }

    fn line(self, share: f64) -> Option<Line> {
        let Self { condition, losses, purchases } = self;
        let lift = losses as f64 / purchases.max(1) as f64 / share;
        (purchases >= FEWEST && lift.is_finite() && lift > 1.0).then_some(Line {
            condition,
            losses,
            purchases,
            lift,
        })
    }
}

impl Line {
    /// Losses beyond those to be expected, in standard deviations of a count: a small group with a large lift weighs less.
    fn weight(&self, share: f64) -> f64 {
        let expected = share * self.purchases as f64;
        (self.losses as f64 - expected) / (expected * (1.0 - share)).sqrt().max(f64::MIN_POSITIVE)
    }
}

fn thirds(feature: Feature, purchases: &[Purchase]) -> Vec<Group> {
    let mut values: Vec<f64> = purchases.iter().filter_map(|one| one.value(feature)).collect();
    values.sort_by(f64::total_cmp);
    let part = values.len() / PARTS;
    let Some((low, high)) =
        part.checked_sub(1).and_then(|at| values.get(at).zip(values.get(values.len() - part)))
    else {
        return Vec::new();
    };
    let with = |keeps: &dyn Fn(f64) -> bool, sign: &str, edge: f64| {
        let members = purchases.iter().filter(|one| one.value(feature).is_some_and(keeps));
        Group::of(format!("{feature} {sign} {}", rounded(edge)), members)
    };
    // All alike says nothing.
    if low >= high {
        return Vec::new();
    }
    vec![with(&|value| value <= *low, "<=", *low), with(&|value| value >= *high, ">=", *high)]
}

fn of_regime(regime: Regime, purchases: &[Purchase]) -> Group {
    let members = purchases.iter().filter(|one| one.regime == Some(regime));
    Group::of(format!("market {regime}"), members)
}

/// Three significant digits: more would point at days.
fn rounded(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = 2 - value.abs().log10().floor().clamp(-6.0, 6.0) as i32;
    let scale = 10_f64.powi(digits);
    format!("{}", (value * scale).round() / scale)
}

#[cfg(test)]
mod tests;
