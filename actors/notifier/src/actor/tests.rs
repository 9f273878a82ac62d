//! Notifier under the supervisor, in virtual time, with a ledger and a messenger that do as they are told.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use actix::{Context, System};
use chrono::DateTime;
use domain::BoxFuture;
use domain::messages::control::{TradingState, TradingStatus};
use domain::messages::ledger::{LedgerError, LedgerEvent};
use domain::messages::schedule::{DaySource, Phase};
use domain::{Currency, EventId, HaltEpoch, Market};
use supervision::{Child, Exhausted, Place, Policy, Restart, Strategy, Supervised, Supervisor, slot};

use tokio::time::Instant;

use super::*;
use crate::html::plain;
use crate::pace::Pace;
use crate::{Letter, MessengerError};

#[derive(Default)]
struct Facts {
    events: Vec<LedgerEvent>,
    cursors: BTreeMap<String, EventId>,
    ledger_down: bool,
    trouble: Option<MessengerError>,
    pace: Pace,
    /// Which life of Notifier is the present one; a test cannot kill an earlier one, but it can gag it.
    life: u32,
    attempts: u32,
    sent: Vec<String>,
}

type Shared = Arc<Mutex<Facts>>;

struct Ledger(Shared);

impl Actor for Ledger {
    type Context = Context<Self>;
}

impl Ledger {
    fn facts(&self) -> Result<MutexGuard<'_, Facts>, LedgerError> {
        let facts = self.0.lock().unwrap();
        if facts.ledger_down { Err(LedgerError::Storage("locked".into())) } else { Ok(facts) }
    }
}

impl Handler<GetCursor> for Ledger {
    type Result = Result<EventId, LedgerError>;

    fn handle(&mut self, query: GetCursor, _ctx: &mut Self::Context) -> Self::Result {
        Ok(*self.facts()?.cursors.entry(query.subscriber).or_default())
    }
}

impl Handler<SetCursor> for Ledger {
    type Result = Result<(), LedgerError>;

    fn handle(&mut self, cursor: SetCursor, _ctx: &mut Self::Context) -> Self::Result {
        let mut facts = self.facts()?;
        facts.cursors.insert(cursor.subscriber, cursor.at);
        Ok(())
    }
}

impl Handler<EventsAfter> for Ledger {
    type Result = Result<Vec<LedgerEvent>, LedgerError>;

    fn handle(&mut self, query: EventsAfter, _ctx: &mut Self::Context) -> Self::Result {
        let facts = self.facts()?;
        let after = facts.events.iter().filter(|event| event.id > query.after);
        Ok(after.take(usize::from(query.limit)).cloned().collect())
    }
}

impl Handler<RecordEvent> for Ledger {
    type Result = ();

    fn handle(&mut self, event: RecordEvent, _ctx: &mut Self::Context) {
        commit(&self.0, event.kind, &event.text);
    }
}

fn commit(shared: &Shared, kind: EventKind, text: &str) -> EventId {
    let mut facts = shared.lock().unwrap();
    let id = EventId(facts.events.len() as u64 + 1);
    let event = LedgerEvent { id, at: DateTime::UNIX_EPOCH, kind, market: None, text: text.into() };
    facts.events.push(event);
    id
}

struct Chat(Shared, u32);

impl Messenger for Chat {
    fn wait(&self) -> Duration {
        self.0.lock().unwrap().pace.wait(Instant::now())
    }

    fn send(&self, letter: Letter) -> BoxFuture<'_, Result<(), MessengerError>> {
        let mut facts = self.0.lock().unwrap();
        if facts.life != self.1 {
            return Box::pin(std::future::pending());
        }
        facts.attempts += 1;
        facts.pace.sent(Instant::now());
        let answer = match facts.trouble.clone() {
            Some(error) => Err(error),
            None => {
                facts.sent.push(plain(&letter.html).split("\n1970").next().unwrap().to_owned());
                Ok(())
            }
        };
        Box::pin(async move { answer })
    }
}

/// Reports on the days that are so named.
struct Office;

impl Reporter for Office {
    fn is_due(&self, event: &LedgerEvent) -> bool {
        event.text.starts_with("last of ")
    }

    fn make<'a>(&'a self, event: &'a LedgerEvent) -> BoxFuture<'a, Result<Option<Letter>, String>> {
        let html = format!("report instead of {}", event.id);
        let made = match &*event.text {
            "last of a day" => Ok(Some(Letter { html, is_silent: true, picture: None })),
            "last of none" => Ok(None),
            _ => Err("the books are <shut>".to_owned()),
        };
        Box::pin(async move { made })
    }
}

struct Risk;

impl Actor for Risk {
    type Context = Context<Self>;
}

impl Handler<StatusQuery> for Risk {
    type Result = MessageResult<StatusQuery>;

