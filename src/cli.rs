//! The command line.

mod backtest;
mod data;
mod elsewhere;
mod proposals;
mod reading;
#[cfg(test)]
mod readme;

use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use domain::messages::limits::{LimitName, LimitsChange, UnknownLimit};
use domain::{Confidence, Instrument, IntentId, Market, Symbol};
use risk_guard::Limits;
use rust_decimal::Decimal;

#[cfg(feature = "mutants")]
use supervision::mutant::Mutant;

use crate::control::stocks::intent;
use crate::simulator::Environment;

pub use backtest::BacktestArgs;
pub use data::{DataArgs, DataCommand, DataImportArgs, DataStatusArgs};
pub use elsewhere::{BackupArgs, ExportArgs, ExportFormat, ImportTradesArgs, ReplayArgs};
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

/// How long and how fast the demo runs.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// Real seconds to run, 5 to 3600.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(5..=3600))]
    pub seconds: u64,
    /// How much faster than real time the exchange runs, 1 to 600; if not given 60, or with --markets as fast as it takes to reach them all.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub speed: Option<u32>,
    /// Markets to trade, separated by commas, or `all`; KR and US_NASDAQ if not given. Each is shown for half an hour from its open on, and longer until it has traded; the demo then takes up to three times --seconds.
    #[arg(long, value_parser = market_list, default_value = "", hide_default_value = true)]
    pub markets: MarketList,
    /// Seed of prices and order flow; the same seed gives the same market.
    #[arg(long, default_value_t = 15)]
    pub seed: u64,
    /// Where it keeps its books and its exchange; data/demo if not given. One that was ended early goes on from there.
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Begin anew although one that was ended early could go on.
    #[arg(long)]
    pub fresh: bool,
    /// Print the summary as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Markets of the command line; none: the demo's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarketList(pub Vec<Market>);

fn market_list(text: &str) -> Result<MarketList, String> {
    match text {
        "" => Ok(MarketList::default()),
        "all" => Ok(MarketList(Market::ALL.to_vec())),
        list => {
            let markets = list.split(',').map(|code| code.trim().parse::<Market>());
            let markets =
                markets.collect::<Result<_, _>>().map_err(|unknown| format!("{unknown}, or all"))?;
            Ok(MarketList(markets))
        }
    }
}

impl Default for DemoArgs {
    fn default() -> Self {
        Self {
            seconds: 60,
            speed: None,
            markets: MarketList::default(),
            seed: 15,
            data: None,
            fresh: false,
            json: false,
        }
    }
}

/// The exchange that is served.
#[derive(Clone, Debug, Args)]
pub struct SimulateArgs {
    /// Loopback address and port to answer on; port 0 takes a free one and prints it.
    #[arg(long, default_value = "127.0.0.1:8765", value_parser = loopback)]
    pub listen: SocketAddr,
    /// Which of KIS's two hosts to play.
    #[arg(long = "env", value_enum, default_value_t = SimulatedHost::Real)]
    pub environment: SimulatedHost,
    /// Seed of prices and order flow; the same seed and start give the same market.
    #[arg(long, default_value_t = 15)]
    pub seed: u64,
    /// How much faster than real time the exchange runs, 1 to 600.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub speed: u32,
    /// Requests per second of one app key that account and order paths take, 1 to 20; without it, as many as all others.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub ledger_rate: Option<u32>,
    /// Answer every call of the token server; without it, one a minute for each app key (EGW00133).
    #[arg(long)]
    pub no_token_spacing: bool,
    /// Exchange time at the start, e.g. 2026-06-01T00:00:00Z; now if not given.
    #[arg(long)]
    pub start: Option<DateTime<Utc>>,
    /// Markets that are open to trade, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "KR,US_NASDAQ")]
    pub markets: Vec<Market>,
    /// Print address and clock as JSON.
    #[arg(long)]
    pub json: bool,
}

/// KIS's two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SimulatedHost {
    /// 20 requests a second, all services.
    Real,
    /// 2 requests a second, no rankings.
    Paper,
}

impl From<SimulatedHost> for Environment {
    fn from(host: SimulatedHost) -> Self {
        match host {
            SimulatedHost::Real => Self::Real,
            SimulatedHost::Paper => Self::Paper,
        }
    }
}

/// The exchange's keys are no secret and its books are open, so nobody else's machine may reach it.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| "allowed: a loopback address and a port, e.g. 127.0.0.1:8765".to_owned())?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(format!("{} is no loopback address; allowed: 127.0.0.1:PORT or [::1]:PORT", address.ip()))
    }
}

