//! The operator's override file of the calendar: read, and watched while the agent runs.
//!
//! Its rules are `market_clock`'s; here is only the file. It is read again every few seconds and told whole, so that a
//! change is in force without a restart, and a restarted MarketClock learns it again. The last good one is kept beside the books:
//! a process that finds the file broken or gone starts from it, lest a day that the operator closed be open again.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::Clock as _;
use market_clock::{Calendar, OverrideFile, Overrides};
use serde::{Deserialize, Serialize};
use supervision::Link;

use crate::clock::SystemClock;
use crate::store::{KEPT_OVERRIDES, write_private};

/// Real time between two looks at the file.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// A file of overrides is small; a larger one is something else.
const SIZE_MAX_BYTES: u64 = 1 << 20;

/// What the file says now; a file that is named must be there.
///
/// # Errors
/// One sentence with the file, the line, what is wrong and what is allowed.
pub fn read(path: &Path) -> Result<Overrides, String> {
    let bytes = bytes(path)?;
    understood(&bytes).map_err(|problem| format!("{}: {problem}", path.display()))
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let named = |problem: String| format!("{}: {problem}", path.display());
    match std::fs::metadata(path) {
        Ok(file) if file.len() > SIZE_MAX_BYTES => {
            return Err(named(format!("{} bytes; allowed: at most {SIZE_MAX_BYTES}", file.len())));
        }
        Ok(file) if !file.is_file() => return Err(named("this is no regular file".into())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(named("there is no such file; a file that overrides nothing says {}".into()));
        }
        Ok(_) | Err(_) => {}
    }
    std::fs::read(path).map_err(|error| named(error.to_string()))
}

fn understood(bytes: &[u8]) -> Result<Overrides, String> {
    Overrides::read(bytes, &Calendar::official()).map_err(|error| error.to_string())
}

/// The last good text, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// Where it was read.
    path: String,
    /// When it was first read so, by the wall clock.
    since: DateTime<Utc>,
    text: String,
}

impl Kept {
    fn load(file: &Path, path: &Path) -> Result<(Self, Overrides), String> {
        let shown = file.display();
        let bytes = std::fs::read(file).map_err(|error| {
            if error.kind() == ErrorKind::NotFound {
                return format!("there is no last good one in {shown}");
            }
            format!("the last good one cannot be read: {shown}: {error}")
        })?;
        let kept: Self = serde_json::from_slice(&bytes)
            .map_err(|error| format!("the last good one cannot be read: {shown}: {error}"))?;
        if kept.path != named(path) {
            return Err(format!("the last good one, {shown}, is of another file, {}", kept.path));
        }
        let overrides = understood(kept.text.as_bytes())
            .map_err(|why| format!("the last good one, {shown}, no longer fits: {why}"))?;
        Ok((kept, overrides))
    }

    fn save(&self, file: &Path) -> Result<(), String> {
        let bytes = serde_json::to_vec(self).map_err(|error| error.to_string())?;
        write_private(file, &bytes).map_err(|error| format!("{}: {error}", file.display()))
    }
}

/// The path by which a kept text is known again, wherever the process was started.
fn named(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    absolute.to_string_lossy().into_owned()
}

/// The file with the last good word of it, which stays in force while the file is wrong.
#[derive(Debug)]
pub struct Watched {
    path: PathBuf,
    /// Where the last good one is kept; nowhere for books in memory.
    file: Option<PathBuf>,
    last_good: (Kept, Overrides),
    is_kept: bool,
}

impl Watched {
    /// Reads the file at `path`, or else the last good one in `data_dir`.
    ///
    /// # Errors
    /// One sentence with file, line, value, what is allowed, and why there is nothing to start from.
    pub fn open(path: &Path, data_dir: Option<&Path>, now: DateTime<Utc>) -> Result<Self, String> {
        let file = data_dir.map(|directory| directory.join(KEPT_OVERRIDES));
        let kept = match &file {
            Some(file) => Kept::load(file, path),
            None => Err("books in memory keep no last good one".into()),
        };
        let (path, is_kept) = (path.to_path_buf(), kept.is_ok());
        let last_good = match (word(&path, now), kept) {
            (Ok((new, _)), Ok(kept)) if new.text == kept.0.text => kept,
            (Ok(new), _) => return Ok(Self { path, file, last_good: new, is_kept: false }.kept()),
            (Err(_), Ok(kept)) => kept,
            (Err(why), Err(nothing)) => {
                return Err(format!(
                    "CALENDAR_OVERRIDES: {why}; {nothing} to start from: mend the file, or take the setting away if every \
                     day is as the built-in calendar has it"
                ));
            }
        };
        Ok(Self { path, file, last_good, is_kept })
    }