    fn handle(&mut self, _query: StatusQuery, _ctx: &mut Self::Context) -> Self::Result {
        MessageResult(TradingStatus {
            state: TradingState::Active,
            halts: vec![],
            symbol_halts: vec![],
            entry_blocks: vec![],
            waits: vec![],
            blind: vec![],
            sessions: vec![],
            live: vec![],
            epoch: HaltEpoch(0),
            day_pnl_pct: vec![(Currency::Krw, Some("-0.5".parse().unwrap()))],
            won: None,
            accounts: vec![],
        })
    }
}

struct World {
    shared: Shared,
    news: Link<EventsCommitted>,
    phases: Link<SessionChanged>,
    _supervised: Supervised,
}

impl World {
    fn start() -> Self {
        let shared = Shared::default();
        Self::over(shared, Topics::default())
    }

    /// A life of Notifier over what an earlier one left.
    fn over(shared: Shared, topics: Topics) -> Self {
        let life = {
            let mut facts = shared.lock().unwrap();
            facts.life += 1;
            facts.life
        };
        let ledger = Ledger(shared.clone()).start();
        let deps = NotifierDeps {
            messenger: Some(Arc::new(Chat(shared.clone(), life))),
            reporter: Some(Arc::new(Office)),
            events_after: Link::from_recipient(ledger.clone().recipient()),
            get_cursor: Link::from_recipient(ledger.clone().recipient()),
            set_cursor: Link::from_recipient(ledger.clone().recipient()),
            record: Link::from_recipient(ledger.recipient()),
            status: Link::from_recipient(Risk.start().recipient()),
            topics,
        };
        let slot = slot::<Notifier>("notifier", 64);
        let (news, phases) = (slot.lossy_link(), slot.link());
        let policy = Policy {
            strategy: Strategy::OneForOne,
            max_restarts: 3,
            within: Duration::from_secs(60),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(30),
            jitter_seed: 1,
            health_every: None,
            heartbeat: None,
            backlog_limit: Some(Duration::from_secs(30)),
        };
        let child = Child {
            place: Place::Here,
            restart: Restart::Permanent,
            exhausted: Exhausted::Escalate,
            drain: Duration::from_secs(1),
        };
        let mut family = Supervisor::new(policy, |_escalation| ());
        family.child(child, slot, move |_ctx| Ok(Notifier::new(deps.clone())));
        Self { shared, news, phases, _supervised: family.launch() }
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.shared.lock().unwrap()
    }

    fn commit(&self, kind: EventKind, text: &str) {
        let id = commit(&self.shared, kind, text);
        self.news.tell(EventsCommitted { last_id: id }).unwrap();
    }

    async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    fn sent(&self) -> Vec<String> {
        std::mem::take(&mut self.facts().sent)
    }
}

fn run(test: impl AsyncFnOnce(World)) {
    let paused =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    System::with_tokio_rt(paused).block_on(async { test(World::start()).await });
}

#[test]
fn what_matters_is_messaged_once_a_second_apart_and_a_halt_overtakes() {
    run(async |world| {
        world.commit(EventKind::Decision, "HOLD");
        world.commit(EventKind::Fill, "bought 7");
        world.pass(0).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(world.sent(), ["Fill: bought 7"]);
        world.commit(EventKind::Report, "losers");
        world.commit(EventKind::Fill, "sold 7");
        world.commit(EventKind::Halt, "by kim");
        tokio::time::sleep(Duration::from_millis(800)).await;
        assert!(world.sent().is_empty(), "not within the second");
        world.pass(10).await;
        assert_eq!(world.sent(), ["TRADING STOPPED: by kim", "Fill: sold 7", "Report: losers"]);
        assert_eq!(world.facts().cursors["notifier"], EventId(5));
    });
}

#[test]
fn what_waits_survives_a_crash_and_what_overtook_it_is_not_told_again() {
    run(async |world| {
        world.commit(EventKind::Report, "losers");
        world.commit(EventKind::Report, "days");
        world.pass(10).await;
        assert_eq!(world.sent().len(), 1);
        world.facts().pace.hold(Instant::now() + Duration::from_secs(3));
        world.commit(EventKind::Report, "first");
        world.commit(EventKind::Halt, "by kim");
        world.pass(1).await;
        world.facts().pace = Pace::default();
        while world.facts().sent.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let shared = world.shared.clone();
        drop(world);
        assert_eq!(shared.lock().unwrap().cursors["notifier.vital"], EventId(4));
        assert_eq!(shared.lock().unwrap().cursors["notifier"], EventId(2));
        let next = World::over(shared, Topics::default());
        next.pass(10).await;
        assert_eq!(next.sent(), ["TRADING STOPPED: by kim", "Report: first"]);
        assert_eq!(next.facts().cursors["notifier"], EventId(4));
    });
}

#[test]
fn a_ledger_that_failed_is_asked_again_without_new_events() {
    run(async |world| {
        world.facts().ledger_down = true;
        world.commit(EventKind::Alarm, "look");
        world.pass(1).await;
        world.facts().ledger_down = false;
        world.pass(6).await;
        assert_eq!(world.sent(), ["ALARM: look"]);
    });
}

