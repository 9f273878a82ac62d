//! The tables of the books as they are, row by row, for other programs.
//!
//! Columns in millionths become exact decimals and columns in milliseconds become instants, each under its name without
//! the unit. The codes of halts are left out: whoever knows one may lift its halt from afar.

use chrono::{DateTime, SecondsFormat};
use diesel::prelude::*;
use diesel::sql_types::Text;
use serde_json::Value;
use trade_ledger::StoreError;

use super::SqliteReader;
use super::fault::Fault;
use super::values::{Micros, malformed};

/// Columns that are never exported.
const SECRET: [(&str, &str); 1] = [("halts", "nonce")];

/// A column: its name in the database, and as exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    stored: String,
    /// The name as exported.
    pub name: String,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Plain,
    Millionths,
    Milliseconds,
}

#[derive(QueryableByName)]
struct NameRow {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct CellsRow {
    #[diesel(sql_type = Text)]
    cells: String,
}

impl SqliteReader {
    /// The tables that can be exported, by name.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn tables(&mut self) -> Result<Vec<String>, StoreError> {
        self.store.read(tables)
    }

    /// One state of the books: each row of `tables` in order, each cell in order of its columns. `begin` is told a table
    /// and its columns before its rows come; the first error of either ends it.
    ///
    /// # Errors
    /// [`ExportError`].
    pub fn export<E>(
        &mut self,
        chosen: &[String],
        mut begin: impl FnMut(&str, &[Column]) -> Result<(), E>,
        mut row: impl FnMut(Vec<Value>) -> Result<(), E>,
    ) -> Result<(), ExportError<E>> {
        self.store.connection.transaction(|conn| {
            for table in chosen {
                let columns = columns(conn, table).map_err(ExportError::Books)?;
                begin(table, &columns).map_err(ExportError::Taken)?;
                each_row(conn, table, &columns, &mut row)?;
            }
            Ok(())
        })
    }
}

/// Why an export ended early.
#[derive(Debug)]
pub enum ExportError<E> {
    /// The books failed.
    Books(StoreError),
    /// Whoever takes the rows failed.
    Taken(E),
}

impl<E> From<diesel::result::Error> for ExportError<E> {
    fn from(error: diesel::result::Error) -> Self {
        Self::Books(Fault::from(error).into())
    }
}

fn tables(conn: &mut SqliteConnection) -> Result<Vec<String>, Fault> {
    let rows: Vec<NameRow> = diesel::sql_query(
        "SELECT name FROM sqlite_master
          WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_\\_%' ESCAPE '\\'
          ORDER BY name",
    )
    .load(conn)?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

fn columns(conn: &mut SqliteConnection, table: &str) -> Result<Vec<Column>, StoreError> {
    let rows: Result<Vec<NameRow>, diesel::result::Error> =
        diesel::sql_query("SELECT name FROM pragma_table_info(?)").bind::<Text, _>(table).load(conn);
    let rows = rows.map_err(|error| StoreError::from(Fault::from(error)))?;
    let public = rows.into_iter().filter(|row| !SECRET.contains(&(table, row.name.as_str())));
    Ok(public.map(|row| column(row.name)).collect())
}

fn column(stored: String) -> Column {
    let endings = [("_micros", Unit::Millionths), ("_ms", Unit::Milliseconds)];
    let found =
        endings.into_iter().find_map(|(end, unit)| Some((stored.strip_suffix(end)?.to_owned(), unit)));
    let (name, unit) = found.unwrap_or_else(|| (stored.clone(), Unit::Plain));
    Column { stored, name, unit }
}

/// Names of tables and columns come from the schema, never from a person.
fn each_row<E>(
    conn: &mut SqliteConnection,
    table: &str,
    columns: &[Column],
    row: &mut impl FnMut(Vec<Value>) -> Result<(), E>,
) -> Result<(), ExportError<E>> {
    let names: Vec<String> = columns.iter().map(|column| format!("\"{}\"", column.stored)).collect();
    // Stable for tables with and without a rowid: the first columns are their keys.
    let query = format!("SELECT json_array({0}) AS cells FROM \"{table}\" ORDER BY {0}", names.join(", "));
    let rows =
        diesel::sql_query(query).load_iter::<CellsRow, diesel::connection::DefaultLoadingMode>(conn)?;
    for cells in rows {
        let cells: Vec<Value> = serde_json::from_str(&cells?.cells)
            .map_err(|error| ExportError::Books(malformed("row", &error.to_string())))?;
        let shown = cells.into_iter().zip(columns).map(|(cell, column)| shown(cell, column.unit));
        row(shown.collect::<Result<_, _>>().map_err(ExportError::Books)?).map_err(ExportError::Taken)?;
    }
    Ok(())
}

fn shown(cell: Value, unit: Unit) -> Result<Value, StoreError> {
    let number = match (unit, cell.as_i64()) {
        (Unit::Plain, _) | (_, None) => return Ok(cell),
        (Unit::Millionths | Unit::Milliseconds, Some(number)) => number,
    };
    match unit {
        Unit::Plain => Ok(cell),
        Unit::Millionths => Ok(Value::String(Micros(number).decimal().to_string())),
        Unit::Milliseconds => match DateTime::from_timestamp_millis(number) {
            Some(at) => Ok(Value::String(at.to_rfc3339_opts(SecondsFormat::Millis, true))),
            None => Err(malformed("time", &number.to_string())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn millionths_become_decimals_and_milliseconds_instants_under_plain_names() {
        for (stored, name, value, expected) in [
            ("limit_micros", "limit", 69_900_000_001_i64, "69900.000001"),
            ("pnl_micros", "pnl", -1, "-0.000001"),
            ("at_ms", "at", 1_764_000_000_123, "2025-11-24T16:00:00.123Z"),
        ] {
            let column = column(stored.into());
            assert_eq!(column.name, name);
            assert_eq!(shown(value.into(), column.unit).unwrap(), Value::String(expected.into()));
        }
        assert_eq!(shown(Value::Null, Unit::Millionths).unwrap(), Value::Null, "missing is never zero");
        assert_eq!(shown(7.into(), column("quantity".into()).unit).unwrap(), Value::from(7));
    }
}
