//! Broker under the supervisor, in virtual time.

mod books;
mod listening;
mod truth;
mod world;

use domain::messages::control::{HaltCancels, HaltLevel, HaltRecord, HaltSource};
use domain::messages::market_data::{AccountWatch, QueryError, RankingKind, RankingQuery};
use domain::messages::proof::LastTradeQuery;
use domain::messages::schedule::{DaySource, Trust};
use domain::{HaltNonce, Outcome, Refusal};

use super::*;
use domain::OrderState;
use trade_ledger::booking::BookedIntent;
use world::{begun, row, today, trading, world};

const BUY: &str = "BUY 7 KR:005930 at 70200";

fn posts(log: &[String]) -> usize {
    log.iter().filter(|line| line.starts_with("venue: POST")).count()
}

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

#[test]
fn a_halt_names_the_order_whose_post_is_on_the_wire() {
    trading(
        |facts| {
            facts.submit_takes = Duration::from_secs(3);
            facts.outcome = Outcome::Unknown("no answer".into());
        },
        async |world| {
            world.propose("005930");
            world.pass(1.0).await;
            let report = world.request_halt().await;
            assert_eq!((report.open.len(), report.unknown.len()), (0, 1));
            world.pass(3.0).await;
            assert_eq!(world.states(), [OrderState::Unknown]);
        },
    );
}

#[test]
fn invariant_10_a_halt_names_what_an_earlier_life_of_broker_left_on_the_wire() {
    trading(
        |facts| facts.submit_takes = Duration::from_secs(3),
        async |world| {
            world.propose("005930");
            world.pass(1.0).await;
            world.facts().rows = None;
            assert!(world.supervised.recycle("broker"));
            world.pass(0.5).await;
            let report = world.request_halt().await;
            assert_eq!(
                (report.broker_confirmed, report.open.len(), report.unknown.len()),
                (true, 0, 1),
                "{:?}",
                world.states()
            );
        },
    );
}

#[test]
fn a_halt_whose_broker_does_not_know_what_an_earlier_life_sent_is_not_confirmed() {
    trading(
        |facts| facts.submit_takes = Duration::from_secs(3),
        async |world| {
            world.propose("005930");
            world.pass(1.0).await;
            world.facts().rows = None;
            assert!(world.supervised.recycle("broker"));
            world.pass(0.5).await;
            world.facts().reads_fail = true;
            assert!(!world.request_halt().await.broker_confirmed);
        },
    );
}

#[test]
fn trading_starts_only_after_past_days_are_closed_and_todays_list_is_booked() {
    let yesterday = DayKey { market: Market::Kr, session_date: today().pred_opt().unwrap() };
    world(
        |facts| (facts.rows, facts.unclosed) = (None, vec![yesterday]),
        async |world| {
            world.pass(60.0).await;
            assert!(!world.gate.is_open());
            let log = world.log();
            assert!(log.iter().any(|line| line.starts_with("alarm: trading cannot start")), "{log:?}");
            world.facts().rows = Some(Vec::new());
            world.pass(31.0).await;
            assert!(world.gate.is_open());
            let log = world.log();
            assert!(
                log.contains(&format!("ledger: {} closed, 0 unsettled", yesterday.session_date)),
                "{log:?}"
            );
        },
    );
}

