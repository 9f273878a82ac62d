//! The closed vocabulary of a strategy: values of a stock at a bar that follow from this bar and the bars before it.
//!
//! Every one is free of units of money, so that a rule means the same in won, dollars and yen. A value that is not known
//! is absent, never zero.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::number::Number;
use crate::live::Told;

/// What the number of a feature counts; only features of one unit can be compared with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Percent: 1.5 means 1.5 %.
    Percent,
    /// Points from 0 to 100 (or -100 to 0) of an oscillator.
    Points,
    /// A multiple: 2 means twice.
    Times,
    /// A place within a range: 0 at its lower end, 1 at its upper end.
    Place,
    /// Standard deviations.
    Deviations,
    /// Bars.
    Bars,
}

impl Unit {
    /// What follows the number in words.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Percent => " %",
            Self::Times => "x",
            Self::Deviations => " deviations",
            Self::Bars => " bars",
            Self::Points | Self::Place => "",
        }
    }

    /// The unit in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Percent => "percent",
            Self::Points => "points",
            Self::Times => "a multiple",
            Self::Place => "a place from 0 to 1",
            Self::Deviations => "standard deviations",
            Self::Bars => "bars",
        }
    }
}

/// What is known of a feature before any bar is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Definition {
    /// Its name in files, prompts and records.
    pub name: &'static str,
    /// Its name in words.
    pub label: &'static str,
    /// What the number counts.
    pub unit: Unit,
    /// The lowest constant that it may be compared with.
    pub low: f64,
    /// The highest one.
    pub high: f64,
    /// Bars needed before it has a value, the bar itself among them.
    pub bars: usize,
    /// How it is computed.
    pub formula: &'static str,
}

macro_rules! features {
    ($($variant:ident, $name:literal, $label:literal, $unit:ident, $low:literal, $high:literal, $bars:literal, $formula:literal;)+) => {
        /// One value of a stock at one bar.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Feature {
            $(#[doc = $formula] #[serde(rename = $name)] $variant,)+
        }

        impl Feature {
            /// Every feature.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];
        }

        const DEFINITIONS: &[Definition] = &[$(Definition {
            name: $name, label: $label, unit: Unit::$unit, low: $low, high: $high, bars: $bars, formula: $formula,
        },)+];
    };
}

