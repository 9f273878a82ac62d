//! What the Brain concluded, HOLD included.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{DecisionId, Instrument, Price};

/// What to do with a stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Action {
    /// Open or add.
    Buy,
    /// Reduce or close.
    Sell,
    /// Do nothing.
    Hold,
}

impl Action {
    /// `BUY`, `SELL` or `HOLD`, as the seed's table stores it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
            Self::Hold => "HOLD",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Buy, Self::Sell, Self::Hold]
            .into_iter()
            .find(|action| action.code().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| UnknownAction(text.chars().take(40).collect()))
    }
}

/// The text is none of BUY, SELL, HOLD.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no action; allowed: BUY, SELL, HOLD")]
pub struct UnknownAction(pub String);

/// How sure a decision is: 0 to 100, a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Confidence(u8);

impl Confidence {
    /// Not sure at all: what a judgement without grounds carries.
    pub const ZERO: Self = Self(0);
    /// Beyond doubt: a person, or a rule, wants it.
    pub const CERTAIN: Self = Self(100);

    /// A confidence, if `value` is 0 to 100.
    ///
    /// # Errors
    /// [`InvalidConfidence`] outside that range.
    pub fn new(value: i64) -> Result<Self, InvalidConfidence> {
        match u8::try_from(value) {
            Ok(small @ 0..=100) => Ok(Self(small)),
            Ok(_) | Err(_) => Err(InvalidConfidence(value)),
        }
    }

    /// The number, 0 to 100.
    pub fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<i64> for Confidence {
    type Error = InvalidConfidence;

    fn try_from(value: i64) -> Result<Self, Self::Error> {
        Self::new(value)
    }
}

impl From<Confidence> for i64 {
    fn from(confidence: Confidence) -> Self {
        Self::from(confidence.0)
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number is no confidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no confidence; allowed: whole numbers from 0 to 100")]
pub struct InvalidConfidence(pub i64);

/// What made the Scanner pick a stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Signal {
    /// RSI below the oversold threshold.
    Oversold,
    /// RSI above the momentum threshold with volume.
    Momentum,
    /// Neither; chosen by volatility alone.
    Neutral,
    /// Chosen because it is held.
    Holding,
}

impl Signal {
    /// The word stored in `selection_context`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Oversold => "oversold",
            Self::Momentum => "momentum",
            Self::Neutral => "neutral",
            Self::Holding => "holding",
        }
    }
}

/// Why a stock was looked at: the JSON of the seed's `trades.selection_context`. Absent numbers are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectionContext {
    /// Relative strength index, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "option_number")]
    pub rsi: Option<Decimal>,
    /// Volume against the average; 2 means twice.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "option_number")]
    pub volume_ratio: Option<Decimal>,
    /// What stands in for the index where there are too few bars: 50 and twice the day's change in percent, 0 to 100. It
    /// sets no signal.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "option_number")]
    pub rsi_proxy: Option<Decimal>,
    /// What stands in for the ratio where nobody measured it: half the day's move in percent, at least 1.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "option_number")]
    pub volume_ratio_proxy: Option<Decimal>,
    /// The signal found.
    pub signal: Signal,
    /// The scanner's score, 0 to 100.
    #[serde(with = "rust_decimal::serde::float")]
    pub score: Decimal,
}

/// An absent number, or a JSON number. `rust_decimal`'s own form of it writes numbers and reads texts only.
pub(crate) mod option_number {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    struct Number(#[serde(with = "rust_decimal::serde::float")] Decimal);

    pub(crate) fn serialize<S: Serializer>(value: &Option<Decimal>, to: S) -> Result<S::Ok, S::Error> {
        rust_decimal::serde::float_option::serialize(value, to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Decimal>, D::Error> {
        Ok(Option::<Number>::deserialize(from)?.map(|number| number.0))
    }
}

/// One judgement of one stock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Its id; proposals, approvals and intents name it.
    pub id: DecisionId,
    /// The stock.
    pub instrument: Instrument,
    /// What to do. A BUY or SELL below the confidence threshold is already HOLD here.
    pub action: Action,
    /// How sure; kept as judged even when the action became HOLD.
    pub confidence: Confidence,
    /// Why, in words; at most [`Decision::RATIONALE_MAX_CHARS`].
    pub rationale: String,
    /// The price the judgement was made at, if one was known.
    pub price: Option<Price>,
    /// Why the stock was looked at.
    pub selection: Option<SelectionContext>,
    /// When.
    pub at: DateTime<Utc>,
    /// The market's session date.
    pub session_date: NaiveDate,
    /// Who judged: `rules`, or the model's name.
    pub judge: String,
}

impl Decision {
    /// Longest rationale kept; longer ones are cut.
    pub const RATIONALE_MAX_CHARS: usize = 500;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_is_a_whole_number_from_0_to_100() {
        assert_eq!(Confidence::new(100).unwrap().get(), 100);
        for value in [-1, 101, 999, i64::MAX] {
            assert_eq!(Confidence::new(value), Err(InvalidConfidence(value)));
        }
    }

    #[test]
    fn a_selection_context_has_the_seeds_four_keys_and_no_invented_numbers() {
        let full = SelectionContext {
            rsi: Some("28.5".parse().unwrap()),
            volume_ratio: Some("2.1".parse().unwrap()),
            rsi_proxy: None,
            volume_ratio_proxy: None,
            signal: Signal::Oversold,
            score: "72.5".parse().unwrap(),
        };
        let json = serde_json::to_string(&full).unwrap();
        assert_eq!(json, r#"{"rsi":28.5,"volume_ratio":2.1,"signal":"oversold","score":72.5}"#);
        assert_eq!(serde_json::from_str::<SelectionContext>(&json).unwrap(), full, "and is read back");
        let absent = SelectionContext { rsi: None, volume_ratio: None, ..full };
        assert_eq!(serde_json::to_string(&absent).unwrap(), r#"{"signal":"oversold","score":72.5}"#);
    }
}
