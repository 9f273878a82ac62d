//! Stopping: gate, durable record, Broker's word, and an answer that tells the truth about all three.

use std::time::Duration;

use domain::messages::control::{Durability, HaltRecord, HaltReport, HaltSource, LiveOrder, RequestHalt};
use domain::messages::ledger::LedgerError;
use domain::{HaltEpoch, HaltId, IntentId, OrderState};
use supervision::prelude::*;

use super::RiskGuard;
use crate::authority::{CommitHalt, HaltAck, HaltCommitted, HaltSystem};
use crate::book::Tracked;

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
    /// A release of it is being committed: a new request must not lean on it.
    pub(super) releasing: bool,
}

impl StandingHalt {
    pub(super) fn committed(record: HaltRecord) -> Self {
        Self { record, durability: Durability::Ledger, releasing: false }
    }

    pub(super) fn in_file(record: HaltRecord) -> Self {
        Self { record, durability: Durability::EmergencyFile, releasing: false }
    }

    fn requested(record: HaltRecord) -> Self {
        Self { record, durability: Durability::NotDurable, releasing: false }
    }

    fn answers(&self, request: &RequestHalt) -> bool {
        !self.releasing
            && self.record.source == request.source
            && self.record.by == request.by
            && self.record.reason == request.reason
    }
}

impl Handler<RequestHalt> for RiskGuard {
    type Result = ResponseActFuture<Self, HaltReport>;

    fn handle(&mut self, request: RequestHalt, _ctx: &mut Self::Context) -> Self::Result {
        self.halt(request)
    }
}

impl RiskGuard {
    /// Closes the gate at once, then makes the halt durable and has it confirmed.
    ///
    /// Several halts may stand, each with its own reason, and each must be lifted. Only a word-for-word repetition
    /// (same source, person and reason) is the halt that stands already.
    pub(super) fn halt(&mut self, request: RequestHalt) -> ResponseActFuture<Self, HaltReport> {
        self.deps.keeper.close();
        let standing = self.halts.iter().find(|halt| halt.answers(&request));
        let record = match standing {
            Some(halt) => halt.record.clone(),
            None => self.new_halt(request),
        };
        self.enforce(record)
    }

    fn new_halt(&mut self, request: RequestHalt) -> HaltRecord {
        let RequestHalt { source, by, reason } = request;
        let record = HaltRecord { id: self.new_halt_id(), at: self.now(), source, by, reason };
        tracing::error!(id = record.id, %source, by = record.by, reason = record.reason, "trading is halted");
        self.stand(StandingHalt::requested(record.clone()));
        record
    }

    pub(super) fn new_halt_id(&self) -> String {
        let id = HaltId::new(self.now().timestamp_millis(), self.deps.random.next_u64());
        id.as_str().to_owned()
    }

    /// Adds a halt, or learns that the one with its id is kept better than was known.
    pub(super) fn stand(&mut self, halt: StandingHalt) {
        match self.halts.iter_mut().find(|standing| standing.record.id == halt.record.id) {
            Some(standing) => standing.durability = halt.durability,
            None => self.halts.push(halt),
        }
    }

    /// True when a halt from `source` stands.
    pub(super) fn is_halted_by(&self, source: HaltSource) -> bool {
        self.halts.iter().any(|halt| halt.record.source == source)
    }

    /// Commits the halt, tells everyone, waits for Broker, and reports.
    pub(super) fn enforce(&mut self, record: HaltRecord) -> ResponseActFuture<Self, HaltReport> {
        let kept = self.keep(record.clone());
        Box::pin(kept.then(move |durability, this, _ctx| this.announce(record, durability)))
    }

    /// Commits the halt; if it is in the books already, that is all there is to do.
    pub(super) fn keep(&self, record: HaltRecord) -> ResponseActFuture<Self, Durability> {
        let committed = self
            .halts
            .iter()
            .any(|halt| halt.record.id == record.id && halt.durability == Durability::Ledger);
        if committed {
            return Box::pin(fut::ready(Durability::Ledger));
        }
        let answer = self.deps.ledger.commit_halt.ask(CommitHalt::new(record.clone()), COMMIT_WITHIN);
        Box::pin(answer.into_actor(self).map(move |answer, this, _ctx| this.halt_kept(record, answer)))
    }

    fn halt_kept(
        &mut self,
        record: HaltRecord,
        answer: Result<Result<HaltCommitted, LedgerError>, AskError>,
    ) -> Durability {
        let durability = match answer {
            Ok(Ok(committed)) => {
                self.epoch = self.epoch.max(committed.epoch);
                Durability::Ledger
            }
            Ok(Err(error)) => self.write_emergency(&record, &error.to_string()),
            Err(error) => self.write_emergency(&record, &error.to_string()),
        };
        if let Some(halt) = self.halts.iter_mut().find(|halt| halt.record.id == record.id) {
            halt.durability = durability;
        }
        durability
    }

    /// The books do not have it: the file must. The epoch moves on all the same, so that no approval survives.
    fn write_emergency(&mut self, record: &HaltRecord, why: &str) -> Durability {
        tracing::error!(why, "the halt is not in the books; writing the emergency file");
        self.epoch = HaltEpoch(self.epoch.0 + 1);
        match self.deps.emergency.write(record) {
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
        let message = || HaltSystem::new(record.clone(), self.epoch);
        let answer = self.deps.broker.halt.ask(message(), BROKER_WITHIN);
        for listener in &self.deps.halt_listeners {
            if let Err(error) = listener.tell(message()) {
                tracing::error!(%error, ?listener, "an actor was not told of the halt; the gate is closed anyway");
            }
        }
        let report = answer.into_actor(self);
        Box::pin(report.map(move |answer, this, _ctx| this.report(record, durability, answer)))
    }

    fn report(
        &self,
        record: HaltRecord,
        durability: Durability,
        answer: Result<HaltAck, AskError>,
    ) -> HaltReport {
        let broker_confirmed = answer.is_ok();
        let on_the_wire = answer.map(|ack| ack.in_flight).unwrap_or_default();
        let (open, unknown) = live_orders(self.book.iter(), &on_the_wire);
        HaltReport { record, durability, broker_confirmed, open, unknown, epoch: self.epoch }
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
