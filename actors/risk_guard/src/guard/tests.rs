//! The actor against doubles of its neighbours, in virtual time.

mod books;
mod doubles;
mod exits;
mod halts;
mod lifts;
mod losses;
mod lots;
mod setbacks;
mod states;
mod stocks;
mod won;
mod world;

use chrono::TimeDelta;
use domain::messages::control::{Durability, HaltLevel, HaltRecord, HaltSource, ResumeError};
use domain::messages::ledger::LedgerError;
use domain::messages::trading::AccountUpdated;
use domain::{AccountSnapshot, Money, OpenIntent, OrderState, Quantity, Side};
use rust_decimal::Decimal;

use super::*;
use world::{account, trading, won, world};

fn standing(id: &str, source: HaltSource) -> HaltRecord {
    HaltRecord {
        id: id.into(),
        at: DateTime::<Utc>::MIN_UTC,
        source,
        by: "kim".into(),
        reason: "before".into(),
        level: HaltLevel::Halted,
        nonce: domain::HaltNonce::new(7),
        cancel_open: false,
    }
}

#[test]
fn an_order_is_placed_only_after_its_approval_is_committed() {
    trading(async |world| {
        world.propose("005930", Side::Buy).await;
        assert_eq!(world.log(), ["ledger: approval", "broker: order"]);
        let placed = world.facts().placed.clone();
        assert_eq!(placed[0].1.to_string(), "BUY 7 KR:005930 at 70200");
    });
}

#[test]
fn the_gate_stays_closed_until_halts_orders_and_reconciliation_are_known() {
    world(
        |facts| (facts.ledger_silent, facts.reconciled) = (true, false),
        async |world| {
            world.propose("005930", Side::Buy).await;
            assert_eq!(world.log(), ["refused: Starting"]);
            world.facts().ledger_silent = false;
            tokio::time::sleep(Duration::from_secs(6)).await;
            assert!(!world.gate.is_open(), "Broker has not reconciled");
            assert_eq!(world.state().await, TradingState::Starting);
            world.facts().reconciled = true;
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert!(world.gate.is_open_for(HaltEpoch(4)));
            assert_eq!(world.state().await, TradingState::Active);
        },
    );
}

#[test]
fn a_restart_closes_the_gate_and_learns_again_that_reconciliation_holds() {
    trading(async |world| {
        world.facts().reconciled = false;
        world.restart();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!world.gate.is_open());
        world.facts().reconciled = true;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(world.gate.is_open());
    });
}

#[test]
fn the_gate_is_closed_when_riskguard_has_drained() {
    trading(async |world| {
        assert!(world.gate.is_open());
        world.drain().await;
        assert!(!world.gate.is_open(), "orders that wait at Broker must not leave during the drain");
    });
}

#[test]
fn after_failed_resumes_the_gate_opens_for_the_epoch_of_the_books() {
    world(
        |facts| facts.halts = vec![standing("h-1", HaltSource::EmergencyFile)],
        async |world| {
            world.facts().ledger_silent = true;
            let storm = world.request_halt("storm").await.record.id;
            for _attempt in 0..3 {
                assert!(world.request_resume(Some(&storm)).await.is_err());
            }
            world.facts().ledger_silent = false;
            for halt in world.standing().await {
                world.request_resume(Some(&halt)).await.unwrap();
            }
            let books = HaltEpoch(world.facts().epoch);
            assert!(world.gate.is_open_for(books), "approvals of another epoch are refused by the ledger");
        },
    );
}

#[test]
fn a_restart_knows_the_orders_of_its_former_life() {
    trading(async |world| {
        world.propose("005930", Side::Buy).await;
        let (intent, terms) = world.facts().placed[0].clone();
        world.facts().open = vec![OpenIntent {
            id: intent,
            terms,
            state: OrderState::Unknown,
            venue_order: None,
            filled: Quantity::ZERO,
            sent_at: None,
            watermark: None,
            session_date: chrono::NaiveDate::MIN,
            approved_at: world.clock.now(),
            missed_inquiries: 0,
        }];
        world.restart();
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.tell_account(10_000_000).await;
        world.log();
        world.propose("005930", Side::Buy).await;
        assert_eq!(world.log(), ["refused: UnresolvedOrder"]);
    });
}

