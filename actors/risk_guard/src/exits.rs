//! When what is held is sold without being asked: stop-loss, trailing stop, take-profit and time. Pure.
//!
//! The stop is the plan's, or closer where the stock moves little: never looser than the plan (lessons 1, 17). A price
//! that is missing, old, or so far from the entry that it is more likely an error or a split triggers nothing.
//! Judged by what one share cost this agent, with prices wherever they come from.

pub mod watch;

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Price;
use rust_decimal::Decimal;

/// A price older than this, in seconds of exchange time, triggers nothing.
pub const PRICE_MAX_AGE_S: i64 = 60;
/// A loss beyond this, in percent, is not believed: a split or a wrong price, for a person to look at.
pub const LOSS_BELIEVED_MAX_PCT: Decimal = Decimal::from_parts(40, 0, 0, false, 0);

/// A price further than this from the one before it, in percent, triggers nothing before the next one confirms it.
pub const JUMP_BELIEVED_MAX_PCT: Decimal = Decimal::from_parts(20, 0, 0, false, 0);

/// When the operator wants holdings sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitPlan {
    /// `EXIT_STOP_PCT`: loss against the entry, in percent, that sells.
    pub stop_pct: Decimal,
    /// `EXIT_TAKE_PCT`: profit against the entry, in percent, that sells.
    pub take_pct: Decimal,
    /// `EXIT_ATR_MULTIPLE`: so many average true ranges under the entry, or under the highest price since, sell.
    pub atr_multiple: Decimal,
    /// `EXIT_MAX_DAYS`: days after the purchase that sell.
    pub max_days: u32,
}

/// What is known of one holding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// What one share cost on average.
    pub entry: Price,
    /// When the first share of it was bought.
    pub since: DateTime<Utc>,
    /// The highest price since then, as far as known.
    pub peak: Option<Price>,
    /// Wilder's average true range over 14 days, in the price's unit; absent before it may decide something.
    pub atr: Option<Decimal>,
}

/// Why something is sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// At or under this level, the entry less the stop.
    Stop {
        /// In the price's unit.
        level: Decimal,
    },
    /// At or under this level, the peak less its distance, and not under the entry.
    Trailing {
        /// In the price's unit.
        level: Decimal,
        /// The highest price since the purchase.
        peak: Price,
    },
    /// At or above this level.
    Take {
        /// In the price's unit.
        level: Decimal,
    },
    /// Held for this many days.
    Time {
        /// Since the purchase.
        days: i64,
    },
}

/// What follows for one holding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is kept.
    Hold,
    /// It is sold.
    Sell(Exit),
    /// It seems to have lost this many percent: a person must look.
    Unbelievable(Decimal),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |level: &Decimal| level.round_sf(6).unwrap_or(*level).normalize();
        match self {
            Self::Stop { level } => write!(f, "stop-loss at {}", short(level)),
            Self::Trailing { level, peak } => {
                write!(f, "trailing stop at {}, under a peak of {peak}", short(level))
            }
            Self::Take { level } => write!(f, "profit goal at {}", short(level)),
            Self::Time { days } => write!(f, "held for {days} days"),
        }
    }
}

/// Judges a holding at `price`. A number that cannot be computed triggers nothing.
pub fn judge(plan: &ExitPlan, held: &Held, price: Price, now: DateTime<Utc>) -> Verdict {
    let (entry, price) = (held.entry.value(), price.value());
    if let Some(loss_pct) = loss_pct(entry, price)
        && loss_pct > LOSS_BELIEVED_MAX_PCT
    {
        return Verdict::Unbelievable(loss_pct);
    }
    let exit = stop(plan, held)
        .filter(|level| price <= *level)
        .map(|level| Exit::Stop { level })
        .or_else(|| trailing(plan, held, price))
        .or_else(|| take(plan, held).filter(|level| price >= *level).map(|level| Exit::Take { level }))
        .or_else(|| time(plan, held, now));
    exit.map_or(Verdict::Hold, Verdict::Sell)
}

fn loss_pct(entry: Decimal, price: Decimal) -> Option<Decimal> {
    (entry - price).checked_mul(Decimal::ONE_HUNDRED)?.checked_div(entry)
}

/// `pct` percent of `of`.
fn share(of: Decimal, pct: Decimal) -> Option<Decimal> {
    of.checked_mul(pct)?.checked_div(Decimal::ONE_HUNDRED)
}

/// The distance that the stock's own movement allows; none where it is not known.
fn range(plan: &ExitPlan, held: &Held) -> Option<Decimal> {
    let distance = held.atr?.checked_mul(plan.atr_multiple)?;
    (distance > Decimal::ZERO).then_some(distance)
}

/// The entry less the plan's percentage, or less the range where that is closer.
fn stop(plan: &ExitPlan, held: &Held) -> Option<Decimal> {
    let planned = share(held.entry.value(), plan.stop_pct)?;
    let distance = range(plan, held).map_or(planned, |range| range.min(planned));
    held.entry.value().checked_sub(distance)
}

/// It secures a profit: a level under the entry is the stop's business.
fn trailing(plan: &ExitPlan, held: &Held, price: Decimal) -> Option<Exit> {
    let peak = held.peak?;
    let distance = range(plan, held).or_else(|| share(peak.value(), plan.stop_pct))?;
    let level = peak.value().checked_sub(distance)?;
    (level >= held.entry.value() && price <= level).then_some(Exit::Trailing { level, peak })
}

fn take(plan: &ExitPlan, held: &Held) -> Option<Decimal> {
    held.entry.value().checked_add(share(held.entry.value(), plan.take_pct)?)
}

