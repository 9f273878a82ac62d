//! `kestrel indicators`: what the indicators say of any file of bars.

mod file;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use strategy::DECISION_BARS;
use strategy::indicators::Board;
use strategy::indicators::board::{COLUMNS, Row};

use crate::cli::IndicatorsArgs;
use crate::terminal;

pub use file::{BadFile, BadRow, Bars, read};

/// Significant digits of a value that a person reads.
const DIGITS: usize = 8;

/// Prints the indicators of the file.
///
/// # Errors
/// The file cannot be read, is no file of bars, or has rows that are no bar.
pub fn run(args: &IndicatorsArgs) -> Result<(), BadFile> {
    let report = Report::of(&args.csv, &file::open(&args.csv)?);
    match args.json {
        true => terminal::line(report.to_json()?),
        false => terminal::line(report),
    }
    Ok(())
}

/// The indicators of a series of bars; `to_json` is one object of arrays, null where a value is not defined.
#[derive(Clone, Debug)]
pub struct Report {
    title: String,
    rows: Vec<Row>,
}

impl Report {
    /// The indicators of `bars`, which came from the file at `path`.
    pub fn of(path: &Path, bars: &Bars) -> Self {
        let mut board = Board::default();
        let rows: Vec<Row> = bars.bars.iter().map(|bar| board.update(*bar)).collect();
        let (count, first, last) = (rows.len(), &bars.first, &bars.last);
        Self { title: format!("{}: {count} bars, {first} to {last}", path.display()), rows }
    }

    fn to_json(&self) -> Result<String, BadFile> {
        serde_json::to_string(self).map_err(|error| BadFile::NotShown { why: error.to_string() })
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(COLUMNS.len()))?;
        for (place, column) in COLUMNS.iter().enumerate() {
            let series: Vec<Option<f64>> = self.rows.iter().map(|row| row[place]).collect();
            map.serialize_entry(column.name, &series)?;
        }
        map.end()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}. After the last bar:", self.title)?;
        let last = self.rows.last();
        for (place, column) in COLUMNS.iter().enumerate() {
            let value = last.and_then(|row| row[place]).map_or("not defined".to_owned(), rounded);
            writeln!(f, "  {:<21} {value:>16}  {}", column.name, column.meaning)?;
        }
        let bars = self.rows.len();
        if bars < DECISION_BARS {
            writeln!(
                f,
                "RSI and ATR decide nothing yet: the agent waits for {DECISION_BARS} bars, these are {bars}."
            )?;
        }
        write!(f, "Every bar: the same command with --json.")
    }
}

/// The value with [`DIGITS`] significant digits.
fn rounded(value: f64) -> String {
    let whole = format!("{:.0}", value.abs()).len();
    format!("{value:.*}", DIGITS.saturating_sub(whole))
}
