//! The strategy that the local rule engine starts with.
//!
//! Sells come first, so a holding is looked after before anything is bought. The confidences are judgements, not
//! statistics; each rule's own stay at 80 or above, because a rule below the default threshold would never act.

use domain::{Action, Confidence};
use rust_decimal::Decimal;

use crate::features::Feature;
use crate::rule::{Comparison, Expression, Rule, Strategy};

/// The operator's numbers behind the default rules.
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

impl Thresholds {
    /// The same numbers inside the bounds of their features.
    fn bounded(self) -> Self {
        let within = |feature: Feature, value: Decimal| {
            let (low, high) = feature.bounds();
            value.clamp(Decimal::from(low), Decimal::from(high))
        };
        Self {
            rsi_oversold: within(Feature::Rsi14, self.rsi_oversold),
            rsi_momentum: within(Feature::Rsi14, self.rsi_momentum),
            volume_multiplier: within(Feature::VolumeRatio, self.volume_multiplier),
        }
    }
}

impl Strategy {
    /// The rules of the local engine: protect and cash in holdings, buy reversals and confirmed moves, else hold.
    pub fn default_rules(thresholds: Thresholds) -> Self {
        let thresholds = thresholds.bounded();
        let rules = exits(&thresholds).into_iter().chain(entries(&thresholds)).flatten().collect();
        Self::of_known_rules("default", rules)
    }
}

fn exits(thresholds: &Thresholds) -> [Option<Rule>; 5] {
    use Comparison::{Above, AtLeast, AtMost, Below};
    use Feature::{ChangePct, FromHighPct, HoldingPnlPct, Rsi14, Sma20DistancePct};
    let tenths = |value| Decimal::new(value, 1);
    let sell = |name, reason, confidence, parts| rule(name, reason, Action::Sell, confidence, true, parts);
    let is = Expression::is;
    [
        sell("stop", "The holding lost too much", 92, vec![is(HoldingPnlPct, AtMost, tenths(-20))]),
        sell(
            "take_profit",
            "The holding reached its profit goal",
            88,
            vec![is(HoldingPnlPct, AtLeast, tenths(30))],
        ),
        sell(
            "exhausted_momentum",
            "The stock ran hot and is turning down while the holding is in profit",
            85,
            vec![
                is(Rsi14, Above, thresholds.rsi_momentum),
                is(ChangePct, Below, tenths(0)),
                is(HoldingPnlPct, Above, tenths(0)),
            ],
        ),
        sell(
            "fading",
            "The stock gives back its gains of the day while the holding is in profit",
            83,
            vec![is(HoldingPnlPct, AtLeast, tenths(10)), is(FromHighPct, AtMost, tenths(-10))],
        ),
        sell(
            "broken_trend",
            "The holding is under water and the stock fell below its average",
            82,
            vec![
                is(HoldingPnlPct, AtMost, tenths(-10)),
                is(ChangePct, AtMost, tenths(-10)),
                is(Sma20DistancePct, Below, tenths(0)),
            ],
        ),
    ]
}

fn entries(thresholds: &Thresholds) -> [Option<Rule>; 4] {
    use Comparison::{Above, AtLeast, AtMost, Below};
    use Feature::{ChangePct, MovePct, Rsi14, Sma20DistancePct, VolumeRatio};
    let buy = |name, reason, confidence, parts| rule(name, reason, Action::Buy, confidence, false, parts);
    let is = Expression::is;
    let tenths = |value| Decimal::new(value, 1);
    let oversold = || is(Rsi14, Below, thresholds.rsi_oversold);
    let busy = || is(VolumeRatio, AtLeast, thresholds.volume_multiplier);
    [
        buy(
            "oversold_with_volume",
            "The stock is oversold, no longer falling, and buyers are active",
            88,
            vec![oversold(), busy(), is(ChangePct, AtLeast, tenths(0))],
        ),
        buy(
            "oversold_reversal",
            "The stock is oversold and turning up",
            83,
            vec![oversold(), is(ChangePct, AtLeast, tenths(5))],
        ),
        buy(
            "momentum",
            "The stock has momentum and the volume confirms it",
            86,
            vec![
                is(Rsi14, Above, thresholds.rsi_momentum),
                busy(),
                is(ChangePct, AtLeast, tenths(10)),
                is(MovePct, AtMost, tenths(120)),
            ],
        ),
        buy(
            "trend_breakout",
            "The stock moves up strongly above its average without being overbought",
            81,
            vec![
                is(ChangePct, AtLeast, tenths(20)),
                is(ChangePct, AtMost, tenths(120)),
                is(Sma20DistancePct, Above, tenths(0)),
                is(Rsi14, AtMost, thresholds.rsi_momentum),
            ],
        ),
    ]
}

