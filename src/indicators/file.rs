//! Bars from a CSV file. A file with a bad row is refused whole: a bar left out would change every later value.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use csv::StringRecord;
use strategy::indicators::{Bar, Field, InvalidBar};

/// The columns a file must have, in any order; others are ignored.
const HEADER: [&str; 6] = ["date", "open", "high", "low", "close", "volume"];

/// How many bad rows are named one by one.
const NAMED_MAX: usize = 20;

/// The bars of a file, oldest first; at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    /// The date of the first bar, as the file has it.
    pub first: String,
    /// The date of the last bar, as the file has it.
    pub last: String,
    /// The bars.
    pub bars: Vec<Bar>,
}

/// Why a file gives no bars.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFile {
    /// It cannot be opened.
    #[error("{path} cannot be read: {why}")]
    NotOpened {
        /// The file.
        path: String,
        /// What the system says.
        why: String,
    },
    /// The reading broke off.
    #[error("the file cannot be read: {why}")]
    NotRead {
        /// What is wrong, with the place.
        why: String,
    },
    /// The first line does not name the columns.
    #[error(
        "line 1 has to name the columns {allowed}, separated by commas; missing: {missing}; found: '{found}'",
        allowed = HEADER.join(","),
        missing = missing.join(", ")
    )]
    Header {
        /// What is missing.
        missing: Vec<&'static str>,
        /// The beginning of the line.
        found: String,
    },
    /// Nothing follows the header.
    #[error("the file has no bars, only a header")]
    Empty,
    /// Rows that are no bar.
    #[error("{}", rows_in_words(rows))]
    Rows {
        /// All of them, in the file's order.
        rows: Vec<BadRow>,
    },
    /// The answer cannot be written as JSON.
    #[error("the answer cannot be written as JSON: {why}")]
    NotShown {
        /// Why.
        why: String,
    },
}

/// A row that is no bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Its line in the file; the header is line 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: Mistake,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// Too few or too many fields.
    #[error("{found} fields, the header has {expected}")]
    FieldCount {
        /// Of the row.
        found: usize,
        /// Of the header.
        expected: usize,
    },
    /// The date is written in no known way.
    #[error(
        "'{text}' is no date; allowed: 2026-01-31, 2026-01-31 09:30:00, RFC 3339, or a whole number that grows"
    )]
    NoDate {
        /// What is there.
        text: String,
    },
    /// The rows are not in the order of time.
    #[error("{text} is not after the row before, {before}; bars go from old to new, each date once")]
    NotLater {
        /// The row's date.
        text: String,
        /// The date before.
        before: String,
    },
    /// Text that is no number.
    #[error("{} '{text}' is no number; allowed: digits with a decimal point, e.g. 71200.5", field.name())]
    NoNumber {
        /// Where.
        field: Field,
        /// What is there.
        text: String,
    },
    /// Numbers that are no bar.
    #[error(transparent)]
    NoBar(#[from] InvalidBar),
}

fn rows_in_words(rows: &[BadRow]) -> String {
    let named = rows.iter().take(NAMED_MAX).map(|row| format!("\n  {row}"));
    let more = rows.len().saturating_sub(NAMED_MAX);
    let rest = (more > 0).then(|| format!("\n  and {more} more"));
    let count = if rows.len() == 1 { "1 row is".to_owned() } else { format!("{} rows are", rows.len()) };
    format!("{count} no bar, so nothing is computed:{}", named.chain(rest).collect::<String>())
}

/// Reads the file at `path`.
///
/// # Errors
/// As [`read`], and when the file cannot be opened.
pub(super) fn open(path: &Path) -> Result<Bars, BadFile> {
    let not_opened =
        |why: std::io::Error| BadFile::NotOpened { path: path.display().to_string(), why: why.to_string() };
    read(File::open(path).map_err(not_opened)?)
}

