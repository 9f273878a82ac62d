//! Whether what is drafted and what is active can be followed at all: with too few bars a fall is not seen.

use std::fmt;

use actix::Message;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::ProposalNumber;
use crate::Market;
use crate::messages::ledger::LedgerError;

/// After so many closed sessions in a row that could not be judged, a proposal is followed blindly.
pub const BLIND_AFTER: u32 = 3;

/// Optimizer -> TradeLedger: after a close a proposal was looked at. The first word on a session stays; the look that makes it
/// [`BLIND_AFTER`] sessions without one that could be judged is an alarm, once until one can be. Asked, 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), LedgerError>")]
pub struct BookLook {
    /// The proposal: a draft in the shadow, or what its market trades by.
    pub number: ProposalNumber,
    /// The session that is over.
    pub session_date: NaiveDate,
    /// The newest session that could be judged: at least half of the stocks that evolution learns from have its bar. Where there was
    /// none yet, the day after which it is followed.
    pub seen_until: NaiveDate,
}

/// A proposal that is followed blindly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlindWatch {
    /// The proposal.
    pub number: ProposalNumber,
    /// Its market.
    pub market: Market,
    /// The market trades by it; else it is a draft.
    pub is_active: bool,
    /// The newest session that could be judged, or the day after which it is followed.
    pub seen_until: NaiveDate,
    /// Closed sessions since then, at least [`BLIND_AFTER`].
    pub sessions: u32,
}

impl fmt::Display for BlindWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, market, is_active, seen_until, sessions } = self;
        write!(
            f,
            "proposal {number} is followed blindly: {sessions} sessions of {market} after {seen_until} have bars of less than half of the \
             stocks that evolution learns from, so "
        )?;
        match is_active {
            true => write!(f, "{market} trades by it and a fall would not be seen"),
            false => write!(f, "its shadow stands still"),
        }
    }
}
