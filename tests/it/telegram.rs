//! A person and strangers in a chat: the true program, and a Bot API that keeps to its sheet (TELEGRAM.md 9).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection};
use domain::Clock as _;
use domain::messages::control::{HaltSource, TradingState};
use kestrel::clock::SystemClock;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::exchange::Exchange;
use crate::harness::{Agent, PATIENCE, command, database, log_of, status_of, until};

const TOKEN: &str = "123456:canary-of-the-chat";
const CHAT: i64 = 70;
const USER: i64 = 7;

/// What the Bot API knows.
#[derive(Default)]
struct Facts {
    /// Updates that nobody has confirmed, by their number.
    updates: BTreeMap<i64, Value>,
    next_update: i64,
    next_message: i64,
    /// Grows with each poll: an older one that still waits gets 409.
    polls: u64,
    /// The offsets that were asked for.
    offsets: Vec<Option<i64>>,
    /// What was called, in order.
    calls: Vec<(String, Value)>,
}

#[derive(Clone, Default)]
struct Stub(Arc<Mutex<Facts>>);

impl Stub {
    /// Begins to answer on loopback; the address.
    fn serve(&self) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/{bot}/{method}", post(answer)).with_state(self.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, router).await.unwrap();
            });
        });
        url
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap()
    }

    fn push(&self, mut update: Value) {
        let mut facts = self.facts();
        facts.next_update += 1;
        let id = 1_000 + facts.next_update;
        update["update_id"] = json!(id);
        facts.updates.insert(id, update);
    }

    fn type_as(&self, user: i64, text: &str, changes: Value) {
        let head = text.split(' ').next().unwrap().encode_utf16().count();
        let mut message = json!({
            "message_id": 1, "date": now_s(), "text": text,
            "chat": { "id": CHAT, "type": "private" },
            "from": { "id": user, "is_bot": false, "first_name": "Kim" },
            "entities": [{ "type": "bot_command", "offset": 0, "length": head }],
        });
        for (key, value) in changes.as_object().unwrap() {
            message[key] = value.clone();
        }
        self.push(json!({ "message": message }));
    }

    fn type_text(&self, text: &str) {
        self.type_as(USER, text, json!({}));
    }

    fn press(&self, user: i64, message: i64, data: &str) {
        self.push(json!({ "callback_query": {
            "id": format!("q{message}"), "data": data, "from": { "id": user, "is_bot": false },
            "message": { "message_id": message, "date": now_s(), "chat": { "id": CHAT, "type": "private" } },
        }}));
    }

    /// The first call of that method whose text has `part`, from the `skip`th call on.
    fn find(&self, method: &str, part: &str) -> Option<(usize, Value)> {
        let facts = self.facts();
        let mut calls = facts.calls.iter().enumerate();
        let found = calls
            .find(|(_, (name, body))| name == method && body["text"].as_str().unwrap_or("").contains(part));
        found.map(|(place, (_, body))| (place, body.clone()))
    }

    fn wait_for(&self, dir: &TempDir, method: &str, part: &str) -> Value {
        let found = until(PATIENCE, || self.find(method, part));
        let Some((_, body)) = found else {
            panic!("no {method} with {part:?}; calls: {:#?}; log: {}", self.facts().calls, log_of(dir));
        };
        body
    }
}

fn now_s() -> u64 {
    u64::try_from(SystemClock.now().timestamp()).unwrap()
}

type Answer = (StatusCode, Json<Value>);

fn refuse(code: u16, description: &str) -> Answer {
    let body = json!({ "ok": false, "error_code": code, "description": description });
    (StatusCode::from_u16(code).unwrap(), Json(body))
}

fn good(result: Value) -> Answer {
    (StatusCode::OK, Json(json!({ "ok": true, "result": result })))
}

async fn answer(
    State(stub): State<Stub>,
    Path((bot, method)): Path<(String, String)>,
    body: axum::body::Bytes,
) -> Answer {
    if bot != format!("bot{TOKEN}") {
        return refuse(401, "Unauthorized");
    }
    if method == "sendPhoto" {
        return take_photo(&stub, &body);
    }
    let body: Value = serde_json::from_slice(&body).unwrap();
    match method.as_str() {
        "getUpdates" => poll(&stub, &body).await,
        "getMe" => good(json!({ "id": 123_456, "is_bot": true, "username": "kestrel_bot" })),
        "sendMessage" | "editMessageText" | "answerCallbackQuery" | "setMyCommands" => {
            let mut facts = stub.facts();
            facts.calls.push((method, body.clone()));
            facts.next_message += 1;
            let number = facts.next_message + 500;
            drop(facts);
            match fault_of(&body) {
                Some(fault) => refuse(400, fault),
                None => good(json!({ "message_id": number, "chat": { "id": CHAT } })),
            }
        }
        _ => refuse(404, "Not Found"),
    }
}

