//! Cases of what an inquiry changes in the books.

use domain::{Market, OrderTerms, Side};

use super::*;
use crate::permit::DayKey;

const SENT_AT: &str = "2026-11-24T00:30:10Z";

fn instrument() -> Instrument {
    Instrument { market: Market::Kr, symbol: "005930".parse().unwrap() }
}

fn order(number: &str) -> VenueOrderId {
    VenueOrderId { date: "2026-11-24".parse().unwrap(), branch: "06010".into(), number: number.into() }
}

fn intent(state: OrderState, number: Option<&str>) -> BookedIntent {
    let terms = OrderTerms {
        instrument: instrument(),
        side: Side::Buy,
        quantity: Quantity::new(10),
        limit: "70000".parse().unwrap(),
    };
    let intent = OpenIntent {
        id: IntentId::from_stored("i-1".into()),
        terms,
        state,
        venue_order: number.map(order),
        filled: Quantity::ZERO,
        sent_at: Some(SENT_AT.parse().unwrap()),
        watermark: None,
        session_date: "2026-11-24".parse().unwrap(),
        approved_at: SENT_AT.parse().unwrap(),
        missed_inquiries: 0,
    };
    BookedIntent { intent, amount: rust_decimal::Decimal::ZERO }
}

fn filled(mut booked: BookedIntent, shares: u64) -> BookedIntent {
    booked.intent.filled = Quantity::new(shares);
    booked.amount = rust_decimal::Decimal::from(shares * 70_000);
    booked
}

/// A row with filled, remaining, cancelled and rejected shares.
fn row(number: &str, [filled, remaining, cancelled, rejected]: [u64; 4]) -> InquiryRow {
    InquiryRow {
        order: order(number),
        instrument: instrument(),
        side: Side::Buy,
        ordered: Quantity::new(10),
        limit: Some("70000".parse().unwrap()),
        filled: Quantity::new(filled),
        average_price: (filled > 0).then(|| "70000".parse().unwrap()),
        remaining: Quantity::new(remaining),
        cancelled: Quantity::new(cancelled),
        rejected: Quantity::new(rejected),
        time: None,
    }
}

fn inquiry(rows: Vec<InquiryRow>, seconds_after_sending: i64) -> BookInquiry {
    let sent_at: DateTime<Utc> = SENT_AT.parse().unwrap();
    let day = DayKey { market: Market::Kr, session_date: "2026-11-24".parse().unwrap() };
    BookInquiry { day, rows, asked_at: sent_at + TimeDelta::seconds(seconds_after_sending) }
}

fn books(intents: Vec<BookedIntent>) -> DayBooks {
    DayBooks { intents, strangers: Vec::new() }
}

/// The plan in short: changes as `from>to+shares`, strangers, number of contradictions, number of unsettled intents.
fn check(booked: BookedIntent, rows: Vec<InquiryRow>, is_final: bool, expected: &str) {
    let plan = plan(&books(vec![booked]), &inquiry(rows, 60), is_final);
    let changes: Vec<_> = plan
        .changes
        .iter()
        .map(|c| format!("{}>{}+{}", c.from, c.to, c.fill.map_or(0, |fill| fill.quantity.get())))
        .collect();
    let strangers: Vec<_> = plan.strangers.iter().map(|(kind, _)| kind.code()).collect();
    let got = format!(
        "{} {} c{} u{}",
        changes.join(","),
        strangers.join(","),
        plan.contradictions.len(),
        plan.unsettled.len()
    );
    assert_eq!(got, expected, "{plan:?}");
}

#[test]
fn a_listed_order_moves_as_its_row_proves() {
    use OrderState::{Accepted, Partial};
    let accepted = || intent(Accepted, Some("7"));
    let partial = || filled(intent(Partial, Some("7")), 4);
    check(accepted(), vec![row("7", [0, 10, 0, 0])], false, "  c0 u0");
    check(accepted(), vec![row("7", [4, 6, 0, 0])], false, "Accepted>Partial+4  c0 u0");
    check(accepted(), vec![row("7", [10, 0, 0, 0])], false, "Accepted>Filled+10  c0 u0");
    check(accepted(), vec![row("7", [0, 0, 0, 10])], false, "Accepted>Rejected+0  c0 u0");
    check(partial(), vec![row("7", [4, 6, 0, 0])], false, "  c0 u0");
    check(partial(), vec![row("7", [6, 4, 0, 0])], false, "Partial>Partial+2  c0 u0");
    check(partial(), vec![row("7", [6, 0, 4, 0])], false, "Partial>Cancelled+2  c0 u0");
}