#[test]
fn one_symbol_has_one_purchase_at_a_time() {
    trading(async |world| {
        world.propose.tell(world.proposal("005930", Side::Buy)).unwrap();
        world.propose("005930", Side::Buy).await;
        assert_eq!(world.facts().placed.len(), 1);
        assert!(world.log().contains(&"refused: OpenOrder".to_owned()));

        let (intent, terms) = world.facts().placed[0].clone();
        let at = world.clock.now();
        let unknown = OrderUpdate { intent, terms, state: OrderState::Unknown, filled: Quantity::ZERO, at };
        world.update.tell(unknown.clone()).unwrap();
        world.propose("005930", Side::Buy).await;
        assert_eq!(world.log(), ["refused: UnresolvedOrder"]);
        world.propose("005930", Side::Sell).await;
        assert_eq!(world.log(), ["ledger: approval", "broker: order"], "an exit stays possible");

        world.update.tell(OrderUpdate { state: OrderState::NeverAccepted, ..unknown }).unwrap();
        world.settle().await;
        world.tell_account(10_000_000).await;
        world.propose("005930", Side::Buy).await;
        assert_eq!(world.log(), ["ledger: approval", "broker: order"]);
    });
}

#[test]
fn an_account_that_is_missing_or_old_is_asked_for_once_and_then_decides() {
    world(
        |_facts| (),
        async |world| {
            world.log();
            world.propose("005930", Side::Buy).await;
            assert_eq!(world.log(), ["broker: account", "refused: NoAccount"]);
            world.tell_account(10_000_000).await;
            tokio::time::sleep(Duration::from_secs(61)).await;
            let fresh = account(world.clock.now() + TimeDelta::seconds(1), 10_000_000);
            world.facts().account = Some(fresh);
            world.propose.tell(world.proposal("005930", Side::Buy)).unwrap();
            world.propose("000660", Side::Buy).await;
            let log = world.log();
            assert_eq!(log.iter().filter(|line| *line == "broker: account").count(), 1);
            assert_eq!(world.facts().placed.len(), 2);
        },
    );
}

#[test]
fn an_account_from_a_clock_that_ran_ahead_gives_way_to_the_true_one() {
    world(
        |_facts| (),
        async |world| {
            let mut ahead = account(world.clock.now() + TimeDelta::hours(3), 10_000_000);
            ahead.cash = Some(won(100_000_000));
            world.account.tell(AccountUpdated { snapshot: ahead }).unwrap();
            world.settle().await;
            world.tell_account(10_000_000).await;
            world.propose("005930", Side::Buy).await;
            let bought: Vec<_> = world.facts().placed.iter().map(|(_, terms)| terms.quantity.get()).collect();
            assert_eq!(bought, [7], "five percent of ten million, not of a hundred: {:?}", world.log());
        },
    );
}

#[test]
fn a_lost_answer_to_a_commit_keeps_the_reservation_until_the_books_are_read() {
    trading(async |world| {
        world.facts().ledger_silent = true;
        world.propose("005930", Side::Buy).await;
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(world.log(), ["refused: LedgerUnknown"]);
        world.propose("005930", Side::Buy).await;
        assert_eq!(world.log(), ["refused: OpenOrder"]);
        world.facts().ledger_silent = false;
        tokio::time::sleep(Duration::from_secs(6)).await;
        world.facts().account = Some(account(world.clock.now() + TimeDelta::seconds(1), 10_000_000));
        world.propose("005930", Side::Buy).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let expected = ["broker: account", "ledger: approval", "broker: order"];
        assert_eq!(
            world.log(),
            expected,
            "the books do not have it, and the account tells what became of it"
        );
    });
}

#[test]
fn an_end_that_was_not_heard_of_or_heard_of_too_early_blocks_its_stock_for_half_a_minute_at_most() {
    for heard in [&[OrderState::Accepted][..], &[OrderState::Filled, OrderState::Accepted]] {
        trading(async |world| {
            world.propose("005930", Side::Buy).await;
            let (intent, terms) = world.facts().placed[0].clone();
            for state in heard.iter().copied() {
                let (intent, terms, at) = (intent.clone(), terms.clone(), world.clock.now());
                let update = OrderUpdate { intent, terms, state, filled: Quantity::ZERO, at };
                world.update.tell(update).unwrap();
            }
            world.settle().await;
            world.tell_account(10_000_000).await;
            world.log();
            world.propose("005930", Side::Buy).await;
            assert_eq!(world.log(), ["refused: OpenOrder"], "{heard:?}");
            tokio::time::sleep(Duration::from_secs(31)).await;
            world.facts().account = Some(account(world.clock.now() + TimeDelta::seconds(1), 10_000_000));
            world.propose("005930", Side::Buy).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            let expected = ["broker: account", "ledger: approval", "broker: order"];
            assert_eq!(world.log(), expected, "sized by an account that shows the end: {heard:?}");
        });
    }
}

