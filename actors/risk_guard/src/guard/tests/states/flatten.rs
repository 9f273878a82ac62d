//! Everything of ours is sold.

use super::*;

#[test]
fn a_flatten_sells_what_is_ours_by_ordinary_orders_then_halts_for_good() {
    holding(5, async |world| {
        // Two of the five were bought by somebody else.
        world.facts().own = vec![OwnPosition {
            instrument: stock("005930"),
            quantity: Quantity::new(3),
            entry: None,
            since: None,
            peak: None,
        }];
        let report = world.request_reduce("leaving", true).await;
        assert_eq!(report.record.level, HaltLevel::Flatten);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let placed = world.facts().placed.clone();
        assert_eq!(
            placed.iter().map(|(_, terms)| terms.to_string()).collect::<Vec<_>>(),
            ["SELL 3 KR:005930 at 69800"]
        );
        tokio::time::sleep(Duration::from_secs(12)).await;
        assert_eq!(world.facts().placed.len(), 1, "it is still working");
        assert_eq!(world.state().await, TradingState::Reducing);
        world.facts().own = Vec::new();
        let (intent, terms) = placed[0].clone();
        let update = OrderUpdate {
            intent,
            terms,
            state: OrderState::Filled,
            filled: Quantity::new(3),
            at: world.clock.now(),
        };
        world.update.tell(update).unwrap();
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert!(world.log().contains(&"ledger: latch".to_owned()));
        assert_eq!(world.state().await, TradingState::Halted);
        assert!(!world.gate.is_open());
        world.restart();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(world.state().await, TradingState::Halted, "the latch is in the books");
        assert!(world.request_resume(Some(&report.record.id)).await.unwrap().trading);
    });
}

#[test]
fn a_flatten_sells_nothing_by_what_was_held_before_its_own_sale_was_filled() {
    holding(5, async |world| {
        // Two of the five were bought by somebody else.
        world.facts().own = vec![OwnPosition {
            instrument: stock("005930"),
            quantity: Quantity::new(3),
            entry: None,
            since: None,
            peak: None,
        }];
        world.request_reduce("leaving", true).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (intent, terms) = world.facts().placed[0].clone();
        // The next look asks while it works, and is answered when it is filled and the account has shown that.
        world.facts().own_takes = Duration::from_secs(3);
        tokio::time::sleep(Duration::from_secs(5)).await;
        world.facts().own = Vec::new();
        let (state, filled, at) = (OrderState::Filled, Quantity::new(3), world.clock.now());
        world.update.tell(OrderUpdate { intent, terms, state, filled, at }).unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut snapshot = account(world.clock.now(), 10_000_000);
        let of_others = &mut snapshot.holdings[0];
        (of_others.quantity, of_others.sellable) = (Quantity::new(2), Quantity::new(2));
        of_others.price = Some("70000".parse().unwrap());
        world.account.tell(AccountUpdated { snapshot }).unwrap();
        tokio::time::sleep(Duration::from_secs(20)).await;
        let placed: Vec<_> = world.facts().placed.iter().map(|(_, terms)| terms.to_string()).collect();
        assert_eq!(placed, ["SELL 3 KR:005930 at 69800"]);
        assert_eq!(world.state().await, TradingState::Halted, "nothing of ours is left");
    });
}

#[test]
fn a_flatten_asks_for_no_order_that_the_market_refuses_and_says_once_what_remains() {
    trading(async |world| {
        let toyota = Instrument { market: Market::Jp, symbol: "7203".parse().unwrap() };
        world.facts().own = vec![OwnPosition {
            instrument: toyota.clone(),
            quantity: Quantity::new(50),
            entry: None,
            since: None,
            peak: None,
        }];
        let mut snapshot = account(world.clock.now(), 0);
        snapshot.currency = Currency::Jpy;
        (snapshot.cash, snapshot.equity) = (None, None);
        snapshot.holdings[0].instrument = toyota;
        snapshot.holdings[0].sellable = Quantity::new(50);
        snapshot.holdings[0].price = Some("2500".parse().unwrap());
        world.account.tell(AccountUpdated { snapshot }).unwrap();
        world.request_reduce("leaving", true).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert!(world.facts().placed.is_empty());
        assert_eq!(world.state().await, TradingState::Reducing, "it is not done");
        let said: Vec<_> = world.log().into_iter().filter(|line| line.contains("50 shares of")).collect();
        assert_eq!(said.len(), 1, "{said:?}");
    });
}

#[test]
fn a_flatten_goes_on_where_the_books_are_after_a_restart() {
    holding(5, async |world| {
        world.facts().own = vec![OwnPosition {
            instrument: stock("005930"),
            quantity: Quantity::new(5),
            entry: None,
            since: None,
            peak: None,
        }];
        world.facts().approval = Err(LedgerError::Storage("locked".into()));
        world.request_reduce("leaving", true).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(world.facts().placed.is_empty());
        world.facts().approval = Ok(());
        world.restart();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let mut snapshot = account(world.clock.now(), 10_000_000);
        snapshot.holdings[0].price = Some("70000".parse().unwrap());
        world.account.tell(AccountUpdated { snapshot }).unwrap();
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(world.facts().placed.len(), 1);
    });
}
