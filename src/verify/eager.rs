//! A strategy that trades whatever it can, so that orders are dense: it sells what is held and buys what is not.

use strategy::Strategy;

/// Buys whatever has a change or an open today, and sells it as soon as it is held: each is true of every number it can be.
const EAGER: &str = r#"{"id": "eager", "parent_id": null, "hypothesis": "Verification trades whatever it can.", "side": "long",
 "entry": {"min_score": 1.0, "terms": [
  {"weight": 1.0, "all_of": [{"feature": "roc_1", "lag": 0, "op": "ge", "rhs_kind": "value", "rhs_feature": null, "rhs_value": -100.0}]},
  {"weight": 1.0, "all_of": [{"feature": "range_pct", "lag": 0, "op": "ge", "rhs_kind": "value", "rhs_feature": null, "rhs_value": 0.0}]},
  {"weight": 1.0, "all_of": [{"feature": "intraday_pct", "lag": 0, "op": "ge", "rhs_kind": "value", "rhs_feature": null, "rhs_value": -100.0}]}]},
 "exit": {"any_of": [
  {"feature": "roc_1", "lag": 0, "op": "ge", "rhs_kind": "value", "rhs_feature": null, "rhs_value": -100.0},
  {"feature": "range_pct", "lag": 0, "op": "ge", "rhs_kind": "value", "rhs_feature": null, "rhs_value": 0.0},
  {"feature": "holding_pnl_pct", "lag": 0, "op": "ge", "rhs_kind": "value", "rhs_feature": null, "rhs_value": -100.0}],
  "stop_atr": null, "take_atr": null, "trailing_atr": null, "max_hold_bars": 1},
 "sizing": {"fraction_pct": 30.0}}"#;

/// Sells every holding and buys everything else, at once.
///
/// # Errors
/// Never in fact; the strategy is checked like everybody's.
pub fn eager() -> Result<Strategy, String> {
    Strategy::from_json(EAGER).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use domain::Action;
    use rust_decimal::Decimal;
    use strategy::form::Moment;
    use strategy::{Feature, Features};

    #[test]
    fn the_eager_strategy_buys_what_is_not_held_and_sells_what_is_by_any_number_that_is_known() {
        let eager = super::eager().unwrap();
        for feature in [Feature::Roc1, Feature::RangePct] {
            for (held, expected) in [(0, (Action::Buy, 80)), (1, (Action::Sell, 99))] {
                let named =
                    [("held".to_owned(), Decimal::from(held)), (feature.name().to_owned(), Decimal::ZERO)];
                let now = Features::from_named(&named);
                let moment = Moment { now: &now, price: Decimal::ONE, past: &[], bought: None };
                let advice = eager.judge(&moment);
                assert_eq!((advice.action, advice.confidence.get()), expected, "{feature}: {}", advice.why);
            }
        }
    }
}
