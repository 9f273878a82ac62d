//! The part of the port to the books that keeps what evolution did.

use chrono::{DateTime, Utc};
use domain::Market;
use domain::messages::consultation::{EarlierCall, EarlierCallFor};
use domain::messages::evolution::{
    ActiveStrategy, BeginCycle, BookLook, ChangeProposal, Cycle, CycleLine, DraftProposal, Elite, EndCycle,
    FollowShadow, JudgeShadow, JudgeWindow, ProposalRecord, RecordTrials, Reject, RejectsOf, SpendWindow,
    SpentWindow, StrategyOf, StrategyVersion, TrialHash, TrialTotals, TrialsBooked, TrialsOf, Tried,
    TriedBefore,
};

use crate::store::StoreError;

/// What evolution did, append-only. Every method is one transaction, fenced like all writes of [`crate::Store`].
pub trait EvolutionBooks {
    /// Begins a cycle, or answers the one that stands.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed, and for a session that is older than the market's newest cycle.
    fn begin_cycle(&mut self, begin: &BeginCycle, at: DateTime<Utc>) -> Result<Cycle, StoreError>;

    /// Books the next trials of a cycle and the places they take, all or none.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when they are not the next ones, the cycle is over, or one was tried before.
    fn record_trials(&mut self, trials: &RecordTrials, at: DateTime<Utc>)
    -> Result<TrialsBooked, StoreError>;

    /// Ends a cycle; the first word stays.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when there is no such cycle.
    fn end_cycle(&mut self, end: &EndCycle, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// The newest cycle of each market that ever had one.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn newest_cycles(&mut self) -> Result<Vec<CycleLine>, StoreError>;

    /// How many trials of a market there ever were, and how they vary.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn trial_totals(&mut self, market: Market) -> Result<TrialTotals, StoreError>;

    /// What a cycle has tried, in order.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn trials_of(&mut self, query: &TrialsOf) -> Result<Vec<Tried>, StoreError>;

    /// Those that were tried in the market before.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn tried_before(&mut self, query: &TriedBefore) -> Result<Vec<TrialHash>, StoreError>;

    /// The best of each niche of a market, by niche.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn elites(&mut self, market: Market) -> Result<Vec<Elite>, StoreError>;

    /// Of a market's latest trials, those that earned most and were ended by a gate.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn rejects(&mut self, query: RejectsOf) -> Result<Vec<Reject>, StoreError>;

    /// What came of the call of a model for a purpose.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn earlier_call(&mut self, query: &EarlierCallFor) -> Result<EarlierCall, StoreError>;

    /// Spends the days of a window, once and for all.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when one of them was spent before, or the cycle has another window.
    fn spend_window(&mut self, spend: &SpendWindow, at: DateTime<Utc>) -> Result<SpentWindow, StoreError>;

    /// Books what was seen in a window; the first word stays.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when there is no such window.
    fn judge_window(&mut self, judge: &JudgeWindow, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// The numbers of what was seen in a window; none while nobody has said.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn seen_in(&mut self, window: i64) -> Result<Option<String>, StoreError>;

    /// The windows of a market, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn windows(&mut self, market: Market) -> Result<Vec<SpentWindow>, StoreError>;

    /// Writes a proposal down as a draft.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a name or a text out of bounds.
    fn draft_proposal(
        &mut self,
        draft: &DraftProposal,
        at: DateTime<Utc>,
    ) -> Result<ProposalRecord, StoreError>;

    /// Does something to a proposal, and to what its market trades by where that follows.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with what is possible instead.
    fn change_proposal(
        &mut self,
        change: &ChangeProposal,
        at: DateTime<Utc>,
    ) -> Result<ProposalRecord, StoreError>;

    /// Books sessions of a draft's shadow; the first word on a day stays.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when it has no shadow, or a day is not after the draft.
    fn follow_shadow(&mut self, follow: &FollowShadow) -> Result<(), StoreError>;

    /// Books what a draft's shadow showed, and submits or rejects it.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when it has no shadow, or is no draft any more.
    fn judge_shadow(&mut self, judge: &JudgeShadow, at: DateTime<Utc>) -> Result<ProposalRecord, StoreError>;

    /// Books that a proposal was looked at after a session; the first word on a session stays. When it has become blind by this, it is
    /// an alarm.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when there is no such proposal.
    fn book_look(&mut self, look: &BookLook, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Every proposal, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn proposals(&mut self) -> Result<Vec<ProposalRecord>, StoreError>;

    /// What a market trades by; none while no proposal was ever activated.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    fn active_strategy(&mut self, market: Market) -> Result<Option<ActiveStrategy>, StoreError>;

    /// Settles what a market trades by in a session, once: activates what was approved, refuses with an alarm what cannot be
    /// read, and answers the same for the rest of the session.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed; then nothing was settled.
    fn settle_strategy(
        &mut self,
        query: &StrategyOf,
        at: DateTime<Utc>,
    ) -> Result<Option<StrategyVersion>, StoreError>;
}
