//! The rows of a file of daily bars: each is good, or refused with its line and the reason.

use std::collections::BTreeMap;
use std::io::Read;

use chrono::{DateTime, Datelike as _, NaiveDate, Utc, Weekday};
use csv::StringRecord;
use domain::messages::bars::{DayBar, micros};
use domain::{Market, Symbol};
use market_clock::{Calendar, DayKind};
use rust_decimal::Decimal;
use serde::Serialize;
use trade_ledger::bars::Factor;

use crate::store::{FileBar, RefusedRow};

/// The largest file that is read.
pub const FILE_BYTES_MAX: u64 = 256 << 20;
/// A column's longest value that is quoted in a reason.
const QUOTED_CHARS: usize = 24;
/// A close at most this part of the day before, or at least its reverse, looks like a split.
const JUMP: (i64, i64) = (11, 20);

const REQUIRED: [&str; 7] = ["symbol", "date", "open", "high", "low", "close", "volume"];
const ADJUSTED: &str = "adj_close";

/// What is in a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Rows, without the header.
    pub rows_read: u64,
    /// The good ones by stock, by day.
    pub stocks: BTreeMap<Symbol, Vec<FileBar>>,
    /// The others, by line.
    pub refused: Vec<RefusedRow>,
    /// Columns that mean nothing here.
    pub unread_columns: Vec<String>,
    /// Good rows that look as if a split were missing.
    pub suspects: Vec<Suspect>,
    /// Good rows of days that no calendar reaches.
    pub outside_calendar: u64,
}

/// A good row that looks as if a split were missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suspect {
    /// Its line, from 1.
    pub line: u64,
    /// What is strange.
    pub why: String,
}

/// Where the columns are.
struct Columns {
    required: [usize; 7],
    adjusted: Option<usize>,
    /// How many there are.
    cells: usize,
}

impl Columns {
    fn find(header: &StringRecord) -> Result<(Self, Vec<String>), String> {
        let place = |name: &str| header.iter().position(|cell| cell.trim().eq_ignore_ascii_case(name));
        let mut required = [0; 7];
        for (slot, name) in required.iter_mut().zip(REQUIRED) {
            *slot = place(name).ok_or_else(|| {
                format!(
                    "its header has no column {name}; needed: {}, and {ADJUSTED} if there is one",
                    REQUIRED.join(",")
                )
            })?;
        }
        let adjusted = place(ADJUSTED);
        let is_read = |index: &usize| required.contains(index) || adjusted == Some(*index);
        let unread = header.iter().enumerate().filter(|(index, _)| !is_read(index));
        let unread = unread.map(|(_, name)| quoted(name)).collect();
        Ok((Self { required, adjusted, cells: header.len() }, unread))
    }
}

/// Reads a file of `market`. What is not finished at `now` is refused.
///
/// # Errors
/// Why the whole is no such file.
pub fn read(
    source: impl Read,
    market: Market,
    (calendar, now): (&Calendar, DateTime<Utc>),
) -> Result<Rows, String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(source.take(FILE_BYTES_MAX));
    let header = reader.headers().map_err(|error| format!("its header cannot be read: {error}"))?;
    let (columns, unread_columns) = Columns::find(header)?;
    let mut rows = Rows { unread_columns, ..Rows::default() };
    let mut days: BTreeMap<Symbol, BTreeMap<NaiveDate, FileBar>> = BTreeMap::new();
    let judge = Judge { market, calendar, today: market.date_at(now) };
    let mut record = StringRecord::new();
    loop {
        let line = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) if error.is_io_error() => {
                return Err(format!("it cannot be read to its end: {error}"));
            }
            Err(_) => {
                rows.rows_read += 1;
                rows.refused.push(RefusedRow { line, reason: "it is not UTF-8".into() });
                continue;
            }
        }
        let line = record.position().map_or(line, csv::Position::line);
        rows.rows_read += 1;
        match judge.row(line, &record, &columns).and_then(|row| keep(&mut days, row)) {
            Ok(date) => rows.outside_calendar += u64::from(calendar.day(market, date) == DayKind::Unknown),
            Err(reason) => rows.refused.push(RefusedRow { line, reason }),
        }
    }
    rows.stocks = days.into_iter().map(|(symbol, days)| (symbol, days.into_values().collect())).collect();
    rows.suspects = rows.stocks.values().flat_map(|days| suspects(days)).collect();
    Ok(rows)
}

/// The first row of a day stays.
fn keep(
    days: &mut BTreeMap<Symbol, BTreeMap<NaiveDate, FileBar>>,
    (symbol, row): (Symbol, FileBar),
) -> Result<NaiveDate, String> {
    let date = row.bar.session_date;
    let of_stock = days.entry(symbol).or_default();
    if let Some(first) = of_stock.get(&date) {
        return Err(format!("the day {date} of this stock stands in line {} already", first.line));
    }
    of_stock.insert(date, row);
    Ok(date)
}

struct Judge<'a> {
    market: Market,
    calendar: &'a Calendar,
    today: NaiveDate,
}

