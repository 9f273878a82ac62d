//! What an account told of its equity, one reading after the other: a day begins with what two in a row agree on. Pure.

use chrono::{DateTime, Utc};
use domain::Money;
use rust_decimal::Decimal;

use super::{DayLoss, against_day_start};

/// The newest reading of an equity and the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    last: Option<(DateTime<Utc>, Money)>,
    before: Option<Money>,
}

impl Readings {
    /// An account of `taken_at` told this. The same account told again confirms nothing.
    pub fn see(&mut self, taken_at: DateTime<Utc>, equity: Money) {
        if self.last.is_none_or(|(at, _)| at != taken_at) {
            self.before = self.last.map(|(_, equity)| equity);
        }
        self.last = Some((taken_at, equity));
    }

    /// The newest, if the one before it lies within `pct` percent: one broken reply makes no start of a day.
    pub fn confirmed(&self, pct: Decimal) -> Option<Money> {
        let (_, last) = self.last?;
        match against_day_start(Some(last), self.before) {
            DayLoss::Known(change) if change.abs() <= pct => Some(last),
            DayLoss::Known(_) | DayLoss::Unknown => None,
        }
    }

    /// True when there is one reading and nothing yet that could agree with it.
    pub fn wants_another(&self) -> bool {
        self.last.is_some() && self.before.is_none()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use domain::Currency;

    use super::*;

    #[test]
    fn an_equity_is_confirmed_by_the_reading_before_it_and_never_by_itself() {
        type Case<'a> = (&'a [(i64, i64)], Option<i64>);
        let cases: [Case<'_>; 7] = [
            (&[], None),
            (&[(0, 100)], None),
            (&[(0, 100), (0, 100)], None),
            (&[(0, 100), (1, 97)], Some(97)),
            (&[(0, 100), (1, 103)], Some(103)),
            (&[(0, 40), (1, 100)], None),
            (&[(0, 40), (1, 100), (2, 101)], Some(101)),
        ];
        for (told, expected) in cases {
            let mut readings = Readings::default();
            let won = |amount: i64| Money::new(amount.into(), Currency::Krw);
            for (second, amount) in told {
                readings.see(DateTime::UNIX_EPOCH + TimeDelta::seconds(*second), won(*amount));
            }
            assert_eq!(readings.confirmed(3.into()), expected.map(won), "{told:?}");
        }
    }
}
