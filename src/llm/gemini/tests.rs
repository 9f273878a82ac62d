//! The client against a server in this process that answers as Google does.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::TokenUsage;
use http::{HeaderMap, StatusCode, Uri};
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

/// Answers everything with the same status and body, and keeps what it was asked.
#[derive(Clone)]
struct Google {
    status: StatusCode,
    body: String,
    asked: Arc<Mutex<Vec<(String, HeaderMap, Value)>>>,
}

async fn answer(
    State(google): State<Google>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let body = serde_json::from_slice(&body).unwrap();
    google.asked.lock().unwrap().push((uri.path().to_owned(), headers, body));
    (google.status, google.body)
}

fn google(status: u16, body: &str) -> Google {
    Google { status: StatusCode::from_u16(status).unwrap(), body: body.to_owned(), asked: Arc::default() }
}

fn question() -> OracleRequest {
    OracleRequest {
        system: "You judge.".into(),
        prompt: "<data>{}</data>".into(),
        schema: Some(json!({"type": "array"})),
        max_output_tokens: 4_096,
        timeout: Duration::from_secs(5),
    }
}

async fn ask_thinking(google: &Google, model: &str, thinking: Thinking) -> Result<OracleReply, OracleError> {
    let router = Router::new().fallback(answer).with_state(google.clone());
    let config = GeminiConfig {
        model: model.into(),
        thinking,
        base_url: "http://localhost".into(),
        ..GeminiConfig::with_key(SecretString::from("canary-key"))
    };
    let gemini = Gemini::new(config, Arc::new(InProcess(router)), Arc::new(FixedClock)).unwrap();
    gemini.ask(question()).await
}

async fn ask(google: &Google) -> Result<OracleReply, OracleError> {
    ask_thinking(google, MODEL, Thinking::Low).await
}

fn spoken(parts: &Value, finish: &str) -> String {
    json!({
        "candidates": [{"content": {"parts": parts, "role": "model"}, "finishReason": finish}],
        "usageMetadata": {
            "promptTokenCount": 60, "candidatesTokenCount": 7, "thoughtsTokenCount": 10, "totalTokenCount": 77
        },
        "responseId": "r-1",
        "modelVersion": "gemini-x-001",
    })
    .to_string()
}

#[tokio::test]
async fn a_question_carries_key_schema_and_the_thinking_of_its_family() {
    let cases = [
        ("gemini-3.5-flash-lite", Thinking::Low, json!({"thinkingLevel": "LOW"}), 5_120),
        ("gemini-3.5-flash-lite", Thinking::Minimal, json!({"thinkingLevel": "MINIMAL"}), 4_608),
        ("gemini-3.8-flash", Thinking::Minimal, json!({"thinkingLevel": "LOW"}), 4_608),
        ("gemini-3.8-flash", Thinking::High, json!({"thinkingLevel": "HIGH"}), 28_672),
        ("gemini-2.5-flash", Thinking::Low, json!({"thinkingBudget": 1024}), 5_120),
        ("gemini-2.5-pro", Thinking::Minimal, json!({"thinkingBudget": 512}), 4_608),
        ("gemini-2.5-flash-lite", Thinking::Medium, json!({"thinkingBudget": 8192}), 12_288),
        ("gemma-9", Thinking::High, Value::Null, 4_096),
    ];
    for (model, level, thinking, tokens) in cases {
        let google = google(200, &spoken(&json!([{"text": "[]"}]), "STOP"));
        ask_thinking(&google, model, level).await.unwrap();
        let (path, headers, body) = google.asked.lock().unwrap().remove(0);
        assert_eq!(path, format!("/v1beta/models/{model}:generateContent"));
        assert_eq!(headers["x-goog-api-key"], "canary-key");
        let generation = &body["generationConfig"];
        assert_eq!(generation["responseJsonSchema"], json!({"type": "array"}));
        assert_eq!(generation["responseMimeType"], "application/json");
        assert_eq!(generation["maxOutputTokens"], tokens, "{model} {level:?}");
        assert_eq!(generation["thinkingConfig"], thinking, "{model}");
        assert_eq!(body["contents"][0]["parts"][0]["text"], "<data>{}</data>");
    }
}

#[tokio::test]
async fn the_answer_is_all_text_that_is_not_thought() {
    let parts = json!([{"text": "hm", "thought": true}, {"text": "[1,"}, {"inlineData": {}}, {"text": "2]"}]);
    let reply = ask(&google(200, &spoken(&parts, "STOP"))).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.model.as_str()), ("[1,2]", "gemini-x-001"));
    assert_eq!(
        (reply.usage, reply.response_id.as_deref()),
        (TokenUsage { input: Some(60), output: Some(17), total: Some(77) }, Some("r-1"))
    );
}

