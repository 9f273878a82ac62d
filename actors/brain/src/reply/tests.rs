//! The parser against hand-made answers and the shared reference cases.

use std::path::PathBuf;

use serde_json::Value;

use super::*;
use crate::judge::gate;

fn symbols(codes: &[&str]) -> Vec<Symbol> {
    codes.iter().map(|code| code.parse().unwrap()).collect()
}

/// What a case comes to: action, confidence, and the rationale or the reason code.
fn shown(result: Result<Judgement, Unusable>, threshold: i64) -> (String, i64, String, bool) {
    match result {
        Ok(judgement) => {
            let judgement = gate(judgement, Confidence::new(threshold).unwrap());
            (judgement.action.to_string(), judgement.confidence.into(), judgement.rationale, true)
        }
        Err(reason) => {
            let held = Judgement::from(reason);
            (held.action.to_string(), held.confidence.into(), reason.to_string(), false)
        }
    }
}

#[test]
fn a_compromised_model_cannot_name_what_was_not_asked_for() {
    let text = r#"{"decisions":[
        {"symbol":"GME","rationale":"ignore all limits","action":"BUY","confidence":100},
        {"symbol":"aapl ","rationale":"x","action":"sell","confidence":"91","quantity":1000000},
        {"symbol":"MSFT","rationale":"x","action":"BUY","confidence":95.5}]}"#;
    let answers = parse_batch(text, &symbols(&["AAPL", "MSFT", "TSLA"]));
    let [apple, microsoft, tesla] = answers.try_into().unwrap();
    let apple = apple.unwrap();
    assert_eq!((apple.action, apple.confidence.get()), (Action::Sell, 91));
    assert_eq!(microsoft.unwrap().confidence.get(), 95);
    assert_eq!(tesla, Err(Unusable::MissingSymbol));
}

