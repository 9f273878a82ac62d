//! From bars, a quote and the account to a candidate with features and a signal.
//!
//! Past days come from daily bars, which do not change during a session; the day itself comes from a fresh quote.
//! What is not known stays out of the features: a quote that failed leaves no range and no volume behind.

use chrono::NaiveDate;
use domain::messages::market_data::{Quote, RankedStock};
use domain::messages::trading::Candidate;
use domain::{Candle, Holding, Instrument, Price, SelectionContext, Signal};
use rust_decimal::Decimal;
use strategy::{Feature, Features, LiveRow, Thresholds};

use crate::score::{self, RankedRow, Scoring, Standing};

/// A stock that may become a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prospect {
    /// The stock.
    pub instrument: Instrument,
    /// Its row in the rankings, if it came from them.
    pub row: Option<RankedStock>,
    /// How it is scored.
    pub scoring: Scoring,
    /// The holding, if the account has one.
    pub holding: Option<Holding>,
}

/// What the exchange told about a prospect just now.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// Daily bars before the session, oldest first; empty when they could not be fetched.
    pub history: &'a [Candle],
    /// The quote, if it could be had.
    pub quote: Option<&'a Quote>,
    /// Whether the account answered: without it nobody knows what is held.
    pub account_known: bool,
}

/// The stocks of one scan: the rows of the rankings, or else `watchlist`, and the holdings that are not among them.
pub fn prospects(
    rows: Option<Vec<RankedRow>>,
    watchlist: &[Instrument],
    holdings: &[Holding],
) -> Vec<Prospect> {
    let ranked = rows.is_some();
    let from_row = |row: RankedRow| Prospect {
        instrument: row.stock.instrument.clone(),
        scoring: Scoring::Ranked { volume_index: row.volume_index },
        row: Some(row.stock),
        holding: None,
    };
    let scoring = if ranked { Scoring::Ranked { volume_index: None } } else { Scoring::Unranked };
    let plain = |instrument: &Instrument| Prospect {
        instrument: instrument.clone(),
        row: None,
        scoring,
        holding: None,
    };
    let mut prospects: Vec<Prospect> = match rows {
        Some(rows) => rows.into_iter().map(from_row).collect(),
        None => watchlist.iter().map(plain).collect(),
    };
    for holding in holdings.iter().filter(|holding| !holding.quantity.is_zero()) {
        if !prospects.iter().any(|prospect| prospect.instrument == holding.instrument) {
            prospects.push(plain(&holding.instrument));
        }
    }
    for prospect in &mut prospects {
        prospect.holding = holdings.iter().find(|held| held.instrument == prospect.instrument).cloned();
    }
    prospects
}

/// The bars before `session_date`: the day itself is taken from the quote.
pub fn before_session(bars: Vec<Candle>, instrument: &Instrument, session_date: NaiveDate) -> Vec<Candle> {
    bars.into_iter().filter(|bar| instrument.market.date_at(bar.at) < session_date).collect()
}

/// A prospect with everything known about it; none when there is no price at all.
pub fn measure(
    prospect: &Prospect,
    seen: Observation<'_>,
    thresholds: &Thresholds,
) -> Option<(Standing, Candidate)> {
    let price = current_price(prospect, seen)?;
    let mut features = day_features(seen, price).with_live(live_row(prospect, seen.quote));
    if seen.account_known {
        let holding = prospect.holding.clone().map(|held| Holding { price: Some(price), ..held });
        features = features.with_holding(holding.as_ref());
    }
    let held = prospect.holding.as_ref().is_some_and(|held| !held.quantity.is_zero());
    let move_pct = features.get(Feature::MovePct);
    // A move that nobody measured earns no points.
    let score = move_pct.map_or(Decimal::ZERO, |moved| score::score(moved, prospect.scoring).round_dp(2));
    features.set(Feature::Score, Some(score));
    let selection = selection(&features, score, signal(&features, held, thresholds));
    let named = prospect.row.as_ref().map(|row| row.name.clone()).filter(|name| !name.trim().is_empty());
    let name = named.unwrap_or_else(|| prospect.instrument.symbol.to_string());
    let instrument = prospect.instrument.clone();
    let candidate = Candidate { instrument, name, price, selection, features: features.to_named(), held };
    Some((Standing { score, move_pct, held }, candidate))
}

