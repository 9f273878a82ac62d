//! What a person decides about one stock: halts lifted, disputes ended. The books decide whether it may be.

use domain::messages::ledger::LedgerError;
use domain::messages::symbols::{
    PersonError, RequestResolution, RequestSymbolRelease, Resolved, SymbolHalt, SymbolHalted, SymbolHalts,
    SymbolReleased,
};
use supervision::prelude::*;

use super::{LEDGER_WITHIN, RiskGuard};
use crate::person::{CommitResolution, CommitSymbolRelease};

impl Handler<SymbolHalted> for RiskGuard {
    type Result = ();

    fn handle(&mut self, SymbolHalted { halt }: SymbolHalted, _ctx: &mut Self::Context) {
        tracing::warn!(instrument = %halt.instrument, cause = %halt.cause, reason = halt.reason, "a stock is halted");
        self.symbol_halts.add(halt);
    }
}

impl Handler<RequestSymbolRelease> for RiskGuard {
    type Result = ResponseActFuture<Self, Result<SymbolReleased, PersonError>>;

    fn handle(&mut self, request: RequestSymbolRelease, _ctx: &mut Self::Context) -> Self::Result {
        let commit = CommitSymbolRelease::new(request);
        let answer = self.deps.ledger.release_symbol.ask(commit, LEDGER_WITHIN).into_actor(self);
        Box::pin(answer.map(|answer, this, ctx| {
            let released = this.confirmed(answer, ctx)?;
            this.symbol_halts.lift(&released.lifted);
            Ok(released)
        }))
    }
}

impl Handler<RequestResolution> for RiskGuard {
    type Result = ResponseActFuture<Self, Result<Resolved, PersonError>>;

    fn handle(&mut self, request: RequestResolution, _ctx: &mut Self::Context) -> Self::Result {
        let commit = CommitResolution::new(request);
        let answer = self.deps.ledger.resolve.ask(commit, LEDGER_WITHIN).into_actor(self);
        Box::pin(answer.map(|answer, this, ctx| {
            let resolved = this.confirmed(answer, ctx)?;
            this.take_update(&resolved.update, ctx);
            Ok(resolved)
        }))
    }
}

impl RiskGuard {
    /// Asks the ledger which stocks are halted.
    pub(super) fn read_symbol_halts(&mut self, ctx: &mut Ctx<Self>) {
        self.symbol_halts.begin_read();
        let answer = super::start::ask_ledger(self.deps.ledger.symbol_halts.clone(), || SymbolHalts);
        ctx.spawn(answer.into_actor(self).map(|halts, this, _ctx| this.symbol_halts_read(halts)));
    }

    fn symbol_halts_read(&mut self, halts: Vec<SymbolHalt>) {
        self.symbol_halts.finish_read(halts);
        self.symbols_known = true;
        self.settle_gate();
    }

    /// A lost answer may have been a yes: then the books must be read again.
    fn confirmed<T>(
        &mut self,
        answer: Result<Result<T, LedgerError>, AskError>,
        ctx: &mut Ctx<Self>,
    ) -> Result<T, PersonError> {
        match answer {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(LedgerError::Refused(why))) => Err(PersonError::Refused(why)),
            Ok(Err(error @ LedgerError::Fenced)) => Err(PersonError::Refused(error.to_string())),
            Ok(Err(error @ LedgerError::Storage(_))) => Err(PersonError::Unconfirmed(error.to_string())),
            Err(error) => {
                self.read_symbol_halts(ctx);
                self.read_orders(ctx);
                Err(PersonError::Unconfirmed(error.to_string()))
            }
        }
    }
}
