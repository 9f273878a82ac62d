//! Order lists, fills, closed days.

use super::*;

fn cancelled(mut row: InquiryRow) -> InquiryRow {
    row.cancelled = row.remaining;
    row.remaining = Quantity::ZERO;
    row
}

#[test]
fn partial_fills_are_booked_by_their_difference_and_a_list_repeated_books_nothing_twice() {
    let mut books = Books::new();
    let first = buy("1");
    books.accepted(&first, "0000000101");
    let booked = books.book(vec![row("101", Side::Buy, 4, "69900")]);
    assert_eq!(booked.updates[0].filled, Quantity::new(4));
    assert_eq!(books.book(vec![row("101", Side::Buy, 4, "69900")]), InquiryBooked::default());
    books.book(vec![row("101", Side::Buy, 7, "69930")]);
    books.book(vec![row("101", Side::Buy, 10, "69951")]);
    books.book(vec![row("101", Side::Buy, 10, "69951")]);
    assert_eq!(books.trades(), ["BUY 4 69900 0 85", "BUY 3 69970 0 85", "BUY 3 70000 0 85"]);
    assert_eq!(books.state(&first), OrderState::Filled);
    assert_eq!(books.store.summary().unwrap().fills, 3);
}

#[test]
fn a_filled_quantity_that_goes_down_is_an_alarm_told_once_and_never_booked() {
    let mut books = Books::new();
    books.accepted(&buy("1"), "101");
    books.book(vec![row("101", Side::Buy, 4, "69900")]);
    for _ in 0..2 {
        let booked = books.book(vec![row("101", Side::Buy, 3, "69900")]);
        assert_eq!((booked.contradictions.len(), booked.updates.len()), (1, 0));
    }
    assert_eq!(books.trades(), ["BUY 4 69900 0 85"]);
    assert_eq!(books.lines().iter().filter(|line| line.contains("went down from 4 to 3")).count(), 1);
}

