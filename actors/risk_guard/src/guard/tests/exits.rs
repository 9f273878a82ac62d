//! What is held is sold by itself, at each price, once, and only at a price that may be believed.

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::control::TradingState;
use domain::messages::limits::OwnPosition;
use domain::messages::market_data::{PriceSeen, Quote};
use domain::messages::schedule::{DaySource, Phase, SessionChanged, Trust};
use domain::messages::trading::AccountUpdated;
use domain::{Candle, Price, Quantity, Side, StockRules};

use rust_decimal::Decimal;

use super::world::{World, account, stock, trading};
use super::*;

/// Five shares of 005930, bought at 1000 so many days ago, in the books and in the account.
async fn holding(world: &World, days: i64) {
    let now = world.clock.now();
    let (entry, since) = (Some("1000".parse().unwrap()), Some(now - TimeDelta::days(days)));
    let quantity = Quantity::new(5);
    world.facts().own = vec![OwnPosition { instrument: stock("005930"), quantity, entry, since, peak: None }];
    world.account.tell(AccountUpdated { snapshot: account(now, 10_000_000) }).unwrap();
    tokio::time::sleep(Duration::from_secs(31)).await;
    world.account.tell(AccountUpdated { snapshot: account(world.clock.now(), 10_000_000) }).unwrap();
    world.settle().await;
    world.log();
}

async fn see(world: &World, price: &str, at: DateTime<Utc>) {
    let price = price.parse().unwrap();
    world.price.tell(PriceSeen { instrument: stock("005930"), price, at }).unwrap();
    world.settle().await;
}

async fn see_now(world: &World, price: &str) {
    see(world, price, world.clock.now()).await;
}

/// What was decided and ordered since the last look.
fn done(world: &World) -> Vec<String> {
    let log = world.log();
    log.into_iter().filter(|line| line.starts_with("decision") || line.starts_with("broker: order")).collect()
}

/// Days that move by `range`, 250 of them.
fn bars(world: &World, range: i64) -> Vec<Candle> {
    let price = |value: i64| Price::new(Decimal::from(value)).unwrap();
    let bar = |age: i64| Candle {
        at: world.clock.now() - TimeDelta::days(age + 1),
        open: price(1_000),
        high: price(1_000 + range),
        low: price(1_000),
        close: price(1_000),
        volume: 1,
    };
    (0..250).rev().map(bar).collect()
}

#[test]
fn a_price_at_the_stop_sells_once_what_is_ours_with_a_decision_before_it() {
    trading(async |world| {
        holding(&world, 1).await;
        see_now(&world, "981").await;
        assert_eq!(done(&world), [""; 0]);
        see_now(&world, "980").await;
        assert_eq!(done(&world), ["decision: stop-loss at 980", "broker: order"]);
        let (_, terms) = world.facts().placed.last().cloned().unwrap();
        assert_eq!((terms.side, terms.quantity), (Side::Sell, Quantity::new(5)));
        see_now(&world, "970").await;
        assert_eq!(done(&world), [""; 0], "it is on its way out");
    });
}

#[test]
fn a_jump_sells_nothing_before_the_next_price_confirms_it() {
    trading(async |world| {
        holding(&world, 1).await;
        for price in ["1000", "700", "995", "699"] {
            see_now(&world, price).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(done(&world), [""; 0], "{price}");
        }
        see_now(&world, "701").await;
        assert_eq!(done(&world), ["decision: stop-loss at 980", "broker: order"]);
    });
}

/// What the exchange quotes, whenever it is asked.
fn quoted(world: &World, last: &str, delay: TimeDelta, lower_limit: Option<&str>) -> Quote {
    let price = |text: &str| -> Price { text.parse().unwrap() };
    Quote {
        instrument: stock("005930"),
        at: world.clock.now() + TimeDelta::hours(1),
        last: price(last),
        open: None,
        high: None,
        low: None,
        change_pct: None,
        volume: None,
        bid: None,
        ask: None,
        delay,
        rules: StockRules { lower_limit: lower_limit.map(price), ..StockRules::default() },
    }
}

