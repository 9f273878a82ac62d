//! Where the demo keeps its books and its exchange: a data directory of its own, so that every command reaches it, and so that a killed demo
//! goes on where it was. One that came to its end is replaced by the next.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

use super::course::Course;
use crate::cli::DemoArgs;
use crate::simulator::{Begun, Kept, Past};
use crate::store::{self, DirLock};

/// Where it is that was not asked for another place.
const FOLDER: &str = "data/demo";
const BOOKS: &str = "trades.db";
const EXCHANGE: &str = "exchange.jsonl";
/// What a demo leaves; nothing else is ever removed.
const LEFT: [&str; 5] = [BOOKS, "trades.db-wal", "trades.db-shm", "HALT", EXCHANGE];
/// How late a killed demo may have been after what it wrote down last, in real time: it writes each second.
const UNSEEN_SECONDS: u32 = 2;

/// The demo's data directory, locked.
pub(super) struct Place {
    folder: PathBuf,
    begun: Begun,
    past: Option<Past>,
    _lock: DirLock,
}

impl Place {
    /// Takes the directory. What stands in it goes on, unless it came to its end, is of other markets or prices, or `--fresh` was said; then
    /// it is removed.
    ///
    /// # Errors
    /// In words: another demo runs there, it cannot be written, or it holds the data of something else.
    pub(super) fn take(args: &DemoArgs, course: &Course) -> Result<Self, String> {
        let folder = args.data.clone().unwrap_or_else(|| PathBuf::from(FOLDER));
        let remedy = |why: String| format!("{why}; or give the demo another place: --data FOLDER");
        let mut builder = DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(&folder);
        made.map_err(|error| remedy(format!("cannot make {}: {error}", folder.display())))?;
        let exchange = folder.join(EXCHANGE);
        if folder.join(BOOKS).exists() && !exchange.exists() {
            return Err(remedy(format!("{} holds the books of something else", folder.display())));
        }
        let lock = store::lock_data_dir(&folder).map_err(|error| remedy(error.to_string()))?;
        let past = Past::read(&exchange).map_err(|error| error.to_string())?;
        let wanted = Begun { start: course.start, seed: args.seed, markets: course.markets.clone() };
        let past = past.filter(|past| !past.is_over && !args.fresh && past.begun == wanted);
        if past.is_none() {
            clear(&folder)?;
        }
        Ok(Self { folder, begun: wanted, past, _lock: lock })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The database, as other processes are told of it.
    pub(super) fn books(&self) -> PathBuf {
        let folder = self.folder.canonicalize().unwrap_or_else(|_| self.folder.clone());
        folder.join(BOOKS)
    }

    /// Exchange time at which an earlier process is gone on from; none: this demo begins.
    pub(super) fn goes_on_at(&self, speed: u32) -> Option<DateTime<Utc>> {
        let unseen = TimeDelta::seconds(i64::from(UNSEEN_SECONDS) * i64::from(speed));
        self.past.as_ref().map(|past| past.last + unseen)
    }

    /// What the exchange goes on from, and where it writes.
    pub(super) fn kept(&self) -> Kept {
        Kept { path: self.folder.join(EXCHANGE), begun: self.begun.clone(), past: self.past.clone() }
    }
}

fn clear(folder: &Path) -> Result<(), String> {
    for name in LEFT {
        let file = folder.join(name);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!("cannot remove {} of an earlier demo: {error}", file.display()));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn args(folder: &TempDir) -> DemoArgs {
        DemoArgs { data: Some(folder.path().join("demo")), ..DemoArgs::default() }
    }

    fn write(place: &Path, lines: &[serde_json::Value]) {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(place.join(EXCHANGE), text).unwrap();
        fs::write(place.join(BOOKS), "books").unwrap();
    }

    #[test]
    fn a_killed_demo_goes_on_and_one_that_ended_or_is_another_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let args = args(&folder);
        let course = Course::plan(&args).unwrap();
        let place = Place::take(&args, &course).unwrap();
        assert_eq!(place.goes_on_at(60), None);
        drop(place);
        let demo = folder.path().join("demo");
        let begun = serde_json::json!({"line": "begun", "start": course.start, "seed": 15, "markets": course.markets});
        let at = course.start + TimeDelta::minutes(7);
        let time = serde_json::json!({"line": "time", "at": at});
        let over = serde_json::json!({"line": "over", "at": at});
        let seed = DemoArgs { seed: 16, ..args.clone() };
        let fresh = DemoArgs { fresh: true, ..args.clone() };
        for (lines, args, goes_on) in [
            (vec![begun.clone(), time.clone()], &args, true),
            (vec![begun.clone(), time.clone(), over], &args, false),
            (vec![begun.clone(), time.clone()], &seed, false),
            (vec![begun, time], &fresh, false),
        ] {
            write(&demo, &lines);
            let place = Place::take(args, &course).unwrap();
            assert_eq!(place.goes_on_at(60), goes_on.then_some(at + TimeDelta::minutes(2)), "{lines:?}");
            assert_eq!(demo.join(BOOKS).exists(), goes_on, "{lines:?}");
        }
    }

    #[test]
    fn the_books_of_something_else_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let args = args(&folder);
        let demo = folder.path().join("demo");
        fs::create_dir(&demo).unwrap();
        fs::write(demo.join(BOOKS), "real").unwrap();
        let error = Place::take(&args, &Course::plan(&args).unwrap()).err().unwrap();
        assert!(error.contains("books of something else") && error.contains("--data"), "{error}");
        assert_eq!(fs::read(demo.join(BOOKS)).unwrap(), b"real");
    }
}
