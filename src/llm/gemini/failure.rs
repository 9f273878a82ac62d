//! What a status other than 200 means (LLM.md 1.5).

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::OracleError;
use http::StatusCode;
use serde::Deserialize;

use super::super::call::{has_no_quota, rate_wait, told, until_pacific_midnight};

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    // First, because serde would also read an array as the fields of one envelope.
    Several(Vec<Envelope>),
    One(Envelope),
}

#[derive(Deserialize)]
struct Envelope {
    error: Status,
}

/// `google.rpc.Status`.
#[derive(Default, Deserialize)]
struct Status {
    #[serde(default)]
    message: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    details: Vec<Detail>,
}

/// The fields of all known details; unknown ones have none of them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    reason: Option<String>,
    #[serde(default)]
    violations: Vec<Violation>,
    retry_delay: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Violation {
    #[serde(default)]
    quota_id: String,
}

/// The error in Brain's terms. `now` is the time a daily quota is counted from.
pub(super) fn classify(code: StatusCode, body: &[u8], now: DateTime<Utc>) -> OracleError {
    let status = status(body);
    let told = told(code.as_u16(), &status.message);
    match code.as_u16() {
        429 => quota(&status, now),
        400 if status.details.iter().any(|detail| detail.reason.as_deref() == Some("API_KEY_INVALID")) => {
            OracleError::Unauthorized(told)
        }
        // Not offered in this country, or not without billing: a person must act.
        400 if status.status == "FAILED_PRECONDITION" => OracleError::Unauthorized(told),
        400 => OracleError::Malformed(format!("the question was refused, {told}")),
        401 | 403 => OracleError::Unauthorized(told),
        // A retired model answers so, too.
        404 => OracleError::NoSuchModel(told),
        408 | 500 | 502..=504 => OracleError::Unreachable(told),
        _ => OracleError::Malformed(format!("an unexpected answer, {told}")),
    }
}

/// Some servers put the error into an array; some send no JSON at all.
fn status(body: &[u8]) -> Status {
    match serde_json::from_slice(body) {
        Ok(Body::One(envelope)) => envelope.error,
        Ok(Body::Several(envelopes)) => {
            envelopes.into_iter().next().map(|envelope| envelope.error).unwrap_or_default()
        }
        Err(_) => Status::default(),
    }
}

/// A daily quota returns at midnight Pacific time, whatever `retryDelay` says: in captured answers it is 8 or 22 s.
fn quota(status: &Status, now: DateTime<Utc>) -> OracleError {
    let mut violations = status.details.iter().flat_map(|detail| &detail.violations).peekable();
    let is_explained = violations.peek().is_some();
    if violations.any(|violation| violation.quota_id.to_ascii_lowercase().contains("perday")) {
        return OracleError::QuotaExhausted { retry_after: Some(until_pacific_midnight(now)) };
    }
    if has_no_quota(&status.message) {
        return OracleError::NoSuchModel("it has no quota in this project (limit: 0)".to_owned());
    }
    let told = status.details.iter().find_map(|detail| delay(detail.retry_delay.as_deref()?));
    if is_explained || told.is_some() {
        rate_wait(told)
    } else {
        OracleError::QuotaExhausted { retry_after: None }
    }
}

/// A protobuf duration: `41s` or `41.072s`.
fn delay(text: &str) -> Option<Duration> {
    let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}