/// A form with a PNG in it; its caption counts as its text.
fn take_photo(stub: &Stub, form: &[u8]) -> Answer {
    let start = form.windows(8).position(|window| window == b"\x89PNG\r\n\x1a\n");
    let Some(start) = start else { return refuse(400, "Bad Request: IMAGE_PROCESS_FAILED") };
    let field = |name: &str| {
        let text = String::from_utf8_lossy(&form[..start]).into_owned();
        let (_, rest) = text.split_once(&format!("name=\"{name}\"\r\n\r\n"))?;
        Some(rest.split("\r\n").next()?.to_owned())
    };
    let (Some(chat), Some(caption)) = (field("chat_id"), field("caption")) else {
        return refuse(400, "Bad Request: chat_id is empty");
    };
    let end = form.windows(8).position(|window| window == b"IEND\xaeB\x60\x82").map(|end| end + 8).unwrap();
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("telegram");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("report.png"), &form[start..end]).unwrap();
    let mut facts = stub.facts();
    facts.calls.push(("sendPhoto".into(), json!({ "chat_id": chat, "text": caption, "bytes": end - start })));
    facts.next_message += 1;
    good(json!({ "message_id": facts.next_message + 500 }))
}

/// As the server itself would: length, tags, and the size of what buttons carry.
fn fault_of(body: &Value) -> Option<&'static str> {
    let text = body["text"].as_str().unwrap_or("");
    let balanced = ["b", "i", "pre"]
        .iter()
        .all(|tag| text.matches(&format!("<{tag}>")).count() == text.matches(&format!("</{tag}>")).count());
    let tags: usize = ["b", "i", "pre"].iter().map(|tag| text.matches(&format!("<{tag}>")).count()).sum();
    if text.matches('<').count() != 2 * tags || !balanced {
        return Some("Bad Request: can't parse entities");
    }
    if text.encode_utf16().count() > 4_096 {
        return Some("Bad Request: message is too long");
    }
    let rows = body["reply_markup"]["inline_keyboard"].as_array().cloned().unwrap_or_default();
    let fits = |button: &Value| (1..=64).contains(&button["callback_data"].as_str().unwrap_or("").len());
    let all_fit = rows.iter().flat_map(|row| row.as_array().unwrap()).all(fits);
    (!all_fit).then_some("Bad Request: BUTTON_DATA_INVALID")
}

