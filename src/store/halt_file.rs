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
            cancel_open: false,
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
mod tests;
