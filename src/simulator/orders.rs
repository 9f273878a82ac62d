//! Orders in the exchange's own books, and the law that their quantities obey.

use chrono::{DateTime, NaiveDate, Utc};
use domain::{Market, Side};
use rust_decimal::Decimal;

use super::account::{self, StockKey};
use super::listing::Listing;
use super::rules;

/// What an order pays at most, or accepts at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Terms {
    /// A limit, in units.
    Limit(i64),
    /// Any price of the day; a purchase ties up cash at the upper limit, given in units (KIS.md 8.1).
    Market {
        /// The day's upper limit, in units.
        ceiling: i64,
    },
}

/// What a line of the order list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    New,
    Change,
    Cancellation,
}

impl Kind {
    /// `rvse_cncl_dvsn` (KIS.md 12.8, 12.9).
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::New => "00",
            Self::Change => "01",
            Self::Cancellation => "02",
        }
    }

    /// The same in Korean; blank for a new order.
    pub(super) fn korean_name(self) -> &'static str {
        match self {
            Self::New => "",
            Self::Change => "정정",
            Self::Cancellation => "취소",
        }
    }
}

/// One line of the exchange's order list: an order, or the cancellation of one.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) listing: &'static Listing,
    pub(super) side: Side,
    pub(super) terms: Terms,
    pub(super) quantity: u64,
    pub(super) filled: u64,
    pub(super) cancelled: u64,
    /// Rejected after the order was taken.
    pub(super) rejected: u64,
    /// Price times shares over all fills.
    pub(super) amount: Decimal,
    /// Fees of all fills.
    pub(super) fees: Decimal,
    /// The market's local date.
    pub(super) date: NaiveDate,
    /// Restarts every day; ten digits on the wire.
    pub(super) number: u64,
    pub(super) received_at: DateTime<Utc>,
    /// Order lists show it from here on.
    pub(super) shown_from: DateTime<Utc>,
    /// For a cancellation or a change: the number of the order that it is about.
    pub(super) original: Option<u64>,
    /// True for a cancellation: a line in the list that never trades.
    pub(super) cancels: bool,
    /// Out-of-band truth of the request, for the invariant report.
    pub(super) tag: Option<String>,
}

impl Order {
    /// Shares that may still trade. Quantity = filled + remaining + cancelled + rejected, always.
    pub(super) fn remaining(&self) -> u64 {
        self.quantity.saturating_sub(self.filled).saturating_sub(self.cancelled).saturating_sub(self.rejected)
    }

    /// True for an order with shares left; a cancellation has none.
    pub(super) fn is_open(&self) -> bool {
        !self.cancels && self.remaining() > 0
    }

    pub(super) fn market(&self) -> Market {
        self.listing.market
    }

    pub(super) fn stock(&self) -> StockKey {
        (self.listing.market, self.listing.symbol)
    }

    /// How lists call it: an order, a change of one, or a cancellation (KIS.md 7.4).
    pub(super) fn kind(&self) -> Kind {
        match (self.original, self.cancels) {
            (None, _) => Kind::New,
            (Some(_), false) => Kind::Change,
            (Some(_), true) => Kind::Cancellation,
        }
    }

    /// The number of the order that it is about, as KIS writes it; blank for a new order.
    pub(super) fn original_text(&self) -> String {
        self.original.map_or(String::new(), |number| format!("{number:010}"))
    }

    /// The number as KIS writes it.
    pub(super) fn number_text(&self) -> String {
        format!("{:010}", self.number)
    }

    /// The limit price; none for a market order.
    pub(super) fn limit(&self) -> Option<Decimal> {
        match self.terms {
            Terms::Limit(units) => Some(rules::decimal(self.market(), units)),
            Terms::Market { .. } => None,
        }
    }

    /// Average fill price; none without a fill.
    pub(super) fn average(&self) -> Option<Decimal> {
        (self.filled > 0).then(|| self.amount / Decimal::from(self.filled))
    }

    /// Cash that is kept back for the open part of a purchase.
    pub(super) fn reserved(&self) -> Decimal {
        if self.side == Side::Sell || !self.is_open() {
            return Decimal::ZERO;
        }
        let (Terms::Limit(units) | Terms::Market { ceiling: units }) = self.terms;
        account::reservation(self.market().currency(), rules::decimal(self.market(), units), self.remaining())
    }

    /// True when a trade at `units` would honour the terms.
    pub(super) fn accepts(&self, units: i64) -> bool {
        match (self.terms, self.side) {
            (Terms::Limit(limit), Side::Buy) => units <= limit,
            (Terms::Limit(limit), Side::Sell) => units >= limit,
            (Terms::Market { .. }, Side::Buy | Side::Sell) => true,
        }
    }
}