async fn poll(stub: &Stub, body: &Value) -> Answer {
    let offset = body["offset"].as_i64();
    let mine = {
        let mut facts = stub.facts();
        facts.offsets.push(offset);
        facts.updates.retain(|id, _| offset.is_none_or(|offset| *id >= offset));
        facts.polls += 1;
        facts.polls
    };
    let held = Duration::from_secs(body["timeout"].as_u64().unwrap());
    let until = tokio::time::Instant::now() + held;
    loop {
        {
            let facts = stub.facts();
            if facts.polls != mine {
                return refuse(409, "Conflict: terminated by other getUpdates request");
            }
            if !facts.updates.is_empty() || tokio::time::Instant::now() >= until {
                return good(facts.updates.values().cloned().collect());
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn start(dir: &TempDir, url: &str) -> Agent {
    start_with(dir, url, &[])
}

fn start_with(dir: &TempDir, url: &str, further: &[(&str, &str)]) -> Agent {
    let (chat, user) = (CHAT.to_string(), USER.to_string());
    let settings = [
        ("TELEGRAM_BOT_TOKEN", TOKEN),
        ("TELEGRAM_CHAT_ID", &chat),
        ("TELEGRAM_ALLOWED_CHATS", &chat),
        ("TELEGRAM_ALLOWED_USERS", &user),
        ("TELEGRAM_API_URL", url),
        ("TELEGRAM_NOTIFY", "system"),
    ];
    Agent::start(dir, &[&settings[..], further].concat())
}

/// The commands of the books: number, command, verdict.
fn booked(dir: &TempDir) -> Vec<(String, String)> {
    let export = command(dir, &[])
        .args(["export", "--format", "json", "--table", "chat_commands"])
        .stdout(std::process::Stdio::piped())
        .output()
        .unwrap();
    let tables: Value = serde_json::from_slice(&export.stdout).unwrap();
    let rows = tables["chat_commands"].as_array().unwrap();
    let word = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    rows.iter().map(|row| (word(row, "command"), word(row, "verdict"))).collect()
}

fn buttons(question: &Value) -> Vec<String> {
    let rows = question["reply_markup"]["inline_keyboard"].as_array().unwrap();
    let data = |button: &Value| button["callback_data"].as_str().unwrap().to_owned();
    rows.iter().flat_map(|row| row.as_array().unwrap()).map(data).collect()
}

/// Everybody and everything that may not halt says that it should.
fn strangers_try(stub: &Stub) {
    stub.type_as(8, "/halt", json!({}));
    stub.type_as(USER, "/halt", json!({ "chat": { "id": -5, "type": "group" } }));
    stub.type_as(USER, "/halt", json!({ "forward_origin": { "type": "user" } }));
    stub.type_as(USER, "/halt", json!({ "sender_chat": { "id": CHAT } }));
    stub.type_as(USER, "/halt@other_bot", json!({}));
    stub.push(json!({ "edited_message": { "message_id": 1, "text": "/halt", "date": now_s(), "chat": { "id": CHAT },
        "from": { "id": USER, "is_bot": false }, "entities": [{ "type": "bot_command", "offset": 0, "length": 5 }] } }));
    stub.press(8, 501, "yes:0000000000000001");
}

#[test]
fn a_person_halts_and_resumes_from_the_chat_and_strangers_cannot() {
    let dir = TempDir::new().unwrap();
    let stub = Stub::default();
    let url = stub.serve();
    let old = json!({ "date": now_s() - 3_600 });
    stub.type_as(USER, "/halt of yesterday", old.clone());
    stub.type_as(USER, "/resume", json!({ "date": now_s() - 100 }));
    let agent = start(&dir, &url);
    stub.wait_for(&dir, "sendMessage", "kestrel");
    stub.wait_for(&dir, "sendMessage", "Ignored 2 commands");

    strangers_try(&stub);
    stub.type_text("/status@kestrel_bot");
    stub.wait_for(&dir, "sendMessage", "trading: ");
    let halts = status_of(&dir).unwrap().halts;
    assert!(halts.is_empty(), "{halts:?}");

    stub.type_text("/STOP the feed is <odd> & late");
    stub.wait_for(&dir, "sendMessage", "Trading is halted");
    let status = status_of(&dir).unwrap();
    assert_eq!(status.trading, Some(TradingState::Halted));
    let halt = status.halts[0].clone();
    assert_eq!((halt.source, halt.by.as_str()), (HaltSource::Telegram, "telegram user 7"));
    assert_eq!(halt.reason, "the feed is <odd> & late");
    stub.wait_for(&dir, "sendMessage", "<b>TRADING STOPPED</b>");

    stub.type_text("/resume");
    let question = stub.wait_for(&dir, "sendMessage", "1 halts stand");
    let [lift, leave] = buttons(&question).try_into().unwrap();
    assert!(lift.starts_with("yes:") && leave.starts_with("no:"));
    // The number that the stub gave the question: 500 and the calls up to it.
    let (place, _) = stub.find("sendMessage", "1 halts stand").unwrap();
    let message = 501 + i64::try_from(place).unwrap();
    stub.press(USER, message + 1, &lift);
    stub.wait_for(&dir, "answerCallbackQuery", "not yours");
    stub.press(USER, message, "yes:00000000deadbeef");
    stub.wait_for(&dir, "answerCallbackQuery", "does not work any more");
    assert_eq!(status_of(&dir).unwrap().halts.len(), 1);
    stub.press(USER, message, &lift);
    stub.wait_for(&dir, "editMessageText", "Lifted");
    assert!(status_of(&dir).unwrap().halts.is_empty());

    stub.type_text("/halt cancel everything");
    stub.wait_for(&dir, "sendMessage", "cancel everything");
    stub.type_text("/halt_cancel the line is bad");
    stub.wait_for(&dir, "sendMessage", "halted, cancelling open orders, since");
    let halts = status_of(&dir).unwrap().halts;
    let told: Vec<_> = halts.iter().map(|halt| (halt.reason.as_str(), halt.cancel_open)).collect();
    assert_eq!(told, [("cancel everything", false), ("the line is bad", true)], "a reason is only a reason");

    for text in stub.facts().calls.iter().map(|(_, body)| body.to_string()) {
        assert!(!text.contains(halt.nonce.as_str()) && !text.contains("canary"), "{text}");
    }
    assert!(!log_of(&dir).contains("canary"));
    let booked = booked(&dir);
    for (name, verdict) in [
        ("-", "foreign_user"),
        ("-", "foreign_chat"),
        ("-", "not_typed"),
        ("status", "accepted"),
        ("halt", "accepted"),
        ("halt_cancel", "accepted"),
        ("resume", "age"),
        ("resume", "accepted"),
        ("button", "button_foreign"),
        ("button", "button_unknown"),
        ("resume_confirmed", "accepted"),
    ] {
        assert!(booked.contains(&(name.to_owned(), verdict.to_owned())), "{name} {verdict}: {booked:?}");
    }

    // After a crash the chat is read from where it was, and what was done is not done again.
    let seen = 1_000 + stub.facts().next_update;
    agent.kill_9();
    stub.facts().offsets.clear();
    let _agent = start(&dir, &url);
    let asked = until(PATIENCE, || stub.facts().offsets.first().copied()).unwrap();
    assert_eq!(asked, Some(seen + 1));
    assert_eq!(status_of(&dir).unwrap().halts.len(), halts.len(), "neither lifted nor asked for twice");
}

/// What was said with `part` in it from the `before`th call on: its place, and the body.
fn said(stub: &Stub, dir: &TempDir, part: &str, before: usize) -> (usize, Value) {
    let found = || {
        let facts = stub.facts();
        let mut calls = facts.calls.iter().enumerate().skip(before);
        let is_it = |(_, (name, body)): &(usize, &(String, Value))| {
            name == "sendMessage" && body["text"].as_str().unwrap_or("").contains(part)
        };
        calls.find(is_it).map(|(place, (_, body))| (place, body.clone()))
    };
    until(PATIENCE, found).unwrap_or_else(|| panic!("{part:?}: {:#?} {}", stub.facts().calls, log_of(dir)))
}

/// A question with buttons: the number that the stub gave its message, 500 and the calls up to it, and what the buttons carry.
fn asked(stub: &Stub, dir: &TempDir, part: &str, before: usize) -> (i64, Vec<String>) {
    let (place, question) = said(stub, dir, part, before);
    (501 + i64::try_from(place).unwrap(), buttons(&question))
}

#[test]
fn a_person_flattens_by_a_button_finds_it_halted_after_a_crash_and_resumes_by_another() {
    let dir = TempDir::new().unwrap();
    let stub = Stub::default();
    let url = stub.serve();
    let address = crate::web::free_address();
    let web = [("WEB_LISTEN", &*address.to_string())];
    let agent = start_with(&dir, &url, &web);
    stub.type_text("/flatten the market is odd");
    let (message, words) = asked(&stub, &dir, "Sell everything that the agent holds", 0);
    stub.press(USER, message, &words[1]);
    stub.wait_for(&dir, "editMessageText", "Nothing was done");
    assert!(status_of(&dir).unwrap().halts.is_empty(), "nothing is done without the button");

    let calls = stub.facts().calls.len();
    stub.type_text("/flatten the market is odd");
    let (message, words) = asked(&stub, &dir, "Sell everything that the agent holds", calls);
    stub.press(8, message, &words[0]);
    let refused = || booked(&dir).iter().any(|(_, verdict)| verdict == "foreign_user").then_some(());
    assert!(until(PATIENCE, refused).is_some(), "{:?}", booked(&dir));
    assert!(status_of(&dir).unwrap().halts.is_empty(), "a stranger presses for nothing");
    stub.press(USER, message, &words[0]);
    let halted = || status_of(&dir).filter(|status| status.trading == Some(TradingState::Halted));
    let status = until(PATIENCE, halted).unwrap_or_else(|| panic!("not flat: {}", log_of(&dir)));
    let by_chat = |halt: &domain::messages::control::HaltRecord| {
        halt.source == HaltSource::Telegram && halt.reason.contains("the market is odd")
    };
    assert!(status.halts.iter().any(by_chat), "{:?}", status.halts);
    stub.press(USER, message, &words[0]);
    stub.wait_for(&dir, "answerCallbackQuery", "does not work any more");
    let counted = || {
        let (_, metrics) = crate::web::local(address, "/metrics");
        let has = |verdict: &str| {
            metrics.contains(&format!("kestrel_chat_updates_total{{verdict=\"{verdict}\"}} 1\n"))
        };
        (has("foreign_user") && has("button_unknown")).then_some(())
    };
    assert!(until(PATIENCE, counted).is_some(), "{}", crate::web::local(address, "/metrics").1);

    assert!(!log_of(&dir).contains("are not in the books"), "{}", log_of(&dir));

    agent.kill_9();
    let calls = stub.facts().calls.len();
    let _agent = start_with(&dir, &url, &web);
    assert_eq!(status_of(&dir).unwrap().trading, Some(TradingState::Halted));
    stub.type_text("/status");
    said(&stub, &dir, "the market is odd", calls);
    // Each halt that stands has a button of its own.
    while let Some(status) = status_of(&dir).filter(|status| !status.halts.is_empty()) {
        let (calls, standing) = (stub.facts().calls.len(), status.halts.len());
        stub.type_text("/resume");
        let (message, words) = asked(&stub, &dir, "halts stand", calls);
        stub.press(USER, message, &words[0]);
        let lifted = || (status_of(&dir)?.halts.len() < standing).then_some(());
        assert!(until(PATIENCE, lifted).is_some(), "{standing} stand: {}", log_of(&dir));
    }
    let active = || (status_of(&dir)?.trading == Some(TradingState::Active)).then_some(());
    assert!(until(PATIENCE, active).is_some(), "{}", log_of(&dir));
}

#[test]
fn a_wounded_process_says_so_in_the_chat_and_takes_halts_there() {
    let dir = TempDir::new().unwrap();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    let garbage = b"no database, but long enough to look at".repeat(200);
    std::fs::write(crate::harness::database(dir.path()), garbage).unwrap();
    let stub = Stub::default();
    let url = stub.serve();
    let mut agent = start(&dir, &url);
    stub.wait_for(&dir, "sendMessage", "<b>NOT TRADING</b>");
    stub.type_text("/status");
    stub.wait_for(&dir, "sendMessage", "trading: halted");
    stub.type_text("/positions");
    stub.wait_for(&dir, "sendMessage", "no books to write it into");
    stub.type_text("/halt from the train");
    stub.wait_for(&dir, "sendMessage", "Trading is halted");
    agent.terminate();
    assert_eq!(agent.wait().code(), Some(0));
}

#[test]
fn without_both_lists_nobody_reads_the_chat_and_a_wrong_token_is_one_error() {
    let dir = TempDir::new().unwrap();
    let stub = Stub::default();
    let url = stub.serve();
    let settings = [
        ("TELEGRAM_BOT_TOKEN", "123456:another-token"),
        ("TELEGRAM_CHAT_ID", "70"),
        ("TELEGRAM_API_URL", url.as_str()),
    ];
    let mut agent = Agent::start(&dir, &settings);
    let said = || log_of(&dir).contains("does not accept TELEGRAM_BOT_TOKEN").then_some(());
    until(PATIENCE, said).expect("the token is refused");
    agent.terminate();
    assert_eq!(agent.wait().code(), Some(0), "trading goes on and ends as ever");
    assert_eq!(log_of(&dir).matches("does not accept TELEGRAM_BOT_TOKEN").count(), 1);
    assert!(stub.facts().offsets.is_empty());
}

/// The number that a message about an event ends with.
fn event_of(text: &str) -> Option<i64> {
    let (_, number) = text.rsplit_once(", event ")?;
    number.split('<').next()?.parse().ok()
}

#[derive(diesel::QueryableByName)]
struct ToldUpTo {
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::BigInt>)]
    event: Option<i64>,
}

/// The newest event that the books have as told; none while they cannot be read.
fn told_up_to(dir: &TempDir) -> Option<i64> {
    let path = format!("file:{}?mode=ro", database(dir.path()).display());
    let mut books = SqliteConnection::establish(&path).ok()?;
    let newest = "SELECT max(last_event) AS event FROM cursors WHERE subscriber LIKE 'notifier%'";
    diesel::sql_query(newest).get_result::<ToldUpTo>(&mut books).ok()?.event
}

/// Waits until the books have that event as told.
fn wait_until_told(dir: &TempDir, event: i64) {
    let booked = until(PATIENCE, || (told_up_to(dir) >= Some(event)).then_some(()));
    assert!(booked.is_some(), "event {event} is not booked as told: {}", log_of(dir));
}

fn count_of_messages_with(stub: &Stub, part: &str) -> usize {
    let facts = stub.facts();
    let is_it = |(name, body): &&(String, Value)| {
        name == "sendMessage" && body["text"].as_str().is_some_and(|text| text.contains(part))
    };
    facts.calls.iter().filter(is_it).count()
}

/// Asks for the day's report until it is whole: before the account was seen twice it has no picture, and says so.
fn whole_report(stub: &Stub) -> String {
    let on_request = || {
        let facts = stub.facts();
        let texts = facts.calls.iter().filter_map(|(_, body)| body["text"].as_str());
        let is_report =
            |text: &&str| text.contains("<b>Report of 2026-06-01</b>") && event_of(text).is_none();
        texts.filter(is_report).map(str::to_owned).collect::<Vec<_>>()
    };
    let asked = until(PATIENCE * 3, || {
        let before = on_request().len();
        stub.type_text("/report");
        let all = until(PATIENCE, || Some(on_request()).filter(|all| all.len() > before))?;
        all.last().filter(|text| !text.contains("No picture")).cloned()
    });
    asked.unwrap_or_else(|| panic!("no whole report: {:?}", on_request()))
}

/// A day in Korea ends: the exchange is begun shortly before its close.
#[test]
fn the_report_of_a_day_comes_once_with_a_picture_and_again_on_request() {
    let dir = TempDir::new().unwrap();
    let stub = Stub::default();
    let url = stub.serve();
    let exchange =
        Exchange::start(&dir, &["--start", "2026-06-01T05:50:00Z", "--speed", "60", "--markets", "KR"]);
    let (chat, user) = (CHAT.to_string(), USER.to_string());
    let settings = [
        ("TELEGRAM_BOT_TOKEN", TOKEN),
        ("TELEGRAM_CHAT_ID", &chat),
        ("TELEGRAM_ALLOWED_CHATS", &chat),
        ("TELEGRAM_ALLOWED_USERS", &user),
        ("TELEGRAM_API_URL", &*url),
        ("TELEGRAM_NOTIFY", "reports"),
        ("KESTREL_EXCHANGE_URL", &*exchange.url),
        ("ENABLED_MARKETS", "KR"),
        ("TRADE_MODE", "realtime"),
        ("SCANNER_TOP_N", "8"),
    ];
    let agent = Agent::start(&dir, &settings);
    let text = whole_report(&stub);
    for part in [
        "<b>KRW</b>\naccount: 100000000 KRW",
        "fees: unknown",
        "<b>Trades</b>",
        "<b>Refused proposals</b>",
        "<b>Halts and resumes</b>: none",
        "none is asked; the local rules judge",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    stub.wait_for(&dir, "sendPhoto", "Equity per currency, up to 2026-06-01");

    let told = |stub: &Stub| {
        let facts = stub.facts();
        let is_told = |(name, body): &&(String, Value)| {
            let text = body["text"].as_str().unwrap_or("");
            name == "sendMessage" && text.contains("Report of 2026-06-01") && text.contains(", event ")
        };
        facts.calls.iter().filter(is_told).count()
    };
    let long = PATIENCE * 3;
    assert!(until(long, || (told(&stub) == 1).then_some(())).is_some(), "{}", log_of(&dir));
    let photos = || stub.facts().calls.iter().filter(|(name, _)| name == "sendPhoto").count();
    assert!(until(PATIENCE, || (photos() == 2).then_some(())).is_some(), "{}", log_of(&dir));
    let picture = stub.wait_for(&dir, "sendPhoto", "Equity");
    assert!(picture["bytes"].as_u64() > Some(1_000) && picture["chat_id"] == "70", "{picture}");
    assert!(
        stub.find("sendMessage", "for 2026-05-29 are closed")
            .is_some_and(|_| stub.find("sendMessage", "Report of 2026-05-29").is_none()),
        "the day before the first has no report"
    );

    // Whoever dies between an answer and its mark tells it again rather than never: what is booked as told is not told again.
    let is_report = |text: &str| text.contains("Report of 2026-06-01");
    let number = stub
        .facts()
        .calls
        .iter()
        .filter_map(|(_, body)| body["text"].as_str())
        .filter(|text| is_report(text))
        .find_map(event_of)
        .unwrap();
    wait_until_told(&dir, number);
    agent.kill_9();
    let _agent = Agent::start(&dir, &settings);
    stub.type_text("/status");
    stub.wait_for(&dir, "sendMessage", "trading: ");
    assert_eq!(told(&stub), 1, "once, over a restart");
}

/// The Optimizer's proposals end to end: told once when one may be reviewed, holds, or is taken back; listed and shown with what
/// they change, in the chat and on the page. Nobody decides from there.
#[test]
fn proposals_are_told_once_and_shown_with_what_they_change_in_the_chat_and_on_the_page() {
    use crate::proposals::{drop_in, propose};
    use domain::messages::evolution::{Decider, ProposalStep};
    let dir = TempDir::new().unwrap();
    let stub = Stub::default();
    let url = stub.serve();
    let address = crate::web::free_address();
    let listen = address.to_string();
    let further = [("TELEGRAM_NOTIFY", "reports"), ("WEB_LISTEN", listen.as_str())];
    let agent = start_with(&dir, &url, &further);
    stub.type_text("/proposals");
    stub.wait_for(&dir, "sendMessage", "Nothing was proposed yet");
    agent.kill_9();

    // While no agent runs: the books keep it, and the next start tells it.
    propose(&dir);
    let books = crate::harness::database(dir.path());
    drop_in(&books, 1, ProposalStep::Approve, Decider::Person("ada".into()));
    drop_in(&books, 1, ProposalStep::Activate, Decider::Agent);
    let agent = start_with(&dir, &url, &further);
    let told = |part: &str| count_of_messages_with(&stub, part);
    stub.wait_for(&dir, "sendMessage", "proposal 0001 is ready for review");
    stub.wait_for(&dir, "sendMessage", "proposal 0002 is ready for review");
    stub.wait_for(&dir, "sendMessage", "KR trades by proposal 0001");

    stub.type_text("/proposals");
    let list = stub.wait_for(&dir, "sendMessage", "Proposal 0002 changes:");
    let list = list["text"].as_str().unwrap();
    for part in ["0001", "active", "0002", "ready for review", "+ ", "s-2", "kestrel proposals show NUMBER"] {
        assert!(list.contains(part), "{part:?} is not in {list}");
    }
    stub.type_text("/proposals 2");
    let shown = stub.wait_for(&dir, "sendMessage", "proposal 0002, ready for review");
    let shown = shown["text"].as_str().unwrap();
    assert!(shown.contains("kestrel proposals approve 0002"), "the command line decides: {shown}");
    assert!(shown.contains("why: oversold stocks turn"), "{shown}");

    let (status, page) = crate::web::local(address, "/");
    assert_eq!(status, 200);
    for part in ["/proposal?number=0002", "ready for review", "what changes", "s-2"] {
        assert!(page.contains(part), "{part:?} is not on the page");
    }
    let (status, one) = crate::web::local(address, "/proposal?number=0002");
    assert!(
        status == 200
            && one.contains("oversold stocks turn")
            && one.contains("kestrel proposals approve 0002"),
        "{one}"
    );
    assert_eq!(crate::web::local(address, "/proposal?number=x").0, 400);
    let (_, none) = crate::web::local(address, "/proposal?number=9");
    assert!(none.contains("There is no proposal 0009"), "{none}");

    let rollback = ["proposals", "rollback", "1", "--reason", "a bad week", "--by", "mina"];
    assert!(command(&dir, &[]).args(rollback).status().unwrap().success());
    let last = stub.wait_for(
        &dir,
        "sendMessage",
        "KR no longer trades by proposal 0001 in sessions that begin from now on (mina: a bad week)",
    );
    // What is booked as told is not told again, however the agent ends.
    let number = last["text"].as_str().and_then(event_of).unwrap();
    wait_until_told(&dir, number);
    agent.kill_9();
    let _agent = start_with(&dir, &url, &further);
    stub.type_text("/budget");
    stub.wait_for(&dir, "sendMessage", "judge: rules");
    for part in [
        "proposal 0001 is ready for review",
        "KR trades by proposal 0001",
        "KR no longer trades by proposal 0001",
    ] {
        assert_eq!(told(part), 1, "{part}");
    }
}
