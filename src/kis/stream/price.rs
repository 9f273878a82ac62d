//! Prices out of records (KIS.md 14.3, 14.4, 14.7). What has no price above zero, no time or another phase has none.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _, Utc};
use domain::{Market, Price};
use rust_decimal::Decimal;

use crate::kis::codes::Venue;

/// Fields of each feed.
pub(super) const TRADE_FIELDS: usize = 46;
pub(super) const BOOK_FIELDS: usize = 59;
pub(super) const FOREIGN_FIELDS: usize = 26;
/// A longer number is none.
const NUMBER_CHARS_MAX: usize = 24;
/// A whole number of this many times the last price was sent without its decimal point.
const SCALED_FROM: u32 = 100;

/// A stock's price at a moment, as one record tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tick<'a> {
    /// The code as sent.
    pub(super) symbol: &'a str,
    /// The quote exchange's code, where the record has one.
    pub(super) exchange: Option<&'a str>,
    pub(super) price: Price,
    /// Not later than now.
    pub(super) at: DateTime<Utc>,
}

/// H0STCNT0: the price of a trade.
pub(super) fn domestic_trade<'a>(record: &[&'a str], now: DateTime<Utc>) -> Option<Tick<'a>> {
    let at = korean(record.get(33)?, record.get(1)?)?;
    Some(Tick { symbol: record.first()?, exchange: None, price: price(record.get(2)?)?, at: at.min(now) })
}

/// H0STASP0: the best bid, which is what a sale would bring now; of the regular session alone.
pub(super) fn domestic_book<'a>(record: &[&'a str], now: DateTime<Utc>) -> Option<Tick<'a>> {
    if *record.get(2)? != "0" {
        return None;
    }
    let price = price(record.get(13)?)?;
    // The record has a time and no date: the latest such moment that is not in the future.
    let time = NaiveTime::parse_from_str(record.get(1)?, "%H%M%S").ok()?;
    let zone = Market::Kr.zone();
    let today = now.with_timezone(&zone).date_naive();
    let at = zone.from_local_datetime(&today.and_time(time)).single()?.to_utc();
    let at = if at - now > TimeDelta::hours(12) { at - TimeDelta::days(1) } else { at.min(now) };
    Some(Tick { symbol: record.first()?, exchange: None, price, at })
}

/// HDFSCNT0: the price of a trade. The feeds of `live` have no delay; `last` is what the stock was last known to cost.
pub(super) fn foreign_trade<'a>(
    record: &[&'a str],
    now: DateTime<Utc>,
    live: &BTreeSet<Market>,
    last: impl FnOnce(&str) -> Option<Price>,
) -> Option<Tick<'a>> {
    let symbol = *record.get(1)?;
    let at = korean(record.get(6)?, record.get(7)?)?;
    let price = with_point(record.get(11)?, record.get(2)?, || last(symbol))?;
    let name = record.first()?;
    // A delayed feed is as fresh as it can be when it is late by its delay; `D` is the free one. Its name is not always the
    // one that was registered (KIS.md 14.7), so a market whose feed is live has no delay under any name.
    let code = name.strip_prefix('D').and_then(|code| code.get(..3));
    let delay = code.map(|code| Venue::feed_delay_of(code, live));
    let at = at.checked_add_signed(delay.unwrap_or_default())?;
    Some(Tick { symbol, exchange: name.get(1..4), price, at: at.min(now) })
}

/// A number that may lack its decimal point (KIS.md 14.2): without a point and with decimals announced it is taken as
/// it is only when it is near the last price, and divided when it is a hundred times that. Otherwise nobody knows.
fn with_point(text: &str, decimals: &str, last: impl FnOnce() -> Option<Price>) -> Option<Price> {
    let decimals: u32 = decimals.trim().parse().ok().filter(|decimals| *decimals <= 8)?;
    if text.contains('.') || decimals == 0 {
        return price(text);
    }
    let (sent, last) = (number(text)?, last()?.value());
    if sent <= last.checked_mul(Decimal::from(SCALED_FROM))? {
        return Price::new(sent).ok();
    }
    tracing::debug!(text, decimals, "a streamed price without its decimal point");
    Price::new(sent.checked_div(Decimal::from(10_u64.pow(decimals)))?).ok()
}

fn price(text: &str) -> Option<Price> {
    Price::new(number(text)?).ok()
}

/// Digits with at most one point, nothing else: no sign, no exponent, no blank.
fn number(text: &str) -> Option<Decimal> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if text.is_empty() || text.len() > NUMBER_CHARS_MAX || !is_plain {
        return None;
    }
    text.parse().ok()
}

