//! When the simulated exchanges trade: weekly hours in each market's own zone, on a grid of five seconds (KIS.md 16), and
//! Korea's two kinds of late days (CALENDARS.md 1).
//!
//! Saturdays and Sundays are closed; public holidays are data of the exchange ([`super::ClosedDates`]), not known here.

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
    /// From here no more orders are taken.
    pub(super) orders_until: DateTime<Utc>,
    /// The first price of the day.
    pub(super) open: DateTime<Utc>,
    /// The lunch break, where there is one: no prices, nothing trades.
    pub(super) pause: Option<Pause>,
    /// The last price of the day; what is unfilled then expires.
    pub(super) close: DateTime<Utc>,
}

/// A lunch break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pause {
    pub(super) from: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
    /// True where KIS passes orders on during the break; they rest until it is over.
    pub(super) takes_orders: bool,
}

impl Session {
    /// How many prices the day has: one at the open, one at the close, and one each step between, none in the break.
    pub(super) fn steps(&self) -> usize {
        let evening = self.pause.map_or(self.open, |pause| pause.until);
        self.morning_steps() + steps_in(self.close - evening) + 1
    }

    /// The latest step at `at`; none before the open, the last one after the close.
    pub(super) fn step_at(&self, at: DateTime<Utc>) -> Option<usize> {
        if at < self.open {
            return None;
        }
        let at = at.min(self.close);
        Some(match self.pause {
            Some(pause) if at >= pause.until => self.morning_steps() + steps_in(at - pause.until),
            Some(pause) if at >= pause.from => self.morning_steps().saturating_sub(1),
            Some(_) | None => steps_in(at - self.open),
        })
    }

    /// When step `index` happens.
    pub(super) fn time_of(&self, index: usize) -> DateTime<Utc> {
        let seconds = |steps: usize| {
            TimeDelta::seconds(i64::try_from(steps).unwrap_or(i64::MAX / STEP_SECONDS) * STEP_SECONDS)
        };
        let at = match self.pause.zip(index.checked_sub(self.morning_steps())) {
            Some((pause, after)) => pause.until + seconds(after),
            None => self.open + seconds(index),
        };
        at.min(self.close)
    }

    /// True from the open up to, not including, the close, but for the break.
    pub(super) fn is_trading(&self, at: DateTime<Utc>) -> bool {
        (self.open..self.close).contains(&at) && !self.pause.is_some_and(|pause| pause.contains(at))
    }

    /// True while orders are taken.
    pub(super) fn takes_orders(&self, at: DateTime<Utc>) -> bool {
        let rests = self.pause.is_some_and(|pause| pause.contains(at) && !pause.takes_orders);
        (self.orders_from..self.orders_until).contains(&at) && !rests
    }

    /// Steps before the break; none where there is no break.
    fn morning_steps(&self) -> usize {
        self.pause.map_or(0, |pause| steps_in(pause.from - self.open))
    }
}

impl Pause {
    fn contains(&self, at: DateTime<Utc>) -> bool {
        (self.from..self.until).contains(&at)
    }
}

fn steps_in(duration: TimeDelta) -> usize {
    usize::try_from(duration.num_seconds() / STEP_SECONDS).unwrap_or(0)
}

/// A market's weekly hours, in minutes after local midnight.
struct Hours {
    orders_from: u32,
    open: u32,
    /// From, until, and whether orders are passed on meanwhile.
    pause: Option<(u32, u32, bool)>,
    orders_until: u32,
    close: u32,
}

const fn hm(hour: u32, minute: u32) -> u32 {
    hour * 60 + minute
}

/// The hours of `market` (KIS.md 16).
///
/// Korea takes orders from 08:30; the United States from 04:00, the start of the pre-market window. Elsewhere KIS takes them from the
/// open: Tokyo closes at 15:30, but KIS's window still ends at 15:00; Japan and Vietnam take none at noon. The sheet's second-hand
/// window of Vietnam begins at 09:15, the open of Ho Chi Minh; Hanoi opens at 09:00 and takes orders from then on. Hong Kong's day
/// ends with its closing auction. There is no trading outside these hours: early orders wait for the open, late ones are refused.
fn hours(market: Market) -> Hours {
    let plain =
        |orders_from, open, close| Hours { orders_from, open, pause: None, orders_until: close, close };
    match market {
        Market::Kr => plain(hm(8, 30), hm(9, 0), hm(15, 30)),
        Market::UsNasdaq | Market::UsNyse | Market::UsAmex => plain(hm(4, 0), hm(9, 30), hm(16, 0)),
        Market::Jp => Hours {
            pause: Some((hm(11, 30), hm(12, 30), false)),
            orders_until: hm(15, 0),
            ..plain(hm(9, 0), hm(9, 0), hm(15, 30))
        },
        Market::Hk => Hours {
            pause: Some((hm(12, 0), hm(13, 0), true)),
            orders_until: hm(16, 0),
            ..plain(hm(9, 30), hm(9, 30), hm(16, 10))
        },
        Market::CnSha | Market::CnSza => {
            Hours { pause: Some((hm(11, 30), hm(13, 0), true)), ..plain(hm(9, 30), hm(9, 30), hm(15, 0)) }
        }
        Market::VnHan => {
            Hours { pause: Some((hm(11, 30), hm(13, 0), false)), ..plain(hm(9, 0), hm(9, 0), hm(14, 45)) }
        }
        Market::VnHcm => {
            Hours { pause: Some((hm(11, 30), hm(13, 0), false)), ..plain(hm(9, 15), hm(9, 15), hm(14, 45)) }
        }
    }
}

