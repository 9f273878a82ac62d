//! Two processes on one database: what the one that was overtaken may still write.

use diesel::SqliteConnection;
use domain::messages::ledger::{CallCost, EventKind, RecordEvent, SettleOracleCall};
use domain::messages::limits::{LimitName, LimitsChange, LimitsRecord};
use domain::messages::occasions::{Occasion, OccasionKind};
use domain::messages::schedule::{Slot, SlotKey};
use domain::messages::selection::SelectionsMade;
use domain::messages::symbols::{RequestResolution, RequestSymbolRelease, Resolution};
use domain::messages::trading::ProposalRefused;
use domain::{
    AccountSnapshot, Action, Currency, Decision, EventId, Evidence, Holding, Selection, SelectionContext,
    Signal, Verdict,
};

use super::*;
use crate::store::tests::dump;

/// Two connections to one database, each of a process of its own; the second has booted after the first.
struct Two {
    overtaken: Books,
    owner: SqliteStore,
    owners: FencingEpoch,
    _folder: tempfile::TempDir,
}

impl Two {
    /// What the first one began before: an order on its way, one approved, a halted stock, a halt, a flatten.
    fn after(prepare: impl FnOnce(&mut Books)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path().join("trades.db")).unwrap();
        let mut store = database.store().unwrap();
        let fencing = store.boot(&boot_facts(0, start())).unwrap().fencing;
        let mut overtaken = Books { database, store, fencing, now: start() };
        prepare(&mut overtaken);
        let mut owner = overtaken.database.store().unwrap();
        let owners = owner.boot(&boot_facts(1, start())).unwrap().fencing;
        Self { overtaken, owner, owners, _folder: folder }
    }

    fn dump(&mut self) -> dump::Dump {
        dump::all(connection(&mut self.owner))
    }
}

fn connection(store: &mut SqliteStore) -> &mut SqliteConnection {
    &mut store.connection
}

pub(super) fn other(name: &str, symbol: &str) -> NewIntent {
    let mut other = buy(name);
    other.terms.instrument = stock(symbol);
    other
}

pub(super) fn filled(books: &mut Books) {
    books.accepted(&buy("1"), "101");
    books.approve(&other("2", "000660")).unwrap();
    books.store.reserve_oracle_call(&model_call("y", 9), books.now).unwrap();
    let lost = other("3", "035420");
    books.approve(&lost).unwrap();
    assert_eq!(books.begin(&lost), Begun::Sending);
    let unsound = InquiryRow { ordered: Quantity::ZERO, ..row("102", Side::Buy, 0, "0") };
    books.book(vec![row("101", Side::Buy, 4, "69900"), unsound]);
    books.halt("h-1");
    books.halt_at("h-2", HaltLevel::Flatten);
}

