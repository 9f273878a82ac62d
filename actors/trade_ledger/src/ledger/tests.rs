//! The actor under its supervisor, over a store that fails on command, in virtual time.

mod double;

use std::sync::Mutex;
use std::time::Duration;

use domain::messages::bars::BarsSeen;
use domain::messages::control::{Durability, HaltCancels, HaltLevel, HaltRecord, HaltReport};
use domain::messages::ledger::{BooksSummary, EventKind, RecordDayReport, RecordEvent, SummaryQuery};
use domain::messages::trading::OrderUpdate;
use domain::{BoxFuture, HaltEpoch};
use risk_guard::{HaltEpochQuery, LoadTradingState};
use supervision::{Child, Exhausted, Place, Policy, Restart, Supervised, Supervisor, slot};

use super::*;
use crate::permit::{AbandonSending, JournalledOrders};
use double::{Facts, Scripted};

struct Frozen;

impl Clock for Frozen {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    fn sleep_until(&self, _until: DateTime<Utc>) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn real(&self, exchange_time: Duration) -> Duration {
        exchange_time
    }
}

/// A subscriber that remembers what it was told.
struct Subscriber(Arc<Mutex<Facts>>);

impl Actor for Subscriber {
    type Context = actix::Context<Self>;
}

impl Handler<EventsCommitted> for Subscriber {
    type Result = ();

    fn handle(&mut self, news: EventsCommitted, _ctx: &mut Self::Context) {
        self.0.lock().unwrap().told.push(news.last_id.0);
    }
}

/// A RiskGuard that remembers what it was asked.
struct Guard(Arc<Mutex<Facts>>);

impl Actor for Guard {
    type Context = actix::Context<Self>;
}

impl Handler<RequestHalt> for Guard {
    type Result = MessageResult<RequestHalt>;

    fn handle(&mut self, request: RequestHalt, _ctx: &mut Self::Context) -> Self::Result {
        self.0.lock().unwrap().halts.push(format!("{}: {}", request.source, request.reason));
        let record = HaltRecord {
            id: "h-1".into(),
            at: DateTime::UNIX_EPOCH,
            source: request.source,
            by: request.by,
            reason: request.reason,
            level: HaltLevel::Halted,
            nonce: domain::HaltNonce::default(),
            cancel_open: false,
        };
        MessageResult(HaltReport {
            record,
            durability: Durability::EmergencyFile,
            broker_confirmed: true,
            open: vec![],
            unknown: vec![],
            positions: vec![],
            cancels: HaltCancels::NotWanted,
            epoch: domain::HaltEpoch(1),
        })
    }
}

struct World {
    facts: Arc<Mutex<Facts>>,
    event: Link<RecordEvent>,
    summary: Link<SummaryQuery>,
    abandon: Link<AbandonSending>,
    state: Link<LoadTradingState>,
    epoch: Link<HaltEpochQuery>,
    bars: Link<BarsSeen>,
    report: Link<RecordDayReport>,
    journalled: Link<JournalledOrders>,
    _supervised: Supervised,
}

impl World {
    fn start() -> Self {
        let facts = Arc::new(Mutex::new(Facts::default()));
        let subscriber = Link::from_recipient(Subscriber(facts.clone()).start().recipient());
        let clock = Arc::new(Frozen);
        let halt = Link::from_recipient(Guard(facts.clone()).start().recipient());
        let retention = Default::default();
        let deps =
            LedgerDeps { clock, fencing: FencingEpoch(7), subscribers: vec![subscriber], halt, retention };
        let slot = slot::<TradeLedger>("trade_ledger", 64);
        let (event, summary, abandon, state) = (slot.link(), slot.link(), slot.link(), slot.link());
        let (epoch, journalled, bars) = (slot.link(), slot.link(), slot.lossy_link());
        let report = slot.link();
        let spec = Child {
            place: Place::Here,
            restart: Restart::Permanent,
            exhausted: Exhausted::Escalate,
            drain: Duration::from_secs(1),
        };
        let mut family = Supervisor::new(Policy { health_every: None, ..Policy::default() }, |_| ());
        let shared = facts.clone();
        family.child(spec, slot, move |_ctx| Ok(TradeLedger::new(Scripted::open(&shared), deps.clone())));
        let _supervised = family.launch();
        Self { facts, event, summary, abandon, state, epoch, bars, report, journalled, _supervised }
    }

    async fn settle(&self) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    async fn record(&self) {
        let text = "a line".to_owned();
        self.event.tell(RecordEvent { kind: EventKind::Report, market: None, text }).unwrap();
        self.settle().await;
    }

    async fn summary(&self) -> Result<BooksSummary, LedgerError> {
        self.summary.ask(SummaryQuery, Duration::from_secs(5)).await.unwrap()
    }

    async fn abandon(&self) -> Result<Vec<OrderUpdate>, LedgerError> {
        self.abandon.ask(AbandonSending, Duration::from_secs(5)).await.unwrap()
    }

    async fn load_state(&self) {
        self.state.ask(LoadTradingState, Duration::from_secs(5)).await.unwrap().unwrap();
        self.settle().await;
    }