#[test]
fn a_row_that_contradicts_the_books_is_reported_and_not_booked() {
    let partial = || filled(intent(OrderState::Partial, Some("7")), 4);
    check(partial(), vec![row("7", [3, 7, 0, 0])], false, "  c1 u0");
    check(partial(), vec![row("7", [3, 7, 0, 0])], true, "  c1 u1");
    check(partial(), vec![row("7", [5, 4, 0, 0])], false, "  c1 u0");
    check(filled(intent(OrderState::Filled, Some("7")), 10), vec![row("7", [0, 0, 10, 0])], false, "  c1 u0");
    let twice = vec![row("7", [5, 5, 0, 0]), row("7", [6, 4, 0, 0])];
    check(partial(), twice, false, "Partial>Partial+1  c1 u0");
    check(intent(OrderState::Unknown, None), vec![row("x7", [0, 10, 0, 0])], true, "  c1 u1");
}

#[test]
fn an_accepted_number_that_shows_other_terms_makes_the_fate_unknown() {
    let mut other = row("7", [0, 10, 0, 0]);
    other.side = Side::Sell;
    check(intent(OrderState::Accepted, Some("7")), vec![other], false, "Accepted>Unknown+0 disputed c1 u0");
}

#[test]
fn an_unknown_order_is_claimed_with_its_fills() {
    let unknown = || intent(OrderState::Unknown, None);
    check(unknown(), vec![row("7", [0, 10, 0, 0])], false, "Unknown>Accepted+0  c0 u0");
    check(unknown(), vec![row("7", [10, 0, 0, 0])], false, "Unknown>Filled+10  c0 u0");
    check(unknown(), vec![row("7", [4, 6, 0, 0])], true, "Unknown>Expired+4  c0 u0");
    let twins = vec![row("7", [0, 10, 0, 0]), row("8", [0, 10, 0, 0])];
    check(unknown(), twins.clone(), false, " disputed,disputed c0 u0");
    check(unknown(), twins, true, " disputed,disputed c0 u1");
}

#[test]
fn the_final_list_ends_every_order_it_can_and_keeps_the_day_open_for_the_others() {
    check(intent(OrderState::Unknown, None), vec![], true, "Unknown>NeverAccepted+0  c0 u0");
    check(intent(OrderState::Lapsed, None), vec![], true, "Lapsed>NeverAccepted+0  c0 u0");
    check(intent(OrderState::Approved, None), vec![], true, "Approved>Expired+0  c0 u0");
    check(
        intent(OrderState::Accepted, Some("7")),
        vec![row("7", [0, 10, 0, 0])],
        true,
        "Accepted>Expired+0  c0 u0",
    );
    check(intent(OrderState::Sending, None), vec![], true, "  c0 u1");
    check(intent(OrderState::Accepted, Some("7")), vec![], true, "Accepted>Unknown+0  c1 u1");
    check(filled(intent(OrderState::Partial, Some("7")), 4), vec![], true, "  c1 u1");
}

#[test]
fn an_order_that_expired_at_the_close_may_still_be_listed_as_working() {
    let expired = filled(intent(OrderState::Expired, Some("7")), 4);
    check(expired.clone(), vec![row("7", [4, 6, 0, 0])], false, "  c0 u0");
    check(expired, vec![row("7", [5, 5, 0, 0])], false, "  c1 u0");
}

#[test]
fn a_silent_order_lapses_after_the_horizon_and_three_complete_lists() {
    // (missed before, seconds after sending, state after, missed after)
    let cases = [
        (0, 200, OrderState::Unknown, 1),
        (2, 124, OrderState::Unknown, 3),
        (2, 125, OrderState::Lapsed, 3),
        (9, 125, OrderState::Lapsed, 10),
    ];
    for (missed, seconds, state, after) in cases {
        let mut silent = intent(OrderState::Unknown, None);
        silent.intent.missed_inquiries = missed;
        let plan = plan(&books(vec![silent]), &inquiry(vec![], seconds), false);
        let [change] = plan.changes.as_slice() else { panic!("{plan:?}") };
        assert_eq!((change.to, change.missed_inquiries), (state, after), "{missed} {seconds}");
    }
}

#[test]
fn a_list_that_was_asked_for_before_the_post_proves_no_absence() {
    for is_final in [false, true] {
        let plan = plan(&books(vec![intent(OrderState::Unknown, None)]), &inquiry(vec![], -1), is_final);
        assert_eq!(plan.changes, [], "{is_final}");
    }
}

#[test]
fn another_markets_rows_are_another_lists_business() {
    let mut abroad = row("7", [0, 10, 0, 0]);
    abroad.instrument = Instrument { market: Market::UsNasdaq, symbol: "AAPL".parse().unwrap() };
    check(intent(OrderState::Filled, Some("9")), vec![abroad], false, "  c0 u0");
}
