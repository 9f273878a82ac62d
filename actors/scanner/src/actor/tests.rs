//! The actor under the real supervisor, in virtual time, with a Broker that answers as told.

mod vectors;

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix::{Context, System};
use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::ledger::LedgerError;
use domain::messages::limits::WaitsUnknown;
use domain::messages::market_data::{ListedStatus, QueryError, Quote, RankedStock, RankingKind};
use domain::messages::schedule::Slot;
use domain::{
    AccountSnapshot, BoxFuture, Candle, Currency, Holding, Price, Quantity, Restriction, SelectionGate,
    Signal, StockRules, Verdict, Wait, WaitCause,
};
use supervision::{Child, Exhausted, Place, Policy, Restart, Supervisor, slot};
use tokio::time::{Instant, sleep};

use super::*;

const CHILD: Child = Child {
    place: Place::Here,
    restart: Restart::Permanent,
    exhausted: Exhausted::Escalate,
    drain: Duration::from_secs(1),
};

fn in_virtual_time<F: Future>(test: F) -> F::Output {
    let paused =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    System::with_tokio_rt(paused).block_on(test)
}

struct TestClock(Instant);

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        open() + TimeDelta::from_std(self.0.elapsed()).unwrap()
    }

    fn sleep_until(&self, until: DateTime<Utc>) -> BoxFuture<'static, ()> {
        Box::pin(sleep((until - self.now()).to_std().unwrap_or_default()))
    }

    fn real(&self, exchange_time: Duration) -> Duration {
        exchange_time
    }
}

fn open() -> DateTime<Utc> {
    "2026-11-24T00:00:00Z".parse().unwrap()
}

fn stock(symbol: &str) -> Instrument {
    Instrument { market: Market::Kr, symbol: symbol.parse().unwrap() }
}

fn price(value: i64) -> Price {
    Price::new(value.into()).unwrap()
}

/// Answers like the exchange and the books: what they offer, what fails, and how long an answer takes.
#[derive(Clone, Default)]
struct Broker {
    /// The rows of both rankings; none: no ranking answers.
    rows: Option<Vec<RankedStock>>,
    failing: Vec<&'static str>,
    halted: Vec<&'static str>,
    traded: Vec<&'static str>,
    /// What RiskGuard lets wait; none: it does not know.
    waits: Option<Vec<(&'static str, WaitCause)>>,
    holding: Option<&'static str>,
    /// The account tells no price of what it holds.
    priceless: bool,
    takes: Duration,
    asked: Arc<Mutex<Vec<String>>>,
}

/// A row that tells nothing but price and change.
fn row(symbol: &str, change: i64) -> RankedStock {
    RankedStock {
        instrument: stock(symbol),
        name: format!("Name of {symbol}"),
        price: Some(price(100)),
        change_pct: Some(change.into()),
        high: None,
        low: None,
        volume: None,
        volume_ratio: None,
        status: None,
    }
}

/// A row that tells everything, as the Korean list does, and that nothing speaks against it.
fn full_row(symbol: &str, change: i64) -> RankedStock {
    RankedStock {
        high: Some(price(100)),
        low: Some(price(100)),
        volume: Some(2_000),
        status: Some(ListedStatus::Free),
        ..row(symbol, change)
    }
}

fn rows() -> Option<Vec<RankedStock>> {
    Some(vec![row("000001", 9), row("000002", -7), row("000003", 5), row("000004", 0)])
}

impl Broker {
    fn answer<T: 'static>(
        &self,
        what: String,
        failing: bool,
        value: T,
    ) -> ResponseActFuture<Self, Result<T, QueryError>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(what);
        let answer =
            if failing { Err(QueryError::Unavailable("told to fail".to_owned())) } else { Ok(value) };
        let takes = self.takes;
        Box::pin(
            async move {
                sleep(takes).await;
                answer
            }
            .into_actor(self),
        )
    }

    fn fails(&self, instrument: &Instrument) -> bool {
        self.failing.contains(&instrument.symbol.as_str())
    }

    fn asked(&self, what: &str) -> usize {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().filter(|question| question.starts_with(what)).count()
    }
}

impl Actor for Broker {
    type Context = Context<Self>;
}

impl Handler<RankingQuery> for Broker {
    type Result = ResponseActFuture<Self, Result<Vec<RankedStock>, QueryError>>;

