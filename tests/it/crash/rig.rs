//! One exchange, one ledger, and one agent after another on them.

use std::path::PathBuf;
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use domain::messages::control::{HaltRecord, TradingState};
use kestrel::control::wire::Status;
use kestrel::store;
use kestrel::verify::eager;
use tempfile::TempDir;

use super::life::{Ended, live};
use super::operator::{self, Operator};
use super::plan::{self, End};
use super::tally::Round;
use crate::exchange::Exchange;
use crate::harness::{Agent, PATIENCE, ask, command, database, log_of, status_of, until};

/// A Monday in Korea, one hour after the open; the exchange runs sixty times as fast as real time.
const MORNING: &str = "2026-06-01T01:00:00Z";
const SPEED: &str = "60";
/// Half an hour after the close of each day, in UTC.
const EVENING: &str = "07:00:00";
/// Longest wait, in real time, for everything to settle after the close.
const SETTLE_WITHIN: Duration = Duration::from_secs(30);

/// Exchange time in which an eager agent that may trade surely does: more than one realtime cycle.
pub(crate) const A_CYCLE: TimeDelta = TimeDelta::seconds(61);

/// The exchange and the agent's data.
pub(crate) struct Rig {
    pub(crate) dir: TempDir,
    pub(crate) exchange: Arc<Exchange>,
    settings: Vec<(String, String)>,
}

impl Rig {
    /// A fresh exchange in the middle of a session, whose prices follow from `seed`, and an empty data directory.
    pub(crate) fn new(seed: u32) -> Self {
        Self::with(seed, &[])
    }

    /// The same, with further settings of the agent.
    pub(crate) fn with(seed: u32, further: &[(&str, &str)]) -> Self {
        Self::at_speed(SPEED, seed, further)
    }

    /// The same, on an exchange that runs `speed` times as fast as real time.
    pub(crate) fn at_speed(speed: &str, seed: u32, further: &[(&str, &str)]) -> Self {
        let dir = TempDir::new().unwrap();
        let seed = seed.to_string();
        let arguments = ["--start", MORNING, "--speed", speed, "--markets", "KR", "--seed", &seed];
        let exchange = Arc::new(Exchange::start(&dir, &arguments));
        Self::on(dir, exchange, further)
    }

    /// Another agent with a directory of its own, on the same exchange and account.
    pub(crate) fn beside(&self) -> Self {
        Self::on(TempDir::new().unwrap(), self.exchange.clone(), &[])
    }

    fn on(dir: TempDir, exchange: Arc<Exchange>, further: &[(&str, &str)]) -> Self {
        // Buys what is not held and sells what is: as many orders as possible.
        let rules = eager().unwrap().to_json();
        let settings = [
            ("KESTREL_EXCHANGE_URL", exchange.url.as_str()),
            ("ENABLED_MARKETS", "KR"),
            ("TRADE_MODE", "realtime"),
            ("SCANNER_TOP_N", "20"),
            ("KESTREL_FAULTS_RULES", &*rules),
            // As many as the code allows.
            ("MAX_ORDERS_PER_DAY", "300"),
            // It buys back what it sold: the shortest waits there are.
            ("REFUSAL_COOLDOWN_MIN", "1"),
            ("STOP_COOLDOWN_MIN", "1"),
            ("REENTRY_GUARD_MIN", "1"),
            ("KESTREL_LOG", "warn"),
        ];
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let settings = settings.into_iter().chain(further.iter().copied()).map(owned).collect();
        Self { dir, exchange, settings }
    }

    /// The settings of an eager agent on this exchange.
    pub(crate) fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// An agent that trades eagerly, started and reconciled.
    pub(crate) fn agent(&self) -> Agent {
        Agent::start(&self.dir, &self.settings())
    }

    /// The agent's database.
    pub(crate) fn database(&self) -> PathBuf {
        database(self.dir.path())
    }

    /// The folder of database, socket and HALT file.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Starts an agent that will die as `crash` says.
    pub(crate) fn spawn(&self, crash: &str) -> Child {
        let mut run = command(&self.dir, &self.settings());
        run.arg("run").env("KESTREL_FAULTS_CRASH", crash).spawn().unwrap()
    }

    /// How trading stands, once the start is over.
    pub(crate) fn decided(&self) -> Status {
        let decided = |status: &Status| status.trading.is_some_and(|state| state != TradingState::Starting);
        let status = until(PATIENCE, || status_of(&self.dir).filter(decided));
        status.unwrap_or_else(|| panic!("no start: {}", log_of(&self.dir)))
    }

    /// Lifts what stands, and waits until a further order has reached the exchange, or the day has lost so much that only
    /// exits may: whoever trades whatever it can may lose that much.
    pub(crate) fn trade(&self) {
        self.lift_all_but(None);
        let before = self.orders();
        let has_lost = || {
            let blocks = status_of(&self.dir).map(|status| status.entry_blocks).unwrap_or_default();
            blocks.iter().any(|block| block.starts_with("only exits in") && block.ends_with("end of the day"))
        };
        let traded = until(PATIENCE, || (self.orders() > before || has_lost()).then_some(()));
        assert!(traded.is_some(), "no order: {:?}\n{}", status_of(&self.dir), log_of(&self.dir));
    }

