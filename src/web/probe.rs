//! `kestrel healthcheck`: asks the web of the agent on this machine, for containers that have no HTTP client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use crate::http::{CallLimits, ReqwestTransport, Transport as _};

/// RiskGuard answers within two seconds, or is told not to have answered.
const LIMITS: CallLimits = CallLimits { timeout: Duration::from_secs(5), max_body_bytes: 256 * 1024 };

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Whether the process lives.
    Alive,
    /// Whether it may trade.
    Ready,
}

/// What the agent on `listen` says of itself: good or not, and its own words.
///
/// # Errors
/// In words: nobody answers there.
pub fn ask(listen: SocketAddr, asked: Asked) -> Result<(bool, String), String> {
    let path = match asked {
        Asked::Alive => "/healthz",
        Asked::Ready => "/readyz",
    };
    let url = format!("http://{}{path}", reachable(listen));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    let (status, text) = runtime
        .block_on(fetch(&url))
        .map_err(|error| format!("{url} does not answer: {error}; is `kestrel run` running?"))?;
    Ok((status == StatusCode::OK, text.trim().to_owned()))
}

async fn fetch(url: &str) -> Result<(StatusCode, String), String> {
    let request = http::Request::get(url).body(Bytes::new()).map_err(|error| error.to_string())?;
    let transport = ReqwestTransport::for_reads(None).map_err(|error| error.to_string())?;
    let response = transport.send(request, LIMITS).await.map_err(|error| error.to_string())?;
    Ok((response.status(), String::from_utf8_lossy(response.body()).into_owned()))
}

/// Who listens everywhere is asked here.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_listens_everywhere_is_asked_on_this_machine() {
        for (listen, asked) in [
            ("0.0.0.0:8686", "127.0.0.1:8686"),
            ("[::]:1", "[::1]:1"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("10.0.0.7:80", "10.0.0.7:80"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), asked);
        }
    }
}
