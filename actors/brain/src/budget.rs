//! How often a language model may be asked: a quota of calls a day, counted durably by TradeLedger.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::messages::ledger::ReserveOracleCall;
use domain::messages::schedule::SlotKey;
use domain::{Market, OracleError};

/// Calls a day that the free tier of the smallest quota allows (LLM.md 1.6).
pub const CALLS_PER_DAY: u32 = 20;

/// The day of the quota: it begins at midnight Pacific time (LLM.md 1.5).
pub fn quota_date(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&chrono_tz::America::Los_Angeles).date_naive()
}

/// The reservation for the one call of a slot, of one market or of several together. A slot's purpose is granted once, so
/// a restart cannot spend twice.
pub fn reservation(key: &SlotKey, markets: &[Market], now: DateTime<Utc>, limit: u32) -> ReserveOracleCall {
    let SlotKey { session_date, slot, .. } = key;
    let codes: Vec<_> = markets.iter().map(|market| market.code()).collect();
    let purpose = format!("{}/{session_date}/{slot}", codes.join("+"));
    ReserveOracleCall { quota_date: quota_date(now), limit, purpose }
}

/// A time in which the model is not asked. It has a beginning, so that one begun by a clock that ran ahead is over once the
/// clock is set right: the model says it again if it must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl Rest {
    /// True while the model need not be asked.
    pub fn lasts_at(self, now: DateTime<Utc>) -> bool {
        (self.from..self.until).contains(&now)
    }
}

/// How long the model need not be asked again after this error; none: the next slot may try.
pub fn rest_after(error: &OracleError, now: DateTime<Utc>) -> Option<Rest> {
    match error {
        OracleError::QuotaExhausted { retry_after } => {
            let wait = TimeDelta::from_std((*retry_after)?).ok()?;
            now.checked_add_signed(wait).map(|until| Rest { from: now, until })
        }
        OracleError::Unauthorized(_)
        | OracleError::Blocked(_)
        | OracleError::Unreachable(_)
        | OracleError::Malformed(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_quotas_day_follows_pacific_midnight_through_daylight_saving() {
        let cases = [
            ("2026-11-24T07:59:59Z", "2026-11-23"),
            ("2026-11-24T08:00:00Z", "2026-11-24"),
            ("2026-07-01T06:59:59Z", "2026-06-30"),
            ("2026-07-01T07:00:00Z", "2026-07-01"),
        ];
        for (now, date) in cases {
            assert_eq!(quota_date(at(now)).to_string(), date, "{now}");
        }
    }

    #[test]
    fn only_a_quota_that_says_how_long_silences_the_model() {
        let now = at("2026-11-24T00:00:00Z");
        let hour = Some(Duration::from_secs(3600));
        let quota = |retry_after| OracleError::QuotaExhausted { retry_after };
        let rest = rest_after(&quota(hour), now).unwrap();
        let lasts =
            ["2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z", "2026-11-24T00:59:59Z", "2026-11-24T01:00:00Z"]
                .map(|text| rest.lasts_at(at(text)));
        assert_eq!(lasts, [false, true, true, false], "a clock set back by a day waits for nothing");
        assert_eq!(rest_after(&quota(Some(Duration::MAX)), now), None);
        assert_eq!(rest_after(&quota(None), now), None);
        assert_eq!(rest_after(&OracleError::Unreachable(String::new()), now), None);
    }
}
