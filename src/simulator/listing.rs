//! The stocks of the simulated exchange: who they are, what they cost, how much they move.
//!
//! Most stocks are invented; four US names carry recorded history (`data/PROVENANCE.md`), and some have well-known symbols at
//! prices of their order of magnitude. The columns are described at [`LISTINGS`].

use domain::Market;

use super::rules;

/// One listed stock.
#[derive(Debug, PartialEq)]
pub(super) struct Listing {
    pub(super) market: Market,
    pub(super) symbol: &'static str,
    /// The Korean name.
    pub(super) name: &'static str,
    /// The English name.
    pub(super) english: &'static str,
    /// Shares that are bought and sold together (KIS.md 15.3).
    pub(super) lot: u64,
    /// Close of the day before day one, in the market's price units; recorded history overrides it.
    pub(super) reference: i64,
    /// Standard deviation of an ordinary day's return.
    pub(super) volatility_pct: f64,
    /// Shares traded on an ordinary day.
    pub(super) volume: u32,
    /// How often a day is lively: a strong trend on several times the volume.
    pub(super) lively_pct: u8,
    /// Shares listed, in thousands.
    pub(super) shares_thousand: i64,
    /// A constituent of the TOPIX 500 in Tokyo, whose price steps are finer.
    pub(super) is_topix_500: bool,
}

impl Listing {
    /// The price step at `units`.
    pub(super) fn step(&self, units: i64) -> i64 {
        if self.is_topix_500 { rules::topix_500_step(units) } else { rules::step(self.market, units) }
    }

    /// `units` on the price step below.
    pub(super) fn floor(&self, units: i64) -> i64 {
        units - units.rem_euclid(self.step(units))
    }

    /// True for a price on its step.
    pub(super) fn is_on_step(&self, units: i64) -> bool {
        units % self.step(units) == 0
    }

    /// The next price up.
    pub(super) fn up(&self, units: i64) -> i64 {
        let next = units + self.step(units);
        next + (-next).rem_euclid(self.step(next))
    }

    /// The next price down.
    pub(super) fn down(&self, units: i64) -> i64 {
        let next = units - 1;
        next - next.rem_euclid(self.step(next))
    }
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

const fn tokyo(symbol: &'static str, names: [&'static str; 2], numbers: (i64, f64, u32, u8)) -> Listing {
    Listing { lot: 100, ..of(Market::Jp, symbol, names, numbers) }
}

/// A stock of Tokyo with the finer price steps.
const fn topix_500(symbol: &'static str, names: [&'static str; 2], numbers: (i64, f64, u32, u8)) -> Listing {
    Listing { is_topix_500: true, ..tokyo(symbol, names, numbers) }
}

/// Hong Kong's board lot belongs to the stock.
const fn hong_kong(
    symbol: &'static str,
    lot: u64,
    names: [&'static str; 2],
    numbers: (i64, f64, u32, u8),
) -> Listing {
    Listing { lot, ..of(Market::Hk, symbol, names, numbers) }
}

const fn shanghai(symbol: &'static str, names: [&'static str; 2], numbers: (i64, f64, u32, u8)) -> Listing {
    Listing { lot: 100, ..of(Market::CnSha, symbol, names, numbers) }
}

const fn shenzhen(symbol: &'static str, names: [&'static str; 2], numbers: (i64, f64, u32, u8)) -> Listing {
    Listing { lot: 100, ..of(Market::CnSza, symbol, names, numbers) }
}

const fn hanoi(symbol: &'static str, names: [&'static str; 2], numbers: (i64, f64, u32, u8)) -> Listing {
    Listing { lot: 100, ..of(Market::VnHan, symbol, names, numbers) }
}

