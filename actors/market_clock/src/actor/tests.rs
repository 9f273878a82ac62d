//! The actor under the real supervisor, in virtual time.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix::{Context, ResponseFuture, System};
use domain::messages::schedule::{Phase, Trust};
use domain::{BoxFuture, Market};
use supervision::{Child, Exhausted, Place, Policy, Restart, Supervisor, slot};
use tokio::time::{Instant, sleep};

use super::*;
use crate::calendar::Calendar;
use crate::slots::{Cadence, DailyPlan};

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

    /// Until the clock shows it, as the system's clock does: set back, it takes longer.
    fn sleep_until(&self, until: DateTime<Utc>) -> BoxFuture<'static, ()> {
        let clock = self.clone();
        Box::pin(async move {
            while let Ok(left) = (until - clock.now()).to_std()
                && !left.is_zero()
            {
                sleep(left.min(Duration::from_secs(1))).await;
            }
        })
    }

    fn real(&self, exchange_time: Duration) -> Duration {
        exchange_time
    }
}

/// Hears everything and notes it.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<String>>>, Guard, Reviewer);

/// Hears every closed day.
#[derive(Clone, Default)]
struct Reviewer(Arc<Mutex<Vec<String>>>);

impl Actor for Reviewer {
    type Context = actix::Context<Self>;
}

impl Handler<DayClosed> for Reviewer {
    type Result = ();

    fn handle(&mut self, day: DayClosed, _: &mut Self::Context) {
        self.0.lock().unwrap().push(day.session_date.to_string());
    }
}

/// What a guard is told again and again.
#[derive(Clone, Default)]
struct Guard(Arc<Mutex<Vec<Phase>>>, Arc<Mutex<Vec<NaiveDate>>>);

impl Actor for Guard {
    type Context = actix::Context<Self>;
}

impl Handler<SessionChanged> for Guard {
    type Result = ();

    fn handle(&mut self, change: SessionChanged, _: &mut Self::Context) {
        self.0.lock().unwrap().push(change.phase);
    }
}

impl Handler<DayClosed> for Guard {
    type Result = ();

    fn handle(&mut self, day: DayClosed, _: &mut Self::Context) {
        self.1.lock().unwrap().push(day.session_date);
    }
}

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
    SessionChanged => |change| {
        let doubt = if change.trust == Trust::Certain { "" } else { change.trust.code() };
        format!("{:?} {doubt}", change.phase).trim_end().to_owned()
    };
    ScanDue => |scan| format!("scan {}", scan.key.slot);
    DecideDue => |decide| format!("decide {}", decide.key.slot);
    DayClosed => |day| format!("closed {}", day.session_date);
}

/// Books that outlive every life, and can fail.
#[derive(Clone, Default)]
struct Books(Arc<Mutex<Vec<Occasion>>>, Arc<Mutex<Mood>>, Arc<Mutex<Vec<String>>>, Arc<Mutex<Duration>>);

/// What becomes of a question to the books.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mood {
    #[default]
    Answers,
    Fails,
    /// It is booked, and the answer is lost.
    LosesAnswers,
}

impl Books {
    fn fail(&self, fails: bool) {
        self.are(if fails { Mood::Fails } else { Mood::Answers });
    }

    fn are(&self, mood: Mood) {
        *self.1.lock().unwrap() = mood;
    }

    fn answer<T>(&self, value: impl FnOnce() -> T) -> Result<T, LedgerError> {
        let mood = *self.1.lock().unwrap();
        let value = (mood != Mood::Fails).then(value);
        value.filter(|_| mood == Mood::Answers).ok_or_else(|| LedgerError::Storage("full".into()))
    }

    fn book(&self, occasion: &Occasion) -> bool {
        let key = |one: &Occasion| (one.market, one.session_date, one.kind, one.begins_at);
        let mut booked = self.0.lock().unwrap();
        let is_new = !booked.iter().any(|old| key(old) == key(occasion));
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
    type Result = ResponseFuture<Result<Vec<bool>, LedgerError>>;

    fn handle(&mut self, told: BookOccasions, _: &mut Self::Context) -> Self::Result {
        let answer = self.answer(|| told.occasions.iter().map(|occasion| self.book(occasion)).collect());
        let length = *self.3.lock().unwrap();
        Box::pin(async move {
            sleep(length).await;
            answer
        })
    }
}

impl Handler<BookedOccasions> for Books {
    type Result = Result<Vec<Occasion>, LedgerError>;

