//! Telegram behind Notifier's port: plain-text messages through `sendMessage` (TELEGRAM.md 1 to 4).
//!
//! The token is part of the address, so no address is ever logged: the HTTP seam prints none.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::BoxFuture;
use domain::text::harmless;
use notifier::{Messenger, MessengerError};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use crate::config::{self, Config};
use crate::http::{CallLimits, NetError, Request, ReqwestTransport, Response, Transport};

const API_URL: &str = "https://api.telegram.org";
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
pub fn connect(config: &Config) -> Result<Option<Arc<dyn Messenger>>, String> {
    let Some(settings) = config.telegram.clone() else { return Ok(None) };
    let transport = ReqwestTransport::for_reads(None).map_err(|error| error.to_string())?;
    Ok(Some(Arc::new(Telegram::new(settings, API_URL.into(), Arc::new(transport)))))
}

/// Whether the bot that the settings name may write to its chat; none without one. Nothing is sent.
pub async fn check(config: &Config) -> Option<Result<(), String>> {
    let settings = config.telegram.clone()?;
    let transport = match ReqwestTransport::for_reads(None) {
        Ok(transport) => transport,
        Err(error) => return Some(Err(error.to_string())),
    };
    let bot = Telegram::new(settings, API_URL.into(), Arc::new(transport));
    Some(bot.look_at_chat().await.map_err(|error| error.to_string()))
}

/// One bot and one chat.
pub struct Telegram {
    settings: config::Telegram,
    base_url: String,
    transport: Arc<dyn Transport>,
}

impl Telegram {
    /// A bot that speaks through `transport`; `base_url` without a slash at the end.
    pub fn new(settings: config::Telegram, base_url: String, transport: Arc<dyn Transport>) -> Self {
        Self { settings, base_url, transport }
    }

    async fn look_at_chat(&self) -> Result<(), MessengerError> {
        let (token, chat) = (self.settings.bot_token.expose_secret(), self.settings.chat_id);
        let request = http::Request::get(format!("{}/bot{token}/getChat?chat_id={chat}", self.base_url));
        // The error may quote the address, which holds the token: it is not passed on.
        let request = request
            .body(Bytes::new())
            .map_err(|_| MessengerError::Refused("no request: the address is not valid".into()))?;
        match self.transport.send(request, LIMITS).await {
            Ok(response) => classify(&response),
            Err(NetError::NotSent(why) | NetError::Ambiguous(why)) => Err(MessengerError::Unreachable(why)),
        }
    }

    fn request(&self, text: &str) -> Result<Request, MessengerError> {
        let unusable =
            |error: &dyn std::fmt::Display| MessengerError::Refused(format!("no request: {error}"));
        let preview = LinkPreview { is_disabled: true };
        let body = SendMessage { chat_id: self.settings.chat_id, text, link_preview_options: preview };
        let body = serde_json::to_vec(&body).map_err(|error| unusable(&error))?;
        let address = format!("{}/bot{}/sendMessage", self.base_url, self.settings.bot_token.expose_secret());
        let request = http::Request::post(address).header(http::header::CONTENT_TYPE, "application/json");
        // The error may quote the address, which holds the token: it is not passed on.
        request.body(Bytes::from(body)).map_err(|_| unusable(&"the address is not valid"))
    }
}

impl Messenger for Telegram {
    fn send(&self, text: String) -> BoxFuture<'_, Result<(), MessengerError>> {
        Box::pin(async move {
            let request = self.request(&text)?;
            match self.transport.send(request, LIMITS).await {
                Ok(response) => classify(&response),
                Err(NetError::NotSent(why) | NetError::Ambiguous(why)) => {
                    Err(MessengerError::Unreachable(why))
                }
            }
        })
    }
}

#[derive(Serialize)]
struct SendMessage<'a> {
    chat_id: i64,
    text: &'a str,
    link_preview_options: LinkPreview,
}

#[derive(Serialize)]
struct LinkPreview {
    is_disabled: bool,
}

#[derive(Deserialize)]
struct Answer {
    ok: bool,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
}

