//! Reservations, and what happens when the books are read while orders move.

use domain::{Market, Price};

use super::*;

fn now() -> DateTime<Utc> {
    "2026-11-24T01:00:00Z".parse().unwrap()
}

fn intent(number: u64) -> IntentId {
    IntentId::new(1, number)
}

fn terms(market: Market, side: Side, quantity: u64, limit: &str) -> OrderTerms {
    let instrument = Instrument { market, symbol: "TEST".parse().unwrap() };
    OrderTerms { instrument, side, quantity: Quantity::new(quantity), limit: limit.parse::<Price>().unwrap() }
}

fn update(number: u64, state: OrderState, filled: u64) -> OrderUpdate {
    OrderUpdate {
        intent: intent(number),
        terms: terms(Market::Kr, Side::Buy, 10, "1000"),
        state,
        filled: Quantity::new(filled),
        at: now(),
    }
}

fn row(number: u64, state: OrderState, approved_at: DateTime<Utc>) -> OpenIntent {
    OpenIntent {
        id: intent(number),
        terms: terms(Market::Kr, Side::Buy, 10, "1000"),
        state,
        venue_order: None,
        filled: Quantity::ZERO,
        sent_at: None,
        watermark: None,
        session_date: now().date_naive(),
        approved_at,
        missed_inquiries: 0,
    }
}

fn reserved(book: &Book) -> String {
    book.reserved(Currency::Krw).to_string()
}

#[test]
fn a_reservation_shrinks_with_fills_and_ends_with_the_order() {
    let mut book = Book::default();
    book.reserve(intent(1), terms(Market::Kr, Side::Buy, 10, "1000"), now());
    book.reserve(intent(2), terms(Market::UsNasdaq, Side::Buy, 10, "7"), now());
    book.reserve(intent(3), terms(Market::Kr, Side::Sell, 10, "1000"), now());
    assert_eq!(reserved(&book), "10000 KRW");
    assert!(!book.update(&update(1, OrderState::Unknown, 0)));
    assert_eq!(reserved(&book), "10000 KRW", "unknown is not gone");
    assert!(book.update(&update(1, OrderState::Partial, 4)));
    assert_eq!(reserved(&book), "6000 KRW");
    assert!(!book.update(&update(1, OrderState::Partial, 3)), "fills never go back");
    assert_eq!(reserved(&book), "6000 KRW");
    assert!(book.update(&update(1, OrderState::Cancelled, 4)));
    assert_eq!(reserved(&book), "0 KRW");
}

#[test]
fn what_was_heard_during_a_read_is_newer_than_its_answer() {
    let mut book = Book::default();
    book.update(&update(1, OrderState::Accepted, 0));
    book.update(&update(2, OrderState::Accepted, 0));
    book.begin_read();
    book.update(&update(1, OrderState::Filled, 10));
    book.reserve(intent(3), terms(Market::Kr, Side::Buy, 1, "1"), now());
    let answer = vec![row(1, OrderState::Accepted, now()), row(4, OrderState::Unknown, now())];
    let changed = book.finish_read(answer, now());
    assert_eq!(
        changed,
        BTreeSet::from([terms(Market::Kr, Side::Buy, 1, "1").instrument]),
        "2 ended unheard of"
    );
    let open: Vec<_> = book.iter().map(|order| order.intent.clone()).collect();
    assert_eq!(open, [intent(3), intent(4)], "1 ended, 2 is unknown to the books, 3 is new, 4 is theirs");
}

#[test]
fn an_approval_whose_life_ends_while_the_books_are_read_may_have_been_sent_and_stays() {
    let mut book = Book::default();
    let approved_at = now() - TimeDelta::seconds(APPROVAL_TTL_S - 1);
    book.reserve(intent(1), terms(Market::Kr, Side::Buy, 10, "70000"), approved_at);
    book.begin_read();
    let asked_at = now();
    // The books answer as they were; in the second after that it is sent, and in the next one the answer is here.
    book.finish_read(vec![row(1, OrderState::Approved, approved_at)], asked_at);
    assert_eq!(book.iter().map(|order| order.state).collect::<Vec<_>>(), [OrderState::Approved]);
    book.begin_read();
    book.finish_read(vec![row(1, OrderState::Approved, approved_at)], asked_at + TimeDelta::seconds(2));
    assert_eq!(book.iter().count(), 0, "asked after its life, they would say that it was sent");
}

#[test]
fn an_approval_past_its_life_reserves_nothing_once_the_books_say_it_was_not_sent() {
    let mut book = Book::default();
    let old = now() - TimeDelta::seconds(APPROVAL_TTL_S + 1);
    let young = now() - TimeDelta::seconds(APPROVAL_TTL_S);
    // By a clock that was set right since; and by one that may differ by so much.
    let (ahead, slightly) = (now() + TimeDelta::seconds(6), now() + TimeDelta::seconds(5));
    book.begin_read();
    book.finish_read(
        vec![
            row(1, OrderState::Approved, old),
            row(2, OrderState::Approved, young),
            row(3, OrderState::Sending, old),
            row(4, OrderState::Approved, ahead),
            row(5, OrderState::Approved, slightly),
        ],
        now(),
    );
    let open: Vec<_> = book.iter().map(|order| order.intent.clone()).collect();
    assert_eq!(open, [intent(2), intent(3), intent(5)]);
}
