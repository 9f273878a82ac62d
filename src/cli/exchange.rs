//! The command line of the embedded exchange: the demo, and the exchange by itself.

use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use domain::Market;

use crate::simulator::Environment;

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

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::cli::Cli;

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
