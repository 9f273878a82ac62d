//! Small sizes of the rehearsals.

use domain::Market;
use domain::messages::evolution::{DraftProposal, JudgeShadow, ShadowPlan};

use super::*;

#[test]
fn a_report_says_in_words_whether_evolution_is_good() {
    let options = Options { kind: Kind::None, cycles: 100, seed: 1, trials: 64 };
    let none =
        Report { markets: 10, cycles: 100, drafts_allowed: Some(1), drafts: 1, ..Report::new(&options) };
    assert!(none.is_good() && none.to_string().contains("passed the sealed look: 1, allowed 1"), "{none}");
    let lucky = Report { drafts: 2, ..none };
    assert!(!lucky.is_good() && lucky.to_string().ends_with("MORE WAS PROPOSED THAN LUCK MAY"));
    let planted = Report { kind: Kind::Planted, active: Some(ProposalNumber(1)), ..lucky };
    assert!(
        planted.is_good() && planted.to_string().contains("active in the end: proposal 0001"),
        "{planted}"
    );
    assert!(!Report { active: None, ..planted }.is_good());
}

#[test]
fn without_an_edge_nothing_is_drafted_and_every_trial_is_counted() {
    let options = Options { kind: Kind::None, cycles: 2, seed: 7, trials: 16 };
    let mut lines = Vec::new();
    let report = run(&options, |line| lines.push(line.to_owned())).unwrap();
    assert_eq!((report.cycles, report.trials, report.drafts), (2, 32, 0), "{lines:?}");
    assert!(report.is_good());
    assert!(lines[1].starts_with("market 1, "), "{lines:?}");
}

/// Buys whatever it can and holds it for a day: costs alone ruin it.
const RUIN: &str = r#"{"id":"t-ruin","parent_id":null,"hypothesis":"None.","side":"long",
 "entry":{"min_score":1.0,"terms":[{"weight":1.0,"all_of":[
  {"feature":"roc_1","lag":0,"op":"gt","rhs_kind":"value","rhs_feature":null,"rhs_value":-100.0}]}]},
 "exit":{"any_of":[],"stop_atr":null,"take_atr":null,"trailing_atr":null,"max_hold_bars":1},
 "sizing":{"fraction_pct":30.0}}"#;

fn draft(shadow: Option<ShadowPlan>) -> DraftProposal {
    DraftProposal {
        cycle: None,
        market: Market::Kr,
        name: "ruin".into(),
        hypothesis: "none".into(),
        hash: "a".repeat(64).parse().unwrap(),
        strategy: RUIN.into(),
        incumbent: None,
        evidence: "{}".into(),
        shadow,
    }
}

fn book(stage: &Stage, draft: &DraftProposal) -> ProposalNumber {
    let mut books = stage.books().unwrap();
    let now = books.now;
    books.store.draft_proposal(draft, now).unwrap().number
}

#[test]
fn what_is_active_is_rolled_back_when_it_falls_too_far_on_paper() {
    actix::System::new().block_on(async {
        let mut stage = Stage::new(0.0, 3, 16).unwrap();
        stage.session(stage::FIRST_SESSIONS).await.unwrap();
        let number = book(&stage, &draft(None));
        let ada = || Decider::Person("ada".into());
        for step in [ProposalStep::Submit, ProposalStep::Approve, ProposalStep::Activate] {
            stage.change(number, step, ada(), "looked").unwrap();
        }
        stage.session(stage::FIRST_SESSIONS + 5).await.unwrap();
        assert_eq!(stage.active().unwrap(), Some(number), "it has not fallen far yet");
        stage.session(stage::FIRST_SESSIONS + 60).await.unwrap();
        assert_eq!(stage.active().unwrap(), None);
        let record = stage.proposals().unwrap().remove(0);
        let last = record.history.last().unwrap();
        assert_eq!((record.status, last.by.as_str()), (ProposalStatus::Retired, "the agent"));
        assert!(last.reason.contains("on paper it has fallen by "), "{}", last.reason);
    });
}

