//! Boots the true program on a temporary directory and talks to it as its operator does.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use domain::messages::control::TradingState;
use kestrel::control::client;
use kestrel::control::wire::{Reply, Request, Status};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Longest wait for anything that should happen soon; far above what a healthy run needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running `kestrel run`, killed when dropped.
pub(crate) struct Agent {
    child: Child,
}

impl Agent {
    /// Starts the program on `dir` with further settings, and waits until it has reconciled, halted or not.
    pub(crate) fn start(dir: &TempDir, settings: &[(&str, &str)]) -> Self {
        let mut agent = Self { child: command(dir, settings).arg("run").spawn().unwrap() };
        let answered = until(PATIENCE, || {
            assert!(agent.child.try_wait().unwrap().is_none(), "the agent ended early: {}", log_of(dir));
            let ready = |status: Status| status.trading.is_some_and(|state| state != TradingState::Starting);
            status_of(dir).is_some_and(ready).then_some(())
        });
        assert!(answered.is_some(), "the agent does not answer: {}", log_of(dir));
        agent
    }

    /// Waits for the end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let ended = until(PATIENCE, || self.child.try_wait().unwrap());
        ended.expect("the agent ends in time")
    }

    /// SIGKILL: no chance to tidy up.
    pub(crate) fn kill_9(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Any signal.
    pub(crate) fn signal(&self, signal: Signal) {
        send_signal(&self.child, signal);
    }

    /// True when SIGSTOP has reached every thread.
    pub(crate) fn is_stopped(&self) -> bool {
        let mut threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().flatten();
        // The state follows the name in brackets.
        let stopped = |stat: String| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'));
        threads.all(|thread| std::fs::read_to_string(thread.path().join("stat")).is_ok_and(stopped))
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// An agent that was started otherwise.
    pub(crate) fn of(child: Child) -> Self {
        Self { child }
    }

    /// Its exit, if it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process of ours.
pub(crate) fn send_signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// The program with a clean environment, its data in `dir`, its log in `dir/log`.
pub(crate) fn command(dir: &TempDir, settings: &[(&str, &str)]) -> Command {
    let log = std::fs::File::options().create(true).append(true).open(dir.path().join("log")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kestrel"));
    command.env_clear().current_dir(dir.path()).envs(settings.iter().copied());
    command.env("DB_PATH", database(dir.path())).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command
}

/// Where the program's database is.
pub(crate) fn database(dir: &Path) -> std::path::PathBuf {
    dir.join("data").join("trades.db")
}

/// What the program has logged so far.
pub(crate) fn log_of(dir: &TempDir) -> String {
    std::fs::read_to_string(dir.path().join("log")).unwrap_or_default()
}

/// Asks the running agent.
pub(crate) fn ask(dir: &TempDir, request: &Request) -> Reply {
    client::ask(&dir.path().join("data"), request).unwrap()
}

/// The agent's status, if it answers.
pub(crate) fn status_of(dir: &TempDir) -> Option<Status> {
    match client::ask(&dir.path().join("data"), &Request::Status) {
        Ok(Reply::Status(status)) => Some(*status),
        Ok(_) | Err(_) => None,
    }
}

/// The shortest of up to three measurements, as soon as one is below `limit`: a loaded machine makes one of them slow,
/// and only what is slow by itself is slow three times.
pub(crate) fn best_of_three(limit: Duration, mut measure: impl FnMut() -> Duration) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        best = best.min(measure());
        if best < limit {
            break;
        }
    }
    best
}

/// Answers on loopback from a thread of its own for as long as the tests run; the address.
pub(crate) fn serve(router: axum::Router) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
    });
    url
}

/// What `probe` gives as soon as it gives something, or none after `within`.
pub(crate) fn until<T>(within: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(value) = probe() {
            return Some(value);
        }
        if start.elapsed() > within {
            return None;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
