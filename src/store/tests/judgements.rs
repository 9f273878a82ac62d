//! Decisions, losers, memory, events, budget, day starts.

use domain::messages::consultation::{
    ClosedPositions, DecisionBasis, EarlierCall, EarlierCallFor, SpentQuota,
};
use domain::messages::ledger::{
    BookedCall, BudgetAnswer, CallCost, Ceiling, ConfidentLosers, EventKind, EventsAfter, RecentDecisions,
    RecordEvent, SettleOracleCall, Trips,
};
use domain::messages::trading::DecisionMade;
use domain::{Action, Currency, Decision, EventId, SelectionContext, Signal};
use trade_ledger::EvolutionBooks as _;

use super::*;

fn decision(name: &str, action: Action) -> Decision {
    Decision {
        id: DecisionId::from_stored(format!("d-{name}")),
        instrument: stock("005930"),
        action,
        confidence: Confidence::new(85).unwrap(),
        rationale: "oversold\nwith volume".into(),
        price: Some("70000".parse().unwrap()),
        selection: Some(SelectionContext {
            rsi: Some("28.5".parse().unwrap()),
            volume_ratio: None,
            rsi_proxy: None,
            volume_ratio_proxy: None,
            signal: Signal::Oversold,
            score: "72.5".parse().unwrap(),
        }),
        at: start(),
        session_date: today().session_date,
        judge: "rules".into(),
    }
}

type SeedRow = (String, String, Option<String>, Option<f64>, Option<String>, Option<String>, Option<String>);

fn seed_rows(books: &mut Books) -> Vec<SeedRow> {
    use crate::store::schema::trades::dsl;
    dsl::trades
        .select((
            dsl::timestamp,
            dsl::stock_code,
            dsl::rationale,
            dsl::price,
            dsl::market,
            dsl::exchange_code,
            dsl::selection_context,
        ))
        .load(&mut books.store.connection)
        .unwrap()
}

