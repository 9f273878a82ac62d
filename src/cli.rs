//! The command line.

use clap::{Args, Parser, Subcommand};

/// A self-evolving trading agent for ten stock markets on the KIS Open API.
///
/// Without a command it runs the demo: a simulated exchange, an accelerated clock, no credentials, no network.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What Kestrel can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Trade on the embedded exchange at high speed for about a minute and check the books (the default).
    Demo(DemoArgs),
    /// Run the agent until it is stopped. Settings come from the environment and from .env.
    Run,
    /// Stop all trading now. It stays stopped, across restarts too, until `kestrel resume`.
    Halt(HaltArgs),
    /// Lift a halt.
    Resume(ResumeArgs),
    /// Show what the running agent does.
    Status(StatusArgs),
    /// List all settings.
    Settings(SettingsArgs),
}

/// How long and how fast the demo runs.
#[derive(Clone, Copy, Debug, Args)]
pub struct DemoArgs {
    /// Real seconds to run, 5 to 3600.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(5..=3600))]
    pub seconds: u64,
    /// How much faster than real time the exchange runs, 1 to 600.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub speed: u32,
    /// Seed of prices and order flow; the same seed gives the same market.
    #[arg(long, default_value_t = 15)]
    pub seed: u64,
    /// Print the summary as JSON.
    #[arg(long)]
    pub json: bool,
}

impl Default for DemoArgs {
    fn default() -> Self {
        Self { seconds: 60, speed: 60, seed: 15, json: false }
    }
}

/// Why trading stops.
#[derive(Clone, Debug, Args)]
pub struct HaltArgs {
    /// Why, for the record.
    #[arg(long)]
    pub reason: String,
    /// Who; the user name of this shell if not given.
    #[arg(long)]
    pub by: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which halt is lifted, and by whom.
#[derive(Clone, Debug, Args)]
pub struct ResumeArgs {
    /// The halt's id; needed only when several stand.
    #[arg(long)]
    pub halt: Option<String>,
    /// Who; the user name of this shell if not given.
    #[arg(long)]
    pub by: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// How the status is shown.
#[derive(Clone, Copy, Debug, Args)]
pub struct StatusArgs {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// How the settings are shown.
#[derive(Clone, Copy, Debug, Args)]
pub struct SettingsArgs {
    /// Print the text of `.env.example`.
    #[arg(long, conflicts_with = "markdown")]
    pub env: bool,
    /// Print the table of the README.
    #[arg(long)]
    pub markdown: bool,
}
