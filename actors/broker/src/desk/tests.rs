//! Broker under the supervisor, in virtual time.

mod books;
mod clocks;
mod days;
mod doubles;
mod halts;
mod listening;
mod placing;
mod truth;
mod wiring;
mod world;

use domain::messages::control::{HaltCancels, HaltLevel, HaltRecord, HaltSource};
use domain::messages::market_data::{AccountWatch, QueryError, RankingKind, RankingQuery};
use domain::messages::proof::LastTradeQuery;
use domain::messages::schedule::{DaySource, Trust};
use domain::{HaltNonce, Outcome, Refusal};

use super::*;
use domain::OrderState;
use doubles::{begun, today};
use trade_ledger::booking::BookedIntent;
use world::{row, trading, world};

const BUY: &str = "BUY 7 KR:005930 at 70200";

fn posts(log: &[String]) -> usize {
    log.iter().filter(|line| line.starts_with("venue: POST")).count()
}

#[test]
fn what_has_worked_for_too_long_is_cancelled_even_while_no_list_comes() {
    trading(
        |_facts| (),
        async |world| {
            world.propose("005930");
            world.pass(0.5).await;
            world.facts().rows = Some(vec![row("005930", "0000000101", [2, 5])]);
            world.pass(10.0).await;
            world.facts().rows = None;
            world.pass(145.0).await;
            let log = world.log();
            assert!(log.iter().any(|line| line.starts_with("venue: cancel")), "{log:?}");
        },
    );
}

#[test]
fn an_order_of_somebody_else_halts_trading() {
    trading(
        |_facts| (),
        async |world| {
            world.propose("005930");
            world.pass(0.5).await;
            let ours = row("005930", "0000000101", [0, 7]);
            world.facts().rows = Some(vec![ours, row("000660", "0000000150", [0, 7])]);
            world.pass(2.0).await;
            let log = world.log();
            assert!(log.contains(&"ledger: halt by book_mismatch".to_owned()), "{log:?}");
            assert!(!world.gate.is_open());
        },
    );
}

#[test]
fn a_refusal_that_only_a_person_can_mend_halts_trading() {
    trading(
        |facts| {
            facts.refuses_for_good = true;
            facts.outcome =
                Outcome::Refused(Refusal::Code { code: "EGW00103".into(), text: "bad key".into() });
        },
        async |world| {
            world.propose("005930");
            world.pass(1.0).await;
            let log = world.log();
            assert!(log.contains(&"ledger: halt by exchange".to_owned()), "{log:?}");
            assert_eq!(world.states(), [OrderState::Refused]);
        },
    );
}

#[test]
fn what_still_works_after_its_time_is_cancelled_and_its_end_comes_from_the_list() {
    trading(
        |_facts| (),
        async |world| {
            world.propose("005930");
            world.pass(0.5).await;
            world.facts().rows = Some(vec![row("005930", "0000000101", [2, 5])]);
            world.pass(110.0).await;
            assert!(!world.log().iter().any(|line| line.starts_with("venue: cancel")));
            world.pass(35.0).await;
            let cancels =
                |log: Vec<String>| log.iter().filter(|line| line.starts_with("venue: cancel")).count();
            assert_eq!(cancels(world.log()), 1);
            world.facts().rows = Some(vec![row("005930", "0000000101", [2, 0])]);
            world.pass(31.0).await;
            assert_eq!(world.states(), [OrderState::Cancelled]);
            assert_eq!(world.live().await, []);
        },
    );
}

#[test]
fn the_account_stays_fresh_until_the_market_is_known_to_be_closed() {
    trading(
        |_facts| (),
        async |world| {
            let accounts = |world: &world::World| {
                let log = std::mem::take(&mut world.facts().log);
                log.iter().filter(|line| *line == "venue: account").count()
            };
            world.pass(180.0).await;
            assert!(accounts(&world) >= 3, "nothing was told of the session yet");
            let closed = SessionChanged {
                market: Market::Kr,
                session_date: today(),
                phase: Phase::Closed,
                trust: Trust::Certain,
                source: DaySource::Calendar,
                orders_until: None,
                at: world.clock.now(),
            };
            world.session.tell(closed).unwrap();
            world.pass(1.0).await;
            accounts(&world);
            world.pass(180.0).await;
            assert_eq!(accounts(&world), 0);
        },
    );
}

