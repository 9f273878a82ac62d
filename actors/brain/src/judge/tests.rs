//! Rules, offers and the threshold.

use domain::{Instrument, Market, Price, SelectionContext, Signal};
use rust_decimal::Decimal;
use strategy::{Feature, Thresholds};

use super::*;

/// A candidate of which is told whether it is held, if it is.
fn candidate(held: bool, is_told: bool, features: &[(Feature, &str)]) -> Candidate {
    let told = is_told.then(|| ("held".to_owned(), Decimal::from(u8::from(held))));
    let features =
        features.iter().map(|(feature, value)| (feature.name().to_owned(), value.parse().unwrap()));
    let features = told.into_iter().chain(features).collect();
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
    let past = std::sync::Arc::default();
    Candidate { instrument, name: "Name".to_owned(), price, selection, features, past, held, quote: None }
}

fn judged(action: Action, confidence: i64) -> Judgement {
    Judgement { action, confidence: Confidence::new(confidence).unwrap(), rationale: "r".to_owned() }
}

#[test]
fn the_rules_buy_what_is_oversold_and_hold_what_they_do_not_know() {
    let strategy = Strategy::by_default(Thresholds::default());
    let oversold = [(Feature::Rsi14, "25"), (Feature::Roc1, "1")];
    assert_eq!(by_rules(&strategy, &candidate(false, true, &oversold), None).action, Action::Buy);
    let unknown = by_rules(&strategy, &candidate(false, false, &oversold), None);
    assert_eq!((unknown.action, unknown.confidence), (Action::Hold, Confidence::ZERO));
    assert_eq!(unknown.rationale, "whether the stock is held is not known");
    let rising =
        by_rules(&strategy, &candidate(false, true, &[(Feature::Rsi14, "31.2"), (Feature::Roc1, "1")]), None);
    let nearest = "score 0.0 of 2.0; nearest is +2.3 if ";
    assert!(rising.rationale.starts_with(nearest), "{}", rising.rationale);
    assert!(
        rising.rationale.ends_with("RSI14 < 30 needs more than 1.2 less, it is 31.2"),
        "{}",
        rising.rationale
    );
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
        let settled = settle(judged(action, confidence), offered(&candidate(held, true, &[])), threshold);
        assert_eq!(settled.action, expected, "{action} at {confidence}, held: {held}");
        assert_eq!(i64::from(settled.confidence), confidence, "the confidence stays as judged");
    }
}

#[test]
fn a_recorded_reason_is_short_and_visible() {
    let long = Judgement { rationale: format!("a\nb{}", "x".repeat(900)), ..judged(Action::Buy, 90) };
    let settled = settle(long, offered(&candidate(true, true, &[])), Confidence::ZERO);
    assert_eq!(settled.rationale.chars().count(), Decision::RATIONALE_MAX_CHARS);
    assert!(settled.rationale.starts_with("BUY was not offered, only SELL or HOLD: a b"), "{settled:?}");
}

#[test]
fn nothing_is_offered_while_nobody_knows_whether_the_stock_is_held() {
    let blind = settle(judged(Action::Buy, 95), offered(&candidate(false, false, &[])), Confidence::ZERO);
    assert_eq!((blind.action, blind.rationale.as_str()), (Action::Hold, "BUY was not offered, only HOLD: r"));
}
