//! When KIS settles its ledger.

use chrono::{DateTime, NaiveTime, Utc};

use crate::Market;

/// True from 23:40 to 00:10 Korean time, every day (KIS.md 1): balances lag and reserved orders are refused.
///
/// Only calls about the won ledger wait for its end. A US session is open in these minutes all winter, and goes on.
pub fn is_ledger_pause(at: DateTime<Utc>) -> bool {
    let local = at.with_timezone(&Market::Kr.zone()).time();
    let time = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or(NaiveTime::MIN);
    local >= time(23, 40) || local < time(0, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_pauses_for_half_an_hour_around_midnight_in_korea() {
        for (at, paused) in [
            ("2026-11-25T14:39:59Z", false),
            ("2026-11-25T14:40:00Z", true),
            ("2026-11-25T15:09:59Z", true),
            ("2026-11-25T15:10:00Z", false),
        ] {
            assert_eq!(is_ledger_pause(at.parse().unwrap()), paused, "{at}");
        }
    }

    #[test]
    fn the_winter_open_of_new_york_is_not_in_the_pause() {
        assert!(!is_ledger_pause("2026-11-25T14:30:00Z".parse().unwrap()));
    }
}
