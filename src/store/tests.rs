//! The store against real SQLite: each rule of each transaction.

mod approvals;
mod bars;
mod boots;
mod days;
pub(crate) mod dump;
mod evolution;
mod fencing;
mod files;
mod intents;
mod judgements;
mod migrations;
mod occasions;
mod plans;
mod purchases;
mod questions;
mod recovery;
mod retention;
mod rounds;
mod selections;
mod setbacks;
mod states;
mod stocks;
mod won;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use domain::messages::consultation::{AskedStock, CallId, Consultation, Heard};
use domain::messages::control::{HaltLevel, HaltRecord, HaltSource};
use domain::messages::ledger::{BudgetCeilings, CallCost, RecordDayStart, ReserveOracleCall};
use domain::{
    Action, ApprovalId, Confidence, DecisionId, FencingEpoch, HaltEpoch, HaltId, HaltNonce, InquiryRow,
    Instrument, IntentId, Market, Money, OracleReply, OrderState, OrderTerms, Outcome, Quantity, Side,
    TokenUsage, VenueOrderId,
};
use risk_guard::Release;
use trade_ledger::{
    Begun, BookInquiry, BootFacts, DayKey, HaltName, InquiryBooked, NewIntent, SendingRequest, Store,
    StoreError,
};

use super::{Database, SqliteStore};

/// Books in memory after one boot, at 09:30 in Seoul.
struct Books {
    database: Database,
    store: SqliteStore,
    fencing: FencingEpoch,
    now: DateTime<Utc>,
}

fn start() -> DateTime<Utc> {
    "2026-11-24T00:30:00Z".parse().unwrap()
}

fn boot_facts(number: u32, wall_at: DateTime<Utc>) -> BootFacts {
    BootFacts {
        wall_at,
        at: wall_at,
        halt_id: HaltId::from_stored(format!("h-boot-{number}")),
        halt_nonce: HaltNonce::new(u64::from(number)),
    }
}

impl Books {
    fn new() -> Self {
        let database = Database::open(":memory:").unwrap();
        let mut store = database.store().unwrap();
        let fencing = store.boot(&boot_facts(0, start())).unwrap().fencing;
        Self { database, store, fencing, now: start() }
    }

    fn after(&mut self, seconds: i64) -> &mut Self {
        self.now += TimeDelta::seconds(seconds);
        self
    }

    /// Writes an approval, on a day that began with enough for all of them.
    fn approve(&mut self, intent: &NewIntent) -> Result<(), StoreError> {
        begin_rich(&mut self.store, intent);
        self.store.commit_approval(intent, self.now).map(|_| ())
    }

    fn begin(&mut self, intent: &NewIntent) -> Begun {
        self.store.begin_sending(&self.request(intent)).unwrap()
    }

    fn request(&self, intent: &NewIntent) -> SendingRequest {
        SendingRequest {
            intent: intent.intent.clone(),
            approval: intent.approval.clone(),
            halt_epoch: intent.halt_epoch,
            fencing: self.fencing,
            watermark: Some(100),
            at: self.now,
        }
    }

    fn outcome(&mut self, intent: &NewIntent, outcome: &Outcome) -> Result<OrderState, StoreError> {
        self.store.record_outcome(&intent.intent, outcome, self.now).map(|update| update.state)
    }

    /// Approved, sent and accepted under `number`.
    fn accepted(&mut self, intent: &NewIntent, number: &str) {
        self.approve(intent).unwrap();
        assert_eq!(self.begin(intent), Begun::Sending);
        assert_eq!(self.outcome(intent, &Outcome::Accepted(order(number))).unwrap(), OrderState::Accepted);
    }

    /// Approved, sent, and then silence.
    fn unknown(&mut self, intent: &NewIntent) {
        self.approve(intent).unwrap();
        assert_eq!(self.begin(intent), Begun::Sending);
        let silence = Outcome::Unknown("no answer within 5 s".into());
        assert_eq!(self.outcome(intent, &silence).unwrap(), OrderState::Unknown);
    }

    /// Lifts what stands; the epoch that approvals carry from here on.
    fn lift_all(&mut self) -> HaltEpoch {
        let standing = self.store.trading_state().unwrap().halts.into_iter();
        let ids: Vec<HaltId> = standing.map(|halt| HaltId::from_stored(halt.id)).collect();
        self.store.commit_release(&release(&ids)).unwrap().epoch
    }

    fn list(&self, rows: Vec<InquiryRow>) -> BookInquiry {
        let id = HaltId::new(self.now.timestamp_millis(), 0);
        let halt = HaltName { id, nonce: HaltNonce::new(3) };
        BookInquiry { day: today(), rows, asked_at: self.now, halt }
    }

    fn book(&mut self, rows: Vec<InquiryRow>) -> InquiryBooked {
        self.after(10);
        let list = self.list(rows);
        self.store.book_inquiry(&list, self.now).unwrap()
    }

    fn state(&mut self, intent: &NewIntent) -> OrderState {
        let all = self.store.all_intents().unwrap();
        all.into_iter().find(|record| record.id == intent.intent).unwrap().state
    }

    fn halt(&mut self, name: &str) -> HaltEpoch {
        self.halt_at(name, HaltLevel::Halted)
    }

    fn halt_at(&mut self, name: &str, level: HaltLevel) -> HaltEpoch {
        let record = self.halt_record(name, level);
        self.store.commit_halt(&record).unwrap().epoch
    }

