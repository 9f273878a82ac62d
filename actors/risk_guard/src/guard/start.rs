//! The start of a life: which halts stand, which orders are open, whether Broker has reconciled.
//!
//! Each question is repeated until it is answered. The pause between two attempts is real time, because what is
//! waited for is another actor and not the exchange.

use std::time::Duration;

use actix::Message;
use chrono::{DateTime, Utc};
use domain::messages::control::{HaltLevel, HaltRecord, HaltSource};
use domain::messages::ledger::{LedgerError, OpenIntents};
use domain::messages::limits::ApprovalsSince;
use domain::messages::trading::{AskReconciled, Reconciled};
use domain::{HaltNonce, OpenIntent};
use supervision::prelude::*;

use super::halt::StandingHalt;
use super::{LEDGER_WITHIN, ReadAgain, RiskGuard};
use crate::halting::{LoadTradingState, StoredTradingState};
use crate::rate::Window;

/// Between two attempts at a question that was not answered.
pub(super) const RETRY_AFTER: Duration = Duration::from_millis(200);
/// The longest wait for Broker's word on reconciliation.
const BROKER_WITHIN: Duration = Duration::from_secs(3);

impl RiskGuard {
    /// First thing in each life.
    pub(super) fn begin(&mut self, ctx: &mut Ctx<Self>) {
        self.deps.keeper.close();
        let state = ask_ledger(self.deps.ledger.load_state.clone(), || LoadTradingState);
        ctx.spawn(state.into_actor(self).map(|state, this, ctx| this.state_loaded(state, ctx)));
        self.read_orders(ctx);
        self.read_symbol_halts(ctx);
        let since = self.now() - Window::Day.length();
        let approvals = ask_ledger(self.deps.ledger.approvals.clone(), move || ApprovalsSince { since });
        ctx.spawn(approvals.into_actor(self).map(|times, this, _ctx| this.approvals_told(times)));
        self.load_setbacks(ctx);
        let word = ask_broker(self.deps.broker.reconciled.clone());
        ctx.spawn(word.into_actor(self).map(|word, this, ctx| this.take_reconciled(word, ctx)));
    }

    /// The ledger's halts, and the emergency file beside them.
    fn state_loaded(&mut self, stored: StoredTradingState, ctx: &mut Ctx<Self>) {
        for record in stored.halts {
            self.stand(StandingHalt::committed(record));
        }
        stored.limits.iter().for_each(|change| self.take_limits(change));
        self.take_epoch(stored.epoch);
        self.halts_known = true;
        self.obey_emergency_file(ctx);
        self.settle_gate();
        self.repeat_halt(ctx);
        self.flatten_soon(ctx);
        tracing::info!(halts = self.halts.len(), epoch = %self.epoch, "the trading state is loaded");
    }

    fn approvals_told(&mut self, times: Vec<DateTime<Utc>>) {
        self.approvals.load(times);
        self.approvals_known = true;
        self.settle_gate();
    }

    /// Actors that were started with us do not know of a halt from before, nor that one of several is gone; and those that live
    /// on obey the last one for ever, if the life before this ended between its release and the word of it.
    pub(super) fn repeat_halt(&self, ctx: &mut Ctx<Self>) {
        let Some(latest) = self.halts.last() else { return self.tell_resume() };
        let told = self.announce(latest.record.clone(), latest.durability);
        ctx.spawn(told.map(|_report, _this, _ctx| ()));
    }

    /// A file that is there halts; true when it does.
    pub(super) fn obey_emergency_file(&mut self, ctx: &mut Ctx<Self>) -> bool {
        let records = self.deps.emergency.read_all();
        let is_there = !records.is_empty();
        records.into_iter().for_each(|record| self.obey_emergency(record, ctx));
        is_there
    }

    /// One halt of the file. It is copied into the books once, so that it has a name.
    fn obey_emergency(&mut self, mut record: HaltRecord, ctx: &mut Ctx<Self>) {
        let by_hand = record.source == HaltSource::EmergencyFile;
        let known = |halt: &StandingHalt| {
            halt.record.id == record.id || by_hand && halt.record.source == HaltSource::EmergencyFile
        };
        if let Some(place) = self.halts.iter().position(known) {
            self.raise(place, ctx);
            return;
        }
        if by_hand {
            // A file made by hand has no name of its own, and its last one may be a halt that was lifted.
            record.id = self.new_halt_id();
            record.nonce = HaltNonce::new(self.deps.random.next_u64());
            // It is made by whoever has no other door left, and says that trading stops, no more.
            record.cancel_open = false;
        }
        // Whatever it says, the file stops everything: it is what is left when nothing else works.
        record.stop_everything();
        self.deps.keeper.close();
        self.stand(StandingHalt::in_file(record.clone()));
        let kept = self.enforce(record);
        ctx.spawn(kept.map(|_report, _this, _ctx| ()));
    }

