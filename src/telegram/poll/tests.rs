//! The poller in virtual time, against a Bot API in this process and books that do as they are told.

use actix::{Actor, Context, Handler, System};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use chrono::{DateTime, Utc};
use domain::messages::ledger::LedgerError;
use notifier::chat::Policy;
use secrecy::SecretString;

use super::*;
use crate::control::LastResort;
use crate::http::InProcess;
use crate::random::Seeded;
use crate::store::HaltFile;
use domain::messages::chat::{BookChat, ChatOffset, ChatPlace};
use domain::messages::ledger::RecordEvent;
use supervision::Link;

const TRUE_TIME: &str = "2026-11-26T12:00:00Z";

#[derive(Default)]
struct Facts {
    /// Answers to polls, in order; then nothing is new.
    polls: Vec<(u16, String)>,
    polled_at: Vec<Instant>,
    said: Vec<String>,
    booked: Vec<BookChat>,
    alarms: Vec<String>,
    books_fail: bool,
    has_no_books: bool,
}

type Shared = Arc<Mutex<Facts>>;

struct Books(Shared);

impl Actor for Books {
    type Context = Context<Self>;
}

impl Handler<ChatOffset> for Books {
    type Result = Result<Option<ChatPlace>, LedgerError>;

    fn handle(&mut self, _query: ChatOffset, _ctx: &mut Self::Context) -> Self::Result {
        Ok(None)
    }
}

impl Handler<BookChat> for Books {
    type Result = Result<bool, LedgerError>;

    fn handle(&mut self, book: BookChat, _ctx: &mut Self::Context) -> Self::Result {
        let mut facts = self.0.lock().unwrap();
        if facts.books_fail {
            return Err(LedgerError::Storage("full".into()));
        }
        facts.booked.push(book);
        Ok(true)
    }
}

impl Handler<RecordEvent> for Books {
    type Result = ();

    fn handle(&mut self, event: RecordEvent, _ctx: &mut Self::Context) {
        self.0.lock().unwrap().alarms.push(event.text);
    }
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> DateTime<Utc> {
        TRUE_TIME.parse().unwrap()
    }

    fn sleep_until(&self, _until: DateTime<Utc>) -> domain::BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn real(&self, exchange_time: Duration) -> Duration {
        exchange_time
    }
}

