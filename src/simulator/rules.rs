//! What each simulated market demands of an order: price units, fees; and how KIS names the market. Price steps and daily limits are in
//! [`super::steps`].
//!
//! Prices inside the exchange are whole numbers of the market's smallest decimal: won in Korea, cents in the United States, tenths of a
//! yen in Tokyo, thousandths of a dollar in Hong Kong.

use domain::{Currency, Market, Side};
use rust_decimal::{Decimal, RoundingStrategy};

pub(super) use super::steps::{limits, step, topix_500_step};

/// Decimals of a price in units.
pub(super) fn scale(market: Market) -> u32 {
    match market {
        Market::Hk => 3,
        Market::Jp => 1,
        Market::Kr
        | Market::UsNasdaq
        | Market::UsNyse
        | Market::UsAmex
        | Market::CnSha
        | Market::CnSza
        | Market::VnHan
        | Market::VnHcm => market.currency().decimals(),
    }
}

/// Decimals of a price in foreign quotes, `zdiv` (KIS.md 15.3).
pub(super) fn quoted_decimals(market: Market) -> u32 {
    match market {
        Market::Kr | Market::VnHan | Market::VnHcm => 0,
        Market::Jp => 1,
        Market::CnSha | Market::CnSza => 2,
        Market::Hk => 3,
        Market::UsNasdaq | Market::UsNyse | Market::UsAmex => 4,
    }
}

/// A price in units as a number.
pub(super) fn decimal(market: Market, units: i64) -> Decimal {
    Decimal::new(units, scale(market))
}

/// The lowest price that is ever quoted, in units: a hundred won, a dollar.
pub(super) const FLOOR_UNITS: i64 = 100;

/// Commission and tax of a trade of `amount`, at the rates of [`fee_rate`]. Cut to the whole unit in Korea, Japan and Vietnam, rounded to
/// the cent elsewhere.
pub(super) fn fee(currency: Currency, side: Side, amount: Decimal) -> Decimal {
    let rate = fee_rate(currency, side);
    let strategy = match currency {
        Currency::Krw | Currency::Jpy | Currency::Vnd => RoundingStrategy::ToZero,
        Currency::Usd | Currency::Hkd | Currency::Cny => RoundingStrategy::MidpointAwayFromZero,
    };
    (amount * rate).round_dp_with_strategy(currency.decimals(), strategy)
}

/// Commission and tax as a fraction of the amount: the conservative defaults of KIS.md 17. Korea 0.015 % each way and 0.20 % tax on
/// sales; United States 0.25 % each way and 20.60 per million on sales; Japan 0.28 %; Hong Kong 0.41 %; China 0.306 % and 0.05 % on
/// sales; Vietnam 0.40 % and 0.10 % on sales.
pub(super) fn fee_rate(currency: Currency, side: Side) -> Decimal {
    match (currency, side) {
        (Currency::Krw, Side::Buy) => Decimal::new(15, 5),
        (Currency::Krw, Side::Sell) => Decimal::new(215, 5),
        (Currency::Usd, Side::Buy) => Decimal::new(25, 4),
        (Currency::Usd, Side::Sell) => Decimal::new(25_206, 7),
        (Currency::Jpy, Side::Buy | Side::Sell) => Decimal::new(28, 4),
        (Currency::Hkd, Side::Buy | Side::Sell) => Decimal::new(41, 4),
        (Currency::Cny, Side::Buy) => Decimal::new(306, 5),
        (Currency::Cny, Side::Sell) => Decimal::new(356, 5),
        (Currency::Vnd, Side::Buy) => Decimal::new(4, 3),
        (Currency::Vnd, Side::Sell) => Decimal::new(5, 3),
    }
}

/// The branch that numbers orders of `market`: KIS's `KRX_FWDG_ORD_ORGNO`.
pub(super) fn branch(market: Market) -> &'static str {
    if market.is_domestic() { "06010" } else { "01790" }
}

/// KIS's names of a foreign market (KIS.md 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Venue {
    pub(super) market: Market,
    /// In orders and balances, `OVRS_EXCG_CD`.
    pub(super) order_code: &'static str,
    /// In quotes and rankings, `EXCD`.
    pub(super) quote_code: &'static str,
    pub(super) product_type: &'static str,
    pub(super) korean_name: &'static str,
}

const fn place(
    market: Market,
    [order_code, quote_code]: [&'static str; 2],
    product_type: &'static str,
    korean_name: &'static str,
) -> Venue {
    Venue { market, order_code, quote_code, product_type, korean_name }
}

/// The foreign markets.
pub(super) const FOREIGN: [Venue; 9] = [
    place(Market::UsNasdaq, ["NASD", "NAS"], "512", "나스닥"),
    place(Market::UsNyse, ["NYSE", "NYS"], "513", "뉴욕거래소"),
    place(Market::UsAmex, ["AMEX", "AMS"], "529", "아멕스"),
    place(Market::Jp, ["TKSE", "TSE"], "515", "도쿄거래소"),
    place(Market::Hk, ["SEHK", "HKS"], "501", "홍콩거래소"),
    place(Market::CnSha, ["SHAA", "SHS"], "551", "상해A"),
    place(Market::CnSza, ["SZAA", "SZS"], "552", "심천A"),
    place(Market::VnHan, ["HASE", "HNX"], "507", "하노이거래소"),
    place(Market::VnHcm, ["VNSE", "HSX"], "508", "호치민거래소"),
];

/// The names of `market`, if it is foreign.
pub(super) fn foreign(market: Market) -> Option<&'static Venue> {
    FOREIGN.iter().find(|venue| venue.market == market)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sale_costs_tax_and_a_purchase_does_not() {
        let million = Decimal::from(1_000_000);
        assert_eq!(fee(Currency::Krw, Side::Buy, million), Decimal::from(150));
        assert_eq!(fee(Currency::Krw, Side::Sell, million), Decimal::from(2_150));
        assert_eq!(fee(Currency::Usd, Side::Sell, million), Decimal::new(252_060, 2));
        assert_eq!(fee(Currency::Krw, Side::Buy, Decimal::from(6_000)), Decimal::ZERO);
    }
}
