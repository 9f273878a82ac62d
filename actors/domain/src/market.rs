//! The ten markets, their zones and currencies.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// A currency that an account holds cash in. Amounts of different currencies are never added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// South Korean won.
    Krw,
    /// United States dollar.
    Usd,
    /// Japanese yen.
    Jpy,
    /// Hong Kong dollar.
    Hkd,
    /// Chinese yuan.
    Cny,
    /// Vietnamese dong.
    Vnd,
}

impl Currency {
    /// Every currency of the ten markets.
    pub const ALL: [Self; 6] = [Self::Krw, Self::Usd, Self::Jpy, Self::Hkd, Self::Cny, Self::Vnd];

    /// The ISO 4217 code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Krw => "KRW",
            Self::Usd => "USD",
            Self::Jpy => "JPY",
            Self::Hkd => "HKD",
            Self::Cny => "CNY",
            Self::Vnd => "VND",
        }
    }

    /// Decimals people expect to see: two where the currency has cents, else none.
    pub fn decimals(self) -> u32 {
        match self {
            Self::Krw | Self::Jpy | Self::Vnd => 0,
            Self::Usd | Self::Hkd | Self::Cny => 2,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|c| c.code() == text).ok_or_else(|| UnknownCurrency(text.to_owned()))
    }
}

/// The text is no currency of the ten markets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown currency '{0}'; allowed: KRW, USD, JPY, HKD, CNY, VND")]
pub struct UnknownCurrency(pub String);

/// One of the ten markets, named as in `ENABLED_MARKETS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Market {
    /// Korea Exchange.
    #[serde(rename = "KR")]
    Kr,
    /// NASDAQ.
    #[serde(rename = "US_NASDAQ")]
    UsNasdaq,
    /// New York Stock Exchange.
    #[serde(rename = "US_NYSE")]
    UsNyse,
    /// NYSE American.
    #[serde(rename = "US_AMEX")]
    UsAmex,
    /// Tokyo Stock Exchange.
    #[serde(rename = "JP")]
    Jp,
    /// Hong Kong Exchange.
    #[serde(rename = "HK")]
    Hk,
    /// Shanghai Stock Exchange.
    #[serde(rename = "CN_SHA")]
    CnSha,
    /// Shenzhen Stock Exchange.
    #[serde(rename = "CN_SZA")]
    CnSza,
    /// Hanoi Stock Exchange.
    #[serde(rename = "VN_HAN")]
    VnHan,
    /// Ho Chi Minh Stock Exchange.
    #[serde(rename = "VN_HCM")]
    VnHcm,
}

impl Market {
    /// Every market, in the order of the settings.
    pub const ALL: [Self; 10] = [
        Self::Kr,
        Self::UsNasdaq,
        Self::UsNyse,
        Self::UsAmex,
        Self::Jp,
        Self::Hk,
        Self::CnSha,
        Self::CnSza,
        Self::VnHan,
        Self::VnHcm,
    ];

