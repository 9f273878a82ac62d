//! Databases of earlier versions, filled, and taken to this one; and each migration there, back and there again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Text;
use diesel_migrations::MigrationHarness as _;

use super::*;
use crate::store::open::MIGRATIONS;
use crate::store::schema::{net_shares, unknowns};
use crate::store::tests::dump::{self, Dump};
use crate::store::values::ms;

/// The first migration that was ever delivered.
const FIRST: &str = "20261124000001";

/// One row at least for each table of the first schema but `approvals`, `intents` and `fills`, which have one per state.
const FIRST_ROWS: &str = "
    INSERT INTO trades (timestamp, stock_code, action, confidence, rationale, quantity, price, pnl, market, exchange_code,
                        selection_context)
        VALUES ('2026-11-24T00:30:00.000Z', '005930', 'BUY', 85, 'oversold', 10, 70000.0, 0.0, 'KR', 'KRX', '{}'),
               ('2026-11-24T00:31:00.000Z', '000660', 'HOLD', 40, NULL, 0, NULL, 0.0, 'KR', 'KRX', NULL);
    UPDATE ledger_state SET halt_epoch = 2, fencing_epoch = 3;
    INSERT INTO boots (fencing_epoch, wall_at_ms) VALUES (1, 1000), (2, 2000), (3, 3000);
    INSERT INTO events (at_ms, kind, market, line)
        VALUES (1, 'halt', NULL, 'trading halted by mina'), (2, 'resume', NULL, 'halt h-1 lifted'),
               (3, 'fill', 'KR', 'bought 10 KR:005930 at 70000');
    INSERT INTO cursors (subscriber, last_event) VALUES ('notifier', 2);
    INSERT INTO decisions (id, market, symbol, action, confidence, rationale, price_micros, selection_context, session_date,
                           judge, at_ms)
        VALUES ('d-1', 'KR', '005930', 'BUY', 85, 'oversold', 70000000000, '{}', '2026-11-24', 'rules', 5);
    INSERT INTO refusals (decision_id, market, symbol, action, reason, detail, at_ms)
        VALUES ('d-2', 'KR', '000660', 'BUY', 'NoCash', 'no cash', 6);
    INSERT INTO positions (market, symbol, quantity, cost_micros) VALUES ('KR', '100003', 4, 280000000000);
    INSERT INTO strangers (kind, market, symbol, order_date, branch, number, order_number, side, ordered, filled,
                           amount_micros, first_seen_ms)
        VALUES ('foreign', 'KR', '000270', '2026-11-24', '06010', '901', 901, 'BUY', 3, 3, 150000000000, 7),
               ('disputed', 'KR', '000270', '2026-11-24', '06010', '902', 902, 'SELL', 3, 0, NULL, 8);
    INSERT INTO halts (id, at_ms, source, by_whom, reason, event_id) VALUES ('h-1', 1, 'operator', 'mina', 'a look', 1);
    INSERT INTO releases (halt_id, at_ms, by_whom, event_id) VALUES ('h-1', 2, 'mina', 2);
    INSERT INTO closed_days (market, session_date, closed_at_ms) VALUES ('KR', '2026-11-23', 9);
    INSERT INTO day_starts (currency, session_date, equity_micros, at_ms) VALUES ('KRW', '2026-11-24', 100000000000000, 10);
    INSERT INTO oracle_calls (quota_date, purpose, at_ms) VALUES ('2026-11-24', 'KR/1', 11);";