/// Why trading stops, and what becomes of what is open and held.
#[derive(Clone, Debug, Args)]
pub struct HaltArgs {
    /// Why, for the record.
    #[arg(long)]
    pub reason: String,
    /// First sell what this agent holds, by ordinary orders; then halt. Open purchases are cancelled at once, with or without
    /// --cancel-open.
    #[arg(long)]
    pub flatten: bool,
    /// Also cancel the orders that work at the exchange, until none does or the halt is lifted, after a restart too; if not
    /// given, HALT_CANCELS_ORDERS decides. With --flatten: never its sales; what comes to light once everything is sold.
    #[arg(long)]
    pub cancel_open: bool,
    /// Who; the user name of this shell if not given.
    #[arg(long)]
    pub by: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Why entries stop.
#[derive(Clone, Debug, Args)]
pub struct ReduceArgs {
    /// Why, for the record.
    #[arg(long)]
    pub reason: String,
    /// Also cancel the purchases that work at the exchange; sales go on. If not given, HALT_CANCELS_ORDERS decides.
    #[arg(long)]
    pub cancel_open: bool,
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
    /// Allow exits only from now on.
    #[arg(long)]
    pub reducing: bool,
    /// Why, for the record.
    #[arg(long)]
    pub reason: Option<String>,
    /// Who; the user name of this shell if not given.
    #[arg(long)]
    pub by: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which stock is released, by whom and why.
#[derive(Clone, Debug, Args)]
pub struct ReleaseArgs {
    /// The stock as MARKET:SYMBOL, e.g. KR:005930. Releasing a difference of shares takes the exchange's number.
    #[arg(value_name = "MARKET:SYMBOL")]
    pub instrument: Instrument,
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

/// New values of limits; without any, the limits are shown. A value looser than what is in force is refused.
#[derive(Clone, Debug, Args)]
pub struct LimitsArgs {
    /// A new value, e.g. max_loss_pct=2.0; may be given several times. Names: as `kestrel limits` shows them.
    #[arg(long, value_name = "NAME=VALUE", value_parser = new_limit)]
    pub set: Vec<(LimitName, Decimal)>,
    /// From the next start on, go back to the settings; nothing changes before.
    #[arg(long, requires = "reason", conflicts_with = "set")]
    pub withdraw: bool,
    /// Why, for the record.
    #[arg(long)]
    pub reason: Option<String>,
    /// Who; the user name of this shell if not given.
    #[arg(long)]
    pub by: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

impl LimitsArgs {
    /// The values that were given; none when one limit was given twice.
    pub fn change(&self) -> Option<LimitsChange> {
        let change = LimitsChange(self.set.iter().copied().collect());
        (change.0.len() == self.set.len()).then_some(change)
    }
}

fn confidence(text: &str) -> Result<Confidence, String> {
    let number: i64 = text.parse().map_err(|_| "allowed: whole numbers from 0 to 100".to_owned())?;
    Confidence::new(number).map_err(|error| error.to_string())
}

fn new_limit(text: &str) -> Result<(LimitName, Decimal), String> {
    let (name, value) =
        text.split_once('=').ok_or("a new limit is given as NAME=VALUE, e.g. max_loss_pct=2.0")?;
    let name: LimitName = name.trim().parse().map_err(|error: UnknownLimit| error.to_string())?;
    let value = Decimal::from_str_exact(value.trim());
    Ok((
        name,
        value.map_err(|_| format!("{name} takes a number, e.g. {name}={}", Limits::bound(name).default))?,
    ))
}

/// Which order belongs to an intent, by whom and why. Nothing is ever sent again for the intent.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("answer").required(true).args(["order", "none"]))]
pub struct ResolveArgs {
    /// The intent, as `kestrel status` shows it.
    #[arg(value_parser = intent)]
    pub intent: IntentId,
    /// The number of the disputed order that is its order; DATE/BRANCH/NUMBER where the number alone is not enough.
    #[arg(long, value_name = "NUMBER")]
    pub order: Option<String>,
    /// None of the disputed orders is its order, or, after the close, the exchange has nothing more of it than is booked. It
    /// ends when the final lists of the day do not show it either; a list that shows it after all is believed.
    #[arg(long)]
    pub none: bool,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exchange_listens_on_loopback_addresses_only() {
        for (listen, allowed) in [
            ("127.0.0.1:0", true),
            ("[::1]:8765", true),
            ("0.0.0.0:8765", false),
            ("192.168.1.7:8765", false),
            ("[::]:8765", false),
            ("localhost", false),
        ] {
            let parsed = Cli::try_parse_from(["kestrel", "simulate", "--listen", listen]);
            assert_eq!(parsed.is_ok(), allowed, "{listen}");
        }
    }
}
