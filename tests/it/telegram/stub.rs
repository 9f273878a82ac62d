//! A Bot API that keeps to its sheet (TELEGRAM.md 9), on loopback.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use domain::Clock as _;
use kestrel::clock::SystemClock;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{CHAT, TOKEN, USER};
use crate::harness::{PATIENCE, log_of, serve, until};

/// What the Bot API knows.
#[derive(Default)]
pub(super) struct Facts {
    /// Updates that nobody has confirmed, by their number.
    pub(super) updates: BTreeMap<i64, Value>,
    pub(super) next_update: i64,
    pub(super) next_message: i64,
    /// Grows with each poll: an older one that still waits gets 409.
    pub(super) polls: u64,
    /// The offsets that were asked for.
    pub(super) offsets: Vec<Option<i64>>,
    /// What was called, in order.
    pub(super) calls: Vec<(String, Value)>,
}

#[derive(Clone, Default)]
pub(super) struct Stub(Arc<Mutex<Facts>>);

impl Stub {
    /// Begins to answer on loopback; the address.
    pub(super) fn serve(&self) -> String {
        serve(Router::new().route("/{bot}/{method}", post(answer)).with_state(self.clone()))
    }

    pub(super) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap()
    }

    pub(super) fn push(&self, mut update: Value) {
        let mut facts = self.facts();
        facts.next_update += 1;
        let id = 1_000 + facts.next_update;
        update["update_id"] = json!(id);
        facts.updates.insert(id, update);
    }

    pub(super) fn type_as(&self, user: i64, text: &str, changes: Value) {
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

    pub(super) fn type_text(&self, text: &str) {
        self.type_as(USER, text, json!({}));
    }

    pub(super) fn press(&self, user: i64, message: i64, data: &str) {
        self.push(json!({ "callback_query": {
            "id": format!("q{message}"), "data": data, "from": { "id": user, "is_bot": false },
            "message": { "message_id": message, "date": now_s(), "chat": { "id": CHAT, "type": "private" } },
        }}));
    }

    /// The first call of that method whose text has `part`, from the `skip`th call on.
    pub(super) fn find(&self, method: &str, part: &str) -> Option<(usize, Value)> {
        let facts = self.facts();
        let mut calls = facts.calls.iter().enumerate();
        let found = calls
            .find(|(_, (name, body))| name == method && body["text"].as_str().unwrap_or("").contains(part));
        found.map(|(place, (_, body))| (place, body.clone()))
    }

    pub(super) fn wait_for(&self, dir: &TempDir, method: &str, part: &str) -> Value {
        let found = until(PATIENCE, || self.find(method, part));
        let Some((_, body)) = found else {
            panic!("no {method} with {part:?}; calls: {:#?}; log: {}", self.facts().calls, log_of(dir));
        };
        body
    }
}

pub(super) fn now_s() -> u64 {
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
