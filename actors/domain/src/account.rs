//! What the account holds, as the exchange says.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

use crate::{Currency, Instrument, Money, Price, Quantity};

/// A holding of one stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The stock.
    pub instrument: Instrument,
    /// Shares held.
    pub quantity: Quantity,
    /// Shares that can be sold now (held minus tied in open sells).
    pub sellable: Quantity,
    /// Average purchase price, if the exchange gives one.
    pub average_price: Option<Price>,
    /// Current price, if known.
    pub price: Option<Price>,
}

/// The account in one currency at one moment. What the exchange did not say is absent, never zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSnapshot {
    /// The currency of all amounts.
    pub currency: Currency,
    /// When it was taken.
    pub taken_at: DateTime<Utc>,
    /// Cash that can be used for orders.
    pub cash: Option<Money>,
    /// Cash plus the value of all holdings.
    pub equity: Option<Money>,
    /// Cost of all holdings (KIS `pchs_amt_smtl_amt`).
    pub purchase_total: Option<Money>,
    /// Market value of all holdings (KIS `evlu_amt_smtl_amt`).
    pub valuation_total: Option<Money>,
    /// The holdings with at least one share.
    pub holdings: Vec<Holding>,
}

impl AccountSnapshot {
    /// The holding of `instrument`, if any.
    pub fn holding(&self, instrument: &Instrument) -> Option<&Holding> {
        self.holdings.iter().find(|h| &h.instrument == instrument)
    }
}

/// The account as one sum in won, and what a unit of each foreign currency is worth. What the exchange did not say is
/// absent, never zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountInWon {
    /// Everything in the account, in won: the Korean account, and foreign cash and holdings at the rates below as the
    /// exchange sums them. Foreign fills of the running American session are missing in it until half an hour after
    /// its close (KIS.md 12.6), so it is no measure of that session: for one, take the account of each currency times
    /// its rate.
    pub equity: Option<Money>,
    /// The rates that the exchange has posted.
    pub rates: BTreeMap<Currency, WonRate>,
    /// When it was asked for; no part of it is older.
    pub as_of: DateTime<Utc>,
}

/// Won for one unit of a foreign currency, and the day of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WonRate {
    won_per_unit: Decimal,
    posted_on: NaiveDate,
}

/// A number of won that no unit of money costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} won for one unit of a currency: a rate is above zero")]
pub struct NotARate(pub Decimal);

impl WonRate {
    /// A rate in won for one unit (not for a hundred yen), posted on a Korean date.
    ///
    /// # Errors
    /// [`NotARate`] for zero and less.
    pub fn new(won_per_unit: Decimal, posted_on: NaiveDate) -> Result<Self, NotARate> {
        if won_per_unit <= Decimal::ZERO {
            return Err(NotARate(won_per_unit));
        }
        Ok(Self { won_per_unit, posted_on })
    }

    /// Won for one unit.
    pub const fn won_per_unit(self) -> Decimal {
        self.won_per_unit
    }

    /// The Korean date that it was posted on.
    pub const fn posted_on(self) -> NaiveDate {
        self.posted_on
    }
}

impl AccountInWon {
    /// `amount` in won, by the rate of its currency; none without one, or when the product is beyond all bounds. Not
    /// rounded.
    pub fn in_won(&self, amount: Money) -> Option<Money> {
        if amount.currency() == Currency::Krw {
            return Some(amount);
        }
        let rate = self.rates.get(&amount.currency())?;
        Some(Money::new(amount.amount().checked_mul(rate.won_per_unit)?, Currency::Krw))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_becomes_won_by_its_own_rate_alone_and_a_rate_is_above_zero() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 24).unwrap();
        let rate = WonRate::new(Decimal::new(93, 1), day).unwrap();
        let account =
            AccountInWon { equity: None, rates: [(Currency::Jpy, rate)].into(), as_of: DateTime::UNIX_EPOCH };
        let money = |amount: i64, currency| Money::new(amount.into(), currency);
        assert_eq!(account.in_won(money(1_000, Currency::Jpy)), Some(money(9_300, Currency::Krw)));
        assert_eq!(account.in_won(money(-7, Currency::Krw)), Some(money(-7, Currency::Krw)));
        assert_eq!(account.in_won(money(1, Currency::Usd)), None, "no rate, no amount");
        assert_eq!(account.in_won(Money::new(Decimal::MAX, Currency::Jpy)), None);
        assert_eq!((rate.won_per_unit(), rate.posted_on()), (Decimal::new(93, 1), day));
        for none in [Decimal::ZERO, Decimal::NEGATIVE_ONE] {
            assert_eq!(WonRate::new(none, day), Err(NotARate(none)));
        }
    }
}
