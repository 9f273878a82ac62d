//! What is known of each holding between two looks: cost, highest price, range, and what was tried. Pure.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::messages::limits::{OwnPosition, RecordPeak};
use domain::{Candle, Instrument, Price, Quantity};
use rust_decimal::Decimal;
use strategy::indicators::{Period, candles};

use super::Held;

/// Daily bars asked for: more than the 200 that a decision by Wilder's range needs.
pub const BARS: u16 = 250;
/// Length of the average true range, in days.
const ATR_DAYS: usize = 14;
/// Bars are asked for again so long after an attempt that failed, and a sale is tried again after this.
const BARS_AGAIN: TimeDelta = TimeDelta::minutes(5);
/// The peak of one stock is written into the books at most this often.
const PEAK_EVERY: TimeDelta = TimeDelta::minutes(1);
/// A sale that led to no order is tried again after this.
const SALE_AGAIN: TimeDelta = TimeDelta::seconds(20);

/// The daily bars of one stock, as far as exits need them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Daily {
    /// The market's date on which they were read.
    read_on: NaiveDate,
    /// In the price's unit; absent while it may decide nothing.
    atr: Option<Decimal>,
    highs: Vec<(NaiveDate, Price)>,
}

/// The holdings of this agent and what is known of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    positions: BTreeMap<Instrument, OwnPosition>,
    /// The highest price that was seen in this life.
    seen_peaks: BTreeMap<Instrument, Price>,
    /// What of it the books were told in this life, and when.
    kept_peaks: BTreeMap<Instrument, (Price, DateTime<Utc>)>,
    daily: BTreeMap<Instrument, Daily>,
    bars_asked_at: BTreeMap<Instrument, DateTime<Utc>>,
    tried_at: BTreeMap<Instrument, DateTime<Utc>>,
    doubted: BTreeSet<Instrument>,
    /// Why what should be sold was not, by the code that people were told.
    held_up: BTreeMap<Instrument, &'static str>,
}

impl Watch {
    /// Takes what the books say is held, in the place of what they said before. What is no longer held is forgotten.
    pub fn take_positions(&mut self, positions: Vec<OwnPosition>) {
        let held: BTreeMap<_, _> = positions.into_iter().map(|one| (one.instrument.clone(), one)).collect();
        // A peak belongs to one purchase: what was sold and bought again begins anew.
        let is_same = |instrument: &Instrument| {
            let since = |of: &BTreeMap<Instrument, OwnPosition>| of.get(instrument).map(|one| one.since);
            held.contains_key(instrument) && since(&held) == since(&self.positions)
        };
        self.seen_peaks.retain(|instrument, _| is_same(instrument));
        self.kept_peaks.retain(|instrument, _| is_same(instrument));
        self.daily.retain(|instrument, _| held.contains_key(instrument));
        self.bars_asked_at.retain(|instrument, _| held.contains_key(instrument));
        self.tried_at.retain(|instrument, _| held.contains_key(instrument));
        self.doubted.retain(|instrument| held.contains_key(instrument));
        self.held_up.retain(|instrument, _| held.contains_key(instrument));
        self.positions = held;
    }

    /// The stocks that are held.
    pub fn instruments(&self) -> Vec<Instrument> {
        self.positions.keys().cloned().collect()
    }

    /// Shares of this agent's own.
    pub fn quantity(&self, instrument: &Instrument) -> Quantity {
        self.positions.get(instrument).map_or(Quantity::ZERO, |one| one.quantity)
    }

    /// A price that may be believed. Tells what the books should keep, where it is a peak that they do not know.
    pub fn see(&mut self, instrument: &Instrument, price: Price, now: DateTime<Utc>) -> Option<RecordPeak> {
        let OwnPosition { since, peak: booked, .. } = self.positions.get(instrument)?;
        let peak = self.seen_peaks.entry(instrument.clone()).or_insert(price);
        *peak = price.max(*peak);
        let (peak, kept) = (*peak, self.kept_peaks.get(instrument));
        let is_news = kept.map(|(kept, _)| *kept).max(*booked).is_none_or(|known| peak > known);
        let is_early = kept.is_some_and(|(_, at)| (*at..*at + PEAK_EVERY).contains(&now));
        let since = (*since).filter(|_| is_news && !is_early)?;
        self.kept_peaks.insert(instrument.clone(), (peak, now));
        Some(RecordPeak { instrument: instrument.clone(), since, peak })
    }

