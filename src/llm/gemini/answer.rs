//! The body of an answer with status 200 (LLM.md 1.4). Every field may be missing.

use domain::text::harmless;
use domain::{OracleError, OracleReply, TokenUsage};
use serde::Deserialize;

use super::super::call::{model_name, no_answer, response_id};

/// Longest reason of Google's that is kept, in characters.
const REASON_MAX_CHARS: usize = 40;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    candidates: Vec<Candidate>,
    prompt_feedback: Option<PromptFeedback>,
    usage_metadata: Option<Usage>,
    model_version: Option<String>,
    response_id: Option<String>,
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
    prompt_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
    total_token_count: Option<u64>,
}

impl From<Usage> for TokenUsage {
    /// Thoughts are paid for like the answer; cached tokens are part of the prompt's.
    fn from(usage: Usage) -> Self {
        let output = match (usage.candidates_token_count, usage.thoughts_token_count) {
            (None, None) => None,
            (answer, thoughts) => Some(answer.unwrap_or(0).saturating_add(thoughts.unwrap_or(0))),
        };
        Self { input: usage.prompt_token_count, output, total: usage.total_token_count }
    }
}

/// The text of a finished answer. Anything that ended otherwise is [`OracleError::Blocked`], even if it looks whole.
pub(super) fn read(body: &[u8], asked_model: &str) -> Result<OracleReply, OracleError> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| no_answer(&error))?;
    let blocked = |why: String| Err(OracleError::Blocked(why));
    let Some(candidate) = answer.candidates.into_iter().next() else {
        let reason = answer.prompt_feedback.and_then(|feedback| feedback.block_reason);
        return blocked(format!("the prompt was blocked: {}", known(reason)));
    };
    if candidate.finish_reason.as_deref() != Some("STOP") {
        return Err(unfinished(candidate.finish_reason));
    }
    let parts = candidate.content.map(|content| content.parts).unwrap_or_default();
    let text: String = parts.into_iter().filter(|part| !part.thought).filter_map(|part| part.text).collect();
    if text.is_empty() {
        return blocked("it ended without text".to_owned());
    }
    let usage = answer.usage_metadata.map(TokenUsage::from).unwrap_or_default();
    let model = model_name(answer.model_version, asked_model);
    Ok(OracleReply { text, model, response_id: response_id(answer.response_id), usage })
}

/// An answer that did not end by itself. What is cut or refused comes out the same again; every other reason, one that is not
/// known and none at all are worth one more try (LLM.md 1.4).
fn unfinished(reason: Option<String>) -> OracleError {
    const FINAL: [&str; 7] =
        ["MAX_TOKENS", "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"];
    let is_final = reason.as_deref().is_some_and(|reason| FINAL.contains(&reason));
    let why = format!("it ended with {}", known(reason));
    if is_final { OracleError::Blocked(why) } else { OracleError::Interrupted(why) }
}

/// A reason in Google's words, short enough to be recorded.
fn known(reason: Option<String>) -> String {
    reason.map_or_else(|| "no reason".to_owned(), |reason| harmless(&reason, REASON_MAX_CHARS))
}