    /// The name used in settings, logs and the database.
    pub fn code(self) -> &'static str {
        match self {
            Self::Kr => "KR",
            Self::UsNasdaq => "US_NASDAQ",
            Self::UsNyse => "US_NYSE",
            Self::UsAmex => "US_AMEX",
            Self::Jp => "JP",
            Self::Hk => "HK",
            Self::CnSha => "CN_SHA",
            Self::CnSza => "CN_SZA",
            Self::VnHan => "VN_HAN",
            Self::VnHcm => "VN_HCM",
        }
    }

    /// What the seed's `trades.exchange_code` column holds: KIS's code for orders on this market.
    pub fn exchange_code(self) -> &'static str {
        match self {
            Self::Kr => "KRX",
            Self::UsNasdaq => "NASD",
            Self::UsNyse => "NYSE",
            Self::UsAmex => "AMEX",
            Self::Jp => "TKSE",
            Self::Hk => "SEHK",
            Self::CnSha => "SHAA",
            Self::CnSza => "SZAA",
            Self::VnHan => "HASE",
            Self::VnHcm => "VNSE",
        }
    }

    /// The market's time zone; its session dates are dates in this zone.
    pub fn zone(self) -> Tz {
        match self {
            Self::Kr => chrono_tz::Asia::Seoul,
            Self::UsNasdaq | Self::UsNyse | Self::UsAmex => chrono_tz::America::New_York,
            Self::Jp => chrono_tz::Asia::Tokyo,
            Self::Hk => chrono_tz::Asia::Hong_Kong,
            Self::CnSha | Self::CnSza => chrono_tz::Asia::Shanghai,
            Self::VnHan | Self::VnHcm => chrono_tz::Asia::Ho_Chi_Minh,
        }
    }

    /// The currency that prices, cash and profit of this market are in.
    pub fn currency(self) -> Currency {
        match self {
            Self::Kr => Currency::Krw,
            Self::UsNasdaq | Self::UsNyse | Self::UsAmex => Currency::Usd,
            Self::Jp => Currency::Jpy,
            Self::Hk => Currency::Hkd,
            Self::CnSha | Self::CnSza => Currency::Cny,
            Self::VnHan | Self::VnHcm => Currency::Vnd,
        }
    }

    /// The calendar date in the market's zone at `at`.
    pub fn date_at(self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.zone()).date_naive()
    }

    /// True for the markets that KIS serves through its domestic interface.
    pub fn is_domestic(self) -> bool {
        matches!(self, Self::Kr)
    }

    /// How far the prices that KIS gives for nothing are behind this market (KIS.md 13, 14.2). Its live feeds, which are paid
    /// for or, in China, applied for, have no delay.
    pub fn free_feed_delay(self) -> TimeDelta {
        match self {
            Self::Kr | Self::UsNasdaq | Self::UsNyse | Self::UsAmex => TimeDelta::zero(),
            Self::Jp | Self::Hk | Self::CnSha | Self::CnSza | Self::VnHan | Self::VnHcm => {
                TimeDelta::minutes(15)
            }
        }
    }

    /// Shares of one lot unless the exchange names another for the stock (KIS.md 15.3). Hong Kong's board lot belongs to
    /// the stock, so the market has none.
    pub fn standard_lot(self) -> Option<NonZeroU64> {
        let shares = match self {
            Self::Kr | Self::UsNasdaq | Self::UsNyse | Self::UsAmex => 1,
            Self::Jp | Self::CnSha | Self::CnSza | Self::VnHan | Self::VnHcm => 100,
            Self::Hk => return None,
        };
        NonZeroU64::new(shares)
    }
}

impl fmt::Display for Market {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Market {
    type Err = UnknownMarket;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|m| m.code() == text).ok_or_else(|| UnknownMarket(text.to_owned()))
    }
}

/// The text names none of the ten markets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown market '{0}'; allowed: KR, US_NASDAQ, US_NYSE, US_AMEX, JP, HK, CN_SHA, CN_SZA, VN_HAN, VN_HCM"
)]
pub struct UnknownMarket(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_market_is_read_back_from_its_own_code() {
        for market in Market::ALL {
            assert_eq!(market.code().parse::<Market>(), Ok(market));
            assert_eq!(serde_json::to_string(&market).unwrap(), format!("\"{}\"", market.code()));
        }
    }

    #[test]
    fn an_unknown_market_is_named_with_the_allowed_ones() {
        let error = "US".parse::<Market>().unwrap_err().to_string();
        assert!(error.contains("'US'") && error.contains("US_NASDAQ"), "{error}");
    }

    #[test]
    fn the_session_date_is_the_date_in_the_markets_own_zone() {
        let at: DateTime<Utc> = "2026-11-24T00:30:00Z".parse().unwrap();
        assert_eq!(Market::Kr.date_at(at).to_string(), "2026-11-24");
        assert_eq!(Market::UsNasdaq.date_at(at).to_string(), "2026-11-23");
    }
}
