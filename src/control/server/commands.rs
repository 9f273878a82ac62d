//! What a person wants changed: halts, resumes and limits, asked of RiskGuard; where it is silent, the file `HALT`.

use std::time::Duration;

use domain::messages::control::{
    Durability, HaltRecord, HaltSource, RequestHalt, RequestReduce, RequestResume, ResumeError, StatusQuery,
};
use domain::messages::evolution::ChangeProposal;
use domain::messages::limits::{LimitsChange, LimitsInForce, LimitsQuery, TightenError, TightenLimits};
use supervision::AskError;

use super::questions::read;
use super::{Desk, HALT_WITHIN, LastResort, RESUME_WITHIN, STATUS_WITHIN};
use crate::control::approval::LimitsShown;
use crate::control::listed;
use crate::control::wire::{Halted, Milder, Reply, Resumed, describe_openly};

/// A halt is answered without the books' lists if they take longer.
const LISTED_WITHIN: Duration = Duration::from_secs(2);

pub(super) async fn halt(desk: &Desk, last_resort: &LastResort, request: RequestHalt) -> Reply {
    match desk.halt.ask(request.clone(), HALT_WITHIN).await {
        Ok(report) => Reply::Halted(report.into()),
        Err(error) => {
            tracing::error!(%error, "RiskGuard did not confirm a halt; writing the emergency file");
            emergency(desk, last_resort, request, None).await
        }
    }
}

/// A RiskGuard that does not answer cannot let exits through either: then it is a halt.
pub(super) async fn reduce(desk: &Desk, last_resort: &LastResort, request: RequestReduce) -> Reply {
    match desk.reduce.ask(request.clone(), HALT_WITHIN).await {
        Ok(report) => Reply::Halted(report.into()),
        Err(error) => {
            tracing::error!(%error, "RiskGuard did not confirm; writing the emergency file");
            let RequestReduce { source, by, reason, flatten, cancel_open } = request;
            let halt = RequestHalt { source, by, reason, cancel_open: false };
            emergency(desk, last_resort, halt, Some(Milder::of(flatten, cancel_open))).await
        }
    }
}

/// RiskGuard is silent: without it nothing is approved, and the file keeps it so after a restart. What is open and held is
/// told by the books, where they can be read.
async fn emergency(
    desk: &Desk,
    last_resort: &LastResort,
    request: RequestHalt,
    milder: Option<Milder>,
) -> Reply {
    let (halt, durability) = write_file(last_resort, request);
    let now = desk.clock.now();
    let reading = read(desk.books.clone(), move |books| listed::read(books, now));
    let listed = tokio::time::timeout(LISTED_WITHIN, reading).await;
    let listed = listed.ok().and_then(Result::ok).flatten();
    let halted = Halted::bare(halt, durability, false, None).with_ledger(listed);
    Reply::Halted(halted.in_place_of(milder))
}

/// Makes the record of a halt without RiskGuard, and writes it into the file.
pub(in crate::control) fn write_file(
    last_resort: &LastResort,
    request: RequestHalt,
) -> (HaltRecord, Durability) {
    let halt = crate::app::emergency_record(request, &last_resort.clock, &last_resort.random);
    let durability = last_resort.keep(&halt);
    (halt, durability)
}

/// Books what a person decided, and brings the proposal's folder up to date.
pub(super) async fn decide(desk: &Desk, change: ChangeProposal) -> Reply {
    let record = match desk.decide.ask(change, RESUME_WITHIN).await {
        Ok(Ok(record)) => record,
        Ok(Err(why)) => return Reply::Error { message: why.to_string() },
        Err(error) => {
            let message = format!(
                "the ledger did not answer ({error}); whether it was booked is unknown. See: kestrel proposals list"
            );
            return Reply::Error { message };
        }
    };
    if let Some(folders) = desk.proposals.clone() {
        let copy = record.clone();
        #[expect(
            clippy::disallowed_methods,
            reason = "the socket runs in real time only, and a slow disk must not deafen it to a halt"
        )]
        let written = tokio::task::spawn_blocking(move || folders.write(&copy)).await;
        let why = match written {
            Ok(Ok(_)) => None,
            Ok(Err(why)) => Some(why),
            Err(error) => Some(error.to_string()),
        };
        // The books are what holds; the folder is a copy for people.
        why.iter()
            .for_each(|why| tracing::warn!(proposal = %record.number, why, "its folder is not up to date"));
    }
    Reply::Decided(Box::new(record))
}

