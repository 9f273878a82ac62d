//! Identity, words and schema.

use proptest::prelude::*;

use super::super::{Identity, Strategy, schema};
use super::*;

#[test]
fn what_does_the_same_has_the_same_identity_and_what_does_not_has_not() {
    let strategy = read(&example());
    let identity = strategy.identity();
    let mut same = with("/id", json!("another"));
    same["hypothesis"] = json!("Other words.");
    same["parent_id"] = json!("s-0000");
    same["entry"]["terms"].as_array_mut().unwrap().reverse();
    same["entry"]["terms"][0]["all_of"].as_array_mut().unwrap().reverse();
    same["entry"]["terms"][3]["all_of"][0]["rhs_value"] = json!(35.000_01);
    assert_eq!(read(&same).identity(), identity);
    for (pointer, value) in [
        ("/entry/terms/0/all_of/0/rhs_value", json!(35.01)),
        ("/entry/terms/0/all_of/0/op", json!("le")),
        ("/entry/terms/0/all_of/0/lag", json!(1)),
        ("/entry/min_score", json!(4.5)),
        ("/exit/trailing_atr", json!(3.0)),
        ("/exit/max_hold_bars", json!(11)),
        ("/sizing/fraction_pct", json!(5.1)),
    ] {
        assert_ne!(read(&with(pointer, value)).identity(), identity, "{pointer}");
    }
    assert_eq!(identity.to_string().parse(), Ok(identity));
    assert!("abc".parse::<Identity>().is_err() && "G".repeat(64).parse::<Identity>().is_err());
}

#[test]
fn the_identity_never_changes_between_versions_of_the_program() {
    let identity = read(&example()).identity().to_string();
    assert_eq!(identity, "90f96ce706c3ee60e78484002d4b1cc2d91518142142d854ecee8a83b2e9720c");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_canonical_form_is_a_fixed_point(value in 0.0..100.0_f64, weight in 0.001..100.0_f64, atr in 0.1..50.0_f64) {
        let mut json = with("/entry/terms/0/all_of/0/rhs_value", json!(value));
        json["entry"]["terms"][0]["weight"] = json!(weight);
        json["exit"]["stop_atr"] = json!(atr);
        json["entry"]["min_score"] = json!(0.001);
        let once = read(&json);
        let twice = Strategy::from_json(&once.to_json()).unwrap();
        prop_assert_eq!(&once, &twice);
        prop_assert_eq!(once.canonical(), twice.canonical());
    }
}

#[test]
fn a_strategy_is_told_in_words_a_line_per_term() {
    let words = read(&example()).words();
    assert_eq!(
        words,
        "s-0001\n  because: Oversold liquid stocks with rising volume revert within two weeks.\n\
         buy at a score of 5.0 or more\n  +1.0 if change over 1 bar > change over 5 bars and ADX14 > 20\n  \
         +2.0 if RSI14 < 35\n  +2.0 if place within the Bollinger bands < 0.2\n  +1.5 if volume ratio > 1.2x\n\
         sell at the first of\n  RSI14 > 60\n  2 ATR14 below the price paid\n  4 ATR14 above the price paid\n  \
         10 bars held\none purchase is 5 % of the equity\n"
    );
}

#[test]
fn what_changed_is_told_as_a_unified_diff_of_words() {
    let old = read(&example());
    let mut new = with("/entry/terms/0/all_of/0/rhs_value", json!(30.0));
    new["entry"]["terms"][0]["all_of"][0]["lag"] = json!(2);
    let diff = old.diff_in_words(&read(&new));
    assert!(diff.contains("-  +2.0 if RSI14 < 35\n+  +2.0 if RSI14 2 bars before < 30\n"), "{diff}");
    assert!(old.diff_in_json(&read(&new)).contains("+            \"rhs_value\": 30.0"));
    assert_eq!(old.diff_in_words(&old), "");
}

/// Each object of the schema, with its path.
fn objects(schema: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    found.push((path.to_owned(), schema.clone()));
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        objects(property, &format!("{path}.{name}"), found);
    }
    if schema.get("items").is_some() {
        objects(&schema["items"], &format!("{path}[]"), found);
    }
}

#[test]
fn the_schema_keeps_to_what_every_provider_understands() {
    let mut all = Vec::new();
    objects(&schema::strategy(), "strategy", &mut all);
    assert!(all.len() > 25, "{all:?}");
    for (path, object) in &all {
        for keyword in object.as_object().unwrap().keys() {
            assert!(schema::KEYWORDS.contains(&keyword.as_str()), "{path}: {keyword}");
        }
        assert!(object.get("type").is_some(), "{path} has no type: {object}");
        if object["type"] == "object" {
            let names: Vec<&String> = object["properties"].as_object().unwrap().keys().collect();
            let mut required: Vec<&str> =
                object["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            required.sort_unstable();
            let mut sorted: Vec<&str> = names.into_iter().map(String::as_str).collect();
            sorted.sort_unstable();
            assert_eq!(required, sorted, "{path}");
            assert_eq!(object["additionalProperties"], false, "{path}");
        }
    }
    let of = |path: &str| all.iter().find(|(at, _)| at == path).map(|(_, object)| object.clone()).unwrap();
    let predicate = "strategy.entry.terms[].all_of[]";
    assert_eq!(of(&format!("{predicate}.op"))["enum"], json!(["lt", "le", "gt", "ge"]));
    assert_eq!(of(&format!("{predicate}.rhs_feature"))["type"], json!(["string", "null"]));
    assert_eq!(of("strategy.exit.stop_atr")["type"], json!(["number", "null"]));
    assert_eq!(of("strategy.side")["enum"], json!(["long"]));
    assert!(of("strategy.exit.max_hold_bars")["description"].as_str().unwrap().contains("1 to 250"));
}
