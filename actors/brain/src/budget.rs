//! How often a language model may be asked: a quota of calls a day, counted durably by TradeLedger.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use domain::messages::ledger::{CallCost, ReserveOracleCall};
use domain::messages::schedule::SlotKey;
use domain::{Market, OracleError, Symbol};

use crate::plan::BudgetPlan;

/// Waits before the second and the third try, in milliseconds (LLM.md 1.5).
const WAITS_MS: [i64; 2] = [1_000, 2_000];
/// How long the model is not asked after refusals in a row that name neither quota nor wait; after the last of these the quota
/// counts as spent for that time (LLM.md 1.5).
const BARE_RESTS: [TimeDelta; 3] = [TimeDelta::seconds(30), TimeDelta::seconds(60), TimeDelta::hours(1)];
/// How long a wrong key or model is not tried again.
const PERSON_ACTS_WITHIN: TimeDelta = TimeDelta::hours(1);

/// The day of the quota: it begins at midnight Pacific time (LLM.md 1.5).
pub fn quota_date(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&chrono_tz::America::Los_Angeles).date_naive()
}

/// When the quota of the day that `at` belongs to is full again.
pub fn resets_at(at: DateTime<Utc>) -> DateTime<Utc> {
    let tomorrow = quota_date(at) + TimeDelta::days(1);
    let midnight = tomorrow.and_time(NaiveTime::MIN).and_local_timezone(chrono_tz::America::Los_Angeles);
    // Pacific clocks change at two in the morning, so midnight exists every day, once.
    midnight.earliest().map_or(at + TimeDelta::days(1), |midnight| midnight.to_utc())
}

/// The reservation for a call of a slot, of one market or of several together. `about` is the stock, where a slot has a
/// question for each; `tries` counts the calls that were made for it already. A purpose is granted once, so a restart
/// cannot spend twice.
pub fn reservation(
    key: &SlotKey,
    markets: &[Market],
    (about, tries): (Option<&Symbol>, u32),
    now: DateTime<Utc>,
    worst: CallCost,
    plan: &BudgetPlan,
) -> ReserveOracleCall {
    let SlotKey { session_date, slot, .. } = key;
    let codes: Vec<_> = markets.iter().map(|market| market.code()).collect();
    let about = about.map_or_else(String::new, |symbol| format!("/{symbol}"));
    let again = if tries == 0 { String::new() } else { format!("/again-{tries}") };
    let purpose = format!("{}/{session_date}/{slot}{about}{again}", codes.join("+"));
    ReserveOracleCall {
        quota_date: quota_date(now),
        purpose,
        markets: markets.to_vec(),
        worst,
        ceilings: plan.ceilings,
        shares: plan.shares.clone(),
    }
}

/// How long to wait before asking again after this error and so many tries; none: it is not worth it. `dice` are 64
/// random bits, which spread the wait by a quarter either way.
pub fn wait_before(error: &OracleError, tries: u32, dice: u64) -> Option<TimeDelta> {
    match error {
        OracleError::Unreachable(_) => {
            let usual = WAITS_MS.get(usize::try_from(tries.checked_sub(1)?).ok()?)?;
            let spread = i64::try_from(dice % 51).ok()? - 25;
            Some(TimeDelta::milliseconds(usual + usual * spread / 100))
        }
        // Another model, which has not been asked yet; a list of them has an end.
        OracleError::Replaced { .. } => Some(TimeDelta::zero()),
        OracleError::Interrupted(_) if tries == 1 => {
            wait_before(&OracleError::Unreachable(String::new()), tries, dice)
        }
        // A quota says when it returns, and the rest would come out the same.
        OracleError::QuotaExhausted { .. }
        | OracleError::Unauthorized(_)
        | OracleError::NoSuchModel(_)
        | OracleError::Blocked(_)
        | OracleError::Interrupted(_)
        | OracleError::Malformed(_) => None,
    }
}

/// A time in which the model is not asked. It has a beginning, so that one begun by a clock that ran ahead is over once the
/// clock is set right: the model says it again if it must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    /// Refusals in a row, this one among them, that named neither quota nor wait.
    bare: usize,
}

impl Rest {
    /// From `from` on, and over at `until`.
    pub fn new(from: DateTime<Utc>, until: DateTime<Utc>) -> Self {
        Self { from, until, bare: 0 }
    }

    /// True while the model need not be asked.
    pub fn lasts_at(self, now: DateTime<Utc>) -> bool {
        (self.from..self.until).contains(&now)
    }

    /// When it is over.
    pub fn until(self) -> DateTime<Utc> {
        self.until
    }
}

