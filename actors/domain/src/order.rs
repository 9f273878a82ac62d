//! The life of an order: its terms, its states and the only moves between them (order-protocol 5.1).

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Instrument, IntentId, Money, Price, Quantity, VenueOrderId};

/// Which way an order trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Side {
    /// Buys.
    Buy,
    /// Sells.
    Sell,
}

impl Side {
    /// `BUY` or `SELL`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Side {
    type Err = UnknownSide;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "BUY" => Ok(Self::Buy),
            "SELL" => Ok(Self::Sell),
            other => Err(UnknownSide(other.chars().take(40).collect())),
        }
    }
}

/// The text is neither BUY nor SELL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no side; allowed: BUY, SELL")]
pub struct UnknownSide(pub String);

/// What an order asks of the exchange. Limit orders only: a price bound is part of what was approved.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OrderTerms {
    /// The stock.
    pub instrument: Instrument,
    /// Buy or sell.
    pub side: Side,
    /// Shares; above zero, a multiple of the lot.
    pub quantity: Quantity,
    /// Limit price, on the market's tick.
    pub limit: Price,
}

impl OrderTerms {
    /// Limit price times quantity, in the market's currency.
    pub fn notional(&self) -> Money {
        self.limit.times(self.quantity, self.instrument.market.currency())
    }
}

impl fmt::Display for OrderTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} at {}", self.side, self.quantity, self.instrument, self.limit)
    }
}

/// Where an intent is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OrderState {
    /// Approved and committed; nothing sent.
    Approved,
    /// The one POST may be on the wire.
    Sending,
    /// The exchange gave an order number.
    Accepted,
    /// Some shares are filled.
    Partial,
    /// Nobody knows yet whether the exchange has it.
    Unknown,
    /// No inquiry found it within the horizon; its reservation stays until the day is closed.
    Lapsed,
    /// Certainly not an order: never sent, or refused before acceptance. Terminal.
    Refused,
    /// All shares filled. Terminal.
    Filled,
    /// Cancelled, possibly after partial fills. Terminal.
    Cancelled,
    /// Rejected by the exchange after acceptance. Terminal.
    Rejected,
    /// Ended unfilled: at the close, or an approval that was not used in time. Terminal.
    Expired,
    /// The complete inquiry after the close does not know it. Terminal, the only proven negative.
    NeverAccepted,
}

impl OrderState {
    /// Every state.
    pub const ALL: [Self; 12] = [
        Self::Approved,
        Self::Sending,
        Self::Accepted,
        Self::Partial,
        Self::Unknown,
        Self::Lapsed,
        Self::Refused,
        Self::Filled,
        Self::Cancelled,
        Self::Rejected,
        Self::Expired,
        Self::NeverAccepted,
    ];

    /// The name stored and shown.
    pub fn code(self) -> &'static str {
        match self {
            Self::Approved => "Approved",
            Self::Sending => "Sending",
            Self::Accepted => "Accepted",
            Self::Partial => "Partial",
            Self::Unknown => "Unknown",
            Self::Lapsed => "Lapsed",
            Self::Refused => "Refused",
            Self::Filled => "Filled",
            Self::Cancelled => "Cancelled",
            Self::Rejected => "Rejected",
            Self::Expired => "Expired",
            Self::NeverAccepted => "NeverAccepted",
        }
    }

    /// The states this one may move to; a terminal state has none.
    pub fn next(self) -> &'static [Self] {
        match self {
            Self::Approved => &[Self::Sending, Self::Expired, Self::Refused],
            Self::Sending => &[Self::Accepted, Self::Refused, Self::Unknown],
            Self::Unknown => &[
                Self::Accepted,
                Self::Partial,
                Self::Filled,
                Self::Cancelled,
                Self::Rejected,
                Self::Expired,
                Self::Lapsed,
                Self::NeverAccepted,
            ],
            Self::Lapsed => &[
                Self::Accepted,
                Self::Partial,
                Self::Filled,
                Self::Cancelled,
                Self::Rejected,
                Self::Expired,
                Self::NeverAccepted,
            ],
            Self::Accepted => &[
                Self::Partial,
                Self::Filled,
                Self::Cancelled,
                Self::Rejected,
                Self::Expired,
                // A contradiction between the reply and the inquiry (order-protocol 4, invariant 7).
                Self::Unknown,
            ],
            Self::Partial => &[Self::Partial, Self::Filled, Self::Cancelled, Self::Rejected, Self::Expired],
            Self::Refused
            | Self::Filled
            | Self::Cancelled
            | Self::Rejected
            | Self::Expired
            | Self::NeverAccepted => &[],
        }
    }

    /// True when this state may move to `to`.
    pub fn may_become(self, to: Self) -> bool {
        self.next().contains(&to)
    }

    /// True when nothing can change any more.
    pub fn is_terminal(self) -> bool {
        self.next().is_empty()
    }

    /// True while nobody knows whether the exchange has the order: it blocks its symbol (invariant 6).
    pub fn is_unresolved(self) -> bool {
        matches!(self, Self::Sending | Self::Unknown | Self::Lapsed)
    }

    /// True while its cash or shares stay reserved.
    pub fn is_open(self) -> bool {
        !self.is_terminal()
    }
}

impl fmt::Display for OrderState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for OrderState {
    type Err = UnknownOrderState;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|s| s.code() == text).ok_or_else(|| UnknownOrderState(text.to_owned()))
    }
}

/// The text is no order state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no order state")]
pub struct UnknownOrderState(pub String);

