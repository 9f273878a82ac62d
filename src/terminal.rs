//! Lines for people on standard output. A closed pipe is not an error, and never a panic.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Lines that wait for a reader; further ones are lost.
const WAITING_LINES: usize = 1_024;

/// Prints from a thread of its own, for whoever may never wait for the reader of standard output.
pub struct Printer {
    waiting: SyncSender<String>,
    lost: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Printer {
    /// Begins to print.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start() -> io::Result<Self> {
        let (waiting, lines) = sync_channel(WAITING_LINES);
        let lost = Arc::new(AtomicU64::new(0));
        let told = lost.clone();
        let thread =
            std::thread::Builder::new().name("printer".into()).spawn(move || print(&lines, &told))?;
        Ok(Self { waiting, lost, thread })
    }

    /// Prints one line as soon as the ones before it are read, or counts it as lost where too many wait. Never waits.
    pub fn say(&self, text: impl Display) {
        if self.waiting.try_send(text.to_string()).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all that waits is read.
    pub fn end(self) {
        let Self { waiting, lost: _, thread } = self;
        drop(waiting);
        // What it printed is printed, however it ended.
        let _ = thread.join();
    }
}

fn print(lines: &Receiver<String>, lost: &AtomicU64) {
    let tell_lost = || match lost.swap(0, Ordering::Relaxed) {
        0 => {}
        count => line(format_args!("({count} lines were lost here: nobody took them in time)")),
    };
    for text in lines {
        line(text);
        tell_lost();
    }
    tell_lost();
}

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
