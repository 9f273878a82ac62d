//! What is on this machine: settings, disk, books, the running agent, the calendar.

use std::path::Path;

use chrono::{NaiveDate, TimeDelta};
use domain::{Clock as _, Market};
use market_clock::Calendar;

use super::{Finding, Verdict};
use crate::clock::SystemClock;
use crate::config::{Config, Database, Venue};
use crate::control::wire::{Reply, Request, describe};
use crate::control::{ControlError, client};
use crate::overrides;
use crate::store::{BooksSize, OpenError, SqliteReader, open_read_only, others_may_open};

/// Below this the disk fills within days of trading, in bytes.
const SPACE_LOW_BYTES: u64 = 1 << 30;
/// Below this a day of trading may not fit, in bytes.
const SPACE_MIN_BYTES: u64 = 100 << 20;
/// So long before the announced days of a market end, a person should know.
const ANNOUNCED_AHEAD_DAYS: i64 = 30;

pub(super) fn settings(config: &Config) -> Finding {
    let markets: Vec<&str> = config.markets.iter().map(|market| market.code()).collect();
    let venue = match &config.venue {
        Venue::Simulator => "the embedded exchange, no money moves".to_owned(),
        Venue::External { url } => format!("the exchange at {url}"),
        Venue::Kis { environment, .. } => format!("KIS, {environment:?}"),
    };
    match Config::exposed_file() {
        Some(complaint) => Finding::new("settings", Verdict::Warning, complaint),
        None => Finding::new("settings", Verdict::Good, format!("{venue}; {}", markets.join(","))),
    }
}

/// Disk, rights, database and agent of the data directory.
pub(super) fn books(database: &Database) -> Vec<Finding> {
    let (Database::File(path), Some(directory)) = (database, database.directory()) else {
        let found = "in memory: nothing survives the agent; set DB_PATH to a file to keep books";
        return vec![Finding::new("database", Verdict::Warning, found)];
    };
    vec![disk(directory), rights(directory, path), integrity(path), size(path), agent(directory)]
}

/// The nearest folder above that exists is on the same disk.
fn disk(directory: &Path) -> Finding {
    let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let existing = absolute.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    let shown = existing.display();
    match rustix::fs::statvfs(existing) {
        Ok(disk) => space(disk.f_bavail.saturating_mul(disk.f_frsize), &shown.to_string()),
        Err(error) => {
            Finding::new("disk", Verdict::Problem, format!("the space at {shown} is unknown: {error}"))
        }
    }
}

pub(super) fn space(free_bytes: u64, place: &str) -> Finding {
    let mib = free_bytes >> 20;
    match free_bytes {
        0..SPACE_MIN_BYTES => {
            Finding::new("disk", Verdict::Problem, format!("only {mib} MiB are free at {place}; make room"))
        }
        SPACE_MIN_BYTES..SPACE_LOW_BYTES => {
            Finding::new("disk", Verdict::Warning, format!("only {mib} MiB are free at {place}"))
        }
        SPACE_LOW_BYTES.. => Finding::new("disk", Verdict::Good, format!("{mib} MiB are free at {place}")),
    }
}

fn rights(directory: &Path, database: &Path) -> Finding {
    if !directory.exists() {
        let found = format!("{} is not there yet; the first start makes it", directory.display());
        return Finding::new("rights", Verdict::Skipped, found);
    }
    if let Err(error) = rustix::fs::access(directory, rustix::fs::Access::WRITE_OK) {
        let found =
            format!("{} cannot be written ({error}); give this user the right to", directory.display());
        return Finding::new("rights", Verdict::Problem, found);
    }
    let open = others_may_open(directory, database);
    match open.first() {
        Some(_) => {
            let names: Vec<String> = open.iter().map(|path| path.display().to_string()).collect();
            let found = format!("others may open {}; close it with: chmod go-rwx", names.join(" "));
            Finding::new("rights", Verdict::Warning, found)
        }
        None => Finding::new("rights", Verdict::Good, "only this user may open the data"),
    }
}

/// How large the books are, and what retention did; nothing where there are none yet.
fn size(path: &Path) -> Finding {
    let Ok(mut reader) = open_read_only(path) else {
        return Finding::new("size", Verdict::Skipped, "the database cannot be read yet");
    };
    let wal_bytes = std::fs::metadata(journal(path)).map_or(0, |file| file.len());
    match reader.size() {
        Ok(BooksSize { bytes, free_bytes, dropped }) => {
            let (kib, free, wal) = (bytes >> 10, free_bytes >> 10, wal_bytes >> 10);
            let found = format!(
                "{kib} KiB, of which {free} KiB are free for use again, and {wal} KiB of journal; {dropped} old rows went"
            );
            Finding::new("size", Verdict::Good, found)
        }
        Err(error) => Finding::new("size", Verdict::Problem, error.to_string()),
    }
}

