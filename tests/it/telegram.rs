//! A person and strangers in a chat: the true program, and a Bot API that keeps to its sheet (TELEGRAM.md 9).

mod reports;
mod stub;

use domain::messages::control::{HaltSource, TradingState};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::stub::{Stub, now_s};
use crate::harness::{Agent, PATIENCE, command, log_of, status_of, until};

const TOKEN: &str = "123456:canary-of-the-chat";
const CHAT: i64 = 70;
const USER: i64 = 7;

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