    fn handle(&mut self, _: RankingQuery, _: &mut Self::Context) -> Self::Result {
        let rows = self.rows.clone();
        self.answer("ranking".to_owned(), rows.is_none(), rows.unwrap_or_default())
    }
}

impl Handler<BarsQuery> for Broker {
    type Result = ResponseActFuture<Self, Result<Vec<Candle>, QueryError>>;

    fn handle(&mut self, query: BarsQuery, _: &mut Self::Context) -> Self::Result {
        let bar = |day| Candle::new(open() - TimeDelta::days(day), [price(100); 4], 1_000).unwrap();
        let bars = (0..i64::from(query.count)).rev().map(bar).collect();
        self.answer(format!("bars {}", query.instrument.symbol), self.fails(&query.instrument), bars)
    }
}

impl Handler<QuoteQuery> for Broker {
    type Result = ResponseActFuture<Self, Result<Quote, QueryError>>;

    fn handle(&mut self, query: QuoteQuery, _: &mut Self::Context) -> Self::Result {
        let what = format!("quote {}", query.instrument.symbol);
        let failing = self.fails(&query.instrument);
        let halted = self.halted.contains(&query.instrument.symbol.as_str());
        let restriction = halted.then_some(Restriction::Halted);
        let quote = Quote {
            instrument: query.instrument,
            at: open(),
            last: price(103),
            open: Some(price(100)),
            high: Some(price(104)),
            low: Some(price(99)),
            change_pct: None,
            volume: Some(2_000),
            bid: None,
            ask: None,
            delay: chrono::TimeDelta::zero(),
            rules: StockRules { restriction, ..StockRules::default() },
        };
        self.answer(what, failing, quote)
    }
}

impl Handler<AccountWatch> for Broker {
    type Result = ResponseActFuture<Self, Result<AccountSnapshot, QueryError>>;

    fn handle(&mut self, _: AccountWatch, _: &mut Self::Context) -> Self::Result {
        let quantity = Quantity::new(3);
        let holding = |symbol| Holding {
            instrument: stock(symbol),
            quantity,
            sellable: quantity,
            average_price: Some(price(100)),
            price: (!self.priceless).then(|| price(101)),
        };
        let snapshot = AccountSnapshot {
            currency: Currency::Krw,
            taken_at: open(),
            cash: None,
            equity: None,
            purchase_total: None,
            valuation_total: None,
            holdings: self.holding.map(holding).into_iter().collect(),
        };
        self.answer("account".to_owned(), false, snapshot)
    }
}

impl Handler<RecentlyTraded> for Broker {
    type Result = Result<Vec<Instrument>, LedgerError>;

    fn handle(&mut self, query: RecentlyTraded, _: &mut Self::Context) -> Self::Result {
        assert_eq!(query, RecentlyTraded { market: Market::Kr, limit: 30 });
        Ok(self.traded.iter().map(|symbol| stock(symbol)).collect())
    }
}

impl Handler<WaitsQuery> for Broker {
    type Result = Result<Vec<(Instrument, Wait)>, WaitsUnknown>;

    fn handle(&mut self, query: WaitsQuery, _: &mut Self::Context) -> Self::Result {
        assert_eq!(query, WaitsQuery { market: Market::Kr });
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push("waits".to_owned());
        let until = open() + TimeDelta::minutes(30);
        let waits = self.waits.clone().ok_or(WaitsUnknown)?.into_iter();
        Ok(waits.map(|(symbol, cause)| (stock(symbol), Wait { cause, until })).collect())
    }
}

/// Who is told.
#[derive(Clone, Default)]
struct Brain {
    found: Arc<Mutex<Vec<CandidatesFound>>>,
    selections: Arc<Mutex<Vec<SelectionsMade>>>,
    bars: Arc<Mutex<Vec<BarsSeen>>>,
}

