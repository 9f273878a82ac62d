//! `kestrel data`: bars of a file taken into the books, and what the books hold of bars.

mod rows;
mod status;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::File;
use std::path::Path;

use chrono::{DateTime, Utc};
use domain::Market;
use market_clock::Calendar;
use serde::Serialize;

use crate::store::{BarFile, BarsImported, ImportBarsError, import_bars};

pub use rows::{FILE_BYTES_MAX, Rows, Suspect, read};
pub use status::{Gap, MarketBars, Status, StockBars, status};

/// So many refused rows and suspects are named one by one; the others are counted.
const NAMED_MAX: usize = 20;

/// What became of a file.
#[derive(Debug, Serialize)]
pub struct Imported {
    /// The market.
    pub market: Market,
    /// What was taken and what not.
    #[serde(flatten)]
    pub done: BarsImported,
    /// Columns that mean nothing here.
    pub unread_columns: Vec<String>,
    /// Rows that were taken, and that look as if a split were missing.
    pub suspects: Vec<Suspect>,
    /// Rows of days that no calendar reaches: only weekends could be refused.
    pub outside_calendar: u64,
}

/// Why a file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// It cannot be read, or is no such file.
    #[error("{file}: {why}")]
    File {
        /// The file.
        file: String,
        /// Why, and what is allowed.
        why: String,
    },
    /// The books did not take it.
    #[error(transparent)]
    Books(#[from] ImportBarsError),
}

/// Reads a file and takes its good rows into `books`; what is no session of the calendar, or not over now, is refused. The caller holds the lock of the data directory.
///
/// # Errors
/// [`DataError`]; then nothing was written.
pub fn import(
    books: &Path,
    file: &Path,
    market: Market,
    known: (&Calendar, DateTime<Utc>),
) -> Result<Imported, DataError> {
    let refuse = |why: String| DataError::File { file: file.display().to_string(), why };
    let opened = File::open(file).map_err(|error| refuse(format!("cannot be opened: {error}")))?;
    let size = opened.metadata().map_err(|error| refuse(error.to_string()))?.len();
    if size > FILE_BYTES_MAX {
        let most = FILE_BYTES_MAX >> 20;
        return Err(refuse(format!("it has {} MiB; at most {most} MiB are read, so split it", size >> 20)));
    }
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let rows = read(opened, market, known).map_err(refuse)?;
    let Rows { rows_read, stocks, refused, unread_columns, suspects, outside_calendar } = rows;
    let file = BarFile { market, name, rows_read, stocks, refused };
    let done = import_bars(books, &file, known.1)?;
    Ok(Imported { market, done, unread_columns, suspects, outside_calendar })
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BarsImported { rows_read, taken, changed, known, refused, stocks } = &self.done;
        writeln!(
            f,
            "{rows_read} rows of {stocks} stocks read for {}: {taken} taken, {changed} told differently before and kept as a \
             further version, {known} known already, {} refused.",
            self.market,
            refused.len()
        )?;
        for row in refused.iter().take(NAMED_MAX) {
            writeln!(f, "  line {}: {}", row.line, row.reason)?;
        }
        if refused.len() > NAMED_MAX {
            writeln!(f, "  and {} more; --json names them all", refused.len() - NAMED_MAX)?;
        }
        for suspect in self.suspects.iter().take(NAMED_MAX) {
            writeln!(f, "  line {}: taken, but {}", suspect.line, suspect.why)?;
        }
        if !self.unread_columns.is_empty() {
            writeln!(f, "Columns that were not read: {}.", self.unread_columns.join(", "))?;
        }
        if self.outside_calendar > 0 {
            writeln!(
                f,
                "{} rows are of days that no calendar reaches; of those only weekends are refused.",
                self.outside_calendar
            )?;
        }
        write!(f, "See what the books hold with: kestrel data status")
    }
}
