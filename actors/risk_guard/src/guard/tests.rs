//! The actor against doubles of its neighbours, in virtual time.

mod books;
mod doubles;
mod exits;
mod lifts;
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
fn a_loss_beyond_the_limit_halts_once_and_after_a_resume_only_exits_run() {
    trading(async |world| {
        world.tell_account(9_700_000).await;
        assert!(world.gate.is_open(), "exactly -3 %");
        world.tell_account(9_699_999).await;
        assert!(world.gate.is_open(), "one account alone may be a broken reply");
        assert_eq!(world.state().await, TradingState::Reducing);
        world.tell_account(9_699_999).await;
        assert!(!world.gate.is_open());
        assert_eq!(world.facts().halts[0].source, HaltSource::CircuitBreaker);

        assert!(world.request_resume(None).await.unwrap().trading);
        world.tell_account(9_690_000).await;
        assert!(world.gate.is_open(), "a person has seen this loss");
        world.restart();
        tokio::time::sleep(Duration::from_secs(1)).await;
        for equity in [9_690_000, 9_680_000, 9_680_000] {
            world.tell_account(equity).await;
            assert!(world.gate.is_open(), "and a restart does not make it unseen");
        }
        world.log();
        world.propose("005930", Side::Buy).await;
        world.propose("005930", Side::Sell).await;
        assert_eq!(world.log(), ["refused: DailyLoss", "ledger: approval", "broker: order"]);
    });
}

#[test]
fn the_days_start_is_the_ledgers_and_so_a_loss_before_a_restart_still_counts() {
    world(
        |facts| facts.day_start = Some(won(10_000_000)),
        async |world| {
            world.tell_account(9_710_000).await;
            assert_eq!(world.state().await, TradingState::Active, "-2.9 %");
            world.restart();
            tokio::time::sleep(Duration::from_secs(1)).await;
            // As if the day began with what is left, two tenths of a percent would be nothing.
            world.tell_account(9_690_000).await;
            world.tell_account(9_690_000).await;
            assert_eq!(world.state().await, TradingState::Halted);
            assert_eq!(world.facts().halts[0].source, HaltSource::CircuitBreaker);
        },
    );
}

#[test]
fn a_day_begins_with_what_two_accounts_in_a_row_agree_on() {
    for phantom in [4_000_000, 11_000_000, 1] {
        world(
            |_facts| (),
            async |world| {
                let tell = async |equity| {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    let snapshot = account(world.clock.now(), equity);
                    world.account.tell(AccountUpdated { snapshot }).unwrap();
                    world.settle().await;
                };
                tell(phantom).await;
                world.facts().account =
                    Some(account(world.clock.now() + TimeDelta::milliseconds(1), 10_000_000));
                world.log();
                world.propose("005930", Side::Buy).await;
                assert_eq!(world.log(), ["broker: account", "refused: PnlUnknown"], "{phantom}");
                assert_eq!(world.facts().day_start, None, "{phantom}");
                tell(10_000_000).await;
                assert_eq!(world.facts().day_start, Some(won(10_000_000)), "{phantom}");
                tell(9_690_000).await;
                tell(9_690_000).await;
                assert_eq!(world.state().await, TradingState::Halted, "{phantom}");
            },
        );
    }
}

#[test]
fn a_purchase_has_the_second_account_asked_for_that_the_days_start_lacks() {
    world(
        |_facts| (),
        async |world| {
            let snapshot = account(world.clock.now(), 10_000_000);
            world.account.tell(AccountUpdated { snapshot }).unwrap();
            world.settle().await;
            world.facts().account = Some(account(world.clock.now(), 9_990_000));
            world.log();
            world.propose("005930", Side::Buy).await;
            assert_eq!(world.log(), ["broker: account", "ledger: approval", "broker: order"]);
            assert_eq!(world.facts().day_start, Some(won(9_990_000)), "the later of the two");
        },
    );
}

