//! Databases of the original, well made and not.

use diesel::connection::SimpleConnection as _;
use tempfile::TempDir;

use super::*;
use crate::store::schema::trades::dsl;

const OLD: &str = "CREATE TABLE trades (
    id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT NOT NULL, stock_code TEXT NOT NULL, action TEXT NOT NULL,
    confidence INTEGER NOT NULL, rationale TEXT, quantity INTEGER, price REAL, pnl REAL DEFAULT 0.0);";
const NEW: &str = "CREATE TABLE trades (
    id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT NOT NULL, stock_code TEXT NOT NULL, action TEXT NOT NULL,
    confidence INTEGER NOT NULL, rationale TEXT, quantity INTEGER, price REAL, pnl REAL DEFAULT 0.0,
    market TEXT DEFAULT 'KR', exchange_code TEXT DEFAULT 'KRX', selection_context TEXT, decision_id TEXT);";

/// Time, stock, action, quantity, price, market.
type Booked = (String, String, String, Option<i64>, Option<f64>, Option<String>);

struct Files {
    dir: TempDir,
}

impl Files {
    fn with(sql: &str) -> Self {
        let files = Self { dir: TempDir::new().unwrap() };
        files.change(sql);
        files
    }

    fn original(&self) -> PathBuf {
        self.dir.path().join("trade_logs.db")
    }

    fn books(&self) -> PathBuf {
        self.dir.path().join("data").join("trades.db")
    }

    fn change(&self, sql: &str) {
        let mut source = SqliteConnection::establish(self.original().to_str().unwrap()).unwrap();
        source.batch_execute(sql).unwrap();
    }

    fn take(&self) -> TakenOver {
        take_over(&self.books(), &self.original(), "2026-11-26T00:00:00Z".parse().unwrap()).unwrap()
    }

    /// What stands in the books.
    fn trades(&self) -> Vec<Booked> {
        let mut connection = Database::open(self.books()).unwrap().connection().unwrap();
        let columns = (dsl::timestamp, dsl::stock_code, dsl::action, dsl::quantity, dsl::price, dsl::market);
        dsl::trades.order(dsl::id).select(columns).load(&mut connection).unwrap()
    }
}

fn row(stock_code: &str, action: &str, rest: &str) -> String {
    format!(
        "INSERT INTO trades (timestamp, stock_code, action, confidence, quantity, price)
         VALUES ('2026-02-01T09:00:00.123456+09:00', '{stock_code}', '{action}', {rest});"
    )
}

#[test]
fn a_database_without_the_late_columns_is_taken_as_koreas() {
    let files = Files::with(&format!(
        "{OLD}{}{}",
        row("005930", "BUY", "85, 10, 70000.0"),
        row("005930", "HOLD", "40, 0, 0.0")
    ));
    let report = files.take();
    assert_eq!((report.read, report.taken, report.known, report.refused), (2, 2, 0, 0));
    assert_eq!(report.missing_columns, LATE_COLUMNS);
    assert_eq!(report.without_price, 0, "a HOLD has none");
    let trades = files.trades();
    let buy = (
        "2026-02-01T00:00:00.123Z".into(),
        "005930".into(),
        "BUY".into(),
        Some(10),
        Some(70000.0),
        Some("KR".into()),
    );
    assert_eq!(trades[0], buy);
    assert_eq!(trades[1].4, None, "0 is no price");
}

#[test]
fn a_database_with_the_late_columns_keeps_market_exchange_and_selection() {
    let files = Files::with(&format!(
        "{NEW}INSERT INTO trades (timestamp, stock_code, action, confidence, quantity, price, pnl, market, exchange_code,
             selection_context, decision_id)
         VALUES ('2026-02-02T15:00:00+00:00', 'AAPL', 'SELL', 90, 3, 190.25, -1.5, 'US_NASDAQ', 'NASD', '{{\"rsi\": 71}}', 'x');"
    ));
    let report = files.take();
    assert!(report.missing_columns.is_empty());
    assert_eq!(report.by_market["US_NASDAQ"]["SELL"], 1);
    let mut connection = Database::open(files.books()).unwrap().connection().unwrap();
    let kept: (Option<f64>, Option<String>, Option<String>) = dsl::trades
        .select((dsl::pnl, dsl::exchange_code, dsl::selection_context))
        .first(&mut connection)
        .unwrap();
    assert_eq!(kept, (Some(-1.5), Some("NASD".into()), Some("{\"rsi\": 71}".into())));
}

