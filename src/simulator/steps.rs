//! Price steps and daily price limits of each market (KIS.md 15.1 to 15.3), in whole price units.
//!
//! KIS.md marks the limits of Japan, China and Vietnam as second-hand; an exchange's own figures in the quote are the authority.

use domain::Market;

/// Bands: below the bound, the step.
type Bands = &'static [(i64, i64)];

/// KRX since 2023 (KIS.md 15.1), in won.
const KRX: Bands = &[(2_000, 1), (5_000, 5), (20_000, 10), (50_000, 50), (200_000, 100), (500_000, 500)];
/// Tokyo's standard table, in tenths of a yen. Its bounds belong to the finer band, so they are one higher here.
const TOKYO: Bands = &[
    (30_001, 10),
    (50_001, 50),
    (300_001, 100),
    (500_001, 500),
    (3_000_001, 1_000),
    (5_000_001, 5_000),
    (30_000_001, 10_000),
];
/// Tokyo's table for the TOPIX 500, in tenths of a yen: a tenth up to 1,000 yen, half a yen up to 3,000.
const TOPIX_500: Bands = &[
    (10_001, 1),
    (30_001, 5),
    (100_001, 10),
    (300_001, 50),
    (1_000_001, 100),
    (3_000_001, 500),
    (10_000_001, 1_000),
];
/// Hong Kong's spread table, in thousandths of a dollar, as it is since 2025-08-04 (HKEX, phase 1 of the reduction of minimum spreads).
const HONG_KONG: Bands = &[
    (250, 1),
    (500, 5),
    (20_000, 10),
    (50_000, 20),
    (100_000, 50),
    (200_000, 100),
    (500_000, 200),
    (1_000_000, 500),
    (2_000_000, 1_000),
    (5_000_000, 2_000),
];
/// Ho Chi Minh, in dong.
const HO_CHI_MINH: Bands = &[(10_000, 10), (50_000, 50)];

/// Tokyo's widths up and down in a day, by the base price, in tenths of a yen.
const TOKYO_WIDTHS: Bands = &[
    (1_000, 300),
    (2_000, 500),
    (5_000, 800),
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
];

fn of(bands: Bands, units: i64, above: i64) -> i64 {
    bands.iter().find(|(bound, _)| units < *bound).map_or(above, |(_, step)| *step)
}

/// The price step at `units`. US stocks here never fall below a dollar, so their step is always a cent.
pub(super) fn step(market: Market, units: i64) -> i64 {
    match market {
        Market::Kr => of(KRX, units, 1_000),
        Market::UsNasdaq | Market::UsNyse | Market::UsAmex | Market::CnSha | Market::CnSza => 1,
        Market::Jp => of(TOKYO, units, 50_000),
        Market::Hk => of(HONG_KONG, units, 5_000),
        Market::VnHan => 100,
        Market::VnHcm => of(HO_CHI_MINH, units, 100),
    }
}

/// The price step of a TOPIX 500 constituent at `units`.
pub(super) fn topix_500_step(units: i64) -> i64 {
    of(TOPIX_500, units, 5_000)
}

/// How far a day's prices may move from the base, in units; none where there are no limits.
fn width(market: Market, base: i64) -> Option<i64> {
    match market {
        Market::Kr => Some(floor_to(base * 3 / 10, step(market, base))),
        Market::UsNasdaq | Market::UsNyse | Market::UsAmex | Market::Hk => None,
        Market::Jp => Some(of(TOKYO_WIDTHS, base, 300_000)),
        Market::CnSha | Market::CnSza | Market::VnHan => Some(base / 10),
        Market::VnHcm => Some(base * 7 / 100),
    }
}

/// The lowest and highest price of a day whose base price is `base`, brought inwards onto the step where the limit falls.
pub(super) fn limits(market: Market, base: i64) -> Option<(i64, i64)> {
    let width = width(market, base)?;
    Some((ceiling(market, base - width), floor(market, base + width)))
}

/// `units` on the price step below.
fn floor(market: Market, units: i64) -> i64 {
    floor_to(units, step(market, units))
}

/// `units` on the price step above.
pub(super) fn ceiling(market: Market, units: i64) -> i64 {
    let below = floor(market, units);
    if below == units { units } else { below + step(market, units) }
}

fn floor_to(value: i64, step: i64) -> i64 {
    value - value.rem_euclid(step)
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
    fn tokyo_has_halves_and_tenths_of_a_yen_for_the_topix_500_alone() {
        let cases = [
            (9_999, 1, 10),
            (10_000, 1, 10),
            (10_005, 5, 10),
            (30_000, 5, 10),
            (30_050, 10, 50),
            (100_000, 10, 100),
            (164_800, 50, 100),
            (1_000_500, 500, 1_000),
            (40_000_000, 5_000, 50_000),
        ];
        for (units, fine, standard) in cases {
            assert_eq!((topix_500_step(units), step(Market::Jp, units)), (fine, standard), "{units}");
        }
    }

    #[test]
    fn other_limits_lie_on_the_step_inside_the_width_of_their_market() {
        let cases = [
            (Market::Jp, 28_150, (23_150, 33_150)),
            (Market::CnSha, 1_246, (1_122, 1_370)),
            (Market::VnHan, 21_400, (19_300, 23_500)),
            (Market::VnHcm, 27_450, (25_550, 29_350)),
        ];
        for (market, base, expected) in cases {
            assert_eq!(limits(market, base), Some(expected), "{market} {base}");
        }
        assert_eq!(limits(Market::Hk, 512_000), None);
    }
}
