//! What speaks against buying a stock again, over the lives of a RiskGuard.

use domain::messages::control::StatusQuery;
use domain::messages::limits::{Setback, SetbackKind, WaitsQuery};
use domain::messages::trading::{AccountUpdated, OrderUpdate};
use domain::{AccountSnapshot, Instrument, IntentId, Market, OrderState, OrderTerms, Quantity, Side, Wait};

use super::doubles::Facts;
use super::world::{World, account, stock, trading, won, world};
use super::*;

fn setback(symbol: &str, at: DateTime<Utc>, kind: SetbackKind) -> Setback {
    Setback { instrument: stock(symbol), at, kind }
}

fn refused(symbol: &str, at: DateTime<Utc>) -> Setback {
    setback(symbol, at, SetbackKind::Refused { why: "APBK0013".into() })
}

fn sold(symbol: &str, at: DateTime<Utc>, price: &str, result: i64) -> Setback {
    let kind = SetbackKind::Sold { price: price.parse().unwrap(), result: Some(won(result)) };
    setback(symbol, at, kind)
}

fn update(world: &World, side: Side, state: OrderState, filled: u64) -> OrderUpdate {
    let terms = OrderTerms {
        instrument: stock("000660"),
        side,
        quantity: Quantity::new(5),
        limit: "69800".parse().unwrap(),
    };
    let (intent, filled, at) = (IntentId::new(0, 77), Quantity::new(filled), world.clock.now());
    OrderUpdate { intent, terms, state, filled, at }
}

async fn told(world: &World, side: Side, state: OrderState, filled: u64) -> Vec<String> {
    world.update.tell(update(world, side, state, filled)).unwrap();
    world.settle().await;
    world.tell_account(10_000_000).await;
    world.log();
    world.propose("000660", Side::Buy).await;
    world.log().into_iter().filter(|line| line.starts_with("refused")).collect()
}

#[test]
fn what_the_books_say_against_a_purchase_holds_from_the_first_moment_of_each_life() {
    let start: DateTime<Utc> = "2026-11-24T00:55:00Z".parse().unwrap();
    let prepare = |facts: &mut Facts| {
        facts.setbacks = vec![
            refused("005930", start),
            sold("000660", start, "90000", -1),
            sold("035420", start, "60000", 1),
        ];
    };
    world(prepare, async |world| {
        for _life in 0..2 {
            world.tell_account(10_000_000).await;
            world.log();
            for symbol in ["005930", "000660", "035420", "051910"] {
                world.propose(symbol, Side::Buy).await;
            }
            let log: Vec<String> =
                world.log().into_iter().filter(|line| line.starts_with("refused")).collect();
            let expected = ["refused: CoolingDown", "refused: StoppedOut", "refused: BoughtBack"];
            assert_eq!(log[..3], expected, "{log:?}");
            let status = world.status.ask(StatusQuery, Duration::from_secs(2)).await.unwrap();
            let waits = |waits: Vec<(Instrument, Wait)>| {
                waits.into_iter().map(|(stock, wait)| format!("{stock} {wait}")).collect::<Vec<_>>()
            };
            let listed = waits(status.waits);
            let reasons = [
                "KR:000660 is not bought until",
                "KR:005930 is not bought until",
                "KR:035420 is not bought above 60000",
            ];
            assert!(
                reasons.iter().all(|reason| listed.iter().any(|line| line.contains(reason))),
                "{listed:?}"
            );
            let asked = |market| world.waits.ask(WaitsQuery { market }, Duration::from_secs(2));
            assert_eq!(waits(asked(Market::Kr).await.unwrap().unwrap()), listed);
            assert_eq!(asked(Market::Jp).await.unwrap(), Ok(Vec::new()));
            assert_eq!(status.entry_blocks, [""; 0], "a single stock keeps nothing else from being bought");
            world.restart();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
}

#[test]
fn a_sale_counts_as_a_loss_until_the_books_tell_what_it_brought() {
    trading(async |world| {
        let before = world.clock.now();
        world.facts().ledger_silent = true;
        world.update.tell(update(&world, Side::Sell, OrderState::Filled, 5)).unwrap();
        world.settle().await;
        world.facts().ledger_silent = false;
        world.tell_account(10_000_000).await;
        world.propose("000660", Side::Buy).await;
        assert!(world.log().iter().any(|line| line == "refused: StoppedOut"));
        // The next word on the stock asks again, and now there is an answer.
        world.facts().setbacks = vec![sold("000660", before, "70300", 500)];
        assert_eq!(told(&world, Side::Sell, OrderState::Filled, 5).await, Vec::<String>::new());
    });
}

#[test]
fn a_purchase_that_the_exchange_refused_is_not_tried_again_before_its_wait_is_over() {
    trading(async |world| {
        world.facts().setbacks = vec![refused("000660", world.clock.now())];
        let refusals = told(&world, Side::Buy, OrderState::Refused, 0).await;
        assert_eq!(refusals, ["refused: CoolingDown"]);
        tokio::time::sleep(Duration::from_secs(600)).await;
        // What is held must be seen, or nothing is bought at all.
        world.hear("005930", "70000");
        world.tell_account(10_000_000).await;
        world.log();
        world.propose("000660", Side::Buy).await;
        assert!(!world.log().iter().any(|line| line.starts_with("refused")));
    });
}

#[test]
fn a_purchase_refused_for_money_waits_and_the_wait_is_not_prolonged_by_its_own_refusals() {
    trading(async |world| {
        world.log();
        let mut seen = Vec::new();
        for _minute in 0..21 {
            let poor = AccountSnapshot { cash: Some(won(50_000)), ..account(world.clock.now(), 10_000_000) };
            world.account.tell(AccountUpdated { snapshot: poor }).unwrap();
            world.propose("005930", Side::Buy).await;
            seen.extend(world.log().into_iter().filter(|line| line.starts_with("refused")));
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        let count = |code: &str| seen.iter().filter(|line| line.ends_with(code)).count();
        assert_eq!((count("CoolingDown"), seen.len()), (18, 21), "{seen:?}");
    });
}
