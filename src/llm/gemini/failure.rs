//! What a status other than 200 means (LLM.md 1.5).

use std::time::Duration;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::America::Los_Angeles;
use domain::OracleError;
use domain::text::harmless;
use http::StatusCode;
use serde::Deserialize;

/// Wait after a refusal for the rate that names no delay.
const USUAL_WAIT: Duration = Duration::from_secs(30);
/// Longest wait believed for a quota that refills within a minute.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// Longest text of Google's that is kept, in characters.
const MESSAGE_MAX_CHARS: usize = 160;

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
    let told = format!("HTTP {}: {}", code.as_u16(), shorten(&status.message));
    match code.as_u16() {
        429 => quota(&status, now),
        400 if status.details.iter().any(|detail| detail.reason.as_deref() == Some("API_KEY_INVALID")) => {
            OracleError::Unauthorized(told)
        }
        400 => OracleError::Malformed(format!("the question was refused, {told}")),
        // A retired model answers 404: this key cannot use it any more.
        401 | 403 | 404 => OracleError::Unauthorized(told),
        _ => OracleError::Unreachable(told),
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
    let ids =
        status.details.iter().flat_map(|detail| &detail.violations).map(|violation| &violation.quota_id);
    let daily = ids.into_iter().any(|id| id.to_ascii_lowercase().contains("perday"));
    if daily {
        return OracleError::QuotaExhausted { retry_after: Some(until_pacific_midnight(now)) };
    }
    if has_no_quota(&status.message) {
        return OracleError::Unauthorized("this model has no quota in this project".to_owned());
    }
    let told = status.details.iter().find_map(|detail| delay(detail.retry_delay.as_deref()?));
    OracleError::QuotaExhausted { retry_after: Some(told.unwrap_or(USUAL_WAIT).min(LONGEST_WAIT)) }
}

/// `limit: 0` and not, say, `limit: 05`.
fn has_no_quota(message: &str) -> bool {
    let mut limits = message.split("limit: 0").skip(1);
    limits.any(|rest| !rest.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
}

fn until_pacific_midnight(now: DateTime<Utc>) -> Duration {
    let tomorrow = now.with_timezone(&Los_Angeles).date_naive() + TimeDelta::days(1);
    let midnight = tomorrow.and_time(NaiveTime::MIN).and_local_timezone(Los_Angeles).earliest();
    let wait = midnight.and_then(|midnight| (midnight.to_utc() - now).to_std().ok());
    // Pacific clocks change at two in the morning, so midnight exists every day.
    wait.unwrap_or(Duration::from_secs(24 * 60 * 60))
}

/// A protobuf duration: `41s` or `41.072s`.
fn delay(text: &str) -> Option<Duration> {
    let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

fn shorten(message: &str) -> String {
    harmless(message, MESSAGE_MAX_CHARS)
}