#[test]
fn a_row_is_taken_once_however_often_it_is_asked_and_what_came_since_is_added() {
    let files = Files::with(&format!("{OLD}{}", row("005930", "BUY", "85, 10, 70000.0")));
    files.take();
    let again = files.take();
    assert_eq!((again.taken, again.known, again.span), (0, 1, None));
    files.change(&row("005930", "SELL", "85, 10, 71000.0"));
    let later = files.take();
    assert_eq!((later.read, later.taken, later.known), (2, 1, 1));
    assert_eq!(files.trades().len(), 2);
}

#[test]
fn what_is_wrong_with_a_row_is_said_and_the_others_are_taken() {
    let bad = [
        (row("005930", "BUY", "'many', 10, 70000.0"), "confidence is \"many\"; allowed: 0 to 100"),
        (row("005930", "BUY", "101, 10, 70000.0"), "confidence is 101"),
        (row("005930", "SHORT", "85, 10, 70000.0"), "action is \"SHORT\"; allowed: BUY, SELL, HOLD"),
        (row("00 59", "BUY", "85, 10, 70000.0"), "stock_code is \"00 59\""),
        (row("005930", "BUY", "85, -1, 70000.0"), "quantity is -1"),
        (row("005930", "BUY", "85, 1.5, 70000.0"), "quantity is 1.5"),
        (row("005930", "BUY", "85, 10, -1.0"), "price is -1.0"),
        (row("005930", "BUY", "85, 10, 'cheap'"), "price is \"cheap\", no number"),
        (row("005930", "BUY", "85, 10, x'00'"), "price is \"(bytes)\""),
        (row("005930", "BUY", "85, 10, 1.0").replace("+09:00", ""), "no date and time with an offset"),
    ];
    for (sql, why) in bad {
        let files = Files::with(&format!("{OLD}{sql}{}", row("000660", "BUY", "85, 1, 0.0")));
        let report = files.take();
        assert_eq!((report.taken, report.refused, report.without_price), (1, 1, 1), "{why}: {report:?}");
        let (id, said) = &report.refused_rows[0];
        assert_eq!(*id, 1);
        assert!(said.contains(why), "{said} does not say {why}");
    }
    let strange =
        Files::with(&format!("{NEW}UPDATE trades SET market = 'US';{}", row("AAPL", "BUY", "85, 1, 1.0")));
    strange.change("UPDATE trades SET market = 'MOON'");
    assert!(strange.take().refused_rows[0].1.contains("unknown market 'MOON'; allowed: KR"));
}

#[test]
fn the_original_stays_as_it_was_and_what_is_none_is_refused() {
    let files = Files::with(&format!("{OLD}{}", row("005930", "BUY", "85, 10, 70000.0")));
    let before = std::fs::read(files.original()).unwrap();
    files.take();
    assert_eq!(std::fs::read(files.original()).unwrap(), before);

    let now = "2026-11-26T00:00:00Z".parse().unwrap();
    let same = take_over(&files.books(), &files.books(), now);
    assert!(matches!(same, Err(TakeOverError::Same(_))), "{same:?}");
    let missing = take_over(&files.books(), Path::new("/nowhere/x.db"), now);
    assert!(matches!(missing, Err(TakeOverError::Open(OpenError::Missing { .. }))), "{missing:?}");
    for (sql, why) in [
        ("CREATE TABLE other (id INTEGER);", "no table `trades`"),
        ("CREATE TABLE trades (id INTEGER, timestamp TEXT);", "no column `stock_code`"),
    ] {
        let files = Files::with(sql);
        let said = take_over(&files.books(), &files.original(), now).unwrap_err().to_string();
        assert!(said.contains(why), "{said}");
        assert!(!files.books().exists(), "nothing is made for nothing");
    }
    std::fs::write(
        files.original(),
        b"this is no database, and it is long enough to look like a header ......",
    )
    .unwrap();
    assert!(take_over(&files.books(), &files.original(), now).is_err());
}
