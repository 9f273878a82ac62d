//! What evolution did, kept and asked for.

use domain::messages::consultation::{EarlierCall, EarlierCallFor};
use domain::messages::evolution::{
    ActiveIn, ActiveStrategy, AllProposals, BeginCycle, BookLook, ChangeProposal, Cycle, CycleLine,
    DraftProposal, Elite, ElitesOf, EndCycle, FollowShadow, JudgeShadow, JudgeWindow, NewestCycles,
    ProposalRecord, RecordTrials, Reject, RejectsOf, SeenIn, SpendWindow, SpentWindow, StrategyOf,
    StrategyVersion, TotalsOf, TrialHash, TrialTotals, TrialsBooked, TrialsOf, Tried, TriedBefore, WindowsOf,
};
use domain::messages::ledger::LedgerError;
use supervision::prelude::*;

use super::{TradeLedger, answer};

impl Handler<BeginCycle> for TradeLedger {
    type Result = Result<Cycle, LedgerError>;

    fn handle(&mut self, message: BeginCycle, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.begin_cycle(&message, at)).map_err(answer)
    }
}

impl Handler<RecordTrials> for TradeLedger {
    type Result = Result<TrialsBooked, LedgerError>;

    fn handle(&mut self, message: RecordTrials, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.record_trials(&message, at)).map_err(answer)
    }
}

impl Handler<EndCycle> for TradeLedger {
    type Result = Result<(), LedgerError>;

    fn handle(&mut self, message: EndCycle, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.end_cycle(&message, at)).map_err(answer)
    }
}

impl Handler<NewestCycles> for TradeLedger {
    type Result = Result<Vec<CycleLine>, LedgerError>;

    fn handle(&mut self, _: NewestCycles, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.newest_cycles())
    }
}

impl Handler<TotalsOf> for TradeLedger {
    type Result = Result<TrialTotals, LedgerError>;

    fn handle(&mut self, query: TotalsOf, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.trial_totals(query.market))
    }
}

impl Handler<TrialsOf> for TradeLedger {
    type Result = Result<Vec<Tried>, LedgerError>;

    fn handle(&mut self, query: TrialsOf, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.trials_of(&query))
    }
}

impl Handler<SeenIn> for TradeLedger {
    type Result = Result<Option<String>, LedgerError>;

    fn handle(&mut self, query: SeenIn, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.seen_in(query.window))
    }
}

impl Handler<FollowShadow> for TradeLedger {
    type Result = Result<(), LedgerError>;

    fn handle(&mut self, message: FollowShadow, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, _at| store.follow_shadow(&message)).map_err(answer)
    }
}

impl Handler<BookLook> for TradeLedger {
    type Result = Result<(), LedgerError>;

    fn handle(&mut self, message: BookLook, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.book_look(&message, at)).map_err(answer)
    }
}

impl Handler<JudgeShadow> for TradeLedger {
    type Result = Result<ProposalRecord, LedgerError>;

    fn handle(&mut self, message: JudgeShadow, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.judge_shadow(&message, at)).map_err(answer)
    }
}

impl Handler<TriedBefore> for TradeLedger {
    type Result = Result<Vec<TrialHash>, LedgerError>;

    fn handle(&mut self, query: TriedBefore, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.tried_before(&query))
    }
}

impl Handler<ElitesOf> for TradeLedger {
    type Result = Result<Vec<Elite>, LedgerError>;

    fn handle(&mut self, query: ElitesOf, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.elites(query.market))
    }
}

impl Handler<RejectsOf> for TradeLedger {
    type Result = Result<Vec<Reject>, LedgerError>;

    fn handle(&mut self, query: RejectsOf, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.rejects(query))
    }
}

impl Handler<EarlierCallFor> for TradeLedger {
    type Result = Result<EarlierCall, LedgerError>;

    fn handle(&mut self, query: EarlierCallFor, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.earlier_call(&query))
    }
}

impl Handler<SpendWindow> for TradeLedger {
    type Result = Result<SpentWindow, LedgerError>;

    fn handle(&mut self, message: SpendWindow, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.spend_window(&message, at)).map_err(answer)
    }
}

impl Handler<JudgeWindow> for TradeLedger {
    type Result = Result<(), LedgerError>;

    fn handle(&mut self, message: JudgeWindow, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.judge_window(&message, at)).map_err(answer)
    }
}

impl Handler<WindowsOf> for TradeLedger {
    type Result = Result<Vec<SpentWindow>, LedgerError>;

    fn handle(&mut self, query: WindowsOf, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.windows(query.market))
    }
}

impl Handler<DraftProposal> for TradeLedger {
    type Result = Result<ProposalRecord, LedgerError>;

    fn handle(&mut self, message: DraftProposal, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.draft_proposal(&message, at)).map_err(answer)
    }
}

impl Handler<ChangeProposal> for TradeLedger {
    type Result = Result<ProposalRecord, LedgerError>;

    fn handle(&mut self, message: ChangeProposal, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.change_proposal(&message, at)).map_err(answer)
    }
}

impl Handler<AllProposals> for TradeLedger {
    type Result = Result<Vec<ProposalRecord>, LedgerError>;

    fn handle(&mut self, _: AllProposals, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.proposals())
    }
}

impl Handler<ActiveIn> for TradeLedger {
    type Result = Result<Option<ActiveStrategy>, LedgerError>;

    fn handle(&mut self, query: ActiveIn, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.active_strategy(query.market))
    }
}

impl Handler<StrategyOf> for TradeLedger {
    type Result = Result<Option<StrategyVersion>, LedgerError>;

    fn handle(&mut self, query: StrategyOf, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.settle_strategy(&query, at)).map_err(answer)
    }
}
