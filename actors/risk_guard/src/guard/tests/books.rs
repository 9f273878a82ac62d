//! What another process writes into the books: noticed by a refused order, and within half a minute without one.

use domain::messages::control::{HaltedByBooks, RequestResume, StatusQuery};
use domain::messages::limits::OwnPosition;

use super::world::World;
use super::*;

/// What a process that was overtaken wrote a moment ago.
fn foreign(level: HaltLevel) -> HaltRecord {
    HaltRecord { level, ..standing("h-foreign", HaltSource::CircuitBreaker) }
}

/// Writes it behind the back of RiskGuard.
fn write(world: &World, level: HaltLevel) {
    let mut facts = world.facts();
    facts.halts.push(foreign(level));
    facts.epoch += 1;
}

/// Who hears what of it: the line for a person, and Broker.
fn heard(world: &World) -> Vec<String> {
    let log = world.log();
    log.into_iter().filter(|line| line.starts_with("event: ") || line.contains("halt, epoch")).collect()
}

const LINE: &str = "event: the books hold a halt that this process did not know, and it stops trading: before (by kim, \
                    circuit_breaker); lift it with: kestrel resume --halt h-foreign";

async fn stands_by_it(world: &World) {
    let status = world.status.ask(StatusQuery, Duration::from_secs(2)).await.unwrap();
    assert_eq!((status.state, status.halts), (TradingState::Halted, vec![foreign(HaltLevel::Halted)]));
    assert!(!world.gate.is_open());
    assert_eq!(heard(world), [LINE, "broker: halt, epoch 5"]);
    let lifted = world.request_resume(Some("h-foreign")).await.unwrap();
    assert_eq!((lifted.trading, lifted.state), (true, TradingState::Active));
    assert!(world.gate.is_open_for(HaltEpoch(6)));
}

#[test]
fn invariant_10_a_halt_of_another_process_is_stood_by_within_half_a_minute_without_an_order() {
    trading(async |world| {
        write(&world, HaltLevel::Halted);
        tokio::time::sleep(Duration::from_secs(31)).await;
        stands_by_it(&world).await;
    });
}

#[test]
fn invariant_10_a_halt_of_another_process_just_before_one_of_ours_is_stood_by_too() {
    trading(async |world| {
        write(&world, HaltLevel::Halted);
        let ours = world.request_reduce("less", false).await.record;
        world.settle().await;
        let status = world.status.ask(StatusQuery, Duration::from_secs(2)).await.unwrap();
        let ids: Vec<_> = status.halts.iter().map(|halt| halt.id.clone()).collect();
        assert_eq!((status.state, ids), (TradingState::Halted, vec![ours.id, "h-foreign".to_owned()]));
        assert!(!world.gate.is_open());
    });
}

#[test]
fn invariant_10_a_permit_refused_for_a_halt_has_that_halt_read_from_the_books_at_once() {
    trading(async |world| {
        write(&world, HaltLevel::Halted);
        world.halted_by_books.tell(HaltedByBooks).unwrap();
        world.settle().await;
        stands_by_it(&world).await;
    });
}

#[test]
fn invariant_10_an_approval_that_the_books_refuse_has_the_halt_read_at_once() {
    trading(async |world| {
        write(&world, HaltLevel::Halted);
        world.facts().approval = Err(LedgerError::Refused("trading is halted: before".into()));
        world.propose("005930", Side::Buy).await;
        world.facts().approval = Ok(());
        stands_by_it(&world).await;
    });
}

#[test]
fn a_halt_that_is_written_while_the_books_are_being_asked_is_not_missed() {
    trading(async |world| {
        world.facts().epoch_takes = Duration::from_secs(2);
        world.halted_by_books.tell(HaltedByBooks).unwrap();
        world.settle().await;
        // The question on its way is answered as of before; so the second refusal must have it asked again.
        world.halted_by_books.tell(HaltedByBooks).unwrap();
        tokio::time::sleep(Duration::from_secs(3)).await;
        write(&world, HaltLevel::Halted);
        tokio::time::sleep(Duration::from_secs(2)).await;
        stands_by_it(&world).await;
    });
}

