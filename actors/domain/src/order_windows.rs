//! When KIS accepts orders, in Korean time, as far as it states that.
//!
//! Sources: KIS's interface document of 2026-02-21 and observed refusals (CALENDARS.md 5.2). An order outside of them is
//! refused before it is sent; the windows of reserved orders, which this agent does not send, are only reported.

use std::fmt;

use chrono::{DateTime, Offset, TimeDelta, TimeZone, Timelike, Utc};

use crate::Market;

/// A time of day in which KIS accepts orders of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KisWindow {
    /// Orders that wait for a session, instead of orders that are passed on at once.
    pub is_reserved: bool,
    /// First minute after Korean midnight, 0 to 1439.
    start: u32,
    /// First minute after the window; smaller than the start when it spans midnight.
    end: u32,
    /// The window is believed, not stated.
    pub is_believed: bool,
}

impl KisWindow {
    /// True when the window holds `at`.
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        let minute = korean_minute(at);
        if self.start <= self.end {
            (self.start..self.end).contains(&minute)
        } else {
            minute >= self.start || minute < self.end
        }
    }
}

/// Minutes since Korean midnight, 0 to 1439.
fn korean_minute(at: DateTime<Utc>) -> u32 {
    let local = at.with_timezone(&Market::Kr.zone()).time();
    local.hour() * 60 + local.minute()
}

/// Until when KIS takes orders of `market` that it passes on at once; none when it takes none at `at`. Windows that meet
/// are one.
pub fn takes_orders_until(market: Market, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let orders: Vec<_> = windows(market, at).into_iter().filter(|window| !window.is_reserved).collect();
    let mut window = orders.iter().find(|window| window.contains(at))?;
    while let Some(next) = orders.iter().find(|next| next.start == window.end) {
        window = next;
    }
    let minutes = (window.end + DAY - korean_minute(at)) % DAY;
    // To the second, so that the same end is told at every moment of the window.
    let minute_s = at.timestamp() - at.timestamp().rem_euclid(60);
    DateTime::from_timestamp(minute_s, 0)?.checked_add_signed(TimeDelta::minutes(minutes.into()))
}

/// Minutes of a day.
const DAY: u32 = 24 * 60;

impl fmt::Display for KisWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, end) = (self.start, self.end);
        write!(f, "{:02}:{:02}-{:02}:{:02}", start / 60, start % 60, end / 60, end % 60)?;
        if self.is_believed { f.write_str(" (believed)") } else { Ok(()) }
    }
}

fn orders(from: (u32, u32), to: (u32, u32)) -> KisWindow {
    let minutes = |(hour, minute)| hour * 60 + minute;
    KisWindow { is_reserved: false, start: minutes(from), end: minutes(to), is_believed: false }
}

fn reserved(from: (u32, u32), to: (u32, u32)) -> KisWindow {
    KisWindow { is_reserved: true, ..orders(from, to) }
}

fn believed(window: KisWindow) -> KisWindow {
    KisWindow { is_believed: true, ..window }
}

/// The windows of `market` on the day of `at`, in the order of the day.
pub fn windows(market: Market, at: DateTime<Utc>) -> Vec<KisWindow> {
    match market {
        // The document says 15:40 to 07:30, a refusal of 2025-11 says 16:40 to 08:30: only what both allow.
        Market::Kr => vec![
            orders((8, 30), (15, 30)),
            orders((15, 40), (16, 0)),
            reserved((16, 40), (23, 40)),
            reserved((0, 10), (7, 30)),
        ],
        Market::UsNasdaq | Market::UsNyse | Market::UsAmex => united_states(is_summer_in_new_york(at)),
        // The document of 2026-02 still says 15:00, although Tokyo trades until 15:30 since 2024-11-05.
        Market::Jp => vec![
            orders((9, 0), (11, 30)),
            orders((12, 30), (15, 0)),
            believed(orders((15, 0), (15, 30))),
            reserved((9, 10), (12, 20)),
        ],
        Market::Hk => {
            let mut both = vec![orders((10, 30), (13, 0)), orders((14, 0), (17, 0))];
            both.extend(reserved_twice((10, 20), (10, 40), (13, 50)));
            both
        }
        Market::CnSha => {
            let mut both = vec![orders((10, 30), (16, 0))];
            both.extend(reserved_twice((10, 20), (10, 40), (13, 50)));
            both
        }
        Market::CnSza => vec![believed(orders((10, 30), (16, 0)))],
        Market::VnHan | Market::VnHcm => {
            let mut both = vec![believed(orders((11, 0), (13, 30))), believed(orders((15, 0), (16, 45)))];
            both.extend(reserved_twice((11, 0), (11, 20), (14, 50)));
            both
        }
    }
}

