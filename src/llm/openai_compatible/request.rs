//! The body of a question (LLM.md 2).

use domain::OracleRequest;
use serde_json::{Map, Value, json};

use super::Dialect;

/// Name of the form, which is for the server's logs.
const FORM: &str = "trade_decisions";
/// What only Google's form of a schema knows; strict servers refuse it.
const NOT_OF_JSON_SCHEMA: &str = "propertyOrdering";

/// The question as these servers want it. Neither temperature nor seed: some reasoning models refuse them.
pub(super) fn body(dialect: Dialect, model: &str, question: &OracleRequest) -> Value {
    let mut body = json!({
        "model": model,
        "messages": [
            {"role": "system", "content": question.system},
            {"role": "user", "content": question.prompt},
        ],
        "stream": false,
    });
    if let Some(schema) = &question.schema {
        let form = json!({"name": FORM, "strict": true, "schema": object_form(schema)});
        body["response_format"] = json!({"type": "json_schema", "json_schema": form});
    }
    match dialect {
        Dialect::OpenAi => body["max_completion_tokens"] = json!(question.max_output_tokens),
        Dialect::OpenRouter => {
            body["max_tokens"] = json!(question.max_output_tokens);
            body["provider"] = json!({"require_parameters": true});
        }
        Dialect::Common => body["max_tokens"] = json!(question.max_output_tokens),
    }
    body
}

/// A strict form has an object at its root: a list is wrapped under the key that the parser unwraps.
fn object_form(schema: &Value) -> Value {
    let schema = strict(schema);
    if schema["type"] == "object" {
        return schema;
    }
    let key = brain::reply::WRAPPER;
    json!({"type": "object", "properties": {key: schema}, "required": [key], "additionalProperties": false})
}

/// The same schema with every object closed.
fn strict(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| *name != NOT_OF_JSON_SCHEMA);
            let mut closed: Map<_, _> = kept.map(|(name, value)| (name.clone(), strict(value))).collect();
            if closed.get("type").is_some_and(|kind| kind == "object") {
                closed.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            Value::Object(closed)
        }
        Value::Array(items) => Value::Array(items.iter().map(strict).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema.clone(),
    }
}