    /// The books may know the file's halt by a milder level: its commit was answered too late, so the file was written.
    fn raise(&mut self, place: usize, ctx: &mut Ctx<Self>) {
        let Some(halt) = self.halts.get_mut(place) else { return };
        if halt.record.level == HaltLevel::Halted {
            return;
        }
        halt.record.stop_everything();
        self.deps.keeper.close();
        let StandingHalt { record, durability, .. } = halt.clone();
        let told = self.announce(record, durability);
        ctx.spawn(told.map(|_report, _this, _ctx| ()));
    }

    /// Asks the ledger which orders are open; one question at a time.
    pub(super) fn read_orders(&mut self, ctx: &mut Ctx<Self>) {
        if self.reading.is_some() {
            self.reading = Some(ReadAgain::Yes);
            return;
        }
        self.reading = Some(ReadAgain::No);
        self.book.begin_read();
        let asked_at = self.now();
        let rows = ask_ledger(self.deps.ledger.open_intents.clone(), || OpenIntents);
        ctx.spawn(rows.into_actor(self).map(move |rows, this, ctx| this.orders_read(rows, asked_at, ctx)));
    }

    /// An update of the Broker may be lost with the answer that it came from, and two of one order may come in the wrong
    /// order; what is no longer open would block its stock for ever.
    pub(super) fn look_at_orders(&mut self, ctx: &mut Ctx<Self>) {
        if self.book.iter().next().is_some() {
            self.read_orders(ctx);
        }
    }

    fn orders_read(&mut self, rows: Vec<OpenIntent>, asked_at: DateTime<Utc>, ctx: &mut Ctx<Self>) {
        let now = self.now();
        let moved = self.book.finish_read(rows, asked_at);
        for instrument in &moved {
            self.moves.note(instrument);
            self.desks.entry(instrument.market.currency()).or_default().touch(now);
        }
        // What happened to an order before this life heard of any may be in no answer about holdings yet.
        if !std::mem::replace(&mut self.orders_known, true) {
            self.moves.note_all();
        }
        if !self.moves.is_read() {
            self.read_holdings(ctx);
        }
        self.settle_gate();
        if self.reading.take() == Some(ReadAgain::Yes) {
            self.read_orders(ctx);
        }
    }

    /// Broker's recovery is complete; the books have changed with it.
    fn take_reconciled(&mut self, word: Reconciled, ctx: &mut Ctx<Self>) {
        tracing::info!(unresolved = word.unresolved.len(), "Broker has reconciled");
        self.reconciled = Some(word);
        self.watch_won(ctx);
        // A Broker in a new life knows of no halt, and a halt may want orders cancelled.
        if self.halts_known {
            self.repeat_halt(ctx);
        }
        self.read_orders(ctx);
        self.read_symbol_halts(ctx);
        self.settle_gate();
    }
}

impl Handler<Reconciled> for RiskGuard {
    type Result = ();

    fn handle(&mut self, word: Reconciled, ctx: &mut Self::Context) {
        self.take_reconciled(word, ctx);
    }
}

/// Asks the ledger until it answers with more than an error.
pub(super) async fn ask_ledger<M, T>(link: Link<M>, question: impl Fn() -> M) -> T
where
    M: Message<Result = Result<T, LedgerError>> + Send + 'static,
    T: Send + 'static,
{
    loop {
        match link.ask(question(), LEDGER_WITHIN).await {
            Ok(Ok(answer)) => return answer,
            Ok(Err(error)) => tracing::warn!(%error, "the ledger cannot answer yet"),
            Err(error) => tracing::warn!(%error, "the ledger does not answer yet"),
        }
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

/// Asks Broker until it says that reconciliation holds.
async fn ask_broker(link: Link<AskReconciled>) -> Reconciled {
    loop {
        if let Ok(Some(word)) = link.ask(AskReconciled, BROKER_WITHIN).await {
            return word;
        }
        tokio::time::sleep(RETRY_AFTER).await;
    }
}