/// Reserved orders of the morning, sent at the open, and of the day, sent after lunch.
fn reserved_twice(first_end: (u32, u32), second: (u32, u32), second_end: (u32, u32)) -> [KisWindow; 2] {
    [reserved((9, 0), first_end), reserved(second, second_end)]
}

/// Pre-market, session and after-market; reserved orders pause from 16:30 to 16:45.
fn united_states(is_summer: bool) -> Vec<KisWindow> {
    let (orders_from, orders_to, reserved_to) =
        if is_summer { ((17, 0), (7, 0), (22, 20)) } else { ((18, 0), (7, 0), (23, 20)) };
    vec![orders(orders_from, orders_to), reserved((10, 0), (16, 30)), reserved((16, 45), reserved_to)]
}

fn is_summer_in_new_york(at: DateTime<Utc>) -> bool {
    let offset = Market::UsNyse.zone().offset_from_utc_datetime(&at.naive_utc()).fix();
    offset.local_minus_utc() == -4 * 3600
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(market: Market, at: &str) -> (bool, bool) {
        let at = at.parse().unwrap();
        let any = |reserved| windows(market, at).iter().any(|w| w.is_reserved == reserved && w.contains(at));
        (any(false), any(true))
    }

    #[test]
    fn orders_and_reserved_orders_are_taken_at_their_documented_times() {
        // Instant in UTC, nine hours behind Korea; whether orders, and reserved orders, are taken.
        let cases = [
            (Market::Kr, "2026-11-24T23:29:59Z", (false, false)),
            (Market::Kr, "2026-11-24T23:30:00Z", (true, false)),
            (Market::Kr, "2026-11-25T06:30:00Z", (false, false)),
            (Market::Kr, "2026-11-25T07:40:00Z", (false, true)),
            (Market::Kr, "2026-11-25T14:45:00Z", (false, false)),
            (Market::UsNyse, "2026-11-25T08:30:00Z", (false, true)),
            (Market::UsNyse, "2026-11-25T07:35:00Z", (false, false)),
            (Market::UsNyse, "2026-11-25T09:00:00Z", (true, true)),
            (Market::UsNyse, "2026-11-25T14:30:00Z", (true, false)),
            (Market::UsNyse, "2026-07-02T08:00:00Z", (true, true)),
            (Market::UsNyse, "2026-07-02T22:00:00Z", (false, false)),
            (Market::Jp, "2026-11-25T06:15:00Z", (true, false)),
            (Market::Hk, "2026-11-25T01:15:00Z", (false, true)),
            (Market::CnSza, "2026-11-25T03:00:00Z", (true, false)),
            (Market::VnHan, "2026-11-25T07:00:00Z", (true, false)),
        ];
        for (market, at, expected) in cases {
            assert_eq!(taken(market, at), expected, "{market} {at}");
        }
    }

    #[test]
    fn orders_are_taken_until_the_end_of_the_last_of_windows_that_meet() {
        let cases = [
            (Market::Kr, "2026-11-25T01:00:30.250Z", Some("2026-11-25T06:30:00Z")),
            (Market::Kr, "2026-11-25T06:30:00Z", None),
            (Market::Jp, "2026-11-25T05:00:00Z", Some("2026-11-25T06:30:00Z")),
            (Market::Jp, "2026-11-25T03:00:00Z", None),
            (Market::UsNyse, "2026-11-25T14:30:00Z", Some("2026-11-25T22:00:00Z")),
            (Market::UsNyse, "2026-11-25T21:59:59Z", Some("2026-11-25T22:00:00Z")),
            (Market::UsNyse, "2026-11-25T22:00:00Z", None),
        ];
        for (market, at, until) in cases {
            let until: Option<DateTime<Utc>> = until.map(|until| until.parse().unwrap());
            assert_eq!(takes_orders_until(market, at.parse().unwrap()), until, "{market} {at}");
        }
    }

    #[test]
    fn a_window_reads_as_hours_and_says_when_it_is_believed() {
        assert_eq!(orders((18, 0), (7, 0)).to_string(), "18:00-07:00");
        assert_eq!(believed(orders((9, 5), (16, 0))).to_string(), "09:05-16:00 (believed)");
    }
}
