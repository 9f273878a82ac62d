//! The order paths of four peers, as small models of what their documents and sources say, and Kestrel itself, under
//! the same script of faults: `cargo bench --bench peers`.
//!
//! The models are not the programs. Each is a reading of one program's documented order path, given the interface of
//! the simulated exchange; see the head of its file. Kestrel is the whole house as it ships, in virtual time.
//!
//! | argument | meaning |
//! |---|---|
//! | `--seeds N` | that many days, each with its own prices, wishes and faults; ten unless told otherwise |
//! | `--markdown` | the table as the README has it |
//! | `--json` | the table for a program |

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a bench is read on a terminal and ends at the first fault"
)]

mod client;
mod freqtrade;
mod house;
mod model;
mod nautilus;
mod network;
mod ouroboros;
mod rustrade;
mod script;
mod stage;

use std::sync::Arc;

use script::Wish;
use stage::{Believed, Stage, Tally};

const SEEDS: u64 = 10;

/// A system under test.
struct Contender {
    name: &'static str,
    live: fn(&Stage) -> Believed,
}

const CONTENDERS: [Contender; 5] = [
    Contender { name: "Ouroboros (model)", live: model::live::<ouroboros::Ouroboros> },
    Contender { name: "freqtrade (model)", live: model::live::<freqtrade::Freqtrade> },
    Contender { name: "rustrade (model)", live: model::live::<rustrade::Rustrade> },
    Contender { name: "NautilusTrader (model)", live: model::live::<nautilus::Nautilus> },
    Contender { name: "Kestrel", live: house::live },
];

/// How the table is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Terminal,
    Markdown,
    Json,
}

fn main() {
    let (seeds, form) = arguments();
    let mut tallies = [Tally::default(); CONTENDERS.len()];
    for seed in 1..=seeds {
        let wishes = stage::runtime().block_on(stage::wishes(seed, &house::settings()));
        for (tally, contender) in tallies.iter_mut().zip(&CONTENDERS) {
            *tally = tally.plus(day(contender, seed, &wishes));
        }
        if form == Form::Terminal {
            show_progress(seed, seeds);
        }
    }
    match form {
        Form::Terminal => print_table(&tallies),
        Form::Markdown => print_markdown(&tallies),
        Form::Json => print_json(&tallies),
    }
    let ours = tallies[tallies.len() - 1];
    assert!(ours.is_clean(), "Kestrel doubled, lost or misjudged an order");
}

fn day(contender: &Contender, seed: u64, wishes: &Arc<[Wish]>) -> Tally {
    let stage = Stage::new(seed, wishes.clone());
    let believed = (contender.live)(&stage);
    stage::runtime().block_on(stage.compare(&believed))
}

fn arguments() -> (u64, Form) {
    let (mut seeds, mut form) = (SEEDS, Form::Terminal);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seeds" => {
                let number = arguments.next().and_then(|text| text.parse().ok()).filter(|seeds| *seeds > 0);
                seeds = number.expect("--seeds wants a number above 0");
            }
            "--markdown" => form = Form::Markdown,
            "--json" => form = Form::Json,
            other => {
                // Cargo adds `--bench` to every bench.
                assert_eq!(other, "--bench", "allowed are --seeds N, --markdown and --json");
            }
        }
    }
    (seeds, form)
}

#[expect(clippy::print_stderr, reason = "progress is no part of the table")]
fn show_progress(seed: u64, seeds: u64) {
    eprint!("\rday {seed} of {seeds}{}", if seed == seeds { "\n\n" } else { "" });
}

/// Head of a column: in few letters, and in words.
const COLUMNS: [(&str, &str); 7] = [
    ("wishes", "wishes to be in or out of a stock; who is there already sends nothing"),
    ("orders", "orders that the exchange took"),
    ("doubled", "purchases of a stock that was held, or being bought, already"),
    ("orphaned", "orders at the exchange that the books do not have"),
    ("dead, alive", "orders that the books call rejected, or never noted, and that the exchange took"),
    ("positions", "positions that are wrong at the end of the day, of twelve each day"),
    (
        "closed, min",
        "minutes in which a stock was closed because of an order of unknown fate, or all of them while not ready",
    ),
];

fn cells(tally: &Tally) -> [u64; 7] {
    [
        tally.wishes,
        tally.orders,
        tally.doubled,
        tally.orphaned,
        tally.declared_dead,
        tally.positions_wrong,
        tally.blocked_minutes,
    ]
}

fn print_table(tallies: &[Tally]) {
    println!("{:<24}{}", "", COLUMNS.map(|(head, _)| format!("{head:>13}")).concat());
    for (tally, contender) in tallies.iter().zip(&CONTENDERS) {
        println!("{:<24}{}", contender.name, cells(tally).map(|cell| format!("{cell:>13}")).concat());
    }
    println!();
    for (head, words) in COLUMNS {
        println!("{head:<13}{words}");
    }
}

fn print_markdown(tallies: &[Tally]) {
    println!("| | {} |", COLUMNS.map(|(head, _)| head).join(" | "));
    println!("|---|{}", "---:|".repeat(COLUMNS.len()));
    for (tally, contender) in tallies.iter().zip(&CONTENDERS) {
        println!("| {} | {} |", contender.name, cells(tally).map(|cell| cell.to_string()).join(" | "));
    }
}

fn print_json(tallies: &[Tally]) {
    let lines = tallies.iter().zip(&CONTENDERS);
    let lines: serde_json::Map<String, serde_json::Value> =
        lines.map(|(tally, contender)| (contender.name.to_owned(), serde_json::json!(tally))).collect();
    println!("{}", serde_json::Value::Object(lines));
}
