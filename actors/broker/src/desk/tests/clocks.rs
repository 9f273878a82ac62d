//! Clocks that differ from the exchange's.

use super::*;

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
    // RiskGuard has the account read once for the day's first purchase, and Broker once more for the odd answer.
    for (answers, sent) in [(2, 1), (3, 0)] {
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
