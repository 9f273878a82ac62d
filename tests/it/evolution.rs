//! Evolution in the true program, after the close of a session: killed in the middle of a cycle, and advised by a model.

mod bars;
mod kills;
mod limit;
mod model;

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use chrono::{DateTime, Datelike as _, NaiveDate, Utc, Weekday};
use diesel::sql_types::Text;
use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection};
use domain::messages::bars::BarsSeen;
use domain::messages::evolution::CycleLine;
use domain::{HaltId, HaltNonce};
use kestrel::store::{Database, open_read_only};
use optimizer::rehearsal::Rehearsal;
use tempfile::TempDir;
use trade_ledger::{BootFacts, Store as _};

use crate::exchange::Exchange;
use crate::harness::{command, database, log_of, until};

/// A Monday, half an hour after the close in Korea.
const EVENING: &str = "2026-06-01T07:00:00Z";
/// The day before: the bar of the evening's own day is told on the morning after it.
const FRIDAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 5, 29).unwrap();
/// Longest wait for a cycle, which an unoptimised build takes its time for.
const CYCLE_WITHIN: Duration = Duration::from_secs(240);

/// An exchange in the evening, and books that know the bars of a made-up market until the day before.
struct Evening {
    dir: TempDir,
    exchange: Exchange,
}

impl Evening {
    /// `edge` is what each of three days after a fall earns more.
    fn new(stocks: u32, sessions: usize, edge: f64) -> Self {
        let dir = TempDir::new().unwrap();
        let path = database(dir.path());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let now: DateTime<Utc> = EVENING.parse().unwrap();
        let mut store = Database::open(&path).unwrap().store().unwrap();
        let (halt_id, halt_nonce) = (HaltId::new(0, 0), HaltNonce::default());
        store.boot(&BootFacts { wall_at: now, at: now, halt_id, halt_nonce }).unwrap();
        let market = Rehearsal { stocks, first_day: first_day(FRIDAY, sessions), edge, seed: 1 };
        assert_eq!(market.days(sessions).last(), Some(&FRIDAY));
        for series in market.series(sessions) {
            let seen = BarsSeen { instrument: series.instrument().clone(), bars: series.bars().to_vec() };
            store.record_bars(&seen, now).unwrap();
        }
        let exchange = Exchange::start(&dir, &["--start", EVENING, "--markets", "KR", "--seed", "1"]);
        Self { dir, exchange }
    }

    /// Of an agent that tries a little more than one slice of strategies.
    fn settings<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let own = [
            ("KESTREL_EXCHANGE_URL", self.exchange.url.as_str()),
            ("ENABLED_MARKETS", "KR"),
            ("EVOLUTION_TRIALS", "17"),
            ("EVOLUTION_MIN_SESSIONS", "400"),
        ];
        own.iter().chain(more).copied().collect()
    }

    /// An agent that dies there: by its own SIGKILL, in the middle of everything.
    fn dies(&self, more: &[(&str, &str)], point: &str) {
        let before = log_of(&self.dir).len();
        let mut run = command(&self.dir, &self.settings(more));
        let mut agent = run.arg("run").env("KESTREL_FAULTS_CRASH", point).spawn().unwrap();
        let ended = until(CYCLE_WITHIN, || agent.try_wait().unwrap());
        let words = log_of(&self.dir).split_off(before);
        let Some(status) = ended else {
            let _ = agent.kill();
            let _ = agent.wait();
            panic!("it did not die {point}: {words}");
        };
        assert_eq!(status.signal(), Some(9), "{point}: {words}");
        assert!(words.contains(&format!("dies {point}")), "{point}: {words}");
    }

    /// The day's cycle, once it is over.
    fn cycle(&self) -> CycleLine {
        let over = until(CYCLE_WITHIN, || {
            let mut books = open_read_only(database(self.dir.path())).ok()?;
            books.newest_cycles().ok()?.pop().filter(|line| line.outcome.is_some())
        });
        over.unwrap_or_else(|| panic!("no cycle has ended: {}", log_of(&self.dir)))
    }

    /// What a query tells, a text for each row.
    fn rows(&self, query: &str) -> Vec<String> {
        let path = format!("file:{}?mode=ro", database(self.dir.path()).display());
        let mut books = SqliteConnection::establish(&path).unwrap();
        let rows: Vec<Row> = diesel::sql_query(query).load(&mut books).unwrap();
        rows.into_iter().map(|row| row.cells).collect()
    }
}

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    cells: String,
}

/// The weekday from which on there are so many until `last`, both included.
fn first_day(last: NaiveDate, sessions: usize) -> NaiveDate {
    let is_session = |day: &NaiveDate| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    let back = std::iter::successors(Some(last), NaiveDate::pred_opt).filter(is_session);
    back.take(sessions).last().unwrap()
}
