//! Price steps: a limit price that is off its tick is refused by the exchange (KIS.md 15).

use rust_decimal::Decimal;

use crate::{Market, MoneyError, Price};

/// Which way to move a price that is off its tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the tick below: a seller who wants to be filled, or a buyer who will not pay more.
    Down,
    /// To the tick above.
    Up,
}

/// KRX price bands since 2023-01-25, KOSPI and KOSDAQ alike: below the bound, the step, both in won.
const KRX: [(i64, i64); 6] =
    [(2_000, 1), (5_000, 5), (20_000, 10), (50_000, 50), (200_000, 100), (500_000, 500)];
/// TSE price bands of the TOPIX 500 constituents: up to the bound, in yen, the step, in tenths of a yen. They were those of
/// TOPIX 100 alone until 2023-06-05, when TOPIX Mid400 joined (JPX, "TOPIX 500 tick size table"). KIS.md has only that there
/// is a finer table.
const TSE_TOPIX_500: [(i64, i64); 10] = [
    (1_000, 1),
    (3_000, 5),
    (10_000, 10),
    (30_000, 50),
    (100_000, 100),
    (300_000, 500),
    (1_000_000, 1_000),
    (3_000_000, 5_000),
    (10_000_000, 10_000),
    (30_000_000, 50_000),
];
/// TSE standard price bands (stocks outside TOPIX 500): up to the bound, the step, in yen.
const TSE: [(i64, i64); 10] = [
    (3_000, 1),
    (5_000, 5),
    (30_000, 10),
    (50_000, 50),
    (300_000, 100),
    (500_000, 500),
    (3_000_000, 1_000),
    (5_000_000, 5_000),
    (30_000_000, 10_000),
    (50_000_000, 50_000),
];

/// HKEX spread table, part A (Rules of the Exchange, Second Schedule): below the bound, in thousandths of a dollar, the steps,
/// in thousandths. The columns: until 2025-08-03; since 2025-08-04, phase 1 of HKEX's "Reduction of Minimum Spreads" (conclusions
/// of its consultation, December 2024), which took the bands from 10 to 50 dollars; its phase 2, planned for the middle of 2026,
/// which takes the band from 0.5 to 10 dollars; and the finest step that is valid in all three. Both phases are of shares and
/// REITs: exchange traded products have tables of their own, which are not here.
const HONG_KONG: [(i64, [i64; 4]); 11] = [
    (250, [1, 1, 1, 1]),
    (500, [5, 5, 5, 5]),
    (10_000, [10, 10, 5, 10]),
    (20_000, [20, 10, 10, 20]),
    (50_000, [50, 20, 20, 100]),
    (100_000, [50, 50, 50, 50]),
    (200_000, [100, 100, 100, 100]),
    (500_000, [200, 200, 200, 200]),
    (1_000_000, [500, 500, 500, 500]),
    (2_000_000, [1_000, 1_000, 1_000, 1_000]),
    (5_000_000, [2_000, 2_000, 2_000, 2_000]),
];
/// What a step told in Hong Kong teaches, all in thousandths of a dollar: between these prices, this step, that table. The bounds
/// themselves belong to two bands and teach nothing. A step that phase 1 and phase 2 share teaches the coarser of the two.
const HONG_KONG_TELLS: [([i64; 2], i64, TickTable); 5] = [
    ([500, 10_000], 5, TickTable::HongKongSince2026),
    ([10_000, 20_000], 20, TickTable::HongKongBefore2025),
    ([10_000, 20_000], 10, TickTable::HongKongSince2025),
    ([20_000, 50_000], 50, TickTable::HongKongBefore2025),
    ([20_000, 50_000], 20, TickTable::HongKongSince2025),
];

/// Which of a market's tables of price steps a stock follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TickTable {
    /// The one that every stock of the market takes: where there are several tables, its steps are valid in all of them.
    #[default]
    OfMarket,
    /// The finer one of the TOPIX 500 constituents in Tokyo.
    Topix500,
    /// Hong Kong's of the time before 2025-08-04.
    HongKongBefore2025,
    /// Hong Kong's since 2025-08-04: finer from 10 to 50 dollars.
    HongKongSince2025,
    /// Hong Kong's of 2026: finer from 0.5 to 10 dollars, too.
    HongKongSince2026,
}