#[test]
fn where_nothing_is_searched_for_what_is_active_is_watched_and_a_draft_expires_even_one_that_cannot_be_read()
{
    actix::System::new().block_on(async {
        let mut stage = Stage::new(0.0, 3, 16).unwrap();
        stage.search_no_more();
        let first = stage::FIRST_SESSIONS;
        let said = stage.session(first).await.unwrap();
        assert!(said.ends_with("nothing is searched for"), "{said}");
        let active = book(&stage, &draft(None));
        let ada = || Decider::Person("ada".into());
        for step in [ProposalStep::Submit, ProposalStep::Approve, ProposalStep::Activate] {
            stage.change(active, step, ada(), "looked").unwrap();
        }
        let after = stage.day(first).unwrap();
        let plan = ShadowPlan { after, expires: after + chrono::Days::new(10), seed: 1 };
        let strategy = RUIN.replace("roc_1", "of_another_version");
        book(&stage, &DraftProposal { strategy, ..draft(Some(plan)) });
        stage.session(first + 5).await.unwrap();
        assert_eq!(statuses(&stage), [ProposalStatus::Active, ProposalStatus::Draft]);
        stage.session(first + 60).await.unwrap();
        assert_eq!(statuses(&stage), [ProposalStatus::Retired, ProposalStatus::Rejected]);
        let newest = stage.proposals().unwrap().remove(0);
        let reason = &newest.history.last().unwrap().reason;
        assert!(
            reason.starts_with("this version cannot read it (") && reason.contains("the shadow failed: "),
            "{reason}"
        );
        assert_eq!(stage.books().unwrap().store.trial_totals(Market::Kr).unwrap().trials, 0);
    });
}

#[test]
fn with_bars_of_few_stocks_it_is_told_that_a_proposal_is_followed_blindly_and_with_bars_of_half_it_is_judged()
{
    actix::System::new().block_on(async {
        let mut stage = Stage::new(0.0, 3, 16).unwrap();
        stage.search_no_more();
        let first = stage::FIRST_SESSIONS;
        stage.session(first).await.unwrap();
        let number = book(&stage, &draft(None));
        let ada = || Decider::Person("ada".into());
        for step in [ProposalStep::Submit, ProposalStep::Approve, ProposalStep::Activate] {
            stage.change(number, step, ada(), "looked").unwrap();
        }
        stage.cover(3);
        // It was activated on the first of these evenings.
        for (sessions, alarms) in [(1, 0), (2, 0), (3, 0), (4, 1), (5, 1), (60, 1)] {
            stage.session(first + sessions).await.unwrap();
            assert_eq!(stage.alarms("is followed blindly").unwrap(), alarms, "{sessions} sessions");
            assert_eq!(stage.active().unwrap(), Some(number), "nobody has seen it fall");
        }
        stage.cover(5);
        stage.session(first + 61).await.unwrap();
        assert_eq!(stage.alarms("is followed blindly").unwrap(), 1);
        stage.session(first + 160).await.unwrap();
        assert_eq!(stage.active().unwrap(), None, "five of eight have bars");
    });
}

#[test]
fn a_session_that_is_told_again_after_a_newer_one_is_not_searched() {
    actix::System::new().block_on(async {
        let mut stage = Stage::new(0.0, 3, 16).unwrap();
        let newest = stage.session(stage::FIRST_SESSIONS + 3).await.unwrap();
        assert!(newest.contains("cycle 1, 16 trials"), "{newest}");
        let older = stage.turn(stage::FIRST_SESSIONS + 1).await.unwrap();
        assert!(older.ends_with("a newer session was learnt from"), "{older}");
        let again = stage.turn(stage::FIRST_SESSIONS + 3).await.unwrap();
        assert!(again.contains("cycle 1, 16 trials: was over before"), "{again}");
        let next = stage.session(stage::FIRST_SESSIONS + 4).await.unwrap();
        assert!(next.contains("cycle 2, 16 trials"), "{next}");
    });
}

