//! Going on: only a named person, only a committed release, and only when nothing else stands against it.

use domain::messages::control::{Durability, HaltRecord, RequestResume, ResumeError, ResumeReport};
use domain::{HaltEpoch, HaltId};
use supervision::prelude::*;

use super::halt::StandingHalt;
use super::{LEDGER_WITHIN, RiskGuard};
use crate::authority::{CommitRelease, ResumeSystem};

type Released = Result<HaltEpoch, ResumeError>;

impl Handler<RequestResume> for RiskGuard {
    type Result = ResponseActFuture<Self, Result<ResumeReport, ResumeError>>;

    fn handle(&mut self, request: RequestResume, _ctx: &mut Self::Context) -> Self::Result {
        match self.to_lift(request.halt.as_ref()) {
            Ok(record) => self.lift(record, request.by),
            Err(error) => Box::pin(fut::ready(Err(error))),
        }
    }
}

impl RiskGuard {
    fn to_lift(&self, named: Option<&HaltId>) -> Result<HaltRecord, ResumeError> {
        if !self.halts_known {
            return Err(ResumeError::NotDurable("the ledger has not told yet which halts stand".into()));
        }
        choose(&self.halts, named)
    }

    /// Commits the release of one halt; the halt itself first, if it is not in the books.
    fn lift(
        &mut self,
        record: HaltRecord,
        by: String,
    ) -> ResponseActFuture<Self, Result<ResumeReport, ResumeError>> {
        self.mark_releasing(&record.id, true);
        let kept = self.keep(record.clone());
        let id = HaltId::from_stored(record.id.clone());
        let released = kept.then(move |durability, this, _ctx| this.release(id, by, durability));
        Box::pin(released.map(move |released, this, _ctx| this.lifted(record, released)))
    }

    fn release(&self, id: HaltId, by: String, kept: Durability) -> ResponseActFuture<Self, Released> {
        if kept != Durability::Ledger {
            let why = "the ledger does not take the halt's own record".into();
            return Box::pin(fut::ready(Err(ResumeError::NotDurable(why))));
        }
        let request = CommitRelease::new(vec![id], by, self.now());
        let answer = self.deps.ledger.commit_release.ask(request, LEDGER_WITHIN);
        Box::pin(answer.into_actor(self).map(|answer, _this, _ctx| match answer {
            Ok(Ok(committed)) => Ok(committed.epoch),
            Ok(Err(error)) => Err(ResumeError::NotDurable(error.to_string())),
            // It may be written all the same; asking again is harmless, and until then trading stays halted.
            Err(error) => Err(ResumeError::NotDurable(error.to_string())),
        }))
    }

    /// The halt is lifted, or it stands as before.
    fn lifted(&mut self, record: HaltRecord, released: Released) -> Result<ResumeReport, ResumeError> {
        let epoch = match released {
            Ok(epoch) => epoch,
            Err(error) => {
                self.mark_releasing(&record.id, false);
                return Err(error);
            }
        };
        self.halts.retain(|halt| halt.record.id != record.id);
        // With no halt left the books decide: an epoch of our own that they never saw would void every approval.
        self.epoch = if self.halts.is_empty() { epoch } else { self.epoch.max(epoch) };
        tracing::warn!(id = record.id, %epoch, left = self.halts.len(), "a halt is lifted");
        if self.halts.is_empty() {
            self.clear_emergency();
        }
        let trading = self.settle_gate();
        if self.halts.is_empty() {
            self.tell_resume();
        }
        Ok(ResumeReport { lifted: vec![record], trading })
    }

    fn clear_emergency(&self) {
        if self.deps.emergency.read().is_none() {
            return;
        }
        if let Err(error) = self.deps.emergency.clear() {
            self.alarm(None, format!("the emergency file is still there and halts again: {error}"));
        }
    }

    fn tell_resume(&self) {
        for listener in &self.deps.resume_listeners {
            if let Err(error) = listener.tell(ResumeSystem::new(self.epoch)) {
                tracing::error!(%error, ?listener, "an actor was not told to go on");
            }
        }
    }

    fn mark_releasing(&mut self, id: &str, releasing: bool) {
        if let Some(halt) = self.halts.iter_mut().find(|halt| halt.record.id == id) {
            halt.releasing = releasing;
        }
    }
}

/// The halt that is meant: the named one, or the only one.
fn choose(halts: &[StandingHalt], named: Option<&HaltId>) -> Result<HaltRecord, ResumeError> {
    match (named, halts) {
        (_, []) => Err(ResumeError::NotHalted),
        (None, [only]) => Ok(only.record.clone()),
        (None, several) => {
            Err(ResumeError::NameOne(several.iter().map(|halt| halt.record.id.clone()).collect()))
        }
        (Some(id), several) => several
            .iter()
            .find(|halt| halt.record.id == id.as_str())
            .map(|halt| halt.record.clone())
            .ok_or_else(|| ResumeError::UnknownHalt(id.to_string())),
    }
}