impl TickTable {
    /// The table that a stock of `market` follows whose step at `price` is told as `step` (KIS.md 13.2, `e_hogau`). Only
    /// Tokyo and Hong Kong have several; a step that tells none of them apart teaches nothing, and the market's own table is
    /// right for every stock.
    pub fn told(market: Market, price: Price, step: Decimal) -> Self {
        match market {
            Market::Jp if step == topix_500(price.value()) && step != size(market, price) => Self::Topix500,
            Market::Hk => told_in_hong_kong(price.value(), step),
            Market::Jp
            | Market::Kr
            | Market::UsNasdaq
            | Market::UsNyse
            | Market::UsAmex
            | Market::CnSha
            | Market::CnSza
            | Market::VnHan
            | Market::VnHcm => Self::OfMarket,
        }
    }

    /// The price step of a stock of `market` at `price`.
    pub fn size(self, market: Market, price: Price) -> Decimal {
        match self {
            Self::Topix500 if market == Market::Jp => topix_500(price.value()),
            Self::HongKongBefore2025 if market == Market::Hk => hong_kong(0, price.value()),
            Self::HongKongSince2025 if market == Market::Hk => hong_kong(1, price.value()),
            Self::HongKongSince2026 if market == Market::Hk => hong_kong(2, price.value()),
            Self::Topix500
            | Self::HongKongBefore2025
            | Self::HongKongSince2025
            | Self::HongKongSince2026
            | Self::OfMarket => size(market, price),
        }
    }

    /// `price` moved to its tick.
    ///
    /// # Errors
    /// [`MoneyError::NotAPrice`] when rounding down leaves nothing.
    pub fn align(self, market: Market, price: Price, rounding: Rounding) -> Result<Price, MoneyError> {
        let step = self.size(market, price);
        let steps = price.value() / step;
        let whole = match rounding {
            Rounding::Down => steps.floor(),
            Rounding::Up => steps.ceil(),
        };
        Price::new(whole * step)
    }

    /// `price` moved by `ticks` steps (negative: down), then aligned towards where it moved.
    ///
    /// # Errors
    /// [`MoneyError::NotAPrice`] when nothing above zero is left.
    pub fn shift(self, market: Market, price: Price, ticks: i32) -> Result<Price, MoneyError> {
        let moved = Price::new(price.value() + self.size(market, price) * Decimal::from(ticks))?;
        self.align(market, moved, if ticks < 0 { Rounding::Down } else { Rounding::Up })
    }

    /// True when `price` is on its tick.
    pub fn is_aligned(self, market: Market, price: Price) -> bool {
        (price.value() % self.size(market, price)).is_zero()
    }
}

/// The price step of `market` at `price`, as every stock of it takes it.
///
/// Vietnam's HOSE has 10/50/100 dong bands, Hanoi 100 dong. Hong Kong's are those valid in each of
/// its tables.
pub fn size(market: Market, price: Price) -> Decimal {
    let value = price.value();
    match market {
        Market::Kr => below(&KRX, value).unwrap_or_else(|| Decimal::from(1_000)),
        Market::UsNasdaq | Market::UsNyse | Market::UsAmex => {
            if value >= Decimal::ONE {
                Decimal::new(1, 2)
            } else {
                Decimal::new(1, 4)
            }
        }
        Market::Jp => up_to(&TSE, value),
        Market::CnSha | Market::CnSza => Decimal::new(1, 2),
        Market::Hk => hong_kong(3, value),
        Market::VnHan => Decimal::from(100),
        Market::VnHcm => below(&[(10_000, 10), (50_000, 50)], value).unwrap_or_else(|| Decimal::from(100)),
    }
}

/// [`TickTable::align`] by the table of the market.
///
/// # Errors
/// As there.
pub fn align(market: Market, price: Price, rounding: Rounding) -> Result<Price, MoneyError> {
    TickTable::OfMarket.align(market, price, rounding)
}

