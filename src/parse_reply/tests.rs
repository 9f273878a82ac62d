//! What is printed of a reply.

use super::*;

fn threshold() -> Confidence {
    Confidence::new(80).unwrap()
}

fn symbols(codes: &[&str]) -> Vec<Symbol> {
    codes.iter().map(|code| code.parse().unwrap()).collect()
}

#[test]
fn one_answer_shows_action_confidence_rationale_and_what_the_threshold_leaves() {
    let cases: [(&[u8], &str, &str); 7] = [
        (br#"{"action":"buy","confidence":91,"rationale":"strong"}"#, "BUY   91  strong", "BUY"),
        (
            br#"{"action":"SELL","confidence":79.9,"rationale":"a\n\u202eb"}"#,
            "SELL  79  (becomes HOLD, below the threshold 80) a b",
            "HOLD",
        ),
        (b"", "HOLD   0  not usable, empty: there is no text", "HOLD"),
        (b"\xff{}", "HOLD   0  not usable, not_utf8: the bytes are no UTF-8 text", "HOLD"),
        (b"buy!", "HOLD   0  not usable, no_json: the text holds no JSON", "HOLD"),
        ("주문하세요".as_bytes(), "HOLD   0  not usable, no_json: the text holds no JSON", "HOLD"),
        (
            br#"{"action":"BUY","confidence":150,"rationale":"x"}"#,
            "HOLD   0  not usable, bad_confidence: the confidence is no number from 0 to 100, or is written as a \
             probability",
            "HOLD",
        ),
    ];
    for (bytes, shown, after) in cases {
        let outcome = Outcome::of(bytes, None, threshold());
        assert_eq!(outcome.to_string(), shown);
        let Outcome::Single(answer) = outcome else { panic!("{shown}") };
        assert_eq!(answer.action_after_threshold, after, "{shown}");
    }
}

#[test]
fn a_batch_has_an_answer_for_each_stock_in_the_order_asked() {
    let text = br#"[{"symbol":"B","action":"BUY","confidence":90,"rationale":"b"},
        {"symbol":"X","action":"SELL","confidence":99,"rationale":"nobody asked"}]"#;
    let asked = symbols(&["A", "B"]);
    let json = Outcome::of(text, Some(&asked), threshold()).to_json().unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json[0]["symbol"], &json[0]["reason"]), (&"A".into(), &"missing_symbol".into()));
    assert_eq!(
        (&json[1]["symbol"], &json[1]["action"], &json[1]["reason"]),
        (&"B".into(), &"BUY".into(), &serde_json::Value::Null)
    );
    assert_eq!(json.as_array().map(Vec::len), Some(2));
    let Outcome::Batch(held) = Outcome::of(b"\xff", Some(&asked), threshold()) else { panic!("no batch") };
    assert!(held.iter().all(|one| one.reason.as_deref() == Some("not_utf8")), "{held:?}");
}

#[test]
fn no_more_is_read_than_shows_that_a_reply_is_too_long() {
    let endless = std::io::repeat(b'x');
    let bytes = first_bytes(endless).unwrap();
    assert_eq!(bytes.len(), REPLY_MAX_BYTES + 1);
    let Outcome::Single(answer) = Outcome::of(&bytes, None, threshold()) else { panic!("one answer") };
    assert_eq!(answer.reason.as_deref(), Some("too_long"));
}