/// A moment in Korea.
fn korean(date: &str, time: &str) -> Option<DateTime<Utc>> {
    let date = NaiveDate::parse_from_str(date, "%Y%m%d").ok()?;
    let time = NaiveTime::parse_from_str(time, "%H%M%S").ok()?;
    let local = NaiveDateTime::new(date, time);
    Market::Kr.zone().from_local_datetime(&local).single().map(|at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn known(text: &str) -> Option<Price> {
        (!text.is_empty()).then(|| text.parse().unwrap())
    }

    #[test]
    fn trap_23_28_prices_are_decimals_and_one_without_its_point_is_divided_or_refused() {
        let cases = [
            ("15.07", "4", "", "15.07"),
            ("15.07", "4", "20", "15.07"),
            ("1507", "0", "", "1507"),
            ("150700", "4", "15.1", "15.07"),
            ("15", "4", "15.1", "15"),
            ("1507", "4", "15.1", "1507"),
            ("150700", "4", "", ""),
            ("150700", "", "15.1", ""),
            ("150700", "99", "15.1", ""),
        ];
        for (text, decimals, last, expected) in cases {
            let read = with_point(text, decimals, || known(last));
            assert_eq!(read, known(expected), "{text} with {decimals} decimals after {last}");
        }
    }

    #[test]
    fn what_is_no_number_above_zero_is_no_price() {
        let texts = [
            "0",
            "0.00",
            "",
            "NaN",
            "inf",
            "-5",
            "+5",
            "1e9",
            "1_000",
            " 5",
            "5 ",
            "1.2.3",
            ".",
            "9999999999999999999999999",
        ];
        for text in texts {
            assert_eq!(price(text), None, "{text}");
        }
        assert_eq!(price("71900"), known("71900"));
    }

    #[test]
    fn a_price_is_as_old_as_the_exchange_says_and_never_of_the_future() {
        let now = at("2026-11-24T01:00:00Z");
        let record = |time: &'static str, date: &'static str| {
            let mut record = vec!["0"; TRADE_FIELDS];
            (record[0], record[1], record[2], record[33]) = ("005930", time, "71900", date);
            domestic_trade(&record, now).map(|tick| tick.at)
        };
        assert_eq!(record("095900", "20261124"), Some(at("2026-11-24T00:59:00Z")));
        assert_eq!(record("100001", "20261124"), Some(now));
        assert_eq!(record("153000", "20261123"), Some(at("2026-11-23T06:30:00Z")));
        assert_eq!((record("996000", "20261124"), record("095900", "2026")), (None, None));
    }

    #[test]
    fn a_price_of_the_free_feed_of_asia_is_as_fresh_as_its_delay_allows() {
        let now = at("2026-11-24T01:30:00Z");
        let seen_by = |live: &BTreeSet<Market>, name: &'static str, time: &'static str| {
            let mut record = vec!["0"; FOREIGN_FIELDS];
            (record[0], record[1], record[6], record[7], record[11]) =
                (name, "7203", "20261124", time, "2815");
            foreign_trade(&record, now, live, |_| None).map(|tick| tick.at)
        };
        let seen = |name, time| seen_by(&BTreeSet::new(), name, time);
        assert_eq!(seen("DTSE7203", "101400"), Some(at("2026-11-24T01:29:00Z")));
        assert_eq!(seen("DTSE7203", "102900"), Some(now), "never of the future");
        assert_eq!(
            seen("RTSE7203", "101400"),
            Some(at("2026-11-24T01:14:00Z")),
            "the paid feed has no delay"
        );
        assert_eq!(seen("DNAS7203", "101400"), Some(at("2026-11-24T01:14:00Z")));
        let paid = seen_by(&[Market::Jp].into(), "DTSE7203", "101400");
        assert_eq!(paid, Some(at("2026-11-24T01:14:00Z")), "a paid feed that names itself as the free one");
    }

    #[test]
    fn a_book_tells_the_best_bid_of_the_session_with_the_latest_moment_of_its_time() {
        let book = |time: &'static str, class: &'static str, bid: &'static str, now: &str| {
            let mut record = vec!["0"; BOOK_FIELDS];
            (record[0], record[1], record[2], record[3], record[13]) = ("005930", time, class, "71900", bid);
            domestic_book(&record, at(now)).map(|tick| (tick.price.to_string(), tick.at))
        };
        let now = "2026-11-24T01:00:00Z";
        assert_eq!(book("093730", "0", "71800", now), Some(("71800".into(), at("2026-11-24T00:37:30Z"))));
        assert_eq!(
            book("235959", "0", "71800", "2026-11-23T15:00:01Z"),
            Some(("71800".into(), at("2026-11-23T14:59:59Z")))
        );
        assert_eq!(book("093730", "0", "0", now), None, "nobody bids");
        assert_eq!(book("093730", "A", "71800", now), None, "an auction is no price");
    }
}
