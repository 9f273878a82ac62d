//! Which requests may leave: order paths need a ticket, and only a permit or a journalled order yields one.
//!
//! Invariant: a [`Cleared`] is made here alone, so no adapter can be handed an unchecked request.

use trade_ledger::{JournalledOrder, SendPermit};

use super::{CallLimits, NetError, Request};

/// The right to use an order path once.
///
/// Nobody can make one without the ledger's word:
///
/// ```compile_fail
/// fn forge() -> kestrel::http::OrderTicket {
///     kestrel::http::OrderTicket { errand: unreachable!() }
/// }
/// ```
///
/// with it, anybody can:
///
/// ```
/// fn earn(permit: &trade_ledger::SendPermit) -> kestrel::http::OrderTicket {
///     kestrel::http::OrderTicket::for_submit(permit)
/// }
/// ```
#[derive(Debug)]
pub struct OrderTicket {
    errand: Errand,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Errand {
    Submit,
    Cancel,
}

impl OrderTicket {
    /// A ticket to place the permitted order.
    pub fn for_submit(_permit: &SendPermit) -> Self {
        Self { errand: Errand::Submit }
    }

    /// A ticket to cancel a known order.
    pub fn for_cancel(_order: &JournalledOrder) -> Self {
        Self { errand: Errand::Cancel }
    }

    /// Lets the request through if its path is what the ticket is for.
    pub(super) fn clear(self, request: Request, limits: CallLimits) -> Result<Cleared, NetError> {
        let wanted = errand(request.uri().path());
        if wanted == Path::Orders(self.errand) {
            return Ok(Cleared { request, limits });
        }
        Err(NetError::NotSent("the order ticket is not for this path".into()))
    }
}

/// A request that may leave, with its bounds.
#[derive(Debug)]
pub struct Cleared {
    request: Request,
    limits: CallLimits,
}

impl Cleared {
    pub(super) fn without_ticket(request: Request, limits: CallLimits) -> Result<Self, NetError> {
        match errand(request.uri().path()) {
            Path::Plain => Ok(Self { request, limits }),
            Path::Orders(_) => Err(NetError::NotSent("an order path needs an order ticket".into())),
            Path::Disguised => {
                Err(NetError::NotSent("the path is written in a way that can hide another".into()))
            }
        }
    }

    /// True when it places no order but cancels one.
    pub fn is_cancel(&self) -> bool {
        errand(self.request.uri().path()) == Path::Orders(Errand::Cancel)
    }

    /// What to send and within which bounds.
    pub fn into_parts(self) -> (Request, CallLimits) {
        (self.request, self.limits)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    /// Touches no order.
    Plain,
    /// Places, changes or cancels one.
    Orders(Errand),
    /// A server may read it as another path.
    Disguised,
}

/// Every order path of KIS ends in a segment that begins with `order` (KIS.md 8, 12); no other path of ours has one.
fn errand(path: &str) -> Path {
    let mut segments = path.trim_start_matches('/').split('/').peekable();
    let hidden = |segment: &str| matches!(segment, "." | "..") || segment.contains(['%', '\\']);
    let mut found = Path::Plain;
    while let Some(segment) = segments.next() {
        if hidden(segment) || (segment.is_empty() && segments.peek().is_some()) {
            return Path::Disguised;
        }
        let lower = segment.to_ascii_lowercase();
        if lower.starts_with("order") {
            found = Path::Orders(if lower.ends_with("rvsecncl") { Errand::Cancel } else { Errand::Submit });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_place_or_cancel_orders_are_known_by_their_segment() {
        let cases = [
            ("/uapi/domestic-stock/v1/trading/order-cash", Path::Orders(Errand::Submit)),
            ("/uapi/overseas-stock/v1/trading/order", Path::Orders(Errand::Submit)),
            ("/uapi/overseas-stock/v1/trading/ORDER/", Path::Orders(Errand::Submit)),
            ("/uapi/domestic-stock/v1/trading/order-rvsecncl", Path::Orders(Errand::Cancel)),
            ("/uapi/domestic-stock/v1/trading/order-credit", Path::Orders(Errand::Submit)),
            ("/uapi/domestic-stock/v1/trading/inquire-balance", Path::Plain),
            ("/uapi/domestic-stock/v1/trading/inquire-psbl-order", Path::Plain),
            ("/v1beta/models/gemini-flash:generateContent", Path::Plain),
            ("/v1/chat/completions", Path::Plain),
            ("/bot1:AB_c/sendMessage", Path::Plain),
            ("/", Path::Plain),
            ("/uapi/x/%6frder-cash", Path::Disguised),
            ("/uapi/x/../order-cash", Path::Disguised),
            ("/uapi//trading/inquire", Path::Disguised),
        ];
        for (path, expected) in cases {
            assert_eq!(errand(path), expected, "{path}");
        }
    }
}
