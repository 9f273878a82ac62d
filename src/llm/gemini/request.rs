//! The body of a question (LLM.md 1.1 to 1.3).

use domain::OracleRequest;
use serde_json::{Value, json};

use crate::config::Thinking;

/// Models that take a level of thinking (LLM.md 1.3).
const BY_LEVEL: [&str; 7] = [
    "gemini-3.8-flash",
    "gemini-3.7-flash",
    "gemini-3.6-flash",
    "gemini-3.5-flash",
    "gemini-3.1-flash-lite",
    "gemini-3.1-pro",
    "gemini-3-flash",
];
/// Models that know the level MINIMAL; to the others it is an error.
const MINIMAL: [&str; 3] = ["gemini-3.5-flash-lite", "gemini-3.1-flash-lite", "gemini-3-flash"];
/// Models that take a budget of thinking tokens instead.
const BY_BUDGET: &str = "gemini-2.5-";

/// The question as Gemini wants it. Nothing is sent that some current model refuses: no temperature, no candidate
/// count, and no thinking setting for a model of an unknown family.
pub(super) fn body(model: &str, thinking: Thinking, question: &OracleRequest) -> Value {
    json!({
        "systemInstruction": {"parts": [{"text": question.system}]},
        "contents": [{"role": "user", "parts": [{"text": question.prompt}]}],
        "generationConfig": generation(model, thinking, question),
    })
}

fn generation(model: &str, thinking: Thinking, question: &OracleRequest) -> Value {
    let mut generation = json!({"maxOutputTokens": most_output_tokens(model, thinking, question)});
    if let Some(schema) = &question.schema {
        generation["responseMimeType"] = json!("application/json");
        generation["responseJsonSchema"] = schema.clone();
    }
    if let Some(config) = thinking_config(model, thinking) {
        generation["thinkingConfig"] = config;
    }
    generation
}

/// Thoughts count against the longest answer, so they are allowed on top of it.
pub(super) fn most_output_tokens(model: &str, thinking: Thinking, question: &OracleRequest) -> u32 {
    let thoughts = if thinking_config(model, thinking).is_some() { budget_tokens(thinking) } else { 0 };
    question.max_output_tokens.saturating_add(thoughts)
}

fn thinking_config(model: &str, thinking: Thinking) -> Option<Value> {
    let is_of = |families: &[&str]| families.iter().any(|family| model.starts_with(family));
    if is_of(&BY_LEVEL) {
        let level = match thinking {
            Thinking::Minimal if is_of(&MINIMAL) => "MINIMAL",
            Thinking::Minimal | Thinking::Low => "LOW",
            Thinking::Medium => "MEDIUM",
            Thinking::High => "HIGH",
        };
        Some(json!({"thinkingLevel": level}))
    } else if model.starts_with(BY_BUDGET) {
        Some(json!({"thinkingBudget": budget_tokens(thinking)}))
    } else {
        None
    }
}

/// Tokens for thoughts; each is within the bounds of the whole 2.5 family, 512 to 24,576.
fn budget_tokens(thinking: Thinking) -> u32 {
    match thinking {
        Thinking::Minimal => 512,
        Thinking::Low => 1_024,
        Thinking::Medium => 8_192,
        Thinking::High => 24_576,
    }
}
