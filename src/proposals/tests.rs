//! Folders of proposals: whole, private, and nothing of a stranger's text becomes markup.

use std::os::unix::fs::PermissionsExt as _;

use domain::Market;
use domain::messages::evolution::{
    GateName, ProposalChange, ProposalNumber, ProposalStatus, ShadowPlan, ShadowRecord, ShadowSession,
};
use optimizer::evidence::{Check, Curve};

use super::*;

fn evidence() -> Evidence {
    let check = |gate, what: &str, passed| Check {
        gate,
        what: what.into(),
        measured: "0.12".into(),
        needed: "at most 0.20".into(),
        passed,
    };
    let curve = Curve {
        name: "equity after <costs>".into(),
        first_day: "2026-01-05".parse().unwrap(),
        last_day: "2026-11-20".parse().unwrap(),
        points: (0..5_000).map(|day| 1_000_000 + day * 37).collect(),
    };
    Evidence {
        trials: 812,
        checks: vec![check(GateName::G2, "overfitting", true), check(GateName::G4, "shadow | days", false)],
        curves: vec![curve],
        notes: vec!["costs doubled: still positive".into()],
    }
}

fn record() -> ProposalRecord {
    ProposalRecord {
        number: ProposalNumber(7),
        market: Market::Kr,
        name: "oversold-swing".into(),
        hypothesis: "</script> [click](http://x) | **buy** `now`".into(),
        hash: "a".repeat(64).parse().unwrap(),
        strategy: r#"{"id":"s-2","min_score":5.5}"#.into(),
        incumbent: Some(r#"{"id":"s-1","min_score":5.5}"#.into()),
        evidence: serde_json::to_string(&evidence()).unwrap(),
        status: ProposalStatus::ReadyForReview,
        history: vec![ProposalChange {
            status: ProposalStatus::ReadyForReview,
            by: "the agent".into(),
            reason: "every gate passed".into(),
            at: "2026-11-24T07:00:00Z".parse().unwrap(),
        }],
        shadow: None,
    }
}

#[test]
fn a_folder_has_the_strategy_the_difference_the_evidence_the_pictures_and_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let proposals = folder.path().join("proposals");
    let written = write(&proposals, &record()).unwrap();
    assert_eq!(written, proposals.join("0007-oversold-swing"));
    let read = |name: &str| std::fs::read_to_string(written.join(name)).unwrap();
    assert_eq!(read("strategy.json"), "{\n  \"id\": \"s-2\",\n  \"min_score\": 5.5\n}\n");
    let diff = read("diff.txt");
    assert!(diff.starts_with("--- incumbent\n+++ 0007-oversold-swing\n@@"), "{diff}");
    assert!(diff.contains("-  \"id\": \"s-1\"") && diff.contains("+  \"id\": \"s-2\""), "{diff}");
    let evidence = read("evidence.md");
    assert!(evidence.contains("| G2 | overfitting | 0.12 | at most 0.20 | passed |"), "{evidence}");
    assert!(evidence.contains("| G4 | shadow \\| days | 0.12 | at most 0.20 | FAILED |"), "{evidence}");
    assert!(evidence.contains("this one included: 812."), "{evidence}");
    let svg = read("plot-1.svg");
    assert!(svg.contains("equity after &lt;costs&gt;, 2026-01-05 to 2026-11-20"), "{svg}");
    let report = read("report.md");
    assert!(report.starts_with("# \\[Evolution\\] KR: oversold swing\n"), "{report}");
    assert!(report.contains("kestrel proposals approve 0007 --reason"), "{report}");
    assert!(report.contains("(plot-1.svg)") && report.contains("every gate passed"), "{report}");
    for part in ["</script>", "[click](", "**buy**", "`now`"] {
        assert!(!report.contains(part), "{part} became markup: {report}");
    }
    for entry in std::fs::read_dir(&written).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "others may open it");
    }
}

