//! Opening files: schema, the seed's databases, damage, read-only.

use std::fs;
use std::path::PathBuf;

use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text};

use super::*;
use crate::store::{OpenError, open, open_read_only, schema};

#[derive(Debug, PartialEq, Eq, QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    required: i64,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

const COLUMNS: &str = "
    SELECT t.name AS table_name, c.name AS column_name, lower(c.type) AS kind,
           (c.\"notnull\" OR c.pk > 0) AS required
      FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
     WHERE t.type IN ('table', 'view') AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE '__diesel%'
     ORDER BY t.name, c.cid";

/// What `schema.rs` says, read from its text: one `name -> Type,` a line.
fn declared() -> Vec<Column> {
    let mut columns = Vec::new();
    let mut table_name = String::new();
    for line in include_str!("../schema.rs").lines().map(str::trim) {
        if let Some((name, _)) = line.strip_suffix(") {").and_then(|head| head.split_once(" (")) {
            table_name = name.to_owned();
        } else if let Some((column, kind)) = line.trim_end_matches(',').split_once(" -> ")
            && !line.starts_with("diesel")
        {
            columns.push(Column {
                table_name: table_name.clone(),
                column_name: column.to_owned(),
                required: i64::from(!kind.starts_with("Nullable")),
                // SQLite keeps a yes or no as a whole number.
                kind: kind.trim_start_matches("Nullable<").trim_end_matches('>').replace("Bool", "BigInt"),
            });
        }
    }
    columns.sort_by(|a, b| a.table_name.cmp(&b.table_name));
    columns
}

#[test]
fn diesels_schema_is_the_migrated_databases_schema() {
    let mut books = Books::new();
    let mut actual: Vec<Column> = diesel::sql_query(COLUMNS).load(&mut books.store.connection).unwrap();
    for column in &mut actual {
        column.kind = match column.kind.as_str() {
            "integer" => "BigInt".to_owned(),
            "text" => "Text".to_owned(),
            "real" => "Double".to_owned(),
            other => other.to_owned(),
        };
    }
    // What a view shows may be missing as far as SQLite knows; diesel is told what the rows behind it are.
    let views: Vec<Name> = diesel::sql_query("SELECT name FROM sqlite_schema WHERE type = 'view'")
        .load(&mut books.store.connection)
        .unwrap();
    let mut declared = declared();
    for column in &mut declared {
        column.required *= i64::from(views.iter().all(|view| view.name != column.table_name));
    }
    assert_eq!(declared, actual);
    assert!(actual.len() > 100);
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn database(&self) -> PathBuf {
        self.0.path().join("data/trades.db")
    }

    fn with(&self, sql: &str) -> PathBuf {
        fs::create_dir_all(self.0.path().join("data")).unwrap();
        let path = self.database();
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        connection.batch_execute(sql).unwrap();
        path
    }
}

fn failure(path: &std::path::Path) -> OpenError {
    match open(path) {
        Err(error) => error,
        Ok(_) => panic!("{} was opened", path.display()),
    }
}

#[test]
fn a_database_of_the_seed_gets_its_missing_columns_and_keeps_every_row() {
    let folder = Folder::new();
    let path = folder.with(
        "CREATE TABLE trades (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT NOT NULL,
             stock_code TEXT NOT NULL, action TEXT NOT NULL, confidence INTEGER NOT NULL, rationale TEXT,
             quantity INTEGER, price REAL, pnl REAL DEFAULT 0.0);
         INSERT INTO trades (timestamp, stock_code, action, confidence, quantity, price)
             VALUES ('2025-03-01T00:00:00+00:00', '005930', 'BUY', 90, 3, 55000.5),
                    ('2025-03-02T00:00:00+00:00', '000660', 'HOLD', 40, NULL, NULL);",
    );
    drop(open(&path).unwrap());
    let mut store = open(&path).unwrap();
    use schema::trades::dsl;
    type Row = (i64, String, Option<f64>, Option<f64>, Option<String>, Option<String>, Option<String>);
    let rows: Vec<Row> = dsl::trades
        .order(dsl::id)
        .select((
            dsl::id,
            dsl::stock_code,
            dsl::price,
            dsl::pnl,
            dsl::market,
            dsl::exchange_code,
            dsl::selection_context,
        ))
        .load(&mut store.connection)
        .unwrap();
    let (kr, krx) = (|| Some("KR".to_owned()), || Some("KRX".to_owned()));
    let first = (1, "005930".to_owned(), Some(55000.5), Some(0.0), kr(), krx(), None);
    assert_eq!(rows, [first, (2, "000660".to_owned(), None, Some(0.0), kr(), krx(), None)]);
}

#[test]
fn commits_are_synced_in_full_behind_a_write_ahead_log() {
    let folder = Folder::new();
    let mut store = open(folder.database()).unwrap();
    for (pragma, expected) in [("synchronous", "2"), ("journal_mode", "wal"), ("foreign_keys", "1")] {
        #[derive(QueryableByName)]
        struct Answer {
            #[diesel(sql_type = Text)]
            value: String,
        }
        let sql = format!("SELECT CAST({pragma} AS TEXT) AS value FROM pragma_{pragma}");
        let answer: Answer = diesel::sql_query(sql).get_result(&mut store.connection).unwrap();
        assert_eq!(answer.value, expected, "{pragma}");
    }
}

