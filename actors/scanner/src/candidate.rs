//! From bars, the day so far and the account to a candidate with features and a signal.
//!
//! Past days come from daily bars, which do not change during a session; the day itself comes from a ranking's row or a
//! fresh quote, never from an older day. What is not known stays out of the features.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use domain::messages::bars::{DayBar, micros};
use domain::messages::market_data::{ListedStatus, Quote, RankedStock};
use domain::messages::trading::Candidate;
use domain::{Candle, Holding, Instrument, Market, Price, Restriction, SelectionContext, Signal};
use rust_decimal::Decimal;
use strategy::live::larger_move;
use strategy::{Feature, Features, LiveRow, Strategy, Thresholds, Told};

use crate::score::{self, RankedRow, Scoring};

/// Places kept of a percentage; far more than anybody reads.
const DECIMALS: u32 = 12;
/// What is measured of every candidate, whatever its strategy reads.
const ALWAYS: [Feature; 12] = [
    Feature::Roc1,
    Feature::Roc5,
    Feature::Roc20,
    Feature::RangePct,
    Feature::MovePct,
    Feature::FromHighPct,
    Feature::Sma20DistancePct,
    Feature::Sma60DistancePct,
    Feature::Rsi14,
    Feature::Atr14Pct,
    Feature::Volatility20Pct,
    Feature::VolumeRatio20,
];

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

impl Prospect {
    /// True when the account has shares of it.
    pub fn is_held(&self) -> bool {
        self.holding.as_ref().is_some_and(|held| !held.quantity.is_zero())
    }
}

/// The day of a stock so far, as rankings, quote and account told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayNow {
    /// When it was told.
    pub at: DateTime<Utc>,
    /// The newest price.
    pub last: Price,
    /// The first price of the day.
    pub open: Option<Price>,
    /// Today's high.
    pub high: Option<Price>,
    /// Today's low.
    pub low: Option<Price>,
    /// Shares traded today.
    pub volume: Option<u64>,
    /// Change against the previous close in percent.
    pub change_pct: Option<Decimal>,
    /// What the exchange told against buying it.
    pub restriction: Option<Restriction>,
}

impl DayNow {
    /// What is known of the day: the quote first, then the row, then the holding's price. None without any price.
    pub fn of(prospect: &Prospect, quote: Option<&Quote>, now: DateTime<Utc>) -> Option<Self> {
        let row = prospect.row.as_ref();
        let held = prospect.holding.as_ref().and_then(|held| held.price);
        let last = quote.map(|quote| quote.last).or(row.and_then(|row| row.price)).or(held)?;
        let listed = row.and_then(|row| match row.status {
            Some(ListedStatus::Restricted(restriction)) => Some(restriction),
            Some(ListedStatus::Free) | None => None,
        });
        Some(Self {
            at: quote.map_or(now, |quote| quote.at),
            last,
            open: quote.and_then(|quote| quote.open),
            high: quote.and_then(|quote| quote.high).or(row.and_then(|row| row.high)),
            low: quote.and_then(|quote| quote.low).or(row.and_then(|row| row.low)),
            volume: quote.and_then(|quote| quote.volume).or(row.and_then(|row| row.volume)),
            change_pct: quote.and_then(|quote| quote.change_pct).or(row.and_then(|row| row.change_pct)),
            restriction: quote.and_then(|quote| quote.rules.restriction).or(listed),
        })
    }

    /// The last close, where nobody has told of the day.
    pub fn of_past(history: &[DayBar]) -> Option<Self> {
        let bar = history.last()?;
        let at = bar.session_date.and_time(NaiveTime::MIN).and_utc();
        let last = Price::new(Decimal::new(bar.close_micros, 6).normalize()).ok()?;
        let (open, high, low) = (None, None, None);
        Some(Self { at, last, open, high, low, volume: None, change_pct: None, restriction: None })
    }

