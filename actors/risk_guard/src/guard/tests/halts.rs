//! Halts: begun, kept, listed and lifted.

use domain::messages::control::{HaltCancels, HaltEffect, RequestReduce};

use super::*;

#[test]
fn a_halt_closes_the_gate_at_once_and_is_answered_only_after_it_is_committed() {
    trading(async |world| {
        world.facts().halt_takes = Duration::from_secs(1);
        let reported = world.request_halt("storm");
        let early = async {
            world.settle().await;
            assert!(!world.gate.is_open());
            assert!(world.log().is_empty(), "neither committed nor confirmed yet");
        };
        let (report, ()) = tokio::join!(reported, early);
        assert_eq!(world.log(), ["ledger: halt", "broker: halt, epoch 5"]);
        assert_eq!(report.durability, Durability::Ledger);
        assert!(report.broker_confirmed);
        assert_eq!(report.epoch, HaltEpoch(5));
    });
}

#[test]
fn a_silent_ledger_leaves_the_halt_in_the_emergency_file_and_a_full_disk_nowhere() {
    trading(async |world| {
        (world.facts().ledger_silent, world.facts().broker_silent) = (true, true);
        let report = world.request_halt("storm").await;
        assert_eq!(report.durability, Durability::EmergencyFile);
        assert!(!report.broker_confirmed);
        assert_eq!(report.epoch, HaltEpoch(5), "no approval of before survives");
        assert_eq!(world.facts().file, [report.record]);

        world.facts().disk_full = true;
        let report = world.request_halt("and flood").await;
        assert_eq!(report.durability, Durability::NotDurable);
        assert!(!world.gate.is_open());
    });
}

#[test]
fn a_halt_that_cancels_is_another_than_one_that_does_not_and_everyone_is_told_of_both() {
    use domain::messages::control::HaltEffect;
    let effect = |cancel_open| HaltEffect { level: HaltLevel::Halted, cancel_open };
    trading(async |world| {
        let plain = world.request_halt_with(false).await.record;
        let cancelling = world.request_halt_with(true).await.record;
        assert_eq!(world.request_halt_with(true).await.record, cancelling, "word for word the same");
        assert_eq!((plain.cancel_open, cancelling.cancel_open), (false, true));
        assert_eq!(world.standing().await, [plain.id.clone(), cancelling.id.clone()]);
        assert!(world.facts().halts.contains(&cancelling), "it is in the books");
        assert_eq!(world.facts().effects, [effect(false), effect(true)].into());
        world.restart();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(world.facts().effects, [effect(false), effect(true)].into(), "after a restart too");
        world.request_resume(Some(&cancelling.id)).await.unwrap();
        world.settle().await;
        assert_eq!(world.facts().effects, [effect(false)].into(), "what works may work on");
    });
}

#[test]
fn a_broker_that_is_silent_cancels_later_what_a_halt_asked_for_and_the_answer_says_so() {
    for (cancel_open, told) in [(true, HaltCancels::Pending), (false, HaltCancels::NotWanted)] {
        trading(async |world| {
            world.facts().broker_silent = true;
            assert_eq!(world.request_halt_with(cancel_open).await.cancels, told);
        });
    }
}

#[test]
fn a_file_that_a_person_made_cancels_nothing_and_one_that_a_halt_wrote_what_was_asked_for() {
    for (source, expected) in [(HaltSource::EmergencyFile, false), (HaltSource::Operator, true)] {
        world(
            |facts| facts.file = vec![HaltRecord { cancel_open: true, ..standing("h-file", source) }],
            async |world| {
                world.settle().await;
                assert_eq!(world.facts().halts[0].cancel_open, expected, "{source}");
            },
        );
    }
}

