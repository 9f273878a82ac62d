//! What evolution did is kept: every trial once, the best of each niche, days that are spent, proposals and their lives.

use diesel::connection::SimpleConnection as _;
use domain::messages::evolution::{
    BeginCycle, BookLook, ChangeProposal, Decider, DraftProposal, EndCycle, FollowShadow, GateName,
    JudgeShadow, JudgeWindow, Origin, Place, ProposalNumber, ProposalStatus, ProposalStep, RecordTrials,
    RejectsOf, ShadowPlan, ShadowSession, SpendWindow, StrategyOf, Trial, TrialHash, TrialTotals, TrialsOf,
    TriedBefore,
};
use trade_ledger::EvolutionBooks as _;

use super::fencing::Write;
use super::*;

pub(super) const OF_EVOLUTION: [Write; 11] = [
    ("begin_cycle", |b| b.store.begin_cycle(&begin(), b.now).map(drop)),
    ("record_trials", |b| {
        let _begun = b.store.begin_cycle(&begin(), b.now);
        b.store.record_trials(&trials(0, &[trial(1, None)]), b.now).map(drop)
    }),
    ("end_cycle", |b| {
        let _begun = b.store.begin_cycle(&begin(), b.now);
        b.store.end_cycle(&EndCycle { cycle: 1, outcome: "none".into(), champion: None }, b.now)
    }),
    ("spend_window", |b| {
        let _begun = b.store.begin_cycle(&begin(), b.now);
        b.store.spend_window(&spend(1, "2026-08-03", "2026-11-20"), b.now).map(drop)
    }),
    ("judge_window", |b| {
        let _begun = b.store.begin_cycle(&begin(), b.now);
        let _spent = b.store.spend_window(&spend(1, "2026-08-03", "2026-11-20"), b.now);
        b.store.judge_window(&JudgeWindow { window: 1, passed: true, evidence: "{}".into() }, b.now)
    }),
    ("follow_shadow", |b| {
        let _drafted = b.store.draft_proposal(&shadowed(1), b.now);
        b.store.follow_shadow(&follow(1, &[("2026-11-25", 1)]))
    }),
    ("book_look", |b| {
        let _drafted = b.store.draft_proposal(&shadowed(1), b.now);
        b.store.book_look(&looked("2026-11-25", "2026-11-24"), b.now)
    }),
    ("judge_shadow", |b| {
        let _drafted = b.store.draft_proposal(&shadowed(1), b.now);
        b.store.judge_shadow(&judged(1, true), b.now).map(drop)
    }),
    ("draft_proposal", |b| b.store.draft_proposal(&draft(1), b.now).map(drop)),
    ("change_proposal", |b| {
        let _drafted = b.store.draft_proposal(&draft(1), b.now);
        step(b, 1, ProposalStep::Submit, &Decider::Agent).map(drop)
    }),
    ("settle_strategy", |b| b.store.settle_strategy(&session("2026-11-25"), b.now).map(drop)),
];

fn session(session_date: &str) -> StrategyOf {
    StrategyOf { market: Market::Kr, session_date: session_date.parse().unwrap() }
}

fn looked(session_date: &str, seen_until: &str) -> BookLook {
    let [session_date, seen_until] = [session_date, seen_until].map(|day| day.parse().unwrap());
    BookLook { number: ProposalNumber(1), session_date, seen_until }
}

fn hash(number: u64) -> TrialHash {
    format!("{number:064x}").parse().unwrap()
}

fn begin() -> BeginCycle {
    BeginCycle { market: Market::Kr, session_date: "2026-11-24".parse().unwrap(), seed: u64::MAX - 6 }
}

fn trial(number: u64, place: Option<(&str, i64)>) -> Trial {
    Trial {
        hash: hash(number),
        parent: None,
        origin: Origin::Mutation,
        strategy: format!("{{\"id\":{number}}}"),
        killed_by: place.is_none().then_some(GateName::G1),
        sharpe_micros: place.map(|(_, fitness)| fitness),
        observations: 700,
        place: place.map(|(niche, fitness_micros)| Place { niche: niche.into(), fitness_micros }),
        evidence: "{}".into(),
    }
}

fn trials(position: u32, trials: &[Trial]) -> RecordTrials {
    RecordTrials { cycle: 1, position, trials: trials.to_vec() }
}

