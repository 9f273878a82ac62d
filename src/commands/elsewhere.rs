//! Commands for other programs: `export`, `backup` and `healthcheck`.

use std::io::{IsTerminal as _, Write};
use std::path::Path;
use std::process::ExitCode;

use domain::Clock as _;
use serde_json::Value;

use super::{exit, failed, show};
use crate::cli::{BackupArgs, ExportArgs, ExportFormat, HealthcheckArgs, ImportTradesArgs};
use crate::clock::SystemClock;
use crate::config::{Config, Database};
use crate::store::{Column, Copied, ExportError, TakenOver, copy, lock_data_dir, open_read_only, take_over};
use crate::web::probe::{self, Asked};
use crate::{hardening, terminal};

pub(super) fn database() -> Result<std::path::PathBuf, String> {
    match Config::database_setting() {
        Database::File(path) => Ok(path),
        Database::Memory => {
            Err("the books are in memory and end with their agent; set DB_PATH to a file".into())
        }
    }
}

/// Asks the running agent's web; success only when it says yes.
pub(super) fn healthcheck(args: HealthcheckArgs) -> ExitCode {
    let Some(listen) = Config::web_setting() else {
        let why = "WEB_LISTEN names no address, so nobody can be asked; set it as the running agent has it, e.g. \
                   127.0.0.1:8686";
        return failed(why, exit::FAILED);
    };
    match probe::ask(listen, if args.ready { Asked::Ready } else { Asked::Alive }) {
        Ok((is_good, words)) => {
            terminal::line(words);
            if is_good { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) }
        }
        Err(why) => failed(why, exit::FAILED),
    }
}

/// Copies the books, and tells how far it is where a person waits.
pub(super) fn backup(args: &BackupArgs) -> ExitCode {
    let is_watched = std::io::stderr().is_terminal();
    let progress = |percent: u64| {
        if is_watched {
            terminal::progress(format_args!("copying: {percent} %"));
        }
    };
    let copied = database().and_then(|path| copy(&path, &args.file, progress).map_err(|why| why.to_string()));
    match copied {
        Ok(copied) => {
            show(&Backup(copied), args.json);
            ExitCode::SUCCESS
        }
        Err(why) => failed(why, exit::FAILED),
    }
}

#[derive(serde::Serialize)]
#[serde(transparent)]
struct Backup(Copied);

impl std::fmt::Display for Backup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Copied { path, size_bytes, last_event } = &self.0;
        let path = path.display();
        write!(
            f,
            "Copied to {path}: {size_bytes} bytes, up to event {last_event}, checked and on disk.\n\
             To restore it, stop the agent, move the database and its -wal and -shm files away, and copy {path} to where \
             DB_PATH points; the next start asks the exchange what happened since."
        )
    }
}

/// Takes over the trades of the Python original.
pub(super) fn import_trades(args: &ImportTradesArgs) -> ExitCode {
    match hardening::harden().and_then(|()| take(&args.file)) {
        Ok(taken) => {
            show(&Import(taken), args.json);
            ExitCode::SUCCESS
        }
        Err(why) => failed(why, exit::FAILED),
    }
}

/// Only one process writes the books: while an agent runs, this one does not.
fn take(original: &Path) -> Result<TakenOver, String> {
    let books = database()?;
    let directory = books.parent().unwrap_or(Path::new("."));
    let _lock = lock_data_dir(directory).map_err(|error| error.to_string())?;
    take_over(&books, original, SystemClock.now()).map_err(|error| error.to_string())
}

#[derive(serde::Serialize)]
#[serde(transparent)]
struct Import(TakenOver);

impl std::fmt::Display for Import {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let TakenOver { read, taken, known, refused, .. } = &self.0;
        writeln!(f, "{read} rows read: {taken} taken over, {known} taken before, {refused} refused.")?;
        if let Some((first, last)) = self.0.span {
            writeln!(f, "They are from {} to {}.", first.date_naive(), last.date_naive())?;
        }
        for (market, actions) in &self.0.by_market {
            let counts: Vec<_> = actions.iter().map(|(action, count)| format!("{action} {count}")).collect();
            writeln!(f, "  {market:<10} {}", counts.join(", "))?;
        }
        if !self.0.missing_columns.is_empty() {
            let missing = self.0.missing_columns.join(", ");
            writeln!(
                f,
                "The original has no column {missing}: its rows count as KR's, of KRX, without a selection."
            )?;
        }
        if self.0.without_price > 0 {
            let count = self.0.without_price;
            writeln!(f, "{count} trades have no price: the original wrote 0 where it did not know it.")?;
        }
        for (id, why) in &self.0.refused_rows {
            writeln!(f, "  row {id}: {why}")?;
        }
        if *refused > self.0.refused_rows.len() {
            writeln!(f, "  and {} more", refused - self.0.refused_rows.len())?;
        }
        write!(
            f,
            "They stand in the table `trades`, as a history; what is held is what the exchange says. See them with: \
             kestrel export --format csv --table trades"
        )
    }
}

