//! When the agent is up: watches around the close of each session, and one more day of them without faults.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use domain::Market;
use market_clock::{Calendar, DayKind};

use super::dice::Dice;
use super::{Options, Pace};

/// The first day of the first seed; others begin up to eleven months later, so that both changes of daylight saving are met.
const FIRST_DAY: (i32, u32, u32) = (2026, 1, 5);
/// One watch in so many of ten thousand ends before the day is closed in the books: a later start must close it.
const ENDS_EARLY: u32 = 6_500;

/// Tokyo trades until 15:30, but KIS's own window, which the simulated exchange keeps, ends so long before: whatever the agent
/// tries after that is refused.
const TOKYO_ENDS_BEFORE: TimeDelta = TimeDelta::minutes(30);

/// A time in which the agent is up, but for crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Watch {
    pub(super) start: DateTime<Utc>,
    pub(super) end: DateTime<Utc>,
    /// Without faults.
    pub(super) is_quiet: bool,
}

/// `days` trading days of watches with faults, and one without.
pub(super) fn watches(seed: u64, options: &Options) -> Vec<Watch> {
    let Options { days, pace, markets, .. } = options;
    let dice = Dice::new(seed, "timetable");
    let minutes = match pace {
        Pace::Watches { minutes } => *minutes,
        Pace::Calendar => return one_long_watch(seed, options, &dice),
    };
    let mut watches: Vec<Watch> = Vec::new();
    let (faulty, quiet) = trading_days(seed, *days, markets);
    for (date, is_quiet) in faulty.into_iter().map(|date| (date, false)).chain(quiet.map(|date| (date, true)))
    {
        let mut of_day: Vec<Watch> = markets
            .iter()
            .filter_map(|market| watch(&dice, *market, date, (!is_quiet).then_some(minutes)))
            .collect();
        of_day.sort_by_key(|watch| watch.start);
        of_day.into_iter().for_each(|watch| join(&mut watches, watch));
    }
    watches
}

/// From the first open to the end of the last day without a break, and one more day of watches without faults.
fn one_long_watch(seed: u64, options: &Options, dice: &Dice) -> Vec<Watch> {
    let (faulty, quiet) = trading_days(seed, options.days, &options.markets);
    let Some(((first, last), quiet)) = faulty.first().zip(faulty.last()).zip(quiet) else {
        return Vec::new();
    };
    let sessions = |date: NaiveDate| {
        options.markets.iter().filter_map(move |market| Calendar::official().session_on(*market, date))
    };
    let open = sessions(*first).map(|session| session.open).min();
    let close = sessions(*last).map(|session| session.close).max();
    let long = open.zip(close).map(|(start, close)| Watch {
        start,
        end: close + TimeDelta::minutes(25),
        is_quiet: false,
    });
    let mut watches: Vec<Watch> = long.into_iter().collect();
    // The whole session, because there are two decisions a day.
    let whole = |watch: Watch, market: &Market| {
        let session = Calendar::official().session_on(*market, quiet);
        Watch { start: session.map_or(watch.start, |session| session.open), ..watch }
    };
    let markets = options.markets.iter();
    let mut after: Vec<Watch> = markets
        .filter_map(|market| watch(dice, *market, quiet, None).map(|one| whole(one, market)))
        .collect();
    after.sort_by_key(|watch| watch.start);
    after.into_iter().for_each(|watch| join(&mut watches, watch));
    watches
}

/// Watches that touch become one.
fn join(watches: &mut Vec<Watch>, next: Watch) {
    if let Some(last) = watches.last_mut().filter(|last| last.end >= next.start) {
        // All watches of a day are alike, and days do not touch.
        last.end = last.end.max(next.end);
    } else {
        watches.push(next);
    }
}

/// `count` days with faults, and a quiet one.
fn trading_days(seed: u64, count: u32, markets: &[Market]) -> (Vec<NaiveDate>, Option<NaiveDate>) {
    let (year, month, day) = FIRST_DAY;
    let first = NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
    let first = first.checked_add_days(Days::new(seed.wrapping_mul(11) % 340)).unwrap_or(first);
    let calendar = Calendar::official();
    let is_open = |date: &NaiveDate| markets.iter().all(|market| is_usual(&calendar, *market, *date));
    let mut days = first.iter_days().filter(is_open);
    let faulty = days.by_ref().take(count as usize).collect();
    (faulty, days.next())
}

/// The simulated exchange knows no holidays and no short days, so days on which the two calendars differ are left out.
fn is_usual(calendar: &Calendar, market: Market, date: NaiveDate) -> bool {
    calendar.day(market, date) == DayKind::Session
}

/// The watch around the close of `date`, with faults for about so many `minutes` before it, or without.
fn watch(dice: &Dice, market: Market, date: NaiveDate, minutes: Option<u32>) -> Option<Watch> {
    let calendar = Calendar::official();
    let session = calendar.session_on(market, date).filter(|_| is_usual(&calendar, market, date))?;
    let last_trade = session.closing_auction.map_or(session.close, |(start, _)| start.min(session.close));
    let last_trade = if market == Market::Jp { session.close - TOKYO_ENDS_BEFORE } else { last_trade };
    let drawn = |range| TimeDelta::minutes(i64::try_from(dice.within(range)).unwrap_or(30));
    let before = match minutes.map(u64::from) {
        Some(minutes) => drawn(minutes / 2..=minutes + minutes / 2),
        // Every stock is bought within a few minutes; a slot that is made up needs five of them.
        None => TimeDelta::minutes(7),
    };
    let after = match (minutes.is_none(), dice.chance(ENDS_EARLY)) {
        (true, _) => TimeDelta::minutes(45),
        (false, true) => TimeDelta::minutes(2),
        (false, false) => drawn(12..=25),
    };
    let start = (last_trade - before).max(session.open);
    Some(Watch { start, end: session.close + after, is_quiet: minutes.is_none() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_day_has_a_watch_for_each_market_and_the_last_day_is_quiet() {
        for seed in 0..50 {
            let watches = watches(seed, &Options { days: 3, ..Options::default() });
            assert_eq!(watches.len(), 8, "seed {seed}");
            assert_eq!(watches.iter().filter(|watch| watch.is_quiet).count(), 2);
            assert!(watches.windows(2).all(|pair| pair[0].end <= pair[1].start), "seed {seed}");
            assert!(watches[6].is_quiet && watches[7].is_quiet);
        }
    }

    #[test]
    fn a_calendar_run_is_one_long_watch_and_then_a_quiet_day() {
        for seed in 0..20 {
            let watches = watches(seed, &Options { days: 20, pace: Pace::Calendar, ..Options::default() });
            let quiet: Vec<bool> = watches.iter().map(|watch| watch.is_quiet).collect();
            assert_eq!(quiet, [false, true, true], "seed {seed}");
            assert!(watches[0].end - watches[0].start > TimeDelta::days(25), "seed {seed}");
            assert!(watches.windows(2).all(|pair| pair[0].end <= pair[1].start), "seed {seed}");
        }
    }

    #[test]
    fn markets_that_close_together_share_a_watch() {
        let markets = vec![Market::UsNasdaq, Market::UsNyse];
        let watches = watches(1, &Options { markets, ..Options::default() });
        assert_eq!(watches.len(), 2, "{watches:?}");
    }
}
