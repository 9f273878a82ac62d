//! `kestrel verify` with and without a mutant, in a process of its own.

use std::process::Command;

use serde_json::Value;
use supervision::mutant::Mutant;

use super::Finding;

/// The seeds within which every mutant must be caught, and the size of a run under each.
const SEEDS: u64 = 10;
const MINUTES: &str = "30";
/// Long enough for a few decisions over several stocks.
const MINUTES_OF_TRACE: &str = "4";

/// What the fixed seeds report, up to the first one that reports `watched`; all of them without a mutant.
pub(super) fn until_caught(mutant: Option<Mutant>, watched: u8) -> Vec<Finding> {
    let (mut found, mut first) = (Vec::new(), 1);
    while first <= SEEDS && !found.iter().any(|finding: &Finding| finding.invariant == watched) {
        let (from, many) = (first.to_string(), (SEEDS + 1 - first).to_string());
        // With a mutant it ends at the first violation, which need not be of the invariant that is watched.
        let report = verify(mutant, &["--first-seed", &from, "--seeds", &many, "--minutes", MINUTES]);
        found.extend(findings(&report));
        first += report["seeds"].as_array().unwrap().len() as u64;
    }
    found
}

/// The trace of one seed in two processes: what the gate inside each reports, and whether they agree.
pub(super) fn traces(mutant: Option<Mutant>) -> Vec<Finding> {
    let run = || verify(mutant, &["--seeds", "1", "--minutes", MINUTES_OF_TRACE]);
    let (first, second) = (run(), run());
    let mut found = findings(&first);
    let trace = |report: &Value| report["seeds"][0]["trace"].as_str().unwrap().to_owned();
    let (here, there) = (trace(&first), trace(&second));
    if here != there {
        let what = format!("one process traced {here}, another {there}");
        found.insert(0, Finding { invariant: 28, seed: first["seeds"][0]["seed"].as_u64(), what });
    }
    found
}

fn verify(mutant: Option<Mutant>, arguments: &[&str]) -> Value {
    let mut verify = Command::new(env!("CARGO_BIN_EXE_kestrel"));
    verify.args(["verify", "--json", "--markets", "KR"]).args(arguments).env_clear();
    if let Some(mutant) = mutant {
        verify.args(["--mutant", mutant.name()]);
    }
    let output = verify.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let report: Value = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    let is_clean = findings(&report).is_empty();
    assert_eq!(output.status.code(), Some(i32::from(!is_clean)), "a violation must show in the exit code");
    report
}

fn findings(report: &Value) -> Vec<Finding> {
    let mut found = Vec::new();
    for seed in report["seeds"].as_array().unwrap() {
        for violation in seed["violations"].as_array().unwrap() {
            found.push(Finding {
                invariant: u8::try_from(violation["invariant"].as_u64().unwrap()).unwrap(),
                seed: seed["seed"].as_u64(),
                what: violation["what"].as_str().unwrap().to_owned(),
            });
        }
    }
    found
}
