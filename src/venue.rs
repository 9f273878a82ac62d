//! Where orders go, and whose time it is: KIS itself, or without credentials the embedded exchange or a `kestrel simulate`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use broker::Pacer;
use domain::{Clock, Currency, Market, Money, Random};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use secrecy::SecretString;

use crate::clock::SystemClock;
use crate::config::{Config, Credentials, Environment, Venue};
use crate::embedded::{self, Embedded};
use crate::http::{Dial, OtherName, ReqwestTransport, TcpDial, Transport};
use crate::kis::stream::{self, StreamConfig, StreamPorts};
use crate::kis::{self, KisConfig};
use crate::random::Seeded;
use crate::simulate::client::{self as simulate, Sighting};
use crate::simulator::{self, ClosedDates, Kept, SimulatorConfig};

/// KIS's hosts (KIS.md 1).
const LIVE_URL: &str = "https://openapi.koreainvestment.com:9443";
const PAPER_URL: &str = "https://openapivts.koreainvestment.com:29443";
/// KIS's streams (KIS.md 1).
const LIVE_STREAM: &str = "ops.koreainvestment.com:21000";
const PAPER_STREAM: &str = "ops.koreainvestment.com:31000";
/// Who is told of executions at an exchange that knows one account only.
const SIMULATED_HTS_ID: &str = "simulated";

/// An exchange that was found, and its time.
pub struct Located {
    /// Exchange time.
    pub clock: Arc<dyn Clock>,
    host: Host,
}

/// Whose orders these will be.
enum Host {
    Embedded { kept: Option<Kept> },
    External { url: String, environment: kis::Environment },
    Kis { environment: Environment, credentials: Credentials },
}

impl Located {
    /// The embedded exchange, on a clock of the caller's choice.
    pub fn embedded(clock: Arc<dyn Clock>) -> Self {
        Self { clock, host: Host::Embedded { kept: None } }
    }

    /// The embedded exchange, going on from what an earlier process has kept.
    pub fn kept(clock: Arc<dyn Clock>, kept: Kept) -> Self {
        Self { clock, host: Host::Embedded { kept: Some(kept) } }
    }
}

/// Finds the exchange and its time: the system's, but for a `kestrel simulate`, whose clock is asked for and followed.
///
/// # Errors
/// In words: nobody answers there, or it does not trade the markets that are enabled.
pub fn locate(config: &Config) -> Result<Located, String> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    match &config.venue {
        Venue::Simulator => Ok(Located::embedded(clock)),
        Venue::External { url } => external(config, url),
        Venue::Kis { environment, credentials } => {
            let host = Host::Kis { environment: *environment, credentials: credentials.clone() };
            Ok(Located { clock, host })
        }
    }
}

fn external(config: &Config, url: &str) -> Result<Located, String> {
    let Sighting { clock, facts } = simulate::look_at_clock(url)?;
    let wanted: Vec<_> = config.markets.iter().map(|market| market.code()).collect();
    let is_open = |code: &&str| facts.markets.iter().any(|open| open == code);
    let missing: Vec<_> = wanted.iter().copied().filter(|code| !is_open(code)).collect();
    if !missing.is_empty() {
        return Err(format!(
            "the exchange at {url} does not trade {}; leave them out of ENABLED_MARKETS, or start it with --markets {}",
            missing.join(","),
            wanted.join(","),
        ));
    }
    let environment = match facts.environment {
        simulator::Environment::Real => kis::Environment::Real,
        simulator::Environment::Paper => kis::Environment::Paper,
    };
    Ok(Located { clock: Arc::new(clock), host: Host::External { url: url.to_owned(), environment } })
}

/// A connected exchange.
pub struct Connected {
    /// The port.
    pub exchange: Arc<dyn broker::Exchange>,
    /// What it tells by itself.
    pub stream: Arc<dyn broker::MarketStream>,
    /// Its turns.
    pub pace: Arc<Pacer>,
    /// In words, for banner and status.
    pub name: String,
    /// The venue itself, when it is the embedded one.
    pub embedded: Option<Embedded>,
}

