//! From approval to outcome.

use domain::Refusal;
use trade_ledger::PermitRefused;

use super::*;

fn refusal(result: Result<(), StoreError>) -> String {
    match result {
        Err(StoreError::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_intent_enters_sending_once_and_never_again() {
    let mut books = Books::new();
    let first = buy("1");
    books.approve(&first).unwrap();
    assert_eq!(books.begin(&first), Begun::Sending);
    assert_eq!(books.begin(&first), Begun::Refused(PermitRefused::NotApproved));
    books.outcome(&first, &Outcome::Refused(Refusal::NotSent("no route".into()))).unwrap();
    assert_eq!(books.begin(&first), Begun::Refused(PermitRefused::NotApproved));
}

#[test]
fn sending_records_when_and_above_which_number_the_order_can_be() {
    let mut books = Books::new();
    let first = buy("1");
    books.approve(&first).unwrap();
    books.begin(&first);
    let [open] = books.store.open_intents().unwrap().try_into().unwrap();
    assert_eq!((open.sent_at, open.watermark), (Some(start()), Some(100)));
    assert_eq!(open.terms, first.terms);
}

#[test]
fn nothing_is_sent_while_halted_nor_on_an_approval_from_before_a_halt() {
    let mut books = Books::new();
    let first = buy("1");
    books.approve(&first).unwrap();
    books.halt("h-1");
    assert_eq!(books.begin(&first), Begun::Refused(PermitRefused::Halted));
    books.store.commit_release(&release(&[HaltId::from_stored("h-1".into())])).unwrap();
    assert_eq!(books.begin(&first), Begun::Refused(PermitRefused::Halted));
    assert_eq!(books.state(&first), OrderState::Approved);
}

#[test]
fn nothing_is_sent_by_an_older_process_or_on_an_expired_or_foreign_approval() {
    let mut books = Books::new();
    let first = buy("1");
    books.approve(&first).unwrap();
    let stale = SendingRequest { fencing: FencingEpoch(0), ..books.request(&first) };
    assert_eq!(books.store.begin_sending(&stale).unwrap(), Begun::Refused(PermitRefused::Fenced));
    let other = SendingRequest { approval: ApprovalId::from_stored("a-x".into()), ..books.request(&first) };
    assert!(matches!(books.store.begin_sending(&other).unwrap(), Begun::Refused(_)));
    books.after(60);
    assert_eq!(books.begin(&first), Begun::Refused(PermitRefused::Expired));
}

#[test]
fn an_approval_is_refused_while_halted_after_a_halt_and_when_it_is_too_old() {
    let mut books = Books::new();
    books.halt("h-1");
    assert!(refusal(books.approve(&buy("1"))).contains("halted"));
    let released = books.store.commit_release(&release(&[HaltId::from_stored("h-1".into())])).unwrap();
    assert!(refusal(books.approve(&buy("1"))).contains("after the approval"));
    let fresh = NewIntent { halt_epoch: released.epoch, ..buy("1") };
    let late = NewIntent { expires_at: start(), ..fresh.clone() };
    assert!(refusal(books.approve(&late)).contains("expired"));
    books.approve(&fresh).unwrap();
}

#[test]
fn a_stock_takes_one_order_of_open_fate_at_a_time_but_an_exit_stays_possible() {
    // (side whose fate is open, side asked for, taken)
    let cases = [
        (Side::Buy, Side::Buy, false),
        (Side::Buy, Side::Sell, true),
        (Side::Sell, Side::Sell, false),
        (Side::Sell, Side::Buy, false),
    ];
    for (open, asked, taken) in cases {
        let mut books = Books::new();
        books.unknown(&intent("1", open, start()));
        let result = books.approve(&intent("2", asked, start()));
        assert_eq!(result.is_ok(), taken, "{open} then {asked}: {result:?}");
        let mut other = intent("3", asked, start());
        other.terms.instrument = stock("000660");
        books.approve(&other).unwrap();
    }
}

#[test]
fn an_approval_waiting_to_be_sent_blocks_its_stock_until_it_expires() {
    let mut books = Books::new();
    books.approve(&buy("1")).unwrap();
    assert!(refusal(books.approve(&buy("2"))).contains("i-1"));
    books.after(60);
    let now = books.now;
    books.approve(&intent("3", Side::Buy, now)).unwrap();
}

#[test]
fn invariant_06_an_approval_that_has_run_out_ends_with_the_next_of_its_stock_and_no_clock_revives_it() {
    let mut books = Books::new();
    let first = intent("1", Side::Buy, books.now);
    books.approve(&first).unwrap();
    books.now = first.expires_at + TimeDelta::seconds(1);
    let second = intent("2", Side::Buy, books.now);
    books.approve(&second).unwrap();
    assert_eq!(books.state(&first), OrderState::Expired);
    // The clock is set back by so little that nobody notices.
    books.now = first.expires_at - TimeDelta::seconds(1);
    assert_eq!(books.begin(&first), Begun::Refused(PermitRefused::NotApproved));
    assert_eq!(books.begin(&second), Begun::Sending);
}

#[test]
fn invariant_06_an_approval_by_a_clock_that_ran_ahead_ends_with_the_next_of_its_stock_and_is_never_used() {
    let mut books = Books::new();
    let ahead = books.after(3_600).now;
    let first = intent("1", Side::Buy, ahead);
    books.approve(&first).unwrap();
    // Two clocks that nobody finds wrong may differ by so much.
    let second = intent("2", Side::Buy, books.after(-5).now);
    assert!(refusal(books.approve(&second)).contains("i-1"));
    let third = intent("3", Side::Buy, books.after(-3_595).now);
    books.approve(&third).unwrap();
    assert_eq!(books.state(&first), OrderState::Expired);
    assert_eq!(books.begin(&third), Begun::Sending);
    // Wrong once more: the first one would be young again.
    books.now = ahead;
    assert_eq!(books.begin(&first), Begun::Refused(PermitRefused::NotApproved));
}

#[test]
fn an_intent_and_an_approval_are_used_once() {
    let mut books = Books::new();
    books.accepted(&buy("1"), "101");
    let same_intent = NewIntent { approval: ApprovalId::from_stored("a-9".into()), ..buy("1") };
    let same_approval = NewIntent { intent: IntentId::from_stored("i-9".into()), ..buy("1") };
    for again in [same_intent, same_approval] {
        refusal(books.approve(&again));
    }
    assert_eq!(books.store.summary().unwrap().intents, 1);
}

#[test]
fn a_price_that_cannot_be_kept_exactly_is_refused() {
    let mut books = Books::new();
    let mut odd = buy("1");
    odd.terms.limit = "0.1234567".parse().unwrap();
    assert!(matches!(books.approve(&odd), Err(StoreError::NotRepresentable(_))));
    assert_eq!(books.store.all_intents().unwrap(), []);
}

#[test]
fn an_outcome_told_twice_is_booked_once() {
    let mut books = Books::new();
    let first = buy("1");
    books.accepted(&first, "0000000101");
    let events = books.store.last_event().unwrap();
    let again = books.outcome(&first, &Outcome::Accepted(order("0000000101"))).unwrap();
    assert_eq!(again, OrderState::Accepted);
    assert_eq!(books.outcome(&first, &Outcome::Unknown("late".into())).unwrap(), OrderState::Accepted);
    assert_eq!(books.store.last_event().unwrap(), events);
    let never = NewIntent { intent: IntentId::from_stored("i-x".into()), ..buy("x") };
    assert!(matches!(books.outcome(&never, &Outcome::Unknown("?".into())), Err(StoreError::Refused(_))));
}

#[test]
fn an_order_number_serves_one_intent_however_it_is_written() {
    let mut books = Books::new();
    books.accepted(&buy("1"), "0000000101");
    let mut second = buy("2");
    second.terms.instrument = stock("000660");
    books.approve(&second).unwrap();
    books.begin(&second);
    let same = VenueOrderId { branch: String::new(), number: "101".into(), ..order("101") };
    assert_eq!(books.outcome(&second, &Outcome::Accepted(same)).unwrap(), OrderState::Unknown);
    assert!(books.lines().iter().any(|line| line.contains("already known")));
}

#[test]
fn a_refusal_that_comes_after_the_fate_became_unknown_changes_nothing() {
    let mut books = Books::new();
    let first = buy("1");
    books.unknown(&first);
    let refused = Outcome::Refused(Refusal::NotSent("late".into()));
    assert!(matches!(books.outcome(&first, &refused), Err(StoreError::Refused(_))));
    assert_eq!(books.state(&first), OrderState::Unknown);
}

#[test]
fn what_a_dead_broker_was_sending_becomes_unknown() {
    let mut books = Books::new();
    let first = buy("1");
    books.approve(&first).unwrap();
    books.begin(&first);
    let updates = books.store.abandon_sending(start()).unwrap();
    assert_eq!(updates.iter().map(|u| u.state).collect::<Vec<_>>(), [OrderState::Unknown]);
    assert_eq!(books.store.abandon_sending(start()).unwrap(), []);
}
