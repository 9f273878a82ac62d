//! Asks a running `kestrel simulate` for its clock and its books.

use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::TimeDelta;
use http::Method;
use serde::de::DeserializeOwned;

use super::wire::{BOOKS_PATH, CLOCK_PATH, ClockFacts, SetClock};
use crate::clock::ScaledClock;
use crate::http::{CallLimits, ReqwestTransport, Transport as _};
use crate::simulator::VenueBooks;

/// The books of a long run are large.
const LIMITS: CallLimits = CallLimits { timeout: Duration::from_secs(5), max_body_bytes: 64 * 1024 * 1024 };
/// The quickest of so many answers tells the time: what one was delayed by, the clock would be off by.
const LOOKS: usize = 5;

/// The exchange's clock, followed from here, and its terms.
pub struct Sighting {
    /// Shows exchange time.
    pub clock: ScaledClock,
    /// The terms, and what the clock showed.
    pub facts: ClockFacts,
}

/// Reads the clock of the exchange at `url`, and keeps it.
///
/// # Errors
/// In words: nobody answers, or what answers is no `kestrel simulate`.
pub fn look_at_clock(url: &str) -> Result<Sighting, String> {
    run(async {
        let transport = transport()?;
        let mut best: Option<(Duration, Sighting)> = None;
        for _ in 0..LOOKS {
            let asked_at = Instant::now();
            let facts: ClockFacts = call(&transport, Method::GET, url, CLOCK_PATH, Bytes::new()).await?;
            let took = asked_at.elapsed();
            if best.as_ref().is_none_or(|(quickest, _)| took < *quickest) {
                best = Some((took, sighting(facts, took)));
            }
        }
        best.map(|(_, sighting)| sighting).ok_or_else(|| "the exchange's clock was not asked for".into())
    })
}

/// The answer was written about half way between question and answer.
fn sighting(facts: ClockFacts, took: Duration) -> Sighting {
    let late = TimeDelta::from_std((took / 2).saturating_mul(facts.speed)).unwrap_or(TimeDelta::zero());
    let now = facts.now.checked_add_signed(late).unwrap_or(facts.now);
    Sighting { clock: ScaledClock::steady(now, facts.speed), facts }
}

/// Sets the clock of the exchange at `url`; agents that follow it do not notice until they are started again.
///
/// # Errors
/// As [`look_at_clock`].
pub fn set_clock(url: &str, wanted: &SetClock) -> Result<ClockFacts, String> {
    let body = serde_json::to_vec(wanted).map_err(|error| error.to_string())?;
    run(async { call(&transport()?, Method::POST, url, CLOCK_PATH, Bytes::from(body)).await })
}

/// The exchange's own books.
///
/// # Errors
/// As [`look_at_clock`].
pub fn books(url: &str) -> Result<VenueBooks, String> {
    run(async { call(&transport()?, Method::GET, url, BOOKS_PATH, Bytes::new()).await })
}

fn run<T>(asking: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| format!("no runtime: {error}"))?.block_on(asking)
}

fn transport() -> Result<ReqwestTransport, String> {
    ReqwestTransport::for_reads(None).map_err(|error| error.to_string())
}

async fn call<T: DeserializeOwned>(
    transport: &ReqwestTransport,
    method: Method,
    url: &str,
    path: &str,
    body: Bytes,
) -> Result<T, String> {
    let request = http::Request::builder()
        .method(method)
        .uri(format!("{url}{path}"))
        .header(http::header::CONTENT_TYPE, "application/json");
    let request = request.body(body).map_err(|error| format!("{url} is no address: {error}"))?;
    let reply = transport.send(request, LIMITS).await.map_err(|error| {
        format!(
            "no exchange answers at {url} ({error}); start one with `kestrel simulate --listen {}`, or unset \
             KESTREL_EXCHANGE_URL",
            url.trim_start_matches("http://")
        )
    })?;
    if !reply.status().is_success() {
        return Err(format!("what answers at {url} is no `kestrel simulate`: HTTP {}", reply.status()));
    }
    serde_json::from_slice(reply.body())
        .map_err(|error| format!("what answers at {url} is no `kestrel simulate`: {error}"))
}
