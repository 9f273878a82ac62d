//! The closed vocabulary of values that a rule may read.
//!
//! A feature that is not known is absent; [`crate::evaluate`] turns that into *unknown*, never into zero or false.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use domain::{Candle, Holding, Price};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::indicators::{DECIMALS, Period, candles};

/// One value of a stock, as a rule names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Feature {
    /// Last price, in the market's currency.
    Price,
    /// Change against the previous close, in percent.
    ChangePct,
    /// Change against the close five bars earlier, in percent.
    Change5Pct,
    /// Change against the close twenty bars earlier, in percent.
    Change20Pct,
    /// High minus low of the day in percent of the price.
    RangePct,
    /// Price against the day's high in percent of the high: 0 at the high, negative below it.
    FromHighPct,
    /// The larger of |change| and range, in percent: what the scanner ranks by.
    MovePct,
    /// Standard deviation of the last twenty daily returns, in percent.
    Volatility20Pct,
    /// Wilder's relative strength index over 14 bars, 0 to 100.
    Rsi14,
    /// Wilder's average true range over 14 bars in percent of the price.
    Atr14Pct,
    /// Volume against its average; 2 means twice.
    VolumeRatio,
    /// Simple average of the last 20 closes, in the market's currency.
    Sma20,
    /// Distance of the price from its 20-bar average, in percent.
    Sma20DistancePct,
    /// Distance of the price from its 60-bar average, in percent.
    Sma60DistancePct,
    /// The scanner's score, 0 to 100.
    Score,
    /// 1 when the account holds the stock, else 0.
    Held,
    /// Profit of the holding against its average price, in percent; absent when not held or not told.
    HoldingPnlPct,
}

impl Feature {
    /// Every feature, in the order of this list.
    pub const ALL: [Self; 17] = [
        Self::Price,
        Self::ChangePct,
        Self::Change5Pct,
        Self::Change20Pct,
        Self::RangePct,
        Self::FromHighPct,
        Self::MovePct,
        Self::Volatility20Pct,
        Self::Rsi14,
        Self::Atr14Pct,
        Self::VolumeRatio,
        Self::Sma20,
        Self::Sma20DistancePct,
        Self::Sma60DistancePct,
        Self::Score,
        Self::Held,
        Self::HoldingPnlPct,
    ];

    /// The name used in rules, prompts and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::ChangePct => "change_pct",
            Self::Change5Pct => "change_5_pct",
            Self::Change20Pct => "change_20_pct",
            Self::RangePct => "range_pct",
            Self::FromHighPct => "from_high_pct",
            Self::MovePct => "move_pct",
            Self::Volatility20Pct => "volatility_20_pct",
            Self::Rsi14 => "rsi_14",
            Self::Atr14Pct => "atr_14_pct",
            Self::VolumeRatio => "volume_ratio",
            Self::Sma20 => "sma_20",
            Self::Sma20DistancePct => "sma_20_distance_pct",
            Self::Sma60DistancePct => "sma_60_distance_pct",
            Self::Score => "score",
            Self::Held => "held",
            Self::HoldingPnlPct => "holding_pnl_pct",
        }
    }

    /// The feature in words, for a rationale.
    pub fn label(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::ChangePct => "change today",
            Self::Change5Pct => "change over 5 bars",
            Self::Change20Pct => "change over 20 bars",
            Self::RangePct => "range today",
            Self::FromHighPct => "distance from the day's high",
            Self::MovePct => "move today",
            Self::Volatility20Pct => "daily volatility",
            Self::Rsi14 => "RSI(14)",
            Self::Atr14Pct => "ATR(14)",
            Self::VolumeRatio => "volume ratio",
            Self::Sma20 => "20-bar average",
            Self::Sma20DistancePct => "distance from the 20-bar average",
            Self::Sma60DistancePct => "distance from the 60-bar average",
            Self::Score => "score",
            Self::Held => "held",
            Self::HoldingPnlPct => "profit of the holding",
        }
    }

    /// What follows the number in words: ` %`, `x` or nothing.
    pub fn unit(self) -> &'static str {
        match self {
            Self::ChangePct
            | Self::Change5Pct
            | Self::Change20Pct
            | Self::RangePct
            | Self::FromHighPct
            | Self::MovePct
            | Self::Volatility20Pct
            | Self::Atr14Pct
            | Self::Sma20DistancePct
            | Self::Sma60DistancePct
            | Self::HoldingPnlPct => " %",
            Self::VolumeRatio => "x",
            Self::Price | Self::Rsi14 | Self::Sma20 | Self::Score | Self::Held => "",
        }
    }

    /// The lowest and highest number that a rule may compare the feature with; outside them a rule is a mistake.
    pub fn bounds(self) -> (i64, i64) {
        match self {
            Self::Price | Self::Sma20 => (0, 1_000_000_000),
            Self::Rsi14 | Self::Score => (0, 100),
            Self::Held => (0, 1),
            Self::FromHighPct => (-100, 0),
            Self::RangePct | Self::MovePct | Self::Volatility20Pct | Self::Atr14Pct | Self::VolumeRatio => {
                (0, 1_000)
            }
            Self::ChangePct
            | Self::Change5Pct
            | Self::Change20Pct
            | Self::Sma20DistancePct
            | Self::Sma60DistancePct
            | Self::HoldingPnlPct => (-100, 1_000),
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Feature {
    type Err = UnknownFeature;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|feature| feature.name() == text);
        found.ok_or_else(|| UnknownFeature(text.chars().take(40).collect()))
    }
}

