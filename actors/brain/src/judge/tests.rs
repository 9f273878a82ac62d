//! Rules, offers and the threshold.

use domain::{Instrument, Market, Price, SelectionContext, Signal};
use rust_decimal::Decimal;
use strategy::Thresholds;

use super::*;

fn candidate(held: bool, features: &[(Feature, &str)]) -> Candidate {
    let features =
        features.iter().map(|(feature, value)| (feature.name().to_owned(), value.parse().unwrap())).collect();
    let selection = SelectionContext {
        rsi: None,
        volume_ratio: None,
        rsi_proxy: None,
        volume_ratio_proxy: None,
        signal: Signal::Neutral,
        score: Decimal::TEN,
    };
    let instrument = Instrument { market: Market::Kr, symbol: "005930".parse().unwrap() };
    let price = Price::new(Decimal::ONE_HUNDRED).unwrap();
    Candidate { instrument, name: "Name".to_owned(), price, selection, features, held, quote: None }
}

fn judged(action: Action, confidence: i64) -> Judgement {
    Judgement { action, confidence: Confidence::new(confidence).unwrap(), rationale: "r".to_owned() }
}

#[test]
fn the_rules_buy_what_is_oversold_and_hold_what_they_do_not_know() {
    let strategy = Strategy::default_rules(Thresholds::default());
    let oversold = [(Feature::Held, "0"), (Feature::Rsi14, "25"), (Feature::ChangePct, "1")];
    assert_eq!(by_rules(&strategy, &candidate(false, &oversold)).action, Action::Buy);
    let unknown = by_rules(&strategy, &candidate(false, &oversold[1..]));
    assert_eq!((unknown.action, unknown.confidence), (Action::Hold, Confidence::ZERO));
    assert_eq!(unknown.rationale, "No rule applies (RSI(14) 25, change today 1 %)");
}

#[test]
fn an_action_must_be_offered_and_sure_enough() {
    let threshold = Confidence::new(80).unwrap();
    let cases = [
        (false, Action::Buy, 80, Action::Buy),
        (false, Action::Buy, 79, Action::Hold),
        (false, Action::Sell, 99, Action::Hold),
        (true, Action::Sell, 80, Action::Sell),
        (true, Action::Buy, 99, Action::Hold),
        (true, Action::Hold, 10, Action::Hold),
    ];
    for (held, action, confidence, expected) in cases {
        let features: &[_] = if held { &[] } else { &[(Feature::Held, "0")] };
        let settled = settle(judged(action, confidence), offered(&candidate(held, features)), threshold);
        assert_eq!(settled.action, expected, "{action} at {confidence}, held: {held}");
        assert_eq!(i64::from(settled.confidence), confidence, "the confidence stays as judged");
    }
}

#[test]
fn a_recorded_reason_is_short_and_visible() {
    let long = Judgement { rationale: format!("a\nb{}", "x".repeat(900)), ..judged(Action::Buy, 90) };
    let settled = settle(long, offered(&candidate(true, &[])), Confidence::ZERO);
    assert_eq!(settled.rationale.chars().count(), Decision::RATIONALE_MAX_CHARS);
    assert!(settled.rationale.starts_with("BUY was not offered, only SELL or HOLD: a b"), "{settled:?}");
}

#[test]
fn nothing_is_offered_while_nobody_knows_whether_the_stock_is_held() {
    let blind = settle(judged(Action::Buy, 95), offered(&candidate(false, &[])), Confidence::ZERO);
    assert_eq!((blind.action, blind.rationale.as_str()), (Action::Hold, "BUY was not offered, only HOLD: r"));
}
