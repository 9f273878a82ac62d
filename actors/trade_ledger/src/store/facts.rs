//! What transactions are asked for, and what they answer.

use super::*;

/// One boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootFacts {
    /// The wall clock, which boots are counted by even when exchange time is accelerated.
    pub wall_at: DateTime<Utc>,
    /// Exchange time, for the records.
    pub at: DateTime<Utc>,
    /// The id of the halt that a crash loop begins.
    pub halt_id: HaltId,
    /// Its code.
    pub halt_nonce: HaltNonce,
}

/// What a boot found and changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootReport {
    /// This process's epoch: it alone may send from now on.
    pub fencing: FencingEpoch,
    /// Intents that were `Sending` and are `Unknown` now.
    pub unknown: Vec<IntentId>,
    /// Intents that were `Approved` and are `Expired` now.
    pub expired: Vec<IntentId>,
    /// Boots in the last ten minutes, this one included.
    pub recent_boots: u32,
    /// The halt that this boot began, because the boots are too many.
    pub crash_loop: Option<HaltRecord>,
}

impl BootReport {
    /// The halt of a crash loop.
    pub fn crash_loop_halt(facts: &BootFacts, boots: u32) -> HaltRecord {
        HaltRecord {
            id: facts.halt_id.to_string(),
            at: facts.at,
            source: HaltSource::CrashLoop,
            by: "trade_ledger".to_owned(),
            reason: format!("{boots} starts in {} minutes", CRASH_LOOP_WINDOW_SECONDS / 60),
            level: HaltLevel::Halted,
            nonce: facts.halt_nonce.clone(),
            cancel_open: false,
        }
    }
}

/// An intent with its approval, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewIntent {
    /// The intent.
    pub intent: IntentId,
    /// Its approval, used for this intent only.
    pub approval: ApprovalId,
    /// The judgement behind it.
    pub decision: DecisionId,
    /// What may be ordered.
    pub terms: OrderTerms,
    /// The judgement's confidence.
    pub confidence: Confidence,
    /// The market's session date.
    pub session_date: NaiveDate,
    /// When it was approved.
    pub approved_at: DateTime<Utc>,
    /// After this it is void.
    pub expires_at: DateTime<Utc>,
    /// The halt epoch it belongs to.
    pub halt_epoch: HaltEpoch,
}

/// What the conditional update to `Sending` checks and records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendingRequest {
    /// The intent.
    pub intent: IntentId,
    /// The approval it was given.
    pub approval: ApprovalId,
    /// The halt epoch of the approval.
    pub halt_epoch: HaltEpoch,
    /// The asking process.
    pub fencing: FencingEpoch,
    /// The highest order number seen at the exchange for this market and day.
    pub watermark: Option<u64>,
    /// Now: becomes `sent_at`.
    pub at: DateTime<Utc>,
}

/// The answer of the conditional update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Exactly one row became `Sending`, on disk.
    Sending,
    /// No row changed, and why.
    Refused(PermitRefused),
}

/// Why a transaction did not happen. Nothing was written in any case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A rule of the books forbids it.
    #[error("{0}")]
    Refused(String),
    /// Another connection holds the database; trying again later may work.
    #[error("the database is locked by another program: {0}")]
    Locked(String),
    /// No space left, or the file may not grow. The connection is sound.
    #[error("the disk is full: {0}")]
    DiskFull(String),
    /// The file system or the file failed; the connection cannot be trusted any more and must be reopened.
    #[error("the database failed: {0}")]
    Failed(String),
    /// A row cannot be read as what it should be.
    #[error("the database holds a value that is no {what}: {value}")]
    Malformed {
        /// What was expected.
        what: &'static str,
        /// The beginning of what was found.
        value: String,
    },
    /// A number does not fit the books' integers of a millionth, or not exactly.
    #[error("{0} cannot be kept exactly in millionths")]
    NotRepresentable(String),
    /// Another process has started on these books since: nothing of this one is written any more.
    #[error("another process owns these books now: start {newest} of the agent, this one was start {own}")]
    Fenced {
        /// Whose write it was.
        own: FencingEpoch,
        /// Whose the books are.
        newest: FencingEpoch,
    },
}

impl StoreError {
    /// True when the connection must not be used again (order-protocol 3, row 22).
    pub fn poisons(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}
