//! Lifting: the emergency file is never removed unread, and the books alone say what was lifted.

use domain::messages::control::RequestResume;

use super::world::World;
use super::*;

fn by_hand() -> HaltRecord {
    standing("h-operator-file", HaltSource::EmergencyFile)
}

fn named(id: &str, level: HaltLevel) -> HaltRecord {
    HaltRecord { level, ..standing(id, HaltSource::Operator) }
}

/// The ids of what the books hold as standing.
fn booked(world: &World) -> Vec<String> {
    world.facts().halts.iter().map(|halt| halt.id.clone()).collect()
}

#[test]
fn invariant_10_a_file_that_nobody_has_obeyed_yet_halts_when_another_halt_is_lifted() {
    let control_thread = || named("h-control", HaltLevel::Halted);
    for level in [HaltLevel::Halted, HaltLevel::Reducing] {
        for file in [by_hand(), control_thread()] {
            world(
                |facts| facts.halts = vec![named("h-1", level)],
                async |world| {
                    world.facts().file = vec![file.clone()];
                    let resumed = world.request_resume(Some("h-1")).await.unwrap();
                    assert_eq!((resumed.trading, resumed.state), (false, TradingState::Halted), "{level}");
                    world.settle().await;
                    assert!(!world.gate.is_open());
                    assert_eq!(booked(&world).len(), 1, "the file is in the books now");
                    assert!(world.facts().file.len() == 1);
                    assert!(world.request_resume(None).await.unwrap().trading);
                    assert_eq!(booked(&world), Vec::<String>::new());
                    assert_eq!(world.facts().file, []);
                },
            );
        }
    }
}

#[test]
fn invariant_10_a_resume_into_reducing_obeys_an_unread_file_too() {
    world(
        |facts| facts.halts = vec![named("h-1", HaltLevel::Halted)],
        async |world| {
            world.facts().file = vec![by_hand()];
            let request = RequestResume { into_reducing: true, ..RequestResume::local("kim", None) };
            assert_eq!(world.ask_resume(request).await.unwrap().state, TradingState::Halted);
            assert!(!world.gate.is_open());
        },
    );
}

#[test]
fn every_halt_that_is_in_no_book_is_in_the_file_and_stands_after_a_restart_until_it_is_lifted_itself() {
    trading(async |world| {
        world.facts().ledger_silent = true;
        let first = world.request_halt("storm").await.record;
        let second = world.request_halt("flood").await.record;
        assert_eq!(world.facts().file, [first.clone(), second.clone()]);
        world.restart();
        world.facts().ledger_silent = false;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(world.standing().await, [first.id.clone(), second.id.clone()]);
        assert!(!world.request_resume(Some(&second.id)).await.unwrap().trading);
        assert_eq!(world.facts().file, std::slice::from_ref(&first));
        assert!(world.request_resume(Some(&first.id)).await.unwrap().trading);
        assert_eq!(world.facts().file, []);
    });
}

#[test]
fn the_file_of_a_milder_halt_that_the_books_took_after_all_stops_everything() {
    for level in [HaltLevel::Reducing, HaltLevel::Flatten] {
        world(
            |facts| {
                facts.halts = vec![named("h-1", level)];
                facts.file = vec![named("h-1", HaltLevel::Halted)];
            },
            async |world| {
                assert_eq!(world.state().await, TradingState::Halted, "{level}");
                assert!(!world.gate.is_open());
                assert_eq!(world.standing().await, ["h-1"]);
                assert_eq!(world.request_resume(None).await.unwrap().state, TradingState::Active);
                assert_eq!(world.facts().file, []);
            },
        );
    }
}

