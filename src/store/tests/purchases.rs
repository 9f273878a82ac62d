//! The ceiling on a day's purchases, in the transaction that commits an approval.

use domain::Currency;
use risk_guard::Limits;
use trade_ledger::store::DAY_PURCHASES_TIMES_MAX;

use super::*;

/// Books whose day began with one order's worth: five such orders are the ceiling.
fn small() -> Books {
    let mut books = Books::new();
    tell(&mut books, Currency::Krw, "2026-11-24", 700_000);
    books
}

fn tell(books: &mut Books, currency: Currency, date: &str, amount: i64) {
    let equity = Money::new(amount.into(), currency);
    let start = RecordDayStart {
        currency,
        session_date: date.parse().unwrap(),
        equity: Some(equity),
        trips: Default::default(),
    };
    books.store.record_day_start(&start, books.now).unwrap();
}

/// Purchases of 700,000 each, of stocks of their own.
fn order_of(number: u32, at: DateTime<Utc>) -> NewIntent {
    let mut new = intent(&number.to_string(), Side::Buy, at);
    new.terms.instrument = stock(&format!("{:06}", 100_000 + number));
    new
}

fn approved(books: &mut Books, number: u32) -> Result<(), StoreError> {
    let new = order_of(number, books.after(10).now);
    books.store.commit_approval(&new, books.now).map(drop)
}

fn why(refused: Result<(), StoreError>) -> String {
    match refused {
        Err(StoreError::Refused(why)) => why,
        Ok(()) | Err(_) => panic!("{refused:?}"),
    }
}

#[test]
fn invariant_14_the_books_take_no_purchase_above_five_times_the_days_first_equity() {
    let mut books = small();
    for number in 0..5 {
        approved(&mut books, number).unwrap();
    }
    let refused = why(approved(&mut books, 5));
    assert!(
        refused.contains("700000 KRW more would bring the purchases of 2026-11-24, 3500000 KRW so far"),
        "{refused}"
    );
    assert!(refused.contains("above 5 times the 700000 KRW"), "{refused}");
    let sale = NewIntent {
        terms: OrderTerms { side: Side::Sell, ..order_of(6, books.now).terms },
        ..order_of(6, books.now)
    };
    books.store.commit_approval(&sale, books.now).unwrap();
    assert_eq!(Limits::DAY_PURCHASES_CEILING_TIMES, DAY_PURCHASES_TIMES_MAX, "both tell the same");
}

#[test]
fn invariant_14_a_day_whose_start_nobody_told_takes_no_purchase() {
    let mut books = Books::new();
    assert!(why(approved(&mut books, 0)).contains("the equity in KRW that 2026-11-24 began with is unknown"));
    tell(&mut books, Currency::Krw, "2026-11-23", 1_000_000_000);
    tell(&mut books, Currency::Usd, "2026-11-24", 1_000_000_000);
    assert!(
        why(approved(&mut books, 1)).contains("is unknown"),
        "another day and another currency do not count"
    );
}

/// How a purchase ends, in words and in the books.
type End = (&'static str, fn(&mut Books, &NewIntent));

#[test]
fn invariant_14_only_a_purchase_that_never_had_a_permit_is_given_back() {
    let ends: [End; 6] = [
        ("never sent", |b, new| {
            drop(b.outcome(new, &Outcome::Refused(domain::Refusal::NotSent("halted".into()))));
        }),
        ("ran out", |b, _new| drop(b.after(120).book(Vec::new()))),
        ("refused by the exchange", |b, new| {
            b.begin(new);
            drop(b.outcome(new, &Outcome::Refused(domain::Refusal::NotSent("no connection".into()))));
        }),
        ("unknown", |b, new| {
            b.begin(new);
            drop(b.outcome(new, &Outcome::Unknown("silence".into())));
        }),
        ("working", |b, new| {
            b.begin(new);
            drop(b.outcome(new, &Outcome::Accepted(order("101"))));
        }),
        ("approved", |_b, _new| ()),
    ];
    for (name, end) in ends {
        let mut books = small();
        let new = order_of(0, books.now);
        books.store.commit_approval(&new, books.now).unwrap();
        end(&mut books, &new);
        let start = RecordDayStart {
            currency: Currency::Krw,
            session_date: today().session_date,
            equity: Some(Money::new(1.into(), Currency::Krw)),
            trips: Default::default(),
        };
        let told = books.store.record_day_start(&start, books.now).unwrap();
        let expected = if matches!(name, "never sent" | "ran out") { 0 } else { 700_000 };
        assert_eq!(told.bought, Money::new(expected.into(), Currency::Krw), "{name}");
        assert_eq!(told.equity, Some(Money::new(700_000.into(), Currency::Krw)));
    }
}

#[test]
fn invariant_14_filled_and_sold_purchases_go_on_counting() {
    let mut books = small();
    let new = buy("1");
    books.store.commit_approval(&new, books.now).unwrap();
    books.begin(&new);
    books.outcome(&new, &Outcome::Accepted(order("101"))).unwrap();
    books.book(vec![row("101", Side::Buy, 10, "69900")]);
    assert_eq!(books.state(&new), OrderState::Filled);
    for number in 2..6 {
        approved(&mut books, number).unwrap();
    }
    assert!(why(approved(&mut books, 6)).contains("3500000 KRW so far"));
}
