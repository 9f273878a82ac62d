//! Going on: only a named person, only a committed release, and only when nothing else stands against it.

use domain::messages::control::{
    Durability, HaltLevel, HaltRecord, HaltSource, RequestResume, ResumeError, ResumeReport, ResumeWarrant,
};
use domain::{HaltEpoch, HaltId};
use supervision::prelude::*;

use super::halt::StandingHalt;
use super::{LEDGER_WITHIN, RiskGuard};
use crate::authority::{CommitRelease, Release, ResumeSystem};

type Released = Result<HaltEpoch, ResumeError>;

impl Handler<RequestResume> for RiskGuard {
    type Result = ResponseActFuture<Self, Result<ResumeReport, ResumeError>>;

    fn handle(&mut self, request: RequestResume, _ctx: &mut Self::Context) -> Self::Result {
        match self.to_lift(&request) {
            Ok(record) => self.lift(record, request),
            Err(error) => Box::pin(fut::ready(Err(error))),
        }
    }
}

impl RiskGuard {
    fn to_lift(&self, request: &RequestResume) -> Result<HaltRecord, ResumeError> {
        if !self.halts_known {
            return Err(ResumeError::NotDurable("the ledger has not told yet which halts stand".into()));
        }
        let record = choose(&self.halts, &request.warrant)
            .inspect_err(|error| self.tell_of_wrong_code(request, error))?;
        if record.source == HaltSource::Fencing {
            let why = "another process owns these books now; stop this one".into();
            return Err(ResumeError::ForGood(why));
        }
        Ok(record)
    }

    /// Somebody guesses, or quotes the code of a halt that was lifted: a person should know.
    fn tell_of_wrong_code(&self, request: &RequestResume, error: &ResumeError) {
        if matches!(error, ResumeError::WrongNonce(_)) {
            let source = request.warrant.source();
            self.alarm(None, format!("a resume by {} ({source}) was refused: {error}", request.by));
        }
    }

    /// Commits the release of one halt; the halt itself first, if it is not in the books.
    fn lift(
        &mut self,
        record: HaltRecord,
        request: RequestResume,
    ) -> ResponseActFuture<Self, Result<ResumeReport, ResumeError>> {
        self.mark_releasing(&record.id, true);
        let kept = self.keep(record.clone());
        let release = self.release_of(&record, request);
        let leaves = release.leaves.clone();
        let released = kept.then(move |durability, this, _ctx| this.release(release, durability));
        Box::pin(released.map(move |released, this, _ctx| this.lifted(record, leaves, released)))
    }

    fn release_of(&self, record: &HaltRecord, request: RequestResume) -> Release {
        let source = request.warrant.source();
        let RequestResume { by, reason, into_reducing, .. } = request;
        let why = format!("halt {} was lifted for exits only", record.id);
        let leaves = into_reducing.then(|| self.new_record(source, by.clone(), why, HaltLevel::Reducing));
        let halts = vec![HaltId::from_stored(record.id.clone())];
        Release { halts, source, by, reason, at: self.now(), leaves }
    }

    fn release(&self, release: Release, kept: Durability) -> ResponseActFuture<Self, Released> {
        if kept != Durability::Ledger {
            let why = "the ledger does not take the halt's own record".into();
            return Box::pin(fut::ready(Err(ResumeError::NotDurable(why))));
        }
        let answer = self.deps.ledger.commit_release.ask(CommitRelease::new(release), LEDGER_WITHIN);
        Box::pin(answer.into_actor(self).map(|answer, _this, _ctx| match answer {
            Ok(Ok(committed)) => Ok(committed.epoch),
            Ok(Err(error)) => Err(ResumeError::NotDurable(error.to_string())),
            // It may be written all the same; asking again is harmless, and until then trading stays halted.
            Err(error) => Err(ResumeError::NotDurable(error.to_string())),
        }))
    }

    /// The halt is lifted, or it stands as before.
    fn lifted(
        &mut self,
        record: HaltRecord,
        leaves: Option<HaltRecord>,
        released: Released,
    ) -> Result<ResumeReport, ResumeError> {
        let epoch = match released {
            Ok(epoch) => epoch,
            Err(error) => {
                self.mark_releasing(&record.id, false);
                return Err(error);
            }
        };
        self.halts.retain(|halt| halt.record.id != record.id);
        self.halts.extend(leaves.map(StandingHalt::committed));
        self.take_epoch(epoch);
        tracing::warn!(id = record.id, %epoch, left = self.halts.len(), "a halt is lifted");
        let goes_on = self.halts.iter().all(|halt| halt.record.level != HaltLevel::Halted);
        if goes_on {
            self.clear_emergency();
        }
        let trading = self.settle_gate();
        if goes_on {
            self.tell_resume();
        }
        Ok(ResumeReport { lifted: vec![record], trading, state: self.state() })
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
        let notice = self.deps.keeper.next_notice();
        for listener in &self.deps.resume_listeners {
            if let Err(error) = listener.tell(ResumeSystem::new(self.epoch, self.state(), notice)) {
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

/// The halt that is meant: the named one, or the only one; from afar only with its code.
fn choose(halts: &[StandingHalt], warrant: &ResumeWarrant) -> Result<HaltRecord, ResumeError> {
    if halts.is_empty() {
        return Err(ResumeError::NotHalted);
    }
    match warrant {
        ResumeWarrant::ControlSocket { halt: Some(id) } => named(halts, id),
        ResumeWarrant::ControlSocket { halt: None } => only(halts),
        ResumeWarrant::Remote { halt, nonce, .. } => {
            let record = named(halts, halt)?;
            if record.nonce.is_proved_by(nonce) {
                Ok(record)
            } else {
                Err(ResumeError::WrongNonce(record.id))
            }
        }
    }
}

fn named(halts: &[StandingHalt], id: &HaltId) -> Result<HaltRecord, ResumeError> {
    let found = halts.iter().find(|halt| halt.record.id == id.as_str());
    found.map(|halt| halt.record.clone()).ok_or_else(|| ResumeError::UnknownHalt(id.to_string()))
}

fn only(halts: &[StandingHalt]) -> Result<HaltRecord, ResumeError> {
    match halts {
        [only] => Ok(only.record.clone()),
        several => Err(ResumeError::NameOne(several.iter().map(|halt| halt.record.id.clone()).collect())),
    }
}
