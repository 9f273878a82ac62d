//! Bars of files, and what the books hold of bars.
//!
//! A file is a history: what the exchange itself told of a day is never replaced by it, and where both have days, the file must
//! be in the same prices.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use domain::messages::bars::DayBar;
use domain::{Instrument, Market, Symbol};
use trade_ledger::StoreError;
use trade_ledger::bars::{Factor, Taking, comparable, taking};

use super::SqliteReader;
use super::bars::{NewBar, Standing, Stock, insert};
use super::fault::Fault;
use super::open::{Database, OpenError};
use super::schema::{bar_adjustments, bar_imports, bar_refusals};
use super::values::{count, ms, parsed};

/// So many refused rows of a file are kept; the others are counted.
const REFUSALS_KEPT: usize = 1_000;

/// A good row of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileBar {
    /// Its line, from 1.
    pub line: u64,
    /// The bar as the file has it.
    pub bar: DayBar,
    /// What its prices are multiplied by to be comparable: its adjusted close over its close.
    pub factor: Factor,
}

/// A row that is not taken.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RefusedRow {
    /// Its line, from 1.
    pub line: u64,
    /// Why.
    pub reason: String,
}

/// A file that was read: its good rows by stock, each day once and in order, and the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BarFile {
    /// The market of all its stocks.
    pub market: Market,
    /// Its name, without the folder.
    pub name: String,
    /// Rows, without the header.
    pub rows_read: u64,
    /// The good ones.
    pub stocks: BTreeMap<Symbol, Vec<FileBar>>,
    /// The others, by line.
    pub refused: Vec<RefusedRow>,
}

/// What became of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct BarsImported {
    /// Rows, without the header.
    pub rows_read: u64,
    /// Days that had no bar.
    pub taken: u64,
    /// Days that an earlier file told differently and that have a further version now.
    pub changed: u64,
    /// Rows that say what the books have already.
    pub known: u64,
    /// Rows that were not taken, by line.
    pub refused: Vec<RefusedRow>,
    /// Stocks with at least one row that was taken, is known or has changed.
    pub stocks: u64,
}

