//! Properties of the rules over random histories: the books against a small exchange that knows the truth.
//!
//! The same histories every time, so that a failure is the change's and not the day's; `PROPTEST_CASES` sets how many.

mod model;

use domain::{OrderState, Outcome, Refusal, VenueOrderId};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::outcome::{Step, step};
use model::{Act, History, acts};

/// Runs a property over generated inputs.
fn for_all<S: Strategy>(cases: u32, inputs: S, property: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config { failure_persistence: None, max_shrink_iters: 4096, ..Config::default() };
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { config.cases } else { cases };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config { cases, ..config }, rng);
    runner.run(&inputs, property).unwrap_or_else(|failure| panic!("{failure}"));
}

/// Lives a history, looking after each act, and then lets the day end: no more faults, a person answers.
fn live(
    acts: &[Act],
    look: impl Fn(&History) -> Result<(), TestCaseError>,
) -> Result<History, TestCaseError> {
    let mut history = History::default();
    for act in acts {
        history.act(act)?;
        look(&history)?;
    }
    history.end()?;
    look(&history)?;
    Ok(history)
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    let order = |number: u8| VenueOrderId {
        date: "2026-11-24".parse().unwrap(),
        branch: "06010".into(),
        number: if number == 0 { "none".into() } else { number.to_string() },
    };
    prop_oneof![
        (0_u8..4).prop_map(move |number| Outcome::Accepted(order(number))),
        Just(Outcome::Refused(Refusal::NotSent("no route".into()))),
        Just(Outcome::Unknown("silence".into())),
    ]
}

#[test]
fn invariant_01_no_sequence_of_outcomes_leads_back_to_sending_or_out_of_a_terminal_state() {
    let inputs = (0..OrderState::ALL.len(), prop::collection::vec((outcomes(), any::<bool>()), 0..12));
    for_all(2000, inputs, |(first, sequence)| {
        let (mut state, mut held) = (OrderState::ALL[first], None);
        for (outcome, is_taken) in sequence {
            let before = state;
            match step(state, held.as_ref(), &outcome, is_taken) {
                Step::Nothing | Step::Illegal(_) => {}
                Step::Move { to, venue_order, .. } => {
                    prop_assert!(before.may_become(to), "{before} -> {to}");
                    prop_assert_ne!(to, OrderState::Sending);
                    (state, held) = (to, venue_order.or(held));
                }
            }
            prop_assert!(!before.is_terminal() || state == before, "{before} -> {state}");
        }
        Ok(())
    });
}

#[test]
fn invariant_01_no_history_sends_an_intent_twice() {
    for_all(400, acts(), |acts| {
        live(&acts, |history| {
            prop_assert!(history.posts.values().all(|posts| *posts <= 1), "{:?}", history.posts);
            Ok(())
        })
        .map(|_| ())
    });
}

#[test]
fn invariant_02_by_the_close_each_order_of_the_exchange_has_exactly_one_row_with_its_fills() {
    for_all(600, acts(), |acts| {
        let history = live(&acts, |_| Ok(()))?;
        for order in &history.venue {
            let rows = history.rows_of(order);
            prop_assert_eq!(rows.len(), 1, "{:?} has {:?}", order, rows);
            prop_assert_eq!(rows[0], order.filled, "{:?}", order);
        }
        for booked in &history.books.intents {
            let is_ours = |order: &model::VenueOrder| order.made_by.as_ref() == Some(&booked.intent.id);
            let exists = history.venue.iter().any(is_ours);
            let denied = booked.intent.state == OrderState::NeverAccepted;
            prop_assert!(!(denied && exists) || history.has_twins, "{:?} exists", booked.intent);
            prop_assert!(booked.intent.state.is_terminal(), "{:?}", booked.intent);
        }
        Ok(())
    });
}

#[test]
fn invariant_06_attribution_is_exact_unless_somebody_else_made_the_same_order_or_a_reply_lied() {
    for_all(600, acts(), |acts| {
        let history = live(&acts, |_| Ok(()))?;
        if !history.has_twins && !history.has_misnamed {
            for order in history.venue.iter() {
                let holder = history.holder_of(order);
                prop_assert_eq!(holder, order.made_by.clone(), "{:?}", order);
            }
        }
        Ok(())
    });
}

#[test]
fn invariant_06_whenever_an_order_is_disputed_its_stock_is_halted() {
    for_all(400, acts(), |acts| {
        live(&acts, |history| {
            let disputed = history.books.strangers.iter().any(|one| one.kind.code() == "disputed");
            prop_assert!(!disputed || history.halted_ever);
            Ok(())
        })
        .map(|_| ())
    });
}

#[test]
fn invariant_07_an_order_whose_row_shows_other_terms_is_unknown_again_and_its_stock_halted() {
    for_all(400, acts(), |acts| {
        live(&acts, |history| {
            for (intent, row) in history.mismatches() {
                prop_assert!(!intent.state.is_open(), "{intent:?} holds {row:?}");
            }
            Ok(())
        })
        .map(|_| ())
    });
}

#[test]
fn invariant_08_states_move_along_the_graph_and_fills_never_go_back_or_beyond_the_order() {
    // The moves and fills are checked by the history itself, at each change it applies.
    for_all(800, acts(), |acts| {
        let history = live(&acts, |_| Ok(()))?;
        prop_assert!(history.books.intents.iter().all(|one| one.intent.filled <= one.intent.terms.quantity));
        Ok(())
    });
}

#[test]
fn invariant_08_a_list_booked_again_changes_nothing() {
    for_all(400, acts(), |acts| {
        let mut history = History::default();
        for act in &acts {
            history.act(act)?;
        }
        // Silence counts: an order of unknown fate lapses when a few lists have not shown it, and nothing changes after that.
        for _ in 0..8 {
            history.list(model::Seen::Whole, false)?;
        }
        let before = history.essence();
        for _ in 0..3 {
            history.list(model::Seen::Whole, false)?;
            prop_assert_eq!(history.essence(), before.clone());
        }
        Ok(())
    });
}

#[test]
fn invariant_09_by_the_close_the_books_explain_every_share_of_the_account() {
    for_all(600, acts(), |acts| {
        let history = live(&acts, |_| Ok(()))?;
        prop_assert_eq!(history.shares_by_books(), history.shares_by_venue());
        Ok(())
    });
}

#[test]
fn the_histories_are_hard_enough_to_mean_something() {
    let seen = std::cell::RefCell::new(std::collections::BTreeMap::<&'static str, u32>::new());
    for_all(600, acts(), |acts| {
        let history = live(&acts, |_| Ok(()))?;
        for what in &history.happened {
            *seen.borrow_mut().entry(what).or_default() += 1;
        }
        Ok(())
    });
    let seen = seen.into_inner();
    for what in [
        "reply lost",
        "request lost",
        "late arrival",
        "wrong number",
        "claimed late",
        "disputed",
        "resolved by a person",
        "contradiction",
        "lapsed",
        "never accepted",
        "foreign twin",
        "died while sending",
        "partial fill",
    ] {
        assert!(seen.get(what).is_some_and(|times| *times >= 5), "{what} is too rare: {seen:?}");
    }
}
