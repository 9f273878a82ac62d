//! Going on: only a named person, only a committed release, and only when nothing else stands against it.

use domain::HaltId;
use domain::messages::control::{
    Durability, HaltLevel, HaltRecord, HaltSource, RequestResume, ResumeError, ResumeReport, ResumeWarrant,
};
use supervision::prelude::*;

use super::halt::StandingHalt;
use super::start::{RETRY_AFTER, ask_ledger};
use super::{LEDGER_WITHIN, RiskGuard};
use crate::halting::{CommitRelease, LoadTradingState, Release, ResumeSystem, StoredTradingState};

/// What became of a release.
enum Released {
    /// It is in the books.
    Written,
    /// It is not, and why.
    Refused(String),
    /// No answer came, and why: it may be.
    Perhaps(String),
}

/// What the books say after a release.
enum Read {
    /// This.
    Told(StoredTradingState),
    /// They were not asked, because they took no release.
    Refused(String),
    /// Nothing yet, and why.
    Not(String),
}

/// What the books hold otherwise than was known here.
struct Changes {
    /// Halts that do not stand any more.
    lifted: Vec<HaltRecord>,
    /// Halts that stand, or stop more than before.
    begun: Vec<HaltRecord>,
}

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
        if request.warrant.source() == HaltSource::Telegram {
            self.refuse_breaker_from_chat(&record)?;
        }
        Ok(record)
    }

    /// Who sees the books may go on in spite of a loss; from the chat the loss itself must be over.
    fn refuse_breaker_from_chat(&self, record: &HaltRecord) -> Result<(), ResumeError> {
        if record.source != HaltSource::CircuitBreaker || self.is_every_loss_over() {
            return Ok(());
        }
        let limit = self.settings.limits.max_loss_pct();
        let why = format!("the day's loss is not known to be within {limit} % again");
        Err(ResumeError::NotFromChat(why))
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
        let leaves = release.leaves.as_ref().map(|left| left.id.clone());
        let released = kept.then(move |durability, this, _ctx| this.release(release, durability));
        let read = released.then(|released, this, _ctx| this.read_after(released));
        Box::pin(read.map(move |read, this, ctx| this.lifted(&record, leaves, read, ctx)))
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
            return Box::pin(fut::ready(Released::Refused(why)));
        }
        let answer = self.deps.ledger.commit_release.ask(CommitRelease::new(release), LEDGER_WITHIN);
        Box::pin(answer.into_actor(self).map(|answer, _this, _ctx| match answer {
            Ok(Ok(_committed)) => Released::Written,
            Ok(Err(error)) => Released::Refused(error.to_string()),
            Err(error) => Released::Perhaps(error.to_string()),
        }))
    }

    /// What stands now is what the books say: a repeated release writes nothing, and what it leaves may be another's.
    fn read_after(&self, released: Released) -> ResponseActFuture<Self, Read> {
        match released {
            Released::Refused(why) => Box::pin(fut::ready(Read::Refused(why))),
            Released::Perhaps(why) => Box::pin(fut::ready(Read::Not(why))),
            Released::Written => {
                let answer = self.deps.ledger.load_state.ask(LoadTradingState, LEDGER_WITHIN);
                Box::pin(answer.into_actor(self).map(|answer, _this, _ctx| match answer {
                    Ok(Ok(stored)) => Read::Told(stored),
                    Ok(Err(error)) => Read::Not(error.to_string()),
                    Err(error) => Read::Not(error.to_string()),
                }))
            }
        }
    }

    /// The halt is lifted, or it stands as before, or the books must be asked until they tell.
    fn lifted(
        &mut self,
        record: &HaltRecord,
        leaves: Option<String>,
        read: Read,
        ctx: &mut Ctx<Self>,
    ) -> Result<ResumeReport, ResumeError> {
        let why = match read {
            Read::Told(stored) if !self.is_overtaken(&stored) => {
                let Changes { mut lifted, mut begun } = self.go_by(stored, ctx);
                begun.retain(|halt| leaves.as_ref() != Some(&halt.id));
                self.obey_books(begun, ctx);
                if self.halts.iter().all(|halt| halt.record.id != record.id) {
                    // A look at the books that came first may have lifted it already.
                    if lifted.iter().all(|halt| halt.id != record.id) {
                        lifted.push(record.clone());
                    }
                    let trading = self.settle_gate();
                    return Ok(ResumeReport { lifted, trading, state: self.state() });
                }
                "the books say that it still stands".to_owned()
            }
            Read::Refused(why) => {
                self.mark_releasing(&record.id, false);
                why
            }
            Read::Told(_) => self.read_books("the books changed meanwhile", ctx),
            Read::Not(why) => self.read_books(&why, ctx),
        };
        Err(ResumeError::NotDurable(why))
    }

    /// Asks until the books tell; until then nothing leaves, and no new request leans on what may be lifted.
    fn read_books(&self, why: &str, ctx: &mut Ctx<Self>) -> String {
        let link = self.deps.ledger.load_state.clone();
        let state = async move {
            tokio::time::sleep(RETRY_AFTER).await;
            ask_ledger(link, || LoadTradingState).await
        };
        ctx.spawn(state.into_actor(self).map(|stored, this, ctx| this.books_read(stored, ctx)));
        format!("{why}; whether it is lifted is being read from the books, see: kestrel status")
    }

    pub(super) fn books_read(&mut self, stored: StoredTradingState, ctx: &mut Ctx<Self>) {
        if self.is_overtaken(&stored) {
            self.read_books("the books changed meanwhile", ctx);
            return;
        }
        let Changes { begun, .. } = self.go_by(stored, ctx);
        self.obey_books(begun, ctx);
    }

    /// A halt was committed after this was read: it knows less than we do.
    fn is_overtaken(&self, stored: &StoredTradingState) -> bool {
        stored.epoch < self.books_epoch
    }

    /// Lifts what the books hold as lifted, lets stand what they let stand, and goes on if that is what is left. A halt
    /// that is not in the books yet stays.
    fn go_by(&mut self, stored: StoredTradingState, ctx: &mut Ctx<Self>) -> Changes {
        let stands = |halt: &StandingHalt| {
            halt.durability != Durability::Ledger || stored.halts.iter().any(|row| row.id == halt.record.id)
        };
        let (standing, lifted): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.halts).into_iter().partition(stands);
        self.halts = standing;
        let mut begun = stored.halts;
        begun.retain(|row| self.stand(StandingHalt::committed(row.clone())));
        self.take_epoch(stored.epoch);
        let lifted: Vec<HaltRecord> = lifted.into_iter().map(|halt| halt.record).collect();
        if !lifted.is_empty() {
            self.go_on_without(&lifted, ctx);
        }
        self.settle_gate();
        Changes { lifted, begun }
    }

    fn go_on_without(&mut self, lifted: &[HaltRecord], ctx: &mut Ctx<Self>) {
        for halt in lifted {
            tracing::warn!(id = halt.id, epoch = %self.epoch, left = self.halts.len(), "a halt is lifted");
        }
        self.look_at_emergency_file(lifted, ctx);
        self.settle_gate();
        if self.halts.iter().all(|halt| halt.record.level != HaltLevel::Halted) {
            self.tell_resume();
            self.flatten_soon(ctx);
        } else {
            // Trading stays halted, and yet what the lifted halt had cancelled may work on.
            self.repeat_halt(ctx);
        }
    }

    /// A lifted halt leaves the file; any other in it is a halt that nobody may have obeyed yet.
    fn look_at_emergency_file(&mut self, lifted: &[HaltRecord], ctx: &mut Ctx<Self>) {
        let is_lifted = |record: &HaltRecord| {
            let by_hand = record.source == HaltSource::EmergencyFile;
            lifted
                .iter()
                .any(|halt| halt.id == record.id || by_hand && halt.source == HaltSource::EmergencyFile)
        };
        // What is in no book stays in the file, even if somebody has changed that since.
        let unbooked = self.halts.iter().filter(|halt| halt.durability == Durability::EmergencyFile);
        let unbooked: Vec<HaltRecord> = unbooked.map(|halt| halt.record.clone()).collect();
        let is_empty = match self.deps.emergency.lift(&is_lifted, &unbooked) {
            Ok(left) => left.is_empty(),
            Err(error) => {
                self.alarm(None, format!("the emergency file is still there and halts again: {error}"));
                self.deps.emergency.read_all().iter().all(is_lifted)
            }
        };
        if !is_empty {
            self.obey_emergency_file(ctx);
        }
    }

    /// Says what holds now that nothing is halted.
    pub(super) fn tell_resume(&self) {
        let notice = self.notice();
        for listener in &self.deps.resume_listeners {
            if let Err(error) = listener.tell(ResumeSystem::new(notice.clone())) {
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
