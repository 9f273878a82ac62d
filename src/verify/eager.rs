//! A strategy that trades whatever it can, so that orders are dense: it sells what is held and buys what is not.

use domain::{Action, Confidence};
use strategy::{Comparison, Expression, Feature, Rule, Strategy};

/// Sells every holding and buys everything else, at once.
///
/// # Errors
/// Never in fact; the rules are checked like everybody's.
pub fn eager() -> Result<Strategy, String> {
    let confidence = Confidence::new(90).map_err(|error| error.to_string())?;
    let rule = |name: &str, action, held: i64| Rule {
        name: name.to_owned(),
        reason: "Verification trades whatever it can".to_owned(),
        when: Expression::is(Feature::Held, Comparison::Equals, held),
        action,
        confidence,
    };
    let rules = vec![rule("sell_all", Action::Sell, 1), rule("buy_all", Action::Buy, 0)];
    Strategy::new("eager", rules).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_eager_strategy_is_a_lawful_one() {
        assert_eq!(super::eager().unwrap().rules().len(), 2);
    }
}
