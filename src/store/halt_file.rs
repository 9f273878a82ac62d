//! The last resort for halts: the file `HALT` in the data directory, written when the ledger does not answer. It holds a
//! list; a file of an older version holds one record.
//!
//! A person may `touch` it: an empty file is a halt too, and so is one that cannot be read.
//!
//! The agent and every `kestrel halt` that finds none may write at once, so each change reads, merges and replaces under a
//! lock on the directory. A halt waits for that lock for half a second at most, and is written without it after that; it
//! counts as written only when whoever has the lock is done and it is still there.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::HaltNonce;
use domain::messages::control::{HaltLevel, HaltRecord, HaltSource};
use domain::text::harmless;
use risk_guard::EmergencyHalt;

/// Who a halt by a hand-made file is by.
const BY_OPERATOR: &str = "operator file";
/// The id of a halt by a hand-made file.
const OPERATOR_ID: &str = "h-operator-file";
/// Longest reason, name or id that is taken over, in characters.
const REASON_MAX_CHARS: usize = 200;
/// No record is longer; what is longer is not read.
const RECORD_MAX_BYTES: u64 = 64 * 1024;
/// How often somebody tries to take the turn of writing, and how long he waits in between.
const TURN_TRIES: u32 = 50;
const TURN_PAUSE: Duration = Duration::from_millis(10);
/// How often somebody who wrote without the turn tries to take it afterwards: three seconds.
const LATER_TRIES: u32 = 300;
/// How often a change starts over because somebody wrote without the turn meanwhile.
const CHANGE_TRIES: u32 = 20;

/// The file, which may or may not be there.
#[derive(Clone, Debug)]
pub struct HaltFile {
    directory: PathBuf,
}

impl HaltFile {
    /// The file `HALT` in `directory`.
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    fn path(&self) -> PathBuf {
        self.directory.join("HALT")
    }

    /// Waits for the turn to change the file. The lock is one on the directory, so that it needs no room on the disk.
    fn turn(&self, tries: u32) -> Turn {
        let directory = match File::open(&self.directory) {
            Ok(directory) => directory,
            Err(error) => return Turn::Unknown(error),
        };
        for _ in 0..tries {
            match directory.try_lock() {
                Ok(()) => return Turn::Ours(directory),
                Err(TryLockError::WouldBlock) => std::thread::sleep(TURN_PAUSE),
                Err(TryLockError::Error(error)) => return Turn::Unknown(error),
            }
        }
        Turn::Taken
    }

    /// Replaces the file by what `change` makes of it. Whoever takes something out must have the turn; where nobody can
    /// have it, nobody else has it either.
    fn change(&self, change: impl Fn(Vec<HaltRecord>) -> Vec<HaltRecord>) -> Result<Vec<HaltRecord>, String> {
        let turn = self.turn(TURN_TRIES);
        let unfinished = match &turn {
            Turn::Ours(_) => UNFINISHED.to_owned(),
            Turn::Unknown(error) => {
                tracing::debug!(%error, "the emergency file is changed without a lock");
                unfinished_of_this_process()
            }
            Turn::Taken => return Err(self.is_taken()),
        };
        self.change_as(&unfinished, change)
    }

    /// Writing takes as long as the disk does, and who may not wait for the turn writes meanwhile: what has changed since it
    /// was read is read again.
    fn change_as(
        &self,
        unfinished: &str,
        change: impl Fn(Vec<HaltRecord>) -> Vec<HaltRecord>,
    ) -> Result<Vec<HaltRecord>, String> {
        for _ in 0..CHANGE_TRIES {
            let before = self.read_all();
            let after = change(before.clone());
            if after == before || self.put(&before, &after, unfinished)? == Put::Done {
                return Ok(after);
            }
        }
        Err(self.is_taken())
    }

    fn is_taken(&self) -> String {
        format!("{}: another process is writing it", self.path().display())
    }

    fn put(&self, before: &[HaltRecord], after: &[HaltRecord], unfinished: &str) -> Result<Put, String> {
        if after.is_empty() {
            self.remove().map(|()| Put::Done)
        } else {
            self.replace(before, after, unfinished)
        }
    }

