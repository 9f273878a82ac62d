//! What became of stocks: one row per session and verdict; and what was traded last.

use domain::messages::schedule::{Slot, SlotKey};
use domain::messages::selection::{RecentlyTraded, SelectionsMade};
use domain::{
    Evidence, GateCheck, Price, Restriction, Selection, SelectionContext, SelectionGate, Signal, Verdict,
};

use super::*;

fn evidence(price: &str) -> Evidence {
    let context = SelectionContext {
        rsi: None,
        volume_ratio: Some("1.25".parse().unwrap()),
        rsi_proxy: Some("62.5".parse().unwrap()),
        volume_ratio_proxy: None,
        signal: Signal::Neutral,
        score: "42.5".parse().unwrap(),
    };
    let price: Price = price.parse().unwrap();
    let gates = vec![
        GateCheck::told(SelectionGate::Price, true),
        GateCheck::of(SelectionGate::MinPrice, Some(price.value()), 5.into()),
    ];
    Evidence { context, price: Some(price), restriction: Some(Restriction::MarketWarning), wait: None, gates }
}

fn made(minute: i64, verdict: Verdict, price: &str) -> SelectionsMade {
    let key = SlotKey {
        market: Market::Kr,
        session_date: today().session_date,
        slot: Slot::Realtime(u32::try_from(minute).unwrap()),
    };
    let selection = Selection { instrument: stock("005930"), verdict, evidence: evidence(price) };
    SelectionsMade { key, at: start() + TimeDelta::minutes(minute), selections: vec![selection] }
}

#[test]
fn a_verdict_is_one_row_of_its_session_with_the_newest_numbers() {
    let mut books = Books::new();
    let rejected = Verdict::Rejected(SelectionGate::MinPrice);
    for (minute, verdict, price) in
        [(0, rejected, "1.35"), (15, rejected, "2.5"), (20, Verdict::Chosen, "6"), (40, rejected, "4.99")]
    {
        books.store.record_selections(&made(minute, verdict, price)).unwrap();
    }
    let booked = books.store.selections_of(&stock("005930"), today().session_date).unwrap();
    let [chosen, last] = booked.as_slice() else { panic!("{booked:?}") };
    let minute = |minutes| start() + TimeDelta::minutes(minutes);
    assert_eq!((chosen.verdict, chosen.first_at, chosen.last_at), (Verdict::Chosen, minute(20), minute(20)));
    assert_eq!((last.verdict, last.first_at, last.last_at), (rejected, minute(0), minute(40)));
    assert_eq!((last.slot.as_str(), &last.evidence), ("realtime-40", &evidence("4.99")));
    let missing = last.evidence.first_failure().and_then(GateCheck::missing);
    assert_eq!(missing, Some("0.01".parse().unwrap()), "the smallest change that would have passed");
    assert_eq!(books.store.selections_of(&stock("000660"), today().session_date).unwrap(), []);
    let yesterday = today().session_date.pred_opt().unwrap();
    assert_eq!(books.store.selections_of(&stock("005930"), yesterday).unwrap(), []);
}

#[test]
fn every_verdict_can_be_kept() {
    let mut books = Books::new();
    let gates = SelectionGate::ALL.into_iter().filter(|gate| gate.is_filter()).map(Verdict::Rejected);
    let all: Vec<_> = [Verdict::Chosen, Verdict::Held].into_iter().chain(gates).collect();
    for verdict in all.iter().copied() {
        books.store.record_selections(&made(0, verdict, "6")).unwrap();
    }
    let booked = books.store.selections_of(&stock("005930"), today().session_date).unwrap();
    assert_eq!(booked.len(), all.len());
}

#[test]
fn what_was_traded_last_comes_first() {
    let mut books = Books::new();
    let traded = |books: &mut Books, limit| {
        let query = RecentlyTraded { market: Market::Kr, limit };
        books.store.recently_traded(query).unwrap()
    };
    assert_eq!(traded(&mut books, 30), []);
    books.accepted(&buy("1"), "101");
    books.book(vec![row("101", Side::Buy, 10, "69900")]);
    let mut other = buy("2");
    other.terms.instrument = stock("000660");
    books.accepted(&other, "102");
    let mut shown = row("102", Side::Buy, 10, "69900");
    shown.instrument = stock("000660");
    books.book(vec![row("101", Side::Buy, 10, "69900"), shown]);
    assert_eq!(traded(&mut books, 30), [stock("000660"), stock("005930")]);
    assert_eq!(traded(&mut books, 1), [stock("000660")]);
    let elsewhere = RecentlyTraded { market: Market::Jp, limit: 30 };
    assert_eq!(books.store.recently_traded(elsewhere).unwrap(), []);
}
