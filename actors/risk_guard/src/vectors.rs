//! The shared reference cases; a machine without them says so, and fails when `KESTREL_STRICT=1`.

use std::path::PathBuf;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::Value;

/// The cases of one file.
#[expect(clippy::disallowed_methods, reason = "reads reference cases of tests, no part of the program")]
pub(crate) fn cases(file: &str) -> Option<Vec<Value>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/vectors");
    let path = folder.join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str::<Value>(&text).unwrap()["cases"].as_array().cloned(),
        Err(error) => {
            assert!(std::env::var("KESTREL_STRICT").as_deref() != Ok("1"), "{}: {error}", path.display());
            println!("SKIPPED: no reference cases at {}", path.display());
            None
        }
    }
}

/// A finite JSON number, exactly as written.
pub(crate) fn decimal(value: &Value) -> Option<Decimal> {
    Decimal::from_str(&value.as_number()?.to_string()).ok()
}

/// What a case wants of us: the recommendation where the reference is disputed.
pub(crate) fn expected(case: &Value) -> &Value {
    case.get("recommended").unwrap_or(&case["expected"])
}
