//! Exchange codes. KIS has two families that must never meet: an order code in a quote gives an answer of empty
//! texts, a quote code in an order is refused (KIS.md 7.1). So they are two types.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use chrono::TimeDelta;
use domain::{Currency, Market, Symbol};

use super::Environment;

/// The code that quotes and rankings take (`EXCD`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QuoteExchange(&'static str);

impl QuoteExchange {
    /// The code as sent.
    pub(super) fn code(self) -> &'static str {
        self.0
    }
}

/// The code that orders, balances and order lists take (`OVRS_EXCG_CD`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OrderExchange(&'static str);

impl OrderExchange {
    /// The code as sent.
    pub(super) fn code(self) -> &'static str {
        self.0
    }

    /// The market that KIS means by this code in a row.
    pub(super) fn market(code: &str) -> Option<Market> {
        OVERSEAS.iter().find(|venue| venue.order.0 == code).map(|venue| venue.market)
    }
}

/// What KIS calls one foreign market.
#[derive(Clone, Copy, Debug)]
pub(super) struct Venue {
    /// The market.
    pub(super) market: Market,
    /// Its code in quotes.
    pub(super) quote: QuoteExchange,
    /// Its code in orders.
    pub(super) order: OrderExchange,
    /// A share that has been listed there for decades: "buyable amount" wants any valid symbol (KIS.md 12.7).
    pub(super) well_known: &'static str,
    /// Decimals of a limit price, at most (KIS.md 15.3); the US below one dollar has four.
    pub(super) price_decimals: u32,
    /// Codes that together list every holding in the market's currency, on a real account.
    holdings_real: &'static [&'static str],
    /// The same on a paper account, where `NASD` is NASDAQ alone.
    holdings_paper: &'static [&'static str],
}

const US_REAL: &[&str] = &["NASD"];
const US_PAPER: &[&str] = &["NASD", "NYSE", "AMEX"];
const CHINA: &[&str] = &["SHAA", "SZAA"];
const VIETNAM: &[&str] = &["HASE", "VNSE"];

const fn venue(
    market: Market,
    [quote, order, well_known]: [&'static str; 3],
    price_decimals: u32,
    [holdings_real, holdings_paper]: [&'static [&'static str]; 2],
) -> Venue {
    let (quote, order) = (QuoteExchange(quote), OrderExchange(order));
    Venue { market, quote, order, well_known, price_decimals, holdings_real, holdings_paper }
}

const OVERSEAS: [Venue; 9] = [
    venue(Market::UsNasdaq, ["NAS", "NASD", "AAPL"], 2, [US_REAL, US_PAPER]),
    venue(Market::UsNyse, ["NYS", "NYSE", "IBM"], 2, [US_REAL, US_PAPER]),
    venue(Market::UsAmex, ["AMS", "AMEX", "SPY"], 2, [US_REAL, US_PAPER]),
    venue(Market::Jp, ["TSE", "TKSE", "7203"], 1, [&["TKSE"], &["TKSE"]]),
    venue(Market::Hk, ["HKS", "SEHK", "00700"], 3, [&["SEHK"], &["SEHK"]]),
    venue(Market::CnSha, ["SHS", "SHAA", "600519"], 2, [CHINA, CHINA]),
    venue(Market::CnSza, ["SZS", "SZAA", "000001"], 2, [CHINA, CHINA]),
    venue(Market::VnHan, ["HNX", "HASE", "SHS"], 0, [VIETNAM, VIETNAM]),
    venue(Market::VnHcm, ["HSX", "VNSE", "VNM"], 0, [VIETNAM, VIETNAM]),
];

impl Venue {
    /// What KIS calls `market`; none for the domestic one.
    pub(super) fn of(market: Market) -> Option<&'static Self> {
        OVERSEAS.iter().find(|venue| venue.market == market)
    }

    /// The first market of a currency.
    pub(super) fn leading(currency: Currency) -> Option<&'static Self> {
        OVERSEAS.iter().find(|venue| venue.market.currency() == currency)
    }

    /// How far prices are behind the market, where the feeds of `live` are not the free ones.
    pub(super) fn feed_delay(&self, live: &BTreeSet<Market>) -> TimeDelta {
        if live.contains(&self.market) { TimeDelta::zero() } else { self.market.free_feed_delay() }
    }

    /// The same of the exchange with this code in quotes.
    pub(super) fn feed_delay_of(quote_code: &str, live: &BTreeSet<Market>) -> TimeDelta {
        let venue = OVERSEAS.iter().find(|venue| venue.quote.0 == quote_code);
        venue.map_or(TimeDelta::zero(), |venue| venue.feed_delay(live))
    }

    /// The exchange codes that together list every holding in this market's currency, without counting one twice.
    pub(super) fn holdings(&self, environment: Environment) -> &'static [&'static str] {
        match environment {
            Environment::Real => self.holdings_real,
            Environment::Paper => self.holdings_paper,
        }
    }
}

