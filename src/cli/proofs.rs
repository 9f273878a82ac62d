//! The command line of proofs: verify and soak.

use std::path::PathBuf;

use clap::Args;
use domain::Market;
#[cfg(feature = "mutants")]
use supervision::mutant::Mutant;

/// What is verified.
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    /// How many seeds, 1 to 1000000. From 50 on, a set that misses a kind of fault, has fewer than 10000 orders under faults or fewer than
    /// 500 crashes fails as too weak.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    pub first_seed: u64,
    /// Go on with further seeds until so many orders were sent under faults, 0 to 10000000.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = clap::value_parser!(u64).range(0..=10_000_000))]
    pub orders: u64,
    /// Trading days with faults under each seed, 1 to 250; a day without follows.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=250))]
    pub days: u32,
    /// Minutes before each close in which the agent trades under faults, on average, 2 to 390.
    #[arg(long, default_value_t = 45, value_parser = clap::value_parser!(u32).range(2..=390))]
    pub minutes: u32,
    /// Keep the agent up day and night instead, with two decisions a day, through weekends, holidays and daylight saving.
    #[arg(long, conflicts_with = "minutes")]
    pub calendar: bool,
    /// Markets, separated by commas, any of the ten.
    #[arg(long, value_delimiter = ',', default_value = "KR,US_NASDAQ")]
    pub markets: Vec<Market>,
    /// Let a language model judge that wants to buy everything it may, always, with confidence 100, and sells nothing.
    #[arg(long)]
    pub compromised_model: bool,
    /// Print JSON instead of lines.
    #[arg(long)]
    pub json: bool,
    /// Print what led to a violation, event by event.
    #[arg(long)]
    pub story: bool,
    /// Measure the gates of evolution instead: how often they accept luck, and how often they find a hidden strategy. Exit 1 when they do
    /// not hold. The randomness starts at --first-seed.
    #[arg(long, conflicts_with_all = ["seeds", "orders", "days", "minutes", "calendar", "markets", "compromised_model", "story"])]
    pub gate: bool,
    /// Families of random strategies for that, of each kind, 1 to 10000.
    #[arg(long, value_name = "N", requires = "gate", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub families: u32,
    /// Rehearse evolution as a whole instead, on made-up markets: `planted` has an edge, which must be found, proposed, and active after a
    /// yes; `none` has none, and no more may be proposed than luck may. Exit 1 otherwise. The randomness starts at --first-seed.
    #[arg(long, value_name = "WHAT", value_enum, conflicts_with_all = ["seeds", "orders", "days", "minutes", "calendar", "markets", "compromised_model", "story", "gate"])]
    pub evolution: Option<Rehearsed>,
    /// Cycles for `--evolution none`, 1 to 1000.
    #[arg(long, value_name = "N", requires = "evolution", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub cycles: u32,
    /// Make a deliberate mistake, by its name, and stop at the first seed that catches it.
    #[cfg(feature = "mutants")]
    #[arg(long, value_parser = mutant)]
    pub mutant: Option<Mutant>,
}

/// What market evolution is rehearsed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Rehearsed {
    /// Stocks recover after a fall.
    Planted,
    /// Nothing foretells anything.
    None,
}

/// How long, and what is shown of it.
#[derive(Clone, Debug, Args)]
pub struct SoakArgs {
    /// Simulated days, 2 to 730.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(2..=730))]
    pub days: u32,
    /// Seed of prices, faults and crashes; the same seed gives the same orders.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Markets, separated by commas, any of the ten.
    #[arg(long, value_delimiter = ',', default_value = "KR,US_NASDAQ")]
    pub markets: Vec<Market>,
    /// Print JSON instead of lines.
    #[arg(long)]
    pub json: bool,
    /// Draw the curves into this file, which must not exist.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

/// A mutant by its name.
#[cfg(feature = "mutants")]
fn mutant(name: &str) -> Result<Mutant, String> {
    Mutant::named(name)
}
