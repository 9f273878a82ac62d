//! Cases of what an inquiry changes in the books.

use domain::{Market, OrderTerms, Side};

use super::*;
use crate::permit::{DayKey, HaltName};

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
    BookedIntent { intent, amount: rust_decimal::Decimal::ZERO, evidence: Evidence::default() }
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

fn halt_name() -> HaltName {
    HaltName { id: domain::HaltId::from_stored("h-list".into()), nonce: domain::HaltNonce::new(1) }
}

fn inquiry(rows: Vec<InquiryRow>, seconds_after_sending: i64) -> BookInquiry {
    let sent_at: DateTime<Utc> = SENT_AT.parse().unwrap();
    let day = DayKey { market: Market::Kr, session_date: "2026-11-24".parse().unwrap() };
    BookInquiry {
        day,
        rows,
        asked_at: sent_at + TimeDelta::seconds(seconds_after_sending),
        halt: halt_name(),
    }
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
    check(intent(OrderState::Unknown, None), vec![], true, "Unknown>Unknown+0  c0 u1");
    check(intent(OrderState::Lapsed, None), vec![], true, "Lapsed>Lapsed+0  c0 u1");
    check(intent(OrderState::Approved, None), vec![], true, "Approved>Expired+0  c0 u0");
    check(
        intent(OrderState::Accepted, Some("7")),
        vec![row("7", [0, 10, 0, 0])],
        true,
        "Accepted>Expired+0  c0 u0",
    );
    check(intent(OrderState::Sending, None), vec![], true, "  c0 u1");
    check(intent(OrderState::Accepted, Some("7")), vec![], true, "Accepted>Unknown+0  c1 u1");
    check(filled(intent(OrderState::Partial, Some("7")), 4), vec![], true, "  c2 u1");
}

#[test]
fn an_order_that_expired_at_the_close_may_still_be_listed_as_working() {
    let expired = filled(intent(OrderState::Expired, Some("7")), 4);
    check(expired.clone(), vec![row("7", [4, 6, 0, 0])], false, "  c0 u0");
    check(expired, vec![row("7", [5, 5, 0, 0])], false, "  c1 u0");
}