    /// What the file says at `now`; a new good word is kept before it is told.
    pub fn look(&mut self, now: DateTime<Utc>) -> OverrideFile {
        match word(&self.path, now) {
            Ok((new, overrides)) => {
                if new.text != self.last_good.0.text {
                    self.last_good = (new, overrides);
                    self.is_kept = false;
                }
                self.keep();
                OverrideFile::Good(self.last_good.1.clone())
            }
            Err(why) => {
                let (Kept { since, .. }, last_good) = self.last_good.clone();
                OverrideFile::Bad { why, last_good, since }
            }
        }
    }

    fn kept(mut self) -> Self {
        self.keep();
        self
    }

    /// Tried again at each look: the disk may be full for a while.
    fn keep(&mut self) {
        if self.is_kept {
            return;
        }
        match self.file.as_deref().map(|file| self.last_good.0.save(file)) {
            Some(Ok(())) => self.is_kept = true,
            Some(Err(error)) => tracing::warn!(
                error,
                "the override file of the calendar cannot be kept: a start that finds it broken would fall back on an older one"
            ),
            None => {}
        }
    }
}

fn word(path: &Path, now: DateTime<Utc>) -> Result<(Kept, Overrides), String> {
    let bytes = bytes(path)?;
    let overrides = understood(&bytes).map_err(|problem| format!("{}: {problem}", path.display()))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok((Kept { path: named(path), since: now, text }, overrides))
}