/// Rows for what a later migration added.
fn later_rows(version: &str) -> &'static str {
    match version {
        "20261125000003" => {
            "INSERT INTO halts (id, at_ms, source, by_whom, reason, event_id, level, nonce)
                 VALUES ('h-2', 20, 'operator', 'mina', 'sell all', 1, 'flatten', 'ABCD2345');
             INSERT INTO releases (halt_id, at_ms, by_whom, event_id, source, reason)
                 VALUES ('h-2', 22, 'mina', 2, 'telegram', 'looked');
             INSERT INTO halt_latches (halt_id, at_ms, event_id) VALUES ('h-2', 21, 1);
             INSERT INTO limit_changes (at_ms, fencing_epoch, source, by_whom, reason, orders_per_day, event_id)
                 VALUES (23, 3, 'operator', 'mina', 'a wild day', 7, 1);"
        }
        "20261126000170" => "UPDATE intents SET shown_at_ms = 70;",
        "20261126000115" => {
            "INSERT INTO imported_trades (source_id, timestamp, stock_code, action, trade_id, at_ms)
                 VALUES (1, '2026-02-01T00:30:00+00:00', '005930', 'BUY', 1, 24);"
        }
        "20261126000132" => {
            "INSERT INTO breaker_trips (account, session_date, wire, at_ms)
                 VALUES ('KRW', '2026-11-26', 'halting', 70), ('in_won', '2026-11-26', 'halting', 71);
             INSERT INTO exit_peaks (market, symbol, since_ms, peak_micros, at_ms)
                 VALUES ('KR', '005930', 20, 71000000000, 72);"
        }
        "20261126000090" => {
            "INSERT INTO won_day_starts (session_date, currency, equity_micros, won_per_unit_micros, posted_on, at_ms)
                 VALUES ('2026-11-26', 'USD', 10000000000, 1400500000, '2026-11-26', 30);"
        }
        "20261125000020" => {
            "INSERT INTO symbol_halts (market, symbol, at_ms, cause, reason, event_id)
                 VALUES ('KR', '000270', 30, 'dispute', 'two orders fit', 1);
             INSERT INTO symbol_releases (symbol_halt_id, at_ms, by_whom, reason, event_id)
                 VALUES (1, 31, 'mina', 'looked', 1);
             INSERT INTO resolutions (intent_id, at_ms, by_whom, reason, event_id)
                 VALUES ('i-Lapsed', 32, 'mina', 'none of them', 1);
             INSERT INTO order_lists (market, session_date, asked_at_ms) VALUES ('KR', '2026-11-24', 33);
             INSERT INTO external_shares (market, symbol, quantity, at_ms, by_whom, event_id)
                 VALUES ('KR', '000270', 3, 34, 'mina', 1);
             INSERT INTO adopted_accounts (currency, at_ms) VALUES ('KRW', 35);
             INSERT INTO share_doubts (market, symbol, difference, since_ms) VALUES ('KR', '000270', 3, 36);"
        }
        "20261125000040" => {
            "INSERT INTO occasions (market, session_date, kind, begins_at_ms, label, booked_at_ms)
                 VALUES ('KR', '2026-11-24', 'slot', 40, 'daily-1', 41);"
        }
        "20261125000041" => "UPDATE order_lists SET left_open_ms = 50;",
        "20261126000010" => {
            "INSERT INTO occasions (market, session_date, kind, begins_at_ms, label, booked_at_ms)
                 VALUES ('KR', '2026-11-24', 'trust', 60, 'certain', 61);"
        }
        "20261126000030" => {
            "INSERT INTO selections (market, session_date, symbol, verdict, first_at_ms, last_at_ms, slot, evidence)
                 VALUES ('KR', '2026-11-24', '000270', 'rank', 70, 71, 'realtime-1', '{}');"
        }
        "20261126000050" => {
            "INSERT INTO refusals (decision_id, market, symbol, action, reason, detail, at_ms)
                 VALUES ('d-70', 'KR', '000270', 'BUY', 'FatFinger', 'too large', 70);"
        }
        "20261126000051" => {
            "UPDATE refusals SET measured_micros = 71, comparison = 'at_most', threshold_micros = 72, unit = 'KRW';"
        }
        "20261126000070" => {
            "INSERT INTO limit_changes (at_ms, fencing_epoch, source, by_whom, reason, event_id)
                 VALUES (70, 3, 'operator', 'mina', 'a wilder day', 1);
             INSERT INTO limit_values (change_seq, name, value_micros)
                 SELECT max(seq), 'stop_cooldown_min', 600000000 FROM limit_changes;"
        }
        _ => newest_rows(version),
    }
}

