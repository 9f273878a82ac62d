//! The body of an answer with status 200. Every field may be missing, and an error may stand where an answer should.

use chrono::{DateTime, Utc};
use domain::text::harmless;
use domain::{OracleError, OracleReply, TokenUsage};
use serde::Deserialize;
use serde_json::Value;

use super::super::call::{model_name, no_answer, response_id};
use super::failure;

/// Longest reason of a server that is kept, in characters.
const REASON_MAX_CHARS: usize = 40;

#[derive(Deserialize)]
struct Answer {
    id: Option<String>,
    model: Option<String>,
    choices: Option<Vec<Choice>>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Option<Message>,
    finish_reason: Option<String>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<Content>,
    refusal: Option<String>,
}

/// Text, or blocks of it: those of another kind than text are thoughts or tools.
#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Blocks(Vec<Block>),
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: Option<String>,
    text: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
}

/// The text of a finished answer. Anything that ended otherwise is [`OracleError::Blocked`], even if it looks whole.
pub(super) fn read(body: &[u8], asked_model: &str, now: DateTime<Utc>) -> Result<OracleReply, OracleError> {
    // OpenRouter and others answer errors under status 200, so they are looked for first.
    if let Some(error) = failure::in_success(body, now) {
        return Err(error);
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|error| no_answer(&error))?;
    let Some(choice) = answer.choices.into_iter().flatten().next() else {
        return Err(OracleError::Malformed("status 200 without a choice".to_owned()));
    };
    if let Some(error) = choice.error.filter(|error| !error.is_null()) {
        return Err(failure::of_error(&error, now));
    }
    let text = finished_text(choice.message, choice.finish_reason)?;
    let usage = answer.usage.map_or(TokenUsage::default(), |usage| TokenUsage {
        input: usage.prompt_tokens,
        output: usage.completion_tokens,
        total: usage.total_tokens,
    });
    let model = model_name(answer.model, asked_model);
    Ok(OracleReply { text, model, response_id: response_id(answer.id), usage })
}

fn finished_text(message: Option<Message>, finish: Option<String>) -> Result<String, OracleError> {
    let blocked = |why: String| Err(OracleError::Blocked(why));
    let (content, refusal) = message.map_or((None, None), |message| (message.content, message.refusal));
    if let Some(refusal) = refusal.filter(|refusal| !refusal.is_empty()) {
        return blocked(format!("it refused: {}", harmless(&refusal, REASON_MAX_CHARS)));
    }
    if finish.as_deref() != Some("stop") {
        let reason =
            finish.map_or_else(|| "no reason".to_owned(), |reason| harmless(&reason, REASON_MAX_CHARS));
        return blocked(format!("it ended with {reason}"));
    }
    let text = content.map(text_of).unwrap_or_default();
    if text.is_empty() { blocked("it ended without text".to_owned()) } else { Ok(text) }
}

fn text_of(content: Content) -> String {
    match content {
        Content::Text(text) => text,
        Content::Blocks(blocks) => {
            let spoken = |block: &Block| block.kind.as_deref().is_none_or(|kind| kind == "text");
            blocks.into_iter().filter(spoken).filter_map(|block| block.text).collect()
        }
    }
}