async fn answer(
    State(shared): State<Shared>,
    Path((_bot, method)): Path<(String, String)>,
    body: String,
) -> (StatusCode, String) {
    let mut facts = shared.lock().unwrap();
    let nothing = (200, r#"{"ok":true,"result":[]}"#.to_owned());
    let (status, text) = match method.as_str() {
        "getUpdates" => {
            facts.polled_at.push(Instant::now());
            if facts.polls.is_empty() { nothing } else { facts.polls.remove(0) }
        }
        "getMe" => (200, r#"{"ok":true,"result":{"username":"kestrel_bot"}}"#.to_owned()),
        "sendMessage" => {
            facts
                .said
                .push(serde_json::from_str::<Value>(&body).unwrap()["text"].as_str().unwrap().to_owned());
            (200, r#"{"ok":true,"result":{"message_id":1}}"#.to_owned())
        }
        _ => (200, r#"{"ok":true,"result":true}"#.to_owned()),
    };
    (StatusCode::from_u16(status).unwrap(), text)
}

/// Polls for so many virtual seconds; what came of it, and whether the file HALT was written.
fn live(seconds: u64, prepare: impl FnOnce(&mut Facts)) -> (Facts, bool) {
    let shared = Shared::default();
    prepare(&mut shared.lock().unwrap());
    let is_wounded = shared.lock().unwrap().has_no_books;
    let folder = tempfile::tempdir().unwrap();
    let emergency = Arc::new(HaltFile::new(folder.path()));
    let paused =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let world = shared.clone();
    let file = emergency.clone();
    System::with_tokio_rt(paused).block_on(async move {
        let router = Router::new().route("/{bot}/{method}", post(answer)).with_state(world.clone());
        let settings = config::Telegram {
            bot_token: SecretString::from("1:token-of-tests"),
            chat_id: 70,
            api_url: "http://telegram.test".into(),
            topics: notifier::Topics::default(),
            commands: Policy { chats: vec![70], users: vec![7] },
        };
        let bot = || Telegram::new(settings.clone(), Arc::new(InProcess(router.clone())));
        let books = Books(world).start();
        let random: Arc<dyn Random> = Arc::new(Seeded::new(1));
        let clock: Arc<dyn Clock> = Arc::new(Noon);
        let last_resort = LastResort { emergency: file, clock: clock.clone(), random: random.clone() };
        let answers = Answers::new(last_resort);
        let wires = Wires {
            bot: Arc::new(bot()),
            reports: Arc::new(Reports::new(answers.clone(), vec![], None)),
            exchange_clock: clock.clone(),
            answers,
            books: (!is_wounded).then(|| BookLinks {
                place: Link::from_recipient(books.clone().recipient()),
                book: Link::from_recipient(books.clone().recipient()),
                record: Link::from_recipient(books.recipient()),
            }),
            clock,
            random,
        };
        let doorman = Doorman::new(settings.commands.clone(), None);
        let poller = Poller::new(bot(), wires, doorman);
        let _ = tokio::time::timeout(Duration::from_secs(seconds), poller.run()).await;
    });
    let is_halted = risk_guard::EmergencyHalt::read(&*emergency).is_some();
    let facts = std::mem::take(&mut *shared.lock().unwrap());
    (facts, is_halted)
}

fn update(id: i64, text: &str) -> Value {
    let date = TRUE_TIME.parse::<DateTime<Utc>>().unwrap().timestamp();
    let length = text.split(' ').next().unwrap().len();
    json!({ "update_id": id, "message": {
        "message_id": 1, "date": date, "text": text, "chat": { "id": 70 }, "from": { "id": 7, "is_bot": false },
        "entities": [{ "type": "bot_command", "offset": 0, "length": length }] } })
}

fn batch(updates: &[Value]) -> (u16, String) {
    (200, json!({ "ok": true, "result": updates }).to_string())
}

#[test]
fn a_second_reader_is_told_of_once_and_polls_are_half_a_minute_apart() {
    let conflict = || {
        let text = r#"{"ok":false,"error_code":409,"description":"Conflict: terminated by other getUpdates request"}"#;
        (409, text.to_owned())
    };
    let (facts, _) = live(100, |facts| facts.polls = vec![conflict(), conflict(), conflict()]);
    assert_eq!(facts.alarms.len(), 1);
    assert!(facts.alarms[0].contains("somebody else reads"), "{:?}", facts.alarms);
    let waits: Vec<u64> = facts.polled_at.windows(2).take(3).map(|two| (two[1] - two[0]).as_secs()).collect();
    assert_eq!(waits, [30, 30, 30]);
}

#[test]
fn a_poll_that_fails_is_repeated_after_longer_and_longer_and_never_spins() {
    let down = || (502, "<html>bad gateway</html>".to_owned());
    let slow = (429, r#"{"ok":false,"description":"x","parameters":{"retry_after":17}}"#.to_owned());
    let (facts, _) = live(60, |facts| facts.polls = vec![down(), down(), down(), slow]);
    let waits: Vec<u64> = facts.polled_at.windows(2).take(5).map(|two| (two[1] - two[0]).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 17, 1], "and a poll without news takes a second");
    let off = (401, r#"{"ok":false,"description":"Unauthorized"}"#.to_owned());
    let (facts, _) = live(600, |facts| facts.polls = vec![off]);
    assert_eq!(facts.polled_at.len(), 1, "a token that is not accepted ends it");
}

#[test]
fn what_cannot_be_booked_is_not_done_but_a_halt_is() {
    let updates = [update(1, "/status"), update(2, "/halt the disk is full")];
    let (facts, is_halted) = live(30, |facts| {
        facts.books_fail = true;
        facts.polls = vec![batch(&updates)];
    });
    assert!(is_halted);
    let not_done = facts.said.iter().filter(|text| text.contains("could not be written down")).count();
    assert_eq!((not_done, facts.said.len()), (1, 2), "{:?}", facts.said);
}

#[test]
fn one_odd_update_blocks_no_other_and_is_passed_over() {
    let updates = [
        json!({ "update_id": 1, "poll": {} }),
        json!({ "odd": true }),
        json!({ "update_id": 2, "message": "?" }),
        update(3, "/help"),
        json!({ "update_id": 4, "message": { "chat": [] } }),
    ];
    let (facts, _) = live(30, |facts| facts.polls = vec![batch(&updates)]);
    assert_eq!(facts.said.len(), 1, "{:?}", facts.said);
    assert!(facts.said[0].contains("/halt"));
    assert_eq!(facts.booked.last().unwrap().place.update_id, 4);
}

#[test]
fn a_crowd_of_strangers_costs_ten_rows_a_minute_and_is_counted() {
    let strangers: Vec<Value> = (1..=90)
        .map(|id| {
            let mut update = update(id, "/halt");
            update["message"]["from"]["id"] = json!(8);
            update
        })
        .collect();
    let later = {
        let mut update = update(91, "/halt");
        update["message"]["from"]["id"] = json!(8);
        update
    };
    let pause = (429, r#"{"ok":false,"parameters":{"retry_after":61}}"#.to_owned());
    let (facts, is_halted) = live(120, |facts| facts.polls = vec![batch(&strangers), pause, batch(&[later])]);
    let rows: Vec<_> = facts.booked.iter().flat_map(|book| &book.commands).collect();
    assert_eq!((rows.len(), rows[10].unbooked), (11, 80));
    assert!(!is_halted && facts.said.is_empty());
}

#[test]
fn a_process_without_books_takes_halts_tells_how_it_stands_and_says_why_it_does_nothing_else() {
    let (facts, is_halted) = live(60, |facts| {
        facts.has_no_books = true;
        facts.polls = vec![batch(&[
            update(1, "/status"),
            update(2, "/resume"),
            update(3, "/flatten"),
            update(4, "/positions"),
            update(5, "/halt"),
        ])];
    });
    assert!(is_halted, "the file HALT is written");
    let said = |part: &str| facts.said.iter().filter(|text| text.contains(part)).count();
    assert_eq!(
        (said("no books to write it into"), said("ask again in a moment")),
        (3, 1),
        "{:?}",
        facts.said
    );
    assert!(facts.booked.is_empty());
}
