//! Single stocks: their halts, their disputes, their shares, and how many orders are of unknown fate.

use domain::messages::ledger::LedgerError;
use domain::messages::symbols::{
    CompareHoldings, HoldingsCompared, Resolved, SymbolHalt, SymbolHalts, SymbolReleased, UnknownsLately,
};
use risk_guard::{CommitResolution, CommitSymbolRelease};
use supervision::prelude::*;

use super::{TradeLedger, answer};

impl Handler<SymbolHalts> for TradeLedger {
    type Result = Result<Vec<SymbolHalt>, LedgerError>;

    fn handle(&mut self, _: SymbolHalts, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.symbol_halts())
    }
}

impl Handler<CommitSymbolRelease> for TradeLedger {
    type Result = Result<SymbolReleased, LedgerError>;

    fn handle(&mut self, release: CommitSymbolRelease, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.release_symbol(release.request(), at)).map_err(answer)
    }
}

impl Handler<CommitResolution> for TradeLedger {
    type Result = Result<Resolved, LedgerError>;

    fn handle(&mut self, resolution: CommitResolution, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.resolve(resolution.request(), at)).map_err(answer)
    }
}

impl Handler<CompareHoldings> for TradeLedger {
    type Result = Result<HoldingsCompared, LedgerError>;

    fn handle(&mut self, compare: CompareHoldings, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.compare_holdings(&compare.snapshot, at)).map_err(answer)
    }
}

impl Handler<UnknownsLately> for TradeLedger {
    type Result = Result<u32, LedgerError>;

    fn handle(&mut self, _: UnknownsLately, ctx: &mut Self::Context) -> Self::Result {
        let at = self.now();
        self.read(ctx, |store| store.unknowns_lately(at))
    }
}
