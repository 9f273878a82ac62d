//! The gate: one shared flag that Broker reads immediately before each POST, and only RiskGuard writes.
//!
//! A halt message queued behind fifty orders would be too late; the gate is not.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use domain::HaltEpoch;
use domain::messages::control::HaltRecord;

/// Makes one gate, closed: who may write it, and who may read it.
pub fn gate() -> (GateKeeper, Gate) {
    let word = Arc::new(AtomicU64::new(0));
    (GateKeeper { word: word.clone(), notices: Arc::default() }, Gate { word, file: None })
}

/// Reads the gate.
#[derive(Clone)]
pub struct Gate {
    /// Epoch shifted left by one; the lowest bit says open.
    word: Arc<AtomicU64>,
    /// While its file is there, the gate is shut, whether RiskGuard has seen the file yet or not.
    file: Option<Arc<dyn EmergencyHalt>>,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("word", &self.word).finish_non_exhaustive()
    }
}

impl Gate {
    /// The same gate, which the file HALT shuts at once: an order that was approved before the file came does not leave.
    #[must_use]
    pub fn shut_by(self, file: Arc<dyn EmergencyHalt>) -> Self {
        Self { file: Some(file), ..self }
    }

    /// True when orders of `epoch` may leave.
    pub fn is_open_for(&self, epoch: HaltEpoch) -> bool {
        self.word.load(SeqCst) == (epoch.0 << 1 | 1)
            && self.file.as_ref().is_none_or(|file| file.read().is_none())
    }

    /// True when any order may leave.
    pub fn is_open(&self) -> bool {
        self.word.load(SeqCst) & 1 == 1
    }
}

/// Writes the gate. The composition root carries it to RiskGuard's factory; no method of it is public.
#[derive(Clone, Debug)]
pub struct GateKeeper {
    word: Arc<AtomicU64>,
    /// Counts halts and resumes over all lives of RiskGuard in this process.
    notices: Arc<AtomicU64>,
}

impl GateKeeper {
    /// Opens the gate for orders of `epoch`.
    pub(crate) fn open(&self, epoch: HaltEpoch) {
        self.word.store(epoch.0 << 1 | 1, SeqCst);
    }

    /// The number of the next halt or resume; each is greater than the one before.
    pub(crate) fn next_notice(&self) -> u64 {
        self.notices.fetch_add(1, SeqCst) + 1
    }

    /// Closes it for all.
    pub(crate) fn close(&self) {
        self.word.fetch_and(!1, SeqCst);
    }
}

/// The last resort for a halt when the ledger does not answer: a synced file `HALT` in the data directory, which holds
/// every halt that was written into it until that one is lifted.
///
/// A person may create that file by hand; then `read` gives a record with what is known.
pub trait EmergencyHalt: Send + Sync + 'static {
    /// Adds a halt to those that the file holds, or replaces the one with its id, and syncs the file.
    ///
    /// # Errors
    /// Why it is not on disk, in words.
    fn write(&self, record: &HaltRecord) -> Result<(), String>;

    /// The first standing emergency halt, if the file is there; an unreadable file is a halt too.
    fn read(&self) -> Option<HaltRecord>;

    /// Every emergency halt that stands, in the order of their writing; none when there is no file.
    fn read_all(&self) -> Vec<HaltRecord>;

    /// Leaves these halts in the file and no other, in one step; without any the file goes.
    ///
    /// # Errors
    /// Why the file is as it was, in words.
    fn keep_only(&self, records: &[HaltRecord]) -> Result<(), String>;

    /// Takes out the halts that `is_lifted` names and puts in those of `unbooked` that are missing, as one step that no
    /// halt of another process can fall into; what the file then holds. One that holds nothing to take out stays as it is.
    ///
    /// # Errors
    /// Why the file is as it was, in words.
    fn lift(
        &self,
        is_lifted: &dyn Fn(&HaltRecord) -> bool,
        unbooked: &[HaltRecord],
    ) -> Result<Vec<HaltRecord>, String> {
        let before = self.read_all();
        let left = left_in_file(before.clone(), is_lifted, unbooked);
        if left != before {
            self.keep_only(&left)?;
        }
        Ok(left)
    }

    /// Removes the file after a release was committed.
    ///
    /// # Errors
    /// Why it is still there, in words.
    fn clear(&self) -> Result<(), String>;
}