/// A rule for held or for not held stocks; every confidence here is valid, which the tests prove.
fn rule(
    name: &str,
    reason: &str,
    action: Action,
    confidence: i64,
    held: bool,
    mut parts: Vec<Expression>,
) -> Option<Rule> {
    parts.push(Expression::is(Feature::Held, Comparison::Equals, i64::from(held)));
    let confidence = Confidence::new(confidence).ok()?;
    let when = Expression::All(parts);
    Some(Rule { name: name.to_owned(), reason: reason.to_owned(), when, action, confidence })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::Features;

    type Case<'a> = (&'a [(Feature, &'a str)], Option<&'a str>);

    fn judged(values: &[(Feature, &str)]) -> Option<(String, Action, u8)> {
        let mut features = Features::default();
        for (feature, value) in values {
            features.set(*feature, Some(value.parse().unwrap()));
        }
        let found = Strategy::default_rules(Thresholds::default()).judge(&features)?;
        Some((found.rule, found.action, found.confidence.get()))
    }

    #[test]
    fn the_default_rules_keep_every_limit_whatever_the_thresholds() {
        let wild = Thresholds {
            rsi_oversold: Decimal::from(-5),
            rsi_momentum: Decimal::from(500),
            volume_multiplier: Decimal::MAX,
        };
        for thresholds in [Thresholds::default(), wild] {
            let strategy = Strategy::default_rules(thresholds);
            assert_eq!(strategy.rules().len(), 9);
            assert!(strategy.rules().iter().all(|rule| rule.confidence.get() >= 80));
            assert_eq!(Strategy::new("default", strategy.rules().to_vec()), Ok(strategy));
        }
    }

    #[test]
    fn holdings_are_sold_at_the_stop_the_goal_and_when_momentum_ends() {
        use Feature::{ChangePct, FromHighPct, Held, HoldingPnlPct, Rsi14, Sma20DistancePct};
        let cases: [Case<'_>; 8] = [
            (&[(Held, "1"), (HoldingPnlPct, "-2")], Some("stop")),
            (&[(Held, "1"), (HoldingPnlPct, "3")], Some("take_profit")),
            (
                &[(Held, "1"), (HoldingPnlPct, "1"), (Rsi14, "75"), (ChangePct, "-0.1")],
                Some("exhausted_momentum"),
            ),
            (
                &[(Held, "1"), (HoldingPnlPct, "-1.9"), (ChangePct, "-1"), (Sma20DistancePct, "-3")],
                Some("broken_trend"),
            ),
            (&[(Held, "1"), (HoldingPnlPct, "1"), (Rsi14, "50"), (ChangePct, "5")], None),
            (&[(Held, "1"), (HoldingPnlPct, "1"), (FromHighPct, "-1")], Some("fading")),
            (&[(Held, "1"), (HoldingPnlPct, "0.9"), (FromHighPct, "-5")], None),
            (&[(Held, "1"), (ChangePct, "-20")], None),
        ];
        for (values, rule) in cases {
            let found = judged(values);
            assert_eq!(found.as_ref().map(|found| found.0.as_str()), rule, "{values:?}");
            assert!(found.is_none_or(|found| found.1 == Action::Sell && found.2 >= 80));
        }
    }

    #[test]
    fn stocks_that_are_not_held_are_bought_on_reversals_and_confirmed_moves() {
        use Feature::{ChangePct, Held, MovePct, Rsi14, Sma20DistancePct, VolumeRatio};
        let free = (Held, "0");
        let cases: [Case<'_>; 7] = [
            (&[free, (Rsi14, "25"), (ChangePct, "0.1"), (VolumeRatio, "2")], Some("oversold_with_volume")),
            (&[free, (Rsi14, "25"), (ChangePct, "0.6")], Some("oversold_reversal")),
            (&[free, (Rsi14, "75"), (ChangePct, "2"), (VolumeRatio, "3"), (MovePct, "4")], Some("momentum")),
            (&[free, (Rsi14, "60"), (ChangePct, "3"), (Sma20DistancePct, "2")], Some("trend_breakout")),
            (&[free, (Rsi14, "25"), (ChangePct, "-1"), (VolumeRatio, "3")], None),
            (&[free, (ChangePct, "3"), (Sma20DistancePct, "2")], None),
            (&[(Rsi14, "25"), (ChangePct, "1")], None),
        ];
        for (values, rule) in cases {
            let found = judged(values);
            assert_eq!(found.as_ref().map(|found| found.0.as_str()), rule, "{values:?}");
            assert!(found.is_none_or(|found| found.1 == Action::Buy && found.2 >= 80));
        }
    }
}