fn journal(path: &Path) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// The whole check, which reads every page.
fn integrity(path: &Path) -> Finding {
    match open_read_only(path) {
        Err(OpenError::Missing { .. }) => {
            let found = format!("{} is not there yet; the first start makes it", path.display());
            Finding::new("database", Verdict::Skipped, found)
        }
        Err(error @ OpenError::OlderSchema { .. }) => {
            Finding::new("database", Verdict::Warning, error.to_string())
        }
        Err(error) => Finding::new("database", Verdict::Problem, error.to_string()),
        Ok(mut reader) => checked(&mut reader, path),
    }
}

fn checked(reader: &mut SqliteReader, path: &Path) -> Finding {
    if let Err(why) = reader.check() {
        let damaged = OpenError::Damaged { path: path.to_owned(), why };
        return Finding::new("database", Verdict::Problem, damaged.to_string());
    }
    let facts = reader.trading_state().and_then(|state| Ok((state.halts, reader.last_event()?)));
    match facts {
        Err(error) => Finding::new("database", Verdict::Problem, error.to_string()),
        Ok((halts, last)) => match halts.first() {
            Some(halt) => {
                let found =
                    format!("sound, up to event {last}; {}; lift it with: kestrel resume", describe(halt));
                Finding::new("database", Verdict::Warning, found)
            }
            None => Finding::new("database", Verdict::Good, format!("sound, up to event {last}")),
        },
    }
}

fn agent(directory: &Path) -> Finding {
    match client::ask(directory, &Request::Status) {
        Ok(Reply::Status(status)) => match status.trading {
            Some(state) => {
                let verdict = if status.entry_blocks.is_empty() { Verdict::Good } else { Verdict::Warning };
                let blocks: String =
                    status.entry_blocks.iter().map(|why| format!("; no new entries: {why}")).collect();
                Finding::new("agent", verdict, format!("runs on {}, {state}{blocks}", status.venue))
            }
            None => {
                let found = "runs, and RiskGuard does not answer; see: kestrel health";
                Finding::new("agent", Verdict::Problem, found)
            }
        },
        Ok(other) => Finding::new("agent", Verdict::Warning, other.to_string()),
        Err(ControlError::NotRunning { .. }) => {
            Finding::new("agent", Verdict::Skipped, "none is running on this data directory")
        }
        Err(error) => Finding::new("agent", Verdict::Problem, error.to_string()),
    }
}

pub(super) fn calendar(config: &Config) -> Finding {
    let calendar = Calendar::official();
    if let Some(fault) = calendar.fault() {
        let found = format!(
            "the calendar fails its check ({fault}): nothing is bought or sold; install a sound build"
        );
        return Finding::new("calendar", Verdict::Problem, found);
    }
    if let Some(Err(why)) = config.calendar_overrides.as_deref().map(overrides::read) {
        return Finding::new("calendar", Verdict::Problem, format!("CALENDAR_OVERRIDES: {why}"));
    }
    announced(&calendar, &config.markets, SystemClock.now().date_naive())
}

pub(super) fn announced(calendar: &Calendar, markets: &[Market], today: NaiveDate) -> Finding {
    let known: Vec<(Market, NaiveDate)> =
        markets.iter().filter_map(|market| Some((*market, calendar.official_until(*market)?))).collect();
    let Some((market, until)) = known.into_iter().min_by_key(|(_, until)| *until) else {
        return Finding::new("calendar", Verdict::Problem, "no market has a calendar; install a sound build");
    };
    if until < today {
        let found = format!(
            "the announced days of {market} ended on {until}: a forecast is traded only once it is proved; install a newer build, \
             or name a file in CALENDAR_OVERRIDES"
        );
        Finding::new("calendar", Verdict::Warning, found)
    } else if until < today + TimeDelta::days(ANNOUNCED_AHEAD_DAYS) {
        let found = format!("the announced days of {market} end on {until}; install a newer build before");
        Finding::new("calendar", Verdict::Warning, found)
    } else {
        Finding::new("calendar", Verdict::Good, format!("announced until {until} ({market}) and longer"))
    }
}
