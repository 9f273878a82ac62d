//! Limits of the typed form.

use super::*;

fn rule(when: Expression) -> Rule {
    let confidence = Confidence::new(80).unwrap();
    Rule { name: "r".to_owned(), reason: String::new(), when, action: Action::Buy, confidence }
}

fn oversold() -> Expression {
    Expression::is(Feature::Rsi14, Comparison::Below, 30)
}

fn nested(depth: usize) -> Expression {
    (1..depth).fold(oversold(), |inner, _| Expression::Not(Box::new(inner)))
}

fn refusal(when: Expression) -> BrokenLimit {
    match Strategy::new("s", vec![rule(when)]).unwrap_err() {
        InvalidStrategy::Rule { limit, .. } => limit,
        other @ (InvalidStrategy::Json(_) | InvalidStrategy::Name | InvalidStrategy::RuleCount(_)) => {
            panic!("{other}")
        }
    }
}

#[test]
fn a_rule_outside_the_limits_is_refused_with_the_limit() {
    let wide = |parts: usize| Expression::All(vec![oversold(); parts]);
    assert!(Strategy::new("s", vec![rule(nested(DEPTH_MAX))]).is_ok());
    assert!(Strategy::new("s", vec![rule(wide(NODES_MAX - 1))]).is_ok());
    assert_eq!(refusal(nested(DEPTH_MAX + 1)), BrokenLimit::TooDeep);
    assert_eq!(refusal(nested(10_000)), BrokenLimit::TooDeep);
    assert_eq!(refusal(wide(NODES_MAX)), BrokenLimit::TooLarge);
    assert_eq!(refusal(Expression::Any(Vec::new())), BrokenLimit::EmptyList);
    assert_eq!(
        refusal(Expression::is(Feature::Rsi14, Comparison::Above, 101)),
        BrokenLimit::OutOfBounds(Feature::Rsi14, Decimal::from(101))
    );
}

#[test]
fn two_rules_of_one_name_or_no_rule_at_all_are_refused() {
    let twice = Strategy::new("s", vec![rule(oversold()), rule(oversold())]).unwrap_err();
    assert_eq!(twice.to_string(), "rule 'r': another rule of the strategy has the same name");
    assert_eq!(Strategy::new("s", Vec::new()), Err(InvalidStrategy::RuleCount(0)));
    assert_eq!(Strategy::new(" ", vec![rule(oversold())]), Err(InvalidStrategy::Name));
}

#[test]
fn a_strategy_is_the_same_after_a_round_through_json() {
    let when = Expression::All(vec![
        oversold(),
        Expression::Not(Box::new(Expression::is(Feature::Held, Comparison::Equals, 1))),
        Expression::Any(vec![Expression::is(Feature::VolumeRatio, Comparison::AtLeast, Decimal::new(15, 1))]),
    ]);
    let strategy = Strategy::new("s", vec![rule(when)]).unwrap();
    let json = serde_json::to_string(&strategy).unwrap();
    assert!(json.contains(r#"{"is":{"feature":"rsi_14","comparison":"below","value":30.0}}"#), "{json}");
    assert_eq!(Strategy::from_json(&json), Ok(strategy));
}

#[test]
fn json_of_another_form_is_refused_with_what_is_wrong() {
    let with = |when: &str| {
        format!(
            r#"{{"name":"s","rules":[{{"name":"r","reason":"","when":{when},"action":"BUY","confidence":80}}]}}"#
        )
    };
    let cases = [
        ("{".to_owned(), "EOF"),
        (with(r#"{"is":{"feature":"tomorrow","comparison":"below","value":1}}"#), "'tomorrow' is no feature"),
        (with(r#"{"is":{"feature":"rsi_14","comparison":"near","value":1}}"#), "unknown variant `near`"),
        (with(r#"{"is":{"feature":"rsi_14","comparison":"below","value":"x"}}"#), "invalid"),
        (
            with(r#"{"is":{"feature":"rsi_14","comparison":"below","value":1,"lag":-1}}"#),
            "unknown field `lag`",
        ),
        (with(r#"{"exec":"rm"}"#), "unknown variant `exec`"),
        (with(&format!("{}{}", r#"{"not":"#.repeat(5_000), "}".repeat(5_000))), "recursion limit"),
        (with(r#"{"is":{"feature":"rsi_14","comparison":"below","value":30}}"#).replace("80", "101"), "101"),
    ];
    for (text, part) in cases {
        let error = Strategy::from_json(&text).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}
