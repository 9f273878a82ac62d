//! Approvals by the limit that the operator set: only what lies within it, booked, told, and at rest when something was taken back.

use diesel::connection::SimpleConnection as _;
use domain::EventId;
use domain::messages::evolution::{
    ChangeProposal, Decider, DraftProposal, JudgeShadow, ProposalNumber, ProposalStatus, ProposalStep,
    ShadowPlan, StrategyOf,
};
use domain::messages::ledger::{EventKind, EventsAfter};
use trade_ledger::EvolutionBooks as _;

use super::*;

const WHOLE: &str = r#"{"trials":9,"checks":[{"gate":"G1","what":"trades","measured":"120","needed":"at least 100","passed":true}],"curves":[],"notes":[]}"#;
const PASSED: &str = r#"{"gate":"G4","checks":[{"what":"sessions","measured":20.0,"needed":{"must_be":"at_least","bound":20.0}}]}"#;

fn strategy(pct: &str) -> String {
    let json = strategy::Strategy::by_default(strategy::Thresholds::default()).to_json();
    json.replace("\"fraction_pct\": 30.0", &format!("\"fraction_pct\": {pct}"))
}

/// A proposal that has passed everything, as the books have it; against what its market trades by.
fn ready(books: &mut Books, market: Market, pct: &str) -> ProposalNumber {
    let incumbent = books.store.active_strategy(market).unwrap().and_then(|active| active.from);
    let [after, expires] = ["2026-10-20", "2027-12-31"].map(|day| day.parse().unwrap());
    let draft = DraftProposal {
        cycle: None,
        market,
        name: "swing".into(),
        hypothesis: "it turns".into(),
        hash: "a".repeat(64).parse().unwrap(),
        strategy: strategy(pct),
        incumbent: incumbent.map(|(_, strategy)| strategy),
        evidence: WHOLE.into(),
        shadow: Some(ShadowPlan { after, expires, seed: 1 }),
    };
    let number = books.store.draft_proposal(&draft, books.now).unwrap().number;
    let judge = JudgeShadow { number, passed: true, evidence: PASSED.into(), reason: "it did well".into() };
    books.store.judge_shadow(&judge, books.now).unwrap();
    number
}

fn take(
    books: &mut Books,
    number: ProposalNumber,
    step: ProposalStep,
    by: Decider,
) -> Result<ProposalStatus, StoreError> {
    let change = ChangeProposal { number, step, by, reason: "it passed everything".into() };
    books.store.change_proposal(&change, books.now).map(|record| record.status)
}

fn by_limit(books: &mut Books, number: ProposalNumber) -> Result<ProposalStatus, StoreError> {
    let limit = "max_position_pct=5".parse().unwrap();
    take(books, number, ProposalStep::Approve, Decider::Limit(limit))
}