/// Tells MarketClock what the file says, now and for as long as it is polled.
pub async fn watch(mut file: Watched, market_clock: Link<OverrideFile>) {
    loop {
        if let Err(error) = market_clock.tell(file.look(SystemClock.now())) {
            tracing::warn!(%error, "MarketClock was not told of the override file; telling it again");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutation::Mutator;

    #[test]
    fn an_absent_file_and_a_wrong_one_are_named_and_an_emptied_one_overrides_nothing() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("calendar.json");
        assert!(read(&path).unwrap_err().contains("calendar.json: there is no such file"));
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(read(&path), Ok(Overrides::default()));
        std::fs::write(&path, "{\n\"KR\": {\"closed\": [\"2031-01-02\"]}}").unwrap();
        let error = read(&path).unwrap_err();
        assert!(error.contains("calendar.json: line 2: 2031-01-02 is outside"), "{error}");
        std::fs::write(&path, "{\"KR\": {\"closed\": [\"2026-12-24\"]}}").unwrap();
        assert_eq!(read(&path).unwrap().to_string(), "KR 2026-12-24 closed");
        for other in [folder.path(), Path::new("/dev/zero")] {
            assert!(read(other).unwrap_err().contains("no regular file"), "{}", other.display());
        }
    }

    const CLOSED: &str = r#"{"KR": {"closed": ["2026-12-24"]}}"#;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(minute)
    }

    #[test]
    fn a_start_with_a_broken_or_missing_file_goes_on_from_the_last_good_one() {
        let (folder, data) = (tempfile::TempDir::new().unwrap(), tempfile::TempDir::new().unwrap());
        let path = folder.path().join("days.json");
        std::fs::write(&path, CLOSED).unwrap();
        let open = |minute| Watched::open(&path, Some(data.path()), at(minute));
        let mut before = open(1).unwrap();
        let OverrideFile::Good(good) = before.look(at(2)) else { panic!("{before:?}") };
        assert_eq!(good.to_string(), "KR 2026-12-24 closed");
        std::fs::write(&path, format!("{CLOSED},")).unwrap();
        let mut afresh = open(3).unwrap();
        let OverrideFile::Bad { why, last_good, since } = afresh.look(at(3)) else { panic!("{afresh:?}") };
        assert!(why.contains("days.json: line 1: "), "{why}");
        assert_eq!((last_good, since), (good.clone(), at(1)));
        std::fs::remove_file(&path).unwrap();
        let bad = open(4).unwrap().look(at(4));
        assert_eq!((bad.overrides(), bad.fault().unwrap().contains("no such file")), (&good, true));
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(afresh.look(at(5)), OverrideFile::Good(Overrides::default()), "mended while it runs");
        std::fs::write(&path, "}").unwrap();
        let OverrideFile::Bad { last_good, since, .. } = open(6).unwrap().look(at(6)) else { panic!() };
        assert_eq!(
            (last_good, since),
            (Overrides::default(), at(5)),
            "what was read while it ran is kept too"
        );
    }

    #[test]
    fn where_there_is_no_last_good_one_a_start_is_refused_in_one_sentence() {
        let (folder, data) = (tempfile::TempDir::new().unwrap(), tempfile::TempDir::new().unwrap());
        let (path, other) = (folder.path().join("days.json"), folder.path().join("other.json"));
        std::fs::write(&path, "{\n\"KR\": {\"closed\": [\"2031-01-02\"]}}").unwrap();
        std::fs::write(&other, CLOSED).unwrap();
        let refused = |data: Option<&Path>| Watched::open(&path, data, at(1)).unwrap_err();
        let wrong =
            "days.json: line 2: 2031-01-02 is outside the calendar; allowed: 2015-01-01 to 2027-12-31; ";
        for (data, why) in
            [(None, "books in memory keep no"), (Some(data.path()), "there is no last good one in")]
        {
            let error = refused(data);
            assert!(
                error.starts_with("CALENDAR_OVERRIDES: ") && error.contains(&format!("{wrong}{why}")),
                "{error}"
            );
        }
        Watched::open(&other, Some(data.path()), at(1)).unwrap();
        assert!(
            refused(Some(data.path())).contains("is of another file, "),
            "{}",
            refused(Some(data.path()))
        );
        std::fs::write(data.path().join(KEPT_OVERRIDES), "{").unwrap();
        assert!(refused(Some(data.path())).contains("the last good one cannot be read"));
    }

    #[test]
    fn what_is_kept_can_be_read_by_the_agents_user_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("days.json");
        std::fs::write(&path, CLOSED).unwrap();
        Watched::open(&path, Some(folder.path()), at(1)).unwrap();
        let mode = std::fs::metadata(folder.path().join(KEPT_OVERRIDES)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn bytes_that_are_no_plain_text_are_named_with_file_and_line() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("days.json");
        for (bytes, words) in [
            (&b"{\n\xff}"[..], "days.json: line 2: the text is no UTF-8; allowed: UTF-8"),
            (b"\xef\xbb\xbf{}", "days.json: line 1: the text begins with a byte order mark"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let error = read(&path).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    /// Whatever is in the file: an answer, and only dates that the calendar bears.
    #[test]
    fn invariant_24_a_damaged_override_file_is_refused_in_one_sentence_or_taken_within_the_calendar() {
        const GOOD: &str = r#"{"KR": {"closed": ["2026-12-24"], "hours": {"2026-12-23": {"open": "10:00", "close": "16:30"}}},
            "HK": {"hours": {"2026-12-22": {"close": "12:00", "break": null}}}, "JP": {"exits": ["2031-02-03"]}}"#;
        let calendar = Calendar::official();
        assert!(Overrides::parse(GOOD, &calendar).is_ok());
        let mut mutator = Mutator::new(0x0ca1);
        let (mut taken, cases) = (0_u64, Mutator::cases());
        for _ in 0..cases {
            let text = String::from_utf8_lossy(&mutator.mutate(GOOD)).into_owned();
            match Overrides::parse(&text, &calendar) {
                Ok(overrides) => {
                    taken += 1;
                    assert!(calendar.with_changes(&overrides.changes).is_ok(), "{text}");
                }
                Err(error) => assert!(error.to_string().starts_with("line "), "{error}"),
            }
        }
        println!("{cases} override files, {taken} taken");
        assert!(taken > 0 && taken < cases, "{taken} of {cases}");
    }
}
