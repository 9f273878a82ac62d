//! Logging: to standard error, never blocking and never panicking.
//!
//! The writer thread drops lines rather than hold up an actor: a full pipe must not stop trading (order-protocol 3,
//! rows 30 and 31).

use std::io::IsTerminal;

use tracing::Dispatch;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogFormat;
use lines::{Escape, Lines};

mod lines;

/// Lines that may wait for a slow terminal; further ones are dropped.
const WAITING_LINES: usize = 8_192;

/// Starts logging. Keep the guard until the end: dropping it writes what is left.
///
/// # Errors
/// When `filter` is no tracing filter, or logging was started before.
pub fn start(filter: &str, format: LogFormat) -> Result<WorkerGuard, String> {
    let filter = EnvFilter::builder().parse(filter).map_err(|error| {
        format!("KESTREL_LOG or RUST_LOG: {error}; allowed: e.g. info or info,broker=debug")
    })?;
    let (writer, guard) = tracing_appender::non_blocking::NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING_LINES)
        .lossy(true)
        .finish(std::io::stderr());
    dispatch(filter, escape(format), writer).try_init().map_err(|error| error.to_string())?;
    log_panics();
    Ok(guard)
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