#[test]
fn a_refused_commit_gives_its_reservation_back() {
    trading(async |world| {
        world.facts().approval = Err(LedgerError::Refused("day not open".into()));
        world.propose("005930", Side::Buy).await;
        assert_eq!(world.log(), ["ledger: approval", "refused: LedgerRefused"]);
        world.facts().approval = Ok(());
        world.propose("005930", Side::Buy).await;
        assert_eq!(world.log(), ["ledger: approval", "broker: order"]);
    });
}

#[test]
fn invariant_14_the_days_purchases_outlive_a_restart_and_are_counted_again_before_one_is_refused() {
    world(
        |facts| {
            facts.day_start = Some(won(10_000_000));
            facts.bought = Decimal::from(50_000_000);
        },
        async |world| {
            world.tell_account(10_000_000).await;
            world.log();
            let asked = world.facts().day_starts_asked;
            world.propose("005930", Side::Buy).await;
            assert_eq!(world.log(), ["refused: DayCeiling"]);
            assert_eq!(world.facts().day_starts_asked, asked + 1, "the books may have given some back");
            world.propose("005930", Side::Sell).await;
            assert_eq!(world.log(), ["ledger: approval", "broker: order"], "a sale has no such ceiling");
            world.facts().bought = Decimal::ZERO;
            world.propose("000660", Side::Buy).await;
            assert_eq!(world.log(), ["ledger: approval", "broker: order"]);
        },
    );
}

#[test]
fn invariant_14_purchases_of_this_life_count_although_the_books_were_not_asked_since() {
    world(
        // Two orders of seven shares are above five times this; the first is below.
        |facts| facts.day_start = Some(won(150_000)),
        async |world| {
            world.tell_account(10_000_000).await;
            world.log();
            world.propose("005930", Side::Buy).await;
            assert_eq!(world.log(), ["ledger: approval", "broker: order"]);
            world.facts().bought = Decimal::from(491_400);
            world.propose("000660", Side::Buy).await;
            assert_eq!(world.log(), ["refused: DayCeiling"]);
        },
    );
}

#[test]
fn invariant_11_an_odd_time_of_the_exchange_is_asked_about_once_more_before_an_approval_is_used_up() {
    let odd = Some(TimeDelta::seconds(9));
    for (next, expected) in [
        (None, vec!["broker: account", "ledger: approval", "broker: order"]),
        (odd, vec!["broker: account", "refused: ClockDoubt"]),
    ] {
        for side in [Side::Buy, Side::Sell] {
            trading(async |world| {
                (world.facts().clock_doubt, world.facts().clock_next) = (odd, next);
                world.facts().account = Some(account(world.clock.now(), 10_000_000));
                world.propose("005930", side).await;
                assert_eq!(world.log(), expected, "{side}");
                let approved = world.facts().approved.len();
                assert_eq!(approved, usize::from(next.is_none()), "{side}");
            });
        }
    }
}

#[test]
fn a_gateway_that_is_wrong_every_other_time_leaves_the_days_approvals_alone() {
    trading(async |world| {
        let odd = Some(TimeDelta::seconds(9));
        for _wish in 0..200 {
            (world.facts().clock_doubt, world.facts().clock_next) = (odd, odd);
            world.propose("005930", Side::Buy).await;
        }
        assert_eq!(world.facts().approved.len(), 0);
        (world.facts().clock_doubt, world.facts().clock_next) = (None, None);
        world.tell_account(10_000_000).await;
        world.log();
        world.propose("005930", Side::Buy).await;
        assert_eq!(world.log(), ["ledger: approval", "broker: order"]);
    });
}

#[test]
fn an_order_that_broker_does_not_take_is_refused_by_name() {
    trading(async |world| {
        (world.facts().clock_doubt, world.facts().broker_full) = (Some(TimeDelta::seconds(9)), true);
        world.facts().account = Some(account(world.clock.now(), 10_000_000));
        world.propose("005930", Side::Buy).await;
        assert_eq!(world.log(), ["broker: account", "ledger: approval", "refused: BrokerFull"]);
    });
}

#[test]
fn invariant_18_no_more_than_sixty_four_proposals_wait_for_an_account() {
    world(
        |_facts| (),
        async |world| {
            world.facts().account_takes = Duration::from_secs(5);
            for _wish in 0..70 {
                world.propose("005930", Side::Buy).await;
            }
            let refused = |log: &std::collections::VecDeque<String>, reason: &str| {
                log.iter().filter(|line| **line == format!("refused: {reason}")).count()
            };
            assert_eq!(refused(&world.log(), "TooManyWaiting"), 6);
            tokio::time::sleep(Duration::from_secs(6)).await;
            assert_eq!(refused(&world.log(), "NoAccount"), 64, "each of the others has its answer");
        },
    );
}