#[test]
fn a_milder_halt_that_has_to_stop_everything_cancels_no_sale_for_want_of_the_books() {
    for flatten in [false, true] {
        trading(async |world| {
            world.facts().ledger_silent = true;
            let (source, by, reason) = (HaltSource::Operator, "kim".into(), "storm".to_owned());
            let request = RequestReduce { source, by, reason, flatten, cancel_open: true };
            let report = world.reduce.ask(request, Duration::from_secs(10)).await.unwrap();
            let effect = HaltEffect { level: HaltLevel::Halted, cancel_open: false };
            assert_eq!((report.record.effect(), world.facts().effects.clone()), (effect, [effect].into()));
            let file = world.facts().file.clone();
            assert!(file.iter().all(|halt| halt.effect() == effect) && !file.is_empty(), "{file:?}");
        });
    }
}

#[test]
fn a_new_life_says_that_nothing_is_halted_because_the_one_before_may_have_ended_before_it_could() {
    trading(async |world| {
        world.request_halt_with(true).await;
        let id = world.standing().await[0].clone();
        world.facts().release_told_after = Duration::from_secs(2);
        let resume = world.request_resume(Some(&id));
        let ends = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            world.log();
            world.restart();
        };
        tokio::join!(async { drop(tokio::time::timeout(Duration::from_secs(1), resume).await) }, ends);
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(world.state().await, TradingState::Active);
        let log = world.log();
        assert!(log.iter().any(|line| line.starts_with("broker: resume")), "{log:?}");
    });
}

#[test]
fn a_proposal_during_a_halt_is_refused() {
    trading(async |world| {
        world.request_halt("storm").await;
        world.log();
        world.propose("005930", Side::Buy).await;
        world.propose("005930", Side::Sell).await;
        assert_eq!(world.log(), ["refused: Halted", "refused: Halted"]);
    });
}

#[test]
fn an_approval_that_a_halt_overtook_is_never_placed_not_even_after_a_resume() {
    for resumes in [false, true] {
        trading(async |world| {
            world.facts().approval_takes = Duration::from_secs(3);
            world.propose("005930", Side::Buy).await;
            world.request_halt("storm").await;
            if resumes {
                assert!(world.request_resume(None).await.unwrap().trading);
            }
            world.log();
            tokio::time::sleep(Duration::from_secs(4)).await;
            assert_eq!(world.log(), ["ledger: approval", "refused: Halted"]);
            assert!(world.facts().placed.is_empty());
        });
    }
}

#[test]
fn the_gate_stays_closed_while_nobody_knows_which_halts_stand() {
    world(
        |facts| {
            facts.state_silent = true;
            facts.halts = vec![standing("h-1", HaltSource::CircuitBreaker)];
        },
        async |world| {
            world.tell_account(10_000_000).await;
            world.propose("005930", Side::Buy).await;
            assert!(!world.gate.is_open());
            assert!(world.facts().placed.is_empty());
            assert!(matches!(world.request_resume(None).await, Err(ResumeError::NotDurable(_))));
            world.facts().state_silent = false;
            tokio::time::sleep(Duration::from_secs(6)).await;
            assert_eq!(world.state().await, TradingState::Halted);
        },
    );
}

#[test]
fn a_halt_lists_what_works_and_what_is_unknown() {
    trading(async |world| {
        for (number, state) in
            [OrderState::Accepted, OrderState::Unknown, OrderState::Approved].iter().enumerate()
        {
            world.propose(&format!("00000{number}"), Side::Buy).await;
            let (intent, terms) = world.facts().placed[number].clone();
            let at = world.clock.now();
            let update = OrderUpdate { intent, terms, state: *state, filled: Quantity::ZERO, at };
            world.update.tell(update).unwrap();
        }
        let report = world.request_halt("storm").await;
        let states = |orders: &[domain::messages::control::LiveOrder]| {
            orders.iter().map(|order| order.state).collect::<Vec<_>>()
        };
        assert_eq!(states(&report.open), [OrderState::Accepted]);
        assert_eq!(states(&report.unknown), [OrderState::Unknown]);
    });
}

