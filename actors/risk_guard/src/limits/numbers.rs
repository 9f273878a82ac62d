//! The numbers of a refusal: what was measured, and what would have passed.

use domain::Money;
use domain::messages::trading::{Comparison, GateNumbers};
use rust_decimal::Decimal;

use super::reason::RefusalReason;

impl RefusalReason {
    /// Measure and threshold of a gate that compares two numbers; none of one that asks whether something is known or so.
    pub fn numbers(&self) -> Option<GateNumbers> {
        match self {
            Self::LowConfidence { confidence, threshold } => Some(numbers(
                i64::from(*confidence),
                Comparison::AtLeast,
                i64::from(*threshold),
                "points of confidence",
            )),
            Self::DailyLoss { pnl_pct, limit_pct, .. } => {
                Some(numbers(*pnl_pct, Comparison::AtLeast, *limit_pct, "% of the day"))
            }
            Self::DayCeiling { notional, bought, ceiling, .. } => {
                let wanted = bought.plus(*notional).ok()?;
                Some(amounts(wanted, Comparison::AtMost, *ceiling))
            }
            Self::NoCash { cash, reserved } => {
                let free = cash.minus(*reserved).ok()?;
                Some(amounts(free, Comparison::Above, Money::zero(free.currency())))
            }
            Self::TooSmall { available, limit, lot } => {
                let one_lot = limit.times(domain::Quantity::new(*lot), available.currency());
                Some(amounts(*available, Comparison::AtLeast, one_lot))
            }
            Self::FatFinger { notional, cash, max_pct } => {
                Some(amounts(*notional, Comparison::AtMost, domain::Percent(*max_pct).of(*cash)))
            }
            Self::Oversize { demanded, allowed } => {
                Some(numbers(demanded.get(), Comparison::AtMost, allowed.get(), "shares"))
            }
            Self::TooManyOrders { count, limit, window } => {
                let count = u64::try_from(*count).unwrap_or(u64::MAX);
                Some(numbers(count, Comparison::Below, *limit, &format!("orders in the last {window}")))
            }
            Self::NothingToSell { sellable, selling, .. } => Some(numbers(
                sellable.saturating_sub(*selling).get(),
                Comparison::Above,
                0_u64,
                "shares free to be sold",
            )),
            Self::Halted
            | Self::Starting
            | Self::Reducing
            | Self::Expired { .. }
            | Self::MarketClosed { .. }
            | Self::UnresolvedOrder { .. }
            | Self::SymbolClosed { .. }
            | Self::SymbolHalted { .. }
            | Self::OpenOrder { .. }
            | Self::NoAccount { .. }
            | Self::StaleAccount { .. }
            | Self::CashUnknown { .. }
            | Self::Blind { .. }
            | Self::PnlUnknown { .. }
            | Self::DayStartUnknown { .. }
            | Self::LotUnknown { .. }
            | Self::ClockDoubt { .. }
            | Self::TooManyWaiting { .. }
            | Self::OffTick { .. }
            | Self::LedgerRefused(_)
            | Self::LedgerUnknown(_) => None,
        }
    }
}

fn numbers(
    measured: impl Into<Decimal>,
    comparison: Comparison,
    threshold: impl Into<Decimal>,
    unit: &str,
) -> GateNumbers {
    GateNumbers { measured: measured.into(), comparison, threshold: threshold.into(), unit: unit.to_owned() }
}

fn amounts(measured: Money, comparison: Comparison, threshold: Money) -> GateNumbers {
    numbers(measured.amount(), comparison, threshold.amount(), measured.currency().code())
}

#[cfg(test)]
mod tests {
    use domain::{Confidence, Currency};

    use super::*;

    fn won(amount: i64) -> Money {
        Money::new(amount.into(), Currency::Krw)
    }

    fn change(reason: &RefusalReason) -> Option<String> {
        reason.numbers().map(|numbers| format!("{} {}", numbers.change().normalize(), numbers.unit))
    }

    #[test]
    fn a_refusal_by_a_threshold_says_how_much_was_missing_and_any_other_says_nothing() {
        let confidence = |value| Confidence::new(value).unwrap();
        let low = RefusalReason::LowConfidence { confidence: confidence(79), threshold: confidence(80) };
        let fat = RefusalReason::FatFinger {
            notional: won(310_000),
            cash: won(1_000_000),
            max_pct: "30".parse().unwrap(),
        };
        let small = RefusalReason::TooSmall { available: won(600), limit: "7".parse().unwrap(), lot: 100 };
        let day = RefusalReason::DayCeiling {
            notional: won(50),
            bought: won(960),
            ceiling: won(1000),
            start: won(500),
        };
        for (reason, expected) in [
            (low, Some("1 points of confidence")),
            (fat, Some("-10000 KRW")),
            (small, Some("100 KRW")),
            (day, Some("-10 KRW")),
            (RefusalReason::Halted, None),
            (RefusalReason::PnlUnknown { currency: Currency::Krw }, None),
        ] {
            assert_eq!(change(&reason).as_deref(), expected, "{reason}");
        }
    }
}
