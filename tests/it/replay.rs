//! `kestrel replay` and `kestrel why` over books that hold a model's reply: no agent runs, nothing is asked or written.

use std::path::Path;
use std::process::{Command, Output};

use chrono::{DateTime, NaiveDate, Utc};
use domain::messages::consultation::{AskedStock, CallId, Consultation, DecisionBasis, Heard};
use domain::messages::ledger::{BudgetCeilings, CallCost, ReserveOracleCall};
use domain::messages::trading::DecisionMade;
use domain::{
    Action, Clock as _, Confidence, Decision, DecisionId, HaltId, HaltNonce, Instrument, Market, OracleReply,
    TokenUsage,
};
use kestrel::clock::SystemClock;
use serde_json::Value;
use tempfile::TempDir;
use trade_ledger::{BootFacts, Store};

const REPLY: &str = r#"[{"symbol":"005930","rationale":"oversold","action":"BUY","confidence":91},
    {"symbol":"000660","rationale":"calm","action":"HOLD","confidence":40}]"#;

fn kestrel(directory: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kestrel"));
    command.args(args).current_dir(directory).env_clear();
    command.env("DB_PATH", directory.join("trades.db")).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn session() -> NaiveDate {
    "2026-11-24".parse().unwrap()
}

fn stock(symbol: &str) -> Instrument {
    Instrument { market: Market::Kr, symbol: symbol.parse().unwrap() }
}

fn judged(number: u32, symbol: &str, (action, confidence): (Action, i64), at: DateTime<Utc>) -> Decision {
    let rationale = if symbol == "005930" { "oversold" } else { "calm" };
    Decision {
        id: DecisionId::new(i64::from(number), u64::from(number)),
        instrument: stock(symbol),
        action,
        confidence: Confidence::new(confidence).unwrap(),
        rationale: rationale.to_owned(),
        price: None,
        selection: None,
        at,
        session_date: session(),
        judge: "told".to_owned(),
    }
}

/// Books with one call of the model about two stocks, and what was decided of the first.
fn fill(path: &Path, first: (Action, i64)) {
    let now = SystemClock.now();
    let mut store = kestrel::store::open(path).unwrap();
    let (halt_id, halt_nonce) = (HaltId::new(1, 1), HaltNonce::new(1));
    store.boot(&BootFacts { wall_at: now, at: now, halt_id, halt_nonce }).unwrap();
    let call = CallId { quota_date: session(), purpose: "KR/2026-11-24/daily-1".to_owned() };
    let reservation = ReserveOracleCall {
        quota_date: call.quota_date,
        purpose: call.purpose.clone(),
        markets: vec![Market::Kr],
        worst: CallCost::default(),
        ceilings: BudgetCeilings { calls: 20, tokens: None, money_micros: None },
        shares: Vec::new(),
    };
    store.reserve_oracle_call(&reservation, now).unwrap();
    let usage = TokenUsage { input: Some(812), output: Some(95), total: None };
    let reply = OracleReply { text: REPLY.to_owned(), model: "told".to_owned(), response_id: None, usage };
    let offered = vec![Action::Buy, Action::Hold];
    let consultation = Consultation {
        call: call.clone(),
        session_date: session(),
        slot: "daily-1".to_owned(),
        stocks: ["005930", "000660"]
            .map(|symbol| AskedStock { instrument: stock(symbol), offered: offered.clone() })
            .to_vec(),
        threshold: Confidence::new(80).unwrap(),
        prompt_version: 1,
        model: "asked".to_owned(),
        system: "You judge.".to_owned(),
        prompt: "<data>{\"market\":\"KR\"}</data>".to_owned(),
        asked_at: now,
        latency_ms: 1_234,
        rests_until: None,
        heard: Heard::Reply(reply),
    };
    store.record_consultation(&consultation).unwrap();
    for (number, symbol, said) in [(1, "005930", first), (2, "000660", (Action::Hold, 40))] {
        let basis = Some(DecisionBasis { call: call.clone(), withheld: None, delay_minutes: 0 });
        let decision = judged(number, symbol, said, now);
        store.record_decision(&DecisionMade { decision, basis, strategy_version: None }).unwrap();
    }
}

#[test]
fn a_session_whose_judgements_follow_from_the_recorded_replies_is_equal() {
    let directory = TempDir::new().unwrap();
    fill(&directory.path().join("trades.db"), (Action::Buy, 91));
    let output = kestrel(directory.path(), &["replay", "--date", "2026-11-24", "--market", "KR", "--json"]);
    assert!(output.status.success(), "{}", text(&output));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["equal"], &found["different"]), (&2.into(), &0.into()), "{found}");
    assert_eq!(found["decisions"][0]["replayed"], found["decisions"][0]["booked"]);
    let shown = text(&kestrel(directory.path(), &["replay", "--date", "2026-11-24"]));
    assert!(
        shown.contains("equal     KR:005930 daily-1: BUY 91") && shown.contains("2 equal, 0 different"),
        "{shown}"
    );
}

#[test]
fn a_judgement_that_the_reply_does_not_bear_out_ends_the_replay_with_an_error() {
    let directory = TempDir::new().unwrap();
    fill(&directory.path().join("trades.db"), (Action::Buy, 92));
    let output = kestrel(directory.path(), &["replay", "--date", "2026-11-24"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let shown = text(&output);
    assert!(shown.contains("DIFFERENT KR:005930 daily-1: BUY 92"), "{shown}");
    assert!(shown.contains("now BUY 91: oversold") && shown.contains("1 equal, 1 different"), "{shown}");
}

#[test]
fn a_session_without_a_call_and_an_impossible_date_are_told() {
    let directory = TempDir::new().unwrap();
    fill(&directory.path().join("trades.db"), (Action::Buy, 91));
    for args in
        [&["replay", "--date", "2026-11-23"][..], &["replay", "--date", "2026-11-24", "--market", "JP"]]
    {
        let output = kestrel(directory.path(), args);
        assert!(
            !output.status.success() && text(&output).contains("no call of a language model"),
            "{}",
            text(&output)
        );
    }
    let output = kestrel(directory.path(), &["replay", "--date", "2026-02-30"]);
    assert!(!output.status.success() && text(&output).contains("--date"), "{}", text(&output));
}

#[test]
fn why_shows_what_the_model_was_asked_and_what_it_said() {
    let directory = TempDir::new().unwrap();
    fill(&directory.path().join("trades.db"), (Action::Buy, 91));
    let shown = text(&kestrel(directory.path(), &["why", "KR:005930"]));
    let asked = "asked, prompt version 1, 1234 ms, tokens 812 in, 95 out";
    assert!(shown.contains(asked) && shown.contains("<data>{\"market\":\"KR\"}</data>"), "{shown}");
    assert!(shown.contains("reply      [{\"symbol\":\"005930\",\"rationale\":\"oversold\""), "{shown}");
    let json = kestrel(directory.path(), &["why", "KR:005930", "--json"]);
    let found: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(found["books"]["story"]["consultation"]["reply"], REPLY, "{found}");
    assert_eq!(found["books"]["story"]["consultation"]["system"], "You judge.");
}
