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
        high: None,
        low: None,
        volume: None,
        volume_ratio: volume_ratio.map(|text| text.parse().unwrap()),
        status: None,
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
        delay: chrono::TimeDelta::zero(),
        rules: domain::StockRules::default(),
    }
}

fn bars(days: i64) -> Vec<Candle> {
    let start: DateTime<Utc> = "2026-01-05T14:30:00Z".parse().unwrap();
    let bar = |day| Candle::new(start + TimeDelta::days(day), ["100"; 4].map(price), 1_000).unwrap();
    (0..days).map(bar).collect()
}

fn history(days: i64) -> Arc<Vec<DayBar>> {
    let after = NaiveDate::from_ymd_opt(2027, 1, 1).unwrap();
    Arc::new(before_session(&bars(days), &stock("AAPL"), after))
}

fn rules() -> Strategy {
    Strategy::by_default(Thresholds::default())
}

/// What a scan makes of one stock.
fn measured(prospect: &Prospect, history: &Arc<Vec<DayBar>>, quote: Option<&Quote>) -> Option<Candidate> {
    let day = DayNow::of(prospect, quote, "2026-11-24T15:00:00Z".parse().unwrap())?;
    let score = day.score(prospect.scoring);
    let seen = Observation { history, day: &day, account_known: true, strategy: &rules() };
    let features = features(prospect, seen, score);
    let context = context(&features, score, prospect.is_held(), &Thresholds::default());
    Some(candidate(prospect, seen, &features, context, quote.cloned()))
}

fn feature(candidate: &Candidate, feature: Feature) -> Option<Decimal> {
    Features::from_named(&candidate.features).get(feature)
}

fn ranked(rows: Vec<RankedRow>, holdings: &[Holding]) -> Vec<Prospect> {
    prospects(Source::Rankings(rows), holdings)
}

#[test]
fn holdings_join_the_ranked_stocks_and_a_sold_out_one_does_not() {
    let holdings = [holding("AAPL", 1), holding("MSFT", 2), holding("GOOG", 0)];
    let names = |source| -> Vec<_> {
        let all = prospects(source, &holdings);
        assert_eq!(all.iter().filter(|prospect| prospect.is_held()).count(), 2);
        all.iter().map(|prospect| prospect.instrument.symbol.to_string()).collect()
    };
    assert_eq!(names(Source::Rankings(vec![row("1", "100", None)])), ["AAPL", "MSFT"]);
    assert_eq!(names(Source::Holdings), ["AAPL", "MSFT"]);
    let stand_ins = vec![stock("NVDA"), stock("MSFT")];
    assert_eq!(names(Source::Fallback(stand_ins.clone())), ["NVDA", "MSFT", "AAPL"]);
    let scored = prospects(Source::Fallback(stand_ins), &holdings);
    assert!(scored.iter().all(|prospect| prospect.scoring == Scoring::Unranked));
}

#[test]
fn the_fallback_takes_wishes_then_runtime_symbols_then_what_was_traded_each_once_and_no_more_than_allowed() {
    let [wished, active, traded] =
        [["A", "B"], ["B", "C"], ["C", "D"]].map(|names| names.map(stock).to_vec());
    let names = |most| -> Vec<_> {
        let all = fallback(&wished, &active, &traded, most);
        all.iter().map(|stock| stock.symbol.to_string()).collect()
    };
    assert_eq!(names(30), ["A", "B", "C", "D"]);
    assert_eq!(names(3), ["A", "B", "C"]);
    assert_eq!(fallback(&[], &[], &[], 30), [], "there is no list of ours");
}

#[test]
fn the_range_of_the_day_counts_when_it_is_wider_than_the_change() {
    let prospects = ranked(vec![row("2", "100", None)], &[]);
    let wide = quote("100", Some("104"), Some("98"), Some(3_000));
    let candidate = measured(&prospects[0], &history(30), Some(&wide)).unwrap();
    assert_eq!(feature(&candidate, Feature::MovePct), Some(Decimal::from(6)));
    assert_eq!(candidate.selection.score, Decimal::from(66));
    assert_eq!(candidate.selection.volume_ratio, Some(Decimal::from(3)));
    assert_eq!(candidate.selection.signal, Signal::Neutral);
    assert_eq!((candidate.selection.rsi, candidate.selection.rsi_proxy), (None, Some(Decimal::from(54))));
    assert_eq!(Features::from_named(&candidate.features).held(), Some(false));
}

