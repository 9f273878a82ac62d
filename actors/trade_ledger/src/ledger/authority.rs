//! What carries RiskGuard's authority: approvals, permits, halts, releases, limits.

use chrono::{DateTime, Utc};
use domain::HaltEpoch;
use domain::messages::control::HaltSource;
use domain::messages::ledger::{Committed, LedgerError};
use domain::messages::limits::{
    ApprovalsSince, OwnPosition, OwnPositions, RecordPeak, Setback, SetbacksSince,
};
use risk_guard::{
    CommitApproval, CommitHalt, CommitLatch, CommitLimits, CommitRelease, HaltAck, HaltCommitted,
    HaltEpochQuery, HaltSystem, LoadTradingState, ResumeSystem, StoredTradingState,
};
use supervision::prelude::*;
use tracing::info;

use super::{TradeLedger, answer};
use crate::permit::{BeginSending, PermitRefused, SendPermit};
use crate::store::{Begun, NewIntent, SendingRequest, StoreError};

impl Handler<CommitApproval> for TradeLedger {
    type Result = Result<Committed, LedgerError>;

    fn handle(&mut self, approval: CommitApproval, ctx: &mut Self::Context) -> Self::Result {
        let intent = NewIntent {
            intent: approval.intent().clone(),
            approval: approval.approval().clone(),
            decision: approval.decision().clone(),
            terms: approval.terms().clone(),
            confidence: approval.confidence(),
            session_date: approval.session_date(),
            approved_at: approval.approved_at(),
            expires_at: approval.expires_at(),
            halt_epoch: approval.halt_epoch(),
        };
        let committed = self.committed(ctx, |store, at| store.commit_approval(&intent, at))?;
        info!(decision = %intent.decision, intent = %intent.intent, "the approval is in the books");
        Ok(committed)
    }
}

impl Handler<BeginSending> for TradeLedger {
    type Result = Result<SendPermit, PermitRefused>;

    fn handle(&mut self, begin: BeginSending, ctx: &mut Self::Context) -> Self::Result {
        let BeginSending { order, watermark } = begin;
        let at = self.now();
        let fencing = self.deps.fencing;
        let request = SendingRequest {
            intent: order.intent().clone(),
            approval: order.approval().clone(),
            halt_epoch: order.halt_epoch(),
            fencing,
            watermark,
            at,
        };
        match self.commit(ctx, |store, _| store.begin_sending(&request)) {
            Ok(Begun::Sending) => {
                info!(intent = %request.intent, "the order may leave, once");
                Ok(SendPermit::new(&order, fencing, at))
            }
            Ok(Begun::Refused(why)) => Err(why),
            Err(StoreError::Fenced { .. }) => Err(PermitRefused::Fenced),
            Err(
                error @ (StoreError::Refused(_)
                | StoreError::Locked(_)
                | StoreError::DiskFull(_)
                | StoreError::Failed(_)
                | StoreError::Malformed { .. }
                | StoreError::NotRepresentable(_)),
            ) => Err(PermitRefused::Storage(error.to_string())),
        }
    }
}

impl Handler<CommitHalt> for TradeLedger {
    type Result = Result<HaltCommitted, LedgerError>;

    fn handle(&mut self, halt: CommitHalt, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, _| store.commit_halt(halt.record())).map_err(answer)
    }
}

impl Handler<CommitRelease> for TradeLedger {
    type Result = Result<HaltCommitted, LedgerError>;

    fn handle(&mut self, release: CommitRelease, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, _| store.commit_release(release.release())).map_err(answer)
    }
}

impl Handler<CommitLatch> for TradeLedger {
    type Result = Result<HaltCommitted, LedgerError>;

    fn handle(&mut self, latch: CommitLatch, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, _| store.commit_latch(latch.halt(), latch.at())).map_err(answer)
    }
}

impl Handler<CommitLimits> for TradeLedger {
    type Result = Result<Committed, LedgerError>;