    async fn halt_epoch(&self) -> HaltEpoch {
        let epoch = self.epoch.ask(HaltEpochQuery, Duration::from_secs(5)).await.unwrap().unwrap();
        self.settle().await;
        epoch
    }

    async fn journalled(&self) -> Result<usize, LedgerError> {
        let orders = self.journalled.ask(JournalledOrders, Duration::from_secs(5)).await.unwrap();
        self.settle().await;
        orders.map(|orders| orders.len())
    }

    fn next_fails(&self, error: StoreError) {
        self.facts.lock().unwrap().failure = Some(error);
    }

    fn told(&self) -> Vec<u64> {
        self.facts.lock().unwrap().told.clone()
    }

    fn opened(&self) -> u32 {
        self.facts.lock().unwrap().opened
    }
}

fn with_world(test: impl AsyncFnOnce(World)) {
    let paused = || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().start_paused(true).build().unwrap()
    };
    actix::System::with_tokio_rt(paused).block_on(async {
        let world = World::start();
        world.settle().await;
        test(world).await;
    });
}

#[test]
fn subscribers_are_told_once_of_each_new_event_and_never_of_a_read_or_a_failure() {
    with_world(async |world| {
        world.record().await;
        world.summary().await.unwrap();
        assert_eq!(world.abandon().await, Ok(Vec::new()));
        world.next_fails(StoreError::DiskFull("full".into()));
        world.record().await;
        world.record().await;
        assert_eq!(world.told(), [1, 2]);
    });
}

#[test]
fn a_connection_that_cannot_be_trusted_is_answered_for_and_then_reopened() {
    with_world(async |world| {
        world.record().await;
        world.next_fails(StoreError::Failed("disk I/O error".into()));
        let answer = world.abandon().await;
        assert!(matches!(answer, Err(LedgerError::Storage(_))), "{answer:?}");
        world.settle().await;
        assert_eq!(world.opened(), 2);
        assert_eq!(world.abandon().await, Ok(Vec::new()));
        assert_eq!(world.told(), [1, 1], "the new life repeats what the old one may not have told");
    });
}

#[test]
fn bars_wait_for_everything_else_and_are_written_one_stock_at_a_time() {
    with_world(async |world| {
        let recorded = |world: &World| world.facts.lock().unwrap().recorded.clone();
        for symbol in ["000001", "000002", "000001", "000003"] {
            let instrument =
                domain::Instrument { market: domain::Market::Kr, symbol: symbol.parse().unwrap() };
            world.bars.tell(BarsSeen { instrument, bars: Vec::new() }).unwrap();
        }
        assert_eq!(world.abandon().await, Ok(Vec::new()));
        assert_eq!(recorded(&world), [""; 0], "what came after them was done before them");
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(recorded(&world), ["000001"]);
        world.settle().await;
        assert_eq!(recorded(&world), ["000001", "000002", "000003"], "each stock once");
    });
}

fn slices(world: &World) -> u64 {
    world.facts.lock().unwrap().slices
}

/// A close that left so many slices of old rows, reported.
async fn close(world: &World, old_slices: u64) {
    world.facts.lock().unwrap().old_slices = old_slices;
    let (market, session_date) = (domain::Market::Kr, DateTime::UNIX_EPOCH.date_naive());
    let report = RecordDayReport { market, session_date, text: "a day".into() };
    assert_eq!(world.report.ask(report, Duration::from_secs(5)).await.unwrap(), Ok(true));
}

#[test]
fn old_rows_go_slice_by_slice_after_a_close_and_after_everything_that_waits() {
    with_world(async |world| {
        world.record().await;
        assert_eq!(slices(&world), 0, "not before a close");
        close(&world, 3).await;
        for symbol in ["000001", "000002"] {
            let instrument =
                domain::Instrument { market: domain::Market::Kr, symbol: symbol.parse().unwrap() };
            world.bars.tell(BarsSeen { instrument, bars: Vec::new() }).unwrap();
        }
        assert_eq!(world.abandon().await, Ok(Vec::new()));
        assert_eq!(slices(&world), 0, "an order that comes is served first");
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(slices(&world), 0, "bars still wait");
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(slices(&world), 4, "three with old rows, and one that found none");
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        assert_eq!(slices(&world), 4, "and no more until the next close");
    });
}

#[test]
fn one_close_goes_through_so_many_slices_and_a_failure_leaves_the_rest_to_the_next_one() {
    with_world(async |world| {
        close(&world, 1_000).await;
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(slices(&world), 400);
        close(&world, 5).await;
        world.next_fails(StoreError::Locked("busy".into()));
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!((slices(&world), world.opened()), (400, 1), "told in the log");
        close(&world, 5).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(slices(&world), 406);
    });
}

#[test]
fn more_bars_than_may_wait_are_left_for_another_session() {
    with_world(async |world| {
        for number in 0..600 {
            let symbol = format!("{number:06}").parse().unwrap();
            let instrument = domain::Instrument { market: domain::Market::Kr, symbol };
            world.bars.tell(BarsSeen { instrument, bars: Vec::new() }).unwrap();
            if number % 32 == 0 {
                world.summary().await.unwrap();
            }
        }
        tokio::time::sleep(Duration::from_secs(600)).await;
        let recorded = world.facts.lock().unwrap().recorded.len();
        assert_eq!(recorded, 512);
    });
}

