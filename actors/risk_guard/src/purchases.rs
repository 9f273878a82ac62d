//! The most that may be bought in a day, by value: a ceiling in code that no setting loosens (order-protocol 4,
//! invariant 14).
//!
//! What counts are the limits of every purchase that was approved for a session date in one currency, whatever became of
//! it: working, filled, lost, refused by the exchange or cancelled. Given back is only what the books prove never to have
//! been given a permit. The ledger holds the same ceiling by itself, in the transaction that commits an approval.
//!
//! Why five times the equity that the day began with: a hundred entries (the default) of 5 % of the cash (the default)
//! are five times the cash, so the ceiling begins where the usual settings end. And five turns of the whole account, at
//! about 0.25 % for a purchase and its sale (Korea's transaction tax and the fees of both), cost 1.25 %: whatever
//! proposes orders can not turn the account over until its costs alone reach the 3 % at which the day's loss halts.

use domain::Money;
use domain::messages::ledger::{DayStart, Trips};
use rust_decimal::Decimal;

use crate::limits::wiring::{Limit, refuse};
use crate::limits::{Limits, RefusalReason};

/// What one currency's day began with, and what purchases were approved for since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayPurchases {
    start: Option<Money>,
    /// As the books told, and since.
    bought: Decimal,
    /// Approved since the books were last asked: their answer does not have it.
    since_asked: Decimal,
}

impl DayPurchases {
    /// The equity that the day began with; none until the books have told.
    pub fn start(self) -> Option<Money> {
        self.start
    }

    /// The books are asked now.
    pub fn begin_read(&mut self) {
        self.since_asked = Decimal::ZERO;
    }

    /// What the books tell, and what was approved while they were asked: that they were asked to write later.
    pub fn finish_read(&mut self, told: DayStart) {
        self.start = told.equity;
        self.bought = told.bought.amount().saturating_add(self.since_asked);
    }

    /// Counts a purchase from before it is committed: a lost answer must not make room.
    pub fn note(&mut self, notional: Money) {
        self.bought = self.bought.saturating_add(notional.amount());
        self.since_asked = self.since_asked.saturating_add(notional.amount());
    }

    /// May `notional` more be bought?
    ///
    /// # Errors
    /// [`RefusalReason::DayStartUnknown`], or [`RefusalReason::DayCeiling`] with the numbers. Exactly the ceiling passes.
    pub fn check(self, notional: Money) -> Result<(), RefusalReason> {
        let currency = notional.currency();
        let Some(start) = self.start.filter(|start| start.currency() == currency) else {
            return refuse(Limit::DayStart, RefusalReason::DayStartUnknown { currency });
        };
        let ceiling = ceiling(start);
        let total = self.bought.checked_add(notional.amount());
        match total {
            Some(total) if total <= ceiling.amount() => Ok(()),
            Some(_) | None => {
                let bought = Money::new(self.bought, currency);
                refuse(Limit::DayPurchases, RefusalReason::DayCeiling { notional, bought, ceiling, start })
            }
        }
    }

    /// A day that began with `start` and on which nothing was bought yet.
    pub fn untouched(start: Money) -> Self {
        let bought = Money::zero(start.currency());
        let mut purchases = Self::default();
        purchases.finish_read(DayStart { equity: Some(start), bought, trips: Trips::default() });
        purchases
    }
}

/// The most of a day; nothing where the equity is no number to multiply.
fn ceiling(start: Money) -> Money {
    let times = Decimal::from(Limits::DAY_PURCHASES_CEILING_TIMES);
    let most = start.amount().max(Decimal::ZERO).checked_mul(times).unwrap_or(Decimal::ZERO);
    Money::new(most, start.currency())
}

#[cfg(test)]
mod tests {
    use domain::Currency;

    use super::*;

    fn won(amount: i64) -> Money {
        Money::new(amount.into(), Currency::Krw)
    }

    fn told(bought: i64) -> DayPurchases {
        let mut purchases = DayPurchases::default();
        purchases.finish_read(DayStart {
            equity: Some(won(1_000)),
            bought: won(bought),
            trips: Trips::default(),
        });
        purchases
    }

    #[test]
    fn invariant_14_a_day_buys_five_times_its_first_equity_and_not_a_won_more() {
        for (bought, notional, passes) in
            [(0, 5_000, true), (0, 5_001, false), (4_999, 1, true), (5_000, 1, false), (9_000, 1, false)]
        {
            assert_eq!(told(bought).check(won(notional)).is_ok(), passes, "{bought} {notional}");
        }
        let refused = told(4_000).check(won(1_001)).unwrap_err();
        let expected = "1001 KRW more would bring the day's purchases, 4000 KRW so far, above 5000 KRW: 5 times the \
                        1000 KRW that the day began with";
        assert_eq!((refused.code(), refused.to_string().as_str()), ("DayCeiling", expected));
    }

    #[test]
    fn invariant_14_a_day_that_nobody_knows_the_start_of_buys_nothing() {
        let refused = DayPurchases::default().check(won(1));
        assert_eq!(refused, Err(RefusalReason::DayStartUnknown { currency: Currency::Krw }));
        let dollars = Money::new(1.into(), Currency::Usd);
        assert_eq!(told(0).check(dollars), Err(RefusalReason::DayStartUnknown { currency: Currency::Usd }));
        assert!(DayPurchases::untouched(won(0)).check(won(1)).is_err());
        assert!(DayPurchases::untouched(won(-5)).check(won(1)).is_err());
        let huge = Money::new(Decimal::MAX, Currency::Krw);
        assert!(DayPurchases::untouched(huge).check(won(1)).is_err(), "no number to multiply");
        assert!(told(1).check(huge).is_err());
    }

    #[test]
    fn what_is_approved_while_the_books_are_read_is_counted_once() {
        let mut purchases = told(0);
        purchases.note(won(700));
        purchases.begin_read();
        purchases.note(won(50));
        purchases.finish_read(DayStart {
            equity: Some(won(1_000)),
            bought: won(600),
            trips: Trips::default(),
        });
        assert_eq!(purchases.bought, Decimal::from(650), "100 were given back by the books, 50 are newer");
    }
}