#[tokio::test]
async fn an_answer_that_did_not_end_well_is_none() {
    let text = json!([{"text": "[]"}]);
    let cases = [
        (spoken(&text, "MAX_TOKENS"), "MAX_TOKENS"),
        (spoken(&text, "SAFETY"), "SAFETY"),
        (spoken(&text, "RECITATION"), "RECITATION"),
        (spoken(&text, "SPII"), "SPII"),
        (spoken(&json!([]), "STOP"), "without text"),
        (json!({"candidates": [{"finishReason": "STOP"}]}).to_string(), "without text"),
        (json!({"promptFeedback": {"blockReason": "OTHER"}}).to_string(), "OTHER"),
    ];
    for (body, reason) in cases {
        let error = ask(&google(200, &body)).await.unwrap_err();
        assert!(matches!(&error, OracleError::Blocked(why) if why.contains(reason)), "{body}: {error}");
    }
    // Nothing that the question is to blame for: once more may mend it.
    let cases = [
        (spoken(&text, "OTHER"), "OTHER"),
        (spoken(&text, "MALFORMED_FUNCTION_CALL"), "MALFORMED_FUNCTION_CALL"),
        (spoken(&text, "A_NEW_REASON"), "A_NEW_REASON"),
        (json!({"candidates": [{"content": {"parts": text}}]}).to_string(), "no reason"),
    ];
    for (body, reason) in cases {
        let error = ask(&google(200, &body)).await.unwrap_err();
        assert!(matches!(&error, OracleError::Interrupted(why) if why.contains(reason)), "{body}: {error}");
    }
    let error = ask(&google(200, "<html>")).await.unwrap_err();
    assert!(matches!(error, OracleError::Malformed(_)), "{error}");
}

#[tokio::test]
async fn a_body_of_thirty_megabytes_is_cut_off_and_not_worth_asking_for_again() {
    let error = ask(&google(200, &"x".repeat(30 * 1024 * 1024))).await.unwrap_err();
    assert!(matches!(&error, OracleError::Malformed(why) if why.contains("longer than")), "{error}");
}

fn refusal(message: &str, details: &Value) -> String {
    json!({"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": details}})
        .to_string()
}

#[tokio::test]
async fn a_used_up_quota_says_how_long_it_lasts() {
    let violation = |id: &str| json!({"@type": "t/google.rpc.QuotaFailure", "violations": [{"quotaId": id}]});
    let retry = |delay: &str| json!({"@type": "t/google.rpc.RetryInfo", "retryDelay": delay});
    let day = violation("GenerateRequestsPerDayPerProjectPerModel-FreeTier");
    let minute = violation("GenerateRequestsPerMinutePerProjectPerModel-FreeTier");
    // 06:00 UTC is 22:00 in California.
    let cases = [
        (refusal("", &json!([retry("22s"), minute, day])), 7_200),
        (refusal("", &json!([minute, retry("41.5s")])), 41),
        (refusal("", &json!([minute, retry("900s")])), 120),
        (refusal("limit: 05", &json!([minute, retry("soon")])), 30),
        (refusal("", &json!([retry("7s")])), 7),
        (refusal("", &json!([minute])), 30),
        (format!("[{}]", refusal("", &json!([minute, retry("7s")]))), 7),
    ];
    for (body, seconds) in cases {
        match ask(&google(429, &body)).await {
            Err(OracleError::QuotaExhausted { retry_after: Some(wait) }) => {
                assert_eq!(wait.as_secs(), seconds, "{body}");
            }
            other => panic!("{body}: {other:?}"),
        }
    }
    for bare in
        ["too many".to_owned(), refusal("", &json!([])), refusal("slow down", &json!([{"@type": "t/x"}]))]
    {
        let outcome = ask(&google(429, &bare)).await;
        assert_eq!(outcome, Err(OracleError::QuotaExhausted { retry_after: None }), "{bare}");
    }
    let none = refusal("Quota exceeded, limit: 0, model: m", &json!([minute]));
    assert!(matches!(ask(&google(429, &none)).await, Err(OracleError::NoSuchModel(_))));
}

