//! Stopping: gate, durable record, Broker's word, and an answer that tells the truth about all three.

use std::time::Duration;

use domain::messages::control::{
    Durability, HaltCancels, HaltEffect, HaltLevel, HaltRecord, HaltReport, HaltSource, LiveOrder,
    RequestHalt, RequestReduce,
};
use domain::messages::ledger::LedgerError;
use domain::{HaltEpoch, HaltId, HaltNonce, IntentId, OrderState};
use supervision::prelude::*;

use super::RiskGuard;
use crate::book::Tracked;
use crate::halting::{CommitHalt, HaltAck, HaltCommitted, HaltSystem, Notice};

/// After this the emergency file is written instead.
const COMMIT_WITHIN: Duration = Duration::from_secs(2);
/// The longest wait for Broker's confirmation.
const BROKER_WITHIN: Duration = Duration::from_secs(3);

/// A halt that stands.
#[derive(Clone, Debug)]
pub(super) struct StandingHalt {
    pub(super) record: HaltRecord,
    /// How it is kept; `NotDurable` also while that is still being tried.
    pub(super) durability: Durability,
    /// A release of it is being committed, or may have been: a new request must not lean on it.
    pub(super) releasing: bool,
    /// It is being written for the first time.
    pub(super) pending: bool,
}

impl StandingHalt {
    pub(super) fn committed(record: HaltRecord) -> Self {
        Self { record, durability: Durability::Ledger, releasing: false, pending: false }
    }

    pub(super) fn in_file(record: HaltRecord) -> Self {
        Self { record, durability: Durability::EmergencyFile, releasing: false, pending: false }
    }

    fn requested(record: HaltRecord) -> Self {
        Self { record, durability: Durability::NotDurable, releasing: false, pending: true }
    }

    fn answers(&self, wanted: &Wanted) -> bool {
        !self.releasing
            && self.record.source == wanted.source
            && self.record.by == wanted.by
            && self.record.reason == wanted.reason
            && self.record.effect() == wanted.effect
    }

    /// Asking the ledger once more is useless: it is the one that cannot write, or these books are not ours any more.
    fn is_kept_as_well_as_can_be(&self) -> bool {
        match self.record.source {
            HaltSource::Storage => self.durability == Durability::EmergencyFile,
            HaltSource::Fencing => true,
            HaltSource::Operator
            | HaltSource::Telegram
            | HaltSource::Dashboard
            | HaltSource::CircuitBreaker
            | HaltSource::Supervision
            | HaltSource::CrashLoop
            | HaltSource::BookMismatch
            | HaltSource::Integrity
            | HaltSource::Exchange
            | HaltSource::EmergencyFile
            | HaltSource::UnknownOrders
            | HaltSource::ClockSkew => false,
        }
    }
}

/// A halt of any level that somebody asks for.
pub(super) struct Wanted {
    source: HaltSource,
    by: String,
    reason: String,
    effect: HaltEffect,
}

impl From<RequestHalt> for Wanted {
    fn from(request: RequestHalt) -> Self {
        let RequestHalt { source, by, reason, cancel_open } = request;
        Self { source, by, reason, effect: HaltEffect { level: HaltLevel::Halted, cancel_open } }
    }
}

impl From<RequestReduce> for Wanted {
    fn from(request: RequestReduce) -> Self {
        let RequestReduce { source, by, reason, flatten, cancel_open } = request;
        let level = if flatten { HaltLevel::Flatten } else { HaltLevel::Reducing };
        Self { source, by, reason, effect: HaltEffect { level, cancel_open } }
    }
}

impl Handler<RequestHalt> for RiskGuard {
    type Result = ResponseActFuture<Self, HaltReport>;

    fn handle(&mut self, request: RequestHalt, _ctx: &mut Self::Context) -> Self::Result {
        self.halt(request.into())
    }
}

impl Handler<RequestReduce> for RiskGuard {
    type Result = ResponseActFuture<Self, HaltReport>;

    fn handle(&mut self, request: RequestReduce, _ctx: &mut Self::Context) -> Self::Result {
        let report = self.halt(request.into());
        // Not before its row is written: until then every exit would be of an old epoch.
        Box::pin(report.map(|report, this, ctx| {
            this.flatten_soon(ctx);
            report
        }))
    }
}

