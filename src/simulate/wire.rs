//! What `kestrel simulate` tells beside KIS's paths, as JSON.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::simulator::Environment;

/// `GET` tells the clock, `POST` with a [`SetClock`] sets it.
pub const CLOCK_PATH: &str = "/kestrel/clock";
/// `GET` tells the exchange's own books: every order with the intent it was sent for, holdings, cash.
pub const BOOKS_PATH: &str = "/kestrel/books";

/// The exchange's clock and terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockFacts {
    /// Exchange time when this was written.
    pub now: DateTime<Utc>,
    /// How many times as fast as real time it passes, at least 1.
    pub speed: u32,
    /// Which of KIS's two hosts the exchange plays.
    pub environment: Environment,
    /// The codes of the markets that are open to trade.
    pub markets: Vec<String>,
}

/// Sets the clock. The exchange trades on from there; set back, it stands still until the time comes again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetClock {
    /// What the clock shows from now on.
    pub now: DateTime<Utc>,
}

/// The first line of `kestrel simulate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// Where it answers, with the port it was given.
    pub url: String,
    /// Its clock and terms.
    pub clock: ClockFacts,
    /// What its prices follow from.
    pub seed: u64,
}

impl fmt::Display for Greeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, clock, seed } = self;
        let environment = match clock.environment {
            Environment::Real => "real",
            Environment::Paper => "paper",
        };
        writeln!(
            f,
            "The exchange answers at {url} as KIS's {environment} host. No money moves; any keys will do."
        )?;
        writeln!(
            f,
            "Markets {}, seed {seed}; its clock shows {} and runs {} times as fast as real time.",
            clock.markets.join(","),
            clock.now.format("%Y-%m-%d %H:%M:%S UTC"),
            clock.speed,
        )?;
        writeln!(f, "Trade on it:  KESTREL_EXCHANGE_URL={url} kestrel run")?;
        let stream = url.trim_start_matches("http://");
        writeln!(f, "Its stream:   ws://{stream}/tryitout")?;
        writeln!(f, "Its books:    {url}{BOOKS_PATH}")?;
        writeln!(f, "Its clock:    {url}{CLOCK_PATH}")?;
        write!(f, "End it with Ctrl-C; its orders and holdings end with it.")
    }
}