fn time(plan: &ExitPlan, held: &Held, now: DateTime<Utc>) -> Option<Exit> {
    let days = (now - held.since).num_days();
    (now - held.since >= TimeDelta::days(i64::from(plan.max_days))).then_some(Exit::Time { days })
}

/// The price, if it is young enough and of the present session, and not from a clock that ran ahead.
pub fn usable(
    price: Price,
    at: DateTime<Utc>,
    session_since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<Price> {
    let age = now - at;
    let is_young = age >= TimeDelta::zero() && age <= TimeDelta::seconds(PRICE_MAX_AGE_S);
    (is_young && at >= session_since).then_some(price)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    fn number(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn bought() -> DateTime<Utc> {
        "2026-11-02T00:30:00Z".parse().unwrap()
    }

    fn plan() -> ExitPlan {
        ExitPlan { stop_pct: number("2"), take_pct: number("3"), atr_multiple: number("2.2"), max_days: 20 }
    }

    /// Why a holding bought at 100 is sold at `now`, and at which level.
    fn sold(plan: &ExitPlan, peak: Option<&str>, atr: Option<&str>, now: &str) -> String {
        let held = Held { entry: price("100"), since: bought(), peak: peak.map(price), atr: atr.map(number) };
        match judge(plan, &held, price(now), bought() + TimeDelta::days(1)) {
            Verdict::Hold => "hold".into(),
            Verdict::Sell(exit) => exit.to_string(),
            Verdict::Unbelievable(loss) => format!("unbelievable {}", loss.normalize()),
        }
    }

    #[test]
    fn each_exit_triggers_at_its_level_and_not_before_it() {
        let wide = ExitPlan { take_pct: number("50"), ..plan() };
        for (plan, peak, atr, now, expected) in [
            // The percentage stop, where no range is known, exactly at its level.
            (plan(), None, None, "98.01", "hold"),
            (plan(), None, None, "98", "stop-loss at 98"),
            (plan(), None, None, "61", "stop-loss at 98"),
            // The range brings it closer, never further away.
            (plan(), None, Some("0.5"), "98.9", "stop-loss at 98.9"),
            (plan(), None, Some("0.5"), "98.91", "hold"),
            (plan(), None, Some("4"), "97.9", "stop-loss at 98"),
            (plan(), None, Some("0"), "98.5", "hold"),
            // The peak less 2.2 ranges, as long as that is no loss.
            (wide, Some("105"), Some("1"), "102.81", "hold"),
            (wide, Some("105"), Some("1"), "102.8", "trailing stop at 102.8, under a peak of 105"),
            (wide, Some("105"), None, "102.9", "trailing stop at 102.9, under a peak of 105"),
            (wide, Some("102"), Some("1"), "99", "hold"),
            (wide, Some("102.2"), Some("1"), "100", "trailing stop at 100, under a peak of 102.2"),
            // The goal.
            (plan(), None, None, "102.99", "hold"),
            (plan(), None, None, "103", "profit goal at 103"),
            (plan(), Some("104"), None, "104", "profit goal at 103"),
            // A tenfold split, or a wrong price.
            (plan(), None, None, "60", "stop-loss at 98"),
            (plan(), None, None, "59.99", "unbelievable 40.01"),
            (plan(), None, None, "10", "unbelievable 90"),
        ] {
            assert_eq!(sold(&plan, peak, atr, now), expected, "{peak:?} {atr:?} {now}");
        }
    }

    #[test]
    fn what_is_held_for_too_long_is_sold_whatever_it_is_worth() {
        let held = Held { entry: price("100"), since: bought(), peak: None, atr: None };
        let at = |delta: TimeDelta| judge(&plan(), &held, price("100"), bought() + delta);
        assert_eq!(at(TimeDelta::days(20) - TimeDelta::seconds(1)), Verdict::Hold);
        assert_eq!(at(TimeDelta::days(20)), Verdict::Sell(Exit::Time { days: 20 }));
        assert_eq!(at(-TimeDelta::days(20)), Verdict::Hold, "a clock that was set back sells nothing");
    }

    #[test]
    fn an_old_price_one_of_an_earlier_session_and_one_of_the_future_trigger_nothing() {
        let (open, seen) = (bought(), price("1"));
        let usable = |at: i64, now: i64| {
            let after = |seconds| open + TimeDelta::seconds(seconds);
            usable(seen, after(at), open, after(now)).is_some()
        };
        assert!(usable(100, 100) && usable(100, 160));
        assert!(!usable(100, 161) && !usable(-1, 10) && !usable(101, 100));
    }

    #[test]
    fn the_stop_is_never_looser_than_the_plan_and_no_number_panics() {
        let mut random = fastrand::Rng::with_seed(17);
        let mut some = |most: u64| Decimal::from(random.u64(1..=most)) / Decimal::from(1_000);
        for _ in 0..20_000 {
            let plan = ExitPlan {
                stop_pct: some(50_000),
                take_pct: some(100_000),
                atr_multiple: some(10_000),
                max_days: 20,
            };
            let entry = Price::new(some(1_000_000_000)).unwrap();
            let held = Held { entry, since: bought(), peak: None, atr: Some(some(1_000_000)) };
            let planned = entry.value() * (Decimal::ONE_HUNDRED - plan.stop_pct) / Decimal::ONE_HUNDRED;
            assert!(stop(&plan, &held).unwrap() >= planned, "{plan:?} {held:?}");
        }
        let huge = Price::MAX;
        for held in [huge, price("0.0001")].map(|entry| Held {
            entry,
            since: DateTime::<Utc>::MIN_UTC,
            peak: Some(huge),
            atr: Some(Decimal::MAX),
        }) {
            for price in [huge, price("0.0001")] {
                judge(&plan(), &held, price, bought());
            }
        }
    }
}
