//! The embedded exchange: the simulator behind a loopback socket, on a thread of its own.
//!
//! The agent speaks to it by HTTP, exactly as it speaks to KIS.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use crate::simulator::{self, Exchange};

/// A running embedded exchange.
pub struct Embedded {
    /// Where it answers, e.g. `http://127.0.0.1:40123`.
    pub base_url: String,
    /// The venue itself, for its own books.
    pub venue: Arc<Exchange>,
}

/// Starts serving `venue` on a free loopback port.
///
/// # Errors
/// When no port can be had, or no thread; in words.
pub fn start(venue: Arc<Exchange>) -> Result<Embedded, String> {
    let (listener, address) =
        listen().map_err(|error| format!("the embedded exchange has no port: {error}"))?;
    let served = venue.clone();
    std::thread::Builder::new()
        .name("exchange".into())
        .spawn(move || serve(served, listener))
        .map_err(|error| format!("the embedded exchange has no thread: {error}"))?;
    Ok(Embedded { base_url: format!("http://{address}"), venue })
}

fn listen() -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn serve(venue: Arc<Exchange>, listener: TcpListener) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!(%error, "the embedded exchange has no runtime"),
    };
    let served = runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        simulator::serve(venue, listener).await
    });
    if let Err(error) = served {
        tracing::error!(%error, "the embedded exchange stopped");
    }
}