pub(super) type Write = (&'static str, fn(&mut Books) -> Result<(), StoreError>);

pub(super) fn snapshot(books: &Books) -> AccountSnapshot {
    let quantity = Quantity::new(5);
    // Of a currency in which nothing moves: the first comparison waits for that.
    let instrument = Instrument { market: Market::UsNasdaq, symbol: "AAPL".parse().unwrap() };
    let held = Holding { instrument, quantity, sellable: quantity, average_price: None, price: None };
    AccountSnapshot {
        currency: Currency::Usd,
        taken_at: books.now,
        cash: None,
        equity: None,
        purchase_total: None,
        valuation_total: None,
        holdings: vec![held],
    }
}

fn limits(change: Option<LimitsChange>) -> LimitsRecord {
    let (source, by, reason) = (HaltSource::Operator, "mina".to_owned(), "a wild day".to_owned());
    LimitsRecord { at: start(), source, by, reason, change }
}

/// Writes about orders and days.
pub(super) const OF_ORDERS: [Write; 5] = [
    ("commit_approval", |b| b.approve(&other("9", "005380"))),
    ("record_outcome", |b| b.outcome(&other("3", "035420"), &Outcome::Accepted(order("103"))).map(drop)),
    ("abandon_sending", |b| b.store.abandon_sending(b.now).map(drop)),
    ("book_inquiry", |b| {
        let list = b.after(60).list(vec![row("101", Side::Buy, 10, "69900")]);
        b.store.book_inquiry(&list, b.now).map(drop)
    }),
    ("close_day", |b| {
        let list = b.after(60).list(vec![row("101", Side::Buy, 10, "69900")]);
        b.store.close_day(&list, b.now).map(drop)
    }),
];

/// Writes that loosen something, or stand for a person's word.
const OF_PEOPLE: [Write; 6] = [
    ("commit_release", |b| b.store.commit_release(&release(&[HaltId::from_stored("h-1".into())])).map(drop)),
    ("commit_latch", |b| b.store.commit_latch(&HaltId::from_stored("h-2".into()), b.now).map(drop)),
    ("record_limits", |b| b.store.record_limits(&limits(None)).map(drop)),
    ("record_limits, stricter", |b| {
        let change = LimitsChange::of(LimitName::MaxOrdersPerDay, 1.into());
        b.store.record_limits(&limits(Some(change))).map(drop)
    }),
    ("release_symbol", |b| {
        let (by, reason) = ("mina".into(), "looked".into());
        b.store
            .release_symbol(&RequestSymbolRelease { instrument: stock("005930"), by, reason }, b.now)
            .map(drop)
    }),
    ("resolve", |b| {
        let (intent, resolution) = (buy("3").intent, Resolution::None);
        let (by, reason) = ("mina".into(), "looked".into());
        b.store.resolve(&RequestResolution { intent, resolution, by, reason }, b.now).map(drop)
    }),
];

/// What the owner's day, budget, plan and notices hang on.
pub(super) const OF_THE_DAY: [Write; 14] = [
    ("record_day_start", |b| {
        let equity = Money::new(1.into(), Currency::Usd);
        let start = RecordDayStart {
            currency: Currency::Usd,
            session_date: today().session_date,
            equity: Some(equity),
            trips: Default::default(),
        };
        b.store.record_day_start(&start, b.now).map(drop)
    }),
    ("record_peak", |b| {
        let (instrument, peak) = (stock("005930"), "70000".parse().unwrap());
        let record = domain::messages::limits::RecordPeak { instrument, since: b.now, peak };
        b.store.record_peak(&record, b.now)
    }),
    ("reserve_oracle_call", |b| b.store.reserve_oracle_call(&model_call("x", 9), b.now).map(drop)),
    ("settle_oracle_call", |b| {
        let (quota_date, taken) = (today().session_date, CallCost { tokens: 1, money_micros: 1 });
        b.store.settle_oracle_call(&SettleOracleCall { quota_date, purpose: "y".into(), taken }, b.now)
    }),
    ("record_consultation", |b| b.store.record_consultation(&consultation("y", b.now))),
    ("book_occasions", |b| {
        let (market, session_date) = (Market::Kr, today().session_date);
        let (kind, label) = (OccasionKind::Slot, "daily-1".into());
        let told = Occasion { market, session_date, kind, begins_at: b.now, label };
        b.store.book_occasions(&[told], b.now).map(drop)
    }),
    ("compare_holdings", |b| {
        let snapshot = snapshot(b.after(300));
        b.store.compare_holdings(&snapshot, b.now).map(drop)
    }),
    ("cursor", |b| b.store.cursor("somebody new").map(drop)),
    ("book_chat", |b| {
        let place = domain::messages::chat::ChatPlace { update_id: 9, at: b.now };
        let book = domain::messages::chat::BookChat { place, commands: Vec::new() };
        b.store.book_chat(&book).map(drop)
    }),
    ("set_cursor", |b| b.store.set_cursor("notifier", EventId(3))),
    ("record_decision", |b| {
        let decision = Decision {
            id: DecisionId::from_stored("d-9".into()),
            instrument: stock("005930"),
            action: Action::Hold,
            confidence: Confidence::new(85).unwrap(),
            rationale: "none".into(),
            price: None,
            selection: None,
            at: b.now,
            session_date: today().session_date,
            judge: "rules".into(),
        };
        b.store.record_decision(&decision.clone().into()).map(drop)
    }),
    ("record_bars", |b| {
        let bar = domain::messages::bars::DayBar {
            session_date: today().session_date.pred_opt().unwrap(),
            open_micros: 1,
            high_micros: 1,
            low_micros: 1,
            close_micros: 1,
            volume: 0,
        };
        let seen = domain::messages::bars::BarsSeen { instrument: stock("005930"), bars: vec![bar] };
        b.store.record_bars(&seen, b.now).map(drop)
    }),
    ("record_selections", |b| {
        let context = SelectionContext {
            rsi: None,
            volume_ratio: None,
            rsi_proxy: None,
            volume_ratio_proxy: None,
            signal: Signal::Neutral,
            score: 0.into(),
        };
        let evidence = Evidence { context, price: None, restriction: None, wait: None, gates: Vec::new() };
        let selection = Selection { instrument: stock("005930"), verdict: Verdict::Chosen, evidence };
        let key = SlotKey { market: Market::Kr, session_date: today().session_date, slot: Slot::Daily(1) };
        b.store.record_selections(&SelectionsMade { key, at: b.now, selections: vec![selection] })
    }),
    ("record_refusal", |b| {
        b.store.record_refusal(&ProposalRefused {
            numbers: None,
            decision_id: DecisionId::from_stored("d-9".into()),
            instrument: stock("005930"),
            action: Action::Buy,
            reason: "Halted".into(),
            detail: "trading is halted".into(),
            at: b.now,
        })
    }),
];

fn every_write() -> impl Iterator<Item = Write> {
    OF_ORDERS.into_iter().chain(OF_PEOPLE).chain(OF_THE_DAY).chain(super::evolution::OF_EVOLUTION)
}

#[test]
fn invariant_12_a_process_that_was_overtaken_changes_nothing_in_the_books() {
    let mut two = Two::after(filled);
    let before = two.dump();
    let (own, newest) = (two.overtaken.fencing, two.owners);
    for (name, write) in every_write() {
        assert_eq!(write(&mut two.overtaken), Err(StoreError::Fenced { own, newest }), "{name}");
        assert!(two.dump() == before, "{name} changed the books");
    }
    assert_eq!(
        two.overtaken.begin(&other("2", "000660")),
        Begun::Refused(trade_ledger::PermitRefused::Fenced)
    );
    assert!(two.dump() == before);
}

/// The table above would prove nothing if those writes were refused for another reason, or changed nothing anyway.
#[test]
fn each_of_those_writes_changes_the_books_of_their_owner_or_is_refused_by_a_rule() {
    let ruled = ["commit_approval", "commit_latch", "resolve", "close_day"];
    for (name, write) in every_write() {
        let mut books = Books::new();
        filled(&mut books);
        let before = dump::all(&mut books.store.connection);
        let written = write(&mut books);
        let changed = dump::all(&mut books.store.connection) != before;
        match written {
            Ok(()) => assert!(changed || name == "set_cursor", "{name} changed nothing"),
            Err(StoreError::Refused(why)) => assert!(ruled.contains(&name), "{name}: {why}"),
            Err(error) => panic!("{name}: {error}"),
        }
    }
}

#[test]
fn invariant_10_a_halt_of_a_process_that_was_overtaken_stops_the_owner_too() {
    let mut two = Two::after(|_books| ());
    let mut new = buy("1");
    two.overtaken.halt("h-9");
    assert_eq!(two.owner.trading_state().unwrap().halts[0].id, "h-9");
    new.halt_epoch = two.owner.trading_state().unwrap().epoch;
    begin_rich(&mut two.owner, &new);
    assert!(matches!(two.owner.commit_approval(&new, start()), Err(StoreError::Refused(_))));
    let line = RecordEvent { kind: EventKind::Alarm, market: None, text: "overtaken".into() };
    two.overtaken.store.record_event(&line, start()).unwrap();
    assert!(two.overtaken.lines().contains(&"overtaken".to_owned()));
}

#[test]
fn invariant_12_whoever_boots_last_owns_the_books_and_a_connection_of_nobody_writes_nothing() {
    let mut two = Two::after(|_books| ());
    let mut nobody = two.overtaken.database.store().unwrap();
    let (own, newest) = (FencingEpoch::default(), two.owners);
    assert_eq!(nobody.abandon_sending(start()), Err(StoreError::Fenced { own, newest }));
    nobody.fence(newest);
    assert_eq!(nobody.abandon_sending(start()), Ok(Vec::new()));
    // The overtaken one starts again, as a supervisor would have it: now the other one is the stale one.
    two.overtaken.store.boot(&boot_facts(2, start())).unwrap();
    assert_eq!(two.overtaken.store.abandon_sending(start()), Ok(Vec::new()));
    assert!(matches!(two.owner.abandon_sending(start()), Err(StoreError::Fenced { .. })));
}
