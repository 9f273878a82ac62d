//! Which day ends with which event, and in what words it is told.

use super::*;
use chrono::TimeDelta;
use domain::messages::operator::DayLine;
use domain::{Currency, EventId, Money};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn ends(markets: &[Market], date: &str) -> Option<(Market, DateTime<Utc>, DateTime<Utc>)> {
    day(&Calendar::official(), markets, date.parse().unwrap()).map(|day| (day.last, day.from, day.until))
}

#[test]
fn a_day_ends_with_its_last_close_and_begins_with_that_of_the_day_before() {
    let both = [Market::Kr, Market::UsNasdaq];
    let (close, weekend) = (at("2026-06-02T20:00:00Z"), at("2026-05-29T20:00:00Z"));
    assert_eq!(ends(&both, "2026-06-02"), Some((Market::UsNasdaq, at("2026-06-01T20:00:00Z"), close)));
    assert_eq!(ends(&both, "2026-06-01"), Some((Market::UsNasdaq, weekend, at("2026-06-01T20:00:00Z"))));
    // Thanksgiving: Korea alone trades, and the day before ended in New York.
    let (last, from, until) = ends(&both, "2026-11-26").unwrap();
    assert_eq!((last, from), (Market::Kr, at("2026-11-25T21:00:00Z")));
    assert!(until < at("2026-11-26T07:00:00Z"));
    assert_eq!(ends(&both, "2026-06-06"), None, "a Saturday");
    let three = [Market::UsAmex, Market::UsNyse, Market::UsNasdaq];
    assert_eq!(ends(&three, "2026-06-02").unwrap().0, Market::UsNasdaq, "of equal ones the last named");
}

fn event(kind: EventKind, text: &str) -> LedgerEvent {
    LedgerEvent {
        id: EventId(7),
        at: at("2026-06-02T20:20:00Z"),
        kind,
        market: Some(Market::Kr),
        text: text.into(),
    }
}

#[test]
fn the_date_is_read_from_the_sentence_of_the_books_and_from_no_other() {
    let close = event(EventKind::DayClosed, "the books of KR for 2026-06-02 are closed");
    assert_eq!(closed_date(&close), Some("2026-06-02".parse().unwrap()));
    for (kind, text) in [
        (EventKind::Report, "the books of KR for 2026-06-02 are closed"),
        (EventKind::DayClosed, "the books of KR for 2026-06-02 are closed later"),
        (EventKind::DayClosed, "the books of KR for some day are closed"),
    ] {
        assert_eq!(closed_date(&event(kind, text)), None, "{text}");
    }
}

fn line(id: u64, text: &str) -> EventLine {
    let at = at("2026-06-02T01:00:00Z") + TimeDelta::minutes(i64::try_from(id).unwrap());
    EventLine { id: EventId(id), at, kind: EventKind::Fill, market: None, text: text.into() }
}

fn facts() -> Facts {
    let krw = |amount: i64| Money::new(amount.into(), Currency::Krw);
    let pnl = PnlLine {
        currency: Currency::Krw,
        sales: 2,
        realised: Some(krw(1_200)),
        sales_of_unknown_cost: 1,
        fees: None,
        unrealised: Some(krw(-300)),
        priced_at: Some(at("2026-06-02T06:20:00Z")),
        unpriced: vec!["KR:005930".parse().unwrap()],
        day: Some(DayLine {
            session_date: "2026-06-02".parse().unwrap(),
            began_with: krw(1_000_000),
            equity: Some(krw(1_000_700)),
            told_at: Some(at("2026-06-02T06:30:00Z")),
        }),
    };
    let some = |texts: &[&str]| Found {
        events: (1..).zip(texts).map(|(id, text)| line(id, text)).collect(),
        more: false,
    };
    Facts {
        date: "2026-06-02".parse().unwrap(),
        from: at("2026-06-01T20:00:00Z"),
        at: at("2026-06-02T20:20:00Z"),
        pnl: vec![pnl],
        fills: some(&["bought 1 KR:005930 at 5", "sold 1 KR:005930 at 6"]),
        refusals: some(&[
            "BUY KR:1 refused, NoCash: x",
            "BUY KR:2 refused, FatFinger: y",
            "BUY KR:3 refused, NoCash: z",
        ]),
        halts: some(&["trading halted by <ada> (operator): lunch"]),
        budget: Ok("rules".into()),
    }
}

#[test]
fn a_day_is_told_per_currency_with_what_is_unknown_and_never_as_markup_of_others() {
    let text = wording::html(&facts(), Some(EventId(7)), true);
    for part in [
        "<b>Report of 2026-06-02</b>",
        "since 2026-06-01 20:00 UTC",
        "account: 1000000 KRW -> 1000700 KRW, +700 KRW since the day of 2026-06-02 began, with all fees",
        "sales: 2, realised before fees: +1200 KRW, fees: unknown",
        "1 sales of unknown cost are in no sum",
        "unrealised before fees: -300 KRW at prices from 2026-06-02 06:20 UTC on",
        "no price of: KR:005930",
        "<b>Trades</b>: 2\n01:01 bought 1 KR:005930 at 5\n",
        "<b>Refused proposals</b>: 3: NoCash 2, FatFinger 1",
        "<b>Halts and resumes</b>: 1\n01:01 trading halted by &lt;ada&gt; (operator): lunch",
        "<i>2026-06-02 20:20:00 UTC, event 7</i>",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    assert!(!text.contains("No picture"));
}

#[test]
fn an_account_that_nobody_knows_and_an_empty_day_say_so_and_many_lines_are_counted() {
    let mut facts = facts();
    facts.pnl[0].day = None;
    facts.fills = Found { events: (1..=500).map(|id| line(id, "bought")).collect(), more: true };
    facts.refusals = Found::nothing();
    facts.halts = Found::nothing();
    facts.budget = Err("the disk <fails>".into());
    let text = wording::html(&facts, None, false);
    for part in [
        "account: unknown",
        "<b>Trades</b>: more than 500\n(the newest 12; all of them: kestrel events)",
        "<b>Refused proposals</b>: none\n",
        "<b>Halts and resumes</b>: none\n",
        "<b>Language model</b>: unknown: the disk &lt;fails&gt;",
        "No picture: no account was seen twice.",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    assert_eq!(text.matches("bought").count(), 12);
    assert!(!text.contains(", event "), "nobody asked for an event: {text}");
}