/// The same for the newest ones.
fn newest_rows(version: &str) -> &'static str {
    match version {
        "20261126000080" => {
            "INSERT INTO occasions (market, session_date, kind, first_ms, begins_at_ms, label, booked_at_ms)
                 VALUES ('KR', '2026-11-24', 'exits', 80, 81, 'exits-2', 82);"
        }
        "20261126000095" => {
            "INSERT INTO day_reports (market, session_date, event_id) VALUES ('KR', '2026-11-24', 1);"
        }
        "20261126000096" => {
            "INSERT INTO selections (market, session_date, symbol, verdict, first_at_ms, last_at_ms, slot, evidence)
                 VALUES ('KR', '2026-11-24', '000270', 'wait', 96, 97, 'realtime-2', '{}');"
        }
        "20261126000120" => {
            "INSERT INTO consultations (quota_date, purpose, session_date, slot, stocks, threshold, prompt_version, asked_model,
                                        system, prompt, asked_at_ms, latency_ms, reply, reply_bytes, model, response_id,
                                        input_tokens, output_tokens, total_tokens)
                 VALUES ('2026-11-24', 'KR/2', '2026-11-24', 'daily-2', '[]', 80, 1, 'm', 's', 'p', 70, 71, '[]', 2, 'm-1', 'r',
                         3, 4, 7);
             INSERT INTO decision_bases (decision_id, quota_date, purpose, withheld, delay_minutes)
                 VALUES ('d-1', '2026-11-24', 'KR/2', 'No fresh price', 15);"
        }
        "20261126000100" => {
            "INSERT INTO oracle_calls (quota_date, purpose, at_ms, markets, tokens_reserved, money_micros_reserved,
                                       tokens_taken, money_micros_taken, ended_at_ms)
                 VALUES ('2026-11-24', 'KR/2', 70, 'KR', 100, 7, 40, 3, 71);"
        }
        "20261126000110" => {
            "INSERT INTO halts (id, at_ms, source, by_whom, reason, event_id)
                 VALUES ('h-100', 100, 'operator', 'mina', 'another look', 1);
             INSERT INTO strangers (kind, market, symbol, order_date, branch, number, order_number, side, ordered, filled,
                                    first_seen_ms)
                 VALUES ('foreign', 'KR', '035720', '2026-11-24', '06010', '903', 903, 'SELL', 3, 2, 101);"
        }
        _ => latest_rows(version),
    }
}

/// And for those after them.
fn latest_rows(version: &str) -> &'static str {
    match version {
        "20261126000210" => {
            "INSERT INTO halts (id, at_ms, source, by_whom, reason, event_id, level, nonce, cancel_open)
                 VALUES ('h-210', 210, 'operator', 'mina', 'take it back', 1, 'halted', 'ABCD2345', 1);
             INSERT INTO releases (halt_id, at_ms, by_whom, event_id, source, reason)
                 VALUES ('h-210', 211, 'mina', 2, 'operator', 'looked');"
        }
        "20261126000211" => "INSERT INTO sale_sums (market, pnl_micros, known, unknown) VALUES ('US_NYSE', -5, 1, 0);",
        "20261126000130" => {
            "INSERT INTO oracle_calls (quota_date, purpose, at_ms) VALUES ('2026-11-24', 'KR/3', 130);
             INSERT INTO consultations (quota_date, purpose, session_date, slot, stocks, threshold, prompt_version, asked_model,
                                        system, prompt, asked_at_ms, latency_ms, reply_bytes, failure, rests_until_ms)
                 VALUES ('2026-11-24', 'KR/3', '2026-11-24', 'daily-3', '[]', 80, 2, 'm', 's', 'p', 130, 131, 0, 'used up', 999);"
        }
        "20261126000140" => {
            "INSERT INTO bar_imports (seq, at_ms, market, file_name, rows_read, taken, changed, known, refused)
                 VALUES (1, 140, 'KR', 'kr.csv', 2, 1, 0, 0, 1);
             INSERT INTO bar_refusals (import_seq, line, reason) VALUES (1, 3, 'the volume is missing');
             INSERT INTO bar_adjustments (seq, market, symbol, before_date, factor_trillionths, at_ms)
                 VALUES (1, 'KR', '005930', '2026-11-23', 20000000000, 141);
             INSERT INTO bars (market, symbol, session_date, version, open_micros, high_micros, low_micros, close_micros, volume,
                               factor_trillionths, change_trillionths, after_adjustment, import_seq, seen_at_ms)
                 VALUES ('KR', '005930', '2026-11-23', 1, 70000000000, 71000000000, 69000000000, 70000000000, 9,
                         1000000000000, NULL, 0, 1, 140),
                        ('KR', '005930', '2026-11-23', 2, 70000000000, 71000000000, 69000000000, 70500000000, 9,
                         1000000000000, 1007142857143, 1, NULL, 142);"
        }
        "20261126000160" => {
            "INSERT INTO retention_marks (name, part, through, dropped) VALUES ('events', '', 1, 0);"
        }
        "20261126000180" => {
            "INSERT INTO decisions (id, market, symbol, action, confidence, rationale, session_date, judge, at_ms)
                 VALUES ('d-180', 'KR', '005930', 'HOLD', 40, 'nothing moves', '2026-11-24', 'rules', 180);"
        }
        "20261126000125" => {
            "INSERT INTO chat_place (id, update_id, at_ms) VALUES (1, 120, 121);
             INSERT INTO chat_commands (update_id, at_ms, chat_id, user_id, command, verdict, unbooked)
                 VALUES (120, 121, -70, 7, 'halt', 'accepted', 0);"
        }
        _ => evolution_rows(version),
    }
}