/// Writes tables to standard output.
pub(super) fn export(args: &ExportArgs) -> ExitCode {
    let out = std::io::BufWriter::new(std::io::stdout().lock());
    match database().and_then(|path| write(&path, args, out)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(why, exit::FAILED),
    }
}

fn write(path: &Path, args: &ExportArgs, mut out: impl Write) -> Result<(), String> {
    let mut reader = open_read_only(path).map_err(|error| error.to_string())?;
    let all = reader.tables().map_err(|error| error.to_string())?;
    let chosen = match &args.table {
        Some(table) if !all.contains(table) => {
            return Err(format!("there is no table '{table}'; allowed: {}", all.join(", ")));
        }
        Some(table) => vec![table.clone()],
        None if args.format == ExportFormat::Csv => {
            return Err(format!("a CSV file holds one table; name it with --table: {}", all.join(", ")));
        }
        None => all,
    };
    match args.format {
        ExportFormat::Csv => csv_table(&mut reader, &chosen, &mut out),
        ExportFormat::Json => json_tables(&mut reader, &chosen, &mut out),
    }?;
    out.flush().map_err(|error| unwritable(&error))
}

fn unwritable(why: &impl std::fmt::Display) -> String {
    format!("the export is not complete: it cannot be written ({why})")
}

fn ended(error: ExportError<String>) -> String {
    match error {
        ExportError::Books(error) => {
            format!("the export is not complete: the books cannot be read ({error})")
        }
        ExportError::Taken(why) => why,
    }
}

fn csv_table(
    reader: &mut crate::store::SqliteReader,
    chosen: &[String],
    out: &mut impl Write,
) -> Result<(), String> {
    let writer = std::cell::RefCell::new(csv::Writer::from_writer(out));
    let record =
        |cells: Vec<String>| writer.borrow_mut().write_record(cells).map_err(|error| unwritable(&error));
    reader
        .export(
            chosen,
            |_, columns| record(columns.iter().map(|column| column.name.clone()).collect()),
            |cells| record(cells.iter().map(csv_cell).collect()),
        )
        .map_err(ended)?;
    writer.into_inner().flush().map_err(|error| unwritable(&error))
}

/// A text that a spreadsheet would take for a formula gets an apostrophe before it: some of them are written by strangers.
fn csv_cell(cell: &Value) -> String {
    match cell {
        Value::Null => String::new(),
        Value::String(text) if is_formula(text) => format!("'{text}"),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => cell.to_string(),
    }
}

fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<rust_decimal::Decimal>().is_err()
}

/// One object: an array of rows per table.
fn json_tables(
    reader: &mut crate::store::SqliteReader,
    chosen: &[String],
    out: &mut impl Write,
) -> Result<(), String> {
    let state = std::cell::RefCell::new(JsonTables { out, names: Vec::new(), rows: None });
    reader
        .export(
            chosen,
            |table, columns| state.borrow_mut().begin(table, columns),
            |cells| state.borrow_mut().row(cells),
        )
        .map_err(ended)?;
    state.into_inner().end()
}

struct JsonTables<'a, W> {
    out: &'a mut W,
    names: Vec<String>,
    /// Rows of the table that is being written; none before the first table.
    rows: Option<u64>,
}

impl<W: Write> JsonTables<'_, W> {
    fn begin(&mut self, table: &str, columns: &[Column]) -> Result<(), String> {
        self.names = columns.iter().map(|column| column.name.clone()).collect();
        let opening = if self.rows.is_some() { "\n],\n" } else { "{\n" };
        self.rows = Some(0);
        write!(self.out, "{opening}{}: [", Value::from(table)).map_err(|error| unwritable(&error))
    }

    fn row(&mut self, cells: Vec<Value>) -> Result<(), String> {
        let object: serde_json::Map<String, Value> = self.names.iter().cloned().zip(cells).collect();
        let rows = self.rows.get_or_insert(0);
        let between = if *rows == 0 { "\n" } else { ",\n" };
        *rows += 1;
        write!(self.out, "{between}{}", Value::Object(object)).map_err(|error| unwritable(&error))
    }

    fn end(self) -> Result<(), String> {
        let closing = if self.rows.is_some() { "\n]\n}\n" } else { "{}\n" };
        self.out.write_all(closing.as_bytes()).map_err(|error| unwritable(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_never_becomes_a_formula_and_a_number_stays_one() {
        for (cell, expected) in [
            (Value::from("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")"),
            (Value::from("@SUM(1)"), "'@SUM(1)"),
            (Value::from("-1.5"), "-1.5"),
            (Value::from("oversold"), "oversold"),
            (Value::from(-7), "-7"),
            (Value::Null, ""),
        ] {
            assert_eq!(csv_cell(&cell), expected);
        }
    }
}
