//! Limits that a person makes stricter while the agent runs: committed first, then in force, and never looser.

use domain::messages::ledger::{Committed, LedgerError};
use domain::messages::limits::{
    LimitsChange, LimitsInForce, LimitsQuery, LimitsRecord, TightenError, TightenLimits, WithdrawLimits,
};
use supervision::prelude::*;

use super::{LEDGER_WITHIN, RiskGuard};
use crate::halting::CommitLimits;

type Changed = Result<LimitsInForce, TightenError>;

impl Handler<TightenLimits> for RiskGuard {
    type Result = ResponseActFuture<Self, Changed>;

    fn handle(&mut self, request: TightenLimits, _ctx: &mut Self::Context) -> Self::Result {
        let TightenLimits { source, by, reason, change } = request;
        if let Err(error) = self.allow(&change) {
            return Box::pin(fut::ready(Err(error)));
        }
        let at = self.now();
        self.keep_limits(LimitsRecord { at, source, by, reason, change: Some(change) })
    }
}

impl Handler<WithdrawLimits> for RiskGuard {
    type Result = ResponseActFuture<Self, Changed>;

    fn handle(&mut self, request: WithdrawLimits, _ctx: &mut Self::Context) -> Self::Result {
        let WithdrawLimits { source, by, reason } = request;
        let at = self.now();
        self.keep_limits(LimitsRecord { at, source, by, reason, change: None })
    }
}

impl Handler<LimitsQuery> for RiskGuard {
    type Result = MessageResult<LimitsQuery>;

    fn handle(&mut self, _query: LimitsQuery, _ctx: &mut Self::Context) -> Self::Result {
        MessageResult(self.settings.limits.in_force())
    }
}

impl RiskGuard {
    fn allow(&self, change: &LimitsChange) -> Result<(), TightenError> {
        if change.is_empty() {
            return Err(TightenError::NothingAsked);
        }
        if !self.halts_known {
            return Err(TightenError::NotDurable("the ledger has not told yet which limits hold".into()));
        }
        let changed = self.settings.limits.changed(change, &self.configured);
        changed.map(|_limits| ()).map_err(|error| TightenError::NotAllowed(error.to_string()))
    }

    fn keep_limits(&mut self, record: LimitsRecord) -> ResponseActFuture<Self, Changed> {
        let change = record.change.clone();
        let answer = self.deps.ledger.commit_limits.ask(CommitLimits::new(record), LEDGER_WITHIN);
        Box::pin(answer.into_actor(self).map(move |answer, this, ctx| this.limits_kept(change, answer, ctx)))
    }

    fn limits_kept(
        &mut self,
        change: Option<LimitsChange>,
        answer: Result<Result<Committed, LedgerError>, AskError>,
        ctx: &mut Ctx<Self>,
    ) -> Changed {
        match answer {
            Ok(Ok(_committed)) => {
                change.iter().for_each(|change| self.take_limits(change));
                self.judge_every_day(ctx);
                Ok(self.settings.limits.in_force())
            }
            Ok(Err(error)) => Err(TightenError::NotDurable(error.to_string())),
            Err(error) => Err(TightenError::NotDurable(error.to_string())),
        }
    }

    /// Only ever stricter, whatever the books hold.
    pub(super) fn take_limits(&mut self, change: &LimitsChange) {
        self.settings.limits = self.settings.limits.stricter_of(change);
    }
}
