//! The binary: parses the command line and hands over.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    kestrel::commands::run(kestrel::cli::Cli::parse())
}
