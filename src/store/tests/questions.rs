//! What a person asks, against books whose every number is known.

use domain::messages::control::{AccountSeen, HoldingSeen};
use domain::messages::ledger::{EventKind, RecordEvent};
use domain::messages::operator::{
    Answer, DecisionsWanted, EventLine, EventsWanted, OrderLine, OrdersWanted, PnlLine, PositionLine,
    PriceSource, Question, Since, StockWanted,
};
use domain::messages::trading::ProposalRefused;
use domain::{Action, Currency, Decision, EventId, Price};

use diesel::connection::SimpleConnection as _;

use super::*;
use crate::store::Sight;

impl Books {
    fn ask(&self, question: &Question, accounts: &[AccountSeen]) -> Answer {
        let sight = Sight { now: self.now, accounts };
        self.database.reader().unwrap().answer(question, sight).unwrap()
    }

    fn held(&self, accounts: &[AccountSeen]) -> Vec<PositionLine> {
        let Answer::Positions { positions } = self.ask(&Question::Positions, accounts) else { panic!() };
        positions
    }

    fn pnl(&self, since: Option<Since>, accounts: &[AccountSeen]) -> Vec<PnlLine> {
        let Answer::Pnl { currencies, .. } = self.ask(&Question::Pnl { since }, accounts) else { panic!() };
        currencies
    }

    fn orders(&self, open_only: bool, limit: u16) -> (Vec<OrderLine>, bool) {
        let wanted = OrdersWanted { open_only, since: None, limit };
        let Answer::Orders { orders, more } = self.ask(&Question::Orders(wanted), &[]) else { panic!() };
        (orders, more)
    }

    fn events(&self, wanted: EventsWanted) -> (Vec<EventLine>, bool, EventId) {
        let Answer::Events { events, more, last } = self.ask(&Question::Events(wanted), &[]) else {
            panic!()
        };
        (events, more, last)
    }

    fn trade(&mut self, name: &str, side: Side, number: &str, price: &str) {
        let order = intent(name, side, self.now);
        self.accepted(&order, number);
        self.book(vec![row(number, side, 10, price)]);
    }
}

