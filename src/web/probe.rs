//! `kestrel healthcheck`: asks the web of the agent on this machine, for containers that have no HTTP client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use http::StatusCode;

/// RiskGuard answers within two seconds, or is told not to have answered.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

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

async fn fetch(url: &str) -> reqwest::Result<(StatusCode, String)> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(ANSWERED_WITHIN)
        .build()?;
    let response = client.get(url).send().await?;
    Ok((response.status(), response.text().await?))
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
