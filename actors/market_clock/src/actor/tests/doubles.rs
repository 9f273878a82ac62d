//! The clock that is moved, and those who hear MarketClock and answer it.

use super::*;

/// Virtual exchange time that can be moved.
#[derive(Clone)]
pub(super) struct MovedClock {
    pub(super) start: Instant,
    pub(super) origin: Arc<Mutex<DateTime<Utc>>>,
}

impl MovedClock {
    pub(super) fn at(text: &str) -> Self {
        Self { start: Instant::now(), origin: Arc::new(Mutex::new(text.parse().unwrap())) }
    }

    pub(super) fn jump(&self, by: TimeDelta) {
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
pub(super) struct Listener(pub(super) Arc<Mutex<Vec<String>>>, pub(super) Guard, pub(super) Reviewer);

/// Hears every closed day.
#[derive(Clone, Default)]
pub(super) struct Reviewer(pub(super) Arc<Mutex<Vec<String>>>);

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
pub(super) struct Guard(pub(super) Arc<Mutex<Vec<Phase>>>, pub(super) Arc<Mutex<Vec<NaiveDate>>>);

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
    pub(super) fn note(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    pub(super) fn heard(&self) -> Vec<String> {
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
pub(super) struct Books(
    pub(super) Arc<Mutex<Vec<Occasion>>>,
    pub(super) Arc<Mutex<Mood>>,
    pub(super) Arc<Mutex<Vec<String>>>,
    pub(super) Arc<Mutex<Duration>>,
);

/// What becomes of a question to the books.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mood {
    #[default]
    Answers,
    Fails,
    /// It is booked, and the answer is lost.
    LosesAnswers,
}

impl Books {
    pub(super) fn fail(&self, fails: bool) {
        self.are(if fails { Mood::Fails } else { Mood::Answers });
    }

    pub(super) fn are(&self, mood: Mood) {
        *self.1.lock().unwrap() = mood;
    }

    pub(super) fn answer<T>(&self, value: impl FnOnce() -> T) -> Result<T, LedgerError> {
        let mood = *self.1.lock().unwrap();
        let value = (mood != Mood::Fails).then(value);
        value.filter(|_| mood == Mood::Answers).ok_or_else(|| LedgerError::Storage("full".into()))
    }

    pub(super) fn book(&self, occasion: &Occasion) -> bool {
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
pub(super) struct Desk(pub(super) Arc<Mutex<DeskFacts>>);

pub(super) struct DeskFacts {
    pub(super) last_trade: Result<Option<DateTime<Utc>>, QueryError>,
    pub(super) listed: Result<Vec<ListedDay>, QueryError>,
    pub(super) looks: u32,
    pub(super) lists: u32,
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
    pub(super) fn says(&self, last_trade: Result<Option<&str>, QueryError>) {
        self.0.lock().unwrap().last_trade = last_trade.map(|at| at.map(|at| at.parse().unwrap()));
    }

    pub(super) fn lists(&self, days: &[(&str, bool)]) {
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

pub(super) fn launch(clock: &MovedClock) -> (Listener, supervision::Supervised) {
    launch_over(clock, &Books::default())
}

pub(super) fn launch_over(clock: &MovedClock, books: &Books) -> (Listener, supervision::Supervised) {
    let (listener, supervised, _overrides) = launch_all(clock, books);
    (listener, supervised)
}

pub(super) fn launch_all(
    clock: &MovedClock,
    books: &Books,
) -> (Listener, supervision::Supervised, Link<OverrideFile>) {
    launch_beside(clock, books, &Desk::default())
}

pub(super) fn launch_beside(
    clock: &MovedClock,
    books: &Books,
    desk: &Desk,
) -> (Listener, supervision::Supervised, Link<OverrideFile>) {
    launch_with(settings(), clock, books, desk)
}

pub(super) fn settings() -> Settings {
    Settings {
        markets: vec![Market::Kr],
        cadence: Cadence::Realtime,
        calendar: Calendar::official(),
        exits: BTreeSet::new(),
        has_override_file: false,
        live_feeds: BTreeSet::new(),
    }
}

pub(super) fn launch_with(
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

pub(super) fn deps(listener: &Listener, clock: &MovedClock, books: &Books, desk: &Desk) -> Deps {
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