/// Connects to an exchange that was found. From `seed` follow the prices of the embedded one, and the jitter of the stream.
///
/// # Errors
/// In words: no port for the embedded exchange, no HTTP client, no valid account.
pub fn connect(
    config: &Config,
    located: &Located,
    seed: u64,
    data_dir: Option<&Path>,
) -> Result<Connected, String> {
    let clock = &located.clock;
    let (wire, name) = match &located.host {
        Host::Embedded { kept } => return embedded(config, clock, seed, kept.as_ref()),
        Host::External { url, environment } => {
            let token_file = data_dir.map(|dir| dir.join("exchange_token.json"));
            let wire = simulated(url.clone(), *environment, token_file);
            (wire, format!("the exchange at {url} (no money moves)"))
        }
        Host::Kis { environment, credentials } => {
            let (base_url, stream, environment, name) = match environment {
                Environment::Live => (LIVE_URL, LIVE_STREAM, kis::Environment::Real, "KIS, real money"),
                Environment::Paper => (PAPER_URL, PAPER_STREAM, kis::Environment::Paper, "KIS paper trading"),
            };
            let token_file = data_dir.map(|dir| dir.join("kis_token.json"));
            let credentials = credentials.clone();
            let base_url = base_url.to_owned();
            let hts_id = config.hts_id.clone();
            let stream = stream.to_owned();
            if hts_id.is_none() {
                tracing::info!("KIS_HTS_ID is not set: executions are asked for, not told");
            }
            (
                Wire {
                    base_url,
                    stream,
                    environment,
                    credentials,
                    hts_id,
                    token_file,
                    truth_tag: false,
                    live_feeds: config.live_feeds.clone(),
                },
                name.to_owned(),
            )
        }
    };
    let (exchange, stream, pace) = client(config, clock, seed, wire)?;
    Ok(Connected { exchange, stream, pace, name, embedded: None })
}

/// Which host is spoken to, and as whom.
#[derive(Clone)]
pub(crate) struct Wire {
    base_url: String,
    /// Host and port of the stream.
    stream: String,
    environment: kis::Environment,
    credentials: Credentials,
    hts_id: Option<String>,
    token_file: Option<PathBuf>,
    truth_tag: bool,
    /// Markets whose prices come without the delay of KIS's free feed.
    live_feeds: BTreeSet<Market>,
}

/// A simulator of ours, which wants to know which intent an order is for.
pub(crate) fn simulated(
    base_url: String,
    environment: kis::Environment,
    token_file: Option<PathBuf>,
) -> Wire {
    let stream = base_url.trim_start_matches("http://").to_owned();
    let (credentials, hts_id) = (simulated_credentials(), Some(SIMULATED_HTS_ID.to_owned()));
    // No feed lies in between.
    let live_feeds = BTreeSet::from(Market::ALL);
    Wire { base_url, stream, environment, credentials, hts_id, token_file, truth_tag: true, live_feeds }
}

/// The exchange, asked and heard, and the turns at it.
type Both = (Arc<dyn broker::Exchange>, Arc<dyn broker::MarketStream>, Arc<Pacer>);

fn client(config: &Config, clock: &Arc<dyn Clock>, seed: u64, wire: Wire) -> Result<Both, String> {
    let other = other_name(config, wire.environment);
    let reads = ReqwestTransport::for_reads(other).map_err(|error| error.to_string())?;
    let orders = ReqwestTransport::for_orders(other).map_err(|error| error.to_string())?;
    let reads: Arc<dyn Transport> = Arc::new(reads);
    let pacer = pacer(config, clock, wire.environment)?;
    let dial = Arc::new(TcpDial::new(&wire.stream)?);
    let random: Arc<dyn Random> = Arc::new(Seeded::new(seed));
    let stream = stream_over(clock, &random, &wire, reads.clone(), dial, pacer.clone())?;
    let exchange = client_with(config, clock, wire, [reads, mortal(Arc::new(orders))?], pacer.clone())?;
    Ok((exchange, stream, pacer))
}

/// The exception for the paper host's certificate; where real money is, there is none whatever the settings say.
fn other_name(config: &Config, environment: kis::Environment) -> Option<&OtherName> {
    match environment {
        kis::Environment::Real => None,
        kis::Environment::Paper => config.paper_tls_name.as_ref(),
    }
}

fn pacer(
    config: &Config,
    clock: &Arc<dyn Clock>,
    environment: kis::Environment,
) -> Result<Arc<Pacer>, String> {
    let rate = config.rate_limit_rps.min(highest_rate(environment));
    let rate = rate.to_f64().ok_or("RATE_LIMIT_RPS is no rate")?;
    Ok(Pacer::new(rate, clock.clone()))
}

/// The stream over any line.
///
/// # Errors
/// In words: no valid account.
pub(crate) fn stream_over(
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn Random>,
    wire: &Wire,
    reads: Arc<dyn Transport>,
    dial: Arc<dyn Dial>,
    pace: Arc<Pacer>,
) -> Result<Arc<dyn broker::MarketStream>, String> {
    let config = StreamConfig {
        base_url: wire.base_url.clone(),
        environment: wire.environment,
        credentials: wire.credentials.clone(),
        hts_id: wire.hts_id.clone(),
        live_feeds: wire.live_feeds.clone(),
    };
    let ports = StreamPorts { reads, dial, clock: clock.clone(), random: random.clone(), pace };
    Ok(Arc::new(stream::open(config, ports).map_err(|error| error.to_string())?))
}

