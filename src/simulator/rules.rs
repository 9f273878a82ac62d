//! What each simulated market demands of an order: price steps, daily limits, fees; and how KIS names the market.
//!
//! Prices inside the exchange are whole numbers of the market's smallest decimal: won in Korea, cents in the United States.

use domain::{Currency, Market, Side};
use rust_decimal::{Decimal, RoundingStrategy};

/// Decimals of a price in units.
pub(super) fn scale(market: Market) -> u32 {
    market.currency().decimals()
}

/// A price in units as a number.
pub(super) fn decimal(market: Market, units: i64) -> Decimal {
    Decimal::new(units, scale(market))
}

/// KRX price steps since 2023 (KIS.md 15.1): below the bound, the step, in won.
const KRX_STEPS: [(i64, i64); 6] =
    [(2_000, 1), (5_000, 5), (20_000, 10), (50_000, 50), (200_000, 100), (500_000, 500)];

/// The price step at `units`. US stocks here never fall below a dollar, so their step is always a cent.
pub(super) fn step(market: Market, units: i64) -> i64 {
    if !market.is_domestic() {
        return 1;
    }
    KRX_STEPS.iter().find(|(bound, _)| units < *bound).map_or(1_000, |(_, step)| *step)
}

/// `units` on the price step below.
pub(super) fn floor(market: Market, units: i64) -> i64 {
    units - units.rem_euclid(step(market, units))
}

/// The next price up.
pub(super) fn up(market: Market, units: i64) -> i64 {
    units + step(market, units)
}

/// The next price down.
pub(super) fn down(market: Market, units: i64) -> i64 {
    floor(market, units - 1)
}

/// The lowest price that is ever quoted: a hundred won, a dollar.
pub(super) const FLOOR_UNITS: i64 = 100;

/// The lowest and highest price of a day whose base price is `base` (KIS.md 15.2): Korea 30 %, cut to the base's step and brought
/// inwards onto the step where the limit falls. None where there are no limits.
pub(super) fn limits(market: Market, base: i64) -> Option<(i64, i64)> {
    if !market.is_domestic() {
        return None;
    }
    let width = floor_to(base * 3 / 10, step(market, base));
    let lower = base - width;
    let inward = floor(market, lower);
    let lower = if inward == lower { lower } else { up(market, inward) };
    Some((lower, floor(market, base + width)))
}

fn floor_to(value: i64, step: i64) -> i64 {
    value - value.rem_euclid(step)
}

/// Commission and tax of a trade of `amount` (KIS.md 17): Korea 0.015 % each way and 0.20 % tax on sales; United States 0.25 % each
/// way and 20.60 per million on sales. Cut to the won, rounded to the cent.
pub(super) fn fee(currency: Currency, side: Side, amount: Decimal) -> Decimal {
    let rate = fee_rate(currency, side);
    let strategy = match currency {
        Currency::Krw | Currency::Jpy | Currency::Vnd => RoundingStrategy::ToZero,
        Currency::Usd | Currency::Hkd | Currency::Cny => RoundingStrategy::MidpointAwayFromZero,
    };
    (amount * rate).round_dp_with_strategy(currency.decimals(), strategy)
}

/// The rate of [`fee`], as a fraction. Currencies without a simulated market cost the US rate.
pub(super) fn fee_rate(currency: Currency, side: Side) -> Decimal {
    match (currency, side) {
        (Currency::Krw, Side::Buy) => Decimal::new(15, 5),
        (Currency::Krw, Side::Sell) => Decimal::new(215, 5),
        (Currency::Usd | Currency::Jpy | Currency::Hkd | Currency::Cny | Currency::Vnd, Side::Buy) => {
            Decimal::new(25, 4)
        }
        (Currency::Usd | Currency::Jpy | Currency::Hkd | Currency::Cny | Currency::Vnd, Side::Sell) => {
            Decimal::new(25_206, 7)
        }
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

/// The foreign markets that are simulated.
pub(super) const FOREIGN: [Venue; 3] = [
    Venue {
        market: Market::UsNasdaq,
        order_code: "NASD",
        quote_code: "NAS",
        product_type: "512",
        korean_name: "나스닥",
    },
    Venue {
        market: Market::UsNyse,
        order_code: "NYSE",
        quote_code: "NYS",
        product_type: "513",
        korean_name: "뉴욕거래소",
    },
    Venue {
        market: Market::UsAmex,
        order_code: "AMEX",
        quote_code: "AMS",
        product_type: "529",
        korean_name: "아멕스",
    },
];

/// The names of `market`, if it is foreign and simulated.
pub(super) fn foreign(market: Market) -> Option<&'static Venue> {
    FOREIGN.iter().find(|venue| venue.market == market)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn korean_limits_are_thirty_percent_cut_to_the_step() {
        let cases = [(128_500, (90_000, 167_000)), (111_000, (77_700, 144_300)), (1_001, (701, 1_301))];
        for (base, expected) in cases {
            assert_eq!(limits(Market::Kr, base), Some(expected), "{base}");
        }
        assert_eq!(limits(Market::UsNasdaq, 10_000), None);
    }

    #[test]
    fn neighbouring_prices_cross_the_bands_without_leaving_the_step() {
        assert_eq!(up(Market::Kr, 49_950), 50_000);
        assert_eq!(down(Market::Kr, 50_000), 49_950);
        assert_eq!(down(Market::Kr, 2_000), 1_999);
        assert_eq!((up(Market::UsNyse, 999), down(Market::UsNyse, 999)), (1_000, 998));
    }

    #[test]
    fn a_sale_costs_tax_and_a_purchase_does_not() {
        let million = Decimal::from(1_000_000);
        assert_eq!(fee(Currency::Krw, Side::Buy, million), Decimal::from(150));
        assert_eq!(fee(Currency::Krw, Side::Sell, million), Decimal::from(2_150));
        assert_eq!(fee(Currency::Usd, Side::Sell, million), Decimal::new(252_060, 2));
        assert_eq!(fee(Currency::Krw, Side::Buy, Decimal::from(6_000)), Decimal::ZERO);
    }
}
