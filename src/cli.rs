//! The command line.

mod acts;
mod backtest;
mod data;
mod elsewhere;
mod exchange;
mod proofs;
mod proposals;
mod reading;
#[cfg(test)]
mod readme;

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand};
use domain::{Confidence, Market, Symbol};

pub use acts::{HaltArgs, LimitsArgs, ReduceArgs, ReleaseArgs, ResolveArgs, ResumeArgs};
pub use backtest::BacktestArgs;
pub use data::{DataArgs, DataCommand, DataImportArgs, DataStatusArgs};
pub use elsewhere::{BackupArgs, ExportArgs, ExportFormat, ImportTradesArgs, ReplayArgs};
pub use exchange::{DemoArgs, MarketList, SimulateArgs, SimulatedHost};
pub use proofs::{Rehearsed, SoakArgs, VerifyArgs};
pub use proposals::{DecideArgs, ProposalArgs, ProposalsArgs, ProposalsCommand};
pub use reading::{DecisionsArgs, EventsArgs, OrdersArgs, PnlArgs, ShowArgs, WhyArgs, WhyNotArgs};

/// A self-evolving trading agent for ten stock markets on the KIS Open API.
///
/// Without a command it runs the demo: a simulated exchange, an accelerated clock, no credentials, no network.
#[derive(Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How the demo runs, when there is no command.
    #[command(flatten)]
    pub demo: DemoArgs,
}

/// What Kestrel can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Trade on the embedded exchange at high speed for about a minute and check the books (the default).
    Demo(DemoArgs),
    /// Serve the embedded exchange alone, for any KIS client on this machine.
    Simulate(SimulateArgs),
    /// Run the agent until it is stopped. Settings come from the environment and from .env.
    Run,
    /// Stop all trading now. It stays stopped, across restarts too, until `kestrel resume`.
    Halt(HaltArgs),
    /// Stop entries now; exits go on. It stays so, across restarts too, until `kestrel resume`.
    Reduce(ReduceArgs),
    /// Lift a halt.
    Resume(ResumeArgs),
    /// Let one stock take orders again whose books needed a person.
    Release(ReleaseArgs),
    /// Say which order of the exchange belongs to an intent whose order cannot be told apart.
    Resolve(ResolveArgs),
    /// Show the limits, or make them stricter at once.
    Limits(LimitsArgs),
    /// Show what the running agent does.
    Status(StatusArgs),
    /// Show what is held, what it cost and what it is worth.
    Positions(ShowArgs),
    /// Show orders and where they are.
    Orders(OrdersArgs),
    /// Show judgements and what came of them.
    Decisions(DecisionsArgs),
    /// Show what was committed to the books, line by line.
    Events(EventsArgs),
    /// Show profit and loss per currency.
    Pnl(PnlArgs),
    /// Show how a stock came to be traded: judgement, limits, approval, order, fills.
    Why(WhyArgs),
    /// Show why a stock did not trade: the first gate that it failed, and what would have passed.
    WhyNot(WhyNotArgs),
    /// Show the health of the actors; exit 1 unless all of them run.
    Health(ShowArgs),
    /// Ask the web of the running agent whether it lives; exit 1 if not. For containers; needs WEB_LISTEN.
    Healthcheck(HealthcheckArgs),
    /// Print tables of the books for other programs.
    Export(ExportArgs),
    /// Copy the books into a file while the agent runs.
    Backup(BackupArgs),
    /// Take over the trades of a database of the Python original, each row once; the agent must not be running.
    ImportTrades(ImportTradesArgs),
    /// Show what the Optimizer proposes, and decide on it.
    Proposals(ProposalsArgs),
    /// Show what each market trades by, in words.
    Strategy(ShowArgs),
    /// Take daily bars of a file into the books, or show what they hold of bars.
    Data(DataArgs),
    /// Look at everything that trading needs and say what to do; exit 1 on a problem.
    Doctor(ShowArgs),
    /// Show what the language model may still be asked today: used, reserved, planned, and when it is full again.
    Budget(BudgetArgs),
    /// Prove the invariants of trading: whole agent and exchange in virtual time, under seeded faults.
    Verify(VerifyArgs),
    /// Run months of the whole agent in virtual time and measure memory, descriptors and books; exit 1 above a bound.
    Soak(SoakArgs),
    /// Show where the ten markets stand, what comes next, and how well that is known.
    Markets(MarketsArgs),
    /// Try a strategy on files of daily bars: a table, a picture, every trade.
    Backtest(BacktestArgs),
    /// Compute the indicators of any file of bars.
    Indicators(IndicatorsArgs),
    /// Show what the Brain makes of a language model's reply, read from standard input.
    ParseReply(ParseReplyArgs),
    /// Decide a past session anew from the recorded replies of the language model; exit 1 on a difference.
    Replay(ReplayArgs),
    /// List all settings.
    Settings(SettingsArgs),
}