/// Why nothing was taken.
#[derive(Debug, thiserror::Error)]
pub enum ImportBarsError {
    /// The books cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Reading or writing failed; nothing was taken.
    #[error("nothing was taken: {0}")]
    Failed(#[from] StoreError),
}

/// Takes the bars of a file into the books at `books`, all or none. The caller holds the lock of the data directory.
///
/// # Errors
/// [`ImportBarsError`]; then nothing was written.
pub fn import_bars(
    books: &Path,
    file: &BarFile,
    now: DateTime<Utc>,
) -> Result<BarsImported, ImportBarsError> {
    let mut connection = Database::open(books)?.connection()?;
    let taken: Result<BarsImported, Fault> = connection.immediate_transaction(|conn| take(conn, file, now));
    Ok(taken.map_err(StoreError::from)?)
}

fn take(conn: &mut SqliteConnection, file: &BarFile, now: DateTime<Utc>) -> Result<BarsImported, Fault> {
    let seq = bar_imports::table
        .select(diesel::dsl::max(bar_imports::seq))
        .first::<Option<i64>>(conn)?
        .unwrap_or(0)
        + 1;
    // The rows point at the import, whose totals are known only afterwards: the check waits for the end.
    diesel::sql_query("PRAGMA defer_foreign_keys = ON").execute(conn)?;
    let mut done =
        BarsImported { rows_read: file.rows_read, refused: file.refused.clone(), ..BarsImported::default() };
    for (symbol, rows) in &file.stocks {
        let instrument = Instrument { market: file.market, symbol: symbol.clone() };
        take_stock(conn, (&instrument, rows), (seq, now), &mut done)?;
    }
    done.refused.sort_by_key(|row| row.line);
    book(conn, file, &done, (seq, now))?;
    Ok(done)
}

fn take_stock(
    conn: &mut SqliteConnection,
    (instrument, rows): (&Instrument, &[FileBar]),
    (seq, now): (i64, DateTime<Utc>),
    done: &mut BarsImported,
) -> Result<(), Fault> {
    let stock = Stock::read(conn, instrument)?;
    if let Some(why) = other_prices(&stock, rows) {
        done.refused.extend(rows.iter().map(|row| RefusedRow { line: row.line, reason: why.clone() }));
        return Ok(());
    }
    let refused = done.refused.len();
    for row in rows {
        take_row(conn, (&stock, row), (seq, now), done)?;
    }
    done.stocks += u64::from(done.refused.len() - refused < rows.len());
    Ok(())
}

fn take_row(
    conn: &mut SqliteConnection,
    (stock, row): (&Stock, &FileBar),
    (seq, now): (i64, DateTime<Utc>),
    done: &mut BarsImported,
) -> Result<(), Fault> {
    let Some(told) = row.factor.apply(&row.bar) else {
        let reason = "its adjusted prices are out of range".to_owned();
        done.refused.push(RefusedRow { line: row.line, reason });
        return Ok(());
    };
    let stands = stock.days.get(&row.bar.session_date);
    let same_prices = |stands: &DayBar| DayBar { volume: told.volume, ..*stands } == told;
    let comparable = comparable_of(stock, stands);
    let change = match (taking(comparable.as_ref(), &told), stands) {
        (Taking::Known, _) => {
            done.known += 1;
            return Ok(());
        }
        // Who counts which trades differs from one source to the next.
        (Taking::Changed(_), Some(stands))
            if stands.is_exchanges && comparable.as_ref().is_some_and(same_prices) =>
        {
            done.known += 1;
            return Ok(());
        }
        (Taking::First, None) => None,
        (Taking::First | Taking::Changed(_), Some(stands)) if stands.is_exchanges => {
            let reason = "the exchange told another bar of this day; its own stays".to_owned();
            done.refused.push(RefusedRow { line: row.line, reason });
            return Ok(());
        }
        (Taking::First, Some(_)) => Some(Factor::ONE),
        (Taking::Changed(factor), _) => Some(factor),
    };
    done.taken += u64::from(change.is_none());
    done.changed += u64::from(change.is_some());
    let new = NewBar {
        bar: row.bar,
        factor: row.factor,
        version: stands.map_or(1, |stands| stands.version + 1),
        change,
        after_adjustment: stock.newest_adjustment(),
        import_seq: Some(seq),
    };
    insert(conn, &stock.instrument, &new, now)
}

fn comparable_of(stock: &Stock, stands: Option<&Standing>) -> Option<DayBar> {
    comparable(&stands?.recorded, &stock.adjustments)
}

/// Why a file's prices of a stock are not the exchange's: on most of the days that both have the closes differ.
fn other_prices(stock: &Stock, rows: &[FileBar]) -> Option<String> {
    let factor = |row: &FileBar| {
        let stands = stock.days.get(&row.bar.session_date).filter(|stands| stands.is_exchanges)?;
        let stands = comparable(&stands.recorded, &stock.adjustments)?;
        Factor::between(stands.close_micros, row.factor.apply(&row.bar)?.close_micros)
    };
    let factors: Vec<_> = rows.iter().filter_map(factor).collect();
    let differing = factors.iter().filter(|factor| !factor.agrees(Factor::ONE)).count();
    (differing * 2 > factors.len()).then(|| {
        format!(
            "on {differing} of the {} days that the exchange told too, the file's price is another one; give the file a \
             column adj_close that is adjusted up to now",
            factors.len()
        )
    })
}

fn book(
    conn: &mut SqliteConnection,
    file: &BarFile,
    done: &BarsImported,
    (seq, now): (i64, DateTime<Utc>),
) -> Result<(), Fault> {
    let stored = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let row = (
        bar_imports::seq.eq(seq),
        bar_imports::at_ms.eq(ms(now)),
        bar_imports::market.eq(file.market.code()),
        bar_imports::file_name.eq(&file.name),
        bar_imports::rows_read.eq(stored(done.rows_read)),
        bar_imports::taken.eq(stored(done.taken)),
        bar_imports::changed.eq(stored(done.changed)),
        bar_imports::known.eq(stored(done.known)),
        bar_imports::refused.eq(i64::try_from(done.refused.len()).unwrap_or(i64::MAX)),
    );
    diesel::insert_into(bar_imports::table).values(row).execute(conn)?;
    for refused in done.refused.iter().take(REFUSALS_KEPT) {
        let row = (
            bar_refusals::import_seq.eq(seq),
            bar_refusals::line.eq(stored(refused.line)),
            bar_refusals::reason.eq(&refused.reason),
        );
        diesel::insert_into(bar_refusals::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// What the books hold of one stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBars {
    /// The stock.
    pub instrument: Instrument,
    /// Its days, oldest first.
    pub days: Vec<NaiveDate>,
    /// Versions beyond the first of each day.
    pub further_versions: u64,
    /// Adjustments: the day before which bars are multiplied, and by what in trillionths; none: not comparable.
    pub adjustments: Vec<(NaiveDate, Option<i64>)>,
}

/// One file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedImport {
    /// Its number.
    pub seq: i64,
    /// The market.
    pub market: Market,
    /// Its name.
    pub file_name: String,
    /// Rows that were not taken.
    pub refused: u64,
    /// The first of them, by line.
    pub first_refused: Vec<RefusedRow>,
}

#[derive(QueryableByName)]
struct DayRow {
    #[diesel(sql_type = Text)]
    market: String,
    #[diesel(sql_type = Text)]
    symbol: String,
    #[diesel(sql_type = Text)]
    session_date: String,
    #[diesel(sql_type = BigInt)]
    versions: i64,
}

impl SqliteReader {
    /// What the books hold of bars, stock by stock.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn held_bars(&mut self) -> Result<Vec<HeldBars>, StoreError> {
        self.store.read(held)
    }

    /// The files that were read, newest first, each with the first `refusals` rows that were not taken.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn bar_imports(&mut self, refusals: i64) -> Result<Vec<BookedImport>, StoreError> {
        self.store.read(|conn| imports(conn, refusals))
    }
}

