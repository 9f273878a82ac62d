//! What an error of these servers means (LLM.md 2): an object, a text or an array, under any status.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::OracleError;
use serde_json::Value;

use super::super::call::{has_no_quota, told, until_pacific_midnight};

/// Longest wait that is believed of `Retry-After`.
const LONGEST_REST: Duration = Duration::from_secs(24 * 60 * 60);

/// An error as far as it is understood.
#[derive(Debug, Default)]
struct Complaint {
    message: String,
    /// `code`, `type` and `status`, as far as they are text.
    words: Vec<String>,
    /// A `code` that is a number, as OpenRouter and Google give it.
    number: Option<u16>,
    /// Google's ids of the quotas that are used up.
    quotas: Vec<String>,
}

/// The error in Brain's terms. `retry_after` is the header of that name; `now` is what a daily quota is counted from.
pub(super) fn classify(
    status: u16,
    body: &[u8],
    retry_after: Option<&str>,
    now: DateTime<Utc>,
) -> OracleError {
    let complaint = serde_json::from_slice(body).ok().and_then(|body| find(&body)).unwrap_or_default();
    judge(status, &complaint, retry_after, now)
}

/// The error in a body with status 200, if it holds one.
pub(super) fn in_success(body: &[u8], now: DateTime<Utc>) -> Option<OracleError> {
    let complaint = find(&serde_json::from_slice(body).ok()?)?;
    Some(judge(complaint.number.unwrap_or(200), &complaint, None, now))
}

/// The error that stands in the place of an answer.
pub(super) fn of_error(error: &Value, now: DateTime<Utc>) -> OracleError {
    let complaint = complaint(error);
    judge(complaint.number.unwrap_or(200), &complaint, None, now)
}

/// `{error}`, `[{error}]`, or the older `{object: "error", message}`.
fn find(body: &Value) -> Option<Complaint> {
    let body = match body {
        Value::Array(items) => items.first()?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => body,
    };
    match body.get("error") {
        None | Some(Value::Null) => (body["object"] == "error").then(|| complaint(body)),
        Some(error) => Some(complaint(error)),
    }
}

fn complaint(error: &Value) -> Complaint {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(message) = text(error) {
        return Complaint { message, ..Complaint::default() };
    }
    let words = ["code", "type", "status"].iter().filter_map(|key| text(&error[*key])).collect();
    let details = error["details"].as_array().into_iter().flatten();
    let violations = details.flat_map(|detail| detail["violations"].as_array().into_iter().flatten());
    Complaint {
        message: text(&error["message"]).unwrap_or_default(),
        words,
        number: error["code"].as_u64().and_then(|code| u16::try_from(code).ok()),
        quotas: violations.filter_map(|violation| text(&violation["quotaId"])).collect(),
    }
}

fn judge(status: u16, complaint: &Complaint, retry_after: Option<&str>, now: DateTime<Utc>) -> OracleError {
    let said = told(status, &complaint.message);
    let told_wait = retry_after.and_then(|text| wait(text, now));
    let is = |word: &str| complaint.words.iter().any(|said| said.eq_ignore_ascii_case(word));
    if is("insufficient_quota") || has_no_quota(&complaint.message) {
        // Neither waiting nor midnight brings it back: somebody must pay or choose another model.
        return OracleError::Unauthorized(format!("nothing is left to be spent there, {said}"));
    }
    match status {
        429 if complaint.quotas.iter().any(|id| id.to_ascii_lowercase().contains("perday")) => {
            OracleError::QuotaExhausted { retry_after: Some(until_pacific_midnight(now)) }
        }
        // A day's quota says when it returns, or counts as spent for the day of the budget.
        429 if is_daily(&complaint.message) => {
            let wait = told_wait.unwrap_or_else(|| until_pacific_midnight(now));
            OracleError::QuotaExhausted { retry_after: Some(wait) }
        }
        429 => OracleError::QuotaExhausted { retry_after: told_wait },
        402 => OracleError::Unauthorized(format!("nothing is left to be spent there, {said}")),
        401 | 403 => OracleError::Unauthorized(said),
        404 => OracleError::NoSuchModel(said),
        408 | 500 | 502..=504 | 529 => OracleError::Unreachable(said),
        // Some servers name a wrong key or model with 400.
        _ if is("invalid_api_key") => OracleError::Unauthorized(said),
        _ if is("model_not_found") => OracleError::NoSuchModel(said),
        _ => OracleError::Malformed(format!("the question was refused, {said}")),
    }
}

/// `free-models-per-day`, `requests per day (RPD)`, `tokens per day (TPD)`: what OpenRouter, OpenAI and those like it say.
fn is_daily(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["per day", "per-day", "(rpd)", "(tpd)"].iter().any(|word| message.contains(word))
}

/// The wait of `Retry-After`, in seconds or until a date; none of the past, and none longer than a day.
fn wait(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let seconds = || Duration::try_from_secs_f64(text.trim().parse().ok()?).ok();
    let date = || (DateTime::parse_from_rfc2822(text.trim()).ok()?.to_utc() - now).to_std().ok();
    seconds().or_else(date).map(|wait| wait.min(LONGEST_REST))
}
