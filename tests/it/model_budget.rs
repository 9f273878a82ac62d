//! `kestrel budget` when no agent runs: it reads the books, and writes nothing.

use std::path::Path;
use std::process::{Command, Output};

use brain::budget::quota_date;
use domain::messages::ledger::{BudgetCeilings, CallCost, ReserveOracleCall, SettleOracleCall};
use domain::{Clock as _, HaltId, HaltNonce, Market};
use kestrel::clock::SystemClock;
use serde_json::Value;
use tempfile::TempDir;
use trade_ledger::{BootFacts, Store as _};

fn budget(directory: &Path, set: &[(&str, &str)], args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kestrel"));
    command.arg("budget").args(args).current_dir(directory).env_clear();
    command.env("DB_PATH", directory.join("trades.db")).envs(set.iter().copied());
    command.output().unwrap()
}

/// Books in which two calls of today are reserved, and the end of the first is known.
fn fill(path: &Path) {
    let now = SystemClock.now();
    let mut store = kestrel::store::open(path).unwrap();
    let (halt_id, halt_nonce) = (HaltId::new(1, 1), HaltNonce::new(1));
    store.boot(&BootFacts { wall_at: now, at: now, halt_id, halt_nonce }).unwrap();
    for purpose in ["KR/1", "KR/2"] {
        let call = ReserveOracleCall {
            quota_date: quota_date(now),
            purpose: purpose.to_owned(),
            markets: vec![Market::Kr],
            worst: CallCost { tokens: 9_000, money_micros: 0 },
            ceilings: BudgetCeilings { calls: 20, tokens: None, money_micros: None },
            shares: Vec::new(),
        };
        store.reserve_oracle_call(&call, now).unwrap();
    }
    let taken = CallCost { tokens: 1_234, money_micros: 0 };
    let end = SettleOracleCall { quota_date: quota_date(now), purpose: "KR/1".to_owned(), taken };
    store.settle_oracle_call(&end, now).unwrap();
}

#[test]
fn without_an_agent_the_books_tell_what_is_used_reserved_and_planned() {
    let directory = TempDir::new().unwrap();
    fill(&directory.path().join("trades.db"));
    let key = [("GEMINI_API_KEY", "canaryBudgetKey"), ("LLM_TOKENS_PER_DAY", "50000")];
    let output = budget(directory.path(), &key, &["--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["calls"]["used"], &found["calls"]["reserved"]), (&1.into(), &1.into()));
    assert_eq!((&found["calls"]["left"], &found["calls"]["limit"]), (&18.into(), &20.into()));
    assert_eq!((&found["tokens"]["used"], &found["tokens"]["reserved"]), (&1_234.into(), &9_000.into()));
    assert_eq!(found["tokens"]["left"], 39_766);
    assert_eq!((&found["shares"][0]["planned"], &found["shares"][0]["used"]), (&4.into(), &2.into()));
    assert_eq!(found["judge"], "gemini-3.5-flash-lite");
    let shown = budget(directory.path(), &key, &[]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("calls: 1 used, 1 reserved, 18 left of 20"), "{shown}");
    assert!(shown.contains("KR: 2 of 4") && !shown.contains("canary"), "{shown}");
}

#[test]
fn without_books_or_with_wrong_settings_it_says_so_and_makes_nothing() {
    let directory = TempDir::new().unwrap();
    let output = budget(directory.path(), &[], &[]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("trades.db"), "{told}");
    let output = budget(directory.path(), &[("LLM_CALLS_PER_DAY", "many")], &[]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("LLM_CALLS_PER_DAY"), "{told}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}
