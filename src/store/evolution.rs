//! What evolution did: cycles, trials, the archive, windows, proposals and what markets trade by.

mod approvals;
mod glance;
mod looks;
mod proposals;
mod sessions;
mod shadows;
mod telling;
mod trials;
mod windows;

use std::path::Path;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::Market;
use domain::messages::consultation::{EarlierCall, EarlierCallFor};
use domain::messages::evolution::{
    ActiveStrategy, BeginCycle, BlindWatch, BookLook, ChangeProposal, Cycle, CycleLine, DraftProposal,
    EVIDENCE_BYTES_MAX, Elite, EndCycle, FollowShadow, JudgeShadow, JudgeWindow, LateCycle, ProposalRecord,
    RecordTrials, Reject, RejectsOf, STRATEGY_BYTES_MAX, SpendWindow, SpentWindow, StrategyOf,
    StrategyVersion, TrialHash, TrialTotals, TrialsBooked, TrialsOf, Tried, TriedBefore,
};
use trade_ledger::{EvolutionBooks, StoreError};

use super::fault::Fault;
use super::open::{Database, OpenError};
use super::{SqliteReader, SqliteStore, consultations};
pub use approvals::LimitInUse;

impl EvolutionBooks for SqliteStore {
    fn begin_cycle(&mut self, begin: &BeginCycle, at: DateTime<Utc>) -> Result<Cycle, StoreError> {
        self.write(|conn| trials::begin(conn, begin, at))
    }

    fn record_trials(
        &mut self,
        trials: &RecordTrials,
        at: DateTime<Utc>,
    ) -> Result<TrialsBooked, StoreError> {
        self.write(|conn| trials::record(conn, trials, at))
    }

    fn end_cycle(&mut self, end: &EndCycle, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(|conn| trials::end(conn, end, at))
    }

    fn newest_cycles(&mut self) -> Result<Vec<CycleLine>, StoreError> {
        self.read(glance::newest)
    }

    fn trial_totals(&mut self, market: Market) -> Result<TrialTotals, StoreError> {
        self.read(|conn| trials::totals(conn, market))
    }

    fn trials_of(&mut self, query: &TrialsOf) -> Result<Vec<Tried>, StoreError> {
        self.read(|conn| trials::of_cycle(conn, query))
    }

    fn tried_before(&mut self, query: &TriedBefore) -> Result<Vec<TrialHash>, StoreError> {
        self.read(|conn| trials::tried(conn, query))
    }

    fn elites(&mut self, market: Market) -> Result<Vec<Elite>, StoreError> {
        self.read(|conn| trials::elites(conn, market))
    }

    fn rejects(&mut self, query: RejectsOf) -> Result<Vec<Reject>, StoreError> {
        self.read(|conn| trials::rejects(conn, query))
    }

    fn earlier_call(&mut self, query: &EarlierCallFor) -> Result<EarlierCall, StoreError> {
        self.read(|conn| consultations::earlier_call(conn, query))
    }

    fn spend_window(&mut self, spend: &SpendWindow, at: DateTime<Utc>) -> Result<SpentWindow, StoreError> {
        self.write(|conn| windows::spend(conn, spend, at))
    }

    fn judge_window(&mut self, judge: &JudgeWindow, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(|conn| windows::judge(conn, judge, at))
    }

    fn seen_in(&mut self, window: i64) -> Result<Option<String>, StoreError> {
        self.read(|conn| windows::seen(conn, window))
    }

    fn windows(&mut self, market: Market) -> Result<Vec<SpentWindow>, StoreError> {
        self.read(|conn| windows::of_market(conn, market))
    }

    fn draft_proposal(
        &mut self,
        draft: &DraftProposal,
        at: DateTime<Utc>,
    ) -> Result<ProposalRecord, StoreError> {
        self.write(|conn| proposals::draft(conn, draft, at))
    }

    fn change_proposal(
        &mut self,
        change: &ChangeProposal,
        at: DateTime<Utc>,
    ) -> Result<ProposalRecord, StoreError> {
        self.write(|conn| proposals::change(conn, change, at))
    }

    fn follow_shadow(&mut self, follow: &FollowShadow) -> Result<(), StoreError> {
        self.write(|conn| shadows::follow(conn, follow))
    }

    fn book_look(&mut self, look: &BookLook, at: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(|conn| looks::book(conn, look, at))
    }

