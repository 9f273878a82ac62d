//! A long run in short time: months of the whole agent in virtual time, with sessions, faults, crashes and restarts, on books
//! in a file; each simulated day memory, descriptors and books are measured.
//!
//! Compressed is waiting alone: every session, slot, order, list, close and slice of retention of these days happens. The
//! process holds the simulated exchange and the harness too, so that the agent itself takes less than what is measured.

mod bounds;
mod picture;

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use domain::{Clock, EventId, Market};
use serde::Serialize;
use trade_ledger::store::Store;

use self::bounds::Bound;
use super::stage::Stage;
use super::timetable::{self, Watch};
use super::{Means, Options, Pace, check_markets, keep, settings_with};
use crate::config::Config;
use crate::store::{BooksSize, SqliteReader};

/// What a soak keeps looks, texts and lines for: the least there is, so that it soon sees rows go.
const RETAIN_DAYS: u32 = 30;
/// Crashes and interference happen once for so many times in `kestrel verify --calendar`.
const RARER: u64 = 8;
/// The agent is stopped in order and started again after so many days, as for an upgrade.
const UPGRADE_EVERY_DAYS: i64 = 7;
/// Days before the slope of memory is taken: caches fill, tables reach their size.
const WARM_UP_DAYS: usize = 7;

/// How long, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoakOptions {
    /// Simulated days, 2 to 730.
    pub days: u32,
    /// Seed of prices, faults and crashes.
    pub seed: u64,
    /// The markets.
    pub markets: Vec<Market>,
}

/// What was measured at the end of a simulated day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    /// The day that ended, in UTC.
    pub date: NaiveDate,
    /// Resident memory of the process in KiB.
    pub rss_kib: u64,
    /// Open file descriptors.
    pub descriptors: u64,
    /// The database's file in bytes.
    pub database_bytes: u64,
    /// Of that, what holds rows.
    pub used_bytes: u64,
    /// The journal beside it.
    pub journal_bytes: u64,
    /// Old rows that went so far.
    pub dropped: u64,
    /// Starts of the agent so far.
    pub starts: u64,
    /// Orders so far.
    pub orders: u64,
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, rss_kib, descriptors, used_bytes, dropped, starts, orders, .. } = self;
        let used_kib = used_bytes >> 10;
        write!(
            f,
            "{date}  memory {rss_kib:>6} KiB  descriptors {descriptors:>3}  books {used_kib:>6} KiB  rows gone {dropped:>6}  \
             starts {starts:>4}  orders {orders:>5}"
        )
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SoakReport {
    /// Simulated days.
    pub days: u32,
    /// Its seed.
    pub seed: u64,
    /// The markets' codes.
    pub markets: Vec<&'static str>,
    /// Real seconds that it took.
    pub took_s: u64,
    /// Starts of the agent.
    pub starts: u64,
    /// Of those, starts after a crash.
    pub crashes: u64,
    /// Orders.
    pub orders: u64,
    /// Orders that are open or of unknown fate at the end.
    pub open_orders: u64,
    /// Halts, those that were lifted included.
    pub halts: u64,
    /// What was measured against what is allowed.
    pub bounds: Vec<Bound>,
    /// Things that must not happen.
    pub oddities: Vec<String>,
    /// Day by day.
    pub curve: Vec<Day>,
}

impl SoakReport {
    /// True when every bound holds and nothing odd happened.
    pub fn is_clean(&self) -> bool {
        self.oddities.is_empty() && self.bounds.iter().all(Bound::holds)
    }

    /// The curves as an SVG document.
    pub fn picture(&self) -> String {
        picture::draw(&self.curve)
    }
}

impl fmt::Display for SoakReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { days, took_s, starts, crashes, orders, open_orders, halts, .. } = self;
        writeln!(f, "\n{days} days of {} in {took_s} s", self.markets.join(","))?;
        writeln!(
            f,
            "{starts} starts, {crashes} of them after a crash; {orders} orders, {open_orders} open at the end; {halts} halts\n"
        )?;
        self.bounds.iter().try_for_each(|bound| writeln!(f, "{bound}"))?;
        self.oddities.iter().try_for_each(|what| writeln!(f, "must not happen: {what}"))?;
        let word = if self.is_clean() { "All bounds hold" } else { "A bound does not hold" };
        write!(f, "\n{word}")
    }
}

/// Measures each day, and tells it.
pub(super) struct Gauge {
    database: std::path::PathBuf,
    days: Mutex<Vec<Day>>,
    tell: Box<dyn Fn(&Day) + Send + Sync>,
}

impl Gauge {
    /// Measures at each midnight, until the life ends.
    pub(super) async fn work(&self, stage: &Stage) {
        loop {
            let today = stage.clock.now().date_naive();
            let midnight = today.succ_opt().unwrap_or(today).and_time(NaiveTime::MIN).and_utc();
            stage.clock.sleep_until(midnight).await;
            self.measure(stage, today);
        }
    }

    fn measure(&self, stage: &Stage, date: NaiveDate) {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let descriptors = fs::read_dir("/proc/self/fd").map_or(0, |all| all.count() as u64);
        let read = stage
            .database
            .reader()
            .map_err(|error| error.to_string())
            .and_then(|mut reader| sizes(&mut reader));
        let (size, orders) = match read {
            Ok(read) => read,
            Err(why) => return stage.witness.odd(format!("the books cannot be measured: {why}")),
        };
        let day = Day {
            date,
            rss_kib: resident_kib(&status).unwrap_or(0),
            descriptors,
            database_bytes: size.bytes,
            used_bytes: size.bytes.saturating_sub(size.free_bytes),
            journal_bytes: length(&beside(&self.database, "-wal")),
            dropped: size.dropped,
            starts: stage.lives(),
            orders,
        };
        (self.tell)(&day);
        self.days.lock().unwrap_or_else(PoisonError::into_inner).push(day);
        // What the harness writes down to check it later is no part of the agent.
        stage.witness.forget();
    }
}

