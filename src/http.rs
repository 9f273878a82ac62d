//! The seam to every remote: one request, one answer, and a failure that says whether a byte can have left.
//!
//! Two adapters stand behind it: [`ReqwestTransport`] over sockets and [`InProcess`] over a router in this process.
//! A path that places or cancels an order passes only with an [`OrderTicket`], whatever the adapter.

mod dated;
mod dial;
mod in_process;
mod socket;
mod ticket;
mod tls;

use std::time::Duration;

use bytes::Bytes;
use domain::BoxFuture;

pub use dated::{ClockGauge, Dated, SKEW_ALLOWED};
pub use dial::{Dial, Duplex, InProcessDial, InProcessListener, TcpDial, in_process};
pub use in_process::InProcess;
pub use socket::{ReqwestTransport, TransportError};
pub use ticket::{Cleared, OrderTicket};
pub use tls::{OtherName, PAPER_HOST};

/// A request, whole.
pub type Request = http::Request<Bytes>;
/// An answer, whole, of any status.
pub type Response = http::Response<Bytes>;
/// What comes of a request.
pub type Reply = Result<Response, NetError>;

/// Why there is no whole answer. Neither text ever holds an address, a header or a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// Certain that no byte of the request reached the peer: name not found, connection refused, no TLS session, or a
    /// request that could not be built (order-protocol 3, row 1).
    #[error("not sent: {0}")]
    NotSent(String),
    /// The peer may have acted: no answer in time, a broken connection, a cut or oversized body (rows 2, 3 and 11).
    #[error("no usable answer: {0}")]
    Ambiguous(String),
}

/// Bounds of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallLimits {
    /// Longest wait for the whole answer, connecting included. Real time.
    pub timeout: Duration,
    /// Longest body accepted; a longer one is cut off while it arrives.
    pub max_body_bytes: usize,
}

/// Carries requests. Redirects are not followed and nothing is ever sent twice.
pub trait Transport: Send + Sync {
    /// Carries a request that was let through. Adapters implement this; callers use the two methods below.
    fn carry(&self, cleared: Cleared) -> BoxFuture<'_, Reply>;

    /// Sends anything but an order.
    ///
    /// # Errors
    /// [`NetError`]; a path that may touch orders is [`NetError::NotSent`].
    fn send(&self, request: Request, limits: CallLimits) -> BoxFuture<'_, Reply> {
        self.pass(Cleared::without_ticket(request, limits))
    }

    /// Sends an order or a cancel, as the ticket says.
    ///
    /// # Errors
    /// [`NetError`]; a path the ticket is not for is [`NetError::NotSent`].
    fn send_order(&self, request: Request, ticket: OrderTicket, limits: CallLimits) -> BoxFuture<'_, Reply> {
        self.pass(ticket.clear(request, limits))
    }

    #[doc(hidden)]
    fn pass(&self, checked: Result<Cleared, NetError>) -> BoxFuture<'_, Reply> {
        match checked {
            Ok(cleared) => self.carry(cleared),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

/// True for a loopback address or `localhost`: what goes there does not leave this machine.
pub(crate) fn is_this_machine(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// How the complaint about a body that does not fit begins.
const TOO_LONG: &str = "the body is longer than";

impl NetError {
    /// True when the answer came but did not fit; asking again would bring the same.
    pub fn is_too_long(&self) -> bool {
        match self {
            Self::Ambiguous(why) => why.starts_with(TOO_LONG),
            Self::NotSent(_) => false,
        }
    }
}

/// The answer without `secret`: a server, or whoever stands before it, may quote what it was asked, key and all, and its words
/// reach logs and people.
pub(crate) fn without(secret: &str, answer: Response) -> Response {
    match std::str::from_utf8(answer.body()) {
        Ok(text) if !secret.is_empty() && text.contains(secret) => {
            let blanked = Bytes::from(text.replace(secret, "***"));
            answer.map(|_quoted| blanked)
        }
        Ok(_) | Err(_) => answer,
    }
}

/// The rest of a body does not fit.
fn too_long(limits: CallLimits) -> NetError {
    NetError::Ambiguous(format!("{TOO_LONG} {} bytes", limits.max_body_bytes))
}

#[cfg(test)]
mod tests;
