//! The answer to a halt: how it is kept, and what it found.

use chrono::{DateTime, Utc};
use domain::messages::control::{Durability, HaltCancels, HaltRecord, HaltReport, HeldPosition};
use serde::{Deserialize, Serialize};

use super::{Milder, Order};
use crate::control::listed::Listed;

/// A halt and what it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halted {
    /// The halt.
    pub halt: HaltRecord,
    /// How it survives a restart.
    pub durability: Durability,
    /// True when Broker confirmed that nothing more will be sent.
    pub broker_confirmed: bool,
    /// Orders working at the exchange; none: nobody could be asked.
    pub open: Option<Vec<Order>>,
    /// Orders whose fate is unknown; none as above.
    pub unknown: Option<Vec<Order>>,
    /// What is held, in words; none as above.
    pub positions: Option<Vec<String>>,
    /// Where these are the ledger's and nobody was asked: when something was last committed to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed_as_of: Option<DateTime<Utc>>,
    /// What was done about working orders.
    pub cancels: HaltCancels,
    /// What else should be known.
    pub note: Option<String>,
    /// What was asked for besides the halt and is not kept, and the commands that do it; none: everything is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_kept: Option<String>,
}

impl Halted {
    /// A halt without a RiskGuard: what is open and held is unknown, and cancels wait until one obeys it.
    pub fn bare(
        halt: HaltRecord,
        durability: Durability,
        broker_confirmed: bool,
        note: Option<String>,
    ) -> Self {
        let cancels = if halt.cancel_open { HaltCancels::Pending } else { HaltCancels::NotWanted };
        Self {
            halt,
            durability,
            broker_confirmed,
            open: None,
            unknown: None,
            positions: None,
            listed_as_of: None,
            cancels,
            note,
            not_kept: None,
        }
    }

    /// True when nobody could say what is open and held.
    pub fn lists_nothing(&self) -> bool {
        self.open.is_none() && self.unknown.is_none() && self.positions.is_none()
    }

    /// The halt in place of a milder command that only a RiskGuard can carry out.
    pub fn in_place_of(self, milder: Option<Milder>) -> Self {
        let not_kept = milder.map(|milder| milder.not_kept(&self.halt));
        Self { not_kept, ..self }
    }

    /// The same with what the ledger knows.
    pub fn with_ledger(self, listed: Option<Listed>) -> Self {
        let Some(Listed { as_of, open, unknown, positions }) = listed else { return self };
        Self {
            open: Some(open),
            unknown: Some(unknown),
            positions: Some(positions),
            listed_as_of: Some(as_of),
            ..self
        }
    }
}

impl From<HaltReport> for Halted {
    fn from(report: HaltReport) -> Self {
        Self {
            halt: report.record,
            durability: report.durability,
            broker_confirmed: report.broker_confirmed,
            open: Some(report.open.into_iter().map(Order::from).collect()),
            unknown: Some(report.unknown.into_iter().map(Order::from).collect()),
            positions: Some(report.positions.iter().map(describe_position).collect()),
            listed_as_of: None,
            cancels: report.cancels,
            note: None,
            not_kept: None,
        }
    }
}

fn describe_position(position: &HeldPosition) -> String {
    let HeldPosition { instrument, quantity, price } = position;
    let price = price.map_or("price unknown".to_owned(), |price| format!("last price {price}"));
    format!("{quantity} {instrument}, {price}")
}