#[test]
fn a_hold_is_a_row_of_the_seeds_table_with_quantity_zero_and_no_price() {
    let mut books = Books::new();
    let hold = decision("1", Action::Hold);
    books.store.record_decision(&hold.clone().into()).unwrap();
    books.store.record_decision(&hold.clone().into()).unwrap();
    books.store.record_decision(&decision("2", Action::Buy).into()).unwrap();
    assert_eq!(books.trades(), ["HOLD 0 - 0 85"]);
    let expected = (
        "2026-11-24T00:30:00.000Z".to_owned(),
        "005930".to_owned(),
        Some("oversold\nwith volume".to_owned()),
        None,
        Some("KR".to_owned()),
        Some("KRX".to_owned()),
        Some(r#"{"rsi":28.5,"signal":"oversold","score":72.5}"#.to_owned()),
    );
    assert_eq!(seed_rows(&mut books), [expected]);
    let summary = books.store.summary().unwrap();
    assert_eq!((summary.decisions, summary.holds), (2, 1));
}

#[test]
fn an_execution_carries_the_judgement_behind_it_into_the_seeds_table() {
    let mut books = Books::new();
    books.store.record_decision(&decision("1", Action::Buy).into()).unwrap();
    books.accepted(&buy("1"), "101");
    books.book(vec![row("101", Side::Buy, 10, "69900")]);
    let [(_, _, rationale, price, _, _, selection)] = seed_rows(&mut books).try_into().unwrap();
    assert_eq!((rationale.as_deref(), price), (Some("oversold\nwith volume"), Some(69900.0)));
    assert!(selection.unwrap().contains("oversold"));
}

pub(super) fn losing_round_trip(books: &mut Books) {
    books.store.record_decision(&decision("1", Action::Buy).into()).unwrap();
    books.store.record_decision(&decision("2", Action::Sell).into()).unwrap();
    books.accepted(&buy("1"), "101");
    books.book(vec![row("101", Side::Buy, 10, "70000")]);
    let now = books.now;
    books.accepted(&intent("2", Side::Sell, now), "102");
    let rows = || vec![row("101", Side::Buy, 10, "70000"), row("102", Side::Sell, 10, "69300")];
    books.book(rows());
}

#[test]
fn a_sale_at_a_loss_names_the_confident_judgement_that_bought() {
    let mut books = Books::new();
    losing_round_trip(&mut books);
    let query = |min: i64| ConfidentLosers {
        market: Market::Kr,
        session_date: today().session_date,
        min_confidence: Confidence::new(min).unwrap(),
    };
    let [loser] = books.store.confident_losers(&query(80)).unwrap().try_into().unwrap();
    assert_eq!(loser.pnl, Money::new((-7000).into(), Currency::Krw));
    assert_eq!(loser.decision, Some(DecisionId::from_stored("d-1".into())));
    assert_eq!(books.store.confident_losers(&query(86)).unwrap(), []);
}

#[test]
fn judgements_are_remembered_newest_first_with_what_came_of_them() {
    let mut books = Books::new();
    losing_round_trip(&mut books);
    books.store.record_decision(&decision("3", Action::Hold).into()).unwrap();
    let query = RecentDecisions { market: Market::Kr, limit: 10 };
    let remembered = books.store.recent_decisions(&query).unwrap();
    let shown: Vec<_> = remembered.iter().map(|r| (r.action, r.pnl_pct.map(|p| p.to_string()))).collect();
    let lost = || Some("-1.00".to_owned());
    assert_eq!(shown, [(Action::Hold, None), (Action::Sell, lost()), (Action::Buy, lost())]);
    assert_eq!(books.store.recent_decisions(&RecentDecisions { limit: 1, ..query }).unwrap().len(), 1);
}

#[test]
fn a_subscriber_starts_at_the_newest_event_and_its_cursor_never_goes_back() {
    let mut books = Books::new();
    let event = RecordEvent { kind: EventKind::Report, market: None, text: "one\nline".into() };
    books.store.record_event(&event, start()).unwrap();
    assert_eq!(books.store.cursor("notifier").unwrap(), EventId(1));
    books.store.record_event(&event, start()).unwrap();
    assert_eq!(books.store.cursor("notifier").unwrap(), EventId(1));
    let query = EventsAfter { after: EventId(1), limit: 10 };
    let [news] = books.store.events_after(&query).unwrap().try_into().unwrap();
    assert_eq!((news.id, news.kind, news.text.as_str()), (EventId(2), EventKind::Report, "one line"));
    books.store.set_cursor("notifier", EventId(2)).unwrap();
    books.store.set_cursor("notifier", EventId(1)).unwrap();
    assert_eq!(books.store.cursor("notifier").unwrap(), EventId(2));
}

#[test]
fn the_budget_is_counted_on_disk_and_survives_a_reopened_store() {
    let mut books = Books::new();
    let first = books.store.reserve_oracle_call(&model_call("KR/1", 2), start()).unwrap();
    assert_eq!(first, BudgetAnswer::Granted { used: 1 });
    books.store = books.database.store().unwrap();
    books.store.fence(books.fencing);
    let answers = ["KR/1", "KR/2", "KR/3"]
        .map(|purpose| books.store.reserve_oracle_call(&model_call(purpose, 2), start()).unwrap());
    let over = BudgetAnswer::Exhausted(Ceiling::Calls);
    assert_eq!(answers, [BudgetAnswer::AlreadyUsed, BudgetAnswer::Granted { used: 2 }, over]);
}

#[test]
fn what_a_call_took_is_booked_once_and_only_for_a_call_that_was_reserved() {
    let mut books = Books::new();
    let quota_date = today().session_date;
    books.store.reserve_oracle_call(&model_call("KR/1", 2), start()).unwrap();
    for (purpose, tokens) in [("KR/1", 40), ("KR/1", 50), ("KR/2", 60)] {
        let taken = CallCost { tokens, money_micros: 3 };
        let end = SettleOracleCall { quota_date, purpose: purpose.into(), taken };
        books.store.settle_oracle_call(&end, start()).unwrap();
    }
    let booked = BookedCall {
        purpose: "KR/1".into(),
        markets: vec![Market::Kr, Market::UsNyse],
        worst: CallCost { tokens: 100, money_micros: 7 },
        taken: Some(CallCost { tokens: 40, money_micros: 3 }),
        at: start(),
    };
    assert_eq!(books.store.oracle_calls(quota_date).unwrap(), [booked]);
}

#[test]
fn the_first_equity_of_a_day_stays() {
    let mut books = Books::new();
    let record = |amount: i64, currency| RecordDayStart {
        currency: Currency::Krw,
        session_date: today().session_date,
        equity: Some(Money::new(amount.into(), currency)),
        trips: Trips::default(),
    };
    let asks = RecordDayStart { equity: None, ..record(1, Currency::Krw) };
    assert_eq!(books.store.record_day_start(&asks, start()).unwrap().equity, None, "to ask keeps nothing");
    let first = books.store.record_day_start(&record(1_000_000, Currency::Krw), start()).unwrap();
    let later = books.store.record_day_start(&record(900_000, Currency::Krw), start()).unwrap();
    assert_eq!((first, later.equity), (later, Some(Money::new(1_000_000.into(), Currency::Krw))));
    assert_eq!(books.store.record_day_start(&asks, start()), Ok(first));
    assert!(books.store.record_day_start(&record(1, Currency::Usd), start()).is_err());
}

#[test]
fn what_the_breaker_has_done_on_a_day_adds_up_and_stays_apart_by_currency_date_and_in_won() {
    let mut books = Books::new();
    let mut record = |currency, date: &str, halting, reducing| {
        let (session_date, trips) = (date.parse().unwrap(), Trips { halting, reducing });
        let day = RecordDayStart { currency, session_date, equity: None, trips };
        let Trips { halting, reducing } = books.store.record_day_start(&day, start()).unwrap().trips;
        (halting, reducing)
    };
    assert_eq!(record(Currency::Krw, "2026-11-24", false, false), (false, false));
    assert_eq!(record(Currency::Krw, "2026-11-24", true, false), (true, false));
    assert_eq!(record(Currency::Krw, "2026-11-24", true, true), (true, true), "the same twice is once");
    assert_eq!(record(Currency::Krw, "2026-11-24", false, false), (true, true));
    assert_eq!(record(Currency::Usd, "2026-11-24", false, false), (false, false));
    assert_eq!(record(Currency::Krw, "2026-11-25", false, true), (false, true));
    let mut in_won = |date: &str, has_tripped| {
        let day = domain::messages::won::RecordWonDayStart {
            session_date: date.parse().unwrap(),
            parts: Vec::new(),
            has_tripped,
        };
        books.store.record_won_day_start(&day, start()).unwrap().has_tripped
    };
    assert!(!in_won("2026-11-24", false), "a currency's is another");
    assert!(in_won("2026-11-24", true) && in_won("2026-11-24", false) && !in_won("2026-11-25", false));
}

#[test]
fn what_a_model_was_asked_and_said_is_kept_with_what_was_decided_by_it() {
    let mut books = Books::new();
    books.store.reserve_oracle_call(&model_call("KR/1", 2), start()).unwrap();
    let asked = consultation("KR/1", start());
    books.store.record_consultation(&asked).unwrap();
    books.store.record_consultation(&Consultation { latency_ms: 9, ..asked.clone() }).unwrap();
    let withheld = Some("No fresh price".to_owned());
    let basis = DecisionBasis { call: asked.call.clone(), withheld, delay_minutes: 15 };
    let made = DecisionMade {
        decision: decision("1", Action::Buy),
        basis: Some(basis.clone()),
        strategy_version: Some(7),
    };
    books.store.record_decision(&made).unwrap();
    books.store.record_decision(&made).unwrap();
    books.store.record_decision(&decision("2", Action::Hold).into()).unwrap();
    let mut reader = books.database.reader().unwrap();
    let [booked] = reader.consultations(today().session_date).unwrap().try_into().unwrap();
    let Heard::Reply(reply) = &asked.heard else { panic!("a reply") };
    assert_eq!((&booked.consultation, booked.reply_bytes), (&asked, reply.text.len() as u64));
    let [judged] = booked.judgements.try_into().unwrap();
    assert_eq!((judged.id, judged.basis), (made.decision.id, basis));
    assert_eq!(reader.consultations("2026-11-23".parse().unwrap()).unwrap(), []);
}

#[test]
fn the_newest_call_of_a_model_tells_whether_its_quota_is_used_up() {
    let mut books = Books::new();
    assert_eq!(books.store.spent_quota("asked").unwrap(), None);
    let until = start() + TimeDelta::hours(5);
    let refused = |purpose: &str, minutes: i64, rests_until| Consultation {
        heard: Heard::Nothing("used up".to_owned()),
        rests_until,
        ..consultation(purpose, start() + TimeDelta::minutes(minutes))
    };
    let calls = [
        (refused("KR/1", 0, None), None),
        (refused("KR/2", 1, Some(until)), Some(start() + TimeDelta::minutes(1))),
        (consultation("KR/3", start() + TimeDelta::minutes(2)), None),
        (refused("KR/4", 3, Some(until)), Some(start() + TimeDelta::minutes(3))),
        (
            Consultation { model: "other".to_owned(), ..refused("KR/5", 4, None) },
            Some(start() + TimeDelta::minutes(3)),
        ),
    ];
    for (call, from) in calls {
        books.store.reserve_oracle_call(&model_call(&call.call.purpose, 9), start()).unwrap();
        books.store.record_consultation(&call).unwrap();
        let spent = from.map(|from| SpentQuota { from, until, why: "used up".to_owned() });
        assert_eq!(books.store.spent_quota("asked").unwrap(), spent, "{}", call.call.purpose);
    }
}

#[test]
fn a_purpose_is_answered_by_its_reply_whichever_day_of_the_quota_it_was_asked_on() {
    let mut books = Books::new();
    let known = |books: &mut Books, purpose: &str| {
        let query = EarlierCallFor { session_date: today().session_date, purpose: purpose.to_owned() };
        books.store.earlier_call(&query).unwrap()
    };
    assert_eq!(known(&mut books, "evolution/1"), EarlierCall::None);
    books.store.reserve_oracle_call(&model_call("evolution/1", 9), start()).unwrap();
    assert_eq!(known(&mut books, "evolution/1"), EarlierCall::Unanswered);
    let silent =
        Consultation { heard: Heard::Nothing("late".to_owned()), ..consultation("evolution/1", start()) };
    books.store.record_consultation(&silent).unwrap();
    assert_eq!(known(&mut books, "evolution/1"), EarlierCall::Unanswered);
    books.store.reserve_oracle_call(&model_call("evolution/2", 9), start()).unwrap();
    let asked = consultation("evolution/2", start());
    books.store.record_consultation(&asked).unwrap();
    let Heard::Reply(reply) = asked.heard else { panic!("a reply") };
    assert_eq!(known(&mut books, "evolution/2"), EarlierCall::Answered(reply.text));
    let elsewhere =
        EarlierCallFor { session_date: "2026-11-23".parse().unwrap(), purpose: "evolution/3".to_owned() };
    assert_eq!(books.store.earlier_call(&elsewhere).unwrap(), EarlierCall::None);
}

#[test]
fn a_reply_is_kept_up_to_its_bound_and_a_call_that_nobody_reserved_not_at_all() {
    let mut books = Books::new();
    books.store.reserve_oracle_call(&model_call("KR/1", 2), start()).unwrap();
    let mut asked = consultation("KR/1", start());
    let text = "\u{ac00}".repeat(30_000);
    let Heard::Reply(reply) = &mut asked.heard else { panic!("a reply") };
    reply.text.clone_from(&text);
    books.store.record_consultation(&asked).unwrap();
    let stranger = consultation("KR/2", start());
    assert!(books.store.record_consultation(&stranger).is_err(), "no such call");
    let mut reader = books.database.reader().unwrap();
    let [booked] = reader.consultations(today().session_date).unwrap().try_into().unwrap();
    let Heard::Reply(kept) = booked.consultation.heard else { panic!("a reply") };
    assert_eq!((kept.text.len(), booked.reply_bytes), (65_535, 90_000));
    assert!(text.starts_with(&kept.text));
}

#[test]
fn a_purchase_whose_shares_were_all_sold_is_told_with_its_result_and_signal() {
    let mut books = Books::new();
    losing_round_trip(&mut books);
    let query = ClosedPositions { market: Market::Kr, limit: 9, closed_before: None };
    let [closed] = books.store.closed_positions(query).unwrap().try_into().unwrap();
    assert_eq!((closed.decision, closed.signal), (decision("1", Action::Buy).id, Some(Signal::Oversold)));
    assert_eq!(closed.pnl_pct.map(|pct| pct.to_string()), Some("-1.00".to_owned()));
    let elsewhere = ClosedPositions { market: Market::Jp, ..query };
    assert_eq!(books.store.closed_positions(elsewhere).unwrap(), []);
    let day = Market::Kr.date_at(closed.closed_at);
    for (before, found) in [(day, 0), (day.succ_opt().unwrap(), 1)] {
        let earlier = ClosedPositions { closed_before: Some(before), ..query };
        assert_eq!(
            books.store.closed_positions(earlier).unwrap().len(),
            found,
            "closed on {day}, before {before}"
        );
    }
}
