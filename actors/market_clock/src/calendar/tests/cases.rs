//! The shared cases: one hundred and fifty of one market, thirty of several.

use std::path::PathBuf;

use serde_json::Value;

use super::*;

/// A machine without the shared cases says so, and fails when `KESTREL_STRICT=1`.
#[expect(clippy::disallowed_methods, reason = "reads reference cases of tests, no part of the program")]
fn reference() -> Option<Value> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/calendars/cases.json");
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(error) => {
            assert!(std::env::var("KESTREL_STRICT").as_deref() != Ok("1"), "{}: {error}", path.display());
            println!("SKIPPED: no calendar cases at {}", path.display());
            None
        }
    }
}

fn rfc3339(at: Option<DateTime<Utc>>) -> Value {
    at.map_or(Value::Null, |at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true).into())
}

fn text(value: impl ToString) -> Value {
    value.to_string().into()
}

#[test]
fn every_shared_case_of_one_market_is_answered_without_a_difference() {
    let Some(reference) = reference() else { return };
    let calendar = Calendar::official();
    let mut differences = Vec::new();
    let cases = reference["cases"].as_array().unwrap();
    for case in cases {
        let when = at(case["at_utc"].as_str().unwrap());
        let market: Market = case["market"].as_str().unwrap().parse().unwrap();
        let next = calendar.next_open(market, when);
        let next_status =
            next.map_or(DateStatus::Unknown, |next| calendar.status(market, market.date_at(next)));
        let answers = [
            ("is_open", calendar.is_open(market, when).map_or(Value::Null, Value::Bool)),
            ("phase", text(calendar.phase(market, when))),
            ("next_open_utc", rfc3339(next)),
            ("next_session_open_utc", rfc3339(calendar.next_session_open(market, when))),
            ("session_date", calendar.session_date(market, when).map_or(Value::Null, text)),
            ("date_status", text(calendar.status(market, market.date_at(when)))),
            ("next_open_status", text(next_status)),
        ];
        let wrong = answers.into_iter().filter(|(field, answer)| case[*field] != *answer);
        differences.extend(
            wrong.map(|(field, answer)| format!("{} {field}: {answer}, not {}", case["id"], case[field])),
        );
    }
    assert_eq!(differences, Vec::<String>::new());
    assert_eq!(cases.len(), 150);
}

#[test]
fn every_shared_case_of_several_markets_is_answered_without_a_difference() {
    let Some(reference) = reference() else { return };
    let calendar = Calendar::official();
    let cases = reference["multi"].as_array().unwrap();
    let codes = |markets: Vec<Market>| -> Value {
        let mut codes: Vec<_> = markets.into_iter().map(Market::code).collect();
        codes.sort_unstable();
        codes.into()
    };
    for case in cases {
        let when = at(case["at_utc"].as_str().unwrap());
        let parsed = case["enabled"].as_array().unwrap().iter();
        let enabled: Vec<Market> = parsed.map(|code| code.as_str().unwrap().parse().unwrap()).collect();
        let open = enabled.iter().filter(|market| calendar.is_open(**market, when) == Some(true)).copied();
        let (next, which) = calendar.next_open_of(&enabled, when).unwrap();
        assert_eq!(codes(open.collect()), case["open_markets"], "{case}");
        assert_eq!(rfc3339(Some(next)), case["next_open_utc"], "{case}");
        assert_eq!(codes(which), case["next_open_markets"], "{case}");
    }
    assert_eq!(cases.len(), 30);
}
