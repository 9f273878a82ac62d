//! A person at the control socket: looks all the time, notes when a start is over, and lifts halts if told to.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use domain::messages::control::TradingState;
use kestrel::control::client;
use kestrel::control::wire::{Reply, Request, Status};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(4);

/// The person, gone when dropped.
pub(crate) struct Operator {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    data: PathBuf,
    gone: AtomicBool,
    life: Mutex<Life>,
}

#[derive(Clone, Copy)]
struct Life {
    started: Instant,
    /// From the start of the process to an answer that says how trading stands: recovered, reconciled and decided.
    safe_after: Option<Duration>,
}

impl Operator {
    /// A person who resumes every halt on `data`.
    pub(crate) fn who_resumes(data: &Path) -> Self {
        let life = Mutex::new(Life { started: Instant::now(), safe_after: None });
        let shared = Arc::new(Shared { data: data.to_owned(), gone: AtomicBool::new(false), life });
        let seen = shared.clone();
        let thread = std::thread::spawn(move || {
            while !seen.gone.load(Ordering::Relaxed) {
                seen.look();
                std::thread::park_timeout(LOOK_EVERY);
            }
        });
        Self { shared, thread: Some(thread) }
    }

    /// A process is started now.
    pub(crate) fn life_begins(&self) {
        *self.shared.life.lock().unwrap() = Life { started: Instant::now(), safe_after: None };
    }

    /// How long the present life took to be safe, if it got there.
    pub(crate) fn safe_after(&self) -> Option<Duration> {
        self.shared.life.lock().unwrap().safe_after
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.shared.gone.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The request that lifts one halt.
pub(crate) fn resume(halt: String) -> Request {
    let (by, reason) = ("the rig's operator".into(), String::new());
    Request::Resume { halt: Some(halt), by, reason, reducing: false }
}

impl Shared {
    fn look(&self) {
        let asked_at = Instant::now();
        let Ok(Reply::Status(status)) = client::ask(&self.data, &Request::Status) else { return };
        self.note(asked_at, &status);
        for halt in status.halts {
            // Refused as long as the agent has not recovered: then at the next look.
            let _ = client::ask(&self.data, &resume(halt.id));
        }
    }

    fn note(&self, asked_at: Instant, status: &Status) {
        let decided = status.trading.is_some_and(|state| state != TradingState::Starting);
        let mut life = self.life.lock().unwrap();
        // An answer to a question from before the start came from the life before.
        if decided && asked_at >= life.started && life.safe_after.is_none() {
            life.safe_after = Some(life.started.elapsed());
        }
    }
}
