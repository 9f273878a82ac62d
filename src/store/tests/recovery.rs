//! Recovery is idempotent: booting and reading the same list once more changes nothing, whatever state the orders were in,
//! and nothing that it leaves can be sent.

use std::cell::Cell;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;

/// How the way of an order to the exchange broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Approved,
    Sending,
    Accepted,
    Unknown,
    Refused,
}

/// What the exchange has of it, as far as it got there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Made {
    Nothing,
    Working,
    Partial,
    Filled,
    Cancelled,
}

/// One order, each of a stock of its own.
#[derive(Clone, Copy, Debug)]
struct Trade {
    side: Side,
    left: Left,
    made: Made,
    /// A list of the orders so far is booked after it.
    is_listed_after: bool,
}

/// What the books went through before the process died.
#[derive(Clone, Debug)]
struct Past {
    trades: Vec<Trade>,
    /// The stock of somebody else's order, which may be one that could be ours.
    foreign: Option<&'static str>,
    is_halted: bool,
}

fn trade() -> impl Strategy<Value = Trade> {
    use Left::{Accepted, Approved, Refused, Sending, Unknown};
    let way = prop_oneof![
        Just((Approved, Made::Nothing)),
        Just((Refused, Made::Nothing)),
        (prop_oneof![Just(Sending), Just(Unknown)], made(Made::Nothing)),
        (Just(Accepted), made(Made::Cancelled)),
    ];
    let side = prop_oneof![3 => Just(Side::Buy), 1 => Just(Side::Sell)];
    let trade = (side, way, prop::bool::weighted(0.25));
    trade.prop_map(|(side, (left, made), is_listed_after)| Trade { side, left, made, is_listed_after })
}

fn made(or: Made) -> impl Strategy<Value = Made> {
    prop_oneof![Just(or), Just(Made::Working), Just(Made::Partial), Just(Made::Filled)]
}

fn past() -> impl Strategy<Value = Past> {
    let foreign = prop_oneof![6 => Just(None), 1 => Just(Some("000101")), 1 => Just(Some("009999"))];
    let past = (vec(trade(), 1..=6), foreign, prop::bool::weighted(0.2));
    past.prop_map(|(trades, foreign, is_halted)| Past { trades, foreign, is_halted })
}

fn listed(new: &NewIntent, number: &str, made: Made) -> Option<InquiryRow> {
    let filled = match made {
        Made::Nothing => return None,
        Made::Working => 0,
        Made::Partial | Made::Cancelled => 4,
        Made::Filled => 10,
    };
    let instrument = new.terms.instrument.clone();
    let mut row = InquiryRow { instrument, ..row(number, new.terms.side, filled, "69900") };
    if made == Made::Cancelled {
        (row.cancelled, row.remaining) = (row.remaining, Quantity::ZERO);
    }
    Some(row)
}

/// An order on its way to the exchange, stopped anywhere; and what the exchange lists of it.
fn give(books: &mut Books, number: usize, trade: Trade) -> (NewIntent, Option<InquiryRow>) {
    let mut new = intent(&number.to_string(), trade.side, books.now);
    new.terms.instrument = stock(&format!("{:06}", 100 + number));
    let order_number = format!("{:010}", 200 + number);
    books.approve(&new).unwrap();
    if trade.left != Left::Approved {
        assert_eq!(books.begin(&new), Begun::Sending);
    }
    let outcome = match trade.left {
        Left::Approved | Left::Sending => None,
        Left::Accepted => Some(Outcome::Accepted(order(&order_number))),
        Left::Unknown => Some(Outcome::Unknown("silence".into())),
        Left::Refused => Some(Outcome::Refused(domain::Refusal::NotSent("no route".into()))),
    };
    if let Some(outcome) = outcome {
        books.outcome(&new, &outcome).unwrap();
    }
    let row = listed(&new, &order_number, trade.made);
    (new, row)
}

/// The books as the dead process left them, what it had approved, and the exchange's list.
fn live_through(past: &Past) -> (Books, Vec<NewIntent>, Vec<InquiryRow>) {
    let (mut books, mut given, mut rows) = (Books::new(), Vec::new(), Vec::new());
    for (number, trade) in past.trades.iter().enumerate() {
        let (new, row) = give(&mut books, number, *trade);
        given.push(new);
        rows.extend(row);
        if trade.is_listed_after {
            books.book(rows.clone());
        }
    }
    let by_another =
        |symbol| InquiryRow { instrument: stock(symbol), ..row("0000000900", Side::Buy, 10, "70000") };
    rows.extend(past.foreign.map(by_another));
    if past.is_halted {
        books.halt("h-1");
    }
    (books, given, rows)
}

/// What a start does with the books: the boot itself, Broker's recovery, and lists until silence proves what it proves.
fn recover(books: &mut Books, boot: u32, rows: &[InquiryRow]) {
    // Far enough apart to be no crash loop.
    books.after(700);
    books.fencing = books.store.boot(&boot_facts(boot, books.now)).unwrap().fencing;
    books.store.abandon_sending(books.now).unwrap();
    for _list in 0..8 {
        books.book(rows.to_vec());
    }
}

/// All but what says that there was another boot, or another list.
fn essence(books: &mut Books) -> dump::Dump {
    let mut columns = dump::columns(&mut books.store.connection);
    columns.remove("boots");
    columns.remove("order_lists");
    columns.get_mut("ledger_state").unwrap().retain(|name| name != "fencing_epoch");
    columns.get_mut("intents").unwrap().retain(|name| name != "missed_inquiries");
    dump::rows(&mut books.store.connection, &columns)
}

fn difference(once: &dump::Dump, now: &dump::Dump) -> String {
    let changed = |(table, rows): (&String, &Vec<String>)| {
        let before = once.get(table)?;
        let fresh: Vec<_> = rows.iter().filter(|row| !before.contains(row)).collect();
        (!fresh.is_empty()).then(|| format!("{table}: {fresh:?}"))
    };
    now.iter().filter_map(changed).collect::<Vec<_>>().join("; ")
}

#[test]
fn recovery_twice_is_recovery_once_for_random_books_and_nothing_can_be_sent_from_what_it_leaves() {
    let needed = Cell::new(0);
    let config = Config { cases: 200, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(&past(), |past| {
        let (mut books, given, rows) = live_through(&past);
        let before = essence(&mut books);
        recover(&mut books, 1, &rows);
        let once = essence(&mut books);
        needed.set(needed.get() + u32::from(once != before));
        for boot in 2..4 {
            recover(&mut books, boot, &rows);
            let again = essence(&mut books);
            prop_assert!(again == once, "boot {boot}: {}", difference(&once, &again));
        }
        for new in &given {
            let begun = books.begin(new);
            prop_assert!(matches!(begun, Begun::Refused(_)), "{}: {begun:?}", new.intent);
        }
        Ok(())
    });
    outcome.unwrap();
    assert!(needed.get() > 150, "only {} of these books needed a recovery", needed.get());
}
