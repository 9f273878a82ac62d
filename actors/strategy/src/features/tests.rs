//! The vocabulary and what is known when.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Instrument, Market, Quantity};

use super::*;

fn rising(count: i64) -> Vec<Candle> {
    let start = DateTime::<Utc>::UNIX_EPOCH;
    let price = |value: i64| Price::new(Decimal::from(value)).unwrap();
    (0..count)
        .map(|day| {
            let close = 1_000 + day;
            let prices = [price(close), price(close + 10), price(close - 10), price(close)];
            Candle::new(start + TimeDelta::days(day), prices, 100).unwrap()
        })
        .collect()
}

fn holding(average: Option<&str>, price: Option<&str>, shares: u64) -> Holding {
    let instrument = Instrument { market: Market::Kr, symbol: "005930".parse().unwrap() };
    let read = |text: Option<&str>| text.map(|text| text.parse().unwrap());
    let quantity = Quantity::new(shares);
    Holding { instrument, quantity, sellable: quantity, average_price: read(average), price: read(price) }
}

#[test]
fn every_feature_is_read_back_from_its_own_name() {
    for feature in Feature::ALL {
        assert_eq!(feature.name().parse::<Feature>(), Ok(feature));
        let (low, high) = feature.bounds();
        assert!(low < high);
    }
    let error = "tomorrow_close".parse::<Feature>().unwrap_err().to_string();
    assert!(error.contains("'tomorrow_close'") && error.contains("rsi_14"), "{error}");
}

#[test]
fn rsi_and_atr_need_200_bars_and_are_absent_before() {
    for (count, known) in [(20, false), (199, false), (200, true), (250, true)] {
        let features = Features::of_bars(&rising(count));
        assert_eq!(features.get(Feature::Rsi14).is_some(), known, "{count} bars");
        assert_eq!(features.get(Feature::Atr14Pct).is_some(), known, "{count} bars");
        assert!(features.get(Feature::Price).is_some());
    }
    assert_eq!(Features::of_bars(&[]), Features::default());
}

#[test]
fn a_live_row_replaces_only_what_it_tells() {
    let bars = Features::of_bars(&rising(30));
    let live = LiveRow { change_pct: Some(Decimal::from(-7)), ..LiveRow::default() };
    let features = bars.clone().with_live(live);
    assert_eq!(features.get(Feature::ChangePct), Some(Decimal::from(-7)));
    assert_eq!(features.get(Feature::MovePct), Some(Decimal::from(7)));
    assert_eq!(features.get(Feature::VolumeRatio), bars.get(Feature::VolumeRatio));
}

#[test]
fn the_profit_of_a_holding_is_known_only_with_both_prices() {
    let base = || Features::of_bars(&rising(1));
    let cases = [
        (Some(holding(Some("100"), Some("110"), 5)), "1", Some("10")),
        (Some(holding(Some("2000"), None, 5)), "1", Some("-50")),
        (Some(holding(None, Some("110"), 5)), "1", None),
        (Some(holding(Some("100"), Some("110"), 0)), "0", None),
        (None, "0", None),
    ];
    for (held, flag, profit) in cases {
        let features = base().with_holding(held.as_ref());
        assert_eq!(features.get(Feature::Held), Some(flag.parse().unwrap()));
        assert_eq!(features.get(Feature::HoldingPnlPct), profit.map(|text| text.parse().unwrap()));
    }
}

#[test]
fn features_survive_the_journey_by_name() {
    let features = Features::of_bars(&rising(250));
    let mut named = features.to_named();
    assert_eq!(Features::from_named(&named), features);
    named.push(("tomorrow_close".to_owned(), Decimal::ONE));
    assert_eq!(Features::from_named(&named), features);
}
