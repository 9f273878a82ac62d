//! The command line of backtests.

use std::path::PathBuf;

use clap::Args;
use domain::Market;

/// Which strategy, on which bars.
#[derive(Clone, Debug, Args)]
pub struct BacktestArgs {
    /// The strategy, a JSON file.
    #[arg(long, value_name = "FILE")]
    pub strategy: PathBuf,
    /// The folder of the bars: files *.csv, each with a header symbol,date,open,high,low,close,volume and, for splits and
    /// dividends, adj_close. A file's name begins with its market, as in KR_daily.csv or us_daily.csv. At most 256 MiB of a
    /// file and 512 MiB in all are read.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// The market of all files, e.g. KR, whatever their names say.
    #[arg(long, value_name = "CODE")]
    pub market: Option<Market>,
    /// Draw equity, drawdown and trades into this file.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Print JSON, with every trade and every day's equity.
    #[arg(long)]
    pub json: bool,
}
