//! What is old goes, in slices; what an order, a holding or an open question needs stays.

use std::collections::BTreeSet;
use std::fs;

use diesel::connection::SimpleConnection;
use domain::Decision;
use domain::messages::consultation::DecisionBasis;
use domain::messages::ledger::{EventKind, RecordEvent};
use domain::messages::occasions::{Occasion, OccasionKind};
use domain::messages::trading::DecisionMade;
use trade_ledger::retention::{OWN, Retention, SLICE_ROWS, TABLES, markdown};

use super::*;

const SHORT: Retention = Retention { looks_days: 30, prompts_days: 30, events_days: 30 };

fn judged(name: &str, symbol: &str, action: Action, at: DateTime<Utc>) -> Decision {
    Decision {
        id: DecisionId::from_stored(format!("d-{name}")),
        instrument: stock(symbol),
        action,
        confidence: Confidence::new(85).unwrap(),
        rationale: "quiet".into(),
        price: Some("70000".parse().unwrap()),
        selection: None,
        at,
        session_date: at.date_naive(),
        judge: "rules".into(),
    }
}

fn later(days: i64) -> DateTime<Utc> {
    start() + TimeDelta::days(days)
}

fn select(store: &mut SqliteStore, symbol: &str) {
    let sql = format!(
        "INSERT INTO selections (market, session_date, symbol, verdict, first_at_ms, last_at_ms, slot, evidence)
             VALUES ('KR', '2026-11-24', '{symbol}', 'chosen', {0}, {0}, 'daily-1', '{{}}')",
        start().timestamp_millis()
    );
    store.connection.batch_execute(&sql).unwrap();
}

/// A line at a later time: the triggers measure age by the newest one.
fn live_on(store: &mut SqliteStore, at: DateTime<Utc>) {
    let line = RecordEvent { kind: EventKind::Process, market: None, text: "started".into() };
    store.record_event(&line, at).unwrap();
}

/// Goes through everything that is old; the rows that went.
fn sweep(store: &mut SqliteStore, at: DateTime<Utc>) -> u64 {
    let mut rows = 0;
    loop {
        let dropped = store.drop_old(&SHORT, at).unwrap();
        assert!(dropped.looked_at <= SLICE_ROWS.into() && dropped.rows <= dropped.looked_at.max(1) * 1_000);
        rows += dropped.rows;
        if dropped.looked_at == 0 {
            return rows;
        }
    }
}

/// A day with two HOLDs, a purchase that was judged by a model, an occasion, and selections.
fn fill(store: &mut SqliteStore, purchase: &NewIntent) {
    store.reserve_oracle_call(&model_call("KR/1", 9), start()).unwrap();
    let asked = consultation("KR/1", start());
    store.record_consultation(&asked).unwrap();
    let basis = DecisionBasis { call: asked.call, withheld: None, delay_minutes: 0 };
    for (name, symbol, action) in
        [("1", "005930", Action::Hold), ("buy", "005930", Action::Buy), ("2", "000660", Action::Hold)]
    {
        let made = DecisionMade {
            decision: judged(name, symbol, action, start()),
            basis: Some(basis.clone()),
            strategy_version: None,
        };
        store.record_decision(&made).unwrap();
    }
    begin_rich(store, purchase);
    store.commit_approval(purchase, start()).unwrap();
    select(store, "005930");
    select(store, "000660");
    let slot = Occasion {
        market: Market::Kr,
        session_date: today().session_date,
        kind: OccasionKind::Slot,
        begins_at: start(),
        label: "daily-1".into(),
    };
    store.book_occasions(&[slot], start()).unwrap();
}

fn names(store: &mut SqliteStore, sql: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Name {
        #[diesel(sql_type = diesel::sql_types::Text)]
        name: String,
    }
    let rows: Vec<Name> = diesel::sql_query(sql).load(&mut store.connection).unwrap();
    rows.into_iter().map(|row| row.name).collect()
}

#[test]
fn each_table_of_the_schema_has_a_row_in_the_list_of_what_is_kept_and_the_list_is_in_the_operators_book() {
    let mut books = Books::new();
    let of_schema: BTreeSet<String> = dump::columns(&mut books.store.connection).into_keys().collect();
    let listed: BTreeSet<String> = TABLES.iter().chain(&OWN).map(|kept| kept.table.to_owned()).collect();
    assert_eq!(listed, of_schema);
    let told = include_str!("../../../deploy/OPERATIONS.md");
    assert!(told.contains(&markdown()), "deploy/OPERATIONS.md should hold:\n{}", markdown());
}