/// An hour, in minutes.
const HOUR: u32 = 60;

/// Days of the university entrance exam, as year, month and day: Korea trades an hour later. In 2017 also the day on which
/// the exam was postponed on its eve.
const EXAM_DAYS: [(i32, u32, u32); 12] = [
    (2017, 11, 16),
    (2017, 11, 23),
    (2018, 11, 15),
    (2019, 11, 14),
    (2020, 12, 3),
    (2021, 11, 18),
    (2022, 11, 17),
    (2023, 11, 16),
    (2024, 11, 14),
    (2025, 11, 13),
    (2026, 11, 19),
    (2027, 11, 18),
];

/// The hours of `date`: in Korea the whole exam day is an hour later, and the first session of a year begins so late.
fn hours_on(market: Market, date: NaiveDate) -> Hours {
    let usual = hours(market);
    if market != Market::Kr {
        return usual;
    }
    let is_exam = EXAM_DAYS.contains(&(date.year(), date.month(), date.day()));
    // New Year's Day is a holiday, and no other one follows it.
    let before = previous_day(date);
    let is_first = before.year() != date.year() || before.ordinal() == 1;
    if !is_exam && !is_first {
        return usual;
    }
    let (orders_from, open) = (usual.orders_from + HOUR, usual.open + HOUR);
    let later = if is_exam { HOUR } else { 0 };
    let (orders_until, close) = (usual.orders_until + later, usual.close + later);
    Hours { orders_from, open, orders_until, close, ..usual }
}

/// The session of `date`; none on a weekend.
pub(super) fn session(market: Market, date: NaiveDate) -> Option<Session> {
    if !is_trading_day(date) {
        return None;
    }
    let hours = hours_on(market, date);
    let at = |minutes| moment(market, date, minutes);
    let pause = match hours.pause {
        Some((from, until, takes_orders)) => Some(Pause { from: at(from)?, until: at(until)?, takes_orders }),
        None => None,
    };
    Some(Session {
        date,
        orders_from: at(hours.orders_from)?,
        orders_until: at(hours.orders_until)?,
        open: at(hours.open)?,
        pause,
        close: at(hours.close)?,
    })
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
    fn korea_trades_an_hour_later_on_the_exam_day_and_opens_late_on_the_first_day_of_a_year() {
        let hours = |market: Market, date: &str| {
            let day = session(market, date.parse().unwrap()).unwrap();
            let local = |at: DateTime<Utc>| at.with_timezone(&market.zone()).format("%H:%M").to_string();
            [day.orders_from, day.open, day.orders_until, day.close].map(local).join(" ")
        };
        let (usual, late) = ("08:30 09:00 15:30 15:30", "09:30 10:00 15:30 15:30");
        for (date, expected) in [
            ("2026-11-18", usual),
            ("2026-11-19", "09:30 10:00 16:30 16:30"),
            ("2026-11-20", usual),
            ("2025-11-13", "09:30 10:00 16:30 16:30"),
            ("2026-01-02", late),
            ("2026-01-05", usual),
            ("2027-01-04", late),
            ("2024-01-02", late),
            ("2024-01-03", usual),
        ] {
            assert_eq!(hours(Market::Kr, date), expected, "{date}");
        }
        assert_eq!(hours(Market::Jp, "2026-11-19"), hours(Market::Jp, "2026-11-18"));
        assert_eq!(hours(Market::UsNyse, "2026-01-02"), hours(Market::UsNyse, "2026-01-05"));
    }

    #[test]
    fn the_weekend_has_no_session() {
        let saturday = at("2026-11-28T03:00:00Z");
        assert_eq!(session(Market::Kr, Market::Kr.date_at(saturday)), None);
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

    #[test]
    fn every_step_of_every_market_has_its_own_time_outside_the_break() {
        for market in Market::ALL {
            let day = session(market, "2026-06-02".parse().unwrap()).unwrap();
            let mut before = None;
            for index in 0..day.steps() {
                let at = day.time_of(index);
                assert_eq!(day.step_at(at), Some(index), "{market} {at}");
                assert!(Some(at) > before && (day.is_trading(at) || at == day.close), "{market} {at}");
                before = Some(at);
            }
            assert_eq!(before, Some(day.close), "{market}");
        }
    }

    #[test]
    fn at_noon_the_last_price_of_the_morning_stands_and_only_some_markets_take_orders() {
        let day = |market| session(market, "2026-06-02".parse().unwrap()).unwrap();
        let tokyo = day(Market::Jp);
        let noon = at("2026-06-02T03:00:00Z");
        assert_eq!(tokyo.step_at(noon), tokyo.step_at(at("2026-06-02T02:29:55Z")));
        assert!(!tokyo.is_trading(noon) && !tokyo.takes_orders(noon));
        let takes = |market: Market, time: &str| day(market).takes_orders(at(time));
        assert!(takes(Market::Hk, "2026-06-02T04:30:00Z") && takes(Market::CnSha, "2026-06-02T04:30:00Z"));
        assert!(!takes(Market::VnHcm, "2026-06-02T05:00:00Z"));
        assert!(takes(Market::Jp, "2026-06-02T05:59:00Z") && !takes(Market::Jp, "2026-06-02T06:00:00Z"));
    }
}