pub(super) async fn resume(desk: &Desk, last_resort: &LastResort, request: RequestResume) -> Reply {
    match desk.resume.ask(request, RESUME_WITHIN).await {
        // A file that was just made is obeyed a moment later.
        Ok(Err(ResumeError::NotHalted)) if last_resort.emergency.read().is_some() => {
            Reply::Error { message: FILE_IS_THERE.to_owned() }
        }
        Ok(Ok(report)) => Reply::Resumed(Resumed::from(report)),
        Ok(Err(ResumeError::NameOne(halts))) => Reply::Error { message: name_one(desk, &halts).await },
        Ok(Err(why)) => Reply::Error { message: not_resumed(&why) },
        Err(error) => Reply::Error {
            message: format!(
                "RiskGuard did not answer ({error}); whether trading goes on is unknown. See: kestrel status"
            ),
        },
    }
}

/// Nothing is sent while it is there, and its halt is one to be lifted.
const FILE_IS_THERE: &str =
    "the file HALT is there, and trading halts by it in a moment: ask again. See: kestrel status";

/// Each halt that stands, who wants it, why and since when, with the command that lifts it; by name alone where RiskGuard has
/// not the time to tell more.
async fn name_one(desk: &Desk, halts: &[String]) -> String {
    let told = desk.status.ask(StatusQuery, STATUS_WITHIN).await.map_or(Vec::new(), |status| status.halts);
    let line = |id: &String| {
        let what = told.iter().find(|halt| halt.id == *id).map(describe_openly).unwrap_or_default();
        format!("\n  {what}\n    kestrel resume --halt {id}")
    };
    let lines: String = halts.iter().map(line).collect();
    format!("{} halts stand; lift each by its own command:{lines}", halts.len())
}

/// Why not, and the command that goes on.
fn not_resumed(why: &ResumeError) -> String {
    match why {
        ResumeError::NotHalted | ResumeError::UnknownHalt(_) => {
            format!("{why}; which halts stand: kestrel status")
        }
        ResumeError::ForGood(_) | ResumeError::NotDurable(_) => format!("{why}. See: kestrel doctor"),
        // These say it themselves.
        ResumeError::WrongNonce(_) | ResumeError::NotFromChat(_) | ResumeError::NameOne(_) => why.to_string(),
    }
}

pub(super) async fn limits(desk: &Desk, reason: String, by: String, change: LimitsChange) -> Reply {
    if change.is_empty() {
        return limits_reply(desk, desk.limits.ask(LimitsQuery, STATUS_WITHIN).await.map(Ok));
    }
    let request = TightenLimits { source: HaltSource::Operator, by, reason, change };
    limits_reply(desk, desk.tighten.ask(request, RESUME_WITHIN).await)
}

pub(super) fn limits_reply(
    desk: &Desk,
    answer: Result<Result<LimitsInForce, TightenError>, AskError>,
) -> Reply {
    match answer {
        Ok(Ok(limits)) => Reply::Limits(LimitsShown::new(limits, desk.auto_approve)),
        Ok(Err(why)) => Reply::Error { message: why.to_string() },
        Err(error) => Reply::Error {
            message: format!(
                "RiskGuard did not answer ({error}); whether the limits changed is unknown. See: kestrel limits"
            ),
        },
    }
}

#[cfg(feature = "faults")]
pub(super) fn fault(desk: &Desk, actor: &str, kind: crate::control::wire::FaultKind) -> Reply {
    use crate::control::wire::FaultKind;
    let fault = match kind {
        FaultKind::Panic => supervision::Fault::Panic,
        FaultKind::Hang => supervision::Fault::Hang,
        FaultKind::Block => supervision::Fault::Block(Duration::from_secs(120)),
    };
    if desk.supervised.inject(actor, fault) {
        Reply::Done
    } else {
        Reply::Error { message: format!("no actor is named '{actor}'") }
    }
}
