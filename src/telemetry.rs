//! Logging: to standard error, never blocking and never panicking.
//!
//! The writer thread drops lines rather than hold up an actor: a full pipe must not stop trading (order-protocol 3,
//! rows 30 and 31). What is lost is counted, and said in the log itself, by `kestrel status` and in the metrics.

mod lines;
mod sink;

use std::io::{IsTerminal, Write};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use tracing::{Dispatch, dispatcher};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogFormat;
use lines::{Escape, Lines};
use sink::Losses;

pub use sink::LogGuard;

/// How the lines of this process look, once its log is open.
static ESCAPE: OnceLock<Escape> = OnceLock::new();
/// Longest wait for the last words of a process that must end at once.
const LAST_WORDS_WITHIN: Duration = Duration::from_millis(200);

/// What the log of this process has lost.
static LOSSES: OnceLock<Arc<Losses>> = OnceLock::new();

/// Starts logging. Keep the guard until the end: dropping it writes what is left.
///
/// # Errors
/// When `filter` is no tracing filter, or logging was started before.
pub fn start(filter: &str, format: LogFormat) -> Result<LogGuard, String> {
    let filter = EnvFilter::builder().parse(filter).map_err(|error| {
        format!("KESTREL_LOG or RUST_LOG: {error}; allowed: e.g. info or info,broker=debug")
    })?;
    let escape = escape(format);
    let Log { dispatch, guard, losses } = Log::open(std::io::stderr(), filter, escape);
    dispatch.try_init().map_err(|error| error.to_string())?;
    let _ = LOSSES.set(losses);
    let _ = ESCAPE.set(escape);
    log_panics();
    Ok(guard)
}

/// Lines of this process's log that reached nobody; 0 as well where no log was started.
pub fn lost_lines() -> u64 {
    LOSSES.get().map_or(0, |losses| losses.lines())
}

/// Lets `say` log straight to standard error, whatever the filter, past the queue that nobody empties once the process exits. Waits
/// for a fifth of a second at most: nobody may read.
pub(crate) fn last_words(say: impl FnOnce() + Send + 'static) {
    let escape = ESCAPE.get().copied().unwrap_or(Escape::Plain);
    let (done, over) = mpsc::channel();
    let writes = std::thread::Builder::new().name("last-words".into()).spawn(move || {
        dispatcher::with_default(&dispatch(EnvFilter::new("error"), escape, std::io::stderr), say);
        let _ = done.send(());
    });
    if writes.is_ok() {
        let _ = over.recv_timeout(LAST_WORDS_WITHIN);
    }
}

/// A log that is not in use yet.
struct Log {
    dispatch: Dispatch,
    guard: LogGuard,
    losses: Arc<Losses>,
}

impl Log {
    fn open(sink: impl Write + Send + 'static, filter: EnvFilter, escape: Escape) -> Self {
        let (writer, guard, losses) = sink::open(sink);
        let dispatch = dispatch(filter, escape, writer);
        losses.are_told_in(dispatch.downgrade());
        Self { dispatch, guard, losses }
    }
}

fn escape(format: LogFormat) -> Escape {
    match (format, std::io::stderr().is_terminal()) {
        (LogFormat::Auto | LogFormat::Text, true) => Escape::Coloured,
        (LogFormat::Text, false) => Escape::Plain,
        (LogFormat::Auto, false) | (LogFormat::Json, true | false) => Escape::Json,
    }
}

fn dispatch<W>(filter: EnvFilter, escape: Escape, writer: W) -> Dispatch
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let lines = Lines { inner: writer, escape };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines);
    match escape {
        Escape::Json => Dispatch::new(builder.json().flatten_event(true).with_span_list(true).finish()),
        Escape::Plain => Dispatch::new(builder.with_ansi(false).finish()),
        Escape::Coloured => Dispatch::new(builder.with_ansi(true).finish()),
    }
}

/// A panic becomes one log line. The supervisor decides what follows.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let text = panic.payload_as_str().unwrap_or("no text");
        tracing::error!(target: "panic", place, "{text}");
    }));
}

#[cfg(test)]
mod tests;