const fn ho_chi_minh(
    symbol: &'static str,
    names: [&'static str; 2],
    numbers: (i64, f64, u32, u8),
) -> Listing {
    Listing { lot: 100, ..of(Market::VnHcm, symbol, names, numbers) }
}

const fn of(
    market: Market,
    symbol: &'static str,
    [name, english]: [&'static str; 2],
    (reference, volatility_pct, volume, lively_pct): (i64, f64, u32, u8),
) -> Listing {
    let shares_thousand = volume as i64 / 5;
    let lot = 1;
    Listing {
        market,
        symbol,
        name,
        english,
        lot,
        reference,
        volatility_pct,
        volume,
        lively_pct,
        shares_thousand,
        is_topix_500: false,
    }
}

/// Every listed stock. Columns: symbol, (in Hong Kong the board lot,) names, (reference price, volatility in percent, volume in shares,
/// lively days in percent). Prices are in units: won, cents, tenths of a yen, thousandths of a
/// Hong Kong dollar, hundredths of a yuan, dong.
pub(super) const LISTINGS: [Listing; 72] = [
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
    amex("SPY", ["SPDR S&P 500 ETF", "SPDR S&P 500 ETF TRUST"], (58_412, 1.0, 48_000_000, 3)),
    topix_500("7203", ["토요타자동차", "TOYOTA MOTOR CORP"], (28_150, 1.6, 26_000_000, 8)),
    topix_500("6758", ["소니그룹", "SONY GROUP CORP"], (36_400, 1.8, 14_000_000, 10)),
    tokyo("9984", ["소프트뱅크그룹", "SOFTBANK GROUP CORP"], (164_800, 3.2, 9_500_000, 45)),
    tokyo("491A", ["하야테로보", "HAYATE ROBOTICS"], (12_380, 4.6, 3_800_000, 75)),
    tokyo("4901", ["미나토제약", "MINATO PHARMA"], (8_720, 4.1, 6_200_000, 70)),
    tokyo("6102", ["아카쓰키정밀", "AKATSUKI PRECISION"], (54_300, 2.4, 1_700_000, 20)),
    hong_kong("00700", 100, ["텐센트홀딩스", "TENCENT HOLDINGS"], (512_000, 1.9, 21_000_000, 10)),
    hong_kong("00005", 400, ["HSBC홀딩스", "HSBC HOLDINGS"], (98_650, 1.2, 18_000_000, 5)),
    hong_kong("09988", 100, ["알리바바그룹", "ALIBABA GROUP"], (124_300, 2.5, 42_000_000, 25)),
    hong_kong("02382", 100, ["징산광학", "JINGSHAN OPTICAL"], (71_450, 3.9, 7_400_000, 70)),
    hong_kong("01024", 500, ["하이핑미디어", "HAIPING MEDIA"], (8_430, 4.8, 15_000_000, 75)),
    hong_kong("00981", 500, ["난성반도체", "NANSHENG SEMICONDUCTOR"], (46_240, 3.4, 33_000_000, 55)),
    shanghai("600519", ["귀주모태주", "KWEICHOW MOUTAI"], (148_600, 1.5, 3_100_000, 5)),
    shanghai("601318", ["중국평안보험", "PING AN INSURANCE"], (5_412, 1.6, 52_000_000, 8)),
    shanghai("600036", ["초상은행", "CHINA MERCHANTS BANK"], (4_385, 1.3, 48_000_000, 5)),
    shanghai("603986", ["진산반도체", "JINSHAN MICRO"], (11_274, 3.6, 14_000_000, 65)),
    shanghai("603259", ["청하제약", "QINGHE PHARMA"], (6_188, 3.3, 22_000_000, 60)),
    shanghai("600703", ["위안광전자", "YUANGUANG OPTO"], (1_246, 4.0, 61_000_000, 75)),
    shenzhen("000001", ["평안은행", "PING AN BANK"], (1_172, 1.4, 95_000_000, 5)),
    shenzhen("000858", ["오량액", "WULIANGYE YIBIN"], (12_870, 1.7, 17_000_000, 8)),
    shenzhen("000333", ["메이디그룹", "MIDEA GROUP"], (7_236, 1.5, 26_000_000, 6)),
    shenzhen("002594", ["비야디", "BYD CO"], (10_945, 2.6, 31_000_000, 30)),
    shenzhen("002475", ["링샹정밀", "LINGXIANG PRECISION"], (4_057, 3.5, 58_000_000, 65)),
    shenzhen("000725", ["베이촨디스플레이", "BEICHUAN DISPLAY"], (418, 3.8, 320_000_000, 70)),
    shenzhen("002230", ["둥펑음성", "DONGFENG VOICE"], (4_823, 3.7, 24_000_000, 70)),
    hanoi("SHS", ["사이공하노이증권", "SAIGON HANOI SECURITIES"], (21_400, 5.6, 16_000_000, 85)),
    hanoi("PVS", ["페트로베트남기술", "PETROVIETNAM TECHNICAL"], (34_700, 2.8, 7_800_000, 40)),
    hanoi("IDC", ["IDICO", "IDICO CORP"], (43_600, 2.2, 2_900_000, 20)),
    hanoi("MBS", ["MB증권", "MB SECURITIES"], (28_100, 5.2, 5_600_000, 85)),
    hanoi("HLB", ["홍람에너지", "HONG LAM ENERGY"], (15_800, 6.4, 4_400_000, 90)),
    hanoi("TKD", ["타이캉물류", "TAI KHANG LOGISTICS"], (9_700, 6.1, 3_600_000, 90)),
    ho_chi_minh("VNM", ["비나밀크", "VINAMILK"], (61_300, 1.2, 4_700_000, 5)),
    ho_chi_minh("FPT", ["FPT", "FPT CORP"], (118_400, 1.9, 6_900_000, 12)),
    ho_chi_minh("HPG", ["호아팟그룹", "HOA PHAT GROUP"], (27_450, 2.1, 38_000_000, 25)),
    ho_chi_minh("SSI", ["SSI증권", "SSI SECURITIES"], (33_250, 2.7, 27_000_000, 45)),
    ho_chi_minh("DXG", ["닷쌘그룹", "DAT XANH GROUP"], (18_950, 3.5, 19_000_000, 75)),
    ho_chi_minh("NKG", ["남김철강", "NAM KIM STEEL"], (14_300, 3.3, 12_000_000, 70)),
];

/// True when the simulated exchange lists a stock of this market, so that there is something to trade.
pub fn has_stocks_of(market: Market) -> bool {
    of_market(market).next().is_some()
}

/// The stock of `market` called `symbol`.
pub(super) fn find(market: Market, symbol: &str) -> Option<&'static Listing> {
    LISTINGS.iter().find(|listing| listing.market == market && listing.symbol == symbol)
}

/// The stocks of `market`.
pub(super) fn of_market(market: Market) -> impl Iterator<Item = &'static Listing> {
    LISTINGS.iter().filter(move |listing| listing.market == market)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_prices_cross_the_bands_without_leaving_the_step() {
        let cases = [
            ("910010", 49_950, 50_000),
            ("IBM", 999, 1_000),
            ("9984", 30_000, 30_050),
            ("9984", 300_000, 300_500),
            ("7203", 9_999, 10_000),
            ("7203", 10_000, 10_005),
            ("7203", 28_150, 28_155),
            ("6758", 30_000, 30_010),
            ("6758", 100_000, 100_050),
            ("6758", 299_950, 300_000),
            ("6758", 300_000, 300_100),
            ("00005", 9_990, 10_000),
            ("00005", 10_000, 10_010),
            ("00981", 19_990, 20_000),
            ("00981", 20_000, 20_020),
            ("00981", 49_980, 50_000),
            ("00981", 50_000, 50_050),
            ("VNM", 49_950, 50_000),
            ("VNM", 50_000, 50_100),
            ("000001", 418, 419),
        ];
        for (symbol, lower, upper) in cases {
            let listing = LISTINGS.iter().find(|listing| listing.symbol == symbol).unwrap();
            assert_eq!((listing.up(lower), listing.down(upper)), (upper, lower), "{symbol}");
            assert!(listing.is_on_step(lower) && listing.is_on_step(upper));
        }
        assert_eq!(LISTINGS[0].down(2_000), 1_999);
    }

    #[test]
    fn every_stock_begins_on_its_step() {
        for listing in &LISTINGS {
            assert!(listing.is_on_step(listing.reference), "{} at {}", listing.symbol, listing.reference);
        }
    }
}
