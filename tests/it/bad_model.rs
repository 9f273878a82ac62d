//! A language model that is wrongly set up, or answers with what is no answer: one clear line in the log and in the status, every
//! stock is held, and the agent goes on; once the model answers as it should, its judgement is traded.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use chrono::TimeDelta;
use domain::messages::control::TradingState;
use domain::messages::judging::{JudgeQuery, JudgeStanding};
use domain::{Clock, Oracle};
use kestrel::http::InProcess;
use kestrel::llm::{Gemini, GeminiConfig, OpenAiCompatible, OpenAiConfig};
use serde_json::{Value, json};

use crate::whole::{ASK_WITHIN, Agent, config, in_virtual_time_with_model};

/// A Korean morning.
const START: &str = "2026-06-01T00:20:00Z";

/// Whose form the model answers in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Gemini,
    OpenAi,
}

/// What it says, as long as it is bad.
#[derive(Clone)]
struct Bad {
    form: Form,
    status: u16,
    body: String,
    /// What the log and the status say of it.
    told: &'static str,
    /// Minutes after which it is asked again.
    asked_again_after_min: i64,
}

/// A server that answers badly until it is mended.
#[derive(Clone)]
struct Server {
    bad: Bad,
    facts: Arc<Mutex<(bool, usize)>>,
}