    /// High minus low in percent of the price; absent when one is not told or they contradict each other.
    pub fn range_pct(&self) -> Option<Decimal> {
        let range = self.high?.value().checked_sub(self.low?.value())?;
        let pct = range.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(self.last.value())?;
        (!range.is_sign_negative()).then(|| pct.round_dp(DECIMALS))
    }

    /// The larger of |change| and range, in percent (lessons.md 2).
    pub fn move_pct(&self) -> Option<Decimal> {
        larger_move(self.change_pct, self.range_pct())
    }

    /// Its score, 0 to 100; a move that nobody measured earns no points.
    pub fn score(&self, scoring: Scoring) -> Decimal {
        self.move_pct().map_or(Decimal::ZERO, |moved| score::score(moved, scoring))
    }

    /// True when price, change, high and low are all known, so that a quote would add nothing but seconds.
    pub fn is_complete(&self) -> bool {
        self.change_pct.is_some() && self.range_pct().is_some()
    }

    /// The day as a bar; what was not told is as narrow as it can be. None when its prices do not fit into one.
    fn bar(&self, session_date: NaiveDate) -> Option<DayBar> {
        let open = self.open.unwrap_or(self.last);
        let high = self.high.unwrap_or(self.last).max(open).max(self.last);
        let low = self.low.unwrap_or(self.last).min(open).min(self.last);
        Some(DayBar {
            session_date,
            open_micros: micros(open.value())?,
            high_micros: micros(high.value())?,
            low_micros: micros(low.value())?,
            close_micros: micros(self.last.value())?,
            volume: self.volume.unwrap_or(0),
        })
    }

    fn told(&self) -> Told {
        Told { open: self.open.is_some(), range: self.range_pct().is_some(), volume: self.volume.is_some() }
    }
}

/// What is known about a prospect when it becomes a candidate.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// The finished days before the session, oldest first; empty when they could not be fetched.
    pub history: &'a Arc<Vec<DayBar>>,
    /// The day so far.
    pub day: &'a DayNow,
    /// Whether the account answered: without it nobody knows what is held.
    pub account_known: bool,
    /// What the market is traded by.
    pub strategy: &'a Strategy,
}

/// Where the stocks of a scan come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Rows of the rankings.
    Rankings(Vec<RankedRow>),
    /// Stocks that stand in for rankings that failed, or that are not offered.
    Fallback(Vec<Instrument>),
    /// Only what is held is looked at.
    Holdings,
}