/// What a file that holds `before` holds after a release ([`EmergencyHalt::lift`]).
pub fn left_in_file(
    before: Vec<HaltRecord>,
    is_lifted: &dyn Fn(&HaltRecord) -> bool,
    unbooked: &[HaltRecord],
) -> Vec<HaltRecord> {
    let written = before.len();
    let mut left = before;
    left.retain(|record| !is_lifted(record));
    if left.len() < written {
        for halt in unbooked {
            if left.iter().all(|record| record.id != halt.id) {
                left.push(halt.clone());
            }
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_starts_closed_and_opens_for_one_epoch_only() {
        let (keeper, gate) = gate();
        assert!(!gate.is_open());
        keeper.open(HaltEpoch(7));
        assert!(gate.is_open_for(HaltEpoch(7)));
        assert!(!gate.is_open_for(HaltEpoch(6)));
        keeper.close();
        assert!(!gate.is_open() && !gate.is_open_for(HaltEpoch(7)));
    }

    /// A file that comes and goes.
    #[derive(Default)]
    struct File(std::sync::Mutex<Option<HaltRecord>>);

    impl EmergencyHalt for File {
        fn write(&self, record: &HaltRecord) -> Result<(), String> {
            *self.0.lock().unwrap() = Some(record.clone());
            Ok(())
        }

        fn read(&self) -> Option<HaltRecord> {
            self.0.lock().unwrap().clone()
        }

        fn read_all(&self) -> Vec<HaltRecord> {
            self.read().into_iter().collect()
        }

        fn keep_only(&self, records: &[HaltRecord]) -> Result<(), String> {
            *self.0.lock().unwrap() = records.first().cloned();
            Ok(())
        }

        fn clear(&self) -> Result<(), String> {
            *self.0.lock().unwrap() = None;
            Ok(())
        }
    }

    #[test]
    fn invariant_10_the_halt_file_shuts_an_open_gate_before_anybody_has_seen_it() {
        let (keeper, gate) = gate();
        let file = Arc::new(File::default());
        let gate = gate.shut_by(file.clone());
        keeper.open(HaltEpoch(7));
        assert!(gate.is_open_for(HaltEpoch(7)));
        file.write(&HaltRecord {
            id: "h".into(),
            at: "2026-11-24T01:00:00Z".parse().unwrap(),
            source: domain::messages::control::HaltSource::EmergencyFile,
            by: "a person".into(),
            reason: "the file is there".into(),
            level: domain::messages::control::HaltLevel::Halted,
            nonce: domain::HaltNonce::default(),
            cancel_open: false,
        })
        .unwrap();
        assert!(!gate.is_open_for(HaltEpoch(7)), "an order that was approved before must not leave");
        file.clear().unwrap();
        assert!(gate.is_open_for(HaltEpoch(7)));
    }

    /// The steps of an order and of a halt, as they really come: approval, permit, look at the gate, POST.
    #[derive(Clone, Copy, PartialEq)]
    enum Step {
        New,
        Approved,
        Permitted,
        Done,
    }

    /// The books: the rows that the conditional update looks at.
    #[derive(Default)]
    struct Books {
        epoch: u64,
        standing: bool,
    }

    #[test]
    fn invariant_10_ten_thousand_interleavings_of_approve_halt_and_send_never_send_with_an_old_epoch() {
        let mut seed = 15_u64;
        let mut dice = move |bound: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % bound
        };
        let (mut sent, mut stopped_at_the_gate) = (0, 0);
        for _ in 0..10_000 {
            let (keeper, gate) = gate();
            let mut books = Books::default();
            keeper.open(HaltEpoch(0));
            let mut orders = [(Step::New, 0); 3];
            // 0: trading; 1: the gate is closed; 2: the row is written; then lifted, gate still closed; then open.
            let mut halt = 0;
            for _ in 0..24 {
                let who = dice(4) as usize;
                if who == 3 {
                    halt = match halt {
                        0 => {
                            keeper.close();
                            1
                        }
                        1 => {
                            (books.epoch, books.standing) = (books.epoch + 1, true);
                            2
                        }
                        2 => {
                            (books.epoch, books.standing) = (books.epoch + 1, false);
                            3
                        }
                        _ => {
                            keeper.open(HaltEpoch(books.epoch));
                            0
                        }
                    };
                    continue;
                }
                let (step, epoch) = orders[who];
                let may = !books.standing && epoch == books.epoch;
                orders[who] = match step {
                    Step::New if books.standing => (Step::New, 0),
                    Step::New => (Step::Approved, books.epoch),
                    Step::Approved if may => (Step::Permitted, epoch),
                    Step::Approved => (Step::Done, epoch),
                    Step::Permitted if gate.is_open_for(HaltEpoch(epoch)) => {
                        assert_eq!(
                            (halt, epoch),
                            (0, books.epoch),
                            "sent while a halt stood, or of an old epoch"
                        );
                        sent += 1;
                        (Step::Done, epoch)
                    }
                    Step::Permitted => {
                        stopped_at_the_gate += 1;
                        (Step::Done, epoch)
                    }
                    Step::Done => (Step::New, 0),
                };
            }
        }
        assert!(sent > 1000 && stopped_at_the_gate > 1000, "{sent} sent, {stopped_at_the_gate} stopped");
    }
}
