//! What evolution does, watched.

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

use super::{Watch, Watched};

impl<W: Watch> EvolutionBooks for Watched<W> {
    fn begin_cycle(&mut self, begin: &BeginCycle, at: DateTime<Utc>) -> Result<Cycle, StoreError> {
        self.step("begin_cycle", |store| store.begin_cycle(begin, at))
    }

    fn record_trials(
        &mut self,
        trials: &RecordTrials,
        at: DateTime<Utc>,
    ) -> Result<TrialsBooked, StoreError> {
        self.step("record_trials", |store| store.record_trials(trials, at))
    }

    fn end_cycle(&mut self, end: &EndCycle, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.step("end_cycle", |store| store.end_cycle(end, at))
    }

    fn newest_cycles(&mut self) -> Result<Vec<CycleLine>, StoreError> {
        self.step("newest_cycles", |store| store.newest_cycles())
    }

    fn trial_totals(&mut self, market: Market) -> Result<TrialTotals, StoreError> {
        self.step("trial_totals", |store| store.trial_totals(market))
    }

    fn trials_of(&mut self, query: &TrialsOf) -> Result<Vec<Tried>, StoreError> {
        self.step("trials_of", |store| store.trials_of(query))
    }

    fn tried_before(&mut self, query: &TriedBefore) -> Result<Vec<TrialHash>, StoreError> {
        self.step("tried_before", |store| store.tried_before(query))
    }

    fn elites(&mut self, market: Market) -> Result<Vec<Elite>, StoreError> {
        self.step("elites", |store| store.elites(market))
    }

    fn rejects(&mut self, query: RejectsOf) -> Result<Vec<Reject>, StoreError> {
        self.step("rejects", |store| store.rejects(query))
    }

    fn earlier_call(&mut self, query: &EarlierCallFor) -> Result<EarlierCall, StoreError> {
        self.step("earlier_call", |store| store.earlier_call(query))
    }

    fn spend_window(&mut self, spend: &SpendWindow, at: DateTime<Utc>) -> Result<SpentWindow, StoreError> {
        self.step("spend_window", |store| store.spend_window(spend, at))
    }

    fn judge_window(&mut self, judge: &JudgeWindow, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.step("judge_window", |store| store.judge_window(judge, at))
    }

    fn seen_in(&mut self, window: i64) -> Result<Option<String>, StoreError> {
        self.step("seen_in", |store| store.seen_in(window))
    }

    fn windows(&mut self, market: Market) -> Result<Vec<SpentWindow>, StoreError> {
        self.step("windows", |store| store.windows(market))
    }

    fn draft_proposal(
        &mut self,
        draft: &DraftProposal,
        at: DateTime<Utc>,
    ) -> Result<ProposalRecord, StoreError> {
        self.step("draft_proposal", |store| store.draft_proposal(draft, at))
    }

    fn change_proposal(
        &mut self,
        change: &ChangeProposal,
        at: DateTime<Utc>,
    ) -> Result<ProposalRecord, StoreError> {
        self.step("change_proposal", |store| store.change_proposal(change, at))
    }

    fn follow_shadow(&mut self, follow: &FollowShadow) -> Result<(), StoreError> {
        self.step("follow_shadow", |store| store.follow_shadow(follow))
    }

    fn book_look(&mut self, look: &BookLook, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.step("book_look", |store| store.book_look(look, at))
    }

    fn judge_shadow(&mut self, judge: &JudgeShadow, at: DateTime<Utc>) -> Result<ProposalRecord, StoreError> {
        self.step("judge_shadow", |store| store.judge_shadow(judge, at))
    }

    fn proposals(&mut self) -> Result<Vec<ProposalRecord>, StoreError> {
        self.step("proposals", |store| store.proposals())
    }

    fn active_strategy(&mut self, market: Market) -> Result<Option<ActiveStrategy>, StoreError> {
        self.step("active_strategy", |store| store.active_strategy(market))
    }

    fn settle_strategy(
        &mut self,
        query: &StrategyOf,
        at: DateTime<Utc>,
    ) -> Result<Option<StrategyVersion>, StoreError> {
        self.step("settle_strategy", |store| store.settle_strategy(query, at))
    }
}
