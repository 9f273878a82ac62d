//! Settings: read once from the environment and `.env`, then validated as a whole.
//!
//! Every mistake is reported at once, with the variable's name, its value (never a secret's) and what is allowed.
//! No other part of the agent reads settings.

mod auto;
mod judges;
mod parse;
mod reader;
pub mod settings;
mod sources;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use brain::plan::TokenPrices;
use domain::messages::evolution::AutoLimit;
use domain::messages::ledger::BudgetCeilings;
use domain::messages::limits::LimitName;
use domain::{Instrument, Market, Percent};
use risk_guard::Limits;
use rust_decimal::Decimal;
use secrecy::SecretString;
use trade_ledger::retention::Retention;

use crate::http::OtherName;
use crate::llm::{GeminiConfig, OpenAiConfig};
pub use reader::Mistake;
use reader::Reader;
use settings::RawEnv;

/// Hard ceiling of `MAX_LOSS_PCT`; a looser value refuses to start.
pub const MAX_LOSS_CEILING_PCT: Decimal = Limits::bound(LimitName::MaxLossPct).most;
/// Hard ceiling of `MAX_ORDER_PCT`.
pub const MAX_ORDER_CEILING_PCT: Decimal = Limits::bound(LimitName::MaxOrderPct).most;

/// All settings, valid together.
#[derive(Debug)]
pub struct Config {
    /// Where orders go.
    pub venue: Venue,
    /// Markets to trade, each once, in the order given.
    pub markets: Vec<Market>,
    /// Markets whose prices come without the delay of KIS's free feed.
    pub live_feeds: BTreeSet<Market>,
    /// Daily or realtime.
    pub trade_mode: TradeMode,
    /// Slots per market and day in daily mode, 1 to 10.
    pub daily_sessions: u32,
    /// Hours between slots, 1 to 24.
    pub session_interval_hours: u32,
    /// What the slots of daily mode are measured from.
    pub session_anchor: SessionAnchor,
    /// Days that differ from the built-in calendar; none: there is no such file.
    pub calendar_overrides: Option<PathBuf>,
    /// Below this a BUY or SELL becomes HOLD, 0 to 100.
    pub confidence_threshold: domain::Confidence,
    /// RiskGuard's limits, none looser than its hard bound in code.
    pub limits: Limits,
    /// What a loss is measured against.
    pub breaker_basis: BreakerBasis,
    /// True: a halt cancels what works at the exchange.
    pub halt_cancels_orders: bool,
    /// How large a purchase is.
    pub sizing: Sizing,
    /// When what is held is sold.
    pub exits: Exits,
    /// What is scanned.
    pub scanner: ScannerSettings,
    /// Requests per second, above 0.
    pub rate_limit_rps: Decimal,
    /// The login name that KIS tells of executions; none: they are asked for only.
    pub hts_id: Option<String>,
    /// Another name that the certificate of KIS's paper host may carry; never with live trading.
    pub paper_tls_name: Option<OtherName>,
    /// Who judges: a language model, or the local rules.
    pub language_model: LanguageModel,
    /// `LLM_FALLBACK_MODELS`: what takes its place when it does not exist, in order.
    pub fallback_models: Vec<String>,
    /// What the language model may take in a day.
    pub model_budget: ModelBudget,
    /// Longest wait for one answer of the language model, 5 to 120 s.
    pub answer_within: Duration,
    /// Where notices go besides the log.
    pub telegram: Option<Telegram>,
    /// Where health, metrics and the page are served; none: nowhere.
    pub web: Option<Web>,
    /// Where the database is.
    pub database: Database,
    /// How long the books keep what.
    pub retention: Retention,
    /// How strategies evolve; none: they do not.
    pub evolution: Option<EvolutionPlan>,
    /// Folders of finished proposals that stay.
    pub retain_proposals: u32,
    /// What is logged.
    pub log_filter: String,
    /// How it is logged.
    pub log_format: LogFormat,
}

/// How strategies evolve after each market's close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvolutionPlan {
    /// Strategies tried in one cycle, 16 to 2,000.
    pub trials: u32,
    /// Strategies that the language model is asked for, 0 to 8.
    pub candidates: u8,
    /// Sessions of bars that a market needs, 400 to 1,250.
    pub min_sessions: u32,
    /// What is approved without a person, no looser than RiskGuard's limits; none: nothing is.
    pub auto_approve: Option<AutoLimit>,
}

