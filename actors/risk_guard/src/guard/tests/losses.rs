//! Losses of a day that end its purchases.

use super::*;

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
