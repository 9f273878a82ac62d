//! The shadow: a draft is followed on paper beside the incumbent, on days that had not happened when it was found.

use actix::Message;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::ProposalNumber;
use crate::messages::ledger::LedgerError;

/// Most sessions of one [`FollowShadow`].
pub const SHADOW_SESSIONS_MAX: usize = 400;

/// How a draft is followed, fixed when it is drafted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowPlan {
    /// The session by which it was found: only later ones count.
    pub after: NaiveDate,
    /// The last day on which it may still become complete.
    pub expires: NaiveDate,
    /// Where the randomness of its verdict starts.
    pub seed: u64,
}

/// One session in which both were followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowSession {
    /// Its day.
    pub session_date: NaiveDate,
    /// What the draft earned after costs, in billionths of its equity.
    pub challenger_ppb: i64,
    /// What the incumbent earned after costs, in billionths of its equity.
    pub incumbent_ppb: i64,
    /// Purchases and sales of the draft.
    pub decisions: u32,
}

/// A shadow as the books have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowRecord {
    /// How it is followed.
    pub plan: ShadowPlan,
    /// What it did, oldest first.
    pub sessions: Vec<ShadowSession>,
    /// What was found, as JSON; none while it goes on.
    pub verdict: Option<String>,
}

/// Optimizer -> TradeLedger: sessions of a draft's shadow. The first word on a day stays. Asked, 5 s.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), LedgerError>")]
pub struct FollowShadow {
    /// The proposal.
    pub number: ProposalNumber,
    /// At most [`SHADOW_SESSIONS_MAX`], all of them later than the draft.
    pub sessions: Vec<ShadowSession>,
}

/// Optimizer -> TradeLedger: a draft's shadow is over: it is submitted to a person or rejected, in the same transaction. Refused
/// when it is no draft any more. Asked, 5 s.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<super::ProposalRecord, LedgerError>")]
pub struct JudgeShadow {
    /// The proposal.
    pub number: ProposalNumber,
    /// Whether it passed.
    pub passed: bool,
    /// The numbers as JSON, at most [`super::EVIDENCE_BYTES_MAX`].
    pub evidence: String,
    /// Why, in words, for the record.
    pub reason: String,
}
