//! What the exchange tells by itself, and how little of it is believed.

use domain::messages::market_data::PriceSeen;

use super::doubles::stock;
use super::world::{row, trading};
use super::*;
use crate::{Notice, NoticeKind, StreamEvent};

fn notice(kind: NoticeKind) -> StreamEvent {
    StreamEvent::Notice(Notice { is_domestic: true, order_number: 101, kind })
}

#[test]
fn a_notice_makes_the_order_list_be_asked_at_once_instead_of_after_the_ladders_wait() {
    for (told, expected) in [(false, OrderState::Accepted), (true, OrderState::Filled)] {
        trading(
            |_facts| (),
            async |world| {
                world.propose("005930");
                world.facts().rows = Some(vec![row("005930", "0000000101", [0, 7])]);
                // 1, 2, 5, 10: the next look is at 48 s.
                world.pass(25.0).await;
                world.facts().rows = Some(vec![row("005930", "0000000101", [7, 0])]);
                if told {
                    world.facts().air.push_back(notice(NoticeKind::Traded));
                }
                world.pass(1.5).await;
                assert_eq!(world.states(), [expected], "told: {told}");
            },
        );
    }
}

#[test]
fn a_forged_or_wrong_notice_can_never_book_a_fill() {
    for kind in [NoticeKind::Traded, NoticeKind::Rejected, NoticeKind::Taken] {
        trading(
            |_facts| (),
            async |world| {
                world.propose("005930");
                world.facts().rows = Some(vec![row("005930", "0000000101", [0, 7])]);
                world.pass(1.0).await;
                for _ in 0..500 {
                    world.facts().air.push_back(notice(kind));
                }
                world.pass(20.0).await;
                assert_eq!(world.states(), [OrderState::Accepted], "{kind:?}: the list decides");
                assert!(world.facts().air.is_empty(), "every notice was heard");
                assert_eq!(world.live().await, [OrderState::Accepted]);
            },
        );
    }
}

#[test]
fn after_a_gap_of_the_stream_the_order_lists_are_asked() {
    trading(
        |_facts| (),
        async |world| {
            world.propose("005930");
            world.facts().rows = Some(vec![row("005930", "0000000101", [0, 7])]);
            world.pass(25.0).await;
            world.facts().rows = Some(vec![row("005930", "0000000101", [7, 0])]);
            world.facts().air.extend([StreamEvent::Down("cut".into()), StreamEvent::Up]);
            world.pass(1.5).await;
            assert_eq!(world.states(), [OrderState::Filled]);
        },
    );
}

#[test]
fn the_stream_is_told_what_is_held_and_riskguard_hears_the_prices_of_that_alone() {
    trading(
        |facts| facts.holds = vec!["005930"],
        async |world| {
            let wanted = world.facts().wanted.clone().unwrap();
            assert_eq!(wanted.held, BTreeSet::from([stock("005930")]));
            assert!(wanted.awake.contains(&Market::Kr));
            let price = |symbol: &str, text: &str| {
                let at = world.clock.now();
                StreamEvent::Price(PriceSeen { instrument: stock(symbol), price: text.parse().unwrap(), at })
            };
            world.facts().air.extend([price("005930", "71900"), price("000660", "5"), price("005930", "1")]);
            world.pass(0.5).await;
            let held = world.held_prices().await;
            assert_eq!(
                held,
                [("KR:005930".to_owned(), Some("71900".to_owned()))],
                "and not twice in a second"
            );
        },
    );
}

#[test]
fn a_trouble_of_the_stream_that_only_a_person_can_mend_halts_and_is_told_once() {
    trading(
        |_facts| (),
        async |world| {
            for _ in 0..5 {
                world.facts().air.push_back(StreamEvent::NeedsAPerson("in use elsewhere".into()));
            }
            world.pass(2.0).await;
            let log = world.log();
            let told = |words: &str| log.iter().filter(|line| line.contains(words)).count();
            assert_eq!((told("in use elsewhere"), told("ledger: halt by exchange")), (1, 1), "{log:?}");
            assert!(!world.gate.is_open());
            world.resume(false).await;
            world.facts().air.push_back(StreamEvent::NeedsAPerson("in use elsewhere".into()));
            world.pass(2.0).await;
            assert!(world.gate.is_open(), "a person has seen it");
        },
    );
}
