//! What a halt is told, and what it cancels.

use super::*;

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
            // Its next life hears the halt before the books take that the order is nobody's any more.
            world.facts().abandons_fail = true;
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
fn a_halt_that_was_asked_to_cancels_although_the_setting_does_not_and_no_other_halt_does() {
    trading(
        |facts| facts.intents = vec![working_sale()],
        async |world| {
            let mut shown = row("005930", "0000000101", [0, 7]);
            shown.side = domain::Side::Sell;
            world.facts().rows = Some(vec![shown]);
            assert_eq!(world.request_halt_for("a look", false).await.cancels, HaltCancels::NotWanted);
            // All of it before the order is too old anyway.
            world.pass(25.0).await;
            assert_eq!(cancels(&world.log()), 0);
            let report = world.request_halt_for("take it back", true).await;
            assert_eq!((report.cancels, report.record.cancel_open), (HaltCancels::Requested(1), true));
            world.pass(1.0).await;
            assert_eq!(cancels(&world.log()), 1);
            world.pass(40.0).await;
            assert!(cancels(&world.log()) >= 1, "the list still shows it");
            // Trading stays halted by the first, which leaves orders alone.
            world.lift(report.record).await;
            world.pass(1.0).await;
            world.log();
            world.pass(40.0).await;
            assert_eq!(cancels(&world.log()), 0, "{:?}", world.standing().await);
        },
    );
}

#[test]
fn a_halt_in_the_books_that_cancels_goes_on_cancelling_in_every_life_until_nothing_works() {
    world(
        |facts| {
            let (id, by, reason) = ("h-1".into(), "kim".into(), "take it back".into());
            let (source, level, nonce) = (HaltSource::Operator, HaltLevel::Halted, HaltNonce::default());
            let at = begun();
            facts.halts = vec![HaltRecord { id, at, source, by, reason, level, nonce, cancel_open: true }];
            facts.halt_epoch = 1;
            facts.intents = vec![working_sale()];
            let mut shown = row("005930", "0000000101", [0, 7]);
            shown.side = domain::Side::Sell;
            facts.rows = Some(vec![shown]);
        },
        async |world| {
            world.pass(3.0).await;
            assert_eq!(cancels(&world.log()), 1, "nobody asked again");
            assert!(world.supervised.recycle("broker"));
            world.pass(3.0).await;
            assert_eq!(cancels(&world.log()), 1, "a new life of Broker");
            let mut gone = row("005930", "0000000101", [0, 0]);
            gone.side = domain::Side::Sell;
            world.facts().rows = Some(vec![gone]);
            world.pass(61.0).await;
            world.log();
            world.pass(120.0).await;
            assert_eq!((cancels(&world.log()), world.states()), (0, vec![OrderState::Cancelled]));
        },
    );
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
                facts.halts.push(HaltRecord {
                    id,
                    at: begun(),
                    source,
                    by,
                    reason,
                    level,
                    nonce,
                    cancel_open: false,
                });
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
