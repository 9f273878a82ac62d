//! How SQLite finds what is asked for: nothing that is asked with each order, at each look or at each start reads a table
//! from end to end that grows as long as the agent runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use diesel::connection::{Connection as _, InstrumentationEvent};
use diesel::sql_types::Text;
use diesel_migrations::MigrationHarness as _;
use domain::messages::consultation::ClosedPositions;
use domain::messages::ledger::{ConfidentLosers, EventsAfter, RecentDecisions};
use domain::messages::limits::SetbacksSince;
use domain::messages::operator::{Question, StockWanted};
use domain::messages::selection::RecentlyTraded;
use domain::{EventId, Market};

use super::fencing::{OF_ORDERS, OF_THE_DAY, filled, snapshot};
use super::*;
use crate::store::Sight;
use crate::store::open::MIGRATIONS;
use crate::store::tests::dump;

/// Tables that may be read from end to end, by the names that statements give them, and why they stay small.
const SMALL: [(&str, &str); 12] = [
    ("ledger_state", "one row"),
    ("s", "ledger_state in the conditional update"),
    ("standing_halts", "halts that nobody has lifted"),
    ("t", "standing_halts in the conditional update"),
    ("open_days", "days that are not closed"),
    ("positions", "one row per stock"),
    ("net_shares", "one row per stock"),
    ("sale_sums", "one row per market"),
    ("other_shares", "one row per stock"),
    ("share_doubts", "one row per stock"),
    ("limit_changes", "made by a person's hand, and read back to the last withdrawal only"),
    ("limit_values", "made by a person's hand"),
];

/// Statements by what asked for them.
type Heard = Arc<Mutex<BTreeMap<String, String>>>;

fn listen(store: &mut SqliteStore, heard: &Heard, who: &str) {
    let (heard, who) = (heard.clone(), who.to_owned());
    store.connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let sql = text.split(" -- binds").next().unwrap_or_default().trim().to_owned();
            heard.lock().unwrap().entry(sql).or_insert_with(|| who.clone());
        }
    });
}