impl RiskGuard {
    /// Closes the gate at once, then makes the halt durable and has it confirmed.
    ///
    /// Several halts may stand, each with its own reason, and each must be lifted. Only a word-for-word repetition
    /// (same source, person, reason and effect) is the halt that stands already.
    pub(super) fn halt(&mut self, wanted: Wanted) -> ResponseActFuture<Self, HaltReport> {
        self.deps.keeper.close();
        let standing = self.halts.iter().find(|halt| halt.answers(&wanted)).cloned();
        match standing {
            Some(halt) if halt.is_kept_as_well_as_can_be() => self.announce(halt.record, halt.durability),
            Some(halt) => self.enforce(halt.record),
            None => {
                let record = self.new_halt(wanted);
                self.enforce(record)
            }
        }
    }

    fn new_halt(&mut self, wanted: Wanted) -> HaltRecord {
        let Wanted { source, by, reason, effect } = wanted;
        let HaltEffect { level, cancel_open } = effect;
        let record = HaltRecord { cancel_open, ..self.new_record(source, by, reason, level) };
        tracing::error!(
            id = record.id, %source, by = record.by, reason = record.reason, %level, cancel_open, "trading stops"
        );
        self.stand(StandingHalt::requested(record.clone()));
        record
    }

    /// A record of a halt that begins now, and cancels nothing but what the settings say.
    pub(super) fn new_record(
        &self,
        source: HaltSource,
        by: String,
        reason: String,
        level: HaltLevel,
    ) -> HaltRecord {
        let nonce = HaltNonce::new(self.deps.random.next_u64());
        let (id, at) = (self.new_halt_id(), self.now());
        HaltRecord { id, at, source, by, reason, level, nonce, cancel_open: false }
    }

    pub(super) fn new_halt_id(&self) -> String {
        let id = HaltId::new(self.now().timestamp_millis(), self.deps.random.next_u64());
        id.as_str().to_owned()
    }

    /// Adds a halt, or learns that the one with its id is kept better, or stops more, than was known. True when it stops
    /// what was not stopped by it before.
    pub(super) fn stand(&mut self, halt: StandingHalt) -> bool {
        let Some(standing) = self.halts.iter_mut().find(|standing| standing.record.id == halt.record.id)
        else {
            self.halts.push(halt);
            return true;
        };
        let before = standing.record.level;
        standing.record.level = before.max(halt.record.level);
        standing.durability = halt.durability;
        standing.record.level > before
    }

    /// True when the breaker's halt for this loss stands; `loss`: the words with which its reason begins.
    pub(super) fn is_tripped_for(&self, loss: &str) -> bool {
        let mut breakers = self.halts.iter().filter(|halt| halt.record.source == HaltSource::CircuitBreaker);
        breakers.any(|halt| halt.record.reason.starts_with(loss))
    }

    /// Commits the halt, tells everyone, waits for Broker, and reports.
    pub(super) fn enforce(&mut self, record: HaltRecord) -> ResponseActFuture<Self, HaltReport> {
        let kept = self.keep(record.clone());
        Box::pin(kept.then(move |durability, this, _ctx| {
            let now = this.halts.iter().find(|halt| halt.record.id == record.id);
            let record = now.map_or(record, |halt| halt.record.clone());
            this.announce(record, durability)
        }))
    }

    /// Tries once more to keep the halts that are neither in the books nor in the file: the disk may have room again, and
    /// nobody else would write them before the process ends.
    pub(super) fn keep_what_is_nowhere(&mut self, ctx: &mut Ctx<Self>) {
        let is_nowhere = |halt: &&StandingHalt| {
            halt.durability == Durability::NotDurable
                && !halt.pending
                && !halt.releasing
                && halt.record.source != HaltSource::Fencing
        };
        let nowhere: Vec<_> = self.halts.iter().filter(is_nowhere).map(|halt| halt.record.clone()).collect();
        for record in nowhere {
            let kept = self.keep(record);
            ctx.spawn(kept.map(|_durability, _this, _ctx| ()));
        }
    }

    /// Commits the halt; if it is in the books already, that is all there is to do.
    pub(super) fn keep(&mut self, record: HaltRecord) -> ResponseActFuture<Self, Durability> {
        let committed = self
            .halts
            .iter()
            .any(|halt| halt.record.id == record.id && halt.durability == Durability::Ledger);
        if committed {
            return Box::pin(fut::ready(Durability::Ledger));
        }
        if record.source == HaltSource::Fencing {
            // Books and data directory belong to another process now: nothing of ours may be written there.
            self.set_durability(&record.id, Durability::NotDurable);
            return Box::pin(fut::ready(Durability::NotDurable));
        }
        let answer = self.deps.ledger.commit_halt.ask(CommitHalt::new(record.clone()), COMMIT_WITHIN);
        Box::pin(answer.into_actor(self).map(move |answer, this, ctx| this.halt_kept(record, answer, ctx)))
    }