#[test]
fn old_looks_go_and_what_an_order_rests_on_stays() {
    let mut books = Books::new();
    let purchase = buy("buy");
    fill(&mut books.store, &purchase);
    books.store.connection.batch_execute("UPDATE intents SET state = 'Rejected'").unwrap();
    let before = books.store.summary().unwrap();
    assert_eq!(sweep(&mut books.store, later(31)), 0, "young by the newest line");
    live_on(&mut books.store, later(400));
    assert!(sweep(&mut books.store, later(400)) > 0);
    let store = &mut books.store;
    assert_eq!(names(store, "SELECT id AS name FROM decisions"), ["d-buy"]);
    assert_eq!(names(store, "SELECT decision_id AS name FROM decision_bases"), ["d-buy"]);
    assert_eq!(names(store, "SELECT symbol AS name FROM selections"), ["005930"]);
    assert_eq!(names(store, "SELECT label AS name FROM occasions"), [] as [&str; 0]);
    assert_eq!(names(store, "SELECT action AS name FROM trades"), [] as [&str; 0]);
    let call = names(store, "SELECT purpose || prompt || system || reply AS name FROM consultations");
    assert_eq!(call, ["KR/1"], "the call stays, its texts went");
    let kinds = names(store, "SELECT DISTINCT kind AS name FROM events ORDER BY kind");
    assert_eq!(kinds, ["approval", "process"]);
    assert_eq!(store.summary().unwrap(), before, "totals stay what they were");
    assert_eq!(sweep(store, later(400)), 0, "once");
    let sound = crate::store::open::check_soundness(&mut books.store.connection);
    assert_eq!(sound, Ok(()));
}

#[test]
fn while_the_fate_of_an_order_is_unknown_nothing_since_its_approval_goes() {
    let mut books = Books::new();
    let purchase = buy("buy");
    fill(&mut books.store, &purchase);
    assert_eq!(books.begin(&purchase), Begun::Sending);
    books.outcome(&purchase, &Outcome::Unknown("no answer within 5 s".into())).unwrap();
    live_on(&mut books.store, later(4_000));
    let before = dump::all(&mut books.store.connection);
    assert_eq!(sweep(&mut books.store, later(4_000)), 0);
    let mut after = dump::all(&mut books.store.connection);
    after.insert("retention_marks".into(), before["retention_marks"].clone());
    assert!(after == before);
}

#[test]
fn what_is_held_keeps_its_whole_story_and_a_reader_that_is_behind_its_lines() {
    let mut books = Books::new();
    let purchase = buy("buy");
    fill(&mut books.store, &purchase);
    assert_eq!(books.begin(&purchase), Begun::Sending);
    books.outcome(&purchase, &Outcome::Accepted(order("101"))).unwrap();
    books.book(vec![row("101", Side::Buy, 10, "70000")]);
    books.store.connection.batch_execute("INSERT INTO cursors VALUES ('slow', 1)").unwrap();
    live_on(&mut books.store, later(45));
    let lines = books.lines().len();
    sweep(&mut books.store, later(45));
    assert_eq!(names(&mut books.store, "SELECT id AS name FROM decisions"), ["d-1", "d-buy"]);
    assert_eq!(books.lines().len(), lines - 1, "of the lines only the one that was read");
    live_on(&mut books.store, later(100));
    sweep(&mut books.store, later(100));
    assert!(books.lines().len() < lines - 1, "a reader that is gone is not waited for");
}

#[test]
fn the_database_itself_refuses_to_lose_truth_and_what_is_young() {
    let mut books = Books::new();
    let purchase = buy("buy");
    fill(&mut books.store, &purchase);
    let refused = [
        "DELETE FROM decisions WHERE action = 'HOLD'",
        "DELETE FROM decisions WHERE action = 'BUY'",
        "DELETE FROM decision_bases",
        "DELETE FROM selections",
        "DELETE FROM occasions",
        "DELETE FROM events WHERE kind = 'decision'",
        "DELETE FROM events WHERE kind = 'approval'",
        "UPDATE consultations SET prompt = ''",
    ];
    for sql in refused {
        assert!(books.store.connection.batch_execute(sql).is_err(), "{sql}");
    }
    live_on(&mut books.store, later(31));
    for sql in [refused[1], refused[2], refused[6], "UPDATE consultations SET reply_bytes = 0"] {
        assert!(books.store.connection.batch_execute(sql).is_err(), "{sql}, old");
    }
    for sql in
        [refused[3], refused[4], refused[5], "UPDATE consultations SET system = '', prompt = '', reply = ''"]
    {
        books.store.connection.batch_execute(sql).unwrap();
    }
}