#[test]
fn the_same_halt_twice_is_one_and_another_reason_is_another() {
    trading(async |world| {
        let first = world.request_halt("storm").await;
        let again = world.request_halt("storm").await;
        assert_eq!(first.record, again.record);
        let other = world.request_halt("flood").await;
        assert_ne!(first.record.id, other.record.id);
        let both = vec![first.record.id.clone(), other.record.id.clone()];
        assert_eq!(world.request_resume(None).await, Err(ResumeError::NameOne(both)));
        let one = world.request_resume(Some(&first.record.id)).await.unwrap();
        assert!(!one.trading);
        assert!(!world.gate.is_open());
        let two = world.request_resume(None).await.unwrap();
        assert!(two.trading);
        assert!(world.gate.is_open_for(HaltEpoch(8)), "two halts and two releases after epoch 4");
        assert_eq!(world.request_resume(None).await, Err(ResumeError::NotHalted));
        let unknown = world.request_resume(Some("h-1")).await;
        assert_eq!(unknown, Err(ResumeError::NotHalted));
    });
}

#[test]
fn a_halt_survives_a_restart_and_only_a_committed_release_lifts_it() {
    world(
        |facts| facts.halts = vec![standing("h-1", HaltSource::Operator)],
        async |world| {
            assert_eq!(world.state().await, TradingState::Halted);
            world.facts().ledger_silent = true;
            assert!(matches!(world.request_resume(None).await, Err(ResumeError::NotDurable(_))));
            assert!(!world.gate.is_open());
            world.facts().ledger_silent = false;
            world.log();
            let report = world.request_resume(None).await.unwrap();
            assert!(report.trading && world.gate.is_open_for(HaltEpoch(5)));
            world.settle().await;
            assert_eq!(world.log(), ["ledger: release by kim", "broker: resume, epoch 5"]);
        },
    );
}

#[test]
fn a_halt_asked_for_while_its_twin_is_being_lifted_stands() {
    trading(async |world| {
        world.request_halt("storm").await;
        world.facts().release_takes = Duration::from_secs(1);
        let again = async {
            world.settle().await;
            world.request_halt("storm").await
        };
        let (resumed, report) = tokio::join!(world.request_resume(None), again);
        assert!(!resumed.unwrap().trading);
        assert!(!world.gate.is_open());
        assert_eq!(world.facts().halts, [report.record]);
    });
}

#[test]
fn a_file_made_by_hand_halts_at_start_or_before_the_next_approval() {
    let by_hand = || vec![standing("HALT", HaltSource::EmergencyFile)];
    world(
        |facts| facts.file = by_hand(),
        async |world| {
            assert_eq!(world.state().await, TradingState::Halted);
            assert_eq!(world.facts().halts.len(), 1, "it is copied into the books");
            world.restart();
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(world.facts().halts.len(), 1, "once");
            assert!(world.request_resume(None).await.unwrap().trading);
            assert_eq!(world.facts().file, []);

            world.facts().file = by_hand();
            world.tell_account(10_000_000).await;
            world.propose("005930", Side::Buy).await;
            assert!(world.log().contains(&"refused: Halted".to_owned()));
            assert!(!world.gate.is_open());
            assert!(world.facts().placed.is_empty());
        },
    );
}

#[test]
fn an_order_that_leaves_at_the_end_of_its_approval_while_the_books_are_read_is_in_the_answer_to_a_halt() {
    trading(async |world| {
        tokio::time::sleep(Duration::from_secs(2)).await;
        world.propose("005930", Side::Buy).await;
        let (id, terms) = world.facts().placed[0].clone();
        let approved_at = world.clock.now();
        let (session_date, state) = (Market::Kr.date_at(approved_at), OrderState::Approved);
        let row = OpenIntent {
            id: id.clone(),
            terms,
            state,
            venue_order: None,
            filled: Quantity::ZERO,
            sent_at: None,
            watermark: None,
            session_date,
            approved_at,
            missed_inquiries: 0,
        };
        // The look of each half minute is answered after the approval has run out; it was sent in between.
        world.facts().open = vec![row];
        world.facts().open_takes = Duration::from_secs(3);
        tokio::time::sleep(Duration::from_secs(32)).await;
        world.facts().on_the_wire = vec![id.clone()];
        let report = world.request_halt("storm").await;
        assert!(report.broker_confirmed);
        let listed: Vec<_> =
            report.open.iter().chain(&report.unknown).map(|order| order.intent.clone()).collect();
        assert_eq!(listed, [id]);
    });
}