/// [`TickTable::shift`] by the table of the market.
///
/// # Errors
/// As there.
pub fn shift(market: Market, price: Price, ticks: i32) -> Result<Price, MoneyError> {
    TickTable::OfMarket.shift(market, price, ticks)
}

/// [`TickTable::is_aligned`] by the table of the market.
pub fn is_aligned(market: Market, price: Price) -> bool {
    TickTable::OfMarket.is_aligned(market, price)
}

fn below(bands: &[(i64, i64)], value: Decimal) -> Option<Decimal> {
    bands.iter().find(|(bound, _)| value < Decimal::from(*bound)).map(|(_, step)| Decimal::from(*step))
}

fn up_to(bands: &[(i64, i64)], value: Decimal) -> Decimal {
    let band = bands.iter().find(|(bound, _)| value <= Decimal::from(*bound));
    band.map_or_else(|| Decimal::from(100_000), |(_, step)| Decimal::from(*step))
}

fn topix_500(value: Decimal) -> Decimal {
    let band = TSE_TOPIX_500.iter().find(|(bound, _)| value <= Decimal::from(*bound));
    band.map_or_else(|| Decimal::from(10_000), |(_, tenths)| Decimal::new(*tenths, 1))
}

/// The step at `value` in a column of [`HONG_KONG`].
fn hong_kong(column: usize, value: Decimal) -> Decimal {
    let band = HONG_KONG.iter().find(|(bound, _)| value < Decimal::new(*bound, 3));
    let step = band.and_then(|(_, steps)| steps.get(column));
    step.map_or_else(|| Decimal::from(5), |thousandths| Decimal::new(*thousandths, 3))
}

