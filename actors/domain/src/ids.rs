//! Typed ids: an intent cannot be mistaken for an approval.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(String);

        impl $name {
            /// A new id from a time in ms and 64 random bits, both from the ports; sorts by time.
            pub fn new(at_ms: i64, random: u64) -> Self {
                Self(format!(concat!($prefix, "-{:012x}-{:016x}"), at_ms.max(0), random))
            }

            /// The id as stored and shown.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// An id read back from storage.
            pub fn from_stored(text: String) -> Self {
                Self(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

text_ids! {
    /// One durable wish to trade; at most one POST ever leaves for it.
    IntentId, "i";
    /// RiskGuard's approval of one intent.
    ApprovalId, "a";
    /// One judgement of the Brain, HOLD included.
    DecisionId, "d";
    /// One halt; a resume names it.
    HaltId, "h";
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        )]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

counters! {
    /// Counts halts and releases; an approval of an earlier epoch is void.
    HaltEpoch;
    /// Counts boots on one database; only the newest may send.
    FencingEpoch;
    /// Position of a committed event in the ledger, from 1.
    EventId;
}

/// The exchange's identity of an order: numbers restart daily and per branch, so never the number alone
/// (order-protocol 2). KIS: `ORD_DT`, `KRX_FWDG_ORD_ORGNO`, `ODNO`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VenueOrderId {
    /// The exchange-local order date.
    pub date: NaiveDate,
    /// The branch that took the order (`KRX_FWDG_ORD_ORGNO`); may be empty overseas.
    pub branch: String,
    /// The order number (`ODNO`), leading zeros kept as sent.
    pub number: String,
}

impl VenueOrderId {
    /// The number as an integer, to compare `0000012345` with `12345`.
    pub fn numeric(&self) -> Option<u64> {
        u64::from_str(&self.number).ok()
    }
}

impl fmt::Display for VenueOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.date, self.branch, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_their_time() {
        let early = IntentId::new(1_700_000_000_000, u64::MAX);
        let late = IntentId::new(1_700_000_000_001, 0);
        assert!(early < late);
        assert!(early.as_str().starts_with("i-"));
    }
}
