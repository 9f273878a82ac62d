//! What the operator should know about a date before it matters (CALENDARS.md 4.2).

use chrono::NaiveDate;
use domain::Market;
use domain::messages::ledger::EventKind;
use domain::messages::schedule::{DateStatus, Trust};

use crate::calendar::{Calendar, DayChange};

/// The operator hears of the end of the announced days so many days before.
pub const AHEAD_DAYS: i64 = 30;

/// One sentence about `date`, and how urgent it is; none on an ordinary day.
pub fn about(calendar: &Calendar, market: Market, date: NaiveDate) -> Option<(EventKind, String)> {
    if let Some(change) = calendar.changes().get(&(market, date)) {
        return Some(overridden(market, date, *change));
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

/// One sentence about a session that evidence shows in another light, and what is done about it.
pub fn of_trust(market: Market, date: NaiveDate, trust: Trust) -> String {
    let then = match trust {
        Trust::Certain => "trading goes on as usual",
        Trust::Unproved => "nothing is traded before it is confirmed",
        Trust::Disputed => {
            "only exits; if it is a session, open it in the override file: that and a trade of the day count"
        }
        Trust::SuspectedClosed => {
            "no orders and no judgements until a trade is seen; looking every 5 minutes"
        }
        Trust::BrokerDown => "no purchases until it answers; then orders are reconciled first",
        Trust::Unknown { exits: false } => "nothing is traded",
        Trust::Unknown { exits: true } => "only exits",
    };
    format!("{market}: {date}: {trust}; {then}")
}

fn overridden(market: Market, date: NaiveDate, change: DayChange) -> (EventKind, String) {
    let (kind, what) = match change {
        DayChange::Closed => (EventKind::Report, "is closed by the override file"),
        DayChange::Open => (EventKind::Report, "is a session by the override file"),
        DayChange::Hours(_) => (EventKind::Report, "has other hours by the override file"),
        DayChange::ClosedByBroker => {
            (EventKind::Alarm, "is closed by the broker's list, although the calendar has a session")
        }
    };
    (kind, format!("{market}: {date} {what}"))
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
