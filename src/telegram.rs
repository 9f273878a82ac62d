//! Telegram behind Notifier's port: messages through `sendMessage` (TELEGRAM.md 1 to 4).
//!
//! The token is part of the address, so no address is ever logged: the HTTP seam prints none.

mod chat;
mod photo;
pub(crate) mod poll;
mod updates;

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use domain::BoxFuture;
use domain::text::harmless;
use notifier::html::{plain, split};
use notifier::pace::Pace;
use notifier::{Letter, Messenger, MessengerError};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::config::{self, Config};
use crate::http::{CallLimits, NetError, Request, ReqwestTransport, Response, Transport, without};

const LIMITS: CallLimits = CallLimits { timeout: Duration::from_secs(15), max_body_bytes: 64 * 1024 };
/// What to wait when a 429 does not say (TELEGRAM.md 3).
const RETRY_AFTER_DEFAULT_S: u64 = 30;
/// Longest wait believed: no timer takes the largest number that an answer can name.
const RETRY_AFTER_MAX_S: u64 = 24 * 60 * 60;
/// Longest text of Telegram's that is kept, in characters.
const DESCRIPTION_MAX_CHARS: usize = 200;

/// The messenger that the settings ask for, if any.
///
/// # Errors
/// When no HTTP client can be made; in words.
pub fn connect(config: &Config) -> Result<Option<Arc<Telegram>>, String> {
    config.telegram.clone().map(connect_to).transpose()
}

/// The messenger of these settings.
///
/// # Errors
/// When no HTTP client can be made; in words.
pub(crate) fn connect_to(settings: config::Telegram) -> Result<Arc<Telegram>, String> {
    let transport = ReqwestTransport::for_reads(None).map_err(|error| error.to_string())?;
    Ok(Arc::new(Telegram::new(settings, Arc::new(transport))))
}

/// Whether the bot that the settings name may write to its chat; none without one. Nothing is sent.
pub async fn check(config: &Config) -> Option<Result<(), String>> {
    let settings = config.telegram.clone()?;
    let transport = match ReqwestTransport::for_reads(None) {
        Ok(transport) => transport,
        Err(error) => return Some(Err(error.to_string())),
    };
    let bot = Telegram::new(settings, Arc::new(transport));
    let body = json!({ "chat_id": bot.chat_id() });
    Some(bot.call("getChat", &body).await.map(drop).map_err(|error| error.to_string()))
}

/// One bot and one chat.
pub struct Telegram {
    settings: config::Telegram,
    /// The chat that notices go to; another one when Telegram says that it moved.
    chat: AtomicI64,
    transport: Arc<dyn Transport>,
    /// Everything that goes to the chat counts, whoever sends it.
    pace: Mutex<Pace>,
    /// The token is wrong: nothing is tried any more.
    is_off: AtomicBool,
}

impl Telegram {
    /// A bot that speaks through `transport`.
    pub fn new(settings: config::Telegram, transport: Arc<dyn Transport>) -> Self {
        let chat = AtomicI64::new(settings.chat_id);
        Self { settings, chat, transport, pace: Mutex::default(), is_off: AtomicBool::new(false) }
    }

