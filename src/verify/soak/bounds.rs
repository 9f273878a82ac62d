//! What a soak measured against what is allowed.

use std::fmt;

use rust_decimal::Decimal;
use serde::Serialize;

use super::Day;

// Each bound is about twice what 90 days of two markets measured, in a release build of 2026-11-26: 0.03 MiB a day (0.08 at most
// over any shorter run), 32.9 MiB, one descriptor, 100 KiB a day with fifteen orders a day, 4.0 MiB.

/// Most growth of memory by least squares over the days after warm-up, in MiB a day.
const RSS_MIB_PER_DAY: Decimal = Decimal::from_parts(15, 0, 0, false, 2);
/// Most resident memory, in MiB; half of what invariant 18 of the order protocol allows the agent.
const RSS_MIB: Decimal = Decimal::from_parts(64, 0, 0, false, 0);
/// Most descriptors more at the end than at the start.
const DESCRIPTORS_MORE: Decimal = Decimal::from_parts(4, 0, 0, false, 0);
/// Most growth of the books once the first looks are old, in KiB a day: orders, fills and bars stay.
const BOOKS_KIB_PER_DAY: Decimal = Decimal::from_parts(200, 0, 0, false, 0);
/// Largest journal of the database, in MiB.
const JOURNAL_MIB: Decimal = Decimal::from_parts(8, 0, 0, false, 0);
/// Fewest points that a line is laid through.
const POINTS_MIN: usize = 5;

/// One bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bound {
    /// What is measured, with its unit.
    pub what: &'static str,
    /// The figure; none: the run was too short for it.
    pub measured: Option<Decimal>,
    /// The most that is allowed.
    pub at_most: Decimal,
}

impl Bound {
    /// True unless a figure is above what is allowed.
    pub fn holds(&self) -> bool {
        self.measured.is_none_or(|measured| measured <= self.at_most)
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, measured, at_most } = self;
        let word = if self.holds() { "holds" } else { "MISSED" };
        match measured {
            Some(measured) => write!(f, "{word:<7} {what}: {measured}, at most {at_most}"),
            None => write!(f, "{:<7} {what}: too few days", "skipped"),
        }
    }
}

/// All bounds, over days of which the first `warm_up` fill caches and of which rows are old after `retained`.
pub(super) fn of(days: &[Day], warm_up: usize, retained: usize) -> Vec<Bound> {
    let mib = |kib: u64| Decimal::from(kib) / Decimal::from(1_024);
    let warm = days.get(warm_up..).unwrap_or_default();
    let late = days.get(retained + warm_up..).unwrap_or_default();
    let most = |figure: fn(&Day) -> u64| days.iter().map(figure).max();
    let more = days
        .first()
        .zip(days.last())
        .map(|(first, last)| Decimal::from(last.descriptors) - Decimal::from(first.descriptors));
    let rounded = |figure: Option<Decimal>| figure.map(|figure| figure.round_dp(3).normalize());
    let bound = |what, measured, at_most| Bound { what, measured: rounded(measured), at_most };
    vec![
        bound("growth of memory, MiB a day", slope(warm, |day| mib(day.rss_kib)), RSS_MIB_PER_DAY),
        bound("highest memory, MiB", most(|day| day.rss_kib).map(mib), RSS_MIB),
        bound("descriptors more at the end", more, DESCRIPTORS_MORE),
        bound(
            "growth of the books once old rows go, KiB a day",
            slope(late, |day| Decimal::from(day.used_bytes >> 10)),
            BOOKS_KIB_PER_DAY,
        ),
        bound("largest journal, MiB", most(|day| day.journal_bytes >> 10).map(mib), JOURNAL_MIB),
    ]
}

/// The slope of the line of least squares over consecutive days: `(n·Σxy − Σx·Σy) / (n·Σx² − (Σx)²)`.
fn slope(days: &[Day], figure: impl Fn(&Day) -> Decimal) -> Option<Decimal> {
    if days.len() < POINTS_MIN {
        return None;
    }
    let points = days.iter().zip(0_u32..).map(|(day, x)| (Decimal::from(x), figure(day)));
    let [mut n, mut x_sum, mut y_sum, mut xy_sum, mut xx_sum] = [Decimal::ZERO; 5];
    for (x, y) in points {
        n += Decimal::ONE;
        x_sum += x;
        y_sum += y;
        xy_sum += x * y;
        xx_sum += x * x;
    }
    (n * xy_sum - x_sum * y_sum).checked_div(n * xx_sum - x_sum * x_sum)
}