/// How long the model need not be asked again after this error; none: the next slot may try. `before` is the rest that came
/// of the last question, if one did.
pub fn rest_after(error: &OracleError, before: Option<Rest>, now: DateTime<Utc>) -> Option<Rest> {
    let mut bare = 0;
    let wait = match error {
        OracleError::QuotaExhausted { retry_after: Some(wait) } => TimeDelta::from_std(*wait).ok()?,
        OracleError::QuotaExhausted { retry_after: None } => {
            bare = before.map_or(1, |rest| rest.bare.saturating_add(1)).min(BARE_RESTS.len());
            *BARE_RESTS.get(bare.checked_sub(1)?)?
        }
        // A person must act; whether one has is tried now and then, not with every slot.
        OracleError::Unauthorized(_) | OracleError::NoSuchModel(_) => PERSON_ACTS_WITHIN,
        OracleError::Blocked(_)
        | OracleError::Replaced { .. }
        | OracleError::Interrupted(_)
        | OracleError::Unreachable(_)
        | OracleError::Malformed(_) => return None,
    };
    now.checked_add_signed(wait).map(|until| Rest { from: now, until, bare })
}

/// True when a rest after this error holds in the next life of the process too: a quota returns by time alone, whereas a person
/// who has mended a key or a model's name starts anew.
pub fn outlives_restart(error: &OracleError) -> bool {
    matches!(error, OracleError::QuotaExhausted { .. })
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
    fn the_quota_returns_at_the_next_pacific_midnight() {
        let cases = [
            ("2026-11-24T07:59:59Z", "2026-11-24T08:00:00Z"),
            ("2026-11-24T08:00:00Z", "2026-11-25T08:00:00Z"),
            // The days on which the clocks change there: 25 and 23 hours long.
            ("2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z"),
            ("2026-03-08T08:00:00Z", "2026-03-09T07:00:00Z"),
        ];
        for (now, then) in cases {
            assert_eq!(resets_at(at(now)), at(then), "{now}");
        }
    }

    #[test]
    fn an_unreachable_model_is_asked_again_at_most_twice_and_what_would_come_out_the_same_is_not() {
        let unreachable = OracleError::Unreachable(String::new());
        for (tries, low, high) in [(1, 750, 1_250), (2, 1_500, 2_500)] {
            for dice in 0..200 {
                let wait = wait_before(&unreachable, tries, dice).unwrap().num_milliseconds();
                assert!((low..=high).contains(&wait), "{tries} {dice}: {wait}");
            }
        }
        assert_eq!(wait_before(&unreachable, 3, 0), None);
        for error in [
            OracleError::QuotaExhausted { retry_after: None },
            OracleError::Unauthorized(String::new()),
            OracleError::NoSuchModel(String::new()),
            OracleError::Blocked(String::new()),
            OracleError::Malformed(String::new()),
        ] {
            assert_eq!(wait_before(&error, 1, 0), None, "{error}");
        }
    }

    #[test]
    fn a_quota_that_says_how_long_and_what_a_person_must_mend_silence_the_model() {
        let now = at("2026-11-24T00:00:00Z");
        let hour = Some(Duration::from_secs(3600));
        let quota = |retry_after| OracleError::QuotaExhausted { retry_after };
        let rest = rest_after(&quota(hour), None, now).unwrap();
        let lasts =
            ["2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z", "2026-11-24T00:59:59Z", "2026-11-24T01:00:00Z"]
                .map(|text| rest.lasts_at(at(text)));
        assert_eq!(lasts, [false, true, true, false], "a clock set back by a day waits for nothing");
        assert_eq!(rest_after(&quota(Some(Duration::MAX)), None, now), None);
        assert_eq!(rest_after(&OracleError::Unreachable(String::new()), None, now), None);
        let wrong_key = OracleError::Unauthorized(String::new());
        assert_eq!(rest_after(&wrong_key, None, now).map(Rest::until), Some(at("2026-11-24T01:00:00Z")));
    }

    #[test]
    fn the_third_refusal_in_a_row_without_a_reason_counts_as_a_spent_quota() {
        let now = at("2026-11-24T00:00:00Z");
        let bare = OracleError::QuotaExhausted { retry_after: None };
        let mut before = None;
        let mut waits = Vec::new();
        for _ in 0..4 {
            before = rest_after(&bare, before, now);
            waits.push((before.unwrap().until() - now).num_seconds());
        }
        assert_eq!(waits, [30, 60, 3_600, 3_600]);
        let told = OracleError::QuotaExhausted { retry_after: Some(Duration::from_secs(9)) };
        before = rest_after(&told, before, now);
        let anew = rest_after(&bare, before, now).unwrap();
        assert_eq!((anew.until() - now).num_seconds(), 30, "in a row means in a row");
    }

    #[test]
    fn an_answer_that_broke_off_is_asked_for_once_more() {
        let broken = OracleError::Interrupted("it ended with OTHER".into());
        assert!(wait_before(&broken, 1, 0).is_some());
        assert_eq!(
            (wait_before(&broken, 2, 0), rest_after(&broken, None, at("2026-11-24T00:00:00Z"))),
            (None, None)
        );
    }
}