    fn remove(&self) -> Result<(), String> {
        match fs::remove_file(self.path()) {
            Ok(()) => self.sync_directory().map_err(|error| error.to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(format!("{}: {error}", self.path().display())),
        }
    }

    /// Adds a halt although somebody else may be writing: he may not have seen it, so it is looked for when he is done. While
    /// he is not, nobody knows whether it will stay.
    fn add_unguarded(&self, record: &HaltRecord) -> Result<(), String> {
        self.change_as(&unfinished_of_this_process(), |before| with(before, record))?;
        match self.turn(LATER_TRIES) {
            Turn::Ours(_directory) => {
                self.change_as(UNFINISHED, |before| with_kept(before, record)).map(drop)
            }
            Turn::Taken => Err(self.is_taken()),
            Turn::Unknown(_) => Ok(()),
        }
    }

    /// `before` is what the next content was made from.
    fn write_synced(&self, json: &[u8], before: &[HaltRecord], unfinished: &str) -> io::Result<Put> {
        let unfinished = self.directory.join(unfinished);
        let mut file = File::create(&unfinished)?;
        let written = file.write_all(json).and_then(|()| file.sync_all());
        if let Err(error) = written {
            self.leave_bare(&unfinished, &file);
            return Err(error);
        }
        if self.read_all() != before {
            fs::remove_file(&unfinished)?;
            return Ok(Put::Overtaken);
        }
        fs::rename(&unfinished, self.path())?;
        self.sync_directory().map(|()| Put::Done)
    }

    /// There was room for a name and for no word: the bare file halts the next start all the same. One that is there
    /// already does so too, and says more.
    fn leave_bare(&self, unfinished: &Path, file: &File) {
        let bare = if fs::symlink_metadata(self.path()).is_ok() {
            fs::remove_file(unfinished)
        } else {
            if let Err(error) = file.set_len(0) {
                tracing::warn!(%error, "the emergency file holds the beginning of a halt");
            }
            fs::rename(unfinished, self.path()).and_then(|()| self.sync_directory())
        };
        if let Err(error) = bare {
            tracing::error!(%error, "not even an empty emergency file can be left");
        }
    }

    fn replace(&self, before: &[HaltRecord], after: &[HaltRecord], unfinished: &str) -> Result<Put, String> {
        let json = serde_json::to_vec(after).map_err(|error| error.to_string())?;
        let written = self.write_synced(&json, before, unfinished);
        written.map_err(|error| format!("{}: {error}", self.path().display()))
    }

    /// A rename or removal is on disk only when the directory is.
    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }

    /// A hand-made file is as old as the file system says; without a date it has stood for ever.
    fn operator_halt(&self, reason: String) -> HaltRecord {
        let made_at = fs::metadata(self.path()).and_then(|metadata| metadata.modified()).ok();
        HaltRecord {
            id: OPERATOR_ID.to_owned(),
            at: made_at.map_or(DateTime::<Utc>::UNIX_EPOCH, Into::into),
            source: HaltSource::EmergencyFile,
            by: BY_OPERATOR.to_owned(),
            reason,
            level: HaltLevel::Halted,
            // RiskGuard gives it a code with its name.
            nonce: HaltNonce::default(),
        }
    }

    /// At least one halt, whatever the file holds.
    fn interpret(&self, content: &[u8]) -> Vec<HaltRecord> {
        let text = String::from_utf8_lossy(content);
        let one = || serde_json::from_str::<HaltRecord>(&text).map(|record| vec![record]);
        match serde_json::from_str::<Vec<HaltRecord>>(&text).or_else(|_| one()) {
            Ok(records) if !records.is_empty() => records.into_iter().map(cleaned).collect(),
            Ok(_) | Err(_) => vec![match harmless(&text, REASON_MAX_CHARS) {
                reason if reason.is_empty() => self.operator_halt("the file HALT is there".to_owned()),
                reason => self.operator_halt(reason),
            }],
        }
    }
}

impl EmergencyHalt for HaltFile {
    fn write(&self, record: &HaltRecord) -> Result<(), String> {
        match self.turn(TURN_TRIES) {
            Turn::Ours(_directory) => self.change_as(UNFINISHED, |before| with(before, record)).map(drop),
            Turn::Taken | Turn::Unknown(_) => self.add_unguarded(record),
        }
    }

    fn read(&self) -> Option<HaltRecord> {
        self.read_all().into_iter().next()
    }