/// The client over other transports than sockets: first for reads, then for orders.
///
/// # Errors
/// In words: no valid account.
pub(crate) fn client_over(
    config: &Config,
    clock: &Arc<dyn Clock>,
    wire: Wire,
    transports: [Arc<dyn Transport>; 2],
) -> Result<Arc<dyn broker::Exchange>, String> {
    let pacer = pacer(config, clock, wire.environment)?;
    client_with(config, clock, wire, transports, pacer)
}

fn client_with(
    config: &Config,
    clock: &Arc<dyn Clock>,
    wire: Wire,
    [reads, orders]: [Arc<dyn Transport>; 2],
    pacer: Arc<Pacer>,
) -> Result<Arc<dyn broker::Exchange>, String> {
    let kis_config = KisConfig {
        base_url: wire.base_url,
        environment: wire.environment,
        credentials: wire.credentials,
        token_file: wire.token_file,
        fluctuation: config.scanner.fluctuation.clone(),
        volume: config.scanner.volume.clone(),
        truth_tag: wire.truth_tag,
        live_feeds: wire.live_feeds,
    };
    let kis = kis::connect(kis_config, reads, orders, clock.clone(), pacer);
    Ok(Arc::new(kis.map_err(|error| error.to_string())?))
}

#[cfg(not(feature = "faults"))]
fn mortal(orders: Arc<dyn Transport>) -> Result<Arc<dyn Transport>, String> {
    Ok(orders)
}

/// Tests of crashes let the process die before or after an order.
#[cfg(feature = "faults")]
fn mortal(orders: Arc<dyn Transport>) -> Result<Arc<dyn Transport>, String> {
    Ok(crate::faults::transport(orders, crate::faults::crash()?))
}

fn embedded(
    config: &Config,
    clock: &Arc<dyn Clock>,
    seed: u64,
    kept: Option<&Kept>,
) -> Result<Connected, String> {
    let made_of = SimulatorConfig {
        clock: clock.clone(),
        seed,
        markets: config.markets.clone(),
        cash: starting_cash(&config.markets),
        environment: simulator::Environment::Real,
        data: simulator::MarketData::default(),
        closed: closed_dates(&config.markets),
    };
    let venue = match kept {
        Some(kept) => simulator::Exchange::kept(made_of, kept).map_err(|error| error.to_string())?,
        None => simulator::Exchange::new(made_of),
    };
    let embedded = embedded::start(Arc::new(venue))?;
    // The embedded exchange forgets its tokens with the process.
    let wire = simulated(embedded.base_url.clone(), kis::Environment::Real, None);
    let (exchange, stream, pace) = client(config, clock, seed, wire)?;
    Ok(Connected {
        exchange,
        stream,
        pace,
        name: "the embedded exchange (no money moves)".into(),
        embedded: Some(embedded),
    })
}

/// The weekdays on which the calendar has no session, for an exchange that plays `markets`.
pub(crate) fn closed_dates(markets: &[Market]) -> ClosedDates {
    let calendar = market_clock::Calendar::official();
    let Some((first, last)) = calendar.bounds() else { return ClosedDates::default() };
    let days = || first.iter_days().take_while(|date| *date <= last);
    let closed = |market: Market| {
        let calendar = calendar.clone();
        days()
            .filter(move |date| calendar.session_on(market, *date).is_none())
            .map(move |date| (market, date))
    };
    markets.iter().copied().flat_map(closed).collect()
}

/// A margin below what KIS allows, in requests per second (KIS.md 4); the settings of a simulator do not know its host.
fn highest_rate(environment: kis::Environment) -> Decimal {
    match environment {
        kis::Environment::Real => Decimal::from(19),
        kis::Environment::Paper => Decimal::new(19, 1),
    }
}

/// What the simulated account starts with: about the same purchasing power in each currency.
pub(crate) fn starting_cash(markets: &[Market]) -> Vec<Money> {
    let mut currencies: Vec<Currency> = markets.iter().map(|market| market.currency()).collect();
    currencies.sort();
    currencies.dedup();
    let amount = |currency| match currency {
        Currency::Krw => Decimal::from(100_000_000),
        Currency::Usd => Decimal::from(75_000),
        Currency::Jpy => Decimal::from(11_000_000),
        Currency::Hkd | Currency::Cny => Decimal::from(550_000),
        Currency::Vnd => Decimal::from(1_900_000_000_i64),
    };
    currencies.into_iter().map(|currency| Money::new(amount(currency), currency)).collect()
}

/// App key, app secret and account of the embedded exchange, which has one account; they are no secret.
pub(crate) const SIMULATED_CREDENTIALS: [&str; 3] =
    ["simulated-app-key", "simulated-app-secret", "12345678-01"];

fn simulated_credentials() -> Credentials {
    let [app_key, app_secret, account] = SIMULATED_CREDENTIALS.map(SecretString::from);
    Credentials { app_key, app_secret, account }
}