features! {
    Roc1, "roc_1", "change over 1 bar", Percent, -100.0, 1000.0, 2, "(close / close 1 bar before - 1) x 100";
    Roc5, "roc_5", "change over 5 bars", Percent, -100.0, 1000.0, 6, "(close / close 5 bars before - 1) x 100";
    Roc20, "roc_20", "change over 20 bars", Percent, -100.0, 1000.0, 21, "(close / close 20 bars before - 1) x 100";
    Roc60, "roc_60", "change over 60 bars", Percent, -100.0, 1000.0, 61, "(close / close 60 bars before - 1) x 100";
    Roc120, "roc_120", "change over 120 bars", Percent, -100.0, 1000.0, 121, "(close / close 120 bars before - 1) x 100";
    GapPct, "gap_pct", "opening gap", Percent, -100.0, 1000.0, 2, "(open / close 1 bar before - 1) x 100";
    IntradayPct, "intraday_pct", "change since the open", Percent, -100.0, 1000.0, 1, "(close / open - 1) x 100";
    RangePct, "range_pct", "range of the bar", Percent, 0.0, 1000.0, 1, "(high - low) / close x 100";
    MovePct, "move_pct", "move of the bar", Percent, 0.0, 1000.0, 2, "the larger of |roc_1| and range_pct";
    FromHighPct, "from_high_pct", "distance from the bar's high", Percent, -100.0, 0.0, 1, "(close / high - 1) x 100";
    BarPlace, "bar_place", "place within the bar", Place, 0.0, 1.0, 1, "(close - low) / (high - low); absent without a range";
    Sma5DistancePct, "sma_5_distance_pct", "distance from the 5-bar average", Percent, -100.0, 1000.0, 5, "(close / mean of 5 closes - 1) x 100, its sign exact";
    Sma20DistancePct, "sma_20_distance_pct", "distance from the 20-bar average", Percent, -100.0, 1000.0, 20, "(close / mean of 20 closes - 1) x 100, its sign exact";
    Sma60DistancePct, "sma_60_distance_pct", "distance from the 60-bar average", Percent, -100.0, 1000.0, 60, "(close / mean of 60 closes - 1) x 100, its sign exact";
    Sma200DistancePct, "sma_200_distance_pct", "distance from the 200-bar average", Percent, -100.0, 1000.0, 200, "(close / mean of 200 closes - 1) x 100, its sign exact";
    Sma5To20Pct, "sma_5_20_pct", "5-bar over 20-bar average", Percent, -100.0, 1000.0, 20, "(mean of 5 closes / mean of 20 closes - 1) x 100, its sign exact";
    Sma20To50Pct, "sma_20_50_pct", "20-bar over 50-bar average", Percent, -100.0, 1000.0, 50, "(mean of 20 closes / mean of 50 closes - 1) x 100, its sign exact";
    Sma20To60Pct, "sma_20_60_pct", "20-bar over 60-bar average", Percent, -100.0, 1000.0, 60, "(mean of 20 closes / mean of 60 closes - 1) x 100, its sign exact";
    Sma50To200Pct, "sma_50_200_pct", "50-bar over 200-bar average", Percent, -100.0, 1000.0, 200, "(mean of 50 closes / mean of 200 closes - 1) x 100, its sign exact";
    Rsi2, "rsi_2", "RSI2", Points, 0.0, 100.0, 200, "Wilder's relative strength index over 2 changes of the close (TA-Lib RSI)";
    Rsi14, "rsi_14", "RSI14", Points, 0.0, 100.0, 200, "Wilder's relative strength index over 14 changes of the close (TA-Lib RSI)";
    Adx14, "adx_14", "ADX14", Points, 0.0, 100.0, 200, "Wilder's average directional index over 14 bars (TA-Lib ADX)";
    Mfi14, "mfi_14", "MFI14", Points, 0.0, 100.0, 15, "money flow index over 14 bars (TA-Lib MFI); absent when nothing was traded on a move";
    StochK14, "stoch_k_14_3", "stochastic K", Points, 0.0, 100.0, 18, "place of the close within 14 bars, mean of 3 (TA-Lib STOCH 14, 3, 3: slow K)";
    StochD14, "stoch_d_14_3", "stochastic D", Points, 0.0, 100.0, 18, "mean of 3 of stoch_k_14_3 (TA-Lib STOCH 14, 3, 3: slow D)";
    WilliamsR14, "williams_r_14", "Williams R14", Points, -100.0, 0.0, 14, "-100 at the lowest low to 0 at the highest high of 14 bars (TA-Lib WILLR)";
    Atr14Pct, "atr_14_pct", "ATR14", Percent, 0.0, 1000.0, 200, "Wilder's average true range over 14 bars / close x 100 (TA-Lib NATR)";
    Volatility20Pct, "volatility_20_pct", "volatility over 20 bars", Percent, 0.0, 1000.0, 21, "sample standard deviation of the last 20 of roc_1";
    Volatility60Pct, "volatility_60_pct", "volatility over 60 bars", Percent, 0.0, 1000.0, 61, "sample standard deviation of the last 60 of roc_1";
    MacdHistogramPct, "macd_hist_pct", "MACD histogram", Percent, -100.0, 100.0, 200, "MACD 12, 26, 9: line minus signal, / close x 100 (TA-Lib MACD)";
    BbPlace20, "bb_pos_20_2", "place within the Bollinger bands", Place, -10.0, 10.0, 20, "(close - lower) / (upper - lower), 2 population deviations around the 20-bar average; absent without a width";
    BbWidth20Pct, "bb_width_20_2_pct", "width of the Bollinger bands", Percent, 0.0, 1000.0, 20, "(upper - lower) / middle x 100 of the same bands";
    ChannelPlace20, "channel_pos_20", "place within 20 bars", Place, 0.0, 1.0, 20, "(close - lowest low) / (highest high - lowest low) of 20 bars; absent without a range";
    ChannelPlace60, "channel_pos_60", "place within 60 bars", Place, 0.0, 1.0, 60, "(close - lowest low) / (highest high - lowest low) of 60 bars; absent without a range";
    FromHigh20Pct, "from_high_20_pct", "distance from the 20-bar high", Percent, -100.0, 0.0, 20, "(close / highest high of 20 bars - 1) x 100";
    FromHigh252Pct, "from_high_252_pct", "distance from the 252-bar high", Percent, -100.0, 0.0, 252, "(close / highest high of 252 bars - 1) x 100";
    FromLow20Pct, "from_low_20_pct", "distance from the 20-bar low", Percent, 0.0, 1000.0, 20, "(close / lowest low of 20 bars - 1) x 100";
    VolumeRatio20, "volume_ratio_20", "volume ratio", Times, 0.0, 1000.0, 21, "volume / mean volume of the 20 bars before; absent when that is zero";
    VolumeZ20, "volume_z_20", "volume z-score", Deviations, -10.0, 10.0, 20, "(volume - mean) / sample standard deviation, both of 20 bars; absent without a deviation";
    CloseZ20, "close_z_20", "close z-score over 20 bars", Deviations, -10.0, 10.0, 20, "(close - mean) / sample standard deviation, both of 20 bars; absent without a deviation";
    CloseZ60, "close_z_60", "close z-score over 60 bars", Deviations, -10.0, 10.0, 60, "(close - mean) / sample standard deviation, both of 60 bars; absent without a deviation";
    ReturnZ20, "roc_1_z_20", "change z-score", Deviations, -10.0, 10.0, 21, "(roc_1 - mean) / sample standard deviation, both of the last 20 of roc_1; absent without a deviation";
    Streak, "streak", "closes in one direction", Bars, -60.0, 60.0, 2, "rising closes in a row, falling ones below zero, 0 after an unchanged close; at most 60";
    HoldingPnlPct, "holding_pnl_pct", "profit of the holding", Percent, -100.0, 1000.0, 1, "(close / price paid - 1) x 100, before costs; known of a holding only";
}

