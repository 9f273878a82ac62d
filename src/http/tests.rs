//! The adapters against peers that misbehave on loopback sockets.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get;

use super::*;

const LIMITS: CallLimits = CallLimits { timeout: Duration::from_millis(400), max_body_bytes: 64 };

/// Reads one request whose body is the three letters `abc`; false when the peer has gone.
fn take_request(stream: &mut TcpStream) -> bool {
    let mut seen = Vec::new();
    let mut chunk = [0; 1024];
    while !seen.ends_with(b"\r\n\r\nabc") {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return false,
            Ok(count) => seen.extend_from_slice(&chunk[..count]),
        }
    }
    true
}

/// A server that answers every request with `answer`, then closes, or keeps silent when there is none.
fn peer(answer: Option<&'static [u8]>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/a", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            if take_request(&mut stream) {
                counter.fetch_add(1, Ordering::SeqCst);
            }
            match answer {
                Some(bytes) => stream.write_all(bytes).unwrap(),
                None => silent.push(stream),
            }
        }
    });
    (address, requests)
}

fn post(address: &str) -> Request {
    http::Request::post(address).body(Bytes::from_static(b"abc")).unwrap()
}

fn transports() -> [ReqwestTransport; 2] {
    [ReqwestTransport::for_orders(None).unwrap(), ReqwestTransport::for_reads(None).unwrap()]
}

fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/bot-secret", listener.local_addr().unwrap())
}

#[tokio::test]
async fn what_never_left_is_not_sent_and_names_no_address() {
    let refused = closed_port();
    for address in [refused.as_str(), "https://no-such-host.invalid/bot-secret"] {
        for transport in transports() {
            let error = transport.send(post(address), LIMITS).await.unwrap_err();
            assert!(matches!(error, NetError::NotSent(_)), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_tls_session_that_does_not_come_about_is_not_sent() {
    let (address, _) = peer(Some(b"HTTP/1.1 400 no TLS here\r\n\r\n"));
    let listener_speaks_plain = address.replace("http://", "https://");
    // The peer waits for a whole request, so this ends by the connect timeout or by the peer's nonsense.
    let limits = CallLimits { timeout: Duration::from_secs(10), ..LIMITS };
    let error = ReqwestTransport::for_orders(None)
        .unwrap()
        .send(post(&listener_speaks_plain), limits)
        .await
        .unwrap_err();
    assert!(matches!(error, NetError::NotSent(_)), "{error}");
}

#[tokio::test]
async fn whatever_may_have_arrived_is_ambiguous_and_is_sent_once() {
    let cases: [(&str, Option<&'static [u8]>); 5] = [
        ("closed without an answer", Some(b"")),
        ("no answer in time", None),
        ("truncated", Some(b"HTTP/1.1 200 OK\r\ncontent-length: 60\r\n\r\n{\"rt_cd\"")),
        ("announced too long", Some(b"HTTP/1.1 200 OK\r\ncontent-length: 65\r\n\r\n")),
        (
            "too long without notice",
            Some(b"HTTP/1.1 200 OK\r\n\r\n0123456789012345678901234567890123456789012345678901234567890123456789"),
        ),
    ];
    for (name, answer) in cases {
        for transport in transports() {
            let (address, requests) = peer(answer);
            let error = transport.send(post(&address), LIMITS).await.unwrap_err();
            assert!(matches!(error, NetError::Ambiguous(_)), "{name}: {error}");
            assert_eq!(requests.load(Ordering::SeqCst), 1, "{name}");
        }
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    for transport in transports() {
        let (address, requests) = peer(Some(b"HTTP/1.1 307 X\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n"));
        let answer = transport.send(post(&address), LIMITS).await.unwrap();
        assert_eq!((answer.status().as_u16(), requests.load(Ordering::SeqCst)), (307, 1));
    }
}

#[tokio::test]
async fn any_status_is_an_answer_with_its_headers_and_body() {
    let (address, _) = peer(Some(b"HTTP/1.1 500 X\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\nno"));
    let answer = ReqwestTransport::for_reads(None).unwrap().send(post(&address), LIMITS).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (500, &b"no"[..]));
    assert_eq!(answer.headers()["retry-after"], "7");
}

#[tokio::test]
async fn plain_http_goes_to_this_machine_only() {
    let transport = ReqwestTransport::for_reads(None).unwrap();
    for address in ["http://192.0.2.1/a", "http://example.invalid/a", "/a"] {
        let error = transport.send(post(address), LIMITS).await.unwrap_err();
        assert!(matches!(error, NetError::NotSent(_)), "{address}: {error}");
    }
}

#[tokio::test]
async fn an_order_path_without_a_ticket_goes_nowhere() {
    let router = Router::new().fallback(|| async { "reached" });
    let (address, requests) = peer(None);
    let adapters: [Box<dyn Transport>; 2] =
        [Box::new(InProcess(router)), Box::new(ReqwestTransport::for_orders(None).unwrap())];
    for adapter in adapters {
        let request = post(&address.replace("/a", "/uapi/domestic-stock/v1/trading/order-cash"));
        let error = adapter.send(request, LIMITS).await.unwrap_err();
        assert!(matches!(error, NetError::NotSent(_)), "{error}");
    }
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

fn router() -> Router {
    Router::new()
        .route("/short", get(|| async { "ok" }))
        .route("/long", get(|| async { "x".repeat(65) }))
        .route("/never", get(std::future::pending::<&str>))
}

#[tokio::test(start_paused = true)]
async fn in_process_answers_have_the_same_bounds_in_virtual_time() {
    let transport = InProcess(router());
    let ask =
        |path: &'static str| transport.send(http::Request::get(path).body(Bytes::new()).unwrap(), LIMITS);
    assert_eq!(&ask("/short").await.unwrap().body()[..], b"ok");
    assert_eq!(ask("/absent").await.unwrap().status().as_u16(), 404);
    for path in ["/long", "/never"] {
        assert!(matches!(ask(path).await, Err(NetError::Ambiguous(_))), "{path}");
    }
}
