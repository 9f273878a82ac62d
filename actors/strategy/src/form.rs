//! A strategy as bounded, typed data: flat, without recursion, and unable to look ahead.
//!
//! It buys when the weights of the terms that hold reach a score, and sells at the first of its exits. A strategy that
//! exists keeps every limit and is in canonical form: constants of four significant digits, terms and predicates sorted. Its
//! [`Identity`] follows from what it does, not from how it was written. [`Columns`] are its features over bars,
//! [`Strategy::scores`] its scores; [`Strategy::judge`] is what it says of one stock now. What is absent is unknown, and unknown
//! never acts.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

mod canonical;
mod check;
pub mod columns;
pub mod feature;
pub mod judge;
mod number;
pub mod preset;
mod refusal;
pub mod schema;
mod score;
pub mod wire;
pub mod words;

pub use canonical::Identity;
pub use columns::{Columns, NoColumns};
pub use feature::{Definition, Feature, Unit};
pub use judge::{Advice, Moment, told_score};
pub use number::{Number, SIGNIFICANT_DIGITS, Weight};
pub use preset::Thresholds;
pub use refusal::{Broken, InvalidStrategy};
pub use wire::{Operator, Side};

/// Most KiB of a text that is read as a strategy.
pub const TEXT_KIB_MAX: usize = 64;
/// Most bytes of a text that is read as a strategy.
pub const TEXT_BYTES_MAX: usize = TEXT_KIB_MAX * 1024;
/// Most terms of an entry.
pub const TERMS_MAX: usize = 16;
/// Most predicates of a term.
pub const ALL_OF_MAX: usize = 4;
/// Most predicates of an exit.
pub const ANY_OF_MAX: usize = 8;
/// How far back a feature may be read, in bars.
pub const LAG_MAX: u8 = 60;
/// Longest holding, in bars.
pub const HOLD_BARS_MAX: u16 = 250;
/// Largest purchase, in percent of the equity: what RiskGuard lets one stock be by default (`MAX_SYMBOL_PCT`). RiskGuard's
/// own limits hold beyond it.
pub const FRACTION_PCT_MAX: f64 = 30.0;
/// Fewest and most average true ranges of an exit.
pub const ATR_MULTIPLES: [f64; 2] = [0.1, 50.0];
/// Longest name.
pub const NAME_CHARS_MAX: usize = 64;
/// Longest hypothesis.
pub const HYPOTHESIS_CHARS_MAX: usize = 500;

/// A strategy that keeps every limit, in canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "wire::StrategyWire", into = "wire::StrategyWire")]
pub struct Strategy {
    id: String,
    parent_id: Option<String>,
    hypothesis: String,
    side: Side,
    entry: Entry,
    exit: Exit,
    fraction_pct: Number,
}

/// When a strategy buys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    min_score: Weight,
    terms: Vec<Term>,
}

/// What adds to the score when all of it holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term {
    all_of: Vec<Predicate>,
    weight: Weight,
}

/// A comparison of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Predicate {
    feature: Feature,
    lag: u8,
    operator: Operator,
    right: Right,
}

/// What a feature is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// A constant within the feature's bounds.
    Value(Number),
    /// A feature of the same unit at the present bar.
    Feature(Feature),
}

/// When a strategy sells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    any_of: Vec<Predicate>,
    stop_atr: Option<Number>,
    take_atr: Option<Number>,
    trailing_atr: Option<Number>,
    max_hold_bars: u16,
}

