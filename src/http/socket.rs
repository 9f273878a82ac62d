//! The adapter over sockets. Settings that a default client has otherwise are each named, because each of them has
//! sent a request twice, elsewhere or in the clear (proof.md 7).

use std::error::Error as _;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use domain::BoxFuture;
use http::Uri;
use supervision::mutant::{self, Mutant};

use super::tls::{self, OtherName};
use super::{CallLimits, Cleared, NetError, Reply, Response, Transport, too_long};

/// Longest wait for a TCP connection and its TLS session.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Bound of a call whose own limit is looser.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a connection for reads is kept without use.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The client cannot be built: usually no certificate roots on this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot build the HTTP client: {0}")]
pub struct TransportError(String);

/// HTTP/1.1 over TCP and TLS.
#[derive(Clone, Debug)]
pub struct ReqwestTransport {
    client: reqwest::Client,
}

impl ReqwestTransport {
    /// For orders and cancels: a fresh connection each time, so a reply can belong to one request only and a
    /// connection the peer has just closed cannot swallow an order. `other` is a name that the paper host's
    /// certificate may carry.
    ///
    /// # Errors
    /// [`TransportError`].
    pub fn for_orders(other: Option<&OtherName>) -> Result<Self, TransportError> {
        if mutant::is_on(Mutant::DefaultHttpClient) {
            return Self::build(reqwest::Client::builder());
        }
        Self::build(hardened(other)?.pool_max_idle_per_host(0))
    }

    /// For everything else; connections are kept for a while. `other` as in [`ReqwestTransport::for_orders`].
    ///
    /// # Errors
    /// [`TransportError`].
    pub fn for_reads(other: Option<&OtherName>) -> Result<Self, TransportError> {
        Self::build(hardened(other)?.pool_idle_timeout(IDLE_TIMEOUT))
    }

    /// One that finds `host` at `address` and judges certificates by `config`.
    #[cfg(test)]
    pub(super) fn resolving(
        host: &str,
        address: std::net::SocketAddr,
        config: rustls::ClientConfig,
    ) -> Result<Self, TransportError> {
        Self::build(hardened(None)?.resolve(host, address).tls_backend_preconfigured(config))
    }

    fn build(builder: reqwest::ClientBuilder) -> Result<Self, TransportError> {
        let client = builder.build().map_err(|error| TransportError(describe(error)))?;
        Ok(Self { client })
    }

    async fn exchange(&self, cleared: Cleared) -> Reply {
        let (request, limits) = cleared.into_parts();
        keep_private(request.uri())?;
        let mut request = reqwest::Request::try_from(request).map_err(classify)?;
        *request.timeout_mut() = Some(limits.timeout);
        let response = self.client.execute(request).await.map_err(classify)?;
        read(response, limits).await
    }
}

impl Transport for ReqwestTransport {
    fn carry(&self, cleared: Cleared) -> BoxFuture<'_, Reply> {
        Box::pin(self.exchange(cleared))
    }
}

fn hardened(other: Option<&OtherName>) -> Result<reqwest::ClientBuilder, TransportError> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("kestrel/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        .tcp_nodelay(true)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT);
    match other {
        None => Ok(builder),
        Some(other) => {
            let config = tls::taking(other).map_err(|error| TransportError(error.to_string()))?;
            Ok(builder.tls_backend_preconfigured(config))
        }
    }
}

/// Keys and orders travel in the clear only to this machine, where the simulator is.
fn keep_private(uri: &Uri) -> Result<(), NetError> {
    let here = super::is_this_machine(uri.host().unwrap_or_default());
    if uri.scheme_str() == Some("https") || here {
        return Ok(());
    }
    Err(NetError::NotSent("plain HTTP is allowed to this machine only".into()))
}

/// The body, cut off at the limit instead of being held in memory first.
async fn read(mut response: reqwest::Response, limits: CallLimits) -> Reply {
    let announced = response.content_length().unwrap_or(0);
    if usize::try_from(announced).is_ok_and(|length| length > limits.max_body_bytes) {
        return Err(too_long(limits));
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(after_sending)? {
        if body.len() + chunk.len() > limits.max_body_bytes {
            return Err(too_long(limits));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(whole(&mut response, body.freeze()))
}

fn whole(response: &mut reqwest::Response, body: Bytes) -> Response {
    let mut answer = Response::new(body);
    *answer.status_mut() = response.status();
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    answer
}

/// A failed connection (name, refusal, TLS) or a request that could not be built never left; everything else may have.
fn classify(error: reqwest::Error) -> NetError {
    if error.is_connect() || error.is_builder() {
        return NetError::NotSent(describe(error));
    }
    after_sending(error)
}

fn after_sending(error: reqwest::Error) -> NetError {
    NetError::Ambiguous(describe(error))
}

/// The error and its causes, without the address: Telegram's token is part of it.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = if error.is_timeout() { format!("timed out: {error}") } else { error.to_string() };
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