#[test]
fn a_phantom_loss_has_another_account_asked_for_at_once_and_halts_nothing() {
    trading(async |world| {
        world.facts().account = Some(account(world.clock.now() + TimeDelta::seconds(1), 10_000_000));
        world.log();
        world.tell_account(1_000).await;
        let log = world.log();
        assert!(log.contains(&"broker: account".to_owned()), "{log:?}");
        assert_eq!(world.state().await, TradingState::Active, "the second account told otherwise");
        assert!(world.facts().halts.is_empty());
        // Told by two accounts it halts without anybody's proposal.
        world.facts().account = Some(account(world.clock.now() + TimeDelta::seconds(3), 9_000_000));
        tokio::time::sleep(Duration::from_secs(2)).await;
        world.tell_account(9_000_000).await;
        assert_eq!(world.state().await, TradingState::Halted);
    });
}

#[test]
fn a_loss_in_dollars_is_measured_against_dollars_and_no_won_day_meets_it() {
    trading(async |world| {
        // Numbers that would be a loss of 99.9 % against the ten million won of the other account.
        for _account in 0..3 {
            let dollars = |amount: i64| Some(Money::new(amount.into(), Currency::Usd));
            let snapshot = AccountSnapshot {
                currency: Currency::Usd,
                taken_at: world.clock.now(),
                cash: dollars(10_000),
                equity: dollars(10_000),
                purchase_total: None,
                valuation_total: None,
                holdings: Vec::new(),
            };
            world.account.tell(AccountUpdated { snapshot }).unwrap();
            world.settle().await;
        }
        assert_eq!(world.state().await, TradingState::Active);
        assert!(world.facts().halts.is_empty());
    });
}

/// An account of ten million, taken so many seconds from now, with holdings that cost one million and are worth `value`.
fn worth_at(world: &world::World, later: i64, value: i64) -> AccountSnapshot {
    let taken_at = world.clock.now() + TimeDelta::seconds(later);
    let (purchase_total, valuation_total) = (Some(won(1_000_000)), Some(won(value)));
    AccountSnapshot { purchase_total, valuation_total, ..account(taken_at, 10_000_000) }
}

#[test]
fn a_phantom_loss_against_purchase_cost_allows_exits_only_until_another_account_refutes_it() {
    trading(async |world| {
        world.facts().account_takes = Duration::from_secs(1);
        world.facts().account = Some(worth_at(&world, 1, 1_000_000));
        world.log();
        world.account.tell(AccountUpdated { snapshot: worth_at(&world, 0, 1) }).unwrap();
        world.settle().await;
        assert_eq!(world.state().await, TradingState::Reducing);
        world.propose("005930", Side::Buy).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(world.state().await, TradingState::Active, "the second account told otherwise");
        let log: Vec<_> = world.log().into();
        let told = |part: &str| log.iter().filter(|line| line.contains(part)).count();
        assert_eq!((told("refused: Reducing"), told("broker: account")), (1, 1), "{log:?}");
        assert_eq!(told("was not confirmed"), 1, "{log:?}");
    });
}

#[test]
fn a_loss_against_purchase_cost_gives_exits_only_and_says_so_once() {
    trading(async |world| {
        let lost = |later| worth_at(&world, later, 960_000);
        world.facts().account = Some(lost(1));
        world.account.tell(AccountUpdated { snapshot: lost(0) }).unwrap();
        world.settle().await;
        assert_eq!(world.state().await, TradingState::Reducing);
        tokio::time::sleep(Duration::from_secs(3)).await;
        world.account.tell(AccountUpdated { snapshot: worth_at(&world, 0, 1_000_000) }).unwrap();
        world.settle().await;
        assert_eq!(world.state().await, TradingState::Reducing, "until the end of the day");
        world.restart();
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.account.tell(AccountUpdated { snapshot: worth_at(&world, 0, 1_000_000) }).unwrap();
        world.settle().await;
        assert_eq!(world.state().await, TradingState::Reducing, "whatever is started again");
        let log: Vec<_> = world.log().into();
        let told = |part: &str| log.iter().filter(|line| line.contains(part)).count();
        assert_eq!((told("until the end of the day"), told("broker: account")), (1, 1), "{log:?}");
        world.propose("005930", Side::Buy).await;
        world.propose("005930", Side::Sell).await;
        assert_eq!(world.log(), ["refused: Reducing", "ledger: approval", "broker: order"]);
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
