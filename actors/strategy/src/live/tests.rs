//! What is known when, and what is not made up.

use domain::{Instrument, Market, Quantity};

use super::*;

const ALL_TOLD: Told = Told { open: true, range: true, volume: true };

fn of_stock() -> Vec<Feature> {
    Feature::ALL.iter().copied().filter(|feature| !feature.is_of_holding()).collect()
}

/// Days whose closes rise by 1 from 1,000.
fn rising(count: i64) -> Vec<DayBar> {
    let first = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
    let day = |(index, session_date): (i64, chrono::NaiveDate)| {
        let close = (1_000 + index) * 1_000_000;
        let (high_micros, low_micros) = (close + 10_000_000, close - 10_000_000);
        DayBar { session_date, open_micros: close, high_micros, low_micros, close_micros: close, volume: 100 }
    };
    (0..count).zip(first.iter_days()).map(day).collect()
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
        assert_eq!(feature.name().parse::<Feature>().as_ref(), Ok(feature));
    }
    let error = "tomorrow_close".parse::<Feature>().unwrap_err().to_string();
    assert!(error.contains("'tomorrow_close'") && error.contains("rsi_14"), "{error}");
}

#[test]
fn rsi_and_atr_need_200_bars_and_are_absent_before() {
    for (count, known) in [(20, false), (199, false), (200, true), (250, true)] {
        let features = Features::of_days(&rising(count), ALL_TOLD, &of_stock());
        assert_eq!(features.get(Feature::Rsi14).is_some(), known, "{count} bars");
        assert_eq!(features.get(Feature::Atr14Pct).is_some(), known, "{count} bars");
        assert!(features.get(Feature::Sma20DistancePct).is_some());
    }
    assert_eq!(Features::of_days(&[], ALL_TOLD, &of_stock()), Features::default());
}

#[test]
fn what_was_not_told_of_the_day_takes_what_follows_from_it() {
    let days = rising(260);
    let known = |told| {
        let features = Features::of_days(&days, told, &of_stock());
        [
            Feature::Roc1,
            Feature::Rsi14,
            Feature::GapPct,
            Feature::RangePct,
            Feature::Adx14,
            Feature::FromHigh252Pct,
            Feature::VolumeZ20,
            Feature::VolumeRatio20,
            Feature::Mfi14,
        ]
        .map(|feature| features.get(feature).is_some())
    };
    let all = |mut known: [bool; 9]| {
        // The volume is the same on every day, so it deviates from nothing.
        known[6] = true;
        known
    };
    assert_eq!(all(known(ALL_TOLD)), [true; 9]);
    let none = Told { open: false, range: false, volume: false };
    assert_eq!(known(none), [true, true, false, false, false, false, false, false, false]);
    let range = Told { range: true, ..none };
    assert_eq!(known(range), [true, true, false, true, true, true, false, false, false]);
    let moved = Features::of_days(&days, none, &of_stock());
    assert_eq!(
        moved.get(Feature::MovePct),
        moved.get(Feature::Roc1),
        "the change is what is left of the move"
    );
}

#[test]
fn a_live_row_replaces_only_what_it_tells() {
    let bars = Features::of_days(&rising(30), ALL_TOLD, &of_stock());
    let live = LiveRow { change_pct: Some(Decimal::from(-7)), ..LiveRow::default() };
    let features = bars.clone().with_live(live);
    assert_eq!(features.get(Feature::Roc1), Some(Decimal::from(-7)));
    assert_eq!(features.get(Feature::MovePct), Some(Decimal::from(7)));
    assert_eq!(features.get(Feature::VolumeRatio20), bars.get(Feature::VolumeRatio20));
}

#[test]
fn the_profit_of_a_holding_is_known_only_with_both_prices() {
    let cases = [
        (Some(holding(Some("100"), Some("110"), 5)), true, Some("10")),
        (Some(holding(Some("2000"), Some("1000"), 5)), true, Some("-50")),
        (Some(holding(Some("2000"), None, 5)), true, None),
        (Some(holding(None, Some("110"), 5)), true, None),
        (Some(holding(Some("100"), Some("110"), 0)), false, None),
        (None, false, None),
    ];
    for (holding, held, profit) in cases {
        let features = Features::default().with_holding(holding.as_ref());
        assert_eq!(features.held(), Some(held));
        assert_eq!(features.get(Feature::HoldingPnlPct), profit.map(|text| text.parse().unwrap()));
    }
}

#[test]
fn features_survive_the_journey_by_name() {
    let live = LiveRow { score: Some(Decimal::TEN), ..LiveRow::default() };
    let features = Features::of_days(&rising(250), ALL_TOLD, &of_stock()).with_live(live).with_holding(None);
    let mut named = features.to_named();
    assert_eq!(Features::from_named(&named), features);
    named.push(("tomorrow_close".to_owned(), Decimal::ONE));
    assert_eq!(Features::from_named(&named), features);
}
