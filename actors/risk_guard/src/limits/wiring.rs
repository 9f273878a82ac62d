//! The limits as a list: what a proposal is refused for passes through here, one door for each limit.
//!
//! In the product the door is nothing. In tests one limit at a time can be taken out, and for each the property test of
//! `limits/tests/properties.rs` must notice, so a limit that is not wired, or that no test watches, cannot go unseen.

use crate::limits::RefusalReason;

/// A rule that stands between a proposal and an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Limit {
    /// Nothing while halted.
    Halted,
    /// Nothing before halts, orders and reconciliation are known.
    Starting,
    /// No entry in Reducing.
    Reducing,
    /// A proposal lives for so long.
    Expiry,
    /// A proposal belongs to one session.
    SessionDate,
    /// A day that may not be one is not traded upon.
    Trust,
    /// Continuous trading only.
    Phase,
    /// While the broker takes orders.
    BrokerHours,
    /// The lowest confidence that trades.
    Confidence,
    /// A stock whose books need a person takes no order.
    SymbolHalt,
    /// So many orders in 60 s.
    OrdersPerMinute,
    /// So many orders in 24 h.
    OrdersPerDay,
    /// No second order of a side while the first is open.
    OpenOrder,
    /// No order while the fate of another of the stock is not known.
    UnresolvedOrder,
    /// No order after one that lapsed, until the day is closed.
    LapsedOrder,
    /// The account is no older than so much.
    AccountAge,
    /// The account is newer than our own latest fill.
    AccountOvertaken,
    /// No entry in a market with a holding that nobody can see.
    Sight,
    /// No entry on a day of which the result is not known.
    DayUnknown,
    /// No entry below the day's loss.
    DayLoss,
    /// Cash that open purchases may still cost is not spent again.
    Reservation,
    /// The largest share of the cash for one entry.
    FatFinger,
    /// No entry on a day of which the first equity is not known.
    DayStart,
    /// So many times that equity in a day.
    DayPurchases,
    /// No entry on an old price.
    QuoteAge,
    /// No entry on a price far from the one before it.
    QuoteJump,
    /// No entry at a price far from the newest that was heard.
    QuoteMismatch,
    /// No entry in a stock right after one was refused.
    RefusalCooldown,
    /// No entry in a stock soon after it was sold at a loss.
    StopCooldown,
    /// No entry above the last sale's price soon after it.
    Reentry,
    /// No entry while the equity is not known.
    EquityKnown,
    /// No entry while a holding has neither price nor cost.
    HoldingPriced,
    /// The largest share of the equity in one stock.
    SymbolExposure,
    /// The largest share of the equity in all stocks.
    TotalExposure,
    /// Confirmed shares only.
    Sellable,
    /// No more than sizing or the position allows.
    Demand,
    /// No order while the exchange's clock may differ from ours.
    ExchangeClock,
}

/// Refuses, for this limit.
#[cfg(not(test))]
#[inline]
pub(crate) fn refuse(_limit: Limit, reason: RefusalReason) -> Result<(), RefusalReason> {
    Err(reason)
}

/// Whether this limit is in force: always.
#[cfg(not(test))]
#[inline]
pub(crate) const fn is_wired(_limit: Limit) -> bool {
    true
}

#[cfg(test)]
pub(crate) use unwiring::{is_wired, refuse, without};

#[cfg(test)]
mod unwiring {
    use std::cell::Cell;

    use super::{Limit, RefusalReason};

    impl Limit {
        /// Every limit.
        pub(crate) const ALL: [Self; 37] = [
            Self::Halted,
            Self::Starting,
            Self::Reducing,
            Self::Expiry,
            Self::SessionDate,
            Self::Trust,
            Self::Phase,
            Self::BrokerHours,
            Self::Confidence,
            Self::SymbolHalt,
            Self::OrdersPerMinute,
            Self::OrdersPerDay,
            Self::OpenOrder,
            Self::UnresolvedOrder,
            Self::LapsedOrder,
            Self::AccountAge,
            Self::AccountOvertaken,
            Self::Sight,
            Self::DayUnknown,
            Self::DayLoss,
            Self::Reservation,
            Self::FatFinger,
            Self::DayStart,
            Self::DayPurchases,
            Self::QuoteAge,
            Self::QuoteJump,
            Self::QuoteMismatch,
            Self::RefusalCooldown,
            Self::StopCooldown,
            Self::Reentry,
            Self::EquityKnown,
            Self::HoldingPriced,
            Self::SymbolExposure,
            Self::TotalExposure,
            Self::Sellable,
            Self::Demand,
            Self::ExchangeClock,
        ];
    }

    thread_local! {
        static UNWIRED: Cell<Option<Limit>> = const { Cell::new(None) };
    }

    pub(crate) fn is_wired(limit: Limit) -> bool {
        UNWIRED.get() != Some(limit)
    }

    pub(crate) fn refuse(limit: Limit, reason: RefusalReason) -> Result<(), RefusalReason> {
        if is_wired(limit) { Err(reason) } else { Ok(()) }
    }

    /// Does `work` with one limit taken out, in this thread alone.
    pub(crate) fn without<T>(limit: Limit, work: impl FnOnce() -> T) -> T {
        UNWIRED.set(Some(limit));
        let done = work();
        UNWIRED.set(None);
        done
    }

    #[test]
    fn every_limit_is_in_the_list_and_each_once() {
        assert!(Limit::ALL.is_sorted_by(|one, next| one < next));
        // The last of the enumeration; a match on it must be exhaustive in the property test, so a new one is noticed.
        assert_eq!(Limit::ALL.len(), Limit::ExchangeClock as usize + 1);
    }
}
