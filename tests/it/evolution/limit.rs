//! `EVOLUTION_AUTO_APPROVE` through the whole agent: what lies within the limit is approved at the close, told as an alarm with the way
//! back, and a person's no lets the limit rest.

use std::process::Stdio;

use domain::Market;
use domain::messages::evolution::{DraftProposal, JudgeShadow, ProposalNumber, ShadowPlan};
use kestrel::store::Database;
use strategy::{Strategy, Thresholds};
use trade_ledger::{EvolutionBooks as _, Store as _};

use super::Evening;
use crate::harness::{Agent, PATIENCE, command, database, log_of, until};

const EVIDENCE: &str = r#"{"trials":9,"checks":[{"gate":"G1","what":"trades","measured":"120","needed":"at least 100","passed":true}],"curves":[],"notes":[]}"#;
const PASSED: &str = r#"{"gate":"G4","checks":[{"what":"sessions","measured":20.0,"needed":{"must_be":"at_least","bound":20.0}}]}"#;

/// A proposal that has passed everything beside the settings, and puts so much of the equity into a position.
fn ready(evening: &Evening, pct: &str) -> ProposalNumber {
    let mut store = Database::open(database(evening.dir.path())).unwrap().store().unwrap();
    // As the agent that was last, which has ended.
    let newest = store.trading_state().unwrap().fencing;
    store.fence(newest);
    let settings = Strategy::by_default(Thresholds::default()).to_json();
    let strategy = settings
        .replace("\"default\"", "\"s-1\"")
        .replace("\"fraction_pct\": 30.0", &format!("\"fraction_pct\": {pct}"));
    assert!(strategy.contains(pct), "{strategy}");
    let [after, expires] = ["2026-04-20", "2026-07-20"].map(|day| day.parse().unwrap());
    let draft = DraftProposal {
        cycle: None,
        market: Market::Kr,
        name: "swing".into(),
        hypothesis: "it turns".into(),
        hash: "a".repeat(64).parse().unwrap(),
        strategy,
        incumbent: Some(settings),
        evidence: EVIDENCE.into(),
        shadow: Some(ShadowPlan { after, expires, seed: 1 }),
    };
    let now = "2026-05-29T07:00:00Z".parse().unwrap();
    let number = store.draft_proposal(&draft, now).unwrap().number;
    let judge = JudgeShadow { number, passed: true, evidence: PASSED.into(), reason: "it did well".into() };
    store.judge_shadow(&judge, now).unwrap();
    number
}

fn said(evening: &Evening, settings: &[(&str, &str)], arguments: &[&str]) -> String {
    let mut command = command(&evening.dir, settings);
    let output = command.args(arguments).stdout(Stdio::piped()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits until the Optimizer has said of a proposal what becomes of it.
fn until_logged(evening: &Evening, words: &str) {
    let logged = until(PATIENCE, || log_of(&evening.dir).contains(words).then_some(()));
    assert!(logged.is_some(), "{words}: {}", log_of(&evening.dir));
}

#[test]
fn what_lies_within_the_named_limit_needs_no_person_and_a_persons_no_lets_the_limit_rest() {
    let evening = Evening::new(1, 20, 0.0);
    assert_eq!([ready(&evening, "4.5"), ready(&evening, "5.5")], [ProposalNumber(1), ProposalNumber(2)]);
    let off = evening.settings(&[]);
    let mut agent = Agent::start(&evening.dir, &off);
    evening.cycle();
    agent.terminate();
    agent.wait();
    let list = said(&evening, &off, &["proposals", "list"]);
    assert_eq!(list.matches("ready for review").count(), 2, "off by default: {list}");

    let limit = [("EVOLUTION_AUTO_APPROVE", "max_position_pct=5")];
    let on = evening.settings(&limit);
    let mut agent = Agent::start(&evening.dir, &on);
    until_logged(&evening, "proposal 0001 is approved by EVOLUTION_AUTO_APPROVE");
    until_logged(&evening, "proposal 0002 waits for a person: it was compared with something else");
    let alarms = said(&evening, &on, &["events", "--kind", "alarm"]);
    for part in [
        "proposal 0001 approved by EVOLUTION_AUTO_APPROVE, by no person",
        "a position takes 4.5 %",
        "kestrel proposals rollback 0001",
    ] {
        assert!(alarms.contains(part), "{part}: {alarms}");
    }
    let shown = "max_position_pct=5,max_per_30_days=1";
    let limits = said(&evening, &on, &["limits"]);
    assert!(limits.contains(&format!("evolution_auto_approve: {shown}")), "{limits}");
    let status = said(&evening, &on, &["status"]);
    assert!(status.contains(&format!("within {shown}; 1 of 1 in 30 days")), "{status}");

    let health = said(&evening, &on, &["health"]);
    assert!(
        health.contains("evolution KR 2026-06-01: cycle 1") && health.contains("; ended 0 h "),
        "{health}"
    );
    let no = ["proposals", "reject", "1", "--reason", "not in this market", "--by", "mina"];
    assert!(said(&evening, &on, &no).contains("Proposal 0001 is rejected now"));
    let alarms = said(&evening, &on, &["events", "--kind", "alarm"]);
    assert!(alarms.contains("EVOLUTION_AUTO_APPROVE rests for all markets"), "{alarms}");
    let status = said(&evening, &on, &["status"]);
    assert!(status.contains("rests since proposal 0001 was taken back"), "{status}");
    agent.terminate();
    agent.wait();
    let alone = said(&evening, &on, &["status"]);
    assert!(alone.contains("evolution KR 2026-06-01: cycle 1"), "{alone}");
    let third = ready(&evening, "1.0");
    let _agent = Agent::start(&evening.dir, &on);
    until_logged(
        &evening,
        &format!("proposal {third} waits for a person: EVOLUTION_AUTO_APPROVE rests since"),
    );
}
