//! Cases of which row belongs to which intent.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
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
    let differ: [(&str, Change); 6] = [
        ("symbol", |r| r.instrument.symbol = "000660".parse().unwrap()),
        ("side", |r| r.side = Side::Sell),
        ("quantity", |r| r.ordered = Quantity::new(11)),
        ("price", |r| r.limit = Some("70100".parse().unwrap())),
        ("a market order", |r| r.limit = None),
        ("a number before the POST", |r| r.order.number = "0000000100".into()),
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
fn a_missing_time_excludes_nothing() {
    let timeless = InquiryRow { time: None, ..row("0000000101", "09:30:11") };
    let got = verdict(&[intent("a", OrderState::Unknown)], &[timeless], &[]);
    assert!(got.starts_with("claimed[a=101]"), "{got}");
}

/// The time that the exchange shows of an order that arrives at `arrival_ms` by our clock, which is ahead by `skew_ms`.
fn shown(arrival_ms: i64, skew_ms: i64) -> InquiryRow {
    let by_the_exchange = DateTime::from_timestamp_millis(arrival_ms - skew_ms).unwrap();
    row("0000000101", &by_the_exchange.with_timezone(&Market::Kr.zone()).format("%H:%M:%S").to_string())
}

#[test]
fn an_order_of_ours_is_claimed_under_every_difference_of_clocks_that_is_allowed_down_to_the_millisecond() {
    for sent_ms in (0..1_000).step_by(37) {
        let sent_at = SENT_AT.parse::<DateTime<Utc>>().unwrap() + TimeDelta::milliseconds(sent_ms);
        let sent = OpenIntent { sent_at: Some(sent_at), ..intent("a", OrderState::Unknown) };
        // `Date` is cut to the second, so up to a second more than is allowed may go unseen.
        for skew_ms in (-6_000..=1_000 * (CLOCK_SKEW_ALLOWED_SECONDS + 1)).step_by(125) {
            let order = shown(sent_at.timestamp_millis() + 2, skew_ms);
            let got = verdict(std::slice::from_ref(&sent), &[order], &[]);
            assert!(got.starts_with("claimed[a=101]"), "sent at {sent_at}, {skew_ms} ms ahead: {got}");
        }
    }
}

#[test]
fn an_order_that_fits_but_for_its_time_is_in_dispute_because_our_clock_may_have_been_set() {
    for (state, expected) in [
        (OrderState::Unknown, "claimed[] disputed[101] foreign[] absent[] ambiguous[a]"),
        (OrderState::Lapsed, "claimed[] disputed[101] foreign[] absent[] ambiguous[a]"),
        (OrderState::Sending, "claimed[] disputed[] foreign[] absent[] ambiguous[]"),
    ] {
        for time in ["09:30:02", "09:29:41", "08:30:10"] {
            let got = verdict(&[intent("a", state)], &[row("0000000101", time)], &[]);
            assert_eq!(got, expected, "{state} {time}");
        }
    }
    let rows = [row("0000000101", "09:29:41"), row("0000000102", "09:30:11")];
    let got = verdict(&[intent("a", OrderState::Unknown)], &rows, &[]);
    assert_eq!(got, "claimed[] disputed[101,102] foreign[] absent[] ambiguous[a]", "either may be ours");
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