    fn chat_id(&self) -> i64 {
        self.chat.load(Ordering::Relaxed)
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls one method; the error says what to do next.
    async fn call(&self, method: &str, body: &impl Serialize) -> Result<Value, Failure> {
        self.call_within(method, body, LIMITS).await
    }

    async fn call_within(
        &self,
        method: &str,
        body: &impl Serialize,
        limits: CallLimits,
    ) -> Result<Value, Failure> {
        self.exchange(self.request(method, body)?, limits).await
    }

    /// One request and what to do next.
    async fn exchange(&self, request: Request, limits: CallLimits) -> Result<Value, Failure> {
        if self.is_off.load(Ordering::Relaxed) {
            return Err(Failure::Off("the token is not accepted".into()));
        }
        let outcome = match self.transport.send(request, limits).await {
            Ok(response) => classify(&without(self.secret(), response)),
            Err(NetError::NotSent(why)) => Err(Failure::Unreachable(why)),
            Err(NetError::Ambiguous(why)) => Err(Failure::Unanswered(why)),
        };
        match &outcome {
            Err(Failure::Off(why)) if !self.is_off.swap(true, Ordering::Relaxed) => {
                tracing::error!(
                    why,
                    "Telegram does not accept TELEGRAM_BOT_TOKEN: nobody is told of anything; trading goes on"
                );
            }
            Err(Failure::RetryAfter(wait)) => self.pace().hold(Instant::now() + *wait),
            Ok(_) | Err(_) => {}
        }
        outcome
    }

    /// The part of the token that is no number, which an address holds as it is.
    fn secret(&self) -> &str {
        let token = self.settings.bot_token.expose_secret();
        token.split_once(':').map_or(token, |(_number, secret)| secret)
    }

    fn request(&self, method: &str, body: &impl Serialize) -> Result<Request, Failure> {
        let unusable = |error: &dyn std::fmt::Display| Failure::Refused(format!("no request: {error}"));
        let body = serde_json::to_vec(body).map_err(|error| unusable(&error))?;
        self.post_to(method, "application/json", body)
    }

    fn post_to(&self, method: &str, content_type: &str, body: Vec<u8>) -> Result<Request, Failure> {
        let (base, token) = (&self.settings.api_url, self.settings.bot_token.expose_secret());
        let request = http::Request::post(format!("{base}/bot{token}/{method}"));
        let request = request.header(http::header::CONTENT_TYPE, content_type);
        // The error may quote the address, which holds the token: it is not passed on.
        request
            .body(Bytes::from(body))
            .map_err(|_| Failure::Refused("no request: the address is not valid".into()))
    }

    /// Sends a text to the chat of the notices, in as many messages as it needs.
    async fn send_all(&self, letter: &Letter) -> Result<(), Failure> {
        let parts = split(&letter.html);
        for (place, part) in parts.iter().enumerate() {
            if place > 0 {
                let wait = self.pace().wait(Instant::now());
                tokio::time::sleep(wait).await;
            }
            self.send_part(part, letter.is_silent).await?;
        }
        // The text has arrived: a picture that does not is no reason to send it again.
        if let Some(picture) = &letter.picture
            && let Err(error) = self.show_to(self.chat_id(), picture, letter.is_silent).await
        {
            tracing::warn!(%error, "a picture was not delivered; what it shows is on the page");
        }
        Ok(())
    }

    /// Once; again without markup where Telegram cannot read it, and again where it says that the chat has moved.
    async fn send_part(&self, html: &str, is_silent: bool) -> Result<Value, Failure> {
        match self.send_once(html, is_silent).await {
            Err(Failure::Unreadable(why)) => {
                tracing::error!(why, "Telegram cannot read a message of ours; sending it as plain text");
                let text = plain(html);
                self.post(&message(self.chat_id(), &text, None, is_silent)).await
            }
            Err(Failure::Moved(chat)) => {
                tracing::warn!(chat, "the chat of TELEGRAM_CHAT_ID has moved; set the new number there");
                self.chat.store(chat, Ordering::Relaxed);
                self.send_once(html, is_silent).await
            }
            outcome => outcome,
        }
    }

    /// Answers in any chat, in as many messages as it needs, the buttons under the last one; the number of that one.
    async fn say_to(
        &self,
        chat_id: i64,
        html: &str,
        keyboard: Option<Value>,
    ) -> Result<Option<i64>, Failure> {
        let parts = split(html);
        let mut last = Value::Null;
        for (place, part) in parts.iter().enumerate() {
            let wait = self.pace().wait(Instant::now());
            tokio::time::sleep(wait).await;
            let reply_markup = keyboard.clone().filter(|_| place + 1 == parts.len());
            let formatted = SendMessage { reply_markup, ..message(chat_id, part, Some("HTML"), false) };
            last = match self.post(&formatted).await {
                Err(Failure::Unreadable(why)) => {
                    tracing::error!(why, "Telegram cannot read an answer of ours; sending it as plain text");
                    let text = plain(part);
                    self.post(&SendMessage { text: &text, parse_mode: None, ..formatted }).await?
                }
                outcome => outcome?,
            };
        }
        Ok(last.get("message_id").and_then(Value::as_i64))
    }

    /// Replaces a message of ours; that counts like a new one.
    async fn edit(&self, body: &Value) -> Result<Value, Failure> {
        let wait = self.pace().wait(Instant::now());
        tokio::time::sleep(wait).await;
        self.pace().sent(Instant::now());
        self.call("editMessageText", body).await
    }

    async fn send_once(&self, html: &str, is_silent: bool) -> Result<Value, Failure> {
        self.post(&message(self.chat_id(), html, Some("HTML"), is_silent)).await
    }

    async fn post(&self, message: &SendMessage<'_>) -> Result<Value, Failure> {
        self.pace().sent(Instant::now());
        self.call("sendMessage", message).await
    }
}

impl Messenger for Telegram {
    fn wait(&self) -> Duration {
        self.pace().wait(Instant::now())
    }

