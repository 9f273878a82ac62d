//! The doubles of the exchange, its clock and stream, and of the way to the ledger; and what they know.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use chrono::NaiveDate;
use domain::messages::control::*;
use domain::messages::market_data::*;
use domain::messages::proof::ListedDay;
use domain::messages::symbols::HoldingsCompared;
use domain::*;
use risk_guard::EmergencyHalt;
use rust_decimal::Decimal;
use trade_ledger::booking::BookedIntent;
use trade_ledger::{JournalledOrder, SendPermit};

use super::super::*;
use crate::{CancelOutcome, StreamEvent, Urgency, Wanted};

/// What the doubles know and how they behave.
pub(super) struct Facts {
    /// Everything of interest, in order.
    pub(super) log: Vec<String>,
    pub(super) intents: Vec<BookedIntent>,
    pub(super) expiries: BTreeMap<IntentId, DateTime<Utc>>,
    pub(super) halts: Vec<HaltRecord>,
    pub(super) halt_epoch: u64,
    pub(super) unclosed: Vec<DayKey>,
    /// What the exchange lists; none: it does not answer.
    pub(super) rows: Option<Vec<InquiryRow>>,
    pub(super) outcome: Outcome,
    pub(super) prepare_takes: Duration,
    pub(super) submit_takes: Duration,
    /// How long an order list and an account take.
    pub(super) reads_take: Duration,
    /// The time at the start of the test.
    pub(super) starts_at: DateTime<Utc>,
    /// When the books took an order list or compared an account.
    pub(super) believed_at: Vec<DateTime<Utc>>,
    /// None: the ledger never answers.
    pub(super) permit_takes: Option<Duration>,
    /// So many outcomes are not taken.
    pub(super) outcomes_lost: u32,
    pub(super) refuses_for_good: bool,
    /// What the exchange says that a person should look at.
    pub(super) trouble: Option<String>,
    /// A halt cancels what works.
    pub(super) halt_cancels: bool,
    /// How far the exchange's clock is off.
    pub(super) skew: Option<TimeDelta>,
    /// The same by its last answer alone.
    pub(super) doubt: Option<TimeDelta>,
    /// The same, but only once a turn of the rate has come.
    pub(super) doubt_after_turn: Option<TimeDelta>,
    /// So many answers of the exchange until the doubt is over.
    pub(super) doubt_for: Option<u32>,
    /// RiskGuard sees what the exchange's answers say of its clock.
    pub(super) guard_sees_clock: bool,
    /// Another process owns the books.
    pub(super) fenced: bool,
    /// Another process has started while the order was on its way; how often an outcome was brought since.
    pub(super) overtaken: Option<u32>,
    /// The books cannot be read.
    pub(super) reads_fail: bool,
    /// What an earlier life left `Sending` cannot be booked.
    pub(super) abandons_fail: bool,
    /// What the books say of the account.
    pub(super) compared: HoldingsCompared,
    /// How many orders became unknown lately.
    pub(super) unknowns: u32,
    pub(super) last_trade: Result<Option<DateTime<Utc>>, QueryError>,
    /// What the stream will tell, in order.
    pub(super) air: VecDeque<StreamEvent>,
    /// What the stream was last told to tell.
    pub(super) wanted: Option<Wanted>,
    /// What the account holds.
    pub(super) holds: Vec<&'static str>,
    /// How many shares it says may be sold, when asked about one stock; none: there is no such question.
    pub(super) sellable: Option<Result<u64, QueryError>>,
    /// What it says can still be cancelled.
    pub(super) working: Result<Vec<WorkingOrder>, QueryError>,
}

pub(super) type Shared = Arc<Mutex<Facts>>;

pub(super) fn begun() -> DateTime<Utc> {
    "2026-11-24T01:00:00Z".parse().unwrap()
}

pub(super) fn today() -> NaiveDate {
    Market::Kr.date_at(begun())
}

pub(super) fn stock(symbol: &str) -> Instrument {
    Instrument { market: Market::Kr, symbol: symbol.parse().unwrap() }
}

pub(super) struct TestClock {
    pub(super) started: tokio::time::Instant,
    pub(super) starts_at: DateTime<Utc>,
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        self.starts_at + TimeDelta::from_std(self.started.elapsed()).unwrap()
    }

    fn sleep_until(&self, until: DateTime<Utc>) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep((until - self.now()).to_std().unwrap_or_default()))
    }

    fn real(&self, exchange_time: Duration) -> Duration {
        exchange_time
    }
}

pub(super) struct Counter(pub(super) Mutex<u64>);

impl Random for Counter {
    fn next_u64(&self) -> u64 {
        let mut number = self.0.lock().unwrap();
        *number += 1;
        *number
    }
}

pub(super) struct NoFile;

impl EmergencyHalt for NoFile {
    fn write(&self, _record: &HaltRecord) -> Result<(), String> {
        Ok(())
    }

    fn read(&self) -> Option<HaltRecord> {
        None
    }

    fn read_all(&self) -> Vec<HaltRecord> {
        self.read().into_iter().collect()
    }

    fn keep_only(&self, records: &[HaltRecord]) -> Result<(), String> {
        match records {
            [] => self.clear(),
            records => records.iter().try_for_each(|record| self.write(record)),
        }
    }

    fn clear(&self) -> Result<(), String> {
        Ok(())
    }
}

/// An exchange that does as it is told, and keeps a list of who came.
pub(super) struct Venue {
    pub(super) shared: Shared,
    pub(super) clock: Arc<dyn Clock>,
}

impl Venue {
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.shared.lock().unwrap()
    }

    fn note(&self, line: String) {
        self.facts().log.push(line);
    }

    /// The answer to a question about the ledger, as of now, after as long as it takes.
    async fn read<T>(&self, answer: T) -> T {
        let takes = self.facts().reads_take;
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        answer
    }
}

