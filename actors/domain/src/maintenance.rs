//! When KIS settles its ledger.

use chrono::{DateTime, NaiveTime, Timelike, Utc};

use crate::Market;

/// True from 23:40 to 00:10 Korean time, every day (KIS.md 1): balances lag and reserved orders are refused.
///
/// Only calls about the won ledger wait for its end. A US session is open in these minutes all winter, and goes on.
pub fn is_ledger_pause(at: DateTime<Utc>) -> bool {
    let local = at.with_timezone(&Market::Kr.zone()).time();
    let time = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or(NaiveTime::MIN);
    local >= time(23, 40) || local < time(0, 10)
}

/// True while questions about the ledger of `market` (balances, order lists) wait: only the won ledger ever does. Orders,
/// cancels and quotes never wait.
pub fn ledger_rests(market: Market, at: DateTime<Utc>) -> bool {
    market.is_domestic() && is_ledger_pause(at)
}

/// The end of the pause that holds at `at`; `at` itself when there is none.
pub fn ledger_pause_end(at: DateTime<Utc>) -> DateTime<Utc> {
    if !is_ledger_pause(at) {
        return at;
    }
    let local = at.with_timezone(&Market::Kr.zone()).time();
    let since_midnight = i64::from(local.num_seconds_from_midnight());
    let end = if local < NaiveTime::from_hms_opt(12, 0, 0).unwrap_or(NaiveTime::MIN) { 600 } else { 87_000 };
    DateTime::from_timestamp(at.timestamp() + end - since_midnight, 0).unwrap_or(at)
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
    fn the_pause_ends_at_ten_past_midnight_and_is_one_of_the_won_ledger_alone() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        for (now, end) in [
            ("2026-11-25T14:40:00Z", "2026-11-25T15:10:00Z"),
            ("2026-11-25T15:00:00Z", "2026-11-25T15:10:00Z"),
            ("2026-11-25T15:09:59.999Z", "2026-11-25T15:10:00Z"),
            ("2026-11-25T15:10:00Z", "2026-11-25T15:10:00Z"),
        ] {
            assert_eq!(ledger_pause_end(at(now)), at(end), "{now}");
        }
        for market in Market::ALL {
            assert_eq!(ledger_rests(market, at("2026-11-25T15:00:00Z")), market == Market::Kr, "{market}");
        }
    }

    #[test]
    fn the_winter_open_of_new_york_is_not_in_the_pause() {
        assert!(!is_ledger_pause("2026-11-25T14:30:00Z".parse().unwrap()));
    }
}
