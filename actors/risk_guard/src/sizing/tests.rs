//! Sizes at their edges, and the shared reference cases.

use domain::Money;

use super::*;
use crate::limits::check_fat_finger;
use crate::vectors;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn seed() -> Sizing {
    Sizing::by_score(decimal("5"), decimal("1"), decimal("10"), decimal("50")).unwrap()
}

fn shares(sizing: &Sizing, cash: &str, score: Option<&str>, limit: &str, lot: u64) -> u64 {
    entry_quantity(sizing, decimal(cash), score.map(decimal), limit.parse().unwrap(), lot).get()
}

#[test]
fn the_share_of_cash_shrinks_as_the_score_grows_between_its_bounds() {
    let cases = [
        (None, 7),
        (Some("0"), 14),
        (Some("1"), 14),
        (Some("25"), 14),
        (Some("50"), 7),
        (Some("75"), 4),
        (Some("100"), 3),
        (Some("120"), 3),
        (Some("-5"), 14),
    ];
    for (score, expected) in cases {
        assert_eq!(shares(&seed(), "10000000", score, "70000", 1), expected, "{score:?}");
    }
}

#[test]
fn a_size_loses_no_share_to_rounding() {
    // 5 % * 50 / 75 of 3,000 is exactly one share of 100.
    assert_eq!(shares(&seed(), "3000", Some("75"), "100", 1), 1);
    assert_eq!(shares(&seed(), "2999.99", Some("75"), "100", 1), 0);
}

#[test]
fn only_whole_lots_are_bought() {
    assert_eq!(shares(&seed(), "10000000", None, "1000", 100), 500);
    assert_eq!(shares(&seed(), "10000000", None, "1001", 100), 400);
    assert_eq!(shares(&seed(), "10000000", None, "6000", 100), 0);
}

#[test]
fn without_sizing_an_entry_is_one_lot_if_it_can_be_paid() {
    let off = seed().enabled(false);
    assert_eq!(shares(&off, "70000", Some("50"), "70000", 1), 1);
    assert_eq!(shares(&off, "69999", Some("50"), "70000", 1), 0);
    assert_eq!(shares(&off, "10000000", None, "1000", 100), 100);
}

#[test]
fn no_cash_and_absurd_numbers_buy_nothing_or_little_but_never_panic() {
    assert_eq!(shares(&seed(), "0", None, "10", 1), 0);
    assert_eq!(shares(&seed(), "-5", None, "10", 1), 0);
    let most = Decimal::MAX.to_string();
    assert_eq!(shares(&seed(), &most, None, "10", 1), 0, "an amount that cannot be multiplied is no cash");
    assert_eq!(shares(&seed(), "1000000000000000", None, "0.0001", 1), Quantity::MAX.get());
}

#[test]
fn settings_out_of_range_are_refused() {
    let made = |numbers: [&str; 4]| {
        let [base, min, max, target] = numbers.map(decimal);
        Sizing::by_score(base, min, max, target)
    };
    assert_eq!(made(["0", "1", "10", "50"]), Err(SizingError::Allocation(Decimal::ZERO)));
    assert_eq!(made(["5", "1", "101", "50"]), Err(SizingError::Allocation(decimal("101"))));
    assert_eq!(made(["5", "1", "10", "0.5"]), Err(SizingError::TargetScore(decimal("0.5"))));
    let (min_pct, max_pct) = (decimal("20"), decimal("5"));
    assert_eq!(made(["5", "20", "5", "50"]), Err(SizingError::MinAboveMax { min_pct, max_pct }));
}

#[test]
fn an_exit_sells_what_is_confirmed_and_not_already_being_sold() {
    for (sellable, selling, expected) in [(37, 0, 37), (1, 1, 0), (5, 2, 3), (0, 3, 0)] {
        let quantity = exit_quantity(Quantity::new(sellable), Quantity::new(selling));
        assert_eq!(quantity, Quantity::new(expected), "{sellable} - {selling}");
    }
}

#[test]
fn the_shared_cases_of_sizing_hold() {
    let Some(cases) = vectors::cases("position_sizing.json") else { return };
    let mut compared = 0;
    // Playbook sizes belong to a later definition; settings that are refused at start have no size.
    let ours = |case: &&serde_json::Value| {
        let input = &case["input"];
        input["action"] == "BUY"
            && input.get("playbook_allocation_pct").is_none()
            && case["id"] != "min_gt_max"
    };
    for case in cases.iter().filter(ours) {
        let input = &case["input"];
        let (Some(price), Some(cash)) = (vectors::decimal(&input["price"]), vectors::decimal(&input["cash"]))
        else {
            continue;
        };
        let off = input["settings"]["POSITION_SIZING_ENABLED"] == false || input["no_settings"] == true;
        let score = vectors::decimal(&input["score"]);
        let quantity = entry_quantity(&seed().enabled(!off), cash, score, Price::new(price).unwrap(), 1);
        assert_eq!(Some(quantity.get()), vectors::expected(case).as_u64(), "{}", case["id"]);
        compared += 1;
    }
    assert!(compared >= 15, "only {compared} cases compared");
}

#[test]
fn the_shared_cases_of_the_order_limit_hold() {
    let Some(cases) = vectors::cases("risk.json") else { return };
    let mut compared = 0;
    for case in cases.iter().filter(|case| case["input"]["check"] == "fat_finger") {
        let money = |key: &str| {
            vectors::decimal(&case["input"][key]).map(|number| Money::new(number, domain::Currency::Krw))
        };
        let (Some(amount), Some(cash)) = (money("order_amount"), money("cash")) else { continue };
        let passes = check_fat_finger(amount, cash, decimal("30")).is_ok();
        assert_eq!(Some(passes), vectors::expected(case)["ok"].as_bool(), "{}", case["id"]);
        compared += 1;
    }
    assert!(compared >= 7, "only {compared} cases compared");
}

#[test]
fn a_strategy_bounds_a_purchase_by_its_share_of_the_equity_in_whole_lots() {
    let price = |text: &str| text.parse::<Price>().unwrap();
    let cases = [
        ("10000", "5", "100", 1, 5),
        ("10000", "5", "101", 1, 4),
        ("100000", "5", "3", 100, 1_600),
        ("100", "5", "100", 1, 0),
        ("0", "5", "1", 1, 0),
        ("-5", "5", "1", 1, 0),
        ("10000", "0", "1", 1, 0),
        ("10000", "5", "1", 0, 0),
    ];
    for (equity, pct, limit, lot, shares) in cases {
        let most = most_quantity(equity.parse().unwrap(), pct.parse().unwrap(), price(limit), lot);
        assert_eq!(most, Quantity::new(shares), "{equity} {pct} {limit} {lot}");
    }
}