/// Where orders go.
#[derive(Debug)]
pub enum Venue {
    /// The embedded exchange; no money moves.
    Simulator,
    /// A `kestrel simulate` on this machine; no money moves.
    External {
        /// Where it answers: `http`, a loopback host and a port, without a slash at the end.
        url: String,
    },
    /// KIS.
    Kis {
        /// Paper or live.
        environment: Environment,
        /// Who we are.
        credentials: Credentials,
    },
}

/// Which KIS environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// KIS's paper trading.
    Paper,
    /// Real money.
    Live,
}

/// Credentials of KIS; cannot be printed.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// `appkey`.
    pub app_key: SecretString,
    /// `appsecret`.
    pub app_secret: SecretString,
    /// The account, checked to be XXXXXXXX-XX.
    pub account: SecretString,
}

/// How often decisions are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TradeMode {
    /// One batched judgement per market and slot.
    Daily,
    /// Every candidate every 60 s.
    Realtime,
}

/// What the slots of daily mode are measured from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionAnchor {
    /// Each market's own open.
    Open,
    /// The start of the process.
    Fixed,
}

/// What a loss is measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerBasis {
    /// The day's starting equity.
    DayStart,
    /// Purchase cost.
    Purchase,
}

/// How large a purchase is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizing {
    /// False: one lot per purchase.
    pub enabled: bool,
    /// Share of cash at the target score.
    pub base: Percent,
    /// Smallest share.
    pub min: Percent,
    /// Largest share.
    pub max: Percent,
    /// Score that gets the base share, 1 to 100.
    pub target_score: Decimal,
}

/// When what is held is sold without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exits {
    /// Loss against the entry that sells, above 0 to 20.
    pub stop: Percent,
    /// Profit against the entry that sells, above 0 to 100.
    pub take: Percent,
    /// So many average true ranges sell, above 0 to 10.
    pub atr_multiple: Decimal,
    /// Days after the purchase that sell, 1 to 365.
    pub max_days: u32,
}

/// What is scanned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannerSettings {
    /// Candidates per scan.
    pub top_n: u32,
    /// RSI below which a stock is oversold.
    pub rsi_oversold: Decimal,
    /// RSI above which a stock is in momentum.
    pub rsi_momentum: Decimal,
    /// Volume against average that confirms a signal.
    pub volume_multiplier: Decimal,
    /// Dollars below which an American stock is no candidate; 0 lets all pass.
    pub us_min_price: Decimal,
    /// What is scanned first where there are no rankings.
    pub watchlist: Vec<Instrument>,
    /// Use foreign rankings.
    pub overseas_ranking: bool,
    /// TR id and path of the foreign price-change ranking.
    pub fluctuation: Endpoint,
    /// TR id and path of the foreign volume ranking.
    pub volume: Endpoint,
}

/// A KIS service that the operator may point elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// TR id.
    pub tr_id: String,
    /// Path under /uapi/.
    pub path: String,
}

/// Who judges.
#[derive(Clone, Debug)]
pub enum LanguageModel {
    /// The local rule engine; nobody is asked.
    Rules,
    /// Google's Gemini.
    Gemini(GeminiConfig),
    /// A server that speaks OpenAI's chat completions.
    OpenAiCompatible(OpenAiConfig),
}

impl LanguageModel {
    /// The name under which it judges.
    pub fn name(&self) -> String {
        match self {
            Self::Rules => brain::judge::RULES.to_owned(),
            Self::Gemini(gemini) => gemini.model.clone(),
            Self::OpenAiCompatible(server) => server.model.clone(),
        }
    }
}

/// What the language model may take in a day of its quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelBudget {
    /// The most of calls, tokens and money.
    pub ceilings: BudgetCeilings,
    /// What tokens cost; none: money is not counted.
    pub prices: Option<TokenPrices>,
}

/// How much a model of Gemini thinks before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thinking {
    /// Hardly; where a model does not know it, as `Low`.
    Minimal,
    /// A little.
    Low,
    /// More.
    Medium,
    /// As much as it can.
    High,
}

/// Where notices go.
#[derive(Clone, Debug)]
pub struct Telegram {
    /// The bot's token; cannot be printed.
    pub bot_token: SecretString,
    /// The chat.
    pub chat_id: i64,
    /// Where the Bot API answers, without a slash at the end.
    pub api_url: String,
    /// What is told besides halts and resumes.
    pub topics: notifier::Topics,
    /// Who may command; nobody unless both lists are set.
    pub commands: notifier::chat::Policy,
}

