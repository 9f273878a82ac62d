//! Who is let in, and what every answer says to a browser.
//!
//! A page elsewhere can have its own name point to this machine and then read what is served here as if it were its own
//! (DNS rebinding). It cannot do so under a plain address, `localhost`, or a name that it does not own: those are allowed,
//! and nothing else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};

use crate::config::Web;

/// Longest time to answer a request; a halt waits for ledger and Broker, eight seconds at most.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// What a browser may do with an answer: show it, and nothing else. What is shown may be held against no other page.
const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The names under which the web may be called.
pub(super) struct Gate {
    hosts: Vec<String>,
}

impl Gate {
    pub(super) fn new(settings: &Web) -> Arc<Self> {
        Arc::new(Self { hosts: settings.hosts.clone() })
    }

    /// True when the request names one host, and one that is ours.
    fn admits(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut named = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (named.next(), named.next()) else { return false };
        let host = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
        host.is_some_and(|host| self.is_ours(&host))
            && uri.authority().is_none_or(|named| self.is_ours(named))
    }

    fn is_ours(&self, authority: &Authority) -> bool {
        // A user's name before it is nothing that a client of ours sends.
        if authority.as_str().contains('@') {
            return false;
        }
        let host = authority.host().to_ascii_lowercase();
        is_plain_address(&host) || host == "localhost" || self.hosts.contains(&host)
    }
}

fn is_plain_address(host: &str) -> bool {
    let in_brackets = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match in_brackets {
        Some(host) => host.parse::<Ipv6Addr>().is_ok(),
        None => host.parse::<Ipv4Addr>().map(IpAddr::V4).is_ok(),
    }
}

/// Refuses foreign names, bounds the time of an answer, and puts the headers on whatever is answered.
pub(super) async fn guard(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let mut response = if gate.admits(request.uri(), request.headers()) {
        match tokio::time::timeout(ANSWER_WITHIN, next.run(request)).await {
            Ok(response) => response,
            Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "no answer in time\n").into_response(),
        }
    } else {
        let why = "this name is not served here; name it in WEB_HOSTS, or call the plain address\n";
        (StatusCode::MISDIRECTED_REQUEST, why).into_response()
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_host_that_is_ours_is_let_in() {
        let gate = Gate { hosts: vec!["kestrel.internal".into()] };
        let admits = |uri: &str, hosts: &[&str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, HeaderValue::from_str(host).unwrap());
            }
            gate.admits(&uri.parse().unwrap(), &headers)
        };
        for host in
            ["localhost", "LOCALHOST:8686", "127.0.0.1:8686", "10.1.2.3", "[::1]:8686", "Kestrel.internal:80"]
        {
            assert!(admits("/", &[host]), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "kestrel.internal.evil.example",
            "kestrel",
            "127.0.0.1.evil.example",
            "0x7f.1",
            "::1",
            "a@127.0.0.1",
            "127.0.0.1/",
        ] {
            assert!(!admits("/", &[host]), "{host}");
        }
        assert!(!admits("/", &[]) && !admits("/", &["localhost", "localhost"]), "one name, not none or two");
        assert!(admits("http://localhost/", &["localhost"]));
        assert!(!admits("http://evil.example/", &["localhost"]));
    }
}
