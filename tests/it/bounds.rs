//! What a server on the other side can do to the process: nothing beyond the limits of the call (order-protocol,
//! invariant 24; proof 8). Memory is measured in a process of its own, which runs one test of this file.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kestrel::http::{CallLimits, NetError, ReqwestTransport, Transport};

use crate::harness::best_of_three;

/// Set in the process that measures itself.
const ALONE: &str = "KESTREL_TEST_ALONE";
/// As large as the largest body that the agent reads (KIS, proof 8).
const BODY_MAX_BYTES: usize = 2 * 1024 * 1024;
/// What such a body may cost, in KiB.
const GROWTH_MAX_KIB: u64 = 8 * 1024;

/// When a call with a deadline of three seconds is over.
const ENDS_WITHIN: Duration = Duration::from_millis(3_500);

/// Runs one test of this file alone in a process with these variables.
fn alone(test: &str, variables: &[(&str, String)]) {
    let mut process = Command::new(std::env::current_exe().unwrap());
    process.args([&format!("bounds::{test}"), "--exact", "--nocapture", "--test-threads=1"]).env(ALONE, "1");
    process.envs(variables.iter().map(|(name, value)| (*name, value.as_str())));
    let out = process.output().unwrap();
    let told = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
    assert!(out.status.success() && told.contains("1 passed"), "{told}");
    println!("{told}");
}

fn is_alone() -> bool {
    std::env::var_os(ALONE).is_some()
}

/// The most memory that this process ever had, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A server that answers each connection by the path that is asked for, and counts the connections.
pub(crate) fn server(
    answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static,
) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            counter.fetch_add(1, Ordering::SeqCst);
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || serve(stream, &*answer));
        }
    });
    (address, connections)
}

fn serve(mut stream: TcpStream, answer: &(impl Fn(&str, &mut TcpStream) + ?Sized)) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n")
        && head.len() < 16_384
        && stream.read(&mut byte).is_ok_and(|count| count == 1)
    {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    // An unread body would turn the end of the connection into a reset.
    let length = head
        .to_ascii_lowercase()
        .split("content-length: ")
        .nth(1)
        .and_then(|rest| rest.lines().next()?.parse().ok());
    let _ = stream.read_exact(&mut vec![0; length.unwrap_or(0)]);
    answer(&head, &mut stream);
}

/// A body of 256 MiB in small pieces, until the peer hangs up.
fn flood(stream: &mut TcpStream, piece: &[u8]) {
    pour(stream, piece, 256 * 1024 * 1024);
}

/// A body in small pieces, because the memory of this server counts as the process's.
fn pour(stream: &mut TcpStream, piece: &[u8], bytes: usize) {
    for _ in 0..bytes / piece.len() {
        if stream.write_all(piece).is_err() {
            return;
        }
    }
}

fn misbehave(head: &str, stream: &mut TcpStream) {
    let open = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
    let path = head.split(' ').nth(1).unwrap_or_default();
    match path {
        "/announced" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 268435456\r\n\r\n");
            flood(stream, &[b'x'; 65_536]);
        }
        "/endless" => {
            let _ = stream.write_all(open);
            flood(stream, &[b'x'; 65_536]);
        }
        "/deep" => {
            let _ = stream.write_all(open);
            pour(stream, &[b'['; 65_536], BODY_MAX_BYTES);
        }
        "/drip" => {
            let _ = stream.write_all(open);
            while stream.write_all(b"x").is_ok() {
                std::thread::park_timeout(Duration::from_millis(20));
            }
        }
        "/headers" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
            flood(stream, format!("x-{}: {}\r\n", "a".repeat(100), "b".repeat(4_000)).as_bytes());
        }
        _ => {
            assert!(
                !head.to_ascii_lowercase().contains("accept-encoding"),
                "no compression is asked for: {head}"
            );
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 10\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\xff");
        }
    }
}