/// A person's proposal cannot be followed in a shadow: this one has passed it, in the books.
fn ready(stage: &Stage, pct: &str) -> ProposalNumber {
    let after = stage.day(stage::FIRST_SESSIONS).unwrap();
    let plan = ShadowPlan { after, expires: after + chrono::Days::new(90), seed: 1 };
    let evidence = r#"{"trials":9,"checks":[{"gate":"G1","what":"trades","measured":"120","needed":"at least 100","passed":true}],"curves":[],"notes":[]}"#;
    let strategy = RUIN.replace("\"fraction_pct\":30.0", &format!("\"fraction_pct\":{pct}"));
    let number = book(stage, &DraftProposal { strategy, evidence: evidence.into(), ..draft(Some(plan)) });
    let verdict = r#"{"gate":"G4","checks":[{"what":"sessions","measured":20.0,"needed":{"must_be":"at_least","bound":20.0}}]}"#;
    let judge = JudgeShadow { number, passed: true, evidence: verdict.into(), reason: "it did well".into() };
    let mut books = stage.books().unwrap();
    let now = books.now;
    books.store.judge_shadow(&judge, now).unwrap();
    number
}

fn statuses(stage: &Stage) -> Vec<ProposalStatus> {
    let mut all = stage.proposals().unwrap();
    all.sort_by_key(|record| record.number);
    all.iter().map(|record| record.status).collect()
}

#[test]
fn a_turn_approves_what_lies_within_the_operators_limit_and_rests_once_that_was_rolled_back() {
    use ProposalStatus::{Active, Approved, ReadyForReview, Retired};
    actix::System::new().block_on(async {
        let mut stage = Stage::new(0.0, 3, 16).unwrap();
        let first = stage::FIRST_SESSIONS;
        stage.session(first).await.unwrap();
        let (small, large) = (ready(&stage, "4.0"), ready(&stage, "6.0"));
        stage.session(first + 1).await.unwrap();
        assert_eq!(statuses(&stage), [ReadyForReview; 2], "off: a person decides");
        stage.approve_within("max_position_pct=5,max_per_30_days=4".parse().unwrap());
        stage.session(first + 2).await.unwrap();
        assert_eq!(statuses(&stage), [Approved, ReadyForReview]);
        assert_eq!(stage.traded_by(first + 3).unwrap(), Some(small), "from the next session on");
        stage.session(first + 3).await.unwrap();
        assert_eq!(statuses(&stage), [Active, ReadyForReview], "{large} takes more than the limit says");
        // On paper it falls; what comes afterwards is a person's to decide.
        stage.session(first + 400).await.unwrap();
        assert_eq!(stage.active().unwrap(), None);
        let third = ready(&stage, "1.0");
        stage.session(first + 401).await.unwrap();
        assert_eq!(statuses(&stage), [Retired, ReadyForReview, ReadyForReview]);
        stage.change(third, ProposalStep::Approve, Decider::Person("ada".into()), "looked").unwrap();
        assert_eq!(stage.traded_by(first + 402).unwrap(), Some(third));
    });
}

#[test]
fn a_draft_that_falls_in_the_shadow_is_rejected_and_each_session_is_booked_once() {
    actix::System::new().block_on(async {
        let mut stage = Stage::new(0.0, 3, 16).unwrap();
        stage.session(stage::FIRST_SESSIONS).await.unwrap();
        let after = stage.day(stage::FIRST_SESSIONS).unwrap();
        let plan = ShadowPlan { after, expires: after + chrono::Days::new(90), seed: 1 };
        book(&stage, &draft(Some(plan)));
        for sessions in [3, 6] {
            stage.session(stage::FIRST_SESSIONS + sessions).await.unwrap();
            let record = stage.proposals().unwrap().remove(0);
            let shadow = record.shadow.unwrap();
            assert_eq!((record.status, shadow.sessions.len()), (ProposalStatus::Draft, sessions));
            assert!(shadow.sessions.iter().all(|one| one.session_date > after && one.incumbent_ppb == 0));
        }
        stage.session(stage::FIRST_SESSIONS + 60).await.unwrap();
        let record = stage.proposals().unwrap().remove(0);
        assert_eq!(record.status, ProposalStatus::Rejected);
        let reason = &record.history.last().unwrap().reason;
        assert!(reason.contains("the shadow failed: probability of being better"), "{reason}");
        assert!(record.shadow.unwrap().verdict.unwrap().contains("drawdown in the shadow"));
    });
}
