//! The durable steps of an order, against a bare write and fsync on the same file system, turn by turn.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::messages::control::TradingState;
use domain::messages::ledger::RecordDayStart;
use domain::messages::schedule::{DaySource, Phase, SessionChanged, Trust};
use domain::messages::trading::Proposal;
use domain::{
    AccountSnapshot, ApprovalId, Confidence, Currency, DecisionId, FencingEpoch, HaltEpoch, HaltId,
    HaltNonce, InquiryRow, Instrument, IntentId, Market, Money, OrderTerms, Outcome, Quantity, Side,
    VenueOrderId,
};
use kestrel::store::{Database, SqliteStore};
use risk_guard::book::Book;
use risk_guard::breaker::DayLoss;
use risk_guard::limits::{Standing, review};
use risk_guard::prices::Quoted;
use risk_guard::purchases::DayPurchases;
use risk_guard::rate::Approvals;
use risk_guard::setbacks::Setbacks;
use risk_guard::sight::Seen;
use risk_guard::symbols::SymbolHaltBook;
use risk_guard::{Limits, Sizing};
use rust_decimal::Decimal;
use serde::Serialize;
use trade_ledger::{Begun, BookInquiry, BootFacts, DayKey, NewIntent, SendingRequest, Store as _};

use crate::spread::Spread;

const PAGE: [u8; 4096] = [0x5A; 4096];
/// The bare write goes round in a file of this many pages that exists already, as a write-ahead log does.
const BARE_PAGES: u64 = 1_000;
/// Exchange time between two orders, so that 400 in 24 hours are not exceeded.
const SPACING: TimeDelta = TimeDelta::seconds(220);

/// What was measured.
#[derive(Serialize)]
pub(crate) struct Figures {
    pub(crate) bare: Spread,
    pub(crate) approve: Spread,
    pub(crate) begin_sending: Spread,
    pub(crate) record_outcome: Spread,
    pub(crate) commits_before_post: u64,
    pub(crate) commits_after_post: u64,
    pub(crate) commits_per_fill: u64,
}

#[derive(Default)]
struct Times {
    bare: Vec<Duration>,
    approve: Vec<Duration>,
    begin_sending: Vec<Duration>,
    record_outcome: Vec<Duration>,
}

/// Takes `orders` orders through the books.
pub(crate) fn measure(folder: &Path, orders: usize) -> Figures {
    let path = folder.join("books.db");
    let mut desk = Desk::new(&path);
    let [before_post, after_post, per_fill] = commits_of_one_order(&mut desk, &wal_of(&path));
    let bare = bare_file(&folder.join("bare"));
    let mut times = Times::default();
    for number in 1..=orders {
        let order = desk.order(number);
        times.bare.push(timed(|| write_bare(&bare, number)));
        times.approve.push(timed(|| desk.approve(&order)));
        times.begin_sending.push(timed(|| desk.begin_sending(&order)));
        times.record_outcome.push(timed(|| desk.record_outcome(&order)));
    }
    Figures {
        bare: Spread::of(times.bare),
        approve: Spread::of(times.approve),
        begin_sending: Spread::of(times.begin_sending),
        record_outcome: Spread::of(times.record_outcome),
        commits_before_post: before_post,
        commits_after_post: after_post,
        commits_per_fill: per_fill,
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let _result = work();
    start.elapsed()
}

fn bare_file(path: &Path) -> File {
    let file = File::create(path).expect("a file");
    for page in 0..BARE_PAGES {
        file.write_all_at(&PAGE, page * PAGE.len() as u64).expect("a write");
    }
    file.sync_all().expect("an fsync");
    file
}

fn write_bare(file: &File, number: usize) {
    let page = number as u64 % BARE_PAGES;
    file.write_all_at(&PAGE, page * PAGE.len() as u64).expect("a write");
    file.sync_all().expect("an fsync");
}

fn wal_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Commits before and after the POST, and for booking a fill, counted in the write-ahead log.
fn commits_of_one_order(desk: &mut Desk, wal: &Path) -> [u64; 3] {
    let order = desk.order(0);
    let start = commits(wal);
    desk.approve(&order);
    desk.begin_sending(&order);
    let posted = commits(wal);
    desk.record_outcome(&order);
    let recorded = commits(wal);
    desk.book_fill(&order);
    [posted - start, recorded - posted, commits(wal) - recorded]
}

/// Commit records of a write-ahead log: frames whose second word, the size of the database after a commit, is not zero,
/// and whose salt is that of the log's head (sqlite.org/fileformat2.html, section 4.1).
fn commits(wal: &Path) -> u64 {
    let log = std::fs::read(wal).unwrap_or_default();
    let Some((head, frames)) = log.split_at_checked(32) else { return 0 };
    let word = |bytes: &[u8], at: usize| {
        bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_be_bytes)
    };
    let frame_bytes = 24 + word(head, 8) as usize;
    let of_this_log = |frame: &&[u8]| frame.get(8..16) == head.get(16..24);
    frames.chunks_exact(frame_bytes).filter(of_this_log).filter(|frame| word(frame, 4) != 0).count() as u64
}

