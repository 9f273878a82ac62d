//! The trades of the Python original, taken over into the table of the same name.
//!
//! The original wrote a row when an order was accepted, at the price of the quote, and a row of quantity 0 for HOLD
//! (lessons.md 1, 2). So its rows are a history to read, and nothing is built on them: what is held is what the exchange says.
//! Its database is opened for reading only. Rows are taken in one transaction, each once, however often it is asked.

mod row;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Text;

use self::row::OriginalTrade;
use super::journal::timestamp;
use super::open::{ColumnRow, Database, OpenError, read_only};
use super::schema::{imported_trades, trades};
use super::values::ms;

/// Columns that every database of the original has, and those that the oldest lack.
const COLUMNS: [&str; 9] =
    ["id", "timestamp", "stock_code", "action", "confidence", "rationale", "quantity", "price", "pnl"];
const LATE_COLUMNS: [&str; 3] = ["market", "exchange_code", "selection_context"];
/// So many refused rows are named one by one; the others are counted.
const NAMED_MAX: usize = 20;

/// Why nothing was taken over.
#[derive(Debug, thiserror::Error)]
pub enum TakeOverError {
    /// One of the two databases cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The file is the agent's own.
    #[error("{} is the agent's own database; name the original's file", .0.display())]
    Same(PathBuf),
    /// There is no table of trades, or it lacks a column.
    #[error("{} is no database of the Python original: {missing}", path.display())]
    NotTheOriginal {
        /// The file.
        path: PathBuf,
        /// What is not there.
        missing: String,
    },
    /// Reading or writing failed; nothing was taken.
    #[error("nothing was taken over: {0}")]
    Failed(#[from] diesel::result::Error),
}

/// What became of the original's rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct TakenOver {
    /// Rows in the original.
    pub read: usize,
    /// Rows taken this time.
    pub taken: usize,
    /// Rows that an earlier run took.
    pub known: usize,
    /// Rows that were not taken, each with its reason.
    pub refused: usize,
    /// The first of them: the row's number in the original, and why.
    pub refused_rows: Vec<(i64, String)>,
    /// Rows taken this time that say BUY or SELL without a price.
    pub without_price: usize,
    /// The columns that the original lacks; its rows get the defaults of that time (KR, KRX, no selection).
    pub missing_columns: Vec<String>,
    /// Rows taken this time by market and action.
    pub by_market: BTreeMap<String, BTreeMap<String, usize>>,
    /// The first and the last time of the rows taken this time.
    pub span: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl TakenOver {
    fn refuse(&mut self, id: i64, why: String) {
        self.refused += 1;
        if self.refused_rows.len() < NAMED_MAX {
            self.refused_rows.push((id, why));
        }
    }

    fn take(&mut self, trade: &OriginalTrade) {
        self.taken += 1;
        self.without_price += usize::from(trade.is_without_price());
        let actions = self.by_market.entry(trade.market.code().to_owned()).or_default();
        *actions.entry(trade.action.code().to_owned()).or_default() += 1;
        let (first, last) = self.span.unwrap_or((trade.at, trade.at));
        self.span = Some((first.min(trade.at), last.max(trade.at)));
    }
}

/// Takes the trades of `original` into the books at `books`, which are made where there are none. The caller holds the
/// lock of the data directory.
///
/// # Errors
/// [`TakeOverError`]; then nothing was written.
pub fn take_over(books: &Path, original: &Path, now: DateTime<Utc>) -> Result<TakenOver, TakeOverError> {
    if same_file(books, original) {
        return Err(TakeOverError::Same(original.to_owned()));
    }
    let mut source = read_only(original)?;
    let missing_columns = missing_columns(&mut source, original)?;
    let rows = rows(&mut source, &missing_columns)?;
    let mut connection = Database::open(books)?.connection()?;
    connection.immediate_transaction(|conn| {
        let mut report = TakenOver { read: rows.len(), missing_columns, ..TakenOver::default() };
        for cells in &rows {
            match OriginalTrade::parse(cells) {
                Ok(trade) if insert(conn, &trade, now)? => report.take(&trade),
                Ok(_) => report.known += 1,
                Err((id, why)) => report.refuse(id, why),
            }
        }
        Ok(report)
    })
}

fn same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
    }
}

/// Which of the late columns are not there.
fn missing_columns(source: &mut SqliteConnection, path: &Path) -> Result<Vec<String>, TakeOverError> {
    let present: Vec<ColumnRow> =
        diesel::sql_query("SELECT name FROM pragma_table_info('trades')").load(source)?;
    let has = |name: &&&str| present.iter().any(|column| column.name == **name);
    let lacks = |missing: String| TakeOverError::NotTheOriginal { path: path.to_owned(), missing };
    if present.is_empty() {
        return Err(lacks("it has no table `trades`".to_owned()));
    }
    if let Some(name) = COLUMNS.iter().find(|name| !has(name)) {
        return Err(lacks(format!("its table `trades` has no column `{name}`")));
    }
    Ok(LATE_COLUMNS.iter().filter(|name| !has(name)).map(|name| (*name).to_owned()).collect())
}

#[derive(QueryableByName)]
struct CellsRow {
    #[diesel(sql_type = Text)]
    cells: String,
}

/// Each row as an array of its cells with the types they have: SQLite holds a text in a column of numbers, too.
fn rows(source: &mut SqliteConnection, missing: &[String]) -> QueryResult<Vec<String>> {
    let cell = |name: &&str| match missing.iter().any(|one| one == name) {
        true => "NULL".to_owned(),
        false => format!("CASE typeof({name}) WHEN 'blob' THEN '(bytes)' ELSE {name} END"),
    };
    let cells: Vec<String> = COLUMNS.iter().chain(&LATE_COLUMNS).map(cell).collect();
    let query = format!("SELECT json_array({}) AS cells FROM trades ORDER BY id", cells.join(", "));
    let rows: Vec<CellsRow> = diesel::sql_query(query).load(source)?;
    Ok(rows.into_iter().map(|row| row.cells).collect())
}

/// False when an earlier run took it.
fn insert(conn: &mut SqliteConnection, trade: &OriginalTrade, now: DateTime<Utc>) -> QueryResult<bool> {
    let key = (trade.id, trade.timestamp.as_str(), trade.stock_code.as_str(), trade.action.code());
    let known = imported_trades::table.find(key).count().get_result::<i64>(conn)?;
    if known > 0 {
        return Ok(false);
    }
    let row = (
        trades::timestamp.eq(timestamp(trade.at)),
        trades::stock_code.eq(&trade.stock_code),
        trades::action.eq(trade.action.code()),
        trades::confidence.eq(trade.confidence),
        trades::rationale.eq(&trade.rationale),
        trades::quantity.eq(trade.quantity),
        trades::price.eq(trade.price),
        trades::pnl.eq(trade.pnl),
        trades::market.eq(trade.market.code()),
        trades::exchange_code.eq(&trade.exchange_code),
        trades::selection_context.eq(&trade.selection_context),
    );
    let id: i64 = diesel::insert_into(trades::table).values(row).returning(trades::id).get_result(conn)?;
    let taken = (
        imported_trades::source_id.eq(trade.id),
        imported_trades::timestamp.eq(&trade.timestamp),
        imported_trades::stock_code.eq(&trade.stock_code),
        imported_trades::action.eq(trade.action.code()),
        imported_trades::trade_id.eq(id),
        imported_trades::at_ms.eq(ms(now)),
    );
    diesel::insert_into(imported_trades::table).values(taken).execute(conn)?;
    Ok(true)
}
