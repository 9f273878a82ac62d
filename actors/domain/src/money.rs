//! Prices, quantities, money and percentages: exact decimals, checked at the border.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Currency;

/// A price per share in the market's currency; finite and above zero by construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Decimal", into = "Decimal")]
pub struct Price(Decimal);

impl Price {
    /// The largest price: no share of any currency costs more, and arithmetic with it cannot overflow.
    pub const MAX: Self = Self(Decimal::from_parts(3_567_587_328, 232, 0, false, 0));

    /// A price, if `value` is above zero and at most [`Price::MAX`].
    ///
    /// # Errors
    /// [`MoneyError::NotAPrice`] for zero and below, and for what no share costs.
    pub fn new(value: Decimal) -> Result<Self, MoneyError> {
        if value > Decimal::ZERO && value <= Self::MAX.0 {
            Ok(Self(value.normalize()))
        } else {
            Err(MoneyError::NotAPrice(value))
        }
    }

    /// The number itself.
    pub fn value(self) -> Decimal {
        self.0
    }

    /// Price times quantity, in `currency`; more than can be written counts as the most that can.
    pub fn times(self, quantity: Quantity, currency: Currency) -> Money {
        let amount = self.0.checked_mul(Decimal::from(quantity.get()));
        Money::new(amount.unwrap_or(Decimal::MAX), currency)
    }
}

impl TryFrom<Decimal> for Price {
    type Error = MoneyError;

    fn try_from(value: Decimal) -> Result<Self, Self::Error> {
        Self::new(value)
    }
}

impl From<Price> for Decimal {
    fn from(price: Price) -> Self {
        price.0
    }
}

impl FromStr for Price {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let value = Decimal::from_str_exact(text.trim()).map_err(|_| MoneyError::NotANumber(clip(text)))?;
        Self::new(value)
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A whole number of shares. Zero is allowed where it means "none" (a sold-out holding, nothing filled yet).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Quantity(u64);

impl Quantity {
    /// No shares.
    pub const ZERO: Self = Self(0);
    /// The most shares one order may carry; far above any real order, far below overflow.
    pub const MAX: Self = Self(1_000_000_000);

    /// `shares` shares.
    pub const fn new(shares: u64) -> Self {
        Self(shares)
    }

    /// The number of shares.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// True for no shares.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The difference, or none if `other` is larger.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The difference, never below zero.
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The sum, capped at the largest representable number.
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An amount with its currency. Adding two currencies is an error, not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    amount: Decimal,
    currency: Currency,
}

impl Money {
    /// `amount` of `currency`; may be negative (a loss).
    pub fn new(amount: Decimal, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Nothing, in `currency`.
    pub fn zero(currency: Currency) -> Self {
        Self::new(Decimal::ZERO, currency)
    }

    /// The number.
    pub fn amount(self) -> Decimal {
        self.amount
    }

    /// The currency.
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// The sum.
    ///
    /// # Errors
    /// [`MoneyError::MixedCurrencies`] when the currencies differ, [`MoneyError::TooLarge`] on overflow.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let amount = self.amount.checked_add(other.amount).ok_or(MoneyError::TooLarge)?;
        Ok(Self::new(amount, self.currency))
    }

    /// The difference.
    ///
    /// # Errors
    /// As [`Money::plus`].
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.plus(Self::new(-other.amount, other.currency))
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::MixedCurrencies(self.currency, other.currency))
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = self.currency.decimals() as usize;
        write!(f, "{:.*} {}", decimals, self.amount.round_dp(self.currency.decimals()), self.currency)
    }
}

/// A percentage: 3.0 means three in a hundred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Percent(pub Decimal);

impl Percent {
    /// This share of `amount`.
    pub fn of(self, amount: Money) -> Money {
        Money::new(amount.amount * self.0 / Decimal::ONE_HUNDRED, amount.currency)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0.normalize())
    }
}

/// Why a number is not the money, price or quantity it claims to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a plain decimal number.
    #[error("'{0}' is not a decimal number")]
    NotANumber(String),
    /// Zero, negative or beyond [`Price::MAX`] where a price is needed.
    #[error("{0} is no price; allowed: above zero, at most {max}", max = Price::MAX)]
    NotAPrice(Decimal),
    /// Two currencies met.
    #[error("cannot add {0} and {1}; convert first")]
    MixedCurrencies(Currency, Currency),
    /// The result does not fit.
    #[error("the amount is too large")]
    TooLarge,
}

fn clip(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_above_zero() {
        assert!("0.01".parse::<Price>().is_ok());
        for text in ["0", "-1", "", "abc", "1e3", "NaN", "٣"] {
            assert!(text.parse::<Price>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_largest_price_times_any_quantity_is_a_number() {
        assert_eq!(Price::MAX.to_string(), "1000000000000");
        assert_eq!("1000000000000".parse::<Price>(), Ok(Price::MAX));
        assert!("1000000000000.01".parse::<Price>().is_err());
        let most = Price::MAX.times(Quantity::new(u64::MAX), Currency::Krw);
        assert_eq!(most.amount(), Decimal::MAX);
    }

    #[test]
    fn two_currencies_are_never_added() {
        let won = Money::new(Decimal::ONE, Currency::Krw);
        let dollar = Money::new(Decimal::ONE, Currency::Usd);
        assert_eq!(won.plus(dollar), Err(MoneyError::MixedCurrencies(Currency::Krw, Currency::Usd)));
        assert_eq!(won.minus(won), Ok(Money::zero(Currency::Krw)));
    }

    #[test]
    fn money_is_shown_with_the_decimals_of_its_currency() {
        let shown = |text: &str, currency| Money::new(text.parse().unwrap(), currency).to_string();
        assert_eq!(shown("1234.5", Currency::Usd), "1234.50 USD");
        assert_eq!(shown("1234.5", Currency::Krw), "1234 KRW");
    }
}
