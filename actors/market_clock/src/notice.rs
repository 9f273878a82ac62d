//! What the operator should know about a date before it matters (CALENDARS.md 4.2).

use chrono::NaiveDate;
use domain::Market;
use domain::messages::ledger::EventKind;
use domain::messages::schedule::DateStatus;

use crate::calendar::{Calendar, DayChange};

/// The operator hears of the end of the announced days so many days before.
pub const AHEAD_DAYS: i64 = 30;

/// One sentence about `date`, and how urgent it is; none on an ordinary day.
pub fn about(calendar: &Calendar, market: Market, date: NaiveDate) -> Option<(EventKind, String)> {
    if let Some(change) = calendar.changes().get(&(market, date)) {
        return Some((EventKind::Report, overridden(market, date, *change)));
    }
    let next = date.succ_opt().unwrap_or(date);
    match (calendar.status(market, date), calendar.status(market, next)) {
        (DateStatus::Unknown, _) => Some((EventKind::Alarm, unknown(calendar, market, date))),
        (status @ (DateStatus::Estimated | DateStatus::Uncertain), _) => Some((
            EventKind::Alarm,
            format!("{market}: {date} is {status}; nothing is traded before it is confirmed"),
        )),
        (DateStatus::Official, DateStatus::Uncertain) => Some((
            EventKind::Report,
            format!("{market}: tomorrow, {next}, is uncertain; look at the exchange's own notice"),
        )),
        (DateStatus::Official, DateStatus::Official | DateStatus::Estimated | DateStatus::Unknown) => {
            ending(calendar, market, date).map(|line| (EventKind::Report, line))
        }
    }
}

fn overridden(market: Market, date: NaiveDate, change: DayChange) -> String {
    let what = match change {
        DayChange::Closed => "is closed",
        DayChange::Open => "is a session",
        DayChange::Hours(_) => "has other hours",
    };
    format!("{market}: {date} {what} by the override file")
}

fn unknown(calendar: &Calendar, market: Market, date: NaiveDate) -> String {
    let why = calendar.fault().map(|fault| format!(" ({fault})")).unwrap_or_default();
    format!(
        "{market}: no calendar reaches {date}{why}; nothing is bought there until the calendar is refreshed"
    )
}

fn ending(calendar: &Calendar, market: Market, date: NaiveDate) -> Option<String> {
    let until = calendar.official_until(market)?;
    let left = (until - date).num_days();
    (0..=AHEAD_DAYS).contains(&left).then(|| {
        format!("{market}: the announced days end on {until}, in {left} days; later ones are forecasts")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operator_hears_of_doubtful_days_and_of_the_end_of_the_announced_ones() {
        let cases = [
            (Market::Kr, "2026-11-30", None),
            (Market::Kr, "2026-12-01", Some("KR: the announced days end on 2026-12-31, in 30 days")),
            (Market::Kr, "2026-12-31", Some("in 0 days")),
            (Market::Kr, "2027-01-01", Some("KR: 2027-01-01 is estimated; nothing is traded")),
            (Market::UsNyse, "2027-11-30", None),
            (Market::UsNyse, "2027-12-05", Some("in 26 days")),
            (Market::VnHcm, "2026-11-22", Some("tomorrow, 2026-11-23, is uncertain")),
            (Market::VnHcm, "2026-11-23", Some("VN_HCM: 2026-11-23 is uncertain")),
            (Market::VnHcm, "2026-11-25", None),
            (Market::Hk, "2028-01-03", Some("HK: no calendar reaches 2028-01-03; nothing is bought")),
        ];
        for (market, date, expected) in cases {
            let said = about(&Calendar::official(), market, date.parse().unwrap()).map(|(_, line)| line);
            match expected {
                Some(words) => assert!(said.as_ref().is_some_and(|line| line.contains(words)), "{said:?}"),
                None => assert_eq!(said, None, "{market} {date}"),
            }
        }
    }
}