#[cfg(test)]
mod tests {
    use chrono::{Days, NaiveDate};

    use super::*;

    fn days(rss_kib: impl Fn(u64) -> u64, count: u64) -> Vec<Day> {
        let first: NaiveDate = "2026-01-05".parse().unwrap();
        let day = |number: u64| Day {
            date: first + Days::new(number),
            rss_kib: rss_kib(number),
            descriptors: 12 + number / 20,
            database_bytes: 1 << 20,
            used_bytes: (1 << 20) + number * 1_024,
            journal_bytes: 0,
            dropped: 0,
            starts: 1,
            orders: number,
        };
        (0..count).map(day).collect()
    }

    fn measured(days: &[Day], what: &str) -> Option<Bound> {
        of(days, 7, 30).into_iter().find(|bound| bound.what.starts_with(what))
    }

    #[test]
    fn the_slope_is_that_of_the_line_and_the_warm_up_counts_for_nothing() {
        type Case = (fn(u64) -> u64, &'static str, bool);
        let cases: [Case; 4] = [
            (|_| 51_200, "0", true),
            (|day| 51_200 + 1_024 * day, "1", false),
            (|day| if day < 7 { 1_000 * day } else { 51_200 }, "0", true),
            (|day| 51_200 + 128 * day, "0.125", true),
        ];
        for (rss, expected, holds) in cases {
            let bound = measured(&days(rss, 60), "growth of memory").unwrap();
            assert_eq!((bound.measured, bound.holds()), (Some(expected.parse().unwrap()), holds));
        }
    }

    /// A day of the ninety that were measured, in round figures.
    fn healthy(number: u64) -> Day {
        Day {
            date: "2026-01-16".parse::<NaiveDate>().unwrap() + Days::new(number),
            rss_kib: 31_000 + 30 * number,
            descriptors: 13 + number.min(1),
            database_bytes: 10 << 20,
            used_bytes: (800 + 98 * number) << 10,
            journal_bytes: 4 << 20,
            dropped: 53 * number,
            starts: 1 + number / 2,
            orders: 15 * number,
        }
    }

    #[test]
    fn a_small_leak_misses_its_own_bound_and_no_other() {
        type Leak = fn(&mut Day, u64);
        let leaks: [(&str, Leak); 5] = [
            ("growth of memory", |day, number| day.rss_kib += 200 * number),
            ("highest memory", |day, number| day.rss_kib += if number == 50 { 33 << 10 } else { 0 }),
            ("descriptors more", |day, number| day.descriptors += number / 20),
            ("growth of the books", |day, number| day.used_bytes += (150 * number) << 10),
            ("largest journal", |day, number| day.journal_bytes += (60 * number) << 10),
        ];
        let missed = |leak: Leak| -> Vec<&'static str> {
            let day = |number| {
                let mut day = healthy(number);
                leak(&mut day, number);
                day
            };
            let bounds = of(&(0..90).map(day).collect::<Vec<_>>(), 7, 30);
            assert!(bounds.iter().all(|bound| bound.measured.is_some()), "{bounds:?}");
            bounds.iter().filter(|bound| !bound.holds()).map(|bound| bound.what).collect()
        };
        assert_eq!(missed(|_, _| ()), [] as [&str; 0]);
        for (what, leak) in leaks {
            let missed = missed(leak);
            assert!(missed.len() == 1 && missed[0].starts_with(what), "{what}: {missed:?}");
        }
    }

    #[test]
    fn each_figure_is_held_against_its_own_bound_and_a_short_run_has_no_slope() {
        let long = days(|_| 200 << 10, 200);
        let figure =
            |what| measured(&long, what).map(|bound| (bound.measured.unwrap().to_string(), bound.holds()));
        assert_eq!(figure("highest memory"), Some(("200".into(), false)));
        assert_eq!(figure("descriptors more"), Some(("9".into(), false)));
        assert_eq!(figure("growth of the books"), Some(("1".into(), true)));
        let short = days(|_| 1, 6);
        assert_eq!(measured(&short, "growth of memory").unwrap().measured, None);
    }
}