fn selection(features: &Features, score: Decimal, signal: Signal) -> SelectionContext {
    let shown = |feature| features.get(feature).map(|value| value.round_dp(2));
    SelectionContext { rsi: shown(Feature::Rsi14), volume_ratio: shown(Feature::VolumeRatio), signal, score }
}

/// What the numbers say; a held stock is a holding first.
pub fn signal(features: &Features, held: bool, thresholds: &Thresholds) -> Signal {
    let rsi = features.get(Feature::Rsi14);
    let busy = features.get(Feature::VolumeRatio).is_some_and(|ratio| ratio >= thresholds.volume_multiplier);
    if held {
        Signal::Holding
    } else if rsi.is_some_and(|rsi| rsi < thresholds.rsi_oversold) {
        Signal::Oversold
    } else if busy && rsi.is_some_and(|rsi| rsi > thresholds.rsi_momentum) {
        Signal::Momentum
    } else {
        Signal::Neutral
    }
}

/// The newest price known: quote, ranking, account, last close.
fn current_price(prospect: &Prospect, seen: Observation<'_>) -> Option<Price> {
    let quoted = seen.quote.map(|quote| quote.last);
    let ranked = prospect.row.as_ref().and_then(|row| row.price);
    let held = prospect.holding.as_ref().and_then(|held| held.price);
    quoted.or(ranked).or(held).or(seen.history.last().map(|bar| bar.close))
}

fn live_row(prospect: &Prospect, quote: Option<&Quote>) -> LiveRow {
    let row = prospect.row.as_ref();
    LiveRow {
        change_pct: quote.and_then(|quote| quote.change_pct).or(row.and_then(|row| row.change_pct)),
        volume_ratio: row.and_then(|row| row.volume_ratio),
        score: None,
    }
}

/// Features of the past days and the present one; what the present one does not tell is removed again.
fn day_features(seen: Observation<'_>, price: Price) -> Features {
    let Some(today) = today(seen, price) else {
        let mut features = Features::default();
        features.set(Feature::Price, Some(price.value()));
        return features;
    };
    let mut bars = seen.history.to_vec();
    bars.push(today.bar);
    let mut features = Features::of_bars(&bars);
    if !today.range_known {
        features.set(Feature::RangePct, None);
        features.set(Feature::MovePct, features.get(Feature::ChangePct).map(|change| change.abs()));
    }
    if !today.volume_known {
        features.set(Feature::VolumeRatio, None);
    }
    features
}

/// The day so far as a bar, and which parts of it somebody told.
struct Today {
    bar: Candle,
    range_known: bool,
    volume_known: bool,
}

fn today(seen: Observation<'_>, price: Price) -> Option<Today> {
    match seen.quote {
        Some(quote) => {
            let open = quote.open.unwrap_or(price);
            let high = quote.high.unwrap_or(price).max(open).max(price);
            let low = quote.low.unwrap_or(price).min(open).min(price);
            let bar = Candle::new(quote.at, [open, high, low, price], quote.volume.unwrap_or(0)).ok()?;
            let range_known = quote.high.is_some() && quote.low.is_some();
            Some(Today { bar, range_known, volume_known: quote.volume.is_some() })
        }
        None => {
            // Only the price is known: a bar without a range, after the last full day.
            let bar = Candle::new(seen.history.last()?.at, [price; 4], 0).ok()?;
            Some(Today { bar, range_known: false, volume_known: false })
        }
    }
}

#[cfg(test)]
mod tests {
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
            upper_limit: None,
            lower_limit: None,
        }
    }

    fn history(days: i64) -> Vec<Candle> {
        let start: DateTime<Utc> = "2026-01-05T14:30:00Z".parse().unwrap();
        let bar = |day| Candle::new(start + TimeDelta::days(day), ["100"; 4].map(price), 1_000).unwrap();
        (0..days).map(bar).collect()
    }

    fn measured(
        prospect: &Prospect,
        history: &[Candle],
        quote: Option<&Quote>,
    ) -> Option<(Standing, Candidate)> {
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
        let names: Vec<_> =
            all.iter().map(|prospect| prospect.instrument.symbol.as_str().to_owned()).collect();
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
}