impl Judge<'_> {
    fn row(&self, line: u64, record: &StringRecord, columns: &Columns) -> Result<(Symbol, FileBar), String> {
        if record.len() > columns.cells {
            return Err(format!("it has {} cells; the header has {}", record.len(), columns.cells));
        }
        let cell = |index: usize| record.get(index).map(str::trim).unwrap_or_default();
        let [symbol, date, open, high, low, close_text, volume] = columns.required.map(cell);
        let symbol: Symbol =
            symbol.parse().map_err(|_| format!("'{}' is no symbol of a stock", quoted(symbol)))?;
        let session_date = self.date(date)?;
        let [open, high, low, close] = [("open", open), ("high", high), ("low", low), ("close", close_text)]
            .map(|(name, text)| price(name, text));
        let (open_micros, high_micros, low_micros, close_micros) = (open?, high?, low?, close?);
        if high_micros < open_micros.max(close_micros).max(low_micros) {
            return Err("the high is below another price of the day".into());
        }
        if low_micros > open_micros.min(close_micros) {
            return Err("the low is above another price of the day".into());
        }
        let volume = self::volume(volume)?;
        let factor = match columns.adjusted.map(cell) {
            None => Factor::ONE,
            Some(text) => factor(close_text, text)?,
        };
        let bar = DayBar { session_date, open_micros, high_micros, low_micros, close_micros, volume };
        factor.apply(&bar).ok_or("its adjusted prices are out of range")?;
        Ok((symbol, FileBar { line, bar, factor }))
    }

    fn date(&self, text: &str) -> Result<NaiveDate, String> {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map_err(|_| format!("'{}' is no date; allowed: YYYY-MM-DD", quoted(text)))?;
        if date >= self.today {
            return Err(format!("the day {date} is not finished in {}", self.market));
        }
        let closed = |why: &str| Err(format!("{date} is no session of {}: {why}", self.market));
        match self.calendar.day(self.market, date) {
            DayKind::Weekend => closed("a weekend"),
            DayKind::Holiday(name) => closed(name.unwrap_or("a holiday")),
            DayKind::Unknown if matches!(date.weekday(), Weekday::Sat | Weekday::Sun) => closed("a weekend"),
            DayKind::Changed(_) if self.calendar.session_on(self.market, date).is_none() => {
                closed("it is closed")
            }
            DayKind::Session | DayKind::ShortOrShifted | DayKind::Changed(_) | DayKind::Unknown => Ok(date),
        }
    }
}

fn decimal(name: &str, text: &str) -> Result<Decimal, String> {
    if text.is_empty() {
        return Err(format!("the {name} is missing"));
    }
    let number = text.parse().or_else(|_| Decimal::from_scientific(text));
    number.map_err(|_| format!("the {name} '{}' is no number", quoted(text)))
}

fn price(name: &str, text: &str) -> Result<i64, String> {
    let value = decimal(name, text)?;
    micros(value).ok_or_else(|| format!("the {name} {} is no price above zero", quoted(text)))
}

fn volume(text: &str) -> Result<u64, String> {
    let value = decimal("volume", text)?;
    let whole = value.is_integer().then(|| u64::try_from(value.trunc()).ok()).flatten();
    whole
        .filter(|volume| i64::try_from(*volume).is_ok())
        .ok_or_else(|| format!("the volume {} is no whole number of shares", quoted(text)))
}

/// Taken from the digits of both, not from rounded prices.
fn factor(close: &str, adjusted: &str) -> Result<Factor, String> {
    let (close, adjusted_close) = (decimal("close", close)?, decimal(ADJUSTED, adjusted)?);
    let trillionths = adjusted_close
        .checked_div(close)
        .and_then(|factor| factor.checked_mul(Decimal::from(1_000_000_000_000_i64)))
        .and_then(|trillionths| i64::try_from(trillionths.round()).ok());
    trillionths.and_then(Factor::from_trillionths).ok_or_else(|| {
        format!("the {ADJUSTED} {} is no price above zero, or too far from the close", quoted(adjusted))
    })
}

/// Neighbouring days of comparable prices that look like a split.
fn suspects(days: &[FileBar]) -> Vec<Suspect> {
    let (part, whole) = (i128::from(JUMP.0), i128::from(JUMP.1));
    let suspect = |pair: &[FileBar]| {
        let [before, now] = pair else { return None };
        let close = |row: &FileBar| row.factor.apply(&row.bar).map(|bar| i128::from(bar.close_micros));
        let (was, is) = (close(before)?, close(now)?);
        let jumps = is * whole <= was * part || was * whole <= is * part;
        let times = Decimal::from(i64::try_from(is).ok()?)
            .checked_div(Decimal::from(i64::try_from(was).ok()?))?
            .round_dp(3)
            .normalize();
        let (date, day_before) = (now.bar.session_date, before.bar.session_date);
        let why = format!(
            "the close of {date} is {times} times that of {day_before}: if that is a split, a column \
             {ADJUSTED} must say so"
        );
        jumps.then_some(Suspect { line: now.line, why })
    };
    days.windows(2).filter_map(suspect).collect()
}

fn quoted(text: &str) -> String {
    text.chars().filter(|one| !one.is_control()).take(QUOTED_CHARS).collect()
}