fn told_in_hong_kong(value: Decimal, step: Decimal) -> TickTable {
    let told = HONG_KONG_TELLS.iter().find(|([above, below], thousandths, _)| {
        value > Decimal::new(*above, 3)
            && value < Decimal::new(*below, 3)
            && step == Decimal::new(*thousandths, 3)
    });
    told.map_or(TickTable::OfMarket, |(_, _, table)| *table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_follow_each_exchanges_bands_at_their_edges() {
        let cases = [
            (Market::Kr, "1999", "1"),
            (Market::Kr, "2000", "5"),
            (Market::Kr, "4995", "5"),
            (Market::Kr, "19990", "10"),
            (Market::Kr, "20000", "50"),
            (Market::Kr, "50000", "100"),
            (Market::Kr, "200000", "500"),
            (Market::Kr, "500000", "1000"),
            (Market::UsNasdaq, "1", "0.01"),
            (Market::UsNyse, "0.99", "0.0001"),
            (Market::Jp, "3000", "1"),
            (Market::Jp, "3005", "5"),
            (Market::Hk, "10", "0.02"),
            (Market::VnHcm, "9990", "10"),
            (Market::VnHcm, "50000", "100"),
        ];
        for (market, price, step) in cases {
            assert_eq!(size(market, price.parse().unwrap()), step.parse().unwrap(), "{market} {price}");
        }
    }

    #[test]
    fn a_price_between_two_ticks_moves_the_way_it_is_told() {
        let price: Price = "70123".parse().unwrap();
        assert_eq!(align(Market::Kr, price, Rounding::Down).unwrap().to_string(), "70100");
        assert_eq!(align(Market::Kr, price, Rounding::Up).unwrap().to_string(), "70200");
        assert_eq!(shift(Market::Kr, "49950".parse().unwrap(), 1).unwrap().to_string(), "50000");
        assert!(is_aligned(Market::UsNasdaq, "150.25".parse().unwrap()));
        assert!(!is_aligned(Market::UsNasdaq, "150.255".parse().unwrap()));
    }

    #[test]
    fn rounding_down_to_nothing_is_an_error_not_a_free_share() {
        assert!(align(Market::VnHan, "50".parse().unwrap(), Rounding::Down).is_err());
    }

    #[test]
    fn a_told_step_decides_between_the_tables_of_tokyo_and_of_hong_kong_and_nowhere_else() {
        let price = |text: &str| text.parse::<Price>().unwrap();
        let cases = [
            (Market::Jp, "2500", "0.5", TickTable::Topix500),
            (Market::Jp, "2500", "1", TickTable::OfMarket),
            (Market::Jp, "900", "0.1", TickTable::Topix500),
            (Market::Jp, "4000", "1", TickTable::Topix500),
            (Market::Jp, "4000", "5", TickTable::OfMarket),
            // A step of neither table, as a bond or a fund may have.
            (Market::Jp, "4000", "0.01", TickTable::OfMarket),
            (Market::Kr, "4000", "1", TickTable::OfMarket),
            (Market::Hk, "15", "0.020", TickTable::HongKongBefore2025),
            (Market::Hk, "15", "0.01", TickTable::HongKongSince2025),
            (Market::Hk, "25", "0.05", TickTable::HongKongBefore2025),
            (Market::Hk, "25", "0.02", TickTable::HongKongSince2025),
            (Market::Hk, "9.5", "0.005", TickTable::HongKongSince2026),
            // Common to two tables, neither of which is valid in the other.
            (Market::Hk, "9.5", "0.01", TickTable::OfMarket),
            // The same in all tables.
            (Market::Hk, "0.4", "0.005", TickTable::OfMarket),
            (Market::Hk, "65.5", "0.05", TickTable::OfMarket),
            // On the bound of two bands.
            (Market::Hk, "20", "0.02", TickTable::OfMarket),
            (Market::Hk, "50", "0.05", TickTable::OfMarket),
            (Market::Hk, "0.5", "0.005", TickTable::OfMarket),
            (Market::Hk, "25", "0.03", TickTable::OfMarket),
        ];
        for (market, at, step, table) in cases {
            let told = TickTable::told(market, price(at), step.parse().unwrap());
            assert_eq!(told, table, "{market} {at} {step}");
        }
    }

    /// One table as others publish it, each band with both steps: up to the bound, in yen, the step of TOPIX 100 and since
    /// 2023-06-05 of TOPIX 500, in tenths of a yen, and that of every other stock, in yen.
    const TOKYO: [(i64, i64, i64); 16] = [
        (1_000, 1, 1),
        (3_000, 5, 1),
        (5_000, 10, 5),
        (10_000, 10, 10),
        (30_000, 50, 10),
        (50_000, 100, 50),
        (100_000, 100, 100),
        (300_000, 500, 100),
        (500_000, 1_000, 500),
        (1_000_000, 1_000, 1_000),
        (3_000_000, 5_000, 1_000),
        (5_000_000, 10_000, 5_000),
        (10_000_000, 10_000, 10_000),
        (30_000_000, 50_000, 10_000),
        (50_000_000, 100_000, 50_000),
        (90_000_000, 100_000, 100_000),
    ];

    #[test]
    fn both_tables_of_tokyo_are_the_published_ones_from_edge_to_edge_and_the_coarse_steps_are_multiples() {
        let mut above = Decimal::ZERO;
        for (bound, tenths, coarse) in TOKYO {
            let (bound, fine, coarse) =
                (Decimal::from(bound), Decimal::new(tenths, 1), Decimal::from(coarse));
            for value in [above + fine, bound] {
                let price = Price::new(value).unwrap();
                assert_eq!(TickTable::Topix500.size(Market::Jp, price), fine, "TOPIX 500 at {value}");
                assert_eq!(TickTable::OfMarket.size(Market::Jp, price), coarse, "others at {value}");
            }
            assert!((coarse % fine).is_zero(), "{bound}: what is valid for one stock is valid for all");
            assert!(
                (above % coarse).is_zero() && (bound % coarse).is_zero(),
                "{bound}: bands begin on a step"
            );
            above = bound;
        }
    }

    #[test]
    fn whatever_is_on_the_coarse_tick_of_tokyo_is_on_the_fine_one_and_a_shift_stays_on_it_across_bands() {
        for yen in [1_i64, 999, 1_000, 1_001, 2_999, 3_000, 3_001, 9_999, 10_000, 29_995, 100_000, 400_000] {
            let price = Price::new(yen.into()).unwrap();
            let coarse = align(Market::Jp, price, Rounding::Up).unwrap();
            assert!(TickTable::Topix500.is_aligned(Market::Jp, coarse), "{coarse}");
            for ticks in [-2, -1, 1, 2] {
                if let Ok(shifted) = TickTable::Topix500.shift(Market::Jp, price, ticks) {
                    assert!(
                        TickTable::Topix500.is_aligned(Market::Jp, shifted),
                        "{price} {ticks}: {shifted}"
                    );
                }
            }
        }
        let near_the_edge = "2999.5".parse().unwrap();
        let shifted = TickTable::Topix500.shift(Market::Jp, near_the_edge, 2).unwrap();
        assert_eq!(shifted.to_string(), "3001", "the step above 3000 is a whole yen");
    }

    const HONG_KONGS: [TickTable; 4] = [
        TickTable::HongKongBefore2025,
        TickTable::HongKongSince2025,
        TickTable::HongKongSince2026,
        TickTable::OfMarket,
    ];

    #[test]
    fn two_ticks_in_hong_kong_follow_the_told_table_across_its_bands_and_without_one_a_price_valid_in_all() {
        let cases = [
            (TickTable::HongKongSince2025, "25.060", -2, "25.02"),
            (TickTable::OfMarket, "25.060", -2, "24.8"),
            (TickTable::HongKongBefore2025, "25.050", -2, "24.95"),
            (TickTable::HongKongSince2025, "50.050", -2, "49.94"),
            (TickTable::HongKongSince2025, "19.990", 2, "20.02"),
            (TickTable::OfMarket, "19.980", 2, "20.1"),
            (TickTable::HongKongSince2025, "9.990", 2, "10.01"),
            (TickTable::HongKongSince2026, "9.990", -1, "9.985"),
            (TickTable::OfMarket, "99.950", 2, "100.1"),
        ];
        for (table, from, ticks, expected) in cases {
            let shifted = table.shift(Market::Hk, from.parse().unwrap(), ticks).unwrap();
            assert_eq!(shifted, expected.parse().unwrap(), "{table:?} {from} {ticks}");
        }
    }

    #[test]
    fn what_is_valid_for_an_untold_stock_of_hong_kong_is_valid_in_each_table_and_bands_begin_on_a_step() {
        let mut above = 0;
        for (bound, steps) in HONG_KONG {
            for step in steps {
                assert_eq!((steps[3] % step, above % step, bound % step), (0, 0, 0), "{bound}");
            }
            above = bound;
        }
        for thousandths in (10_i64..60_000).chain(99_000..101_000) {
            let price = Price::new(Decimal::new(thousandths, 3)).unwrap();
            let untold = align(Market::Hk, price, Rounding::Up).unwrap();
            for table in HONG_KONGS {
                assert!(table.is_aligned(Market::Hk, untold), "{table:?} {untold}");
            }
        }
    }

    #[test]
    fn the_tables_of_hong_kong_differ_where_the_exchange_changed_them_and_nowhere_else() {
        let cases = [
            ("0.2", ["0.001"; 4]),
            ("0.3", ["0.005"; 4]),
            ("5", ["0.01", "0.01", "0.005", "0.01"]),
            ("12", ["0.02", "0.01", "0.01", "0.02"]),
            ("49.98", ["0.05", "0.02", "0.02", "0.1"]),
            ("50", ["0.05"; 4]),
            ("150", ["0.1"; 4]),
            ("512", ["0.5"; 4]),
            ("6000", ["5"; 4]),
        ];
        for (price, steps) in cases {
            for (table, step) in HONG_KONGS.into_iter().zip(steps) {
                let size = table.size(Market::Hk, price.parse().unwrap());
                assert_eq!(size, step.parse().unwrap(), "{table:?} {price}");
            }
        }
        let korean = TickTable::HongKongSince2025.size(Market::Kr, "12000".parse().unwrap());
        assert_eq!(korean, Decimal::from(10), "a table of Hong Kong is none of Korea");
    }
}