#[test]
fn a_row_with_the_days_range_and_volume_needs_no_quote() {
    let mut told = row("2", "100", None);
    (told.stock.high, told.stock.low) = (Some(price("104")), Some(price("98")));
    told.stock.volume = Some(3_000);
    let prospects = ranked(vec![told], &[]);
    let day = DayNow::of(&prospects[0], None, "2026-11-24T15:00:00Z".parse().unwrap()).unwrap();
    assert!(day.is_complete());
    let candidate = measured(&prospects[0], &history(30), None).unwrap();
    assert_eq!(candidate.selection.score, Decimal::from(66));
    assert_eq!(candidate.selection.volume_ratio, Some(Decimal::from(3)));
    assert_eq!(candidate.selection.volume_ratio_proxy, None);
}

#[test]
fn a_range_that_contradicts_itself_is_no_range() {
    let prospects = ranked(vec![row("2", "100", None)], &[]);
    let odd = quote("100", Some("98"), Some("104"), None);
    let day = DayNow::of(&prospects[0], Some(&odd), odd.at).unwrap();
    assert_eq!((day.range_pct(), day.move_pct()), (None, Some(Decimal::TWO)));
}

#[test]
fn a_failed_quote_leaves_no_range_and_no_volume_behind() {
    let prospects = ranked(vec![row("2", "102", None)], &[]);
    let candidate = measured(&prospects[0], &history(250), None).unwrap();
    assert_eq!(feature(&candidate, Feature::MovePct), Some(Decimal::TWO));
    assert_eq!(candidate.price, price("102"));
    assert_eq!(feature(&candidate, Feature::RangePct), None);
    assert_eq!(feature(&candidate, Feature::FromHighPct), None);
    assert_eq!(feature(&candidate, Feature::VolumeRatio20), None);
    assert_eq!(candidate.selection.volume_ratio_proxy, Some(Decimal::ONE));
    assert_eq!(feature(&candidate, Feature::Rsi14), Some(Decimal::ONE_HUNDRED));
    assert_eq!(candidate.selection.rsi_proxy, None, "a measured value has no stand-in");
}

#[test]
fn a_holding_without_bars_is_still_judged_by_its_profit() {
    let prospects = ranked(Vec::new(), &[holding("MSFT", 2)]);
    let now = quote("110", None, None, None);
    let candidate = measured(&prospects[0], &Arc::default(), Some(&now)).unwrap();
    assert!(candidate.held);
    assert_eq!(candidate.selection.score, Decimal::ZERO);
    assert_eq!(candidate.selection.signal, Signal::Holding);
    assert_eq!(feature(&candidate, Feature::HoldingPnlPct), Some(Decimal::TEN));
    let stale = measured(&prospects[0], &Arc::default(), None).unwrap();
    assert_eq!(stale.price, price("99"));
}

#[test]
fn an_account_that_did_not_answer_leaves_held_unknown() {
    let prospects = ranked(vec![row("2", "102", None)], &[]);
    let day = DayNow::of(&prospects[0], None, "2026-11-24T15:00:00Z".parse().unwrap()).unwrap();
    let (past, rules) = (history(30), rules());
    let seen = Observation { history: &past, day: &day, account_known: false, strategy: &rules };
    assert_eq!(features(&prospects[0], seen, Decimal::ONE).held(), None);
}

#[test]
fn a_stock_without_any_price_has_no_day() {
    let prospects = prospects(Source::Fallback(vec![stock("NVDA")]), &[]);
    assert_eq!(measured(&prospects[0], &Arc::default(), None), None);
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
        features.set(Feature::VolumeRatio20, ratio.map(|text| text.parse().unwrap()));
        assert_eq!(signal(&features, held, &Thresholds::default()), expected, "{rsi:?} {ratio:?}");
    }
}

#[test]
fn the_session_itself_is_no_history() {
    let bars = bars(30);
    let date = Market::UsNasdaq.date_at(bars[28].at);
    assert_eq!(before_session(&bars, &stock("AAPL"), date).len(), 28);
}

#[test]
fn a_candidate_has_what_its_strategy_reads_and_the_days_to_look_back_on() {
    let json = rules()
        .to_json()
        .replace("volume_ratio_20", "sma_200_distance_pct")
        .replace("\"rhs_value\": 2.0", "\"rhs_value\": 3.0");
    let strategy = Strategy::from_json(&json).unwrap();
    let prospects = ranked(vec![row("2", "102", None)], &[]);
    let wide = quote("102", Some("104"), Some("98"), Some(3_000));
    let day = DayNow::of(&prospects[0], Some(&wide), wide.at).unwrap();
    let past = history(250);
    let seen = Observation { history: &past, day: &day, account_known: true, strategy: &strategy };
    let features = features(&prospects[0], seen, Decimal::ONE);
    assert!(features.get(Feature::Sma200DistancePct).is_some_and(|pct| pct > Decimal::ONE));
    let context = context(&features, Decimal::ONE, false, &Thresholds::default());
    assert_eq!(candidate(&prospects[0], seen, &features, context, None).past.len(), 250);
}