    fn halt_kept(
        &mut self,
        record: HaltRecord,
        answer: Result<Result<HaltCommitted, LedgerError>, AskError>,
        ctx: &mut Ctx<Self>,
    ) -> Durability {
        let (durability, told) = match answer {
            Ok(Ok(committed)) => (Durability::Ledger, Some(committed.epoch)),
            Ok(Err(error)) => (self.write_emergency(record.clone(), &error.to_string()), None),
            Err(error) => (self.write_emergency(record.clone(), &error.to_string()), None),
        };
        self.set_durability(&record.id, durability);
        if let Some(told) = told {
            self.look_behind(told, ctx);
            self.take_epoch(told);
        }
        self.settle_gate();
        durability
    }

    fn set_durability(&mut self, id: &str, durability: Durability) {
        if let Some(halt) = self.halts.iter_mut().find(|halt| halt.record.id == id) {
            halt.durability = durability;
            halt.pending = false;
        }
    }

    /// The books do not have it: the file must. The epoch moves on all the same, so that no approval survives. Books
    /// that take no row take no approval of an exit either, so whatever was asked for, this is a full halt.
    fn write_emergency(&mut self, mut record: HaltRecord, why: &str) -> Durability {
        tracing::error!(why, "the halt is not in the books; writing the emergency file");
        self.epoch = HaltEpoch(self.epoch.0 + 1);
        record.stop_everything();
        if let Some(halt) = self.halts.iter_mut().find(|halt| halt.record.id == record.id) {
            halt.record.stop_everything();
        }
        match self.deps.emergency.write(&record) {
            Ok(()) => Durability::EmergencyFile,
            Err(error) => {
                tracing::error!(
                    error,
                    "the emergency file is not written; the halt does not survive a restart"
                );
                Durability::NotDurable
            }
        }
    }

    /// Tells everyone and asks Broker.
    pub(super) fn announce(
        &self,
        record: HaltRecord,
        durability: Durability,
    ) -> ResponseActFuture<Self, HaltReport> {
        let notice = self.notice();
        let message = || HaltSystem::new(record.clone(), notice.clone());
        let answer = self.deps.broker.halt.ask(message(), BROKER_WITHIN);
        for listener in &self.deps.halt_listeners {
            if let Err(error) = listener.tell(message()) {
                tracing::error!(%error, ?listener, "an actor was not told of the halt; the gate is closed anyway");
            }
        }
        let report = answer.into_actor(self);
        Box::pin(report.map(move |answer, this, _ctx| this.report(record, durability, answer)))
    }

    /// What holds now, under the next number.
    pub(super) fn notice(&self) -> Notice {
        Notice {
            epoch: self.epoch,
            state: self.state(),
            effects: self.halts.iter().map(|halt| halt.record.effect()).collect(),
            number: self.deps.keeper.next_notice(),
        }
    }

    fn report(
        &self,
        record: HaltRecord,
        durability: Durability,
        answer: Result<HaltAck, AskError>,
    ) -> HaltReport {
        // A Broker that is silent now hears of it in time. A flatten leaves no purchase.
        let cancels_always = self.settings.halt_cancels || record.level == HaltLevel::Flatten;
        let wants = record.cancel_open || cancels_always;
        let cancels = if wants { HaltCancels::Pending } else { HaltCancels::NotWanted };
        let silent = HaltAck { cancels, ..HaltAck::default() };
        let HaltAck { in_flight, cancels, knows_the_wire, .. } = answer.unwrap_or(silent);
        // A list that may lack an order is no confirmation.
        let broker_confirmed = knows_the_wire && self.orders_known;
        let (open, unknown) = live_orders(self.book.iter(), &in_flight);
        let (positions, epoch) = (self.held_positions(), self.epoch);
        HaltReport { record, durability, broker_confirmed, open, unknown, positions, cancels, epoch }
    }
}

/// Orders that work at the exchange, and orders of which nobody knows. An approval that never left is neither.
fn live_orders<'a>(
    orders: impl Iterator<Item = &'a Tracked>,
    on_the_wire: &[IntentId],
) -> (Vec<LiveOrder>, Vec<LiveOrder>) {
    let sent =
        orders.filter(|order| order.state != OrderState::Approved || on_the_wire.contains(&order.intent));
    sent.map(live).partition(|order| !order.state.is_unresolved() && !on_the_wire.contains(&order.intent))
}

pub(super) fn live(order: &Tracked) -> LiveOrder {
    LiveOrder { intent: order.intent.clone(), terms: order.terms.clone(), state: order.state }
}