/// Why an order certainly does not exist at the exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The request never left: the reason in words.
    NotSent(String),
    /// The exchange answered with a code that means "not processed" (KIS.md 5).
    Code {
        /// KIS's `msg_cd`.
        code: String,
        /// KIS's `msg1`, cut to 200 characters.
        text: String,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(why) => write!(f, "not sent: {why}"),
            Self::Code { code, text } => write!(f, "{code}: {text}"),
        }
    }
}

/// What is known after the one POST of an intent; never a guess.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The exchange gave an order number; provisional until an inquiry shows the row.
    Accepted(VenueOrderId),
    /// Certainly no order.
    Refused(Refusal),
    /// Anything else: the reason in words. Resolved by inquiry only.
    Unknown(String),
}

/// An intent that is not terminal, as the ledger knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenIntent {
    /// Its id.
    pub id: IntentId,
    /// What was approved.
    pub terms: OrderTerms,
    /// Where it is.
    pub state: OrderState,
    /// The exchange's id, once known.
    pub venue_order: Option<VenueOrderId>,
    /// Shares filled so far, as inquired.
    pub filled: Quantity,
    /// When it entered `Sending`, if it did.
    pub sent_at: Option<DateTime<Utc>>,
    /// The highest order number seen before the POST; only later numbers can be this order (order-protocol 5.2).
    pub watermark: Option<u64>,
    /// The market's session date.
    pub session_date: NaiveDate,
    /// When it was approved.
    pub approved_at: DateTime<Utc>,
    /// Complete inquiries since it became unresolved that did not show it.
    pub missed_inquiries: u32,
}

/// One row of the exchange's own order list: the only source of fills.
///
/// Law of a row: `ordered = filled + remaining + cancelled + rejected` (order-protocol 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InquiryRow {
    /// The exchange's id of the order.
    pub order: VenueOrderId,
    /// The stock.
    pub instrument: Instrument,
    /// Buy or sell.
    pub side: Side,
    /// Shares ordered.
    pub ordered: Quantity,
    /// Limit price; absent for a market order of a person.
    pub limit: Option<Price>,
    /// Shares filled so far.
    pub filled: Quantity,
    /// Average fill price; absent while nothing is filled.
    pub average_price: Option<Price>,
    /// Shares still working.
    pub remaining: Quantity,
    /// Shares cancelled.
    pub cancelled: Quantity,
    /// Shares rejected by the exchange.
    pub rejected: Quantity,
    /// Exchange-local time of the order, if given.
    pub time: Option<NaiveTime>,
}

/// One row of the exchange's list of orders that can still be cancelled. It is a second witness beside the order list,
/// never a source of fills: an order that is not on it has ended, or the list is late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkingOrder {
    /// The exchange's id of the order.
    pub order: VenueOrderId,
    /// The stock.
    pub instrument: Instrument,
    /// Buy or sell.
    pub side: Side,
    /// Shares that can still be cancelled, at least one.
    pub remaining: Quantity,
}

impl InquiryRow {
    /// True when the quantities add up.
    pub fn is_lawful(&self) -> bool {
        let parts = [self.filled, self.remaining, self.cancelled, self.rejected];
        let sum = parts.into_iter().fold(Quantity::ZERO, Quantity::saturating_add);
        sum == self.ordered && (self.filled.is_zero() || self.average_price.is_some())
    }

    /// The state this row proves.
    pub fn state(&self) -> OrderState {
        if self.filled == self.ordered {
            OrderState::Filled
        } else if !self.remaining.is_zero() {
            if self.filled.is_zero() { OrderState::Accepted } else { OrderState::Partial }
        } else if !self.rejected.is_zero() {
            OrderState::Rejected
        } else {
            OrderState::Cancelled
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Market;

    fn row([ordered, filled, remaining, cancelled, rejected]: [u64; 5]) -> InquiryRow {
        InquiryRow {
            order: VenueOrderId { date: NaiveDate::MIN, branch: "91252".into(), number: "0000000001".into() },
            instrument: Instrument { market: Market::Kr, symbol: "005930".parse().unwrap() },
            side: Side::Buy,
            ordered: Quantity::new(ordered),
            limit: Some("70000".parse().unwrap()),
            filled: Quantity::new(filled),
            average_price: (filled > 0).then(|| "70000".parse().unwrap()),
            remaining: Quantity::new(remaining),
            cancelled: Quantity::new(cancelled),
            rejected: Quantity::new(rejected),
            time: None,
        }
    }

    #[test]
    fn a_row_proves_exactly_one_state() {
        let cases = [
            ([10, 0, 10, 0, 0], OrderState::Accepted),
            ([10, 4, 6, 0, 0], OrderState::Partial),
            ([10, 10, 0, 0, 0], OrderState::Filled),
            ([10, 4, 0, 6, 0], OrderState::Cancelled),
            ([10, 0, 0, 0, 10], OrderState::Rejected),
        ];
        for (quantities, state) in cases {
            assert_eq!(row(quantities).state(), state, "{quantities:?}");
            assert!(row(quantities).is_lawful(), "{quantities:?}");
        }
        assert!(!row([10, 4, 4, 0, 0]).is_lawful());
    }

    #[test]
    fn no_state_leads_back_to_sending_so_no_second_post_can_follow() {
        let sources: Vec<_> =
            OrderState::ALL.into_iter().filter(|s| s.may_become(OrderState::Sending)).collect();
        assert_eq!(sources, [OrderState::Approved]);
    }

    #[test]
    fn unresolved_states_are_open_and_terminal_states_are_not() {
        for state in OrderState::ALL {
            assert!(!(state.is_unresolved() && state.is_terminal()), "{state}");
            assert_eq!(state.code().parse::<OrderState>(), Ok(state));
        }
    }
}