/// Where and for whom the web is served.
#[derive(Clone, Debug)]
pub struct Web {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Names by which it may be called besides `localhost` and plain addresses, in lower case.
    pub hosts: Vec<String>,
    /// What gives the right to halt, reduce and resume from the page; none: it is read-only. Cannot be printed.
    pub token: Option<SecretString>,
}

/// Where the database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// In memory, for tests; gone at exit.
    Memory,
    /// A file; its folder is the data directory.
    File(PathBuf),
}

impl Database {
    /// The file; none in memory.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Memory => None,
            Self::File(path) => Some(path),
        }
    }

    /// The folder of lock, socket and HALT file; none in memory.
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Self::Memory => None,
            Self::File(path) => Some(match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                Some(_) | None => Path::new("."),
            }),
        }
    }
}

/// How the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Text.
    Text,
    /// One JSON object per line.
    Json,
}

/// Every mistake of the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0.len() == 1 { "setting is" } else { "settings are" };
        writeln!(f, "{} {plural} wrong:", self.0.len())?;
        for mistake in &self.0 {
            writeln!(f, "  {mistake}")?;
        }
        write!(f, "Mend them in the environment or in .env; `kestrel settings` lists all settings.")
    }
}

impl std::error::Error for Mistakes {}

impl Config {
    /// Reads the process environment and the file `.env` of the working directory; the environment wins.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn load() -> Result<Self, Mistakes> {
        Self::from_pairs(&sources::process_environment()?)
    }

    /// `DB_PATH` alone, for commands that must work however wrong the other settings are.
    pub fn database_setting() -> Database {
        parse::database(sources::one("DB_PATH").as_deref().unwrap_or("data/trades.db"))
    }

    /// `CALENDAR_OVERRIDES` alone, for a look at the markets, which must work however wrong the other settings are.
    pub fn calendar_overrides_setting() -> Option<PathBuf> {
        sources::one("CALENDAR_OVERRIDES").map(PathBuf::from)
    }

    /// `RETAIN_PROPOSALS` alone, for a decision on a proposal, which needs no other setting; a value that is not allowed keeps most.
    pub fn retain_proposals_setting() -> u32 {
        let kept = sources::one("RETAIN_PROPOSALS").as_deref().unwrap_or("200").parse();
        kept.unwrap_or(crate::proposals::KEPT_MAX)
    }

    /// `CONFIDENCE_THRESHOLD` alone, for commands that need no other setting; none when it is not allowed.
    pub fn confidence_setting() -> Option<domain::Confidence> {
        parse::confidence_threshold(sources::one("CONFIDENCE_THRESHOLD").as_deref().unwrap_or("80"))
    }

    /// `WEB_LISTEN` alone, for a look at health that must work however wrong the other settings are. None: not served, or the
    /// setting is not allowed.
    pub fn web_setting() -> Option<SocketAddr> {
        parse::web_listen(sources::one("WEB_LISTEN").as_deref().unwrap_or("off")).flatten()
    }

    /// A sentence about a file of settings that others on this machine may read, with the remedy.
    pub fn exposed_file() -> Option<String> {
        sources::exposed()
    }

    /// Validates variables that were read elsewhere. Values are trimmed; empty ones count as not set.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn from_pairs(pairs: &BTreeMap<String, String>) -> Result<Self, Mistakes> {
        // A variable of another program may differ from ours in case alone, which is lost from here on.
        let ours = pairs.iter().filter(|(name, _)| reader::is_setting(name));
        let kept = ours.map(|(k, v)| (k.clone(), v.trim().to_owned())).filter(|(_, v)| !v.is_empty());
        let raw: RawEnv = envy::from_iter(kept).map_err(|error| single("environment", error.to_string()))?;
        let mut reader = Reader::new(&raw);
        reader.mistakes = reader::misspelled(pairs.keys().map(String::as_str));
        let config = parse::parse(&mut reader);
        match config {
            Some(config) if reader.mistakes.is_empty() => Ok(config),
            Some(_) | None => Err(Mistakes(reader.mistakes)),
        }
    }
}

fn single(name: &str, problem: String) -> Mistakes {
    Mistakes(vec![Mistake { name: name.to_owned(), problem }])
}
