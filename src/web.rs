//! The web: a page for people, and health, readiness and metrics for programs.
//!
//! Another door to the same answers as the control socket's ([`crate::control::Answers`]), never a second truth. It has a
//! thread and runtime of its own, so that a busy actor cannot deafen it, and everything about it is bounded: the size of a
//! request, the time to send it, the time to answer it, the life of a connection, the number of connections. It listens on
//! no address unless the settings name one.

mod command;
mod connections;
mod gate;
mod health;
mod live;
pub mod metrics;
mod observer;
mod page;
pub mod probe;
mod routes;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use domain::Market;
use secrecy::SecretString;

use crate::config::{Database, TradeMode, Web};
use crate::control::Answers;

use self::gate::Gate;
use self::observer::Observer;

/// What is shown.
pub struct Site {
    /// From what it is made.
    pub answers: Answers,
    /// The markets that are traded.
    pub markets: Vec<Market>,
    /// How often is judged.
    pub trade_mode: TradeMode,
    /// Where the books are, for the room on their disk.
    pub books: Database,
    /// What gives the right to halt and resume from the page; none: it is read-only.
    pub token: Option<SecretString>,
}

/// Serves `site` on a thread of its own until the process ends; tells on which address.
///
/// # Errors
/// When the address cannot be had, or no thread; in words, with what to do.
pub fn open(settings: &Web, site: Site) -> Result<SocketAddr, String> {
    let listen = settings.listen;
    let no_address = |error: std::io::Error| {
        format!("WEB_LISTEN={listen} cannot be had: {error}; choose another port, or set WEB_LISTEN=off")
    };
    let listener = std::net::TcpListener::bind(listen).map_err(no_address)?;
    listener.set_nonblocking(true).map_err(no_address)?;
    let address = listener.local_addr().map_err(no_address)?;
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "the web is open to whoever reaches this address");
    }
    let observer = Arc::new(Observer::new(site));
    let router = routes::router(observer.clone(), Gate::new(settings));
    let serve = move || connections::run(listener, router, observer.watch_equity());
    let started = std::thread::Builder::new().name("web".into()).spawn(serve);
    started.map_err(|error| format!("the web has no thread: {error}"))?;
    Ok(address)
}