#[test]
fn a_question_that_the_exchange_never_answers_is_answered_in_time() {
    trading(
        |_facts| (),
        async |world| {
            let query = RankingQuery { market: Market::Kr, kind: RankingKind::Volume };
            let answer = world.ranking.ask(query, Duration::from_secs(25)).await;
            assert!(matches!(answer, Ok(Err(QueryError::Unavailable(_)))), "{answer:?}");
        },
    );
}

#[test]
fn the_end_of_the_process_waits_for_the_post_on_the_wire() {
    trading(
        |facts| facts.submit_takes = Duration::from_secs(3),
        async |world| {
            world.propose("005930");
            world.pass(1.0).await;
            world.supervised.shutdown(Duration::from_secs(8)).await;
            assert_eq!(posts(&world.log()), 1);
            assert_eq!(world.states(), [OrderState::Accepted]);
        },
    );
}

#[test]
fn trouble_that_needs_a_person_raises_one_alarm_until_it_ends() {
    trading(
        |facts| facts.trouble = Some("the token is refused".into()),
        async |world| {
            let alarms =
                |log: &[String]| log.iter().filter(|line| *line == "alarm: the token is refused").count();
            world.pass(180.0).await;
            assert_eq!(alarms(&world.log()), 1);
            world.facts().trouble = None;
            world.pass(120.0).await;
            world.facts().trouble = Some("the token is refused".into());
            world.pass(120.0).await;
            assert_eq!(alarms(&world.log()), 1, "it ended, and came again");
        },
    );
}

#[test]
fn invariant_12_a_broker_whose_books_belong_to_another_process_sends_nothing_and_asks_for_a_halt() {
    trading(
        |facts| facts.fenced = true,
        async |world| {
            world.propose("005930");
            world.pass(1.0).await;
            let log = world.log();
            assert_eq!(posts(&log), 0);
            assert!(
                !log.iter().any(|line| line.starts_with("ledger: halt")),
                "not in the other's books: {log:?}"
            );
            assert!(!world.gate.is_open());
        },
    );
}

#[test]
fn an_order_outside_the_brokers_hours_is_not_sent() {
    trading(
        |_facts| (),
        async |world| {
            let told = |orders_until| SessionChanged {
                market: Market::Kr,
                session_date: today(),
                phase: Phase::Continuous,
                trust: Trust::Certain,
                source: DaySource::Calendar,
                orders_until,
                at: world.clock.now(),
            };
            world.session.tell(told(Some(world.clock.now()))).unwrap();
            world.propose("005930");
            world.pass(1.0).await;
            assert!(world.log().iter().all(|line| !line.contains("POST")), "{:?}", world.states());
            assert_eq!(world.states(), [OrderState::Refused]);
            world.session.tell(told(Some(world.clock.now() + TimeDelta::minutes(5)))).unwrap();
            world.propose("000660");
            world.pass(1.0).await;
            assert!(world.log().iter().any(|line| line.contains("POST")));
        },
    );
}

#[test]
fn after_a_silence_orders_are_reconciled_before_the_market_is_said_to_trade() {
    trading(
        |facts| facts.last_trade = Err(QueryError::Unavailable("down".into())),
        async |world| {
            let look = async || {
                let query = LastTradeQuery { market: Market::Kr };
                world.last_trade.ask(query, Duration::from_secs(25)).await.unwrap()
            };
            assert!(look().await.is_err());
            world.facts().last_trade = Ok(None);
            world.facts().rows = None;
            let still = look().await.unwrap_err();
            assert!(still.to_string().contains("its orders are not known"), "{still}");
            world.facts().rows = Some(Vec::new());
            assert_eq!(look().await, Ok(None));
            world.facts().rows = None;
            assert_eq!(look().await, Ok(None), "once is enough");
        },
    );
}

#[test]
fn invariant_12_an_outcome_that_comes_after_another_process_has_started_is_left_to_that_ones_lists() {
    trading(
        |facts| facts.overtaken = Some(0),
        async |world| {
            world.propose("005930");
            world.pass(30.0).await;
            let log = world.log();
            assert_eq!((posts(&log), world.facts().overtaken), (1, Some(1)), "it is brought once: {log:?}");
            assert!(!log.contains(&"ledger: abandon".to_owned()), "no new life: {log:?}");
        },
    );
}
