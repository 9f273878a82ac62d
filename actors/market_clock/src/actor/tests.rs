//! The actor under the real supervisor, in virtual time.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix::{Context, System};
use domain::messages::schedule::Phase;
use domain::{BoxFuture, Market};
use supervision::{Child, Exhausted, Place, Policy, Restart, Supervisor, slot};
use tokio::time::{Instant, sleep};

use super::*;
use crate::calendar::Calendar;
use crate::slots::Cadence;

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

/// Virtual exchange time that can be moved.
#[derive(Clone)]
struct MovedClock {
    start: Instant,
    origin: Arc<Mutex<DateTime<Utc>>>,
}

impl MovedClock {
    fn at(text: &str) -> Self {
        Self { start: Instant::now(), origin: Arc::new(Mutex::new(text.parse().unwrap())) }
    }

    fn jump(&self, by: TimeDelta) {
        *self.origin.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for MovedClock {
    fn now(&self) -> DateTime<Utc> {
        let origin = *self.origin.lock().unwrap_or_else(PoisonError::into_inner);
        origin + TimeDelta::from_std(self.start.elapsed()).unwrap()
    }

    fn sleep_until(&self, until: DateTime<Utc>) -> BoxFuture<'static, ()> {
        let left = (until - self.now()).to_std().unwrap_or_default();
        Box::pin(sleep(left))
    }

    fn real(&self, exchange_time: Duration) -> Duration {
        exchange_time
    }
}

/// Hears everything and notes it.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<String>>>);

impl Listener {
    fn note(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Actor for Listener {
    type Context = Context<Self>;
}

macro_rules! hears {
    ($($message:ident => $line:expr;)*) => {$(
        impl Handler<$message> for Listener {
            type Result = ();

            fn handle(&mut self, message: $message, _: &mut Self::Context) {
                let line: fn(&$message) -> String = $line;
                self.note(line(&message));
            }
        }
    )*};
}

hears! {
    SessionChanged => |change| format!("{:?}", change.phase);
    ScanDue => |scan| format!("scan {}", scan.key.slot);
    DecideDue => |decide| format!("decide {}", decide.key.slot);
    DayClosed => |day| format!("closed {}", day.session_date);
}

/// Books that outlive every life, and can fail.
#[derive(Clone, Default)]
struct Books(Arc<Mutex<Vec<Occasion>>>, Arc<Mutex<bool>>, Arc<Mutex<Vec<String>>>);

impl Books {
    fn fail(&self, fails: bool) {
        *self.1.lock().unwrap() = fails;
    }

    fn answer<T>(&self, value: T) -> Result<T, LedgerError> {
        if *self.1.lock().unwrap() { Err(LedgerError::Storage("full".into())) } else { Ok(value) }
    }

    fn book(&self, occasion: &Occasion) -> bool {
        let key = |one: &Occasion| (one.market, one.session_date, one.kind);
        let mut booked = self.0.lock().unwrap();
        let is_new =
            !booked.iter().any(|old| key(old) == key(occasion) && old.begins_at >= occasion.begins_at);
        if is_new {
            booked.push(occasion.clone());
        }
        is_new
    }
}

impl Actor for Books {
    type Context = Context<Self>;
}

impl Handler<BookOccasions> for Books {
    type Result = Result<Vec<bool>, LedgerError>;

    fn handle(&mut self, told: BookOccasions, _: &mut Self::Context) -> Self::Result {
        self.answer(())?;
        Ok(told.occasions.iter().map(|occasion| self.book(occasion)).collect())
    }
}

impl Handler<BookedOccasions> for Books {
    type Result = Result<Vec<Occasion>, LedgerError>;

    fn handle(&mut self, _: BookedOccasions, _: &mut Self::Context) -> Self::Result {
        self.answer(self.0.lock().unwrap().clone())
    }
}

impl Handler<RecordEvent> for Books {
    type Result = ();

    fn handle(&mut self, event: RecordEvent, _: &mut Self::Context) {
        self.2.lock().unwrap().push(event.text);
    }
}

fn launch(clock: &MovedClock) -> (Listener, supervision::Supervised) {
    launch_over(clock, &Books::default())
}

fn launch_over(clock: &MovedClock, books: &Books) -> (Listener, supervision::Supervised) {
    let (listener, supervised, _overrides) = launch_all(clock, books);
    (listener, supervised)
}

fn launch_all(clock: &MovedClock, books: &Books) -> (Listener, supervision::Supervised, Link<OverrideFile>) {
    let listener = Listener::default();
    let ledger = books.clone().start();
    let address = listener.clone().start();
    let deps = Deps {
        clock: Arc::new(clock.clone()),
        ledger: LedgerLinks {
            book: Link::from_recipient(ledger.clone().recipient()),
            booked: Link::from_recipient(ledger.clone().recipient()),
            events: Link::from_recipient(ledger.recipient()),
        },
        session_changed: vec![Link::from_recipient(address.clone().recipient())],
        scan_due: vec![Link::from_recipient(address.clone().recipient())],
        decide_due: vec![Link::from_recipient(address.clone().recipient())],
        day_ended: vec![Link::from_recipient(address.recipient())],
        day_closed: vec![],
    };
    let settings = Settings {
        markets: vec![Market::Kr],
        cadence: Cadence::Realtime,
        calendar: Calendar::official(),
        exits: BTreeSet::new(),
    };
    let mut supervisor = Supervisor::new(Policy { health_every: None, ..Policy::default() }, |_| {});
    let factory = move |_: &mut Ctx<MarketClock>| Ok(MarketClock::new(settings.clone(), deps.clone()));
    let slot = slot::<MarketClock>("market_clock", 16);
    let overrides = slot.link();
    supervisor.child(CHILD, slot, factory);
    (listener, supervisor.launch(), overrides)
}

#[test]
fn a_session_begins_to_the_second_and_every_cycle_is_told_to_scanner_and_brain() {
    in_virtual_time(async {
        let clock = MovedClock::at("2026-11-23T23:59:00Z");
        let (listener, _supervised) = launch(&clock);
        sleep(Duration::from_millis(59_900)).await;
        assert_eq!(listener.heard(), ["OpeningAuction", "closed 2026-11-23"]);
        sleep(Duration::from_millis(60_200)).await;
        let expected =
            ["Continuous", "scan realtime-0", "decide realtime-0", "scan realtime-1", "decide realtime-1"];
        assert_eq!(listener.heard(), expected);
    });
}

#[test]
fn a_clock_that_jumps_ahead_makes_no_burst_and_one_set_back_repeats_nothing() {
    in_virtual_time(async {
        let clock = MovedClock::at("2026-11-24T00:00:10Z");
        let (listener, _supervised) = launch(&clock);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(listener.heard().len(), 4);
        clock.jump(TimeDelta::hours(5));
        sleep(Duration::from_secs(31)).await;
        assert_eq!(listener.heard(), ["scan realtime-300", "decide realtime-300"]);
        clock.jump(TimeDelta::hours(-1));
        sleep(Duration::from_secs(600)).await;
        assert_eq!(listener.heard(), Vec::<String>::new());
    });
}

#[test]
fn a_restarted_clock_tells_the_phase_and_the_closed_day_again_and_nothing_else_twice() {
    in_virtual_time(async {
        let clock = MovedClock::at("2026-11-24T00:00:10Z");
        let (listener, supervised) = launch(&clock);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(
            listener.heard(),
            ["Continuous", "scan realtime-0", "decide realtime-0", "closed 2026-11-23"]
        );
        assert!(supervised.recycle("market_clock"));
        sleep(Duration::from_secs(5)).await;
        assert_eq!(listener.heard(), ["Continuous", "closed 2026-11-23"]);
        sleep(Duration::from_secs(60)).await;
        assert_eq!(listener.heard(), ["scan realtime-1", "decide realtime-1"]);
        assert_eq!(Phase::Continuous, Calendar::official().phase(Market::Kr, clock.now()));
    });
}

#[test]
fn a_new_process_whose_clock_was_set_back_tells_no_slot_twice() {
    in_virtual_time(async {
        let books = Books::default();
        let clock = MovedClock::at("2026-11-24T05:00:10Z");
        let (_first, _life) = launch_over(&clock, &books);
        sleep(Duration::from_secs(1)).await;
        let (listener, _supervised) = launch_over(&MovedClock::at("2026-11-24T04:30:10Z"), &books);
        sleep(Duration::from_secs(600)).await;
        assert_eq!(listener.heard(), ["Continuous", "closed 2026-11-23"]);
    });
}

#[test]
fn nothing_is_told_that_the_ledger_has_not_booked() {
    in_virtual_time(async {
        let books = Books::default();
        books.fail(true);
        let clock = MovedClock::at("2026-11-24T00:00:10Z");
        let (listener, _supervised) = launch_over(&clock, &books);
        sleep(Duration::from_secs(20)).await;
        assert_eq!(listener.heard(), Vec::<String>::new());
        books.fail(false);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(listener.heard().len(), 4, "once it answers again");
        books.fail(true);
        sleep(Duration::from_secs(60)).await;
        assert_eq!(listener.heard(), Vec::<String>::new());
    });
}

#[test]
fn an_override_is_in_force_within_a_wake_and_a_wrong_file_leaves_the_last_good_one() {
    in_virtual_time(async {
        let books = Books::default();
        let clock = MovedClock::at("2026-11-24T01:00:10Z");
        let (listener, _supervised, file) = launch_all(&clock, &books);
        sleep(Duration::from_secs(1)).await;
        listener.heard();
        let parse = |text| OverrideFile::Good(Overrides::parse(text, &Calendar::official()).unwrap());
        file.tell(parse(r#"{"KR": {"closed": ["2026-11-24"]}}"#)).unwrap();
        sleep(Duration::from_secs(61)).await;
        assert_eq!(listener.heard(), ["Closed"], "the day is no session any more, and no slot follows");
        file.tell(OverrideFile::Bad("calendar.json: line 1: no JSON".into())).unwrap();
        file.tell(OverrideFile::Bad("calendar.json: line 1: no JSON".into())).unwrap();
        sleep(Duration::from_secs(61)).await;
        assert_eq!(listener.heard(), Vec::<String>::new());
        let said = books.2.lock().unwrap().clone();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].contains("KR 2026-11-24 closed") && said[1].contains("stays in force"), "{said:?}");
        file.tell(OverrideFile::Good(Overrides::default())).unwrap();
        sleep(Duration::from_secs(31)).await;
        assert_eq!(listener.heard().first().map(String::as_str), Some("Continuous"));
    });
}