#[test]
fn what_a_list_shows_newest_first_is_booked_oldest_first() {
    let bought = intent(OrderState::Accepted, Some("7"));
    let mut sold = intent(OrderState::Accepted, Some("8"));
    sold.intent.id = IntentId::from_stored("i-2".into());
    sold.intent.terms.side = Side::Sell;
    let sale = InquiryRow { side: Side::Sell, ..row("8", [10, 0, 0, 0]) };
    let plan = plan(&books(vec![bought, sold]), &inquiry(vec![sale, row("7", [10, 0, 0, 0])], 60), false);
    let order: Vec<&str> = plan.changes.iter().map(|change| change.intent.as_str()).collect();
    assert_eq!(order, ["i-1", "i-2"]);
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
fn an_order_sent_by_a_clock_that_ran_ahead_lapses_after_as_many_lists_and_does_not_wait_for_that_time() {
    // (seconds that the stamp is ahead of the list, missed before, state after, missed after)
    let cases = [
        (LATE_LIST_SECONDS + 1, 0, OrderState::Unknown, 1),
        (LATE_LIST_SECONDS + 1, 2, OrderState::Lapsed, 3),
        (3_600, 2, OrderState::Lapsed, 3),
    ];
    for (ahead, missed, state, after) in cases {
        let mut silent = intent(OrderState::Unknown, None);
        silent.intent.missed_inquiries = missed;
        let plan = plan(&books(vec![silent]), &inquiry(vec![], -ahead), false);
        let [change] = plan.changes.as_slice() else { panic!("{ahead}: {plan:?}") };
        assert_eq!((change.to, change.missed_inquiries), (state, after), "{ahead} {missed}");
    }
    // What a slow list can explain is no wrong clock.
    let silent = intent(OrderState::Unknown, None);
    assert_eq!(plan(&books(vec![silent]), &inquiry(vec![], -LATE_LIST_SECONDS), false).changes, []);
}

#[test]
fn invariant_02_an_order_sent_by_a_clock_that_ran_ahead_never_was_only_a_horizon_after_the_first_final_list()
{
    for (span_s, to) in
        [(HORIZON_SECONDS - 1, OrderState::Unknown), (HORIZON_SECONDS, OrderState::NeverAccepted)]
    {
        let booked = missing(OrderState::Unknown, false, 5, -3_600);
        let plan = plan(&books(vec![booked]), &inquiry(vec![], span_s - 3_600), true);
        assert_eq!(plan.changes[0].to, to, "{span_s}");
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
    check(intent(OrderState::Refused, None), vec![abroad], false, "  c0 u0");
}

/// An unresolved intent that final lists did not show before, the first of them so many seconds after sending.
fn missing(state: OrderState, had_number: bool, final_lists: u32, first_s: i64) -> BookedIntent {
    let mut booked = intent(state, None);
    let sent_at = booked.intent.sent_at.unwrap();
    booked.evidence = Evidence {
        absence: Absence { final_lists, first_at: Some(sent_at + TimeDelta::seconds(first_s)) },
        had_number,
        declared_none: false,
    };
    booked
}

#[test]
fn invariant_02_an_order_never_was_only_after_enough_final_lists_over_enough_time() {
    // (had a number, final lists before, seconds from the first to this one, ended)
    let cases = [
        (false, 0, 0, false),
        (false, 1, 59, false),
        (false, 1, 60, true),
        (true, 1, 1000, false),
        (true, 2, 124, false),
        (true, 2, 125, true),
    ];
    for (had_number, lists, span_s, ended) in cases {
        for state in [OrderState::Unknown, OrderState::Lapsed] {
            let booked = missing(state, had_number, lists, 600);
            let plan = plan(&books(vec![booked]), &inquiry(vec![], 600 + span_s), true);
            let to = plan.changes[0].to;
            assert_eq!(to == OrderState::NeverAccepted, ended, "{had_number} {lists} {span_s}: {plan:?}");
            assert_eq!(plan.unsettled.is_empty(), ended, "{had_number} {lists} {span_s}");
            assert_eq!(plan.symbol_halts.len(), usize::from(ended && had_number), "{plan:?}");
            assert_eq!(plan.changes[0].absence.final_lists, lists + 1);
        }
    }
}

#[test]
fn invariant_02_no_final_list_ends_an_order_whose_post_may_still_be_under_way() {
    for (seconds_after_sending, to) in [(124, OrderState::Unknown), (125, OrderState::NeverAccepted)] {
        let booked = missing(OrderState::Unknown, false, 5, 0);
        let plan = plan(&books(vec![booked]), &inquiry(vec![], seconds_after_sending), true);
        assert_eq!(plan.changes[0].to, to, "{seconds_after_sending}");
    }
}

#[test]
fn invariant_07_an_accepted_order_that_the_final_list_lacks_keeps_its_number_and_is_found_under_it_later() {
    let lacking = plan(&books(vec![intent(OrderState::Accepted, Some("7"))]), &inquiry(vec![], 60), true);
    let [change] = lacking.changes.as_slice() else { panic!("{lacking:?}") };
    assert_eq!((change.to, change.venue_order.clone()), (OrderState::Unknown, Some(order("7"))));
    assert_eq!((change.absence.final_lists, lacking.unsettled.len()), (1, 1));
    let unknown = || intent(OrderState::Unknown, Some("7"));
    check(unknown(), vec![row("7", [4, 6, 0, 0])], true, "Unknown>Expired+4  c0 u0");
    check(unknown(), vec![row("8", [0, 10, 0, 0])], false, " disputed c0 u0");
}

#[test]
fn invariant_07_what_does_not_add_up_halts_its_stock_and_says_why() {
    let partial = || filled(intent(OrderState::Partial, Some("7")), 4);
    let mut sale = row("7", [0, 10, 0, 0]);
    sale.side = Side::Sell;
    let cases = [
        (partial(), vec![row("7", [3, 7, 0, 0])], SymbolHaltCause::Contradiction, "went down from 4 to 3"),
        (partial(), vec![row("7", [5, 4, 0, 0])], SymbolHaltCause::Contradiction, "do not add up"),
        (partial(), vec![row("x9", [0, 9, 0, 0])], SymbolHaltCause::Contradiction, "is no number"),
        (intent(OrderState::Accepted, Some("7")), vec![sale], SymbolHaltCause::Contradiction, "ordered BUY"),
        (
            intent(OrderState::Unknown, None),
            vec![row("7", [0, 10, 0, 0]), row("8", [0, 10, 0, 0])],
            SymbolHaltCause::Dispute,
            "cannot be told apart",
        ),
    ];
    for (booked, rows, cause, part) in cases {
        let plan = plan(&books(vec![booked]), &inquiry(rows, 60), false);
        let halt = &plan.symbol_halts[0];
        assert_eq!((&halt.instrument, halt.cause), (&instrument(), cause), "{plan:?}");
        assert!(halt.reason().contains(part), "{halt:?}");
    }
}

#[test]
fn a_person_who_says_none_overrules_the_doubt_that_an_unsound_row_throws_on_a_stock() {
    let unsound = || vec![row("9", [0, 9, 0, 0])];
    let mut booked = missing(OrderState::Unknown, false, 1, 600);
    let list = inquiry(unsound(), 700);
    assert!(plan(&books(vec![booked.clone()]), &list, true).changes.is_empty());
    booked.evidence.declared_none = true;
    assert_eq!(plan(&books(vec![booked]), &list, true).changes[0].to, OrderState::NeverAccepted);
}

#[test]
fn a_list_is_overtaken_when_a_newer_one_is_booked_but_not_by_a_clock_that_was_set_back() {
    let at = |second| DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
    // (asked at, newest booked, overtaken)
    let cases = [
        (100, None, false),
        (100, Some(99), false),
        (100, Some(100), false),
        (100, Some(101), true),
        (100, Some(400), true),
        (100, Some(401), false),
    ];
    for (asked, newest, expected) in cases {
        assert_eq!(is_overtaken(at(asked), newest.map(at)), expected, "{asked} {newest:?}");
    }
}

#[test]
fn invariant_02_a_list_without_an_order_that_an_earlier_one_showed_proves_no_absence() {
    let shown = || filled(intent(OrderState::Filled, Some("7")), 10);
    let stranger = Stranger { order: order("6"), kind: StrangerKind::Foreign };
    for state in [OrderState::Unknown, OrderState::Lapsed, OrderState::Accepted] {
        let mut silent = missing(state, true, 9, 600);
        silent.intent.id = IntentId::from_stored("i-2".into());
        silent.intent.venue_order = (state == OrderState::Accepted).then(|| order("8"));
        silent.intent.missed_inquiries = 9;
        let own = DayBooks { intents: vec![shown(), silent.clone()], strangers: Vec::new() };
        let strange = DayBooks { intents: vec![silent], strangers: vec![stranger.clone()] };
        for books in [own, strange] {
            for is_final in [false, true] {
                let cut = plan(&books, &inquiry(vec![], 900), is_final);
                assert_eq!((cut.changes.len(), cut.contradictions.len()), (0, 1), "{state} {cut:?}");
                assert_eq!(cut.unsettled.len(), usize::from(is_final), "{state} {cut:?}");
                let whole = [row("7", [10, 0, 0, 0]), row("6", [0, 7, 0, 0])].map(|mut row| {
                    row.ordered = row.filled.saturating_add(row.remaining);
                    row
                });
                let whole = plan(&books, &inquiry(whole.to_vec(), 900), is_final);
                assert!(!whole.contradictions.iter().any(|line| line.contains("lacks")), "{whole:?}");
            }
        }
    }
}

#[test]
fn invariant_07_an_order_whose_reply_named_another_one_does_not_lose_its_own_row() {
    let mut sale = row("7", [0, 10, 0, 0]);
    sale.side = Side::Sell;
    let rows = || vec![sale.clone(), row("8", [0, 10, 0, 0])];
    check(intent(OrderState::Accepted, Some("7")), rows(), false, "Accepted>Unknown+0 disputed c1 u0");
    check(intent(OrderState::Unknown, Some("7")), rows(), false, "Unknown>Unknown+0 disputed,disputed c1 u0");
    let stranger = Stranger { order: order("7"), kind: StrangerKind::Disputed };
    let after = DayBooks { intents: vec![intent(OrderState::Unknown, None)], strangers: vec![stranger] };
    let next = plan(&after, &inquiry(rows(), 60), false);
    assert_eq!(
        (next.changes[0].to, next.changes[0].venue_order.clone()),
        (OrderState::Accepted, Some(order("8")))
    );
    assert!(!next.strangers.iter().any(|(_, row)| row.order == order("8")), "{next:?}");
}

fn declared_none(mut booked: BookedIntent) -> BookedIntent {
    booked.evidence.declared_none = true;
    booked
}

#[test]
fn invariant_09_a_persons_word_closes_a_day_whose_final_lists_stay_cut_short() {
    let foreign = Stranger { order: order("99"), kind: StrangerKind::Foreign };
    let gone = |booked: BookedIntent| DayBooks { intents: vec![booked], strangers: vec![foreign.clone()] };
    let cases = [
        (intent(OrderState::Unknown, None), 2),
        (intent(OrderState::Lapsed, None), 2),
        (intent(OrderState::Accepted, Some("7")), 3),
        (filled(intent(OrderState::Partial, Some("7")), 4), 1),
    ];
    for (booked, lists) in cases {
        let state = booked.intent.state;
        let without = plan(&gone(booked.clone()), &inquiry(vec![], 9_000), true);
        assert_eq!(without.unsettled.len(), 1, "{state}: a list with a gap proves nothing by itself");
        assert!(without.changes.is_empty(), "{state}: {without:?}");
        let mut books = gone(declared_none(booked));
        for number in 1..=lists {
            let plan = plan(&books, &inquiry(vec![], 9_000 + 120 * number), true);
            assert_eq!(plan.unsettled.is_empty(), number == lists, "{state}, list {number}: {plan:?}");
            let [change] = plan.changes.as_slice() else { panic!("{state}: {plan:?}") };
            let one = &mut books.intents[0];
            assert_eq!(change.filled, one.intent.filled, "{state}: what is booked stays booked");
            one.intent.state = change.to;
            one.intent.venue_order.clone_from(&change.venue_order);
            one.evidence.absence = change.absence;
            one.evidence.had_number = one.intent.venue_order.is_some();
        }
        assert!(books.intents[0].intent.state.is_terminal(), "{state}");
    }
}

#[test]
fn a_final_list_that_shows_the_order_is_believed_whatever_a_person_said() {
    let partial = || declared_none(filled(intent(OrderState::Partial, Some("7")), 4));
    check(partial(), vec![row("7", [9, 1, 0, 0])], true, "Partial>Expired+5  c0 u0");
    check(
        declared_none(intent(OrderState::Unknown, None)),
        vec![row("7", [10, 0, 0, 0])],
        true,
        "Unknown>Filled+10  c0 u0",
    );
}

#[test]
fn a_persons_word_ends_what_a_final_list_contradicts_and_the_stock_stays_halted() {
    let less = || vec![row("7", [3, 7, 0, 0])];
    check(
        declared_none(filled(intent(OrderState::Partial, Some("7")), 4)),
        less(),
        true,
        "Partial>Expired+0  c1 u0",
    );
    let full = || filled(intent(OrderState::Filled, Some("7")), 10);
    check(full(), less(), true, "  c1 u1");
    check(declared_none(full()), less(), true, "  c1 u0");
    let halted = plan(&books(vec![declared_none(full())]), &inquiry(less(), 60), true);
    assert_eq!(halted.symbol_halts.len(), 1);
}

#[test]
fn a_persons_word_ends_what_a_final_list_shows_with_other_terms_and_the_stock_stays_halted() {
    use OrderState::{Cancelled, Expired, Filled, NeverAccepted, Partial, Rejected};
    let sale = || vec![InquiryRow { side: Side::Sell, ..row("7", [0, 10, 0, 0]) }];
    let cases = [
        (filled(intent(Partial, Some("7")), 4), "Partial>Expired+0  c1 u0"),
        (filled(intent(Filled, Some("7")), 10), "  c1 u0"),
        (filled(intent(Cancelled, Some("7")), 4), "  c1 u0"),
        (intent(Rejected, Some("7")), "  c1 u0"),
        (filled(intent(Expired, Some("7")), 4), "  c1 u0"),
        (intent(NeverAccepted, Some("7")), "  c1 u0"),
    ];
    for (booked, ended) in cases {
        check(booked.clone(), sale(), true, "  c1 u1");
        check(declared_none(booked.clone()), sale(), false, "  c1 u0");
        check(declared_none(booked.clone()), sale(), true, ended);
        let halted = plan(&books(vec![declared_none(booked)]), &inquiry(sale(), 60), true);
        assert_eq!(halted.symbol_halts.len(), 1, "{halted:?}");
    }
}