#[test]
fn a_milder_halt_of_another_process_lets_exits_pass_of_the_new_epoch() {
    for (level, effect) in [
        (HaltLevel::Reducing, "lets exits pass only"),
        (HaltLevel::Flatten, "sells everything, then stops trading"),
    ] {
        trading(async |world| {
            world.facts().own = vec![OwnPosition {
                instrument: world::stock("000660"),
                quantity: Quantity::new(3),
                entry: None,
                since: None,
                peak: None,
            }];
            write(&world, level);
            tokio::time::sleep(Duration::from_secs(31)).await;
            assert_eq!(world.state().await, TradingState::Reducing, "{level}");
            assert!(world.gate.is_open_for(HaltEpoch(5)));
            let heard = heard(&world);
            assert!(heard[0].contains(effect), "{heard:?}");
        });
    }
}

#[test]
fn a_flatten_that_the_books_hold_as_done_stops_everything_here_too() {
    trading(async |world| {
        world.facts().own = vec![OwnPosition {
            instrument: world::stock("000660"),
            quantity: Quantity::new(3),
            entry: None,
            since: None,
            peak: None,
        }];
        let flatten = world.request_reduce("leaving", true).await.record;
        {
            let mut facts = world.facts();
            facts.halts[0].level = HaltLevel::Halted;
            facts.epoch += 1;
        }
        tokio::time::sleep(Duration::from_secs(31)).await;
        assert_eq!((world.state().await, world.standing().await), (TradingState::Halted, vec![flatten.id]));
        assert!(!world.gate.is_open());
    });
}

#[test]
fn an_epoch_that_moved_without_a_halt_that_stands_opens_the_gate_for_the_new_one() {
    trading(async |world| {
        world.facts().epoch += 2;
        assert!(!world.gate.is_open_for(HaltEpoch(6)), "nothing that is approved now can get a permit");
        tokio::time::sleep(Duration::from_secs(31)).await;
        assert_eq!(world.state().await, TradingState::Active);
        assert!(world.gate.is_open_for(HaltEpoch(6)));
        assert_eq!(heard(&world), Vec::<String>::new(), "nothing stands, so nobody must act");
    });
}

#[test]
fn a_halt_that_another_hand_lifted_in_the_books_is_lifted_here_too() {
    trading(async |world| {
        world.request_halt("storm").await;
        {
            let mut facts = world.facts();
            facts.halts.clear();
            facts.epoch += 1;
        }
        tokio::time::sleep(Duration::from_secs(31)).await;
        assert_eq!(world.state().await, TradingState::Active);
        assert!(world.gate.is_open_for(HaltEpoch(6)));
    });
}

#[test]
fn a_resume_whose_release_a_look_at_the_books_saw_first_is_still_answered_as_done() {
    for into_reducing in [false, true] {
        trading(async |world| {
            let halted = world.request_halt("storm").await.record;
            world.facts().release_told_after = Duration::from_secs(4);
            world.log();
            let request = RequestResume { into_reducing, ..RequestResume::local("kim", None) };
            let (resumed, _looked) = tokio::join!(world.ask_resume(request), async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                world.halted_by_books.tell(HaltedByBooks).unwrap();
            });
            assert_eq!(resumed.unwrap().lifted, [halted], "{into_reducing}");
        });
    }
}

#[test]
fn what_a_resume_into_reducing_leaves_is_no_news() {
    trading(async |world| {
        world.request_halt("storm").await;
        world.log();
        let request = RequestResume { into_reducing: true, ..RequestResume::local("kim", None) };
        world.ask_resume(request).await.unwrap();
        tokio::time::sleep(Duration::from_secs(61)).await;
        assert_eq!(heard(&world), Vec::<String>::new());
    });
}
