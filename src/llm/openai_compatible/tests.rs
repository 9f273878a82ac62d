//! The client against a server in this process that answers as its kind does.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use brain::reply::parse_batch;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::TokenUsage;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::*;
use crate::http::InProcess;

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        "2026-11-24T06:00:00Z".parse().unwrap()
    }

    fn sleep_until(&self, _until: DateTime<Utc>) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn real(&self, exchange_time: Duration) -> Duration {
        exchange_time
    }
}

/// Answers everything with the same status, header and body, and keeps what it was asked.
#[derive(Clone)]
struct Server {
    status: StatusCode,
    retry_after: Option<&'static str>,
    body: String,
    asked: Arc<Mutex<Vec<(String, HeaderMap, Value)>>>,
}

async fn answer(
    State(server): State<Server>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let body = serde_json::from_slice(&body).unwrap();
    server.asked.lock().unwrap().push((uri.path().to_owned(), headers, body));
    let mut told = HeaderMap::new();
    if let Some(wait) = server.retry_after {
        told.insert(RETRY_AFTER, wait.parse().unwrap());
    }
    (server.status, told, server.body)
}

fn server(status: u16, body: &str) -> Server {
    let status = StatusCode::from_u16(status).unwrap();
    Server { status, retry_after: None, body: body.to_owned(), asked: Arc::default() }
}

fn question() -> OracleRequest {
    OracleRequest {
        system: "You judge.".into(),
        prompt: "<data>{}</data>".into(),
        schema: Some(json!({
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {"symbol": {"type": "string", "enum": ["A"]}},
                "required": ["symbol"],
                "propertyOrdering": ["symbol"],
            },
        })),
        max_output_tokens: 4_096,
        timeout: Duration::from_secs(5),
    }
}

async fn ask_at(server: &Server, base_url: &str, key: Option<&str>) -> Result<OracleReply, OracleError> {
    let router = Router::new().fallback(answer).with_state(server.clone());
    let key = key.map(SecretString::from);
    let config = OpenAiConfig { base_url: base_url.into(), model: "qwen3:8b".into(), key };
    OpenAiCompatible::new(config, Arc::new(InProcess(router)), Arc::new(FixedClock)).ask(question()).await
}

async fn ask(server: &Server) -> Result<OracleReply, OracleError> {
    ask_at(server, "http://localhost:11434/v1", None).await
}

fn spoken(message: &Value, finish: &Value) -> String {
    json!({
        "id": "chatcmpl-1",
        "model": "qwen3:8b-q4",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 210, "completion_tokens": 41, "total_tokens": 251},
    })
    .to_string()
}

#[tokio::test]
async fn a_question_is_a_strict_form_in_the_dialect_of_the_host() {
    let cases = [
        ("http://localhost:11434/v1", None, "max_tokens", "max_completion_tokens", Value::Null),
        ("https://api.openai.com/v1", Some("canary"), "max_completion_tokens", "max_tokens", Value::Null),
        (
            "https://openrouter.ai/api/v1",
            Some("canary"),
            "max_tokens",
            "max_completion_tokens",
            json!({"require_parameters": true}),
        ),
        ("https://notopenai.com/v1", Some("canary"), "max_tokens", "max_completion_tokens", Value::Null),
    ];
    for (base_url, key, tokens, other, provider) in cases {
        let server = server(200, &spoken(&json!({"content": "[]"}), &json!("stop")));
        ask_at(&server, base_url, key).await.unwrap();
        let (path, headers, body) = server.asked.lock().unwrap().remove(0);
        assert!(path.ends_with("/chat/completions"), "{path}");
        assert_eq!(
            headers.get("authorization").map(|value| value.to_str().unwrap()),
            key.map(|_| "Bearer canary")
        );
        assert_eq!((&body[tokens], &body[other]), (&json!(4_096), &Value::Null), "{base_url}");
        assert_eq!(body["model"], "qwen3:8b");
        assert_eq!((&body["provider"], &body["stream"]), (&provider, &json!(false)));
        assert_eq!(body["messages"][0], json!({"role": "system", "content": "You judge."}));
        let form = &body["response_format"]["json_schema"];
        assert_eq!((&form["strict"], &form["schema"]["type"]), (&json!(true), &json!("object")));
        assert_eq!(form["schema"]["required"], json!(["decisions"]));
        assert_eq!(form["schema"]["additionalProperties"], json!(false));
        let item = &form["schema"]["properties"]["decisions"]["items"];
        assert_eq!((&item["additionalProperties"], &item["propertyOrdering"]), (&json!(false), &Value::Null));
    }
}

