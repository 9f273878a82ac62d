//! The page and the metrics of the true program on the books of a year, over its own door.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Looks that find nothing fresh, so that everything is read anew; the books are counted again after five seconds.
const LOOKS: usize = 6;
const STALE_AFTER: Duration = Duration::from_millis(5_100);
/// Looks one after the other, most of which are told what the one before has found.
const QUICK_LOOKS: usize = 200;
/// Medians: with everything read anew, and at once after it.
const ANEW_BAR: Duration = Duration::from_millis(250);
const QUICK_BAR: Duration = Duration::from_millis(20);
/// Longest wait for a start, which checks the whole database.
const PATIENCE: Duration = Duration::from_secs(60);

struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Prints a line for each; true when all bars are met. `folder` holds the books in `data/trades.db`.
pub(crate) fn measure(folder: &Path) -> bool {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut agent = Command::new(env!("CARGO_BIN_EXE_kestrel"));
    agent.arg("run").env_clear().current_dir(folder).env("DB_PATH", folder.join("data/trades.db"));
    agent
        .env("WEB_LISTEN", address.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _agent = Agent(agent.spawn().unwrap());
    let begun = Instant::now();
    while !has(address, "/metrics", "kestrel_books_readable 1") {
        assert!(begun.elapsed() < PATIENCE, "the agent does not read the books in time");
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let (mut page, mut metrics) = (Vec::new(), Vec::new());
    for _ in 0..LOOKS {
        std::thread::park_timeout(STALE_AFTER);
        page.push(timed(address, "/", "</html>"));
        std::thread::park_timeout(STALE_AFTER);
        metrics.push(timed(address, "/metrics", "kestrel_fills_total 20000"));
    }
    let quick = |path, part| (0..QUICK_LOOKS).map(|_| timed(address, path, part)).collect();
    println!("{:<34} {:>10} {:>10} {:>10}", "over the web", "median", "slowest", "bar");
    let told = [
        told("the page, all read anew", page, ANEW_BAR),
        told("/metrics, all read anew", metrics, ANEW_BAR),
        told("the page, at once again", quick("/", "</html>"), QUICK_BAR),
        told("/metrics, at once again", quick("/metrics", "kestrel_fills_total 20000"), QUICK_BAR),
    ];
    told.into_iter().all(|met| met)
}

fn told(name: &str, mut times: Vec<Duration>, bar: Duration) -> bool {
    times.sort_unstable();
    let (median, slowest) = (times[times.len() / 2], times[times.len() - 1]);
    let missed = median > bar;
    println!(
        "{name:<34} {median:>10.1?} {slowest:>10.1?} {bar:>10.1?}{}",
        if missed { "  MISSED" } else { "" }
    );
    !missed
}

fn timed(address: SocketAddr, path: &str, part: &str) -> Duration {
    let begun = Instant::now();
    assert!(has(address, path, part), "{part} is not in {path}");
    begun.elapsed()
}

fn has(address: SocketAddr, path: &str, part: &str) -> bool {
    let Ok(mut line) = TcpStream::connect(address) else { return false };
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    line.write_all(request.as_bytes()).is_ok()
        && line.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
        && answer.contains(part)
}
