//! Logging: to standard error, never blocking and never panicking.
//!
//! The writer thread drops lines rather than hold up an actor: a full pipe must not stop trading (order-protocol 3,
//! rows 30 and 31).

use std::io::IsTerminal;

use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogFormat;

/// Lines that may wait for a slow terminal; further ones are dropped.
const WAITING_LINES: usize = 8_192;

/// Starts logging. Keep the guard until the end: dropping it writes what is left.
///
/// # Errors
/// When `filter` is no tracing filter, or logging was started before.
pub fn start(filter: &str, format: LogFormat) -> Result<WorkerGuard, String> {
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(|error| format!("KESTREL_LOG: {error}; allowed: e.g. info or info,broker=debug"))?;
    let (writer, guard) = tracing_appender::non_blocking::NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING_LINES)
        .lossy(true)
        .finish(std::io::stderr());
    subscribe(filter, wants_json(format), writer).map_err(|error| error.to_string())?;
    log_panics();
    Ok(guard)
}

fn wants_json(format: LogFormat) -> bool {
    match format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    }
}

fn subscribe(
    filter: EnvFilter,
    json: bool,
    writer: NonBlocking,
) -> Result<(), tracing_subscriber::util::TryInitError> {
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    if json {
        builder.json().flatten_event(true).with_span_list(false).finish().try_init()
    } else {
        builder.with_ansi(std::io::stderr().is_terminal()).finish().try_init()
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
