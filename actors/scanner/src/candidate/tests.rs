//! What is known about a stock, and what must not be invented.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Market, Quantity};

use super::*;

fn stock(symbol: &str) -> Instrument {
    Instrument { market: Market::UsNasdaq, symbol: symbol.parse().unwrap() }
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn row(change: &str, last: &str, volume_ratio: Option<&str>) -> RankedRow {
    let stock = RankedStock {
        instrument: stock("AAPL"),
        name: "Apple".to_owned(),
        price: Some(price(last)),
        change_pct: Some(change.parse().unwrap()),
        volume_ratio: volume_ratio.map(|text| text.parse().unwrap()),
    };
    RankedRow { stock, volume_index: Some(0) }
}

fn holding(symbol: &str, shares: u64) -> Holding {
    let quantity = Quantity::new(shares);
    let instrument = stock(symbol);
    Holding {
        instrument,
        quantity,
        sellable: quantity,
        average_price: Some(price("100")),
        price: Some(price("99")),
    }
}

fn quote(last: &str, high: Option<&str>, low: Option<&str>, volume: Option<u64>) -> Quote {
    Quote {
        instrument: stock("AAPL"),
        at: "2026-11-24T15:00:00Z".parse().unwrap(),
        last: price(last),
        open: None,
        high: high.map(price),
        low: low.map(price),
        change_pct: None,
        volume,
        bid: None,
        ask: None,
        rules: domain::StockRules::default(),
    }
}

fn history(days: i64) -> Vec<Candle> {
    let start: DateTime<Utc> = "2026-01-05T14:30:00Z".parse().unwrap();
    let bar = |day| Candle::new(start + TimeDelta::days(day), ["100"; 4].map(price), 1_000).unwrap();
    (0..days).map(bar).collect()
}

fn measured(prospect: &Prospect, history: &[Candle], quote: Option<&Quote>) -> Option<(Standing, Candidate)> {
    let seen = Observation { history, quote, account_known: true };
    measure(prospect, seen, &Thresholds::default())
}

fn feature(candidate: &Candidate, feature: Feature) -> Option<Decimal> {
    Features::from_named(&candidate.features).get(feature)
}

#[test]
fn holdings_join_the_ranked_stocks_and_a_sold_out_one_does_not() {
    let holdings = [holding("AAPL", 1), holding("MSFT", 2), holding("GOOG", 0)];
    let all = prospects(Some(vec![row("1", "100", None)]), &[stock("NVDA")], &holdings);
    let names: Vec<_> = all.iter().map(|prospect| prospect.instrument.symbol.as_str().to_owned()).collect();
    assert_eq!(names, ["AAPL", "MSFT"]);
    assert!(all.iter().all(|prospect| prospect.holding.is_some()));
    let fallback = prospects(None, &[stock("NVDA"), stock("MSFT")], &holdings);
    let names: Vec<_> = fallback.iter().map(|p| (p.instrument.symbol.to_string(), p.scoring)).collect();
    assert_eq!(names.len(), 3);
    assert!(names.iter().all(|(_, scoring)| *scoring == Scoring::Unranked), "{names:?}");
}

#[test]
fn the_range_of_the_day_counts_when_it_is_wider_than_the_change() {
    let prospects = prospects(Some(vec![row("2", "100", None)]), &[], &[]);
    let wide = quote("100", Some("104"), Some("98"), Some(3_000));
    let (standing, candidate) = measured(&prospects[0], &history(30), Some(&wide)).unwrap();
    assert_eq!(standing.move_pct, Some(Decimal::from(6)));
    assert_eq!(standing.score, Decimal::from(66));
    assert_eq!(candidate.selection.volume_ratio, Some(Decimal::from(3)));
    assert_eq!(candidate.selection.signal, Signal::Neutral);
    assert_eq!(candidate.selection.rsi, None);
    assert_eq!(feature(&candidate, Feature::Held), Some(Decimal::ZERO));
}

#[test]
fn a_failed_quote_leaves_no_range_and_no_volume_behind() {
    let prospects = prospects(Some(vec![row("2", "102", None)]), &[], &[]);
    let (standing, candidate) = measured(&prospects[0], &history(250), None).unwrap();
    assert_eq!(standing.move_pct, Some(Decimal::TWO));
    assert_eq!(candidate.price, price("102"));
    assert_eq!(feature(&candidate, Feature::RangePct), None);
    assert_eq!(feature(&candidate, Feature::FromHighPct), None);
    assert_eq!(feature(&candidate, Feature::VolumeRatio), None);
    assert_eq!(feature(&candidate, Feature::Rsi14), Some(Decimal::ONE_HUNDRED));
}

#[test]
fn a_holding_without_bars_is_still_judged_by_its_profit() {
    let prospects = prospects(Some(Vec::new()), &[], &[holding("MSFT", 2)]);
    let now = quote("110", None, None, None);
    let (standing, candidate) = measured(&prospects[0], &[], Some(&now)).unwrap();
    assert_eq!((standing.held, standing.score), (true, Decimal::ZERO));
    assert_eq!(candidate.selection.signal, Signal::Holding);
    assert_eq!(feature(&candidate, Feature::HoldingPnlPct), Some(Decimal::TEN));
    let (_, stale) = measured(&prospects[0], &[], None).unwrap();
    assert_eq!(stale.price, price("99"));
}

#[test]
fn an_account_that_did_not_answer_leaves_held_unknown() {
    let prospects = prospects(Some(vec![row("2", "102", None)]), &[], &[]);
    let seen = Observation { history: &history(30), quote: None, account_known: false };
    let (_, candidate) = measure(&prospects[0], seen, &Thresholds::default()).unwrap();
    assert_eq!(feature(&candidate, Feature::Held), None);
}

#[test]
fn a_stock_without_any_price_is_no_candidate() {
    let prospects = prospects(None, &[stock("NVDA")], &[]);
    assert_eq!(measured(&prospects[0], &[], None), None);
}

#[test]
fn the_signal_needs_a_known_rsi_and_momentum_needs_volume() {
    let cases = [
        (Some("29"), None, false, Signal::Oversold),
        (Some("30"), None, false, Signal::Neutral),
        (Some("71"), Some("2"), false, Signal::Momentum),
        (Some("71"), Some("1.9"), false, Signal::Neutral),
        (Some("71"), None, false, Signal::Neutral),
        (None, Some("9"), false, Signal::Neutral),
        (Some("29"), None, true, Signal::Holding),
    ];
    for (rsi, ratio, held, expected) in cases {
        let mut features = Features::default();
        features.set(Feature::Rsi14, rsi.map(|text| text.parse().unwrap()));
        features.set(Feature::VolumeRatio, ratio.map(|text| text.parse().unwrap()));
        assert_eq!(signal(&features, held, &Thresholds::default()), expected, "{rsi:?} {ratio:?}");
    }
}

#[test]
fn the_session_itself_is_no_history() {
    let bars = history(30);
    let date = Market::UsNasdaq.date_at(bars[28].at);
    assert_eq!(before_session(bars, &stock("AAPL"), date).len(), 28);
}