fn spend(cycle: i64, first: &str, last: &str) -> SpendWindow {
    SpendWindow {
        cycle,
        first_day: first.parse().unwrap(),
        last_day: last.parse().unwrap(),
        champion: hash(1),
    }
}

fn draft(number: u64) -> DraftProposal {
    DraftProposal {
        cycle: None,
        market: Market::Kr,
        name: format!("swing-{number}"),
        hypothesis: "it turns".into(),
        hash: hash(number),
        strategy: format!("{{\"id\":{number}}}"),
        incumbent: None,
        evidence: "{}".into(),
        shadow: None,
    }
}

fn shadowed(number: u64) -> DraftProposal {
    let [after, expires] = ["2026-11-24", "2027-02-22"].map(|day| day.parse().unwrap());
    DraftProposal { shadow: Some(ShadowPlan { after, expires, seed: u64::MAX - 3 }), ..draft(number) }
}

fn follow(number: u32, sessions: &[(&str, i64)]) -> FollowShadow {
    let session = |(day, ppb): &(&str, i64)| ShadowSession {
        session_date: day.parse().unwrap(),
        challenger_ppb: *ppb,
        incumbent_ppb: -ppb,
        decisions: 2,
    };
    let sessions = sessions.iter().map(session).collect();
    FollowShadow { number: ProposalNumber(number), sessions }
}

fn judged(number: u32, passed: bool) -> JudgeShadow {
    let (number, evidence, reason) = (ProposalNumber(number), "{}".into(), "20 sessions".into());
    JudgeShadow { number, passed, evidence, reason }
}

fn step(
    books: &mut Books,
    number: u32,
    step: ProposalStep,
    by: &Decider,
) -> Result<ProposalStatus, StoreError> {
    let number = ProposalNumber(number);
    let change = ChangeProposal { number, step, by: by.clone(), reason: "looked".into() };
    books.store.change_proposal(&change, books.now).map(|record| record.status)
}