/// What lies on the disk at a moment is what a process that is killed then leaves.
#[test]
fn a_kill_in_the_middle_of_a_slice_loses_nothing_and_the_next_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let mut store = Database::open(file("a.db")).unwrap().store().unwrap();
    store.boot(&boot_facts(0, start())).unwrap();
    fill(&mut store, &buy("buy"));
    store.connection.batch_execute("UPDATE intents SET state = 'Rejected'").unwrap();
    live_on(&mut store, later(400));
    let before = dump::all(&mut store.connection);
    // Small enough a cache that half of the slice is in the journal before it is committed.
    store.connection.batch_execute("PRAGMA cache_size = 1; BEGIN IMMEDIATE;").unwrap();
    while crate::store::retention::drop_old(&mut store.connection, &SHORT, later(400)).unwrap().looked_at > 0
    {
    }
    assert!(dump::all(&mut store.connection) != before);
    for end in ["", "-wal"] {
        fs::copy(file(&format!("a.db{end}")), file(&format!("b.db{end}"))).unwrap();
    }
    store.connection.batch_execute("COMMIT").unwrap();
    let mut killed = Database::open(file("b.db")).unwrap().store().unwrap();
    assert!(dump::all(&mut killed.connection) == before, "as if the slice had never begun");
    killed.fence(FencingEpoch(1));
    sweep(&mut killed, later(400));
    assert!(dump::all(&mut killed.connection) == dump::all(&mut store.connection), "and then all of it");
}

#[test]
fn with_so_many_looks_a_day_the_file_stops_growing_once_the_first_of_them_are_old() {
    let mut books = Books::new();
    let mut bytes = Vec::new();
    for number in 0..120 {
        let at = later(number);
        for look in 0..40 {
            let hold =
                judged(&format!("{number}-{look}"), "000660", Action::Hold, at + TimeDelta::minutes(look));
            books.store.record_decision(&hold.into()).unwrap();
        }
        sweep(&mut books.store, at);
        let size = crate::store::retention::size(&mut books.store.connection).unwrap();
        bytes.push(size.bytes - size.free_bytes);
    }
    assert!(bytes[39] > bytes[20], "it grows at first: {bytes:?}");
    assert!(bytes[119] <= bytes[39] + 16 * 4_096, "and then no more: {bytes:?}");
}

#[test]
fn a_process_that_was_overtaken_drops_nothing_and_books_without_a_line_have_nothing_old() {
    let mut books = Books::new();
    fill(&mut books.store, &buy("buy"));
    books.store.connection.batch_execute("UPDATE intents SET state = 'Rejected'").unwrap();
    live_on(&mut books.store, later(400));
    books.store.boot(&boot_facts(1, later(400))).unwrap();
    let newest = FencingEpoch(books.fencing.0 + 1);
    books.store.fence(books.fencing);
    let refused = books.store.drop_old(&SHORT, later(400));
    assert_eq!(refused, Err(StoreError::Fenced { own: books.fencing, newest }));
    books.store.fence(newest);
    assert!(sweep(&mut books.store, later(400)) > 0);
}

#[test]
fn when_old_rows_were_last_looked_for_is_told_and_follows_a_clock_that_was_set_back() {
    let mut books = Books::new();
    let last_run =
        |store: &mut SqliteStore| crate::store::retention::size(&mut store.connection).unwrap().last_run;
    assert_eq!(last_run(&mut books.store), None);
    fill(&mut books.store, &buy("buy"));
    for at in [later(3), later(1)] {
        assert_eq!(sweep(&mut books.store, at), 0);
        assert_eq!(last_run(&mut books.store), Some(at));
        let tally = crate::store::tally::tally(&mut books.store.connection).unwrap();
        assert_eq!(tally.last_retention, Some(at));
    }
}
