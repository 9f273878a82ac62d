//! `kestrel backtest`: what a strategy would have earned on files of daily bars.

mod files;
mod picture;
mod report;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use chrono::{DateTime, Utc};
use domain::Market;
use market_clock::Calendar;
use optimizer::backtest::{Outcome, Policy, Series, Setup, Signals, signals, simulate};
use strategy::form::{InvalidStrategy, NoColumns, Strategy, TEXT_BYTES_MAX};

use crate::terminal;

pub use files::{FOLDER_MIB_MAX, Files, Gap, LeftOut, Read, market_of};
pub use report::{BookReport, Report};

/// What is tried, on what.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The file of the strategy.
    pub strategy: PathBuf,
    /// The folder of the bars.
    pub data: PathBuf,
    /// The market of files that do not name theirs.
    pub market: Option<Market>,
    /// Where a picture goes.
    pub svg: Option<PathBuf>,
    /// Whether somebody sees how far it is.
    pub shows_progress: bool,
}

/// Why nothing was tried.
#[derive(Debug, thiserror::Error)]
pub enum BacktestError {
    /// A file or folder that cannot be read.
    #[error("{path} cannot be read: {why}")]
    NotRead {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
    /// The file is no strategy.
    #[error("{path} is no strategy. {why}")]
    NoStrategy {
        /// The file.
        path: String,
        /// Why.
        why: InvalidStrategy,
    },
    /// No file of bars.
    #[error(
        "{path} has no file of bars; needed: files *.csv with the columns symbol,date,open,high,low,close,volume"
    )]
    NoFiles {
        /// The folder.
        path: String,
    },
    /// More than is read at once.
    #[error(
        "the {files} files *.csv of {path} have {mib} MiB together; at most {FOLDER_MIB_MAX} MiB are read at once, so try fewer of them"
    )]
    TooMuch {
        /// The folder.
        path: String,
        /// Its files.
        files: usize,
        /// What they have together, in MiB.
        mib: u64,
    },
    /// No stock that could be tried.
    #[error("no stock of {path} can be tried:{}", listed(left_out))]
    NoStocks {
        /// The folder.
        path: String,
        /// All of them, and what is wrong with the files.
        left_out: Vec<String>,
    },
    /// A bar that contradicts itself; reading has refused such rows.
    #[error(transparent)]
    Bar(#[from] NoColumns),
    /// The picture.
    #[error("the picture cannot be written to {path}: {why}")]
    Picture {
        /// Where.
        path: String,
        /// Why.
        why: String,
    },
}

fn listed(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  {line}")).collect()
}

/// Tries the strategy.
///
/// # Errors
/// [`BacktestError`] names the file and what is wrong.
pub fn run(wanted: &Wanted, known: (&Calendar, DateTime<Utc>)) -> Result<Report, BacktestError> {
    let strategy = read_strategy(&wanted.strategy)?;
    let files = files::read(&wanted.data, wanted.market, strategy.bars_needed(), known)?;
    if files.series.is_empty() {
        let refused = files.read.iter().flat_map(|read| report::refusals(read, usize::MAX));
        let left_out = files.left_out.iter().map(ToString::to_string).chain(refused).take(report::NAMED_MAX);
        return Err(BacktestError::NoStocks {
            path: wanted.data.display().to_string(),
            left_out: left_out.collect(),
        });
    }
    let started = Instant::now();
    let outcome = tried(&strategy, &files.series, &Setup::default(), wanted.shows_progress)?;
    let report = Report::of(&strategy, files, &outcome, started.elapsed());
    if let Some(path) = &wanted.svg {
        let failed = |why: String| BacktestError::Picture { path: path.display().to_string(), why };
        let drawn = picture::draw(&strategy, &outcome).map_err(failed)?;
        std::fs::write(path, drawn).map_err(|error| failed(error.to_string()))?;
    }
    Ok(report)
}

/// The strategy of a file; a file that is longer than any strategy is not read to its end.
fn read_strategy(path: &Path) -> Result<Strategy, BacktestError> {
    use std::io::Read as _;
    let not_read = |why: std::io::Error| BacktestError::NotRead {
        path: path.display().to_string(),
        why: why.to_string(),
    };
    let mut text = String::new();
    let most = TEXT_BYTES_MAX as u64 + 1;
    std::fs::File::open(path).map_err(not_read)?.take(most).read_to_string(&mut text).map_err(not_read)?;
    Strategy::from_json(&text)
        .map_err(|why| BacktestError::NoStrategy { path: path.display().to_string(), why })
}

/// What comes of it; the signals of the stocks are made on all cores.
fn tried(
    strategy: &Strategy,
    universe: &[Series],
    setup: &Setup,
    shows_progress: bool,
) -> Result<Outcome, NoColumns> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let done = AtomicUsize::new(0);
    let made = on_cores(cores, universe, |series| {
        let made = signals(strategy, series);
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if shows_progress {
            terminal::progress(format_args!("{done} of {} stocks", universe.len()));
        }
        made
    });
    if shows_progress {
        terminal::progress("\n");
    }
    let signals: Result<Vec<Signals<'_>>, NoColumns> = made.into_iter().collect();
    Ok(simulate(&signals?, &Policy::of(strategy), setup))
}

/// What `make` makes of each of `all`, in their order, on so many threads at the same time.
fn on_cores<'a, I: Sync, T: Send>(cores: usize, all: &'a [I], make: impl Fn(&'a I) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut made: Vec<(usize, T)> = Vec::new();
        while let Some((place, one)) = take(&next, all) {
            made.push((place, make(one)));
        }
        made
    };
    let mut made: Vec<_> = std::thread::scope(|scope| {
        let hands: Vec<_> = (1..cores.min(all.len())).map(|_| scope.spawn(work)).collect();
        let mine = work();
        mine.into_iter().chain(hands.into_iter().flat_map(joined)).collect()
    });
    made.sort_by_key(|(place, _)| *place);
    made.into_iter().map(|(_, made)| made).collect()
}

/// What another thread made; its panic is this one's, too.
fn joined<T>(hand: std::thread::ScopedJoinHandle<'_, T>) -> T {
    hand.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn take<'a, I>(next: &AtomicUsize, all: &'a [I]) -> Option<(usize, &'a I)> {
    let place = next.fetch_add(1, Ordering::Relaxed);
    all.get(place).map(|one| (place, one))
}