#[test]
fn a_price_that_only_the_account_tells_has_the_price_asked_for_and_sells_nothing_by_itself() {
    let sold = ["decision: stop-loss at 980", "broker: order"];
    let cases: [(Option<&str>, &[&str]); 3] = [(None, &[]), (Some("1000"), &[]), (Some("975"), &sold)];
    for told in ["700", "1400", "975"] {
        for (quote, expected) in cases {
            trading(async |world| {
                holding(&world, 1).await;
                world.facts().quote = quote.map(|last| quoted(&world, last, TimeDelta::zero(), None));
                let mut snapshot = account(world.clock.now() + TimeDelta::seconds(20), 10_000_000);
                snapshot.holdings[0].price = Some(told.parse().unwrap());
                tokio::time::sleep(Duration::from_secs(20)).await;
                world.account.tell(AccountUpdated { snapshot }).unwrap();
                tokio::time::sleep(Duration::from_secs(31)).await;
                let log: Vec<_> = world.log().into();
                assert!(log.iter().any(|line| line == "broker: quote to SELL"), "{told}: {log:?}");
                let done: Vec<_> = log
                    .into_iter()
                    .filter(|line| line.starts_with("decision") || line.starts_with("broker: order"))
                    .collect();
                assert_eq!(done, expected, "the account told {told}, the exchange {quote:?}");
            });
        }
    }
}