/// And for those of evolution.
fn evolution_rows(version: &str) -> &'static str {
    match version {
        "20261126000150" => {
            "INSERT INTO evolution_cycles (seq, market, session_date, seed, began_at_ms) VALUES (1, 'KR', '2026-11-24', -7, 150);
             INSERT INTO evolution_cycle_ends (cycle_seq, outcome, champion, at_ms) VALUES (1, 'no champion', NULL, 151);
             INSERT INTO trials (seq, cycle_seq, position, market, hash, origin, strategy, killed_by, sharpe_micros, observations,
                                 evidence, at_ms)
                 VALUES (1, 1, 0, 'KR', printf('%064d', 1), 'seed', '{}', 'G2', 51000, 700, '{}', 152);
             INSERT INTO archive_changes (seq, market, niche, trial_seq, fitness_micros) VALUES (1, 'KR', 'swing', 1, 50000);
             INSERT INTO sealed_windows (seq, cycle_seq, market, number, first_day, last_day, champion, at_ms)
                 VALUES (1, 1, 'KR', 1, '2026-08-03', '2026-11-20', printf('%064d', 1), 153);
             INSERT INTO sealed_verdicts (window_seq, passed, evidence, at_ms) VALUES (1, 0, '{}', 154);
             INSERT INTO evolution_proposals (number, cycle_seq, market, name, hypothesis, hash, strategy, evidence, at_ms)
                 VALUES (1, 1, 'KR', 'swing', 'it turns', printf('%064d', 1), '{}', '{}', 155);
             INSERT INTO evolution_changes (seq, proposal, status, by_whom, reason, at_ms, event_id)
                 VALUES (1, 1, 'active', 'mina', 'looked', 156, 1);
             INSERT INTO strategy_versions (seq, market, proposal, strategy, change_seq, at_ms) VALUES (1, 'KR', 1, '{}', 1, 157);"
        }
        "20261126000190" => {
            "INSERT INTO shadow_plans (proposal, after_day, expires, seed) VALUES (1, '2026-11-24', '2027-02-22', -9);
             INSERT INTO shadow_sessions (proposal, session_date, challenger_ppb, incumbent_ppb, decisions)
                 VALUES (1, '2026-11-25', 7, -8, 2);
             INSERT INTO shadow_verdicts (proposal, passed, evidence, at_ms) VALUES (1, 1, '{}', 190);"
        }
        "20261126000200" => {
            "INSERT INTO session_strategies (market, session_date, version, at_ms) VALUES ('KR', '2026-11-24', 1, 200);
             UPDATE decisions SET strategy_version = 1 WHERE id = 'd-1';"
        }
        "20261126000220" => {
            "INSERT INTO limit_approvals (change_seq, limit_set, at_ms)
                 VALUES (1, 'max_position_pct=5,max_per_30_days=1', 220);"
        }
        "20261127000100" => {
            "INSERT INTO watch_looks (proposal, session_date, seen_until, at_ms) VALUES (1, '2026-11-27', '2026-11-26', 100);"
        }
        _ => "",
    }
}

/// A file, one connection to it as the program makes it, and what its migrations are called.
struct Old {
    _folder: tempfile::TempDir,
    path: PathBuf,
    conn: SqliteConnection,
}