#[tokio::test]
async fn other_refusals_are_told_apart_and_show_no_key() {
    let key = json!({"error": {"message": "API key not valid.", "details": [{"reason": "API_KEY_INVALID"}]}});
    let plain = json!({"error": {"message": "no\nway"}}).to_string();
    let unauthorized: fn(&OracleError) -> bool = |error| matches!(error, OracleError::Unauthorized(_));
    let unreachable: fn(&OracleError) -> bool = |error| matches!(error, OracleError::Unreachable(_));
    let no_such_model: fn(&OracleError) -> bool = |error| matches!(error, OracleError::NoSuchModel(_));
    let malformed: fn(&OracleError) -> bool = |error| matches!(error, OracleError::Malformed(_));
    let cases = [
        (400, key.to_string(), unauthorized),
        (400, plain.clone(), malformed),
        (400, json!({"error": {"message": "x", "status": "FAILED_PRECONDITION"}}).to_string(), unauthorized),
        (403, plain.clone(), unauthorized),
        (404, plain.clone(), no_such_model),
        (408, plain.clone(), unreachable),
        (503, plain.clone(), unreachable),
        (302, String::new(), malformed),
        (501, String::new(), malformed),
        (502, "<html>".into(), unreachable),
    ];
    for (status, body, expected) in cases {
        let error = ask(&google(status, &body)).await.unwrap_err();
        assert!(expected(&error), "{status} {body}: {error}");
        assert!(!error.to_string().contains("canary") && !error.to_string().contains('\n'), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn silence_ends_at_the_deadline() {
    let router = Router::new().fallback(std::future::pending::<&str>);
    let config = GeminiConfig::with_key(SecretString::from("canary-key"));
    let gemini = Gemini::new(config, Arc::new(InProcess(router)), Arc::new(FixedClock)).unwrap();
    assert!(matches!(gemini.ask(question()).await, Err(OracleError::Unreachable(_))));
}

#[test]
fn a_models_name_cannot_change_the_path() {
    let make = |model: &str| {
        let key = SecretString::from("k");
        let config = GeminiConfig { model: model.into(), ..GeminiConfig::with_key(key) };
        Gemini::new(config, Arc::new(InProcess(Router::new())), Arc::new(FixedClock)).err()
    };
    for name in ["", "../x", "a/b", "m?key=1", "m:count"] {
        assert_eq!(make(name), Some(InvalidModel(name.into())));
    }
    assert_eq!(make(MODEL), None);
}

/// Google's answers as collected in the reference: every one is classified, none is taken for an answer.
#[tokio::test]
async fn collected_refusals_of_google_are_all_errors() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/llm/examples");
    let Ok(files) = std::fs::read_dir(&folder) else {
        assert!(std::env::var("KESTREL_STRICT").as_deref() != Ok("1"), "no examples at {}", folder.display());
        println!("SKIPPED: no examples at {}", folder.display());
        return;
    };
    let mut seen = 0;
    for file in files {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let Some(status) = name.strip_prefix("gemini_").and_then(|rest| rest.get(..3)?.parse::<u16>().ok())
        else {
            continue;
        };
        let outcome = ask(&google(status, &std::fs::read_to_string(&path).unwrap())).await;
        let good = ["200_single", "200_batch", "200_cached", "200_thought_parts", "200_markdown_fenced"];
        let expected = good.iter().any(|good| name.ends_with(good));
        assert_eq!(outcome.is_ok(), expected, "{name}: {outcome:?}");
        if name.ends_with("per_day") {
            let wait = Some(Duration::from_secs(7_200));
            assert_eq!(outcome, Err(OracleError::QuotaExhausted { retry_after: wait }));
        }
        seen += 1;
    }
    assert!(seen > 15, "{seen} examples");
}

/// An answer as Google wraps it, about three stocks.
fn honest_answer() -> String {
    let text = r#"[{"symbol":"AAPL","rationale":"strong","action":"BUY","confidence":91},
        {"symbol":"005930","rationale":"weak","action":"SELL","confidence":85},
        {"symbol":"BRK/B","rationale":"calm","action":"HOLD","confidence":50}]"#;
    spoken(&json!([{"text": "hm", "thought": true}, {"text": text}]), "STOP")
}

fn is_harmless(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() || domain::text::is_hidden(c)) && text.chars().count() < 400
}

#[test]
fn invariant_24_broken_answers_and_refusals_of_google_never_panic_and_are_told_in_harmless_words() {
    let minute = json!({"violations": [{"quotaId": "PerMinute"}]});
    let refusal = refusal("Quota exceeded, limit: 5", &json!([minute, {"retryDelay": "41.5s"}]));
    let mut mutator = crate::mutation::Mutator::new(0x6e);
    let (mut heard, cases) = (0_u64, crate::mutation::Mutator::cases());
    for _ in 0..cases {
        let body = mutator.mutate(&honest_answer());
        match answer::read(&body, MODEL) {
            Ok(reply) => {
                heard += 1;
                assert!(is_harmless(&reply.model) && !reply.text.is_empty(), "{reply:?}");
            }
            Err(error) => assert!(is_harmless(&error.to_string()), "{error}"),
        }
        let status = StatusCode::from_u16([400, 401, 403, 404, 429, 500][mutator.below(6)]).unwrap();
        let error = failure::classify(status, &mutator.mutate(&refusal), FixedClock.now());
        assert!(is_harmless(&error.to_string()), "{error}");
        if let OracleError::QuotaExhausted { retry_after: Some(wait) } = error {
            assert!(wait <= Duration::from_secs(24 * 60 * 60), "{wait:?}");
        }
    }
    println!("Gemini: {cases} answers and {cases} refusals, {heard} answers heard");
    assert!(heard > cases / 100 && heard < cases);
}
