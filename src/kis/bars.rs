//! Bars as KIS sends them: newest first, in pages, with holes. Collected here, oldest first.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};
use domain::{Candle, Market};

use super::wire::{Row, WireError};

/// Pages of one series, at most: 10 pages of 100 days are four years.
const PAGES_MAX: u32 = 10;

/// A series being collected, newest page first.
#[derive(Debug)]
pub(super) struct Window {
    wanted: usize,
    pages: u32,
    bars: BTreeMap<DateTime<Utc>, Candle>,
}

impl Window {
    /// A series of `count` bars.
    pub(super) fn new(count: u16) -> Self {
        Self { wanted: usize::from(count.max(1)), pages: 0, bars: BTreeMap::new() }
    }

    /// True while bars are missing and another page may be asked for.
    pub(super) fn wants_more(&self) -> bool {
        self.bars.len() < self.wanted && self.pages < PAGES_MAX
    }

    /// Adds a page.
    pub(super) fn add(&mut self, page: Vec<Candle>) {
        self.pages += 1;
        self.bars.extend(page.into_iter().map(|bar| (bar.at, bar)));
    }

    /// The newest bars wanted, oldest first.
    pub(super) fn into_bars(self) -> Vec<Candle> {
        let surplus = self.bars.len().saturating_sub(self.wanted);
        self.bars.into_values().skip(surplus).collect()
    }
}

/// The bar of a row; none when a price is absent (a day without trade) or the prices contradict each other (KIS
/// corrects today's foreign bar a day later, KIS.md 13.3).
///
/// # Errors
/// [`WireError::Bad`] for a number that is none.
pub(super) fn candle(
    row: &Row,
    at: DateTime<Utc>,
    [open, high, low, close]: [&'static str; 4],
    volume: &'static str,
) -> Result<Option<Candle>, WireError> {
    let prices = (row.price(open)?, row.price(high)?, row.price(low)?, row.price(close)?);
    let (Some(open), Some(high), Some(low), Some(close)) = prices else { return Ok(None) };
    let Some(volume) = row.whole(volume)? else { return Ok(None) };
    Ok(Candle::new(at, [open, high, low, close], volume)
        .inspect_err(|error| tracing::debug!(%error, "bar skipped"))
        .ok())
}

/// The day before the oldest date of a page; none when the page brought nothing older than `last`.
pub(super) fn before_oldest(page: &[Row], field: &'static str, last: NaiveDate) -> Option<NaiveDate> {
    let oldest = page.iter().filter_map(|row| row.date(field).ok()).min()?;
    oldest.checked_sub_days(Days::new(1)).filter(|earlier| *earlier < last)
}

/// The minute before the oldest time of a page; none when that is yesterday or nothing older came.
pub(super) fn minute_before_oldest(page: &[Row], field: &'static str, last: NaiveTime) -> Option<NaiveTime> {
    let oldest = page.iter().filter_map(|row| row.time(field)).min()?;
    let (earlier, wrapped) = oldest.overflowing_sub_signed(TimeDelta::minutes(1));
    (wrapped == 0 && earlier < last).then_some(earlier)
}

/// `YYYYMMDD`.
pub(super) fn compact(date: NaiveDate) -> String {
    date.format("%Y%m%d").to_string()
}

/// Midnight in the market's zone: where its daily bar starts.
pub(super) fn day_start(market: Market, date: NaiveDate) -> DateTime<Utc> {
    moment(market, date, NaiveTime::MIN)
}

/// A wall-clock moment of the market. Two moments of one name (the clock is set back): the earlier; a moment that the
/// clock skips: the same digits in UTC, which no session of ours contains.
pub(super) fn moment(market: Market, date: NaiveDate, time: NaiveTime) -> DateTime<Utc> {
    let local = date.and_time(time);
    market.zone().from_local_datetime(&local).earliest().map_or_else(|| local.and_utc(), |at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(day: u32) -> Candle {
        let at = day_start(Market::Kr, NaiveDate::from_ymd_opt(2026, 11, day).unwrap());
        Candle::new(at, ["1"; 4].map(|price| price.parse().unwrap()), 1).unwrap()
    }

    #[test]
    fn the_newest_bars_come_back_oldest_first_and_only_once() {
        let mut window = Window::new(3);
        window.add(vec![bar(24), bar(23)]);
        assert!(window.wants_more());
        window.add(vec![bar(23), bar(20), bar(19)]);
        assert!(!window.wants_more());
        assert_eq!(window.into_bars(), [bar(20), bar(23), bar(24)]);
    }

    #[test]
    fn a_series_without_end_stops_after_ten_pages() {
        let mut window = Window::new(1000);
        for _ in 0..PAGES_MAX {
            assert!(window.wants_more());
            window.add(Vec::new());
        }
        assert!(!window.wants_more());
    }

    #[test]
    fn a_daily_bar_starts_at_midnight_of_its_market() {
        let date = NaiveDate::from_ymd_opt(2026, 11, 24).unwrap();
        assert_eq!(day_start(Market::Kr, date).to_rfc3339(), "2026-11-23T15:00:00+00:00");
        assert_eq!(Market::UsNyse.date_at(day_start(Market::UsNyse, date)), date);
    }
}