impl Strategy {
    /// A strategy from its JSON form.
    ///
    /// # Errors
    /// [`InvalidStrategy`] names the place and what is allowed there.
    pub fn from_json(text: &str) -> Result<Self, InvalidStrategy> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(InvalidStrategy::TooLong { bytes: text.len() });
        }
        let wire: wire::StrategyWire =
            serde_json::from_str(text).map_err(|error| InvalidStrategy::unread(text, &error))?;
        Self::try_from(wire)
    }

    /// Its JSON form, on several lines.
    pub fn to_json(&self) -> String {
        let wire = wire::StrategyWire::from(self.clone());
        serde_json::to_string_pretty(&wire).unwrap_or_default()
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name of the strategy that it was made from.
    pub fn parent_id(&self) -> Option<&str> {
        self.parent_id.as_deref()
    }

    /// Why it should earn money; text of others.
    pub fn hypothesis(&self) -> &str {
        &self.hypothesis
    }

    /// What it buys.
    pub fn side(&self) -> Side {
        self.side
    }

    /// When it buys.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// When it sells.
    pub fn exit(&self) -> &Exit {
        &self.exit
    }

    /// One purchase in percent of the equity.
    pub fn fraction_pct(&self) -> Number {
        self.fraction_pct
    }

    /// The same as RiskGuard counts it, to four places. A stock that is held is not bought again, so it is what a position takes.
    pub fn position_pct(&self) -> Option<Decimal> {
        Some(Decimal::from_f64_retain(self.fraction_pct.get())?.round_dp(4).normalize())
    }

    /// The features that it reads of the bars, each once; ATR where an exit counts in it.
    pub fn features(&self) -> Vec<Feature> {
        let exit = &self.exit;
        let has_atr = [exit.stop_atr, exit.take_atr, exit.trailing_atr].iter().any(Option::is_some);
        let terms = self.entry.terms.iter().flat_map(|term| &term.all_of);
        let read = terms.chain(&exit.any_of).flat_map(Predicate::reads);
        let mut all: Vec<_> = read.chain(has_atr.then_some(Feature::Atr14Pct)).collect();
        all.retain(|feature| !feature.is_of_holding());
        all.sort();
        all.dedup();
        all
    }

    /// How many comparisons it has: how complex it is.
    pub fn predicates(&self) -> usize {
        let of_terms: usize = self.entry.terms.iter().map(|term| term.all_of.len()).sum();
        of_terms + self.exit.any_of.len()
    }

    /// Bars needed before every feature that it reads has a value.
    pub fn bars_needed(&self) -> usize {
        let terms = self.entry.terms.iter().flat_map(|term| &term.all_of);
        let read = terms.chain(&self.exit.any_of).map(Predicate::bars_needed);
        let plain = self.features().into_iter().map(|feature| feature.definition().bars);
        read.chain(plain).max().unwrap_or(1)
    }
}

impl Entry {
    /// The score to reach.
    pub fn min_score(&self) -> Weight {
        self.min_score
    }

    /// What makes the score.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }
}

impl Term {
    /// What has to hold, all of it.
    pub fn all_of(&self) -> &[Predicate] {
        &self.all_of
    }

    /// What it adds.
    pub fn weight(&self) -> Weight {
        self.weight
    }
}

impl Predicate {
    /// What is compared.
    pub fn feature(&self) -> Feature {
        self.feature
    }

    /// How many bars before the present one the feature is read.
    pub fn lag(&self) -> u8 {
        self.lag
    }

    /// The comparison.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// What it is compared with.
    pub fn right(&self) -> Right {
        self.right
    }

    /// The other feature, where it is compared with one.
    pub fn right_feature(&self) -> Option<Feature> {
        match self.right {
            Right::Feature(feature) => Some(feature),
            Right::Value(_) => None,
        }
    }

    fn reads(&self) -> impl Iterator<Item = Feature> {
        std::iter::once(self.feature).chain(self.right_feature())
    }

    /// Bars needed before it is known.
    fn bars_needed(&self) -> usize {
        let left = self.feature.definition().bars + usize::from(self.lag);
        self.right_feature().map_or(left, |right| left.max(right.definition().bars))
    }
}

impl Exit {
    /// What each is reason enough to sell.
    pub fn any_of(&self) -> &[Predicate] {
        &self.any_of
    }

    /// Average true ranges below the price paid.
    pub fn stop_atr(&self) -> Option<Number> {
        self.stop_atr
    }

    /// Average true ranges above the price paid.
    pub fn take_atr(&self) -> Option<Number> {
        self.take_atr
    }

    /// Average true ranges below the highest close since the purchase.
    pub fn trailing_atr(&self) -> Option<Number> {
        self.trailing_atr
    }

    /// Bars after which it sells at the latest.
    pub fn max_hold_bars(&self) -> u16 {
        self.max_hold_bars
    }
}

#[cfg(test)]
mod tests;
