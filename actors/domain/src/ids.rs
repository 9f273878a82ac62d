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

/// The code that belongs to one halt: five bytes of randomness in eight characters that are easy to read aloud.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HaltNonce(String);

impl HaltNonce {
    /// Crockford's base 32: no I, L, O or U.
    const ALPHABET: &'static [u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    /// A code from 64 random bits of the port.
    pub fn new(random: u64) -> Self {
        let symbol = |place: u32| char::from(Self::ALPHABET[(random >> (5 * place)) as usize % 32]);
        Self((0..8).map(symbol).collect())
    }

    /// The code as stored and shown; empty for a record from before there were codes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A code as a person gave it, or as it was stored.
    pub fn from_text(text: &str) -> Self {
        Self(text.trim().to_ascii_uppercase())
    }

    /// True when `given` is this code. The empty one proves nothing.
    pub fn is_proved_by(&self, given: &Self) -> bool {
        !self.0.is_empty() && self.0 == given.0
    }
}

impl fmt::Display for HaltNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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
    /// The number as an integer, to compare `0000012345` with `12345`; none when it is anything but digits.
    pub fn numeric(&self) -> Option<u64> {
        // The standard parser would take `+5`.
        let digits = self.number.bytes().all(|byte| byte.is_ascii_digit());
        if digits { u64::from_str(&self.number).ok() } else { None }
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
    fn a_nonce_is_proved_by_itself_in_any_case_and_an_empty_one_by_nothing() {
        let nonce = HaltNonce::new(0x0123_4567_89ab_cdef);
        assert_eq!(nonce.as_str().len(), 8);
        assert!(nonce.is_proved_by(&HaltNonce::from_text(&format!(" {} ", nonce.as_str().to_lowercase()))));
        assert!(!nonce.is_proved_by(&HaltNonce::new(0x0123_4567_89ab_cdee)));
        assert!(!HaltNonce::default().is_proved_by(&HaltNonce::default()));
    }

    #[test]
    fn ids_sort_by_their_time() {
        let early = IntentId::new(1_700_000_000_000, u64::MAX);
        let late = IntentId::new(1_700_000_000_001, 0);
        assert!(early < late);
        assert!(early.as_str().starts_with("i-"));
    }

    #[test]
    fn an_order_number_is_digits_and_nothing_else() {
        let order = |number: &str| VenueOrderId {
            date: NaiveDate::MIN,
            branch: String::new(),
            number: number.to_owned(),
        };
        assert_eq!(order("0000012345").numeric(), Some(12_345));
        for number in ["", "+5", "-5", " 5", "5 ", "0x5", "٥", "99999999999999999999"] {
            assert_eq!(order(number).numeric(), None, "{number:?}");
        }
    }
}
