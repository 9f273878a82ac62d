//! Connections, each bounded: axum's own server has no limit of time for a request's head, and none of connections.

use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};

use crate::control::crowd::{Crowd, Turn};

/// Longest time to send the head of a request; an idle connection is closed after it too.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// Most bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Most headers of a request.
const HEADERS_MAX: usize = 64;
/// Longest life of a connection, whatever it does: a peer that does not read is hung up on.
const CONNECTION_WITHIN: Duration = Duration::from_secs(600);

/// Serves until the process ends, and does what is to be done beside it. The newest callers are kept; where there are too many, the oldest is hung up on.
pub(super) fn run(
    listener: std::net::TcpListener,
    router: Router,
    beside: impl Future<Output = ()> + Send + 'static,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!(%error, "the web has no runtime"),
    };
    runtime.block_on(async move {
        let listener = match TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!(%error, "the web cannot listen"),
        };
        drop(tokio::spawn(beside));
        let mut crowd = Crowd::default();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(converse(stream, router.clone(), crowd.enter()))),
                // Out of file descriptors, most likely: wait for some to close.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    });
}

async fn converse(stream: TcpStream, router: Router, turn: Turn) {
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .half_close(false);
    let connection = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::select! {
        biased;
        // What goes wrong here is the peer's: it hung up, or sent no HTTP.
        _ = connection => {}
        () = turn.over() => {}
        () = tokio::time::sleep(CONNECTION_WITHIN) => {}
    }
}