/// Reads bars: a header line and a row per bar, oldest first.
///
/// # Errors
/// [`BadFile`] names the header's or every bad row's mistake.
pub fn read(source: impl Read) -> Result<Bars, BadFile> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(source);
    let columns = Columns::of(reader.headers().map_err(not_read)?)?;
    let mut rows = Rows::default();
    for record in reader.records() {
        let record = record.map_err(not_read)?;
        let line = record.position().map_or(0, csv::Position::line);
        rows.take(&columns, line, &record);
    }
    rows.finish()
}

#[expect(clippy::needless_pass_by_value, reason = "the shape map_err takes")]
fn not_read(error: csv::Error) -> BadFile {
    BadFile::NotRead { why: error.to_string() }
}

/// Where in a row each of [`HEADER`] is.
struct Columns {
    width: usize,
    places: [usize; 6],
}

impl Columns {
    fn of(header: &StringRecord) -> Result<Self, BadFile> {
        let place = |name: &str| {
            let is_it = |found: &str| found.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name);
            header.iter().position(is_it)
        };
        let missing: Vec<&'static str> = HEADER.into_iter().filter(|name| place(name).is_none()).collect();
        if !missing.is_empty() {
            let line = header.iter().collect::<Vec<_>>().join(",");
            return Err(BadFile::Header { missing, found: line.chars().take(80).collect() });
        }
        Ok(Self { width: header.len(), places: HEADER.map(|name| place(name).unwrap_or_default()) })
    }

    fn read(&self, record: &StringRecord) -> Result<(Date, Bar), Mistake> {
        if record.len() != self.width {
            return Err(Mistake::FieldCount { found: record.len(), expected: self.width });
        }
        let [date, open, high, low, close, volume] =
            self.places.map(|place| record.get(place).unwrap_or_default());
        let date = Date::read(date)?;
        let prices = [
            number(Field::Open, open)?,
            number(Field::High, high)?,
            number(Field::Low, low)?,
            number(Field::Close, close)?,
        ];
        Ok((date, Bar::new(prices, number(Field::Volume, volume)?)?))
    }
}

fn number(field: Field, text: &str) -> Result<f64, Mistake> {
    text.parse().map_err(|_| Mistake::NoNumber { field, text: short(text) })
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A date as the file writes it, and its place in time.
#[derive(Clone, Debug)]
struct Date {
    text: String,
    at: Moment,
}

/// Dates compare with dates, numbers with numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    Number(i64),
    Instant(NaiveDateTime),
}

impl Date {
    fn read(text: &str) -> Result<Self, Mistake> {
        let day = || Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN));
        let minute = || {
            let formats =
                ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];
            formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        };
        let instant = || DateTime::parse_from_rfc3339(text).ok().map(|at| at.naive_utc());
        let whole = text.parse().ok().map(Moment::Number);
        let at = whole.or_else(|| day().or_else(minute).or_else(instant).map(Moment::Instant));
        let at = at.ok_or_else(|| Mistake::NoDate { text: short(text) })?;
        Ok(Self { text: text.to_owned(), at })
    }
}

/// What has been read of a file.
#[derive(Default)]
struct Rows {
    first: Option<String>,
    last: Option<Date>,
    bars: Vec<Bar>,
    bad: Vec<BadRow>,
}

impl Rows {
    fn take(&mut self, columns: &Columns, line: u64, record: &StringRecord) {
        let added = columns.read(record).and_then(|(date, bar)| self.add(date, bar));
        self.bad.extend(added.err().map(|why| BadRow { line, why }));
    }

    fn add(&mut self, date: Date, bar: Bar) -> Result<(), Mistake> {
        let before = self.last.as_ref().filter(|last| last.at >= date.at);
        if let Some(before) = before {
            return Err(Mistake::NotLater { text: date.text, before: before.text.clone() });
        }
        self.first.get_or_insert_with(|| date.text.clone());
        self.last = Some(date);
        self.bars.push(bar);
        Ok(())
    }

    fn finish(self) -> Result<Bars, BadFile> {
        if !self.bad.is_empty() {
            return Err(BadFile::Rows { rows: self.bad });
        }
        match (self.first, self.last) {
            (Some(first), Some(last)) => Ok(Bars { first, last: last.text, bars: self.bars }),
            (None, _) | (_, None) => Err(BadFile::Empty),
        }
    }
}
