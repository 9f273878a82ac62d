//! When the simulated exchanges trade: weekly hours in each market's own zone, on a grid of five seconds (KIS.md 16).
//!
//! Saturdays and Sundays are closed; public holidays are not known here.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};
use domain::Market;

/// Exchange time between two prices, in seconds.
pub(super) const STEP_SECONDS: i64 = 5;

/// One trading day of one market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Session {
    /// The date in the market's zone.
    pub(super) date: NaiveDate,
    /// From here orders are taken; they rest until the open.
    pub(super) orders_from: DateTime<Utc>,
    /// The first price of the day.
    pub(super) open: DateTime<Utc>,
    /// The last price of the day; what is unfilled then expires.
    pub(super) close: DateTime<Utc>,
}

impl Session {
    /// How many prices the day has: one at the open, one at the close, and one each step between.
    pub(super) fn steps(&self) -> usize {
        steps_in(self.close - self.open) + 1
    }

    /// The latest step at `at`; none before the open, the last one after the close.
    pub(super) fn step_at(&self, at: DateTime<Utc>) -> Option<usize> {
        (at >= self.open).then(|| steps_in(at.min(self.close) - self.open))
    }

    /// When step `index` happens.
    pub(super) fn time_of(&self, index: usize) -> DateTime<Utc> {
        let seconds = i64::try_from(index).unwrap_or(i64::MAX / STEP_SECONDS) * STEP_SECONDS;
        (self.open + TimeDelta::seconds(seconds)).min(self.close)
    }

    /// True from the open up to, not including, the close.
    pub(super) fn is_trading(&self, at: DateTime<Utc>) -> bool {
        (self.open..self.close).contains(&at)
    }

    /// True while orders are taken.
    pub(super) fn takes_orders(&self, at: DateTime<Utc>) -> bool {
        (self.orders_from..self.close).contains(&at)
    }
}

fn steps_in(duration: TimeDelta) -> usize {
    usize::try_from(duration.num_seconds() / STEP_SECONDS).unwrap_or(0)
}

/// Minutes after local midnight: orders from, open, close. None for markets that are not simulated.
///
/// Korea takes orders from 08:30; the United States from 04:00, the start of the pre-market window (KIS.md 16). There is
/// no trading outside the regular session: early orders wait for the open, late ones are refused.
fn minutes(market: Market) -> Option<[u32; 3]> {
    match market {
        Market::Kr => Some([8 * 60 + 30, 9 * 60, 15 * 60 + 30]),
        Market::UsNasdaq | Market::UsNyse | Market::UsAmex => Some([4 * 60, 9 * 60 + 30, 16 * 60]),
        Market::Jp | Market::Hk | Market::CnSha | Market::CnSza | Market::VnHan | Market::VnHcm => None,
    }
}

/// True for markets this exchange can trade.
pub(super) fn is_simulated(market: Market) -> bool {
    minutes(market).is_some()
}

/// The session of `date`; none on a weekend, or where the market is not simulated.
pub(super) fn session(market: Market, date: NaiveDate) -> Option<Session> {
    if !is_trading_day(date) {
        return None;
    }
    let [orders_from, open, close] = minutes(market)?;
    Some(Session {
        date,
        orders_from: moment(market, date, orders_from)?,
        open: moment(market, date, open)?,
        close: moment(market, date, close)?,
    })
}

/// The session whose prices are shown at `at`: today's, or the last one before a weekend.
pub(super) fn shown(market: Market, at: DateTime<Utc>) -> Option<Session> {
    let today = market.date_at(at);
    session(market, if is_trading_day(today) { today } else { previous_day(today) })
}

/// Monday to Friday.
pub(super) fn is_trading_day(date: NaiveDate) -> bool {
    !matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

/// The trading day before `date`.
pub(super) fn previous_day(date: NaiveDate) -> NaiveDate {
    let mut day = date;
    while let Some(earlier) = day.checked_sub_days(Days::new(1)) {
        day = earlier;
        if is_trading_day(day) {
            break;
        }
    }
    day
}

/// The trading day after `date`.
pub(super) fn next_day(date: NaiveDate) -> NaiveDate {
    let mut day = date;
    while let Some(later) = day.checked_add_days(Days::new(1)) {
        day = later;
        if is_trading_day(day) {
            break;
        }
    }
    day
}

fn moment(market: Market, date: NaiveDate, minutes: u32) -> Option<DateTime<Utc>> {
    let time = NaiveTime::from_num_seconds_from_midnight_opt(minutes * 60, 0)?;
    market.zone().from_local_datetime(&date.and_time(time)).earliest().map(|local| local.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_us_open_moves_by_an_hour_with_daylight_saving_seen_from_korea() {
        let winter = session(Market::UsNasdaq, "2026-11-24".parse().unwrap()).unwrap();
        let summer = session(Market::UsNasdaq, "2026-07-21".parse().unwrap()).unwrap();
        assert_eq!(winter.open, at("2026-11-24T14:30:00Z"));
        assert_eq!(summer.open, at("2026-07-21T13:30:00Z"));
        assert_eq!(winter.steps(), 4681);
    }

    #[test]
    fn the_weekend_has_no_session_and_shows_fridays_prices() {
        let saturday = at("2026-11-28T03:00:00Z");
        assert_eq!(session(Market::Kr, Market::Kr.date_at(saturday)), None);
        assert_eq!(shown(Market::Kr, saturday).unwrap().date, "2026-11-27".parse().unwrap());
    }

    #[test]
    fn steps_and_their_times_belong_together() {
        let day = session(Market::Kr, "2026-11-24".parse().unwrap()).unwrap();
        assert_eq!(day.step_at(day.open - TimeDelta::seconds(1)), None);
        for index in [0, 1, 77, 4680] {
            assert_eq!(day.step_at(day.time_of(index)), Some(index));
        }
        assert_eq!(day.step_at(day.close + TimeDelta::hours(2)), Some(4680));
        assert!(day.takes_orders(day.open - TimeDelta::minutes(30)) && !day.is_trading(day.close));
    }
}