fn sizes(reader: &mut SqliteReader) -> Result<(BooksSize, u64), String> {
    let size = reader.size().map_err(|error| error.to_string())?;
    let summary = reader.summary().map_err(|error| error.to_string())?;
    Ok((size, summary.intents))
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

fn beside(path: &Path, end: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn resident_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// Runs it; `progress` hears of each simulated day.
///
/// # Errors
/// When the stage cannot be set up, in words. A bound that does not hold is no error.
pub fn soak(
    options: &SoakOptions,
    progress: impl Fn(&Day) + Send + Sync + 'static,
) -> Result<SoakReport, String> {
    check_markets(&options.markets)?;
    let begun = Instant::now();
    let folder = tempfile::TempDir::with_prefix("kestrel-soak-").map_err(|error| error.to_string())?;
    let database = folder.path().join("trades.db");
    let start = start(options)?;
    let means = Means::Ample;
    let mut stage = Stage::new(options.seed, config(options, &database)?, start, false, means)?;
    stage.rarer = RARER;
    stage.gauge = Some(Gauge { database, days: Mutex::default(), tell: Box::new(progress) });
    let stage = Arc::new(stage);
    let end = start + TimeDelta::days(options.days.into());
    let mut from = start;
    while from < end {
        let until = (from + TimeDelta::days(UPGRADE_EVERY_DAYS)).min(end);
        keep(&stage, Watch { start: from, end: until, is_quiet: false })?;
        from = until;
    }
    report(options, &stage, begun.elapsed().as_secs())
}

/// The first open of the first day.
fn start(options: &SoakOptions) -> Result<DateTime<Utc>, String> {
    let like =
        Options { days: 1, pace: Pace::Calendar, markets: options.markets.clone(), ..Options::default() };
    let watches = timetable::watches(options.seed, &like);
    watches.first().map(|watch| watch.start).ok_or_else(|| "no market of these ever opens".to_owned())
}

fn config(options: &SoakOptions, database: &Path) -> Result<Config, String> {
    let like = Options { pace: Pace::Calendar, markets: options.markets.clone(), ..Options::default() };
    let days = RETAIN_DAYS.to_string();
    let retention =
        ["RETAIN_LOOKS_DAYS", "RETAIN_PROMPTS_DAYS", "RETAIN_EVENTS_DAYS"].map(|name| (name, days.clone()));
    let path = database.to_str().ok_or("the folder for temporary files is not UTF-8")?;
    let more = retention.into_iter().chain([("DB_PATH", path.to_owned())]);
    settings_with(options.seed, &like, Means::Ample, more)
}

fn report(options: &SoakOptions, stage: &Stage, took_s: u64) -> Result<SoakReport, String> {
    let mut store = stage.database.store().map_err(|error| error.to_string())?;
    let open = store.open_intents().map_err(|error| error.to_string())?;
    let last = store.last_event().map_err(|error| error.to_string())?;
    let mut reader = stage.database.reader().map_err(|error| error.to_string())?;
    let tally = reader.tally().map_err(|error| error.to_string())?;
    let mut oddities = stage.witness.notes().oddities.clone();
    oddities.extend(reader.check().err());
    oddities.extend((last == EventId(0)).then(|| "the agent wrote nothing".to_owned()));
    let gauge = stage.gauge.as_ref().ok_or("nothing was measured")?;
    let curve = gauge.days.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(SoakReport {
        days: options.days,
        seed: options.seed,
        markets: options.markets.iter().map(|market| market.code()).collect(),
        took_s,
        starts: stage.lives(),
        crashes: stage.witness.notes().crashes,
        orders: tally.orders.iter().map(|(_, number)| number).sum(),
        open_orders: open.len() as u64,
        halts: tally.halts.iter().map(|(_, number)| number).sum(),
        bounds: bounds::of(&curve, WARM_UP_DAYS, RETAIN_DAYS as usize),
        oddities,
        curve,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_soak_of_some_days_trades_and_measures_every_day() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let hears = told.clone();
        let options = SoakOptions { days: 3, seed: 1, markets: vec![Market::Kr] };
        let report = soak(&options, move |day| hears.lock().unwrap().push(*day)).unwrap();
        assert_eq!(*told.lock().unwrap(), report.curve);
        let days: Vec<NaiveDate> = report.curve.iter().map(|day| day.date).collect();
        assert_eq!(days.len(), 3, "{days:?}");
        assert!(days.windows(2).all(|pair| pair[0].succ_opt() == Some(pair[1])), "{days:?}");
        assert!(report.starts >= 1 && report.orders > 0, "{report}");
        assert!(report.curve.iter().all(|day| day.rss_kib > 0 && day.descriptors > 0 && day.used_bytes > 0));
        assert_eq!(report.oddities, [] as [String; 0]);
        let text = report.to_string();
        assert!(text.contains("highest memory") && text.contains("3 days of KR"), "{text}");
        assert!(report.picture().contains("<polyline"));
    }
}
