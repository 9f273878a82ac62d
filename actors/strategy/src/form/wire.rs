//! A strategy as it stands in files, answers of models and records, before its limits are checked.
//!
//! All fields are there, nothing else is, and what may be nothing is null: what every provider of models can hold an answer
//! to. The first lines of comments become the descriptions of the schema.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::feature::Feature;

/// A rule set that buys and sells one stock at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StrategyWire {
    /// Name of the strategy, e.g. s-0001: letters, digits, '-' and '_'.
    pub id: String,
    /// Name of the strategy that it was made from, or null.
    #[serde(deserialize_with = "nullable")]
    pub parent_id: Option<String>,
    /// Why it should earn money, in one or two sentences.
    pub hypothesis: String,
    /// What is bought; shares are never sold short.
    pub side: Side,
    /// When it buys.
    pub entry: EntryWire,
    /// When it sells.
    pub exit: ExitWire,
    /// How much it buys.
    pub sizing: SizingWire,
}

/// Which side of the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Shares are bought, held and sold.
    Long,
}

/// It buys at the bar at which the weights of the terms that hold reach the score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntryWire {
    /// The score to reach, above 0, at most 100.
    pub min_score: f64,
    /// 1 to 16 terms.
    pub terms: Vec<TermWire>,
}

/// It adds its weight to the score when all of its predicates hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TermWire {
    /// -100 to 100, not 0; in thousandths.
    pub weight: f64,
    /// 1 to 4 predicates.
    pub all_of: Vec<PredicateWire>,
}

/// A feature compared with a constant or with another feature of the same unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PredicateWire {
    /// What is compared.
    pub feature: Feature,
    /// How many bars before the present one the feature is read, 0 to 60.
    pub lag: i64,
    /// The comparison.
    pub op: Operator,
    /// Whether it is compared with rhs_value or with rhs_feature.
    pub rhs_kind: RightKind,
    /// The other feature, at the present bar; null when rhs_kind is value.
    #[serde(deserialize_with = "nullable")]
    pub rhs_feature: Option<Feature>,
    /// The constant, within the feature's bounds; 0 when rhs_kind is feature.
    pub rhs_value: f64,
}

/// How two numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// Below.
    Lt,
    /// At most.
    Le,
    /// Above.
    Gt,
    /// At least.
    Ge,
}

/// What stands on the right of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RightKind {
    /// A constant.
    Value,
    /// A feature.
    Feature,
}

/// It sells at the first of these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExitWire {
    /// 0 to 8 predicates; one that holds is enough.
    pub any_of: Vec<PredicateWire>,
    /// Sell when the close is so many average true ranges below the price paid, 0.1 to 50, or null.
    #[serde(deserialize_with = "nullable")]
    pub stop_atr: Option<f64>,
    /// Sell when the close is so many average true ranges above the price paid, 0.1 to 50, or null.
    #[serde(deserialize_with = "nullable")]
    pub take_atr: Option<f64>,
    /// Sell when the close is so many average true ranges below the highest close since the purchase, 0.1 to 50, or null.
    #[serde(deserialize_with = "nullable")]
    pub trailing_atr: Option<f64>,
    /// Sell after so many bars at the latest, 1 to 250.
    pub max_hold_bars: i64,
}

/// How much one purchase is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SizingWire {
    /// Percent of the equity in the stock's currency, above 0, at most 30.
    pub fraction_pct: f64,
}

/// A field that may be null but has to be there.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(from)
}
