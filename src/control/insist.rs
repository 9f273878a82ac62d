//! A halt that is asked for while nobody answers: in the first moments of a start, at its end, or after it.
//!
//! Whoever asks for a halt must not be sent away. An agent that starts is waited for; if none answers, the halt goes into
//! the file `HALT`, which every start reads before its first order and every running agent obeys.

use std::path::Path;
use std::sync::Arc;
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use domain::messages::control::{HaltSource, RequestHalt};

use super::server::write_file;
use super::wire::{Halted, Milder, Reply, Request};
use super::{ControlError, LastResort, client};
use crate::clock::SystemClock;
use crate::random::Seeded;
use crate::store::{HaltFile, is_data_dir};

/// A start listens long before that.
const LISTENS_WITHIN: Duration = Duration::from_secs(1);
const TRY_EVERY: Duration = Duration::from_millis(10);

/// Asks the agent on `data_dir`; a halt that no agent takes is written to the file `HALT`.
///
/// # Errors
/// As [`client::ask`]. For a halt only when `data_dir` is no agent's directory.
pub fn ask(data_dir: &Path, request: &Request) -> Result<Reply, ControlError> {
    let Some((halt, milder)) = wanted_halt(request) else { return client::ask(data_dir, request) };
    let begun = Instant::now();
    loop {
        match client::ask(data_dir, request) {
            Ok(reply) => return Ok(reply),
            Err(ControlError::NotRunning { .. }) if begun.elapsed() < LISTENS_WITHIN => {
                park_timeout(TRY_EVERY);
            }
            Err(why) if is_data_dir(data_dir) => {
                return Ok(Reply::Halted(in_file(data_dir, halt, &why).in_place_of(milder)));
            }
            Err(why) => return Err(why),
        }
    }
}

/// The halt that a request asks for. Without an agent nothing can be let through, so what is milder is one too.
fn wanted_halt(request: &Request) -> Option<(RequestHalt, Option<Milder>)> {
    let (reason, by, cancel_open, milder) = match request {
        Request::Halt { reason, by, cancel_open } => (reason, by, *cancel_open, None),
        Request::Reduce { reason, by, cancel_open, flatten } => {
            (reason, by, false, Some(Milder::of(*flatten, *cancel_open)))
        }
        Request::Resume { .. }
        | Request::Release { .. }
        | Request::Resolve { .. }
        | Request::Limits { .. }
        | Request::WithdrawLimits { .. }
        | Request::Decide { .. }
        | Request::Status
        | Request::Ask(_)
        | Request::Budget => return None,
        #[cfg(feature = "faults")]
        Request::Fault { .. } => return None,
    };
    let (by, reason) = (by.clone(), reason.clone());
    Some((RequestHalt { source: HaltSource::Operator, by, reason, cancel_open }, milder))
}

fn in_file(data_dir: &Path, halt: RequestHalt, why: &ControlError) -> Halted {
    let last_resort = LastResort {
        emergency: Arc::new(HaltFile::new(data_dir)),
        clock: Arc::new(SystemClock),
        random: Arc::new(Seeded::from_system()),
    };
    let (record, durability) = write_file(&last_resort, halt);
    let note = format!(
        "{why}. So this halt went into the file HALT in {}: an agent on that directory obeys it, and a start there begins \
         halted.",
        data_dir.display()
    );
    Halted::bare(record, durability, false, Some(note))
}

#[cfg(test)]
mod tests {
    use domain::messages::control::{Durability, HaltCancels};
    use risk_guard::EmergencyHalt as _;

    use super::*;
    use crate::store::lock_data_dir;

    fn halt() -> Request {
        Request::Halt { reason: "now".into(), by: "kim".into(), cancel_open: false }
    }

    #[test]
    fn a_halt_that_nobody_takes_is_in_the_file_and_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let _held_by_a_start = lock_data_dir(directory.path()).unwrap();
        let Ok(Reply::Halted(halted)) = ask(directory.path(), &halt()) else { panic!("not halted") };
        assert_eq!((halted.durability, halted.broker_confirmed), (Durability::EmergencyFile, false));
        assert!(halted.note.unwrap().contains("DB_PATH"), "it may be the wrong directory");
        let kept = HaltFile::new(directory.path()).read().unwrap();
        assert_eq!((kept.id, kept.reason.as_str(), kept.cancel_open), (halted.halt.id, "now", false));
    }

    #[test]
    fn a_halt_that_nobody_takes_still_cancels_once_an_agent_obeys_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let _held_by_a_start = lock_data_dir(directory.path()).unwrap();
        let request = Request::Halt { reason: "now".into(), by: "kim".into(), cancel_open: true };
        let Ok(Reply::Halted(halted)) = ask(directory.path(), &request) else { panic!("not halted") };
        assert_eq!(halted.cancels, HaltCancels::Pending);
        assert!(HaltFile::new(directory.path()).read().unwrap().cancel_open);
    }

    #[test]
    fn a_flatten_or_a_reduction_that_nobody_takes_says_what_is_not_kept_and_what_does_it_later() {
        for (flatten, parts) in [
            (true, ["nothing is sold", "kestrel halt --flatten --reason 'it''s late'"]),
            (false, ["stops exits too", "kestrel resume --reducing --halt h-"]),
        ] {
            let parts = parts.map(|part| part.replace("''s", r"'\''s"));
            let directory = tempfile::tempdir().unwrap();
            let _held_by_a_start = lock_data_dir(directory.path()).unwrap();
            let (reason, by) = ("it's late".into(), "kim".into());
            let request = Request::Reduce { reason, by, flatten, cancel_open: false };
            let Ok(Reply::Halted(halted)) = ask(directory.path(), &request) else { panic!("not halted") };
            let not_kept = halted.not_kept.clone().unwrap();
            assert!(parts.iter().all(|part| not_kept.contains(part)), "{parts:?}: {not_kept}");
            let reply = Reply::Halted(halted);
            assert!(reply.to_string().contains(&not_kept) && !reply.is_done(), "{reply}");
        }
    }

    #[test]
    fn a_directory_that_is_no_agents_gets_no_file_and_a_question_none_anywhere() {
        let strange = tempfile::tempdir().unwrap();
        assert!(matches!(ask(strange.path(), &halt()), Err(ControlError::NotRunning { .. })));
        let ours = tempfile::tempdir().unwrap();
        let _held = lock_data_dir(ours.path()).unwrap();
        assert!(matches!(ask(ours.path(), &Request::Status), Err(ControlError::NotRunning { .. })));
        for directory in [strange, ours] {
            assert_eq!(HaltFile::new(directory.path()).read(), None);
        }
    }
}