fn taken<T>(letters: &Mutex<Vec<T>>) -> Vec<T> {
    std::mem::take(&mut *letters.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Brain {
    /// The symbols of each scan since the last look.
    fn found(&self) -> Vec<Vec<String>> {
        let symbols = |found: CandidatesFound| {
            found.candidates.iter().map(|candidate| candidate.instrument.symbol.to_string()).collect()
        };
        taken(&self.found).into_iter().map(symbols).collect()
    }

    /// The verdicts told since the last look.
    fn verdicts(&self) -> Vec<(String, Verdict)> {
        let told = taken(&self.selections).into_iter().flat_map(|made| made.selections);
        told.map(|one| (one.instrument.symbol.to_string(), one.verdict)).collect()
    }
}

impl Actor for Brain {
    type Context = Context<Self>;
}

impl Handler<CandidatesFound> for Brain {
    type Result = ();

    fn handle(&mut self, found: CandidatesFound, _: &mut Self::Context) {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).push(found);
    }
}

impl Handler<SelectionsMade> for Brain {
    type Result = ();

    fn handle(&mut self, made: SelectionsMade, _: &mut Self::Context) {
        self.selections.lock().unwrap_or_else(PoisonError::into_inner).push(made);
    }
}

impl Handler<BarsSeen> for Brain {
    type Result = ();

    fn handle(&mut self, seen: BarsSeen, _: &mut Self::Context) {
        self.bars.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
    }
}

fn settings() -> Settings {
    Settings {
        top_n: 2,
        thresholds: Thresholds::default(),
        overseas_rankings: true,
        us_min_price: 5.into(),
        watchlist: vec![stock("000008"), stock("000009")],
    }
}

fn launch(broker: &Broker) -> (Link<ScanDue>, Brain) {
    launch_on(broker.clone(), settings())
}

/// The Scanner between a world that answers everything and somebody who is told.
fn launch_on<W>(world: W, settings: Settings) -> (Link<ScanDue>, Brain)
where
    W: Actor<Context = Context<W>>
        + Handler<RankingQuery>
        + Handler<BarsQuery>
        + Handler<QuoteQuery>
        + Handler<AccountWatch>
        + Handler<RecentlyTraded>
        + Handler<WaitsQuery>,
{
    let brain = Brain::default();
    let (address, told) = (world.start(), brain.clone().start());
    let deps = Deps {
        clock: Arc::new(TestClock(Instant::now())),
        rankings: Link::from_recipient(address.clone().recipient()),
        bars: Link::from_recipient(address.clone().recipient()),
        quotes: Link::from_recipient(address.clone().recipient()),
        account: Link::from_recipient(address.clone().recipient()),
        waits: Link::from_recipient(address.clone().recipient()),
        traded: Link::from_recipient(address.recipient()),
        selections: Link::from_recipient(told.clone().recipient()),
        bars_seen: Link::from_recipient(told.clone().recipient()),
        candidates: Link::from_recipient(told.recipient()),
    };
    let scanner = slot::<Scanner>("scanner", 16);
    let link = scanner.link();
    let mut supervisor = Supervisor::new(Policy { health_every: None, ..Policy::default() }, |_| {});
    supervisor.child(CHILD, scanner, move |_| Ok(Scanner::new(settings.clone(), deps.clone())));
    actix::spawn(async move {
        let _kept_for_the_test = supervisor.launch();
        std::future::pending::<()>().await;
    });
    (link, brain)
}

fn cycle(number: u32) -> ScanDue {
    let session_date = Market::Kr.date_at(open());
    let key = SlotKey { market: Market::Kr, session_date, slot: Slot::Realtime(number) };
    ScanDue { key, expires_at: open() + TimeDelta::minutes(i64::from(number) + 1) }
}

#[test]
fn a_stock_that_riskguard_lets_wait_is_no_candidate_and_the_reason_is_written_down() {
    in_virtual_time(async {
        let refused = WaitCause::Refused { why: "NoCash".to_owned() };
        let sold = |value| WaitCause::Sold { price: price(value) };
        let waits = vec![
            ("000001", refused),
            ("000002", sold(200)),
            ("000003", sold(99)),
            ("000007", WaitCause::Lost),
        ];
        let holding = Some("000007");
        let broker = Broker { rows: rows(), holding, waits: Some(waits), ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(brain.found(), [["000002", "000007"]], "what is held is not bought anyway");
        let made: Vec<_> = taken(&brain.selections).into_iter().flat_map(|made| made.selections).collect();
        let of = |symbol: &str| made.iter().find(|one| one.instrument == stock(symbol)).unwrap();
        for (symbol, words) in [("000001", "refused (NoCash)"), ("000003", "not bought above 99")] {
            let Selection { verdict, evidence, .. } = of(symbol);
            assert_eq!(*verdict, Verdict::Rejected(SelectionGate::Wait), "{symbol}");
            assert!(evidence.wait.as_ref().unwrap().to_string().contains(words), "{evidence:?}");
        }
        assert_eq!(broker.asked("quote 000001"), 0, "nothing is asked about it");
        let passed = |symbol| of(symbol).evidence.gates.iter().any(|check| check.gate == SelectionGate::Wait);
        assert_eq!((passed("000002"), passed("000007")), (true, false));
    });
}

#[test]
fn while_nobody_tells_what_waits_the_scan_goes_on_and_a_look_at_what_is_held_does_not_ask() {
    in_virtual_time(async {
        let broker = Broker { rows: rows(), holding: Some("000007"), ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(
            (brain.found(), broker.asked("waits")),
            (vec![vec!["000001".to_owned(), "000002".into(), "000007".into()]], 1)
        );
        let look = ScanDue { key: SlotKey { slot: Slot::Exits(1), ..cycle(1).key }, ..cycle(1) };
        scan.tell(look).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(broker.asked("waits"), 1);
    });
}

#[test]
fn a_scan_tells_the_top_stocks_and_every_holding() {
    in_virtual_time(async {
        let broker = Broker { rows: rows(), holding: Some("000007"), ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(brain.found(), [["000001", "000002", "000007"]]);
    });
}

#[test]
fn bars_are_asked_for_once_a_session_and_of_candidates_only() {
    in_virtual_time(async {
        let broker = Broker { rows: rows(), ..Broker::default() };
        let (scan, brain) = launch(&broker);
        for number in 0..3 {
            scan.tell(cycle(number)).unwrap();
            sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(brain.found().len(), 3);
        assert_eq!((broker.asked("bars 000001"), broker.asked("quote 000001")), (1, 3));
        assert_eq!((broker.asked("bars"), broker.asked("bars 000003")), (2, 0), "candidates only");
        let seen = taken(&brain.bars);
        let stocks: Vec<_> = seen.iter().map(|seen| seen.instrument.symbol.as_str()).collect();
        assert_eq!(stocks, ["000001", "000002"], "each is written down once");
        let today = open().date_naive();
        assert!(seen.iter().all(|seen| !seen.bars.is_empty()));
        assert!(
            seen.iter().flat_map(|seen| &seen.bars).all(|bar| bar.session_date < today),
            "finished days only"
        );
        assert_eq!(
            (broker.asked("quote 000003"), broker.asked("quote 000004")),
            (3, 0),
            "one stock to spare"
        );
    });
}

#[test]
fn rows_that_tell_everything_cost_no_quote_and_an_unknown_stock_is_looked_at_once_a_session() {
    in_virtual_time(async {
        let mut unknown = full_row("000001", 9);
        unknown.status = None;
        let rows = Some(vec![unknown, full_row("000002", 8), full_row("000003", 7)]);
        let broker = Broker { rows, ..Broker::default() };
        let (scan, brain) = launch(&broker);
        for number in 0..3 {
            scan.tell(cycle(number)).unwrap();
            sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(brain.found(), [["000001", "000002"], ["000001", "000002"], ["000001", "000002"]]);
        assert_eq!((broker.asked("quote 000001"), broker.asked("quote")), (1, 1));
    });
}

#[test]
fn a_failing_stock_is_left_out_and_the_rest_goes_on() {
    in_virtual_time(async {
        let broker = Broker { rows: rows(), failing: vec!["000001"], ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(brain.found(), [["000002", "000003"]]);
        let verdicts = brain.verdicts();
        assert!(
            verdicts.contains(&("000001".to_owned(), Verdict::Rejected(SelectionGate::History))),
            "{verdicts:?}"
        );
    });
}

#[test]
fn every_stock_that_was_considered_is_told_once_with_the_gate_that_failed() {
    in_virtual_time(async {
        let rows = ["000001", "000002", "000003", "000005"].map(|symbol| full_row(symbol, 9));
        let broker = Broker {
            rows: Some(rows.into_iter().chain([full_row("000004", 0)]).collect()),
            holding: Some("000007"),
            ..Broker::default()
        };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        let made = taken(&brain.selections);
        let [made] = made.as_slice() else { panic!("{made:?}") };
        let mut verdicts: Vec<_> = made
            .selections
            .iter()
            .map(|one| (one.instrument.symbol.to_string(), one.verdict.code(), one.evidence.gates.clone()))
            .collect();
        verdicts.sort_by(|one, other| one.0.cmp(&other.0));
        let codes: Vec<_> = verdicts.iter().map(|(symbol, code, _)| (symbol.as_str(), *code)).collect();
        let expected = [
            ("000001", "chosen"),
            ("000002", "chosen"),
            ("000003", "rank"),
            ("000004", "movement"),
            ("000005", "rank"),
            ("000007", "held"),
        ];
        assert_eq!(codes, expected);
        let movement = verdicts[3].2.iter().find(|check| check.gate == SelectionGate::Movement).unwrap();
        let numbers = (movement.value, movement.threshold, movement.missing());
        assert_eq!(
            numbers,
            (Some(0.into()), Decimal::from_str_exact("0.8").ok(), Decimal::from_str_exact("0.8").ok())
        );
        let rank = verdicts[2].2.last().unwrap();
        assert_eq!(
            (rank.gate, rank.value, rank.threshold),
            (SelectionGate::Rank, Some("90.9".parse().unwrap()), Some("91.2".parse().unwrap()))
        );
        scan.tell(cycle(1)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(brain.verdicts(), [], "nothing has changed");
    });
}

#[test]
fn a_holding_that_nobody_has_any_price_of_is_no_candidate_and_is_written_down() {
    in_virtual_time(async {
        let blind = Broker {
            rows: rows(),
            failing: vec!["000011"],
            holding: Some("000011"),
            priceless: true,
            ..Broker::default()
        };
        let (scan, brain) = launch(&blind);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert!(!brain.found().iter().flatten().any(|symbol| symbol == "000011"));
        let verdicts = brain.verdicts();
        assert!(verdicts.contains(&("000011".to_owned(), Verdict::Held)), "{verdicts:?}");
    });
}

#[test]
fn halted_stocks_are_filtered_from_rankings_and_fallback_but_a_holding_stays() {
    in_virtual_time(async {
        let halted = vec!["000001", "000007", "000008"];
        let ranked =
            Broker { rows: rows(), halted: halted.clone(), holding: Some("000007"), ..Broker::default() };
        let (scan, brain) = launch(&ranked);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(brain.found(), [["000002", "000003", "000007"]]);
        let verdicts = brain.verdicts();
        assert!(verdicts.contains(&("000001".to_owned(), Verdict::Rejected(SelectionGate::Restriction))));
        assert!(verdicts.contains(&("000007".to_owned(), Verdict::Held)));
        let without = Broker { halted, holding: Some("000007"), ..Broker::default() };
        let (scan, brain) = launch(&without);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(brain.found(), [["000009", "000007"]]);
    });
}

#[test]
fn failed_rankings_are_stood_in_for_by_wishes_candidates_of_the_session_and_what_was_traded() {
    in_virtual_time(async {
        let mut broker = Broker { traded: vec!["000006"], failing: vec!["000008"], ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(brain.found(), [["000009", "000006"]]);
        broker = Broker { rows: Some(vec![row("000004", 0)]), traded: vec!["000006"], ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        let quiet: [Vec<String>; 1] = [vec![]];
        assert_eq!(brain.found(), quiet, "a list that is filtered to nothing is no outage");
    });
}

#[test]
fn without_rankings_the_watchlist_and_the_holdings_are_scanned() {
    in_virtual_time(async {
        let broker = Broker { holding: Some("000007"), failing: vec!["000009"], ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(brain.found(), [["000008", "000007"]]);
    });
}

#[test]
fn a_key_seen_before_or_expired_is_ignored_and_scans_of_one_market_never_overlap() {
    in_virtual_time(async {
        let broker = Broker { rows: rows(), takes: Duration::from_secs(2), ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(5)).await;
        scan.tell(cycle(1)).unwrap();
        sleep(Duration::from_secs(50)).await;
        assert_eq!((brain.found().len(), broker.asked("account")), (1, 1));
        sleep(Duration::from_secs(70)).await;
        scan.tell(cycle(1)).unwrap();
        sleep(Duration::from_secs(30)).await;
        assert_eq!((brain.found().len(), broker.asked("account")), (0, 1));
    });
}

#[test]
fn a_scan_that_outlasts_its_slot_tells_nothing_but_makes_the_next_one_faster() {
    in_virtual_time(async {
        let broker = Broker { rows: rows(), takes: Duration::from_secs(8), ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(70)).await;
        assert!(brain.found().is_empty());
        scan.tell(cycle(1)).unwrap();
        sleep(Duration::from_secs(50)).await;
        assert_eq!(brain.found(), [["000001", "000002"]]);
    });
}
