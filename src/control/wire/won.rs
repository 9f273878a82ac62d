//! The account in won, on the wire and to a person.

use std::fmt;

use domain::messages::won::WonStanding;
use domain::{AccountInWon, Currency, WonRate};
use serde::{Deserialize, Serialize};

/// The whole account in won.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worth {
    /// Profit or loss of the Korean day in percent; none while unknown.
    pub day_pnl_pct: Option<String>,
    /// What the exchange last told; none when it has told nothing yet.
    pub told: Option<WorthTold>,
}

/// What the exchange told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorthTold {
    /// Everything, with its currency; none when a part of it is unknown. During an American session its fills are missing.
    pub equity: Option<String>,
    /// What a unit of each foreign currency is worth.
    pub rates: Vec<Rate>,
    /// Exchange time of the inquiry.
    pub time: String,
}

/// What a unit of a currency is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// The currency's code.
    pub currency: String,
    /// Won for one unit.
    pub won: String,
    /// The Korean date of the rate.
    pub posted_on: String,
}

impl From<WonStanding> for Worth {
    fn from(standing: WonStanding) -> Self {
        Self {
            day_pnl_pct: standing.day_pnl_pct.map(|pct| pct.round_dp(2).to_string()),
            told: standing.told.map(WorthTold::from),
        }
    }
}

impl From<AccountInWon> for WorthTold {
    fn from(account: AccountInWon) -> Self {
        let rate = |(currency, rate): (&Currency, &WonRate)| Rate {
            currency: currency.to_string(),
            won: rate.won_per_unit().normalize().to_string(),
            posted_on: rate.posted_on().to_string(),
        };
        Self {
            equity: account.equity.map(|equity| equity.to_string()),
            rates: account.rates.iter().map(rate).collect(),
            time: account.as_of.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        }
    }
}

impl fmt::Display for Worth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = self.day_pnl_pct.as_ref().map_or("unknown".into(), |pct| format!("{pct} %"));
        write!(f, "day of the account in won: {day}; ")?;
        let Some(told) = &self.told else {
            return write!(f, "the exchange has not told yet what everything is worth");
        };
        match &told.equity {
            Some(equity) => write!(f, "the exchange counted {equity} at {}", told.time)?,
            None => write!(f, "the exchange did not tell all of it at {}", told.time)?,
        }
        told.rates.iter().try_for_each(|Rate { currency, won, posted_on }| {
            write!(f, "; 1 {currency} = {won} KRW ({posted_on})")
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use domain::Money;

    use super::*;

    fn account(equity: Option<i64>) -> AccountInWon {
        let day = NaiveDate::from_ymd_opt(2026, 11, 26).unwrap();
        AccountInWon {
            equity: equity.map(|won| Money::new(won.into(), Currency::Krw)),
            rates: [(Currency::Usd, WonRate::new("1400.50".parse().unwrap(), day).unwrap())].into(),
            as_of: "2026-11-26T01:02:03Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_person_sees_the_day_the_sum_its_time_and_each_dated_rate_and_what_is_unknown_by_that_word() {
        let session_date = NaiveDate::from_ymd_opt(2026, 11, 26).unwrap();
        let shown = |told: Option<AccountInWon>, pct: Option<&str>| {
            let day_pnl_pct = pct.map(|pct| pct.parse().unwrap());
            Worth::from(WonStanding { told, session_date, day_pnl_pct }).to_string()
        };
        assert_eq!(
            shown(Some(account(Some(12_345_678))), Some("-1.234")),
            "day of the account in won: -1.23 %; the exchange counted 12345678 KRW at 2026-11-26 01:02:03 UTC; \
             1 USD = 1400.5 KRW (2026-11-26)"
        );
        assert_eq!(
            shown(Some(account(None)), None),
            "day of the account in won: unknown; the exchange did not tell all of it at 2026-11-26 01:02:03 UTC; \
             1 USD = 1400.5 KRW (2026-11-26)"
        );
        assert!(shown(None, None).ends_with("the exchange has not told yet what everything is worth"));
    }
}