fn won(amount: i64) -> Money {
    Money::new(amount.into(), Currency::Krw)
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

/// The exchange confirms seven shares of the stock at a price seen at `at`.
fn account(told: &str, at: DateTime<Utc>) -> AccountSeen {
    AccountSeen {
        currency: Currency::Krw,
        taken_at: at,
        equity: Some(won(990_000)),
        holdings: vec![HoldingSeen {
            instrument: stock("005930"),
            quantity: Quantity::new(7),
            price: Some((price(told), at)),
        }],
    }
}

#[test]
fn a_position_is_valued_at_the_newest_price_that_is_known_and_says_whose_it_is() {
    let mut books = Books::new();
    assert_eq!(books.held(&[]), []);
    books.trade("1", Side::Buy, "101", "69900");
    let [held] = books.held(&[]).try_into().unwrap();
    let seen = held.price.unwrap();
    assert_eq!((held.quantity, held.cost), (Quantity::new(10), won(699_000)));
    assert_eq!((seen.price, seen.seen_by), (price("69900"), PriceSource::Fill));
    assert_eq!((held.unrealised, held.confirmed), (Some(won(0)), None), "nobody has asked the exchange");

    let old = account("60000", books.now - TimeDelta::hours(1));
    assert_eq!(
        books.held(&[old])[0].price.unwrap().seen_by,
        PriceSource::Fill,
        "an older word changes nothing"
    );
    let new = account("71000", books.now + TimeDelta::seconds(1));
    let [held] = books.held(&[new]).try_into().unwrap();
    assert_eq!((held.unrealised, held.confirmed), (Some(won(11_000)), Some(Quantity::new(7))));
}

#[test]
fn shares_that_are_not_the_agents_are_shown_without_a_cost_or_a_result() {
    let books = Books::new();
    let [held] = books.held(&[account("71000", books.now)]).try_into().unwrap();
    assert_eq!((held.quantity, held.confirmed), (Quantity::ZERO, Some(Quantity::new(7))));
    assert_eq!(held.unrealised, None, "missing is never zero");
}

#[test]
fn profit_and_loss_counts_what_is_known_and_names_the_rest() {
    let mut books = Books::new();
    assert_eq!(books.pnl(None, &[]), [], "no line where nothing happened");
    books.trade("1", Side::Buy, "101", "69900");
    books.trade("2", Side::Sell, "102", "70000");
    let noon = books.after(3600).now;
    // A sale of shares that were there before and that these books never bought: their cost is unknown.
    let there = "INSERT INTO external_shares (market, symbol, quantity, at_ms, by_whom, event_id)
                 SELECT 'KR', '005930', 10, 0, 'mina', max(id) FROM events";
    diesel::sql_query(there).execute(&mut books.store.connection).unwrap();
    books.trade("3", Side::Sell, "103", "70000");
    books.trade("4", Side::Buy, "104", "70000");
    let [line] = books.pnl(None, &[]).try_into().unwrap();
    assert_eq!((line.sales, line.realised), (1, Some(won(1000))));
    assert_eq!((line.sales_of_unknown_cost, line.fees), (1, None));
    assert_eq!((line.unrealised, line.unpriced.len()), (Some(won(0)), 0));
    assert!(line.priced_at.unwrap() >= noon);
    let day = line.day.unwrap();
    assert_eq!((day.session_date, day.equity), (today().session_date, None), "the exchange told nothing");

    let [line] = books.pnl(Some(Since::At(noon)), &[]).try_into().unwrap();
    assert_eq!((line.sales, line.realised), (0, None), "no sale since then is no profit of zero");
    let [line] = books.pnl(None, &[account("71000", books.now)]).try_into().unwrap();
    assert_eq!(line.day.unwrap().equity, Some(won(990_000)));
}

#[test]
fn the_sums_kept_since_the_books_began_are_those_of_all_sales_however_they_were_filled() {
    let mut books = Books::new();
    books.trade("1", Side::Buy, "101", "69900");
    let sale = intent("2", Side::Sell, books.now);
    books.accepted(&sale, "102");
    for filled in [3, 4, 10] {
        books.book(vec![row("102", Side::Sell, filled, "70000")]);
        let (kept, counted) = (books.pnl(None, &[]), books.pnl(Some(Since::At(DateTime::UNIX_EPOCH)), &[]));
        assert_eq!(kept, counted, "{filled} filled");
        assert_eq!(kept[0].sales, 1, "one order, however many fills");
    }
    let there = "INSERT INTO external_shares (market, symbol, quantity, at_ms, by_whom, event_id)
                 SELECT 'KR', '005930', 10, 0, 'mina', max(id) FROM events";
    diesel::sql_query(there).execute(&mut books.store.connection).unwrap();
    let sale = intent("3", Side::Sell, books.now);
    books.accepted(&sale, "103");
    for filled in [5, 10] {
        let rows = vec![row("102", Side::Sell, 10, "70000"), row("103", Side::Sell, filled, "70000")];
        books.book(rows);
        let (kept, counted) = (books.pnl(None, &[]), books.pnl(Some(Since::At(DateTime::UNIX_EPOCH)), &[]));
        assert_eq!(kept, counted, "{filled} of unknown cost filled");
        assert_eq!((kept[0].sales, kept[0].sales_of_unknown_cost), (1, 1));
    }
    assert_eq!(books.store.read(super::super::reports::realised).unwrap(), [won(1000)]);
}

#[test]
fn orders_are_shown_newest_first_and_the_limit_says_that_it_cut() {
    let mut books = Books::new();
    books.trade("1", Side::Buy, "101", "69900");
    books.after(60);
    let open = intent("2", Side::Sell, books.now);
    books.accepted(&open, "102");
    let names = |orders: Vec<OrderLine>| orders.into_iter().map(|o| o.intent.to_string()).collect::<Vec<_>>();
    assert_eq!(names(books.orders(true, 50).0), ["i-2"]);
    let (all, more) = books.orders(false, 50);
    let first = all[1].clone();
    assert_eq!((names(all), more), (vec!["i-2".to_owned(), "i-1".to_owned()], false));
    assert_eq!(
        (first.state, first.filled, first.amount),
        (OrderState::Filled, Quantity::new(10), won(699_000))
    );
    assert_eq!((first.number.as_deref(), first.decision.as_str()), (Some("101"), "d-1"));
    let (cut, more) = books.orders(false, 1);
    assert_eq!((names(cut), more), (vec!["i-2".to_owned()], true));
}

fn judged(name: &str, symbol: &str, at: DateTime<Utc>) -> Decision {
    Decision {
        id: DecisionId::from_stored(format!("d-{name}")),
        instrument: stock(symbol),
        action: Action::Buy,
        confidence: Confidence::new(85).unwrap(),
        rationale: "oversold".into(),
        price: Some(price("70000")),
        selection: None,
        at,
        session_date: today().session_date,
        judge: "rules".into(),
    }
}

#[test]
fn a_judgement_is_shown_with_what_came_of_it() {
    let mut books = Books::new();
    for (name, symbol) in [("1", "005930"), ("2", "005930"), ("3", "000660")] {
        let made = judged(name, symbol, books.after(60).now);
        books.store.record_decision(&made.clone().into()).unwrap();
    }
    books.trade("1", Side::Buy, "101", "69900");
    let refusal = ProposalRefused {
        numbers: None,
        decision_id: DecisionId::from_stored("d-2".into()),
        instrument: stock("005930"),
        action: Action::Buy,
        reason: "FatFinger".into(),
        detail: "31 % of cash is more than 30 %".into(),
        at: books.now,
    };
    books.store.record_refusal(&refusal).unwrap();
    let made = |books: &Books, stock: Option<&str>, since| {
        let stock = stock.map(|text| text.parse::<StockWanted>().unwrap());
        let wanted = DecisionsWanted { stock, since, limit: 50 };
        let Answer::Decisions { decisions, .. } = books.ask(&Question::Decisions(wanted), &[]) else {
            panic!()
        };
        decisions.into_iter().map(|d| (d.id.to_string(), d.outcome)).collect::<Vec<_>>()
    };
    let refused = ("d-2".to_owned(), Some("refused, FatFinger: 31 % of cash is more than 30 %".to_owned()));
    let bought = ("d-1".to_owned(), Some("BUY 10 at 70000: Filled, filled 10".to_owned()));
    for stock in ["005930", "KR:005930"] {
        assert_eq!(made(&books, Some(stock), None), [refused.clone(), bought.clone()]);
    }
    assert_eq!(made(&books, None, None).len(), 3);
    assert_eq!(made(&books, Some("JP:005930"), None), []);
    assert_eq!(made(&books, None, Some(Since::At(books.now + TimeDelta::seconds(1)))), []);
}

#[test]
fn whoever_follows_events_misses_none_and_sees_none_twice() {
    let mut books = Books::new();
    let tell = |books: &mut Books, kind, text: &str| {
        let event = RecordEvent { kind, market: None, text: text.into() };
        books.store.record_event(&event, books.now).unwrap();
    };
    (1..=5).for_each(|number| tell(&mut books, EventKind::Report, &number.to_string()));
    let wanted = |after, limit| EventsWanted { kind: Some(EventKind::Report), since: None, after, limit };
    let texts = |events: &[EventLine]| events.iter().map(|event| event.text.clone()).collect::<Vec<_>>();
    let (events, more, last) = books.events(wanted(None, 2));
    assert_eq!(
        (texts(&events), more),
        (vec!["4".to_owned(), "5".to_owned()], true),
        "the newest, oldest first"
    );
    tell(&mut books, EventKind::Alarm, "not asked for");
    (6..=8).for_each(|number| tell(&mut books, EventKind::Report, &number.to_string()));
    let (events, more, _) = books.events(wanted(Some(last), 2));
    assert_eq!((texts(&events), more), (vec!["6".to_owned(), "7".to_owned()], true));
    let (events, more, last) = books.events(wanted(events.last().map(|event| event.id), 2));
    assert_eq!((texts(&events), more), (vec!["8".to_owned()], false));
    assert_eq!(books.events(wanted(Some(last), 2)).0, []);
}

fn refused(name: &str, at: DateTime<Utc>, measured: &str) -> ProposalRefused {
    use domain::messages::trading::{Comparison, GateNumbers};
    ProposalRefused {
        decision_id: DecisionId::from_stored(format!("d-{name}")),
        instrument: stock("005930"),
        action: Action::Buy,
        reason: "FatFinger".into(),
        detail: "an order of 310000 KRW is more than 30 % of 1000000 KRW".into(),
        numbers: Some(GateNumbers {
            measured: measured.parse().unwrap(),
            comparison: Comparison::AtMost,
            threshold: "300000".parse().unwrap(),
            unit: "KRW".into(),
        }),
        at,
    }
}

impl Books {
    fn why(&self, text: &str, at: Option<DateTime<Utc>>) -> Option<domain::messages::operator::Story> {
        let stock = text.parse().unwrap();
        let Answer::Why { story, .. } = self.ask(&Question::Why { stock, at }, &[]) else { panic!() };
        story.map(|story| *story)
    }

    fn why_not(&self, text: &str) -> Vec<domain::messages::operator::Obstacle> {
        let stock = text.parse().unwrap();
        let answer = self.ask(&Question::WhyNot { stock, on: None }, &[]);
        let Answer::WhyNot { obstacles, .. } = answer else { panic!() };
        obstacles
    }
}

#[test]
fn why_tells_the_whole_chain_of_the_newest_order_or_of_a_time() {
    let mut books = Books::new();
    assert_eq!(books.why("005930", None), None);
    for (name, seconds) in [("1", 0), ("2", 600)] {
        let made = judged(name, "005930", books.after(seconds).now);
        books.store.record_decision(&made.clone().into()).unwrap();
        let refusal = refused(name, books.now, "310000");
        books.store.record_refusal(&refusal).unwrap();
        if name == "1" {
            books.trade("1", Side::Buy, "101", "69900");
        }
    }
    let story = books.why("KR:005930", None).unwrap();
    assert_eq!(story.decision.unwrap().id.as_str(), "d-1", "the newest order, not the newest judgement");
    assert_eq!(story.refusals[0].numbers, refused("1", start(), "310000").numbers);
    let [order] = story.orders.try_into().unwrap();
    let [fill] = order.fills.try_into().unwrap();
    assert_eq!(
        (order.order.state, fill.quantity, fill.amount),
        (OrderState::Filled, Quantity::new(10), won(699_000))
    );
    assert_eq!((fill.cost, fill.pnl), (None, None), "a purchase realises nothing");

    let later = books.why("005930", Some(books.now)).unwrap();
    assert_eq!((later.decision.unwrap().id.as_str(), later.orders.len()), ("d-2", 0));
    assert_eq!(books.why("005930", Some(start() - TimeDelta::seconds(1))), None);
}

#[test]
fn why_tells_which_version_of_the_strategy_was_traded_by() {
    use domain::messages::evolution::ProposalNumber;
    use domain::messages::operator::StrategyLine;
    use domain::messages::trading::DecisionMade;
    let mut books = Books::new();
    let sql = "PRAGMA foreign_keys = OFF;
               INSERT INTO strategy_versions (seq, market, proposal, strategy, change_seq, at_ms) VALUES (4, 'KR', 3, '{}', 1, 1);";
    books.store.connection.batch_execute(sql).unwrap();
    let version = |version, proposal| Some(StrategyLine::Version { version, proposal });
    for (name, judge, booked, expected) in [
        ("1", "rules", None, Some(StrategyLine::Settings)),
        ("2", "rules", Some(4), version(4, Some(ProposalNumber(3)))),
        ("3", "gemini-x", Some(5), version(5, None)),
        ("4", risk_guard::EXITS_JUDGE, None, None),
    ] {
        let decision = Decision { judge: judge.into(), ..judged(name, "005930", books.after(60).now) };
        let made = DecisionMade { strategy_version: booked, ..decision.into() };
        books.store.record_decision(&made).unwrap();
        let story = books.why("005930", None).unwrap();
        assert_eq!(story.strategy, expected, "{name}");
        let shown = crate::control::answers::show(&Answer::Why {
            stock: "005930".parse().unwrap(),
            story: Some(Box::new(story)),
        });
        assert_eq!(shown.contains("  strategy   "), expected.is_some(), "{shown}");
        assert_eq!(shown.contains("version 4, of proposal 0003"), booked == Some(4), "{shown}");
    }
}

#[test]
fn why_tells_what_became_of_a_purchase_however_much_was_traded_since() {
    let mut books = Books::new();
    let bought_at = books.now;
    books.store.record_decision(&judged("1", "005930", bought_at).into()).unwrap();
    books.trade("1", Side::Buy, "101", "70000");
    books.after(600).trade("2", Side::Sell, "102", "69300");
    let mut other = intent("3", Side::Buy, books.now);
    other.terms.instrument = stock("000660");
    books.accepted(&other, "103");
    let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
                INSERT INTO fills (intent_id, quantity, amount_micros, price_micros, booked_at_ms)
                SELECT 'i-3', 1, 1, 1, i FROM n";
    diesel::sql_query(many).execute(&mut books.store.connection).unwrap();
    let story = books.why("005930", Some(bought_at + TimeDelta::seconds(1))).unwrap();
    assert_eq!(story.decision.unwrap().id.as_str(), "d-1");
    assert_eq!(story.pnl_pct, Some("-1".parse().unwrap()));
    assert!(story.closed_at.is_some() && story.bought_at.is_none());
    let sale = books.why("005930", None).unwrap();
    assert_eq!((sale.orders[0].order.side, sale.bought_at), (Side::Sell, Some(bought_at)));
}

#[test]
fn a_code_of_several_markets_is_told_by_what_happened_last_in_any() {
    let mut books = Books::new();
    for (name, market) in [("1", Market::Jp), ("2", Market::Kr), ("3", Market::Hk)] {
        let mut made = judged(name, "5930", books.after(60).now);
        made.instrument.market = market;
        books.store.record_decision(&made.into()).unwrap();
    }
    let decided =
        |books: &Books, text: &str, at| books.why(text, at).unwrap().decision.unwrap().id.to_string();
    assert_eq!(decided(&books, "5930", None), "d-3");
    assert_eq!(decided(&books, "JP:5930", None), "d-1");
    assert_eq!(decided(&books, "5930", Some(books.now - TimeDelta::seconds(60))), "d-2");
    let next_day = Some(books.now + TimeDelta::days(1));
    assert_eq!(
        decided(&books, "5930", next_day),
        "d-3",
        "an instant without a session is told by the one before"
    );
}

#[test]
fn why_not_names_the_furthest_stage_and_the_smallest_change_that_would_have_passed() {
    use domain::messages::operator::Stage;
    let mut books = Books::new();
    assert_eq!(books.why_not("005930"), []);
    let hold = Decision { action: Action::Hold, ..judged("1", "005930", books.now) };
    books.store.record_decision(&hold.clone().into()).unwrap();
    let stage = |books: &Books| {
        let [found] = books.why_not("005930").try_into().unwrap();
        (found.stage, found.gate, found.numbers.map(|numbers| numbers.change().to_string()))
    };
    assert_eq!(stage(&books), (Stage::Judgement, "HOLD".into(), None));
    let rationale = "score 1.5 of 5.0; nearest is +2.0 if RSI14 < 35".to_owned();
    let short = Decision { rationale, action: Action::Hold, ..judged("4", "005930", books.after(60).now) };
    books.store.record_decision(&short.into()).unwrap();
    assert_eq!(stage(&books), (Stage::Judgement, "HOLD".into(), Some("3.5".into())));
    let buy = judged("2", "005930", books.after(60).now);
    books.store.record_decision(&buy.clone().into()).unwrap();
    assert_eq!(stage(&books), (Stage::Proposal, "Unanswered".into(), None));
    let refusal = refused("2", books.now, "310000");
    books.store.record_refusal(&refusal).unwrap();
    assert_eq!(stage(&books), (Stage::Limits, "FatFinger".into(), Some("-10000".into())));
    let now = books.now;
    books.accepted(&intent("2", Side::Buy, now), "102");
    assert_eq!(stage(&books), (Stage::Exchange, "Accepted".into(), None));
    books.book(vec![row("102", Side::Buy, 10, "69900")]);
    assert_eq!(stage(&books).0, Stage::Traded);
}

#[test]
fn a_stock_that_riskguard_lets_wait_is_told_why_and_until_when() {
    use domain::messages::operator::Stage;
    use domain::messages::schedule::{Slot, SlotKey};
    use domain::messages::selection::SelectionsMade;
    use domain::selection::{Evidence, GateCheck, Selection, SelectionGate, Verdict, Wait, WaitCause};
    use domain::{SelectionContext, Signal};
    let mut books = Books::new();
    let context = SelectionContext {
        rsi: None,
        volume_ratio: None,
        rsi_proxy: None,
        volume_ratio_proxy: None,
        signal: Signal::Oversold,
        score: "80".parse().unwrap(),
    };
    let wait = Wait { cause: WaitCause::Lost, until: "2026-11-24T02:00:00Z".parse().unwrap() };
    let gates = vec![GateCheck::told(SelectionGate::Wait, false)];
    let evidence =
        Evidence { context, price: Some(price("70000")), restriction: None, wait: Some(wait), gates };
    let verdict = Verdict::Rejected(SelectionGate::Wait);
    let key = SlotKey { market: Market::Kr, session_date: today().session_date, slot: Slot::Realtime(15) };
    let selections = vec![Selection { instrument: stock("005930"), verdict, evidence }];
    books.store.record_selections(&SelectionsMade { key, at: books.now, selections }).unwrap();
    let [found] = books.why_not("005930").try_into().unwrap();
    assert_eq!((found.stage, found.gate.as_str()), (Stage::Selection, "wait"));
    let words = "the scan of realtime-15 did not choose it: it is not bought until 2026-11-24 02:00:00 UTC: it was sold at a loss";
    assert_eq!(found.detail, words);
    assert!(found.numbers.is_none(), "no number would have to change");
}

#[test]
fn a_stock_that_no_scan_chose_is_told_the_gate_and_what_was_missing() {
    use domain::messages::operator::Stage;
    use domain::messages::schedule::{Slot, SlotKey};
    use domain::messages::selection::SelectionsMade;
    use domain::selection::{Evidence, GateCheck, Selection, SelectionGate, Verdict};
    use domain::{SelectionContext, Signal};
    let mut books = Books::new();
    let check = GateCheck::of(SelectionGate::Movement, Some("0.5".parse().unwrap()), "0.8".parse().unwrap());
    let context = SelectionContext {
        rsi: None,
        volume_ratio: None,
        rsi_proxy: Some("55.5".parse().unwrap()),
        volume_ratio_proxy: None,
        signal: Signal::Neutral,
        score: "12".parse().unwrap(),
    };
    let evidence =
        Evidence { context, price: Some(price("70000")), restriction: None, wait: None, gates: vec![check] };
    let selection = Selection {
        instrument: stock("005930"),
        verdict: Verdict::Rejected(SelectionGate::Movement),
        evidence,
    };
    let slot = Slot::Realtime(15);
    let key = SlotKey { market: Market::Kr, session_date: today().session_date, slot };
    let made = SelectionsMade { key, at: books.now, selections: vec![selection] };
    books.store.record_selections(&made).unwrap();
    let [found] = books.why_not("005930").try_into().unwrap();
    assert_eq!((found.stage, found.gate.as_str()), (Stage::Selection, "movement"));
    assert_eq!(found.numbers.unwrap().change(), "0.3".parse().unwrap());

    let decision = judged("1", "005930", books.now);
    books.store.record_decision(&decision.clone().into()).unwrap();
    let story = books.why("005930", None).unwrap();
    assert_eq!(story.considered[0].verdict, "movement");
    let answer = books.ask(&Question::Why { stock: "005930".parse().unwrap(), at: None }, &[]);
    let line = serde_json::to_string(&answer).unwrap();
    assert_eq!(serde_json::from_str::<Answer>(&line).unwrap(), answer, "it survives the socket: {line}");
}
