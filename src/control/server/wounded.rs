//! What is answered by a process that will not trade: every halt is kept, and everything else told why.

use domain::messages::control::TradingState;

use super::glance::blank_status;
use super::{LastResort, Wound};
use crate::control::wire::{Halted, Reply, Request, Status};

/// The process runs to say why it does not trade.
pub(super) fn answer_wounded(wound: &Wound, request: Request, last_resort: &LastResort) -> Reply {
    match request {
        Request::Halt { cancel_open, .. } | Request::Reduce { cancel_open, .. } => {
            Reply::Halted(halted(wound, last_resort, cancel_open))
        }
        Request::Status => Reply::Status(Box::new(Status {
            trading: Some(TradingState::Halted),
            halts: vec![wound.halt.clone()],
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

/// The halt of the wound stands already, and is what is kept. Without books nothing can be cancelled: this says so.
fn halted(wound: &Wound, last_resort: &LastResort, cancel_open: bool) -> Halted {
    let Wound { halt, remedy, .. } = wound.clone();
    let durability = last_resort.keep_if_missing(&halt);
    let note = match cancel_open {
        true => format!("{remedy}\n{CANCELS_NOTHING}"),
        false => remedy,
    };
    Halted::bare(halt, durability, true, Some(note))
}

/// What a person must know who asked for cancels.
const CANCELS_NOTHING: &str = "Open orders are NOT cancelled: without its books this process does not know which are its own. \
                               Cancel them at the broker, or ask again once it trades.";

fn refuse_wounded(wound: &Wound) -> Reply {
    Reply::Error { message: format!("not possible before the books are mended: {}", wound.remedy) }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use domain::messages::control::{Durability, HaltRecord, HaltSource, RequestHalt};
    use risk_guard::EmergencyHalt;

    use super::*;
    use crate::control::server::write_file;

    /// A file whose disk is full until there is room.
    #[derive(Default)]
    struct Disk {
        has_room: Mutex<bool>,
        file: Mutex<Option<HaltRecord>>,
    }

    impl EmergencyHalt for Disk {
        fn write(&self, record: &HaltRecord) -> Result<(), String> {
            if !*self.has_room.lock().unwrap() {
                return Err("no space left".into());
            }
            *self.file.lock().unwrap() = Some(record.clone());
            Ok(())
        }

        fn read(&self) -> Option<HaltRecord> {
            self.file.lock().unwrap().clone()
        }

        fn read_all(&self) -> Vec<HaltRecord> {
            self.read().into_iter().collect()
        }

        fn keep_only(&self, records: &[HaltRecord]) -> Result<(), String> {
            match records {
                [] => self.clear(),
                records => records.iter().try_for_each(|record| self.write(record)),
            }
        }

        fn clear(&self) -> Result<(), String> {
            *self.file.lock().unwrap() = None;
            Ok(())
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
            let reply = answer_wounded(&wound, request, &last_resort);
            let Reply::Halted(halted) = reply else { panic!("{reply:?}") };
            halted
        };
        let ask = || halted(false).durability;
        assert!(
            halted(true).note.unwrap().contains("NOT cancelled"),
            "a cancel that cannot be is not promised"
        );
        assert!(!halted(false).note.unwrap().contains("cancelled"));
        assert_eq!((ask(), disk.read()), (Durability::NotDurable, None));
        *disk.has_room.lock().unwrap() = true;
        assert_eq!((ask(), disk.read()), (Durability::EmergencyFile, Some(halt)));
    }
}
