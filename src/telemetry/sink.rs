//! The far end of the log: a thread that writes line by line, and a word about every line that found no room.
//!
//! Nobody who logs ever waits for it. While it is stuck in a write, lines pile up to a limit, and those beyond are counted
//! and gone; the first line that is taken again is followed, in its place, by one that says how many.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::{Duration, Instant};

use tracing::dispatcher::{self, WeakDispatch};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// Lines that may wait for a slow terminal; further ones are dropped.
pub(super) const WAITING_LINES: usize = 8_192;
/// Between two words about lost lines, so that they do not take the room of what they speak of.
const TOLD_EVERY: Duration = Duration::from_secs(1);
/// The end of the process waits no longer than this for the lines that are left: a little more than their own thread does.
const DRAINED_WITHIN: Duration = Duration::from_millis(1_500);

/// Counts the lines that reached nobody, and lets the sink say so.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// Those that found no room; known once the queue is.
    full: OnceLock<ErrorCounter>,
    /// Those that the other end refused, as a closed pipe does.
    refused: AtomicU64,
    /// The log that the sink speaks in; known once there is one.
    log: OnceLock<WeakDispatch>,
}

impl Losses {
    /// Lines since the start.
    pub(super) fn lines(&self) -> u64 {
        let full = self.full.get().map_or(0, ErrorCounter::dropped_lines);
        u64::try_from(full).unwrap_or(u64::MAX).saturating_add(self.refused.load(Ordering::Relaxed))
    }

    /// Lets the sink speak in this log.
    pub(super) fn are_told_in(&self, log: WeakDispatch) {
        let _ = self.log.set(log);
    }
}

/// Writes what is left when it is dropped, and gives up if nobody takes it.
#[derive(Debug)]
pub struct LogGuard(Option<WorkerGuard>);

impl Drop for LogGuard {
    fn drop(&mut self) {
        let Some(guard) = self.0.take() else { return };
        let (done, over) = mpsc::channel();
        // A guard whose queue is full complains on standard output, which may be as stuck as the log.
        let waits = std::thread::Builder::new().name("log-end".into()).spawn(move || {
            drop(guard);
            let _ = done.send(());
        });
        if waits.is_ok() {
            let _ = over.recv_timeout(DRAINED_WITHIN);
        }
    }
}

/// A way into `sink` that never blocks, what ends it, and what counts the lines it loses.
pub(super) fn open(sink: impl Write + Send + 'static) -> (NonBlocking, LogGuard, Arc<Losses>) {
    let losses = Arc::new(Losses::default());
    let sink = Sink { inner: sink, losses: losses.clone(), is_taken: true, told: 0, told_at: None };
    let builder = NonBlockingBuilder::default().buffered_lines_limit(WAITING_LINES).lossy(true);
    let (writer, guard) = builder.finish(sink);
    let _ = losses.full.set(writer.error_counter());
    (writer, LogGuard(Some(guard)), losses)
}

struct Sink<W> {
    inner: W,
    losses: Arc<Losses>,
    /// The other end has taken the last line.
    is_taken: bool,
    /// How many lost lines the log has been told of, and when.
    told: u64,
    told_at: Option<Instant>,
}

impl<W: Write> Sink<W> {
    /// The word goes the way of every line: behind those that waited, where the lost ones would have been. Each line that is
    /// taken out for writing leaves room for one, so this comes before it is written.
    fn tell_losses(&mut self) {
        let lost = self.losses.lines();
        if !self.is_taken || lost <= self.told || self.told_at.is_some_and(|at| at.elapsed() < TOLD_EVERY) {
            return;
        }
        let Some(log) = self.losses.log.get().and_then(WeakDispatch::upgrade) else { return };
        let lines = lost - self.told;
        dispatcher::with_default(&log, || {
            tracing::error!(lines, total = lost, "lines of this log were lost: nobody took them in time");
        });
        // That line may be lost as well; then it is said again.
        if self.losses.lines() == lost {
            self.told = lost;
        }
        self.told_at = Some(Instant::now());
    }
}

impl<W: Write> Write for Sink<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.write_all(line).map(|()| line.len())
    }

    fn write_all(&mut self, line: &[u8]) -> io::Result<()> {
        self.tell_losses();
        let written = self.inner.write_all(line);
        self.is_taken = written.is_ok();
        if !self.is_taken {
            self.losses.refused.fetch_add(1, Ordering::Relaxed);
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
