//! The WebSocket of the exchange (KIS.md 14 and 21): approval keys, registrations, prices, encrypted notices, keep-alives.
//!
//! On the port of everything else, at `/tryitout` and `/tryitout/<TR_ID>`. One connection per app key, 41 registrations,
//! and a line that does not send keep-alives back is cut. What an order did is found by comparing the exchange's books
//! with what was told before, so a notice tells of nothing that is not in them.

mod conversation;
mod desk;
mod notices;
mod prices;
mod seal;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State as Shared;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use axum::routing;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::Exchange;
use super::refusal::Refusal;

/// The longest text taken, in bytes; a registration has about 250.
const TEXT_BYTES_MAX: usize = 4 * 1024;
/// An approval key lives a day (KIS.md 2.4).
const APPROVAL_LIFE: TimeDelta = TimeDelta::hours(24);
/// Approval keys that are remembered; the oldest is forgotten.
const APPROVALS_MAX: usize = 64;

/// The paths of the stream.
pub(super) fn routes() -> Router<Arc<Exchange>> {
    Router::new().route("/tryitout", routing::any(open)).route("/tryitout/{tr_id}", routing::any(open))
}

async fn open(Shared(exchange): Shared<Arc<Exchange>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .max_message_size(TEXT_BYTES_MAX)
        .max_frame_size(TEXT_BYTES_MAX)
        .on_upgrade(move |socket| conversation::hold(exchange, socket))
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Streams {
    /// Key, app key and the time of issue, oldest first.
    approvals: Vec<(String, String, DateTime<Utc>)>,
    /// Which connection holds an app key.
    holders: BTreeMap<String, u64>,
    connections: u64,
    random: fastrand::Rng,
    /// Counts how often every line was cut.
    cuts: watch::Sender<u64>,
    /// The account that the last request named: the one that notices are about.
    account: String,
}

impl Streams {
    /// Nobody is connected.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            approvals: Vec::new(),
            holders: BTreeMap::new(),
            connections: 0,
            random: fastrand::Rng::with_seed(seed ^ 0x5EED_0057),
            cuts: watch::Sender::new(0),
            account: String::new(),
        }
    }

    /// Every line breaks.
    pub(super) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// No approval key is known any more.
    pub(super) fn forget_approvals(&mut self) {
        self.approvals.clear();
    }

    /// How many connections hold an app key.
    pub(super) fn held(&self) -> usize {
        self.holders.len()
    }

    /// A request named this account.
    pub(super) fn note_account(&mut self, number: &str, product: &str) {
        if number.len() == 8 && product.len() == 2 {
            self.account = format!("{number}{product}");
        }
    }

    fn approve(&mut self, app_key: &str, now: DateTime<Utc>) -> Value {
        let digits = |random: &mut fastrand::Rng, count: usize| -> String {
            std::iter::repeat_with(|| random.digit(16)).take(count).collect()
        };
        let key = [8, 4, 4, 4, 12].map(|count| digits(&mut self.random, count)).join("-");
        if self.approvals.len() == APPROVALS_MAX {
            self.approvals.remove(0);
        }
        self.approvals.push((key.clone(), app_key.to_owned(), now));
        json!({"approval_key": key})
    }

    /// The app key behind an approval key that is still good.
    fn app_key(&self, approval_key: &str, now: DateTime<Utc>) -> Option<String> {
        let good = |issued_at: DateTime<Utc>| now - issued_at < APPROVAL_LIFE;
        self.approvals
            .iter()
            .find(|(key, _, issued_at)| key == approval_key && good(*issued_at))
            .map(|(_, app_key, _)| app_key.clone())
    }

    fn connect(&mut self) -> u64 {
        self.connections += 1;
        self.connections
    }

    /// True when `connection` holds the app key from now on.
    fn hold(&mut self, app_key: &str, connection: u64) -> bool {
        *self.holders.entry(app_key.to_owned()).or_insert(connection) == connection
    }

    fn release(&mut self, connection: u64) {
        self.holders.retain(|_, holder| *holder != connection);
    }

    /// A fresh iv and key, as an acknowledgement tells them: 16 and 32 characters.
    fn keys(&mut self) -> seal::Keys {
        let mut text =
            |count| std::iter::repeat_with(|| self.random.lowercase()).take(count).collect::<String>();
        seal::Keys::new(text(16), text(32))
    }
}

/// `POST /oauth2/Approval`: the secret's field is `secretkey` here (KIS.md 2.4).
pub(super) fn approve(exchange: &Exchange, body: &Value) -> Result<Value, Refusal> {
    let now = exchange.clock.now();
    let mut state = exchange.advanced();
    let app_key = state.gateway.stream_customer(body, now)?;
    Ok(state.streams.approve(&app_key, now))
}