type Read = (&'static str, fn(&mut Books));

const READS: [Read; 13] = [
    ("trading_state", |b| drop(b.store.trading_state().unwrap())),
    ("open_intents", |b| drop(b.store.open_intents().unwrap())),
    ("unclosed_days", |b| drop(b.store.unclosed_days().unwrap())),
    ("own_positions", |b| drop(b.store.own_positions().unwrap())),
    ("approvals_since", |b| drop(b.store.approvals_since(start()).unwrap())),
    ("setbacks_since", |b| {
        let query = SetbacksSince { since: start(), instrument: Some(stock("005930")) };
        drop(b.store.setbacks_since(&query).unwrap());
    }),
    ("unknowns_lately", |b| assert_eq!(b.store.unknowns_lately(b.now), Ok(1))),
    ("events", |b| {
        b.store.last_event().unwrap();
        drop(b.store.events_after(&EventsAfter { after: EventId(3), limit: 9 }).unwrap());
    }),
    ("booked_occasions", |b| drop(b.store.booked_occasions(today().session_date).unwrap())),
    ("recently_traded", |b| {
        drop(b.store.recently_traded(RecentlyTraded { market: Market::Kr, limit: 9 }).unwrap());
    }),
    ("recent_decisions", |b| {
        drop(b.store.recent_decisions(&RecentDecisions { market: Market::Kr, limit: 9 }).unwrap());
    }),
    ("closed_positions", |b| {
        drop(
            b.store
                .closed_positions(ClosedPositions { market: Market::Kr, limit: 9, closed_before: None })
                .unwrap(),
        );
    }),
    ("confident_losers", |b| {
        let (market, session_date) = (Market::Kr, today().session_date);
        let min_confidence = Confidence::new(80).unwrap();
        drop(b.store.confident_losers(&ConfidentLosers { market, session_date, min_confidence }).unwrap());
    }),
];

/// Books in which something is open, unknown, halted, decided and sold.
fn busy() -> Books {
    let mut books = Books::new();
    super::judgements::losing_round_trip(&mut books);
    books.store.reserve_oracle_call(&model_call("y", 9), books.now).unwrap();
    for (name, write) in OF_THE_DAY {
        write(&mut books).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let mut lost = intent("8", Side::Buy, books.now);
    lost.terms.instrument = stock("068270");
    books.unknown(&lost);
    let ours = [row("101", Side::Buy, 10, "70000"), row("102", Side::Sell, 10, "69300")];
    books.book(ours.into_iter().chain([row("900", Side::Buy, 3, "69900")]).collect());
    books
}

/// Every statement of an order's way, a day's way, the looks at account and books, and a start.
fn heard() -> BTreeMap<String, String> {
    let heard = Heard::default();
    for (name, write) in OF_ORDERS.into_iter().chain(OF_THE_DAY) {
        let mut books = Books::new();
        filled(&mut books);
        listen(&mut books.store, &heard, name);
        // What a rule refuses has asked before.
        let _asked = write(&mut books);
    }
    for (name, read) in READS {
        let mut books = busy();
        listen(&mut books.store, &heard, name);
        read(&mut books);
    }
    let mut books = Books::new();
    listen(&mut books.store, &heard, "a day");
    books.accepted(&buy("1"), "101");
    books.unknown(&super::fencing::other("2", "000660"));
    books.book(vec![row("101", Side::Buy, 10, "69900"), row("900", Side::Sell, 10, "69900")]);
    books.book(vec![row("101", Side::Buy, 10, "69900"), row("900", Side::Sell, 10, "69900")]);
    let seen = snapshot(&books);
    books.after(300).store.compare_holdings(&seen, start()).unwrap();
    books.store.compare_holdings(&seen, start()).unwrap();
    books.halt("h-1");
    books.lift_all();
    assert!(matches!(books.begin(&buy("1")), Begun::Refused(_)));
    books.store.boot(&boot_facts(1, start())).unwrap();
    drop(books);
    Arc::try_unwrap(heard).unwrap().into_inner().unwrap()
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// Tables that a statement reads from end to end, by the names that it gives them.
fn scanned(conn: &mut SqliteConnection, sql: &str) -> Vec<String> {
    let whole = |step: &Step| {
        let mut words = step.detail.split(' ');
        let (what, table) = (words.next()?, words.next()?);
        // Without an index a search is one for the least or the greatest, row by row; that of a key is its first step.
        let is_scan = what == "SCAN" || what == "SEARCH" && !step.detail.contains(" USING ");
        let is_key = table == "events" && sql.contains("max(`events`.`id`)")
            || table == "fills" && sql.contains("max(id), 0) FROM fills");
        (is_scan && !is_key && !table.starts_with('(') && table != "CONSTANT").then(|| table.to_owned())
    };
    steps(conn, sql).iter().filter_map(whole).collect()
}

fn steps(conn: &mut SqliteConnection, sql: &str) -> Vec<Step> {
    diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}"))
        .load(conn)
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
}

#[test]
fn no_question_of_an_order_a_look_or_a_start_reads_a_table_that_grows_from_end_to_end() {
    let heard = heard();
    let mut books = Books::new();
    let mut statements = 0;
    let mut long = Vec::new();
    for (sql, who) in &heard {
        // The plan of an INSERT tells only what would be read if a foreign key were broken at that moment.
        if !["SELECT", "UPDATE", "DELETE"].iter().any(|verb| sql.starts_with(verb)) {
            continue;
        }
        statements += 1;
        for table in scanned(&mut books.store.connection, sql) {
            if !SMALL.iter().any(|(small, _)| *small == table) {
                long.push(format!("{who} reads all of {table}: {sql}"));
            }
        }
    }
    assert!(statements > 40, "only {statements} statements were heard");
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// What `why` and `why-not` ask the books, of a code alone and of a stock, of an instant or a day and of the newest.
fn heard_of_questions() -> BTreeMap<String, String> {
    let heard = Heard::default();
    let books = busy();
    let (at, on) = (books.now, today().session_date);
    for market in [None, Some(Market::Kr)] {
        let stock = StockWanted { market, symbol: "005930".parse().unwrap() };
        for question in [
            Question::Why { stock: stock.clone(), at: None },
            Question::Why { stock: stock.clone(), at: Some(at) },
            Question::WhyNot { stock: stock.clone(), on: None },
            Question::WhyNot { stock: stock.clone(), on: Some(on) },
            // Without an order on that day the judgements are looked at.
            Question::WhyNot { stock, on: on.succ_opt() },
        ] {
            let mut reader = books.database.reader().unwrap();
            listen(&mut reader.store, &heard, &format!("{question:?}"));
            reader.answer(&question, Sight { now: at, accounts: &[] }).unwrap();
        }
    }
    Arc::try_unwrap(heard).unwrap().into_inner().unwrap()
}

#[test]
fn why_and_why_not_read_the_rows_of_their_stock_and_day_and_no_others() {
    let heard = heard_of_questions();
    let conn = &mut Books::new().store.connection;
    let mut of_stock = 0;
    for (sql, who) in &heard {
        assert_eq!(scanned(conn, sql), [] as [String; 0], "{who}: {sql}");
        let steps: Vec<String> = steps(conn, sql).into_iter().map(|step| step.detail).collect();
        let steps = steps.join("; ");
        for (table, column) in [("decisions", "`decisions`.`symbol` ="), ("intents", "`intents`.`symbol` =")]
        {
            if !sql.contains(column) {
                continue;
            }
            of_stock += 1;
            let by = if sql.contains(&format!("`{table}`.`session_date` "))
                && sql.contains("session_date` <= ?")
            {
                "AND session_date<?)"
            } else if sql.contains(&format!("`{table}`.`session_date` = ")) {
                "AND session_date=?)"
            } else {
                "(symbol=? AND market=?)"
            };
            assert!(steps.contains(by), "{who} looks by another index: {steps}: {sql}");
            let one_is_wanted = sql.contains("LIMIT") && !sql.contains("`filled` DESC");
            assert!(!(one_is_wanted && steps.contains("TEMP B-TREE")), "{who} reads all: {steps}: {sql}");
        }
    }
    assert!(of_stock >= 10, "only {of_stock} of {} statements look for a stock", heard.len());
}

#[test]
fn what_speaks_against_one_stock_is_found_by_time_and_not_through_the_whole_past_of_the_stock() {
    let heard = Heard::default();
    let mut books = busy();
    listen(&mut books.store, &heard, "setbacks_since");
    for instrument in [None, Some(stock("005930"))] {
        drop(books.store.setbacks_since(&SetbacksSince { since: start(), instrument }).unwrap());
    }
    let heard = heard.lock().unwrap().clone();
    let questions: Vec<&String> = heard.keys().filter(|sql| sql.starts_with("SELECT")).collect();
    assert_eq!(questions.len(), 6, "{questions:?}");
    for sql in questions {
        let steps = steps(&mut Books::new().store.connection, sql).into_iter();
        let steps: Vec<String> = steps.map(|step| step.detail).collect();
        let searches: Vec<&String> = steps.iter().filter(|step| step.starts_with("SEARCH")).collect();
        assert!(searches.iter().any(|step| step.contains("at_ms>?")), "{sql}: {steps:?}");
        let is_bounded = |step: &&String| step.contains("at_ms>?") || step.contains("(id=?)");
        assert!(searches.iter().all(is_bounded), "{sql}: {steps:?}");
        assert!(steps.iter().all(|step| !step.starts_with("SCAN")), "{sql}: {steps:?}");
    }
}

#[test]
fn a_statement_without_an_index_is_told_apart() {
    let mut books = Books::new();
    let mut scanned = |sql: &str| scanned(&mut books.store.connection, sql);
    assert_eq!(scanned("SELECT id FROM intents WHERE remark = 'x'"), ["intents"]);
    assert_eq!(scanned("SELECT max(expires_at_ms) FROM approvals"), ["approvals"]);
    assert_eq!(scanned("SELECT id FROM intents WHERE id = 'x'"), [] as [String; 0]);
}

/// The tables that triggers keep beside the books.
const KEPT: [&str; 5] = ["open_days", "standing_halts", "other_shares", "positions", "sale_sums"];

fn kept(books: &mut Books) -> dump::Dump {
    let mut all = dump::all(&mut books.store.connection);
    all.retain(|table, _| KEPT.contains(&table.as_str()));
    // A stock of which nothing is left may have a row, or none.
    if let Some(rows) = all.get_mut("other_shares") {
        rows.retain(|row| !row.ends_with(",0]"));
    }
    all
}

#[test]
fn what_is_kept_beside_the_books_is_what_a_start_from_older_ones_would_find_in_them() {
    let mut days: Vec<Books> = vec![busy(), Books::new(), Books::new()];
    filled(&mut days[1]);
    days[1].lift_all();
    days[1].halt("h-7");
    let late = &mut days[2];
    late.accepted(&buy("1"), "101");
    late.book(vec![row("101", Side::Buy, 10, "69900"), row("900", Side::Buy, 3, "69900")]);
    late.book(vec![row("101", Side::Buy, 10, "69900"), row("900", Side::Buy, 7, "69900")]);
    let list = late.after(60).list(vec![row("101", Side::Buy, 10, "69900")]);
    late.store.close_day(&list, late.now).unwrap();
    for books in &mut days {
        let before = kept(books);
        let conn = &mut books.store.connection;
        // Back to before the migration that keeps them.
        while conn.revert_last_migration(MIGRATIONS).unwrap().to_string() != "20261126000110" {}
        conn.run_pending_migrations(MIGRATIONS).unwrap();
        assert_eq!(kept(books), before);
    }
    let filled_in: Vec<usize> =
        KEPT.iter().map(|table| days.iter_mut().map(|books| kept(books)[*table].len()).sum()).collect();
    assert!(filled_in.iter().all(|rows| *rows > 0), "{filled_in:?} rows of {KEPT:?}");
}

#[test]
fn the_page_finds_profit_and_events_of_a_quiet_day_without_reading_the_past() {
    use domain::messages::ledger::EventKind;
    use domain::messages::operator::{EventsWanted, Since};
    let heard = Heard::default();
    let books = busy();
    let since = Some(Since::SecondsAgo(60));
    let events = |kind| Question::Events(EventsWanted { kind, since, after: None, limit: 9 });
    for question in [Question::Pnl { since: None }, events(None), events(Some(EventKind::Halt))] {
        let mut reader = books.database.reader().unwrap();
        listen(&mut reader.store, &heard, &format!("{question:?}"));
        reader.answer(&question, Sight { now: books.now, accounts: &[] }).unwrap();
    }
    let heard = Arc::try_unwrap(heard).unwrap().into_inner().unwrap();
    let conn = &mut Books::new().store.connection;
    let of_events: Vec<_> = heard.keys().filter(|sql| sql.contains("`events`.`at_ms` >=")).collect();
    assert_eq!(of_events.len(), 2, "{heard:?}");
    for sql in of_events {
        let steps: Vec<String> = steps(conn, sql).into_iter().map(|step| step.detail).collect();
        let is_bounded = |step: &String| step.contains("INDEX events_by_time (at_ms>?)");
        assert!(steps.iter().all(is_bounded), "{sql}: {steps:?}");
    }
    for (sql, who) in &heard {
        let grows = |table: &&String| !["day_starts", "external_shares"].contains(&table.as_str());
        let long: Vec<String> = scanned(conn, sql).into_iter().filter(|table| grows(&table)).collect();
        assert!(
            long.iter().all(|table| SMALL.iter().any(|(small, _)| small == table)),
            "{who}: {sql}: {long:?}"
        );
    }
}

#[test]
fn what_stands_is_not_taken_away_but_by_what_ends_it() {
    let mut books = Books::new();
    filled(&mut books);
    for sql in [
        "DELETE FROM standing_halts",
        "UPDATE standing_halts SET halt_seq = 99",
        "DELETE FROM open_days",
        "UPDATE open_days SET market = 'JP'",
    ] {
        assert!(diesel::sql_query(sql).execute(&mut books.store.connection).is_err(), "{sql}");
    }
}