#[test]
fn a_folder_follows_what_happens_and_the_same_again_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut record = record();
    write(folder.path(), &record).unwrap();
    record.status = ProposalStatus::Rejected;
    let written = write(folder.path(), &record).unwrap();
    let report = std::fs::read_to_string(written.join("report.md")).unwrap();
    assert!(report.contains("status: **rejected**") && !report.contains("## Decide"), "{report}");
    write(folder.path(), &record).unwrap();
    assert_eq!(std::fs::read_to_string(written.join("report.md")).unwrap(), report);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn evidence_of_another_form_is_shown_as_it_was_booked_and_cannot_leave_its_block() {
    let text = "```\n# not a title";
    let record = ProposalRecord { evidence: text.into(), incumbent: None, ..record() };
    let files = files(&record);
    let evidence = &files.iter().find(|(name, _)| name == "evidence.md").unwrap().1;
    assert!(evidence.contains("````json\n```\n# not a title\n````\n"), "{evidence}");
    let diff = &files.iter().find(|(name, _)| name == "diff.txt").unwrap().1;
    assert!(diff.starts_with("--- the operator's settings\n"), "{diff}");
    let shown = in_words(&record);
    assert!(shown.contains("in no form that this version knows"), "{shown}");
}

#[test]
fn what_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("proposals"), "in the way").unwrap();
    let why = write(&folder.path().join("proposals"), &record()).unwrap_err();
    assert!(why.contains("proposals/0007-oversold-swing cannot be written"), "{why}");
}

#[test]
fn what_changes_is_told_in_words_before_the_json() {
    let incumbent = include_str!("../../actors/optimizer/src/evolution/seed_of_tests.json");
    let strategy = incumbent.replace("\"rhs_value\":35.0", "\"rhs_value\":28.0");
    let record = ProposalRecord { strategy, incumbent: Some(incumbent.into()), ..record() };
    let diff = difference(&record);
    let (in_words, in_json) = diff.split_once("\n\n--- incumbent").unwrap();
    assert!(
        in_words.contains("-  +2.0 if RSI14 < 35") && in_words.contains("+  +2.0 if RSI14 < 28"),
        "{in_words}"
    );
    assert!(in_json.contains("\"rhs_value\": 28.0"), "{in_json}");
    let fresh = difference(&ProposalRecord { incumbent: None, ..record });
    assert!(
        fresh.starts_with("--- the operator's settings") && fresh.contains("+buy at a score of"),
        "{fresh}"
    );
}

