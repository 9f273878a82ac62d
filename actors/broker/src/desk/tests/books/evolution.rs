//! The double has no evolution.

use chrono::{DateTime, Utc};
use domain::Market;
use domain::messages::consultation::{EarlierCall, EarlierCallFor};
use domain::messages::evolution::{
    ActiveStrategy, BeginCycle, BookLook, ChangeProposal, Cycle, CycleLine, DraftProposal, Elite, EndCycle,
    FollowShadow, JudgeShadow, JudgeWindow, ProposalRecord, RecordTrials, Reject, RejectsOf, SpendWindow,
    SpentWindow, StrategyOf, StrategyVersion, TrialHash, TrialTotals, TrialsBooked, TrialsOf, Tried,
    TriedBefore,
};
use trade_ledger::{EvolutionBooks, StoreError};

use super::{Memory, unscripted};

impl EvolutionBooks for Memory {
    fn begin_cycle(&mut self, _begin: &BeginCycle, _at: DateTime<Utc>) -> Result<Cycle, StoreError> {
        unscripted()
    }

    fn record_trials(
        &mut self,
        _trials: &RecordTrials,
        _at: DateTime<Utc>,
    ) -> Result<TrialsBooked, StoreError> {
        unscripted()
    }

    fn end_cycle(&mut self, _end: &EndCycle, _at: DateTime<Utc>) -> Result<(), StoreError> {
        unscripted()
    }

    fn newest_cycles(&mut self) -> Result<Vec<CycleLine>, StoreError> {
        unscripted()
    }

    fn trials_of(&mut self, _query: &TrialsOf) -> Result<Vec<Tried>, StoreError> {
        unscripted()
    }

    fn seen_in(&mut self, _window: i64) -> Result<Option<String>, StoreError> {
        unscripted()
    }

    fn follow_shadow(&mut self, _follow: &FollowShadow) -> Result<(), StoreError> {
        unscripted()
    }

    fn book_look(&mut self, _look: &BookLook, _at: DateTime<Utc>) -> Result<(), StoreError> {
        unscripted()
    }

    fn judge_shadow(
        &mut self,
        _judge: &JudgeShadow,
        _at: DateTime<Utc>,
    ) -> Result<ProposalRecord, StoreError> {
        unscripted()
    }

    fn trial_totals(&mut self, _market: Market) -> Result<TrialTotals, StoreError> {
        unscripted()
    }

    fn tried_before(&mut self, _query: &TriedBefore) -> Result<Vec<TrialHash>, StoreError> {
        unscripted()
    }

    fn elites(&mut self, _market: Market) -> Result<Vec<Elite>, StoreError> {
        unscripted()
    }

    fn rejects(&mut self, _query: RejectsOf) -> Result<Vec<Reject>, StoreError> {
        unscripted()
    }

    fn earlier_call(&mut self, _query: &EarlierCallFor) -> Result<EarlierCall, StoreError> {
        unscripted()
    }

    fn spend_window(&mut self, _spend: &SpendWindow, _at: DateTime<Utc>) -> Result<SpentWindow, StoreError> {
        unscripted()
    }

    fn judge_window(&mut self, _judge: &JudgeWindow, _at: DateTime<Utc>) -> Result<(), StoreError> {
        unscripted()
    }

    fn windows(&mut self, _market: Market) -> Result<Vec<SpentWindow>, StoreError> {
        unscripted()
    }

    fn draft_proposal(
        &mut self,
        _draft: &DraftProposal,
        _at: DateTime<Utc>,
    ) -> Result<ProposalRecord, StoreError> {
        unscripted()
    }

    fn change_proposal(
        &mut self,
        _change: &ChangeProposal,
        _at: DateTime<Utc>,
    ) -> Result<ProposalRecord, StoreError> {
        unscripted()
    }

    fn proposals(&mut self) -> Result<Vec<ProposalRecord>, StoreError> {
        unscripted()
    }

    fn active_strategy(&mut self, _market: Market) -> Result<Option<ActiveStrategy>, StoreError> {
        unscripted()
    }

    fn settle_strategy(
        &mut self,
        _query: &StrategyOf,
        _at: DateTime<Utc>,
    ) -> Result<Option<StrategyVersion>, StoreError> {
        unscripted()
    }
}
