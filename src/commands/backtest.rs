//! `kestrel backtest`.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use domain::Clock as _;

use super::{exit, failed, show};
use crate::backtest::{self, Report, Wanted};
use crate::cli::BacktestArgs;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::markets;

pub(super) fn backtest(args: &BacktestArgs) -> ExitCode {
    match report(args) {
        Ok(report) => {
            show(&report, args.json);
            ExitCode::SUCCESS
        }
        Err(why) => failed(why, exit::FAILED),
    }
}

fn report(args: &BacktestArgs) -> Result<Report, String> {
    let (calendar, _exits) = markets::calendar(Config::calendar_overrides_setting().as_deref())?;
    calendar.fault().map_or(Ok(()), |fault| Err(fault.to_string()))?;
    let BacktestArgs { strategy, data, market, svg, .. } = args.clone();
    let shows_progress = !args.json && std::io::stderr().is_terminal();
    let wanted = Wanted { strategy, data, market, svg, shows_progress };
    backtest::run(&wanted, (&calendar, SystemClock.now())).map_err(|error| error.to_string())
}
