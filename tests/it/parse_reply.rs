//! `kestrel parse-reply` on any text of a model, and on the reference cases.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::tools::skipped;

fn parse_reply(reply: &[u8], args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kestrel"));
    command.arg("parse-reply").args(args).env_remove("CONFIDENCE_THRESHOLD");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A reply that is too long is not read to its end: then the pipe closes.
    let _ = child.stdin.take().unwrap().write_all(reply);
    child.wait_with_output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The cases of the shared file, where it is.
fn cases() -> Vec<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/llm/llm_replies.json");
    match std::fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str::<Value>(&text).unwrap()["cases"].as_array().unwrap().clone(),
        Err(error) => {
            skipped("the reference replies", &format!("{}: {error}", path.display()));
            Vec::new()
        }
    }
}

/// Action and confidence must be equal, and the rationale or the reason where the reference gives one.
fn assert_answer(found: &Value, case: &Value, symbol: Option<&str>) {
    let pick = |key: &str| match symbol {
        None => case[key].clone(),
        Some(symbol) => case[key][symbol].clone(),
    };
    let (expected, after) = (pick("expected"), pick("expected_after_threshold_80"));
    let what = format!("{} {}", case["id"], symbol.unwrap_or_default());
    assert_eq!(found["action"], expected["action"], "{what}");
    assert_eq!(found["confidence"], expected["confidence"], "{what}");
    assert_eq!(found["action_after_threshold"], after["action"], "{what}");
    assert_eq!(found["confidence"], after["confidence"], "{what}");
    for key in ["rationale", "reason"] {
        if let Some(wanted) = expected.get(key) {
            assert_eq!(&found[key], wanted, "{what}");
        }
    }
}

#[test]
fn the_command_reads_every_reference_reply_as_agreed() {
    let cases = cases();
    for case in &cases {
        let raw = case["raw"].as_str().unwrap_or_default().as_bytes();
        if case["form"] == "single" {
            assert_answer(&json(&parse_reply(raw, &["--json"])), case, None);
            continue;
        }
        let symbols: Vec<_> =
            case["symbols"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
        let found = json(&parse_reply(raw, &["--json", "--symbols", &symbols.join(",")]));
        let found = found.as_array().unwrap();
        assert_eq!(found.len(), symbols.len(), "{}", case["id"]);
        for (found, symbol) in found.iter().zip(&symbols) {
            assert_eq!(&found["symbol"], symbol, "{}", case["id"]);
            assert_answer(found, case, Some(symbol));
        }
    }
    assert!(cases.is_empty() || cases.len() > 100, "{} cases", cases.len());
}

#[test]
fn what_is_no_reply_is_held_with_a_clear_line() {
    let long = vec![b'x'; 30 * 1024 * 1024];
    let cases: [(&[u8], &str); 4] = [
        (b"", "HOLD   0  not usable, empty: there is no text\n"),
        (b"\xff\xfe{\0}\0", "HOLD   0  not usable, not_utf8: the bytes are no UTF-8 text\n"),
        (&long, "HOLD   0  not usable, too_long: the text is longer than 1 MiB\n"),
        (
            b"<html><body>502 Bad Gateway</body></html>",
            "HOLD   0  not usable, no_json: the text holds no JSON\n",
        ),
    ];
    for (reply, line) in cases {
        let output = parse_reply(reply, &[]);
        assert_eq!(String::from_utf8_lossy(&output.stdout), line);
        assert!(output.status.success() && output.stderr.is_empty());
    }
}

#[test]
fn standard_input_that_is_closed_or_a_folder_is_held() {
    for (redirection, succeeds, complaint) in [("<&-", true, ""), ("< /", false, "standard input")] {
        let program = env!("CARGO_BIN_EXE_kestrel");
        let script = format!("'{program}' parse-reply {redirection}");
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        let (shown, told) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(shown.starts_with("HOLD   0  not usable, empty"), "{redirection}: {shown}");
        assert_eq!(output.status.success(), succeeds, "{redirection}");
        assert!(told.contains(complaint), "{redirection}: {told}");
    }
}

#[test]
fn a_wrong_question_is_refused_by_name() {
    for (args, complaint) in [
        (["--symbols", "A,A"], "A is named twice"),
        (["--symbols", "A,,B"], "is no stock code"),
        (["--symbols", "aapl"], "is no stock code"),
        (["--threshold", "101"], "0 to 100"),
    ] {
        let output = parse_reply(b"{}", &args);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(complaint), "{args:?}: {told}");
    }
}
