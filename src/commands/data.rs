//! `kestrel data`.

use std::path::Path;
use std::process::ExitCode;

use domain::Clock as _;
use market_clock::Calendar;

use super::elsewhere::database;
use super::{exit, failed, show};
use crate::cli::{DataArgs, DataCommand, DataImportArgs};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::data::{self, Imported, Status};
use crate::store::{lock_data_dir, open_read_only};
use crate::{hardening, markets};

/// Refused rows of each file that the status may name.
const REFUSALS_SHOWN: i64 = 20;

pub(super) fn data(args: &DataArgs) -> ExitCode {
    let shown = match &args.command {
        DataCommand::Import(args) => import(args).map(|done| show(&done, args.json)),
        DataCommand::Status(args) => status().map(|status| show(&status, args.json)),
    };
    match shown {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(why, exit::FAILED),
    }
}

/// Only one process writes the books: while an agent runs, this one does not.
fn import(args: &DataImportArgs) -> Result<Imported, String> {
    hardening::harden()?;
    let books = database()?;
    let _lock = lock_data_dir(books.parent().unwrap_or(Path::new("."))).map_err(|error| error.to_string())?;
    let known = (&calendar()?, SystemClock.now());
    data::import(&books, &args.file, args.market, known).map_err(|error| error.to_string())
}

fn status() -> Result<Status, String> {
    let mut reader = open_read_only(database()?).map_err(|error| error.to_string())?;
    let held = reader.held_bars().map_err(|error| error.to_string())?;
    let imports = reader.bar_imports(REFUSALS_SHOWN).map_err(|error| error.to_string())?;
    Ok(data::status(held, &imports, &calendar()?))
}

/// The calendar as the agent has it, the operator's word included.
fn calendar() -> Result<Calendar, String> {
    let (calendar, _exits) = markets::calendar(Config::calendar_overrides_setting().as_deref())?;
    calendar.fault().map_or(Ok(()), |fault| Err(fault.to_string()))?;
    Ok(calendar)
}
