//! The worst legal chat server: now and then it takes a message, mostly it fails, and then it repeats what it was asked,
//! token and all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use notifier::Messenger;
use serde_json::json;

use crate::config::Config;
use crate::http::InProcess;
use crate::telegram::Telegram;

/// The messenger of a stage whose settings name one.
pub(super) fn of(config: &Config) -> Option<Arc<dyn Messenger>> {
    let settings = config.telegram.clone()?;
    let router = Router::new().fallback(answer).with_state(Arc::<AtomicUsize>::default());
    Some(Arc::new(Telegram::new(settings, Arc::new(InProcess(router)))))
}

async fn answer(State(calls): State<Arc<AtomicUsize>>, asked: Uri) -> Response {
    let echo = format!("you asked for {asked}");
    let failed = |code: u16| json!({"ok": false, "error_code": code, "description": echo}).to_string();
    match calls.fetch_add(1, Relaxed) % 4 {
        0 => (StatusCode::INTERNAL_SERVER_ERROR, failed(500)).into_response(),
        1 => (StatusCode::BAD_REQUEST, failed(400)).into_response(),
        2 => (StatusCode::OK, format!("<html>{echo}")).into_response(),
        _ => json!({"ok": true, "result": {"message_id": 1}}).to_string().into_response(),
    }
}