    fn handle(&mut self, _: BookedOccasions, _: &mut Self::Context) -> Self::Result {
        self.answer(|| self.0.lock().unwrap().clone())
    }
}

impl Handler<RecordEvent> for Books {
    type Result = ();

    fn handle(&mut self, event: RecordEvent, _: &mut Self::Context) {
        self.2.lock().unwrap().push(event.text);
    }
}

/// A Broker that answers as it is told, and counts the questions.
#[derive(Clone)]
struct Desk(Arc<Mutex<DeskFacts>>);

struct DeskFacts {
    last_trade: Result<Option<DateTime<Utc>>, QueryError>,
    listed: Result<Vec<ListedDay>, QueryError>,
    looks: u32,
    lists: u32,
}

impl Default for Desk {
    fn default() -> Self {
        let not_here = |what: &str| QueryError::NotOffered(what.to_owned());
        Self(Arc::new(Mutex::new(DeskFacts {
            last_trade: Err(not_here("trades")),
            listed: Err(not_here("days")),
            looks: 0,
            lists: 0,
        })))
    }
}

impl Desk {
    fn says(&self, last_trade: Result<Option<&str>, QueryError>) {
        self.0.lock().unwrap().last_trade = last_trade.map(|at| at.map(|at| at.parse().unwrap()));
    }

    fn lists(&self, days: &[(&str, bool)]) {
        let day = |&(date, opens): &(&str, bool)| ListedDay { date: date.parse().unwrap(), opens };
        self.0.lock().unwrap().listed = Ok(days.iter().map(day).collect());
    }
}

impl Actor for Desk {
    type Context = Context<Self>;
}

impl Handler<LastTradeQuery> for Desk {
    type Result = Result<Option<DateTime<Utc>>, QueryError>;

    fn handle(&mut self, _: LastTradeQuery, _: &mut Self::Context) -> Self::Result {
        let mut facts = self.0.lock().unwrap();
        facts.looks += 1;
        facts.last_trade.clone()
    }
}

impl Handler<ListedDaysQuery> for Desk {
    type Result = Result<Vec<ListedDay>, QueryError>;

