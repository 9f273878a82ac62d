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
        features.set(Feature::FromHighPct, None);
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
mod tests;
