//! The highest and lowest price of a day, where the exchange does not tell them: on paper, in Japan, China and Vietnam.
//!
//! KIS.md 15.2 gives the widths of China and Vietnam; those of Tokyo are the exchange's own table, by the base price. Both
//! are used to keep a limit inside, never to refuse an order: only what the exchange told does that.

use domain::tick::{self, Rounding};
use domain::{Market, Price, Symbol};
use rust_decimal::Decimal;

/// Tokyo's widths: below the first number of yen, the second.
const TOKYO: [(u32, u32); 32] = [
    (100, 30),
    (200, 50),
    (500, 80),
    (700, 100),
    (1_000, 150),
    (1_500, 300),
    (2_000, 400),
    (3_000, 500),
    (5_000, 700),
    (7_000, 1_000),
    (10_000, 1_500),
    (15_000, 3_000),
    (20_000, 4_000),
    (30_000, 5_000),
    (50_000, 7_000),
    (70_000, 10_000),
    (100_000, 15_000),
    (150_000, 30_000),
    (200_000, 40_000),
    (300_000, 50_000),
    (500_000, 70_000),
    (700_000, 100_000),
    (1_000_000, 150_000),
    (1_500_000, 300_000),
    (2_000_000, 400_000),
    (3_000_000, 500_000),
    (5_000_000, 700_000),
    (7_000_000, 1_000_000),
    (10_000_000, 1_500_000),
    (15_000_000, 3_000_000),
    (20_000_000, 4_000_000),
    (30_000_000, 5_000_000),
];

/// Upper and lower limit of a day that begins with `base`, the close before it; none where there are no limits, or where
/// nobody knows them.
pub(super) fn day_limits(market: Market, symbol: &Symbol, base: Option<Price>) -> [Option<Price>; 2] {
    let Some((base, width)) =
        base.and_then(|base| Some((base.value(), width(market, symbol, base.value())?)))
    else {
        return [None; 2];
    };
    let aligned = |value: Decimal, rounding| {
        Price::try_from(value).ok().and_then(|price| tick::align(market, price, rounding).ok())
    };
    [aligned(base + width, Rounding::Down), aligned(base - width, Rounding::Up)]
}

fn width(market: Market, symbol: &Symbol, base: Decimal) -> Option<Decimal> {
    let percent = |percent: i64| base * Decimal::new(percent, 2);
    match market {
        Market::Jp => TOKYO
            .iter()
            .find(|(below, _)| base < Decimal::from(*below))
            .map(|(_, width)| Decimal::from(*width)),
        Market::CnSha | Market::CnSza if is_growth_board(symbol) => Some(percent(20)),
        Market::CnSha | Market::CnSza | Market::VnHan => Some(percent(10)),
        Market::VnHcm => Some(percent(7)),
        Market::Kr | Market::UsNasdaq | Market::UsNyse | Market::UsAmex | Market::Hk => None,
    }
}

/// STAR in Shanghai (688, 689) and ChiNext in Shenzhen (300, 301, 302).
fn is_growth_board(symbol: &Symbol) -> bool {
    ["688", "689", "300", "301", "302"].iter().any(|board| symbol.as_str().starts_with(board))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_lie_inside_the_width_of_their_market_and_on_a_step() {
        let cases = [
            (Market::Jp, "7203", "2815", Some(["3315", "2315"])),
            (Market::Jp, "6861", "65000", Some(["75000", "55000"])),
            (Market::CnSha, "600519", "12.46", Some(["13.70", "11.22"])),
            (Market::CnSha, "688981", "12.46", Some(["14.95", "9.97"])),
            (Market::CnSza, "300750", "200.00", Some(["240.00", "160.00"])),
            (Market::VnHan, "SHS", "21400", Some(["23500", "19300"])),
            (Market::VnHcm, "VNM", "27450", Some(["29350", "25550"])),
            (Market::Hk, "00700", "512", None),
            (Market::UsNasdaq, "AAPL", "430", None),
        ];
        for (market, symbol, base, expected) in cases {
            let found = day_limits(market, &symbol.parse().unwrap(), base.parse().ok());
            let expected =
                expected.map_or([None; 2], |limits| limits.map(|limit| limit.parse::<Price>().ok()));
            assert_eq!(found, expected, "{market} {base}");
        }
        assert_eq!(day_limits(Market::Jp, &"7203".parse().unwrap(), None), [None; 2]);
    }
}