#[tokio::test]
async fn the_answer_is_the_content_without_thoughts() {
    let wanted = r#"{"decisions":[]}"#;
    for message in [
        json!({"content": wanted}),
        json!({"content": wanted, "reasoning": "hm", "refusal": null}),
        json!({"content": [{"type": "thinking", "text": "hm"}, {"type": "text", "text": wanted}]}),
    ] {
        let reply = ask(&server(200, &spoken(&message, &json!("stop")))).await.unwrap();
        let usage = TokenUsage { input: Some(210), output: Some(41), total: Some(251) };
        let expected = OracleReply {
            text: wanted.into(),
            model: "qwen3:8b-q4".into(),
            response_id: Some("chatcmpl-1".into()),
            usage,
        };
        assert_eq!(reply, expected);
    }
}

#[tokio::test]
async fn an_answer_that_did_not_end_well_is_none() {
    let whole = json!({"content": "{\"decisions\":[]}"});
    for (message, finish, reason) in [
        (whole.clone(), json!("length"), "length"),
        (whole.clone(), json!("content_filter"), "content_filter"),
        (whole.clone(), json!("tool_calls"), "tool_calls"),
        (whole, Value::Null, "no reason"),
        (json!({"content": ""}), json!("stop"), "without text"),
        (json!({"content": null}), json!("stop"), "without text"),
        (Value::Null, json!("stop"), "without text"),
        (json!({"content": "[]", "refusal": "I can't\nhelp"}), json!("stop"), "it refused: I can't help"),
    ] {
        let error = ask(&server(200, &spoken(&message, &finish))).await.unwrap_err();
        assert!(matches!(&error, OracleError::Blocked(why) if why.contains(reason)), "{message}: {error}");
    }
    for body in [
        "<html>",
        "{}",
        "[]",
        "null",
        r#"{"choices": []}"#,
        r#"{"choices": null}"#,
        r#"{"response": "{}", "done": true}"#,
    ] {
        let error = ask(&server(200, body)).await.unwrap_err();
        assert!(matches!(error, OracleError::Malformed(_)), "{body}: {error}");
    }
}

/// The kind of an error, for comparison.
fn kind(error: &OracleError) -> &'static str {
    match error {
        OracleError::QuotaExhausted { .. } => "quota",
        OracleError::Unauthorized(_) => "unauthorized",
        OracleError::NoSuchModel(_) => "no such model",
        OracleError::Replaced { .. } => "replaced",
        OracleError::Blocked(_) => "blocked",
        OracleError::Interrupted(_) => "interrupted",
        OracleError::Unreachable(_) => "unreachable",
        OracleError::Malformed(_) => "malformed",
    }
}

#[tokio::test]
async fn refusals_are_told_apart_in_every_form_and_show_no_key() {
    let error = |fields: Value| json!({"error": fields}).to_string();
    let plain = error(json!({"message": "no\nway"}));
    let cases = [
        (401, plain.clone(), "unauthorized"),
        (401, error(json!({"message": "Incorrect API key provided: canary-key."})), "unauthorized"),
        (403, plain.clone(), "unauthorized"),
        (402, plain.clone(), "unauthorized"),
        (404, plain.clone(), "no such model"),
        (400, plain.clone(), "malformed"),
        (400, error(json!({"message": "x", "code": "model_not_found"})), "no such model"),
        (408, plain.clone(), "unreachable"),
        (503, plain.clone(), "unreachable"),
        (500, error(json!("the model failed")), "unreachable"),
        (502, "<html>".into(), "unreachable"),
        (302, String::new(), "malformed"),
        (429, plain, "quota"),
        (429, error(json!({"message": "x", "code": "insufficient_quota"})), "unauthorized"),
        (429, error(json!({"message": "x", "type": "insufficient_quota"})), "unauthorized"),
        (200, error(json!({"code": 502, "message": "Provider returned error"})), "unreachable"),
        (200, error(json!({"code": 429, "message": "slow down"})), "quota"),
        (200, error(json!("odd")), "malformed"),
        (200, json!({"choices": [{"error": {"code": 503, "message": "x"}}]}).to_string(), "unreachable"),
        (400, json!({"object": "error", "message": "x", "code": 400}).to_string(), "malformed"),
        (
            404,
            json!({"object": "error", "message": "x", "type": "NotFoundError"}).to_string(),
            "no such model",
        ),
    ];
    for (status, body, expected) in cases {
        let error =
            ask_at(&server(status, &body), "https://api.example/v1", Some("canary-key")).await.unwrap_err();
        assert_eq!(kind(&error), expected, "{status} {body}: {error}");
        assert!(!error.to_string().contains("canary") && !error.to_string().contains('\n'), "{error}");
    }
}

