//! A scripted exchange for the tests of this folder: it answers what it is told and remembers what it was asked.

use std::sync::{Arc, Mutex};

use broker::Urgency;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::{BoxFuture, Clock};
use http::Method;

use super::call::{Ports, Session};
use super::{AccountNumber, Environment, KisConfig, Pace};
use crate::clock::ScaledClock;
use crate::config::{Credentials, Endpoint};
pub(super) use crate::http::Reply;
use crate::http::{Cleared, Request, Transport};

type Script = Box<dyn Fn(&Request, usize) -> Reply + Send + Sync>;

/// Answers by a script, which sees the request and how many came before it.
pub(super) struct Scripted {
    script: Script,
    seen: Mutex<Vec<Request>>,
}

impl Scripted {
    pub(super) fn new(script: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { script: Box::new(script), seen: Mutex::default() })
    }

    /// Method, path and query of every request so far.
    pub(super) fn asked(&self) -> Vec<String> {
        let line = |request: &Request| format!("{} {}", request.method(), request.uri());
        self.seen.lock().unwrap().iter().map(line).collect()
    }

    /// How many requests had this method and a path that ends so.
    pub(super) fn count(&self, method: &Method, end: &str) -> usize {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|r| r.method() == method && r.uri().path().ends_with(end)).count()
    }

    /// The last request.
    pub(super) fn last(&self) -> Request {
        self.seen.lock().unwrap().last().unwrap().clone()
    }
}

impl Scripted {
    /// The scripted answer, at once.
    pub(super) fn answer(&self, request: Request) -> Reply {
        let mut seen = self.seen.lock().unwrap();
        let before = seen.iter().filter(|r| r.uri().path() == request.uri().path()).count();
        let reply = (self.script)(&request, before);
        seen.push(request);
        reply
    }
}

impl Transport for Scripted {
    fn carry(&self, cleared: Cleared) -> BoxFuture<'_, Reply> {
        let reply = self.answer(cleared.into_parts().0);
        Box::pin(async move { reply })
    }
}

/// Grants every turn and remembers it.
#[derive(Default)]
pub(super) struct FreePace {
    pub(super) turns: Mutex<Vec<Urgency>>,
    pub(super) throttles: Mutex<u32>,
}

impl Pace for FreePace {
    fn turn(&self, urgency: Urgency) -> BoxFuture<'_, ()> {
        self.turns.lock().unwrap().push(urgency);
        Box::pin(async {})
    }

    fn throttled(&self) {
        *self.throttles.lock().unwrap() += 1;
    }
}

pub(super) fn start() -> DateTime<Utc> {
    // 10:00 in Seoul.
    "2026-11-24T01:00:00Z".parse().unwrap()
}

pub(super) fn clock() -> Arc<dyn Clock> {
    Arc::new(ScaledClock::new(start(), 1, Arc::new(|_| None)))
}

pub(super) fn config(environment: Environment) -> KisConfig {
    let endpoint = |tr_id: &str, name: &str| Endpoint {
        tr_id: tr_id.into(),
        path: format!("/uapi/overseas-stock/v1/ranking/{name}"),
    };
    KisConfig {
        base_url: "http://exchange.test".into(),
        environment,
        credentials: Credentials {
            app_key: "KEY-OF-TEST".into(),
            app_secret: "SECRET-OF-TEST".into(),
            account: "12345678-01".into(),
        },
        token_file: None,
        fluctuation: endpoint("HHDFS76290000", "updown-rate"),
        volume: endpoint("HHDFS76270000", "volume-surge"),
        truth_tag: false,
        live_feeds: std::collections::BTreeSet::new(),
    }
}

pub(super) fn session(environment: Environment, transport: &Arc<Scripted>) -> Session {
    let config = config(environment);
    let account = AccountNumber::parse(&config.credentials.account).unwrap();
    Session::new(config, account, ports(transport))
}

pub(super) fn ports(transport: &Arc<Scripted>) -> Ports {
    let reads: Arc<dyn Transport> = Arc::clone(transport) as _;
    Ports { reads, clock: clock(), pace: Arc::new(FreePace::default()) }
}

pub(super) fn reply(status: u16, body: &str) -> Reply {
    Ok(http::Response::builder().status(status).body(Bytes::copy_from_slice(body.as_bytes())).unwrap())
}

/// A page of a list with `tr_cont` as given.
pub(super) fn page(tr_cont: &str, body: &str) -> Reply {
    let mut reply = reply(200, body)?;
    reply.headers_mut().insert("tr_cont", tr_cont.parse().unwrap());
    Ok(reply)
}

pub(super) fn token_reply(bearer: &str) -> Reply {
    let body = format!(
        r#"{{"access_token":"{bearer}","access_token_token_expired":"2026-11-25 10:00:00","token_type":"Bearer","expires_in":86400}}"#
    );
    reply(200, &body)
}

/// Tokens as wanted, everything else by `script`.
pub(super) fn with_token(script: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Arc<Scripted> {
    Scripted::new(move |request, before| match request.uri().path() {
        "/oauth2/tokenP" => token_reply(&format!("token-{before}")),
        _ => script(request, before),
    })
}

/// The value of a query parameter, still encoded.
pub(super) fn parameter<'a>(request: &'a Request, key: &str) -> Option<&'a str> {
    let pairs = request.uri().query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(name, _)| *name == key).map(|(_, value)| value)
}