#[test]
fn a_lost_answer_to_a_release_is_made_good_by_reading_the_books() {
    for (into_reducing, state) in [(false, TradingState::Active), (true, TradingState::Reducing)] {
        trading(async |world| {
            world.request_halt("storm").await;
            world.facts().release_told_after = Duration::from_secs(6);
            let request = RequestResume { into_reducing, ..RequestResume::local("kim", None) };
            let answer = world.ask_resume(request).await;
            assert!(matches!(answer, Err(ResumeError::NotDurable(_))), "{answer:?}");
            assert!(!world.gate.is_open());
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!((world.state().await, world.standing().await), (state, booked(&world)));
            assert!(world.gate.is_open_for(HaltEpoch(world.facts().epoch)));
            assert!(world.log().contains(&"broker: resume, epoch 6".to_owned()));
        });
    }
}

#[test]
fn a_repeated_release_leaves_what_the_books_hold_and_nothing_that_was_never_written() {
    for first in [true, false] {
        trading(async |world| {
            let halted = world.request_halt("storm").await.record;
            let ask = |into_reducing| RequestResume { into_reducing, ..RequestResume::local("kim", None) };
            (world.facts().release_told_after, world.facts().state_silent) = (Duration::from_secs(6), true);
            assert!(world.ask_resume(ask(first)).await.is_err());
            world.settle().await;
            assert_eq!(world.standing().await, [halted.id.as_str()], "nobody knows yet");
            (world.facts().release_told_after, world.facts().state_silent) = (Duration::ZERO, false);
            let repeated = world.ask_resume(ask(true)).await.unwrap();
            assert_eq!((repeated.lifted, repeated.state), (vec![halted], TradingState::Reducing));
            assert_eq!((world.standing().await, booked(&world).len()), (booked(&world), 1));
        });
    }
}

#[test]
fn invariant_10_a_halt_that_repeats_one_whose_release_is_in_doubt_stands_by_itself() {
    trading(async |world| {
        let first = world.request_halt("storm").await.record;
        (world.facts().release_told_after, world.facts().state_silent) = (Duration::from_secs(6), true);
        assert!(world.request_resume(None).await.is_err());
        let again = world.request_halt("storm").await.record;
        assert_ne!(first.id, again.id);
        world.facts().state_silent = false;
        tokio::time::sleep(Duration::from_secs(12)).await;
        assert_eq!(world.standing().await, [again.id]);
        assert!(!world.gate.is_open());
    });
}

#[test]
fn a_halt_that_could_be_written_nowhere_is_written_as_soon_as_there_is_room() {
    trading(async |world| {
        (world.facts().ledger_silent, world.facts().disk_full) = (true, true);
        let report = world.request_halt("storm").await;
        assert_eq!((report.durability, world.facts().file.len()), (Durability::NotDurable, 0));
        world.facts().disk_full = false;
        tokio::time::sleep(Duration::from_secs(61)).await;
        assert_eq!(world.facts().file, std::slice::from_ref(&report.record));
        world.restart();
        world.facts().ledger_silent = false;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(world.standing().await, [report.record.id]);
        assert!(!world.gate.is_open());
    });
}

#[test]
fn a_breaker_halt_of_one_day_or_currency_does_not_stand_for_the_loss_of_another() {
    let elsewhere = HaltRecord {
        reason: "USD 2026-11-23: -4.00 % is below -3.00 %; halting".into(),
        ..standing("h-usd", HaltSource::CircuitBreaker)
    };
    world(
        |facts| {
            facts.halts = vec![elsewhere.clone()];
            facts.day_start = Some(won(10_000_000));
        },
        async |world| {
            world.tell_account(10_000_000).await;
            for _ in 0..3 {
                world.tell_account(9_600_000).await;
            }
            assert_eq!(world.standing().await.len(), 2, "one for each loss");
            world.request_resume(Some("h-usd")).await.unwrap();
            assert!(!world.gate.is_open(), "the loss in won has its own halt");
            world.restart();
            tokio::time::sleep(Duration::from_secs(1)).await;
            for _ in 0..3 {
                world.tell_account(9_600_000).await;
            }
            assert_eq!(world.standing().await.len(), 1, "known by its words after a restart");
        },
    );
}
