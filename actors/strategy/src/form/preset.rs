//! The strategy that a market is traded by until a proposal takes its place.
//!
//! It buys what is oversold and turns up, and what moves up with the volume to confirm it; it sells at a small loss, at a small
//! profit, when the day turns against it, and after ten bars. Each term alone reaches the score.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::feature::Feature;
use super::number::{Number, Weight};
use super::wire::{Operator, Side};
use super::{Entry, Exit, FRACTION_PCT_MAX, Predicate, Right, Strategy, Term};

/// The operator's numbers behind the default strategy and behind a candidate's signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// `RSI_OVERSOLD_THRESHOLD`, 0 to 100: below it a stock counts as oversold.
    pub rsi_oversold: Decimal,
    /// `RSI_MOMENTUM_THRESHOLD`, 0 to 100: above it a stock has momentum.
    pub rsi_momentum: Decimal,
    /// `VOL_MULTIPLIER`: from this volume ratio on the volume confirms a move.
    pub volume_multiplier: Decimal,
}

impl Default for Thresholds {
    /// The seed's defaults: 30, 70 and twice the usual volume.
    fn default() -> Self {
        Self {
            rsi_oversold: Decimal::from(30),
            rsi_momentum: Decimal::from(70),
            volume_multiplier: Decimal::TWO,
        }
    }
}

/// The score to reach, in thousandths.
const MIN_SCORE: i32 = 2_000;
/// The longest holding, in bars.
const HOLD_BARS: u16 = 10;

impl Strategy {
    /// The default strategy; thresholds beyond what their features can be count as the nearest that they can.
    pub fn by_default(thresholds: Thresholds) -> Self {
        let mut any_of = vec![
            is(Feature::HoldingPnlPct, Operator::Le, -2.0),
            is(Feature::HoldingPnlPct, Operator::Ge, 3.0),
            is(Feature::Roc1, Operator::Le, -2.0),
        ];
        any_of.sort();
        let (stop_atr, take_atr, trailing_atr, max_hold_bars) = (None, None, None, HOLD_BARS);
        let hypothesis = "Oversold stocks that turn up recover, and a move that the volume confirms goes on, for a few days.";
        Self {
            id: "default".to_owned(),
            parent_id: None,
            hypothesis: hypothesis.to_owned(),
            side: Side::Long,
            entry: Entry { min_score: Weight::of_thousandths(MIN_SCORE), terms: terms(thresholds) },
            exit: Exit { any_of, stop_atr, take_atr, trailing_atr, max_hold_bars },
            fraction_pct: Number::new(FRACTION_PCT_MAX).unwrap_or(Number::ZERO),
        }
    }
}

fn terms(thresholds: Thresholds) -> Vec<Term> {
    use Operator::{Ge, Gt, Le, Lt};
    let of = |value: Decimal| value.to_f64().unwrap_or_default();
    let oversold = || is(Feature::Rsi14, Lt, of(thresholds.rsi_oversold));
    let momentum = of(thresholds.rsi_momentum);
    let busy = || is(Feature::VolumeRatio20, Ge, of(thresholds.volume_multiplier));
    let change = |operator, pct| is(Feature::Roc1, operator, pct);
    let mut terms = vec![
        term(2_800, vec![oversold(), busy(), change(Ge, 0.0)]),
        term(2_300, vec![oversold(), change(Ge, 0.5)]),
        term(
            2_600,
            vec![is(Feature::Rsi14, Gt, momentum), busy(), change(Ge, 1.0), is(Feature::MovePct, Le, 12.0)],
        ),
        term(
            2_100,
            vec![
                change(Ge, 2.0),
                change(Le, 12.0),
                is(Feature::Sma20DistancePct, Gt, 0.0),
                is(Feature::Rsi14, Le, momentum),
            ],
        ),
    ];
    terms.sort();
    terms
}

fn term(thousandths: i32, mut all_of: Vec<Predicate>) -> Term {
    all_of.sort();
    Term { all_of, weight: Weight::of_thousandths(thousandths) }
}

fn is(feature: Feature, operator: Operator, value: f64) -> Predicate {
    let value = feature.clamp(value).unwrap_or(Number::ZERO);
    Predicate { feature, lag: 0, operator, right: Right::Value(value) }
}