fn held(conn: &mut SqliteConnection) -> Result<Vec<HeldBars>, Fault> {
    let rows: Vec<DayRow> = diesel::sql_query(
        "SELECT market, symbol, session_date, count(*) AS versions FROM bars
         GROUP BY market, symbol, session_date ORDER BY market, symbol, session_date",
    )
    .load(conn)?;
    let mut stocks: Vec<HeldBars> = Vec::new();
    for row in rows {
        let instrument = super::rows::instrument(&row.market, &row.symbol)?;
        let is_new = stocks.last().is_none_or(|last| last.instrument != instrument);
        if is_new {
            let adjustments = adjustments(conn, &row.market, &row.symbol)?;
            stocks.push(HeldBars { instrument, days: Vec::new(), further_versions: 0, adjustments });
        }
        if let Some(stock) = stocks.last_mut() {
            stock.days.push(parsed("session date", &row.session_date)?);
            stock.further_versions += count(row.versions.saturating_sub(1))?;
        }
    }
    Ok(stocks)
}

fn adjustments(
    conn: &mut SqliteConnection,
    market: &str,
    symbol: &str,
) -> Result<Vec<(NaiveDate, Option<i64>)>, Fault> {
    let rows: Vec<(String, Option<i64>)> = bar_adjustments::table
        .filter(bar_adjustments::market.eq(market))
        .filter(bar_adjustments::symbol.eq(symbol))
        .order(bar_adjustments::seq)
        .select((bar_adjustments::before_date, bar_adjustments::factor_trillionths))
        .load(conn)?;
    let one = |(before, factor): (String, Option<i64>)| Ok((parsed("session date", &before)?, factor));
    rows.into_iter().map(one).collect()
}

fn imports(conn: &mut SqliteConnection, refusals: i64) -> Result<Vec<BookedImport>, Fault> {
    let rows: Vec<(i64, String, String, i64)> = bar_imports::table
        .order(bar_imports::seq.desc())
        .select((bar_imports::seq, bar_imports::market, bar_imports::file_name, bar_imports::refused))
        .load(conn)?;
    let mut imports = Vec::new();
    for (seq, market, file_name, refused) in rows {
        let first: Vec<(i64, String)> = bar_refusals::table
            .filter(bar_refusals::import_seq.eq(seq))
            .order(bar_refusals::line)
            .limit(refusals)
            .select((bar_refusals::line, bar_refusals::reason))
            .load(conn)?;
        let mut first_refused = Vec::new();
        for (line, reason) in first {
            first_refused.push(RefusedRow { line: count(line)?, reason });
        }
        let market = parsed("market", &market)?;
        imports.push(BookedImport { seq, market, file_name, refused: count(refused)?, first_refused });
    }
    Ok(imports)
}
