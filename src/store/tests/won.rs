//! What the days of the account in won began with.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::messages::won::{RecordWonDayStart, WonPart};
use domain::{Currency, WonRate};

use super::*;

fn part(currency: Currency, equity: i64, rate: &str) -> WonPart {
    let posted_on = NaiveDate::from_ymd_opt(2026, 11, 26).unwrap();
    let rate = WonRate::new(rate.parse().unwrap(), posted_on).unwrap();
    WonPart { equity: Money::new(equity.into(), currency), rate }
}

#[test]
fn the_first_part_of_a_date_and_currency_stays_and_later_currencies_join_it() {
    let mut books = Books::new();
    let mut record = |date: &str, parts: Vec<WonPart>| {
        let start = RecordWonDayStart { session_date: date.parse().unwrap(), parts, has_tripped: false };
        books.store.record_won_day_start(&start, books.now).unwrap().parts
    };
    let (won, dollars) = (part(Currency::Krw, 6_000_000, "1"), part(Currency::Usd, 10_000, "1400.5"));
    assert_eq!(record("2026-11-26", vec![]), BTreeMap::new());
    assert_eq!(record("2026-11-26", vec![won]), BTreeMap::from([(Currency::Krw, won)]));
    let later = part(Currency::Krw, 5_000_000, "1");
    let both = BTreeMap::from([(Currency::Krw, won), (Currency::Usd, dollars)]);
    assert_eq!(record("2026-11-26", vec![later, dollars]), both);
    assert_eq!(record("2026-11-26", vec![part(Currency::Usd, 1, "1300")]), both);
    let dong = part(Currency::Vnd, 1_000_000_000, "0.0563");
    assert_eq!(record("2026-11-27", vec![dong]), BTreeMap::from([(Currency::Vnd, dong)]));
}