/// One order.
struct Order {
    at: DateTime<Utc>,
    proposal: Proposal,
    intent: IntentId,
    approval: ApprovalId,
    number: VenueOrderId,
}

/// All orders are of one day, which began with enough for them.
fn day_start() -> Money {
    Money::new(Decimal::from(1_000_000_000_000_i64), Currency::Krw)
}

/// RiskGuard's rules and the ledger's books, without actors.
struct Desk {
    store: SqliteStore,
    fencing: FencingEpoch,
    start: DateTime<Utc>,
    session_date: NaiveDate,
    limits: Limits,
    setbacks: Setbacks,
    sizing: Sizing,
    book: Book,
    symbol_halts: SymbolHaltBook,
    approvals: Approvals,
}

impl Desk {
    fn new(path: &Path) -> Self {
        let database = Database::open(path).expect("a database");
        let mut store = database.store().expect("a connection");
        let start: DateTime<Utc> = "2026-06-01T00:05:00Z".parse().expect("a time");
        let facts = BootFacts {
            wall_at: start,
            at: start,
            halt_id: HaltId::new(0, 0),
            halt_nonce: HaltNonce::new(0),
        };
        let fencing = store.boot(&facts).expect("a boot").fencing;
        let session_date = Market::Kr.date_at(start);
        let began = RecordDayStart {
            currency: Currency::Krw,
            session_date,
            equity: Some(day_start()),
            trips: Default::default(),
        };
        store.record_day_start(&began, start).expect("a day start");
        let hundred = Confidence::new(80).expect("0 to 100");
        Self {
            store,
            fencing,
            start,
            session_date,
            limits: Limits::new(Decimal::from(3), Decimal::from(30), hundred).expect("lawful limits"),
            setbacks: Setbacks::default(),
            sizing: Sizing::by_score(Decimal::from(5), Decimal::ONE, Decimal::TEN, Decimal::from(50))
                .expect("lawful"),
            book: Book::default(),
            symbol_halts: SymbolHaltBook::default(),
            approvals: Approvals::default(),
        }
    }

    fn order(&self, number: usize) -> Order {
        let at = self.start + SPACING * i32::try_from(number).unwrap_or(i32::MAX);
        let (at_ms, random) = (at.timestamp_millis(), number as u64);
        let proposal = Proposal {
            decision_id: DecisionId::new(at_ms, random),
            instrument: Instrument { market: Market::Kr, symbol: "910010".parse().expect("a symbol") },
            side: Side::Buy,
            confidence: Confidence::new(90).expect("0 to 100"),
            reference_price: "70000".parse().expect("a price"),
            rules: domain::StockRules::default(),
            score: Some(Decimal::from(40)),
            quantity: None,
            most_pct: None,
            session_date: Market::Kr.date_at(at),
            expires_at: at + TimeDelta::seconds(60),
        };
        let branch = "06010".to_owned();
        Order {
            at,
            proposal,
            intent: IntentId::new(at_ms, random),
            approval: ApprovalId::new(at_ms, random),
            number: VenueOrderId { date: self.session_date, branch, number: format!("{:010}", number + 1) },
        }
    }