/// True for a code as KIS writes those of `market` (KIS.md 7.4): what has another form names no stock there, and one of
/// another market might be taken for it.
pub(super) fn has_form(market: Market, symbol: &Symbol) -> bool {
    let text = symbol.as_str();
    let digits = |length| super::wire::is_digits(text, length);
    let alphanumeric = |lengths: RangeInclusive<usize>| {
        lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    match market {
        // New codes have letters ("0008Z0").
        Market::Kr => alphanumeric(6..=6),
        // Classes of a share are written with a sign, and nobody documents which.
        Market::UsNasdaq | Market::UsNyse | Market::UsAmex => {
            text.starts_with(|c: char| c.is_ascii_uppercase())
        }
        // Since 2024 with letters too ("491A").
        Market::Jp => alphanumeric(4..=4) && text.starts_with(|c: char| c.is_ascii_digit()),
        Market::Hk => digits(5),
        Market::CnSha | Market::CnSza => digits(6),
        // Three letters; funds have up to eight with digits ("E1VFVN30").
        Market::VnHan | Market::VnHcm => {
            alphanumeric(3..=8) && text.starts_with(|c: char| c.is_ascii_uppercase())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_foreign_market_has_one_row_and_reads_back_from_its_order_code() {
        for market in Market::ALL {
            assert_eq!(Venue::of(market).is_none(), market.is_domestic(), "{market}");
            if let Some(venue) = Venue::of(market) {
                assert_eq!(OrderExchange::market(venue.order.code()), Some(market));
                assert_eq!(venue.order.code(), market.exchange_code());
                assert_ne!(venue.quote.code(), venue.order.code());
            }
        }
        assert_eq!(OrderExchange::market("NAS"), None);
    }

    #[test]
    fn a_code_has_the_form_of_its_market_and_the_well_known_ones_have_it() {
        let cases = [
            (Market::Kr, "005930 0008Z0", "5930 0059300 00593."),
            (Market::UsNasdaq, "AAPL BRK/B", "00700 7203"),
            (Market::Jp, "7203 491A", "07203 720 A720 7203.T"),
            (Market::Hk, "00700 09988", "700 0700 007000 HSBC5"),
            (Market::CnSha, "600519", "60051 SH600519 6005190"),
            (Market::CnSza, "000001", "1 00001"),
            (Market::VnHan, "SHS PVS", "SH 123 SHSSHSSHS"),
            (Market::VnHcm, "VNM E1VFVN30", "V 1VN"),
        ];
        for (market, right, wrong) in cases {
            for (codes, expected) in [(right, true), (wrong, false)] {
                for code in codes.split(' ') {
                    assert_eq!(has_form(market, &code.parse().unwrap()), expected, "{market} {code}");
                }
            }
        }
        for venue in OVERSEAS {
            assert!(has_form(venue.market, &venue.well_known.parse().unwrap()), "{}", venue.market);
        }
    }

    #[test]
    fn every_foreign_currency_has_a_leading_market() {
        for currency in Currency::ALL {
            let leading = Venue::leading(currency).map(|venue| venue.market.currency());
            assert_eq!(leading, (currency != Currency::Krw).then_some(currency));
        }
        assert_eq!(Venue::leading(Currency::Usd).unwrap().well_known, "AAPL");
    }

    #[test]
    fn a_real_us_account_is_asked_once_because_nasd_means_the_whole_country() {
        let venue = Venue::of(Market::UsNyse).unwrap();
        assert_eq!(venue.holdings(Environment::Real), ["NASD"]);
        assert_eq!(venue.holdings(Environment::Paper), ["NASD", "NYSE", "AMEX"]);
    }
}
