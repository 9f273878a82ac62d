//! The JSON Schema that a model's answer is held to.
//!
//! Providers understand different parts of JSON Schema. This one keeps to what all of them do: every field required, null
//! instead of optional, no field more, names in lists, no recursion, no references, no limits of numbers. The limits are in
//! the descriptions, and [`super::Strategy::from_json`] checks them.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::wire::StrategyWire;

/// The keywords that the schema has, and no other.
pub const KEYWORDS: [&str; 7] =
    ["type", "description", "properties", "required", "additionalProperties", "items", "enum"];

/// The schema of a strategy's JSON form.
pub fn strategy() -> Value {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    plain(settings.into_generator().into_root_schema_for::<StrategyWire>().to_value())
}

/// The same schema in the keywords of [`KEYWORDS`].
fn plain(schema: Value) -> Value {
    let Value::Object(mut fields) = schema else { return schema };
    fold_names(&mut fields);
    fold_null(&mut fields);
    fields.retain(|keyword, _| KEYWORDS.contains(&keyword.as_str()));
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        for property in properties.values_mut() {
            *property = plain(property.take());
        }
    }
    if let Some(items) = fields.get_mut("items") {
        *items = plain(items.take());
    }
    Value::Object(fields)
}

/// Names with a description each become a list of names.
fn fold_names(fields: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = fields.remove("oneOf") else { return };
    let name = |choice: &Value| choice.get("const").cloned();
    let names: Option<Vec<Value>> = choices.iter().map(name).collect();
    if let Some(names) = names {
        fields.insert("type".to_owned(), json!("string"));
        fields.insert("enum".to_owned(), Value::Array(names));
    }
}

/// Something or null becomes one type that has null among its values.
fn fold_null(fields: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = fields.remove("anyOf") else { return };
    let Some(Value::Object(something)) =
        choices.into_iter().find(|choice| choice.get("type") != Some(&json!("null")))
    else {
        return;
    };
    for (keyword, value) in something {
        let value = match (keyword.as_str(), value) {
            ("type", kind) => json!([kind, "null"]),
            ("enum", Value::Array(names)) => names.into_iter().chain([Value::Null]).collect(),
            (_, other) => other,
        };
        fields.entry(keyword).or_insert(value);
    }
}