impl Server {
    fn facts<T>(&self, look: impl FnOnce(&mut (bool, usize)) -> T) -> T {
        look(&mut self.facts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn questions(&self) -> usize {
        self.facts(|(_, questions)| *questions)
    }

    fn answer(&self, question: &[u8]) -> Response {
        let is_mended = self.facts(|(is_mended, questions)| {
            *questions += 1;
            *is_mended
        });
        if is_mended {
            return good(self.bad.form, question).to_string().into_response();
        }
        (StatusCode::from_u16(self.bad.status).unwrap(), self.bad.body.clone()).into_response()
    }

    fn model(&self, clock: Arc<dyn Clock>) -> Arc<dyn Oracle> {
        let server = self.clone();
        let answer = move |question: Bytes| async move { server.answer(&question) };
        let transport = Arc::new(InProcess(Router::new().fallback(answer)));
        match self.bad.form {
            Form::Gemini => {
                let config = GeminiConfig::with_key("canary-of-the-key".into());
                Arc::new(Gemini::new(config, transport, clock).unwrap())
            }
            Form::OpenAi => {
                let (base_url, model) = ("http://localhost/v1".to_owned(), "m".to_owned());
                Arc::new(OpenAiCompatible::new(OpenAiConfig { base_url, model, key: None }, transport, clock))
            }
        }
    }
}

/// Buys whatever may be bought.
fn good(form: Form, question: &[u8]) -> Value {
    let question: Value = serde_json::from_slice(question).unwrap();
    let prompt = match form {
        Form::Gemini => &question["contents"][0]["parts"][0]["text"],
        Form::OpenAi => &question["messages"][1]["content"],
    };
    let data = prompt.as_str().unwrap().strip_prefix("<data>").unwrap().split_once("</data>").unwrap().0;
    let data: Value = serde_json::from_str(data).unwrap();
    let judged = |stock: &Value| {
        let action = if stock["actions"][0] == "BUY" { "BUY" } else { "HOLD" };
        json!({"symbol": stock["symbol"], "rationale": "mended", "action": action, "confidence": 95})
    };
    let decisions: Vec<_> = data["stocks"].as_array().unwrap().iter().map(judged).collect();
    let text = json!({"decisions": decisions}).to_string();
    match form {
        Form::Gemini => {
            json!({"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}]})
        }
        Form::OpenAi => json!({"choices": [{"finish_reason": "stop", "message": {"content": text}}]}),
    }
}

/// Lines of the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    fn watch<T>(&self, work: impl FnOnce() -> T) -> T {
        let log = self.clone();
        let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone()).finish();
        tracing::subscriber::with_default(lines, work)
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn standing(agent: &Agent<'_>) -> JudgeStanding {
    agent.house.doors.judge.ask(JudgeQuery, ASK_WITHIN).await.unwrap()
}

fn orders(asked: &[String]) -> usize {
    asked.iter().filter(|path| path.contains("order-cash")).count()
}

/// Badly answered for some minutes, then mended.
async fn held_until_mended(agent: &Agent<'_>, server: &Server) {
    let told = server.bad.told;
    agent.sleep(TimeDelta::minutes(4)).await;
    let trouble = standing(agent).await.trouble.unwrap_or_else(|| panic!("no trouble is told: {told}"));
    assert!(trouble.contains(told) && trouble.lines().count() == 1, "{told} is not in the status: {trouble}");
    assert!(server.questions() > 0, "{told}: nobody was asked");
    let asked = agent.door.asked();
    assert_eq!(orders(&asked), 0, "{told}: every stock is held");
    agent.sleep(TimeDelta::minutes(2)).await;
    assert!(agent.door.asked().len() > 5, "{told}: the market is looked at all the same");
    let status = agent.status().await;
    assert!(status.state == TradingState::Active && status.halts.is_empty(), "{told}: {status:?}");
    server.facts(|(is_mended, _)| *is_mended = true);
    agent.sleep(TimeDelta::minutes(server.bad.asked_again_after_min + 4)).await;
    assert!(orders(&agent.door.asked()) > 0, "{told}: nothing is traded although the model answers");
    assert_eq!(standing(agent).await.trouble, None, "{told}");
}

fn bad(form: Form, (status, body): (u16, String), told: &'static str, asked_again_after_min: i64) -> Bad {
    Bad { form, status, body, told, asked_again_after_min }
}

#[test]
fn a_model_that_is_wrongly_set_up_or_talks_nonsense_is_told_held_and_traded_once_it_is_mended() {
    let error = |message: &str| json!({"error": {"message": message}}).to_string();
    let wrong_key = json!({"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT",
        "details": [{"reason": "API_KEY_INVALID"}]}});
    let said = |text: &str| {
        json!({"choices": [{"finish_reason": "stop", "message": {"content": text}}]}).to_string()
    };
    let korean = r#"[{"종목":"005930","행동":"매수","신뢰도":100,"이유":"오른다"}]"#;
    let cases = [
        bad(
            Form::OpenAi,
            (401, error("You did not provide a key")),
            "the model refuses the key: HTTP 401",
            61,
        ),
        bad(Form::Gemini, (400, wrong_key.to_string()), "the model refuses the key: HTTP 400", 61),
        bad(Form::OpenAi, (404, error("unknown")), "there is no such model: HTTP 404", 61),
        bad(Form::Gemini, (404, error("retired")), "there is no such model: HTTP 404", 61),
        bad(Form::OpenAi, (200, "<!DOCTYPE html><html>Sign in</html>".into()), "a body that is no answer", 1),
        bad(Form::Gemini, (200, "<!DOCTYPE html><html>Sign in</html>".into()), "a body that is no answer", 1),
        bad(Form::OpenAi, (200, "x".repeat(30 * 1024 * 1024)), "longer than", 1),
        bad(Form::OpenAi, (200, said("삼성전자를 지금 사세요")), "no_json", 1),
        bad(Form::OpenAi, (200, said(korean)), "missing_symbol", 1),
    ];
    for bad in cases {
        let server = Server { bad, facts: Arc::default() };
        let (config, log) = (config("KR", &[("LLM_CALLS_PER_DAY", "10000")]), Log::default());
        log.watch(|| {
            in_virtual_time_with_model(
                &config,
                START,
                |clock| server.model(clock),
                async |agent| held_until_mended(agent, &server).await,
            );
        });
        let (text, told) = (log.text(), server.bad.told);
        assert!(
            text.lines().any(|line| line.contains("WARN") && line.contains(told)),
            "{told} is not in the log"
        );
        assert!(!text.contains("canary"), "{told}: the key is in the log");
    }
}

#[test]
fn an_empty_list_of_candidates_asks_no_model_and_is_no_trouble() {
    let bad = bad(Form::OpenAi, (500, String::new()), "", 1);
    let server = Server { bad, facts: Arc::default() };
    let settings = [("LLM_CALLS_PER_DAY", "10000"), ("OVERSEAS_RANKING_ENABLED", "false")];
    in_virtual_time_with_model(
        &config("US_NASDAQ", &settings),
        "2026-06-01T14:40:00Z",
        |clock| server.model(clock),
        async |agent| {
            agent.door.asked();
            agent.sleep(TimeDelta::minutes(5)).await;
            let standing = standing(agent).await;
            assert_eq!((server.questions(), standing.trouble, standing.judge), (0, None, "m".to_owned()));
            assert!(agent.door.asked().len() > 5, "the account is looked at all the same");
            assert_eq!(agent.status().await.state, TradingState::Active);
        },
    );
}