    fn halt_record(&self, name: &str, level: HaltLevel) -> HaltRecord {
        HaltRecord {
            id: name.into(),
            at: self.now,
            source: HaltSource::Operator,
            by: "mina".into(),
            reason: "a test".into(),
            level,
            nonce: HaltNonce::new(7),
            cancel_open: false,
        }
    }

    /// The seed's rows as `action quantity price pnl confidence`.
    fn trades(&mut self) -> Vec<String> {
        use super::schema::trades::dsl::{action, confidence, id, pnl, price, quantity, trades};
        type Row = (String, Option<i64>, Option<f64>, Option<f64>, i64);
        let rows: Vec<Row> = trades
            .order(id)
            .select((action, quantity, price, pnl, confidence))
            .load(&mut self.store.connection)
            .unwrap();
        let shown = |value: Option<f64>| value.map_or("-".to_owned(), |number| number.to_string());
        rows.into_iter()
            .map(|(a, q, p, gain, c)| format!("{a} {} {} {} {c}", q.unwrap(), shown(p), shown(gain)))
            .collect()
    }

    fn lines(&mut self) -> Vec<String> {
        let query = domain::messages::ledger::EventsAfter { after: domain::EventId(0), limit: 500 };
        self.store.events_after(&query).unwrap().into_iter().map(|event| event.text).collect()
    }
}

/// The first equity of a day stays: a test that wants another one tells it before. Refused while another process owns
/// the books.
fn begin_rich(store: &mut SqliteStore, intent: &NewIntent) {
    let currency = intent.terms.instrument.market.currency();
    let equity = Money::new(1_000_000_000_000_i64.into(), currency);
    let start = RecordDayStart {
        currency,
        session_date: intent.session_date,
        equity: Some(equity),
        trips: Default::default(),
    };
    let _ = store.record_day_start(&start, intent.approved_at);
}

fn release(halts: &[HaltId]) -> Release {
    Release {
        halts: halts.to_vec(),
        source: HaltSource::Operator,
        by: "mina".into(),
        reason: "looked at it".into(),
        at: start(),
        leaves: None,
    }
}

fn today() -> DayKey {
    DayKey { market: Market::Kr, session_date: "2026-11-24".parse().unwrap() }
}

fn order(number: &str) -> VenueOrderId {
    VenueOrderId { date: today().session_date, branch: "06010".into(), number: number.into() }
}

fn stock(symbol: &str) -> Instrument {
    Instrument { market: Market::Kr, symbol: symbol.parse().unwrap() }
}

/// An approval of ten shares at 70,000, good for a minute.
fn intent(name: &str, side: Side, at: DateTime<Utc>) -> NewIntent {
    NewIntent {
        intent: IntentId::from_stored(format!("i-{name}")),
        approval: ApprovalId::from_stored(format!("a-{name}")),
        decision: DecisionId::from_stored(format!("d-{name}")),
        terms: OrderTerms {
            instrument: stock("005930"),
            side,
            quantity: Quantity::new(10),
            limit: "70000".parse().unwrap(),
        },
        confidence: Confidence::new(85).unwrap(),
        session_date: today().session_date,
        approved_at: at,
        expires_at: at + TimeDelta::seconds(60),
        halt_epoch: HaltEpoch(0),
    }
}

fn buy(name: &str) -> NewIntent {
    intent(name, Side::Buy, start())
}

/// A row of ten shares at limit 70,000: filled at an average, the rest working.
fn row(number: &str, side: Side, filled: u64, average: &str) -> InquiryRow {
    InquiryRow {
        order: order(number),
        instrument: stock("005930"),
        side,
        ordered: Quantity::new(10),
        limit: Some("70000".parse().unwrap()),
        filled: Quantity::new(filled),
        average_price: (filled > 0).then(|| average.parse().unwrap()),
        remaining: Quantity::new(10 - filled),
        cancelled: Quantity::ZERO,
        rejected: Quantity::ZERO,
        time: None,
    }
}

/// What came of a call that was reserved under `purpose`.
fn consultation(purpose: &str, asked_at: DateTime<Utc>) -> Consultation {
    let usage = TokenUsage { input: Some(3), output: Some(4), total: None };
    let text = r#"[{"symbol":"005930","rationale":"up","action":"BUY","confidence":85}]"#.to_owned();
    Consultation {
        call: CallId { quota_date: today().session_date, purpose: purpose.to_owned() },
        session_date: today().session_date,
        slot: "daily-1".to_owned(),
        stocks: vec![AskedStock { instrument: stock("005930"), offered: vec![Action::Buy, Action::Hold] }],
        threshold: Confidence::new(80).unwrap(),
        prompt_version: 1,
        model: "asked".to_owned(),
        system: "You judge.".to_owned(),
        prompt: "<data>{}</data>".to_owned(),
        asked_at,
        latency_ms: 1_200,
        rests_until: None,
        heard: Heard::Reply(OracleReply {
            text,
            model: "told".to_owned(),
            response_id: Some("r-1".to_owned()),
            usage,
        }),
    }
}

/// A call of the language model for two markets, under a day of so many calls.
fn model_call(purpose: &str, calls: u32) -> ReserveOracleCall {
    ReserveOracleCall {
        quota_date: today().session_date,
        purpose: purpose.to_owned(),
        markets: vec![Market::Kr, Market::UsNyse],
        worst: CallCost { tokens: 100, money_micros: 7 },
        ceilings: BudgetCeilings { calls, tokens: None, money_micros: None },
        shares: Vec::new(),
    }
}