fn refused<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> String {
    match answer {
        Err(StoreError::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn ada() -> Decider {
    Decider::Person("ada".into())
}

#[test]
fn a_cycle_that_was_interrupted_goes_on_where_it_was_with_the_seed_that_it_had() {
    let mut books = Books::new();
    let first = books.store.begin_cycle(&begin(), start()).unwrap();
    assert_eq!((first.seq, first.seed, first.trials, first.is_over), (1, u64::MAX - 6, 0, false));
    books.store.record_trials(&trials(0, &[trial(1, None), trial(2, None)]), start()).unwrap();
    let again = books.store.begin_cycle(&BeginCycle { seed: 3, ..begin() }, start()).unwrap();
    assert_eq!((again.seq, again.seed, again.trials), (1, u64::MAX - 6, 2));
    for position in [0, 1, 3] {
        let why = refused(books.store.record_trials(&trials(position, &[trial(9, None)]), start()));
        assert!(why.contains("the next trial of cycle 1 is number 2"), "{why}");
    }
    let end = EndCycle { cycle: 1, outcome: "no champion".into(), champion: None };
    books.store.end_cycle(&end, start()).unwrap();
    books.store.end_cycle(&end, start()).unwrap();
    assert!(books.store.begin_cycle(&begin(), start()).unwrap().is_over);
    assert!(refused(books.store.record_trials(&trials(2, &[trial(9, None)]), start())).contains("is over"));
    assert!(refused(books.store.end_cycle(&EndCycle { cycle: 7, ..end }, start())).contains("no cycle 7"));
}

#[test]
fn a_markets_cycles_go_forward_and_one_that_has_begun_goes_on() {
    let mut books = Books::new();
    let of = |market, date: &str| BeginCycle { market, session_date: date.parse().unwrap(), seed: 1 };
    let mut begin =
        |market, date: &str| books.store.begin_cycle(&of(market, date), start()).map(|cycle| cycle.seq);
    assert_eq!(begin(Market::Kr, "2026-11-20"), Ok(1));
    assert_eq!(begin(Market::Kr, "2026-11-24"), Ok(2));
    for (date, number) in [("2026-11-24", 2), ("2026-11-20", 1)] {
        assert_eq!(begin(Market::Kr, date), Ok(number), "{date} has begun");
    }
    let why = refused(begin(Market::Kr, "2026-11-23"));
    assert_eq!(why, "the newest cycle of KR is for 2026-11-24; one for 2026-11-23 would go back");
    assert_eq!(begin(Market::Jp, "2026-11-23"), Ok(3), "a market has its own");
    assert_eq!(begin(Market::Kr, "2026-11-25"), Ok(4));
    let newest = books.store.newest_cycles().unwrap();
    let newest: Vec<_> = newest.iter().map(|line| (line.cycle, line.session_date.to_string())).collect();
    assert_eq!(newest, [(3, "2026-11-23".into()), (4, "2026-11-25".into())]);
}

#[test]
fn every_trial_is_counted_and_none_is_made_twice_nor_half_a_batch_booked() {
    let mut books = Books::new();
    books.store.begin_cycle(&begin(), start()).unwrap();
    let batch = [trial(1, Some(("swing", 40_000))), trial(2, Some(("day", 60_000))), trial(3, None)];
    books.store.record_trials(&trials(0, &batch), start()).unwrap();
    let why = refused(books.store.record_trials(&trials(3, &[trial(4, None), trial(2, None)]), start()));
    assert!(why.contains("was tried in KR before"), "{why}");
    let totals = books.store.trial_totals(Market::Kr).unwrap();
    // 0.04 and 0.06: the variance of a sample is 0.0002.
    assert_eq!((totals.trials, totals.measured), (3, 2), "the failed one counts, the fourth was not booked");
    assert!((totals.variance.unwrap() - 0.000_2).abs() < 1e-12, "{totals:?}");
    let none = TrialTotals { trials: 0, measured: 0, variance: None };
    assert_eq!(books.store.trial_totals(Market::Jp).unwrap(), none);
    let query = TriedBefore { market: Market::Kr, hashes: (2..6).map(hash).collect() };
    assert_eq!(books.store.tried_before(&query).unwrap(), [hash(2), hash(3)]);
    let mut conn = books.database.connection().unwrap();
    for sql in ["UPDATE trials SET observations = 1", "DELETE FROM trials", "DELETE FROM archive_changes"] {
        assert!(diesel::sql_query(sql).execute(&mut conn).is_err(), "{sql}");
    }
}

#[test]
fn a_niche_is_held_by_its_best_and_the_first_of_equals_stays() {
    let mut books = Books::new();
    books.store.begin_cycle(&begin(), start()).unwrap();
    let batch = [
        trial(1, Some(("swing", 10))),
        trial(2, Some(("swing", 30))),
        trial(3, Some(("swing", 20))),
        trial(4, Some(("swing", 30))),
        trial(5, Some(("day", -5))),
    ];
    let done = books.store.record_trials(&trials(0, &batch), start()).unwrap();
    assert_eq!((done.trials, done.places_taken), (5, 3));
    let elites = books.store.elites(Market::Kr).unwrap();
    let held: Vec<_> =
        elites.iter().map(|one| (one.place.niche.as_str(), one.place.fitness_micros, &one.hash)).collect();
    assert_eq!(held, [("day", -5, &hash(5)), ("swing", 30, &hash(2))]);
    assert_eq!(elites[1].strategy, "{\"id\":2}");
    assert_eq!(books.store.elites(Market::Jp).unwrap(), []);
}

#[test]
fn of_what_a_gate_has_ended_the_best_is_told_first_and_what_was_never_measured_is_not() {
    let mut books = Books::new();
    books.store.begin_cycle(&begin(), start()).unwrap();
    let ended = |number, killed_by, sharpe_micros| Trial { killed_by, sharpe_micros, ..trial(number, None) };
    let batch = [
        ended(1, Some(GateName::G1), Some(20)),
        ended(2, Some(GateName::G2), Some(50)),
        ended(3, Some(GateName::G1), None),
        ended(4, None, Some(90)),
        ended(5, Some(GateName::G1), Some(-7)),
    ];
    books.store.record_trials(&trials(0, &batch), start()).unwrap();
    let told = |market, limit, books: &mut Books| {
        let found = books.store.rejects(RejectsOf { market, limit }).unwrap();
        found.into_iter().map(|one| (one.killed_by, one.sharpe_micros, one.strategy)).collect::<Vec<_>>()
    };
    let (first, second) =
        ((GateName::G2, 50, "{\"id\":2}".to_owned()), (GateName::G1, 20, "{\"id\":1}".to_owned()));
    assert_eq!(told(Market::Kr, 2, &mut books), [first, second]);
    assert_eq!(told(Market::Kr, 9, &mut books).len(), 3);
    assert_eq!(told(Market::Jp, 9, &mut books), []);
}

#[test]
fn days_that_were_looked_at_are_spent_for_good() {
    let mut books = Books::new();
    books.store.begin_cycle(&begin(), start()).unwrap();
    let window = books.store.spend_window(&spend(1, "2026-08-03", "2026-09-30"), start()).unwrap();
    assert_eq!((window.number, window.passed), (1, None));
    assert_eq!(books.store.spend_window(&spend(1, "2026-08-03", "2026-09-30"), start()).unwrap(), window);
    let why = refused(books.store.spend_window(&spend(1, "2026-10-01", "2026-11-20"), start()));
    assert!(why.contains("it looks once"), "{why}");
    let judge = |passed| JudgeWindow { window: 1, passed, evidence: "{}".into() };
    books.store.judge_window(&judge(false), start()).unwrap();
    books.store.judge_window(&judge(true), start()).unwrap();
    let next = BeginCycle { session_date: "2026-11-25".parse().unwrap(), ..begin() };
    assert_eq!(books.store.begin_cycle(&next, start()).unwrap().seq, 2);
    let why = refused(books.store.spend_window(&spend(2, "2026-09-30", "2026-11-20"), start()));
    assert!(why.contains("a window is never reused"), "{why}");
    let second = books.store.spend_window(&spend(2, "2026-10-01", "2026-11-20"), start()).unwrap();
    assert_eq!(second.number, 2);
    let seen: Vec<_> = books.store.windows(Market::Kr).unwrap().iter().map(|one| one.passed).collect();
    assert_eq!(seen, [Some(false), None], "the first word stays");
    assert!(
        refused(books.store.spend_window(&spend(9, "2027-01-01", "2027-01-02"), start()))
            .contains("no cycle 9")
    );
}

#[test]
fn a_closed_session_without_a_cycle_that_has_ended_is_late_after_six_hours() {
    use domain::messages::occasions::{Occasion, OccasionKind};
    let mut books = Books::new();
    let session_date = begin().session_date;
    let closed = |market| Occasion {
        market,
        session_date,
        kind: OccasionKind::DayClosed,
        begins_at: start(),
        label: "settled".into(),
    };
    books.store.book_occasions(&[closed(Market::Kr), closed(Market::Jp)], start()).unwrap();
    let mut reader = books.database.reader().unwrap();
    let mut late = |hours| {
        let found =
            reader.late_cycles(&[Market::Kr, Market::UsNasdaq], start() + TimeDelta::hours(hours)).unwrap();
        found.iter().map(|one| (one.market, one.session_date)).collect::<Vec<_>>()
    };
    assert_eq!(late(5), [], "it may still be searching");
    assert_eq!(late(6), [(Market::Kr, session_date)], "of the markets that are asked about");
    books.store.begin_cycle(&begin(), start()).unwrap();
    assert_eq!(late(6), [(Market::Kr, session_date)], "it goes on");
    let end = EndCycle { cycle: 1, outcome: "no champion".into(), champion: None };
    books.store.end_cycle(&end, start()).unwrap();
    assert_eq!(late(600), []);
    let cycle = books.store.newest_cycles().unwrap().remove(0);
    assert_eq!((cycle.began_at, cycle.ended_at), (start(), Some(start())));
}

#[test]
fn a_proposal_is_booked_with_who_and_why_and_nothing_is_active_without_a_yes() {
    let mut books = Books::new();
    let drafted = books.store.draft_proposal(&draft(1), start()).unwrap();
    assert_eq!((drafted.number, drafted.folder()), (ProposalNumber(1), "0001-swing-1".to_owned()));
    assert_eq!(drafted.title(), "[Evolution] KR: swing 1");
    let why = refused(step(&mut books, 1, ProposalStep::Activate, &Decider::Agent));
    assert!(why.contains("is draft"), "{why}");
    assert_eq!(books.store.active_strategy(Market::Kr).unwrap(), None);
    step(&mut books, 1, ProposalStep::Submit, &Decider::Agent).unwrap();
    assert!(refused(step(&mut books, 1, ProposalStep::Approve, &Decider::Agent)).contains("only a person"));
    assert_eq!(step(&mut books, 1, ProposalStep::Approve, &ada()), Ok(ProposalStatus::Approved));
    assert_eq!(books.store.active_strategy(Market::Kr).unwrap(), None, "it holds when it is activated");
    step(&mut books, 1, ProposalStep::Activate, &Decider::Agent).unwrap();
    let active = books.store.active_strategy(Market::Kr).unwrap().unwrap();
    assert_eq!(active.from, Some((ProposalNumber(1), "{\"id\":1}".to_owned())));
    let record = books.store.proposals().unwrap().remove(0);
    let history: Vec<_> = record.history.iter().map(|one| (one.status.code(), one.by.as_str())).collect();
    let expected = [
        ("draft", "the agent"),
        ("ready_for_review", "the agent"),
        ("approved", "ada"),
        ("active", "the agent"),
    ];
    assert_eq!(history, expected);
    let lines = books.lines();
    assert!(lines.iter().any(|line| line.contains("ready for review: [Evolution] KR: swing 1")), "{lines:?}");
    assert!(refused(step(&mut books, 7, ProposalStep::Reject, &ada())).contains("no proposal 0007"));
}

#[test]
fn a_rollback_goes_back_to_what_held_before_until_the_operators_settings_hold_again() {
    let mut books = Books::new();
    for number in [1, 2] {
        books.store.draft_proposal(&draft(number.into()), start()).unwrap();
        for next in [ProposalStep::Submit, ProposalStep::Approve, ProposalStep::Activate] {
            step(&mut books, number, next, &ada()).unwrap();
        }
    }
    let status = |books: &mut Books| -> Vec<_> {
        let mut all = books.store.proposals().unwrap();
        all.reverse();
        all.iter().map(|record| record.status).collect()
    };
    let active = |books: &mut Books| {
        let active = books.store.active_strategy(Market::Kr).unwrap().unwrap();
        active.from.map(|(number, _)| number.0)
    };
    assert_eq!(status(&mut books), [ProposalStatus::Retired, ProposalStatus::Active]);
    assert_eq!(active(&mut books), Some(2));
    step(&mut books, 2, ProposalStep::RollBack, &ada()).unwrap();
    assert_eq!(status(&mut books), [ProposalStatus::Active, ProposalStatus::Retired]);
    assert_eq!(active(&mut books), Some(1));
    step(&mut books, 1, ProposalStep::RollBack, &Decider::Agent).unwrap();
    assert_eq!(status(&mut books), [ProposalStatus::Retired; 2]);
    assert_eq!(active(&mut books), None, "the operator's settings");
    assert!(refused(step(&mut books, 1, ProposalStep::RollBack, &ada())).contains("is retired"));
    assert_eq!(books.store.active_strategy(Market::Jp).unwrap(), None);
}

/// A draft that can be traded by, approved by a person.
fn approved(books: &mut Books, number: u32) {
    let mut draft = draft(number.into());
    let readable = strategy::Strategy::by_default(strategy::Thresholds::default()).to_json();
    draft.strategy = readable.replace("\"default\"", &format!("\"s-{number}\""));
    books.store.draft_proposal(&draft, start()).unwrap();
    step(books, number, ProposalStep::Submit, &Decider::Agent).unwrap();
    step(books, number, ProposalStep::Approve, &ada()).unwrap();
}

fn settled(books: &mut Books, date: &str) -> Option<u32> {
    let version = books.store.settle_strategy(&session(date), books.now).unwrap();
    version.map(|version| {
        assert!(version.strategy.contains(&format!("s-{}", version.proposal.0)), "{version:?}");
        version.proposal.0
    })
}

#[test]
fn what_was_approved_holds_from_the_next_session_on_and_no_session_changes_once_it_is_settled() {
    let mut books = Books::new();
    assert_eq!(settled(&mut books, "2026-11-24"), None, "the operator's settings");
    approved(&mut books, 1);
    assert_eq!(settled(&mut books, "2026-11-24"), None, "this session has begun");
    // Whoever dies here loses nothing: the yes is in the books.
    assert_eq!(settled(&mut books, "2026-11-25"), Some(1));
    let other = StrategyOf { market: Market::Jp, ..session("2026-11-25") };
    assert_eq!(books.store.settle_strategy(&other, books.now).unwrap(), None, "a market has its own");
    approved(&mut books, 2);
    approved(&mut books, 3);
    assert_eq!(settled(&mut books, "2026-11-25"), Some(1));
    assert_eq!(settled(&mut books, "2026-11-26"), Some(3), "the last yes holds");
    step(&mut books, 3, ProposalStep::RollBack, &ada()).unwrap();
    assert_eq!(settled(&mut books, "2026-11-26"), Some(3), "until the session is over");
    assert_eq!(settled(&mut books, "2026-11-27"), Some(2));
    step(&mut books, 2, ProposalStep::RollBack, &Decider::Agent).unwrap();
    step(&mut books, 1, ProposalStep::RollBack, &Decider::Agent).unwrap();
    assert_eq!(settled(&mut books, "2026-11-30"), None);
    assert_eq!(settled(&mut books, "2026-11-26"), Some(3), "what an earlier one traded by is known for ever");
}

#[test]
fn a_strategy_that_cannot_be_read_is_an_alarm_and_what_held_before_goes_on() {
    let mut books = Books::new();
    approved(&mut books, 1);
    assert_eq!(settled(&mut books, "2026-11-24"), Some(1));
    books.store.draft_proposal(&draft(2), start()).unwrap();
    step(&mut books, 2, ProposalStep::Submit, &Decider::Agent).unwrap();
    step(&mut books, 2, ProposalStep::Approve, &ada()).unwrap();
    assert_eq!(settled(&mut books, "2026-11-25"), Some(1));
    let record = books.store.proposals().unwrap().remove(0);
    let last = record.history.last().unwrap();
    assert_eq!((record.status, last.by.as_str()), (ProposalStatus::Rejected, "the agent"));
    assert!(last.reason.contains("cannot be read"), "{last:?}");
    let told = books.lines();
    assert!(
        told.iter().any(|line| line.contains("proposal 0002 was approved and cannot be read")),
        "{told:?}"
    );
    // A program that is older than what was activated: the version before it.
    approved(&mut books, 3);
    assert_eq!(settled(&mut books, "2026-11-26"), Some(3));
    let unread = "DROP TRIGGER strategy_versions_are_final;
                  UPDATE strategy_versions SET strategy = replace(strategy, 'rsi_14', 'rsi_of_tomorrow') WHERE proposal = 3;";
    books.store.connection.batch_execute(unread).unwrap();
    assert_eq!(settled(&mut books, "2026-11-27"), Some(1));
    let told = books.lines();
    assert!(told.iter().any(|line| line.contains("of what KR trades by cannot be read")), "{told:?}");
}

#[test]
fn texts_out_of_bounds_are_refused() {
    let mut books = Books::new();
    for name in ["", "Swing", "a/b", "a b", &"a".repeat(41)] {
        let draft = DraftProposal { name: name.into(), ..draft(1) };
        assert!(refused(books.store.draft_proposal(&draft, start())).contains("name"), "{name}");
    }
    let long = DraftProposal { strategy: "x".repeat(70_000), ..draft(1) };
    assert!(refused(books.store.draft_proposal(&long, start())).contains("65536 bytes"));
    books.store.begin_cycle(&begin(), start()).unwrap();
    let many: Vec<_> = (0..65).map(|number| trial(number, None)).collect();
    assert!(refused(books.store.record_trials(&trials(0, &many), start())).contains("at most 64"));
    for text in ["", "ABC", &"A".repeat(64), &"g".repeat(64)] {
        assert!(text.parse::<TrialHash>().is_err(), "{text}");
    }
}

#[test]
fn a_shadow_is_followed_day_by_day_and_ends_in_a_yes_to_be_looked_at_or_a_no() {
    let mut books = Books::new();
    for (number, passed, status) in
        [(1, true, ProposalStatus::ReadyForReview), (2, false, ProposalStatus::Rejected)]
    {
        let drafted = books.store.draft_proposal(&shadowed(number.into()), start()).unwrap();
        let plan = drafted.shadow.unwrap().plan;
        assert_eq!((plan.seed, plan.after), (u64::MAX - 3, "2026-11-24".parse().unwrap()));
        books.store.follow_shadow(&follow(number, &[("2026-11-25", 7), ("2026-11-26", -9)])).unwrap();
        books.store.follow_shadow(&follow(number, &[("2026-11-26", 100), ("2026-11-27", 5)])).unwrap();
        let why = refused(books.store.follow_shadow(&follow(number, &[("2026-11-24", 1)])));
        assert!(why.contains("2026-11-24 is not after 2026-11-24"), "{why}");
        let record = books.store.judge_shadow(&judged(number, passed), start()).unwrap();
        assert_eq!(record.status, status);
        assert_eq!(record.history.last().unwrap().reason, "20 sessions");
        let shadow = record.shadow.unwrap();
        let earned: Vec<_> = shadow.sessions.iter().map(|session| session.challenger_ppb).collect();
        assert_eq!((earned, shadow.verdict), (vec![7, -9, 5], Some("{}".into())), "the first word stays");
        assert!(
            refused(books.store.judge_shadow(&judged(number, passed), start())).contains("shadow is over")
        );
    }
    books.store.draft_proposal(&draft(3), start()).unwrap();
    assert!(refused(books.store.judge_shadow(&judged(3, true), start())).contains("has no shadow"));
}

#[test]
fn three_sessions_in_a_row_that_cannot_be_judged_are_an_alarm_once_until_one_can_be() {
    let mut books = Books::new();
    assert!(refused(books.store.book_look(&looked("2026-11-25", "2026-11-24"), start())).contains("0001"));
    books.store.draft_proposal(&shadowed(1), start()).unwrap();
    for (session, seen_until, sessions, alarms) in [
        ("2026-11-24", "2026-11-24", None, 0),
        ("2026-11-25", "2026-11-24", None, 0),
        ("2026-11-26", "2026-11-24", None, 0),
        ("2026-11-26", "2026-11-24", None, 0),
        ("2026-11-27", "2026-11-24", Some(3), 1),
        ("2026-11-27", "2026-11-24", Some(3), 1),
        ("2026-11-30", "2026-11-24", Some(4), 1),
        ("2026-12-01", "2026-11-30", None, 1),
        ("2026-12-02", "2026-11-30", None, 1),
        ("2026-12-03", "2026-11-30", Some(3), 2),
        ("2026-12-04", "2026-12-04", None, 2),
    ] {
        books.store.book_look(&looked(session, seen_until), start()).unwrap();
        let blind = books.store.read(crate::store::evolution::blind_watches).unwrap();
        assert_eq!(blind.first().map(|blind| blind.sessions), sessions, "{session}");
        let told = books.lines().iter().filter(|line| line.contains("is followed blindly")).count();
        assert_eq!(told, alarms, "{session}");
    }
    for session in ["2026-12-07", "2026-12-08", "2026-12-09"] {
        books.store.book_look(&looked(session, "2026-12-04"), start()).unwrap();
    }
    books.store.judge_shadow(&judged(1, false), start()).unwrap();
    let blind = books.store.read(crate::store::evolution::blind_watches).unwrap();
    assert_eq!(blind, [], "what is over is not followed");
}

#[test]
fn a_cycle_that_goes_on_finds_what_it_has_tried_seen_and_drafted() {
    let mut books = Books::new();
    let cycle = books.store.begin_cycle(&begin(), start()).unwrap();
    let all: Vec<_> = (0..70).map(|number| trial(number, (number == 1).then_some(("a", 5)))).collect();
    books.store.record_trials(&trials(0, &all[..64]), start()).unwrap();
    books.store.record_trials(&trials(64, &all[64..]), start()).unwrap();
    let asked =
        |books: &mut Books, from| books.store.trials_of(&TrialsOf { cycle: cycle.seq, from }).unwrap();
    let first = asked(&mut books, 0);
    assert_eq!((first.len(), first[1].killed_by, first[2].killed_by), (64, None, Some(GateName::G1)));
    assert_eq!((first[1].sharpe_micros, first[1].hash.clone()), (Some(5), hash(1)));
    assert_eq!((asked(&mut books, 64).len(), asked(&mut books, 70).len()), (6, 0));
    let window = books.store.spend_window(&spend(1, "2026-08-03", "2026-11-20"), start()).unwrap();
    assert_eq!((window.cycle, books.store.seen_in(window.seq).unwrap()), (cycle.seq, None));
    let seen = JudgeWindow { window: window.seq, passed: true, evidence: "{\"look\":1}".into() };
    books.store.judge_window(&seen, start()).unwrap();
    assert_eq!(books.store.seen_in(window.seq).unwrap().as_deref(), Some("{\"look\":1}"));
    let of_cycle = |number| DraftProposal { cycle: Some(cycle.seq), ..shadowed(number) };
    let drafted = books.store.draft_proposal(&of_cycle(1), start()).unwrap();
    assert_eq!(books.store.draft_proposal(&of_cycle(1), start()).unwrap(), drafted, "once");
    assert_eq!(books.store.proposals().unwrap().len(), 1);
}
