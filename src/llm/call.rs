//! What both dialects share: one POST, bounds of an answer, and words of a server made harmless.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::America::Los_Angeles;
use domain::OracleError;
use domain::text::harmless;
use http::HeaderValue;
use http::header::{CONTENT_TYPE, HeaderName};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::http::{CallLimits, Request, Response, Transport, without};

/// What stands before a key in its header (RFC 6750).
pub(super) const BEARER: &str = "Bearer ";
/// Longest answer read (proof.md 8).
pub(super) const BODY_MAX_BYTES: usize = 1024 * 1024;
/// Longest text of a server that is kept, in characters.
const MESSAGE_MAX_CHARS: usize = 160;
/// Longest name of a model that is recorded, in characters.
const MODEL_MAX_CHARS: usize = 60;
/// Wait after a refusal for the rate that names no delay.
const USUAL_WAIT: Duration = Duration::from_secs(30);
/// Longest wait believed for a quota that refills within a minute.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// A key as it travels: marked, so that no log prints it. `prefix` is what stands before it.
pub(super) fn key_header(prefix: &str, key: &SecretString) -> Result<HeaderValue, OracleError> {
    let mut value = HeaderValue::from_str(&format!("{prefix}{}", key.expose_secret()))
        .map_err(|_| OracleError::Unauthorized("the key has characters no key has".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// One POST of JSON, never repeated from here.
pub(super) async fn post(
    transport: &dyn Transport,
    url: String,
    key: Option<(HeaderName, HeaderValue)>,
    body: &Value,
    timeout: Duration,
) -> Result<Response, OracleError> {
    let mut request = http::Request::post(url).header(CONTENT_TYPE, "application/json");
    let mut secret = None;
    if let Some((name, value)) = key {
        let shown = value.to_str().unwrap_or_default();
        secret = Some(shown.strip_prefix(BEARER).unwrap_or(shown).to_owned());
        request = request.header(name, value);
    }
    let request: Request = request
        .body(Bytes::from(body.to_string()))
        .map_err(|error| OracleError::Malformed(format!("the question cannot be sent: {error}")))?;
    let limits = CallLimits { timeout, max_body_bytes: BODY_MAX_BYTES };
    match transport.send(request, limits).await {
        Ok(response) => Ok(without(secret.as_deref().unwrap_or_default(), response)),
        Err(error) if error.is_too_long() => Err(OracleError::Malformed(error.to_string())),
        Err(error) => Err(OracleError::Unreachable(error.to_string())),
    }
}

/// A status and a server's words about it, on one short line.
pub(super) fn told(status: u16, message: &str) -> String {
    let message = harmless(message, MESSAGE_MAX_CHARS);
    if message.is_empty() { format!("HTTP {status}") } else { format!("HTTP {status}: {message}") }
}

/// A status with a body that is no answer.
pub(super) fn no_answer(error: &serde_json::Error) -> OracleError {
    // The library quotes what it found.
    let why = harmless(&error.to_string(), MESSAGE_MAX_CHARS);
    OracleError::Malformed(format!("status 200 with a body that is no answer: {why}"))
}

/// The name under which a model answered, or the one it was asked by.
pub(super) fn model_name(told: Option<String>, asked: &str) -> String {
    let told = told.map(|model| harmless(&model, MODEL_MAX_CHARS));
    told.filter(|model| !model.is_empty()).unwrap_or_else(|| asked.to_owned())
}

/// An id of a server, short enough to be recorded.
pub(super) fn response_id(told: Option<String>) -> Option<String> {
    told.map(|id| harmless(&id, MODEL_MAX_CHARS)).filter(|id| !id.is_empty())
}

/// The wait that a refusal for the rate asks for, as far as it is believed.
pub(super) fn rate_wait(told: Option<Duration>) -> OracleError {
    OracleError::QuotaExhausted { retry_after: Some(told.unwrap_or(USUAL_WAIT).min(LONGEST_WAIT)) }
}

/// `limit: 0` and not, say, `limit: 05`: the model has no quota here at all (LLM.md 1.5).
pub(super) fn has_no_quota(message: &str) -> bool {
    let mut limits = message.split("limit: 0").skip(1);
    limits.any(|rest| !rest.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
}

/// A quota that is counted by the day returns at midnight Pacific time (LLM.md 1.5).
pub(super) fn until_pacific_midnight(now: DateTime<Utc>) -> Duration {
    let tomorrow = now.with_timezone(&Los_Angeles).date_naive() + TimeDelta::days(1);
    let midnight = tomorrow.and_time(NaiveTime::MIN).and_local_timezone(Los_Angeles).earliest();
    let wait = midnight.and_then(|midnight| (midnight.to_utc() - now).to_std().ok());
    // Pacific clocks change at two in the morning, so midnight exists every day.
    wait.unwrap_or(Duration::from_secs(24 * 60 * 60))
}
