//! Resident memory over a long run: `cargo bench --bench memory`, about three minutes.
//!
//! `kestrel verify --calendar` keeps the agent up day and night, through crashes; it is run for two days and for a quarter
//! of a year, and the highest resident memory of each is compared. The figure holds the whole process: the agent, its
//! database in memory, the simulated exchange, and everything that verification notes down to check it later. So the agent
//! itself grows by less. `KESTREL_DAYS=250` takes a year.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a bench is read on a terminal and ends at the first fault"
)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const FEW_DAYS: u32 = 2;
const MANY_DAYS: u32 = 63;
/// Invariant 18 of the order protocol, for a simulated year.
const RSS_KIB: u64 = 128 * 1_024;

fn main() {
    let wanted = std::env::var("KESTREL_DAYS").ok();
    let many = wanted.map_or(MANY_DAYS, |days| days.parse().expect("KESTREL_DAYS is a number of days"));
    let few = highest_kib(FEW_DAYS);
    let highest = highest_kib(many);
    println!("resident memory after {FEW_DAYS:>3} trading days: {few:>7} KiB at most");
    println!("resident memory after {many:>3} trading days: {highest:>7} KiB at most, bar {RSS_KIB}");
    // Hundredths, because floats have no place here either.
    let ratio = highest * 100 / few.max(1);
    println!("ratio {}.{:02}", ratio / 100, ratio % 100);
    assert!(highest <= RSS_KIB, "the bar is missed");
}

/// The highest resident memory of a run over so many trading days.
fn highest_kib(days: u32) -> u64 {
    let begun = Instant::now();
    let mut verify = Command::new(env!("CARGO_BIN_EXE_kestrel"));
    verify.args(["verify", "--calendar", "--seeds", "1", "--markets", "KR,US_NASDAQ", "--days"]);
    let mut child = verify.arg(days.to_string()).stdout(Stdio::null()).spawn().expect("the program starts");
    let status = format!("/proc/{}/status", child.id());
    let mut highest = 0;
    let ended = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        highest = highest.max(high_water_kib(&text).unwrap_or(0));
        if let Some(ended) = child.try_wait().expect("the program can be waited for") {
            break ended;
        }
        std::thread::park_timeout(Duration::from_millis(50));
    };
    assert!(ended.success(), "verification over {days} days failed: run it by hand with --story");
    assert!(highest > 0, "/proc does not tell the memory of a process");
    println!("{days} days took {} s", begun.elapsed().as_secs());
    highest
}

fn high_water_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
