//! The numbers of a refusal: what was measured, and what would have passed.

use domain::messages::trading::{Comparison, GateNumbers};
use domain::{Money, Price};
use rust_decimal::Decimal;

use super::reason::RefusalReason;

impl RefusalReason {
    /// Measure and threshold of a gate that compares two numbers; none of one that asks whether something is known or so.
    pub fn numbers(&self) -> Option<GateNumbers> {
        match self {
            Self::LowConfidence { confidence, threshold } => {
                let (confidence, threshold) = (i64::from(*confidence), i64::from(*threshold));
                Some(numbers(confidence, Comparison::AtLeast, threshold, "points of confidence"))
            }
            Self::DailyLoss { pnl_pct, limit_pct, .. } => {
                Some(numbers(*pnl_pct, Comparison::AtLeast, *limit_pct, "% of the day"))
            }
            Self::DayCeiling { notional, bought, ceiling, .. } => together(*bought, *notional, *ceiling),
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
            Self::NothingToSell { sellable, selling, .. } => {
                let free = sellable.saturating_sub(*selling).get();
                Some(numbers(free, Comparison::Above, 0_u64, "shares free to be sold"))
            }
            Self::StaleQuote { age_s, limit_s, .. } => age_s
                .map(|age_s| numbers(age_s, Comparison::AtMost, *limit_s, "seconds since the last price")),
            Self::QuoteJump { from, to, limit_pct, .. } => jump(*from, *to, *limit_pct),
            Self::BoughtBack { instrument, sold_at, limit, .. } => {
                let currency = instrument.market.currency();
                Some(numbers(limit.value(), Comparison::AtMost, sold_at.value(), currency.code()))
            }
            Self::SymbolExposure { notional, held, equity, max_pct, .. }
            | Self::TotalExposure { notional, held, equity, max_pct } => {
                together(*held, *notional, domain::Percent(*max_pct).of(*equity))
            }
            Self::Halted
            | Self::Starting
            | Self::Reducing
            | Self::Expired { .. }
            | Self::MarketClosed { .. }
            | Self::UnresolvedOrder { .. }
            | Self::SymbolClosed { .. }
            | Self::SymbolHalted { .. }
            | Self::OpenOrder { .. }
            | Self::HoldingsChanged { .. }
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
            | Self::CoolingDown { .. }
            | Self::StoppedOut { .. }
            | Self::EquityUnknown { .. }
            | Self::ExposureUnknown { .. }
            | Self::LedgerRefused(_)
            | Self::LedgerUnknown(_)
            | Self::BrokerFull(_) => None,
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

/// What there is and what would be added, against the most.
fn together(so_far: Money, more: Money, most: Money) -> Option<GateNumbers> {
    Some(amounts(so_far.plus(more).ok()?, Comparison::AtMost, most))
}

fn jump(from: Price, to: Price, limit_pct: Decimal) -> Option<GateNumbers> {
    let moved = (to.value() - from.value()).abs().checked_mul(Decimal::ONE_HUNDRED)?;
    let moved = moved.checked_div(from.value())?;
    Some(numbers(moved, Comparison::AtMost, limit_pct, "% from one price to the next"))
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
        let samsung: domain::Instrument = "KR:005930".parse().unwrap();
        let price = |text: &str| text.parse().unwrap();
        let (until, instrument) = (chrono::DateTime::UNIX_EPOCH, samsung.clone());
        let jump = |from, to| RefusalReason::QuoteJump {
            instrument: samsung.clone(),
            from: price(from),
            to: price(to),
            limit_pct: Decimal::TEN,
        };
        let stale = |age_s| RefusalReason::StaleQuote { instrument: samsung.clone(), age_s, limit_s: 60 };
        let back = RefusalReason::BoughtBack {
            instrument: samsung.clone(),
            sold_at: price("70000"),
            limit: price("70200"),
            until,
        };
        let (held, equity, max_pct) = (won(250), won(1000), Decimal::from(30));
        let notional = won(60);
        let of_one = RefusalReason::SymbolExposure { instrument, notional, held, equity, max_pct };
        let of_all = RefusalReason::TotalExposure { notional, held, equity, max_pct };
        let waits = RefusalReason::StoppedOut { instrument: samsung.clone(), until };
        for (reason, expected) in [
            (jump("100", "115"), Some("-5 % from one price to the next")),
            (jump("100", "85"), Some("-5 % from one price to the next")),
            (stale(Some(75)), Some("-15 seconds since the last price")),
            (stale(None), None),
            (back, Some("-200 KRW")),
            (of_one, Some("-10 KRW")),
            (of_all, Some("-10 KRW")),
            (waits, None),
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