    /// The risk decision.
    fn decide(&self, order: &Order) -> OrderTerms {
        let money = |amount: i64| Some(Money::new(Decimal::from(amount), Currency::Krw));
        let account = AccountSnapshot {
            currency: Currency::Krw,
            taken_at: order.at,
            cash: money(100_000_000),
            equity: money(100_000_000),
            purchase_total: money(0),
            valuation_total: money(0),
            holdings: Vec::new(),
        };
        let session_date = order.proposal.session_date;
        let (market, phase, trust) = (Market::Kr, Phase::Continuous, Trust::Certain);
        let session = SessionChanged {
            market,
            session_date,
            phase,
            trust,
            source: DaySource::Calendar,
            orders_until: Some(order.at + TimeDelta::hours(1)),
            at: order.at,
        };
        let standing = Standing {
            now: order.at,
            state: TradingState::Active,
            limits: &self.limits,
            sizing: &self.sizing,
            session: Some(&session),
            account: Some(&account),
            touched_at: None,
            day: DayLoss::Known(Decimal::ZERO),
            purchases: DayPurchases::untouched(day_start()),
            book: &self.book,
            symbol_halts: &self.symbol_halts,
            blind: None,
            approvals: &self.approvals,
            clock_doubt: None,
            quoted: Some(Quoted {
                last: Seen { price: order.proposal.reference_price, at: order.at },
                before: None,
            }),
            setbacks: &self.setbacks,
        };
        review(&order.proposal, &standing).expect("an order that nothing speaks against")
    }

    fn approve(&mut self, order: &Order) {
        let terms = self.decide(order);
        let intent = NewIntent {
            intent: order.intent.clone(),
            approval: order.approval.clone(),
            decision: order.proposal.decision_id.clone(),
            terms,
            confidence: order.proposal.confidence,
            session_date: self.session_date,
            approved_at: order.at,
            expires_at: order.at + TimeDelta::seconds(30),
            halt_epoch: HaltEpoch::default(),
        };
        self.store.commit_approval(&intent, order.at).expect("a durable approval");
    }

    fn begin_sending(&mut self, order: &Order) {
        let request = SendingRequest {
            intent: order.intent.clone(),
            approval: order.approval.clone(),
            halt_epoch: HaltEpoch::default(),
            fencing: self.fencing,
            watermark: None,
            at: order.at,
        };
        assert_eq!(self.store.begin_sending(&request), Ok(Begun::Sending));
    }

    fn record_outcome(&mut self, order: &Order) {
        let outcome = Outcome::Accepted(order.number.clone());
        self.store.record_outcome(&order.intent, &outcome, order.at).expect("a durable outcome");
    }

    fn book_fill(&mut self, order: &Order) {
        let terms = self.decide(order);
        let row = InquiryRow {
            order: order.number.clone(),
            instrument: terms.instrument,
            side: terms.side,
            ordered: terms.quantity,
            limit: Some(terms.limit),
            filled: terms.quantity,
            average_price: Some(terms.limit),
            remaining: Quantity::ZERO,
            cancelled: Quantity::ZERO,
            rejected: Quantity::ZERO,
            time: Some(order.at.with_timezone(&Market::Kr.zone()).time()),
        };
        let day = DayKey { market: Market::Kr, session_date: self.session_date };
        let halt = trade_ledger::HaltName {
            id: domain::HaltId::from_stored("h-list".into()),
            nonce: domain::HaltNonce::new(1),
        };
        let inquiry = BookInquiry { day, rows: vec![row], asked_at: order.at, halt };
        let booked = self.store.book_inquiry(&inquiry, order.at).expect("a durable fill");
        assert_eq!(booked.updates.len(), 1, "{booked:?}");
    }
}