#[test]
fn a_restarted_broker_holds_orders_back_until_it_has_recovered() {
    trading(
        |_facts| (),
        async |world| {
            world.facts().rows = None;
            assert!(world.supervised.recycle("broker"));
            world.pass(0.5).await;
            world.propose("005930");
            world.pass(3.0).await;
            assert_eq!(world.states(), [OrderState::Approved]);
            assert_eq!(posts(&world.log()), 0, "no watermark is known yet");
            world.facts().rows = Some(Vec::new());
            world.pass(11.0).await;
            assert_eq!(posts(&world.log()), 1);
        },
    );
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
fn a_day_is_closed_again_until_everything_on_it_has_ended() {
    trading(
        |_facts| (),
        async |world| {
            world.propose("005930");
            world.facts().rows = Some(vec![row("005930", "0000000101", [2, 5])]);
            world.pass(2.0).await;
            assert_eq!(world.states(), [OrderState::Partial]);
            world.facts().rows = Some(Vec::new());
            world.facts().unclosed = vec![DayKey { market: Market::Kr, session_date: today() }];
            world.log();
            let closed = DayClosed { market: Market::Kr, session_date: today(), closed_at: begun() };
            world.day_closed.tell(closed).unwrap();
            world.pass(10.0).await;
            let unsettled = format!("ledger: {} closed, 1 unsettled", today());
            assert!(world.log().contains(&unsettled), "the list lacks an order");
            world.facts().rows = Some(vec![row("005930", "0000000101", [7, 0])]);
            world.pass(31.0).await;
            assert!(world.facts().unclosed.is_empty());
            assert_eq!(world.states(), [OrderState::Filled]);
            world.log();
            let again = DayClosed { market: Market::Kr, session_date: today(), closed_at: begun() };
            world.day_closed.tell(again).unwrap();
            world.pass(120.0).await;
            assert_eq!(world.log(), Vec::<String>::new(), "nothing is left to look at");
        },
    );
}

#[test]
fn a_day_is_not_closed_while_the_list_of_working_orders_has_one_that_the_final_list_has_ended() {
    trading(
        |_facts| (),
        async |world| {
            world.propose("005930");
            let ended = row("005930", "0000000101", [7, 0]);
            let domain::InquiryRow { order, instrument, side, .. } = ended.clone();
            let works = |number: &str| domain::WorkingOrder {
                order: domain::VenueOrderId { number: number.into(), ..order.clone() },
                instrument: instrument.clone(),
                side,
                remaining: domain::Quantity::new(3),
            };
            world.facts().rows = Some(vec![ended]);
            world.facts().working = Ok(vec![works("0000000101")]);
            world.facts().unclosed = vec![DayKey { market: Market::Kr, session_date: today() }];
            let closed = DayClosed { market: Market::Kr, session_date: today(), closed_at: begun() };
            world.day_closed.tell(closed).unwrap();
            world.pass(20.0).await;
            assert!(!world.facts().unclosed.is_empty(), "one of the two lists is wrong");
            // Nor is it closed when both show that it works: then the close is not true.
            world.facts().rows = Some(vec![row("005930", "0000000101", [4, 3])]);
            world.pass(31.0).await;
            assert!(!world.facts().unclosed.is_empty(), "both lists say that it works");
            // Nor by one list while the other could be had.
            world.facts().rows = Some(vec![row("005930", "0000000101", [7, 0])]);
            world.facts().working = Err(QueryError::Unavailable("down".into()));
            world.pass(31.0).await;
            assert!(!world.facts().unclosed.is_empty(), "the second list is asked again");
            // A stranger's order says nothing against the final list.
            world.facts().working = Ok(vec![works("0000000999")]);
            world.pass(31.0).await;
            assert!(world.facts().unclosed.is_empty());
        },
    );
}

#[test]
fn a_day_is_closed_by_its_final_list_alone_when_there_is_no_other() {
    trading(
        |facts| facts.working = Err(QueryError::NotOffered("on paper".into())),
        async |world| {
            world.facts().rows = Some(Vec::new());
            world.facts().unclosed = vec![DayKey { market: Market::Kr, session_date: today() }];
            let closed = DayClosed { market: Market::Kr, session_date: today(), closed_at: begun() };
            world.day_closed.tell(closed).unwrap();
            world.pass(10.0).await;
            assert!(world.facts().unclosed.is_empty());
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

fn cancels(log: &[String]) -> usize {
    log.iter().filter(|line| line.starts_with("venue: cancel")).count()
}

#[test]
fn a_halt_cancels_what_works_says_how_many_and_repeats_only_what_the_list_still_shows() {
    trading(
        |facts| facts.halt_cancels = true,
        async |world| {
            world.propose("005930");
            world.pass(0.5).await;
            world.facts().rows = Some(vec![row("005930", "0000000101", [2, 5])]);
            world.log();
            let report = world.request_halt().await;
            assert_eq!(report.cancels, HaltCancels::Requested(1));
            world.pass(1.0).await;
            assert_eq!(cancels(&world.log()), 1);
            world.facts().rows = None;
            world.pass(100.0).await;
            assert_eq!(cancels(&world.log()), 0, "nobody knows whether it still works");
            world.facts().rows = Some(vec![row("005930", "0000000101", [2, 5])]);
            world.pass(31.0).await;
            assert!((1..=2).contains(&cancels(&world.log())), "the list shows it working");
            world.facts().rows = Some(vec![row("005930", "0000000101", [2, 0])]);
            world.pass(61.0).await;
            assert_eq!(cancels(&world.log()), 0);
            assert_eq!(world.states(), [OrderState::Cancelled]);
        },
    );
}

/// `SELL 7 at 70200`, accepted, of this morning.
fn working_sale() -> BookedIntent {
    let mut venue_row = row("005930", "0000000101", [0, 7]);
    venue_row.side = domain::Side::Sell;
    let terms = domain::OrderTerms {
        instrument: venue_row.instrument,
        side: domain::Side::Sell,
        quantity: venue_row.ordered,
        limit: "70200".parse().unwrap(),
    };
    let intent = domain::OpenIntent {
        id: domain::IntentId::new(0, 1),
        terms,
        state: OrderState::Accepted,
        venue_order: Some(venue_row.order),
        filled: domain::Quantity::ZERO,
        sent_at: Some(begun()),
        watermark: None,
        session_date: today(),
        approved_at: begun(),
        missed_inquiries: 0,
    };
    BookedIntent { intent, amount: Default::default(), evidence: Default::default() }
}

#[test]
fn a_resume_into_reducing_lets_sales_work_that_the_halt_wanted_cancelled() {
    for into_reducing in [true, false] {
        trading(
            |facts| {
                facts.halt_cancels = true;
                facts.intents = vec![working_sale()];
                let mut shown = row("005930", "0000000101", [0, 7]);
                shown.side = domain::Side::Sell;
                facts.rows = Some(vec![shown]);
            },
            async |world| {
                assert_eq!(world.request_halt().await.cancels, HaltCancels::Requested(1));
                world.pass(1.0).await;
                assert_eq!(cancels(&world.log()), 1);
                world.resume(into_reducing).await;
                world.pass(110.0).await;
                assert_eq!(cancels(&world.log()), 0, "into reducing: {into_reducing}");
            },
        );
    }
}

#[test]
fn a_halt_leaves_working_orders_alone_unless_the_operator_wants_otherwise() {
    trading(
        |_facts| (),
        async |world| {
            world.propose("005930");
            world.pass(0.5).await;
            world.facts().rows = Some(vec![row("005930", "0000000101", [2, 5])]);
            world.log();
            assert_eq!(world.request_halt().await.cancels, HaltCancels::NotWanted);
            world.pass(60.0).await;
            assert_eq!(cancels(&world.log()), 0);
        },
    );
}

#[test]
fn invariant_10_a_halt_of_another_process_that_refuses_a_permit_is_known_to_riskguard_at_once() {
    trading(
        |facts| facts.prepare_takes = Duration::from_secs(2),
        async |world| {
            world.propose("005930");
            world.pass(1.0).await;
            {
                let mut facts = world.facts();
                let level = HaltLevel::Halted;
                let (id, by, reason) = ("h-9".into(), "risk_guard".into(), "the overtaken one".into());
                let (source, nonce) = (HaltSource::Supervision, HaltNonce::default());
                facts.halts.push(HaltRecord { id, at: begun(), source, by, reason, level, nonce });
                facts.halt_epoch += 1;
            }
            world.pass(2.0).await;
            let log = world.log();
            assert_eq!(posts(&log), 0, "{log:?}");
            assert_eq!(world.standing().await, ["h-9"]);
            assert!(!world.gate.is_open());
            world.resume(false).await;
            world.propose("000660");
            world.pass(3.0).await;
            assert_eq!(posts(&world.log()), 1, "lifted as any other");
        },
    );
}

#[test]
fn invariant_11_clocks_that_differ_stop_orders_at_once_and_halt_once() {
    trading(
        |facts| facts.skew = Some(TimeDelta::seconds(-40)),
        async |world| {
            world.propose("005930");
            world.pass(1.0).await;
            world.propose("000660");
            world.pass(60.0).await;
            let log = world.log();
            assert_eq!(posts(&log), 0, "{log:?}");
            assert_eq!(log.iter().filter(|line| *line == "ledger: halt by clock_skew").count(), 1, "{log:?}");
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
fn invariant_11_a_clock_that_jumped_ahead_closes_no_day_whose_orders_still_work() {
    let day = DayKey { market: Market::Kr, session_date: today() };
    trading(
        |_facts| (),
        async |world| {
            world.propose("005930");
            world.facts().rows = Some(vec![row("005930", "0000000101", [2, 5])]);
            world.pass(2.0).await;
            world.facts().unclosed = vec![day];
            // Our clock went a day ahead; one answer of the exchange has shown it so far.
            world.facts().doubt = Some(TimeDelta::hours(-24));
            let closed = DayClosed { market: day.market, session_date: day.session_date, closed_at: begun() };
            world.day_closed.tell(closed).unwrap();
            world.pass(60.0).await;
            assert_eq!((world.states(), world.facts().unclosed.len()), (vec![OrderState::Partial], 1));
            world.facts().doubt = None;
            world.facts().rows = Some(vec![row("005930", "0000000101", [7, 0])]);
            world.pass(31.0).await;
            assert_eq!((world.states(), world.facts().unclosed.len()), (vec![OrderState::Filled], 0));
        },
    );
}

#[test]
fn invariant_04_a_day_that_was_over_by_a_clock_that_is_set_right_since_is_closed_only_at_its_end() {
    trading(
        |_facts| (),
        async |world| {
            world.propose("005930");
            world.facts().rows = Some(vec![row("005930", "0000000101", [7, 0])]);
            world.pass(2.0).await;
            let day = DayKey { market: Market::Kr, session_date: today() };
            world.facts().unclosed = vec![day];
            let closed_at = world.clock.now() + TimeDelta::minutes(10);
            let closed = DayClosed { market: day.market, session_date: day.session_date, closed_at };
            world.day_closed.tell(closed).unwrap();
            world.pass(590.0).await;
            assert_eq!(world.facts().unclosed, [day], "the session goes on");
            world.pass(60.0).await;
            assert!(world.facts().unclosed.is_empty());
        },
    );
}

#[test]
fn invariant_19_what_is_seen_while_an_order_waits_for_its_turn_stops_it_too() {
    trading(
        |_facts| (),
        async |world| {
            world.facts().doubt_after_turn = Some(TimeDelta::hours(-24));
            world.propose("005930");
            world.pass(2.0).await;
            assert_eq!((posts(&world.log()), world.states()), (0, vec![OrderState::Refused]));
        },
    );
}

#[test]
fn invariant_19_no_order_leaves_once_a_single_answer_shows_that_our_clock_jumped() {
    trading(
        |_facts| (),
        async |world| {
            world.facts().doubt = Some(TimeDelta::hours(-24));
            world.propose("005930");
            world.pass(2.0).await;
            assert_eq!((posts(&world.log()), world.states()), (0, vec![OrderState::Refused]));
            world.facts().doubt = None;
            world.propose("005930");
            world.pass(2.0).await;
            assert_eq!(posts(&world.log()), 1);
        },
    );
}

#[test]
fn a_single_odd_date_has_the_exchange_asked_once_more_and_the_order_leaves_when_that_is_right() {
    for (answers, sent) in [(1, 1), (2, 0)] {
        trading(
            |_facts| (),
            async |world| {
                (world.facts().doubt, world.facts().doubt_for) = (Some(TimeDelta::seconds(9)), Some(answers));
                world.propose("005930");
                world.pass(2.0).await;
                assert_eq!(posts(&world.log()), sent, "{answers}");
            },
        );
    }
}

#[test]
fn invariant_11_clocks_that_differ_halt_within_a_minute_although_no_order_is_approved_any_more() {
    trading(
        |facts| facts.guard_sees_clock = true,
        async |world| {
            world.facts().skew = Some(TimeDelta::seconds(9));
            world.pass(61.0).await;
            let halts =
                |log: &[String]| log.iter().filter(|line| *line == "ledger: halt by clock_skew").count();
            assert_eq!(halts(&world.log()), 1);
            world.facts().skew = None;
            world.pass(61.0).await;
            world.facts().skew = Some(TimeDelta::seconds(11));
            world.pass(61.0).await;
            assert_eq!(halts(&world.log()), 0, "it stands already");
            world.resume(false).await;
            world.pass(61.0).await;
            assert_eq!(halts(&world.log()), 1, "a resume that came too early does not last");
        },
    );
}

#[test]
fn invariant_11_a_clock_in_doubt_uses_up_no_approval_and_a_clock_that_is_wrong_halts_with_the_first_wish() {
    trading(
        |facts| facts.guard_sees_clock = true,
        async |world| {
            world.facts().doubt = Some(TimeDelta::seconds(9));
            world.propose("005930");
            world.pass(2.0).await;
            assert_eq!(world.states(), [], "the answer after it was odd too");
            (world.facts().doubt, world.facts().skew) = (None, Some(TimeDelta::seconds(9)));
            world.propose("005930");
            world.pass(2.0).await;
            let log = world.log();
            assert_eq!((world.states(), posts(&log)), (vec![], 0));
            assert!(log.iter().any(|line| line == "ledger: halt by clock_skew"), "{log:?}");
        },
    );
}

#[test]
fn invariant_11_a_start_with_the_date_ahead_takes_no_day_for_a_past_one() {
    let live = DayKey { market: Market::Kr, session_date: today().pred_opt().unwrap() };
    world(
        |facts| (facts.unclosed, facts.doubt) = (vec![live], Some(TimeDelta::hours(-24))),
        async |world| {
            world.pass(60.0).await;
            assert!(!world.gate.is_open());
            assert_eq!(world.facts().unclosed, [live]);
            let log = world.log();
            assert!(log.iter().any(|line| line.contains("the clocks differ")), "{log:?}");
            world.facts().doubt = None;
            world.pass(31.0).await;
            assert!(world.gate.is_open());
            assert!(world.facts().unclosed.is_empty());
        },
    );
}

#[test]
fn a_day_that_stays_open_is_told_with_the_command_that_ends_it() {
    trading(
        |_facts| (),
        async |world| {
            world.propose("005930");
            world.facts().rows = Some(vec![row("005930", "0000000101", [2, 5])]);
            world.pass(2.0).await;
            world.facts().rows = Some(Vec::new());
            world.facts().unclosed = vec![DayKey { market: Market::Kr, session_date: today() }];
            let closed = DayClosed { market: Market::Kr, session_date: today(), closed_at: begun() };
            world.day_closed.tell(closed).unwrap();
            world.pass(900.0).await;
            let intent = world.facts().intents[0].intent.id.clone();
            let command = format!("kestrel resolve {intent} --none --reason");
            let log = world.log();
            assert!(log.iter().any(|line| line.starts_with("alarm: ") && line.contains(&command)), "{log:?}");
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
fn while_kis_settles_its_ledger_no_list_and_no_balance_is_asked_for_and_a_start_waits() {
    trading(
        |facts| facts.starts_at = "2026-11-24T14:39:00Z".parse().unwrap(),
        async |world| {
            let paused = |now: DateTime<Utc>| domain::is_ledger_pause(now);
            world.pass(60.0).await;
            assert!(paused(world.clock.now()));
            std::mem::take(&mut world.facts().log);
            assert!(world.supervised.recycle("broker"));
            world.pass(25.0 * 60.0).await;
            assert!(paused(world.clock.now()));
            assert_eq!(std::mem::take(&mut world.facts().log), [""; 0], "nobody asks the ledger");
            world.pass(10.0 * 60.0).await;
            assert!(world.facts().log.contains(&"venue: account".to_owned()), "and then it is asked");
        },
    );
}

#[test]
fn what_is_asked_before_kis_settles_its_ledger_and_answered_in_the_middle_of_it_is_not_believed() {
    let paused_at: DateTime<Utc> = "2026-11-24T14:40:00Z".parse().unwrap();
    for restarts in [false, true] {
        trading(
            |facts| {
                facts.outcome = Outcome::Unknown("lost".into());
                facts.starts_at = paused_at - TimeDelta::seconds(30);
            },
            async |world| {
                world.propose("005930");
                world.pass(1.0).await;
                assert_eq!(world.states(), [OrderState::Unknown]);
                world.facts().reads_take = Duration::from_secs(40);
                if restarts {
                    assert!(world.supervised.recycle("broker"));
                }
                world.pass(20.0 * 60.0).await;
                let last = world.facts().believed_at.last().copied().unwrap();
                assert!(last < paused_at, "{restarts}: {last}");
                world.facts().reads_take = Duration::ZERO;
                world.pass(20.0 * 60.0).await;
                let last = world.facts().believed_at.last().copied().unwrap();
                assert!(last > paused_at + TimeDelta::minutes(30), "{restarts}: {last}");
                assert!(world.gate.is_open());
            },
        );
    }
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
