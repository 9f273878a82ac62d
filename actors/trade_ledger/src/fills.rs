//! Arithmetic of fills: what an order list adds to what is booked, and what a sale earned.
//!
//! Pure. Amounts are kept to the millionth: the exchange's average price is itself rounded, so an amount made from it
//! is rounded half to even there, in one place, and everything after is exact addition.

use domain::{InquiryRow, Price, Quantity};
use rust_decimal::{Decimal, RoundingStrategy};

/// Decimals of a booked amount.
pub const AMOUNT_DECIMALS: u32 = 6;

/// The largest amount of one order; nine trillion of any currency is no order but a mutilated number.
pub const AMOUNT_MAX: Decimal = Decimal::from_parts(2_043_514_880, 2095, 0, false, 0);

/// What is booked of one order, cumulative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Booked {
    /// Shares.
    pub quantity: Quantity,
    /// Shares times price, in the market's currency, to the millionth.
    pub amount: Decimal,
}

/// Shares traded since the last booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FillDelta {
    /// New shares, above zero.
    pub quantity: Quantity,
    /// Their amount, above zero.
    pub amount: Decimal,
    /// Their average price: amount by quantity, to the millionth, for display and the seed's table.
    pub price: Price,
}

/// Why an order list cannot be booked on top of the books.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// The exchange shows fewer shares than it did before (order-protocol 3, row 13).
    #[error("the filled quantity went down from {booked} to {shown}")]
    Decrease {
        /// What is booked.
        booked: Quantity,
        /// What is shown.
        shown: Quantity,
    },
    /// New shares with no or a negative amount.
    #[error("{quantity} more shares but the amount went from {before} to {after}")]
    NoPrice {
        /// New shares.
        quantity: Quantity,
        /// Amount booked.
        before: Decimal,
        /// Amount shown.
        after: Decimal,
    },
    /// Filled without an average price, or a number that is too large.
    #[error("the row's amount cannot be computed")]
    NoAmount,
}

/// The cumulative amount a row shows.
///
/// # Errors
/// [`FillError::NoAmount`] when shares are filled without a price, or on overflow.
pub fn shown(row: &InquiryRow) -> Result<Booked, FillError> {
    if row.filled.is_zero() {
        return Ok(Booked::default());
    }
    let price = row.average_price.ok_or(FillError::NoAmount)?;
    let amount = price.value().checked_mul(Decimal::from(row.filled.get())).ok_or(FillError::NoAmount)?;
    if amount > AMOUNT_MAX {
        return Err(FillError::NoAmount);
    }
    Ok(Booked { quantity: row.filled, amount: to_amount(amount) })
}

/// What `row` adds to `booked`; none when there are no new shares. A later correction of the average alone is no fill.
///
/// # Errors
/// [`FillError`] when the row contradicts what is booked; then nothing may be booked.
pub fn delta(booked: Booked, row: &InquiryRow) -> Result<Option<FillDelta>, FillError> {
    let now = shown(row)?;
    let quantity = now
        .quantity
        .checked_sub(booked.quantity)
        .ok_or(FillError::Decrease { booked: booked.quantity, shown: now.quantity })?;
    if quantity.is_zero() {
        return Ok(None);
    }
    let no_price = FillError::NoPrice { quantity, before: booked.amount, after: now.amount };
    let amount = now.amount - booked.amount;
    let price = to_amount(amount / Decimal::from(quantity.get()));
    let price = Price::new(price).map_err(|_| no_price)?;
    Ok(Some(FillDelta { quantity, amount, price }))
}

/// What this agent bought of one stock and has not sold, at cost. Shares of other origin are not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Shares.
    pub quantity: Quantity,
    /// What they cost.
    pub cost: Decimal,
}

/// What a sale realised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Realised {
    /// Average cost of the shares sold.
    pub cost: Decimal,
    /// Amount minus cost; before fees and taxes, which the exchange does not give per order.
    pub pnl: Decimal,
}

impl Position {
    /// After a purchase.
    pub fn bought(self, fill: &FillDelta) -> Self {
        Self { quantity: self.quantity.saturating_add(fill.quantity), cost: self.cost + fill.amount }
    }

    /// After a sale, by average cost. More shares than this agent bought: what they cost is unknown, so is the
    /// profit, and nothing of the own shares is left.
    pub fn sold(self, fill: &FillDelta) -> (Self, Option<Realised>) {
        let Some(left) = self.quantity.checked_sub(fill.quantity) else {
            return (Self::default(), None);
        };
        let cost = if left.is_zero() { self.cost } else { self.share_of_cost(fill.quantity) };
        let realised = Realised { cost, pnl: fill.amount - cost };
        (Self { quantity: left, cost: self.cost - cost }, Some(realised))
    }

    /// No more than `shares`, at the same cost each: of a stock of which the books explain fewer shares in all, whoever they
    /// belong to, a part was sold before its purchase was booked.
    pub fn at_most(self, shares: Quantity) -> Self {
        if shares >= self.quantity {
            return self;
        }
        Self {
            quantity: shares,
            cost: if shares.is_zero() { Decimal::ZERO } else { self.share_of_cost(shares) },
        }
    }

    fn share_of_cost(self, quantity: Quantity) -> Decimal {
        let average = self.cost / Decimal::from(self.quantity.get());
        to_amount(average * Decimal::from(quantity.get()))
    }
}

fn to_amount(value: Decimal) -> Decimal {
    value.round_dp_with_strategy(AMOUNT_DECIMALS, RoundingStrategy::MidpointNearestEven).normalize()
}

#[cfg(test)]
mod tests;