    fn send(&self, letter: Letter) -> BoxFuture<'_, Result<(), MessengerError>> {
        Box::pin(async move { self.send_all(&letter).await.map_err(MessengerError::from) })
    }
}

fn message<'a>(chat_id: i64, text: &'a str, parse_mode: Option<&'a str>, is_silent: bool) -> SendMessage<'a> {
    let link_preview_options = LinkPreview { is_disabled: true };
    SendMessage {
        chat_id,
        text,
        parse_mode,
        disable_notification: is_silent,
        link_preview_options,
        reply_markup: None,
    }
}

#[derive(Serialize)]
struct SendMessage<'a> {
    chat_id: i64,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parse_mode: Option<&'a str>,
    disable_notification: bool,
    link_preview_options: LinkPreview,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_markup: Option<Value>,
}

#[derive(Serialize)]
struct LinkPreview {
    is_disabled: bool,
}

/// Why a call failed, by what to do next (TELEGRAM.md 4).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Failure {
    /// Wait, then call again.
    #[error("Telegram asks to wait {} s", .0.as_secs())]
    RetryAfter(Duration),
    /// The markup is wrong: send it plain.
    #[error("{0}")]
    Unreadable(String),
    /// The chat has another number now.
    #[error("the chat has moved to {0}")]
    Moved(i64),
    /// Another process reads the updates of this bot, or a webhook does.
    #[error("{0}")]
    Conflict(String),
    /// It will never be done.
    #[error("{0}")]
    Refused(String),
    /// The token is wrong.
    #[error("{0}")]
    Off(String),
    /// It was not done.
    #[error("{0}")]
    Unreachable(String),
    /// It may have been done.
    #[error("{0}")]
    Unanswered(String),
}

impl From<Failure> for MessengerError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::RetryAfter(wait) => Self::RetryAfter(wait),
            Failure::Off(why) => Self::Off(why),
            Failure::Unreachable(why) => Self::Unreachable(why),
            Failure::Unanswered(why) => Self::Unanswered(why),
            moved @ Failure::Moved(_) => Self::Refused(moved.to_string()),
            Failure::Unreadable(why) | Failure::Conflict(why) | Failure::Refused(why) => Self::Refused(why),
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    ok: bool,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

/// The body is read whatever the status; it may be HTML (TELEGRAM.md 1 and 4).
fn classify(response: &Response) -> Result<Value, Failure> {
    let status = response.status();
    let answer: Option<Answer> = serde_json::from_slice(response.body()).ok();
    match (status.as_u16(), answer) {
        (200, Some(answer)) if answer.ok => Ok(answer.result),
        (429, answer) => Err(Failure::RetryAfter(retry_after(answer))),
        (code @ 400..=499, answer) => Err(refused(code, answer)),
        // The server failed before it answered: what it did is not known.
        (200, _) => Err(Failure::Unanswered("the answer cannot be read".into())),
        (_, _) => Err(Failure::Unreachable(status.to_string())),
    }
}

/// The number that is told, or that ends the description, and never more than a day.
fn retry_after(answer: Option<Answer>) -> Duration {
    let told = answer.and_then(|answer| {
        let last_word = || answer.description.rsplit(' ').next().and_then(|word| word.parse().ok());
        answer.parameters.retry_after.or_else(last_word)
    });
    Duration::from_secs(told.unwrap_or(RETRY_AFTER_DEFAULT_S).min(RETRY_AFTER_MAX_S))
}

fn refused(code: u16, answer: Option<Answer>) -> Failure {
    let (description, moved) = match answer {
        Some(answer) => (answer.description, answer.parameters.migrate_to_chat_id),
        None => (String::new(), None),
    };
    let why = harmless(&format!("{code} {description}"), DESCRIPTION_MAX_CHARS);
    match (code, moved) {
        (401 | 404, _) => Failure::Off(why),
        (400, Some(chat)) => Failure::Moved(chat),
        (400, None) if description.to_lowercase().contains("can't parse entities") => {
            Failure::Unreadable(why)
        }
        (409, _) => Failure::Conflict(why),
        (_, _) => Failure::Refused(why),
    }
}

#[cfg(test)]
mod tests;
