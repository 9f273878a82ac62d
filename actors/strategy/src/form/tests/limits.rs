//! What is no strategy is refused, at its place and with what is allowed.

use super::super::{Broken, Feature, InvalidStrategy, Strategy, TEXT_BYTES_MAX};
use super::*;

fn refusal(json: &Value) -> String {
    Strategy::from_json(&json.to_string()).unwrap_err().to_string()
}

#[test]
fn the_strategy_of_the_reference_is_read_and_written_as_it_stands() {
    let strategy = read(&example());
    assert_eq!(read(&serde_json::from_str(&strategy.to_json()).unwrap()), strategy);
    assert_eq!((strategy.predicates(), strategy.bars_needed()), (6, 200));
    let mut wrote: Value = serde_json::from_str(&strategy.to_json()).unwrap();
    let order = |value: &Value| value["all_of"][0]["feature"].as_str().unwrap().to_owned();
    wrote["entry"]["terms"].as_array_mut().unwrap().sort_by_key(order);
    let mut given = example();
    // Terms and predicates have an order of their own: that of the vocabulary.
    given["entry"]["terms"][3]["all_of"].as_array_mut().unwrap().reverse();
    given["entry"]["terms"].as_array_mut().unwrap().sort_by_key(order);
    assert_eq!(wrote, given);
}

