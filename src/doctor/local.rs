//! What is on this machine: settings, disk, books, the running agent, the calendar.

use std::path::Path;

use chrono::{NaiveDate, TimeDelta};
use domain::{Clock as _, Market};
use market_clock::Calendar;
use risk_guard::EmergencyHalt as _;

use super::{Finding, Verdict};
use crate::clock::SystemClock;
use crate::config::{Config, Database, Venue};
use crate::control::approval::AutoApproval;
use crate::control::storage::RetentionDone;
use crate::control::wire::{Reply, Request, describe};
use crate::control::{ControlError, client};
use crate::overrides;
use crate::store::{BooksSize, HaltFile, OpenError, SqliteReader, open_read_only, others_may_open};

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
        Some(complaint) => Finding::told("settings", Verdict::Warning, &complaint, "chmod 600 .env"),
        None => Finding::good("settings", format!("{venue}; {}", markets.join(","))),
    }
}

/// Disk, rights, database and agent of the data directory.
pub(super) fn books(database: &Database) -> Vec<Finding> {
    let (Database::File(path), Some(directory)) = (database, database.directory()) else {
        let found = "in memory: nothing survives the agent";
        return vec![Finding::warning("database", found, "set DB_PATH to a file to keep books")];
    };
    vec![
        disk(directory),
        rights(directory, path),
        integrity(path),
        halts(directory, path),
        size(path),
        agent(directory),
    ]
}

/// The nearest folder above that exists is on the same disk.
fn disk(directory: &Path) -> Finding {
    let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let existing = absolute.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    let shown = existing.display();
    match rustix::fs::statvfs(existing) {
        Ok(disk) => space(disk.f_bavail.saturating_mul(disk.f_frsize), &shown.to_string()),
        Err(error) => {
            let found = format!("the space at {shown} is unknown: {error}");
            Finding::problem("disk", found, "look at the disk: df, dmesg; or set DB_PATH to another one")
        }
    }
}

pub(super) fn space(free_bytes: u64, place: &str) -> Finding {
    let mib = free_bytes >> 20;
    let found = format!("only {mib} MiB are free at {place}");
    match free_bytes {
        0..SPACE_MIN_BYTES => Finding::problem(
            "disk",
            found,
            format!("make room for at least {} MiB, or set DB_PATH to another disk", SPACE_MIN_BYTES >> 20),
        ),
        SPACE_MIN_BYTES..SPACE_LOW_BYTES => {
            Finding::warning("disk", found, "make room soon: the books grow with every day of trading")
        }
        SPACE_LOW_BYTES.. => Finding::good("disk", format!("{mib} MiB are free at {place}")),
    }
}

fn rights(directory: &Path, database: &Path) -> Finding {
    if !directory.exists() {
        let found = format!("{} is not there yet; the first start makes it", directory.display());
        return Finding::skipped("rights", found);
    }
    if let Err(error) = rustix::fs::access(directory, rustix::fs::Access::WRITE_OK) {
        let (found, shown) =
            (format!("{} cannot be written ({error})", directory.display()), directory.display());
        return Finding::problem(
            "rights",
            found,
            format!("give this user the right to: chown, chmod u+rwx {shown}"),
        );
    }
    let mut open = others_may_open(directory, database);
    // The file HALT of a person who was in a hurry says nothing that the closed folder does not keep.
    if !open.iter().any(|path| path == directory) {
        open.retain(|path| !path.ends_with("HALT"));
    }
    match open.first() {
        Some(_) => {
            let names: Vec<String> = open.iter().map(|path| path.display().to_string()).collect();
            let names = names.join(" ");
            let found = format!("others may open {names}");
            Finding::warning("rights", found, format!("close it with: chmod go-rwx {names}"))
        }
        None => Finding::good("rights", "only this user may open the data"),
    }
}

