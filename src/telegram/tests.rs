//! The messenger against a stub that answers as it is told, and against broken answers.

use super::*;
use crate::http::InProcess;
use crate::mutation::Mutator;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use secrecy::SecretString;

const TOKEN: &str = "12345:canary-token";

type Answers = Vec<(u16, &'static str)>;

/// A bot whose calls are answered in order; the last answer is repeated. What it was sent is kept.
fn bot(answers: Answers) -> (Telegram, Arc<Mutex<Vec<Value>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = seen.clone();
    let answer = move |text: String| {
        let mut kept = kept.lock().unwrap();
        let (status, body) = answers[kept.len().min(answers.len() - 1)];
        kept.push(serde_json::from_str(&text).unwrap());
        async move { (StatusCode::from_u16(status).unwrap(), body) }
    };
    let router = Router::new().route(&format!("/bot{TOKEN}/sendMessage"), post(answer));
    let settings = config::Telegram {
        bot_token: SecretString::from(TOKEN),
        chat_id: -42,
        api_url: "http://telegram.test".into(),
        topics: notifier::Topics::default(),
        commands: notifier::chat::Policy::default(),
    };
    (Telegram::new(settings, Arc::new(InProcess(router))), seen)
}

fn letter(html: &str) -> Letter {
    Letter { html: html.into(), is_silent: false, picture: None }
}

const SENT: (u16, &str) = (200, r#"{"ok":true,"result":{"message_id":1}}"#);

#[tokio::test]
async fn a_message_goes_to_the_bots_chat_as_html_and_with_a_sound() {
    let (bot, seen) = bot(vec![SENT]);
    assert_eq!(bot.send(letter("<b>Fill</b>: 1 &lt; 2")).await, Ok(()));
    let sent = seen.lock().unwrap()[0].clone();
    assert_eq!((sent["chat_id"].as_i64(), sent["text"].as_str()), (Some(-42), Some("<b>Fill</b>: 1 &lt; 2")));
    assert_eq!(
        (sent["parse_mode"].as_str(), sent["disable_notification"].as_bool()),
        (Some("HTML"), Some(false))
    );
    assert!(bot.wait() > Duration::ZERO, "the next one waits");
}

#[tokio::test]
async fn markup_that_telegram_cannot_read_is_sent_again_once_as_plain_text() {
    let parse =
        (400, r#"{"ok":false,"error_code":400,"description":"Bad Request: can't parse entities: x"}"#);
    let (first, seen) = bot(vec![parse, SENT]);
    assert_eq!(first.send(letter("<b>a</b> &amp; b")).await, Ok(()));
    let sent = seen.lock().unwrap().clone();
    assert_eq!((sent.len(), sent[1]["text"].as_str()), (2, Some("a & b")));
    assert!(sent[1].get("parse_mode").is_none());
    let (second, seen) = bot(vec![parse]);
    assert!(matches!(second.send(letter("<b>a</b>")).await, Err(MessengerError::Refused(_))));
    assert_eq!(seen.lock().unwrap().len(), 2, "never a third time");
}

#[tokio::test]
async fn a_chat_that_became_a_supergroup_is_followed() {
    let moved = r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat",
                    "parameters":{"migrate_to_chat_id":-100}}"#;
    let (bot, seen) = bot(vec![(400, moved), SENT]);
    assert_eq!(bot.send(letter("x")).await, Ok(()));
    assert_eq!(bot.send(letter("y")).await, Ok(()));
    let chats: Vec<_> = seen.lock().unwrap().iter().map(|sent| sent["chat_id"].as_i64()).collect();
    assert_eq!(chats, [Some(-42), Some(-100), Some(-100)]);
}

#[tokio::test(start_paused = true)]
async fn a_long_text_is_sent_in_numbered_parts_a_second_apart() {
    let (bot, seen) = bot(vec![SENT]);
    let begun = Instant::now();
    let long: String = (0..400).map(|n| format!("line {n} is not short\n")).collect();
    assert_eq!(bot.send(letter(&long)).await, Ok(()));
    let sent = seen.lock().unwrap().len();
    assert!(sent > 1 && begun.elapsed() >= Duration::from_secs(sent as u64 - 1), "{sent} parts");
    assert!(seen.lock().unwrap()[0]["text"].as_str().unwrap().starts_with(&format!("(1/{sent})")));
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_tried_once() {
    for code in [401, 404] {
        let (bot, seen) = bot(vec![(code, r#"{"ok":false,"description":"Unauthorized"}"#)]);
        for _ in 0..3 {
            assert!(matches!(bot.send(letter("x")).await, Err(MessengerError::Off(_))));
        }
        assert_eq!(seen.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn invariant_23_a_server_that_repeats_the_address_it_was_asked_tells_nobody_the_token() {
    let answer = r#"{"ok":false,"description":"no such method: /bot12345:canary-token/sendMessage"}"#;
    for status in [400, 403, 409] {
        let (bot, _) = bot(vec![(status, answer)]);
        let error = bot.send(letter("x")).await.unwrap_err();
        assert_eq!(
            error,
            MessengerError::Refused(format!("{status} no such method: /bot12345:***/sendMessage"))
        );
    }
}

#[test]
fn invariant_24_broken_answers_are_refused_in_harmless_words_and_bounded_waits() {
    let seeds = [
        r#"{"ok":true,"result":{"message_id":1,"chat":{"id":-42}}}"#,
        r#"{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":7}}"#,
        r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#,
        r#"{"ok":false,"error_code":400,"description":"upgraded","parameters":{"migrate_to_chat_id":-100}}"#,
    ];
    let mut mutator = Mutator::new(0x7e1e);
    let mut sent = 0;
    for case in 0..Mutator::cases() {
        let body = mutator.mutate(seeds[(case % 4) as usize]);
        let status = [200, 302, 400, 403, 409, 429, 500][mutator.below(7)];
        let text = String::from_utf8_lossy(&body).into_owned();
        let response = http::Response::builder().status(status).body(Bytes::from(body)).unwrap();
        match classify(&response) {
            Ok(_) => {
                sent += 1;
                assert!(status == 200 && text.contains("true"), "{text}");
            }
            Err(Failure::RetryAfter(wait)) => {
                assert!(status == 429 && wait <= Duration::from_secs(RETRY_AFTER_MAX_S), "{text}");
            }
            Err(Failure::Moved(_)) => assert_eq!(status, 400, "{text}"),
            Err(failure) => {
                let why = failure.to_string();
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
    let refused = |why: &str| MessengerError::Refused(why.into());
    let cases = [
        (
            429,
            r#"{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":7}}"#,
            wait(7),
        ),
        (429, r#"{"ok":false,"description":"Too Many Requests: retry after 12"}"#, wait(12)),
        (429, "slow down", wait(30)),
        (429, r#"{"ok":false,"parameters":{"retry_after":18446744073709551615}}"#, wait(24 * 60 * 60)),
        (502, "<html>bad gateway</html>", MessengerError::Unreachable("502 Bad Gateway".into())),
        (200, "<html>", MessengerError::Unanswered("the answer cannot be read".into())),
        (
            403,
            r#"{"ok":false,"description":"Forbidden: bot was blocked by the user"}"#,
            refused("403 Forbidden: bot was blocked by the user"),
        ),
        (
            400,
            r#"{"ok":false,"description":"Bad Request: chat not found"}"#,
            refused("400 Bad Request: chat not found"),
        ),
        (409, r#"{"ok":false,"description":"Conflict"}"#, refused("409 Conflict")),
    ];
    for (status, body, expected) in cases {
        let (bot, _) = bot(vec![(status, body)]);
        let Err(error) = bot.send(letter("x")).await else { panic!("{status} {body}") };
        assert!(!error.to_string().contains("canary"));
        assert_eq!(error, expected, "{status} {body}");
        let is_held = bot.wait() > Duration::from_secs(2);
        assert_eq!(is_held, status == 429, "{status}: a wait holds everything that goes to the chat");
    }
}