    fn handle(&mut self, limits: CommitLimits, ctx: &mut Self::Context) -> Self::Result {
        self.committed(ctx, |store, _| store.record_limits(limits.record()))
    }
}

impl Handler<ApprovalsSince> for TradeLedger {
    type Result = Result<Vec<DateTime<Utc>>, LedgerError>;

    fn handle(&mut self, query: ApprovalsSince, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.approvals_since(query.since))
    }
}

impl Handler<SetbacksSince> for TradeLedger {
    type Result = Result<Vec<Setback>, LedgerError>;

    fn handle(&mut self, query: SetbacksSince, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.setbacks_since(&query))
    }
}

impl Handler<OwnPositions> for TradeLedger {
    type Result = Result<Vec<OwnPosition>, LedgerError>;

    fn handle(&mut self, _: OwnPositions, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.own_positions())
    }
}

impl Handler<RecordPeak> for TradeLedger {
    type Result = ();

    fn handle(&mut self, peak: RecordPeak, ctx: &mut Self::Context) {
        // Nobody waits for an answer; what went wrong is in the log, and the next peak is told again.
        let _ = self.commit(ctx, |store, at| store.record_peak(&peak, at));
    }
}

impl Handler<LoadTradingState> for TradeLedger {
    type Result = Result<StoredTradingState, LedgerError>;

    /// Only RiskGuard asks, and above all when it begins a new life: it does not know of a halt that no book took.
    fn handle(&mut self, _: LoadTradingState, ctx: &mut Self::Context) -> Self::Result {
        if let Some(reason) = self.unwritable {
            self.ask_to_halt(HaltSource::Storage, reason);
        }
        let state = self.read(ctx, |store| store.trading_state())?;
        let (own, newest) = (self.deps.fencing, state.fencing);
        if own != newest {
            self.is_overtaken = false;
            self.tell_overtaken(&StoreError::Fenced { own, newest });
        }
        Ok(state)
    }
}

impl Handler<HaltEpochQuery> for TradeLedger {
    type Result = Result<HaltEpoch, LedgerError>;

    /// Asked by an idle process too, so that one that was overtaken learns it without an order.
    fn handle(&mut self, _: HaltEpochQuery, ctx: &mut Self::Context) -> Self::Result {
        self.state_of_books(ctx).map(|(state, _is_ours)| state.epoch)
    }
}

impl TradeLedger {
    /// What the books say of trading, and whether they are still this process's; tells once when they are not.
    fn state_of_books(&mut self, ctx: &mut Ctx<Self>) -> Result<(StoredTradingState, bool), LedgerError> {
        let state = self.read(ctx, |store| store.trading_state())?;
        let (own, newest) = (self.deps.fencing, state.fencing);
        if own != newest {
            self.tell_overtaken(&StoreError::Fenced { own, newest });
        }
        Ok((state, own == newest))
    }

    /// # Errors
    /// [`LedgerError::Fenced`] when the books are another process's now.
    pub(super) fn refuse_if_overtaken(&mut self, ctx: &mut Ctx<Self>) -> Result<(), LedgerError> {
        let (_state, is_ours) = self.state_of_books(ctx)?;
        if is_ours { Ok(()) } else { Err(LedgerError::Fenced) }
    }
}

impl Handler<HaltSystem> for TradeLedger {
    type Result = MessageResult<HaltSystem>;

    /// The halt row already stops permits; the ledger goes on booking what the exchange did.
    fn handle(&mut self, halt: HaltSystem, _ctx: &mut Self::Context) -> Self::Result {
        info!(halt = %halt.record().id, epoch = %halt.epoch(), "the ledger gives no more permits");
        MessageResult(HaltAck::default())
    }
}

impl Handler<ResumeSystem> for TradeLedger {
    type Result = ();

    fn handle(&mut self, resume: ResumeSystem, _ctx: &mut Self::Context) {
        info!(epoch = %resume.epoch(), "the ledger gives permits again");
    }
}