    /// True when the bars of `instrument` should be asked for now: once on each of its dates, and again after a failure.
    pub fn begin_bars(&mut self, instrument: &Instrument, now: DateTime<Utc>) -> bool {
        let today = instrument.market.date_at(now);
        let is_read = self.daily.get(instrument).is_some_and(|daily| daily.read_on == today);
        let is_early =
            self.bars_asked_at.get(instrument).is_some_and(|at| (*at..*at + BARS_AGAIN).contains(&now));
        let is_due = self.positions.contains_key(instrument) && !is_read && !is_early;
        if is_due {
            self.bars_asked_at.insert(instrument.clone(), now);
        }
        is_due
    }

    /// Takes the newest daily bars of a stock, oldest first.
    pub fn take_bars(&mut self, instrument: &Instrument, bars: &[Candle], now: DateTime<Utc>) {
        let market = instrument.market;
        let highs = bars.iter().map(|bar| (market.date_at(bar.at), bar.high)).collect();
        let daily = Daily { read_on: market.date_at(now), atr: atr(bars), highs };
        self.daily.insert(instrument.clone(), daily);
    }

    /// What an exit is judged by; none when it is not held or nobody knows what it cost.
    pub fn held(&self, instrument: &Instrument) -> Option<Held> {
        let OwnPosition { entry, since, peak: booked, .. } = self.positions.get(instrument)?;
        let (entry, since) = ((*entry)?, (*since)?);
        let daily = self.daily.get(instrument);
        let bought_on = instrument.market.date_at(since);
        // The day of the purchase has a high from before it.
        let highs = daily.into_iter().flat_map(|daily| &daily.highs).filter(|(date, _)| *date > bought_on);
        let heard = self.seen_peaks.get(instrument).copied().into_iter().chain(*booked);
        let peak = highs.map(|(_, high)| *high).chain(heard).max();
        Some(Held { entry, since, peak, atr: daily.and_then(|daily| daily.atr) })
    }

    /// True when a sale of `instrument` may be tried now; it is noted as tried.
    pub fn begin_sale(&mut self, instrument: &Instrument, now: DateTime<Utc>) -> bool {
        let is_early = self.tried_at.get(instrument).is_some_and(|at| (*at..*at + SALE_AGAIN).contains(&now));
        if !is_early {
            self.tried_at.insert(instrument.clone(), now);
        }
        !is_early
    }

    /// The sale was not tried after all: its price was refuted.
    pub fn end_sale(&mut self, instrument: &Instrument) {
        self.tried_at.remove(instrument);
    }

    /// True when it is news that a sale of `instrument` is held up for the reason of this code.
    pub fn hold_up(&mut self, instrument: &Instrument, code: &'static str) -> bool {
        self.held_up.insert(instrument.clone(), code) != Some(code)
    }

    /// A sale of it is on its way.
    pub fn let_go(&mut self, instrument: &Instrument) {
        self.held_up.remove(instrument);
    }

    /// True when the doubt about `instrument` is news.
    pub fn doubt(&mut self, instrument: &Instrument) -> bool {
        self.doubted.insert(instrument.clone())
    }

    /// Its price can be believed again.
    pub fn believe(&mut self, instrument: &Instrument) {
        self.doubted.remove(instrument);
    }
}

