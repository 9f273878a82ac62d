//! What is answered by a process that will not trade: every halt is kept, and everything else told why.

use domain::messages::control::{Durability, HaltRecord, HaltSource, RequestHalt, TradingState};

use super::glance::blank_status;
use super::{LastResort, Wound, write_file};
use crate::control::wire::{Halted, Milder, Reply, Request, Status};

/// The process runs to say why it does not trade. A halt comes from `source`.
pub(super) fn answer_wounded(
    wound: &Wound,
    request: Request,
    last_resort: &LastResort,
    source: HaltSource,
) -> Reply {
    match request {
        Request::Halt { reason, by, cancel_open } => {
            let wanted = RequestHalt { source, by, reason, cancel_open };
            Reply::Halted(halted(wound, last_resort, wanted))
        }
        Request::Reduce { reason, by, cancel_open, flatten } => {
            let wanted = RequestHalt { source, by, reason, cancel_open: false };
            let halted = halted(wound, last_resort, wanted);
            Reply::Halted(halted.in_place_of(Some(Milder::of(flatten, cancel_open))))
        }
        Request::Status => Reply::Status(Box::new(Status {
            trading: Some(TradingState::Halted),
            halts: standing(wound, last_resort),
            entry_blocks: vec![wound.remedy.clone()],
            waits: vec![],
            ..blank_status("none: the books cannot be used", wound.halt.at)
        })),
        Request::Ask(_) => Reply::ReadAlone { why: wound.remedy.clone() },
        Request::Resume { .. }
        | Request::Release { .. }
        | Request::Resolve { .. }
        | Request::Limits { .. }
        | Request::WithdrawLimits { .. }
        | Request::Decide { .. }
        | Request::Budget => refuse_wounded(wound),
        #[cfg(feature = "faults")]
        Request::Fault { .. } => refuse_wounded(wound),
    }
}

/// The halt of the wound, and those that the file holds besides.
fn standing(wound: &Wound, last_resort: &LastResort) -> Vec<HaltRecord> {
    let kept = last_resort.emergency.read_all().into_iter().filter(|halt| halt.id != wound.halt.id);
    std::iter::once(wound.halt.clone()).chain(kept).collect()
}

/// The halt of the wound stands already. What a person asks for is a halt of its own in the file, so that the start after the
/// mending books who asked and why; who asks for the same again is told of that. Without books nothing can be cancelled now.
fn halted(wound: &Wound, last_resort: &LastResort, wanted: RequestHalt) -> Halted {
    last_resort.keep_if_missing(&wound.halt);
    let is_same = |halt: &HaltRecord| {
        (halt.source, &halt.by, &halt.reason, halt.cancel_open)
            == (wanted.source, &wanted.by, &wanted.reason, wanted.cancel_open)
    };
    let kept = last_resort.emergency.read_all().into_iter().find(is_same);
    let note = match wanted.cancel_open {
        true => format!("{}\n{CANCELS_NOTHING}", wound.remedy),
        false => wound.remedy.clone(),
    };
    let (halt, durability) =
        kept.map_or_else(|| write_file(last_resort, wanted), |halt| (halt, Durability::EmergencyFile));
    match durability {
        // A full disk takes a name and no word.
        Durability::NotDurable if last_resort.emergency.read().is_some() => {
            let note = format!("{note}\n{NO_WORD}");
            Halted::bare(halt, Durability::EmergencyFile, true, Some(note))
        }
        Durability::Ledger | Durability::EmergencyFile | Durability::NotDurable => {
            Halted::bare(halt, durability, true, Some(note))
        }
    }
}

/// The next start is halted all the same.
const NO_WORD: &str = "The file HALT is there and halts the next start, but who and why could NOT be written into it: ask \
                       again once there is room.";

/// What a person must know who asked for cancels.
const CANCELS_NOTHING: &str = "Open orders are NOT cancelled now: without its books this process does not know which are its \
                               own. Cancel them at the broker; otherwise the start after the mending does.";

fn refuse_wounded(wound: &Wound) -> Reply {
    Reply::Error { message: format!("not possible before the books are mended: {}", wound.remedy) }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use risk_guard::EmergencyHalt;

    use super::*;

    /// A file whose disk is full until there is room.
    #[derive(Default)]
    struct Disk {
        has_room: Mutex<bool>,
        file: Mutex<Vec<HaltRecord>>,
    }

    impl EmergencyHalt for Disk {
        fn write(&self, record: &HaltRecord) -> Result<(), String> {
            if !*self.has_room.lock().unwrap() {
                return Err("no space left".into());
            }
            self.file.lock().unwrap().push(record.clone());
            Ok(())
        }

        fn read(&self) -> Option<HaltRecord> {
            self.read_all().first().cloned()
        }

        fn read_all(&self) -> Vec<HaltRecord> {
            self.file.lock().unwrap().clone()
        }

        fn keep_only(&self, records: &[HaltRecord]) -> Result<(), String> {
            *self.file.lock().unwrap() = records.to_vec();
            Ok(())
        }

        fn clear(&self) -> Result<(), String> {
            self.keep_only(&[])
        }
    }

    #[test]
    fn invariant_11_a_halt_of_a_wounded_start_is_written_as_soon_as_the_disk_has_room() {
        let disk = Arc::new(Disk::default());
        let last_resort = LastResort {
            emergency: disk.clone(),
            clock: Arc::new(crate::clock::SystemClock),
            random: Arc::new(crate::random::Seeded::from_system()),
        };
        let request = RequestHalt {
            source: HaltSource::Storage,
            by: "start".into(),
            reason: "the disk is full".into(),
            cancel_open: false,
        };
        let (halt, durability) = write_file(&last_resort, request);
        let wound = Wound { halt: halt.clone(), durability, remedy: "make room and start again".into() };
        let halted = |cancel_open| {
            let request = Request::Halt { reason: "now".into(), by: "kim".into(), cancel_open };
            let reply = answer_wounded(&wound, request, &last_resort, HaltSource::Dashboard);
            let Reply::Halted(halted) = reply else { panic!("{reply:?}") };
            halted
        };
        assert!(
            halted(true).note.unwrap().contains("NOT cancelled"),
            "a cancel that cannot be is not promised"
        );
        assert!(!halted(false).note.unwrap().contains("cancelled"));
        assert_eq!((halted(false).durability, disk.read_all()), (Durability::NotDurable, vec![]));
        *disk.has_room.lock().unwrap() = true;
        let kept = halted(false);
        assert_eq!(kept.durability, Durability::EmergencyFile);
        let told = (kept.halt.source, kept.halt.by.as_str(), kept.halt.reason.as_str());
        assert_eq!(told, (HaltSource::Dashboard, "kim", "now"), "who and why wait for the next good start");
        assert_eq!(halted(false).halt.id, kept.halt.id, "asked again, it is the same");
        assert_eq!(disk.read_all(), [halt.clone(), kept.halt.clone()]);
        let Reply::Status(status) =
            answer_wounded(&wound, Request::Status, &last_resort, HaltSource::Operator)
        else {
            panic!("no status")
        };
        assert_eq!(status.halts, [halt, kept.halt]);
        let (reason, by) = ("sell".into(), "kim".into());
        let flatten = Request::Reduce { reason, by, flatten: true, cancel_open: false };
        let reply = answer_wounded(&wound, flatten, &last_resort, HaltSource::Operator);
        assert!(!reply.is_done() && reply.to_string().contains("nothing is sold"), "{reply}");
    }
}