/// The stocks of one scan: those of `source`, and the holdings that are not among them.
pub fn prospects(source: Source, holdings: &[Holding]) -> Vec<Prospect> {
    let is_fallback = matches!(source, Source::Fallback(_));
    let plain = |instrument: &Instrument| Prospect {
        instrument: instrument.clone(),
        row: None,
        scoring: unlisted(instrument.market, is_fallback),
        holding: None,
    };
    let from_row = |row: RankedRow| Prospect {
        instrument: row.stock.instrument.clone(),
        scoring: Scoring::Ranked { volume_index: row.volume_index },
        row: Some(row.stock),
        holding: None,
    };
    let mut prospects: Vec<Prospect> = match source {
        Source::Rankings(rows) => rows.into_iter().map(from_row).collect(),
        Source::Fallback(stocks) => stocks.iter().map(plain).collect(),
        Source::Holdings => Vec::new(),
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

/// How a stock without a row is scored: in Korea as one outside of the volume ranking, abroad by the move alone when there
/// are no rankings at all.
fn unlisted(market: Market, is_fallback: bool) -> Scoring {
    if is_fallback && !market.is_domestic() {
        Scoring::Unranked
    } else {
        Scoring::Ranked { volume_index: None }
    }
}

/// What stands in for rankings: the operator's wishes, the candidates of earlier scans of the session, and what was traded
/// last; each stock once, at most `most`. Holdings come on top. There is no list of ours.
pub fn fallback(
    wished: &[Instrument],
    active: &[Instrument],
    traded: &[Instrument],
    most: usize,
) -> Vec<Instrument> {
    let mut seen = BTreeSet::new();
    let all = wished.iter().chain(active).chain(traded);
    all.filter(|stock| seen.insert((*stock).clone())).take(most).cloned().collect()
}

/// The days before `session_date`: the day itself is taken from rankings and quote. A day whose prices do not fit is none.
pub fn before_session(bars: &[Candle], instrument: &Instrument, session_date: NaiveDate) -> Vec<DayBar> {
    let day = |bar: &Candle| DayBar::of(instrument.market.date_at(bar.at), bar);
    bars.iter().filter_map(day).filter(|day| day.session_date < session_date).collect()
}

/// The features of a prospect: past days, the day so far, its holding, and `score`.
pub fn features(prospect: &Prospect, seen: Observation<'_>, score: Decimal) -> Features {
    let live = LiveRow {
        change_pct: seen.day.change_pct,
        volume_ratio: prospect.row.as_ref().and_then(|row| row.volume_ratio),
        score: Some(score),
    };
    let features = day_features(prospect, seen).with_live(live);
    if !seen.account_known {
        return features;
    }
    let holding = prospect.holding.clone().map(|held| Holding { price: Some(seen.day.last), ..held });
    features.with_holding(holding.as_ref())
}

/// A prospect as Brain is told of it.
pub fn candidate(
    prospect: &Prospect,
    seen: Observation<'_>,
    features: &Features,
    context: SelectionContext,
    quote: Option<Quote>,
) -> Candidate {
    let named = prospect.row.as_ref().map(|row| row.name.clone()).filter(|name| !name.trim().is_empty());
    Candidate {
        instrument: prospect.instrument.clone(),
        name: named.unwrap_or_else(|| prospect.instrument.symbol.to_string()),
        price: seen.day.last,
        selection: context,
        features: features.to_named(),
        past: seen.history.clone(),
        held: prospect.is_held(),
        quote,
    }
}

/// Indicators, signal and score; where an indicator is not known, what stands in for it has its own name.
pub fn context(features: &Features, score: Decimal, held: bool, thresholds: &Thresholds) -> SelectionContext {
    let shown = |feature| features.get(feature).map(|value| value.round_dp(2));
    let (rsi, volume_ratio) = (shown(Feature::Rsi14), shown(Feature::VolumeRatio20));
    let change = features.get(Feature::Roc1).filter(|_| rsi.is_none());
    let moved = features.get(Feature::MovePct).filter(|_| volume_ratio.is_none());
    SelectionContext {
        rsi,
        volume_ratio,
        rsi_proxy: change.map(|change| score::rsi_proxy(change).round_dp(2)),
        volume_ratio_proxy: moved.map(|moved| score::volume_ratio_proxy(moved).round_dp(2)),
        signal: signal(features, held, thresholds),
        score: score.round_dp(2),
    }
}

/// What the numbers say; a held stock is a holding first.
pub fn signal(features: &Features, held: bool, thresholds: &Thresholds) -> Signal {
    let rsi = features.get(Feature::Rsi14);
    let busy =
        features.get(Feature::VolumeRatio20).is_some_and(|ratio| ratio >= thresholds.volume_multiplier);
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

/// Features of the past days and the present one: what a candidate always has, and what its strategy reads.
fn day_features(prospect: &Prospect, seen: Observation<'_>) -> Features {
    let today = seen.day.bar(prospect.instrument.market.date_at(seen.day.at));
    let Some(today) = today else { return Features::default() };
    let mut wanted = seen.strategy.features();
    wanted.extend(ALWAYS);
    wanted.sort();
    wanted.dedup();
    let days: Vec<_> = seen.history.iter().copied().chain([today]).collect();
    Features::of_days(&days, seen.day.told(), &wanted)
}

#[cfg(test)]
mod tests;
