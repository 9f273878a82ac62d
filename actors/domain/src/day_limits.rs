//! How far a price may move on one day, where the exchange limits it and the limit follows from a rule.
//!
//! KIS.md 15.2 gives the widths of China and Vietnam; those of Tokyo are the exchange's own table, by the base price. Korea's
//! limits are told by the exchange, so they are not here; the Americas and Hong Kong have none.

use rust_decimal::Decimal;

use crate::{Market, Symbol};

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

/// How far from `base`, the close of the day before, a price of the day may be, in the market's currency; none where there is
/// no limit, or where the exchange tells it.
pub fn width(market: Market, symbol: &Symbol, base: Decimal) -> Option<Decimal> {
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
