//! The command line of bars.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::Market;

/// Bars.
#[derive(Clone, Debug, Args)]
pub struct DataArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: DataCommand,
}

/// What to do with bars.
#[derive(Clone, Debug, Subcommand)]
pub enum DataCommand {
    /// Take daily bars of a CSV file into the books, each once; the agent must not be running.
    Import(DataImportArgs),
    /// Show which stocks and days the books hold, gaps against the calendar, and rows that were refused.
    Status(DataStatusArgs),
}

/// Which file.
#[derive(Clone, Debug, Args)]
pub struct DataImportArgs {
    /// The file, with a header: symbol,date,open,high,low,close,volume and, for splits and dividends, adj_close. Dates are
    /// YYYY-MM-DD. At most 256 MiB are read.
    #[arg(value_name = "CSV")]
    pub file: PathBuf,
    /// The market of its stocks, e.g. KR.
    #[arg(long, value_name = "CODE")]
    pub market: Market,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// How it is shown.
#[derive(Clone, Copy, Debug, Args)]
pub struct DataStatusArgs {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
