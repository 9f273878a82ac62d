//! What evolution does, witnessed.

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

use super::{OTHER, WitnessedBooks};

impl EvolutionBooks for WitnessedBooks {
    fn begin_cycle(&mut self, begin: &BeginCycle, at: DateTime<Utc>) -> Result<Cycle, StoreError> {
        self.step(("begin_cycle", OTHER), |store| store.begin_cycle(begin, at), |_, _| ())
    }

    fn record_trials(
        &mut self,
        trials: &RecordTrials,
        at: DateTime<Utc>,
    ) -> Result<TrialsBooked, StoreError> {
        self.step(("record_trials", OTHER), |store| store.record_trials(trials, at), |_, _| ())
    }

    fn end_cycle(&mut self, end: &EndCycle, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.step(("end_cycle", OTHER), |store| store.end_cycle(end, at), |_, _| ())
    }

    fn newest_cycles(&mut self) -> Result<Vec<CycleLine>, StoreError> {
        self.read(|store| store.newest_cycles())
    }

    fn trials_of(&mut self, query: &TrialsOf) -> Result<Vec<Tried>, StoreError> {
        self.read(|store| store.trials_of(query))
    }

    fn seen_in(&mut self, window: i64) -> Result<Option<String>, StoreError> {
        self.read(|store| store.seen_in(window))
    }

    fn follow_shadow(&mut self, follow: &FollowShadow) -> Result<(), StoreError> {
        self.step(("follow_shadow", OTHER), |store| store.follow_shadow(follow), |_, _| ())
    }

    fn book_look(&mut self, look: &BookLook, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.step(("book_look", OTHER), |store| store.book_look(look, at), |_, ()| ())
    }

    fn judge_shadow(&mut self, judge: &JudgeShadow, at: DateTime<Utc>) -> Result<ProposalRecord, StoreError> {
        self.step(("judge_shadow", OTHER), |store| store.judge_shadow(judge, at), |_, _| ())
    }

    fn trial_totals(&mut self, market: Market) -> Result<TrialTotals, StoreError> {
        self.read(|store| store.trial_totals(market))
    }

    fn tried_before(&mut self, query: &TriedBefore) -> Result<Vec<TrialHash>, StoreError> {
        self.read(|store| store.tried_before(query))
    }

    fn elites(&mut self, market: Market) -> Result<Vec<Elite>, StoreError> {
        self.read(|store| store.elites(market))
    }

    fn rejects(&mut self, query: RejectsOf) -> Result<Vec<Reject>, StoreError> {
        self.read(|store| store.rejects(query))
    }

    fn earlier_call(&mut self, query: &EarlierCallFor) -> Result<EarlierCall, StoreError> {
        self.read(|store| store.earlier_call(query))
    }

    fn spend_window(&mut self, spend: &SpendWindow, at: DateTime<Utc>) -> Result<SpentWindow, StoreError> {
        self.step(("spend_window", OTHER), |store| store.spend_window(spend, at), |_, _| ())
    }

    fn judge_window(&mut self, judge: &JudgeWindow, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.step(("judge_window", OTHER), |store| store.judge_window(judge, at), |_, _| ())
    }

    fn windows(&mut self, market: Market) -> Result<Vec<SpentWindow>, StoreError> {
        self.read(|store| store.windows(market))
    }

    fn draft_proposal(
        &mut self,
        draft: &DraftProposal,
        at: DateTime<Utc>,
    ) -> Result<ProposalRecord, StoreError> {
        self.step(("draft_proposal", OTHER), |store| store.draft_proposal(draft, at), |_, _| ())
    }

    fn change_proposal(
        &mut self,
        change: &ChangeProposal,
        at: DateTime<Utc>,
    ) -> Result<ProposalRecord, StoreError> {
        self.step(("change_proposal", OTHER), |store| store.change_proposal(change, at), |_, _| ())
    }

    fn proposals(&mut self) -> Result<Vec<ProposalRecord>, StoreError> {
        self.read(|store| store.proposals())
    }

    fn active_strategy(&mut self, market: Market) -> Result<Option<ActiveStrategy>, StoreError> {
        self.read(|store| store.active_strategy(market))
    }

    fn settle_strategy(
        &mut self,
        query: &StrategyOf,
        at: DateTime<Utc>,
    ) -> Result<Option<StrategyVersion>, StoreError> {
        self.step(("settle_strategy", OTHER), |store| store.settle_strategy(query, at), |_, _| ())
    }
}
