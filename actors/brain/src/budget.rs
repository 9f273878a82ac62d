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

/// Until when the model need not be asked again after this error; none: the next slot may try.
pub fn rest_until(error: &OracleError, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match error {
        OracleError::QuotaExhausted { retry_after } => {
            let wait = TimeDelta::from_std((*retry_after)?).ok()?;
            now.checked_add_signed(wait)
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
        assert_eq!(rest_until(&quota(hour), now), Some(at("2026-11-24T01:00:00Z")));
        assert_eq!(rest_until(&quota(Some(Duration::MAX)), now), None);
        assert_eq!(rest_until(&quota(None), now), None);
        assert_eq!(rest_until(&OracleError::Unreachable(String::new()), now), None);
    }
}