#[tokio::test]
async fn a_used_up_quota_says_how_long_it_lasts() {
    let day = json!({"error": {"code": 429, "message": "x", "details": [
        {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}
    ]}});
    let spent = |message: &str| json!({"error": {"message": message}}).to_string();
    // 06:00 UTC is 22:00 in California.
    let cases = [
        (Some("20"), "{}".to_owned(), Some(20)),
        (Some("900"), "{}".to_owned(), Some(900)),
        (Some("1e12"), "{}".to_owned(), Some(86_400)),
        (Some("Tue, 24 Nov 2026 06:10:00 GMT"), "{}".to_owned(), Some(600)),
        // Nothing that can be waited for: refused without a reason.
        (Some("Wed, 21 Oct 2026 07:28:00 GMT"), "{}".to_owned(), None),
        (Some("-5"), "{}".to_owned(), None),
        (None, "too many".to_owned(), None),
        (Some("8"), day.to_string(), Some(7_200)),
        (Some("8"), json!([day]).to_string(), Some(7_200)),
        (None, spent("Rate limit exceeded: free-models-per-day. Add credits"), Some(7_200)),
        (None, spent("Rate limit reached on requests per day (RPD): Limit 200, Used 200"), Some(7_200)),
        (Some("432"), spent("Rate limit reached on tokens per day (TPD): Limit 9"), Some(432)),
        (None, spent("Rate limit reached on requests per min (RPM): Limit 3"), None),
    ];
    for (retry_after, body, seconds) in cases {
        let server = Server { retry_after, ..server(429, &body) };
        match ask(&server).await {
            Err(OracleError::QuotaExhausted { retry_after: wait }) => {
                assert_eq!(wait.map(|wait| wait.as_secs()), seconds, "{retry_after:?} {body}");
            }
            other => panic!("{body}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_body_of_thirty_megabytes_is_cut_off_and_not_worth_asking_for_again() {
    let error = ask(&server(200, &"x".repeat(30 * 1024 * 1024))).await.unwrap_err();
    assert!(matches!(&error, OracleError::Malformed(why) if why.contains("longer than")), "{error}");
}

/// Bodies as collected in the reference, each with the status it came with and what it must come to.
#[tokio::test]
async fn collected_bodies_come_to_what_they_mean() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/llm/examples");
    let cases = [
        ("openai_200_single", 200, "answer"),
        ("ollama_200_reasoning", 200, "answer"),
        ("vllm_200_reasoning_content", 200, "answer"),
        ("openai_200_length", 200, "blocked"),
        ("openai_200_refusal", 200, "blocked"),
        ("openai_200_content_filter", 200, "blocked"),
        ("openrouter_200_error_body", 200, "unreachable"),
        ("openai_401", 401, "unauthorized"),
        ("openai_429_rate", 429, "quota"),
        ("openai_429_insufficient_quota", 429, "unauthorized"),
        ("gemini_openai_compat_429_array", 429, "quota"),
        ("gemini_429_limit_zero", 429, "unauthorized"),
        ("gemini_429_per_day", 429, "quota"),
        ("ollama_404_model", 404, "no such model"),
        ("ollama_native_500", 500, "unreachable"),
        ("ollama_native_generate_200", 200, "malformed"),
    ];
    for (name, status, expected) in cases {
        let path = folder.join(format!("{name}.json"));
        let Ok(body) = std::fs::read_to_string(&path) else {
            assert!(
                std::env::var("KESTREL_STRICT").as_deref() != Ok("1"),
                "no example at {}",
                path.display()
            );
            println!("SKIPPED: no example at {}", path.display());
            continue;
        };
        let outcome = ask(&server(status, &body)).await;
        let found = outcome.as_ref().map_or_else(kind, |_| "answer");
        assert_eq!(found, expected, "{name}: {outcome:?}");
    }
}

#[test]
fn invariant_24_broken_answers_and_refusals_never_panic_and_are_told_in_harmless_words() {
    let text = r#"{"decisions":[{"symbol":"A","rationale":"strong","action":"BUY","confidence":91}]}"#;
    let good = spoken(&json!({"content": text}), &json!("stop"));
    let bad =
        json!({"error": {"message": "Rate limit reached", "type": "requests", "code": 429}}).to_string();
    let harmless = |text: &str| !text.contains(|c: char| c.is_control() || domain::text::is_hidden(c));
    let mut mutator = crate::mutation::Mutator::new(0x0a1);
    let (mut heard, cases) = (0_u64, crate::mutation::Mutator::cases());
    for _ in 0..cases {
        match answer::read(&mutator.mutate(&good), "m", FixedClock.now()) {
            Ok(reply) => {
                heard += 1;
                assert!(harmless(&reply.model) && !reply.text.is_empty(), "{reply:?}");
                assert_eq!(parse_batch(&reply.text, &["A".parse().unwrap()]).len(), 1);
            }
            Err(error) => assert!(harmless(&error.to_string()), "{error}"),
        }
        let status = [400, 401, 404, 429, 500, 200][mutator.below(6)];
        let error = failure::classify(status, &mutator.mutate(&bad), Some("7"), FixedClock.now());
        assert!(harmless(&error.to_string()) && error.to_string().chars().count() < 400, "{error}");
    }
    println!("OpenAI-compatible: {cases} answers and {cases} refusals, {heard} answers heard");
    assert!(heard > cases / 100 && heard < cases);
}
