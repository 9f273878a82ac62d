//! What a halt forbids, and what its answer must list.

use super::*;

#[test]
fn invariant_10_sending_during_a_halt_is_found_in_this_life_and_the_next() {
    let halt = || What::Halt { id: "h".into() };
    check_finds(10, |run| {
        run.insert(SENDING, halt());
    });
    check_finds(10, |run| {
        run.insert(SENDING, halt());
        run.insert(SENDING + 1, What::Boot { epoch: 2 });
    });
    let lifted = spoiled(|run| {
        run.insert(SENDING, halt());
        run.insert(SENDING + 1, What::Release { id: "h".into() });
        run.insert(SENDING + 2, halt());
    });
    assert!(lifted.is_empty(), "a halt that is lifted, or written twice, stops nothing: {lifted:?}");
}

#[test]
fn invariant_10_a_purchase_while_only_exits_are_let_through_is_found() {
    check_finds(10, |run| run.insert(SENDING, What::Reduce { id: "h".into() }));
    let sale = spoiled(|run| {
        run.insert(SENDING, What::Reduce { id: "h".into() });
        let terms = domain::OrderTerms { side: Side::Sell, ..terms() };
        run.facts[APPROVED].what = What::Approval(Approval { terms, ..approval("i") });
    });
    assert!(!sale.contains(&10), "{sale:?}");
    let flat = |run: &mut Run| {
        run.insert(APPROVED, What::Reduce { id: "h".into() });
        run.insert(APPROVED + 1, What::Halt { id: "h".into() });
        run.insert(APPROVED + 2, What::Release { id: "h".into() });
    };
    assert!(spoiled(flat).is_empty(), "one release lifts what was flattened");
}

fn answered(listed: &[&str], is_confirmed: bool, is_durable: bool) -> What {
    let listed = listed.iter().map(|intent| (*intent).to_owned()).collect();
    What::HaltAnswered(HaltAnswer { id: "h".into(), is_durable, is_confirmed, listed })
}

#[test]
fn invariant_10_what_leaves_after_the_answer_to_a_halt_is_found() {
    check_finds(10, |run| run.insert(SENDING, answered(&[], false, true)));
    check_finds(10, |run| run.insert(POSTED, answered(&["j"], true, true)));
    check_finds(10, |run| {
        run.insert(SENDING, answered(&[], true, true));
        run.insert(SENDING + 1, What::Boot { epoch: 2 });
    });
    let allowed: [fn(&mut Run); 3] = [
        |run| run.insert(POSTED, answered(&["i"], true, true)),
        |run| run.insert(POSTED, answered(&[], false, true)),
        |run| {
            run.insert(SENDING, answered(&[], true, true));
            run.insert(SENDING + 1, What::Release { id: "h".into() });
        },
    ];
    for (number, spoil) in allowed.into_iter().enumerate() {
        assert!(spoiled(spoil).is_empty(), "case {number}");
    }
}

#[test]
fn invariant_10_what_leaves_while_the_halt_file_is_there_is_found() {
    check_finds(10, |run| run.insert(SENDING, What::HaltFile));
    let on_the_wire = spoiled(|run| run.insert(POSTED, What::HaltFile));
    assert!(on_the_wire.is_empty(), "{on_the_wire:?}");
    let gone = spoiled(|run| {
        run.insert(SENDING, What::HaltFile);
        run.insert(SENDING + 1, What::Release { id: "h".into() });
        run.insert(SENDING + 2, What::HaltFileGone);
    });
    assert!(gone.is_empty(), "{gone:?}");
}

#[test]
fn invariant_10_an_order_of_somebody_else_that_does_not_halt_is_found() {
    let foreign = |is_halted| What::Foreign { order: "2026-11-24 91252 2".into(), is_halted };
    check_finds(10, |run| run.insert(CLOSED, foreign(false)));
    let halted = spoiled(|run| run.insert(CLOSED, foreign(true)));
    assert!(halted.is_empty(), "{halted:?}");
}

#[test]
fn invariant_10_a_halt_file_that_goes_by_itself_is_found_and_binds_as_before() {
    let by_itself = |run: &mut Run| {
        run.insert(SENDING, What::Release { id: "of before".into() });
        run.insert(SENDING + 1, What::HaltFile);
        run.insert(SENDING + 2, What::HaltFileGone);
    };
    check_finds(10, by_itself);
    let mut run = clean();
    by_itself(&mut run);
    assert_eq!(run.violations().len(), 2, "that it went, and what left: {:?}", run.violations());
}

#[test]
fn invariant_10_a_halt_in_the_books_that_the_agent_does_not_tell_is_found() {
    check_finds(10, |run| {
        run.insert(SENDING, What::HaltUnheard { id: "h".into() });
    });
}

/// An order that works, and is cancelled `age_s` seconds after it was sent; between the two, what `between` puts there.
fn cancelled(side: Side, age_s: i64, between: &[What]) -> BTreeSet<u8> {
    spoiled(|run| {
        let terms = domain::OrderTerms { side, ..terms() };
        run.facts[APPROVED].what = What::Approval(Approval { terms, ..approval("i") });
        let sent_at = run.facts[SENDING].at;
        for (number, what) in between.iter().enumerate() {
            run.insert(FILLED + number, what.clone());
        }
        let cancel =
            Fact { at: sent_at + TimeDelta::seconds(age_s), what: What::Cancel { intent: "i".into() } };
        run.facts.insert(FILLED + between.len(), cancel);
    })
}

#[test]
fn invariant_10_a_cancel_that_no_halt_asked_for_is_found() {
    let halt = |sales_too| What::HaltCancels { id: "h".into(), sales_too };
    let latched = [halt(false), What::Halt { id: "h".into() }];
    let lifted = |id: &str| What::Release { id: id.into() };
    let clock = [What::ClockSet { wrong_by_ms: 120_000 }];
    let cases: [(Side, i64, &[What], bool); 14] = [
        (Side::Buy, 20, &[], true),
        (Side::Sell, 10, &[], true),
        (Side::Buy, 120, &[], false),
        (Side::Buy, 20, &clock, false),
        // The price has left it behind.
        (Side::Sell, 20, &[], false),
        (Side::Buy, 20, &[What::Halt { id: "h".into() }], true),
        (Side::Buy, 20, &[halt(true)], false),
        (Side::Sell, 10, &[halt(true)], false),
        (Side::Buy, 20, &[halt(false)], false),
        (Side::Sell, 10, &[halt(false)], true),
        (Side::Sell, 10, &latched, false),
        // The cancel may have been on its way.
        (Side::Buy, 20, &[halt(true), lifted("h")], false),
        (Side::Sell, 10, &[halt(false), lifted("h")], true),
        (Side::Buy, 20, &[lifted("h"), halt(true)], true),
    ];
    for (number, (side, age_s, between, is_found)) in cases.into_iter().enumerate() {
        assert_eq!(cancelled(side, age_s, between).contains(&10), is_found, "case {number}");
    }
}

#[test]
fn invariant_10_an_order_that_a_halt_leaves_although_it_was_to_cancel_is_found() {
    check_finds(10, |run| {
        run.insert(FILLED, What::NotCancelled { halt: "h".into(), intent: "i".into() });
    });
}
