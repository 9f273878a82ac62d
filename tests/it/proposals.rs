//! Proposals as their reviewer meets them: with a running agent and without one.

use std::fs;
use std::process::{Output, Stdio};

use domain::Market;
use domain::messages::evolution::{
    ChangeProposal, Decider, DraftProposal, ProposalNumber, ProposalStep, TrialHash,
};
use kestrel::store::{Database, change_proposal};
use serde_json::Value;
use tempfile::TempDir;
use trade_ledger::{EvolutionBooks as _, Store as _};

use crate::harness::{Agent, PATIENCE, command, database, log_of, until};

fn run(dir: &TempDir, arguments: &[&str]) -> Output {
    let mut command = command(dir, &[]);
    command.arg("proposals").args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{out}{err}")
}

/// Two proposals that are ready for review.
pub(crate) fn propose(dir: &TempDir) {
    let path = database(dir.path());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut store = Database::open(&path).unwrap().store().unwrap();
    // As the agent that was last, which has ended.
    let newest = store.trading_state().unwrap().fencing;
    store.fence(newest);
    let now = "2026-11-24T07:00:00Z".parse().unwrap();
    for number in [1_u32, 2] {
        let hash: TrialHash = format!("{number:064x}").parse().unwrap();
        let draft = DraftProposal {
            cycle: None,
            market: Market::Kr,
            name: format!("swing-{number}"),
            hypothesis: "oversold stocks turn".into(),
            hash,
            strategy: format!("{{\"id\":\"s-{number}\"}}"),
            incumbent: None,
            evidence: r#"{"trials":9,"checks":[],"curves":[],"notes":[]}"#.into(),
            shadow: None,
        };
        store.draft_proposal(&draft, now).unwrap();
        drop_in(&path, number, ProposalStep::Submit, Decider::Agent);
    }
}

pub(crate) fn drop_in(path: &std::path::Path, number: u32, step: ProposalStep, by: Decider) {
    let now = "2026-11-24T07:01:00Z".parse().unwrap();
    let change = ChangeProposal { number: ProposalNumber(number), step, by, reason: "as tested".into() };
    change_proposal(path, &change, now).unwrap();
}

#[test]
fn a_reviewer_decides_without_an_agent_and_the_books_say_who_and_why() {
    let dir = TempDir::new().unwrap();
    assert!(
        refused(&run(&dir, &["approve", "1", "--reason", "good"])).contains("kestrel run"),
        "no books yet"
    );
    propose(&dir);
    let list = said(&run(&dir, &["list"]));
    assert!(list.contains("0002    KR      swing-2  ready for review"), "{list}");
    let shown = said(&run(&dir, &["show", "0001"]));
    assert!(shown.contains("[Evolution] KR: swing 1") && shown.contains("+  \"id\": \"s-1\""), "{shown}");
    assert!(shown.contains("kestrel proposals approve 0001"), "{shown}");
    let decided = said(&run(&dir, &["approve", "1", "--reason", "looks sound", "--by", "ada", "--json"]));
    let told: Value = serde_json::from_str(&decided).unwrap();
    assert_eq!((told["answer"].as_str(), told["status"].as_str()), (Some("decided"), Some("approved")));
    assert_eq!(told["history"][2]["by"], "ada");
    let folder = database(dir.path()).parent().unwrap().join("proposals/0001-swing-1");
    let report = fs::read_to_string(folder.join("report.md")).unwrap();
    assert!(report.contains("| approved | ada | looks sound |"), "{report}");
    assert!(refused(&run(&dir, &["approve", "1", "--reason", "again"])).contains("the proposal is approved"));
    assert!(refused(&run(&dir, &["rollback", "2", "--reason", "why not"])).contains("ready_for_review"));
    assert!(refused(&run(&dir, &["reject", "9", "--reason", "no"])).contains("no proposal 0009"));
    let blank = run(&dir, &["reject", "2", "--reason", " "]);
    let told = String::from_utf8_lossy(&blank.stderr).into_owned();
    assert!(blank.status.code() == Some(2) && told.contains("say why, for the record"), "{told}");
    assert_eq!(run(&dir, &["approve", "0"]).status.code(), Some(2), "no number, no reason");
}

#[test]
fn a_rollback_without_an_agent_brings_the_folder_of_what_holds_again_up_to_date() {
    let dir = TempDir::new().unwrap();
    propose(&dir);
    let path = database(dir.path());
    for number in [1, 2] {
        said(&run(&dir, &["approve", &number.to_string(), "--reason", "looks sound", "--by", "ada"]));
        drop_in(&path, number, ProposalStep::Activate, Decider::Agent);
    }
    said(&run(&dir, &["rollback", "2", "--reason", "a bad week", "--by", "ada"]));
    for (folder, status) in [("0001-swing-1", "active"), ("0002-swing-2", "retired")] {
        let report = path.parent().unwrap().join("proposals").join(folder).join("report.md");
        let report = fs::read_to_string(report).unwrap();
        assert!(report.contains(&format!("status: **{status}**")), "{folder}: {report}");
    }
}

#[test]
fn a_running_agent_books_a_decision_and_tells_it() {
    let dir = TempDir::new().unwrap();
    propose(&dir);
    drop_in(&database(dir.path()), 1, ProposalStep::Approve, Decider::Person("ada".into()));
    drop_in(&database(dir.path()), 1, ProposalStep::Activate, Decider::Agent);
    let _agent = Agent::start(&dir, &[]);
    let of_first = database(dir.path()).parent().unwrap().join("proposals/0001-swing-1/report.md");
    let says = |words: &str| fs::read_to_string(&of_first).is_ok_and(|report| report.contains(words));
    let is_written = until(PATIENCE, || says("status: **active**").then_some(()));
    assert!(is_written.is_some(), "the folder follows what no command has done: {}", log_of(&dir));
    let rolled = said(&run(&dir, &["rollback", "1", "--reason", "a bad week", "--by", "mina"]));
    assert!(rolled.contains("Proposal 0001 is retired now"), "{rolled}");
    let rejected = said(&run(&dir, &["reject", "2", "--reason", "too few trades", "--by", "mina"]));
    assert!(rejected.contains("Proposal 0002 is rejected now"), "{rejected}");
    assert!(refused(&run(&dir, &["approve", "2", "--reason", "after all"])).contains("its life is over"));
    let list = said(&run(&dir, &["list"]));
    assert!(list.contains("From the running agent") && list.contains("too few trades"), "{list}");
    let folder = database(dir.path()).parent().unwrap().join("proposals/0002-swing-2");
    assert!(fs::read_to_string(folder.join("report.md")).unwrap().contains("too few trades"));
    let mut events = command(&dir, &[]);
    let events = events.args(["events", "--kind", "report"]).stdout(Stdio::piped()).output().unwrap();
    let events = String::from_utf8_lossy(&events.stdout).into_owned();
    assert!(events.contains("proposal 0002 rejected by mina: too few trades"), "{events}");
    assert!(
        events.contains(
            "KR no longer trades by proposal 0001 in sessions that begin from now on (mina: a bad week)"
        ),
        "{events}"
    );
}