#[test]
fn of_the_finished_proposals_the_newest_folders_stay_and_every_one_that_is_not_finished() {
    let data = tempfile::tempdir().unwrap();
    let folders = Folders::beside_books(data.path(), 2);
    let write = |number, status| {
        let record = ProposalRecord { number: ProposalNumber(number), status, ..record() };
        folders.write(&record).unwrap()
    };
    let noted = write(1, ProposalStatus::Retired);
    std::fs::write(noted.join("notes.txt"), "mine").unwrap();
    write(2, ProposalStatus::Active);
    for number in 3..7 {
        write(number, ProposalStatus::Rejected);
    }
    write(7, ProposalStatus::ReadyForReview);
    std::fs::create_dir(data.path().join("proposals/mine")).unwrap();
    let names = || {
        let entries = std::fs::read_dir(data.path().join("proposals")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let of = |numbers: &[u32]| {
        let mut names: Vec<_> = numbers.iter().map(|number| format!("{number:04}-oversold-swing")).collect();
        names.push("mine".to_owned());
        names
    };
    assert_eq!(names(), of(&[1, 2, 5, 6, 7]), "a folder with somebody's own file stays");
    write(2, ProposalStatus::Retired);
    assert_eq!(names(), of(&[1, 5, 6, 7]));
}

#[test]
fn a_folder_follows_the_books_whoever_changed_its_proposal_and_one_that_may_go_is_not_made_again() {
    use crate::store::NewestRow;
    use domain::messages::evolution::{ChangeProposal, Decider, DraftProposal, FollowShadow, ProposalStep};
    use trade_ledger::EvolutionBooks as _;
    let data = tempfile::tempdir().unwrap();
    let database = std::sync::Arc::new(crate::store::Database::open(":memory:").unwrap());
    let mut store = database.store().unwrap();
    let same = database.clone();
    let books: crate::control::OpenReader =
        std::sync::Arc::new(move || same.reader().map_err(|error| error.to_string()));
    let folders = Folders::beside_books(data.path(), 2);
    let look = |seen| keeper::look(&folders, &books, seen).unwrap();
    assert_eq!(look(None), Some(NewestRow::default()), "nothing was proposed");
    let ProposalRecord { market, name, hypothesis, hash, strategy, incumbent, evidence, .. } = record();
    let draft = DraftProposal {
        cycle: None,
        market,
        name,
        hypothesis,
        hash,
        strategy,
        incumbent,
        evidence,
        shadow: Some(ShadowPlan {
            after: "2026-11-24".parse().unwrap(),
            expires: "2027-02-22".parse().unwrap(),
            seed: 1,
        }),
    };
    let now = "2026-11-24T07:00:00Z".parse().unwrap();
    let number = store.draft_proposal(&draft, now).unwrap().number;
    let mut seen = look(None);
    let folder = data.path().join("proposals").join(store.proposals().unwrap()[0].folder());
    let report = || std::fs::read_to_string(folder.join("report.md")).unwrap();
    assert!(report().contains("status: **draft**"), "{}", report());
    let session_date = "2026-11-25".parse().unwrap();
    let session = ShadowSession { session_date, challenger_ppb: 1, incumbent_ppb: 0, decisions: 4 };
    store.follow_shadow(&FollowShadow { number, sessions: vec![session] }).unwrap();
    let followed = look(seen);
    assert!(followed > seen && look(followed) == followed);
    assert!(
        report().contains("1 sessions with 4 purchases and sales"),
        "a session of its shadow: {}",
        report()
    );
    seen = followed;
    let by = Decider::Person("ada".into());
    for (step, words) in [
        (ProposalStep::Submit, "ready for review"),
        (ProposalStep::Approve, "approved"),
        (ProposalStep::Activate, "active"),
        (ProposalStep::RollBack, "retired"),
    ] {
        let change = ChangeProposal { number, step, by: by.clone(), reason: "looked".into() };
        store.change_proposal(&change, now).unwrap();
        let newest = look(seen);
        assert!(newest > seen, "{step}");
        assert!(report().contains(&format!("status: **{words}**")), "{step}: {}", report());
        seen = newest;
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!((look(seen), look(None)), (seen, seen));
    assert!(!folder.exists(), "a finished one that went stays away");
}

#[test]
fn what_the_shadow_showed_stands_beside_the_evidence() {
    let [after, expires, day] = ["2026-11-24", "2027-02-22", "2026-11-25"].map(|day| day.parse().unwrap());
    let session = |challenger_ppb, incumbent_ppb| ShadowSession {
        session_date: day,
        challenger_ppb,
        incumbent_ppb,
        decisions: 3,
    };
    let verdict = r#"{"gate":"G4","checks":[{"what":"sessions in the shadow","measured":2.0,"needed":{"must_be":"at_least","bound":20.0}}]}"#;
    let shadow = ShadowRecord {
        plan: ShadowPlan { after, expires, seed: 1 },
        sessions: vec![session(12_340_000, -5_000_000), session(-2_340_000, 0)],
        verdict: Some(verdict.into()),
    };
    let record = ProposalRecord { shadow: Some(shadow), ..record() };
    let text = in_words(&record);
    for expected in [
        "G4 FAILED: sessions in the shadow: 2.0000, needed at least 20",
        "2 sessions with 6 purchases and sales; it earned 1.00 %, the incumbent -0.50 %.",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    let files = files(&record);
    let report = &files.iter().find(|(name, _)| name == "report.md").unwrap().1;
    assert!(report.contains("| G4 | sessions in the shadow | 2.0000 | at least 20 | FAILED |"), "{report}");
}