impl Feature {
    /// What is known of it before any bar is looked at.
    pub fn definition(self) -> &'static Definition {
        &DEFINITIONS[self as usize]
    }

    /// Its name in files, prompts and records.
    pub fn name(self) -> &'static str {
        self.definition().name
    }

    /// Its name in words.
    pub fn label(self) -> &'static str {
        self.definition().label
    }

    /// What its number counts.
    pub fn unit(self) -> Unit {
        self.definition().unit
    }

    /// True for a value of the holding, not of the stock: only an exit may read it.
    pub fn is_of_holding(self) -> bool {
        self == Self::HoldingPnlPct
    }

    /// False when the present bar's value follows from a part of the bar that nobody has told. An average true range does, too:
    /// a bar without its range would be too narrow.
    pub fn follows_from(self, told: Told) -> bool {
        match self {
            Self::Roc1
            | Self::Roc5
            | Self::Roc20
            | Self::Roc60
            | Self::Roc120
            | Self::Sma5DistancePct
            | Self::Sma20DistancePct
            | Self::Sma60DistancePct
            | Self::Sma200DistancePct
            | Self::Sma5To20Pct
            | Self::Sma20To50Pct
            | Self::Sma20To60Pct
            | Self::Sma50To200Pct
            | Self::Rsi2
            | Self::Rsi14
            | Self::Volatility20Pct
            | Self::Volatility60Pct
            | Self::MacdHistogramPct
            | Self::BbPlace20
            | Self::BbWidth20Pct
            | Self::CloseZ20
            | Self::CloseZ60
            | Self::ReturnZ20
            | Self::Streak
            | Self::HoldingPnlPct => true,
            Self::GapPct | Self::IntradayPct => told.open,
            Self::RangePct
            | Self::MovePct
            | Self::FromHighPct
            | Self::BarPlace
            | Self::Adx14
            | Self::StochK14
            | Self::StochD14
            | Self::WilliamsR14
            | Self::Atr14Pct
            | Self::ChannelPlace20
            | Self::ChannelPlace60
            | Self::FromHigh20Pct
            | Self::FromHigh252Pct
            | Self::FromLow20Pct => told.range,
            Self::VolumeRatio20 | Self::VolumeZ20 => told.volume,
            Self::Mfi14 => told.range && told.volume,
        }
    }

    /// The constant that is nearest to `value` among those that the feature may be compared with; none for no number.
    pub fn clamp(self, value: f64) -> Option<Number> {
        Number::new(value.clamp(self.definition().low, self.definition().high))
    }

    /// All features with unit, bounds, history and formula, a line each: what a prompt and a manual show.
    pub fn glossary() -> String {
        let line = |feature: &Self| {
            let Definition { name, unit, low, high, bars, formula, .. } = feature.definition();
            let unit = unit.name();
            format!("{name}: {unit}, {low} to {high}, from {bars} bars on: {formula}\n")
        };
        Self::ALL.iter().map(line).collect()
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
        let found = Self::ALL.iter().find(|feature| feature.name() == text);
        found.copied().ok_or_else(|| UnknownFeature(text.chars().take(40).collect()))
    }
}

/// The text names no feature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no feature; allowed: {allowed}", allowed = names().join(", "))]
pub struct UnknownFeature(pub String);

fn names() -> Vec<&'static str> {
    Feature::ALL.iter().map(|feature| feature.name()).collect()
}

impl JsonSchema for Feature {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Feature".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": names() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_feature_has_its_own_name_and_bounds_that_are_constants() {
        for (index, feature) in Feature::ALL.iter().enumerate() {
            assert_eq!(*feature as usize, index);
            assert_eq!(serde_json::to_value(feature).unwrap(), feature.name());
            let definition = feature.definition();
            assert!(definition.low < definition.high && definition.bars > 0, "{feature}");
            let same = |other: &&Feature| other.name() == feature.name() || other.label() == feature.label();
            assert_eq!(Feature::ALL.iter().filter(same).count(), 1, "{feature}");
        }
        assert_eq!(Feature::glossary().lines().count(), Feature::ALL.len());
    }

    #[test]
    fn a_constant_beyond_the_bounds_is_moved_to_them_and_no_number_stays_none() {
        let of = |value| Feature::Rsi14.clamp(value).map(Number::get);
        assert_eq!([of(-3.0), of(35.0), of(1e9), of(f64::NAN)], [Some(0.0), Some(35.0), Some(100.0), None]);
    }
}
