//! Cases of which row belongs to which intent.

use chrono::NaiveDate;
use domain::{Instrument, IntentId, Market, OrderTerms, Quantity, Side};

use super::*;

const SENT_AT: &str = "2026-11-24T00:30:10Z"; // 09:30:10 in Seoul

fn date() -> NaiveDate {
    "2026-11-24".parse().unwrap()
}

fn terms(symbol: &str, side: Side, quantity: u64, limit: &str) -> OrderTerms {
    OrderTerms {
        instrument: Instrument { market: Market::Kr, symbol: symbol.parse().unwrap() },
        side,
        quantity: Quantity::new(quantity),
        limit: limit.parse().unwrap(),
    }
}

fn intent(name: &str, state: OrderState) -> OpenIntent {
    OpenIntent {
        id: IntentId::from_stored(name.to_owned()),
        terms: terms("005930", Side::Buy, 10, "70000"),
        state,
        venue_order: None,
        filled: Quantity::ZERO,
        sent_at: Some(SENT_AT.parse().unwrap()),
        watermark: Some(100),
        session_date: date(),
        approved_at: SENT_AT.parse().unwrap(),
        missed_inquiries: 0,
    }
}

fn row(number: &str, time: &str) -> InquiryRow {
    let terms = terms("005930", Side::Buy, 10, "70000.0");
    InquiryRow {
        order: VenueOrderId { date: date(), branch: "06010".into(), number: number.into() },
        instrument: terms.instrument,
        side: terms.side,
        ordered: terms.quantity,
        limit: Some(terms.limit),
        filled: Quantity::ZERO,
        average_price: None,
        remaining: terms.quantity,
        cancelled: Quantity::ZERO,
        rejected: Quantity::ZERO,
        time: Some(time.parse().unwrap()),
    }
}

/// The verdict as text: what is claimed by whom, disputed, foreign, absent, ambiguous.
fn verdict(intents: &[OpenIntent], rows: &[InquiryRow], known: &[Stranger]) -> String {
    let claims = claim(&intents.iter().collect::<Vec<_>>(), &rows.iter().collect::<Vec<_>>(), known);
    let number = |row: &InquiryRow| row.order.numeric().map_or("?".to_owned(), |n| n.to_string());
    let numbers = |rows: &[&InquiryRow]| rows.iter().map(|row| number(row)).collect::<Vec<_>>().join(",");
    let names = |list: &[&OpenIntent]| list.iter().map(|i| i.id.to_string()).collect::<Vec<_>>().join(",");
    let claimed: Vec<_> = claims.claimed.iter().map(|(i, row)| format!("{}={}", i.id, number(row))).collect();
    format!(
        "claimed[{}] disputed[{}] foreign[{}] absent[{}] ambiguous[{}]",
        claimed.join(","),
        numbers(&claims.disputed),
        numbers(&claims.foreign),
        names(&claims.absent),
        names(&claims.ambiguous)
    )
}

#[test]
fn one_order_and_one_intent_that_fit_each_other_are_claimed() {
    for state in [OrderState::Unknown, OrderState::Lapsed] {
        let got = verdict(&[intent("a", state)], &[row("0000000101", "09:30:11")], &[]);
        assert_eq!(got, "claimed[a=101] disputed[] foreign[] absent[] ambiguous[]", "{state}");
    }
}

#[test]
fn an_order_that_differs_in_one_term_is_foreign_and_the_intent_absent() {
    type Change = fn(&mut InquiryRow);
    let differ: [(&str, Change); 7] = [
        ("symbol", |r| r.instrument.symbol = "000660".parse().unwrap()),
        ("side", |r| r.side = Side::Sell),
        ("quantity", |r| r.ordered = Quantity::new(11)),
        ("price", |r| r.limit = Some("70100".parse().unwrap())),
        ("a market order", |r| r.limit = None),
        ("a number before the POST", |r| r.order.number = "0000000100".into()),
        ("a time before the POST", |r| r.time = Some("09:30:04".parse().unwrap())),
    ];
    for (what, change) in differ {
        let mut other = row("0000000101", "09:30:11");
        change(&mut other);
        let got = verdict(&[intent("a", OrderState::Unknown)], &[other], &[]);
        assert!(got.contains("claimed[] disputed[] foreign[1"), "{what}: {got}");
        assert!(got.contains("absent[a]"), "{what}: {got}");
    }
}

#[test]
fn the_exchanges_clock_may_be_five_seconds_behind_and_a_missing_time_excludes_nothing() {
    let mut timeless = row("0000000101", "09:30:11");
    timeless.time = None;
    for order in [row("0000000101", "09:30:05"), timeless] {
        let got = verdict(&[intent("a", OrderState::Unknown)], &[order], &[]);
        assert!(got.starts_with("claimed[a=101]"), "{got}");
    }
}

#[test]
fn two_orders_that_fit_one_intent_are_disputed_and_neither_is_claimed() {
    let rows = [row("0000000101", "09:30:11"), row("0000000102", "09:30:12")];
    let got = verdict(&[intent("a", OrderState::Unknown)], &rows, &[]);
    assert_eq!(got, "claimed[] disputed[101,102] foreign[] absent[] ambiguous[a]");
}

#[test]
fn two_intents_that_fit_one_order_claim_nothing() {
    let intents = [intent("a", OrderState::Unknown), intent("b", OrderState::Lapsed)];
    let got = verdict(&intents, &[row("0000000101", "09:30:11")], &[]);
    assert_eq!(got, "claimed[] disputed[101] foreign[] absent[] ambiguous[a,b]");
}

#[test]
fn an_order_disputed_once_is_never_claimed_later_and_a_foreign_one_stays_foreign() {
    let disputed = |kind| [Stranger { order: row("101", "09:30:11").order, kind }];
    let rows = [row("0000000101", "09:30:11")];
    let unknown = [intent("a", OrderState::Unknown)];
    let got = verdict(&unknown, &rows, &disputed(StrangerKind::Disputed));
    assert_eq!(got, "claimed[] disputed[101] foreign[] absent[] ambiguous[a]");
    let got = verdict(&unknown, &rows, &disputed(StrangerKind::Foreign));
    assert_eq!(got, "claimed[] disputed[] foreign[101] absent[a] ambiguous[]");
}

#[test]
fn an_order_that_an_intent_in_flight_may_have_made_waits_for_the_reply() {
    for state in [OrderState::Sending, OrderState::Accepted] {
        let got = verdict(&[intent("a", state)], &[row("0000000101", "09:30:11")], &[]);
        assert_eq!(got, "claimed[] disputed[] foreign[] absent[] ambiguous[]", "{state}");
        let both = [intent("a", state), intent("b", OrderState::Unknown)];
        let got = verdict(&both, &[row("0000000101", "09:30:11")], &[]);
        assert_eq!(
            got, "claimed[] disputed[] foreign[] absent[] ambiguous[]",
            "{state} beside an unknown one"
        );
    }
}

#[test]
fn the_same_order_is_recognised_with_or_without_padding_and_branch() {
    let full = VenueOrderId { date: date(), branch: "06010".into(), number: "0000000101".into() };
    let short = VenueOrderId { branch: String::new(), number: "101".into(), ..full.clone() };
    let other = VenueOrderId { branch: "06020".into(), ..full.clone() };
    assert!(same_order(&full, &short));
    assert!(!same_order(&full, &other));
}