/// How large the books are, and what retention did; nothing where there are none yet.
fn size(path: &Path) -> Finding {
    let Ok(mut reader) = open_read_only(path) else {
        return Finding::skipped("size", "the database cannot be read yet");
    };
    let wal_bytes = std::fs::metadata(journal(path)).map_or(0, |file| file.len());
    match reader.size() {
        Ok(BooksSize { bytes, free_bytes, dropped, last_run }) => {
            let (kib, free, wal) = (bytes >> 10, free_bytes >> 10, wal_bytes >> 10);
            let found = format!(
                "{kib} KiB, of which {free} KiB are free for use again, and {wal} KiB of journal; {}",
                RetentionDone { last_run, dropped_rows: dropped }
            );
            Finding::good("size", found)
        }
        Err(error) => unreadable("size", &error),
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
            Finding::skipped("database", found)
        }
        Err(error @ OpenError::OlderSchema { .. }) => {
            Finding::told("database", Verdict::Warning, &error, "kestrel run")
        }
        Err(error) => Finding::told("database", Verdict::Problem, &error, RESTORE),
        Ok(mut reader) => checked(&mut reader, path),
    }
}

fn checked(reader: &mut SqliteReader, path: &Path) -> Finding {
    if let Err(why) = reader.check() {
        let damaged = OpenError::Damaged { path: path.to_owned(), why };
        return Finding::told("database", Verdict::Problem, &damaged, RESTORE);
    }
    match reader.last_event() {
        Err(error) => unreadable("database", &error),
        Ok(last) => Finding::good("database", format!("sound, up to event {last}")),
    }
}

/// What keeps the next start, or this agent, from trading: the halts of the books, and the file HALT.
fn halts(directory: &Path, path: &Path) -> Finding {
    let mut halts = match open_read_only(path) {
        Ok(mut reader) => match reader.trading_state() {
            Ok(state) => state.halts,
            Err(error) => return unreadable("halts", &error),
        },
        // What is the matter with them is said of the database.
        Err(_) => Vec::new(),
    };
    for halt in HaltFile::new(directory).read_all() {
        if halts.iter().all(|known| known.id != halt.id) {
            halts.push(halt);
        }
    }
    let told: Vec<_> = halts.iter().map(describe).collect();
    match halts.as_slice() {
        [] => Finding::good("halts", "none stands"),
        [_] => Finding::warning("halts", told.join("; "), "lift it with: kestrel resume"),
        several => {
            let each: Vec<_> =
                several.iter().map(|halt| format!("kestrel resume --halt {}", halt.id)).collect();
            Finding::warning("halts", told.join("; "), format!("lift each with: {}", each.join(", ")))
        }
    }
}

/// What helps books that cannot be read.
const RESTORE: &str = "move the database aside and restore a copy of `kestrel backup`";

fn unreadable(check: &'static str, error: &trade_ledger::StoreError) -> Finding {
    Finding::problem(check, format!("it cannot be read: {error}"), RESTORE)
}

fn agent(directory: &Path) -> Finding {
    match client::ask(directory, &Request::Status) {
        Ok(Reply::Status(status)) => match status.trading {
            Some(state) => {
                let found = format!("runs on {}, {state}", status.venue);
                if status.entry_blocks.is_empty() && status.halts.is_empty() {
                    return Finding::good("agent", found);
                }
                if status.entry_blocks.is_empty() {
                    let remedy = "which halt, and how it is lifted: kestrel status";
                    return Finding::warning("agent", found, remedy);
                }
                let found = format!("{found}; no new entries: {}", status.entry_blocks.join("; "));
                Finding::warning("agent", found, "what is being done about it: kestrel status")
            }
            None => {
                let found = "runs, and RiskGuard does not answer";
                Finding::problem("agent", found, "see: kestrel health")
            }
        },
        Ok(other) => {
            Finding::warning("agent", format!("it answers something else: {other}"), "see: kestrel status")
        }
        Err(ControlError::NotRunning { .. }) => {
            Finding::skipped("agent", "none is running on this data directory")
        }
        Err(error) => Finding::told("agent", Verdict::Problem, &error, "see: kestrel status"),
    }
}

