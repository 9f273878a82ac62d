//! `kestrel simulate`: the embedded exchange alone, for any KIS client on this machine.
//!
//! Beside KIS's paths it answers, out of band, for what no broker tells: its own books, and its clock. Invariant: it
//! listens on loopback addresses only, because its keys are no secret and its books are open to all.

pub mod client;
pub mod wire;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::{Json, Router, routing};
use chrono::{DateTime, Utc};
use domain::Clock;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::SimulateArgs;
use crate::clock::{ScaledClock, SystemClock};
use crate::simulator::{self, Environment, Exchange, MarketData, SimulatorConfig, VenueBooks};
use crate::{telemetry, terminal, venue};
use wire::{BOOKS_PATH, CLOCK_PATH, ClockFacts, Greeting, SetClock};

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// Why it cannot serve, in words.
pub fn run(args: &SimulateArgs) -> Result<(), String> {
    let filter = std::env::var("KESTREL_LOG").unwrap_or_else(|_| "warn".into());
    let log = telemetry::start(&filter, crate::config::LogFormat::Auto)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.map_err(|error| format!("no runtime: {error}"))?.block_on(serve(args));
    drop(log);
    served
}

async fn serve(args: &SimulateArgs) -> Result<(), String> {
    let taken = |error: std::io::Error| format!("cannot listen on {}: {error}", args.listen);
    let listener = TcpListener::bind(args.listen).await.map_err(taken)?;
    let address = listener.local_addr().map_err(taken)?;
    let open = OpenExchange::new(args);
    say(&open, address, args);
    let router = simulator::router(open.exchange.clone()).merge(out_of_band(open));
    let served = axum::serve(listener, router).with_graceful_shutdown(ended()?).into_future();
    served.await.map_err(|error| format!("the exchange stopped: {error}"))
}

fn ended() -> Result<impl Future<Output = ()>, String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    Ok(async move {
        tokio::select! {
            biased;
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// An exchange whose books and clock are open.
#[derive(Clone)]
struct OpenExchange {
    exchange: Arc<Exchange>,
    clock: ScaledClock,
    environment: Environment,
    markets: Vec<domain::Market>,
}

impl OpenExchange {
    fn new(args: &SimulateArgs) -> Self {
        let start: DateTime<Utc> = args.start.unwrap_or_else(|| SystemClock.now());
        let clock = ScaledClock::steady(start, args.speed);
        let exchange = Exchange::new(SimulatorConfig {
            clock: Arc::new(clock.clone()),
            seed: args.seed,
            markets: args.markets.clone(),
            cash: venue::starting_cash(&args.markets),
            environment: args.environment.into(),
            data: MarketData::default(),
            closed: venue::closed_dates(&args.markets),
        });
        if let Some(rate) = args.ledger_rate {
            exchange.limit_ledger(rate);
        }
        if args.no_token_spacing {
            exchange.answer_token_calls_at_once();
        }
        let exchange = Arc::new(exchange);
        Self { exchange, clock, environment: args.environment.into(), markets: args.markets.clone() }
    }

    fn facts(&self) -> ClockFacts {
        ClockFacts {
            now: self.clock.now(),
            speed: self.clock.speed(),
            environment: self.environment,
            markets: self.markets.iter().map(|market| market.code().to_owned()).collect(),
        }
    }
}

/// What only the exchange itself knows, and its clock.
fn out_of_band(open: OpenExchange) -> Router {
    Router::new()
        .route(CLOCK_PATH, routing::get(tell_clock).post(set_clock))
        .route(BOOKS_PATH, routing::get(tell_books))
        .with_state(open)
}

async fn tell_clock(State(open): State<OpenExchange>) -> Json<ClockFacts> {
    Json(open.facts())
}

async fn set_clock(State(open): State<OpenExchange>, Json(wanted): Json<SetClock>) -> Json<ClockFacts> {
    open.clock.set(wanted.now);
    Json(open.facts())
}

async fn tell_books(State(open): State<OpenExchange>) -> Json<VenueBooks> {
    Json(open.exchange.books())
}

fn say(open: &OpenExchange, address: SocketAddr, args: &SimulateArgs) {
    let url = format!("http://{address}");
    let greeting = Greeting { url, clock: open.facts(), seed: args.seed };
    match serde_json::to_string(&greeting) {
        Ok(text) if args.json => terminal::line(text),
        Ok(_) | Err(_) => terminal::line(greeting),
    }
}
