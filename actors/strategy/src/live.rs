//! What is known of one stock at one moment.
//!
//! A value that is not known is absent, never zero. Values of the present day come from the day so far, so what the
//! exchange has not told of it (its open, its range, its volume) takes the features with it that follow from that.

use std::collections::BTreeMap;

use domain::messages::bars::DayBar;
use domain::{Holding, Price};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use crate::form::{Columns, Feature};

/// Places kept when a value becomes a decimal.
const DECIMALS: u32 = 9;
/// Names of what a candidate carries beside the features: no strategy can ask for them.
const HELD: &str = "held";
const SCORE: &str = "score";

/// Which parts of the present bar, beside its close, somebody has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The first price.
    pub open: bool,
    /// High and low.
    pub range: bool,
    /// Shares traded.
    pub volume: bool,
}

/// What a ranking or a quote said just now; it is newer than the bars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveRow {
    /// Change against the previous close, in percent.
    pub change_pct: Option<Decimal>,
    /// Volume against its average; 2 means twice.
    pub volume_ratio: Option<Decimal>,
    /// The scanner's score, 0 to 100.
    pub score: Option<Decimal>,
}

/// The known values of one stock at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    known: BTreeMap<Feature, Decimal>,
    held: Option<bool>,
    score: Option<Decimal>,
}

impl Features {
    /// The values of `wanted` at the last of `days`, oldest first; that one is the day so far, of which only what is `told`
    /// counts. None of days that contradict themselves.
    pub fn of_days(days: &[DayBar], told: Told, wanted: &[Feature]) -> Self {
        let mut features = Self::default();
        let (Some(last), Ok(columns)) = (days.len().checked_sub(1), Columns::of(days, wanted)) else {
            return features;
        };
        for feature in wanted.iter().filter(|feature| feature.follows_from(told)) {
            features.set(*feature, columns.value(*feature, last).and_then(decimal));
        }
        if !told.range && wanted.contains(&Feature::MovePct) {
            features.set(Feature::MovePct, features.get(Feature::Roc1).map(|change| change.abs()));
        }
        features
    }

    /// Replaces what the exchange told more recently than the bars; what it did not tell stays as it is.
    #[must_use]
    pub fn with_live(mut self, live: LiveRow) -> Self {
        let told = [(Feature::Roc1, live.change_pct), (Feature::VolumeRatio20, live.volume_ratio)];
        self.known.extend(told.into_iter().filter_map(|(feature, value)| Some((feature, value?))));
        self.score = live.score.or(self.score);
        let widest = larger_move(self.get(Feature::Roc1), self.get(Feature::RangePct));
        self.set(Feature::MovePct, widest);
        self
    }

    /// Adds what the account says: held or not, and the holding's profit at its price.
    #[must_use]
    pub fn with_holding(mut self, holding: Option<&Holding>) -> Self {
        let held = holding.filter(|held| !held.quantity.is_zero());
        self.held = Some(held.is_some());
        let profit = held.and_then(|held| profit_pct(held.average_price?, held.price?));
        self.set(Feature::HoldingPnlPct, profit);
        self
    }

    /// The value, if known.
    pub fn get(&self, feature: Feature) -> Option<Decimal> {
        self.known.get(&feature).copied()
    }

    /// The value as the scores of a strategy count it, if known.
    pub fn number(&self, feature: Feature) -> Option<f64> {
        self.get(feature)?.to_f64()
    }

    /// Sets a value, or makes it unknown.
    pub fn set(&mut self, feature: Feature, value: Option<Decimal>) {
        match value {
            Some(value) => self.known.insert(feature, value),
            None => self.known.remove(&feature),
        };
    }

    /// Whether the account holds the stock; none while it has not told.
    pub fn held(&self) -> Option<bool> {
        self.held
    }

    /// The known values by name, as a candidate carries them.
    pub fn to_named(&self) -> Vec<(String, Decimal)> {
        let values = self.known.iter().map(|(feature, value)| (feature.name(), *value));
        let held = self.held.map(|held| (HELD, Decimal::from(u8::from(held))));
        let score = self.score.map(|score| (SCORE, score));
        values.chain(held).chain(score).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Reads a candidate's values back; a name outside the vocabulary is left out, for no strategy can ask for it.
    pub fn from_named(named: &[(String, Decimal)]) -> Self {
        let mut features = Self::default();
        for (name, value) in named {
            match (name.as_str(), name.parse::<Feature>()) {
                (HELD, _) => features.held = Some(!value.is_zero()),
                (SCORE, _) => features.score = Some(*value),
                (_, Ok(feature)) => features.set(feature, Some(*value)),
                (_, Err(_)) => {}
            }
        }
        features
    }
}

/// A number of the columns as it is carried and shown.
fn decimal(value: f64) -> Option<Decimal> {
    Some(Decimal::from_f64_retain(value)?.round_dp(DECIMALS).normalize())
}

/// Profit of a purchase at `average` when the price is `price`, in percent.
pub fn profit_pct(average: Price, price: Price) -> Option<Decimal> {
    let gain = price.value().checked_sub(average.value())?;
    let pct = gain.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(average.value())?;
    Some(pct.round_dp(DECIMALS))
}

/// The larger of |change| and range (lessons.md 2); one of them is enough.
pub fn larger_move(change_pct: Option<Decimal>, range_pct: Option<Decimal>) -> Option<Decimal> {
    change_pct.map(|change| change.abs()).into_iter().chain(range_pct).max()
}

#[cfg(test)]
mod tests;
