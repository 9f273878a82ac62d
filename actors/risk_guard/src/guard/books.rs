//! Halts in the books that RiskGuard did not ask for: another process wrote them, or the ledger with what it booked.
//!
//! The ledger halts for an order of somebody else in the transaction that books it. Halts are not fenced: a process that was overtaken may still stop its successor. The conditional update obeys at once;
//! here it is noticed, so that the gate, the status and a person say the same as the books.

use domain::HaltEpoch;
use domain::messages::control::{Durability, HaltLevel, HaltRecord, HaltedByBooks};
use domain::messages::ledger::LedgerError;
use supervision::prelude::*;

use super::start::ask_ledger;
use super::{LEDGER_WITHIN, ReadAgain, RiskGuard};
use crate::halting::{HaltEpochQuery, LoadTradingState};

impl Handler<HaltedByBooks> for RiskGuard {
    type Result = ();

    fn handle(&mut self, _refused: HaltedByBooks, ctx: &mut Self::Context) {
        self.look_at_books(ctx);
    }
}

impl RiskGuard {
    /// Asks for the epoch of the books, one question at a time; a newer one than is known has everything read again.
    pub(super) fn look_at_books(&mut self, ctx: &mut Ctx<Self>) {
        if !self.halts_known {
            return;
        }
        if self.looking.is_some() {
            self.looking = Some(ReadAgain::Yes);
            return;
        }
        self.looking = Some(ReadAgain::No);
        let answer = self.deps.ledger.halt_epoch.ask(HaltEpochQuery, LEDGER_WITHIN).into_actor(self);
        ctx.spawn(answer.map(|answer, this, ctx| this.epoch_told(answer, ctx)));
    }

    fn epoch_told(&mut self, answer: Result<Result<HaltEpoch, LedgerError>, AskError>, ctx: &mut Ctx<Self>) {
        match answer {
            Ok(Ok(told)) if told > self.books_epoch => self.read_what_began(told, ctx),
            Ok(Ok(_known)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "whether the books hold another halt is unknown"),
            Err(error) => tracing::warn!(%error, "whether the books hold another halt is unknown"),
        }
        if self.looking.take() == Some(ReadAgain::Yes) {
            self.look_at_books(ctx);
        }
    }

    /// A row of ours moved the books by more than its own step: another process wrote in between, and no later look would
    /// show that.
    pub(super) fn look_behind(&self, told: HaltEpoch, ctx: &mut Ctx<Self>) {
        if self.halts_known && told.0 > self.books_epoch.0.saturating_add(1) {
            self.read_what_began(told, ctx);
        }
    }

    /// Nothing that was approved can get a permit any more, so nothing is lost by waiting for the rest.
    fn read_what_began(&self, told: HaltEpoch, ctx: &mut Ctx<Self>) {
        tracing::warn!(books = %told, known = %self.books_epoch, "the books hold a newer halt or release than is known");
        self.deps.keeper.close();
        let state = ask_ledger(self.deps.ledger.load_state.clone(), || LoadTradingState);
        ctx.spawn(state.into_actor(self).map(|stored, this, ctx| this.books_read(stored, ctx)));
    }

    /// Tells everyone of halts that stand although nobody asked for them here. They are in the books, so nothing is
    /// written but the line for a person.
    pub(super) fn obey_books(&mut self, begun: Vec<HaltRecord>, ctx: &mut Ctx<Self>) {
        for record in begun {
            let HaltRecord { id, source, by, reason, level, .. } = &record;
            let effect = match level {
                HaltLevel::Halted => "stops trading",
                HaltLevel::Reducing => "lets exits pass only",
                HaltLevel::Flatten => "sells everything, then stops trading",
            };
            self.alarm(
                None,
                format!(
                    "the books hold a halt that this process did not know, and it {effect}: {reason} (by {by}, \
                     {source}); lift it with: kestrel resume --halt {id}"
                ),
            );
            let told = self.announce(record, Durability::Ledger);
            ctx.spawn(told.map(|_report, _this, _ctx| ()));
        }
        self.flatten_soon(ctx);
    }
}
