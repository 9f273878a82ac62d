//! The command line of taking the books elsewhere.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, ValueEnum};
use domain::Market;

/// Which tables, and how they are written.
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// How.
    #[arg(long, value_enum)]
    pub format: ExportFormat,
    /// This table only; CSV needs one.
    #[arg(long, value_name = "TABLE")]
    pub table: Option<String>,
}

/// How tables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A head and a line per row; texts that a spreadsheet would compute get an apostrophe before them.
    Csv,
    /// An object with an array of rows per table.
    Json,
}

/// What is taken over.
#[derive(Clone, Debug, Args)]
pub struct ImportTradesArgs {
    /// A database of the Python original, e.g. trade_logs.db; it is only read.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Where the copy goes.
#[derive(Clone, Debug, Args)]
pub struct BackupArgs {
    /// The copy; a file of that name must not exist.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which session is decided anew.
#[derive(Clone, Debug, Args)]
pub struct ReplayArgs {
    /// The session date, by the market's own calendar, e.g. 2026-11-24.
    #[arg(long, value_name = "DATE")]
    pub date: NaiveDate,
    /// This market only, e.g. KR.
    #[arg(long, value_name = "CODE")]
    pub market: Option<Market>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
