//! The command that decides a past session anew: `replay`.

use std::process::ExitCode;

use super::{exit, failed, show};
use crate::cli::ReplayArgs;
use crate::config::{Config, Database};
use crate::replay::{Replayed, from_books};

/// Decides a past session anew; success only when all of it comes out as it is booked.
pub(super) fn replay(args: &ReplayArgs) -> ExitCode {
    match replayed(args) {
        Ok(replayed) => {
            let is_equal = replayed.different == 0;
            show(&replayed, args.json);
            if is_equal { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) }
        }
        Err(why) => failed(why, exit::FAILED),
    }
}

fn replayed(args: &ReplayArgs) -> Result<Replayed, String> {
    match Config::database_setting() {
        Database::File(path) => from_books(&path, args.date, args.market),
        Database::Memory => {
            Err("the books are in memory and end with their agent; set DB_PATH to a file".into())
        }
    }
}
