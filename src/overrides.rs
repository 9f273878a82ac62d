//! The operator's override file of the calendar: read, and watched while the agent runs.
//!
//! Its rules are `market_clock`'s; here is only the file. It is read again every few seconds and told whole, so that a
//! change is in force without a restart, and a restarted MarketClock learns it again.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use market_clock::{Calendar, OverrideFile, Overrides};
use supervision::Link;

/// Real time between two looks at the file.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// A file of overrides is small; a larger one is something else.
const SIZE_MAX_BYTES: u64 = 1 << 20;

/// What the file says now; a file that is named must be there.
///
/// # Errors
/// One sentence with the file, the line, what is wrong and what is allowed.
pub fn read(path: &Path) -> Result<Overrides, String> {
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
    let text = std::fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
    Overrides::parse(&text, &Calendar::official()).map_err(|error| named(error.to_string()))
}

/// Tells MarketClock what the file says, now and for as long as it is polled.
pub async fn watch(path: PathBuf, market_clock: Link<OverrideFile>) {
    let mut last_good = Overrides::default();
    loop {
        let said = match read(&path) {
            Ok(overrides) => {
                last_good = overrides.clone();
                OverrideFile::Good(overrides)
            }
            Err(why) => OverrideFile::Bad { why, last_good: last_good.clone() },
        };
        if let Err(error) = market_clock.tell(said) {
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
