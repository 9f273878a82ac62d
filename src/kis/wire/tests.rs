//! Envelopes, rows and numbers, as KIS writes them and as it does not.

use super::*;

fn envelope(body: &str) -> Envelope {
    Envelope::parse(&Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

#[test]
fn numbers_are_read_as_kis_writes_them() {
    let cases = [
        ("70000", Some("70000")),
        (" 0.00", Some("0.00")),
        ("+5.61", Some("5.61")),
        ("-4.17", Some("-4.17")),
        ("0000000010", Some("10")),
        ("-0.00", Some("0")),
        ("185.00000000", Some("185")),
        ("12  ", Some("12")),
        ("", None),
        ("    ", None),
    ];
    for (text, expected) in cases {
        let expected: Option<Decimal> = expected.map(|number| number.parse().unwrap());
        assert_eq!(parse_number(text), Ok(expected), "'{text}'");
    }
}

#[test]
fn what_only_looks_like_a_number_is_refused() {
    assert_eq!(NUMBER_MAX.to_string(), format!("1{}", "0".repeat(18)));
    let long = "1".repeat(41);
    let large = format!("1{}1", "0".repeat(17));
    for text in [
        "1e3", "NaN", "inf", "0x10", "1,000", "+-1", "--1", "1.2.3", ".", "5.", "-", "١٢", "１", "1 2",
        "\t1", &long, &large,
    ] {
        assert_eq!(parse_number(text), Err(NotANumber), "'{text}'");
    }
}

#[test]
fn an_empty_field_is_absent_and_a_zero_price_is_no_price() {
    let row =
        envelope(r#"{"output":{"a":"","b":"0","c":"0.0000","d":"-1","e":"1.5","f":7,"g":1.5,"h":"-0"}}"#);
    let row = row.summary("output").unwrap();
    assert_eq!(row.decimal("a"), Ok(None));
    assert_eq!(row.decimal("z"), Ok(None));
    assert_eq!(row.decimal("b"), Ok(Some(Decimal::ZERO)));
    assert_eq!(row.price("c"), Ok(None));
    assert!(row.price("d").is_err());
    assert!(row.whole("d").is_err());
    assert!(row.price("h").is_err() && row.whole("h").is_err() && row.decimal("h").is_ok());
    assert!(row.whole("e").is_err());
    assert_eq!(row.whole("f"), Ok(Some(7)));
    assert_eq!(row.decimal("g").unwrap_err().to_string(), "'g' is '1.5'");
    assert_eq!(row.quantity("a"), Err(WireError::Missing("a")));
}

#[test]
fn a_summary_may_be_an_object_or_a_list_of_one_and_a_list_may_be_an_object() {
    for body in [r#"{"output2":{"x":"1"}}"#, r#"{"output2":[{"x":"1"}]}"#] {
        assert_eq!(envelope(body).summary("output2").unwrap().text("x"), "1");
        assert_eq!(envelope(body).rows(&["Output2", "output2"]).unwrap().len(), 1);
    }
    assert!(envelope(r#"{"output2":[]}"#).summary("output2").is_err());
    assert!(envelope("{}").rows(&["output1"]).unwrap().is_empty());
}

#[test]
fn a_list_that_is_not_there_is_empty_only_when_kis_says_that_there_is_nothing() {
    assert_eq!(envelope(r#"{"msg_cd":"KIOK0560"}"#).list("output1").unwrap().len(), 0);
    assert_eq!(envelope(r#"{"msg_cd":"KIOK0510","output1":[]}"#).list("output1").unwrap().len(), 0);
    assert_eq!(
        envelope(r#"{"msg_cd":"KIOK0510"}"#).list("output1").unwrap_err(),
        WireError::Missing("output1")
    );
    for body in [r#"{"output1":[{},"x"]}"#, r#"{"output1":null}"#, r#"{"output1":[[]]}"#] {
        assert!(matches!(envelope(body).list("output1"), Err(WireError::Bad { .. })), "{body}");
    }
}

#[test]
fn the_envelope_is_trimmed_but_a_paging_context_is_not() {
    let body = r#"{"rt_cd":"0","msg_cd":"KIOK0510","msg1":"done      ","ctx_area_fk100":"a^b   "}"#;
    let envelope = envelope(body);
    assert!(envelope.succeeded());
    assert_eq!((envelope.code(), envelope.message().as_str()), ("KIOK0510", "done"));
    assert_eq!(envelope.context("ctx_area_fk100"), "a^b   ");
}

#[test]
fn a_body_that_is_no_object_is_an_error_not_a_panic() {
    let deep = "[".repeat(100_000);
    let twice = r#"{"rt_cd":"0","rt_cd":"1"}"#;
    for body in ["", "<html></html>", "[]", "null", "{\"rt_cd\":", deep.as_str(), twice] {
        let body = Bytes::copy_from_slice(body.as_bytes());
        assert_eq!(Envelope::parse(&body).unwrap_err(), WireError::NotAnObject);
    }
}

#[test]
fn dates_and_times_are_digits_only() {
    let row = envelope(r#"{"output":{"d":"20261124","t":"093000","bad":"2026112 ","late":"250000"}}"#);
    let row = row.summary("output").unwrap();
    assert_eq!(row.date("d").unwrap().to_string(), "2026-11-24");
    assert!(row.date("bad").is_err());
    assert_eq!(row.time("t").unwrap().to_string(), "09:30:00");
    assert_eq!(row.time("late"), None);
}