#[test]
fn after_an_outage_the_halt_comes_first_and_the_fills_together() {
    run(async |world| {
        world.facts().trouble = Some(MessengerError::Unreachable("down".into()));
        for number in 1..=12 {
            world.commit(EventKind::Fill, &format!("fill {number}"));
        }
        world.commit(EventKind::Halt, "by kim");
        world.pass(40).await;
        assert!(world.facts().attempts < 10, "one attempt at a time, each after a longer pause");
        world.facts().trouble = None;
        world.pass(90).await;
        let sent = world.sent();
        assert_eq!((sent.len(), sent[0].as_str()), (2, "TRADING STOPPED: by kim"));
        assert!(sent[1].starts_with("12 × Fill\nFill: fill 1"), "{sent:?}");
    });
}

#[test]
fn a_wait_that_the_messenger_asks_for_is_kept_for_everything() {
    run(async |world| {
        world.facts().trouble = Some(MessengerError::RetryAfter(Duration::from_secs(17)));
        world.commit(EventKind::Halt, "by kim");
        world.pass(1).await;
        world.facts().trouble = None;
        world.commit(EventKind::Halt, "by lee");
        world.pass(14).await;
        assert!(world.sent().is_empty());
        assert_eq!(world.facts().attempts, 1);
        world.pass(10).await;
        assert_eq!(world.sent().len(), 2);
    });
}

#[test]
fn a_message_that_may_have_arrived_is_repeated_only_for_a_halt() {
    run(async |world| {
        world.facts().trouble = Some(MessengerError::Unanswered("timeout".into()));
        world.commit(EventKind::Fill, "bought 7");
        world.pass(1).await;
        world.commit(EventKind::Halt, "by kim");
        world.pass(5).await;
        world.facts().trouble = None;
        world.pass(70).await;
        let sent = world.sent();
        assert_eq!(sent.len(), 1);
        assert!(sent[0].contains("1 earlier notice") && sent[0].ends_with("STOPPED: by kim"), "{sent:?}");
    });
}

#[test]
fn a_wrong_token_ends_all_attempts_and_the_events_are_still_logged() {
    run(async |world| {
        world.facts().trouble = Some(MessengerError::Off("401".into()));
        world.commit(EventKind::Halt, "by kim");
        world.pass(5).await;
        world.commit(EventKind::Halt, "by lee");
        world.pass(200).await;
        assert_eq!(world.facts().attempts, 1);
        assert_eq!(world.facts().cursors["notifier"], EventId(2));
    });
}

#[test]
fn a_market_that_closes_is_told_with_its_result_and_only_if_that_is_wanted() {
    let change = |phase| SessionChanged {
        market: Market::Kr,
        session_date: "2026-11-26".parse().unwrap(),
        phase,
        trust: Trust::Certain,
        source: DaySource::Calendar,
        orders_until: None,
        at: DateTime::UNIX_EPOCH,
    };
    run(async |world| {
        for phase in [Phase::PreMarket, Phase::Continuous, Phase::PostClose] {
            world.phases.tell(change(phase)).unwrap();
            world.pass(2).await;
            world.news.tell(EventsCommitted { last_id: EventId(0) }).unwrap();
            world.pass(5).await;
        }
        let closed = "Market: KR is closed, session 2026-11-26; result of the day in KRW: -0.5 %";
        assert_eq!(world.sent(), ["Market: KR is open, session 2026-11-26", closed]);
        let shared = world.shared.clone();
        drop(world);
        let choosy = World::over(shared, "trades".parse().unwrap());
        choosy.commit(EventKind::Session, "KR is open");
        choosy.commit(EventKind::Fill, "bought 7");
        choosy.pass(10).await;
        assert_eq!(choosy.sent(), ["Fill: bought 7"]);
    });
}

#[test]
fn the_report_of_a_day_stands_alone_in_the_place_of_its_event_and_is_told_once_over_crashes() {
    run(async |world| {
        for text in ["first", "last of a day", "second", "last of none", "last of a bad one", "third"] {
            world.commit(EventKind::DayClosed, text);
        }
        world.pass(60).await;
        let closed = |text: &str| format!("Books of the day closed: {text}");
        let bad = closed("last of a bad one");
        let told = [
            closed("first"),
            "report instead of 2".to_owned(),
            closed("second"),
            closed("last of none"),
            bad,
            closed("third"),
        ];
        assert_eq!(world.sent(), told);
        let again = World::over(world.shared.clone(), Topics::default());
        again.pass(60).await;
        assert_eq!(again.sent(), [""; 0], "nothing is told twice");
        let quiet = World::over(world.shared.clone(), "trades".parse().unwrap());
        quiet.commit(EventKind::DayClosed, "last of a day");
        quiet.pass(60).await;
        assert_eq!(quiet.sent(), [""; 0], "whoever wants no reports gets none");
    });
}
