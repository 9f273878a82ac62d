//! Lines for people on standard output. A closed pipe is not an error, and never a panic.

use std::fmt::Display;
use std::io::Write;

/// Prints one line.
pub fn line(text: impl Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

/// Prints one line; false when nobody reads any more.
pub fn is_read(text: impl Display) -> bool {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).is_ok()
}

/// Writes over the current line of standard error, for whoever waits at a terminal; `done` follows on a line of its own.
pub fn progress(text: impl Display) {
    let mut out = std::io::stderr().lock();
    let _ = write!(out, "\r{text} ");
    let _ = out.flush();
}

/// Prints one line to standard error.
pub fn complain(text: impl Display) {
    let mut out = std::io::stderr().lock();
    let _ = writeln!(out, "kestrel: {text}");
    let _ = out.flush();
}
