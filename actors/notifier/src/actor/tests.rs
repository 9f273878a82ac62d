//! Notifier under the supervisor, in virtual time, with a ledger and a messenger that do as they are told.

use std::sync::{Mutex, MutexGuard};

use actix::{Context, System};
use chrono::DateTime;
use domain::BoxFuture;
use domain::messages::ledger::{EventKind, LedgerError};
use supervision::{Child, Exhausted, Place, Policy, Restart, Strategy, Supervised, Supervisor, slot};

use super::*;
use crate::MessengerError;

#[derive(Default)]
struct Facts {
    events: Vec<LedgerEvent>,
    cursor: EventId,
    ledger_down: bool,
    messenger_down: bool,
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

    fn handle(&mut self, _query: GetCursor, _ctx: &mut Self::Context) -> Self::Result {
        self.facts().map(|facts| facts.cursor)
    }
}

impl Handler<SetCursor> for Ledger {
    type Result = Result<(), LedgerError>;

    fn handle(&mut self, cursor: SetCursor, _ctx: &mut Self::Context) -> Self::Result {
        self.facts().map(|mut facts| facts.cursor = cursor.at)
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

struct Chat(Shared);

impl Messenger for Chat {
    fn send(&self, text: String) -> BoxFuture<'_, Result<(), MessengerError>> {
        let mut facts = self.0.lock().unwrap();
        facts.attempts += 1;
        let answer = if facts.messenger_down {
            Err(MessengerError::Unreachable("down".into()))
        } else {
            facts.sent.push(text);
            Ok(())
        };
        Box::pin(async move { answer })
    }
}

struct World {
    shared: Shared,
    news: Link<EventsCommitted>,
    _supervised: Supervised,
}

impl World {
    fn start() -> Self {
        let shared = Shared::default();
        let ledger = Ledger(shared.clone()).start();
        let deps = NotifierDeps {
            messenger: Some(Arc::new(Chat(shared.clone()))),
            events_after: Link::from_recipient(ledger.clone().recipient()),
            get_cursor: Link::from_recipient(ledger.clone().recipient()),
            set_cursor: Link::from_recipient(ledger.recipient()),
        };
        let slot = slot::<Notifier>("notifier", 64);
        let news = slot.lossy_link();
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
        Self { shared, news, _supervised: family.launch() }
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.shared.lock().unwrap()
    }

    fn commit(&self, kind: EventKind, text: &str) {
        let mut facts = self.facts();
        let id = EventId(facts.events.len() as u64 + 1);
        let event = LedgerEvent { id, at: DateTime::UNIX_EPOCH, kind, market: None, text: text.into() };
        facts.events.push(event);
        drop(facts);
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
fn what_matters_is_messaged_once_in_order_and_a_second_apart() {
    run(async |world| {
        world.commit(EventKind::Decision, "HOLD");
        world.commit(EventKind::Fill, "bought 7");
        world.commit(EventKind::Halt, "by kim");
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(world.sent(), ["Fill: bought 7"]);
        world.pass(10).await;
        assert_eq!(world.sent(), ["TRADING HALTED: by kim"]);
        assert_eq!(world.facts().cursor, EventId(3));
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
fn a_halt_gets_through_after_an_outage_and_dropped_messages_are_counted() {
    run(async |world| {
        world.facts().messenger_down = true;
        for number in 1..=20 {
            world.commit(EventKind::Fill, &format!("fill {number}"));
        }
        world.commit(EventKind::Halt, "by kim");
        world.pass(10).await;
        assert!(world.facts().attempts < 10, "the fills are not tried one by one");
        world.pass(30).await;
        world.facts().messenger_down = false;
        world.pass(70).await;
        let sent = world.sent();
        assert_eq!(sent, ["(20 earlier messages were not delivered)\nTRADING HALTED: by kim"]);
        world.commit(EventKind::Fill, "fill 21");
        world.pass(2).await;
        assert_eq!(world.sent(), ["Fill: fill 21"]);
    });
}
