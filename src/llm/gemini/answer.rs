//! The body of an answer with status 200 (LLM.md 1.4). Every field may be missing.

use domain::text::harmless;
use domain::{OracleError, OracleReply};
use serde::Deserialize;

/// Longest name of a model that is recorded, in characters.
const MODEL_MAX_CHARS: usize = 60;
/// Longest reason of Google's that is kept, in characters.
const REASON_MAX_CHARS: usize = 40;
/// Longest complaint about a body, in characters.
const WHY_MAX_CHARS: usize = 160;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    candidates: Vec<Candidate>,
    prompt_feedback: Option<PromptFeedback>,
    usage_metadata: Option<Usage>,
    model_version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    content: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
    #[serde(default)]
    thought: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PromptFeedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    total_token_count: Option<u64>,
}

/// The text of a finished answer. Anything that ended otherwise is [`OracleError::Blocked`], even if it looks whole.
pub(super) fn read(body: &[u8], asked_model: &str) -> Result<OracleReply, OracleError> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| {
        // The library quotes what it found.
        let why = harmless(&error.to_string(), WHY_MAX_CHARS);
        OracleError::Malformed(format!("status 200 with a body that is no answer: {why}"))
    })?;
    let blocked = |why: String| Err(OracleError::Blocked(why));
    let Some(candidate) = answer.candidates.into_iter().next() else {
        let reason = answer.prompt_feedback.and_then(|feedback| feedback.block_reason);
        return blocked(format!("the prompt was blocked: {}", known(reason)));
    };
    if candidate.finish_reason.as_deref() != Some("STOP") {
        return blocked(format!("it ended with {}", known(candidate.finish_reason)));
    }
    let parts = candidate.content.map(|content| content.parts).unwrap_or_default();
    let text: String = parts.into_iter().filter(|part| !part.thought).filter_map(|part| part.text).collect();
    if text.is_empty() {
        return blocked("it ended without text".to_owned());
    }
    let told = answer.model_version.map(|model| harmless(&model, MODEL_MAX_CHARS));
    let model = told.filter(|model| !model.is_empty()).unwrap_or_else(|| asked_model.to_owned());
    Ok(OracleReply { text, model, tokens: answer.usage_metadata.and_then(|usage| usage.total_token_count) })
}

/// A reason in Google's words, short enough to be recorded.
fn known(reason: Option<String>) -> String {
    reason.map_or_else(|| "no reason".to_owned(), |reason| harmless(&reason, REASON_MAX_CHARS))
}