/// The body is read whatever the status; it may be HTML (TELEGRAM.md 1 and 4).
fn classify(response: &Response) -> Result<(), MessengerError> {
    let status = response.status();
    let answer: Option<Answer> = serde_json::from_slice(response.body()).ok();
    match (status.as_u16(), answer) {
        (200, Some(answer)) if answer.ok => Ok(()),
        (429, answer) => {
            let told = answer.and_then(|answer| answer.parameters.retry_after);
            let seconds = told.unwrap_or(RETRY_AFTER_DEFAULT_S).min(RETRY_AFTER_MAX_S);
            Err(MessengerError::RetryAfter(Duration::from_secs(seconds)))
        }
        (400..=499, answer) => {
            let why = answer.map(|answer| answer.description).unwrap_or_default();
            Err(MessengerError::Refused(harmless(&format!("{status} {why}"), DESCRIPTION_MAX_CHARS)))
        }
        (_, _) => Err(MessengerError::Unreachable(status.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::InProcess;
    use crate::mutation::Mutator;
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::post;
    use secrecy::SecretString;
    use std::sync::Mutex;

    const TOKEN: &str = "12345:canary-token";

    fn bot(status: StatusCode, body: &'static str) -> (Telegram, Arc<Mutex<Vec<String>>>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = seen.clone();
        let answer = move |text: String| {
            kept.lock().unwrap().push(text);
            async move { (status, body) }
        };
        let router = Router::new().route(&format!("/bot{TOKEN}/sendMessage"), post(answer));
        let settings = config::Telegram { bot_token: SecretString::from(TOKEN), chat_id: -42 };
        (Telegram::new(settings, "http://telegram.test".into(), Arc::new(InProcess(router))), seen)
    }

    #[tokio::test]
    async fn a_message_goes_to_the_bots_chat_as_plain_text() {
        let (bot, seen) = bot(StatusCode::OK, r#"{"ok":true,"result":{"message_id":1}}"#);
        assert_eq!(bot.send("1 < 2 & halted".into()).await, Ok(()));
        let sent: serde_json::Value = serde_json::from_str(&seen.lock().unwrap()[0]).unwrap();
        assert_eq!((sent["chat_id"].as_i64(), sent["text"].as_str()), (Some(-42), Some("1 < 2 & halted")));
        assert!(sent.get("parse_mode").is_none());
    }

    #[test]
    fn invariant_24_broken_answers_are_refused_in_harmless_words_and_bounded_waits() {
        let seeds = [
            r#"{"ok":true,"result":{"message_id":1,"chat":{"id":-42}}}"#,
            r#"{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":7}}"#,
            r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#,
        ];
        let mut mutator = Mutator::new(0x7e1e);
        let mut sent = 0;
        for case in 0..Mutator::cases() {
            let body = mutator.mutate(seeds[(case % 3) as usize]);
            let status = [200, 302, 400, 403, 429, 500][mutator.below(6)];
            let text = String::from_utf8_lossy(&body).into_owned();
            let response = http::Response::builder().status(status).body(Bytes::from(body)).unwrap();
            match classify(&response) {
                Ok(()) => {
                    sent += 1;
                    assert!(status == 200 && text.contains("true"), "{text}");
                }
                Err(MessengerError::RetryAfter(wait)) => {
                    assert!(status == 429 && wait <= Duration::from_secs(RETRY_AFTER_MAX_S), "{text}");
                }
                Err(MessengerError::Refused(why) | MessengerError::Unreachable(why)) => {
                    assert_eq!(why, harmless(&why, 300), "{text}");
                }
            }
        }
        println!("Telegram: {} payloads, {sent} taken for sent", Mutator::cases());
        assert!(sent > 0);
    }

    #[tokio::test]
    async fn each_answer_tells_the_caller_what_to_do_next() {
        let wait = |seconds| MessengerError::RetryAfter(Duration::from_secs(seconds));
        let cases = [
            (
                429,
                r#"{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":7}}"#,
                wait(7),
            ),
            (429, "slow down", wait(30)),
            (429, r#"{"ok":false,"parameters":{"retry_after":18446744073709551615}}"#, wait(24 * 60 * 60)),
            (502, "<html>bad gateway</html>", MessengerError::Unreachable("502 Bad Gateway".into())),
        ];
        for (status, body, expected) in cases {
            let (bot, _) = bot(StatusCode::from_u16(status).unwrap(), body);
            assert_eq!(bot.send("x".into()).await, Err(expected), "{status} {body}");
        }
        let (bot, _) = bot(
            StatusCode::FORBIDDEN,
            r#"{"ok":false,"description":"Forbidden: bot was blocked by the user"}"#,
        );
        let Err(MessengerError::Refused(why)) = bot.send("x".into()).await else { panic!("not refused") };
        assert!(why.contains("blocked") && !why.contains("canary"), "{why}");
    }
}