fn get(address: &str, path: &str) -> kestrel::http::Request {
    http::Request::get(format!("http://{address}{path}")).body(Bytes::new()).unwrap()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn invariant_24_huge_slow_and_packed_bodies_cost_eight_mebibytes_and_end_at_the_deadline() {
    if !is_alone() {
        return alone(
            "invariant_24_huge_slow_and_packed_bodies_cost_eight_mebibytes_and_end_at_the_deadline",
            &[],
        );
    }
    let (address, _) = server(misbehave);
    let limits = CallLimits { timeout: Duration::from_secs(3), max_body_bytes: BODY_MAX_BYTES };
    let transport = ReqwestTransport::for_reads(None).unwrap();
    // What the first call of a process costs is not what a body costs.
    let packed = block_on(transport.send(get(&address, "/packed"), limits)).unwrap();
    assert_eq!(packed.body()[..], b"\x1f\x8b\x08\0\0\0\0\0\0\xff"[..], "nothing is unpacked");
    let before = peak_kib();
    for path in ["/announced", "/endless", "/drip", "/headers"] {
        let took = best_of_three(ENDS_WITHIN, || {
            let start = Instant::now();
            let error = block_on(transport.send(get(&address, path), limits)).unwrap_err();
            assert!(matches!(error, NetError::Ambiguous(_)), "{path}: {error}");
            start.elapsed()
        });
        assert!(took < ENDS_WITHIN, "{path} took {took:?}");
    }
    let deep = block_on(transport.send(get(&address, "/deep"), limits)).unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(deep.body()).is_err(), "nesting has an end");
    let growth = peak_kib() - before;
    println!("peak memory grew by {growth} KiB, allowed {GROWTH_MAX_KIB}");
    assert!(growth <= GROWTH_MAX_KIB, "{growth} KiB");
}

#[test]
fn invariant_24_no_redirect_is_followed_whatever_its_code_and_method() {
    let (elsewhere, reached) = server(|_, _| {});
    for code in [301, 302, 303, 307, 308] {
        let place = elsewhere.clone();
        let (address, _) = server(move |_, stream| {
            let answer =
                format!("HTTP/1.1 {code} X\r\nlocation: http://{place}/b\r\ncontent-length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
        });
        let limits = CallLimits { timeout: Duration::from_secs(5), max_body_bytes: 1024 };
        for transport in
            [ReqwestTransport::for_orders(None).unwrap(), ReqwestTransport::for_reads(None).unwrap()]
        {
            for method in [http::Method::GET, http::Method::POST] {
                let mut request = get(&address, "/a");
                *request.method_mut() = method;
                let answer = block_on(transport.send(request, limits)).unwrap();
                assert_eq!(answer.status().as_u16(), code);
            }
        }
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[test]
fn invariant_23_a_proxy_of_the_environment_gets_no_byte() {
    if !is_alone() {
        let (proxy, reached) = server(|_, _| {});
        let url = format!("http://{proxy}");
        let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
        let variables: Vec<_> = names.into_iter().map(|name| (name, url.clone())).collect();
        alone("invariant_23_a_proxy_of_the_environment_gets_no_byte", &variables);
        assert_eq!(reached.load(Ordering::SeqCst), 0);
        return;
    }
    assert!(std::env::var("HTTPS_PROXY").is_ok());
    let (address, connections) = server(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    });
    let limits = CallLimits { timeout: Duration::from_secs(5), max_body_bytes: 1024 };
    for transport in [ReqwestTransport::for_orders(None).unwrap(), ReqwestTransport::for_reads(None).unwrap()]
    {
        assert!(block_on(transport.send(get(&address, "/"), limits)).is_ok());
        let tls = http::Request::get(format!("https://{address}/")).body(Bytes::new()).unwrap();
        assert!(block_on(transport.send(tls, limits)).is_err(), "the peer speaks no TLS");
    }
    assert!(connections.load(Ordering::SeqCst) >= 4, "all went to the peer itself");
}