fn refused(answer: Result<ProposalStatus, StoreError>) -> String {
    match answer {
        Err(StoreError::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn mina() -> Decider {
    Decider::Person("mina".into())
}

/// What the market trades by in the session that begins now.
fn session(books: &mut Books, market: Market) -> Option<ProposalNumber> {
    let query = StrategyOf { market, session_date: books.now.date_naive() };
    books.store.settle_strategy(&query, books.now).unwrap().map(|version| version.proposal)
}

const DAY: i64 = 86_400;

#[test]
fn within_the_limit_nobody_is_asked_and_the_books_say_which_limit_it_was_and_how_to_go_back() {
    let mut books = Books::new();
    let number = ready(&mut books, Market::Kr, "5.0");
    assert_eq!(by_limit(&mut books, number), Ok(ProposalStatus::Approved));
    let record = books.store.proposals().unwrap().remove(0);
    let last = record.history.last().unwrap();
    assert_eq!(last.by, "EVOLUTION_AUTO_APPROVE");
    assert_eq!(
        last.reason,
        "it passed everything: a position takes 5 % of the equity, within max_position_pct=5,max_per_30_days=1"
    );
    assert_eq!(books.store.active_strategy(Market::Kr).unwrap(), None, "not within this session");
    books.after(DAY);
    assert_eq!(session(&mut books, Market::Kr), Some(number));
    let all = books.store.events_after(&EventsAfter { after: EventId(0), limit: 100 }).unwrap();
    let alarms: Vec<_> = all.iter().filter(|event| event.kind == EventKind::Alarm).collect();
    assert_eq!(alarms.len(), 2, "{alarms:?}");
    for part in [
        "by no person",
        "max_position_pct=5",
        "kestrel proposals reject 0001",
        "kestrel proposals rollback 0001",
    ] {
        assert!(alarms[0].text.contains(part), "{part}: {}", alarms[0].text);
    }
    assert!(alarms[1].text.contains("KR trades by proposal 0001"), "{}", alarms[1].text);
    assert!(alarms[1].text.contains("kestrel proposals rollback 0001"), "{}", alarms[1].text);
    let mut conn = books.database.connection().unwrap();
    for sql in ["UPDATE limit_approvals SET limit_set = 'x'", "DELETE FROM limit_approvals"] {
        assert!(diesel::sql_query(sql).execute(&mut conn).is_err(), "{sql}");
    }
}

#[test]
fn outside_the_limit_the_books_refuse_and_a_person_decides() {
    let mut books = Books::new();
    let large = ready(&mut books, Market::Kr, "5.01");
    assert!(refused(by_limit(&mut books, large)).contains("takes 5.01 % of the equity"));
    // The limit says yes to what is ready, and nothing else.
    for step in [ProposalStep::Submit, ProposalStep::Reject, ProposalStep::Activate, ProposalStep::RollBack] {
        let limit = "max_position_pct=30".parse().unwrap();
        assert!(take(&mut books, large, step, Decider::Limit(limit)).is_err(), "{step}");
    }
    let other = ready(&mut books, Market::Kr, "4.0");
    assert_eq!(take(&mut books, large, ProposalStep::Approve, mina()), Ok(ProposalStatus::Approved));
    let why = refused(by_limit(&mut books, other));
    assert!(why.contains("something else than KR trades by"), "another one waits to hold: {why}");
    books.after(DAY);
    assert_eq!(session(&mut books, Market::Kr), Some(large));
    assert!(refused(by_limit(&mut books, other)).contains("something else than KR trades by"));
    let newer = ready(&mut books, Market::Kr, "4.5");
    assert!(
        refused(take(&mut books, newer, ProposalStep::Approve, Decider::Agent)).contains("only a person")
    );
    assert_eq!(by_limit(&mut books, newer), Ok(ProposalStatus::Approved), "it beat what is traded by");
}

#[test]
fn the_limit_approves_so_many_in_thirty_days_of_all_markets_together() {
    let mut books = Books::new();
    let [first, second] = [Market::Kr, Market::Jp].map(|market| ready(&mut books, market, "5.0"));
    assert_eq!(by_limit(&mut books, first), Ok(ProposalStatus::Approved));
    assert!(refused(by_limit(&mut books, second)).contains("approves 1 in 30 days"));
    books.after(30 * DAY);
    assert!(refused(by_limit(&mut books, second)).contains("longer than 14 days"));
    let third = ready(&mut books, Market::Jp, "5.0");
    assert_eq!(by_limit(&mut books, third), Ok(ProposalStatus::Approved));
}

#[test]
fn what_was_taken_back_lets_the_limit_rest_until_a_person_approves_a_proposal() {
    // By the agent when it fell, by a person, and a person's no before it held at all.
    let ways = [
        (ProposalStep::RollBack, Decider::Agent),
        (ProposalStep::RollBack, mina()),
        (ProposalStep::Reject, mina()),
    ];
    for (step, by) in ways {
        let mut books = Books::new();
        let first = ready(&mut books, Market::Kr, "5.0");
        by_limit(&mut books, first).unwrap();
        if step == ProposalStep::RollBack {
            books.after(DAY);
            assert_eq!(session(&mut books, Market::Kr), Some(first));
        }
        take(&mut books, first, step, by.clone()).unwrap();
        let told = books.lines();
        assert!(told.last().unwrap().contains("rests for all markets since proposal 0001"), "{told:?}");
        books.after(40 * DAY);
        let second = ready(&mut books, Market::Jp, "1.0");
        let why = refused(by_limit(&mut books, second));
        assert!(why.contains("rests since proposal 0001 was taken back"), "{step} by {by}: {why}");
        let third = ready(&mut books, Market::Hk, "20.0");
        take(&mut books, third, ProposalStep::Approve, mina()).unwrap();
        assert_eq!(by_limit(&mut books, second), Ok(ProposalStatus::Approved), "{step} by {by}");
    }
}

fn status(books: &mut Books, number: ProposalNumber) -> ProposalStatus {
    books.store.proposals().unwrap().into_iter().find(|one| one.number == number).unwrap().status
}

/// Approved by a limit that allows several.
fn by_wide_limit(books: &mut Books, number: ProposalNumber) -> Result<ProposalStatus, StoreError> {
    let limit = "max_position_pct=5,max_per_30_days=4".parse().unwrap();
    take(books, number, ProposalStep::Approve, Decider::Limit(limit))
}

#[test]
fn what_the_limit_approved_and_does_not_hold_yet_goes_back_to_people_when_the_limit_comes_to_rest() {
    let mut books = Books::new();
    let first = ready(&mut books, Market::Kr, "5.0");
    by_wide_limit(&mut books, first).unwrap();
    books.after(DAY);
    assert_eq!(session(&mut books, Market::Kr), Some(first));
    let waiting = [(Market::Kr, "4.0"), (Market::Jp, "3.0")];
    let [second, third] = waiting.map(|(market, pct)| {
        let number = ready(&mut books, market, pct);
        by_wide_limit(&mut books, number).unwrap();
        number
    });
    let by_person = ready(&mut books, Market::Hk, "9.0");
    take(&mut books, by_person, ProposalStep::Approve, mina()).unwrap();
    take(&mut books, first, ProposalStep::RollBack, mina()).unwrap();
    for number in [second, third] {
        assert_eq!(status(&mut books, number), ProposalStatus::ReadyForReview);
    }
    let told = books.lines();
    for part in [
        "proposal 0002 waits for a person again, KR does not trade by it: EVOLUTION_AUTO_APPROVE rests since proposal 0001",
        "proposal 0003 waits for a person again, JP does not trade by it",
        "kestrel proposals approve 0003",
    ] {
        assert!(told.iter().any(|line| line.contains(part)), "{part}: {told:?}");
    }
    let record = books.store.proposals().unwrap().into_iter().find(|one| one.number == second).unwrap();
    let last = record.history.last().unwrap();
    assert_eq!(last.by, "EVOLUTION_AUTO_APPROVE");
    assert!(last.reason.contains("since proposal 0001 was taken back"), "{last:?}");
    books.after(DAY);
    assert_eq!(session(&mut books, Market::Kr), None, "the operator's settings");
    assert_eq!(session(&mut books, Market::Jp), None);
    assert_eq!(
        session(&mut books, Market::Hk),
        Some(by_person),
        "a person's yes is no business of the limit"
    );
    // A person says yes to one: it holds, it is that person's, and the other stays a person's to decide.
    take(&mut books, third, ProposalStep::Approve, mina()).unwrap();
    assert!(refused(by_wide_limit(&mut books, second)).contains("its approval was taken back"));
    books.after(DAY);
    assert_eq!(session(&mut books, Market::Jp), Some(third));
    let all = books.store.events_after(&EventsAfter { after: EventId(0), limit: 100 }).unwrap();
    let last = all.last().unwrap();
    assert!(last.kind == EventKind::Report && last.text.contains("JP trades by proposal 0003"), "{last:?}");
}

#[test]
fn an_approval_that_an_older_program_left_waiting_while_the_limit_rests_does_not_begin_to_hold() {
    let mut books = Books::new();
    let first = ready(&mut books, Market::Kr, "5.0");
    by_wide_limit(&mut books, first).unwrap();
    books.after(DAY);
    assert_eq!(session(&mut books, Market::Kr), Some(first));
    let second = ready(&mut books, Market::Kr, "4.0");
    take(&mut books, first, ProposalStep::RollBack, mina()).unwrap();
    let left = "INSERT INTO evolution_changes (proposal, status, by_whom, reason, at_ms, event_id)
                VALUES (2, 'approved', 'EVOLUTION_AUTO_APPROVE', 'it passed', 0, 1);
                INSERT INTO limit_approvals (change_seq, limit_set, at_ms)
                SELECT max(seq), 'max_position_pct=5', 0 FROM evolution_changes;";
    books.store.connection.batch_execute(left).unwrap();
    assert_eq!(status(&mut books, second), ProposalStatus::Approved);
    books.after(DAY);
    assert_eq!(session(&mut books, Market::Kr), None);
    assert_eq!(status(&mut books, second), ProposalStatus::ReadyForReview);
}

#[test]
fn one_that_cannot_be_read_lets_the_limit_rest_before_the_next_begins_to_hold() {
    let mut books = Books::new();
    let [first, second] = ["4.0", "3.0"].map(|pct| {
        let number = ready(&mut books, Market::Kr, pct);
        // What it should replace is what waits to hold.
        let waits = format!(
            "DROP TRIGGER IF EXISTS evolution_proposals_are_final; UPDATE evolution_proposals SET incumbent =
             (SELECT strategy FROM evolution_proposals WHERE number = {before}) WHERE number = {number};",
            number = number.0,
            before = number.0 - 1,
        );
        books.store.connection.batch_execute(&waits).unwrap();
        by_wide_limit(&mut books, number).unwrap();
        number
    });
    let unread = "UPDATE evolution_proposals SET strategy = '{}' WHERE number = 1";
    books.store.connection.batch_execute(unread).unwrap();
    books.after(DAY);
    assert_eq!(session(&mut books, Market::Kr), None);
    let found = [first, second].map(|number| status(&mut books, number));
    assert_eq!(found, [ProposalStatus::Rejected, ProposalStatus::ReadyForReview]);
}

#[test]
fn a_proposal_that_another_takes_the_place_of_was_not_taken_back() {
    let mut books = Books::new();
    let first = ready(&mut books, Market::Kr, "5.0");
    by_limit(&mut books, first).unwrap();
    books.after(DAY);
    assert_eq!(session(&mut books, Market::Kr), Some(first));
    books.after(40 * DAY);
    let second = ready(&mut books, Market::Kr, "4.0");
    by_limit(&mut books, second).unwrap();
    books.after(DAY);
    assert_eq!(session(&mut books, Market::Kr), Some(second));
    // A person's no to what nobody had approved yet is about that one alone.
    let third = ready(&mut books, Market::Jp, "4.0");
    take(&mut books, third, ProposalStep::Reject, mina()).unwrap();
    books.after(40 * DAY);
    let fourth = ready(&mut books, Market::Jp, "3.0");
    assert_eq!(by_limit(&mut books, fourth), Ok(ProposalStatus::Approved));
    assert!(refused(by_limit(&mut books, third)).contains("longer than 14 days"));
}
