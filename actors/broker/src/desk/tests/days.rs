//! Days that are closed, and days that are not.

use super::*;

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
