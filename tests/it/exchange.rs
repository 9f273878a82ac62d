//! A `kestrel simulate` in a process of its own, and what is true of its clock and books.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use domain::messages::control::TradingState;
use kestrel::simulate::client;
use kestrel::simulate::wire::{ClockFacts, Greeting, SetClock};
use kestrel::simulator::{Environment, VenueBooks};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::harness::{Agent, PATIENCE, command, log_of, send_signal, status_of, until};

/// A running exchange, killed when dropped.
pub(crate) struct Exchange {
    child: Child,
    /// Where it answers.
    pub(crate) url: String,
}

impl Exchange {
    /// Starts it on a free port with further arguments, e.g. `--speed 60`.
    pub(crate) fn start(dir: &TempDir, arguments: &[&str]) -> Self {
        let mut command = command(dir, &[]);
        command.args(["simulate", "--listen", "127.0.0.1:0", "--json"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let greeting: Greeting =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}{}", log_of(dir)));
        Self { child, url: greeting.url }
    }

    /// Its clock and terms.
    pub(crate) fn clock(&self) -> ClockFacts {
        client::look_at_clock(&self.url).unwrap().facts
    }

    /// Its own books.
    pub(crate) fn books(&self) -> VenueBooks {
        client::books(&self.url).unwrap()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        send_signal(&self.child, signal);
    }

    /// Sets its clock.
    pub(crate) fn set_clock(&self, now: chrono::DateTime<chrono::Utc>) {
        client::set_clock(&self.url, &SetClock { now }).unwrap();
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_agent_that_is_killed_finds_the_same_exchange_and_the_same_time_again() {
    let dir = TempDir::new().unwrap();
    let start = "2026-06-01T00:05:00Z";
    let exchange = Exchange::start(&dir, &["--start", start, "--speed", "60", "--seed", "3"]);
    let settings = [("KESTREL_EXCHANGE_URL", exchange.url.as_str())];
    let agent = Agent::start(&dir, &settings);
    let status = status_of(&dir).unwrap();
    assert!(status.venue.contains(&exchange.url), "{}", status.venue);
    agent.kill_9();
    let posts = exchange.books().order_posts;

    let _next = Agent::start(&dir, &settings);
    let active = until(PATIENCE, || status_of(&dir).filter(|s| s.trading == Some(TradingState::Active)));
    let shown = active.unwrap_or_else(|| panic!("{}", log_of(&dir))).time;
    let shown = chrono::NaiveDateTime::parse_from_str(&shown, "%Y-%m-%d %H:%M:%S UTC").unwrap().and_utc();
    let clock = exchange.clock();
    let apart = (clock.now - shown).num_seconds();
    assert!((0..=60).contains(&apart), "the exchange shows {}, the agent {shown}", clock.now);
    assert!(clock.now > start.parse::<chrono::DateTime<chrono::Utc>>().unwrap());
    assert_eq!(exchange.books().order_posts, posts, "a start sends no order");
}

#[test]
fn the_clock_of_the_exchange_can_be_set_and_its_books_follow() {
    let dir = TempDir::new().unwrap();
    let exchange = Exchange::start(&dir, &["--start", "2026-06-01T00:05:00Z", "--env", "paper"]);
    let clock = exchange.clock();
    assert_eq!((clock.environment, clock.speed), (Environment::Paper, 1));
    assert_eq!(clock.markets, ["KR", "US_NASDAQ"]);
    exchange.set_clock("2026-06-02T00:05:00Z".parse().unwrap());
    let now = exchange.clock().now;
    assert_eq!(now.date_naive(), "2026-06-02".parse().unwrap(), "{now}");
    let books = exchange.books();
    assert!(books.orders.is_empty() && books.positions.is_empty());
    assert!(books.cash.iter().all(|money| !money.amount().is_sign_negative()), "{:?}", books.cash);
}

#[test]
fn the_account_in_won_is_shown_with_its_time_and_its_dated_rate_on_a_real_account_and_on_paper() {
    for environment in ["real", "paper"] {
        let dir = TempDir::new().unwrap();
        let start = ["--start", "2026-06-01T00:05:00Z", "--env", environment];
        let exchange = Exchange::start(&dir, &start);
        let settings = [("KESTREL_EXCHANGE_URL", exchange.url.as_str()), ("ENABLED_MARKETS", "KR,US_NASDAQ")];
        let _agent = Agent::start(&dir, &settings);
        let worth = until(PATIENCE, || {
            let worth = status_of(&dir)?.account_in_won?;
            (worth.told.is_some() && worth.day_pnl_pct.is_some()).then_some(worth)
        });
        let worth = worth.unwrap_or_else(|| panic!("{environment}: {}", log_of(&dir)));
        let told = worth.told.unwrap();
        assert!(told.equity.unwrap().ends_with(" KRW"), "{environment}");
        assert!(told.time.starts_with("2026-06-01 00:0"), "{environment}: {}", told.time);
        let [rate] = &told.rates[..] else { panic!("{environment}: {:?}", told.rates) };
        assert_eq!((rate.currency.as_str(), rate.posted_on.as_str()), ("USD", "2026-06-01"), "{environment}");
    }
}

#[test]
fn without_an_exchange_at_the_address_the_agent_names_the_command_that_starts_one() {
    let dir = TempDir::new().unwrap();
    // Bound and closed again: nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    let mut start = command(&dir, &[("KESTREL_EXCHANGE_URL", url.as_str())]);
    let out = start.arg("run").stderr(Stdio::piped()).output().unwrap();
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(78), "{text}");
    assert!(text.contains(&format!("kestrel simulate --listen {free}")), "{text}");
}

#[test]
fn an_agent_does_not_start_on_an_exchange_that_lacks_one_of_its_markets() {
    let dir = TempDir::new().unwrap();
    let exchange = Exchange::start(&dir, &["--markets", "KR"]);
    let mut start = command(&dir, &[("KESTREL_EXCHANGE_URL", exchange.url.as_str())]);
    let out = start.arg("run").stderr(Stdio::piped()).output().unwrap();
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(78), "{text}");
    assert!(text.contains("US_NASDAQ") && text.contains("ENABLED_MARKETS"), "{text}");
}
