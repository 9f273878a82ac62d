//! Cases of what was newly filled, at what price, and what a sale earned.

use domain::{Instrument, Market, Side, VenueOrderId};

use super::*;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn row(filled: u64, average: Option<&str>) -> InquiryRow {
    InquiryRow {
        order: VenueOrderId {
            date: "2026-11-24".parse().unwrap(),
            branch: "06010".into(),
            number: "0000000007".into(),
        },
        instrument: Instrument { market: Market::Kr, symbol: "005930".parse().unwrap() },
        side: Side::Buy,
        ordered: Quantity::new(10),
        limit: Some("70000".parse().unwrap()),
        filled: Quantity::new(filled),
        average_price: average.map(|text| text.parse().unwrap()),
        remaining: Quantity::new(10 - filled),
        cancelled: Quantity::ZERO,
        rejected: Quantity::ZERO,
        time: None,
    }
}

fn booked(quantity: u64, amount: &str) -> Booked {
    Booked { quantity: Quantity::new(quantity), amount: decimal(amount) }
}

fn fill(quantity: u64, amount: &str) -> FillDelta {
    let amount = decimal(amount);
    let price = Price::new(to_amount(amount / Decimal::from(quantity))).unwrap();
    FillDelta { quantity: Quantity::new(quantity), amount, price }
}

#[test]
fn a_list_adds_only_the_shares_that_are_new_at_the_price_of_those_shares() {
    // (booked shares, booked amount, shown shares, shown average, new shares, their price)
    let cases = [
        (0, "0", 4, "69900", 4, "69900"),
        (4, "279600", 10, "69960", 6, "70000"),
        (0, "0", 3, "185.3333333333", 3, "185.333333"),
        (2, "100", 3, "50", 1, "50"),
    ];
    for (quantity, amount, shown, average, new, price) in cases {
        let delta = delta(booked(quantity, amount), &row(shown, Some(average))).unwrap().unwrap();
        assert_eq!((delta.quantity.get(), delta.price.to_string()), (new, price.to_owned()), "{average}");
    }
}

#[test]
fn the_same_list_again_adds_nothing() {
    assert_eq!(delta(booked(4, "279600"), &row(4, Some("69900"))), Ok(None));
    assert_eq!(delta(booked(4, "279600"), &row(4, Some("69901"))), Ok(None));
    assert_eq!(delta(Booked::default(), &row(0, None)), Ok(None));
}

#[test]
fn a_list_that_contradicts_the_books_is_refused() {
    let fewer = delta(booked(5, "350000"), &row(4, Some("70000")));
    assert_eq!(fewer, Err(FillError::Decrease { booked: Quantity::new(5), shown: Quantity::new(4) }));
    let cheaper = delta(booked(4, "280000"), &row(5, Some("50000")));
    assert!(matches!(cheaper, Err(FillError::NoPrice { .. })), "{cheaper:?}");
    assert_eq!(delta(Booked::default(), &row(4, None)), Err(FillError::NoAmount));
    assert_eq!(AMOUNT_MAX, decimal("9000000000000"));
    assert_eq!(delta(Booked::default(), &row(10, Some("1000000000000"))), Err(FillError::NoAmount));
}

#[test]
fn a_sale_realises_the_amount_minus_the_average_cost() {
    let held = Position::default().bought(&fill(10, "1000")).bought(&fill(5, "800"));
    let (left, realised) = held.sold(&fill(6, "900"));
    assert_eq!(realised, Some(Realised { cost: decimal("720"), pnl: decimal("180") }));
    assert_eq!(left, Position { quantity: Quantity::new(9), cost: decimal("1080") });
}

#[test]
fn selling_everything_leaves_no_cost_behind_even_when_the_average_is_periodic() {
    let held = Position::default().bought(&fill(3, "100"));
    let (left, first) = held.sold(&fill(1, "40"));
    let (none, second) = left.sold(&fill(2, "80"));
    assert_eq!(none, Position::default());
    assert_eq!(first.unwrap().pnl + second.unwrap().pnl, decimal("20"));
}

#[test]
fn selling_shares_this_agent_never_bought_realises_nothing_known() {
    let held = Position::default().bought(&fill(3, "100"));
    assert_eq!(held.sold(&fill(4, "200")), (Position::default(), None));
    assert_eq!(Position::default().sold(&fill(1, "50")).1, None);
}

#[test]
fn invariant_09_what_was_sold_before_its_purchase_was_booked_is_held_no_more() {
    let held = Position { quantity: Quantity::new(10), cost: Decimal::from(700_001) };
    let cases = [(11, 10, "700001"), (10, 10, "700001"), (3, 3, "210000.3"), (0, 0, "0")];
    for (most, quantity, cost) in cases {
        let expected = Position { quantity: Quantity::new(quantity), cost: cost.parse().unwrap() };
        assert_eq!(held.at_most(Quantity::new(most)), expected, "{most}");
    }
}