#[test]
fn a_sale_earns_its_amount_minus_the_average_cost() {
    let mut books = Books::new();
    books.accepted(&buy("1"), "101");
    books.book(vec![row("101", Side::Buy, 10, "69900")]);
    let now = books.now;
    books.accepted(&intent("2", Side::Sell, now), "102");
    let bought = row("101", Side::Buy, 10, "69900");
    books.book(vec![bought.clone(), row("102", Side::Sell, 4, "70500")]);
    books.book(vec![bought, cancelled(row("102", Side::Sell, 4, "70500"))]);
    assert_eq!(books.trades(), ["BUY 10 69900 0 85", "SELL 4 70500 2400 85"]);
    let summary = books.store.summary().unwrap();
    assert_eq!(summary.realised.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2400 KRW"]);
    assert_eq!(summary.by_state, [(OrderState::Filled, 1), (OrderState::Cancelled, 1)]);
}

#[test]
fn a_sale_of_shares_these_books_never_bought_has_no_profit_rather_than_a_wrong_one() {
    let mut books = Books::new();
    books.accepted(&intent("1", Side::Sell, start()), "101");
    books.book(vec![row("101", Side::Sell, 10, "70500")]);
    assert_eq!(books.trades(), ["SELL 10 70500 - 85"]);
    assert_eq!(books.store.summary().unwrap().realised, []);
}

#[test]
fn an_order_whose_reply_was_lost_is_claimed_from_the_list_with_its_fills() {
    let mut books = Books::new();
    let first = buy("1");
    books.unknown(&first);
    let booked = books.book(vec![row("0000000101", Side::Buy, 4, "69900")]);
    assert_eq!((booked.updates[0].state, booked.foreign.len()), (OrderState::Partial, 0));
    let [open] = books.store.open_intents().unwrap().try_into().unwrap();
    assert_eq!(open.venue_order, Some(order("0000000101")));
    books.approve(&buy("2")).unwrap();
}

#[test]
fn an_order_of_somebody_else_is_recorded_once_and_never_becomes_ours() {
    let mut books = Books::new();
    let foreign = row("0000000099", Side::Buy, 0, "0");
    assert_eq!(books.book(vec![foreign.clone()]).foreign, [order("0000000099")]);
    assert_eq!(books.book(vec![foreign.clone()]).foreign, []);
    let halt_epoch = books.lift_all();
    books.unknown(&NewIntent { halt_epoch, ..buy("1") });
    let booked = books.book(vec![row("0000000099", Side::Buy, 10, "69900")]);
    assert_eq!((booked.foreign.len(), booked.updates.len()), (0, 0));
    assert!(books.trades().is_empty());
}

#[test]
fn two_orders_that_could_be_ours_are_disputed_and_the_stock_stays_closed() {
    let mut books = Books::new();
    let first = buy("1");
    books.unknown(&first);
    let twins = || vec![row("101", Side::Buy, 0, "0"), row("102", Side::Buy, 0, "0")];
    assert_eq!(books.book(twins()).disputed.len(), 2);
    assert_eq!(books.book(twins()).disputed.len(), 0);
    assert_eq!(books.book(vec![row("101", Side::Buy, 10, "70000")]).updates, []);
    assert!(books.approve(&buy("2")).is_err());
}

#[test]
fn a_silent_order_lapses_then_never_was_and_only_then_is_the_day_closed() {
    let mut books = Books::new();
    let first = buy("1");
    books.unknown(&first);
    for _ in 0..3 {
        books.book(vec![]);
    }
    assert_eq!(books.state(&first), OrderState::Unknown);
    books.after(120).book(vec![]);
    assert_eq!(books.state(&first), OrderState::Lapsed);
    let list = books.list(vec![]);
    for seconds in [0, 59] {
        let list = books.after(seconds).list(vec![]);
        let open = books.store.close_day(&list, books.now).unwrap();
        assert_eq!((open.unsettled.len(), open.booked.updates.len()), (1, 0), "{seconds}");
    }
    let last = books.after(1).list(vec![]);
    let closed = books.store.close_day(&last, books.now).unwrap();
    assert_eq!((closed.unsettled.len(), closed.booked.updates[0].state), (0, OrderState::NeverAccepted));
    assert_eq!(books.store.unclosed_days().unwrap(), []);
    assert_eq!(books.store.close_day(&list, books.now).unwrap(), trade_ledger::DayBooked::default());
}

#[test]
fn a_closed_day_takes_no_approval_and_an_unclosed_one_none_of_the_next_day() {
    let mut books = Books::new();
    books.accepted(&buy("1"), "101");
    let tomorrow = NewIntent { session_date: "2026-11-25".parse().unwrap(), ..buy("2") };
    assert!(books.approve(&tomorrow).unwrap_err().to_string().contains("not closed yet"));
    assert_eq!(books.store.unclosed_days().unwrap(), [today()]);
    let list = books.list(vec![row("101", Side::Buy, 4, "69900")]);
    assert_eq!(books.store.close_day(&list, books.now).unwrap().unsettled, []);
    assert_eq!(books.state(&buy("1")), OrderState::Expired);
    assert_eq!(books.trades(), ["BUY 4 69900 0 85"]);
    assert!(books.approve(&buy("3")).unwrap_err().to_string().contains("is closed"));
    books.approve(&tomorrow).unwrap();
}

#[test]
fn an_order_in_flight_keeps_the_day_open() {
    let mut books = Books::new();
    let first = buy("1");
    books.approve(&first).unwrap();
    books.begin(&first);
    let list = books.list(vec![]);
    assert_eq!(books.store.close_day(&list, books.now).unwrap().unsettled, [first.intent]);
    assert_eq!(books.store.unclosed_days().unwrap(), [today()]);
}

#[test]
fn an_approval_that_was_never_used_expires_with_the_next_list() {
    let mut books = Books::new();
    books.approve(&buy("1")).unwrap();
    books.after(60);
    let booked = books.book(vec![]);
    assert_eq!(booked.updates[0].state, OrderState::Expired);
    assert_eq!(books.state(&buy("1")), OrderState::Expired);
}

#[test]
fn invariant_09_a_purchase_and_its_sale_in_one_list_leave_nothing_held_and_a_known_result() {
    let mut books = Books::new();
    books.accepted(&buy("1"), "101");
    books.book(vec![row("101", Side::Buy, 4, "70000")]);
    books.accepted(&intent("2", Side::Sell, start()), "102");
    // The exchange shows the newest first.
    books.book(vec![row("102", Side::Sell, 10, "69300"), row("101", Side::Buy, 10, "70000")]);
    assert_eq!(books.store.own_positions().unwrap(), []);
    assert_eq!(books.trades().last().map(String::as_str), Some("SELL 10 69300 -7000 85"));
}

#[test]
fn invariant_09_a_sale_that_a_list_shows_before_its_purchase_leaves_nothing_held_once_both_are_booked() {
    let mut books = Books::new();
    // The reply to the purchase is lost, and lists lag; the account shows its shares already.
    books.unknown(&buy("1"));
    books.accepted(&intent("2", Side::Sell, start()), "102");
    books.book(vec![row("102", Side::Sell, 6, "69300")]);
    books.book(vec![row("102", Side::Sell, 6, "69300"), row("101", Side::Buy, 10, "70000")]);
    let held: Vec<_> =
        books.store.own_positions().unwrap().into_iter().map(|one| one.quantity.get()).collect();
    assert_eq!(held, [4], "ten were bought and six sold");
    books.book(vec![row("102", Side::Sell, 10, "69300"), row("101", Side::Buy, 10, "70000")]);
    assert_eq!(books.store.own_positions().unwrap(), []);
}

#[test]
fn an_approval_by_a_clock_that_ran_ahead_ends_with_the_next_list() {
    let mut books = Books::new();
    let ahead = books.after(3_600).now;
    let new = intent("1", Side::Buy, ahead);
    books.approve(&new).unwrap();
    assert_eq!(books.book(vec![]).updates, []);
    books.now = start();
    let booked = books.book(vec![]);
    assert_eq!(booked.updates.iter().map(|update| update.state).collect::<Vec<_>>(), [OrderState::Expired]);
    assert_eq!(books.state(&new), OrderState::Expired);
}

#[test]
fn an_order_of_somebody_else_halts_in_the_transaction_that_books_it_once_for_all_until_a_person_lifts_it() {
    let mut books = Books::new();
    let halts = |books: &mut Books| books.store.trading_state().unwrap().halts;
    let begun = books.book(vec![row("501", Side::Buy, 0, "70000")]);
    let standing = halts(&mut books);
    assert_eq!((begun.foreign.len(), begun.halt.as_ref()), (1, standing.first()));
    let [halt] = standing.as_slice() else { panic!("{standing:?}") };
    assert_eq!((halt.source, halt.level, halt.at), (HaltSource::BookMismatch, HaltLevel::Halted, books.now));
    assert!(halt.reason.contains("did not send") && halt.nonce == HaltNonce::new(3), "{halt:?}");
    let more = books.book(vec![row("501", Side::Buy, 0, "70000"), row("502", Side::Buy, 0, "70000")]);
    assert_eq!((more.foreign.len(), more.halt, halts(&mut books)), (1, None, standing.clone()));
    // What a person has looked at does not halt again; what is new does.
    books.store.commit_release(&release(&[HaltId::from_stored(halt.id.clone())])).unwrap();
    books.book(vec![row("501", Side::Buy, 0, "70000"), row("502", Side::Buy, 0, "70000")]);
    assert_eq!(halts(&mut books), []);
    books.book(vec![row("503", Side::Buy, 0, "70000")]);
    assert_eq!(halts(&mut books).len(), 1);
}