/// How the status is shown.
#[derive(Clone, Copy, Debug, Args)]
pub struct StatusArgs {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// How the budget is shown.
#[derive(Clone, Copy, Debug, Args)]
pub struct BudgetArgs {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which markets, when, and how they are shown.
#[derive(Clone, Debug, Args)]
pub struct MarketsArgs {
    /// The instant, e.g. 2026-11-26T14:30:00Z; now if not given.
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub at: Option<DateTime<Utc>>,
    /// Markets, separated by commas; all ten if not given.
    #[arg(long = "market", value_name = "CODE", value_delimiter = ',')]
    pub markets: Vec<Market>,
    /// Also list so many days of each market, 0 to 366.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = clap::value_parser!(u32).range(0..=366))]
    pub days: u32,
    /// Show the days of this override file, or else of the one that CALENDAR_OVERRIDES names.
    #[arg(long, value_name = "FILE")]
    pub overrides: Option<PathBuf>,
    /// Also draw the week around the instant as a picture.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// An instant with its offset from UTC.
fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    let parsed = DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&Utc));
    parsed.map_err(|_| {
        "allowed: date, time and offset of RFC 3339, e.g. 2026-11-26T14:30:00Z or 2026-11-26T23:30:00+09:00".into()
    })
}

/// Which bars, and how their indicators are shown.
#[derive(Clone, Debug, Args)]
pub struct IndicatorsArgs {
    /// A CSV file with the header date,open,high,low,close,volume and a row per bar, oldest first.
    #[arg(long, value_name = "FILE")]
    pub csv: PathBuf,
    /// Print one JSON object of arrays, a value for every bar, null where it is not defined.
    #[arg(long)]
    pub json: bool,
}

/// What was asked, and how the outcome is shown.
#[derive(Clone, Debug, Args)]
pub struct ParseReplyArgs {
    /// Stocks that were asked about, separated by commas, each once: the reply is read as a batch. Without it as one answer.
    #[arg(long, value_name = "SYMBOLS", value_parser = symbol_list)]
    pub symbols: Option<SymbolList>,
    /// Confidence below which a BUY or SELL becomes HOLD, 0 to 100; CONFIDENCE_THRESHOLD if not given.
    #[arg(long, value_name = "N", value_parser = confidence)]
    pub threshold: Option<Confidence>,
    /// Print JSON: one object, or with --symbols an array in their order.
    #[arg(long)]
    pub json: bool,
}

/// Stocks of a batch, in the order of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolList(pub Vec<Symbol>);

fn symbol_list(text: &str) -> Result<SymbolList, String> {
    let mut symbols: Vec<Symbol> = Vec::new();
    for code in text.split(',') {
        let symbol = code.parse::<Symbol>().map_err(|error| error.to_string())?;
        if symbols.contains(&symbol) {
            return Err(format!("{symbol} is named twice; allowed: each stock once"));
        }
        symbols.push(symbol);
    }
    Ok(SymbolList(symbols))
}

/// What the running agent's web is asked.
#[derive(Clone, Copy, Debug, Args)]
pub struct HealthcheckArgs {
    /// Ask whether it may trade, not only whether it lives.
    #[arg(long)]
    pub ready: bool,
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
    /// Print the README's table of metrics.
    #[arg(long, conflicts_with_all = ["env", "markdown"])]
    pub metrics: bool,
}

fn confidence(text: &str) -> Result<Confidence, String> {
    let number: i64 = text.parse().map_err(|_| "allowed: whole numbers from 0 to 100".to_owned())?;
    Confidence::new(number).map_err(|error| error.to_string())
}