impl Old {
    /// The first schema, filled.
    fn first() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trades.db");
        let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        conn.batch_execute("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;").unwrap();
        let mut old = Self { _folder: folder, path, conn };
        assert_eq!(old.up(), FIRST);
        old.fill(FIRST_ROWS);
        for (number, state) in OrderState::ALL.into_iter().enumerate() {
            old.fill(&intent_rows(number, state));
        }
        old
    }

    fn fill(&mut self, sql: &str) {
        self.conn.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The next migration's version.
    fn up(&mut self) -> String {
        self.conn.run_next_migration(MIGRATIONS).unwrap().to_string()
    }

    fn down(&mut self) -> String {
        self.conn.revert_last_migration(MIGRATIONS).unwrap().to_string()
    }

    fn dump(&mut self, chosen: &BTreeMap<String, Vec<String>>) -> Dump {
        dump::rows(&mut self.conn, chosen)
    }

    fn columns(&mut self) -> BTreeMap<String, Vec<String>> {
        dump::columns(&mut self.conn)
    }

    /// Tables, indices and triggers as they are defined.
    fn definitions(&mut self) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Definition {
            #[diesel(sql_type = Text)]
            sql: String,
        }
        let query = "SELECT coalesce(sql, '') AS sql FROM sqlite_schema ORDER BY type, name";
        let all: Vec<Definition> = diesel::sql_query(query).load(&mut self.conn).unwrap();
        all.into_iter().map(|one| one.sql).collect()
    }

    fn has_more(&mut self) -> bool {
        self.conn.has_pending_migration(MIGRATIONS).unwrap()
    }
}

/// One intent with its approval; what its state has behind it.
fn intent_rows(number: usize, state: OrderState) -> String {
    let at = ms(start());
    let filled = match state {
        OrderState::Partial => 4,
        OrderState::Filled => 10,
        OrderState::Cancelled => 3,
        OrderState::Approved
        | OrderState::Sending
        | OrderState::Accepted
        | OrderState::Unknown
        | OrderState::Lapsed
        | OrderState::Refused
        | OrderState::Rejected
        | OrderState::Expired
        | OrderState::NeverAccepted => 0,
    };
    let has_number = filled > 0 || matches!(state, OrderState::Accepted | OrderState::Rejected);
    let sent = if state == OrderState::Approved { "NULL".to_owned() } else { at.to_string() };
    let venue = if has_number {
        format!("'2026-11-24', '06010', '{0}', {0}", 101 + number)
    } else {
        "NULL, NULL, NULL, NULL".into()
    };
    let amount = filled * 70_000_000_000_i64;
    let mut sql = format!(
        "INSERT INTO approvals (id, decision_id, confidence, approved_at_ms, expires_at_ms, halt_epoch)
             VALUES ('a-{state}', 'd-1', 85, {at}, {}, 2);
         INSERT INTO intents (id, approval_id, market, symbol, session_date, side, quantity, limit_micros, state, sent_at_ms,
                              fencing_epoch, watermark, order_date, branch, number, order_number, filled, amount_micros,
                              missed_inquiries, remark, changed_at_ms)
             VALUES ('i-{state}', 'a-{state}', 'KR', '{}', '2026-11-24', 'BUY', 10, 70000000000, '{state}', {sent}, 3, 100,
                     {venue}, {filled}, {amount}, 1, 'a remark', {at});",
        at + 60_000,
        100_000 + number,
    );
    if filled > 0 {
        sql += &format!(
            "INSERT INTO fills (intent_id, quantity, amount_micros, price_micros, booked_at_ms)
                 VALUES ('i-{state}', {filled}, {amount}, 70000000000, {at});"
        );
    }
    sql
}

fn states(store: &mut SqliteStore) -> Vec<(String, OrderState)> {
    let all = store.all_intents().unwrap();
    all.into_iter().map(|record| (record.id.to_string(), record.state)).collect()
}

fn migrated(path: &Path) -> SqliteStore {
    Database::open(path).unwrap().store().unwrap()
}

#[test]
fn a_database_of_the_first_schema_comes_to_this_one_without_losing_a_row() {
    let mut old = Old::first();
    let chosen = old.columns();
    let before = old.dump(&chosen);
    assert_eq!(chosen.len(), 17, "{chosen:?}");
    for (table, rows) in &before {
        assert!(!rows.is_empty(), "{table} is empty: nothing would be proved of it");
    }
    let mut store = migrated(&old.path);
    assert!(old.dump(&chosen) == before, "every table and column of then holds what it held");
    let expected: Vec<_> = OrderState::ALL.into_iter().map(|state| (format!("i-{state}"), state)).collect();
    assert_eq!(states(&mut store), expected);
    // What later versions keep beside it follows from what there was.
    let of_unknown_fate: Vec<String> =
        unknowns::table.order(unknowns::intent_id).select(unknowns::intent_id).load(&mut old.conn).unwrap();
    assert_eq!(of_unknown_fate, ["i-Lapsed", "i-Unknown"]);
    let held: Option<i64> =
        net_shares::table.select(diesel::dsl::max(net_shares::quantity)).first(&mut old.conn).unwrap();
    assert_eq!(held, Some(10));
}