#[test]
fn the_books_survive_a_reopened_file() {
    let folder = Folder::new();
    let mut store = open(folder.database()).unwrap();
    begin_rich(&mut store, &buy("1"));
    store.commit_approval(&buy("1"), start()).unwrap();
    drop(store);
    let mut store = open(folder.database()).unwrap();
    let report = store.boot(&boot_facts(1, start())).unwrap();
    assert_eq!(report.expired, [buy("1").intent]);
}

#[test]
fn a_damaged_database_is_named_with_the_remedy_and_left_alone() {
    let folder = Folder::new();
    drop(open(folder.database()).unwrap());
    let sound = fs::read(folder.database()).unwrap();
    let mut torn = sound.clone();
    torn[4096..20_480].fill(0x5a);
    let unlike = b"this is no database at all, only a text of some length".repeat(100);
    for content in [torn, unlike] {
        fs::write(folder.database(), &content).unwrap();
        let error = failure(&folder.database());
        assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
        assert!(error.to_string().contains("restore a copy"), "{error}");
        assert_eq!(fs::read(folder.database()).unwrap(), content);
    }
}

#[test]
fn a_newer_schema_is_refused() {
    let folder = Folder::new();
    drop(open(folder.database()).unwrap());
    folder.with("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000');");
    let error = failure(&folder.database());
    assert!(
        matches!(&error, OpenError::NewerSchema { version, .. } if version == "29990101000000"),
        "{error:?}"
    );
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let folder = Folder::new();
    fs::write(folder.0.path().join("data"), "a file").unwrap();
    let error = failure(&folder.database());
    assert!(matches!(error, OpenError::Unwritable { .. }), "{error:?}");
}

#[test]
fn a_reader_sees_commits_and_cannot_write() {
    let folder = Folder::new();
    assert!(matches!(open_read_only(folder.database()).err(), Some(OpenError::Missing { .. })));
    let mut store = open(folder.database()).unwrap();
    let mut reader = open_read_only(folder.database()).unwrap();
    begin_rich(&mut store, &buy("1"));
    store.commit_approval(&buy("1"), start()).unwrap();
    assert_eq!(reader.open_intents().unwrap().len(), 1);
    let attempt = diesel::sql_query("DELETE FROM intents").execute(&mut reader.store.connection);
    assert!(attempt.is_err());
}

#[test]
fn a_database_in_memory_is_shared_by_its_connections_and_with_no_other() {
    let mut books = Books::new();
    books.approve(&buy("1")).unwrap();
    let mut reader = books.database.reader().unwrap();
    assert_eq!(reader.summary().unwrap().intents, 1);
    drop(std::mem::replace(&mut books.store, Books::new().store));
    assert_eq!(books.database.store().unwrap().all_intents().unwrap().len(), 1);
}

#[test]
fn invariant_11_a_damaged_database_is_recognised_before_a_single_byte_of_it_is_written() {
    for journal in ["DELETE", "WAL"] {
        let folder = Folder::new();
        let path = folder.with(&format!(
            "PRAGMA journal_mode = {journal}; CREATE TABLE t (a TEXT); CREATE INDEX i ON t (a);
             WITH RECURSIVE n (x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n WHERE x < 2000)
             INSERT INTO t SELECT hex(randomblob(20)) FROM n;"
        ));
        let mut content = fs::read(&path).unwrap();
        let middle = content.len() / 2;
        content[middle..middle + 600].fill(0xAA);
        fs::write(&path, &content).unwrap();
        assert!(matches!(failure(&path), OpenError::Damaged { .. }), "{journal}");
        assert!(fs::read(&path).unwrap() == content, "{journal}: the file was changed");
    }
}

/// A copy of the files in the middle of a change that a rollback journal can take back, as a death leaves them.
fn with_a_hot_journal(dir: &tempfile::TempDir) -> PathBuf {
    let (alive, dead) = (dir.path().join("alive.db"), dir.path().join("dead.db"));
    let mut books = SqliteConnection::establish(alive.to_str().unwrap()).unwrap();
    // So little memory that pages and journal reach the disk before the commit.
    let began = "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; CREATE TABLE kept (line text); \
         INSERT INTO kept VALUES ('before'); BEGIN; UPDATE kept SET line = 'half done'; \
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) \
         INSERT INTO kept SELECT 'half done ' || i FROM n;";
    books.batch_execute(began).unwrap();
    fs::copy(&alive, &dead).unwrap();
    fs::copy(dir.path().join("alive.db-journal"), dir.path().join("dead.db-journal")).unwrap();
    dead
}

#[test]
fn a_database_whose_writer_died_in_a_change_that_its_journal_takes_back_opens_as_it_was_before() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = with_a_hot_journal(&dir);
    drop(open(&path).unwrap_or_else(|error| panic!("{error}")));
    let mut books = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let half_done = diesel::dsl::sql::<BigInt>("(SELECT count(*) FROM kept WHERE line LIKE 'half done%')");
    assert_eq!(diesel::select(half_done).get_result::<i64>(&mut books), Ok(0));
    assert!(!dir.path().join("dead.db-journal").exists());
}

#[test]
fn a_path_with_signs_that_mean_something_in_a_uri_is_opened_twice() {
    let folder = Folder::new();
    let path = folder.0.path().join("a b?c#d%e/trades.db");
    drop(open(&path).unwrap());
    drop(open(&path).unwrap());
    assert!(path.is_file());
}