/// Whether evolution keeps up, what of its proposals needs no person, and whether what is followed can be judged.
pub(super) fn evolution(config: &Config) -> Finding {
    let mut reader = config.database.file().and_then(|path| open_read_only(path).ok());
    let blind = reader.as_mut().and_then(|reader| reader.blind_watches().ok());
    if let Some(blind) = blind.filter(|blind| !blind.is_empty()) {
        let found: Vec<_> = blind.iter().map(ToString::to_string).collect();
        let remedy = "see which bars are missing: kestrel data status; import them, or go back: kestrel proposals list";
        return Finding::warning("evolution", found.join("; "), remedy);
    }
    let Some(plan) = config.evolution else {
        return Finding::skipped(
            "evolution",
            "EVOLUTION_ENABLED=false: no strategy is searched for; what is drafted or active is still followed",
        );
    };
    let now = SystemClock.now();
    let late = reader.as_mut().and_then(|reader| reader.late_cycles(&config.markets, now).ok());
    if let Some(late) = late.filter(|late| !late.is_empty()) {
        let found: Vec<_> = late.iter().map(ToString::to_string).collect();
        let remedy = "start the agent, or look at what its optimizer logs: kestrel health";
        return Finding::warning("evolution", found.join("; "), remedy);
    }
    let Some(limit) = plan.auto_approve else {
        let found =
            format!("{} strategies after each close; a person decides on what is proposed", plan.trials);
        return Finding::good("evolution", found);
    };
    let approval = AutoApproval::new(limit, reader.and_then(|mut reader| reader.limit_in_use(now).ok()));
    let remedy = match approval.rests_for {
        Some(_) => "see why: kestrel proposals list",
        None => "unset EVOLUTION_AUTO_APPROVE to decide on each yourself",
    };
    Finding::warning("evolution", approval.to_string(), remedy)
}

pub(super) fn calendar(config: &Config) -> Finding {
    let calendar = Calendar::official();
    if let Some(fault) = calendar.fault() {
        let found = format!("the calendar fails its check ({fault}): nothing is bought or sold");
        return Finding::problem("calendar", found, SOUND_BUILD);
    }
    if let Some(Err(why)) = config.calendar_overrides.as_deref().map(overrides::read) {
        let remedy =
            "mend the file, or take CALENDAR_OVERRIDES away; try it with: kestrel markets --overrides FILE";
        return Finding::problem("calendar", format!("CALENDAR_OVERRIDES: {why}"), remedy);
    }
    announced(&calendar, &config.markets, SystemClock.now().date_naive())
}

/// What helps a calendar that is missing or broken.
const SOUND_BUILD: &str = "install a sound build of kestrel";

pub(super) fn announced(calendar: &Calendar, markets: &[Market], today: NaiveDate) -> Finding {
    let known: Vec<(Market, NaiveDate)> =
        markets.iter().filter_map(|market| Some((*market, calendar.official_until(*market)?))).collect();
    let Some((market, until)) = known.into_iter().min_by_key(|(_, until)| *until) else {
        return Finding::problem("calendar", "no market has a calendar", SOUND_BUILD);
    };
    let newer = "install a newer build, or name a file in CALENDAR_OVERRIDES";
    if until < today {
        let found = format!(
            "the announced days of {market} ended on {until}: a forecast is traded only once it is proved"
        );
        Finding::warning("calendar", found, newer)
    } else if until < today + TimeDelta::days(ANNOUNCED_AHEAD_DAYS) {
        Finding::warning("calendar", format!("the announced days of {market} end on {until}"), newer)
    } else {
        Finding::good("calendar", format!("announced until {until} ({market}) and longer"))
    }
}
