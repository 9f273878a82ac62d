//! Where orders go: KIS itself, or the embedded exchange when there are no credentials.

use std::path::Path;
use std::sync::Arc;

use broker::Pacer;
use domain::{Clock, Currency, Market, Money};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use secrecy::SecretString;

use crate::config::{Config, Credentials, Environment, Venue};
use crate::embedded::{self, Embedded};
use crate::http::ReqwestTransport;
use crate::kis::{self, KisConfig};
use crate::simulator::{self, SimulatorConfig};

/// KIS's hosts (KIS.md 1).
const LIVE_URL: &str = "https://openapi.koreainvestment.com:9443";
const PAPER_URL: &str = "https://openapivts.koreainvestment.com:29443";

/// A connected exchange.
pub struct Connected {
    /// The port.
    pub exchange: Arc<dyn broker::Exchange>,
    /// In words, for banner and status.
    pub name: String,
    /// The venue itself, when it is the embedded one.
    pub embedded: Option<Embedded>,
}

/// Connects to what the settings say.
///
/// # Errors
/// In words: no port for the embedded exchange, no HTTP client, no valid account.
pub fn connect(
    config: &Config,
    clock: &Arc<dyn Clock>,
    seed: u64,
    data_dir: Option<&Path>,
) -> Result<Connected, String> {
    match &config.venue {
        Venue::Simulator => embedded(config, clock, seed),
        Venue::Kis { environment, credentials } => {
            let (base_url, environment, name) = match environment {
                Environment::Live => (LIVE_URL, kis::Environment::Real, "KIS, real money"),
                Environment::Paper => (PAPER_URL, kis::Environment::Paper, "KIS paper trading"),
            };
            let token_file = data_dir.map(|dir| dir.join("kis_token.json"));
            let wire = Wire {
                base_url: base_url.into(),
                environment,
                credentials: credentials.clone(),
                token_file,
                truth_tag: false,
            };
            Ok(Connected { exchange: client(config, clock, wire)?, name: name.into(), embedded: None })
        }
    }
}

struct Wire {
    base_url: String,
    environment: kis::Environment,
    credentials: Credentials,
    token_file: Option<std::path::PathBuf>,
    truth_tag: bool,
}

fn client(config: &Config, clock: &Arc<dyn Clock>, wire: Wire) -> Result<Arc<dyn broker::Exchange>, String> {
    let rate = config.rate_limit_rps.to_f64().ok_or("RATE_LIMIT_RPS is no rate")?;
    let pacer = Pacer::new(rate, clock.clone());
    let reads = ReqwestTransport::for_reads().map_err(|error| error.to_string())?;
    let orders = ReqwestTransport::for_orders().map_err(|error| error.to_string())?;
    let kis_config = KisConfig {
        base_url: wire.base_url,
        environment: wire.environment,
        credentials: wire.credentials,
        token_file: wire.token_file,
        fluctuation: config.scanner.fluctuation.clone(),
        volume: config.scanner.volume.clone(),
        truth_tag: wire.truth_tag,
    };
    let kis = kis::connect(kis_config, Arc::new(reads), Arc::new(orders), clock.clone(), pacer);
    Ok(Arc::new(kis.map_err(|error| error.to_string())?))
}

fn embedded(config: &Config, clock: &Arc<dyn Clock>, seed: u64) -> Result<Connected, String> {
    let venue = simulator::Exchange::new(SimulatorConfig {
        clock: clock.clone(),
        seed,
        markets: config.markets.clone(),
        cash: starting_cash(&config.markets),
        environment: simulator::Environment::Real,
        data: simulator::MarketData::default(),
    });
    let embedded = embedded::start(Arc::new(venue))?;
    let wire = Wire {
        base_url: embedded.base_url.clone(),
        environment: kis::Environment::Real,
        credentials: simulated_credentials(),
        // The embedded exchange forgets its tokens with the process.
        token_file: None,
        truth_tag: true,
    };
    let exchange = client(config, clock, wire)?;
    Ok(Connected {
        exchange,
        name: "the embedded exchange (no money moves)".into(),
        embedded: Some(embedded),
    })
}

/// What the simulated account starts with: about the same purchasing power in each currency.
fn starting_cash(markets: &[Market]) -> Vec<Money> {
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

/// The embedded exchange has one account; its keys are no secret.
fn simulated_credentials() -> Credentials {
    Credentials {
        app_key: SecretString::from("simulated-app-key"),
        app_secret: SecretString::from("simulated-app-secret"),
        account: SecretString::from("12345678-01"),
    }
}
