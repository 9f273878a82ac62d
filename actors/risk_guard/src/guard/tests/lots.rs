//! A flatten in Hong Kong, where the lot belongs to the stock.

use std::num::NonZeroU64;

use domain::messages::control::TradingState;
use domain::messages::limits::OwnPosition;
use domain::messages::market_data::Quote;
use domain::messages::trading::AccountUpdated;
use domain::{Holding, StockRules};

use super::doubles::Facts;
use super::world::World;
use super::*;

fn hsbc() -> Instrument {
    Instrument { market: Market::Hk, symbol: "00005".parse().unwrap() }
}

fn quote(lot: u64, at: DateTime<Utc>) -> Quote {
    Quote {
        instrument: hsbc(),
        at,
        last: "65.5".parse().unwrap(),
        open: None,
        high: None,
        low: None,
        change_pct: None,
        volume: None,
        bid: None,
        ask: None,
        delay: TimeDelta::zero(),
        rules: StockRules { lot: NonZeroU64::new(lot), ..StockRules::default() },
    }
}

impl World {
    /// This agent holds `shares`, and the exchange says the same.
    async fn hold(&self, shares: u64) {
        let quantity = Quantity::new(shares);
        self.facts().own =
            vec![OwnPosition { instrument: hsbc(), quantity, entry: None, since: None, peak: None }];
        let mut snapshot = account(self.clock.now(), 0);
        snapshot.currency = Currency::Hkd;
        let cash = domain::Money::new(1.into(), Currency::Hkd);
        (snapshot.cash, snapshot.equity) = (Some(cash), Some(cash));
        let price = Some("65.5".parse().unwrap());
        let holding =
            Holding { instrument: hsbc(), quantity, sellable: quantity, average_price: None, price };
        snapshot.holdings = vec![holding];
        self.account.tell(AccountUpdated { snapshot }).unwrap();
        self.settle().await;
    }

    fn sold(&self) -> Vec<u64> {
        self.facts().placed.iter().map(|(_, terms)| terms.quantity.get()).collect()
    }
}

/// A world whose exchange tells `lot` with a price, if it tells prices at all.
fn hong_kong(lot: Option<u64>, test: impl AsyncFnOnce(World)) {
    let prepare = |facts: &mut Facts| {
        facts.currencies = vec![Currency::Krw, Currency::Hkd];
        facts.quote = lot.map(|lot| quote(lot, "2026-11-24T01:00:00Z".parse().unwrap()));
    };
    world(prepare, test);
}

#[test]
fn a_flatten_sells_whole_board_lots_and_then_the_odd_rest_and_tells_of_it() {
    hong_kong(Some(500), async |world| {
        world.hold(1_250).await;
        world.request_reduce("leaving", true).await;
        tokio::time::sleep(Duration::from_secs(12)).await;
        assert_eq!((world.sold(), world.facts().quotes_asked), (vec![1_000], 1));
        let (intent, terms) = world.facts().placed[0].clone();
        let (state, filled, at) = (OrderState::Filled, terms.quantity, world.clock.now());
        world
            .update
            .tell(domain::messages::trading::OrderUpdate { intent, terms, state, filled, at })
            .unwrap();
        world.hold(250).await;
        tokio::time::sleep(Duration::from_secs(12)).await;
        assert_eq!((world.sold(), world.facts().quotes_asked), (vec![1_000, 250], 1));
        let said: Vec<_> = world.log().into_iter().filter(|line| line.contains("odd lot")).collect();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("250 shares of HK:00005 are less than a board lot of 500"), "{said:?}");
        assert!(said[0].contains("sell them at the broker"), "{said:?}");
        assert_eq!(world.state().await, TradingState::Reducing);
    });
}

#[test]
fn a_flatten_sells_all_of_it_where_the_exchange_tells_no_lot_or_does_not_answer() {
    hong_kong(Some(0), async |world| {
        world.hold(1_250).await;
        world.request_reduce("leaving", true).await;
        tokio::time::sleep(Duration::from_secs(8)).await;
        assert_eq!((world.sold(), world.facts().quotes_asked), (vec![1_250], 1));
    });
    hong_kong(None, async |world| {
        world.hold(1_250).await;
        world.request_reduce("leaving", true).await;
        tokio::time::sleep(Duration::from_secs(8)).await;
        assert!(world.sold().is_empty());
        tokio::time::sleep(Duration::from_secs(12)).await;
        assert_eq!((world.sold(), world.facts().quotes_asked), (vec![1_250], 3));
    });
}
