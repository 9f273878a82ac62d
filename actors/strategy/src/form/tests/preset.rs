//! The default strategy: lawful, in canonical form, and what it trades on.

use domain::Action;
use rust_decimal::Decimal;

use super::super::{Feature, Moment, Strategy, Thresholds};
use crate::live::{Features, LiveRow};

type Values<'a> = &'a [(Feature, &'a str)];

fn judged(held: bool, values: Values<'_>) -> (Action, u8) {
    let mut named = vec![("held".to_owned(), Decimal::from(u8::from(held)))];
    named.extend(values.iter().map(|(feature, value)| (feature.name().to_owned(), value.parse().unwrap())));
    let now = Features::from_named(&named).with_live(LiveRow::default());
    let moment = Moment { now: &now, price: Decimal::ONE_HUNDRED, past: &[], bought: None };
    let advice = Strategy::by_default(Thresholds::default()).judge(&moment);
    (advice.action, advice.confidence.get())
}

#[test]
fn the_default_strategy_is_a_lawful_one_whatever_the_thresholds() {
    let wild = Thresholds {
        rsi_oversold: Decimal::from(-5),
        rsi_momentum: Decimal::from(500),
        volume_multiplier: Decimal::MAX,
    };
    for thresholds in [Thresholds::default(), wild] {
        let strategy = Strategy::by_default(thresholds);
        assert_eq!(Strategy::from_json(&strategy.to_json()), Ok(strategy));
    }
    let strategy = Strategy::by_default(Thresholds::default());
    assert_eq!((strategy.bars_needed(), strategy.days_wanted()), (200, 200));
}

#[test]
fn the_default_strategy_in_words() {
    let words = Strategy::by_default(Thresholds::default()).words();
    let expected = "\
default
  because: Oversold stocks that turn up recover, and a move that the volume confirms goes on, for a few days.
buy at a score of 2.0 or more
  +2.1 if change over 1 bar <= 12 % and change over 1 bar >= 2 % and distance from the 20-bar average > 0 % and RSI14 <= 70
  +2.6 if change over 1 bar >= 1 % and move of the bar <= 12 % and RSI14 > 70 and volume ratio >= 2x
  +2.8 if change over 1 bar >= 0 % and RSI14 < 30 and volume ratio >= 2x
  +2.3 if change over 1 bar >= 0.5 % and RSI14 < 30
sell at the first of
  change over 1 bar <= -2 %
  profit of the holding <= -2 %
  profit of the holding >= 3 %
  10 bars held
one purchase is 30 % of the equity
";
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&words), sorted(expected), "{words}");
}

#[test]
fn stocks_that_are_not_held_are_bought_on_reversals_and_confirmed_moves() {
    use Feature::{Roc1, Rsi14, Sma20DistancePct, VolumeRatio20};
    let cases: [(Values<'_>, Option<u8>); 8] = [
        (&[(Rsi14, "25"), (Roc1, "0.1"), (VolumeRatio20, "2")], Some(81)),
        (&[(Rsi14, "25"), (Roc1, "0.6")], Some(80)),
        (&[(Rsi14, "25"), (Roc1, "0.6"), (VolumeRatio20, "2")], Some(87)),
        (&[(Rsi14, "75"), (Roc1, "2"), (VolumeRatio20, "3")], Some(81)),
        (&[(Rsi14, "60"), (Roc1, "3"), (Sma20DistancePct, "2")], Some(80)),
        (&[(Rsi14, "25"), (Roc1, "-1"), (VolumeRatio20, "3")], None),
        (&[(Roc1, "3"), (Sma20DistancePct, "2")], None),
        (&[(Rsi14, "75"), (Roc1, "14"), (VolumeRatio20, "3")], None),
    ];
    for (values, sure) in cases {
        let expected = sure.map_or((Action::Hold, 0), |sure| (Action::Buy, sure));
        assert_eq!(judged(false, values), expected, "{values:?}");
    }
}

#[test]
fn holdings_are_sold_at_the_stop_at_the_goal_and_when_the_day_turns_against_them() {
    use Feature::{HoldingPnlPct, Roc1, Rsi14};
    let cases: [(Values<'_>, bool); 6] = [
        (&[(HoldingPnlPct, "-2")], true),
        (&[(HoldingPnlPct, "3")], true),
        (&[(HoldingPnlPct, "1"), (Roc1, "-2.5")], true),
        (&[(Roc1, "-20")], true),
        (&[(HoldingPnlPct, "1"), (Rsi14, "50"), (Roc1, "5")], false),
        (&[], false),
    ];
    for (values, sells) in cases {
        let expected = if sells { (Action::Sell, 99) } else { (Action::Hold, 0) };
        assert_eq!(judged(true, values), expected, "{values:?}");
    }
}
