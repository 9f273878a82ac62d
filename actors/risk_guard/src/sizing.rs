//! Sizing: how many shares.
//!
//! An entry gets a share of the cash that shrinks as the stock's volatility score grows:
//! `alloc% = clamp(base * target / clamp(score, 1, 100), min, max)`, `quantity = floor(cash * alloc% / 100 / price)`
//! in whole lots (lessons 2, "position sizing").

use domain::{Price, Quantity};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// How entries are sized (`POSITION_*` settings).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizing {
    enabled: bool,
    base_pct: Decimal,
    min_pct: Decimal,
    max_pct: Decimal,
    target_score: Decimal,
}

/// Why sizing settings are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizingError {
    /// A share of the cash outside its range.
    #[error("an allocation of {0} % is not allowed; allowed: above 0, at most 100")]
    Allocation(Decimal),
    /// The smallest share is above the largest.
    #[error("the smallest allocation {min_pct} % is above the largest {max_pct} %")]
    MinAboveMax {
        /// The smallest.
        min_pct: Decimal,
        /// The largest.
        max_pct: Decimal,
    },
    /// The target score is outside the scale.
    #[error("a target score of {0} is not allowed; allowed: 1 to 100")]
    TargetScore(Decimal),
}

impl Sizing {
    /// Sizing by score: percentages of cash, and the score that gets exactly `base_pct`.
    ///
    /// # Errors
    /// [`SizingError`] names the number that is out of range.
    pub fn by_score(
        base_pct: Decimal,
        min_pct: Decimal,
        max_pct: Decimal,
        target_score: Decimal,
    ) -> Result<Self, SizingError> {
        let share = |pct: Decimal| pct > Decimal::ZERO && pct <= Decimal::ONE_HUNDRED;
        if let Some(wrong) = [base_pct, min_pct, max_pct].into_iter().find(|pct| !share(*pct)) {
            return Err(SizingError::Allocation(wrong));
        }
        if min_pct > max_pct {
            return Err(SizingError::MinAboveMax { min_pct, max_pct });
        }
        if target_score < Decimal::ONE || target_score > Decimal::ONE_HUNDRED {
            return Err(SizingError::TargetScore(target_score));
        }
        Ok(Self { enabled: true, base_pct, min_pct, max_pct, target_score })
    }

    /// The same numbers, switched on or off (`POSITION_SIZING_ENABLED`): off means one lot per entry.
    #[must_use]
    pub fn enabled(self, enabled: bool) -> Self {
        Self { enabled, ..self }
    }

    /// Allocation in hundredths of the score: `clamp(base * target, min * score, max * score)`.
    ///
    /// Kept as a fraction over the score, so that the quantity needs one division and loses no share to rounding.
    fn weight(&self, score: Decimal) -> Decimal {
        let wish = self.base_pct * self.target_score;
        wish.clamp(self.min_pct * score, self.max_pct * score)
    }
}

/// Shares to buy with `cash` at `limit`, a multiple of `lot`; zero when not even one lot fits.
///
/// `score` is the scanner's, 0 to 100; absent counts as the target score. Switched off, it is one lot if affordable.
pub fn entry_quantity(
    sizing: &Sizing,
    cash: Decimal,
    score: Option<Decimal>,
    limit: Price,
    lot: u64,
) -> Quantity {
    if cash <= Decimal::ZERO || lot == 0 {
        return Quantity::ZERO;
    }
    if !sizing.enabled {
        return one_lot(cash, limit, lot);
    }
    let score = score.unwrap_or(sizing.target_score).clamp(Decimal::ONE, Decimal::ONE_HUNDRED);
    let shares = cash
        .checked_mul(sizing.weight(score))
        .zip(limit.value().checked_mul(score * Decimal::ONE_HUNDRED))
        .and_then(|(budget, cost)| budget.checked_div(cost));
    shares.map_or(Quantity::ZERO, |shares| whole_lots(shares, lot))
}

/// The most shares that a strategy lets one purchase have: `most_pct` percent of the equity at `limit`, in whole lots.
pub fn most_quantity(equity: Decimal, most_pct: Decimal, limit: Price, lot: u64) -> Quantity {
    if equity <= Decimal::ZERO || most_pct <= Decimal::ZERO || lot == 0 {
        return Quantity::ZERO;
    }
    let budget = equity.checked_mul(most_pct);
    let cost = limit.value().checked_mul(Decimal::ONE_HUNDRED);
    let shares = budget.zip(cost).and_then(|(budget, cost)| budget.checked_div(cost));
    shares.map_or(Quantity::ZERO, |shares| whole_lots(shares, lot))
}

/// Shares to sell: what the exchange confirms as sellable, less what our own open sales already claim.
pub fn exit_quantity(sellable: Quantity, selling: Quantity) -> Quantity {
    sellable.saturating_sub(selling)
}

fn one_lot(cash: Decimal, limit: Price, lot: u64) -> Quantity {
    match limit.value().checked_mul(Decimal::from(lot)) {
        Some(cost) if cost <= cash => Quantity::new(lot),
        Some(_) | None => Quantity::ZERO,
    }
}

fn whole_lots(shares: Decimal, lot: u64) -> Quantity {
    let shares = shares.floor().to_u64().unwrap_or(0).min(Quantity::MAX.get());
    Quantity::new(shares - shares % lot)
}

#[cfg(test)]
mod tests;
