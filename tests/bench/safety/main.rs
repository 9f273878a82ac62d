//! What safety costs: from the wish to halt to silence, and from a risk decision to a durable intent:
//! `cargo bench --bench safety`.
//!
//! Ends with 1 when an order left after a halt was answered. It takes about three minutes; `--json` prints for a program.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a bench is read on a terminal and ends at the first fault"
)]

mod books;
mod halt;
mod process;
mod spread;

use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use spread::Spread;
use tempfile::TempDir;

/// Halts of the house in this process.
const TRIALS: usize = 1_000;
/// Halts of a process of its own, through its control socket.
const PROCESS_TRIALS: usize = 100;
/// Orders through the books alone.
const ORDERS: usize = 300;
/// No further trial is begun after this, so that the whole stays within three minutes.
const HALTS_WITHIN: Duration = Duration::from_secs(150);

#[derive(Serialize)]
struct Figures {
    halt: halt::Figures,
    process_answer: Spread,
    books: books::Figures,
}

fn main() -> ExitCode {
    // On the file system that holds the build, which is a disk; a temporary folder may be memory.
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on the disk");
    let figures = Figures {
        books: books::measure(folder.path(), ORDERS),
        process_answer: process::measure(folder.path(), PROCESS_TRIALS),
        halt: halt::measure(folder.path(), TRIALS, HALTS_WITHIN),
    };
    if std::env::args().any(|argument| argument == "--json") {
        println!("{}", serde_json::json!(figures));
    } else {
        print(&figures);
    }
    let Figures { halt, .. } = figures;
    if halt.left_after_answer > 0 {
        println!("FAILED: in {} trials an order left after the halt was answered", halt.left_after_answer);
        return ExitCode::FAILURE;
    }
    if halt.trials < TRIALS {
        println!("FAILED: {} of {TRIALS} trials in the time allowed", halt.trials);
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn print(figures: &Figures) {
    let Figures { halt, process_answer, books } = figures;
    println!("{:<64}{:>10}{:>10}{:>10}", "milliseconds", "p50", "p99", "max");
    line("halt asked, until the last order had left", &halt.silence);
    line("the same, of the trials in which one left after the asking", &halt.silence_when_any);
    line("halt asked, until it was answered", &halt.answer);
    line("halt asked, until it was answered, another process", process_answer);
    line("from one order to the next while they leave", &halt.spacing);
    line("a bare write of 4 KiB and its fsync", &books.bare);
    line("risk decision and durable intent", &books.approve);
    line("durable change to Sending", &books.begin_sending);
    line("durable outcome", &books.record_outcome);
    println!();
    println!(
        "{} halts at random moments, in {} of them orders had begun to leave; {} orders sent in all",
        halt.trials, halt.under_way, halt.orders
    );
    println!("{} trials in which an order left between asking and answer", halt.left_before_answer);
    println!("{} trials in which an order left after the answer; must be 0", halt.left_after_answer);
    let ratio = |of: &Spread| {
        format!("{:.1} at p50, {:.1} at p99", of.p50_ms / books.bare.p50_ms, of.p99_ms / books.bare.p99_ms)
    };
    println!("risk decision and durable intent, in bare fsyncs: {}", ratio(&books.approve));
    println!("change to Sending, in bare fsyncs: {}", ratio(&books.begin_sending));
    println!("outcome, in bare fsyncs: {}", ratio(&books.record_outcome));
    println!(
        "durable commits of an order: {} before its POST, {} after it, {} for a fill",
        books.commits_before_post, books.commits_after_post, books.commits_per_fill
    );
}

fn line(what: &str, spread: &Spread) {
    let Spread { p50_ms, p99_ms, max_ms, .. } = spread;
    println!("{what:<64}{p50_ms:>10.2}{p99_ms:>10.2}{max_ms:>10.2}");
}
