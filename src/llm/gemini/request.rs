//! The body of a question (LLM.md 1.1 to 1.3).

use domain::OracleRequest;
use serde_json::{Value, json};

/// Models that take a level of thinking; `LOW` is one that all of them know (LLM.md 1.3).
const BY_LEVEL: [&str; 6] = [
    "gemini-3.8-flash",
    "gemini-3.7-flash",
    "gemini-3.5-flash-lite",
    "gemini-3.1-flash-lite",
    "gemini-3.1-pro",
    "gemini-3-flash",
];
/// Models that take a budget of thinking tokens instead.
const BY_BUDGET: &str = "gemini-2.5-";
/// Within the bounds of the whole 2.5 family.
const THINKING_TOKENS: u32 = 1_024;

/// The question as Gemini wants it. Nothing is sent that some current model refuses: no temperature, no candidate
/// count, and no thinking setting for a model of an unknown family.
pub(super) fn body(model: &str, question: &OracleRequest) -> Value {
    json!({
        "systemInstruction": {"parts": [{"text": question.system}]},
        "contents": [{"role": "user", "parts": [{"text": question.prompt}]}],
        "generationConfig": generation(model, question),
    })
}

fn generation(model: &str, question: &OracleRequest) -> Value {
    let mut generation = json!({"maxOutputTokens": question.max_output_tokens});
    if let Some(schema) = &question.schema {
        generation["responseMimeType"] = json!("application/json");
        generation["responseJsonSchema"] = schema.clone();
    }
    if let Some(thinking) = thinking(model) {
        generation["thinkingConfig"] = thinking;
    }
    generation
}

fn thinking(model: &str) -> Option<Value> {
    if BY_LEVEL.iter().any(|family| model.starts_with(family)) {
        Some(json!({"thinkingLevel": "LOW"}))
    } else if model.starts_with(BY_BUDGET) {
        Some(json!({"thinkingBudget": THINKING_TOKENS}))
    } else {
        None
    }
}
