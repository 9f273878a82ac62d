//! A language model that is asked for strategies once, by the whole agent: what can be read is tried and booked as the model's, what
//! cannot is refused with its reason, and the call belongs to no market.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use serde_json::{Value, json};

use super::Evening;
use crate::harness::{Agent, command, log_of, serve};

type Heard = Arc<Mutex<Vec<Value>>>;

/// A strategy in the form that the model is told; `name` is its id.
fn strategy(name: &str, below: f64) -> Value {
    json!({
        "id": name, "parent_id": null, "hypothesis": "Who has to sell sells too low.", "side": "long",
        "entry": {"min_score": 1.0, "terms": [{"weight": 1.0, "all_of": [
            {"feature": "rsi_14", "lag": 0, "op": "lt", "rhs_kind": "value", "rhs_feature": null, "rhs_value": below}]}]},
        "exit": {"any_of": [], "stop_atr": null, "take_atr": null, "trailing_atr": null, "max_hold_bars": 4},
        "sizing": {"fraction_pct": 7.0},
    })
}

/// One good one, the same under another name, one that looks ahead, one of a single stock, and one more than was asked for.
fn suggestions() -> Value {
    let mut ahead = strategy("m-ahead", 31.0);
    ahead["entry"]["terms"][0]["all_of"][0]["lag"] = json!(-1);
    let mut of_a_stock = strategy("m-of-a-stock", 32.0);
    of_a_stock["symbol"] = json!("005930");
    json!({"strategies": [
        strategy("m-good", 33.3), strategy("m-again", 33.3), ahead, of_a_stock, strategy("m-too-many", 34.4),
    ]})
}

/// A server on loopback that speaks OpenAI's chat completions; what it was asked is kept.
fn server() -> (String, Heard) {
    let heard = Heard::default();
    let kept = heard.clone();
    let answer = move |question: Bytes| async move {
        kept.lock().unwrap().push(serde_json::from_slice(&question).unwrap());
        let message = json!({"role": "assistant", "content": suggestions().to_string()});
        axum::Json(json!({
            "id": "r-1", "model": "m", "choices": [{"finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 3000, "completion_tokens": 900, "total_tokens": 3900},
        }))
    };
    let url = serve(Router::new().route("/v1/chat/completions", axum::routing::post(answer)));
    (format!("{url}/v1"), heard)
}

/// What the agent shows of its budget.
fn budget(evening: &Evening, settings: &[(&str, &str)]) -> Value {
    let mut command = command(&evening.dir, settings);
    let output = command.args(["budget", "--json"]).stdout(Stdio::piped()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_a_model_suggests_is_tried_once_under_its_name_and_what_is_no_strategy_is_refused_with_its_reason() {
    let evening = Evening::new(3, 560, 0.0);
    let (url, heard) = server();
    let model = [
        ("LLM_PROVIDER", "openai_compatible"),
        ("LLM_BASE_URL", url.as_str()),
        ("LLM_MODEL", "m"),
        ("EVOLUTION_CANDIDATES", "4"),
    ];
    // Killed when it was answered and nothing was tried yet: the next life reads the answer in the books.
    evening.dies(&model, "before:record_trials:1");
    let settings = evening.settings(&model);
    let _agent = Agent::start(&evening.dir, &settings);
    let cycle = evening.cycle();
    assert_eq!(cycle.trials, 17, "{cycle}");

    // One call, of numbers alone: no stock and no day is told.
    let asked = heard.lock().unwrap().clone();
    assert_eq!(asked.len(), 1, "{asked:?}");
    let told = asked[0].to_string();
    assert!(told.contains("You design trading strategies"), "{told}");
    for leak in ["000100", "005930", "2026", "2025"] {
        assert!(!told.contains(leak), "{leak} was told: {told}");
    }

    // Booked as the model's: the good one, once.
    let tried = evening.rows("SELECT strategy AS cells FROM trials WHERE origin = 'model'");
    assert_eq!(tried.len(), 1, "{tried:?}");
    assert!(tried[0].contains("m-good") && tried[0].contains("33.3"), "{tried:?}");
    let origins = evening.rows("SELECT DISTINCT origin AS cells FROM trials ORDER BY 1");
    assert!(origins.contains(&"seed".to_owned()) && origins.contains(&"model".to_owned()), "{origins:?}");
    let log = log_of(&evening.dir);
    for reason in ["strategy 3: entry.terms[0].all_of[0].lag", "strategy 4: ", "symbol"] {
        let is_told = |line: &str| line.contains("suggestion") && line.contains(reason);
        assert!(log.lines().any(is_told), "{reason}: {log}");
    }

    // The call is of the day's budget and of no market's slots.
    let calls = evening.rows("SELECT purpose || ' of ' || markets AS cells FROM oracle_calls");
    assert_eq!(calls, ["evolution/KR/2026-06-01 of "]);
    let shown = budget(&evening, &settings);
    assert_eq!((&shown["calls"]["used"], &shown["tokens"]["used"]), (&json!(1), &json!(3_900)), "{shown}");
    assert_eq!(shown["shares"][0]["used"], json!(0), "{shown}");
}