fn refused(cases: impl IntoIterator<Item = (Value, &'static str)>) {
    for (json, expected) in cases {
        let found = refusal(&json);
        assert!(found.contains(expected), "{found}\nwants: {expected}");
    }
}

#[test]
fn broken_limits_of_names_terms_and_weights_are_told_at_their_place() {
    let term = "/entry/terms/0";
    let twin = example()["entry"]["terms"][1].clone();
    refused([
        (with("/id", json!("s 1")), "id: a name has letters"),
        (with("/id", json!("")), "id: 0 characters; allowed: 1 to 64"),
        (with("/hypothesis", json!("x".repeat(501))), "hypothesis: 501 characters; allowed: 1 to 500"),
        (with("/hypothesis", json!("\u{1b}[31m red")), "hypothesis: control characters"),
        (with("/side", json!("short")), "unknown variant `short`, expected `long`"),
        (with("/entry/min_score", json!(0.0)), "entry.min_score: 0 is no weight"),
        (
            with("/entry/min_score", json!(6.6)),
            "entry.min_score: 6.6 cannot be reached: the positive weights come to 6.5",
        ),
        (with("/entry/min_score", json!(-1.0)), "entry.min_score: -1 cannot be reached"),
        (with("/entry/terms", json!([])), "entry.terms: 0 of them; allowed: 1 to 16"),
        (with("/entry/terms", vec![twin.clone(); 17].into()), "entry.terms: 17 of them; allowed: 1 to 16"),
        (with("/entry/terms", vec![twin; 2].into()), "entry.terms[1].all_of: says the same"),
        (
            with(&format!("{term}/weight"), json!(1e3)),
            "entry.terms[0].weight: 1000 is no weight; allowed: -100 to 100",
        ),
        (with(&format!("{term}/all_of"), json!([])), "entry.terms[0].all_of: 0 of them; allowed: 1 to 4"),
    ]);
}

#[test]
fn broken_limits_of_predicates_exits_and_size_are_told_at_their_place() {
    let predicate = "/entry/terms/0/all_of/0";
    refused([
        (
            with(&format!("{predicate}/lag"), json!(-1)),
            "entry.terms[0].all_of[0].lag: -1 is out of range; allowed: 0 to 60",
        ),
        (
            with(&format!("{predicate}/lag"), json!(61)),
            "entry.terms[0].all_of[0].lag: 61 is out of range; allowed: 0 to 60",
        ),
        (with(&format!("{predicate}/lag"), json!(1.5)), "invalid type: floating point `1.5`"),
        (
            with(&format!("{predicate}/rhs_value"), json!(101.0)),
            "entry.terms[0].all_of[0].rhs_value: 101 is out of the bounds of rsi_14; allowed: 0 to 100 (points)",
        ),
        (
            with(&format!("{predicate}/feature"), json!("tomorrow")),
            "unknown variant `tomorrow`, expected one of `roc_1`",
        ),
        (
            with(&format!("{predicate}/feature"), json!("holding_pnl_pct")),
            "entry.terms[0].all_of[0].feature: holding_pnl_pct is known of a holding only",
        ),
        (
            with(&format!("{predicate}/rhs_feature"), json!("rsi_2")),
            "entry.terms[0].all_of[0].rhs_feature: null when rhs_kind is value",
        ),
        (
            with(&format!("{predicate}/rhs_kind"), json!("feature")),
            "entry.terms[0].all_of[0].rhs_feature: a feature has to be named",
        ),
        (
            with("/entry/terms/3/all_of/1/rhs_feature", json!("adx_14")),
            "entry.terms[3].all_of[1].rhs_feature: roc_1 (percent) cannot be compared with adx_14 (points)",
        ),
        (
            with("/entry/terms/3/all_of/1/rhs_feature", json!("roc_1")),
            "entry.terms[3].all_of[1].rhs_feature: roc_1 at one bar is equal to itself",
        ),
        (
            with("/entry/terms/3/all_of/1/rhs_value", json!(1.0)),
            "entry.terms[3].all_of[1].rhs_value: 1 beside a feature",
        ),
        (
            with("/exit/any_of", vec![example()["exit"]["any_of"][0].clone(); 9].into()),
            "exit.any_of: 9 of them; allowed: 0 to 8",
        ),
        (with("/exit/stop_atr", json!(0.0)), "exit.stop_atr: 0 is out of range; allowed: 0.1 to 50"),
        (with("/exit/max_hold_bars", json!(0)), "exit.max_hold_bars: 0 is out of range; allowed: 1 to 250"),
        (with("/exit/max_hold_bars", json!(251)), "exit.max_hold_bars: 251 is out of range"),
        (
            with("/sizing/fraction_pct", json!(30.1)),
            "sizing.fraction_pct: 30.1 is out of range; allowed: 0.01 to 30",
        ),
    ]);
}

#[test]
fn a_field_that_is_missing_or_unknown_is_named_even_where_it_may_be_null() {
    for (object, field) in
        [("", "parent_id"), ("/exit", "trailing_atr"), ("/entry/terms/0/all_of/0", "rhs_feature")]
    {
        let mut json = example();
        json.pointer_mut(object).unwrap().as_object_mut().unwrap().remove(field);
        assert!(refusal(&json).contains(&format!("missing field `{field}`")), "{field}: {}", refusal(&json));
        let mut json = example();
        json.pointer_mut(object).unwrap()["when"] = json!(1);
        assert!(refusal(&json).contains("unknown field `when`"), "{}", refusal(&json));
    }
}

#[test]
fn what_is_no_finite_number_is_named_with_its_field_and_place() {
    let example = example().to_string();
    let text = |found: &str| example.replace("35.0", found);
    let column = example.find("35.0").unwrap() + 1;
    for found in ["NaN", "Infinity", "-Infinity", "nan", "-inf"] {
        let refused = Strategy::from_json(&text(found)).unwrap_err();
        let InvalidStrategy::NotFinite { field, found: named, line, column: at } = &refused else {
            panic!("{found}: {refused}");
        };
        assert_eq!((field.as_deref(), named.as_str(), *line), (Some("rhs_value"), found, 1));
        assert!(at.abs_diff(column) <= 2, "{at} for {column}");
        assert!(
            refused.to_string().starts_with(&format!("rhs_value is {found} at line 1 column ")),
            "{refused}"
        );
        assert!(refused.to_string().ends_with("numbers are finite decimals, e.g. 35.0"), "{refused}");
    }
    let on_lines = text("NaN").replace(',', ",\n");
    assert!(
        matches!(Strategy::from_json(&on_lines), Err(InvalidStrategy::NotFinite { line, .. }) if line > 3)
    );
    for other in [text("\"nan\""), text("none"), example.replace("\"rsi_14\"", "\"nan\""), "nan".to_owned()] {
        assert!(matches!(Strategy::from_json(&other), Err(InvalidStrategy::Form(_))), "{other}");
    }
}

#[test]
fn texts_that_are_hostile_are_refused_without_harm() {
    let example = example().to_string();
    let huge = example.replace("Oversold", &"o".repeat(TEXT_BYTES_MAX));
    assert_eq!(Strategy::from_json(&huge), Err(InvalidStrategy::TooLong { bytes: huge.len() }));
    let nested = "[".repeat(TEXT_BYTES_MAX);
    for text in [
        example.replace("35.0", "1e999"),
        example.replace("35.0", "\"35\""),
        example.replace("\"all_of\":[", "\"all_of\":[{\"all_of\":["),
        nested,
        "{}".to_owned(),
        String::new(),
        "null".to_owned(),
    ] {
        let refused = Strategy::from_json(&text);
        assert!(matches!(refused, Err(InvalidStrategy::Form(_))), "{text:.40}: {refused:?}");
    }
    let term = super::example()["entry"]["terms"][0].to_string();
    let many = vec![term; 10_000].join(",");
    let many = format!("{{\"terms\":[{many}]}}");
    assert!(matches!(Strategy::from_json(&many), Err(InvalidStrategy::TooLong { .. })));
}

#[test]
fn a_value_of_the_holding_is_for_exits_at_the_present_bar() {
    let of_holding = |lag: i64| {
        json!([{ "feature": "holding_pnl_pct", "lag": lag, "op": "le", "rhs_kind": "value", "rhs_feature": null,
            "rhs_value": -2.0 }])
    };
    let strategy = read(&with("/exit/any_of", of_holding(0)));
    assert_eq!([-2.0, -1.9, f64::NAN].map(|profit| strategy.sells_at_profit(profit)), [true, false, false]);
    assert!(!strategy.features().contains(&Feature::HoldingPnlPct));
    let refused = Strategy::from_json(&with("/exit/any_of", of_holding(1)).to_string());
    let broken = Broken::NoHolding(Feature::HoldingPnlPct);
    assert_eq!(refused, Err(InvalidStrategy::At { place: "exit.any_of[0].feature".to_owned(), broken }));
}