impl TryFrom<String> for Feature {
    type Error = UnknownFeature;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Feature> for String {
    fn from(feature: Feature) -> Self {
        feature.name().to_owned()
    }
}

/// The text names no feature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no feature; allowed: {allowed}", allowed = Feature::ALL.map(Feature::name).join(", "))]
pub struct UnknownFeature(pub String);

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
}

impl Features {
    /// The values that follow from daily bars, oldest first; the last bar is the day being judged.
    ///
    /// RSI and ATR stay absent below [`crate::DECISION_BARS`] bars.
    pub fn of_bars(bars: &[Candle]) -> Self {
        let (one, five, fourteen) = (Period::of::<1>(), Period::of::<5>(), Period::of::<14>());
        let (twenty, sixty) = (Period::of::<20>(), Period::of::<60>());
        let change = candles::change_pct(bars, one);
        let range = candles::range_pct(bars);
        let mut features = Self::default();
        features.set(Feature::Price, bars.last().map(|bar| bar.close.value()));
        features.set(Feature::ChangePct, change);
        features.set(Feature::Change5Pct, candles::change_pct(bars, five));
        features.set(Feature::Change20Pct, candles::change_pct(bars, twenty));
        features.set(Feature::RangePct, range);
        features.set(Feature::FromHighPct, candles::from_high_pct(bars));
        features.set(Feature::MovePct, larger_move(change, range));
        features.set(Feature::Volatility20Pct, candles::volatility_pct(bars, twenty));
        features.set(Feature::Rsi14, candles::rsi(bars, fourteen));
        features.set(Feature::Atr14Pct, candles::atr_pct(bars, fourteen));
        features.set(Feature::VolumeRatio, candles::volume_ratio(bars, twenty));
        features.set(Feature::Sma20, candles::sma(bars, twenty));
        features.set(Feature::Sma20DistancePct, candles::sma_distance_pct(bars, twenty));
        features.set(Feature::Sma60DistancePct, candles::sma_distance_pct(bars, sixty));
        features
    }

    /// Replaces what the exchange told more recently than the bars; what it did not tell stays as it is.
    #[must_use]
    pub fn with_live(mut self, live: LiveRow) -> Self {
        let told = [
            (Feature::ChangePct, live.change_pct),
            (Feature::VolumeRatio, live.volume_ratio),
            (Feature::Score, live.score),
        ];
        self.known.extend(told.into_iter().filter_map(|(feature, value)| Some((feature, value?))));
        let widest = larger_move(self.get(Feature::ChangePct), self.get(Feature::RangePct));
        self.set(Feature::MovePct, widest);
        self
    }

    /// Adds what the account says: held or not, and the holding's profit at the known price.
    #[must_use]
    pub fn with_holding(mut self, holding: Option<&Holding>) -> Self {
        let held = holding.filter(|held| !held.quantity.is_zero());
        self.set(Feature::Held, Some(if held.is_some() { Decimal::ONE } else { Decimal::ZERO }));
        let price = self.get(Feature::Price).and_then(|value| Price::new(value).ok());
        let profit = held.and_then(|held| profit_pct(held.average_price?, held.price.or(price)?));
        self.set(Feature::HoldingPnlPct, profit);
        self
    }

    /// The value, if known.
    pub fn get(&self, feature: Feature) -> Option<Decimal> {
        self.known.get(&feature).copied()
    }

    /// Sets a value, or makes it unknown.
    pub fn set(&mut self, feature: Feature, value: Option<Decimal>) {
        match value {
            Some(value) => self.known.insert(feature, value),
            None => self.known.remove(&feature),
        };
    }

    /// The known values by name, as a candidate carries them.
    pub fn to_named(&self) -> Vec<(String, Decimal)> {
        self.known.iter().map(|(feature, value)| (feature.name().to_owned(), *value)).collect()
    }

    /// Reads a candidate's values back; a name outside the vocabulary is left out, for no rule can ask for it.
    pub fn from_named(named: &[(String, Decimal)]) -> Self {
        let known = named.iter().filter_map(|(name, value)| Some((name.parse().ok()?, *value))).collect();
        Self { known }
    }
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