#[test]
fn a_halt_of_before_they_could_cancel_stands_as_it_did_and_cancels_what_the_setting_says() {
    let mut old = Old::first();
    while old.up() != "20261126000200" {}
    old.fill(
        "INSERT INTO halts (id, at_ms, source, by_whom, reason, event_id, level, nonce)
             VALUES ('h-7', 30, 'operator', 'mina', 'a look', 1, 'reducing', 'ABCD2345');",
    );
    let mut store = migrated(&old.path);
    let standing = store.trading_state().unwrap().halts;
    let [halt] = &standing[..] else { panic!("{standing:?}") };
    assert_eq!((halt.id.as_str(), halt.level, halt.cancel_open), ("h-7", HaltLevel::Reducing, false));
}

#[test]
fn the_agent_boots_and_trades_on_a_database_of_the_first_schema() {
    let old = Old::first();
    let mut store = migrated(&old.path);
    let report = store.boot(&boot_facts(1, start())).unwrap();
    assert_eq!(report.fencing, FencingEpoch(4));
    let ids = |ids: &[IntentId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        (ids(&report.unknown), ids(&report.expired)),
        (vec!["i-Sending".into()], vec!["i-Approved".into()])
    );
    assert!(store.trading_state().unwrap().halts.is_empty());
    let (fencing, now) = (report.fencing, start() + TimeDelta::seconds(90));
    let database = Database::open(&old.path).unwrap();
    let mut books = Books { database, store, fencing, now };
    let mut new = intent("new", Side::Buy, now);
    new.terms.instrument = stock("035420");
    new.halt_epoch = HaltEpoch(2);
    books.store.commit_approval(&new, now).unwrap();
    assert_eq!(books.begin(&new), Begun::Sending);
    let accepted = OrderState::ALL.into_iter().position(|state| state == OrderState::Accepted).unwrap();
    let mut shown = row(&(101 + accepted).to_string(), Side::Buy, 10, "69900");
    shown.instrument = stock(&(100_000 + accepted).to_string());
    books.book(vec![shown]);
    let after: BTreeMap<_, _> = states(&mut books.store).into_iter().collect();
    assert_eq!(after["i-Accepted"], OrderState::Filled, "its number was kept");
}

#[test]
fn every_migration_goes_back_and_forth_without_touching_what_was_there_before_it() {
    let mut old = Old::first();
    let mut migrations = 1;
    while old.has_more() {
        let chosen = old.columns();
        let before = old.dump(&chosen);
        let version = old.up();
        let definitions = old.definitions();
        assert!(old.dump(&chosen) == before, "{version}: the way there");
        // On a database in use: what it added holds rows, and rows of before have gone on.
        let rows = later_rows(&version);
        assert!(!rows.is_empty(), "{version} has no rows in this test");
        old.fill(rows);
        let filled = old.dump(&chosen);
        assert_eq!(old.down(), version);
        assert!(old.columns() == chosen, "{version}: the way back leaves the schema of before");
        assert!(old.dump(&chosen) == filled, "{version}: the way back loses only what it added");
        assert_eq!(old.up(), version);
        assert_eq!(old.definitions(), definitions, "{version}: there again");
        assert!(old.dump(&chosen) == filled, "{version}: there again");
        migrations += 1;
        // The next one finds it filled.
        old.fill(&rows.replace("INSERT INTO", "INSERT OR IGNORE INTO"));
    }
    assert!(migrations >= 5);
    let chosen = old.columns();
    for (table, rows) in old.dump(&chosen) {
        assert!(!rows.is_empty(), "{table} is empty: nothing was proved of it");
    }
}

#[test]
fn the_way_back_from_the_first_migration_takes_the_books_and_leaves_the_seeds_table() {
    let mut old = Old::first();
    let trades = |old: &mut Old| {
        let mut chosen = old.columns();
        chosen.retain(|table, _| table == "trades");
        old.dump(&chosen)
    };
    let before = trades(&mut old);
    while old.has_more() {
        old.up();
    }
    while old.down() != FIRST {}
    assert_eq!(old.columns().into_keys().collect::<Vec<_>>(), ["trades"]);
    assert!(trades(&mut old) == before);
    drop(old.conn);
    assert_eq!(migrated(&old.path).all_intents().unwrap(), [], "and a start makes new books");
}