    fn judge_shadow(&mut self, judge: &JudgeShadow, at: DateTime<Utc>) -> Result<ProposalRecord, StoreError> {
        self.write(|conn| shadows::judge(conn, judge, at))
    }

    fn proposals(&mut self) -> Result<Vec<ProposalRecord>, StoreError> {
        self.read(proposals::all)
    }

    fn active_strategy(&mut self, market: Market) -> Result<Option<ActiveStrategy>, StoreError> {
        self.read(|conn| proposals::active(conn, market))
    }

    fn settle_strategy(
        &mut self,
        query: &StrategyOf,
        at: DateTime<Utc>,
    ) -> Result<Option<StrategyVersion>, StoreError> {
        self.write(|conn| sessions::settle(conn, query, at))
    }
}

impl SqliteReader {
    /// The newest version of what a market trades by; none while no proposal was ever activated.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn active_strategy(&mut self, market: Market) -> Result<Option<ActiveStrategy>, StoreError> {
        self.store.active_strategy(market)
    }
}

/// The proposals that are followed blindly.
#[cfg(test)]
pub(super) fn blind_watches(conn: &mut SqliteConnection) -> Result<Vec<BlindWatch>, Fault> {
    looks::blind(conn)
}

/// Every proposal, newest first.
pub(super) fn all_proposals(conn: &mut SqliteConnection) -> Result<Vec<ProposalRecord>, Fault> {
    proposals::all(conn)
}

impl SqliteReader {
    /// What the limit of `EVOLUTION_AUTO_APPROVE` has done lately, and whether it rests.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn limit_in_use(&mut self, at: DateTime<Utc>) -> Result<LimitInUse, StoreError> {
        self.store.read(|conn| approvals::in_use(conn, at))
    }

    /// The newest of what the books say of proposals.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn newest_of_proposals(&mut self) -> Result<NewestRow, StoreError> {
        self.store.read(proposals::newest_row)
    }

    /// Every proposal, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn proposals(&mut self) -> Result<Vec<ProposalRecord>, StoreError> {
        self.store.read(proposals::all)
    }

    /// Which of these markets have a closed session that evolution should have learnt from and has not, at `now`.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn late_cycles(
        &mut self,
        markets: &[Market],
        now: DateTime<Utc>,
    ) -> Result<Vec<LateCycle>, StoreError> {
        self.store.read(|conn| glance::late(conn, markets, now))
    }

    /// The proposals that are followed, and whose newest sessions could not be judged.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn blind_watches(&mut self) -> Result<Vec<BlindWatch>, StoreError> {
        self.store.read(looks::blind)
    }

    /// The newest cycle of each market that ever had one.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn newest_cycles(&mut self) -> Result<Vec<CycleLine>, StoreError> {
        self.store.read(glance::newest)
    }
}

/// The newest rows that say something of a proposal: two that are equal say that nothing was booked in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd)]
pub struct NewestRow {
    /// Of what happened to it; 0: nothing was ever proposed.
    pub change: i64,
    /// Of the sessions of its shadow.
    pub session: i64,
    /// Of the verdicts on shadows.
    pub verdict: i64,
}

/// Why a proposal was not changed.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// The books cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is not possible, or could not be written; nothing was.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Does something to a proposal while no agent runs. The caller holds the lock of the data directory.
///
/// # Errors
/// [`DecideError`]; then nothing was written.
pub fn change_proposal(
    books: &Path,
    change: &ChangeProposal,
    now: DateTime<Utc>,
) -> Result<ProposalRecord, DecideError> {
    let mut connection = Database::open(books)?.connection()?;
    let changed: Result<ProposalRecord, Fault> =
        connection.immediate_transaction(|conn| proposals::change(conn, change, now));
    Ok(changed.map_err(StoreError::from)?)
}

/// Texts are bounded where they enter.
fn bounded(strategy: &str, evidence: &str) -> Result<(), Fault> {
    if strategy.len() > STRATEGY_BYTES_MAX {
        return Err(Fault::refused(format!("a strategy has at most {STRATEGY_BYTES_MAX} bytes")));
    }
    if evidence.len() > EVIDENCE_BYTES_MAX {
        return Err(Fault::refused(format!("evidence has at most {EVIDENCE_BYTES_MAX} bytes")));
    }
    Ok(())
}
