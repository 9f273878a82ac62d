//! What the account holds, as the exchange says.

use chrono::{DateTime, Utc};

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
