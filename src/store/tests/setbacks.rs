//! What the books say against buying a stock again.

use domain::messages::limits::{Setback, SetbackKind, SetbacksSince};
use domain::messages::trading::ProposalRefused;
use domain::{Action, Refusal};

use super::*;

fn told(books: &mut Books, symbol: Option<&str>) -> Vec<String> {
    let query = SetbacksSince { since: start() - TimeDelta::days(7), instrument: symbol.map(stock) };
    let shown = |Setback { instrument, at, kind }: Setback| match kind {
        SetbackKind::Refused { why } => format!("{instrument} {} {why}", at.format("%H:%M:%S")),
        SetbackKind::Sold { price, result } => {
            let result = result.map_or_else(|| "unknown".to_owned(), |money| money.to_string());
            format!("{instrument} {} sold at {price}: {result}", at.format("%H:%M:%S"))
        }
    };
    books.store.setbacks_since(&query).unwrap().into_iter().map(shown).collect()
}

fn refuse(books: &mut Books, symbol: &str, action: Action, reason: &str) {
    let refusal = ProposalRefused {
        decision_id: DecisionId::from_stored("d-1".into()),
        instrument: stock(symbol),
        action,
        reason: reason.into(),
        detail: "in words".into(),
        numbers: None,
        at: books.now,
    };
    books.store.record_refusal(&refusal).unwrap();
}

#[test]
fn refusals_for_money_and_of_the_exchange_speak_against_a_stock_and_what_was_never_sent_does_not() {
    let mut books = Books::new();
    refuse(&mut books, "000660", Action::Buy, "NoCash");
    refuse(books.after(5), "000660", Action::Buy, "NoCash");
    refuse(&mut books, "000660", Action::Buy, "CoolingDown");
    refuse(&mut books, "035420", Action::Sell, "NoCash");
    let silent = buy("silent");
    books.approve(&silent).unwrap();
    books.begin(&silent);
    books.outcome(&silent, &Outcome::Refused(Refusal::NotSent("a halt".into()))).unwrap();
    assert_eq!(told(&mut books, None), ["KR:000660 00:30:05 NoCash"]);
    let told_no = intent("no", Side::Buy, books.now);
    books.approve(&told_no).unwrap();
    books.begin(&told_no);
    let no = Refusal::Code { code: "APBK0013".into(), text: "no".into() };
    books.outcome(&told_no, &Outcome::Refused(no)).unwrap();
    let all = told(books.after(1), None);
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(all[1].starts_with("KR:005930 00:30:05") && all[1].contains("APBK0013"), "{all:?}");
    assert_eq!(told(&mut books, Some("000660")), ["KR:000660 00:30:05 NoCash"]);
    assert_eq!(told(&mut books, Some("035420")), Vec::<String>::new());
}

#[test]
fn a_sale_speaks_against_a_stock_with_its_price_and_what_it_brought_and_for_a_while_only() {
    let mut books = Books::new();
    books.accepted(&buy("1"), "101");
    books.book(vec![row("101", Side::Buy, 10, "70000")]);
    let now = books.now;
    books.accepted(&intent("2", Side::Sell, now), "102");
    books.book(vec![row("101", Side::Buy, 10, "70000"), row("102", Side::Sell, 10, "69300")]);
    assert_eq!(told(&mut books, None), ["KR:005930 00:30:20 sold at 69300: -7000 KRW"]);
    books.store.boot(&boot_facts(1, start() + TimeDelta::hours(1))).unwrap();
    assert_eq!(told(&mut books, Some("005930")).len(), 1, "a restart forgets none");
    assert_eq!(told(&mut books, Some("000660")), Vec::<String>::new());
    let later = SetbacksSince { since: books.now, instrument: None };
    assert_eq!(books.store.setbacks_since(&later).unwrap(), []);
}