impl Exchange for Venue {
    fn prepare(&self, urgency: Urgency) -> BoxFuture<'_, Result<(), QueryError>> {
        Box::pin(async move {
            let takes = self.facts().prepare_takes;
            tokio::time::sleep(takes).await;
            self.note(format!("venue: prepare {urgency:?}"));
            let mut facts = self.facts();
            facts.doubt = facts.doubt_after_turn.take().or(facts.doubt);
            Ok(())
        })
    }

    fn submit(&self, permit: SendPermit) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            self.note(format!("venue: POST {}", permit.terms()));
            let takes = self.facts().submit_takes;
            tokio::time::sleep(takes).await;
            self.facts().outcome.clone()
        })
    }

    fn cancel(&self, order: JournalledOrder) -> BoxFuture<'_, CancelOutcome> {
        self.note(format!("venue: cancel {}", order.intent().terms.instrument));
        Box::pin(async { CancelOutcome::Requested })
    }

    fn orders_of_day(
        &self,
        _market: Market,
        date: NaiveDate,
    ) -> BoxFuture<'_, Result<Vec<InquiryRow>, QueryError>> {
        let rows = self.facts().rows.clone();
        let of_day = |rows: Vec<InquiryRow>| rows.into_iter().filter(|row| row.order.date == date).collect();
        let answer = rows.map(of_day).ok_or_else(|| QueryError::Unavailable("down".into()));
        Box::pin(self.read(answer))
    }

    fn account(
        &self,
        _query: AccountQuery,
        _urgency: Urgency,
    ) -> BoxFuture<'_, Result<AccountSnapshot, QueryError>> {
        self.note("venue: account".into());
        let mut facts = self.facts();
        facts.doubt_for = facts.doubt_for.map(|answers| answers.saturating_sub(1));
        if facts.doubt_for == Some(0) {
            (facts.doubt, facts.doubt_for) = (None, None);
        }
        let snapshot = account(self.clock.now(), &facts.holds);
        drop(facts);
        Box::pin(self.read(Ok(snapshot)))
    }

    fn ranking(&self, _query: RankingQuery) -> BoxFuture<'_, Result<Vec<RankedStock>, QueryError>> {
        Box::pin(std::future::pending())
    }

    fn bars(&self, _query: BarsQuery) -> BoxFuture<'_, Result<Vec<Candle>, QueryError>> {
        Box::pin(std::future::pending())
    }

    fn quote(&self, _query: QuoteQuery, _urgency: Urgency) -> BoxFuture<'_, Result<Quote, QueryError>> {
        Box::pin(std::future::pending())
    }

    fn sellable(&self, instrument: Instrument) -> BoxFuture<'_, Result<Quantity, QueryError>> {
        let told = self.facts().sellable.clone();
        Box::pin(async move {
            let told = told.ok_or_else(|| QueryError::NotOffered("on paper".into()))?;
            self.note(format!("venue: sellable {instrument}"));
            told.map(Quantity::new)
        })
    }

    fn working_orders(&self, _market: Market) -> BoxFuture<'_, Result<Vec<WorkingOrder>, QueryError>> {
        let working = self.facts().working.clone();
        Box::pin(async move { working })
    }

    fn last_trade(&self, _market: Market) -> BoxFuture<'_, Result<Option<DateTime<Utc>>, QueryError>> {
        self.note("venue: last trade".into());
        let answer = self.facts().last_trade.clone();
        Box::pin(async move { answer })
    }

    fn listed_days(
        &self,
        _market: Market,
        _from: NaiveDate,
    ) -> BoxFuture<'_, Result<Vec<ListedDay>, QueryError>> {
        Box::pin(std::future::pending())
    }

    fn needs_a_person(&self, _refusal: &Refusal) -> bool {
        self.facts().refuses_for_good
    }

    fn trouble(&self) -> Option<String> {
        self.facts().trouble.clone()
    }
}

impl ExchangeClock for Venue {
    fn clock_skew(&self) -> Option<TimeDelta> {
        self.facts().skew
    }

    fn clock_doubt(&self) -> Option<TimeDelta> {
        let facts = self.facts();
        facts.doubt.or(facts.skew)
    }
}

/// What RiskGuard sees of the exchange's clock: as a rule nothing, so that what Broker objects is tested.
pub(super) struct Seen(pub(super) Shared);

impl ExchangeClock for Seen {
    fn clock_doubt(&self) -> Option<TimeDelta> {
        let facts = self.0.lock().unwrap();
        facts.doubt.or(facts.skew).filter(|_| facts.guard_sees_clock)
    }
}

fn account(taken_at: DateTime<Utc>, holds: &[&str]) -> AccountSnapshot {
    let holding = |symbol: &&str| Holding {
        instrument: stock(symbol),
        quantity: Quantity::new(1),
        sellable: Quantity::new(1),
        average_price: None,
        price: None,
    };
    let won = |amount: i64| Some(Money::new(Decimal::from(amount), Currency::Krw));
    AccountSnapshot {
        currency: Currency::Krw,
        taken_at,
        cash: won(10_000_000),
        equity: won(10_000_000),
        purchase_total: None,
        valuation_total: None,
        holdings: holds.iter().map(holding).collect(),
    }
}

/// A stream that tells what a test gives it.
pub(super) struct Air(pub(super) Shared);

impl MarketStream for Air {
    fn want(&self, wanted: Wanted) {
        self.0.lock().unwrap().wanted = Some(wanted);
    }

    fn next(&self) -> BoxFuture<'_, StreamEvent> {
        Box::pin(async {
            loop {
                let event = self.0.lock().unwrap().air.pop_front();
                match event {
                    Some(event) => return event,
                    None => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        })
    }
}