/// Wilder's average true range in the price's unit, as far as it may decide something.
fn atr(bars: &[Candle]) -> Option<Decimal> {
    let pct = candles::atr_pct(bars, Period::new(ATR_DAYS)?)?;
    let close = bars.last()?.close.value();
    close.checked_mul(pct)?.checked_div(Decimal::ONE_HUNDRED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stock() -> Instrument {
        "KR:005930".parse().unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn price(value: i64) -> Price {
        Price::new(Decimal::from(value)).unwrap()
    }

    fn position(since: &str) -> OwnPosition {
        let (entry, since) = (Some(price(1_000)), Some(at(since)));
        OwnPosition { instrument: stock(), quantity: Quantity::new(3), entry, since, peak: None }
    }

    /// `count` days up to 2026-11-24, each 10 high and wide, the last `top` high.
    fn bars(count: u32, top: i64) -> Vec<Candle> {
        let bar = |age: u32| {
            let high = if age == 0 { price(top) } else { price(1_010) };
            let (open, low, close) = (price(1_000), price(1_000), price(1_000));
            Candle {
                at: at("2026-11-23T15:00:00Z") - TimeDelta::days(age.into()),
                open,
                high,
                low,
                close,
                volume: 1,
            }
        };
        (0..count).rev().map(bar).collect()
    }

    #[test]
    fn the_peak_is_of_the_days_after_the_purchase_and_of_what_was_seen() {
        let now = at("2026-11-24T01:00:00Z");
        let peak = |since: &str, top: i64, seen: &[i64]| {
            let mut watch = Watch::default();
            watch.take_positions(vec![position(since)]);
            watch.take_bars(&stock(), &bars(250, top), now);
            seen.iter().for_each(|seen| drop(watch.see(&stock(), price(*seen), now)));
            watch.held(&stock()).unwrap().peak.map(|peak| peak.to_string())
        };
        assert_eq!(peak("2026-11-23T01:00:00Z", 1_050, &[]), Some("1050".into()));
        assert_eq!(
            peak("2026-11-24T00:30:00Z", 1_050, &[]),
            None,
            "that high was before the purchase, or may have been"
        );
        assert_eq!(peak("2026-11-24T00:30:00Z", 1_050, &[1_020, 1_030, 990]), Some("1030".into()));
        assert_eq!(peak("2026-11-10T00:30:00Z", 900, &[]), Some("1010".into()));
    }

    #[test]
    fn what_was_sold_and_bought_again_begins_anew_and_a_stranger_is_not_watched() {
        let (mut watch, now) = (Watch::default(), at("2026-11-24T01:00:00Z"));
        watch.see(&stock(), price(2_000), now);
        assert_eq!(watch.held(&stock()), None);
        watch.take_positions(vec![position("2026-11-24T00:30:00Z")]);
        watch.see(&stock(), price(2_000), now);
        watch.take_positions(vec![position("2026-11-24T00:30:00Z")]);
        assert_eq!(watch.held(&stock()).unwrap().peak, Some(price(2_000)));
        watch.take_positions(vec![position("2026-11-24T02:30:00Z")]);
        assert_eq!(watch.held(&stock()).unwrap().peak, None);
        watch.take_positions(vec![OwnPosition { entry: None, ..position("2026-11-24T02:30:00Z") }]);
        assert_eq!(watch.held(&stock()), None, "nobody knows what it cost");
    }

    #[test]
    fn a_peak_is_given_to_the_books_once_a_minute_and_taken_back_from_them_for_the_same_purchase_only() {
        let (mut watch, now) = (Watch::default(), at("2026-11-24T01:00:00Z"));
        let bought = "2026-11-24T00:30:00Z";
        watch.take_positions(vec![position(bought)]);
        let mut see = |value, second| {
            watch.see(&stock(), price(value), now + TimeDelta::seconds(second)).map(|record| record.peak)
        };
        assert_eq!(see(1_010, 0), Some(price(1_010)));
        assert_eq!((see(1_020, 1), see(1_015, 59)), (None, None), "too early");
        assert_eq!(see(1_005, 60), Some(price(1_020)), "the highest, not the newest");
        assert_eq!((see(1_020, 200), see(1_021, 201)), (None, Some(price(1_021))));
        let restarted = |since: &str| {
            let mut watch = Watch::default();
            watch.take_positions(vec![OwnPosition { peak: Some(price(1_021)), ..position(since) }]);
            let told = watch.see(&stock(), price(1_000), now);
            (told, watch.held(&stock()).unwrap().peak)
        };
        assert_eq!(restarted(bought), (None, Some(price(1_021))));
    }

    #[test]
    fn a_range_decides_nothing_before_200_bars() {
        let atr = |count| atr(&bars(count, 1_010)).map(|atr| atr.round_dp(2).normalize().to_string());
        assert_eq!((atr(199), atr(200)), (None, Some("10".into())));
        assert_eq!(atr(0), None);
    }

    #[test]
    fn bars_are_asked_for_once_a_day_and_again_after_a_failure_and_a_sale_is_not_tried_at_each_price() {
        let (mut watch, now) = (Watch::default(), at("2026-11-24T01:00:00Z"));
        assert!(!watch.begin_bars(&stock(), now), "it is not held");
        watch.take_positions(vec![position("2026-11-23T01:00:00Z")]);
        assert!(watch.begin_bars(&stock(), now) && !watch.begin_bars(&stock(), now));
        assert!(watch.begin_bars(&stock(), now + TimeDelta::minutes(5)));
        watch.take_bars(&stock(), &bars(250, 1_010), now);
        assert!(!watch.begin_bars(&stock(), now + TimeDelta::hours(5)));
        assert!(watch.begin_bars(&stock(), now + TimeDelta::days(1)));
        assert!(watch.begin_sale(&stock(), now) && !watch.begin_sale(&stock(), now + TimeDelta::seconds(19)));
        assert!(watch.begin_sale(&stock(), now + TimeDelta::seconds(20)));
        assert!(watch.begin_sale(&stock(), now), "a clock that was set back holds nothing up");
        assert!(watch.hold_up(&stock(), "Halted") && !watch.hold_up(&stock(), "Halted"));
        assert!(watch.hold_up(&stock(), "OpenOrder"));
        watch.let_go(&stock());
        assert!(watch.hold_up(&stock(), "OpenOrder"));
        assert!(watch.doubt(&stock()) && !watch.doubt(&stock()));
        watch.believe(&stock());
        assert!(watch.doubt(&stock()));
    }
}