    fn handle(&mut self, _: ListedDaysQuery, _: &mut Self::Context) -> Self::Result {
        let mut facts = self.0.lock().unwrap();
        facts.lists += 1;
        facts.listed.clone()
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
    launch_beside(clock, books, &Desk::default())
}

fn launch_beside(
    clock: &MovedClock,
    books: &Books,
    desk: &Desk,
) -> (Listener, supervision::Supervised, Link<OverrideFile>) {
    launch_with(settings(), clock, books, desk)
}

fn settings() -> Settings {
    Settings {
        markets: vec![Market::Kr],
        cadence: Cadence::Realtime,
        calendar: Calendar::official(),
        exits: BTreeSet::new(),
        has_override_file: false,
        live_feeds: BTreeSet::new(),
    }
}

fn launch_with(
    settings: Settings,
    clock: &MovedClock,
    books: &Books,
    desk: &Desk,
) -> (Listener, supervision::Supervised, Link<OverrideFile>) {
    let listener = Listener::default();
    let deps = deps(&listener, clock, books, desk);
    let mut supervisor = Supervisor::new(Policy { health_every: None, ..Policy::default() }, |_| {});
    let factory = move |_: &mut Ctx<MarketClock>| Ok(MarketClock::new(settings.clone(), deps.clone()));
    let slot = slot::<MarketClock>("market_clock", 16);
    let overrides = slot.link();
    supervisor.child(CHILD, slot, factory);
    (listener, supervisor.launch(), overrides)
}

fn deps(listener: &Listener, clock: &MovedClock, books: &Books, desk: &Desk) -> Deps {
    let desk = desk.clone().start();
    let ledger = books.clone().start();
    let address = listener.clone().start();
    let guard = listener.1.clone().start();
    let reviewer = listener.2.clone().start();
    Deps {
        clock: Arc::new(clock.clone()),
        ledger: LedgerLinks {
            book: Link::from_recipient(ledger.clone().recipient()),
            booked: Link::from_recipient(ledger.clone().recipient()),
            events: Link::from_recipient(ledger.recipient()),
        },
        broker: BrokerLinks {
            last_trade: Link::from_recipient(desk.clone().recipient()),
            listed_days: Link::from_recipient(desk.recipient()),
        },
        session_changed: vec![Link::from_recipient(address.clone().recipient())],
        guards: vec![Link::from_recipient(guard.clone().recipient())],
        scan_due: vec![Link::from_recipient(address.clone().recipient())],
        decide_due: vec![Link::from_recipient(address.clone().recipient())],
        day_ended: vec![Link::from_recipient(address.clone().recipient())],
        closers: vec![Link::from_recipient(guard.recipient())],
        day_closed: vec![Link::from_recipient(reviewer.recipient())],
    }
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
fn a_clock_that_jumps_ahead_makes_no_burst_and_one_set_back_repeats_nothing_and_holds_up_nothing() {
    in_virtual_time(async {
        let clock = MovedClock::at("2026-11-24T00:00:10Z");
        let (listener, _supervised) = launch(&clock);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(listener.heard().len(), 4);
        clock.jump(TimeDelta::hours(5));
        sleep(Duration::from_secs(31)).await;
        assert_eq!(listener.heard(), ["scan realtime-300", "decide realtime-300"]);
        clock.jump(TimeDelta::hours(-1));
        sleep(Duration::from_secs(61)).await;
        let right = listener.heard();
        assert!(right.contains(&"scan realtime-241".to_owned()), "within one cycle: {right:?}");
        sleep(Duration::from_secs(3_700)).await;
        let caught_up = listener.heard();
        let told = |line: &str| caught_up.iter().filter(|one| *one == line).count();
        assert_eq!(
            (told("scan realtime-299"), told("scan realtime-300"), told("scan realtime-302")),
            (1, 0, 1)
        );
    });
}

#[test]
fn a_guard_that_was_started_alone_hears_the_phase_within_half_a_minute() {
    in_virtual_time(async {
        let (listener, _supervised) = launch(&MovedClock::at("2026-11-24T00:00:10Z"));
        sleep(Duration::from_secs(5)).await;
        listener.1.0.lock().unwrap().clear();
        sleep(Duration::from_secs(31)).await;
        assert!(listener.1.0.lock().unwrap().contains(&Phase::Continuous));
    });
}

#[test]
fn a_broker_that_was_started_alone_hears_within_half_a_minute_which_day_is_over() {
    in_virtual_time(async {
        let (listener, _supervised) = launch(&MovedClock::at("2026-11-24T06:50:10Z"));
        sleep(Duration::from_secs(5)).await;
        assert_eq!(listener.1.1.lock().unwrap().len(), 0, "this one heard it when it was news");
        sleep(Duration::from_secs(31)).await;
        assert_eq!(*listener.1.1.lock().unwrap(), ["2026-11-24".parse().unwrap()]);
    });
}

#[test]
fn after_the_clock_was_set_right_the_true_phase_is_told_at_once_and_no_slot_twice() {
    in_virtual_time(async {
        let clock = MovedClock::at("2026-11-24T00:00:10Z");
        let (listener, _supervised) = launch(&clock);
        sleep(Duration::from_secs(1)).await;
        clock.jump(TimeDelta::hours(14));
        sleep(Duration::from_secs(31)).await;
        assert!(listener.heard().contains(&"Closed".to_owned()));
        clock.jump(TimeDelta::hours(-14));
        listener.1.0.lock().unwrap().clear();
        sleep(Duration::from_secs(32)).await;
        let right = listener.heard();
        assert_eq!(right.first().map(String::as_str), Some("Continuous"), "{right:?}");
        assert!(!right.contains(&"scan realtime-0".to_owned()), "{right:?}");
        sleep(Duration::from_secs(31)).await;
        assert!(listener.1.0.lock().unwrap().contains(&Phase::Continuous));
        let all: Vec<_> = right.into_iter().chain(listener.heard()).collect();
        assert!(all.contains(&"scan realtime-1".to_owned()), "{all:?}");
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
        let (_first, life) = launch_over(&clock, &books);
        sleep(Duration::from_secs(1)).await;
        life.shutdown(Duration::from_secs(1)).await;
        let (listener, _supervised) = launch_over(&MovedClock::at("2026-11-24T04:58:10Z"), &books);
        sleep(Duration::from_secs(235)).await;
        let scans: Vec<_> = listener.heard().into_iter().filter(|line| line.starts_with("scan")).collect();
        assert_eq!(
            scans,
            ["scan realtime-298", "scan realtime-299", "scan realtime-301", "scan realtime-302"],
            "the 300th was told by a clock that ran ahead"
        );
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
fn what_was_booked_although_its_answer_was_lost_is_told_once_when_the_ledger_answers_again() {
    in_virtual_time(async {
        let books = Books::default();
        let clock = MovedClock::at("2026-11-24T00:00:10Z");
        let (listener, _supervised) = launch_over(&clock, &books);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(listener.heard().len(), 4);
        books.are(Mood::LosesAnswers);
        sleep(Duration::from_secs(55)).await;
        assert_eq!(listener.heard(), Vec::<String>::new(), "nobody knows whether it is booked");
        books.fail(false);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(listener.heard(), ["scan realtime-1", "decide realtime-1"]);
        sleep(Duration::from_secs(50)).await;
        assert_eq!(listener.heard(), Vec::<String>::new(), "once");
    });
}

#[test]
fn a_slow_booking_delays_what_it_books_and_not_what_is_due_next() {
    in_virtual_time(async {
        let books = Books::default();
        *books.3.lock().unwrap() = Duration::from_secs(4);
        let clock = MovedClock::at("2026-11-23T23:59:50Z");
        let (listener, _supervised) = launch_over(&clock, &books);
        sleep(Duration::from_secs(9)).await;
        assert_eq!(listener.heard(), ["OpeningAuction", "closed 2026-11-23"]);
        sleep(Duration::from_millis(5_500)).await;
        assert_eq!(
            listener.heard(),
            ["Continuous", "scan realtime-0", "decide realtime-0"],
            "{}",
            clock.now()
        );
    });
}

#[test]
fn a_day_whose_process_died_between_booking_and_telling_is_told_to_everybody_by_the_next_one() {
    in_virtual_time(async {
        let books = Books::default();
        let closed = |date: &str, close: &str| Occasion {
            market: Market::Kr,
            session_date: date.parse().unwrap(),
            kind: OccasionKind::DayClosed,
            begins_at: close.parse().unwrap(),
            label: "settled".into(),
        };
        books.0.lock().unwrap().extend([
            closed("2026-11-20", "2026-11-20T06:30:00Z"),
            closed("2026-11-23", "2026-11-23T06:30:00Z"),
        ]);
        let (listener, _supervised) = launch_over(&MovedClock::at("2026-11-24T00:00:10Z"), &books);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(*listener.2.0.lock().unwrap(), ["2026-11-20", "2026-11-23"]);
        let states: Vec<_> = listener.heard().into_iter().filter(|line| line.starts_with("closed")).collect();
        assert_eq!(states, ["closed 2026-11-23"], "to whom it is a state the last one is enough");
    });
}

#[test]
fn a_clock_that_is_set_back_before_the_ledger_is_asked_again_holds_up_nothing() {
    in_virtual_time(async {
        let books = Books::default();
        books.fail(true);
        let clock = MovedClock::at("2026-11-24T02:00:10Z");
        let (listener, _supervised) = launch_over(&clock, &books);
        sleep(Duration::from_millis(500)).await;
        clock.jump(TimeDelta::hours(-1));
        books.fail(false);
        sleep(Duration::from_secs(2)).await;
        let heard = listener.heard();
        assert!(heard.contains(&"scan realtime-60".to_owned()), "after the recall: {heard:?}");
        books.fail(true);
        sleep(Duration::from_millis(59_500)).await;
        clock.jump(TimeDelta::minutes(-30));
        books.fail(false);
        sleep(Duration::from_secs(2)).await;
        let heard = listener.heard();
        assert!(heard.contains(&"scan realtime-31".to_owned()), "after a booking: {heard:?}");
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
        let closed = says(r#"{"KR": {"closed": ["2026-11-24"]}}"#);
        let (why, since) = ("line 1: no JSON".into(), "2026-11-20T01:02:03Z".parse().unwrap());
        let bad = OverrideFile::Bad { why, last_good: closed.overrides().clone(), since };
        file.tell(closed).unwrap();
        sleep(Duration::from_secs(61)).await;
        assert_eq!(listener.heard(), ["Closed"], "the day is no session any more, and no slot follows");
        file.tell(bad.clone()).unwrap();
        file.tell(bad).unwrap();
        sleep(Duration::from_secs(61)).await;
        assert_eq!(listener.heard(), Vec::<String>::new());
        let said = books.2.lock().unwrap().clone();
        assert_eq!(said.len(), 2, "{said:?}");
        let told = "the last good one, read at 2026-11-20 01:02:03 UTC, stays in force: line 1: no JSON";
        assert!(said[0].contains("KR 2026-11-24 closed") && said[1].contains(told), "{said:?}");
        file.tell(OverrideFile::Good(Overrides::default())).unwrap();
        sleep(Duration::from_secs(31)).await;
        assert_eq!(listener.heard().first().map(String::as_str), Some("Continuous"));
    });
}

fn says(text: &str) -> OverrideFile {
    OverrideFile::Good(Overrides::parse(text, &Calendar::official()).unwrap())
}

#[test]
fn a_restarted_clock_tells_nothing_before_it_has_heard_the_override_file_even_a_bad_one() {
    in_virtual_time(async {
        let clock = MovedClock::at("2026-11-24T01:00:10Z");
        let settings = Settings { has_override_file: true, ..settings() };
        let (listener, supervised, file) = launch_with(settings, &clock, &Books::default(), &Desk::default());
        sleep(Duration::from_secs(4)).await;
        assert_eq!(listener.heard(), Vec::<String>::new(), "the file was not heard yet");
        let closed = says(r#"{"KR": {"closed": ["2026-11-24"]}}"#);
        file.tell(closed.clone()).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(listener.heard(), ["Closed", "closed 2026-11-23"]);
        for said in [
            closed.clone(),
            OverrideFile::Bad {
                why: "it is gone".into(),
                last_good: closed.overrides().clone(),
                since: "2026-11-20T01:02:03Z".parse().unwrap(),
            },
        ] {
            assert!(supervised.recycle("market_clock"));
            sleep(Duration::from_secs(4)).await;
            file.tell(said).unwrap();
            sleep(Duration::from_secs(61)).await;
            assert_eq!(listener.heard(), ["Closed", "closed 2026-11-23"]);
        }
        assert!(supervised.recycle("market_clock"));
        sleep(Duration::from_secs(4)).await;
        file.tell(says("{}")).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(listener.heard().first().map(String::as_str), Some("Continuous"), "nothing is overridden");
    });
}

fn but_cycles(listener: &Listener) -> Vec<String> {
    let is_cycle = |line: &String| line.starts_with("scan ") || line.starts_with("decide ");
    listener.heard().into_iter().filter(|line| !is_cycle(line)).collect()
}

#[test]
fn a_session_without_trades_is_suspected_and_resumes_with_the_first_trade_even_in_a_new_life() {
    in_virtual_time(async {
        let (books, desk) = (Books::default(), Desk::default());
        let clock = MovedClock::at("2026-11-24T00:05:10Z");
        desk.says(Ok(Some("2026-11-23T06:29:00Z")));
        let (listener, supervised, _) = launch_beside(&clock, &books, &desk);
        sleep(Duration::from_secs(280)).await;
        assert_eq!(but_cycles(&listener), ["Continuous", "closed 2026-11-23"], "ten minutes of grace");
        sleep(Duration::from_secs(30)).await;
        assert_eq!(listener.heard().last().unwrap(), "Continuous suspected_closed");
        sleep(Duration::from_secs(240)).await;
        assert_eq!(listener.heard(), Vec::<String>::new(), "no slot, and no look for five minutes");
        let looks = desk.0.lock().unwrap().looks;
        assert!(supervised.recycle("market_clock"));
        sleep(Duration::from_secs(5)).await;
        assert_eq!(listener.heard()[0], "Continuous suspected_closed", "a new life is not more trusting");
        desk.says(Ok(Some("2026-11-24T00:12:00Z")));
        sleep(Duration::from_secs(301)).await;
        assert!(desk.0.lock().unwrap().looks > looks);
        assert!(but_cycles(&listener).contains(&"Continuous".to_owned()));
        let said = books.2.lock().unwrap().clone();
        assert!(said[0].contains("nothing trades") && said[1].contains("as usual"), "{said:?}");
        assert_eq!(said.len(), 2, "once each: {said:?}");
    });
}

#[test]
fn a_slot_that_is_due_with_the_first_look_waits_for_it_and_is_not_spent_on_a_market_that_is_closed() {
    in_virtual_time(async {
        let cadence = Cadence::Daily(DailyPlan { sessions: 4, interval_hours: 6 });
        for (last, expected) in
            [("2026-11-23T06:29:00Z", &[][..]), ("2026-11-24T00:09:00Z", &["scan daily-1", "decide daily-1"])]
        {
            let (books, desk) = (Books::default(), Desk::default());
            desk.says(Ok(Some(last)));
            let clock = MovedClock::at("2026-11-24T00:09:50Z");
            let (listener, _supervised, _) =
                launch_with(Settings { cadence, ..settings() }, &clock, &books, &desk);
            sleep(Duration::from_secs(15)).await;
            let heard = listener.heard();
            let slots: Vec<_> = heard.iter().filter(|line| line.contains("daily")).collect();
            assert_eq!(slots, expected, "{heard:?}");
            assert_eq!(desk.0.lock().unwrap().looks, 1);
        }
    });
}

#[test]
fn a_broker_that_is_silent_twice_is_down_and_no_suspicion() {
    in_virtual_time(async {
        let (books, desk) = (Books::default(), Desk::default());
        let clock = MovedClock::at("2026-11-24T00:09:50Z");
        desk.says(Err(QueryError::Unavailable("down".into())));
        let (listener, _supervised, _) = launch_beside(&clock, &books, &desk);
        sleep(Duration::from_secs(65)).await;
        assert_eq!(but_cycles(&listener), ["Continuous", "closed 2026-11-23"], "one silence is none");
        sleep(Duration::from_secs(10)).await;
        assert_eq!(but_cycles(&listener), ["Continuous broker_down"]);
        desk.says(Ok(Some("2026-11-24T00:11:00Z")));
        sleep(Duration::from_secs(61)).await;
        assert_eq!(but_cycles(&listener), ["Continuous"]);
    });
}

#[test]
fn a_forecast_day_is_traded_once_a_trade_is_seen() {
    in_virtual_time(async {
        let (books, desk) = (Books::default(), Desk::default());
        let clock = MovedClock::at("2027-03-02T00:00:10Z");
        desk.says(Ok(None));
        let (listener, _supervised, _) = launch_beside(&clock, &books, &desk);
        sleep(Duration::from_secs(70)).await;
        assert_eq!(listener.heard()[0], "Continuous unproved");
        desk.says(Ok(Some("2027-03-02T00:01:00Z")));
        sleep(Duration::from_secs(61)).await;
        let heard = listener.heard();
        assert_eq!(heard.first().map(String::as_str), Some("Continuous"), "{heard:?}");
        assert!(heard.iter().any(|line| line.starts_with("scan ")), "{heard:?}");
    });
}

#[test]
fn the_brokers_list_is_read_once_a_day_booked_and_closes_a_day_at_once_but_opens_none() {
    in_virtual_time(async {
        let (books, desk) = (Books::default(), Desk::default());
        let clock = MovedClock::at("2026-12-23T23:50:10Z");
        desk.lists(&[("2026-12-24", false), ("2026-12-25", true), ("2026-12-28", true)]);
        let (listener, supervised, _) = launch_beside(&clock, &books, &desk);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(but_cycles(&listener).last().unwrap(), "Closed");
        let mut said = books.2.lock().unwrap().clone();
        said.retain(|line| line.contains("list has"));
        assert!(said[0].contains("has 2026-12-24 closed") && said[1].contains("stays closed"), "{said:?}");
        assert!(supervised.recycle("market_clock"));
        sleep(Duration::from_secs(5)).await;
        assert_eq!(but_cycles(&listener)[0], "Closed");
        sleep(Duration::from_secs(86_400 * 2)).await;
        assert_eq!(desk.0.lock().unwrap().lists, 3, "three Korean dates, whatever was restarted");
        assert!(!listener.heard().iter().any(|line| line == "Continuous"), "the 25th stays a holiday");
    });
}

#[test]
fn no_list_is_asked_for_while_the_ledger_pauses_and_a_failure_is_tried_again_after_an_hour() {
    in_virtual_time(async {
        let (books, desk) = (Books::default(), Desk::default());
        desk.0.lock().unwrap().listed = Err(QueryError::Unavailable("busy".into()));
        // 23:50 in Seoul.
        let clock = MovedClock::at("2026-11-24T14:50:00Z");
        let (_listener, _supervised, _) = launch_beside(&clock, &books, &desk);
        sleep(Duration::from_secs(19 * 60)).await;
        assert_eq!(desk.0.lock().unwrap().lists, 0);
        sleep(Duration::from_secs(2 * 60)).await;
        assert_eq!(desk.0.lock().unwrap().lists, 1);
        sleep(Duration::from_secs(3_600)).await;
        assert_eq!(desk.0.lock().unwrap().lists, 2);
    });
}