#[test]
fn a_refusal_or_a_full_disk_keeps_the_connection() {
    with_world(async |world| {
        world.next_fails(StoreError::Refused("a rule".into()));
        assert_eq!(world.abandon().await, Err(LedgerError::Refused("a rule".into())));
        world.next_fails(StoreError::DiskFull("full".into()));
        assert!(matches!(world.abandon().await, Err(LedgerError::Storage(_))));
        world.settle().await;
        assert_eq!(world.opened(), 1);
    });
}

#[test]
fn invariant_11_a_riskguard_in_a_new_life_learns_that_the_books_cannot_be_written() {
    with_world(async |world| {
        world.load_state().await;
        assert_eq!(world.facts.lock().unwrap().halts.len(), 0);
        world.next_fails(StoreError::DiskFull("full".into()));
        world.record().await;
        world.load_state().await;
        let halts = world.facts.lock().unwrap().halts.clone();
        assert_eq!((halts.len(), &halts[0]), (2, &halts[1]));
        world.record().await;
        world.load_state().await;
        assert_eq!(world.facts.lock().unwrap().halts.len(), 2, "they can be written again");
    });
}

#[test]
fn invariant_11_books_that_cannot_be_written_stop_trading_once_until_they_can_be_again() {
    with_world(async |world| {
        for (error, expected) in [
            (StoreError::Refused("a rule".into()), 0),
            (StoreError::Locked("busy".into()), 0),
            (StoreError::DiskFull("full".into()), 1),
            (StoreError::DiskFull("full".into()), 1),
        ] {
            world.next_fails(error);
            world.record().await;
            assert_eq!(world.facts.lock().unwrap().halts.len(), expected);
        }
        world.record().await;
        world.next_fails(StoreError::DiskFull("full".into()));
        world.record().await;
        assert_eq!(world.facts.lock().unwrap().halts.len(), 2, "it was writable in between");
        world.next_fails(StoreError::Failed("disk I/O error".into()));
        assert!(world.summary().await.is_err());
        world.settle().await;
        let halts = world.facts.lock().unwrap().halts.clone();
        assert_eq!(halts.len(), 2, "the same outage");
        assert!(halts[0].starts_with("storage: the books cannot be written: the disk is full"), "{halts:?}");
    });
}

#[test]
fn invariant_12_a_ledger_that_was_overtaken_has_trading_stopped_for_good_and_says_so_once_a_life() {
    with_world(async |world| {
        assert_eq!(
            world.facts.lock().unwrap().fenced_to,
            Some(FencingEpoch(7)),
            "its store knows whose it is"
        );
        let (own, newest) = (FencingEpoch(7), FencingEpoch(8));
        for _write in 0..3 {
            world.next_fails(StoreError::Fenced { own, newest });
            assert_eq!(world.abandon().await, Err(LedgerError::Fenced));
        }
        world.settle().await;
        let halts = world.facts.lock().unwrap().halts.clone();
        assert_eq!(halts.len(), 1, "{halts:?}");
        assert!(halts[0].starts_with("fencing: another process owns the books"), "{halts:?}");
        assert_eq!(world.opened(), 1, "the connection is sound");
    });
}

#[test]
fn invariant_12_a_riskguard_in_a_new_life_learns_that_the_books_are_another_processes() {
    with_world(async |world| {
        world.load_state().await;
        assert_eq!(world.facts.lock().unwrap().halts.len(), 0);
        world.facts.lock().unwrap().later_boots = 1;
        world.load_state().await;
        world.load_state().await;
        let halts = world.facts.lock().unwrap().halts.clone();
        assert_eq!((halts.len(), &halts[0]), (2, &halts[1]), "each life is told, in the same words");
    });
}

#[test]
fn invariant_12_a_process_that_was_overtaken_gets_no_order_of_the_other_to_cancel() {
    with_world(async |world| {
        assert_eq!(world.journalled().await, Ok(0));
        world.facts.lock().unwrap().later_boots = 1;
        assert_eq!(world.journalled().await, Err(LedgerError::Fenced));
        assert_eq!(world.facts.lock().unwrap().halts.len(), 1);
    });
}

#[test]
fn invariant_12_a_process_without_orders_learns_from_the_epoch_that_it_was_overtaken_and_is_told_once() {
    with_world(async |world| {
        world.next_fails(StoreError::DiskFull("full".into()));
        world.record().await;
        world.facts.lock().unwrap().halts.clear();
        let before = world.halt_epoch().await;
        assert_eq!(world.facts.lock().unwrap().halts.len(), 0, "a disk that is full was told before");
        world.facts.lock().unwrap().later_boots = 1;
        for _look in 0..3 {
            assert_eq!(world.halt_epoch().await, before);
        }
        let halts = world.facts.lock().unwrap().halts.clone();
        assert_eq!(halts.len(), 1, "{halts:?}");
        assert!(halts[0].starts_with("fencing: another process owns the books"), "{halts:?}");
    });
}