    fn read_all(&self) -> Vec<HaltRecord> {
        match read_at_most(&self.path(), RECORD_MAX_BYTES) {
            Ok(content) => self.interpret(&content),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => vec![self.operator_halt(format!("the file HALT cannot be read: {error}"))],
        }
    }

    fn keep_only(&self, records: &[HaltRecord]) -> Result<(), String> {
        self.change(|_before| records.to_vec()).map(drop)
    }

    fn lift(
        &self,
        is_lifted: &dyn Fn(&HaltRecord) -> bool,
        unbooked: &[HaltRecord],
    ) -> Result<Vec<HaltRecord>, String> {
        self.change(|before| risk_guard::left_in_file(before, is_lifted, unbooked))
    }

    fn clear(&self) -> Result<(), String> {
        self.keep_only(&[])
    }
}

/// What became of the next content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Put {
    /// It is the file.
    Done,
    /// Somebody else wrote after it was made.
    Overtaken,
}

/// Whose turn it is to change the file.
enum Turn {
    /// Ours, for as long as this is open.
    Ours(File),
    /// Somebody else's, and has been for longer than writing takes.
    Taken,
    /// This file system has no locks, or there is no directory.
    Unknown(io::Error),
}

/// The next content of the file, while it is being written by whoever has the turn.
const UNFINISHED: &str = "HALT.new";

/// The same for one who writes without it.
fn unfinished_of_this_process() -> String {
    format!("{UNFINISHED}.{}", std::process::id())
}

/// The halts with one more; a halt of the same name gives way.
fn with(mut records: Vec<HaltRecord>, record: &HaltRecord) -> Vec<HaltRecord> {
    records.retain(|one| one.id != record.id);
    records.push(record.clone());
    records
}

/// The same, unless one of its name is there.
fn with_kept(records: Vec<HaltRecord>, record: &HaltRecord) -> Vec<HaltRecord> {
    if records.iter().any(|one| one.id == record.id) { records } else { with(records, record) }
}

/// Whoever wrote the file, its texts are shown to people.
fn cleaned(record: HaltRecord) -> HaltRecord {
    let clean = |text: &str| harmless(text, REASON_MAX_CHARS);
    let nonce = HaltNonce::from_text(&clean(record.nonce.as_str()));
    HaltRecord {
        id: clean(&record.id),
        by: clean(&record.by),
        reason: clean(&record.reason),
        nonce,
        ..record
    }
}