#[test]
fn an_exit_is_priced_by_the_quote_that_it_asks_for_and_by_the_limits_that_come_with_it() {
    type Case = (&'static str, TimeDelta, Option<&'static str>, Option<&'static str>);
    let cases: [Case; 5] = [
        ("980", TimeDelta::zero(), None, Some("978")),
        ("960", TimeDelta::zero(), None, Some("958")),
        ("960", TimeDelta::zero(), Some("959"), Some("959")),
        ("990", TimeDelta::zero(), None, None),
        // A feed that is behind says nothing against what was heard.
        ("990", TimeDelta::minutes(15), Some("979"), Some("979")),
    ];
    for (last, delay, lower_limit, expected) in cases {
        trading(async |world| {
            holding(&world, 1).await;
            world.facts().quote = Some(quoted(&world, last, delay, lower_limit));
            see(&world, "980", world.clock.now() - TimeDelta::seconds(1)).await;
            let limit = world.facts().placed.last().map(|(_, terms)| terms.limit.to_string());
            assert_eq!(limit.as_deref(), expected, "{last} {lower_limit:?}");
        });
    }
}

#[test]
fn a_sale_that_the_price_leaves_behind_is_given_up_once_it_is_fifteen_seconds_old() {
    // The sale is limited to 978.
    let cases: [(&str, u64, usize); 3] = [("977", 14, 0), ("977", 15, 1), ("978", 15, 0)];
    for (price, second, expected) in cases {
        trading(async |world| {
            holding(&world, 1).await;
            see_now(&world, "980").await;
            tokio::time::sleep(Duration::from_secs(second)).await;
            for _price in 0..2 {
                see_now(&world, price).await;
            }
            let log: Vec<_> = world.log().into();
            let told = log.iter().filter(|line| *line == "broker: sale left behind").count();
            assert_eq!(told, expected, "{price} after {second} s: {log:?}");
        });
    }
}

#[test]
fn a_sale_that_rests_while_the_stock_should_be_sold_is_told_once() {
    trading(async |world| {
        holding(&world, 1).await;
        see_now(&world, "970").await;
        let (id, terms) = world.facts().placed.last().cloned().unwrap();
        let now = world.clock.now();
        world.facts().open = vec![OpenIntent {
            id,
            terms,
            state: OrderState::Accepted,
            venue_order: None,
            filled: Quantity::ZERO,
            sent_at: Some(now),
            watermark: None,
            session_date: Market::Kr.date_at(now),
            approved_at: now,
            missed_inquiries: 0,
        }];
        for second in [30, 31, 15] {
            tokio::time::sleep(Duration::from_secs(second)).await;
            see_now(&world, "970").await;
        }
        let log: Vec<_> = world.log().into();
        let count = |part: &str| log.iter().filter(|line| line.contains(part)).count();
        assert_eq!((count("broker: order"), count("and is not: SELL order")), (1, 1), "{log:?}");
    });
}

#[test]
fn a_restart_on_the_day_of_the_purchase_does_not_forget_how_high_the_stock_stood() {
    trading(async |world| {
        holding(&world, 0).await;
        see_now(&world, "1029").await;
        world.restart();
        tokio::time::sleep(Duration::from_secs(31)).await;
        world.account.tell(AccountUpdated { snapshot: account(world.clock.now(), 10_000_000) }).unwrap();
        world.log();
        see_now(&world, "1009").await;
        assert_eq!(done(&world), [""; 0]);
        see_now(&world, "1008").await;
        assert_eq!(
            done(&world),
            ["decision: trailing stop at 1008.42, under a peak of 1029", "broker: order"]
        );
    });
}

#[test]
fn a_stock_that_moves_little_is_sold_earlier_once_its_range_is_known() {
    trading(async |world| {
        world.facts().bars = bars(&world, 5);
        holding(&world, 1).await;
        see_now(&world, "989.5").await;
        assert_eq!(done(&world), [""; 0]);
        see_now(&world, "989").await;
        assert_eq!(done(&world), ["decision: stop-loss at 989", "broker: order"]);
    });
}

#[test]
fn an_old_price_one_of_before_the_session_and_an_unbelievable_one_sell_nothing() {
    trading(async |world| {
        holding(&world, 1).await;
        let now = world.clock.now();
        for (price, at) in [("900", now - TimeDelta::seconds(61)), ("900", now - TimeDelta::days(1))] {
            see(&world, price, at).await;
            assert_eq!(done(&world), [""; 0], "{price} {at}");
        }
        see_now(&world, "100").await;
        see_now(&world, "101").await;
        let said: Vec<_> = world.log().into_iter().filter(|line| line.contains("split")).collect();
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(world.facts().placed.len(), 0);
    });
}

#[test]
fn a_holding_is_sold_after_its_time_at_a_look_of_its_own() {
    trading(async |world| {
        holding(&world, 20).await;
        see_now(&world, "1001").await;
        assert_eq!(done(&world), ["decision: held for 20 days", "broker: order"]);
    });
}

#[test]
fn exits_go_on_while_only_exits_are_allowed_and_stop_in_a_halt_and_outside_trading() {
    trading(async |world| {
        holding(&world, 1).await;
        world.request_halt("look at it").await;
        world.log();
        see_now(&world, "900").await;
        assert_eq!(done(&world), [""; 0], "halted");
        world.request_resume(None).await.unwrap();
        world.request_reduce("carefully", false).await;
        assert_eq!(world.state().await, TradingState::Reducing);
        tokio::time::sleep(Duration::from_secs(21)).await;
        world.account.tell(AccountUpdated { snapshot: account(world.clock.now(), 10_000_000) }).unwrap();
        world.log();
        see_now(&world, "900").await;
        assert_eq!(done(&world), ["decision: stop-loss at 980", "broker: order"]);
    });
}

#[test]
fn a_day_that_allows_no_exits_sells_nothing() {
    trading(async |world| {
        holding(&world, 1).await;
        let now = world.clock.now();
        let suspected = SessionChanged {
            market: Market::Kr,
            session_date: Market::Kr.date_at(now),
            phase: Phase::Continuous,
            trust: Trust::SuspectedClosed,
            source: DaySource::Calendar,
            orders_until: Some(now + TimeDelta::hours(5)),
            at: now,
        };
        let price = PriceSeen { instrument: stock("005930"), price: "900".parse().unwrap(), at: now };
        world.session.tell(suspected).unwrap();
        world.price.tell(price).unwrap();
        world.settle().await;
        assert_eq!(done(&world), [""; 0]);
    });
}

#[test]
fn where_no_calendar_reaches_what_is_held_is_sold_on_the_operators_word_alone() {
    for (exits, broker_takes_orders, expected) in [
        (false, true, Vec::new()),
        (true, false, Vec::new()),
        (true, true, vec!["decision: stop-loss at 980", "broker: order"]),
    ] {
        trading(async |world| {
            holding(&world, 1).await;
            let now = world.clock.now();
            let unknown = SessionChanged {
                market: Market::Kr,
                session_date: Market::Kr.date_at(now),
                phase: Phase::Unknown,
                trust: Trust::Unknown { exits },
                source: DaySource::Calendar,
                orders_until: broker_takes_orders.then_some(now + TimeDelta::hours(5)),
                at: now,
            };
            let price = PriceSeen { instrument: stock("005930"), price: "900".parse().unwrap(), at: now };
            world.session.tell(unknown).unwrap();
            world.price.tell(price).unwrap();
            world.settle().await;
            assert_eq!(done(&world), expected, "{exits} {broker_takes_orders}");
        });
    }
}

#[test]
fn what_should_be_sold_and_is_not_is_told_once_for_each_reason() {
    trading(async |world| {
        holding(&world, 1).await;
        world.request_halt("look at it").await;
        world.log();
        for price in ["900", "901"] {
            see_now(&world, price).await;
            tokio::time::sleep(Duration::from_secs(21)).await;
        }
        let log: Vec<_> = world.log().into();
        assert!(!log.iter().any(|line| line.starts_with("decision") || line == "broker: order"), "{log:?}");
        let told = log.iter().filter(|line| line.contains("should be sold (stop-loss at 980) and is not"));
        assert_eq!(told.count(), 1, "people are told once: {log:?}");
    });
}

/// Three of the five shares are this agent's, and its sale of them is filled: the account shows what others have left, and
/// the books, which answer late, are asked before the fill or after it.
async fn sold_while_the_books_answer_late(world: &World, asked_before_the_fill: bool) {
    holding(world, 1).await;
    world.facts().own[0].quantity = Quantity::new(3);
    tokio::time::sleep(Duration::from_secs(30)).await;
    see_now(world, "980").await;
    let (intent, terms) = world.facts().placed.last().cloned().unwrap();
    world.facts().own_takes = Duration::from_secs(3);
    // A look begins at each half minute, 29 seconds from now.
    let before_the_fill = if asked_before_the_fill { 30 } else { 25 };
    tokio::time::sleep(Duration::from_secs(before_the_fill)).await;
    world.facts().own.clear();
    let (state, filled, at) = (OrderState::Filled, terms.quantity, world.clock.now());
    world.update.tell(OrderUpdate { intent, terms, state, filled, at }).unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut snapshot = account(world.clock.now(), 10_000_000);
    (snapshot.holdings[0].quantity, snapshot.holdings[0].sellable) = (Quantity::new(2), Quantity::new(2));
    world.account.tell(AccountUpdated { snapshot }).unwrap();
    see_now(world, "970").await;
    tokio::time::sleep(Duration::from_secs(40)).await;
}

#[test]
fn nothing_is_sold_by_what_was_held_before_a_sale_was_filled() {
    for asked_before_the_fill in [true, false] {
        trading(async |world| {
            sold_while_the_books_answer_late(&world, asked_before_the_fill).await;
            let placed: Vec<_> = world.facts().placed.iter().map(|(_, terms)| terms.to_string()).collect();
            assert_eq!(placed, ["SELL 3 KR:005930 at 978"], "asked before the fill: {asked_before_the_fill}");
        });
    }
}

/// Broker tells that an order of another stock ended.
fn other_ends(world: &World, symbol: &str) {
    let terms = domain::OrderTerms {
        instrument: stock(symbol),
        side: Side::Buy,
        quantity: Quantity::new(1),
        limit: "1000".parse().unwrap(),
    };
    let (intent, at) = (domain::IntentId::new(0, 99), world.clock.now());
    let (state, filled) = (OrderState::Cancelled, Quantity::ZERO);
    world.update.tell(OrderUpdate { intent, terms, state, filled, at }).unwrap();
}

#[test]
fn an_order_of_another_stock_holds_no_exit_up_and_books_that_fail_are_asked_again_at_once() {
    for (moved, books_fail) in [("000660", true), ("000660", false), ("005930", false)] {
        trading(async |world| {
            holding(&world, 1).await;
            let fresh = account(world.clock.now() + TimeDelta::milliseconds(5), 10_000_000);
            world.facts().account = Some(fresh);
            world.facts().own_takes =
                if books_fail { Duration::from_secs(60) } else { Duration::from_millis(300) };
            other_ends(&world, moved);
            world.settle().await;
            see_now(&world, "980").await;
            let at_once = done(&world);
            assert_eq!(at_once.is_empty(), moved == "005930", "{moved}: {at_once:?}");
            world.facts().own_takes = Duration::ZERO;
            tokio::time::sleep(Duration::from_secs(7)).await;
            let placed: Vec<_> = world.facts().placed.iter().map(|(_, terms)| terms.to_string()).collect();
            assert_eq!(placed.len(), 1, "{moved} {books_fail}: {placed:?}");
        });
    }
}

/// The account is old when the exit is counted, so it waits; meanwhile somebody's order for the agent's shares is filled.
#[test]
fn an_exit_that_waits_for_an_account_is_counted_anew_when_its_stock_was_sold_meanwhile() {
    trading(async |world| {
        holding(&world, 1).await;
        tokio::time::sleep(Duration::from_secs(29)).await;
        world.facts().own[0].quantity = Quantity::new(3);
        tokio::time::sleep(Duration::from_secs(91)).await;
        let mut fresh = account(world.clock.now() + TimeDelta::seconds(20), 10_000_000);
        (fresh.holdings[0].quantity, fresh.holdings[0].sellable) = (Quantity::new(3), Quantity::new(3));
        world.facts().account = Some(fresh);
        world.facts().account_takes = Duration::from_secs(10);
        see_now(&world, "980").await;
        assert_eq!(done(&world), ["decision: stop-loss at 980"], "it waits for the account");
        world.facts().own.clear();
        other_ends(&world, "005930");
        tokio::time::sleep(Duration::from_secs(30)).await;
        let placed: Vec<_> = world.facts().placed.iter().map(|(_, terms)| terms.to_string()).collect();
        assert_eq!(placed, [""; 0], "what is left is other people's");
        assert!(world.log().iter().any(|line| line == "refused: HoldingsChanged"));
    });
}
