//! How KIS names nations, currencies and settlement: the facts of KIS.md 7.1 and 18 that inquiries repeat.

use chrono::NaiveDate;
use domain::{Currency, Market};
use rust_decimal::Decimal;

use super::ClosedDates;

/// A nation as KIS writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nation {
    /// ISO 3166 numeric, `NATN_CD`.
    pub(super) code: &'static str,
    /// ISO 3166 alpha-2.
    pub(super) letters: &'static str,
    pub(super) korean_name: &'static str,
}

/// The nation of `market`.
pub(super) fn nation(market: Market) -> Nation {
    let of = |code, letters, korean_name| Nation { code, letters, korean_name };
    match market {
        Market::Kr => of("410", "KR", "대한민국"),
        Market::UsNasdaq | Market::UsNyse | Market::UsAmex => of("840", "US", "미국"),
        Market::Jp => of("392", "JP", "일본"),
        Market::Hk => of("344", "HK", "홍콩"),
        Market::CnSha | Market::CnSza => of("156", "CN", "중화인민공화국"),
        Market::VnHan | Market::VnHcm => of("704", "VN", "베트남"),
    }
}

/// `TR_MKET_CD`: which market within its nation.
pub(super) fn market_code(market: Market) -> &'static str {
    match market {
        Market::Kr | Market::UsNasdaq | Market::Jp | Market::Hk | Market::VnHan => "01",
        Market::UsNyse | Market::VnHcm => "02",
        Market::CnSha => "03",
        Market::CnSza => "04",
        Market::UsAmex => "05",
    }
}

/// The currency's Korean name.
pub(super) fn currency_name(currency: Currency) -> &'static str {
    match currency {
        Currency::Krw => "한국 원",
        Currency::Usd => "미국달러",
        Currency::Jpy => "일본엔",
        Currency::Hkd => "홍콩달러",
        Currency::Cny => "중국위안",
        Currency::Vnd => "베트남 동",
    }
}

/// When a trade of `date` settles: on the market's own calendar, and in Korea (KIS.md 18).
pub(super) fn settlement(closed: &ClosedDates, market: Market, date: NaiveDate) -> (NaiveDate, NaiveDate) {
    let after = |sessions| closed.shifted(market, date, sessions);
    match market {
        Market::Kr | Market::Jp | Market::Hk | Market::VnHan | Market::VnHcm => (after(2), after(2)),
        Market::CnSha | Market::CnSza => (after(1), after(1)),
        Market::UsNasdaq | Market::UsNyse | Market::UsAmex => {
            (after(1), closed.shifted(Market::Kr, after(1), 1))
        }
    }
}

/// An international securities number of the right form for `symbol`: nation, nine characters, check digit. The exchange
/// invents its stocks, so it invents their numbers.
pub(super) fn securities_number(market: Market, symbol: &str) -> String {
    let plain: String = symbol.chars().filter(char::is_ascii_alphanumeric).take(9).collect();
    let body = format!("{}{plain:0>9}", nation(market).letters);
    format!("{body}{}", check_digit(&body))
}

/// The Luhn digit over letters as numbers from 10 (ISO 6166).
fn check_digit(body: &str) -> u32 {
    let digits: Vec<u32> = body
        .chars()
        .filter_map(|character| character.to_digit(36))
        .flat_map(|value| if value > 9 { vec![value / 10, value % 10] } else { vec![value] })
        .collect();
    let doubled = |(place, digit): (usize, &u32)| if place % 2 == 0 { digit * 2 } else { *digit };
    let sum: u32 = digits.iter().rev().enumerate().map(doubled).map(|value| value / 10 + value % 10).sum();
    (10 - sum % 10) % 10
}

/// Won for one unit of `currency` (for one yen, too); the simulated rates do not move.
pub(super) fn won_per(currency: Currency) -> Decimal {
    match currency {
        Currency::Krw => Decimal::ONE,
        Currency::Usd => Decimal::from(1_450),
        Currency::Jpy => Decimal::new(93, 1),
        Currency::Hkd => Decimal::from(186),
        Currency::Cny => Decimal::from(203),
        Currency::Vnd => Decimal::new(55, 3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_securities_number_ends_with_its_check_digit() {
        // ISO 6166's own example, and the number of KIS's sample of search-stock-info.
        assert_eq!(check_digit("US037833100"), 5);
        assert_eq!(check_digit("KR700066000"), 1);
        assert_eq!(securities_number(Market::UsNasdaq, "AAPL").len(), 12);
    }

    #[test]
    fn american_trades_settle_a_day_later_in_korea_and_closed_days_do_not_count() {
        let date = |text: &str| text.parse::<NaiveDate>().unwrap();
        let closed: ClosedDates = [(Market::UsNyse, date("2026-11-26"))].into_iter().collect();
        let of = |market, day| {
            let (local, korean) = settlement(&closed, market, date(day));
            (local.to_string(), korean.to_string())
        };
        assert_eq!(of(Market::UsNyse, "2026-11-25"), ("2026-11-27".into(), "2026-11-30".into()));
        assert_eq!(of(Market::Jp, "2026-11-26"), ("2026-11-30".into(), "2026-11-30".into()));
        assert_eq!(of(Market::CnSha, "2026-11-26"), ("2026-11-27".into(), "2026-11-27".into()));
    }
}