fn read_at_most(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    use std::io::Read;
    // Reading a pipe would wait for a writer, and the halt with it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut content = Vec::new();
    File::open(path)?.take(bytes_max).read_to_end(&mut content)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_halt_is_read_back_until_it_is_cleared() {
        let directory = tempfile::tempdir().unwrap();
        let file = HaltFile::new(directory.path());
        let record = HaltRecord {
            id: "h-1".into(),
            at: "2026-11-24T12:00:00Z".parse().unwrap(),
            source: HaltSource::CircuitBreaker,
            by: "risk_guard".into(),
            reason: "the day lost 3.1 %".into(),
            level: HaltLevel::Halted,
            nonce: HaltNonce::new(5),
        };
        assert_eq!(file.read(), None);
        file.write(&record).unwrap();
        assert_eq!(HaltFile::new(directory.path()).read(), Some(record));
        file.clear().unwrap();
        file.clear().unwrap();
        assert_eq!(file.read(), None);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_record_from_before_there_were_levels_stops_everything_and_no_code_lifts_it() {
        let directory = tempfile::tempdir().unwrap();
        let old = r#"{"id":"h-1","at":"2026-11-24T12:00:00Z","source":"operator","by":"ada","reason":"old"}"#;
        fs::write(directory.path().join("HALT"), old).unwrap();
        let record = HaltFile::new(directory.path()).read().unwrap();
        assert_eq!((record.id.as_str(), record.level), ("h-1", HaltLevel::Halted));
        assert!(!record.nonce.is_proved_by(&HaltNonce::default()));
    }

    #[test]
    fn invariant_10_a_halt_is_added_to_those_that_the_file_holds() {
        let directory = tempfile::tempdir().unwrap();
        let file = HaltFile::new(directory.path());
        let named = |id: &str| HaltRecord { id: id.into(), ..file.operator_halt("x".into()) };
        // As an older version wrote it: one record.
        let old = serde_json::to_vec(&named("h-0")).unwrap();
        fs::write(directory.path().join("HALT"), old).unwrap();
        for id in ["h-1", "h-2", "h-1"] {
            file.write(&named(id)).unwrap();
        }
        let ids = || file.read_all().into_iter().map(|halt| halt.id).collect::<Vec<_>>();
        assert_eq!(ids(), ["h-0", "h-2", "h-1"]);
        file.keep_only(&[named("h-2")]).unwrap();
        assert_eq!(ids(), ["h-2"]);
        // A person's own file is one of them.
        fs::write(directory.path().join("HALT"), "").unwrap();
        file.write(&named("h-3")).unwrap();
        assert_eq!(ids(), [OPERATOR_ID, "h-3"]);
        file.keep_only(&[]).unwrap();
        assert_eq!(file.read_all(), []);
        fs::write(directory.path().join("HALT"), "[]").unwrap();
        assert_eq!(ids(), [OPERATOR_ID], "an empty list is a file all the same");
    }

    /// Each with a handle of its own, as processes have them.
    fn at_once(directory: &Path, writers: usize, work: impl Fn(&HaltFile, usize) + Sync) {
        let ready = std::sync::Barrier::new(writers);
        std::thread::scope(|scope| {
            for writer in 0..writers {
                let (ready, work) = (&ready, &work);
                scope.spawn(move || {
                    ready.wait();
                    work(&HaltFile::new(directory), writer);
                });
            }
        });
    }

    #[test]
    fn invariant_10_of_halts_that_many_write_at_once_none_is_lost_while_others_are_lifted() {
        let directory = tempfile::tempdir().unwrap();
        let file = HaltFile::new(directory.path());
        let named = |id: String| HaltRecord { id, ..file.operator_halt("x".into()) };
        for round in 0..8 {
            at_once(directory.path(), 6, |file, writer| {
                file.write(&named(format!("lifted-{round}-{writer}"))).unwrap();
                let lifted = |record: &HaltRecord| record.id == format!("lifted-{round}-{writer}");
                file.write(&named(format!("stands-{round}-{writer}"))).unwrap();
                file.lift(&lifted, &[]).unwrap();
            });
        }
        let mut ids: Vec<_> = file.read_all().into_iter().map(|halt| halt.id).collect();
        ids.sort();
        let expected = (0..8).flat_map(|round| (0..6).map(move |writer| format!("stands-{round}-{writer}")));
        assert_eq!(ids, expected.collect::<Vec<_>>());
    }

    #[test]
    fn who_never_gets_the_turn_halts_all_the_same_and_lifts_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let file = HaltFile::new(directory.path());
        let named = |id: &str| HaltRecord { id: id.into(), ..file.operator_halt("x".into()) };
        file.write(&named("h-1")).unwrap();
        let hangs = File::open(directory.path()).unwrap();
        hangs.try_lock().unwrap();
        let why = file.write(&named("h-2")).unwrap_err();
        assert!(why.contains("another process is writing it"), "it may yet write over it: {why}");
        let why = file.lift(&|halt| halt.id == "h-1", &[]).unwrap_err();
        assert!(why.contains("another process is writing it"), "{why}");
        let ids = || file.read_all().into_iter().map(|halt| halt.id).collect::<Vec<_>>();
        assert_eq!(ids(), ["h-1", "h-2"]);
        drop(hangs);
        assert_eq!(file.lift(&|halt| halt.id == "h-1", &[named("h-3")]).unwrap().len(), 2);
        assert_eq!(ids(), ["h-2", "h-3"], "what is in no book is put back");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing unfinished is left behind");
    }

    #[test]
    fn invariant_10_a_slow_writer_and_one_who_does_not_wait_for_it_keep_both_halts() {
        let directory = tempfile::tempdir().unwrap();
        let file = HaltFile::new(directory.path());
        let named = |id: &str| HaltRecord { id: id.into(), ..file.operator_halt("x".into()) };
        let ids = || file.read_all().into_iter().map(|halt| halt.id).collect::<Vec<_>>();
        // It has read the file and its disk is slow: what it made of it is not there yet.
        let before = file.read_all();
        file.write(&named("h-2")).unwrap();
        assert_eq!(file.replace(&before, &[named("h-1")], UNFINISHED), Ok(Put::Overtaken));
        assert_eq!(ids(), ["h-2"]);
        // An older version looks at nothing: it replaces what it has not seen, while the other waits for it.
        let slow = File::open(directory.path()).unwrap();
        slow.try_lock().unwrap();
        std::thread::scope(|scope| {
            let other = scope.spawn(|| HaltFile::new(directory.path()).write(&named("h-3")));
            while !ids().contains(&"h-3".to_owned()) {
                std::thread::yield_now();
            }
            fs::write(directory.path().join("HALT"), serde_json::to_vec(&[named("h-1")]).unwrap()).unwrap();
            slow.unlock().unwrap();
            assert_eq!(other.join().unwrap(), Ok(()));
        });
        assert_eq!(ids(), ["h-1", "h-3"]);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing unfinished is left behind");
    }

    #[test]
    fn a_full_disk_that_takes_a_name_and_no_word_leaves_a_file_that_halts() {
        let directory = tempfile::tempdir().unwrap();
        let file = HaltFile::new(directory.path());
        // Whatever is written there meets a disk without room.
        std::os::unix::fs::symlink("/dev/full", directory.path().join("HALT.new")).unwrap();
        let record = HaltRecord { id: "h-1".into(), ..file.operator_halt("x".into()) };
        assert!(file.write(&record).unwrap_err().contains("space"));
        assert_eq!(file.read().map(|halt| halt.id).as_deref(), Some(OPERATOR_ID));
        fs::remove_file(directory.path().join("HALT")).unwrap();
        file.write(&record).unwrap();
        std::os::unix::fs::symlink("/dev/full", directory.path().join("HALT.new")).unwrap();
        assert!(file.write(&HaltRecord { id: "h-2".into(), ..record.clone() }).is_err());
        assert_eq!(file.read_all(), [record], "what was there says more");
    }

    #[test]
    fn a_file_made_by_hand_is_a_halt_whatever_it_holds() {
        let directory = tempfile::tempdir().unwrap();
        let file = HaltFile::new(directory.path());
        for (content, reason) in [("", "the file HALT is there"), ("maintenance\n", "maintenance")] {
            fs::write(directory.path().join("HALT"), content).unwrap();
            let record = file.read().unwrap();
            assert_eq!((record.by.as_str(), record.reason.as_str()), (BY_OPERATOR, reason));
            assert_eq!(record.source, HaltSource::EmergencyFile);
        }
        fs::remove_file(directory.path().join("HALT")).unwrap();
        fs::create_dir(directory.path().join("HALT")).unwrap();
        assert!(file.read().unwrap().reason.starts_with("the file HALT cannot be read"));
    }

    #[test]
    fn invariant_10_whatever_the_file_holds_it_is_a_halt_with_harmless_words() {
        let directory = tempfile::tempdir().unwrap();
        let file = HaltFile::new(directory.path());
        let record = r#"{"id":"h-1","at":"2026-11-24T12:00:00Z","source":"circuit_breaker","by":"risk_guard","reason":"lost 3.1 %"}"#;
        let mut mutator = crate::mutation::Mutator::new(0x4a17);
        let mut by_operator = 0;
        for _ in 0..crate::mutation::Mutator::cases() {
            let halts = file.interpret(&mutator.mutate(record));
            assert!(!halts.is_empty());
            for halt in halts {
                for text in [&halt.id, &halt.by, &halt.reason] {
                    assert_eq!(*text, harmless(text, REASON_MAX_CHARS));
                }
                by_operator += u64::from(halt.by == BY_OPERATOR);
            }
        }
        fs::write(directory.path().join("HALT"), mutator.mutate(record)).unwrap();
        assert!(file.read().is_some());
        println!("HALT file: {} payloads, {by_operator} no record", crate::mutation::Mutator::cases());
        assert!(by_operator > 0);
    }

    #[test]
    fn the_texts_of_a_file_cannot_steer_a_terminal() {
        let directory = tempfile::tempdir().unwrap();
        let file = HaltFile::new(directory.path());
        fs::write(directory.path().join("HALT"), "a\u{1b}[2J\nb\u{202e}").unwrap();
        assert_eq!(file.read().unwrap().reason, "a [2J b");
    }

    #[test]
    fn a_halt_that_cannot_be_written_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let file = HaltFile::new(&directory.path().join("missing"));
        let record = file.operator_halt("x".into());
        assert!(file.write(&record).unwrap_err().contains("HALT"));
    }
}
