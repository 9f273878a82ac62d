//! From an approved order to its recorded outcome.

use super::*;

#[test]
fn an_order_is_prepared_permitted_posted_once_and_recorded() {
    trading(
        |_facts| (),
        async |world| {
            world.propose("005930");
            world.pass(0.5).await;
            let post = format!("venue: POST {BUY}");
            assert_eq!(
                world.log(),
                ["venue: prepare Entry", "ledger: permit", post.as_str(), "ledger: Accepted"]
            );
            assert_eq!(world.live().await, [OrderState::Accepted]);
            world.facts().rows = Some(vec![row("005930", "0000000101", [7, 0])]);
            world.pass(2.0).await;
            assert_eq!(world.states(), [OrderState::Filled]);
            assert_eq!(world.live().await, []);
            assert_eq!(posts(&world.log()), 0);
        },
    );
}

#[test]
fn who_watches_an_account_shares_brokers_reading_which_riskguard_has_heard_and_costs_none_of_its_own() {
    trading(
        |_facts| (),
        async |world| {
            let watch = async || {
                let watch = AccountWatch { market: Market::Kr };
                world.watch.ask(watch, Duration::from_secs(20)).await.unwrap().unwrap()
            };
            world.readings();
            world.facts().holds = vec!["000270"];
            for _second in 0..44 {
                assert_eq!(watch().await.holdings.len(), 0, "read when it was reconciled");
                world.pass(1.0).await;
            }
            assert_eq!(world.readings(), 0);
            world.pass(3.0).await;
            assert_eq!(watch().await.holdings.len(), 1, "read again after three quarters of a minute");
            assert_eq!(world.held_prices().await, [("KR:000270".to_owned(), None)]);
            assert_eq!(world.readings(), 1);
        },
    );
}

#[test]
fn a_reading_from_before_an_order_moved_is_shared_with_nobody() {
    trading(
        |_facts| (),
        async |world| {
            world.propose("005930");
            world.pass(1.0).await;
            world.facts().rows = Some(vec![row("005930", "0000000101", [7, 0])]);
            world.facts().holds = vec!["005930"];
            world.pass(2.0).await;
            assert_eq!(world.states(), [OrderState::Filled]);
            let watch = AccountWatch { market: Market::Kr };
            let answer = world.watch.ask(watch, Duration::from_secs(20)).await.unwrap().unwrap();
            assert_eq!(answer.holdings.len(), 1);
        },
    );
}

#[test]
fn a_sale_of_more_than_the_exchange_would_sell_is_not_sent_and_the_account_is_read_again() {
    for (told, sent) in [
        (None, 1),
        (Some(Ok(1)), 1),
        (Some(Ok(2)), 1),
        (Some(Ok(0)), 0),
        (Some(Err(QueryError::Unavailable("down".into()))), 1),
    ] {
        trading(
            |facts| {
                facts.holds = vec!["005930"];
                facts.sellable = told.clone();
            },
            async |world| {
                world.log();
                world.propose_to(domain::Side::Sell, "005930");
                world.pass(0.5).await;
                let reads_account = world.facts().log.contains(&"venue: account".to_owned());
                let log = world.log();
                assert_eq!(posts(&log), sent, "{told:?}: {log:?}");
                let asked = log.iter().position(|line| line == "venue: sellable KR:005930");
                assert_eq!(asked.is_some(), told.is_some(), "{log:?}");
                if sent == 0 {
                    assert!(reads_account, "{log:?}");
                    assert_eq!(world.states(), [OrderState::Refused]);
                    assert_eq!(world.live().await, [], "its reservation is free again");
                }
            },
        );
    }
}

#[test]
fn a_purchase_does_not_ask_how_much_may_be_sold() {
    trading(
        |facts| facts.sellable = Some(Ok(0)),
        async |world| {
            world.propose("005930");
            world.pass(0.5).await;
            let log = world.log();
            assert_eq!(posts(&log), 1, "{log:?}");
            assert!(!log.iter().any(|line| line.contains("sellable")), "{log:?}");
        },
    );
}

#[test]
fn a_gate_that_closes_between_permit_and_post_sends_nothing() {
    trading(
        |facts| facts.permit_takes = Some(Duration::from_secs(1)),
        async |world| {
            world.propose("005930");
            world.pass(0.5).await;
            assert_eq!(world.states(), [OrderState::Sending]);
            let report = world.request_halt().await;
            assert!(report.broker_confirmed);
            world.pass(1.0).await;
            let log = world.log();
            assert_eq!(posts(&log), 0, "{log:?}");
            assert!(
                log.iter().any(|line| line.starts_with("ledger: not sent: trading was halted")),
                "{log:?}"
            );
            assert_eq!(world.states(), [OrderState::Refused]);
        },
    );
}

#[test]
fn a_ledger_that_does_not_answer_gives_no_permit_and_nothing_is_sent() {
    trading(
        |facts| facts.permit_takes = None,
        async |world| {
            world.propose("005930");
            world.pass(5.0).await;
            let log = world.log();
            assert_eq!(posts(&log), 0, "{log:?}");
            assert_eq!(world.states(), [OrderState::Refused]);
            assert_eq!(world.live().await, []);
        },
    );
}

#[test]
fn orders_leave_one_at_a_time_and_one_that_waited_too_long_never() {
    trading(
        |facts| facts.prepare_takes = Duration::from_secs(20),
        async |world| {
            for symbol in ["005930", "000660", "035420"] {
                world.propose(symbol);
            }
            world.pass(21.0).await;
            assert_eq!(posts(&world.log()), 1);
            world.pass(60.0).await;
            let log = world.log();
            assert_eq!(posts(&log), 0, "{log:?}");
            let void =
                log.iter().filter(|line| line.starts_with("ledger: not sent: the approval has expired"));
            assert_eq!(void.count(), 2, "{log:?}");
            assert!(!log.contains(&"ledger: abandon".to_owned()), "a waiting order is no stall: {log:?}");
            assert_eq!(world.states(), [OrderState::Accepted, OrderState::Refused, OrderState::Refused]);
        },
    );
}

#[test]
fn an_outcome_is_repeated_until_the_ledger_has_it_and_the_order_is_not() {
    trading(
        |facts| facts.outcomes_lost = 3,
        async |world| {
            world.propose("005930");
            world.pass(2.0).await;
            let log = world.log();
            assert_eq!((posts(&log), world.states()), (1, vec![OrderState::Accepted]), "{log:?}");
        },
    );
}

#[test]
fn an_outcome_that_nobody_takes_becomes_unknown_and_the_list_resolves_it() {
    trading(
        |facts| facts.outcomes_lost = u32::MAX,
        async |world| {
            world.propose("005930");
            world.pass(1.0).await;
            world.facts().rows = Some(vec![row("005930", "0000000101", [0, 7])]);
            world.pass(10.0).await;
            let log = world.log();
            assert_eq!(posts(&log), 1, "{log:?}");
            assert!(log.contains(&"ledger: abandon".to_owned()), "{log:?}");
            assert_eq!(world.states(), [OrderState::Accepted]);
            assert_eq!(world.live().await, [OrderState::Accepted]);
        },
    );
}