    /// Orders at the exchange.
    pub(crate) fn orders(&self) -> usize {
        self.exchange.books().orders.len()
    }

    /// Lifts every halt but the one for `reason`, by name, until none of them stands.
    pub(crate) fn lift_all_but(&self, reason: Option<&str>) {
        let others = |status: &Status| -> Vec<String> {
            let others = status.halts.iter().filter(|halt| Some(halt.reason.as_str()) != reason);
            others.map(|halt| halt.id.clone()).collect()
        };
        let lifted = until(PATIENCE, || {
            let status = status_of(&self.dir)?;
            if others(&status).is_empty() && status.trading? != TradingState::Starting {
                return Some(());
            }
            for id in others(&status) {
                ask(&self.dir, &operator::resume(id));
            }
            None
        });
        assert!(lifted.is_some(), "{:?}", status_of(&self.dir));
    }

    /// Waits until trading is halted for a reason that `told` knows; other reasons may come first.
    pub(crate) fn halted(&self, patience: Duration, told: impl Fn(&HaltRecord) -> bool) {
        let halted =
            |status: &Status| status.trading == Some(TradingState::Halted) && status.halts.iter().any(&told);
        let status = until(patience, || status_of(&self.dir).filter(halted));
        assert!(status.is_some(), "not halted: {:?}\n{}", status_of(&self.dir), log_of(&self.dir));
    }

    /// Lets what is on the wire arrive: ten seconds of exchange time.
    pub(crate) fn comes_to_rest(&self) {
        let start = self.exchange.clock().now;
        let passed =
            until(PATIENCE, || (self.exchange.clock().now > start + TimeDelta::seconds(10)).then_some(()));
        assert!(passed.is_some(), "time stands still");
    }

    /// Lets a realtime cycle pass, in which an agent that may trade does.
    pub(crate) fn a_cycle_passes(&self) {
        let start = self.exchange.clock().now;
        let passed = until(PATIENCE, || (self.exchange.clock().now > start + A_CYCLE).then_some(()));
        assert!(passed.is_some(), "time stands still");
    }

    /// Watches the exchange for a realtime cycle in which no further order may come.
    pub(crate) fn stays_silent(&self) {
        let orders = self.orders();
        self.a_cycle_passes();
        assert_eq!(self.orders(), orders, "an order left: {:?}\n{}", status_of(&self.dir), log_of(&self.dir));
    }

    /// A healthy agent takes over: it trades again, everything settles, and the books agree.
    pub(crate) fn ends_well(&self) {
        let agent = self.agent();
        self.trade();
        agent.kill_9();
        self.close_the_day();
        self.settle();
        let compared = super::compare(&self.exchange.books(), &self.database());
        let broken: Vec<_> = compared.findings.iter().filter(|finding| !finding.broken.is_empty()).collect();
        assert!(broken.is_empty(), "{broken:?}");
        assert!(compared.orders > 0, "nothing was compared");
    }

    fn life(&self, operator: &Operator, end: &End) -> Ended {
        operator.life_begins();
        live(self.spawn(end.crash()), end, &self.dir.path().join("log"))
    }

    /// Moves the exchange past the close of its day.
    pub(crate) fn close_the_day(&self) {
        let today = self.exchange.clock().now.date_naive();
        self.exchange.set_clock(today.and_time(EVENING.parse().unwrap()).and_utc());
    }

    /// Runs an agent until every order is settled and the day is closed, then ends it in good order.
    pub(crate) fn settle(&self) {
        let mut agent = self.agent();
        let settled = until(SETTLE_WITHIN, || {
            let mut books = store::open_read_only(self.database()).unwrap();
            let open = books.open_intents().unwrap();
            let idle = status_of(&self.dir).is_some_and(|status| {
                status.trading.is_some_and(|state| state != TradingState::Starting)
                    && status.live_orders.is_empty()
            });
            (open.is_empty() && idle).then_some(())
        });
        let left = || store::open_read_only(self.database()).unwrap().open_intents();
        assert!(settled.is_some(), "not settled: {:?}\n{}", left(), log_of(&self.dir));
        agent.terminate();
        assert_eq!(agent.wait().code(), Some(0), "{}", log_of(&self.dir));
    }
}

/// One round: `kills` lives in the session, two more after the close, then the comparison.
pub(super) fn round(number: u32, kills: u32) -> Round {
    let rig = Rig::new(number);
    let operator = Operator::who_resumes(&rig.data());
    let mut report = Round::default();
    for end in plan::ends(number, kills) {
        let ended = rig.life(&operator, &end);
        report.life(&end, ended.died_at, operator.safe_after());
    }
    for point in report.missed_points() {
        let ended = rig.life(&operator, &point);
        report.life(&point, ended.died_at, operator.safe_after());
    }
    rig.close_the_day();
    for point in plan::STEPS_AT_CLOSE {
        let end = End::Point(point.to_owned());
        let ended = rig.life(&operator, &end);
        report.life(&end, ended.died_at, operator.safe_after());
    }
    rig.settle();
    drop(operator);
    report.compared(number, super::compare(&rig.exchange.books(), &rig.database()));
    report
}
