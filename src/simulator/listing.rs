//! The stocks of the simulated exchange: who they are, what they cost, how much they move.
//!
//! Korean stocks and most US ones are invented; four US names carry recorded history (`data/PROVENANCE.md`).

use domain::Market;

/// One listed stock.
#[derive(Debug, PartialEq)]
pub(super) struct Listing {
    pub(super) market: Market,
    pub(super) symbol: &'static str,
    /// The Korean name.
    pub(super) name: &'static str,
    /// The English name.
    pub(super) english: &'static str,
    /// Close of the day before day one, in won or cents; recorded history overrides it.
    pub(super) reference: i64,
    /// Standard deviation of an ordinary day's return.
    pub(super) volatility_pct: f64,
    /// Shares traded on an ordinary day.
    pub(super) volume: u32,
    /// How often a day is lively: a strong trend on several times the volume.
    pub(super) lively_pct: u8,
    /// Shares listed, in thousands.
    pub(super) shares_thousand: i64,
}

const fn kr(symbol: &'static str, names: [&'static str; 2], numbers: (i64, f64, u32, u8)) -> Listing {
    of(Market::Kr, symbol, names, numbers)
}

const fn nasdaq(symbol: &'static str, names: [&'static str; 2], numbers: (i64, f64, u32, u8)) -> Listing {
    of(Market::UsNasdaq, symbol, names, numbers)
}

const fn nyse(symbol: &'static str, names: [&'static str; 2], numbers: (i64, f64, u32, u8)) -> Listing {
    of(Market::UsNyse, symbol, names, numbers)
}

const fn amex(symbol: &'static str, names: [&'static str; 2], numbers: (i64, f64, u32, u8)) -> Listing {
    of(Market::UsAmex, symbol, names, numbers)
}

const fn of(
    market: Market,
    symbol: &'static str,
    [name, english]: [&'static str; 2],
    (reference, volatility_pct, volume, lively_pct): (i64, f64, u32, u8),
) -> Listing {
    let shares_thousand = volume as i64 / 5;
    Listing { market, symbol, name, english, reference, volatility_pct, volume, lively_pct, shares_thousand }
}

/// Every listed stock. Columns: symbol, names, (reference price, volatility in percent, volume in shares, lively days in percent).
pub(super) const LISTINGS: [Listing; 34] = [
    kr("910010", ["한들전자", "HANDEUL ELECTRONICS"], (71_500, 1.6, 9_000_000, 5)),
    kr("910020", ["가람반도체", "GARAM SEMICONDUCTOR"], (184_500, 2.2, 2_600_000, 10)),
    kr("910030", ["새벽바이오", "SAEBYEOK BIO"], (38_450, 4.2, 1_900_000, 75)),
    kr("910040", ["미리내엔터", "MIRINAE ENTERTAINMENT"], (12_320, 3.6, 3_400_000, 65)),
    kr("910050", ["너울조선", "NEOUL SHIPBUILDING"], (27_600, 2.6, 2_100_000, 20)),
    kr("910060", ["도담화학", "DODAM CHEMICAL"], (346_500, 2.0, 310_000, 8)),
    kr("910070", ["온새금융", "ONSAE FINANCIAL"], (58_200, 1.2, 1_500_000, 3)),
    kr("910080", ["다솜로봇", "DASOM ROBOTICS"], (4_215, 4.8, 7_800_000, 70)),
    kr("910090", ["아라물산", "ARA TRADING"], (1_742, 3.4, 11_000_000, 30)),
    kr("910100", ["푸르메통신", "PUREUME TELECOM"], (52_700, 1.0, 620_000, 2)),
    kr("910110", ["해오름배터리", "HAEOREUM BATTERY"], (612_000, 2.8, 240_000, 25)),
    kr("910120", ["늘봄식품", "NEULBOM FOODS"], (8_930, 1.5, 830_000, 6)),
    nasdaq("AAPL", ["애플", "APPLE INC"], (43_047, 1.9, 18_000_000, 8)),
    nasdaq("MSFT", ["마이크로소프트", "MICROSOFT CORP"], (2_795, 1.4, 35_000_000, 5)),
    nasdaq("GOOG", ["구글", "GOOGLE INC"], (80_619, 1.6, 2_300_000, 6)),
    nasdaq("VLTR", ["볼테라", "VOLTERA SYSTEMS INC"], (6_412, 4.4, 4_100_000, 75)),
    nasdaq("HLXG", ["헬릭스", "HELIX GENOMICS INC"], (1_874, 5.2, 6_700_000, 70)),
    nasdaq("QNTA", ["퀀타", "QUANTA DEVICES INC"], (14_230, 2.6, 3_300_000, 20)),
    nasdaq("ORBQ", ["오비큐", "ORBIQ NETWORKS INC"], (3_658, 3.8, 5_200_000, 60)),
    nasdaq("LMTH", ["루멘쓰리", "LUMEN THREE INC"], (22_115, 2.1, 1_700_000, 10)),
    nasdaq("PYXR", ["픽시스", "PYXIS RETAIL CORP"], (9_540, 1.7, 2_000_000, 5)),
    nasdaq("CRDN", ["카르돈", "CARDON FOODS INC"], (4_782, 1.1, 1_200_000, 3)),
    nasdaq("NIMB", ["님버스", "NIMBUS CLOUD INC"], (27_690, 3.0, 2_800_000, 30)),
    nasdaq("TESR", ["테세라", "TESSERA MOTORS INC"], (11_835, 3.9, 9_400_000, 55)),
    nyse("IBM", ["아이비엠", "INTL BUSINESS MACHINES"], (20_291, 1.2, 3_900_000, 4)),
    nyse("GRNT", ["그래니트", "GRANITE MATERIALS CO"], (8_125, 1.8, 1_900_000, 8)),
    nyse("HARB", ["하버", "HARBOR LOGISTICS INC"], (5_410, 2.3, 1_400_000, 15)),
    nyse("SOLX", ["솔엑스", "SOLEX ENERGY CORP"], (3_265, 4.1, 5_600_000, 70)),
    nyse("MERC", ["머크론", "MERCRON BANKS INC"], (6_990, 1.5, 2_400_000, 5)),
    nyse("AVRA", ["아브라", "AVRA AIRLINES CO"], (1_548, 3.5, 7_100_000, 60)),
    amex("KOBL", ["코발트", "COBALT RIDGE MINING"], (742, 4.6, 1_800_000, 70)),
    amex("FERN", ["펀웰", "FERNWELL PARTNERS"], (2_316, 2.0, 420_000, 10)),
    amex("DUNE", ["듄", "DUNE OFFSHORE LTD"], (1_189, 3.7, 950_000, 55)),
    amex("PEBL", ["페블", "PEBBLE CREEK FUND"], (4_405, 1.3, 260_000, 4)),
];

/// The stock of `market` called `symbol`.
pub(super) fn find(market: Market, symbol: &str) -> Option<&'static Listing> {
    LISTINGS.iter().find(|listing| listing.market == market && listing.symbol == symbol)
}

/// The stocks of `market`.
pub(super) fn of_market(market: Market) -> impl Iterator<Item = &'static Listing> {
    LISTINGS.iter().filter(move |listing| listing.market == market)
}
