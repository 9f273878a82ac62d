//! Every minute of 2024 to 2027 of ten markets: the queries agree with each other.

use chrono::{NaiveTime, TimeDelta};

use super::*;

/// What the queries say while one phase lasts, walked minute by minute.
struct Walk {
    calendar: Calendar,
    market: Market,
    now: DateTime<Utc>,
    phase: Phase,
    next_change: DateTime<Utc>,
    next_open: Option<DateTime<Utc>>,
    next_session_open: Option<DateTime<Utc>>,
    was_open: bool,
}

impl Walk {
    fn begin(calendar: &Calendar, market: Market, now: DateTime<Utc>) -> Self {
        Self {
            phase: calendar.phase(market, now),
            next_change: calendar.next_change(market, now).unwrap().at,
            next_open: calendar.next_open(market, now),
            next_session_open: calendar.next_session_open(market, now),
            was_open: calendar.is_open(market, now).unwrap(),
            calendar: calendar.clone(),
            market,
            now,
        }
    }

    /// One minute on: nothing may change before it was announced, and then it must.
    fn step(&mut self) {
        self.now += TimeDelta::minutes(1);
        let (calendar, market, now) = (&self.calendar, self.market, self.now);
        let is_open = calendar.is_open(market, now).unwrap();
        let phase = calendar.phase(market, now);
        assert_eq!(
            phase != self.phase,
            now == self.next_change,
            "{market} {now}: {phase} after {}",
            self.phase
        );
        assert_eq!(is_open && !self.was_open, self.next_open == Some(now), "{market} {now}");
        assert!(!phase.is_tradable() || is_open, "{market} {now}");
        let session = calendar.session_of(market, now);
        let in_session = session.is_some_and(|session| session.is_open(now) && session.phase(now) == phase);
        assert_eq!(is_open, in_session, "{market} {now}");
        if self.next_session_open == Some(now) {
            assert!(is_open && session.is_some_and(|session| session.open == now), "{market} {now}");
            assert_eq!(calendar.session_date(market, now), Some(market.date_at(now)));
        }
        if now == self.next_change || self.next_open == Some(now) {
            *self = Self::begin(calendar, market, now);
        }
        (self.phase, self.was_open) = (phase, is_open);
    }
}

#[test]
fn every_minute_of_four_years_of_ten_markets_is_consistent() {
    let calendar = Calendar::official();
    let mut minutes = 0_u32;
    for market in Market::ALL {
        let midnight = |day: &str| {
            let local = date(day).and_time(NaiveTime::MIN).and_local_timezone(market.zone());
            local.earliest().unwrap().with_timezone(&Utc)
        };
        let mut walk = Walk::begin(&calendar, market, midnight("2024-01-01"));
        // The last minute of the table.
        let end = midnight("2028-01-01") - TimeDelta::minutes(1);
        while walk.now < end {
            walk.step();
            minutes += 1;
        }
        assert_eq!(calendar.phase(market, end + TimeDelta::minutes(1)), Phase::Unknown);
        assert_eq!(calendar.is_open(market, end + TimeDelta::minutes(1)), None);
    }
    assert_eq!(minutes, 10 * (1461 * 24 * 60 - 1));
}