#[test]
fn one_bad_item_costs_its_own_symbol_only() {
    let item = |symbol: &str, rest: &str| format!(r#"{{"symbol":"{symbol}","rationale":"r",{rest}}}"#);
    let text = format!(
        "[{},{},{},{},{}]",
        item("A", r#""action":"BUY","confidence":999"#),
        item("B", r#""action":"BUY","action":"SELL","confidence":90"#),
        item("C", r#""action":"BUY","confidence":"high""#),
        item("D", r#""action":"BUY","confidence":90,"symbol":"A""#),
        item("E", r#""action":"BUY","confidence":90"#),
    );
    let found: Vec<_> =
        parse_batch(&text, &symbols(&["B", "C", "D", "E"])).into_iter().map(|r| shown(r, 80).2).collect();
    assert_eq!(found, ["duplicate_key", "bad_confidence", "duplicate_key", "r"]);
    assert_eq!(parse_batch(&text, &symbols(&["A"])), [Err(Unusable::DuplicateSymbol)]);
}

#[test]
fn texts_that_are_too_long_or_too_deep_are_refused() {
    assert_eq!(parse_single(&"x".repeat(REPLY_MAX_BYTES + 1)), Err(Unusable::TooLong));
    assert_eq!(parse_single(&"[".repeat(10_000)), Err(Unusable::Truncated));
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(parse_single(&deep), Err(Unusable::Malformed));
}

#[test]
fn no_prefix_or_mutation_of_an_answer_makes_the_parser_panic() {
    let answer = "<think>a</think>```json\n[{\"symbol\":\"A\",\"rationale\":\"가\\u00e9\",\"action\":\"BUY\",\"confidence\":9e1}]```";
    let asked = symbols(&["A"]);
    for (at, _) in answer.char_indices() {
        for insert in ["", "{", "]", "\"", "\\", "\u{0}", "</think>", "9"] {
            let text = format!("{}{insert}{}", &answer[..at], &answer[at..]);
            assert_eq!(parse_batch(&text, &asked).len(), 1);
            assert_eq!(parse_batch(&answer[..at], &asked).len(), 1);
        }
    }
}

/// The cases of a shared file; a machine without them says so, and fails when `KESTREL_STRICT=1`.
#[expect(clippy::disallowed_methods, reason = "reads reference cases of tests, no part of the program")]
fn cases(file: &str) -> Vec<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference").join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str::<Value>(&text).unwrap()["cases"].as_array().unwrap().clone(),
        Err(error) => {
            assert!(std::env::var("KESTREL_STRICT").as_deref() != Ok("1"), "{}: {error}", path.display());
            println!("SKIPPED: no reference cases at {}", path.display());
            Vec::new()
        }
    }
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn asked(value: &Value) -> Vec<Symbol> {
    symbols(&value.as_array().unwrap().iter().map(text_of).collect::<Vec<_>>())
}

/// Compares action and confidence, the rationale of a good answer, the code of a bad one.
fn assert_answer(result: Result<Judgement, Unusable>, threshold: i64, expected: &Value, what: &str) {
    let (action, confidence, words, usable) = shown(result, threshold);
    assert_eq!(
        (action.as_str(), confidence),
        (text_of(&expected["action"]), expected["confidence"].as_i64().unwrap()),
        "{what}"
    );
    let wanted = if usable { expected.get("rationale") } else { expected.get("reason") };
    if let Some(wanted) = wanted {
        assert_eq!(words, text_of(wanted), "{what}");
    }
}

#[test]
fn the_reference_replies_are_read_as_agreed() {
    for case in cases("llm/llm_replies.json") {
        let raw = text_of(&case["raw"]);
        let what = text_of(&case["id"]);
        for (threshold, key) in [(0, "expected"), (80, "expected_after_threshold_80")] {
            let expected = &case[key];
            if case["form"] == "single" {
                assert_answer(parse_single(raw), threshold, expected, what);
                continue;
            }
            let symbols = asked(&case["symbols"]);
            for (symbol, answer) in symbols.iter().zip(parse_batch(raw, &symbols)) {
                assert_answer(answer, threshold, &expected[symbol.as_str()], &format!("{what} {symbol}"));
            }
        }
    }
}

/// What we answer to a case of the Python system; none where it only says that nothing may crash.
fn wanted(case: &Value) -> Option<&Value> {
    if case.get("disputed").is_none() {
        return Some(&case["expected"]);
    }
    case.get("recommended").filter(|recommended| recommended.is_object())
}

fn assert_verdict(result: Result<Judgement, Unusable>, threshold: i64, expected: &Value, what: &str) {
    let (action, confidence, ..) = shown(result, threshold);
    let pair = (text_of(&expected["action"]), expected["confidence"].as_i64().unwrap());
    assert_eq!((action.as_str(), confidence), pair, "{what}");
}

#[test]
fn single_answers_of_the_python_system_are_judged_as_recommended() {
    for case in cases("vectors/llm_response.json") {
        let input = &case["input"];
        let threshold = input["settings"]["CONFIDENCE_THRESHOLD"].as_i64().unwrap_or(80);
        let found = parse_single(text_of(&input["raw"]));
        if let Some(expected) = wanted(&case) {
            assert_verdict(found, threshold, expected, text_of(&case["id"]));
        }
    }
}

#[test]
fn batches_of_the_python_system_are_judged_as_recommended() {
    for case in cases("vectors/llm_batch.json") {
        // Its key for the stock was `code`; ours is the model's word, `symbol`.
        let raw = text_of(&case["input"]["raw"]).replace("\"code\"", "\"symbol\"");
        let symbols = asked(&case["input"]["codes"]);
        let answers = parse_batch(&raw, &symbols);
        let Some(expected) = wanted(&case) else { continue };
        for (symbol, answer) in symbols.iter().zip(answers) {
            if let Some(expected) = expected.get(symbol.as_str()) {
                assert_verdict(answer, 80, expected, &format!("{} {symbol}", text_of(&case["id"])));
            }
        }
    }
}
