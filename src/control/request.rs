//! From a line on the socket to a command: bounded, one meaning, and its texts made harmless where they enter.

use domain::IntentId;
use domain::messages::symbols::Resolution;
use domain::text::harmless;

use super::wire::Request;
use super::{REQUEST_MAX_BYTES, TEXT_MAX_CHARS};

/// Longest complaint about a request that is sent back, in characters.
const COMPLAINT_MAX_CHARS: usize = 200;

/// The command in a line.
pub(super) fn parse(line: &[u8]) -> Result<Request, String> {
    if line.len() as u64 > REQUEST_MAX_BYTES {
        return Err(format!("not a request: longer than {REQUEST_MAX_BYTES} bytes"));
    }
    serde_json::from_slice(line)
        .map(cleaned)
        .map_err(|error| harmless(&format!("not a request: {error}"), COMPLAINT_MAX_CHARS))
}

/// What is booked where nobody said why.
const NO_REASON: &str = "no reason given";

/// The same command with its texts cut to [`TEXT_MAX_CHARS`] and made harmless. One without a reason is carried out too, and
/// says so.
pub fn cleaned(request: Request) -> Request {
    let clean = |text: String| harmless(&text, TEXT_MAX_CHARS);
    let why = |reason: String| match clean(reason) {
        said if said.is_empty() => NO_REASON.to_owned(),
        said => said,
    };
    match request {
        Request::Halt { reason, by, cancel_open } => {
            Request::Halt { reason: why(reason), by: clean(by), cancel_open }
        }
        Request::Reduce { reason, by, flatten, cancel_open } => {
            Request::Reduce { reason: why(reason), by: clean(by), flatten, cancel_open }
        }
        Request::Resume { halt, by, reason, reducing } => {
            Request::Resume { halt: halt.map(clean), by: clean(by), reason: why(reason), reducing }
        }
        Request::Limits { reason, by, change } => {
            Request::Limits { reason: why(reason), by: clean(by), change }
        }
        Request::WithdrawLimits { reason, by } => {
            Request::WithdrawLimits { reason: why(reason), by: clean(by) }
        }
        Request::Release { instrument, by, reason } => {
            Request::Release { instrument, by: clean(by), reason: why(reason) }
        }
        Request::Resolve { intent, resolution, by, reason } => {
            let intent = IntentId::from_stored(harmless(intent.as_str(), TEXT_MAX_CHARS));
            let resolution = match resolution {
                Resolution::Order(number) => Resolution::Order(clean(number)),
                Resolution::None => Resolution::None,
            };
            Request::Resolve { intent, resolution, by: clean(by), reason: why(reason) }
        }
        Request::Status => Request::Status,
        // Its texts were parsed where it was read.
        Request::Ask(question) => Request::Ask(question),
        Request::Budget => Request::Budget,
        Request::Decide { number, decision, by, reason } => {
            Request::Decide { number, decision, by: clean(by), reason: why(reason) }
        }
        #[cfg(feature = "faults")]
        Request::Fault { actor, kind } => Request::Fault { actor: clean(actor), kind },
    }
}

#[cfg(test)]
mod tests;
