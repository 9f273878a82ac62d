//! The days on which a market stays closed beside its weekends, given to the exchange as data.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};
use domain::Market;

use super::sessions;

/// Dates without a session, by market, each in the market's own zone. Weekends need not be named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClosedDates(BTreeSet<(Market, NaiveDate)>);

impl ClosedDates {
    /// True when `date` is named closed for `market`.
    pub fn contains(&self, market: Market, date: NaiveDate) -> bool {
        self.0.contains(&(market, date))
    }

    /// True when `market` has a session on `date`.
    pub(super) fn opens(&self, market: Market, date: NaiveDate) -> bool {
        sessions::is_trading_day(date) && !self.contains(market, date)
    }

    /// True when only the exchange rests on `date`, and banks work: the last weekday of a year (KIS.md 10.1).
    pub(super) fn is_year_end_closing(&self, market: Market, date: NaiveDate) -> bool {
        self.contains(market, date)
            && sessions::is_trading_day(date)
            && sessions::next_day(date).year() != date.year()
    }

    /// The session of `market` that comes `count` sessions after `date`, or before it when negative.
    pub(super) fn shifted(&self, market: Market, date: NaiveDate, count: i32) -> NaiveDate {
        let step = if count < 0 { sessions::previous_day } else { sessions::next_day };
        let mut day = date;
        for _ in 0..count.unsigned_abs() {
            day = step(day);
            while self.contains(market, day) {
                day = step(day);
            }
        }
        day
    }
}

impl FromIterator<(Market, NaiveDate)> for ClosedDates {
    fn from_iter<I: IntoIterator<Item = (Market, NaiveDate)>>(dates: I) -> Self {
        Self(dates.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn sessions_are_counted_over_weekends_and_closed_dates() {
        let closed: ClosedDates = [(Market::Kr, date("2026-12-25"))].into_iter().collect();
        let shifted = |count| closed.shifted(Market::Kr, date("2026-12-24"), count).to_string();
        assert_eq!([-1, 0, 1, 2].map(shifted), ["2026-12-23", "2026-12-24", "2026-12-28", "2026-12-29"]);
        assert!(
            !closed.opens(Market::Kr, date("2026-12-25")) && closed.opens(Market::Jp, date("2026-12-25"))
        );
    }

    #[test]
    fn banks_work_on_the_last_weekday_of_the_year_alone() {
        let closed: ClosedDates =
            ["2026-12-25", "2026-12-31"].map(|day| (Market::Kr, date(day))).into_iter().collect();
        let rests = |day| closed.is_year_end_closing(Market::Kr, date(day));
        assert_eq!(["2026-12-25", "2026-12-30", "2026-12-31"].map(rests), [false, false, true]);
    }
}
