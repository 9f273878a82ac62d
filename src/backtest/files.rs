//! The bars of a folder: every file `*.csv`, read as `kestrel data import` reads it.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, Utc};
use domain::messages::bars::DayBar;
use domain::{Instrument, Market};
use market_clock::Calendar;
use optimizer::backtest::Series;
use serde::Serialize;

use super::BacktestError;
use crate::data::{self, Suspect};
use crate::store::{FileBar, RefusedRow};

/// The most MiB of a folder's files together: some ten million bars, which are held in memory at once.
pub const FOLDER_MIB_MAX: u64 = 512;
/// Days between two bars of a stock beyond which something is missing: the longest holidays of the ten markets are shorter.
const GAP_DAYS: i64 = 14;

/// What the beginning of a file's name says of its market, besides the codes of the markets.
const PREFIXES: [(&str, Market); 2] = [("us", Market::UsNasdaq), ("cn", Market::CnSha)];

/// Everything that a folder holds.
#[derive(Debug, Default)]
pub struct Files {
    /// What can be tried.
    pub series: Vec<Series>,
    /// What cannot.
    pub left_out: Vec<LeftOut>,
    /// The files.
    pub read: Vec<Read>,
}

/// What was read of one file.
#[derive(Debug, Serialize)]
pub struct Read {
    /// Its name.
    pub file: String,
    /// The market of its stocks.
    pub market: Market,
    /// Rows, without the header.
    pub rows: u64,
    /// Rows that are no bar, with their lines.
    pub refused: Vec<RefusedRow>,
    /// Rows that look as if a split were missing.
    pub suspects: Vec<Suspect>,
    /// Places at which bars are missing.
    pub gaps: Vec<Gap>,
}

/// Two neighbouring bars of a stock that are too far apart.
#[derive(Debug, Serialize)]
pub struct Gap {
    /// The stock.
    pub stock: Instrument,
    /// The day of the bar before.
    pub after: NaiveDate,
    /// The day of the next one.
    pub until: NaiveDate,
    /// The line of the next one.
    pub line: u64,
}

/// A stock that was not tried.
#[derive(Debug, Serialize)]
pub struct LeftOut {
    /// The stock.
    pub stock: Instrument,
    /// Its file.
    pub file: String,
    /// Why.
    pub why: String,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} is left out: {}", self.file, self.stock, self.why)
    }
}

/// Reads the folder at `path`; stocks of fewer than `bars_needed` bars are left out, because the strategy would never act.
pub(super) fn read(
    path: &Path,
    market: Option<Market>,
    bars_needed: usize,
    known: (&Calendar, DateTime<Utc>),
) -> Result<Files, BacktestError> {
    let shown = || path.display().to_string();
    let mut files = Files::default();
    let mut paths = csv_files(path)?;
    if paths.is_empty() {
        return Err(BacktestError::NoFiles { path: shown() });
    }
    paths.sort();
    is_bounded(path, &paths)?;
    for path in paths {
        one(&path, market, bars_needed, known, &mut files)?;
    }
    Ok(files)
}

fn csv_files(path: &Path) -> Result<Vec<PathBuf>, BacktestError> {
    let not_read = |why: std::io::Error| BacktestError::NotRead {
        path: path.display().to_string(),
        why: why.to_string(),
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(not_read)? {
        let path = entry.map_err(not_read)?.path();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) {
            found.push(path);
        }
    }
    Ok(found)
}

/// Looked at before anything is read.
fn is_bounded(folder: &Path, files: &[PathBuf]) -> Result<(), BacktestError> {
    let mut bytes = 0_u64;
    for file in files {
        let size = std::fs::metadata(file).map_err(|why| BacktestError::NotRead {
            path: file.display().to_string(),
            why: why.to_string(),
        })?;
        bytes = bytes.saturating_add(size.len());
    }
    if bytes > FOLDER_MIB_MAX << 20 {
        let path = folder.display().to_string();
        return Err(BacktestError::TooMuch { path, files: files.len(), mib: bytes.div_ceil(1 << 20) });
    }
    Ok(())
}

fn one(
    path: &Path,
    market: Option<Market>,
    bars_needed: usize,
    known: (&Calendar, DateTime<Utc>),
    files: &mut Files,
) -> Result<(), BacktestError> {
    let refuse = |why: String| BacktestError::NotRead { path: path.display().to_string(), why };
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let market = market.or_else(|| market_of(&file)).ok_or_else(|| {
        refuse(
            "its name does not begin with a market, as in KR_daily.csv; name it with --market CODE"
                .to_owned(),
        )
    })?;
    let opened = File::open(path).map_err(|error| refuse(error.to_string()))?;
    let bytes = opened.metadata().map_err(|error| refuse(error.to_string()))?.len();
    if bytes > data::FILE_BYTES_MAX {
        let most = data::FILE_BYTES_MAX >> 20;
        return Err(refuse(format!("it has {} MiB; at most {most} MiB are read, so split it", bytes >> 20)));
    }
    let rows = data::read(opened, market, known).map_err(refuse)?;
    let mut gaps = Vec::new();
    for (symbol, bars) in rows.stocks {
        let stock = Instrument { market, symbol };
        gaps.extend(bars.windows(2).filter_map(|pair| gap(&stock, pair)));
        match series(&stock, &bars, bars_needed, files) {
            Ok(series) => files.series.push(series),
            Err(why) => files.left_out.push(LeftOut { stock, file: file.clone(), why }),
        }
    }
    let (rows_read, refused, suspects) = (rows.rows_read, rows.refused, rows.suspects);
    files.read.push(Read { file, market, rows: rows_read, refused, suspects, gaps });
    Ok(())
}

/// The market that the beginning of a file's name says: a market's code, or a country whose stocks cost the same on all of its
/// markets.
pub fn market_of(file: &str) -> Option<Market> {
    let name = file.to_ascii_lowercase();
    let begins = |prefix: &str| {
        let rest = name.strip_prefix(prefix)?;
        rest.starts_with(['_', '-', '.']).then_some(())
    };
    let coded = Market::ALL.into_iter().find(|market| begins(&market.code().to_ascii_lowercase()).is_some());
    coded.or_else(|| PREFIXES.iter().find(|(prefix, _)| begins(prefix).is_some()).map(|(_, market)| *market))
}

fn series(stock: &Instrument, rows: &[FileBar], bars_needed: usize, files: &Files) -> Result<Series, String> {
    if files.series.iter().any(|series| series.instrument() == stock) {
        return Err("it is in an earlier file already".to_owned());
    }
    let adjusted: Option<Vec<DayBar>> = rows.iter().map(|row| row.factor.apply(&row.bar)).collect();
    let bars = adjusted.ok_or("its adjusted prices are out of range")?;
    // One to decide at and one to be filled at.
    let needed = bars_needed + 1;
    if bars.len() < needed {
        return Err(format!(
            "{} bars are too few; the strategy needs {needed} before it can do anything",
            bars.len()
        ));
    }
    Series::new(stock.clone(), bars).map_err(|error| error.to_string())
}

fn gap(stock: &Instrument, pair: &[FileBar]) -> Option<Gap> {
    let [before, next] = pair else { return None };
    let (after, until) = (before.bar.session_date, next.bar.session_date);
    let is_gap = (until - after).num_days() > GAP_DAYS;
    is_gap.then(|| Gap { stock: stock.clone(), after, until, line: next.line })
}
